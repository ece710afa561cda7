// The built-in roles as the server has them, and what it may be asked for.
import { readFileSync } from "node:fs";

const FILE = new URL("../../../crates/rbac/roles/built-in.json", import.meta.url);

export const BUILT_IN = JSON.parse(readFileSync(FILE, "utf8")).map(({ name, properties }) => ({
  id: `/providers/Microsoft.Authorization/roleDefinitions/${name}`, name, properties: { type: "BuiltInRole", ...properties },
}));

const verbs = (kind, ...names) => names.map((name) => `${kind}/${name}`);

export const MAY = [
  ...verbs("Microsoft.Authorization/principals", "read", "write", "delete"), ...verbs("Microsoft.Authorization/roleAssignments", "read", "write", "delete"), ...verbs("Microsoft.Authorization/roleDefinitions", "read", "write", "delete"),
  ...verbs("Microsoft.Authorization/auditLog", "read"), ...verbs("Microsoft.Security/pricings", "read", "write", "delete"), ...verbs("Microsoft.Security/securityContacts", "read", "write", "delete"), ...verbs("Microsoft.Security/assessments", "read"),
  ...verbs("Microsoft.Security/secureScores", "read"), ...verbs("Microsoft.Security/securityConnectors", "read", "delete"), ...verbs("Microsoft.Security/regulatoryComplianceStandards", "read", "write", "delete"),
  ...verbs("Microsoft.Security/securityStandards", "read", "write", "delete"), ...verbs("Microsoft.Authorization/policyExemptions", "read", "write", "delete"), ...verbs("Microsoft.Authorization/policyAssignments", "read", "delete"), ...verbs("Microsoft.Authorization/policyDefinitions", "read", "write"),
  ...verbs("Microsoft.Security/alerts", "read", "write"), ...verbs("Microsoft.Security/alertsSuppressionRules", "read", "write", "delete"), "Microsoft.Security/locations/alerts/simulate/action", "Microsoft.Security/logInputs/read",
];
