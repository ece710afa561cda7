import { Link } from "react-router";
import type { StateRow } from "../../api/policyTypes";
import { DataTable, type Column } from "../../components/DataTable";
import { ResourceLink } from "../../components/links";
import { PolicyStateBadge } from "../../components/PolicyStateBadge";
import { Time } from "../../components/Time";
import { assignmentPath, definitionPath, objectTitle } from "../../lib/policy";
import { useSampleConnectors } from "../inventory/useConnectors";
import { StateDetail } from "./StateDetail";

/** States, of many resources under one assignment, or of one resource under many; a row opens to what its state rests on. */
export function StateTable({ rows, isOfResource = false }: { rows: readonly StateRow[]; isOfResource?: boolean }) {
  const samples = useSampleConnectors();
  const definition = (row: StateRow, isLead: boolean) => (
    <div className="stack" style={{ gap: 2 }}>
      <Link to={definitionPath(row.definition)} className={isLead ? "cell-title" : undefined}>{objectTitle(row.definitionName, row.definition)}</Link>
      {isLead && <span className="small muted">in <Link to={assignmentPath(row.assignment)}>{objectTitle(row.assignmentName, row.assignment)}</Link></span>}
    </div>
  );
  const columns: Column<StateRow>[] = isOfResource
    ? [{ key: "definition", header: "Definition", isLead: true, cell: (row) => definition(row, true) }]
    : [
      { key: "resource", header: "Resource", isLead: true, cell: (row) => <div className="resource-cell"><ResourceLink id={row.resource} name={row.name} isSample={samples.has(row.connector)} /></div> },
      { key: "definition", header: "Definition", width: "240px", cell: (row) => definition(row, false) },
    ];
  return (
    <DataTable
      label="Policy states" groups={[{ key: "", title: null, rows }]} rowKey={(row) => `${row.resource} ${row.assignment} ${row.reference}`}
      rowName={(row) => `${row.name || row.resource}: ${objectTitle(row.definitionName, row.definition)}`}
      columns={[
        ...columns,
        { key: "state", header: "State", width: "170px", cell: (row) => <PolicyStateBadge state={row.state} /> },
        { key: "effect", header: "Effect", width: "132px", cell: (row) => row.effect },
        { key: "since", header: "Since", width: "176px", cell: (row) => <Time at={row.stateChangedAt} /> },
      ]}
      detail={(row) => <StateDetail row={row} />}
    />
  );
}
