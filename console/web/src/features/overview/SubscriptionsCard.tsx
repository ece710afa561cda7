import { Link } from "react-router";
import type { Connector, Overview, Subscription } from "../../api/types";
import { DataTable } from "../../components/DataTable";
import { EmptyNote } from "../../components/PageStates";
import { SampleBadge } from "../../components/SampleBadge";
import { Time } from "../../components/Time";
import { environmentName, formatPercent } from "../../lib/format";

/** Each account, project or fleet with its own score. */
export function SubscriptionsCard({ overview }: { overview: Overview }) {
  const connectors = new Map(overview.connectors.map((connector) => [connector.id, connector]));
  return (
    <section className="card flush" aria-label="Subscriptions">
      <div className="card-head"><h2>Subscriptions</h2></div>
      {overview.subscriptions.length === 0 ? (
        <EmptyNote title="Nothing is assessed yet"><p>Connect an environment with <code>skywarden connect</code>.</p></EmptyNote>
      ) : (
        <DataTable
          label="Subscriptions" groups={[{ key: "", title: null, rows: overview.subscriptions }]}
          rowKey={(row) => `${row.connector} ${row.account}`}
          columns={[
            { key: "name", header: "Subscription", isLead: true, cell: (row) => <Name row={row} connector={connectors.get(row.connector)} /> },
            {
              key: "score", header: "Secure score", isEnd: true, width: "130px",
              cell: (row) => (
                <>
                  <strong>{row.score.max > 0 ? formatPercent(row.score.percentage) : "none yet"}</strong>
                  <div className="small muted">{formatPercent(row.score.range[0])} to {formatPercent(row.score.range[1])}</div>
                </>
              ),
            },
            { key: "coverage", header: "Coverage", isEnd: true, width: "90px", cell: (row) => formatPercent(row.score.coverage) },
          ]}
        />
      )}
    </section>
  );
}

function Name({ row, connector }: { row: Subscription; connector?: Connector }) {
  const query = new URLSearchParams({ connector: row.connector, account: row.account });
  return (
    <>
      <div className="row">
        <Link to={`/inventory?${query}`} className="cell-title">{row.name ?? connector?.displayName ?? row.connector}</Link>
        {connector?.sample && <SampleBadge />}
      </div>
      <div className="small muted">
        {connector && `${environmentName(connector.environment)}, `}{row.account}, assessed <Time at={row.at} />
      </div>
    </>
  );
}
