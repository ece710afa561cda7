import { Link } from "react-router";
import type { BesideDefender, Compared } from "../../api/defenderTypes";
import { DataTable } from "../../components/DataTable";
import { recommendationPath } from "../../components/links";
import { StackedBar } from "../../components/StackedBar";
import { agreementOf, MATCH_WORDS, whyTexts } from "../../lib/defender";
import { formatCount, formatPercent } from "../../lib/format";
import { ComparedDetail } from "./ComparedDetail";

interface Props {
  rows: readonly Compared[];
  titles: BesideDefender["titles"];
  connector: string;
}

/** A row for each recommendation of Defender's; one that differs opens to its resources. */
export function ComparedTable({ rows, titles, connector }: Props) {
  return (
    <DataTable
      label="Compared recommendations" groups={[{ key: "", title: null, rows }]} rowKey={(row) => row.key} rowName={(row) => row.title}
      columns={[
        { key: "title", header: "Recommendation", isLead: true, cell: (row) => <Title row={row} /> },
        { key: "matched", header: "Matched by", width: "140px", cell: (row) => MATCH_WORDS[row.matchedBy] },
        { key: "agreement", header: "Agreement", width: "150px", cell: (row) => <Agreement row={row} /> },
        { key: "resources", header: "Resources", isEnd: true, width: "100px", cell: (row) => formatCount(row.resources) },
        { key: "why", header: "Why not", width: "250px", cell: (row) => whyTexts(row.why).map((text) => <div key={text}>{text}</div>) },
      ]}
      detail={(row) => <ComparedDetail row={row} titles={titles} connector={connector} />}
    />
  );
}

/** Defender's title leads to our recommendation; where several answer it, they are named below. */
function Title({ row }: { row: Compared }) {
  const only = row.ours.length === 1 ? row.ours[0] : undefined;
  return (
    <>
      {only ? <Link to={recommendationPath(only)} className="cell-title">{row.title}</Link> : <span className="cell-title">{row.title}</span>}
      <div className="small muted"><code>{row.key}</code></div>
    </>
  );
}

function Agreement({ row }: { row: Compared }) {
  if (row.resources === 0) return <span className="muted">Nothing is judged</span>;
  return (
    <div className="stack" style={{ gap: 2 }}>
      <span className="number"><strong>{formatPercent(row.agreement)}</strong> <span className="small muted">{formatCount(row.same)} of {formatCount(row.resources)}</span></span>
      <StackedBar shares={agreementOf([row]).shares} />
    </div>
  );
}
