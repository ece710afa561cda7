/** The shapes of alerts, incidents, suppression rules and log inputs. */

/** Defender's alerts know no critical. */
export type AlertSeverity = "Informational" | "Low" | "Medium" | "High";
export type AlertStatus = "Active" | "InProgress" | "Resolved" | "Dismissed";

export interface AlertRow {
  id: string;
  detection: string;
  title: string;
  description: string;
  severity: AlertSeverity;
  /** Why it is more severe than others of its kind. */
  severityRaised?: string | null;
  /** What would raise its severity and was not read. */
  severityUnknown?: string | null;
  status: AlertStatus;
  plan?: string | null;
  intents: string[];
  techniques: string[];
  start: string;
  end: string;
  nEvents: number;
  compromised?: string | null;
  /** Why a detection that looks at several events raised it. */
  why?: string | null;
  sources: string[];
  connector: string;
  account: string;
  /** The id of the account as ARM has it. */
  subscription: string;
  /** In the inventory. */
  resource?: string | null;
  incident?: string | null;
  suppressedBy?: string | null;
  keptAt: string;
  statusChangedAt: string;
  statusChangedBy?: string | null;
}

export interface AlertEvidence {
  field: string;
  expected: string;
  actual: string;
}

/** `type` says which members it has, as in Defender's alerts. */
export type AlertEntity = { type: string } & Record<string, unknown>;

export interface AlertDetail extends AlertRow {
  remediation: string[];
  evidence: AlertEvidence[];
  entities: AlertEntity[];
  /** Ids, at most 1,000. */
  events: string[];
  firstEvent: unknown;
  raw: string;
}

export type SeverityCounts = Partial<Record<AlertSeverity, number>>;

export interface AlertCounts {
  total: number;
  severity: SeverityCounts;
  status: Partial<Record<AlertStatus, number>>;
  plan: Record<string, number>;
  /** Days in UTC that have any, in no promised order. */
  days: { day: string; counts: SeverityCounts }[];
}

export interface IncidentRow {
  id: string;
  kind?: string | null;
  title: string;
  severity: AlertSeverity;
  status: AlertStatus;
  start: string;
  end: string;
  nAlerts: number;
  /** Alerts of it that the session may not see. */
  nHidden: number;
  intents: string[];
  shared: Party[];
  mergedInto?: string | null;
  statusChangedAt: string;
  statusChangedBy?: string | null;
}

export interface Party {
  type: string;
  id: string;
  name?: string | null;
}

export interface Moment {
  time: string;
  alert: string;
  intent: string;
  text: string;
}

export interface IncidentDetail extends IncidentRow {
  description?: string | null;
  remediation: string[];
  timeline: Moment[];
  alerts: AlertRow[];
}

/** A condition on entities: a value is one of `in`, or holds `contains`. */
export interface ScopeCondition {
  field: string;
  in?: string[];
  contains?: string | string[];
}

export interface SuppressionProperties {
  alertType: string;
  reason: string;
  state: "Enabled" | "Disabled" | "Expired";
  expirationDateUtc?: string | null;
  comment?: string | null;
  suppressionAlertsScope?: { allOf: ScopeCondition[] } | null;
  lastModifiedUtc?: string | null;
}

export interface SuppressionRule {
  /** The ARM id. */
  id: string;
  name: string;
  properties: SuppressionProperties;
}

export type LogInputState = "Reading" | "Quiet" | "Failing" | "NothingYet";

export interface LogInput {
  id: string;
  source: string;
  sourceTitle: string;
  /** The kind of the input: `file`, `syslog`, `s3`. */
  from: string;
  /** Whether its events can be posted over HTTP. */
  takesPosts: boolean;
  state: LogInputState;
  nTexts: number;
  nBytes: number;
  nEvents: number;
  nRepeated: number;
  nBad: number;
  /** Events a second over the last minute. */
  perSecond: number;
  /** How long after its own time the last event came; `null` without events. */
  lagSeconds?: number | null;
  /** What waits at the source, bytes of files or messages; `null` where it does not tell. */
  behind?: number | null;
  lastReceived?: string | null;
  lastEvent?: string | null;
  problem?: { reason: string; since: string } | null;
  nFailures: number;
  /** The newest that could not be read. */
  badLines: { at: string; stream?: string | null; reason: string; text: string }[];
  /** Why these could not be looked at. */
  badLinesUnread?: string | null;
}

export interface LogInputs {
  /** From when on is counted: the start of the server. */
  since: string;
  items: LogInput[];
  /** What holds all of them up. */
  problems: { what: string; reason: string; since: string }[];
}
