import { LockClosed16Regular } from "@fluentui/react-icons";
import type { Assessment, Cause, Evidence } from "../api/types";
import { actualText, missingPermissions, readFrom } from "../lib/evidence";
import { sentence, words } from "../lib/format";

/** What a verdict rests on: which field was tested for what, and what was there. */
export function EvidenceTable({ evidence }: { evidence: readonly Evidence[] }) {
  const hasSource = evidence.some((item) => readFrom(item));
  return (
    <div className="detail-table">
      <table className="table cards" role="table" aria-label="Evidence">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader">Field</th>
            <th role="columnheader">Condition tested</th>
            <th role="columnheader">Actual value</th>
            {hasSource && <th role="columnheader">Read from</th>}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {evidence.map((item, index) => (
            <tr role="row" className="plain-row" key={`${index} ${item.field}`}>
              <td role="cell" data-label="Field"><code>{item.field}</code></td>
              <td role="cell" data-label="Condition"><span>{item.expected}</span></td>
              <td role="cell" data-label="Actual"><code className={`pre-wrap${isUnread(item) ? " tone-Unknown" : ""}`}>{actualText(item.actual)}</code></td>
              {hasSource && <td role="cell" data-label="Read from"><span>{readFrom(item)}</span></td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const isUnread = (item: Evidence): boolean => typeof item.actual === "object" && "unreadable" in item.actual;

export function CauseNote({ cause, permissions }: { cause?: Cause; permissions: readonly string[] }) {
  return (
    <>
      {cause && (
        <p>
          <strong>{words(cause.code)}.</strong> {sentence(cause.message)}
        </p>
      )}
      {permissions.length > 0 && (
        <p className="row">
          <LockClosed16Regular aria-hidden />
          <span>{permissions.length === 1 ? "Missing permission:" : "Missing permissions:"}</span>
          {permissions.map((permission) => <code className="tag" key={permission}>{permission}</code>)}
        </p>
      )}
    </>
  );
}

/** Cause, missing permissions and evidence of one verdict. */
export function VerdictDetail({ verdict }: { verdict: Pick<Assessment, "cause" | "evidence" | "status"> }) {
  const evidence = verdict.evidence ?? [];
  const permissions = missingPermissions(verdict.cause?.permissions, evidence);
  const isBare = evidence.length === 0 && !verdict.cause;
  return (
    <div className="stack">
      <CauseNote cause={verdict.cause} permissions={permissions} />
      {evidence.length > 0 && (
        <>
          <p className="small muted">{verdict.status === "Unknown" ? "Conditions that could not be decided:" : "The conditions that decided the verdict:"}</p>
          <EvidenceTable evidence={evidence} />
        </>
      )}
      {isBare && verdict.status === "Healthy" && <p className="muted">Every condition of the rule is met. Evidence is kept for Unhealthy and Unknown only.</p>}
      {isBare && verdict.status !== "Healthy" && <p className="muted">No evidence is kept for this verdict.</p>}
    </div>
  );
}
