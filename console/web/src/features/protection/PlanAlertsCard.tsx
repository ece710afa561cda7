import { Link } from "react-router";
import { useAlertCounts } from "../../api/alertQueries";
import { Loaded } from "../../components/PageStates";
import { OPEN } from "../../lib/alerts";
import { formatCount } from "../../lib/format";
import { usePlanTitle } from "../plans/usePlanTitle";

/** Which plans found what is open. */
export function PlanAlertsCard() {
  const titleOf = usePlanTitle();
  const query = useAlertCounts({ status: OPEN, days: "30" });
  return (
    <section className="card stack" aria-label="Alerts by plan">
      <h2>Open alerts by plan</h2>
      <Loaded query={query} rows={3}>
        {({ plan }) => {
          const rows = Object.entries(plan).sort(([, a], [, b]) => b - a);
          const most = rows[0]?.[1] ?? 0;
          if (rows.length === 0) return <p className="muted">None in the last 30 days.</p>;
          return (
            <ul className="plain stack">
              {rows.map(([name, count]) => (
                <li key={name} className="bar-line">
                  {name ? <Link to={`/alerts?plan=${encodeURIComponent(name)}`}>{titleOf(name)}</Link> : <span>Rules of your own</span>}
                  <strong className="number">{formatCount(count)}</strong>
                  <span className="bar" aria-hidden><span className="fill-Protected" style={{ width: `${(100 * count) / most}%` }} /></span>
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
    </section>
  );
}
