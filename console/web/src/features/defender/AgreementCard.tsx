import type { Compared } from "../../api/defenderTypes";
import { Legend, StackedBar } from "../../components/StackedBar";
import { agreementOf } from "../../lib/defender";
import { formatCount, formatPercent, plural } from "../../lib/format";

/** How much both agree over all that both have. */
export function AgreementCard({ rows, isAssessed }: { rows: readonly Compared[]; isAssessed: boolean }) {
  const { same, resources, shares } = agreementOf(rows);
  return (
    <section className="card stack wide" aria-label="Agreement">
      <h2>Agreement</h2>
      <span className="figure">
        <strong>{resources > 0 ? formatPercent(same / resources) : "None"}</strong>
        <span className="muted">
          {resources > 0 ? `${formatCount(same)} of ${plural(resources, "verdict")} are the same, over ${plural(rows.length, "recommendation")} that both have` : "There is nothing to compare."}
        </span>
      </span>
      {!isAssessed && <p className="tone-Unknown">Nothing of this tenant is assessed here yet, so nothing can agree.</p>}
      {resources > 0 && (
        <>
          <StackedBar shares={shares} isTall />
          <Legend shares={shares} isColumn />
          <p className="small muted">What is unknown here counts as no agreement. What changed since Defender was asked shows as a difference.</p>
        </>
      )}
    </section>
  );
}
