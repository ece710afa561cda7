//! The ARM face of what exists so far: shapes of Microsoft.Security 2020-01-01 (secure scores) and 2021-06-01 (assessments).

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, Uri},
    routing::get,
};
use serde_json::{Value, json};
use skywarden_model::{ArmId, Assessment, ControlScore, Resource, SecureScore, Status, subscription_id};
use skywarden_store::{ResourceQuery, ScopeFilter};

use crate::{AppState, error::ApiError};

type Answer = Result<Json<Value>, ApiError>;

pub(crate) fn routes() -> Router<AppState> {
    const SECURITY: &str = "/subscriptions/{subscription}/providers/Microsoft.Security";
    Router::new()
        .route(&format!("{SECURITY}/secureScores"), get(secure_scores))
        .route(&format!("{SECURITY}/secureScores/ascScore"), get(secure_score))
        .route(&format!("{SECURITY}/secureScoreControls"), get(secure_score_controls))
        .route(&format!("{SECURITY}/assessments"), get(assessments))
        .route("/providers/Microsoft.Security/assessmentMetadata", get(metadata))
}

/// What does not exist yet says so: an empty list would be a lie.
pub(crate) async fn not_available(uri: Uri) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "FeatureNotAvailable", format!("{} does not exist here, or not yet", uri.path()))
}

struct Subscription {
    id: String,
    resources: BTreeMap<String, Resource>,
    assessments: Vec<skywarden_store::AssessmentRow>,
    score: SecureScore,
}

