import { ChevronRight16Regular } from "@fluentui/react-icons";
import { memo, useState } from "react";
import { Link } from "react-router";
import type { Checks, ComplianceCheck, ComplianceControl } from "../../api/complianceTypes";
import { recommendationPath } from "../../components/links";
import { SeverityBadge } from "../../components/SeverityBadge";
import { StackedBar } from "../../components/StackedBar";
import { StatusBadge, StatusCount } from "../../components/StatusBadge";
import { countLeaves, sharesOf } from "../../lib/compliance";
import { formatCount, plural } from "../../lib/format";
import { worstStatus } from "../../lib/recommendations";

export function ControlTree({ controls, checks, isOpen = false }: { controls: readonly ComplianceControl[]; checks: Checks; isOpen?: boolean }) {
  return (
    <ul className="tree">
      {controls.map((control) => <ControlNode key={control.id} control={control} checks={checks} isFirstOpen={isOpen} />)}
    </ul>
  );
}

const ControlNode = memo(function ControlNode({ control, checks, isFirstOpen }: { control: ComplianceControl; checks: Checks; isFirstOpen: boolean }) {
  const below = control.controls ?? [];
  const own = control.checks ?? [];
  const [isOpen, setIsOpen] = useState(isFirstOpen && below.length > 0);
  const canOpen = below.length > 0 || own.length > 0 || Boolean(control.manual);
  return (
    <li>
      <div className="tree-line">
        {canOpen ? (
          <button type="button" className="expand-button" aria-expanded={isOpen} aria-label={`${control.id} ${control.title}`} onClick={() => setIsOpen(!isOpen)}>
            <ChevronRight16Regular aria-hidden />
          </button>
        ) : <span />}
        <span><strong className="number">{control.id}</strong> {control.title}</span>
        <span className="tree-counts">
          {below.length > 0 ? <StackedBar shares={sharesOf({ controlsByState: countLeaves(below) })} /> : own.length > 0 && <Counts failed={control.failed} unknown={control.unknown} passed={control.passed} />}
        </span>
        <StatusBadge status={control.state} />
      </div>
      {isOpen && (
        <>
          {(own.length > 0 || control.manual) && <ControlDetail control={control} checks={checks} />}
          {below.length > 0 && (
            <ul>{below.map((child) => <ControlNode key={child.id} control={child} checks={checks} isFirstOpen={isFirstOpen} />)}</ul>
          )}
        </>
      )}
    </li>
  );
});

/** Resources by verdict; what is zero is left out. */
function Counts({ failed, unknown, passed }: { failed: number; unknown: number; passed: number }) {
  return (
    <span className="row" style={{ gap: 10, flexWrap: "nowrap" }}>
      {failed > 0 && <StatusCount status="Unhealthy" count={failed} text={formatCount(failed)} />}
      {unknown > 0 && <StatusCount status="Unknown" count={unknown} text={formatCount(unknown)} />}
      {passed > 0 && <StatusCount status="Healthy" count={passed} text={formatCount(passed)} />}
    </span>
  );
}

/** The checks of a control, each with the resources that it judged in the chosen scope. */
function ControlDetail({ control, checks }: { control: ComplianceControl; checks: Checks }) {
  const own = control.checks ?? [];
  return (
    <div className="tree-detail stack">
      {control.manual && <p><strong>To check by hand:</strong> {control.manual}</p>}
      {own.length > 0 && (
        <p className="muted small">
          {plural(control.failed, "resource")} failed, {plural(control.unknown, "resource")} unknown, {plural(control.passed, "resource")} passed
        </p>
      )}
      <ul className="plain stack">
        {own.map((id) => <li key={id} className="tree-check"><CheckLine id={id} check={checks[id]} /></li>)}
      </ul>
    </div>
  );
}

function CheckLine({ id, check }: { id: string; check: ComplianceCheck | undefined }) {
  if (!check) return <code className="tag">{id}</code>;
  const { healthy, unhealthy, unknown, recommendation } = check;
  // A rule of a baseline is a finding of a recommendation, whose page lists it among the others.
  const isRule = recommendation !== id;
  return (
    <>
      <span>
        {recommendation ? <Link to={recommendationPath(recommendation)}>{check.title}</Link> : check.title}
        {isRule && <span className="muted small"> Rule of a baseline</span>}
      </span>
      <Counts failed={unhealthy} unknown={unknown} passed={healthy} />
      <SeverityBadge severity={check.severity} />
      <StatusBadge status={worstStatus(check)} />
    </>
  );
}
