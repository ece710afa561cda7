//! `/api/v1`: for what ARM has no word for, Unknown above all.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{delete, get},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywarden_model::{Assessment, Exemption, ExemptionCategory, ExemptionScope, SecureScore, Severity, Status, Timestamp};
use skywarden_store::{ResourceQuery, ScopeFilter};

use crate::{AppState, error::ApiError};

type Answer = Result<Json<Value>, ApiError>;

/// Until roles exist, every login sees the whole installation.
const EVERYTHING: ScopeFilter = ScopeFilter::All;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/overview", get(overview))
        .route("/recommendations", get(recommendations))
        .route("/recommendations/{id}", get(recommendation))
        .route("/resources", get(resources))
        .route("/resource", get(resource))
        .route("/coverage", get(coverage))
        .route("/compliance", get(standards))
        .route("/compliance/{id}", get(standard))
        .route("/changes", get(changes))
        .route("/exemptions", get(exemptions).post(exempt))
        .route("/exemptions/{id}", delete(remove_exemption))
}

/// The score over everything that is connected.
pub(crate) async fn total_score(state: &AppState) -> Result<(SecureScore, Vec<Assessment>), ApiError> {
    let rows = state.store.assessments(&EVERYTHING).await?;
    let assessments: Vec<Assessment> = rows.into_iter().map(|row| row.assessment).collect();
    let coverage = state.store.coverage(&EVERYTHING).await?;
    Ok((skywarden_posture::secure_score(&state.catalog, &assessments, &coverage), assessments))
}

/// The address of the server for a person: the state in a few lines, until the console is there.
pub(crate) async fn index(State(state): State<AppState>) -> Result<Html<String>, ApiError> {
    let (score, assessments) = total_score(&state).await?;
    let [low, high] = score.range;
    let mut rows = String::new();
    for control in &score.controls {
        rows.push_str(&format!(
            "<tr><td>{}</td><td>{:.2} / {:.0}</td><td><meter value=\"{:.4}\"></meter></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&control.title),
            control.current,
            control.max,
            control.percentage,
            control.healthy,
            control.unhealthy,
            control.unknown
        ));
    }
    let count = |status| assessments.iter().filter(|assessment| assessment.status == status).count();
    Ok(Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Skywarden</title>\
         <style>:root{{color-scheme:light dark;font:16px/1.5 system-ui}}body{{max-width:60rem;margin:2rem auto;padding:0 1rem}}\
         table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884}}b{{font-size:2rem}}</style>\
         <h1>Skywarden</h1><p>Secure score <b>{:.1} %</b> between {:.1} % and {:.1} %, coverage {:.1} %</p>\
         <p>{} healthy, {} unhealthy, {} unknown, {} not applicable</p>\
         <table><tr><th>Security control</th><th>Score</th><th></th><th>Healthy</th><th>Unhealthy</th><th>Unknown</th></tr>{rows}</table>\
         <p>The API is under <code>/api/v1</code>: overview, recommendations, resources, compliance, coverage, changes.</p></html>",
        score.percentage * 100.0,
        low * 100.0,
        high * 100.0,
        score.coverage * 100.0,
        count(Status::Healthy),
        count(Status::Unhealthy),
        count(Status::Unknown),
        count(Status::NotApplicable),
    )))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn overview(State(state): State<AppState>) -> Answer {
    let (score, assessments) = total_score(&state).await?;
    let mut checks: BTreeMap<String, u64> = BTreeMap::new();
    for assessment in &assessments {
        *checks.entry(assessment.status.to_string()).or_default() += 1;
    }
    let history = state.store.scores(&EVERYTHING, Timestamp::UNIX_EPOCH).await?;
    let trend: Vec<Value> = history
        .iter()
        .map(|point| {
            json!({ "connector": point.connector, "account": point.account, "at": point.at,
                    "percentage": point.score.percentage, "range": point.score.range, "coverage": point.score.coverage })
        })
        .collect();
    let connectors = state.store.connectors(&EVERYTHING).await?;
    Ok(Json(json!({ "secureScore": score, "checks": checks, "trend": trend, "connectors": connectors })))
}

/// A recommendation with how its resources stand.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecommendationRow<'a> {
    id: &'a str,
    key: &'a str,
    title: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    severity: Severity,
    control: &'a str,
    healthy: u64,
    unhealthy: u64,
    unknown: u64,
    not_applicable: u64,
}

async fn recommendations(State(state): State<AppState>) -> Answer {
    let rows = state.store.assessments(&EVERYTHING).await?;
    let mut counts: BTreeMap<&str, BTreeMap<Status, u64>> = BTreeMap::new();
    for row in &rows {
        *counts.entry(&row.assessment.recommendation).or_default().entry(row.assessment.status).or_default() += 1;
    }
    let found: Vec<RecommendationRow<'_>> = counts
        .iter()
        .filter_map(|(id, counts)| {
            let recommendation = state.catalog.recommendations.get(*id)?;
            let count = |status| counts.get(&status).copied().unwrap_or_default();
            Some(RecommendationRow {
                id: &recommendation.file.id,
                key: &recommendation.key,
                title: &recommendation.file.title,
                type_name: &recommendation.file.type_name,
                severity: recommendation.file.severity,
                control: &recommendation.file.control,
                healthy: count(Status::Healthy),
                unhealthy: count(Status::Unhealthy),
                unknown: count(Status::Unknown),
                not_applicable: count(Status::NotApplicable),
            })
        })
        .collect();
    Ok(Json(json!({ "items": found })))
}

