import { useQuery } from "@tanstack/react-query";
import { ApiError, api, arm } from "./client";
import type { ContactProperties, PlansAnswer, Tenant } from "./planTypes";
import type { PolicyOverview } from "./policyTypes";
import { choicesOfGroups, choicesOfScopes, choicesOfSubscriptions, type ArmNamed, type ScopeChoice } from "../lib/scopes";

const PRICINGS_VERSION = "2024-01-01";
const CONTACTS_VERSION = "2023-12-01-preview";
const RESOURCES_VERSION = "2022-09-01";
const SUBSCRIPTIONS_VERSION = "2022-12-01";

export const usePlans = () =>
  useQuery({ queryKey: ["plans"], queryFn: ({ signal }) => api.get<PlansAnswer>("/plans", {}, signal) });

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
export const useScopeChoices = (options: { enabled: boolean } = { enabled: true }) =>
  useQuery({
    queryKey: ["scopes"],
    queryFn: async ({ signal }): Promise<ScopeChoice[]> => {
      try {
        return choicesOfScopes((await api.get<PolicyOverview>("/policy", {}, signal)).scopes);
      } catch (error) {
        // Who may not read policies still sees subscriptions.
        if (!(error instanceof ApiError) || (error.status !== 403 && error.status !== 404)) throw error;
        return choicesOfSubscriptions((await arm.get<{ value: ArmNamed[] }>("/subscriptions", SUBSCRIPTIONS_VERSION, signal)).value);
      }
    },
    enabled: options.enabled,
    staleTime: 60_000,
  });

/** The resource groups of a subscription, given by its ARM id. */
export const useResourceGroups = (subscription: string) =>
  useQuery({
    queryKey: ["scopes", subscription],
    queryFn: async ({ signal }) => choicesOfGroups((await arm.get<{ value: ArmNamed[] }>(`${subscription}/resourceGroups`, RESOURCES_VERSION, signal)).value),
    staleTime: 60_000,
  });
