//! Every route that needs a login, with the action that it takes: what is not here is refused.

/// One operation of the API.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// The action that a role must allow, in ARM's words.
    pub action: &'static str,
}

/// All of them; the tests that walk them read this.
pub const ROUTES: &[Route] = &[
    route("GET", "/api/v1/overview", "Microsoft.Security/secureScores/read"),
    route("GET", "/api/v1/recommendations", "Microsoft.Security/assessments/read"),
    route("GET", "/api/v1/recommendations/{id}", "Microsoft.Security/assessments/read"),
    route("GET", "/api/v1/assessments", "Microsoft.Security/assessments/read"),
    route("GET", "/api/v1/resources", "Microsoft.Security/assessments/read"),
    route("GET", "/api/v1/resources/facets", "Microsoft.Security/assessments/read"),
    route("GET", "/api/v1/resource", "Microsoft.Security/assessments/read"),
    route("GET", "/api/v1/coverage", "Microsoft.Security/securityConnectors/read"),
    route("GET", "/api/v1/compliance", "Microsoft.Security/regulatoryComplianceStandards/read"),
    route("GET", "/api/v1/compliance/{id}", "Microsoft.Security/regulatoryComplianceStandards/read"),
    route("GET", "/api/v1/compliance/{id}/history", "Microsoft.Security/regulatoryComplianceStandards/read"),
    route("GET", "/api/v1/compliance/{id}/report", "Microsoft.Security/regulatoryComplianceStandards/read"),
    route("GET", "/api/v1/compliance/{id}/attestations", "Microsoft.Security/regulatoryComplianceStandards/read"),
    route("POST", "/api/v1/compliance/{id}/attestations", "Microsoft.Security/regulatoryComplianceStandards/write"),
    route(
        "DELETE",
        "/api/v1/compliance/{id}/attestations/{attestation}",
        "Microsoft.Security/regulatoryComplianceStandards/delete",
    ),
    route("GET", "/api/v1/checks", "Microsoft.Security/assessments/read"),
    route("GET", "/api/v1/standards/{id}", "Microsoft.Security/securityStandards/read"),
    route("PUT", "/api/v1/standards/{id}", "Microsoft.Security/securityStandards/write"),
    route("DELETE", "/api/v1/standards/{id}", "Microsoft.Security/securityStandards/delete"),
    route("GET", "/api/v1/changes", "Microsoft.Security/assessments/read"),
    route("GET", "/api/v1/exemptions", "Microsoft.Authorization/policyExemptions/read"),
    route("POST", "/api/v1/exemptions", "Microsoft.Authorization/policyExemptions/write"),
    route("DELETE", "/api/v1/exemptions/{id}", "Microsoft.Authorization/policyExemptions/delete"),
    route("POST", "/api/v1/exemptions/bulk", "Microsoft.Authorization/policyExemptions/write"),
    route("POST", "/api/v1/exemptions/lift", "Microsoft.Authorization/policyExemptions/delete"),
    route("GET", "/api/v1/connectors", "Microsoft.Security/securityConnectors/read"),
    route("DELETE", "/api/v1/connectors/{id}", "Microsoft.Security/securityConnectors/delete"),
    route("GET", "/api/v1/missing-permissions", "Microsoft.Security/securityConnectors/read"),
    route("GET", "/api/v1/policy", "Microsoft.Authorization/policyAssignments/read"),
    route("GET", "/api/v1/policy/assignment", "Microsoft.Authorization/policyAssignments/read"),
    route("GET", "/api/v1/policy/definitions", "Microsoft.Authorization/policyDefinitions/read"),
    route("GET", "/api/v1/policy/definition", "Microsoft.Authorization/policyDefinitions/read"),
    route("GET", "/api/v1/policy/scope", "Microsoft.Authorization/policyAssignments/read"),
    route("GET", "/api/v1/policy/states", "Microsoft.Authorization/policyAssignments/read"),
    route("GET", "/api/v1/policy/history", "Microsoft.Authorization/policyAssignments/read"),
    route("DELETE", "/api/v1/policy/object", "Microsoft.Authorization/policyAssignments/delete"),
    route("GET", "/api/v1/policy/export", "Microsoft.Authorization/policyDefinitions/read"),
    route("POST", "/api/v1/policy/try", "Microsoft.Authorization/policyDefinitions/read"),
    route("POST", "/api/v1/policy/import", "Microsoft.Authorization/policyDefinitions/write"),
    route(
        "POST",
        "/subscriptions/{subscription}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
        "Microsoft.Authorization/policyAssignments/read",
    ),
    route(
        "POST",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
        "Microsoft.Authorization/policyAssignments/read",
    ),
    route(
        "POST",
        "/providers/Microsoft.Management/managementGroups/{group}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
        "Microsoft.Authorization/policyAssignments/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/secureScores",
        "Microsoft.Security/secureScores/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/secureScores/{score}",
        "Microsoft.Security/secureScores/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/secureScores/{score}/secureScoreControls",
        "Microsoft.Security/secureScores/secureScoreControls/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/secureScoreControls",
        "Microsoft.Security/secureScoreControls/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/secureScoreControlDefinitions",
        "Microsoft.Security/secureScoreControlDefinitions/read",
    ),
    route("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/assessments", "Microsoft.Security/assessments/read"),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/subAssessments",
        "Microsoft.Security/subAssessments/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/assessmentMetadata",
        "Microsoft.Security/assessmentMetadata/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/assessmentMetadata/{assessment}",
        "Microsoft.Security/assessmentMetadata/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards",
        "Microsoft.Security/regulatoryComplianceStandards/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}",
        "Microsoft.Security/regulatoryComplianceStandards/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}/regulatoryComplianceControls",
        "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}",
        "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}/regulatoryComplianceAssessments",
        "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}/regulatoryComplianceAssessments/{check}",
        "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments",
        "Microsoft.Security/assessments/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments/{assessment}",
        "Microsoft.Security/assessments/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments/{assessment}/subAssessments",
        "Microsoft.Security/assessments/subAssessments/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments/{assessment}/subAssessments/{finding}",
        "Microsoft.Security/assessments/subAssessments/read",
    ),
    route(
        "GET",
        "/providers/Microsoft.Security/secureScoreControlDefinitions",
        "Microsoft.Security/secureScoreControlDefinitions/read",
    ),
    route("GET", "/providers/Microsoft.Security/assessmentMetadata", "Microsoft.Security/assessmentMetadata/read"),
    route("GET", "/providers/Microsoft.Security/assessmentMetadata/{assessment}", "Microsoft.Security/assessmentMetadata/read"),
    route("GET", "/tenants", "Microsoft.Security/assessments/read"),
    route("GET", "/providers", "Microsoft.Security/assessments/read"),
    route("GET", "/subscriptions", "Microsoft.Security/assessments/read"),
    route("GET", "/subscriptions/{subscription}", "Microsoft.Security/assessments/read"),
    route("GET", "/subscriptions/{subscription}/providers", "Microsoft.Security/assessments/read"),
    route("GET", "/subscriptions/{subscription}/providers/{namespace}", "Microsoft.Security/assessments/read"),
    route("GET", "/subscriptions/{subscription}/locations", "Microsoft.Security/assessments/read"),
    route("GET", "/subscriptions/{subscription}/resources", "Microsoft.Security/assessments/read"),
    route("GET", "/subscriptions/{subscription}/resourceGroups", "Microsoft.Security/assessments/read"),
    route("GET", "/subscriptions/{subscription}/resourceGroups/{group}", "Microsoft.Security/assessments/read"),
    route("GET", "/subscriptions/{subscription}/resourceGroups/{group}/resources", "Microsoft.Security/assessments/read"),
    route("GET", "/providers/Microsoft.Authorization/roleDefinitions", "Microsoft.Authorization/roleDefinitions/read"),
    route("GET", "/providers/Microsoft.Authorization/roleDefinitions/{name}", "Microsoft.Authorization/roleDefinitions/read"),
    route("GET", "/providers/Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/roleAssignments/read"),
    route("GET", "/providers/Microsoft.Authorization/roleAssignments/{name}", "Microsoft.Authorization/roleAssignments/read"),
    route("PUT", "/providers/Microsoft.Authorization/roleAssignments/{name}", "Microsoft.Authorization/roleAssignments/write"),
    route(
        "DELETE",
        "/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/delete",
    ),
    route(
        "GET",
        "/providers/Microsoft.Management/managementGroups/{management_group}/providers/Microsoft.Authorization/roleDefinitions",
        "Microsoft.Authorization/roleDefinitions/read",
    ),
    route(
        "GET",
        "/providers/Microsoft.Management/managementGroups/{management_group}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/read",
    ),
    route(
        "GET",
        "/providers/Microsoft.Management/managementGroups/{management_group}/providers/Microsoft.Authorization/roleAssignments",
        "Microsoft.Authorization/roleAssignments/read",
    ),
    route(
        "GET",
        "/providers/Microsoft.Management/managementGroups/{management_group}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/read",
    ),
    route(
        "PUT",
        "/providers/Microsoft.Management/managementGroups/{management_group}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/write",
    ),
    route(
        "DELETE",
        "/providers/Microsoft.Management/managementGroups/{management_group}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/delete",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions",
        "Microsoft.Authorization/roleDefinitions/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleAssignments",
        "Microsoft.Authorization/roleAssignments/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/read",
    ),
    route(
        "PUT",
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/write",
    ),
    route(
        "DELETE",
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/delete",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/roleDefinitions",
        "Microsoft.Authorization/roleDefinitions/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/roleAssignments",
        "Microsoft.Authorization/roleAssignments/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/read",
    ),
    route(
        "PUT",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/write",
    ),
    route(
        "DELETE",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "Microsoft.Authorization/roleAssignments/delete",
    ),
    route("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/locations", "Microsoft.Security/locations/read"),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/locations/{location}",
        "Microsoft.Security/locations/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/locations/{location}/tasks",
        "Microsoft.Security/locations/tasks/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/locations/{location}/tasks/{task}",
        "Microsoft.Security/locations/tasks/read",
    ),
    route("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/tasks", "Microsoft.Security/tasks/read"),
    route(
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/securityConnectors",
        "Microsoft.Security/securityConnectors/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors",
        "Microsoft.Security/securityConnectors/read",
    ),
    route(
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}",
        "Microsoft.Security/securityConnectors/read",
    ),
    route("PUT", "/providers/Microsoft.Authorization/roleDefinitions/{name}", "Microsoft.Authorization/roleDefinitions/write"),
    route(
        "DELETE",
        "/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/delete",
    ),
    route(
        "PUT",
        "/providers/Microsoft.Management/managementGroups/{management_group}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/write",
    ),
    route(
        "DELETE",
        "/providers/Microsoft.Management/managementGroups/{management_group}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/delete",
    ),
    route(
        "PUT",
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/write",
    ),
    route(
        "DELETE",
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/delete",
    ),
    route(
        "PUT",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/write",
    ),
    route(
        "DELETE",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/roleDefinitions/{name}",
        "Microsoft.Authorization/roleDefinitions/delete",
    ),
];

const fn route(method: &'static str, path: &'static str, action: &'static str) -> Route {
    Route { method, path, action }
}

/// The page at the server's address in a build without a console.
const INDEX: Route = route("GET", "/", "Microsoft.Security/secureScores/read");

/// The route that a request was matched to; `HEAD` is `GET`.
pub(crate) fn find(method: &str, path: &str) -> Option<&'static Route> {
    let method = if method == "HEAD" { "GET" } else { method };
    ROUTES.iter().chain([&INDEX]).find(|route| route.method == method && route.path == path)
}
