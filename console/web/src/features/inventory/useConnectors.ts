import { useMemo } from "react";
import { useOverview } from "../../api/queries";
import type { Connector } from "../../api/types";

/** Connectors by id, from the overview, which every page may have at hand. */
export function useConnectors(): ReadonlyMap<string, Connector> {
  const { data } = useOverview();
  return useMemo(() => new Map((data?.connectors ?? []).map((connector) => [connector.id, connector])), [data]);
}

export function useSampleConnectors(): ReadonlySet<string> {
  const connectors = useConnectors();
  return useMemo(() => new Set([...connectors.values()].filter((connector) => connector.sample).map((connector) => connector.id)), [connectors]);
}
