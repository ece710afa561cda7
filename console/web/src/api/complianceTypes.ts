/** The shapes of `/api/v1/compliance`. */
import type { Attestation } from "./standardTypes";
import type { Severity } from "./types";

export type ComplianceState = "Passed" | "Failed" | "Unknown" | "Manual" | "NotCovered" | "NotApplicable";

/** What is looked at: everything, a connector, or one account of it. */
export interface Scope {
  connector?: string;
  account?: string;
}

export interface StandardRow {
  id: string;
  title: string;
  description: string;
  version: string;
  environments: string[];
  /** Whether the installation keeps it itself, so that it can be changed here. */
  custom: boolean;
  state: ComplianceState;
  controlsByState: Partial<Record<ComplianceState, number>>;
  /** Passed of passed and failed, 0 to 1; absent where there is neither. */
  percentage?: number | null;
}

export interface ComplianceControl {
  id: string;
  title: string;
  state: ComplianceState;
  manual?: string;
  checks?: string[];
  /** Whether the state is what people attested. */
  attested: boolean;
  /** What people attested and holds, the newest first. */
  attestations?: Attestation[];
  passed: number;
  failed: number;
  unknown: number;
  notApplicable: number;
  controls?: ComplianceControl[];
}

/** A recommendation, or a rule of a baseline. */
export interface ComplianceCheck {
  title: string;
  /** Absent where no check has the id any more. */
  severity?: Severity | null;
  /** The recommendation to look at; absent where no recommendation has the rule. */
  recommendation?: string | null;
  healthy: number;
  unhealthy: number;
  unknown: number;
  notApplicable: number;
}

export type Checks = Record<string, ComplianceCheck>;

export interface Standard extends StandardRow {
  controls: ComplianceControl[];
  checks: Checks;
}

export interface CompliancePoint {
  at: string;
  passed: number;
  failed: number;
  unknown: number;
  percentage?: number | null;
}
