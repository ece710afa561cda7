import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { bySubscription, type RulesRead } from "../lib/suppression";
import { api, arm } from "./client";
import type { AlertCounts, AlertDetail, AlertRow, AlertStatus, IncidentDetail, IncidentRow, LogInputs, SuppressionProperties, SuppressionRule } from "./alertTypes";
import { queryClient } from "./queries";
import type { Page } from "./types";

const RULES_VERSION = "2019-01-01-preview";
const ALERTS_VERSION = "2022-01-01";

/** The one location that an installation has. */
const HOME = "local";

/** How often what changes by itself is asked for, in milliseconds. */
const OFTEN = 5_000;
const NOW_AND_THEN = 60_000;

/** Rows of a page at most. */
export const MAX_ROWS = 500;

export interface AlertsFilter {
  status?: string;
  severity?: string;
  plan?: string;
  detection?: string;
  incident?: string;
  connector?: string;
  resource?: string;
  q?: string;
  days?: string;
}

interface AlertsPage extends AlertsFilter {
  cursor?: string;
  limit: number;
}

interface Options {
  enabled: boolean;
}

export const useAlerts = (filter: AlertsPage, options: Options = { enabled: true }) =>
  useQuery({
    queryKey: ["alerts", "page", filter],
    queryFn: ({ signal }) => api.get<Page<AlertRow>>("/alerts", { ...filter }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: NOW_AND_THEN,
    enabled: options.enabled,
  });

export const useAlertCounts = (filter: AlertsFilter, options: Options = { enabled: true }) =>
  useQuery({
    queryKey: ["alerts", "counts", filter],
    queryFn: ({ signal }) => api.get<AlertCounts>("/alerts/counts", { ...filter }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: NOW_AND_THEN,
    enabled: options.enabled,
  });

export const useAlert = (id: string, options: Options) =>
  useQuery({ queryKey: ["alerts", "one", id], queryFn: ({ signal }) => fetchAlert(id, signal), enabled: options.enabled });

export const fetchAlert = (id: string, signal?: AbortSignal): Promise<AlertDetail> => api.get<AlertDetail>(`/alerts/${encodeURIComponent(id)}`, {}, signal);

export const fetchAlerts = (filter: AlertsPage, signal?: AbortSignal): Promise<Page<AlertRow>> => api.get<Page<AlertRow>>("/alerts", { ...filter }, signal);

export const useIncidents = (filter: { status?: string; severity?: string; cursor?: string; limit: number }) =>
  useQuery({
    queryKey: ["incidents", "page", filter],
    queryFn: ({ signal }) => api.get<Page<IncidentRow>>("/incidents", { ...filter }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: NOW_AND_THEN,
  });

export const useIncident = (id: string, options: Options = { enabled: true }) =>
  useQuery({
    queryKey: ["incidents", "one", id],
    queryFn: ({ signal }) => api.get<IncidentDetail>(`/incidents/${encodeURIComponent(id)}`, {}, signal),
    enabled: options.enabled,
  });

/** How many alerts a request may turn. */
const MAX_TURNED = 1_000;

/** Turns alerts, or incidents with their alerts, to a status; answers how many there were. */
export async function turn(what: "alerts" | "incidents", ids: readonly string[], status: AlertStatus): Promise<number> {
  let changed = 0;
  for (let at = 0; at < ids.length; at += MAX_TURNED) {
    changed += (await api.post<{ changed: number }>(`/${what}/status`, { ids: ids.slice(at, at + MAX_TURNED), status })).changed;
  }
  await refetchAlerts();
  return changed;
}

export const refetchAlerts = async (): Promise<void> => {
  await Promise.all([["alerts"], ["incidents"]].map((queryKey) => queryClient.invalidateQueries({ queryKey })));
};

/** Makes sample alerts of bundles in a subscription, given by its bare id. */
export async function simulate(subscription: string, bundles: readonly string[]): Promise<void> {
  await arm.post(`/subscriptions/${subscription}/providers/Microsoft.Security/locations/${HOME}/alerts/default/simulate`, ALERTS_VERSION, { properties: { kind: "Bundles", bundles } });
  await refetchAlerts();
}

const rulesPath = (subscription: string): string => `/subscriptions/${subscription}/providers/Microsoft.Security/alertsSuppressionRules`;

/** The rules of subscriptions, given by their bare ids; those that could not be read are named. */
export const useSuppressionRules = (subscriptions: readonly string[] | undefined) =>
  useQuery({
    queryKey: ["suppression", subscriptions],
    queryFn: ({ signal }): Promise<RulesRead> =>
      bySubscription(subscriptions ?? [], async (id) => (await arm.get<{ value: SuppressionRule[] }>(rulesPath(id), RULES_VERSION, signal)).value),
    placeholderData: keepPreviousData,
    enabled: subscriptions !== undefined,
  });

/** Makes or replaces a rule; `name` is its last part of the path. */
export async function saveRule(subscription: string, name: string, properties: SuppressionProperties): Promise<void> {
  await arm.put(`${rulesPath(subscription)}/${name}`, RULES_VERSION, { properties });
  await queryClient.invalidateQueries({ queryKey: ["suppression"] });
}

export async function removeRule(subscription: string, name: string): Promise<void> {
  await arm.remove(`${rulesPath(subscription)}/${name}`, RULES_VERSION);
  await queryClient.invalidateQueries({ queryKey: ["suppression"] });
}

/** What comes in from logs; asked for again and again while it is looked at. */
export const useLogInputs = (options: Options = { enabled: true }) =>
  useQuery({
    queryKey: ["log-inputs"],
    queryFn: ({ signal }) => api.get<LogInputs>("/logInputs", {}, signal),
    refetchInterval: OFTEN,
    enabled: options.enabled,
  });
