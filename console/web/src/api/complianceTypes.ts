/** The shapes of `/api/v1/compliance`. */
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
  passed: number;
  failed: number;
  unknown: number;
  notApplicable: number;
  controls?: ComplianceControl[];
}

/** A recommendation, or a rule of a baseline. */
export interface ComplianceCheck {
  title: string;
  severity: Severity;
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
