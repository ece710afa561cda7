import type { AlertCounts } from "../../api/alertTypes";
import { DayChart } from "../../components/DayChart";
import { ALERT_SEVERITIES, wholeDays } from "../../lib/alerts";
import { formatCount } from "../../lib/format";

interface Props {
  counts: AlertCounts;
  days: number;
  /** The one that is filtered by, or nothing. */
  severity: string;
  onSeverity: (severity: string) => void;
}

/** How many alerts there are, by severity and by day; a severity can be chosen. */
export function AlertsChart({ counts, days, severity, onSeverity }: Props) {
  return (
    <section className="card alerts-chart" aria-label="Alerts by severity and day">
      <ul className="plain severity-counts">
        {ALERT_SEVERITIES.map((name) => (
          <li key={name}>
            <button type="button" className="severity-count" aria-pressed={severity === name} title={severity === name ? "Show all severities" : `Show ${name} only`} onClick={() => onSeverity(severity === name ? "" : name)}>
              <span className={`swatch mark-${name}`} aria-hidden />
              <span>{name}</span>
              <strong className="number">{formatCount(counts.severity[name] ?? 0)}</strong>
            </button>
          </li>
        ))}
      </ul>
      <DayChart days={wholeDays(counts.days, days, Date.now())} />
    </section>
  );
}
