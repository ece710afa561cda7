import { Link } from "react-router";
import type { SeverityCounts } from "../../api/alertTypes";
import { ALERT_SEVERITIES } from "../../lib/alerts";
import { formatCount } from "../../lib/format";

/** Open alerts of each severity, which lead to them. */
export function SeverityFigures({ counts }: { counts: SeverityCounts }) {
  return (
    <div className="figures severity-figures">
      {ALERT_SEVERITIES.map((name) => (
        <div className="figure" key={name}>
          <Link to={`/alerts?severity=${name}`}>
            <strong>{formatCount(counts[name] ?? 0)}</strong><br />
            <span className="badge"><span className={`swatch mark-${name}`} aria-hidden />{name}</span>
          </Link>
        </div>
      ))}
    </div>
  );
}
