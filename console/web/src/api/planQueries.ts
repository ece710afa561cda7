import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { POLICIES_READ } from "../lib/actions";
import { ApiError, api, arm } from "./client";
import { useMay, useSession } from "./peopleQueries";
import type { ContactProperties, PlansAnswer, Tenant } from "./planTypes";
import type { PolicyOverview } from "./policyTypes";
import { scopeTitle } from "../lib/policy";
import { choicesOfGroups, choicesOfScopes, choicesOfSubscriptions, namesOf, type ArmNamed, type ScopeChoice } from "../lib/scopes";

const PRICINGS_VERSION = "2024-01-01";
const CONTACTS_VERSION = "2023-12-01-preview";
const RESOURCES_VERSION = "2022-09-01";
const SUBSCRIPTIONS_VERSION = "2022-12-01";

export const usePlans = (options: { enabled: boolean } = { enabled: true }) =>
  useQuery({ queryKey: ["plans"], queryFn: ({ signal }) => api.get<PlansAnswer>("/plans", {}, signal), enabled: options.enabled });

/** What a plan is set to, in the words of Azure's API. */
export interface PricingChange {
  pricingTier: "Free" | "Standard";
  subPlan?: string;
  enforce: "True" | "False";
  extensions?: { name: string; isEnabled: "True" | "False" }[];
}

/** `subscription` is the bare id. */
export const savePricing = (subscription: string, plan: string, properties: PricingChange): Promise<unknown> =>
  arm.put(`/subscriptions/${subscription}/providers/Microsoft.Security/pricings/${plan}`, PRICINGS_VERSION, { properties });

const contactPath = (subscription: string): string => `${subscription}/providers/Microsoft.Security/securityContacts/default`;

/** The contact of a subscription, given by its ARM id; `null` where none is set. */
export const useContact = (subscription: string) =>
  useQuery({
    queryKey: ["contact", subscription],
    queryFn: async ({ signal }) => {
      try {
        return (await arm.get<{ properties: ContactProperties }>(contactPath(subscription), CONTACTS_VERSION, signal)).properties;
      } catch (error) {
        if (isAbsent(error)) return null;
        throw error;
      }
    },
    enabled: subscription !== "",
    // A form must not change under the hands of who fills it in.
    staleTime: Infinity, gcTime: 0,
  });

/** A route that is not there is no contact that is not there. */
const isAbsent = (error: unknown): boolean => error instanceof ApiError && error.status === 404 && error.code !== "FeatureNotAvailable";

export const saveContact = (subscription: string, properties: ContactProperties): Promise<{ properties: ContactProperties }> =>
  arm.put(contactPath(subscription), CONTACTS_VERSION, { properties });

export const useTenants = () =>
  useQuery({
    queryKey: ["tenants"],
    queryFn: ({ signal }) => arm.get<{ value: Tenant[] }>("/tenants", SUBSCRIPTIONS_VERSION, signal),
    select: (answer) => answer.value,
  });

/** Every scope above resource groups that the session sees, as a tree laid out in rows. */
export function useScopeChoices() {
  const session = useSession();
  const canReadPolicies = useMay()(POLICIES_READ);
  return useQuery({
    queryKey: ["scopes", canReadPolicies],
    queryFn: async ({ signal }): Promise<ScopeChoice[]> => {
      if (canReadPolicies) return choicesOfScopes((await api.get<PolicyOverview>("/policy", {}, signal)).scopes);
      // Who may not read policies still sees subscriptions.
      return choicesOfSubscriptions((await arm.get<{ value: ArmNamed[] }>("/subscriptions", SUBSCRIPTIONS_VERSION, signal)).value);
    },
    enabled: session.data !== undefined,
    staleTime: 60_000,
  });
}

/** What scopes are called, where their ids alone are known: the name of the subscription instead of its GUID. */
export function useScopeTitle(): (scope: { id: string; name?: string }) => string {
  const { data } = useScopeChoices();
  const names = useMemo(() => namesOf(data ?? []), [data]);
  return (scope) => scope.name || names.get(scope.id.toLowerCase()) || scopeTitle(scope);
}

/** The resource groups of a subscription, given by its ARM id. */
export const useResourceGroups = (subscription: string) =>
  useQuery({
    queryKey: ["scopes", subscription],
    queryFn: async ({ signal }) => choicesOfGroups((await arm.get<{ value: ArmNamed[] }>(`${subscription}/resourceGroups`, RESOURCES_VERSION, signal)).value),
    staleTime: 60_000,
  });
