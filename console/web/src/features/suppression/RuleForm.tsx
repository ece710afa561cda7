import { Button, Field, Input, Select, Switch, Textarea } from "@fluentui/react-components";
import { Add16Regular, Delete16Regular } from "@fluentui/react-icons";
import { useId, useState } from "react";
import { saveRule } from "../../api/alertQueries";
import type { AlertDetail } from "../../api/alertTypes";
import { FieldGroup } from "../../components/FieldGroup";
import { DialogForm } from "../../components/FormDialog";
import { useSay } from "../../components/useSay";
import { tomorrow } from "../../lib/dates";
import { entityTitle } from "../../lib/alerts";
import { shorten } from "../../lib/format";
import { shortName } from "../../lib/ids";
import {
  candidatesOf, EMPTY_CONDITION, hasProblem, KNOWN_FIELDS, problemsOf, propertiesOf, type ConditionDraft, type OwnedRule, type RuleDraft, type RuleProblems,
} from "../../lib/suppression";
import { RulePreview } from "./RulePreview";
import { useDetections } from "./useDetections";
import { useSubscriptions } from "./useSubscriptions";

interface Props {
  title: string;
  draft: RuleDraft;
  /** The rule that is changed: its name and its place stay. */
  changed?: OwnedRule;
  /** The alert that the rule is to be like. */
  like?: AlertDetail;
  /** Rules whose names are taken. */
  others: readonly OwnedRule[];
  onDone: () => void;
}

/** Makes or changes a rule that dismisses alerts as they come. */
export function RuleForm({ title, draft: first, changed, like, others, onDone }: Props) {
  const say = useSay();
  const [draft, setDraft] = useState(first);
  const [isChecked, setIsChecked] = useState(false);
  const set = (changes: Partial<RuleDraft>) => setDraft({ ...draft, ...changes });
  const problems = problemsOf(draft, changed ? [] : others);
  const isReady = () => {
    setIsChecked(true);
    return !hasProblem(problems);
  };
  const save = async () => {
    await saveRule(draft.subscription, draft.name.trim(), propertiesOf(draft));
    onDone();
    say(changed ? "Suppression rule changed" : "Suppression rule made", draft.isOn ? "Alerts that it fits are dismissed as they come. Those that are there stay as they are." : "It is off: nothing is dismissed by it.");
  };
  const shown: RuleProblems = isChecked ? problems : { conditions: [], expires: problems.expires };
  return (
    <DialogForm title={title} action={changed ? "Save" : "Make the rule"} isReady={isReady} onSubmit={save}>
      <Place draft={draft} isFixed={changed !== undefined || like !== undefined} problem={shown.subscription} onChange={(subscription) => set({ subscription })} />
      <div className="two-fields">
        <Field label="Name" required validationMessage={shown.name} hint={changed ? "A rule keeps its name." : undefined}>
          <Input value={draft.name} readOnly={changed !== undefined} maxLength={260} onChange={(_, data) => set({ name: data.value })} />
        </Field>
        <Detection value={draft.alertType} problem={shown.alertType} onChange={(alertType) => set({ alertType })} />
      </div>
      <Conditions conditions={draft.conditions} problems={shown.conditions} like={like} onChange={(conditions) => set({ conditions })} />
      <RulePreview draft={draft} isReady={!problems.subscription && !problems.alertType && problems.conditions.every((text) => !text)} />
      <div className="two-fields">
        <Field label="Reason" required validationMessage={shown.reason}>
          <Input value={draft.reason} maxLength={260} placeholder="A test that we run each week" onChange={(_, data) => set({ reason: data.value })} />
        </Field>
        <Field label="Expires on" hint="Leave empty for a rule without end." validationMessage={shown.expires}>
          <Input type="date" min={tomorrow()} value={draft.expires} onChange={(_, data) => set({ expires: data.value })} />
        </Field>
      </div>
      <Field label="Comment"><Textarea value={draft.comment} maxLength={4096} rows={2} onChange={(_, data) => set({ comment: data.value })} /></Field>
      <Switch checked={draft.isOn} label={draft.isOn ? "On" : "Off: it dismisses nothing"} onChange={(_, data) => set({ isOn: data.checked })} />
    </DialogForm>
  );
}

