import type { AlertRow } from "../../api/alertTypes";
import { DataTable, type Selection } from "../../components/DataTable";
import { SeverityBadge } from "../../components/SeverityBadge";
import { Time } from "../../components/Time";
import type { AlertGroup, AlertGrouping } from "../../lib/alerts";
import { formatCount } from "../../lib/format";
import { isCloudId, shortName } from "../../lib/ids";
import { AlertTable } from "./AlertTable";

/** Alerts of a group laid out before a person asks for more. */
const STEP = 20;

/** A row for each group, which opens to its alerts. */
export function AlertGroups({ groups, by, selection }: { groups: readonly AlertGroup[]; by: AlertGrouping; selection?: Selection<AlertRow> }) {
  return (
    <DataTable
      label="Groups of alerts" groups={[{ key: "", title: null, rows: groups }]} rowKey={(group) => group.key} rowName={(group) => group.title}
      columns={[
        { key: "severity", header: "Highest severity", width: "152px", isInline: true, cell: (group) => <SeverityBadge severity={group.severity} /> },
        { key: "title", header: by === "detection" ? "Detection" : "Resource", isLead: true, cell: (group) => <Name group={group} /> },
        { key: "count", header: "Alerts", width: "90px", isEnd: true, cell: (group) => <span className="number">{formatCount(group.rows.length)}</span> },
        { key: "end", header: "Last event", width: "180px", cell: (group) => <Time at={group.end} /> },
      ]}
      detail={(group) => <div className="detail-table"><AlertTable rows={group.rows} selection={selection} label={`Alerts: ${group.title}`} step={STEP} /></div>}
    />
  );
}

/** Of an id its end, which tells it from others, with all of it below. */
function Name({ group: { title } }: { group: AlertGroup }) {
  return <><strong className="breakable"><bdi>{shortName(title)}</bdi></strong>{isCloudId(title) && <div className="small muted breakable"><bdi>{title}</bdi></div>}</>;
}
