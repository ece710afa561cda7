import { Link } from "react-router";
import type { Exemption, RecommendationRow } from "../../api/types";
import { DataTable, type Selection } from "../../components/DataTable";
import { recommendationPath, resourcePath } from "../../components/links";
import { SampleBadge } from "../../components/SampleBadge";
import { hasExpired, type Decision } from "../../lib/exemptions";
import { formatDate, formatTime, plural, shorten } from "../../lib/format";
import { LiftButton } from "./LiftButton";

interface Props {
  decisions: readonly Decision[];
  titles: ReadonlyMap<string, RecommendationRow>;
  selection: Selection<Decision>;
}

/** A row for each decision; one on many resources opens to them. */
export function ExemptionTable({ decisions, titles, selection }: Props) {
  const titleOf = ({ first }: Decision) => titles.get(first.recommendation)?.title ?? first.recommendation;
  return (
    <DataTable
      label="Exemptions" groups={[{ key: "", title: null, rows: decisions }]} rowKey={(row) => row.key} rowName={titleOf} selection={selection}
      columns={[
        {
          key: "what", header: "Recommendation", isLead: true,
          cell: (row) => (
            <>
              <span className="row">
                <Link to={recommendationPath(row.first.recommendation)} className="cell-title">{titleOf(row)}</Link>
                {titles.get(row.first.recommendation)?.sample && <SampleBadge />}
              </span>
              {row.first.finding && <div className="small muted">Finding <code>{row.first.finding}</code></div>}
            </>
          ),
        },
        { key: "where", header: "Where", width: "22%", cell: (row) => <Where decision={row} /> },
        { key: "category", header: "Category", width: "100px", cell: (row) => row.first.category },
        { key: "reason", header: "Reason", width: "20%", cell: (row) => <span className="pre-wrap">{row.first.reason}</span> },
        { key: "expires", header: "Expires", width: "150px", cell: (row) => <Expires exemption={row.first} /> },
        { key: "remove", header: "Action", width: "140px", cell: (row) => <LiftButton exemptions={row.exemptions} /> },
      ]}
      detail={(row) => <Resources exemptions={row.exemptions} />} hasDetail={(row) => row.exemptions.length > 1}
    />
  );
}

function Expires({ exemption }: { exemption: Exemption }) {
  return (
    <>
      <div>{exemption.expiresAt ? formatDate(exemption.expiresAt) : "Never"}{hasExpired(exemption) && <span className="tag" style={{ marginInlineStart: 6 }}>Expired</span>}</div>
      <div className="small muted" title={formatTime(exemption.createdAt)}>Added {formatDate(exemption.createdAt)} by {exemption.createdBy}</div>
    </>
  );
}

function Where({ decision }: { decision: Decision }) {
  const { scope } = decision.first;
  switch (scope.kind) {
    case "resource":
      return decision.exemptions.length > 1 ? <>{plural(decision.exemptions.length, "resource")}</> : <Place id={scope.id} />;
    case "subscription":
      return <>Account {scope.account}</>;
    case "resourceGroup":
      return <>{scope.resourceGroup} in account {scope.account}</>;
    default:
      return <>Everywhere</>;
  }
}

const Place = ({ id }: { id: string }) => <Link to={resourcePath(id)} className="clip" title={shorten(id, 1000)}><bdi>{id}</bdi></Link>;

function Resources({ exemptions }: { exemptions: readonly Exemption[] }) {
  return (
    <ul className="plain scroll-rows">
      {exemptions.map((one) => one.scope.kind === "resource" && (
        <li key={one.id} className="row spread" style={{ flexWrap: "nowrap", padding: "2px 0" }}><Place id={one.scope.id} /><LiftButton exemptions={[one]} /></li>
      ))}
    </ul>
  );
}
