import type { RecommendationRow, Severity, Status } from "../api/types";

const SEVERITY_RANK: Record<Severity, number> = { Critical: 3, High: 2, Medium: 1, Low: 0 };
const STATUS_RANK: Record<Status, number> = { Unhealthy: 3, Unknown: 2, Healthy: 1, NotApplicable: 0 };

export const SEVERITIES: readonly Severity[] = ["Critical", "High", "Medium", "Low"];
export const STATUSES: readonly Status[] = ["Unhealthy", "Unknown", "Healthy", "NotApplicable"];

export const compareSeverity = (a: Severity, b: Severity): number => SEVERITY_RANK[b] - SEVERITY_RANK[a];
export const compareStatus = (a: Status, b: Status): number => STATUS_RANK[b] - STATUS_RANK[a];

/** Keeps what has unknown resources, whatever its worst verdict is. */
export const HAS_UNKNOWN = "HasUnknown";

type Counts = Pick<RecommendationRow, "healthy" | "unhealthy" | "unknown">;

/** The worst of the verdicts decides. */
export function worstStatus(counts: Counts): Status {
  if (counts.unhealthy > 0) return "Unhealthy";
  if (counts.unknown > 0) return "Unknown";
  return counts.healthy > 0 ? "Healthy" : "NotApplicable";
}

export interface RecommendationFilter {
  q?: string;
  severity?: string;
  status?: string;
  control?: string;
  environment?: string;
  type?: string;
}

const includes = (text: string, part: string): boolean => text.toLowerCase().includes(part);

const hasStatus = (row: RecommendationRow, status: string): boolean =>
  status === HAS_UNKNOWN ? row.unknown > 0 : worstStatus(row) === status;

export function filterRecommendations(rows: readonly RecommendationRow[], filter: RecommendationFilter): RecommendationRow[] {
  const text = filter.q?.trim().toLowerCase() ?? "";
  return rows.filter(
    (row) =>
      (!filter.severity || row.severity === filter.severity) &&
      (!filter.status || hasStatus(row, filter.status)) &&
      (!filter.control || row.control === filter.control) &&
      (!filter.environment || row.environment === filter.environment) &&
      (!filter.type || row.type === filter.type) &&
      (!text || includes(row.title, text) || includes(row.id, text) || includes(row.type, text)),
  );
}

export type SortKey = "severity" | "unhealthy" | "title" | "status";
export interface Sort {
  key: SortKey;
  isDescending: boolean;
}

const byTitle = (a: RecommendationRow, b: RecommendationRow): number => a.title.localeCompare(b.title);

/** Descending means the gravest, or the most, first; ties go by status, severity, unhealthy count and title. */
export function sortRecommendations(rows: readonly RecommendationRow[], sort: Sort): RecommendationRow[] {
  const keys: Record<SortKey, (a: RecommendationRow, b: RecommendationRow) => number> = {
    severity: (a, b) => compareSeverity(a.severity, b.severity),
    unhealthy: (a, b) => b.unhealthy - a.unhealthy,
    status: (a, b) => compareStatus(worstStatus(a), worstStatus(b)),
    title: (a, b) => -byTitle(a, b),
  };
  const direction = sort.isDescending ? 1 : -1;
  return [...rows].sort(
    (a, b) =>
      direction * keys[sort.key](a, b) || keys.status(a, b) || keys.severity(a, b) || keys.unhealthy(a, b) || byTitle(a, b),
  );
}

export type Grouping = "none" | "control" | "severity";
export interface Group {
  key: string;
  title: string;
  rows: RecommendationRow[];
  unhealthy: number;
}

/** Groups keep the rows' order; controls with the most unhealthy recommendations come first, severities by gravity. */
export function groupRecommendations(rows: readonly RecommendationRow[], grouping: Grouping): Group[] {
  if (grouping === "none") return [{ key: "", title: "", rows: [...rows], unhealthy: countUnhealthy(rows) }];
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const key = grouping === "control" ? row.control : row.severity;
    const title = grouping === "control" ? row.controlTitle : row.severity;
    const group = groups.get(key) ?? { key, title, rows: [], unhealthy: 0 };
    group.rows.push(row);
    groups.set(key, group);
  }
  const all = [...groups.values()].map((group) => ({ ...group, unhealthy: countUnhealthy(group.rows) }));
  if (grouping === "severity") return all.sort((a, b) => compareSeverity(a.key as Severity, b.key as Severity));
  return all.sort((a, b) => b.unhealthy - a.unhealthy || a.title.localeCompare(b.title));
}

const countUnhealthy = (rows: readonly RecommendationRow[]): number => rows.filter((row) => row.unhealthy > 0).length;

export interface Option {
  value: string;
  label: string;
}

/** The values that a filter can take, from what is there. */
export function optionsOf(rows: readonly RecommendationRow[], key: "control" | "environment" | "type", label = (value: string, _row: RecommendationRow) => value): Option[] {
  const labels = new Map<string, string>();
  for (const row of rows) {
    const value = row[key];
    // What is empty is no choice: the filter takes it for "all".
    if (value) labels.set(value, label(value, row));
  }
  return [...labels].map(([value, text]) => ({ value, label: text })).sort((a, b) => a.label.localeCompare(b.label));
}
