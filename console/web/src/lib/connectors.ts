import type { ConnectorRow, MissingPermission } from "../api/connectorTypes";
import { formatTime, plural, sentence } from "./format";

/** How the reading of a connector goes; the names are those of tones. */
export interface Health {
  tone: "Healthy" | "Unhealthy" | "Unknown" | "NotApplicable";
  word: string;
  why?: string;
}

export function healthOf(row: ConnectorRow): Health {
  const { attempt, coverage } = row;
  if (attempt?.error) {
    const since = attempt.succeededAt ? `Last read ${formatTime(attempt.succeededAt)}.` : "It was never read.";
    return { tone: "Unhealthy", word: "Cannot be read", why: `${sentence(attempt.error)} ${since}` };
  }
  if (row.organization && attempt) return { tone: "Healthy", word: "Accounts listed" };
  if (!row.takenAt) return { tone: "Unknown", word: "Never read", why: NEVER };
  const broken = coverage.failed + coverage.partial;
  if (broken > 0) return { tone: "Unknown", word: "Read in part", why: `${plural(broken, "list")} could not be fetched in full.` };
  if (coverage.denied > 0) return { tone: "Unknown", word: "Read in part", why: `${plural(coverage.denied, "read")} inside the lists failed.` };
  if (row.poll?.error) return { tone: "Unknown", word: "Changes wait", why: `${sentence(row.poll.error)} What changes is seen by the next reading only.` };
  return { tone: "Healthy", word: "Read in full" };
}

const NEVER = "Nothing of it is in the lists, counts and scores yet; it is read in the server's next round.";

/** Whether nothing is known of it, which must not pass for nothing being wrong. */
export const isNeverRead = (row: ConnectorRow): boolean => !row.organization && !row.takenAt;

const UNITS: readonly [number, string][] = [[86_400, "day"], [3600, "hour"], [60, "minute"]];

/** `3 hours`: the largest unit that is whole. */
export function ageOf(at: string | undefined, now = new Date()): string {
  const time = at ? new Date(at).getTime() : Number.NaN;
  if (Number.isNaN(time)) return "";
  const seconds = Math.max(0, Math.floor((now.getTime() - time) / 1000));
  const unit = UNITS.find(([size]) => seconds >= size);
  return unit ? plural(Math.floor(seconds / unit[0]), unit[1]) : "less than a minute";
}

export interface ConnectorGroup {
  row: ConnectorRow;
  members: ConnectorRow[];
}

/** Organisations with their accounts below them; an account whose organisation is gone stands by itself. What fails comes first. */
export function groupConnectors(rows: readonly ConnectorRow[]): ConnectorGroup[] {
  const ids = new Set(rows.map((row) => row.id));
  const isMember = (row: ConnectorRow) => row.memberOf !== undefined && row.memberOf !== row.id && ids.has(row.memberOf);
  const rank: Record<Health["tone"], number> = { Unhealthy: 0, Unknown: 1, NotApplicable: 2, Healthy: 3 };
  const byHealth = (a: ConnectorRow, b: ConnectorRow) => rank[healthOf(a).tone] - rank[healthOf(b).tone] || a.displayName.localeCompare(b.displayName);
  return rows
    .filter((row) => !isMember(row))
    .map((row) => ({ row, members: rows.filter((other) => isMember(other) && other.memberOf === row.id).sort(byHealth) }))
    .sort((a, b) => Number(b.row.organization) - Number(a.row.organization) || byHealth(a.row, b.row));
}

/** IAM's own form: a service, then an action. Rights of machines, such as root, are none. */
const IAM_ACTION = /^[a-z0-9-]+:[A-Za-z0-9*]+$/;

/** The policy that allows what is missing; `undefined` where nothing of it is a right of IAM. */
export function iamPolicy(rows: readonly Pick<MissingPermission, "permission">[]): string | undefined {
  const actions = [...new Set(rows.map((row) => row.permission).filter((name) => IAM_ACTION.test(name)))].sort();
  if (actions.length === 0) return undefined;
  const statement = { Sid: "SkywardenReadsWhatItCouldNot", Effect: "Allow", Action: actions, Resource: "*" };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] }, null, 2);
}
