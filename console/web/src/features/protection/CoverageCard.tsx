import { Link } from "react-router";
import type { PlansAnswer } from "../../api/planTypes";
import { Legend, StackedBar } from "../../components/StackedBar";
import { formatCount, plural } from "../../lib/format";
import { coverageOfAll } from "../../lib/protection";

/** How many subscriptions have plans on. */
export function CoverageCard({ answer }: { answer: PlansAnswer }) {
  const { full, part, none, unknown } = coverageOfAll(answer);
  const shares = [
    { name: "Passed", label: "All plans on", count: full },
    { name: "Protected", label: "Some on", count: part },
    { name: "NotApplicable", label: "None on", count: none },
    { name: "Unknown", label: "Not told", count: unknown },
  ].filter((share) => share.name !== "Unknown" || share.count > 0);
  return (
    <section className="card stack wide" aria-label="Coverage">
      <div className="row spread"><h2>Coverage</h2><Link to="/plans">See plans</Link></div>
      {answer.subscriptions.length === 0 ? <p className="muted">There is no subscription yet. Connect an environment with <code>skywarden connect</code>.</p> : (
        <>
          <p><span className="big-number">{formatCount(full + part)}</span> of {plural(answer.subscriptions.length, "subscription")} {full + part === 1 && answer.subscriptions.length === 1 ? "has" : "have"} plans on.</p>
          <StackedBar shares={shares} isTall />
          <Legend shares={shares} isColumn />
          <p className="small muted">A plan that is on does what of it is built; what is not yet stands below.</p>
        </>
      )}
    </section>
  );
}
