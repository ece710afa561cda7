/** The shapes of plans, contacts and of this installation. */

export interface Plan {
  name: string;
  title: string;
  description: string;
  /** Plans that took its place. */
  replacedBy?: string[];
  brings: { title: string; built: boolean }[];
  subPlans: string[];
  extensions: { name: string; title: string }[];
}

export interface Pricing {
  plan: string;
  tier: "Free" | "Standard";
  subPlan?: string | null;
  inherited: boolean;
  inheritedFrom?: string | null;
  enforce: boolean;
  enablementTime?: string | null;
  /** ISO 8601, `P12DT3H`. */
  freeTrialRemainingTime?: string | null;
  extensions: { name: string; isEnabled: boolean }[];
}

export interface PlanSubscription {
  id: string;
  displayName: string;
  connector: string;
  pricings: Pricing[];
}

export interface PlansAnswer {
  plans: Plan[];
  subscriptions: PlanSubscription[];
}

export interface ContactProperties {
  emails?: string | null;
  phone?: string | null;
  isEnabled?: boolean | null;
  notificationsByRole?: { state: "On" | "Off"; roles?: string[] } | null;
  notificationsSources?: ({ sourceType: "Alert"; minimalSeverity: string } | { sourceType: "AttackPath"; minimalRiskLevel: string })[] | null;
}

export interface Tenant {
  tenantId: string;
  displayName?: string | null;
}
