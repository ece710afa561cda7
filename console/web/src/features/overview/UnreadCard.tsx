import { Link } from "react-router";
import type { CoverageCounts } from "../../api/types";
import { formatCount, plural } from "../../lib/format";

/** How much of the estate Skywarden could not look at. */
export function UnreadCard({ coverage }: { coverage: CoverageCounts }) {
  const isWhole = coverage.partial + coverage.failed + coverage.denied + coverage.skipped === 0;
  return (
    <section className="card stack" aria-label="What could not be read">
      <div className="row spread">
        <h2>What could not be read</h2>
        <Link to="/coverage">See coverage</Link>
      </div>
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
