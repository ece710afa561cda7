/** The shapes of `/api/v1/policy`. */
import type { Evidence, Page } from "./types";

export type PolicyState = "NonCompliant" | "Unread" | "Compliant" | "Conflict" | "Protected" | "Exempt" | "Unknown";
export type PolicyCounts = Partial<Record<PolicyState, number>>;

export interface Counted {
  counts: PolicyCounts;
  /** Azure's fraction, 0 to 1; absent where nothing is concerned. */
  compliant?: number | null;
}

export interface AssignmentBrief {
  id: string;
  name: string;
  displayName: string;
  description: string;
  scope: string;
  scopeName: string;
  notScopes: string[];
  definitionId: string;
  /** Absent where neither an initiative nor a definition of that id is there. */
  definitionName?: string | null;
  isInitiative: boolean;
  definitions: number;
  enforced: boolean;
}

export type AssignmentRow = AssignmentBrief & Counted;

export interface ScopeBrief {
  id: string;
  name: string;
  kind: "tenant" | "managementGroup" | "subscription" | "resourceGroup" | "resource";
}

export interface ScopeRow extends ScopeBrief {
  depth: number;
  assignments: number;
  connectors: string[];
}

export interface PolicyOverview {
  objects: Record<string, number>;
  total: Counted;
  assignments: AssignmentRow[];
  scopes: ScopeRow[];
  refused: { id: string; messages: string[] }[];
  unlinked: { assignment: string; reference: string; message: string }[];
}

export interface PolicyExemption {
  id: string;
  displayName: string;
  description?: string;
  scope: string;
  assignment?: string;
  category: string;
  expiresOn?: string | null;
  references: string[];
  inherited?: boolean;
}

export interface ScopeDetail extends ScopeBrief {
  above: ScopeBrief[];
  assignments: { assignment: AssignmentBrief; inherited: boolean; leftOutBy?: string | null }[];
  exemptions: PolicyExemption[];
}

export type Origin = "override" | "assignment" | "initiative" | "initiativeDefault" | "definitionDefault" | "rule";

export interface PartialEffect {
  effect: string;
  selectors: string[];
}

/** How one definition of an assignment is set. */
export interface Setting extends Counted {
  reference: string;
  definitionId: string;
  displayName?: string | null;
  category?: string | null;
  groups: string[];
  effect?: string | null;
  effectFrom?: Origin | null;
  someResources: PartialEffect[];
  parameters: Record<string, { value: unknown; from: Origin }>;
  message?: string | null;
  problem?: string | null;
  notEvaluated?: string | null;
}

export interface Group {
  name: string;
  displayName: string;
  category: string;
  description?: string;
}

export interface Attestation {
  id: string;
  scope: string;
  reference?: string | null;
  state: PolicyState;
  owner: string;
  comments: string;
  assessedAt?: string | null;
  expiresOn?: string | null;
  evidence: { description: string; sourceUri: string }[];
}

export interface AssignmentDetail extends AssignmentRow {
  groups: Group[];
  parameters: Record<string, unknown>;
  overrides: PartialEffect[];
  resourceSelectors: string[][];
  settings: Setting[];
  exemptions: PolicyExemption[];
  attestations: Attestation[];
  document: unknown;
}

interface Named {
  id: string;
  name: string;
  displayName: string;
  description: string;
  category?: string | null;
  version?: string | null;
  policyType: "BuiltIn" | "Custom" | "Static";
}

export type EffectOf = { fixed: string } | { parameter: string; default?: unknown };

export interface DefinitionRow extends Named {
  kind: "definition";
  mode: string;
  effect: EffectOf;
  notEvaluated?: string | null;
}

export interface InitiativeRow extends Named {
  kind: "initiative";
  definitions: number;
}

export interface DefinitionsPage {
  items: (DefinitionRow | InitiativeRow)[];
  total: number;
  categories?: { value: string; count: number }[];
}

export interface Parameter {
  name: string;
  type: string;
  default?: unknown;
  allowed?: unknown[] | null;
  displayName?: string | null;
  description?: string | null;
}

export interface Assigned {
  id: string;
  displayName: string;
  scope: string;
}

export interface DefinitionDetail extends DefinitionRow {
  parameters: Parameter[];
  policyRule?: unknown;
  document: unknown;
  initiatives: { id: string; displayName: string }[];
  assignments: Assigned[];
  states: Counted;
}

export interface Member {
  reference: string;
  definitionId: string;
  groups: string[];
  displayName?: string | null;
  notEvaluated?: string | null;
}

export interface InitiativeDetail extends InitiativeRow {
  members: Member[];
  groups: Group[];
  parameters: Parameter[];
  document: unknown;
  assignments: Assigned[];
}

export interface StateRow {
  resource: string;
  name: string;
  type: string;
  connector: string;
  account: string;
  assignment: string;
  assignmentName?: string | null;
  reference: string;
  definition: string;
  definitionName?: string | null;
  state: PolicyState;
  withoutExemption?: PolicyState | null;
  effect: string;
  firstEvaluatedAt: string;
  stateChangedAt: string;
  message?: string | null;
  exemption?: { id: string; displayName?: string | null; category?: string | null; expiresOn?: string | null } | null;
  attestation?: { id: string; owner?: string | null; comments?: string | null; assessedAt?: string | null; expiresOn?: string | null } | null;
  evidence: Evidence[];
  unreadable: string[];
  error?: string | null;
  groups: string[];
}

export interface StatePage extends Page<StateRow> {
  total: number;
}

export interface PolicyEvent {
  at: string;
  resource: string;
  reference: string;
  assignment: string;
  assignmentName?: string | null;
  from?: PolicyState | null;
  to?: PolicyState | null;
}

export interface Problem {
  file: string;
  line?: number | null;
  column?: number | null;
  pointer?: string;
  message: string;
  help?: string | null;
}

export interface ImportAnswer {
  read: Record<string, number>;
  ids: string[];
  problems: Problem[];
  problemCount: number;
  /** Names of files that are of another kind. */
  ignored: string[];
  change?: { added: number; changed: number; same: number };
  judged?: { resources: number; states: number; changed: number };
}

export type TrialPart = "definition" | "parameters" | "resource";

export interface Trial {
  definition?: string;
  definitionId?: string;
  parameters?: string;
  resource: string;
}

export interface TrialProblem {
  in: TrialPart;
  line?: number | null;
  column?: number | null;
  message: string;
  help?: string | null;
}

export interface TrialResult {
  resource: string;
  name: string;
  type: string;
  effect: string;
  state: "Compliant" | "NonCompliant" | "NotApplicable" | "Protected" | "Manual" | "Unread" | "Disabled" | "NotEvaluated";
  notEvaluated?: string | null;
  door?: "allowed" | "denied" | "changed" | "marked" | "later" | "undecided" | "notEvaluated" | null;
  because?: string | null;
  changes: { field: string; before?: unknown; after?: unknown }[];
  remediation?: { deployment: unknown; roles: string[] } | null;
  evidence: Evidence[];
  unreadable: string[];
  error?: string | null;
}

export interface TrialAnswer {
  definition?: { displayName: string; notEvaluated?: string | null } | null;
  problems: TrialProblem[];
  results: TrialResult[];
}
