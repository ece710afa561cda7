import { useMemo } from "react";
import { Link } from "react-router";
import { useScopeTitle } from "../../api/planQueries";
import type { AssignmentBrief, AssignmentRow, PolicyOverview, ScopeDetail } from "../../api/policyTypes";
import { SearchBox } from "../../components/Filters";
import { DataTable } from "../../components/DataTable";
import { EmptyNote } from "../../components/PageStates";
import { PolicyStateCount } from "../../components/PolicyStateBadge";
import { formatCount, plural } from "../../lib/format";
import { assignmentPath, byNeed, definitionPath, objectTitle } from "../../lib/policy";
import { useUrlState } from "../../lib/useUrlState";
import { ComplianceCell } from "./Compliance";

interface Row extends AssignmentRow {
  isInherited: boolean;
  leftOutBy?: string | null;
}

/** Assignments, all of them or those in force at a scope; their counts are of all that they reach. */
export function AssignmentTable({ overview, scope }: { overview: PolicyOverview; scope?: ScopeDetail }) {
  const { values, set } = useUrlState(["q"]);
  const titleOf = useScopeTitle();
  const rows = useMemo(() => rowsOf(overview, scope), [overview, scope]);
  const part = values.q.trim().toLowerCase();
  const shown = rows.filter((row) => !part || [row.displayName, row.id, row.definitionName ?? ""].some((text) => text.toLowerCase().includes(part)));
  const title = scope ? `In force at ${titleOf(scope)}` : "Assignments";
  return (
    <section className="card flush" aria-label="Assignments">
      <div className="card-head">
        <h2>{title}</h2>
        <span className="small muted">{scope ? `${plural(rows.filter((row) => !row.isInherited).length, "assignment")} of its own, ${formatCount(rows.filter((row) => row.isInherited).length)} inherited; counts are of all that an assignment reaches` : plural(rows.length, "assignment")}</span>
      </div>
      {(rows.length > 5 || values.q) && <div className="filters inset"><SearchBox label="Search assignments" value={values.q} placeholder="Name, initiative or id" onChange={(q) => set({ q })} /></div>}
      {shown.length === 0 ? (
        <EmptyNote title={values.q ? "No assignment matches" : scope ? "Nothing is in force here" : "Nothing is assigned yet"}>
          {values.q
            ? <button type="button" className="link-button" onClick={() => set({ q: "" })}>Clear the search</button>
            : <p>An assignment puts a definition or an initiative in force at a scope; it is imported, or written by Azure&apos;s clients.</p>}
        </EmptyNote>
      ) : (
        <DataTable
          label="Assignments" groups={[{ key: "", title: null, rows: shown }]} rowKey={(row) => row.id}
          columns={[
            { key: "name", header: "Assignment", isLead: true, cell: (row) => <NameCell row={row} /> },
            { key: "scope", header: "Scope", width: "190px", cell: (row) => <ScopeCell row={row} hasScope={Boolean(scope)} /> },
            { key: "compliance", header: "Compliance", width: "150px", cell: (row) => <ComplianceCell counted={row} /> },
            { key: "NonCompliant", header: "Non-compliant", width: "116px", cell: (row) => <PolicyStateCount state="NonCompliant" count={row.counts.NonCompliant ?? 0} /> },
            { key: "Unread", header: "Not read", width: "92px", cell: (row) => <PolicyStateCount state="Unread" count={row.counts.Unread ?? 0} /> },
            { key: "Exempt", header: "Exempt", width: "88px", cell: (row) => <PolicyStateCount state="Exempt" count={row.counts.Exempt ?? 0} /> },
          ]}
        />
      )}
    </section>
  );
}

function rowsOf(overview: PolicyOverview, scope: ScopeDetail | undefined): Row[] {
  if (!scope) return overview.assignments.map((row) => ({ ...row, isInherited: false })).sort(byNeed);
  const known = new Map(overview.assignments.map((row) => [row.id, row]));
  const rows = scope.assignments.map(({ assignment, inherited, leftOutBy }) => ({ ...counted(assignment, known), isInherited: inherited, leftOutBy }));
  return rows.sort((a, b) => Number(a.isInherited) - Number(b.isInherited) || byNeed(a, b));
}

const counted = (brief: AssignmentBrief, known: ReadonlyMap<string, AssignmentRow>): AssignmentRow => known.get(brief.id) ?? { ...brief, counts: {}, compliant: null };

function NameCell({ row }: { row: Row }) {
  return (
    <div className="stack" style={{ gap: 2 }}>
      <span className="row">
        <Link to={assignmentPath(row.id)} className="cell-title">{objectTitle(row.displayName, row.id)}</Link>
        {!row.enforced && <span className="tag" title="It judges, but denies and changes nothing">Not enforced</span>}
      </span>
      <span className="small muted">
        <Link to={definitionPath(row.definitionId)}>{objectTitle(row.definitionName, row.definitionId)}</Link>
        {row.isInitiative ? `, ${plural(row.definitions, "definition")}` : row.definitionName ? ", one definition" : <span className="tone-Unknown">, which is not here</span>}
      </span>
    </div>
  );
}

function ScopeCell({ row, hasScope }: { row: Row; hasScope: boolean }) {
  const titleOf = useScopeTitle();
  return (
    <div className="stack" style={{ gap: 2, alignItems: "flex-start" }}>
      <span title={row.scope}>{titleOf({ id: row.scope, name: row.scopeName })}</span>
      {hasScope && <span className="small muted">{row.isInherited ? "inherited" : "assigned here"}</span>}
      {row.leftOutBy && <span className="tag" title={`notScopes names ${row.leftOutBy}`}>Left out here</span>}
      {!hasScope && row.notScopes.length > 0 && <span className="small muted" title={row.notScopes.join("\n")}>but for {plural(row.notScopes.length, "scope")}</span>}
    </div>
  );
}
