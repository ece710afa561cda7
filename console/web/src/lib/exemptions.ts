import type { Exemption } from "../api/types";

/** Exemptions that one decision made: they share everything but the resource. */
export interface Decision {
  key: string;
  first: Exemption;
  exemptions: Exemption[];
}

/** Decisions, the newest first. */
export function groupExemptions(exemptions: readonly Exemption[]): Decision[] {
  const decisions = new Map<string, Decision>();
  for (const exemption of exemptions) {
    const { recommendation, finding, category, reason, expiresAt, createdAt, createdBy, scope } = exemption;
    const key = JSON.stringify([recommendation, finding, category, reason, expiresAt, createdAt, createdBy, scope.kind]);
    const known = decisions.get(key);
    if (known) known.exemptions.push(exemption);
    else decisions.set(key, { key, first: exemption, exemptions: [exemption] });
  }
  return [...decisions.values()].sort((a, b) => b.first.createdAt.localeCompare(a.first.createdAt) || a.key.localeCompare(b.key));
}

export const hasExpired = (exemption: Exemption, now = new Date()): boolean =>
  exemption.expiresAt !== undefined && new Date(exemption.expiresAt).getTime() <= now.getTime();