function Place({ draft, isFixed, problem, onChange }: { draft: RuleDraft; isFixed: boolean; problem?: string; onChange: (subscription: string) => void }) {
  const { data = [], error } = useSubscriptions();
  const own = data.find(({ id }) => id === draft.subscription);
  if (isFixed) return <p>In <strong>{own?.title ?? draft.subscription}</strong>.</p>;
  return (
    <Field label="Subscription" required validationMessage={error ? `Subscriptions could not be read: ${error.message}` : problem}>
      <Select value={draft.subscription} onChange={(_, data) => onChange(data.value)}>
        <option value="">Choose one</option>
        {data.map(({ id, title }) => <option key={id} value={id}>{title}</option>)}
      </Select>
    </Field>
  );
}

function Detection({ value, problem, onChange }: { value: string; problem?: string; onChange: (value: string) => void }) {
  const list = useId();
  const detections = useDetections();
  const known = detections.find((own) => own.id === value);
  return (
    <Field label="Alert type" required validationMessage={problem} hint={known ? known.title : value === "*" ? "All alerts" : "The name of a detection, or * for all"}>
      <Input value={value} maxLength={260} input={{ list }} autoComplete="off" onChange={(_, data) => onChange(data.value)} />
      <datalist id={list}>{detections.map((own) => <option key={own.id} value={own.id}>{own.title}</option>)}</datalist>
    </Field>
  );
}

interface ConditionsProps {
  conditions: readonly ConditionDraft[];
  problems: readonly (string | undefined)[];
  like?: AlertDetail;
  onChange: (conditions: ConditionDraft[]) => void;
}

function Conditions({ conditions, problems, like, onChange }: ConditionsProps) {
  const list = useId();
  const change = (at: number, changes: Partial<ConditionDraft>) => onChange(conditions.map((own, place) => (place === at ? { ...own, ...changes } : own)));
  const isThere = (one: ConditionDraft) => conditions.some((own) => own.field === one.field && own.text.split("\n").includes(one.text));
  const offered = candidatesOf(like?.entities ?? []).filter((one) => !isThere(one)).slice(0, 6);
  return (
    <FieldGroup label="Only where entities meet all of this" hint={conditions.length === 0 ? "Without conditions it fits every alert of the type in the subscription." : "Several values stand on lines of their own; upper and lower case are the same."}>
      <div className="stack">
        {conditions.map((one, at) => (
          <div className="condition" key={at}>
            <Field validationMessage={problems[at]}>
              <Input aria-label={`Field of condition ${at + 1}`} value={one.field} input={{ list }} autoComplete="off" onChange={(_, data) => change(at, { field: data.value })} />
            </Field>
            <Select aria-label={`How condition ${at + 1} compares`} value={one.how} onChange={(_, data) => change(at, { how: data.value === "contains" ? "contains" : "in" })}>
              <option value="in">is one of</option>
              <option value="contains">contains</option>
            </Select>
            <Button appearance="subtle" icon={<Delete16Regular />} aria-label={`Remove condition ${at + 1}`} onClick={() => onChange(conditions.filter((_, place) => place !== at))} />
            <Textarea className="condition-value" aria-label={`Values of condition ${at + 1}`} rows={Math.min(4, one.text.split("\n").length)} value={one.text} onChange={(_, data) => change(at, { text: data.value })} />
          </div>
        ))}
        <datalist id={list}>{KNOWN_FIELDS.map((field) => <option key={field} value={field} />)}</datalist>
        <div className="row">
          <Button size="small" icon={<Add16Regular />} onClick={() => onChange([...conditions, EMPTY_CONDITION])}>Add a condition</Button>
          {offered.map((one) => (
            <Button key={`${one.field} ${one.text}`} size="small" appearance="subtle" icon={<Add16Regular />} title={`${one.field}: ${shorten(one.text)}`} onClick={() => onChange([...conditions, one])}>
              {shorten(`${entityTitle(one.field.split(".")[1] ?? "")} ${shortName(one.text)}`, 40)}
            </Button>
          ))}
        </div>
      </div>
    </FieldGroup>
  );
}
