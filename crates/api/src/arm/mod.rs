//! The ARM face: shapes of Microsoft.Security 2020-01-01 (secure scores), 2021-06-01 (assessments), 2019-01-01-preview
//! (sub-assessments, regulatory compliance), and of Microsoft.PolicyInsights 2023-03-01 (restrictions).

mod alerts;
mod assessments;
mod canonical;
mod compliance;
mod connectors;
pub(crate) mod descriptions;
mod ground;
mod health;
mod list_query;
pub(crate) mod objects;
mod policy;
mod restrictions;
mod roles;
mod scores;
mod software;
mod subscription;
mod tasks;
pub(crate) mod written;

pub(crate) use alerts::{raised, unknown};
pub(crate) use canonical::canonical;
pub(crate) use connectors::check_member;
pub(crate) use ground::{AccountNames, id_of};
pub(crate) use list_query::ListQuery;
pub(crate) use roles::assignment_id;

use axum::{
    Json, Router,
    http::{StatusCode, Uri},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::{AppState, error::ApiError, scoped::Scoped};

pub(crate) type Answer = Result<Json<Value>, ApiError>;

/// What stands before the operations of a subscription.
const SUBSCRIPTION: &str = "/subscriptions/{subscription}/providers/Microsoft.Security";

/// What stands before the operations of one resource: the ids that `model::arm` gives to what is not Azure's.
const RESOURCE: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security\
                        /securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security";

/// What stands before the operations of connectors, and of others in a resource group.
const CONNECTORS: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security";

/// What stands before the operations of the installation.
const TENANT: &str = "/providers/Microsoft.Security";

/// What a policy would say of a resource, below a scope.
const RESTRICTIONS: &str = "providers/Microsoft.PolicyInsights/checkPolicyRestrictions";

/// Scopes at which roles are assigned, as paths begin with them.
const SCOPES: [&str; 4] = [
    "",
    "/providers/Microsoft.Management/managementGroups/{management_group}",
    "/subscriptions/{subscription}",
    "/subscriptions/{subscription}/resourceGroups/{group}",
];

/// A page in ARM's shape; `more` are the parameters of the request that the link to the next page repeats.
fn next_link(state: &Scoped, path: &str, version: &str, more: &[(&str, &str)], value: Vec<Value>, next: Option<String>) -> Value {
    let Some(token) = next else { return json!({ "value": value }) };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("api-version", version).extend_pairs(more).append_pair("$skiptoken", &token);
    json!({ "value": value, "nextLink": format!("{}{path}?{}", state.base, query.finish()) })
}

/// Tenants, subscriptions and what lies in them, roles.
fn ground_routes() -> Router<AppState> {
    let mut router = Router::new()
        .route("/tenants", get(ground::tenants))
        .route("/providers", get(ground::tenant_providers))
        .route("/subscriptions", get(ground::subscriptions))
        .route("/subscriptions/{subscription}", get(ground::one_subscription))
        .route("/subscriptions/{subscription}/providers", get(ground::providers))
        .route("/subscriptions/{subscription}/providers/{namespace}", get(ground::one_provider))
        .route("/subscriptions/{subscription}/providers/Microsoft.Management/register", post(ground::register_management))
        .route("/subscriptions/{subscription}/locations", get(ground::locations))
        .route("/subscriptions/{subscription}/resources", get(ground::resources))
        .route("/subscriptions/{subscription}/resourceGroups", get(ground::resource_groups))
        .route("/subscriptions/{subscription}/resourceGroups/{group}", get(ground::one_resource_group))
        .route("/subscriptions/{subscription}/resourceGroups/{group}/resources", get(ground::resources_of_group));
    for scope in SCOPES {
        let own = |rest: &str| format!("{scope}/providers/Microsoft.Authorization/{rest}");
        router = router
            .route(&own("roleDefinitions"), get(roles::definitions))
            .route(&own("roleDefinitions/{name}"), get(roles::one_definition).put(roles::define).delete(roles::undefine))
            .route(&own("roleAssignments"), get(roles::assignments))
            .route(&own("roleAssignments/{name}"), get(roles::one_assignment).put(roles::assign).delete(roles::unassign));
    }
    router
}

pub(crate) fn routes() -> Router<AppState> {
    let under = |prefix: &str, rest: &str| format!("{prefix}/{rest}");
    let standards = "regulatoryComplianceStandards";
    let controls = format!("{standards}/{{standard}}/regulatoryComplianceControls");
    let checks = format!("{controls}/{{control}}/regulatoryComplianceAssessments");
    ground_routes()
        .merge(policy::routes())
        .merge(objects::routes())
        .merge(alerts::routes())
        .route(&under(SUBSCRIPTION, "locations"), get(tasks::locations))
        .route(&under(SUBSCRIPTION, "locations/{location}"), get(tasks::one_location))
        .route(&under(SUBSCRIPTION, "locations/{location}/tasks"), get(tasks::list_at))
        .route(&under(SUBSCRIPTION, "locations/{location}/tasks/{task}"), get(tasks::one))
        .route(&under(SUBSCRIPTION, "tasks"), get(tasks::list))
        .route(&under(CONNECTORS, "locations/{location}/tasks"), get(tasks::list_at))
        .route(&under(CONNECTORS, "locations/{location}/tasks/{task}"), get(tasks::one))
        .route(&under(SUBSCRIPTION, "securityConnectors"), get(connectors::list))
        .route(&under(CONNECTORS, "securityConnectors"), get(connectors::list_in_group))
        .route(
            &under(CONNECTORS, "securityConnectors/{connector}"),
            get(connectors::one).put(connectors::put).patch(connectors::change).delete(connectors::delete),
        )
        .route(&format!("/subscriptions/{{subscription}}/{RESTRICTIONS}"), post(restrictions::at_subscription))
        .route(
            &format!("/subscriptions/{{subscription}}/resourceGroups/{{group}}/{RESTRICTIONS}"),
            post(restrictions::at_resource_group),
        )
        .route(
            &format!("/providers/Microsoft.Management/managementGroups/{{management_group}}/{RESTRICTIONS}"),
            post(restrictions::at_management_group),
        )
        .route(&under(SUBSCRIPTION, "secureScores"), get(scores::list))
        .route(&under(SUBSCRIPTION, "secureScores/{score}"), get(scores::one))
        .route(&under(SUBSCRIPTION, "secureScores/{score}/secureScoreControls"), get(scores::controls_of))
        .route(&under(SUBSCRIPTION, "secureScoreControls"), get(scores::controls))
        .route(&under(SUBSCRIPTION, "secureScoreControlDefinitions"), get(scores::definitions_in))
        .route(&under(TENANT, "secureScoreControlDefinitions"), get(scores::definitions))
        .route(&under(SUBSCRIPTION, "assessments"), get(assessments::of_subscription))
        .route(&under(SUBSCRIPTION, "subAssessments"), get(assessments::findings_of_subscription))
        .route(&under(RESOURCE, "assessments"), get(assessments::of_resource))
        .route(&under(RESOURCE, "assessments/{assessment}"), get(assessments::one).put(written::put).delete(written::delete))
        .route(&under(RESOURCE, "assessments/{assessment}/subAssessments"), get(assessments::findings))
        .route(&under(RESOURCE, "assessments/{assessment}/subAssessments/{finding}"), get(assessments::finding))
        .route(&under(SUBSCRIPTION, "healthReports"), get(health::of_subscription))
        .route(&under(SUBSCRIPTION, "healthReports/{report}"), get(health::one_of_subscription))
        .route(&under(CONNECTORS, "healthReports"), get(health::of_group))
        .route(&under(RESOURCE, "healthReports"), get(health::of_resource))
        .route(&under(RESOURCE, "healthReports/{report}"), get(health::one_of_resource))
        .route(&under(SUBSCRIPTION, "softwareInventories"), get(software::of_subscription))
        .route(&under(RESOURCE, "softwareInventories"), get(software::of_resource))
        .route(&under(RESOURCE, "softwareInventories/{software}"), get(software::one))
        .route(&under(TENANT, "assessmentMetadata"), get(assessments::all_metadata))
        .route(&under(TENANT, "assessmentMetadata/{name}"), get(assessments::metadata))
        .route(&under(SUBSCRIPTION, "assessmentMetadata"), get(assessments::all_metadata_in))
        .route(&under(SUBSCRIPTION, "assessmentMetadata/{name}"), get(assessments::metadata_in))
        .route(&under(SUBSCRIPTION, standards), get(compliance::standards))
        .route(&under(SUBSCRIPTION, &format!("{standards}/{{standard}}")), get(compliance::standard))
        .route(&under(SUBSCRIPTION, &controls), get(compliance::controls))
        .route(&under(SUBSCRIPTION, &format!("{controls}/{{control}}")), get(compliance::control))
        .route(&under(SUBSCRIPTION, &checks), get(compliance::checks))
        .route(&under(SUBSCRIPTION, &format!("{checks}/{{check}}")), get(compliance::check))
}

/// What does not exist yet says so: an empty list would be a lie.
pub(crate) fn not_available(uri: &Uri) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "FeatureNotAvailable", format!("{} does not exist here, or not yet", uri.path()))
}
