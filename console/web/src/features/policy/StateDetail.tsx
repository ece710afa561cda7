import { useState } from "react";
import type { StateRow } from "../../api/policyTypes";
import { EvidenceTable } from "../../components/EvidenceTable";
import { Time } from "../../components/Time";
import { formatDate, sentence } from "../../lib/format";
import { objectTitle, stateWord } from "../../lib/policy";
import { Expiry } from "./ScopeExemptions";
import { PolicyHistory } from "./PolicyHistory";

/** What a state rests on, what people decided about it, and how it came to be. */
export function StateDetail({ row }: { row: StateRow }) {
  return (
    <div className="stack wide">
      {row.message && row.state === "NonCompliant" && <p><strong>{row.message}</strong></p>}
      {row.error && <p className="tone-Unhealthy">It could not be judged: {sentence(row.error)}</p>}
      {row.exemption && (
        <p>
          Set aside by <strong>{objectTitle(row.exemption.displayName, row.exemption.id)}</strong>{row.exemption.category && ` (${row.exemption.category})`}, until: <Expiry at={row.exemption.expiresOn} />.
          {row.withoutExemption && ` Without it, it would be: ${stateWord(row.withoutExemption).toLowerCase()}.`}
        </p>
      )}
      {row.attestation && (
        <p>
          Attested{row.attestation.owner && ` by ${row.attestation.owner}`}{row.attestation.assessedAt && ` on ${formatDate(row.attestation.assessedAt)}`}{row.attestation.expiresOn && `, until ${formatDate(row.attestation.expiresOn)}`}.
          {row.attestation.comments && ` ${sentence(row.attestation.comments)}`}
        </p>
      )}
      {row.unreadable.length > 0 && (
        <div className="tone-Unknown">
          <p>Could not be read:</p>
          <ul>{row.unreadable.map((own) => <li key={own}>{own}</li>)}</ul>
        </div>
      )}
      {row.evidence.length > 0 && (
        <div className="stack">
          <p className="small muted">What was tested, and what was there:</p>
          <EvidenceTable evidence={row.evidence} />
        </div>
      )}
      {row.evidence.length === 0 && row.unreadable.length === 0 && !row.error && !row.attestation && (
        <p className="muted">{row.state === "Unknown" ? "Nobody has attested it yet." : row.state === "Compliant" ? "The condition does not hold. Evidence is kept where something is amiss." : "No evidence is kept for this state."}</p>
      )}
      <ResourceHistory row={row} />
    </div>
  );
}

/** Asked for only once somebody opens it. */
function ResourceHistory({ row }: { row: StateRow }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>History, since <Time at={row.firstEvaluatedAt} /></summary>
      {isOpen && <div className="detail-table"><PolicyHistory filter={{ assignment: row.assignment, resource: row.resource }} reference={row.reference} /></div>}
    </details>
  );
}
