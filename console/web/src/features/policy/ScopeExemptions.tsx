import { Link } from "react-router";
import { useScopeTitle } from "../../api/planQueries";
import type { AssignmentRow, PolicyExemption, ScopeDetail } from "../../api/policyTypes";
import { DataTable } from "../../components/DataTable";
import { Day } from "../../components/Time";
import { plural } from "../../lib/format";
import { assignmentPath, hasEnded, objectTitle } from "../../lib/policy";

/** What is set aside at a scope, by itself and by those above it. */
export function ScopeExemptions({ scope, assignments }: { scope: ScopeDetail; assignments: readonly AssignmentRow[] }) {
  const titleOf = useScopeTitle();
  const names = new Map(assignments.map((row) => [row.id.toLowerCase(), row.displayName]));
  return (
    <section className="card flush" aria-label="Exemptions">
      <div className="card-head"><h2>Exemptions</h2><span className="small muted">{plural(scope.exemptions.length, "exemption")} at {titleOf(scope)}</span></div>
      {scope.exemptions.length === 0 ? <p className="muted" style={{ padding: "0 16px 16px" }}>Nothing is set aside here.</p> : (
        <DataTable
          label="Policy exemptions" groups={[{ key: "", title: null, rows: scope.exemptions }]} rowKey={(row) => row.id}
          columns={[
            { key: "name", header: "Exemption", isLead: true, cell: (row) => <><div className="cell-title">{objectTitle(row.displayName, row.id)}</div>{row.inherited && <div className="small muted">inherited from {titleOf({ id: row.scope })}</div>}</> },
            { key: "of", header: "From", width: "220px", cell: (row) => <ExemptFrom row={row} names={names} /> },
            { key: "category", header: "Category", width: "110px", cell: (row) => row.category },
            { key: "expires", header: "Expires", width: "150px", cell: (row) => <Expiry at={row.expiresOn} /> },
          ]}
        />
      )}
    </section>
  );
}

function ExemptFrom({ row, names }: { row: PolicyExemption; names: ReadonlyMap<string, string> }) {
  const id = row.assignment ?? "";
  return (
    <>
      <Link to={assignmentPath(id)}>{objectTitle(names.get(id.toLowerCase()), id)}</Link>
      <div className="small muted" title={row.references.join("\n")}>{row.references.length === 0 ? "all of it" : `${plural(row.references.length, "definition")} of it`}</div>
    </>
  );
}

export function Expiry({ at }: { at?: string | null }) {
  if (!at) return <>Never</>;
  return hasEnded(at) ? <span className="tone-Unknown">ended <Day at={at} /></span> : <Day at={at} />;
}
