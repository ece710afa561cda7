import {
  ArrowCircleUp16Filled, ArrowSync16Filled, CheckmarkCircle16Filled, Circle16Regular, Delete16Regular, DismissCircle16Filled,
} from "@fluentui/react-icons";
import { Link } from "react-router";
import type { Change, RecommendationRow } from "../../api/types";
import { DataTable } from "../../components/DataTable";
import { endOfId, recommendationPath, ResourceLink } from "../../components/links";
import { SampleBadge } from "../../components/SampleBadge";
import { Time } from "../../components/Time";
import { words } from "../../lib/format";

const KINDS = {
  Opened: { Icon: DismissCircle16Filled, tone: "Unhealthy" },
  Reopened: { Icon: ArrowSync16Filled, tone: "Unhealthy" },
  Resolved: { Icon: CheckmarkCircle16Filled, tone: "Healthy" },
  Changed: { Icon: ArrowCircleUp16Filled, tone: "NotApplicable" },
  Gone: { Icon: Delete16Regular, tone: "NotApplicable" },
};

function Kind({ kind }: { kind: string }) {
  const { Icon, tone } = KINDS[kind as keyof typeof KINDS] ?? { Icon: Circle16Regular, tone: "Unknown" };
  return <span className={`badge tone-${tone}`}><Icon aria-hidden />{words(kind)}</span>;
}

export function ChangeTable({ changes, titles }: { changes: readonly Change[]; titles: ReadonlyMap<string, RecommendationRow> }) {
  return (
    <DataTable
      label="Changes" groups={[{ key: "", title: null, rows: changes }]} rowKey={(change) => `${change.at} ${change.recommendation} ${change.resource}`}
      columns={[
        {
          key: "what", header: "Recommendation", isLead: true,
          cell: (change) => (
            <>
              <Link to={recommendationPath(change.recommendation)} className="cell-title">{titles.get(change.recommendation)?.title ?? change.recommendation}</Link>
              {titles.get(change.recommendation)?.sample && <div><SampleBadge /></div>}
            </>
          ),
        },
        {
          key: "resource", header: "Resource", width: "26%",
          cell: (change) => change.kind === "Gone"
            ? <span className="clip" title={change.resource}><bdi>{endOfId(change.resource)}</bdi></span>
            : <ResourceLink id={change.resource} name={endOfId(change.resource)} />,
        },
        { key: "kind", header: "Change", width: "120px", cell: (change) => <Kind kind={change.kind} /> },
        {
          key: "verdict", header: "Verdict", width: "244px",
          cell: (change) => <span className="muted">{change.from ? `${words(change.from)} → ` : ""}{change.to ? words(change.to) : "no longer there"}</span>,
        },
        { key: "at", header: "When", width: "170px", cell: (change) => <span className="nowrap"><Time at={change.at} /></span> },
      ]}
    />
  );
}
