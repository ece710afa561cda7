import { useScopeTitle } from "../../api/planQueries";
import type { Attestation, PolicyExemption } from "../../api/policyTypes";
import { DataTable } from "../../components/DataTable";
import { PolicyStateBadge } from "../../components/PolicyStateBadge";
import { Day } from "../../components/Time";
import { hasEnded, objectTitle } from "../../lib/policy";
import { Expiry } from "./ScopeExemptions";

/** What people decided about an assignment: exemptions, and attestations of what only they can judge. */
export function SetAside({ exemptions, attestations }: { exemptions: readonly PolicyExemption[]; attestations: readonly Attestation[] }) {
  const titleOf = useScopeTitle();
  return (
    <>
      {exemptions.length > 0 && (
        <section className="card flush" aria-label="Exemptions">
          <div className="card-head"><h2>Exemptions</h2></div>
          <DataTable
            label="Policy exemptions" groups={[{ key: "", title: null, rows: exemptions }]} rowKey={(row) => row.id}
            columns={[
              { key: "name", header: "Exemption", isLead: true, cell: (row) => <><div className="cell-title">{objectTitle(row.displayName, row.id)}</div>{row.description && <div className="small muted">{row.description}</div>}</> },
              { key: "scope", header: "Scope", width: "200px", cell: (row) => <span title={row.scope}>{titleOf({ id: row.scope })}</span> },
              { key: "what", header: "Of", width: "200px", cell: (row) => (row.references.length === 0 ? "every definition" : <code>{row.references.join(", ")}</code>) },
              { key: "category", header: "Category", width: "110px", cell: (row) => row.category },
              { key: "expires", header: "Expires", width: "150px", cell: (row) => <Expiry at={row.expiresOn} /> },
            ]}
          />
        </section>
      )}
      {attestations.length > 0 && (
        <section className="card flush" aria-label="Attestations">
          <div className="card-head"><h2>Attestations</h2></div>
          <DataTable
            label="Attestations" groups={[{ key: "", title: null, rows: attestations }]} rowKey={(row) => row.id} rowName={(row) => row.scope}
            columns={[
              { key: "scope", header: "Resource", isLead: true, cell: (row) => <><div className="cell-title" title={row.scope}>{titleOf({ id: row.scope })}</div>{row.reference && <code>{row.reference}</code>}</> },
              { key: "state", header: "Found", width: "160px", cell: (row) => <PolicyStateBadge state={row.state} /> },
              { key: "owner", header: "By", width: "180px", cell: (row) => row.owner },
              { key: "at", header: "Looked at", width: "130px", cell: (row) => (row.assessedAt ? <Day at={row.assessedAt} /> : "not said") },
              { key: "expires", header: "Expires", width: "150px", cell: (row) => <Expiry at={row.expiresOn} /> },
            ]}
            hasDetail={(row) => Boolean(row.comments) || row.evidence.length > 0} detail={(row) => <Evidence row={row} />}
          />
        </section>
      )}
    </>
  );
}

/** Addresses come from outside: only those of the web become links. */
const isWeb = (address: string): boolean => /^https?:\/\//i.test(address);

function Evidence({ row }: { row: Attestation }) {
  return (
    <div className="stack">
      {hasEnded(row.expiresOn) && <p className="tone-Unknown">It has ended: it no longer holds.</p>}
      {row.comments && <p className="pre-wrap">{row.comments}</p>}
      {row.evidence.length > 0 && (
        <ul>
          {row.evidence.map((own, at) => (
            <li key={at}>{own.description || "Evidence"}{own.sourceUri && <>: {isWeb(own.sourceUri) ? <a href={own.sourceUri} target="_blank" rel="noreferrer noopener">{own.sourceUri}</a> : <code>{own.sourceUri}</code>}</>}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
