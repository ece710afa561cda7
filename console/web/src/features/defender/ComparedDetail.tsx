import { Link } from "react-router";
import type { BesideDefender, Compared, Difference } from "../../api/defenderTypes";
import type { Status } from "../../api/types";
import { DataTable } from "../../components/DataTable";
import { endOfId, recommendationPath, ResourceLink } from "../../components/links";
import { StatusBadge } from "../../components/StatusBadge";
import { adoptCommand, WHY_WORDS } from "../../lib/defender";
import { formatCount, plural, sentence } from "../../lib/format";

interface Props {
  row: Compared;
  titles: BesideDefender["titles"];
  connector: string;
}

/** What answers a recommendation of Defender's here, and the resources on which both differ. */
export function ComparedDetail({ row, titles, connector }: Props) {
  const n = row.resources - row.same;
  return (
    <div className="stack wide">
      <Answers ids={row.ours} titles={titles} />
      {n === 0 && <p className="muted">{row.resources === 0 ? "Neither judges a resource." : `Both say the same of ${row.resources === 1 ? "the one resource" : `all ${plural(row.resources, "resource")}`}.`}</p>}
      {row.differences.length > 0 && <div className="detail-table scroll-rows"><Differences rows={row.differences} /></div>}
      {n > row.differences.length && (
        <p className="small muted">The first {formatCount(row.differences.length)} of {formatCount(n)} are shown; <code>{adoptCommand(connector)} --kept --format json</code> names up to 1,000.</p>
      )}
    </div>
  );
}

/** Recommendations of ours by their titles. */
export function Answers({ ids, titles, text = "Answered here by" }: { ids: readonly string[]; titles: Props["titles"]; text?: string }) {
  return <p>{text} {ids.map((id, at) => <span key={id}>{at > 0 && ", "}<Link to={recommendationPath(id)}>{titles[id] ?? id}</Link></span>)}</p>;
}

function Differences({ rows }: { rows: readonly Difference[] }) {
  return (
    <DataTable
      label="Differences" groups={[{ key: "", title: null, rows }]} rowKey={(row) => row.resource}
      columns={[
        { key: "resource", header: "Resource", isLead: true, cell: (row) => <ResourceLink id={row.resource} name={endOfId(row.resource)} /> },
        { key: "theirs", header: "Defender", width: "136px", cell: (row) => <Verdict status={row.theirs} /> },
        { key: "ours", header: "Skywarden", width: "136px", cell: (row) => <Verdict status={row.ours} /> },
        { key: "why", header: "Why", width: "320px", cell: (row) => <Reason row={row} /> },
      ]}
    />
  );
}

const Verdict = ({ status }: { status?: Status }) => (status ? <StatusBadge status={status} /> : <span className="muted">No verdict</span>);

function Reason({ row }: { row: Difference }) {
  return (
    <>
      <div>{sentence(WHY_WORDS[row.why] ?? row.why)}</div>
      {row.cause && <div className="small muted"><bdi>{sentence(row.cause)}</bdi></div>}
    </>
  );
}
