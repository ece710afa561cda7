import type { AssignmentBrief, Counted, Group, Origin, PolicyCounts, PolicyState, ScopeBrief, Setting } from "../api/policyTypes";
import { address } from "../api/client";
import { formatCount, formatPercent, plural, words } from "./format";

/** States in the order in which they prevail, with their word and the name of their colour. */
const STATE_WORDS: Record<PolicyState, { word: string; colour: string }> = {
  NonCompliant: { word: "Non-compliant", colour: "Unhealthy" },
  Unread: { word: "Could not be read", colour: "Unknown" },
  Conflict: { word: "Conflicting", colour: "Conflict" },
  Unknown: { word: "Not attested yet", colour: "Manual" },
  Compliant: { word: "Compliant", colour: "Healthy" },
  Exempt: { word: "Exempt", colour: "Exempt" },
  Protected: { word: "Protected", colour: "Protected" },
};

export const POLICY_STATES = Object.keys(STATE_WORDS) as PolicyState[];

export const stateWord = (state: string): string => STATE_WORDS[state as PolicyState]?.word ?? state;
export const stateColour = (state: string): string => STATE_WORDS[state as PolicyState]?.colour ?? "Unknown";

export const sharesOfStates = (counts: PolicyCounts) =>
  POLICY_STATES.map((state) => ({ name: stateColour(state), label: stateWord(state), count: counts[state] ?? 0 }));

export const sumOf = (counts: PolicyCounts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Azure counts what is exempt or not attested as compliant: whoever reads the share is told so. */
export function compliantSentence({ counts, compliant }: Counted): string {
  const nProtected = counts.Protected ?? 0;
  const total = sumOf(counts) - nProtected;
  const aside = nProtected > 0 ? ` ${plural(nProtected, "resource")} only protected, which counts neither way.` : "";
  if (total === 0 || compliant === null || compliant === undefined) return aside.trim() || "No resource is concerned yet.";
  const among = [
    (counts.Exempt ?? 0) > 0 && `${formatCount(counts.Exempt ?? 0)} exempt`,
    (counts.Unknown ?? 0) > 0 && `${formatCount(counts.Unknown ?? 0)} not attested yet`,
  ].filter(Boolean);
  const unread = (counts.Unread ?? 0) > 0 ? ` ${plural(counts.Unread ?? 0, "resource")} could not be read and ${counts.Unread === 1 ? "counts" : "count"} as not compliant.` : "";
  const noted = among.length > 0 ? `, counting ${among.join(" and ")} as Azure does` : "";
  return `${formatPercent(compliant)} of ${plural(total, "resource")}${noted}.${unread}${aside}`;
}

const ORIGINS: Record<Origin, string> = {
  override: "an override of the assignment",
  assignment: "the assignment",
  initiative: "the initiative",
  initiativeDefault: "default of the initiative",
  definitionDefault: "default of the definition",
  rule: "the rule itself",
};

export const originWords = (origin: string): string => ORIGINS[origin as Origin] ?? origin;

const KINDS: Record<ScopeBrief["kind"], string> = {
  tenant: "Tenant", managementGroup: "Management group", subscription: "Subscription", resourceGroup: "Resource group", resource: "Resource",
};

export const scopeKind = (kind: ScopeBrief["kind"]): string => KINDS[kind] ?? kind;

const lastOf = (id: string): string => id.split("/").filter(Boolean).at(-1) ?? id;

/** A scope by its name, else by the end of its id. */
export const scopeTitle = (scope: { id: string; name?: string }): string => scope.name || (scope.id === "/" ? "Tenant" : lastOf(scope.id));

/** What an object is called: its display name, else the end of its id. */
export const objectTitle = (name: string | null | undefined, id: string): string => name || lastOf(id);

export const assignmentPath = (id: string): string => `/policy/assignment?id=${encodeURIComponent(id)}`;
export const definitionPath = (id: string): string => `/policy/definition?id=${encodeURIComponent(id)}`;
export const exportAddress = (): string => address("/policy/export");

const OBJECTS = ["managementGroup", "definition", "initiative", "assignment", "exemption", "attestation"];

/** `2 definitions, 1 assignment`; empty where there is nothing. */
export function objectsText(counts: Record<string, number>): string {
  const kinds = [...new Set([...OBJECTS, ...Object.keys(counts)])].filter((kind) => (counts[kind] ?? 0) > 0);
  return kinds.map((kind) => plural(counts[kind] ?? 0, words(kind).toLowerCase())).join(", ");
}

export const hasEnded = (expiresOn: string | null | undefined, now = new Date()): boolean =>
  Boolean(expiresOn) && new Date(expiresOn as string).getTime() <= now.getTime();

export interface SettingGroup {
  key: string;
  title: string;
  category: string;
  settings: Setting[];
}

/** Definitions below each group of their initiative that they belong to; those of none come last. */
export function groupSettings(settings: readonly Setting[], groups: readonly Group[]): SettingGroup[] {
  const found = groups.map((group) => ({
    key: group.name, title: group.displayName || group.name, category: group.category, settings: settings.filter((own) => own.groups.includes(group.name)),
  }));
  const known = new Set(groups.map((group) => group.name));
  const rest = settings.filter((own) => !own.groups.some((name) => known.has(name)));
  const filled = found.filter((group) => group.settings.length > 0);
  return rest.length > 0 ? [...filled, { key: "", title: filled.length > 0 ? "In no group" : "", category: "", settings: rest }] : filled;
}

export type SettingFilter = "" | "NonCompliant" | "Unread" | "notEvaluated" | "problem" | "off";

/** Definitions that a person looks for, by text and by what is the matter with them. */
export function filterSettings(settings: readonly Setting[], text: string, filter: string): Setting[] {
  const part = text.trim().toLowerCase();
  return settings.filter((own) => {
    const isNamed = !part || [own.displayName ?? "", own.reference, own.definitionId, own.category ?? ""].some((word) => word.toLowerCase().includes(part));
    if (!isNamed) return false;
    if (filter === "notEvaluated") return Boolean(own.notEvaluated);
    if (filter === "problem") return Boolean(own.problem);
    if (filter === "off") return own.effect === "disabled";
    return !filter || (own.counts[filter as PolicyState] ?? 0) > 0;
  });
}

/** Assignments with the most to do first: not compliant, then not read, then by name. */
export function byNeed(a: AssignmentBrief & Partial<Counted>, b: AssignmentBrief & Partial<Counted>): number {
  const of = (row: Partial<Counted>, state: PolicyState) => row.counts?.[state] ?? 0;
  return of(b, "NonCompliant") - of(a, "NonCompliant") || of(b, "Unread") - of(a, "Unread") || a.displayName.localeCompare(b.displayName);
}

/** Where in a text a line and column, counted from 1, are. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let at = 1; at < line; at += 1) {
    const end = text.indexOf("\n", start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  const end = text.indexOf("\n", start);
  return Math.min(start + Math.max(0, column - 1), end < 0 ? text.length : end);
}
