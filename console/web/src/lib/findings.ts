import type { Finding, Status } from "../api/types";
import { compareSeverity, compareStatus } from "./recommendations";

/** Worst first, the gravest of them before the others. */
export function filterFindings(findings: readonly Finding[], text: string, status: string): Finding[] {
  const part = text.trim().toLowerCase();
  return findings
    .filter((finding) => (!status || finding.status === status) && (!part || finding.title.toLowerCase().includes(part) || finding.id.toLowerCase().includes(part)))
    .sort((a, b) => compareStatus(a.status, b.status) || compareSeverity(a.severity, b.severity) || a.title.localeCompare(b.title));
}

export function countByStatus(findings: readonly { status: Status }[]): Record<Status, number> {
  const counts: Record<Status, number> = { Unhealthy: 0, Unknown: 0, Healthy: 0, NotApplicable: 0 };
  for (const { status } of findings) counts[status] += 1;
  return counts;
}
