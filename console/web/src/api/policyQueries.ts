import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api } from "./client";
import type {
  AssignmentDetail, DefinitionDetail, DefinitionsPage, ImportAnswer, InitiativeDetail, PolicyEvent, PolicyOverview, ScopeDetail, StatePage, Trial, TrialAnswer,
} from "./policyTypes";

export const usePolicyOverview = () =>
  useQuery({ queryKey: ["policy"], queryFn: ({ signal }) => api.get<PolicyOverview>("/policy", {}, signal) });

export const usePolicyScope = (id: string) =>
  useQuery({
    queryKey: ["policy", "scope", id],
    queryFn: ({ signal }) => api.get<ScopeDetail>("/policy/scope", { id }, signal),
    enabled: id !== "",
    placeholderData: keepPreviousData,
  });

export const useAssignment = (id: string) =>
  useQuery({ queryKey: ["policy", "assignment", id], queryFn: ({ signal }) => api.get<AssignmentDetail>("/policy/assignment", { id }, signal) });

export const useDefinition = (id: string) =>
  useQuery({
    queryKey: ["policy", "definition", id],
    queryFn: ({ signal }) => api.get<DefinitionDetail | InitiativeDetail>("/policy/definition", { id }, signal),
    enabled: id !== "",
  });

export interface DefinitionsFilter {
  q?: string;
  category?: string;
  kind?: string;
  offset: number;
  limit: number;
}

export const useDefinitions = (filter: DefinitionsFilter) =>
  useQuery({
    queryKey: ["policy", "definitions", filter],
    queryFn: ({ signal }) => api.get<DefinitionsPage>("/policy/definitions", { ...filter }, signal),
    placeholderData: keepPreviousData,
  });

export interface StatesFilter {
  assignment?: string;
  reference?: string;
  resource?: string;
  state?: string;
  q?: string;
  cursor?: string;
  limit: number;
}

export const useStates = (filter: StatesFilter) =>
  useQuery({
    queryKey: ["policy", "states", filter],
    queryFn: ({ signal }) => api.get<StatePage>("/policy/states", { ...filter }, signal),
    placeholderData: keepPreviousData,
  });

export const usePolicyHistory = (filter: { assignment?: string; resource?: string }) =>
  useQuery({
    queryKey: ["policy", "history", filter],
    queryFn: ({ signal }) => api.get<{ items: PolicyEvent[] }>("/policy/history", { ...filter }, signal),
    select: (answer) => answer.items,
  });

export const importPolicies = (file: Blob, isDry: boolean): Promise<ImportAnswer> =>
  api.send<ImportAnswer>("/policy/import", { dryRun: isDry ? "true" : undefined }, file);

export const tryPolicy = (trial: Trial): Promise<TrialAnswer> => api.post<TrialAnswer>("/policy/try", trial);
