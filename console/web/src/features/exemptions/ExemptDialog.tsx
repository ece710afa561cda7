import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, Field, MessageBar, MessageBarBody, Radio, RadioGroup,
} from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useId, useState, type FormEvent, type ReactElement } from "react";
import { api } from "../../api/client";
import { useMayEverywhere } from "../../api/peopleQueries";
import { queryClient, refetchEverything } from "../../api/queries";
import type { Exemption, NewExemption, Overview } from "../../api/types";
import { useSay } from "../../components/useSay";
import { EXEMPTIONS_WRITE } from "../../lib/actions";
import { sentence, shorten } from "../../lib/format";
import { scoreChange } from "../../lib/score";
import { useDecision } from "./DecisionFields";

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
  const mayEverywhere = useMayEverywhere()(EXEMPTIONS_WRITE);
  const [reach, setReach] = useState<Reach>(resource ? "resource" : "tenant");
  const { fields, decide } = useDecision();
  const saving = useMutation({
    mutationFn: exempt,
    onSuccess: (change) => {
      say("Exemption added", change);
      onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const decision = decide();
    if (!decision) return;
    saving.mutate({
      recommendation: subject.recommendation,
      finding: finding?.id,
      scope: reach === "resource" && resource ? { kind: "resource", id: resource.id } : { kind: "tenant" },
      ...decision,
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
          {resource && !mayEverywhere && <p>This sets it aside on this resource only: <strong><bdi>{shorten(resource.name || resource.id, 120)}</bdi></strong>.</p>}
          {resource && mayEverywhere && (
            <Field label="Where">
              <RadioGroup value={reach} onChange={(_, data) => setReach(data.value as Reach)}>
                <Radio value="resource" label={<>On this resource only: <strong>{shorten(resource.name || resource.id, 120)}</strong></>} />
                <Radio value="tenant" label="Everywhere, on every resource now and later" />
              </RadioGroup>
            </Field>
          )}
          {!resource && <p>This sets it aside everywhere, on every resource now and later.</p>}
          {fields}
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
