import { Link } from "react-router";
import { useAlertCounts } from "../../api/alertQueries";
import { useMay } from "../../api/peopleQueries";
import { Loaded } from "../../components/PageStates";
import { ALERTS_READ } from "../../lib/actions";
import { OPEN } from "../../lib/alerts";
import { SeverityFigures } from "../alerts/SeverityFigures";

/** Attacks that were seen and that nobody has closed yet. */
export function AlertsCard() {
  const canRead = useMay()(ALERTS_READ);
  const query = useAlertCounts({ status: OPEN, days: "30" }, { enabled: canRead });
  if (!canRead) return null;
  return (
    <section className="card stack" aria-label="Open alerts">
      <div className="row spread"><h2>Open alerts, last 30 days</h2><span className="row" style={{ gap: 16 }}><Link to="/protection">Workload protection</Link><Link to="/alerts">See alerts</Link></span></div>
      <Loaded query={query} rows={2}>{(counts) => <SeverityFigures counts={counts.severity} />}</Loaded>
    </section>
  );
}
