import type { ControlScore, CoverageCounts, Score, StatusCounts, TrendPoint } from "../api/types";
import { formatPercent, plural } from "./format";

/** Listings of which it is not known what they would have held. */
export const brokenListings = (coverage: CoverageCounts): number => coverage.failed + coverage.partial;

/** Why the score is a range, or that it is not one. */
export function scoreSentence(score: Score, assessments: StatusCounts, coverage: CoverageCounts): string {
  const [low, high] = score.range;
  const unread = assessments.Unknown ?? 0;
  const broken = brokenListings(coverage);
  const reasons: string[] = [];
  if (unread > 0) reasons.push(`${plural(unread, "check")} could not be read`);
  if (broken > 0) reasons.push(`${plural(broken, "list", "lists")} could not be fetched in full`);
  const why = reasons.join(" and ");
  const lowText = formatPercent(low);
  const highText = formatPercent(high);
  if (lowText === highText) {
    if (!why) return `${formatPercent(score.percentage)}. Every check that counts could be read.`;
    return `${formatPercent(score.percentage)}. The score is exact, although ${why}.`;
  }
  return `${formatPercent(score.percentage)}, between ${lowText} and ${highText}${why ? `: ${why}` : ""}.`;
}

/** The share of the whole score that healing the control's resources would add. */
export function potentialShare(control: ControlScore, score: Score): number {
  return score.max > 0 ? control.potentialIncrease / score.max : 0;
}

/** Most to gain first; then what is unknown; then by title. */
export function byPotential(controls: readonly ControlScore[]): ControlScore[] {
  return [...controls].sort(
    (a, b) => b.potentialIncrease - a.potentialIncrease || b.unknown - a.unknown || a.title.localeCompare(b.title),
  );
}

/** Points closer together than this belong to one run over several connectors. */
const ONE_RUN = 60_000;

/** The trend without what was only on the way in a run: the last point of each. */
export function settledTrend(points: readonly TrendPoint[]): TrendPoint[] {
  return points.filter((point, index) => {
    const next = points[index + 1];
    return !next || new Date(next.at).getTime() - new Date(point.at).getTime() > ONE_RUN;
  });
}

/** What an exemption or its removal did to the score. */
export function scoreChange(before: Score, after: Score): string {
  const was = formatPercent(before.percentage);
  const is = formatPercent(after.percentage);
  return was === is ? `The secure score stays at ${is}.` : `The secure score was ${was} and is now ${is}.`;
}
