import { Link } from "react-router";
import { DataTable, type Column } from "../../components/DataTable";
import { CustomTag } from "../../components/CustomTag";
import { recommendationPath } from "../../components/links";
import { SampleBadge } from "../../components/SampleBadge";
import { SeverityBadge } from "../../components/SeverityBadge";
import { StackedBar } from "../../components/StackedBar";
import { StatusBadge } from "../../components/StatusBadge";
import type { RecommendationRow } from "../../api/types";
import { environmentName, formatCount, plural } from "../../lib/format";
import { worstStatus, type Group, type Grouping, type Sort, type SortKey } from "../../lib/recommendations";

interface Props {
  groups: readonly Group[];
  grouping: Grouping;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

export function RecommendationTable({ groups, grouping, sort, onSort }: Props) {
  const columns: Column<RecommendationRow>[] = [
    { key: "title", header: "Recommendation", isLead: true, isSortable: true, cell: (row) => <TitleCell row={row} withControl={grouping !== "control"} /> },
    { key: "severity", header: "Severity", width: "106px", isSortable: true, cell: (row) => <SeverityBadge severity={row.severity} /> },
    { key: "status", header: "Status", width: "150px", isSortable: true, cell: (row) => <StatusBadge status={worstStatus(row)} /> },
    {
      key: "unhealthy", header: "Unhealthy resources", width: "236px", isSortable: true,
      cell: (row) => <Resources row={row} />,
    },
    { key: "environment", header: "Environment", width: "122px", cell: (row) => row.environment && environmentName(row.environment) },
  ];
  const tableGroups = groups.map((group) => ({
    key: group.key,
    title: grouping === "none" ? null : <>{group.title} <span className="muted small">({plural(group.rows.length, "recommendation")}, {formatCount(group.unhealthy)} unhealthy)</span></>,
    rows: group.rows,
  }));
  return (
    <DataTable
      label="Recommendations" columns={columns} groups={tableGroups} rowKey={(row) => row.id} sort={sort}
      onSort={(next) => onSort({ key: next.key as SortKey, isDescending: next.isDescending })}
    />
  );
}

function TitleCell({ row, withControl }: { row: RecommendationRow; withControl: boolean }) {
  return (
    <div className="stack" style={{ gap: 2 }}>
      <div className="row">
        <Link to={recommendationPath(row.id)} className="cell-title">{row.title}</Link>
        {row.custom && <CustomTag />}
        {row.maturity === "preview" && <span className="tag" title="Shown, but not counted in the score">Preview</span>}
      </div>
      <div className="row small muted">
        <span>{[withControl && row.controlTitle, row.type].filter(Boolean).join(" · ")}</span>
        {row.sample && <SampleBadge />}
      </div>
    </div>
  );
}

function Resources({ row }: { row: RecommendationRow }) {
  const judged = row.healthy + row.unhealthy + row.unknown;
  if (judged === 0) return <span className="muted">Concerns no resource</span>;
  const shares = [
    { name: "Unhealthy", count: row.unhealthy },
    { name: "Unknown", count: row.unknown },
    { name: "Healthy", count: row.healthy },
  ];
  return (
    <div className="stack" style={{ gap: 4 }}>
      <span className="number"><strong>{formatCount(row.unhealthy)}</strong> of {plural(judged, "resource")}{row.unknown > 0 && <span className="muted">, {formatCount(row.unknown)} unknown</span>}</span>
      <StackedBar shares={shares} />
    </div>
  );
}
