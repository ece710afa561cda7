import type { ContactProperties } from "../api/planTypes";

export const CONTACT_ROLES = ["Owner", "Contributor", "ServiceAdmin", "AccountAdmin"];
export const ALERT_SEVERITIES = ["High", "Medium", "Low"];
export const PATH_RISKS = ["Critical", "High", "Medium", "Low"];

export interface ContactDraft {
  /** One address a line. */
  emails: string;
  phone: string;
  isEnabled: boolean;
  roles: readonly string[];
  /** The least severity that is told; empty for none. */
  alerts: string;
  paths: string;
}

export function contactDraftOf(known: ContactProperties | null): ContactDraft {
  if (!known) return { emails: "", phone: "", isEnabled: true, roles: ["Owner"], alerts: "High", paths: "Critical" };
  const draft: ContactDraft = {
    emails: (known.emails ?? "").split(/[;,]/).map((one) => one.trim()).filter(Boolean).join("\n"), phone: known.phone ?? "", isEnabled: known.isEnabled ?? true,
    roles: known.notificationsByRole?.state === "On" ? known.notificationsByRole.roles ?? [] : [], alerts: "", paths: "",
  };
  for (const source of known.notificationsSources ?? []) {
    if (source.sourceType === "Alert") draft.alerts = source.minimalSeverity;
    else if (source.sourceType === "AttackPath") draft.paths = source.minimalRiskLevel;
  }
  return draft;
}

const addressesOf = (draft: ContactDraft): string[] => [...new Set(draft.emails.split(/[\n;,]/).map((one) => one.trim()).filter(Boolean))];

/** Which line is no address; empty where all are. */
export function contactProblem(draft: ContactDraft): string | undefined {
  const wrong = addressesOf(draft).find((one) => !/^[^\s@]+@[^\s@]+$/.test(one));
  return wrong === undefined ? undefined : `“${wrong}” is no e-mail address.`;
}

export function contactOf(draft: ContactDraft): ContactProperties {
  return {
    emails: addressesOf(draft).join(";"), phone: draft.phone.trim(), isEnabled: draft.isEnabled,
    notificationsByRole: { state: draft.roles.length > 0 ? "On" : "Off", roles: [...draft.roles] },
    notificationsSources: [
      ...(draft.alerts ? [{ sourceType: "Alert" as const, minimalSeverity: draft.alerts }] : []),
      ...(draft.paths ? [{ sourceType: "AttackPath" as const, minimalRiskLevel: draft.paths }] : []),
    ],
  };
}
