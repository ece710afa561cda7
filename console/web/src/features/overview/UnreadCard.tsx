import { Link } from "react-router";
import { useMay } from "../../api/peopleQueries";
import { useConnectorRows } from "../../api/queries";
import type { CoverageCounts } from "../../api/types";
import { CONNECTORS_READ } from "../../lib/actions";
import { healthOf, isNeverRead } from "../../lib/connectors";
import { formatCount, plural } from "../../lib/format";

/** How much of the estate Skywarden could not look at. */
export function UnreadCard({ coverage }: { coverage: CoverageCounts }) {
  const connectors = useConnectorRows({ enabled: useMay()(CONNECTORS_READ) }).data ?? [];
  const broken = connectors.filter((row) => healthOf(row).tone === "Unhealthy");
  const unread = connectors.filter((row) => isNeverRead(row) && !broken.includes(row));
  const isWhole = coverage.partial + coverage.failed + coverage.denied + coverage.skipped === 0;
  return (
    <section className="card stack" aria-label="What could not be read">
      <div className="row spread">
        <h2>What could not be read</h2>
        <Link to="/coverage">See coverage</Link>
      </div>
      {broken.length > 0 && <p className="tone-Unhealthy"><Link to="/connectors">{plural(broken.length, "connector")}</Link> cannot be read: what is shown of {broken.length === 1 ? "it" : "them"} is old, or nothing.</p>}
      {unread.length > 0 && <p className="tone-Unknown"><Link to="/connectors">{plural(unread.length, "connector")}</Link> {unread.length === 1 ? "was" : "were"} never read: nothing of {unread.length === 1 ? "it" : "them"} is in the score.</p>}
      {isWhole ? (
        <p>Everything that Skywarden asked for could be read: {plural(coverage.complete, "complete list")}.</p>
      ) : (
        <dl className="facts">
          <Line name="Refused or failed reads" count={coverage.denied} state="denied" />
          <Line name="Failed lists" count={coverage.failed} state="failed" />
          <Line name="Incomplete lists" count={coverage.partial} state="partial" />
          <Line name="Skipped lists" count={coverage.skipped} state="skipped" />
          <Line name="Complete lists" count={coverage.complete} state="complete" />
        </dl>
      )}
    </section>
  );
}

function Line({ name, count, state }: { name: string; count: number; state: string }) {
  return (
    <>
      <dt>{count > 0 ? <Link to={`/coverage?outcome=${state}`}>{name}</Link> : name}</dt>
      <dd className="number">{formatCount(count)}</dd>
    </>
  );
}