/// The resources and verdicts of the subscription that a path names.
async fn subscription(state: &AppState, wanted: &str) -> Result<Subscription, ApiError> {
    let everything = ScopeFilter::All;
    let mut own = BTreeMap::new();
    let mut accounts = std::collections::BTreeSet::new();
    let mut query = ResourceQuery { limit: 500, ..ResourceQuery::default() };
    loop {
        let page = state.store.resources(&everything, &query).await?;
        for resource in page.items {
            if subscription_id(&resource.scope).to_string().eq_ignore_ascii_case(wanted) {
                accounts.insert((resource.scope.connector.to_string(), resource.scope.account.to_string()));
                own.insert(resource.id.to_string(), resource);
            }
        }
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    if own.is_empty() {
        return Err(ApiError::not_found("such subscription"));
    }
    let filter = ScopeFilter::Subscriptions(accounts);
    let rows = state.store.assessments(&filter).await?;
    let coverage = state.store.coverage(&filter).await?;
    let plain: Vec<Assessment> = rows.iter().map(|row| row.assessment.clone()).collect();
    let score = skywarden_posture::secure_score(&state.catalog, &plain, &coverage);
    Ok(Subscription { id: wanted.to_ascii_lowercase(), resources: own, assessments: rows, score })
}

fn score_object(subscription: &Subscription) -> Value {
    let score = &subscription.score;
    json!({
        "id": format!("/subscriptions/{}/providers/Microsoft.Security/secureScores/ascScore", subscription.id),
        "name": "ascScore",
        "type": "Microsoft.Security/secureScores",
        "properties": {
            "displayName": "ASC score",
            "score": { "max": score.max, "current": round_two(score.current), "percentage": score.percentage },
            "weight": score.weight,
        }
    })
}

fn round_two(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}

async fn secure_scores(State(state): State<AppState>, Path(id): Path<String>) -> Answer {
    let subscription = subscription(&state, &id).await?;
    Ok(Json(json!({ "value": [score_object(&subscription)] })))
}

async fn secure_score(State(state): State<AppState>, Path(id): Path<String>) -> Answer {
    let subscription = subscription(&state, &id).await?;
    Ok(Json(score_object(&subscription)))
}

async fn secure_score_controls(State(state): State<AppState>, Path(id): Path<String>) -> Answer {
    let subscription = subscription(&state, &id).await?;
    let judged = |control: &&ControlScore| control.healthy + control.unhealthy > 0;
    let value: Vec<Value> = subscription
        .score
        .controls
        .iter()
        .filter(judged)
        .map(|control| {
            let key = state.catalog.control(&control.id).map(|control| control.key.clone()).unwrap_or_default();
            json!({
                "id": format!("/subscriptions/{}/providers/Microsoft.Security/secureScores/ascScore/secureScoreControls/{key}", subscription.id),
                "name": key,
                "type": "Microsoft.Security/secureScores/secureScoreControls",
                "properties": {
                    "displayName": control.title,
                    "healthyResourceCount": control.healthy,
                    "unhealthyResourceCount": control.unhealthy,
                    "notApplicableResourceCount": control.not_applicable + control.unknown,
                    "score": { "max": control.max, "current": round_two(control.current), "percentage": control.percentage },
                    "weight": control.healthy + control.unhealthy,
                }
            })
        })
        .collect();
    Ok(Json(json!({ "value": value })))
}

async fn assessments(State(state): State<AppState>, Path(id): Path<String>) -> Answer {
    let subscription = subscription(&state, &id).await?;
    let mut value = Vec::with_capacity(subscription.assessments.len());
    for row in &subscription.assessments {
        let Some(resource) = subscription.resources.get(row.assessment.resource.as_str()) else { continue };
        let Some(recommendation) = state.catalog.recommendations.get(&row.assessment.recommendation) else { continue };
        let arm_id = ArmId::of(resource);
        value.push(json!({
            "id": format!("{arm_id}/providers/Microsoft.Security/assessments/{}", recommendation.key),
            "name": recommendation.key,
            "type": "Microsoft.Security/assessments",
            "properties": {
                "displayName": recommendation.file.title,
                "resourceDetails": { "source": source_of(resource), "id": arm_id.as_str() },
                "status": status(row),
                "additionalData": additional_data(&row.assessment),
            }
        }));
    }
    Ok(Json(json!({ "value": value })))
}

/// ARM has no Unknown: NotApplicable with cause `Unreadable`, the missing permission in the description.
fn status(row: &skywarden_store::AssessmentRow) -> Value {
    let assessment = &row.assessment;
    let code = if assessment.status == Status::Unknown { Status::NotApplicable } else { assessment.status };
    let mut status =
        json!({ "code": code, "firstEvaluationDate": row.first_evaluated_at, "statusChangeDate": row.status_changed_at });
    if let (Some(cause), Some(members)) = (&assessment.cause, status.as_object_mut()) {
        let name = if assessment.status == Status::Unknown { json!("Unreadable") } else { json!(cause.code) };
        members.insert("cause".to_owned(), name);
        members.insert("description".to_owned(), json!(cause.message));
    }
    status
}

fn additional_data(assessment: &Assessment) -> Value {
    if assessment.status == Status::Unknown { json!({ "verdict": "Unknown" }) } else { json!({}) }
}

fn source_of(resource: &Resource) -> &'static str {
    if resource.type_name.as_str().starts_with("AWS::") { "Aws" } else { "OnPremise" }
}

async fn metadata(State(state): State<AppState>) -> Answer {
    let value: Vec<Value> = state
        .catalog
        .recommendations
        .values()
        .map(|recommendation| {
            let file = &recommendation.file;
            json!({
                "id": format!("/providers/Microsoft.Security/assessmentMetadata/{}", recommendation.key),
                "name": recommendation.key,
                "type": "Microsoft.Security/assessmentMetadata",
                "properties": {
                    "displayName": file.title,
                    "description": file.description,
                    "remediationDescription": file.remediation.steps,
                    "categories": file.categories,
                    "severity": file.severity,
                    "userImpact": file.user_impact,
                    "implementationEffort": file.effort,
                    "threats": file.threats,
                    "preview": file.maturity == skywarden_content::Maturity::Preview,
                    "assessmentType": "BuiltIn",
                }
            })
        })
        .collect();
    Ok(Json(json!({ "value": value })))
}
