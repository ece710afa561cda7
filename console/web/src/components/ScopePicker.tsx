import { Input } from "@fluentui/react-components";
import { Building20Regular, ChevronRight16Regular, Cloud20Regular, Folder20Regular, Globe20Regular, Key20Regular, Search16Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { useResourceGroups, useScopeChoices } from "../api/planQueries";
import { plural, sentence } from "../lib/format";
import { scopeKind } from "../lib/policy";
import { filterScopes, type ScopeChoice } from "../lib/scopes";
import { FieldGroup } from "./FieldGroup";
import { Loaded } from "./PageStates";

const ICONS = { tenant: Globe20Regular, managementGroup: Folder20Regular, subscription: Key20Regular, resourceGroup: Cloud20Regular, resource: Building20Regular };

/** Scopes that are laid out before a person has to search. */
const FIRST = 200;
const SEARCHED_FROM = 8;

/** The tree of management groups and subscriptions, each of these opening to its resource groups. */
export function ScopePicker({ label = "Scope", value, onChange }: { label?: string; value: string; onChange: (id: string) => void }) {
  const query = useScopeChoices();
  return (
    <FieldGroup label={label} hint="With everything below it.">
      <Loaded query={query} rows={3}>{(choices) => <Choices label={label} choices={choices} value={value} onChange={onChange} />}</Loaded>
    </FieldGroup>
  );
}

function Choices({ label, choices, value, onChange }: { label: string; choices: readonly ScopeChoice[]; value: string; onChange: (id: string) => void }) {
  const [text, setText] = useState("");
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const found = filterScopes(choices, text);
  const toggle = (id: string) => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  };
  return (
    <div className="scope-picker">
      {choices.length > SEARCHED_FROM && (
        <Input type="search" value={text} placeholder="Name or id" aria-label="Search scopes" contentBefore={<Search16Regular aria-hidden />} onChange={(_, data) => setText(data.value)} />
      )}
      <div role="radiogroup" aria-label={label} className="scope-choices">
        {found.slice(0, FIRST).map((choice) => {
          const isOpen = open.has(choice.id);
          return (
            <div key={choice.id}>
              <div className="scope-choice" style={{ paddingInlineStart: Math.min(choice.depth, 8) * 16 }}>
                {choice.kind === "subscription" ? (
                  <button type="button" className="expand-button" aria-expanded={isOpen} aria-label={`Resource groups of ${choice.title}`} onClick={() => toggle(choice.id)}><ChevronRight16Regular aria-hidden /></button>
                ) : <span />}
                <Choice choice={choice} isChosen={value === choice.id} onChoose={onChange} />
              </div>
              {isOpen && <Groups subscription={choice} value={value} onChange={onChange} />}
            </div>
          );
        })}
        {found.length === 0 && <p className="muted">No scope matches.</p>}
        {found.length > FIRST && <p className="small muted">{plural(found.length - FIRST, "scope")} more: search for them.</p>}
      </div>
    </div>
  );
}

function Choice({ choice, isChosen, onChoose }: { choice: ScopeChoice; isChosen: boolean; onChoose: (id: string) => void }) {
  const Icon = ICONS[choice.kind];
  return (
    <label title={choice.id}>
      <input type="radio" name="scope" checked={isChosen} onChange={() => onChoose(choice.id)} />
      <Icon aria-hidden />
      <span className="clip">{choice.title}</span>
      <span className="small muted nowrap">{scopeKind(choice.kind)}</span>
    </label>
  );
}

function Groups({ subscription, value, onChange }: { subscription: ScopeChoice; value: string; onChange: (id: string) => void }) {
  const { data, error } = useResourceGroups(subscription.id);
  const indent = { paddingInlineStart: Math.min(subscription.depth, 8) * 16 + 40 };
  if (error) return <p className="small tone-Unknown" style={indent}>{sentence(error.message)}</p>;
  if (!data) return <p className="small muted" role="status" style={indent}>Loading…</p>;
  if (data.length === 0) return <p className="small muted" style={indent}>It has no resource groups.</p>;
  return (
    <div style={indent}>
      {data.map((choice) => (
        <div key={choice.id} className="scope-choice"><span /><Choice choice={choice} isChosen={value === choice.id} onChoose={onChange} /></div>
      ))}
    </div>
  );
}
