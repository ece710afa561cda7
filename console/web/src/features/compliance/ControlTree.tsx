import { Button } from "@fluentui/react-components";
import { ChevronRight16Regular, PersonAvailable16Regular } from "@fluentui/react-icons";
import { memo, useState } from "react";
import { Link } from "react-router";
import { useMay } from "../../api/peopleQueries";
import type { Checks, ComplianceCheck, ComplianceControl } from "../../api/complianceTypes";
import { recommendationPath } from "../../components/links";
import { SeverityBadge } from "../../components/SeverityBadge";
import { StackedBar } from "../../components/StackedBar";
import { StatusBadge, StatusCount } from "../../components/StatusBadge";
import { ATTESTATIONS_WRITE } from "../../lib/actions";
import { countLeaves, sharesOf } from "../../lib/compliance";
import { formatCount, plural } from "../../lib/format";
import { worstStatus } from "../../lib/recommendations";
import { AttestationNote } from "../standards/AttestationNote";
import { AttestDialog } from "../standards/AttestDialog";

export function ControlTree({ standard, controls, checks, isOpen = false }: { standard: string; controls: readonly ComplianceControl[]; checks: Checks; isOpen?: boolean }) {
  return (
    <ul className="tree">
      {controls.map((control) => <ControlNode key={control.id} standard={standard} control={control} checks={checks} isFirstOpen={isOpen} />)}
    </ul>
  );
}

const ControlNode = memo(function ControlNode({ standard, control, checks, isFirstOpen }: { standard: string; control: ComplianceControl; checks: Checks; isFirstOpen: boolean }) {
  const below = control.controls ?? [];
  const own = control.checks ?? [];
  const [isOpen, setIsOpen] = useState(isFirstOpen && below.length > 0);
  // A control that nothing checks opens to what people say of it.
  const hasDetail = own.length > 0 || Boolean(control.manual) || below.length === 0;
  const canOpen = below.length > 0 || hasDetail;
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
        <span className="stack tree-state" style={{ gap: 0 }}>
          <StatusBadge status={control.state} />
          {control.attested && below.length === 0 && <span className="muted small">Attested</span>}
        </span>
      </div>
      {isOpen && (
        <>
          {hasDetail && <ControlDetail standard={standard} control={control} checks={checks} />}
          {below.length > 0 && (
            <ul>{below.map((child) => <ControlNode key={child.id} standard={standard} control={child} checks={checks} isFirstOpen={isFirstOpen} />)}</ul>
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
function ControlDetail({ standard, control, checks }: { standard: string; control: ComplianceControl; checks: Checks }) {
  const own = control.checks ?? [];
  const canAttest = useMay()(ATTESTATIONS_WRITE);
  const isForPerson = own.length === 0 && (control.controls ?? []).length === 0;
  return (
    <div className="tree-detail stack">
      {control.manual && <p><strong>To check by hand:</strong> {control.manual}</p>}
      {isForPerson && !control.manual && <p className="muted">No check covers this control. A person can say how it stands.</p>}
      {(control.attestations ?? []).map((one) => <AttestationNote key={one.id} attestation={one} />)}
      {isForPerson && canAttest && (
        <div>
          <AttestDialog
            standard={standard} control={control}
            trigger={<Button size="small" icon={<PersonAvailable16Regular />}>{(control.attestations ?? []).length > 0 ? "Attest anew" : "Attest"}</Button>}
          />
        </div>
      )}
      {own.length > 0 && (
        <p className="muted small">
          {plural(control.failed, "resource")} failed, {plural(control.unknown, "resource")} unknown, {plural(control.passed, "resource")} passed
        </p>
      )}
      <ul className="plain stack" hidden={own.length === 0}>
        {own.map((id) => <li key={id} className="tree-check"><CheckLine id={id} check={checks[id]} /></li>)}
      </ul>
    </div>
  );
}

function CheckLine({ id, check }: { id: string; check: ComplianceCheck | undefined }) {
  if (!check) return <code className="tag">{id}</code>;
  const { healthy, unhealthy, unknown, recommendation } = check;
  // A rule of a baseline is a finding of a recommendation, whose page lists it among the others.
  const isRule = Boolean(recommendation) && recommendation !== id;
  return (
    <>
      <span>
        {recommendation ? <Link to={recommendationPath(recommendation)}>{check.title}</Link> : check.title}
        {isRule && <span className="muted small"> Rule of a baseline</span>}
      </span>
      <Counts failed={unhealthy} unknown={unknown} passed={healthy} />
      {check.severity ? <SeverityBadge severity={check.severity} /> : <span />}
      <StatusBadge status={worstStatus(check)} />
    </>
  );
}
