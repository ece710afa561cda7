import { useMemo } from "react";
import { useOverview } from "../../api/queries";
import { accountNames } from "../../lib/accounts";
import type { Connector } from "../../api/types";

/** Connectors by id, from the overview, which every page may have at hand. */
export function useConnectors(): ReadonlyMap<string, Connector> {
  const { data } = useOverview();
  return useMemo(() => new Map((data?.connectors ?? []).map((connector) => [connector.id, connector])), [data]);
}

/** See {@link accountNames}. */
export function useAccountNames(): ReadonlyMap<string, string> {
  const { data } = useOverview();
  return useMemo(() => accountNames(data?.subscriptions ?? []), [data]);
}

export function useSampleConnectors(): ReadonlySet<string> {
  const connectors = useConnectors();
  return useMemo(() => new Set([...connectors.values()].filter((connector) => connector.sample).map((connector) => connector.id)), [connectors]);
}

/** Accounts that only sample connectors cover; what names an account but no connector is told apart by them. */
export function useSampleAccounts(): ReadonlySet<string> {
  const { data } = useOverview();
  const samples = useSampleConnectors();
  return useMemo(() => {
    const own = new Set((data?.subscriptions ?? []).filter((one) => !samples.has(one.connector)).map((one) => one.account));
    return new Set((data?.subscriptions ?? []).filter((one) => samples.has(one.connector) && !own.has(one.account)).map((one) => one.account));
  }, [data, samples]);
}
