import { ChevronRight16Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { Link } from "react-router";
import type { ComplianceControl, RecommendationRow } from "../../api/types";
import { recommendationPath } from "../../components/links";
import { SampleBadge } from "../../components/SampleBadge";
import { SeverityBadge } from "../../components/SeverityBadge";
import { StatusBadge } from "../../components/StatusBadge";
import { plural } from "../../lib/format";
import { worstStatus } from "../../lib/recommendations";
import { useTitles } from "../changes/useTitles";

export function ControlTree({ controls, isOpen = false }: { controls: readonly ComplianceControl[]; isOpen?: boolean }) {
  const titles = useTitles();
  return (
    <ul className="tree">
      {controls.map((control) => <ControlNode key={control.id} control={control} titles={titles} isFirstOpen={isOpen} />)}
    </ul>
  );
}

function ControlNode({ control, titles, isFirstOpen }: { control: ComplianceControl; titles: ReadonlyMap<string, RecommendationRow>; isFirstOpen: boolean }) {
  const below = control.controls ?? [];
  const checks = control.checks ?? [];
  const [isOpen, setIsOpen] = useState(isFirstOpen && below.length > 0);
  const canOpen = below.length > 0 || checks.length > 0 || Boolean(control.manual);
  return (
    <li>
      <div className="tree-line">
        {canOpen ? (
          <button type="button" className="expand-button" aria-expanded={isOpen} aria-label={`${control.id} ${control.title}`} onClick={() => setIsOpen(!isOpen)}>
            <ChevronRight16Regular aria-hidden />
          </button>
        ) : <span />}
        <span><strong className="number">{control.id}</strong> {control.title}</span>
        <StatusBadge status={control.state} />
      </div>
      {isOpen && (
        <>
          {(checks.length > 0 || control.manual) && <ControlDetail control={control} titles={titles} />}
          {below.length > 0 && (
            <ul>{below.map((child) => <ControlNode key={child.id} control={child} titles={titles} isFirstOpen={isFirstOpen} />)}</ul>
          )}
        </>
      )}
    </li>
  );
}

/** The checks of a control: recommendations that have a verdict are links, the others keep their id. */
function ControlDetail({ control, titles }: { control: ComplianceControl; titles: ReadonlyMap<string, RecommendationRow> }) {
  const checks = control.checks ?? [];
  const known = checks.flatMap((id) => titles.get(id) ?? []);
  const others = checks.filter((id) => !titles.has(id));
  return (
    <div className="tree-detail stack">
      {control.manual && <p><strong>To check by hand:</strong> {control.manual}</p>}
      {checks.length > 0 && (
        <p className="muted small">
          {plural(control.failed, "resource")} failed, {plural(control.unknown, "resource")} unknown, {plural(control.passed, "resource")} passed
        </p>
      )}
      {known.length > 0 && (
        <ul className="plain stack">
          {known.map((row) => (
            <li key={row.id} className="row spread">
              <span className="row"><Link to={recommendationPath(row.id)}>{row.title}</Link>{row.sample && <SampleBadge />}</span>
              <span className="row" style={{ gap: 16 }}><SeverityBadge severity={row.severity} /><StatusBadge status={worstStatus(row)} /></span>
            </li>
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <div className="stack" style={{ gap: 4 }}>
          <span className="muted small">Rules of a baseline, or recommendations that concern nothing you have:</span>
          <span className="row">{others.map((id) => <code className="tag" key={id}>{id}</code>)}</span>
        </div>
      )}
    </div>
  );
}
