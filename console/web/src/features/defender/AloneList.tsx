import { useState } from "react";
import { Link } from "react-router";
import type { JudgedAlone } from "../../api/defenderTypes";
import type { Status } from "../../api/types";
import { DataTable } from "../../components/DataTable";
import { recommendationPath } from "../../components/links";
import { ShowMore } from "../../components/ShowMore";
import { StatusCount } from "../../components/StatusBadge";
import { formatCount, plural } from "../../lib/format";

/** Recommendations shown before a person asks for more. */
const STEP = 50;

interface Props {
  title: string;
  rows: readonly JudgedAlone[];
  isOurs?: boolean;
}

/** Recommendations that only one of both has, folded until somebody opens them. */
export function AloneList({ title, rows, isOurs = false }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  const [limit, setLimit] = useState(STEP);
  const count = (status: Status, n: number) => <StatusCount status={status} count={n} text={formatCount(n)} isWordy />;
  return (
    <details className="card flush fold" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary><h2>{title}</h2> <span className="muted nowrap">{plural(rows.length, "recommendation")}</span></summary>
      {isOpen && rows.length === 0 && <p className="muted inset-line">There is none among what could be compared.</p>}
      {isOpen && rows.length > 0 && (
        <DataTable
          label={title} groups={[{ key: "", title: null, rows: rows.slice(0, limit) }]} rowKey={(row) => row.id}
          columns={[
            { key: "title", header: "Recommendation", isLead: true, cell: (row) => <Title row={row} isOurs={isOurs} /> },
            { key: "unhealthy", header: "Unhealthy", isEnd: true, isInline: true, width: "110px", cell: (row) => count("Unhealthy", row.unhealthy) },
            { key: "healthy", header: "Healthy", isEnd: true, isInline: true, width: "110px", cell: (row) => count("Healthy", row.healthy) },
          ]}
        />
      )}
      {isOpen && <ShowMore left={rows.length - limit} onMore={() => setLimit(limit + STEP)} />}
    </details>
  );
}

function Title({ row, isOurs }: { row: JudgedAlone; isOurs: boolean }) {
  return (
    <>
      {isOurs ? <Link to={recommendationPath(row.id)} className="cell-title">{row.title}</Link> : <span className="cell-title">{row.title}</span>}
      <div className="small muted"><code>{row.id}</code></div>
    </>
  );
}
