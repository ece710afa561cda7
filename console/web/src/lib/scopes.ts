import type { ScopeBrief, ScopeRow } from "../api/policyTypes";
import { scopeTitle } from "./policy";

/** A scope that a role may be given at. */
export interface ScopeChoice {
  id: string;
  kind: ScopeBrief["kind"];
  title: string;
  depth: number;
}

export interface ArmNamed {
  id: string;
  name?: string;
  displayName?: string;
}

export const TENANT: ScopeChoice = { id: "/", kind: "tenant", title: "Everything", depth: 0 };

interface ScopeParts {
  kind: ScopeBrief["kind"];
  name: string;
  /** The ARM id of the subscription that it lies in. */
  subscription?: string;
}

export function scopeParts(scope: string): ScopeParts {
  const parts = scope.split("/").filter(Boolean);
  const [first, second, third, fourth] = parts;
  const last = parts.at(-1) ?? "";
  if (!first) return { kind: "tenant", name: "" };
  const subscription = `/subscriptions/${second ?? ""}`;
  if (first.toLowerCase() !== "subscriptions") {
    const isGroup = third?.toLowerCase() === "managementgroups" && parts.length === 4;
    return { kind: isGroup ? "managementGroup" : "resource", name: isGroup ? fourth ?? "" : last };
  }
  if (parts.length <= 2) return { kind: "subscription", name: second ?? "" };
  if (third?.toLowerCase() === "resourcegroups" && parts.length === 4) return { kind: "resourceGroup", name: fourth ?? "", subscription };
  return { kind: "resource", name: last, subscription };
}

/** Names of scopes by their ids in small letters. */
export type ScopeNames = ReadonlyMap<string, string>;

export const namesOf = (choices: readonly ScopeChoice[]): ScopeNames => new Map(choices.map((choice) => [choice.id.toLowerCase(), choice.title]));

const KINDS = { managementGroup: "Management group", subscription: "Subscription", resourceGroup: "Resource group", resource: "Resource" } as const;

/** A scope in words: `Everything`, `Resource group web in Shop`. */
export function scopeText(scope: string, names: ScopeNames = new Map()): string {
  const { kind, name, subscription } = scopeParts(scope);
  if (kind === "tenant") return "Everything";
  const own = names.get(scope.toLowerCase()) ?? name;
  if (subscription === undefined) return `${KINDS[kind]} ${own}`;
  return `${KINDS[kind]} ${own} in ${names.get(subscription.toLowerCase()) ?? scopeParts(subscription).name}`;
}

/** Scopes to choose from: resources and groups that something is assigned at are left to their subscription. */
export function choicesOfScopes(rows: readonly ScopeRow[]): ScopeChoice[] {
  const shown = rows.filter((row) => row.kind === "tenant" || row.kind === "managementGroup" || row.kind === "subscription");
  const choices = shown.map((row): ScopeChoice => (row.kind === "tenant" ? TENANT : { id: row.id, kind: row.kind, title: scopeTitle(row), depth: row.depth }));
  return choices.some((choice) => choice.kind === "tenant") ? choices : [TENANT, ...choices];
}

export const choicesOfSubscriptions = (rows: readonly ArmNamed[]): ScopeChoice[] =>
  [TENANT, ...rows.map((row): ScopeChoice => ({ id: row.id, kind: "subscription", title: row.displayName || scopeParts(row.id).name, depth: 1 }))];

export const choicesOfGroups = (rows: readonly ArmNamed[]): ScopeChoice[] =>
  rows.map((row) => ({ id: row.id, kind: "resourceGroup", title: row.name || scopeParts(row.id).name, depth: 0 }));

/** Scopes whose title or id holds a text, each with all that it lies below. */
export function filterScopes(choices: readonly ScopeChoice[], text: string): ScopeChoice[] {
  const part = text.trim().toLowerCase();
  if (!part) return [...choices];
  const kept = new Set<ScopeChoice>();
  const above: ScopeChoice[] = [];
  for (const choice of choices) {
    above.length = Math.min(above.length, choice.depth);
    if (choice.title.toLowerCase().includes(part) || choice.id.toLowerCase().includes(part)) [...above, choice].forEach((one) => kept.add(one));
    above[choice.depth] = choice;
  }
  return choices.filter((choice) => kept.has(choice));
}
