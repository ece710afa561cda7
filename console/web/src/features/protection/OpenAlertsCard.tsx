import { Link } from "react-router";
import { useAlertCounts } from "../../api/alertQueries";
import { DayChart } from "../../components/DayChart";
import { Loaded } from "../../components/PageStates";
import { OPEN, wholeDays } from "../../lib/alerts";
import { SeverityFigures } from "../alerts/SeverityFigures";

const DAYS = 30;

/** Open alerts by severity, and all alerts by day. */
export function OpenAlertsCard() {
  const open = useAlertCounts({ status: OPEN, days: String(DAYS) });
  const all = useAlertCounts({ days: String(DAYS) });
  return (
    <section className="card stack wide" aria-label="Open alerts">
      <div className="row spread"><h2>Open alerts, last {DAYS} days</h2><Link to="/alerts">See alerts</Link></div>
      <Loaded query={open} rows={2}>{(counts) => <SeverityFigures counts={counts.severity} />}</Loaded>
      <div className="stack" style={{ gap: 4 }}>
        <h3>All alerts by day, whatever their state</h3>
        <Loaded query={all} rows={4}>{(counts) => <DayChart days={wholeDays(counts.days, DAYS, Date.now())} />}</Loaded>
      </div>
    </section>
  );
}
