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
