// Made-up policies: one assignment of one definition, enough to lay pages out.
import { ASSESSMENTS } from "./estate.mjs";

const DEFINITION = "/providers/Microsoft.Authorization/policyDefinitions/made-up";
const ASSIGNMENT = "/providers/Microsoft.Authorization/policyAssignments/made-up";
const STATES = ["NonCompliant", "Unread", "Compliant", "Exempt", "Conflict", "Unknown", "Protected"];
const AT = "2026-11-24T08:30:00Z";
const RULE = { if: { allOf: [{ field: "type", equals: "AWS::S3::Bucket" }, { field: "properties.PublicAccessBlock.IgnorePublicAcls", notEquals: true }] }, then: { effect: "[parameters('effect')]" } };

const rows = [...new Map(ASSESSMENTS.map((row) => [row.resource, row])).values()].slice(0, 120).map((row, at) => ({
  resource: row.resource, name: row.name, type: row.type, connector: row.connector, account: row.account, assignment: ASSIGNMENT, assignmentName: "Made-up assignment", reference: "", definition: DEFINITION,
  definitionName: "Buckets ignore public access lists", state: STATES[at % STATES.length], withoutExemption: at % STATES.length === 3 ? "NonCompliant" : null, effect: "audit", firstEvaluatedAt: AT, stateChangedAt: AT,
  message: null, exemption: null, attestation: null, groups: [], error: null, unreadable: at % STATES.length === 1 ? ["properties.PublicAccessBlock: could not GetPublicAccessBlock (AccessDenied)"] : [],
  evidence: at % STATES.length === 0 ? [{ field: "properties.PublicAccessBlock.IgnorePublicAcls", expected: "does not equal true", actual: "absent" }] : [],
}));

function counted() {
  const counts = {};
  for (const { state } of rows) counts[state] = (counts[state] ?? 0) + 1;
  const sum = (...states) => states.reduce((total, state) => total + (counts[state] ?? 0), 0);
  const good = sum("Compliant", "Exempt", "Unknown");
  return { counts, compliant: good / (good + sum("NonCompliant", "Conflict", "Unread")) };
}

const brief = { id: ASSIGNMENT, name: "made-up", displayName: "Made-up assignment", description: "For development.", scope: "/", scopeName: "", notScopes: [], definitionId: DEFINITION, definitionName: "Buckets ignore public access lists", isInitiative: false, definitions: 1, enforced: true };
const definition = { kind: "definition", id: DEFINITION, name: "made-up", displayName: "Buckets ignore public access lists", description: "A public access list opens a bucket to everybody.", category: "Storage", version: "1.0.0", policyType: "Custom", mode: "All", effect: { parameter: "effect", default: "audit" }, notEvaluated: null };
const document = { id: DEFINITION, name: "made-up", properties: { displayName: definition.displayName, policyRule: RULE } };
const tenant = { id: "/", name: "", kind: "tenant" };
const scope = (id, name, kind, depth) => ({ id, name, kind, depth, assignments: 0, connectors: [] });
const scopes = [
  { ...tenant, depth: 0, assignments: 1, connectors: [] }, scope("/providers/Microsoft.Management/managementGroups/made-up", "Made-up group", "managementGroup", 1),
  scope("/subscriptions/111122223333", "shop-production", "subscription", 2), scope("/subscriptions/444455556666", "billing", "subscription", 2), scope("/subscriptions/fleet", "Own machines", "subscription", 1),
  ...Array.from({ length: 8 }, (_, at) => scope(`/subscriptions/${700000000000 + at}`, `sandbox-${at}`, "subscription", 1)),
];

/** The status and body for a request below `/policy`. */
export function policy(name, query) {
  const found = (body) => ({ status: 200, body });
  const limit = Number(query.get("limit") ?? 100);
  const states = rows.filter((row) => (!query.get("state") || row.state === query.get("state")) && (!query.get("resource") || row.resource === query.get("resource")) && (!query.get("q") || `${row.name} ${row.resource}`.includes(query.get("q"))));
  const from = Number(query.get("cursor") ?? 0);
  switch (name) {
    case undefined: return found({ objects: { managementGroup: 0, definition: 1, initiative: 0, assignment: 1, exemption: 0, attestation: 0 }, total: counted(), assignments: [{ ...brief, ...counted() }], scopes, refused: [], unlinked: [] });
    case "scope": return found({ ...tenant, above: [tenant], assignments: [{ assignment: brief, inherited: false, leftOutBy: null }], exemptions: [] });
    case "assignment": return found({ ...brief, ...counted(), groups: [], parameters: {}, overrides: [], resourceSelectors: [], exemptions: [], attestations: [], document: { id: ASSIGNMENT }, settings: [{ ...counted(), reference: "", definitionId: DEFINITION, displayName: definition.displayName, category: "Storage", groups: [], effect: "audit", effectFrom: "definitionDefault", someResources: [], parameters: { effect: { value: "audit", from: "definitionDefault" } }, message: null, problem: null, notEvaluated: null }] });
    case "definitions": return found({ items: [definition], total: 1, categories: [{ value: "Storage", count: 1 }] });
    case "definition": return found({ ...definition, parameters: [{ name: "effect", type: "String", default: "audit", allowed: ["audit", "deny"] }], policyRule: RULE, document, initiatives: [], assignments: [{ id: ASSIGNMENT, displayName: brief.displayName, scope: "/" }], states: counted() });
    case "states": return found({ items: states.slice(from, from + limit), total: states.length, next: from + limit < states.length ? String(from + limit) : null });
    case "history": return found({ items: states.slice(0, 20).map((row) => ({ at: AT, resource: row.resource, reference: "", assignment: ASSIGNMENT, assignmentName: brief.displayName, from: null, to: row.state })) });
    default: return { status: 501, body: { error: { code: "FeatureNotAvailable", message: "the fixture server does not do that" } } };
  }
}
