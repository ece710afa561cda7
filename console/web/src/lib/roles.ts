import type { AssignedRole, Permission, Principal, RoleDefinition } from "../api/peopleTypes";

export interface RoleDraft {
  roleName: string;
  description: string;
  /** One action a line. */
  actions: string;
  notActions: string;
  /** One scope a line. */
  scopes: string;
}

export const newRoleDraft = (): RoleDraft => ({ roleName: "", description: "", actions: "", notActions: "", scopes: "/" });

export function roleDraftOf({ properties }: RoleDefinition): RoleDraft {
  const [permission] = properties.permissions;
  const lines = (list: readonly string[] | undefined) => (list ?? []).join("\n");
  return {
    roleName: properties.roleName, description: properties.description ?? "",
    actions: lines(permission?.actions), notActions: lines(permission?.notActions), scopes: lines(properties.assignableScopes),
  };
}

/** The lines of a text that hold something, each once. */
export const linesOf = (text: string): string[] => [...new Set(text.split("\n").map((line) => line.trim()).filter(Boolean))];

/** `Microsoft.Security/assessments/read`, with `*` for any part, or `*` alone. */
const ACTION = /^(\*|[A-Za-z0-9.*_-]+(\/[A-Za-z0-9.*_$-]+)+)$/;

export type RoleProblems = Partial<Record<keyof RoleDraft, string>>;

export function roleProblems(draft: RoleDraft): RoleProblems {
  const problems: RoleProblems = {};
  const wrong = (text: string) => linesOf(text).find((line) => !ACTION.test(line));
  const notOne = (line: string) => `“${line}” is no action: write one a line, such as Microsoft.Security/assessments/read.`;
  if (!draft.roleName.trim()) problems.roleName = "Give it a name.";
  const [action, notAction] = [wrong(draft.actions), wrong(draft.notActions)];
  if (linesOf(draft.actions).length === 0) problems.actions = "Allow at least one action.";
  else if (action !== undefined) problems.actions = notOne(action);
  if (notAction !== undefined) problems.notActions = notOne(notAction);
  const scopes = linesOf(draft.scopes);
  if (scopes.length === 0) problems.scopes = "Name at least one scope; / is everything.";
  else if (scopes.some((scope) => !scope.startsWith("/"))) problems.scopes = "A scope begins with /, such as /subscriptions/123456789012.";
  return problems;
}

/** A role as Azure writes it; what the form does not show of a known one stays. */
export function rolePropertiesOf(draft: RoleDraft, known?: RoleDefinition): RoleDefinition["properties"] {
  const [first, ...others] = known?.properties.permissions ?? [];
  const permission: Permission = { dataActions: [], notDataActions: [], ...first, actions: linesOf(draft.actions), notActions: linesOf(draft.notActions) };
  return {
    roleName: draft.roleName.trim(), description: draft.description.trim(), type: "CustomRole", permissions: [permission, ...others], assignableScopes: linesOf(draft.scopes),
  };
}

export const isCustom = (role: RoleDefinition): boolean => role.properties.type === "CustomRole";

/** Azure's clients and texts differ in the case of GUIDs. */
export const isSameRole = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export interface Holder {
  principal: Principal;
  held: AssignedRole;
}

/** Who has a role, at which scope. */
export const holdersOf = (role: string, principals: readonly Principal[]): Holder[] =>
  principals.flatMap((principal) => principal.roles.filter((held) => isSameRole(held.role, role)).map((held) => ({ principal, held })));

/** Own roles first, each kind by name. */
export const byRoleName = (a: RoleDefinition, b: RoleDefinition): number =>
  Number(isCustom(b)) - Number(isCustom(a)) || a.properties.roleName.localeCompare(b.properties.roleName);
