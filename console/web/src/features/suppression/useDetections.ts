import { useMemo } from "react";
import { MAX_ROWS, useAlerts } from "../../api/alertQueries";
import { useMay } from "../../api/peopleQueries";
import { ALERTS_READ } from "../../lib/actions";
import { plainTitle } from "../../lib/alerts";

/** The detections that raised the newest alerts, by name: what a rule is most likely made for. */
export function useDetections(): { id: string; title: string }[] {
  const { data } = useAlerts({ days: "90", limit: MAX_ROWS }, { enabled: useMay()(ALERTS_READ) });
  return useMemo(() => {
    const titles = new Map((data?.items ?? []).map((row) => [row.detection, plainTitle(row.title)]));
    return [...titles].map(([id, title]) => ({ id, title })).sort((a, b) => a.title.localeCompare(b.title));
  }, [data]);
}
