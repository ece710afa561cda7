import { Button, Checkbox, Field, Input, Select, Switch, Textarea } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { queryClient } from "../../api/queries";
import { useMay } from "../../api/peopleQueries";
import { saveContact, useContact, useScopeChoices } from "../../api/planQueries";
import type { ContactProperties } from "../../api/planTypes";
import { FieldGroup } from "../../components/FieldGroup";
import { FilterSelect } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { LacksNote, Problem } from "../../components/Problem";
import { useSay } from "../../components/useSay";
import { ALERT_SEVERITIES, contactDraftOf, contactOf, contactProblem, CONTACT_ROLES, PATH_RISKS } from "../../lib/contacts";
import { words } from "../../lib/format";
import { CONTACTS_WRITE } from "../../lib/actions";
import type { ScopeChoice } from "../../lib/scopes";
import { useUrlState } from "../../lib/useUrlState";

/** Who is told of alerts, by subscription. */
export function ContactsCard() {
  const choices = useScopeChoices();
  return (
    <section className="card stack wide" aria-label="Contacts">
      <div className="stack" style={{ gap: 2 }}>
        <h2>Contacts</h2>
        <p className="muted">Who is to be told of what happens in a subscription. They are kept as Azure keeps them; this version sends no mail yet.</p>
      </div>
      <Loaded query={choices} rows={4}>
        {(all) => {
          const subscriptions = all.filter((choice) => choice.kind === "subscription");
          return subscriptions.length === 0 ? <EmptyNote title="There is no subscription yet"><p>Connect an environment with <code>skywarden connect</code>.</p></EmptyNote> : <Contacts subscriptions={subscriptions} />;
        }}
      </Loaded>
    </section>
  );
}

function Contacts({ subscriptions }: { subscriptions: readonly ScopeChoice[] }) {
  const { values, set } = useUrlState(["subscription"]);
  const chosen = values.subscription || subscriptions[0]?.id || "";
  const query = useContact(chosen);
  const canWrite = useMay()(CONTACTS_WRITE);
  return (
    <>
      <div className="filters roomy">
        <FilterSelect
          label="Subscription" value={chosen === subscriptions[0]?.id ? "" : chosen} all={subscriptions[0]?.title}
          choices={subscriptions.slice(1).map((choice) => ({ value: choice.id, label: choice.title }))} onChange={(subscription) => set({ subscription })}
        />
      </div>
      <Loaded query={query} rows={4}>{(known) => canWrite ? <ContactForm key={chosen} subscription={chosen} known={known} /> : <ContactFacts known={known} />}</Loaded>
      {!canWrite && <LacksNote action={CONTACTS_WRITE} what="change the contacts" />}
    </>
  );
}

function ContactForm({ subscription, known }: { subscription: string; known: ContactProperties | null }) {
  const say = useSay();
  const [draft, setDraft] = useState(() => contactDraftOf(known));
  const [isChecked, setIsChecked] = useState(false);
  const problem = contactProblem(draft);
  const set = (changes: Partial<typeof draft>) => setDraft({ ...draft, ...changes });
  const saving = useMutation({
    mutationFn: () => saveContact(subscription, contactOf(draft)),
    onSuccess: ({ properties }) => {
      queryClient.setQueryData(["contact", subscription], properties);
      say("Contacts saved");
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (!problem) saving.mutate();
  };
  const toggle = (role: string) => set({ roles: draft.roles.includes(role) ? draft.roles.filter((one) => one !== role) : [...draft.roles, role] });
  return (
    <form className="stack wide" onSubmit={submit} noValidate aria-label="Contacts of the subscription">
      {!known && <p className="small muted">Nothing is set for this subscription yet.</p>}
      <Switch checked={draft.isEnabled} label={draft.isEnabled ? "Notifications are on" : "Notifications are off"} onChange={(_, data) => set({ isEnabled: data.checked })} />
      <div className="two-fields">
        <Field label="E-mail addresses" hint="One a line." validationMessage={isChecked ? problem : undefined}>
          <Textarea value={draft.emails} rows={3} resize="vertical" spellCheck={false} onChange={(_, data) => set({ emails: data.value })} />
        </Field>
        <Field label="Phone"><Input type="tel" value={draft.phone} maxLength={64} autoComplete="off" onChange={(_, data) => set({ phone: data.value })} /></Field>
      </div>
      <FieldGroup label="Also everybody who is">
        <div className="row">
          {CONTACT_ROLES.map((role) => <Checkbox key={role} label={words(role)} checked={draft.roles.includes(role)} onChange={() => toggle(role)} />)}
        </div>
      </FieldGroup>
      <div className="two-fields">
        <Least label="Alerts from this severity on" value={draft.alerts} choices={ALERT_SEVERITIES} onChange={(alerts) => set({ alerts })} />
        <Least label="Attack paths from this risk on" value={draft.paths} choices={PATH_RISKS} onChange={(paths) => set({ paths })} />
      </div>
      <Problem text={saving.error?.message} />
      <div><Button type="submit" appearance="primary" disabled={saving.isPending}>{saving.isPending ? "Saving…" : "Save"}</Button></div>
    </form>
  );
}

function ContactFacts({ known }: { known: ContactProperties | null }) {
  if (!known) return <p className="muted">Nothing is set for this subscription.</p>;
  const draft = contactDraftOf(known);
  return (
    <dl className="facts">
      <dt>Notifications</dt><dd>{draft.isEnabled ? "On" : "Off"}</dd>
      <dt>E-mail addresses</dt><dd className="pre-wrap"><bdi>{draft.emails || "None"}</bdi></dd>
      <dt>Phone</dt><dd><bdi>{draft.phone || "None"}</bdi></dd>
      <dt>Also everybody who is</dt><dd>{draft.roles.map(words).join(", ") || "Nobody"}</dd>
      <dt>Alerts from</dt><dd>{draft.alerts || "None"}</dd>
      <dt>Attack paths from</dt><dd>{draft.paths || "None"}</dd>
    </dl>
  );
}

function Least({ label, value, choices, onChange }: { label: string; value: string; choices: readonly string[]; onChange: (value: string) => void }) {
  return (
    <Field label={label}>
      <Select value={value} onChange={(_, data) => onChange(data.value)}>
        <option value="">None</option>
        {choices.map((choice) => <option key={choice} value={choice}>{choice}</option>)}
      </Select>
    </Field>
  );
}
