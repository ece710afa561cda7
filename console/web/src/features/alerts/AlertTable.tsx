import { useState } from "react";
import { Link } from "react-router";
import type { AlertRow } from "../../api/alertTypes";
import { AccountName } from "../../components/AccountName";
import { AlertLink, AlertStatusBadge } from "../../components/AlertBadges";
import { DataTable, type Column, type Selection } from "../../components/DataTable";
import { resourcePath } from "../../components/links";
import { SeverityBadge } from "../../components/SeverityBadge";
import { ShowMore } from "../../components/ShowMore";
import { Time } from "../../components/Time";
import { plainTitle } from "../../lib/alerts";
import { formatCount, shorten } from "../../lib/format";
import { shortName } from "../../lib/ids";
import { inOrder, intentTitle } from "../../lib/killChain";
import { usePlanTitle } from "../plans/usePlanTitle";

interface Props {
  rows: readonly AlertRow[];
  selection?: Selection<AlertRow>;
  label?: string;
  /** Rows laid out before a person asks for more; without it, all are. */
  step?: number;
}

export function AlertTable({ rows, selection, label = "Alerts", step = Number.POSITIVE_INFINITY }: Props) {
  const titleOf = usePlanTitle();
  const [limit, setLimit] = useState(step);
  const columns: Column<AlertRow>[] = [
    { key: "severity", header: "Severity", width: "152px", isInline: true, cell: (row) => <SeverityBadge severity={row.severity} /> },
    {
      key: "title", header: "Alert", isLead: true,
      cell: (row) => <><AlertLink row={row} /><div className="small muted">{row.plan ? titleOf(row.plan) : "No plan: a rule of your own"}</div></>,
    },
    { key: "status", header: "Status", width: "108px", isInline: true, cell: (row) => <AlertStatusBadge status={row.status} /> },
    { key: "resource", header: "Affected", width: "146px", cell: (row) => <Affected row={row} /> },
    { key: "tactic", header: "Tactic", width: "132px", cell: (row) => inOrder(row.intents).map(intentTitle).join(", ") },
    { key: "end", header: "Last event", width: "124px", cell: (row) => <Time at={row.end} /> },
    { key: "events", header: "Events", width: "78px", isEnd: true, cell: (row) => <span className="number">{formatCount(row.nEvents)}</span> },
  ];
  return (
    <>
      <DataTable label={label} columns={columns} groups={[{ key: "", title: null, rows: rows.slice(0, limit) }]} rowKey={(row) => row.id} rowName={(row) => plainTitle(row.title)} selection={selection} />
      <ShowMore left={rows.length - limit} onMore={() => setLimit(limit + step)} />
    </>
  );
}

/** The resource of the inventory, or else what the log calls it. */
export function Affected({ row }: { row: Pick<AlertRow, "resource" | "compromised" | "account"> }) {
  const name = row.compromised || row.resource;
  return (
    <div className="stack" style={{ gap: 0 }}>
      {row.resource
        ? <Link className="clip" to={resourcePath(row.resource)} title={shorten(row.resource, 1000)}><bdi>{shortName(row.resource)}</bdi></Link>
        : name ? <span className="clip" title={shorten(name, 1000)}><bdi>{shortName(name)}</bdi></span> : <span className="muted">Not told</span>}
      <span className="small muted clip"><AccountName id={row.account} /></span>
    </div>
  );
}
