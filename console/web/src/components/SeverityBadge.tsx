import type { AlertSeverity } from "../api/alertTypes";
import type { Severity } from "../api/types";

const BARS: Record<Severity | AlertSeverity, number> = { Informational: 0, Low: 1, Medium: 2, High: 3, Critical: 4 };

/** Rising bars tell the severities apart without colour. */
export function SeverityBadge({ severity }: { severity: Severity | AlertSeverity }) {
  return (
    <span className={`badge severity-${severity}`}>
      <svg width="16" height="14" viewBox="0 0 16 14" aria-hidden>
        {[1, 2, 3, 4].map((bar) => (
          <rect
            key={bar} x={(bar - 1) * 4} y={13 - bar * 3} width="3" height={bar * 3} rx="0.5"
            fill="currentColor" opacity={bar <= BARS[severity] ? 1 : 0.22}
          />
        ))}
      </svg>
      {severity}
    </span>
  );
}
