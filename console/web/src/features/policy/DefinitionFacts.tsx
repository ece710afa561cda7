import { useState, type ReactNode } from "react";
import { Link } from "react-router";
import { useScopeTitle } from "../../api/planQueries";
import type { DefinitionDetail, InitiativeDetail } from "../../api/policyTypes";
import { CopyId } from "../../components/CopyBlock";
import { effectMeaning } from "../../lib/policyDetails";
import { assignmentPath, definitionPath, objectTitle } from "../../lib/policy";
import { defaultText } from "./RuleTree";

const TYPES = { BuiltIn: "Built in", Custom: "Custom", Static: "Static: the provider attests it" };
const MODES: Record<string, string> = { All: "All resources", Indexed: "Resources with tags and a location (Indexed)" };

/** Links that are laid out before a person asks for the rest. */
const FIRST = 8;

/** What tells a definition or an initiative apart, and where it is used. */
export function DefinitionFacts({ detail }: { detail: DefinitionDetail | InitiativeDetail }) {
  const titleOf = useScopeTitle();
  return (
    <section className="card stack wide" aria-label={detail.kind === "initiative" ? "About this initiative" : "About this definition"}>
      <dl className="facts">
        {detail.kind === "definition" && <><dt>Effect</dt><dd><Effect detail={detail} /></dd></>}
        {detail.category && <><dt>Category</dt><dd><Link to={`/policy/definitions?category=${encodeURIComponent(detail.category)}`}>{detail.category}</Link></dd></>}
        {detail.version && <><dt>Version</dt><dd>{detail.version}</dd></>}
        <dt>Type</dt><dd>{TYPES[detail.policyType] ?? detail.policyType}</dd>
        {detail.kind === "definition" && <><dt>Judges</dt><dd>{MODES[detail.mode] ?? detail.mode}</dd></>}
        <dt>Id</dt><dd><code>{detail.id}</code> <CopyId id={detail.id} /></dd>
      </dl>
      <Uses title="Assigned by" nothing="Nothing assigns it: it is not in force." items={detail.assignments.map((own) => ({ key: own.id, link: <><Link to={assignmentPath(own.id)}>{objectTitle(own.displayName, own.id)}</Link> <span className="muted small">at {titleOf({ id: own.scope })}</span></> }))} />
      {detail.kind === "definition" && <Uses title="In initiatives" nothing="No initiative holds it." items={detail.initiatives.map((own) => ({ key: own.id, link: <Link to={definitionPath(own.id)}>{objectTitle(own.displayName, own.id)}</Link> }))} />}
    </section>
  );
}

function Effect({ detail }: { detail: DefinitionDetail }) {
  const { effect } = detail;
  if ("fixed" in effect) return <span title={effectMeaning(effect.fixed)}>{effect.fixed}</span>;
  const hasDefault = effect.default !== undefined && effect.default !== null;
  return <>Set by the parameter <code>{effect.parameter}</code>{hasDefault ? `, ${defaultText(effect.default)} by default` : ", which has no default"}</>;
}

function Uses({ title, nothing, items }: { title: string; nothing: string; items: readonly { key: string; link: ReactNode }[] }) {
  const [isWhole, setIsWhole] = useState(false);
  const shown = isWhole ? items : items.slice(0, FIRST);
  return (
    <div className="stack" style={{ gap: 4 }}>
      <h2>{title}</h2>
      {items.length === 0 && <p className="muted">{nothing}</p>}
      <ul className="plain stack" style={{ gap: 4 }}>{shown.map((item) => <li key={item.key}>{item.link}</li>)}</ul>
      {items.length > FIRST && <button type="button" className="link-button" onClick={() => setIsWhole(!isWhole)}>{isWhole ? "Show fewer" : `Show all ${items.length}`}</button>}
    </div>
  );
}
