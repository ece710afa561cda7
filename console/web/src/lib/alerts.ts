import type { AlertEntity, AlertRow, AlertSeverity, AlertStatus, SeverityCounts } from "../api/alertTypes";
import type { Share } from "../components/StackedBar";
import { words } from "./format";

/** The gravest first. */
export const ALERT_SEVERITIES: readonly AlertSeverity[] = ["High", "Medium", "Low", "Informational"];
export const ALERT_STATUSES: readonly AlertStatus[] = ["Active", "InProgress", "Resolved", "Dismissed"];

/** What somebody still has to see to. */
export const OPEN = "Active,InProgress";
export const ANY = "any";

/** Status filters: without one, what is open, which is active or in progress. */
export const STATUS_CHOICES = [...ALERT_STATUSES.map((value) => ({ value: value as string, label: words(value) })), { value: ANY, label: "Any status" }];
export const OPEN_TITLE = "Open";
export const statusAsked = (value: string): string | undefined => (value === ANY ? undefined : value || OPEN);

const DEFAULT_DAYS = "30";
export const DAY_CHOICES = [{ value: "1", label: "Last day" }, { value: "7", label: "Last 7 days" }, { value: "90", label: "Last 90 days" }, { value: "365", label: "Last year" }];
export const DEFAULT_DAYS_TITLE = "Last 30 days";

/** Of the address, where anybody may write anything, only whole days that the server takes. */
export const daysAsked = (value: string): string => (/^[1-9]\d{0,2}$/.test(value) ? value : DEFAULT_DAYS);

export const alertPath = (id: string): string => `/alerts/${encodeURIComponent(id)}`;
export const incidentPath = (id: string): string => `/incidents/${encodeURIComponent(id)}`;

export const compareSeverities = (a: AlertSeverity, b: AlertSeverity): number => ALERT_SEVERITIES.indexOf(a) - ALERT_SEVERITIES.indexOf(b);

export const highestOf = (rows: readonly { severity: AlertSeverity }[]): AlertSeverity => rows.map((row) => row.severity).sort(compareSeverities)[0] ?? "Informational";

export const sharesOf = (counts: SeverityCounts): Share[] => ALERT_SEVERITIES.map((name) => ({ name, count: counts[name] ?? 0 }));

const MARK = "[SAMPLE ALERT] ";

export const isSample = (title: string): boolean => title.startsWith(MARK);
export const plainTitle = (title: string): string => (isSample(title) ? title.slice(MARK.length) : title);

/** What an alert is about, the most exact that is known. */
export const subjectOf = (row: Pick<AlertRow, "resource" | "compromised" | "account">): string => row.resource || row.compromised || row.account;

export interface DayOfAlerts {
  /** In UTC, `2026-11-29`. */
  day: string;
  counts: SeverityCounts;
}

const DAY = 86_400_000;
const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** Every day from so many days before `now` to it, oldest first, with days that have none. */
export function wholeDays(known: readonly DayOfAlerts[], days: number, now: number): DayOfAlerts[] {
  const counts = new Map(known.map((one) => [one.day, one.counts]));
  return Array.from({ length: days + 1 }, (_, at) => {
    const day = dayOf(now - (days - at) * DAY);
    return { day, counts: counts.get(day) ?? {} };
  });
}

export const totalOf = (counts: SeverityCounts): number => ALERT_SEVERITIES.reduce((sum, name) => sum + (counts[name] ?? 0), 0);

export type AlertGrouping = "detection" | "resource";

export interface AlertGroup {
  key: string;
  title: string;
  /** The highest of its alerts. */
  severity: AlertSeverity;
  /** The newest last event. */
  end: string;
  rows: AlertRow[];
}

/** Groups keep the order of rows; the gravest group comes first, then the one with most alerts. */
export function groupAlerts(rows: readonly AlertRow[], by: AlertGrouping): AlertGroup[] {
  const found = new Map<string, AlertRow[]>();
  for (const row of rows) {
    const key = by === "detection" ? row.detection : subjectOf(row);
    const known = found.get(key);
    if (known) known.push(row);
    else found.set(key, [row]);
  }
  const titleOf = (key: string, first: AlertRow | undefined): string => (by === "detection" && first ? plainTitle(first.title) : key);
  const groups = [...found].map(([key, own]): AlertGroup => ({
    key, title: titleOf(key, own[0]), severity: highestOf(own), end: own.map((row) => row.end).sort().at(-1) ?? "", rows: own,
  }));
  return groups.sort((a, b) => compareSeverities(a.severity, b.severity) || b.rows.length - a.rows.length || a.title.localeCompare(b.title));
}

/** Bundles of sample alerts that the server makes, and the plan whose detections show them. */
export const BUNDLES: readonly { name: string; plan: string; title: string }[] = [
  { name: "VirtualMachines", plan: "VirtualMachines", title: "Servers" },
  { name: "KubernetesService", plan: "Containers", title: "Containers" },
  { name: "StorageAccounts", plan: "StorageAccounts", title: "Storage" },
  { name: "SqlServers", plan: "SqlServers", title: "SQL databases" },
  { name: "CosmosDbs", plan: "CosmosDbs", title: "Document databases" },
  { name: "KeyVaults", plan: "KeyVaults", title: "Key stores" },
  { name: "AppServices", plan: "AppServices", title: "Web applications" },
  { name: "ResourceManager", plan: "Arm", title: "Control plane" },
  { name: "DNS", plan: "Dns", title: "DNS" },
];

/** The member by which people know an entity of a type, the best first. */
const NAMES = ["address", "hostName", "commandLine", "domainName", "url", "amazonResourceId", "resourceId", "resourceName", "containerId", "sessionId", "name", "uid", "id"];

const ENTITY_TITLES: Record<string, string> = {
  ip: "IP address", dns: "Domain name", url: "Address on the web", "azure-resource": "Azure resource", "amazon-resource": "AWS resource", "google-cloud-resource": "Google Cloud resource",
  "cloud-logon-session": "Session",
};

export const entityTitle = (type: string): string => ENTITY_TITLES[type] ?? words(type);

export interface EntityText {
  title: string;
  name: string;
  /** What else is told of it. */
  more: { name: string; text: string }[];
}

/** An entity in words; members of members are named by their path. */
export function entityText(entity: AlertEntity): EntityText {
  const members = membersOf(entity).filter(({ name }) => name !== "type");
  const lead = NAMES.map((name) => members.find((one) => one.name === name)).find((one) => one !== undefined) ?? members[0];
  const more = members.filter((one) => one !== lead && one.text !== lead?.text && !one.name.endsWith(".type"));
  return { title: entityTitle(entity.type), name: lead?.text ?? "(no name)", more: more.map(({ name, text }) => ({ name: words(name.split(".").at(-1) ?? name), text })) };
}

/** Texts below an entity with their paths: `location.countryCode`. */
export function membersOf(value: object, before = ""): { name: string; text: string }[] {
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    if (typeof member === "object" && member !== null) return membersOf(member, `${before}${name}.`);
    return member === null || member === undefined || member === "" ? [] : [{ name: `${before}${name}`, text: String(member) }];
  });
}
