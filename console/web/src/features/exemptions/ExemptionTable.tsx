import { Link } from "react-router";
import type { Exemption, RecommendationRow } from "../../api/types";
import { AccountName } from "../../components/AccountName";
import { DataTable, type Selection } from "../../components/DataTable";
import { endOfId, recommendationPath, ResourceLink } from "../../components/links";
import { SampleBadge } from "../../components/SampleBadge";
import { Day } from "../../components/Time";
import { hasExpired, type Decision } from "../../lib/exemptions";
import { plural } from "../../lib/format";
import { LiftButton } from "./LiftButton";

interface Props {
  decisions: readonly Decision[];
  titles: ReadonlyMap<string, RecommendationRow>;
  /** Left out where the session may remove none. */
  selection?: Selection<Decision>;
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
        { key: "where", header: "Where", width: "19%", cell: (row) => <Where decision={row} /> },
        { key: "category", header: "Category", width: "100px", cell: (row) => row.first.category },
        { key: "reason", header: "Reason", width: "19%", cell: (row) => <span className="pre-wrap">{row.first.reason}</span> },
        { key: "expires", header: "Expires", width: "150px", cell: (row) => <Expires exemption={row.first} /> },
        ...(selection ? [{ key: "remove", header: "Action", width: "140px", cell: (row: Decision) => <LiftButton exemptions={row.exemptions} /> }] : []),
      ]}
      detail={(row) => <Resources exemptions={row.exemptions} canRemove={selection !== undefined} />} hasDetail={(row) => row.exemptions.length > 1}
    />
  );
}

function Expires({ exemption }: { exemption: Exemption }) {
  return (
    <>
      <div>{exemption.expiresAt ? <Day at={exemption.expiresAt} /> : "Never"}{hasExpired(exemption) && <span className="tag" style={{ marginInlineStart: 6 }}>Expired</span>}</div>
      <div className="small muted">Added <Day at={exemption.createdAt} /> by <bdi>{exemption.createdBy}</bdi></div>
    </>
  );
}

function Where({ decision }: { decision: Decision }) {
  const { scope } = decision.first;
  switch (scope.kind) {
    case "resource":
      return decision.exemptions.length > 1 ? <>{plural(decision.exemptions.length, "resource")}</> : <Place id={scope.id} />;
    case "subscription":
      return <>Account <AccountName id={scope.account} /></>;
    case "resourceGroup":
      return <>{scope.resourceGroup} in account <AccountName id={scope.account} /></>;
    default:
      return <>Everywhere</>;
  }
}

const Place = ({ id }: { id: string }) => <ResourceLink id={id} name={endOfId(id)} />;

function Resources({ exemptions, canRemove }: { exemptions: readonly Exemption[]; canRemove: boolean }) {
  return (
    <ul className="plain scroll-rows">
      {exemptions.map((one) => one.scope.kind === "resource" && (
        <li key={one.id} className="row spread" style={{ flexWrap: "nowrap", padding: "2px 0" }}><Place id={one.scope.id} />{canRemove && <LiftButton exemptions={[one]} />}</li>
      ))}
    </ul>
  );
}
