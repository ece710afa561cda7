import type { AlertRow } from "../api/alertTypes";
import type { Plan, PlansAnswer, PlanSubscription } from "../api/planTypes";
import { groupAlerts, type AlertGroup } from "./alerts";
import { countsOf, coverageOf, successorsOf, type PlanCounts } from "./plans";

export interface Coverage {
  /** Subscriptions with all, some and none of the plans. */
  full: number;
  part: number;
  none: number;
  /** Those of which nothing is told. */
  unknown: number;
}

/** How many subscriptions are protected, and how far; plans that another replaced are not missed. */
export function coverageOfAll({ plans, subscriptions }: PlansAnswer): Coverage {
  const coverage: Coverage = { full: 0, part: 0, none: 0, unknown: 0 };
  for (const subscription of subscriptions) coverage[reachOf(subscription, plans)] += 1;
  return coverage;
}

function reachOf(subscription: PlanSubscription, plans: readonly Plan[]): keyof Coverage {
  const { on, off, unknown } = coverageOf(subscription, plans);
  if (on + off === 0) return "unknown";
  if (on === 0) return unknown > 0 ? "unknown" : "none";
  return off + unknown === 0 ? "full" : "part";
}

export interface Protection {
  title: string;
  isBuilt: boolean;
  plan: Plan;
  counts: PlanCounts;
}

/** What plans bring beyond settings, what is built first; plans that another replaced bring nothing of their own. */
export function protectionsOf({ plans, subscriptions }: PlansAnswer): Protection[] {
  const own = plans.filter((plan) => successorsOf(plan, plans).length === 0);
  return own.flatMap((plan) => plan.brings.map(({ title, built }) => ({ title, isBuilt: built, plan, counts: countsOf(plan.name, subscriptions) })));
}

/** The resources with the gravest and most alerts among some. */
export const mostAttacked = (alerts: readonly AlertRow[], most: number): AlertGroup[] => groupAlerts(alerts, "resource").slice(0, most);
