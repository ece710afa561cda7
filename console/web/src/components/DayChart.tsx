import type { AlertSeverity } from "../api/alertTypes";
import { ALERT_SEVERITIES, totalOf, type DayOfAlerts } from "../lib/alerts";
import { formatCount, plural } from "../lib/format";
import { useWidth } from "../lib/useWidth";

const HEIGHT = 132;
const EDGE = { left: 32, right: 4, top: 10, bottom: 22 };

/** The gravest stands at the bottom, where small parts are easiest to compare. */
const ORDER: readonly AlertSeverity[] = ALERT_SEVERITIES;

/** Days are those of UTC, as the server counts them. */
const dayText = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const nameOf = (day: string): string => dayText.format(new Date(`${day}T00:00:00Z`));

/** A number of alerts at or above the highest day that divides well. */
function ceilingOf(days: readonly DayOfAlerts[]): number {
  const highest = Math.max(2, ...days.map((day) => totalOf(day.counts)));
  const power = 10 ** Math.floor(Math.log10(highest));
  return [1, 1.2, 1.4, 1.6, 2, 3, 4, 6, 8].map((step) => Math.round(step * power)).find((step) => step >= highest && step % 2 === 0) ?? 10 * power;
}

/** Alerts by day, stacked by severity. */
export function DayChart({ days }: { days: readonly DayOfAlerts[] }) {
  const { ref, width } = useWidth<HTMLDivElement>();
  const total = days.reduce((sum, day) => sum + totalOf(day.counts), 0);
  const busiest = days.reduce((best, day) => (totalOf(day.counts) > totalOf(best.counts) ? day : best), days[0] ?? { day: "", counts: {} });
  const text = total === 0 ? `No alert in ${plural(days.length, "day")}` : `${plural(total, "alert")} in ${plural(days.length, "day")}, most on ${nameOf(busiest.day)}: ${formatCount(totalOf(busiest.counts))}`;
  return (
    <div ref={ref} className="day-chart" role="img" aria-label={text}>
      {width > 0 && <Bars days={days} width={width} />}
    </div>
  );
}

function Bars({ days, width }: { days: readonly DayOfAlerts[]; width: number }) {
  const ceiling = ceilingOf(days);
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  const slot = inner.width / days.length;
  const bar = Math.max(1, Math.min(28, slot * 0.72));
  const yOf = (count: number): number => EDGE.top + inner.height * (1 - count / ceiling);
  const every = Math.max(1, Math.ceil(64 / slot));
  return (
    <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`}>
      {[0, ceiling / 2, ceiling].map((count) => (
        <g key={count}>
          <line className="grid-line" x1={EDGE.left} x2={width - EDGE.right} y1={yOf(count)} y2={yOf(count)} />
          <text className="axis-text" x={EDGE.left - 6} y={yOf(count) + 4} textAnchor="end">{formatCount(count)}</text>
        </g>
      ))}
      {days.map((day, at) => (
        <g key={day.day}>
          <title>{dayTitle(day)}</title>
          <rect x={EDGE.left + at * slot} y={EDGE.top} width={slot} height={inner.height} fill="transparent" />
          {partsOf(day).map(({ name, from, to }) => (
            <rect key={name} className={`mark-${name}`} x={EDGE.left + at * slot + (slot - bar) / 2} y={yOf(to)} width={bar} height={Math.max(1, yOf(from) - yOf(to) - 0.5)} />
          ))}
          {(days.length - 1 - at) % every === 0 && <text className="axis-text" x={Math.min(width - EDGE.right - 18, Math.max(EDGE.left + 14, EDGE.left + (at + 0.5) * slot))} y={HEIGHT - 6} textAnchor="middle">{nameOf(day.day)}</text>}
        </g>
      ))}
    </svg>
  );
}

function partsOf(day: DayOfAlerts): { name: AlertSeverity; from: number; to: number }[] {
  let from = 0;
  return ORDER.flatMap((name) => {
    const count = day.counts[name] ?? 0;
    if (count === 0) return [];
    const part = { name, from, to: from + count };
    from += count;
    return [part];
  });
}

function dayTitle(day: DayOfAlerts): string {
  const parts = ORDER.filter((name) => day.counts[name]).map((name) => `${name}: ${formatCount(day.counts[name] ?? 0)}`);
  return `${nameOf(day.day)} (UTC)\n${parts.join("\n") || "No alert"}`;
}
