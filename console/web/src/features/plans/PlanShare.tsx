import { StackedBar } from "../../components/StackedBar";
import { formatCount } from "../../lib/format";
import type { PlanCounts } from "../../lib/plans";

/** Of how many, plans or subscriptions, it is on. */
export function PlanShare({ counts }: { counts: PlanCounts }) {
  const total = counts.on + counts.off + counts.unknown;
  if (total === 0) return <span className="muted">None</span>;
  const shares = [
    { name: "Passed", label: "On", count: counts.on },
    { name: "NotApplicable", label: "Off", count: counts.off },
    { name: "Unknown", label: "Not told", count: counts.unknown },
  ];
  return (
    <div className="stack" style={{ gap: 2 }}>
      <StackedBar shares={shares} />
      <span className="small muted">On in {formatCount(counts.on)} of {formatCount(total)}</span>
    </div>
  );
}
