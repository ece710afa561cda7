import type { Score } from "../../api/types";
import { formatPercent } from "../../lib/format";

const RADIUS = 84;
const OUTER = 97;

const arc = (radius: number): string => `M ${110 - radius} 106 A ${radius} ${radius} 0 0 1 ${110 + radius} 106`;

/** The score as a half circle; the thin ring outside it is the range in which the true score lies. */
export function ScoreGauge({ score }: { score: Score }) {
  const [low, high] = score.range;
  const value = score.percentage * 100;
  const from = low * 100;
  const width = (high - low) * 100;
  const text = formatPercent(score.percentage);
  return (
    <div className="gauge" role="img" aria-label={`Secure score ${text}, between ${formatPercent(low)} and ${formatPercent(high)}`}>
      <svg viewBox="0 0 220 112" aria-hidden>
        <path className="track" d={arc(RADIUS)} fill="none" strokeWidth="16" pathLength={100} />
        {value > 0 && <path className="value" d={arc(RADIUS)} fill="none" strokeWidth="16" pathLength={100} strokeDasharray={`${value} 200`} />}
        <path className="track" d={arc(OUTER)} fill="none" strokeWidth="4" pathLength={100} />
        {width > 0 && (
          <path className="band" d={arc(OUTER)} fill="none" strokeWidth="5" pathLength={100} strokeDasharray={`0 ${from} ${width} 200`} />
        )}
      </svg>
      <div className="gauge-number" aria-hidden>
        <strong data-testid="secure-score" data-value={score.percentage}>{text}</strong>
      </div>
    </div>
  );
}