async fn recommendation(State(state): State<AppState>, Path(id): Path<String>) -> Answer {
    let known = state.catalog.recommendations.get(id.as_str()).ok_or_else(|| ApiError::not_found("such recommendation"))?;
    let assessments = state.store.assessments_by(&EVERYTHING, &id).await?;
    let mut file = serde_json::to_value(&known.file).map_err(|error| ApiError::bad_request(error.to_string()))?;
    if let Some(members) = file.as_object_mut() {
        members.remove("tests");
    }
    Ok(Json(json!({ "recommendation": file, "key": known.key, "assessments": assessments })))
}

#[derive(Deserialize)]
struct ResourcesQuery {
    #[serde(rename = "type")]
    type_name: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

async fn resources(State(state): State<AppState>, Query(query): Query<ResourcesQuery>) -> Answer {
    let query =
        ResourceQuery { type_name: query.type_name, text: query.q, cursor: query.cursor, limit: query.limit.unwrap_or(100) };
    let page = state.store.resources(&EVERYTHING, &query).await?;
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|resource| {
            json!({ "id": resource.id, "type": resource.type_name, "name": resource.name, "scope": resource.scope,
                    "location": resource.location, "tags": resource.tags })
        })
        .collect();
    Ok(Json(json!({ "items": items, "next": page.next })))
}

#[derive(Deserialize)]
struct ResourceId {
    id: String,
}

async fn resource(State(state): State<AppState>, Query(query): Query<ResourceId>) -> Answer {
    let found = state.store.resource(&EVERYTHING, &query.id).await?;
    let (resource, facts) = found.ok_or_else(|| ApiError::not_found("such resource"))?;
    let assessments = state.store.assessments_on(&EVERYTHING, &query.id).await?;
    Ok(Json(json!({ "resource": resource, "facts": facts, "assessments": assessments })))
}

async fn coverage(State(state): State<AppState>) -> Answer {
    Ok(Json(json!({ "items": state.store.coverage(&EVERYTHING).await? })))
}

async fn standards(State(state): State<AppState>) -> Answer {
    let (_, assessments) = total_score(&state).await?;
    let coverage = state.store.coverage(&EVERYTHING).await?;
    let mut items = Vec::new();
    for id in state.catalog.standards.keys() {
        if let Some(result) = skywarden_posture::compliance(&state.catalog, id, &assessments, &coverage) {
            items.push(json!({ "id": result.id, "title": result.title, "state": result.state, "controlsByState": result.controls_by_state }));
        }
    }
    Ok(Json(json!({ "items": items })))
}

async fn standard(State(state): State<AppState>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let (_, assessments) = total_score(&state).await?;
    let coverage = state.store.coverage(&EVERYTHING).await?;
    let result = skywarden_posture::compliance(&state.catalog, &id, &assessments, &coverage);
    Ok(Json(result.ok_or_else(|| ApiError::not_found("such standard"))?).into_response())
}

async fn changes(State(state): State<AppState>) -> Answer {
    Ok(Json(json!({ "items": state.store.transitions(&EVERYTHING, Timestamp::UNIX_EPOCH).await? })))
}

async fn exemptions(State(state): State<AppState>) -> Answer {
    Ok(Json(json!({ "items": state.store.exemptions(&EVERYTHING).await? })))
}

/// What a person gives to exempt something; the server adds the rest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewExemption {
    recommendation: String,
    #[serde(default)]
    finding: Option<String>,
    scope: ExemptionScope,
    category: ExemptionCategory,
    reason: String,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

async fn exempt(
    State(state): State<AppState>,
    body: Result<Json<NewExemption>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(new) = body.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    if !state.catalog.recommendations.contains_key(new.recommendation.as_str()) {
        return Err(ApiError::bad_request(format!("there is no recommendation `{}`", new.recommendation)));
    }
    if new.reason.trim().is_empty() {
        return Err(ApiError::bad_request("an exemption needs a reason"));
    }
    let exemption = Exemption {
        id: uuid::Uuid::new_v4().to_string(),
        recommendation: new.recommendation,
        finding: new.finding,
        scope: new.scope,
        category: new.category,
        reason: new.reason,
        expires_at: new.expires_at,
        created_at: Timestamp::now(),
        created_by: "administrator".to_owned(),
    };
    state.store.put_exemption(&exemption).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/api/v1/exemptions/{}", exemption.id))], Json(exemption))
        .into_response())
}

async fn remove_exemption(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    if state.store.remove_exemption(&id).await? { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("such exemption")) }
}
