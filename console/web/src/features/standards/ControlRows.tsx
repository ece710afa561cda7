import { Button, Field, Input, Radio, RadioGroup, Textarea } from "@fluentui/react-components";
import { Add16Regular, Delete16Regular } from "@fluentui/react-icons";
import { useId } from "react";
import type { CheckRow } from "../../api/standardTypes";
import { newControl, newSection, nextId, type Answer, type Draft, type DraftControl, type DraftSection } from "../../lib/standardDraft";
import { CheckPicker } from "./CheckPicker";

interface Props {
  draft: Draft;
  checks: readonly CheckRow[];
  problems: ReadonlyMap<string | number, string>;
  onChange: (draft: Draft) => void;
}

/** Sections and controls as rows to fill in. */
export function ControlRows({ draft, checks, problems, onChange }: Props) {
  const ids = [...draft.controls, ...draft.sections].map((row) => row.id);
  const changeSection = (key: number, changes: Partial<DraftSection>) =>
    onChange({ ...draft, sections: draft.sections.map((section) => (section.key === key ? { ...section, ...changes } : section)) });
  return (
    <div className="stack wide">
      {draft.controls.map((control) => (
        <ControlRow
          key={control.key} control={control} checks={checks} problem={problems.get(control.key)}
          onChange={(next) => onChange({ ...draft, controls: draft.controls.map((one) => (one.key === control.key ? next : one)) })}
          onRemove={() => onChange({ ...draft, controls: draft.controls.filter((one) => one.key !== control.key) })}
        />
      ))}
      {draft.sections.map((section) => (
        <section key={section.key} className="card stack wide" aria-label={`Section ${section.id}`}>
          <Head
            kind="Section" id={section.id} title={section.title} problem={problems.get(section.key)}
            onChange={(changes) => changeSection(section.key, changes)}
            onRemove={() => onChange({ ...draft, sections: draft.sections.filter((one) => one.key !== section.key) })}
          />
          {section.controls.map((control) => (
            <ControlRow
              key={control.key} control={control} checks={checks} problem={problems.get(control.key)}
              onChange={(next) => changeSection(section.key, { controls: section.controls.map((one) => (one.key === control.key ? next : one)) })}
              onRemove={() => changeSection(section.key, { controls: section.controls.filter((one) => one.key !== control.key) })}
            />
          ))}
          <div>
            <Button
              size="small" icon={<Add16Regular />}
              onClick={() => changeSection(section.key, { controls: [...section.controls, newControl(nextId(section.id, section.controls.map((one) => one.id)))] })}
            >
              Add a control to this section
            </Button>
          </div>
        </section>
      ))}
      <div className="row">
        <Button icon={<Add16Regular />} onClick={() => onChange({ ...draft, sections: [...draft.sections, newSection(nextId("", ids))] })}>Add a section</Button>
        <Button appearance="subtle" icon={<Add16Regular />} onClick={() => onChange({ ...draft, controls: [...draft.controls, newControl(nextId("", ids))] })}>Add a control without a section</Button>
      </div>
    </div>
  );
}

interface HeadProps {
  kind: "Section" | "Control";
  id: string;
  title: string;
  problem?: string;
  onChange: (changes: { id?: string; title?: string }) => void;
  onRemove: () => void;
}

function Head({ kind, id, title, problem, onChange, onRemove }: HeadProps) {
  return (
    <div className="control-head">
      <Field label={`${kind} number`} size="small"><Input value={id} maxLength={100} onChange={(_, data) => onChange({ id: data.value })} /></Field>
      <Field label={`${kind} title`} size="small" validationMessage={problem}><Input value={title} maxLength={500} onChange={(_, data) => onChange({ title: data.value })} /></Field>
      <Button appearance="subtle" icon={<Delete16Regular />} aria-label={`Remove ${kind.toLowerCase()} ${id}`} onClick={onRemove} />
    </div>
  );
}

function ControlRow({ control, checks, problem, onChange, onRemove }: { control: DraftControl; checks: readonly CheckRow[]; problem?: string; onChange: (control: DraftControl) => void; onRemove: () => void }) {
  const name = useId();
  return (
    <div className="control-row stack" role="group" aria-label={`Control ${control.id}`}>
      <Head kind="Control" id={control.id} title={control.title} problem={problem} onChange={(changes) => onChange({ ...control, ...changes })} onRemove={onRemove} />
      <RadioGroup layout="horizontal" name={name} aria-label={`How control ${control.id} is answered`} value={control.answer} onChange={(_, data) => onChange({ ...control, answer: data.value as Answer })}>
        <Radio value="checks" label="By checks" />
        <Radio value="manual" label="By a person" />
      </RadioGroup>
      {control.answer === "checks"
        ? <CheckPicker label={`Checks of ${control.id}`} checks={checks} chosen={control.checks} onChange={(chosen) => onChange({ ...control, checks: chosen })} />
        : (
          <Field label="What a person has to check" size="small">
            <Textarea value={control.manual} rows={2} maxLength={2000} onChange={(_, data) => onChange({ ...control, manual: data.value })} />
          </Field>
        )}
    </div>
  );
}
