import type { CoverageItem, UnreadableReason } from "../api/types";

export type Outcome = "complete" | "partial" | "failed" | "skipped";

export const OUTCOMES: readonly (Outcome | "denied")[] = ["failed", "partial", "denied", "skipped", "complete"];

const RANK: Record<Outcome, number> = { failed: 4, partial: 3, skipped: 1, complete: 0 };

/** Worst first; a complete list of which fields were refused comes before one that was skipped. */
const rank = (item: CoverageItem): number => Math.max(RANK[item.outcome.state] ?? 4, (item.denied ?? []).length > 0 ? 2 : 0);

export const listed = (item: CoverageItem): number | undefined => item.outcome.nResources;

export function reasonOf(item: CoverageItem): UnreadableReason | undefined {
  return typeof item.outcome.reason === "object" ? item.outcome.reason : undefined;
}

export function skipReason(item: CoverageItem): string | undefined {
  return typeof item.outcome.reason === "string" ? item.outcome.reason : undefined;
}

/** The permissions that were missing for a listing or for what is inside it. */
export function permissionsOf(item: CoverageItem): string[] {
  const all = [reasonOf(item), ...(item.denied ?? []).map((read) => read.reason)];
  return [...new Set(all.flatMap((reason) => reason?.permission ?? []))];
}

export interface CoverageFilter {
  q?: string;
  outcome?: string;
  account?: string;
}

export function filterCoverage(items: readonly CoverageItem[], filter: CoverageFilter): CoverageItem[] {
  const text = filter.q?.trim().toLowerCase() ?? "";
  return items
    .filter((item) => {
      const hasDenied = (item.denied ?? []).length > 0;
      const isOutcome = !filter.outcome || (filter.outcome === "denied" ? hasDenied : item.outcome.state === filter.outcome);
      const isNamed = !text || [item.type, item.region, ...permissionsOf(item)].some((word) => word.toLowerCase().includes(text));
      return isOutcome && isNamed && (!filter.account || item.account === filter.account);
    })
    .sort((a, b) => rank(b) - rank(a) || a.type.localeCompare(b.type) || a.region.localeCompare(b.region));
}
