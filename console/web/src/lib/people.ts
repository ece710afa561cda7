import type { Credential, Principal, PrincipalKind, SessionRow } from "../api/peopleTypes";

interface KindWords {
  one: string;
  many: string;
  tab: string;
}

export const KIND_WORDS: Record<PrincipalKind, KindWords> = {
  User: { one: "user", many: "users", tab: "users" },
  Group: { one: "group", many: "groups", tab: "groups" },
  ServicePrincipal: { one: "program", many: "programs", tab: "programs" },
};

export const principalPath = (id: string): string => `/access/principals/${encodeURIComponent(id)}`;
export const rolePath = (guid: string): string => `/access/roles/${encodeURIComponent(guid)}`;
export const principalTitle = ({ displayName, name }: Pick<Principal, "displayName" | "name">): string => displayName || name;

export function isLocked({ lockedUntil }: Pick<Principal, "lockedUntil">, now = new Date()): boolean {
  return Boolean(lockedUntil) && new Date(lockedUntil ?? "").getTime() > now.getTime();
}

export type PrincipalFilter = "" | "disabled" | "locked" | "noRoles" | "noCodes" | "never";

export const PRINCIPAL_FILTERS: { value: PrincipalFilter; label: string; only?: PrincipalKind }[] = [
  { value: "disabled", label: "Disabled" },
  { value: "locked", label: "Locked", only: "User" },
  { value: "noRoles", label: "Without a role" },
  { value: "noCodes", label: "Without one-time codes", only: "User" },
  { value: "never", label: "Never signed in", only: "User" },
];

/** Principals that a person looks for, by text and by what is the matter with them. */
export function filterPrincipals(principals: readonly Principal[], kind: PrincipalKind, text: string, filter: string, now = new Date()): Principal[] {
  const part = text.trim().toLowerCase();
  const isMeant = (one: Principal): boolean => {
    switch (filter) {
      case "disabled": return one.state === "Disabled";
      case "locked": return isLocked(one, now);
      case "noRoles": return one.roles.length === 0;
      // An identity provider asks for the second factor of its own accounts.
      case "noCodes": return !one.totp && !one.provider;
      case "never": return !one.lastSignInAt;
      default: return true;
    }
  };
  const isNamed = (one: Principal) => [one.name, one.displayName, ...one.roles.map((role) => role.roleName), ...one.groups.map((group) => group.displayName)].some((word) => word.toLowerCase().includes(part));
  return principals
    .filter((one) => one.kind === kind && isMeant(one) && (!part || isNamed(one)))
    .sort((a, b) => principalTitle(a).localeCompare(principalTitle(b)));
}

export const membersOf = (group: string, principals: readonly Principal[]): Principal[] => principals.filter((one) => one.groups.some((own) => own.id === group));

export const hasEnded = ({ expiresAt }: Pick<Credential, "expiresAt">, now = new Date()): boolean => Boolean(expiresAt) && new Date(expiresAt ?? "").getTime() <= now.getTime();

/** What a credential may do, in words. */
export function rightsText(actions: readonly string[] | null | undefined): string {
  if (!actions) return "All rights of its owner";
  if (actions.length === 0) return "None";
  return actions.length === 1 && actions[0] === "*/read" ? "Read only" : actions.join(", ");
}

/** `Firefox on Linux`, from what the browser calls itself; the whole text where nothing in it is known. */
export function agentText(agent: string | null | undefined): string {
  if (!agent) return "Unknown browser";
  const browser = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]].find(([sign]) => agent.includes(sign ?? ""))?.[1];
  const system = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "macOS"], ["Linux", "Linux"]].find(([sign]) => agent.includes(sign ?? ""))?.[1];
  if (!browser) return agent;
  return system ? `${browser} on ${system}` : browser;
}

/** The session in use first, then the one last seen. */
export const bySession = (a: SessionRow, b: SessionRow): number =>
  Number(b.current) - Number(a.current) || (b.lastSeenAt ?? b.createdAt).localeCompare(a.lastSeenAt ?? a.createdAt);

/** An SVG document as an image's address: shown so, no script in it runs and nothing in it is fetched. */
export const svgAddress = (svg: string): string => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;

/** Base32 in groups of four, as people type it. */
export const grouped = (secret: string): string => secret.replace(/(.{4})(?=.)/g, "$1 ");
