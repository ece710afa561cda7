import { Link } from "react-router";
import type { Overview, Status } from "../../api/types";
import { Legend, StackedBar } from "../../components/StackedBar";
import { formatCount } from "../../lib/format";
import { STATUSES } from "../../lib/recommendations";

/** All checks by their verdict, and how many resources they are about. */
export function ChecksCard({ overview }: { overview: Overview }) {
  const shares = STATUSES.map((name: Status) => ({ name, count: overview.assessments[name] ?? 0 }));
  const total = shares.reduce((sum, share) => sum + share.count, 0);
  return (
    <section className="card stack wide" aria-label="Checks">
      <div className="figures">
        <Figure count={overview.resources} text="resources" to="/inventory" />
        <Figure count={overview.unhealthyResources} text="unhealthy resources" to="/inventory?status=Unhealthy" />
        <Figure count={total} text="checks" to="/recommendations" />
        <Figure count={overview.assessments.Unknown ?? 0} text="checks not readable" to="/recommendations?status=HasUnknown" />
      </div>
      <StackedBar shares={shares} isTall />
      <Legend shares={shares} />
    </section>
  );
}

function Figure({ count, text, to }: { count: number; text: string; to: string }) {
  return (
    <div className="figure">
      <Link to={to}><strong>{formatCount(count)}</strong><br /><span className="muted">{text}</span></Link>
    </div>
  );
}
