import type { AzureLogin, AzureTest } from "../api/connectorTypes";

/** The steps of connecting Azure, in their order. */
export const STEPS = [
  { key: "cloud", title: "Cloud" },
  { key: "login", title: "Login" },
  { key: "scope", title: "What to look at" },
  { key: "test", title: "Test" },
  { key: "connect", title: "Connect" },
] as const;

export type StepKey = (typeof STEPS)[number]["key"];

export interface AzureDraft {
  cloud: "public" | "government" | "china" | "other";
  cloudUrl: string;
  tenant: string;
  login: AzureLogin["login"];
  clientId: string;
  clientSecret: string;
  extent: "all" | "group" | "some";
  managementGroup: string;
  /** Ids, one a line or with commas between them. */
  subscriptions: string;
  /** Of the connector; empty until the tenant is known. */
  name: string;
}

export const EMPTY_AZURE: AzureDraft = {
  cloud: "public", cloudUrl: "", tenant: "", login: "client-secret", clientId: "", clientSecret: "", extent: "all", managementGroup: "", subscriptions: "", name: "",
};

export type AzureProblems = Partial<Record<"cloudUrl" | "tenant" | "clientId" | "clientSecret" | "managementGroup" | "subscriptions" | "name", string>>;

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DOMAIN = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i;
const GROUP = /^(?=.*[^.])[a-z0-9\-_().]{1,90}$/i;
const NAME = /^[a-z0-9-]{1,64}$/;

export const subscriptionsOf = (text: string): string[] => text.split(/[\s,;]+/).filter(Boolean);

/** What is wrong with a step's fields. */
export function problemsOf(step: StepKey, draft: AzureDraft): AzureProblems {
  const found: AzureProblems = {};
  if (step === "cloud" && draft.cloud === "other" && !/^https?:\/\/[^\s/?#]+/i.test(draft.cloudUrl.trim())) found.cloudUrl = "Give its address, beginning with https://.";
  if (step === "login") {
    const tenant = draft.tenant.trim();
    if (!GUID.test(tenant) && !DOMAIN.test(tenant)) found.tenant = "Give the tenant's id or domain name.";
    const id = draft.clientId.trim();
    if (draft.login === "client-secret" && !id) found.clientId = "Give the id of the application.";
    if (id && !GUID.test(id)) found.clientId = "An application's id looks like 00000000-0000-0000-0000-000000000000.";
    if (draft.login === "client-secret" && !draft.clientSecret.trim()) found.clientSecret = "Give the application's secret.";
  }
  if (step === "scope" && draft.extent === "group" && !GROUP.test(draft.managementGroup.trim())) found.managementGroup = "Give the id of the management group.";
  if (step === "scope" && draft.extent === "some") {
    const ids = subscriptionsOf(draft.subscriptions);
    const wrong = ids.find((id) => !GUID.test(id));
    if (ids.length === 0) found.subscriptions = "Give at least one id.";
    else if (wrong) found.subscriptions = `“${wrong}” is no id of a subscription.`;
  }
  if (step === "connect" && !NAME.test(draft.name)) found.name = "Up to 64 lower-case letters, digits and hyphens.";
  return found;
}

/** What is sent. */
export function loginOf(draft: AzureDraft): AzureLogin {
  const hasClient = draft.login === "client-secret" || draft.login === "managed-identity" || draft.login === "workload-identity";
  return {
    cloud: draft.cloud === "other" ? draft.cloudUrl.trim() : draft.cloud,
    tenant: draft.tenant.trim(),
    login: draft.login,
    ...(hasClient && draft.clientId.trim() ? { clientId: draft.clientId.trim() } : {}),
    ...(draft.login === "client-secret" ? { clientSecret: draft.clientSecret.trim() } : {}),
    ...(draft.extent === "some" ? { subscriptions: subscriptionsOf(draft.subscriptions) } : {}),
    ...(draft.extent === "group" ? { managementGroup: draft.managementGroup.trim() } : {}),
  };
}

/** Whether a login is missing something; a right that is not known counts. */
export const hasGaps = (test: AzureTest): boolean =>
  test.unseen.length > 0 || test.subscriptions.some((one) => one.state !== "complete") || test.directory.some((one) => !one.granted);

/** The name that the tenant's connector gets unless one is given. */
export const usualName = (test: AzureTest): string => `azure-${test.tenant}`;
