import { useMemo } from "react";
import { useRecommendations } from "../../api/queries";
import type { RecommendationRow } from "../../api/types";

/** Recommendations by id; empty until they are known, so that a list can show ids meanwhile. */
export function useTitles(): ReadonlyMap<string, RecommendationRow> {
  const { data } = useRecommendations();
  return useMemo(() => new Map((data ?? []).map((row) => [row.id, row])), [data]);
}
