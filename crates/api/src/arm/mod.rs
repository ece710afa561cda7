//! The ARM face: shapes of Microsoft.Security 2020-01-01 (secure scores), 2021-06-01 (assessments), 2019-01-01-preview
//! (sub-assessments, regulatory compliance), and of Microsoft.PolicyInsights 2023-03-01 (restrictions).

mod assessments;
mod compliance;
mod restrictions;
mod scores;
mod subscription;

use axum::{
    Json, Router,
    http::{StatusCode, Uri},
    routing::{get, post},
};
use serde_json::Value;

use crate::{AppState, error::ApiError};

pub(crate) type Answer = Result<Json<Value>, ApiError>;

/// What stands before the operations of a subscription.
const SUBSCRIPTION: &str = "/subscriptions/{subscription}/providers/Microsoft.Security";

/// What stands before the operations of one resource: the ids that `model::arm` gives to what is not Azure's.
const RESOURCE: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security\
                        /securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security";

/// What stands before the operations of the installation.
const TENANT: &str = "/providers/Microsoft.Security";

/// What a policy would say of a resource, below a scope.
const RESTRICTIONS: &str = "providers/Microsoft.PolicyInsights/checkPolicyRestrictions";

pub(crate) fn routes() -> Router<AppState> {
    let under = |prefix: &str, rest: &str| format!("{prefix}/{rest}");
    let standards = "regulatoryComplianceStandards";
    let controls = format!("{standards}/{{standard}}/regulatoryComplianceControls");
    let checks = format!("{controls}/{{control}}/regulatoryComplianceAssessments");
    Router::new()
        .route(&format!("/subscriptions/{{subscription}}/{RESTRICTIONS}"), post(restrictions::at_subscription))
        .route(
            &format!("/subscriptions/{{subscription}}/resourceGroups/{{group}}/{RESTRICTIONS}"),
            post(restrictions::at_resource_group),
        )
        .route(
            &format!("/providers/Microsoft.Management/managementGroups/{{group}}/{RESTRICTIONS}"),
            post(restrictions::at_management_group),
        )
        .route(&under(SUBSCRIPTION, "secureScores"), get(scores::list))
        .route(&under(SUBSCRIPTION, "secureScores/{score}"), get(scores::one))
        .route(&under(SUBSCRIPTION, "secureScores/{score}/secureScoreControls"), get(scores::controls_of))
        .route(&under(SUBSCRIPTION, "secureScoreControls"), get(scores::controls))
        .route(&under(SUBSCRIPTION, "secureScoreControlDefinitions"), get(scores::definitions))
        .route(&under(TENANT, "secureScoreControlDefinitions"), get(scores::definitions))
        .route(&under(SUBSCRIPTION, "assessments"), get(assessments::of_subscription))
        .route(&under(SUBSCRIPTION, "subAssessments"), get(assessments::findings_of_subscription))
        .route(&under(RESOURCE, "assessments"), get(assessments::of_resource))
        .route(&under(RESOURCE, "assessments/{assessment}"), get(assessments::one))
        .route(&under(RESOURCE, "assessments/{assessment}/subAssessments"), get(assessments::findings))
        .route(&under(RESOURCE, "assessments/{assessment}/subAssessments/{finding}"), get(assessments::finding))
        .route(&under(TENANT, "assessmentMetadata"), get(assessments::all_metadata))
        .route(&under(TENANT, "assessmentMetadata/{assessment}"), get(assessments::metadata))
        .route(&under(SUBSCRIPTION, "assessmentMetadata"), get(assessments::all_metadata))
        .route(&under(SUBSCRIPTION, "assessmentMetadata/{assessment}"), get(assessments::metadata_in))
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
