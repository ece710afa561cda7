import { describe, expect, it } from "vitest";
import type { ControlScore, Score } from "../api/types";
import { formatPercent } from "./format";
import { byPotential, potentialShare, scoreChange, scoreSentence, settledTrend } from "./score";

const score = (percentage: number, range: [number, number], max = 40): Score => ({ current: percentage * max, max, percentage, weight: 1, coverage: 1, range });
const WHOLE = { complete: 3, partial: 0, failed: 0, skipped: 0, denied: 0 };

const control = (id: string, changes: Partial<ControlScore>): ControlScore => ({
  id, title: id, max: 4, current: 2, percentage: 0.5, range: [2, 2], potentialIncrease: 2, healthy: 1, unhealthy: 1, unknown: 0, notApplicable: 0, ...changes,
});

describe("the sentence about the score", () => {
  it("gives the range and why it is one", () => {
    expect(scoreSentence(score(0.612, [0.55, 0.703]), { Unknown: 212 }, WHOLE)).toBe(
      `${formatPercent(0.612)}, between ${formatPercent(0.55)} and ${formatPercent(0.703)}: 212 checks could not be read.`,
    );
  });
  it("names failed lists even where no check is unknown", () => {
    expect(scoreSentence(score(0.6, [0.5, 0.7]), {}, { ...WHOLE, failed: 1, partial: 1 })).toContain("2 lists could not be fetched in full");
  });
  it("says that everything was read only if it was", () => {
    expect(scoreSentence(score(0.6, [0.6, 0.6]), { Unknown: 0 }, WHOLE)).toContain("Every check that counts could be read");
    expect(scoreSentence(score(0.6, [0.6, 0.6]), { Unknown: 1 }, WHOLE)).not.toContain("Every check");
  });
  it("speaks of one check in the singular", () => {
    expect(scoreSentence(score(0.6, [0.5, 0.7]), { Unknown: 1 }, WHOLE)).toContain("1 check could not be read");
  });
});

describe("controls", () => {
  it("come by what is to gain, then by what is unknown", () => {
    const list = [control("b", { potentialIncrease: 0 }), control("c", { potentialIncrease: 0, unknown: 2 }), control("a", {})];
    expect(byPotential(list).map((one) => one.id)).toEqual(["a", "c", "b"]);
  });
  it("have a share of the whole score, and none where there is no score", () => {
    expect(potentialShare(control("a", {}), score(0.5, [0.5, 0.5]))).toBeCloseTo(0.05);
    expect(potentialShare(control("a", {}), score(0, [0, 0], 0))).toBe(0);
  });
});

describe("the trend", () => {
  it("shows a run over several connectors as one point, its last", () => {
    const at = (time: string) => ({ at: `2026-11-24T${time}Z`, percentage: 0.5, range: [0.5, 0.5] as [number, number], coverage: 1 });
    const points = [at("08:00:00.1"), at("08:00:00.9"), at("09:00:00"), at("10:00:00")];
    expect(settledTrend(points).map((point) => point.at)).toEqual(points.slice(1).map((point) => point.at));
    expect(settledTrend([])).toEqual([]);
  });
});

describe("a change of the score", () => {
  it("gives both numbers, or says that it stays", () => {
    expect(scoreChange(score(0.5, [0, 1]), score(0.6, [0, 1]))).toBe(`The secure score was ${formatPercent(0.5)} and is now ${formatPercent(0.6)}.`);
    expect(scoreChange(score(0.5, [0, 1]), score(0.50001, [0, 1]))).toContain("stays at");
  });
});
