import { keepPreviousData, QueryCache, QueryClient, useQuery } from "@tanstack/react-query";
import { ApiError, api } from "./client";
import { isEndOfSession } from "../lib/signIn";
import { endSession } from "./session";
import type { AttestationRow, CheckRow, KeptStandard } from "./standardTypes";
import type { CompliancePoint, Scope, Standard, StandardRow } from "./complianceTypes";
import type { ConnectorRow, MissingPermission } from "./connectorTypes";
import type { BesideDefender } from "./defenderTypes";
import type {
  AssessmentPage, Change, CoverageItem, Exemption, Facets, Overview, RecommendationDetail, RecommendationRow, ResourceDetail, ResourcePage,
} from "./types";

function noteEndOfSession(error: Error): void {
  if (error instanceof ApiError && isEndOfSession(error)) endSession();
}

/** Only what may pass by itself is worth another try. */
function mayPass(count: number, error: Error): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500) && count < 1;
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noteEndOfSession }),
  defaultOptions: {
    queries: { retry: mayPass, retryDelay: 800, staleTime: 15_000 },
    mutations: { onError: noteEndOfSession },
  },
});

export const useOverview = () =>
  useQuery({ queryKey: ["overview"], queryFn: ({ signal }) => api.get<Overview>("/overview", {}, signal) });

export const useRecommendations = () =>
  useQuery({
    queryKey: ["recommendations"],
    queryFn: ({ signal }) => api.get<{ items: RecommendationRow[] }>("/recommendations", {}, signal),
    select: (answer) => answer.items,
  });

export const useRecommendation = (id: string) =>
  useQuery({
    queryKey: ["recommendation", id],
    queryFn: ({ signal }) => api.get<RecommendationDetail>(`/recommendations/${encodeURIComponent(id)}`, {}, signal),
  });

export interface AssessmentsFilter {
  recommendation: string;
  status?: string;
  q?: string;
  cursor?: string;
  limit: number;
}

export const useAssessments = (filter: AssessmentsFilter) =>
  useQuery({
    queryKey: ["assessments", filter],
    queryFn: ({ signal }) => api.get<AssessmentPage>("/assessments", { ...filter }, signal),
    placeholderData: keepPreviousData,
  });

export interface ResourcesFilter {
  type?: string;
  connector?: string;
  account?: string;
  location?: string;
  status?: string;
  q?: string;
  cursor?: string;
  limit: number;
}

export const useResources = (filter: ResourcesFilter) =>
  useQuery({
    queryKey: ["resources", filter],
    queryFn: ({ signal }) => api.get<ResourcePage>("/resources", { ...filter }, signal),
    placeholderData: keepPreviousData,
  });

export const useFacets = () =>
  useQuery({ queryKey: ["facets"], queryFn: ({ signal }) => api.get<Facets>("/resources/facets", {}, signal) });

export const useResource = (id: string) =>
  useQuery({
    queryKey: ["resource", id],
    queryFn: ({ signal }) => api.get<ResourceDetail>("/resource", { id }, signal),
  });

export const useCoverage = () =>
  useQuery({
    queryKey: ["coverage"],
    queryFn: ({ signal }) => api.get<{ items: CoverageItem[] }>("/coverage", {}, signal),
    select: (answer) => answer.items,
  });

export const useStandards = (scope: Scope) =>
  useQuery({
    queryKey: ["compliance", scope],
    queryFn: ({ signal }) => api.get<{ items: StandardRow[] }>("/compliance", { ...scope }, signal),
    select: (answer) => answer.items,
    placeholderData: keepPreviousData,
  });

export const useStandard = (id: string, scope: Scope) =>
  useQuery({
    queryKey: ["compliance", id, scope],
    queryFn: ({ signal }) => api.get<Standard>(`/compliance/${encodeURIComponent(id)}`, { ...scope }, signal),
    placeholderData: keepPreviousData,
  });

export const useStandardHistory = (id: string, scope: Scope) =>
  useQuery({
    queryKey: ["compliance", id, "history", scope],
    queryFn: ({ signal }) => api.get<{ items: CompliancePoint[] }>(`/compliance/${encodeURIComponent(id)}/history`, { ...scope }, signal),
    select: (answer) => answer.items,
  });

export const useKeptStandard = (id: string) =>
  useQuery({
    queryKey: ["standard", id],
    queryFn: ({ signal }) => api.get<KeptStandard>(`/standards/${encodeURIComponent(id)}`, {}, signal),
    // A form must not change under the hands of who fills it in.
    staleTime: Infinity, gcTime: 0,
  });

export const useChecks = () =>
  useQuery({
    queryKey: ["checks"],
    queryFn: ({ signal }) => api.get<{ items: CheckRow[] }>("/checks", {}, signal),
    select: (answer) => answer.items,
    staleTime: Infinity,
  });

export const useAttestations = (id: string, scope: Scope) =>
  useQuery({
    queryKey: ["compliance", id, "attestations", scope],
    queryFn: ({ signal }) => api.get<{ items: AttestationRow[] }>(`/compliance/${encodeURIComponent(id)}/attestations`, { ...scope }, signal),
    select: (answer) => answer.items,
  });

export const useConnectorRows = (options: { enabled: boolean } = { enabled: true }) =>
  useQuery({
    queryKey: ["connectors"],
    queryFn: ({ signal }) => api.get<{ items: ConnectorRow[] }>("/connectors", {}, signal),
    select: (answer) => answer.items,
    enabled: options.enabled,
  });

export const useBesideDefender = (id: string) =>
  useQuery({
    queryKey: ["connectors", id, "defender"],
    queryFn: ({ signal }) => api.get<BesideDefender>(`/connectors/${encodeURIComponent(id)}/defender`, {}, signal),
  });

export const useMissingPermissions = (connector: string) =>
  useQuery({
    queryKey: ["missing-permissions", connector],
    queryFn: ({ signal }) => api.get<{ items: MissingPermission[] }>("/missing-permissions", { connector }, signal),
    select: (answer) => answer.items,
    placeholderData: keepPreviousData,
  });

export const useChanges = () =>
  useQuery({
    queryKey: ["changes"],
    queryFn: ({ signal }) => api.get<{ items: Change[] }>("/changes", {}, signal),
    select: (answer) => answer.items,
  });

export const useExemptions = () =>
  useQuery({
    queryKey: ["exemptions"],
    queryFn: ({ signal }) => api.get<{ items: Exemption[] }>("/exemptions", {}, signal),
    select: (answer) => answer.items,
  });

/** After a change everything may differ: scores, counts, verdicts. The overview is returned fresh. */
export async function refetchEverything(): Promise<Overview> {
  await queryClient.invalidateQueries();
  return queryClient.fetchQuery({ queryKey: ["overview"], queryFn: () => api.get<Overview>("/overview"), staleTime: 0 });
}
