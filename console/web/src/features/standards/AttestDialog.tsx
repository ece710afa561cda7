import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, Field, Input, MessageBar, MessageBarBody, Radio, RadioGroup, Select, Textarea,
} from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactElement } from "react";
import { api } from "../../api/client";
import { useMayEverywhere } from "../../api/peopleQueries";
import { queryClient, useOverview } from "../../api/queries";
import type { ComplianceControl } from "../../api/complianceTypes";
import type { Attestation, AttestationScope, AttestedState, NewAttestation } from "../../api/standardTypes";
import { useSay } from "../../components/useSay";
import { ATTESTATIONS_WRITE } from "../../lib/actions";
import { evidenceOf, problemsOfAttestation, today } from "../../lib/attestations";
import { endOfDay, tomorrow } from "../../lib/dates";
import { sentence } from "../../lib/format";

interface Props {
  trigger: ReactElement;
  standard: string;
  control: ComplianceControl;
}

/** Says what was found about a control that nothing checks automatically. */
export function AttestDialog({ trigger, standard, control }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <Dialog open={isOpen} onOpenChange={(_, data) => setIsOpen(data.open)}>
      <DialogTrigger disableButtonEnhancement>{trigger}</DialogTrigger>
      <DialogSurface>{isOpen && <AttestForm standard={standard} control={control} onDone={() => setIsOpen(false)} />}</DialogSurface>
    </Dialog>
  );
}

function AttestForm({ standard, control, onDone }: { standard: string; control: ComplianceControl; onDone: () => void }) {
  const say = useSay();
  const [state, setState] = useState<AttestedState>("Passed");
  const [draft, setDraft] = useState({ text: "", links: "", day: today(), expires: "" });
  const mayEverywhere = useMayEverywhere()(ATTESTATIONS_WRITE);
  // The number of an account, or nothing for the whole installation.
  const [scope, setScope] = useState(mayEverywhere ? "" : "0");
  const [isChecked, setIsChecked] = useState(false);
  const accounts = useOverview().data?.subscriptions ?? [];
  const saving = useMutation({
    mutationFn: (body: NewAttestation) => api.post<Attestation>(`/compliance/${encodeURIComponent(standard)}/attestations`, body),
    onSuccess: async () => {
      say("Attested", `${control.id} ${control.title}`);
      onDone();
      await queryClient.invalidateQueries({ queryKey: ["compliance"] });
    },
  });
  const problems = problemsOfAttestation(draft);
  const shown = isChecked ? problems : {};
  const change = (changes: Partial<typeof draft>) => setDraft({ ...draft, ...changes });
  const scopeOf = (): AttestationScope => {
    const account = accounts[Number(scope)];
    return scope && account ? { kind: "subscription", connector: account.connector, account: account.account } : { kind: "tenant" };
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (Object.keys(problems).length > 0) return;
    saving.mutate({
      control: control.id, scope: scopeOf(), state, evidence: evidenceOf(draft), assessedOn: draft.day,
      expiresAt: draft.expires ? endOfDay(draft.expires) : undefined,
    });
  };
  return (
    <form onSubmit={submit} noValidate>
      <DialogBody>
        <DialogTitle>Attest a control</DialogTitle>
        <DialogContent className="stack wide">
          <p><strong>{control.id}</strong> {control.title}{control.manual && <><br /><span className="muted">{control.manual}</span></>}</p>
          <Field label="What was found">
            <RadioGroup layout="horizontal" value={state} onChange={(_, data) => setState(data.value as AttestedState)}>
              <Radio value="Passed" label="Passed" />
              <Radio value="Failed" label="Failed" />
              <Radio value="NotApplicable" label="Not applicable" />
            </RadioGroup>
          </Field>
          <Field label="Evidence" validationMessage={shown.text}>
            <Textarea value={draft.text} maxLength={8000} rows={4} onChange={(_, data) => change({ text: data.value })} />
          </Field>
          <Field label="Links" hint="Addresses with https, one a line." validationMessage={shown.links}>
            <Textarea value={draft.links} rows={2} onChange={(_, data) => change({ links: data.value })} />
          </Field>
          <div className="two-fields">
            <Field label="Assessed on" required validationMessage={shown.day}>
              <Input type="date" max={today()} value={draft.day} onChange={(_, data) => change({ day: data.value })} />
            </Field>
            <Field label="Expires on" hint="Then the control has to be looked at again." validationMessage={shown.expires}>
              <Input type="date" min={tomorrow()} value={draft.expires} onChange={(_, data) => change({ expires: data.value })} />
            </Field>
          </div>
          {(accounts.length > 1 || !mayEverywhere) && (
            <Field label="For">
              <Select value={scope} onChange={(_, data) => setScope(data.value)}>
                {mayEverywhere && <option value="">The whole installation</option>}
                {accounts.map((one, index) => <option key={`${one.connector} ${one.account}`} value={String(index)}>Account {one.account} of {one.connector}</option>)}
              </Select>
            </Field>
          )}
          {saving.error && <MessageBar intent="error"><MessageBarBody>{sentence(saving.error.message)}</MessageBarBody></MessageBar>}
        </DialogContent>
        <DialogActions>
          <DialogTrigger disableButtonEnhancement><Button disabled={saving.isPending}>Cancel</Button></DialogTrigger>
          <Button type="submit" appearance="primary" disabled={saving.isPending}>{saving.isPending ? "Saving…" : "Attest"}</Button>
        </DialogActions>
      </DialogBody>
    </form>
  );
}
