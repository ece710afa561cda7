/** The shapes of `/api/v1`, as docs/guide/api-v1.md describes them. */

export type Status = "Healthy" | "Unhealthy" | "NotApplicable" | "Unknown";
export type Severity = "Low" | "Medium" | "High" | "Critical";
export type Range = [number, number];

export interface Page<T> {
  items: T[];
  next?: string | null;
}

export interface Score {
  current: number;
  max: number;
  /** 0 to 1, like every ratio. */
  percentage: number;
  weight: number;
  coverage: number;
  range: Range;
}

export interface ControlScore {
  id: string;
  title: string;
  max: number;
  current: number;
  percentage: number;
  range: Range;
  /** In points. */
  potentialIncrease: number;
  healthy: number;
  unhealthy: number;
  unknown: number;
  notApplicable: number;
  unlisted?: number;
}

export interface Connector {
  id: string;
  displayName: string;
  environment: string;
  sample: boolean;
}

export interface Subscription {
  connector: string;
  account: string;
  /** What its environment calls it. */
  name: string | null;
  at: string;
  score: Score;
}

export interface TrendPoint {
  at: string;
  percentage: number;
  range: Range;
  coverage: number;
}

export type StatusCounts = Partial<Record<Status, number>>;

/** Listings by how they went, and reads that were refused. */
export type CoverageCounts = Record<"complete" | "partial" | "failed" | "skipped" | "denied", number>;

export interface Overview {
  secureScore: Score & { controls: ControlScore[] };
  subscriptions: Subscription[];
  connectors: Connector[];
  assessments: StatusCounts;
  resources: number;
  unhealthyResources: number;
  trend: TrendPoint[];
  coverage: CoverageCounts;
}

export interface RecommendationRow {
  id: string;
  key: string;
  title: string;
  type: string;
  severity: Severity;
  effort: string;
  userImpact: string;
  maturity: string;
  control: string;
  controlTitle: string;
  environment: string | null;
  sample: boolean;
  /** Described by a client through the API. */
  custom?: boolean;
  healthy: number;
  unhealthy: number;
  unknown: number;
  notApplicable: number;
}

export interface Remediation {
  steps: string;
  cli?: string;
  terraform?: string;
  iac?: string;
  links?: string[];
}

/** The content file; its members keep the names that they have in YAML. */
export interface RecommendationFile {
  id: string;
  title: string;
  description: string;
  type: string;
  severity: Severity;
  effort: string;
  user_impact?: string;
  userImpact?: string;
  maturity?: string;
  control: string;
  threats?: string[];
  categories?: string[];
  compliance?: Record<string, string[]>;
  remediation: Remediation;
  findings_from?: { baseline: string };
}

export interface RecommendationDetail {
  recommendation: RecommendationFile;
  key: string;
  control: { id: string; title: string; max: number } | null;
  /** The plan that it belongs to; where that is off nothing is judged by it. */
  plan?: { name: string; title?: string | null; subPlans: string[]; offIn: { connector: string; account: string }[] } | null;
  /** Described by a client through the API: it has no control and no type, and what the client did not say is empty. */
  custom?: boolean;
  counts: StatusCounts;
}

export interface Cause {
  code: string;
  message: string;
  permissions?: string[];
}

export interface UnreadableReason {
  kind: string;
  operation: string;
  permission?: string;
  code: string;
  message: string;
}

export type Actual = "absent" | { value: unknown } | { unreadable: UnreadableReason };

export interface Evidence {
  field: string;
  /** The condition that the rule tested, in words. */
  expected: string;
  actual: Actual;
  readFrom?: string;
  source?: string;
}

export interface Finding {
  id: string;
  title: string;
  severity: Severity;
  status: Status;
  cause?: Cause;
  evidence?: Evidence[];
}

export interface Assessment {
  recommendation: string;
  resource: string;
  name: string;
  type: string;
  connector: string;
  account: string;
  location?: string | null;
  status: Status;
  cause?: Cause;
  evidence?: Evidence[];
  findings?: Finding[];
  firstEvaluatedAt: string;
  statusChangedAt: string;
  /** What the client said that wrote it; those of scans have none. */
  written?: { cause?: string; description?: string; additionalData?: Record<string, unknown> };
}

export interface AssessmentPage extends Page<Assessment> {
  /** All that the query matches, whatever the page. */
  counts: StatusCounts;
}

export interface ResourceRow {
  id: string;
  type: string;
  name: string;
  connector: string;
  account: string;
  location?: string | null;
  tags: Record<string, string>;
  stale: boolean;
  healthy: number;
  unhealthy: number;
  unknown: number;
}

export interface ResourcePage extends Page<ResourceRow> {
  total: number;
}

export type Facet = { value: string; count: number };
export type Facets = Record<"types" | "connectors" | "accounts" | "locations", Facet[]>;
export type Unreadable = { field: string; reason: UnreadableReason };

export interface Resource {
  id: string;
  type: string;
  name: string;
  scope: { connector: string; account: string; resourceGroup: string };
  location?: string | null;
  tags?: Record<string, string>;
  envelope?: Record<string, unknown>;
  properties: unknown;
  unreadable?: Unreadable[];
}

export interface ResourceDetail {
  resource: Resource;
  facts: Record<string, unknown> | null;
  assessments: Assessment[];
}

export interface ListOutcome {
  state: "complete" | "partial" | "failed" | "skipped";
  nResources?: number;
  reason?: UnreadableReason | string;
}

export interface DeniedRead {
  fields: string[];
  nResources: number;
  reason: UnreadableReason;
}

export interface CoverageItem {
  type: string;
  account: string;
  region: string;
  outcome: ListOutcome;
  denied?: DeniedRead[];
}

export interface Change {
  recommendation: string;
  resource: string;
  kind: string;
  at: string;
  from?: Status | null;
  to?: Status | null;
}

export type ExemptionScope =
  | { kind: "resource"; id: string }
  | { kind: "tenant" }
  | { kind: "subscription"; account: string }
  | { kind: "resourceGroup"; account: string; resourceGroup: string };

export type ExemptionCategory = "Waiver" | "Mitigated";

/** One decision on many resources: those named, or those that a list shows. */
export interface NewExemptions {
  recommendation: string;
  resources?: string[];
  /** `expected` is how many the person saw: by then as many must still match. */
  matching?: { status?: string; q?: string; expected: number };
  category: ExemptionCategory;
  reason: string;
  expiresAt?: string;
}

export interface ExemptionsAdded {
  created: number;
  /** Resources that were exempt already, or that the recommendation does not concern. */
  notApplicable: number;
}

export interface NewExemption {
  recommendation: string;
  finding?: string;
  scope: ExemptionScope;
  category: ExemptionCategory;
  reason: string;
  expiresAt?: string;
}

export interface Exemption extends NewExemption {
  id: string;
  createdAt: string;
  createdBy: string;
}
