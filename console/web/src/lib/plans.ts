import type { Plan, PlanSubscription, Pricing } from "../api/planTypes";
import type { PricingChange } from "../api/planQueries";
import { formatCount, plural } from "./format";

export const planPath = (name: string): string => `/plans/${encodeURIComponent(name)}`;
export const isOn = (pricing: Pricing | undefined): boolean => pricing?.tier === "Standard";
export const pricingOf = (subscription: PlanSubscription, plan: string): Pricing | undefined => subscription.pricings.find((own) => own.plan === plan);
export const titleOf = (subscription: PlanSubscription): string => subscription.displayName || subscription.id;

/** Plans that took the place of one, as far as they are here. */
export const successorsOf = (plan: Plan, plans: readonly Plan[]): Plan[] => plans.filter((own) => (plan.replacedBy ?? []).includes(own.name));

/** How many plans are on in a subscription, of those that nothing replaces. */
export function coverageOf(subscription: PlanSubscription, plans: readonly Plan[]): PlanCounts {
  const counts: PlanCounts = { on: 0, off: 0, unknown: 0 };
  for (const plan of plans.filter((own) => successorsOf(own, plans).length === 0)) {
    const one = countsOf(plan.name, [subscription]);
    counts.on += one.on;
    counts.off += one.off;
    counts.unknown += one.unknown;
  }
  return counts;
}

export interface PlanCounts {
  on: number;
  off: number;
  /** Subscriptions that say nothing about the plan. */
  unknown: number;
}

export function countsOf(plan: string, subscriptions: readonly PlanSubscription[]): PlanCounts {
  const counts: PlanCounts = { on: 0, off: 0, unknown: 0 };
  for (const subscription of subscriptions) {
    const pricing = pricingOf(subscription, plan);
    counts[pricing === undefined ? "unknown" : isOn(pricing) ? "on" : "off"] += 1;
  }
  return counts;
}

/** `3 of 7`: how much of what a plan brings is built. */
export function builtText({ brings }: Pick<Plan, "brings">): string {
  const n = brings.filter((one) => one.built).length;
  if (brings.length === 0) return "Nothing of its own";
  if (n === brings.length) return `All ${formatCount(n)} built`;
  return n === 0 ? "Nothing is built yet" : `${formatCount(n)} of ${formatCount(brings.length)} built`;
}

/** `P12DT3H` as `12 days left`; `undefined` where there is no trial or its end is not told. */
export function trialText(duration: string | null | undefined): string | undefined {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(duration ?? "");
  if (!match) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((text) => Number(text ?? 0));
  if (days > 0) return `${plural(days, "day")} left`;
  if (hours > 0) return `${plural(hours, "hour")} left`;
  return minutes > 0 || seconds > 0 ? "Less than an hour left" : "Over";
}

export interface PricingDraft {
  isOn: boolean;
  subPlan: string;
  isEnforced: boolean;
  extensions: ReadonlyMap<string, boolean>;
}

export function draftOf(plan: Plan, pricing: Pricing | undefined): PricingDraft {
  const known = new Map((pricing?.extensions ?? []).map((own) => [own.name, own.isEnabled]));
  return {
    isOn: isOn(pricing), subPlan: pricing?.subPlan ?? plan.subPlans.at(-1) ?? "", isEnforced: pricing?.enforce ?? false,
    extensions: new Map(plan.extensions.map(({ name }) => [name, known.get(name) ?? false])),
  };
}

/** A plan that is off has neither sub-plan nor extensions. */
export function changeOf(draft: PricingDraft): PricingChange {
  const enforce = draft.isEnforced ? "True" : "False";
  if (!draft.isOn) return { pricingTier: "Free", enforce };
  const extensions = [...draft.extensions].map(([name, enabled]) => ({ name, isEnabled: enabled ? ("True" as const) : ("False" as const) }));
  return { pricingTier: "Standard", ...(draft.subPlan ? { subPlan: draft.subPlan } : {}), enforce, ...(extensions.length > 0 ? { extensions } : {}) };
}

/** Subscriptions that a person looks for. */
export function filterSubscriptions(subscriptions: readonly PlanSubscription[], text: string): PlanSubscription[] {
  const part = text.trim().toLowerCase();
  return subscriptions.filter((one) => !part || [one.id, one.displayName, one.connector].some((word) => word.toLowerCase().includes(part)));
}
