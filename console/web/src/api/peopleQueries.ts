import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { newGuid } from "../lib/guid";
import { api, arm } from "./client";
import { queryClient } from "./queries";
import { beginSession } from "./session";
import type {
  AuditPage, Credential, IdentityProvider, Principal, RoleDefinition, Session, SessionRow, SignInOptions, Verification,
} from "./peopleTypes";

export const ROLES_VERSION = "2022-04-01";
const DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions";

export const useSession = () =>
  useQuery({ queryKey: ["session"], queryFn: ({ signal }) => api.get<Session>("/session", {}, signal), staleTime: 60_000 });

type Allows = (action: string) => boolean;

/** Whether the session's roles allow an action anywhere; nothing is allowed before that is known. */
export const useMay = (): Allows => useAllowed("may");

/** Whether they allow it at the whole installation. */
export const useMayEverywhere = (): Allows => useAllowed("mayEverywhere");

function useAllowed(list: "may" | "mayEverywhere"): Allows {
  const { data } = useSession();
  const allowed = useMemo(() => new Set((data?.[list] ?? []).map((action) => action.toLowerCase())), [data, list]);
  return (action) => allowed.has(action.toLowerCase());
}

/** What was read before belongs to somebody else, or to nobody. */
export function startSession(session: Session): void {
  queryClient.clear();
  queryClient.setQueryData(["session"], session);
  beginSession();
}

export const useSignInOptions = () =>
  useQuery({ queryKey: ["sign-in"], queryFn: ({ signal }) => api.get<SignInOptions>("/sign-in", {}, signal), staleTime: 0 });

export const useSessions = () =>
  useQuery({
    queryKey: ["session", "sessions"],
    queryFn: ({ signal }) => api.get<{ items: SessionRow[] }>("/session/sessions", {}, signal),
    select: (answer) => answer.items,
  });

/** Credentials below a path: those of the session, or of a principal. */
export const useCredentials = (path: string) =>
  useQuery({
    queryKey: ["credentials", path],
    queryFn: ({ signal }) => api.get<{ items: Credential[] }>(path, {}, signal),
    select: (answer) => answer.items,
  });

export const usePrincipals = (options: { enabled: boolean } = { enabled: true }) =>
  useQuery({
    queryKey: ["principals"],
    queryFn: ({ signal }) => api.get<{ items: Principal[] }>("/principals", {}, signal),
    select: (answer) => answer.items,
    enabled: options.enabled,
  });

export const usePrincipal = (id: string) =>
  useQuery({ queryKey: ["principals", id], queryFn: ({ signal }) => api.get<Principal>(principalRoute(id), {}, signal) });

export const principalRoute = (id: string): string => `/principals/${encodeURIComponent(id)}`;

export const useRoleDefinitions = () =>
  useQuery({
    queryKey: ["roles"],
    queryFn: ({ signal }) => arm.get<{ value: RoleDefinition[] }>(DEFINITIONS, ROLES_VERSION, signal),
    select: (answer) => answer.value,
  });

export const useAudit = (filter: { principal?: string; action?: string; before?: string; top: number }) =>
  useQuery({
    queryKey: ["audit", filter],
    queryFn: ({ signal }) => api.get<AuditPage>("/audit", { ...filter }, signal),
    placeholderData: keepPreviousData,
  });

/** Reads every line there is, so only when somebody asks. */
export const verifyAudit = (): Promise<Verification> => api.get<Verification>("/audit/verification");

export const useIdentityProviders = () =>
  useQuery({
    queryKey: ["identity-providers"],
    queryFn: ({ signal }) => api.get<{ items: IdentityProvider[] }>("/identity-providers", {}, signal),
    select: (answer) => answer.items,
  });

/** Changes to people and roles show in several lists, and in what the session itself may do. */
export async function refetchPeople(): Promise<void> {
  await Promise.all([["principals"], ["roles"], ["session"], ["credentials"], ["audit"]].map((queryKey) => queryClient.invalidateQueries({ queryKey })));
}

/** Gives a principal a role at a scope; the tenant is `/`. */
export const assignRole = (scope: string, role: string, principal: string): Promise<unknown> =>
  arm.put(`${scope === "/" ? "" : scope}/providers/Microsoft.Authorization/roleAssignments/${newGuid()}`, ROLES_VERSION, {
    properties: { roleDefinitionId: `${DEFINITIONS}/${role}`, principalId: principal },
  });

export const removeAssignment = (id: string): Promise<void> => arm.remove(id, ROLES_VERSION);

export const saveRole = (guid: string, properties: RoleDefinition["properties"]): Promise<RoleDefinition> =>
  arm.put(`${DEFINITIONS}/${guid}`, ROLES_VERSION, { properties });

export const removeRole = (guid: string): Promise<void> => arm.remove(`${DEFINITIONS}/${guid}`, ROLES_VERSION);
