/** The shapes of `/api/v1/standards`, `/api/v1/checks` and attestations. */
import type { ComplianceState } from "./complianceTypes";
import type { Severity } from "./types";

/** A standard as its file has it. */
export interface StandardFile {
  id: string;
  title: string;
  description: string;
  version: string;
  environments: string[];
  controls: ControlFile[];
}

export interface ControlFile {
  id: string;
  title: string;
  manual?: string;
  checks?: string[];
  controls?: ControlFile[];
}

export interface KeptStandard {
  standard: StandardFile;
  custom: boolean;
  changedAt?: string | null;
  changedBy?: string | null;
}

/** What a control can name. */
export interface CheckRow {
  id: string;
  title: string;
  severity: Severity;
  type: string;
  kind: "recommendation" | "rule";
}

export type AttestedState = Extract<ComplianceState, "Passed" | "Failed" | "NotApplicable">;

export type AttestationScope = { kind: "tenant" } | { kind: "subscription"; connector: string; account: string };

export interface NewAttestation {
  control: string;
  scope: AttestationScope;
  state: AttestedState;
  evidence: { text?: string; links?: string[] };
  /** A day: `2026-11-25`. */
  assessedOn: string;
  expiresAt?: string;
}

export interface Attestation extends NewAttestation {
  id: string;
  standard: string;
  createdAt: string;
  createdBy: string;
  withdrawn?: { at: string; by: string };
}

export type Standing = "holds" | "expired" | "withdrawn" | "superseded" | "overtaken";

export interface AttestationRow extends Attestation {
  standing: Standing;
}
