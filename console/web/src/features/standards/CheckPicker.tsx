import { Combobox, Field, Option } from "@fluentui/react-components";
import { Dismiss12Regular } from "@fluentui/react-icons";
import { useMemo, useState } from "react";
import type { CheckRow } from "../../api/standardTypes";
import { formatCount } from "../../lib/format";
import { findChecks } from "../../lib/standardDraft";

/** Choices that are shown at once. */
const LIMIT = 50;

/** The checks of a control: those chosen, and a box that finds more by words of their titles. */
export function CheckPicker({ label, checks, chosen, onChange }: { label: string; checks: readonly CheckRow[]; chosen: readonly string[]; onChange: (chosen: string[]) => void }) {
  const [text, setText] = useState("");
  const found = useMemo(() => findChecks(checks, text, chosen, LIMIT + 1), [checks, text, chosen]);
  const titles = useMemo(() => new Map(checks.map((check) => [check.id, check.title])), [checks]);
  const add = (id: string | undefined) => {
    if (id && !chosen.includes(id)) onChange([...chosen, id]);
    setText("");
  };
  return (
    <div className="stack" style={{ gap: 4 }}>
      {chosen.length > 0 && (
        <ul className="plain row" aria-label={`${label}: chosen`}>
          {chosen.map((id) => (
            <li key={id} className="tag" title={id}>
              <span>{titles.get(id) ?? `${id} (unknown)`}</span>
              <button type="button" className="link-button" aria-label={`Remove ${titles.get(id) ?? id}`} onClick={() => onChange(chosen.filter((other) => other !== id))}>
                <Dismiss12Regular aria-hidden />
              </button>
            </li>
          ))}
        </ul>
      )}
      <Field label={label} size="small">
        <Combobox
          listbox={{ className: "check-choices" }} freeform value={text} selectedOptions={[]} placeholder={`Search ${formatCount(checks.length)} recommendations and baseline rules`}
          onChange={(event) => setText(event.target.value)} onOptionSelect={(_, data) => add(data.optionValue)}
        >
          {found.slice(0, LIMIT).map((check) => (
            <Option key={check.id} value={check.id} text={check.title}>
              <span className="stack" style={{ gap: 0 }}>
                <span>{check.title}</span>
                <span className="small muted">{[check.severity, check.kind === "rule" ? "baseline rule" : "recommendation", check.type].filter(Boolean).join(", ")}</span>
              </span>
            </Option>
          ))}
          {found.length === 0 && <Option key="none" value="" text="" disabled>No check has these words</Option>}
          {found.length > LIMIT && <Option key="more" value="" text="" disabled>More match; give another word</Option>}
        </Combobox>
      </Field>
    </div>
  );
}
