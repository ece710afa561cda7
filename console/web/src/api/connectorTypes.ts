/** The shapes of `/api/v1/connectors` and `/api/v1/missing-permissions`. */
import type { CoverageCounts } from "./types";

export interface ConnectorAccount {
  account: string;
  resources: number;
  score?: number | null;
}

export interface ReadFailure {
  kind: string;
  code: string;
  count: number;
  example: string;
}

export interface ConnectorRow {
  id: string;
  displayName: string;
  environment: string;
  sample: boolean;
  memberOf?: string;
  organization: boolean;
  accounts: ConnectorAccount[];
  attempt?: { at: string; succeededAt?: string | null; error?: string | null };
  poll?: { at: string; error?: string | null };
  takenAt?: string;
  coverage: CoverageCounts;
  failures: ReadFailure[];
  missingPermissions: number;
}

export interface MissingPermission {
  permission: string;
  assessments: number;
  alone: number;
  resources: number;
  fields: number;
  listings: number;
  recommendations: string[];
  types: string[];
  connectors: string[];
}

/** What `/api/v1/connectors/azure` takes. */
export interface AzureLogin {
  cloud: string;
  tenant: string;
  login: "client-secret" | "managed-identity" | "workload-identity" | "az";
  clientId?: string;
  clientSecret?: string;
  subscriptions?: string[];
  managementGroup?: string;
}

export interface TestedSubscription {
  id: string;
  state: "complete" | "incomplete" | "notKnown";
  reason: string | null;
  missing: { permission: string; types: string[]; recommendations: number }[];
  /** How many stay unknown; null: that is not known. */
  recommendations: number | null;
}

export interface TestedPermission {
  permission: string;
  granted: boolean;
  reason: string | null;
  recommendations: number;
}

export interface AzureTest {
  tenant: string;
  actions: number;
  subscriptions: TestedSubscription[];
  unseen: { id: string; reason: string }[];
  directory: TestedPermission[];
  role: Record<string, unknown>;
  commands: string[];
}
