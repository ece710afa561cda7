import type { AlertRow } from "../../api/alertTypes";
import { AlertLink, AlertStatusBadge } from "../../components/AlertBadges";
import { DataTable, type Column, type Selection } from "../../components/DataTable";
import { endOfId, resourcePath } from "../../components/links";
import { SeverityBadge } from "../../components/SeverityBadge";
import { Time } from "../../components/Time";
import { Link } from "react-router";
import { plainTitle } from "../../lib/alerts";
import { plural, shorten } from "../../lib/format";
import { inOrder, intentTitle } from "../../lib/killChain";
import { usePlanTitle } from "../plans/usePlanTitle";

export function AlertTable({ rows, selection, label = "Alerts" }: { rows: readonly AlertRow[]; selection?: Selection<AlertRow>; label?: string }) {
  const titleOf = usePlanTitle();
  const columns: Column<AlertRow>[] = [
    { key: "severity", header: "Severity", width: "124px", isInline: true, cell: (row) => <SeverityBadge severity={row.severity} /> },
    {
      key: "title", header: "Alert", isLead: true,
      cell: (row) => <><AlertLink row={row} /><div className="small muted">{row.plan ? titleOf(row.plan) : "No plan: a rule of your own"}</div></>,
    },
    { key: "status", header: "Status", width: "122px", isInline: true, cell: (row) => <AlertStatusBadge status={row.status} /> },
    { key: "resource", header: "Affected", width: "190px", cell: (row) => <Affected row={row} /> },
    { key: "tactic", header: "Tactic", width: "150px", cell: (row) => inOrder(row.intents).map(intentTitle).join(", ") },
    { key: "end", header: "Last event", width: "136px", cell: (row) => <Time at={row.end} /> },
    { key: "events", header: "Events", width: "74px", isEnd: true, cell: (row) => <span className="number">{row.nEvents.toLocaleString()}</span> },
  ];
  return <DataTable label={label} columns={columns} groups={[{ key: "", title: null, rows }]} rowKey={(row) => row.id} rowName={(row) => `${plainTitle(row.title)}, ${plural(row.nEvents, "event")}`} selection={selection} />;
}

/** The resource of the inventory, or else what the log calls it. */
export function Affected({ row }: { row: Pick<AlertRow, "resource" | "compromised" | "account"> }) {
  const name = row.compromised || row.resource;
  return (
    <div className="stack" style={{ gap: 0 }}>
      {row.resource
        ? <Link className="clip" to={resourcePath(row.resource)} title={shorten(row.resource, 1000)}><bdi>{endOfId(row.resource)}</bdi></Link>
        : name ? <span className="clip" title={shorten(name, 1000)}><bdi>{name.startsWith("/") || name.startsWith("arn:") ? endOfId(name) : name}</bdi></span> : <span className="muted">Not told</span>}
      <span className="small muted clip"><bdi>{row.account}</bdi></span>
    </div>
  );
}
