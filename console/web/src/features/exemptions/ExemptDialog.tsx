import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, Field, Input, MessageBar, MessageBarBody,
  Radio, RadioGroup, Textarea,
} from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useId, useState, type FormEvent, type ReactElement } from "react";
import { api } from "../../api/client";
import { queryClient, refetchEverything } from "../../api/queries";
import type { Exemption, ExemptionCategory, NewExemption, Overview } from "../../api/types";
import { useSay } from "../../components/useSay";
import { endOfDay, tomorrow } from "../../lib/dates";
import { sentence, shorten } from "../../lib/format";
import { scoreChange } from "../../lib/score";

interface Subject {
  recommendation: string;
  title: string;
  resource?: { id: string; name: string };
  finding?: { id: string; title: string };
}

type Reach = "resource" | "tenant";

/** Sets a recommendation, or one finding of it, aside on one resource or everywhere. */
export function ExemptDialog({ trigger, subject }: { trigger: ReactElement; subject: Subject }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Dialog open={isOpen} onOpenChange={(_, data) => setIsOpen(data.open)}>
      <DialogTrigger disableButtonEnhancement>{trigger}</DialogTrigger>
      <DialogSurface>
        {isOpen && <ExemptForm subject={subject} onDone={() => setIsOpen(false)} />}
      </DialogSurface>
    </Dialog>
  );
}

async function exempt(exemption: NewExemption): Promise<string> {
  const before = await queryClient.fetchQuery({ queryKey: ["overview"], queryFn: () => api.get<Overview>("/overview") });
  await api.post<Exemption>("/exemptions", exemption);
  const after = await refetchEverything();
  return scoreChange(before.secureScore, after.secureScore);
}

function ExemptForm({ subject, onDone }: { subject: Subject; onDone: () => void }) {
  const { resource, finding } = subject;
  const formId = useId();
  const say = useSay();
  const [reach, setReach] = useState<Reach>(resource ? "resource" : "tenant");
  const [category, setCategory] = useState<ExemptionCategory>("Waiver");
  const [reason, setReason] = useState("");
  const [expires, setExpires] = useState("");
  const [isChecked, setIsChecked] = useState(false);
  const saving = useMutation({
    mutationFn: exempt,
    onSuccess: (change) => {
      say("Exemption added", change);
      onDone();
    },
  });
  const problem = reason.trim() ? undefined : "Give a reason, so that others understand this later.";
  const dateProblem = expires && expires < tomorrow() ? "Choose a day from tomorrow on." : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (problem || dateProblem) return;
    saving.mutate({
      recommendation: subject.recommendation,
      finding: finding?.id,
      scope: reach === "resource" && resource ? { kind: "resource", id: resource.id } : { kind: "tenant" },
      category,
      reason: reason.trim(),
      expiresAt: expires ? endOfDay(expires) : undefined,
    });
  };
  return (
    <form id={formId} onSubmit={submit} noValidate>
      <DialogBody>
        <DialogTitle>{finding ? "Exempt a finding" : "Exempt from a recommendation"}</DialogTitle>
        <DialogContent className="stack wide">
          <p>
            <strong>{finding?.title ?? subject.title}</strong>
            {finding && <><br /><span className="muted">in {subject.title}</span></>}
          </p>
          {resource ? (
            <Field label="Where">
              <RadioGroup value={reach} onChange={(_, data) => setReach(data.value as Reach)}>
                <Radio value="resource" label={<>On this resource only: <strong>{shorten(resource.name || resource.id, 120)}</strong></>} />
                <Radio value="tenant" label="Everywhere, on every resource now and later" />
              </RadioGroup>
            </Field>
          ) : (
            <p>This sets it aside everywhere, on every resource now and later.</p>
          )}
          <Field label="Why it does not have to be mended">
            <RadioGroup value={category} onChange={(_, data) => setCategory(data.value as ExemptionCategory)}>
              <Radio value="Waiver" label={<><strong>Waiver</strong>: we accept the risk. The resource no longer counts here.</>} />
              <Radio value="Mitigated" label={<><strong>Mitigated</strong>: something that Skywarden cannot see protects it.</>} />
            </RadioGroup>
          </Field>
          <Field label="Reason" required validationMessage={isChecked ? problem : undefined}>
            <Textarea value={reason} maxLength={1000} rows={3} onChange={(_, data) => setReason(data.value)} />
          </Field>
          <Field label="Expires on" hint="Leave empty for an exemption without end." validationMessage={dateProblem}>
            <Input type="date" min={tomorrow()} value={expires} onChange={(_, data) => setExpires(data.value)} />
          </Field>
          {saving.error && <MessageBar intent="error"><MessageBarBody>{sentence(saving.error.message)}</MessageBarBody></MessageBar>}
        </DialogContent>
        <DialogActions>
          <DialogTrigger disableButtonEnhancement><Button disabled={saving.isPending}>Cancel</Button></DialogTrigger>
          <Button type="submit" appearance="primary" disabled={saving.isPending}>{saving.isPending ? "Adding…" : "Add exemption"}</Button>
        </DialogActions>
      </DialogBody>
    </form>
  );
}
