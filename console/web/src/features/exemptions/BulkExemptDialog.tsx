import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, MessageBar, MessageBarBody,
} from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactElement } from "react";
import { api } from "../../api/client";
import { queryClient, refetchEverything } from "../../api/queries";
import type { ExemptionsAdded, NewExemptions, Overview } from "../../api/types";
import { useSay } from "../../components/useSay";
import { plural, sentence, shorten } from "../../lib/format";
import { scoreChange } from "../../lib/score";
import { useDecision } from "./DecisionFields";

export interface BulkSubject {
  recommendation: string;
  title: string;
  /** How many resources the decision covers. */
  count: number;
  which: Pick<NewExemptions, "resources" | "matching">;
  /** Some of their names, or what they were found by. */
  what: string;
}

/** Sets a recommendation aside on many resources with one decision. */
export function BulkExemptDialog({ trigger, subject, onDone }: { trigger: ReactElement; subject: BulkSubject; onDone: () => void }) {
  const [isOpen, setIsOpen] = useState(false);
  const close = () => {
    setIsOpen(false);
    onDone();
  };
  return (
    <Dialog open={isOpen} onOpenChange={(_, data) => setIsOpen(data.open)}>
      <DialogTrigger disableButtonEnhancement>{trigger}</DialogTrigger>
      <DialogSurface>{isOpen && <BulkForm subject={subject} onDone={close} />}</DialogSurface>
    </Dialog>
  );
}

async function exempt(exemptions: NewExemptions): Promise<{ title: string; change: string }> {
  const before = await queryClient.fetchQuery({ queryKey: ["overview"], queryFn: () => api.get<Overview>("/overview") });
  const added = await api.post<ExemptionsAdded>("/exemptions/bulk", exemptions);
  const after = await refetchEverything();
  const left = added.notApplicable > 0 ? ` ${plural(added.notApplicable, "resource")} needed none.` : "";
  return { title: `${plural(added.created, "resource")} exempted`, change: `${scoreChange(before.secureScore, after.secureScore)}${left}` };
}

function BulkForm({ subject, onDone }: { subject: BulkSubject; onDone: () => void }) {
  const say = useSay();
  const { fields, decide } = useDecision();
  const saving = useMutation({
    mutationFn: exempt,
    onSuccess: ({ title, change }) => {
      say(title, change);
      onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const decision = decide();
    if (decision) saving.mutate({ recommendation: subject.recommendation, ...subject.which, ...decision });
  };
  const count = plural(subject.count, "resource");
  return (
    <form onSubmit={submit} noValidate>
      <DialogBody>
        <DialogTitle>Exempt {count}</DialogTitle>
        <DialogContent className="stack wide">
          <p>
            <strong>{subject.title}</strong><br />
            <span className="muted"><bdi>{shorten(subject.what, 300)}</bdi></span>
          </p>
          {fields}
          {saving.error && <MessageBar intent="error"><MessageBarBody>{sentence(saving.error.message)} Nothing was exempted.</MessageBarBody></MessageBar>}
        </DialogContent>
        <DialogActions>
          <DialogTrigger disableButtonEnhancement><Button disabled={saving.isPending}>Cancel</Button></DialogTrigger>
          <Button type="submit" appearance="primary" className="nowrap" disabled={saving.isPending}>{saving.isPending ? "Exempting…" : `Exempt ${count}`}</Button>
        </DialogActions>
      </DialogBody>
    </form>
  );
}
