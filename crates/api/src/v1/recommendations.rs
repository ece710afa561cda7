use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Path, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywarden_content::{Catalog, Maturity, PlanNeed, RecommendationFile};
use skywarden_model::{Environment, Severity, Status};
use skywarden_store::{AssessmentQuery, RecommendationCount};

use super::{Answer, DEFAULT_LIMIT};
use crate::{
    arm::descriptions::{Descriptions, severity_of, title_of},
    error::ApiError,
    scoped::Scoped,
};

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
    effort: skywarden_model::Effort,
    user_impact: skywarden_model::UserImpact,
    maturity: Maturity,
    control: &'a str,
    control_title: &'a str,
    environment: &'static str,
    /// Whether all its resources belong to sample connectors.
    sample: bool,
    healthy: u64,
    unhealthy: u64,
    unknown: u64,
    not_applicable: u64,
}

pub(crate) async fn list(state: Scoped) -> Answer {
    let counts = state.store.recommendation_counts(&state.filter).await?;
    let connectors = state.store.connectors(&state.filter).await?;
    let samples: BTreeSet<&str> =
        connectors.iter().filter(|connector| connector.sample).map(|connector| connector.id.as_str()).collect();
    let descriptions = Descriptions::read(&state.store, &state.filter).await?;
    let environments: BTreeMap<&str, Environment> =
        connectors.iter().map(|connector| (connector.id.as_str(), connector.environment)).collect();
    let mut rows: Vec<Value> = Vec::with_capacity(counts.len());
    for count in &counts {
        let own = row(&state.catalog, count, &samples).map(|row| json!(row));
        rows.extend(own.or_else(|| custom_row(&descriptions, count, &samples, &environments)));
    }
    Ok(Json(json!({ "items": rows })))
}

/// What clients wrote assessments of: it counts in no control, and what they did not say of it is an empty text.
fn custom_row(
    descriptions: &Descriptions,
    count: &RecommendationCount,
    samples: &BTreeSet<&str>,
    environments: &BTreeMap<&str, Environment>,
) -> Option<Value> {
    let document = descriptions.named(&count.recommendation)?;
    let environment = count.connectors.iter().find_map(|connector| environments.get(connector.as_str()));
    Some(json!({
        "id": count.recommendation,
        "key": count.recommendation,
        "title": title_of(document),
        "type": "",
        "severity": severity_of(document),
        "effort": said(document, "implementationEffort"),
        "userImpact": said(document, "userImpact"),
        "maturity": maturity(document),
        "control": "",
        "controlTitle": NO_CONTROL,
        "environment": environment,
        "sample": count.connectors.iter().all(|connector| samples.contains(connector.as_str())),
        "custom": true,
        "healthy": count.healthy,
        "unhealthy": count.unhealthy,
        "unknown": count.unknown,
        "notApplicable": count.not_applicable,
    }))
}

/// What stands for a control where there is none.
const NO_CONTROL: &str = "No security control";

fn said<'a>(document: &'a Value, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn maturity(document: &Value) -> Maturity {
    let is_preview = document.get("preview").and_then(Value::as_bool).unwrap_or(false);
    if is_preview { Maturity::Preview } else { Maturity::Stable }
}

fn row<'a>(catalog: &'a Catalog, count: &RecommendationCount, samples: &BTreeSet<&str>) -> Option<RecommendationRow<'a>> {
    let recommendation = catalog.recommendations.get(count.recommendation.as_str())?;
    let file = &recommendation.file;
    Some(RecommendationRow {
        id: &file.id,
        key: &recommendation.key,
        title: &file.title,
        type_name: &file.type_name,
        severity: file.severity,
        effort: file.effort,
        user_impact: file.user_impact,
        maturity: file.maturity,
        control: &file.control,
        control_title: catalog.control(&file.control).map_or(&file.control, |control| &control.title),
        environment: environment(file),
        sample: count.connectors.iter().all(|connector| samples.contains(connector.as_str())),
        healthy: count.healthy,
        unhealthy: count.unhealthy,
        unknown: count.unknown,
        not_applicable: count.not_applicable,
    })
}

/// The name of `SecurityConnector.environmentName` for the types that the recommendation judges.
fn environment(file: &RecommendationFile) -> &'static str {
    if file.type_name.starts_with("AWS::") { "Aws" } else { "OnPremise" }
}

pub(crate) async fn one(state: Scoped, Path(id): Path<String>) -> Answer {
    let current = state.catalog.current_ids(&id).into_iter().next();
    let known = current.and_then(|id| state.catalog.recommendations.get(&id));
    let Some(known) = known else { return custom(&state, &id).await };
    let mut file = serde_json::to_value(&known.file).map_err(|error| ApiError::bad_request(error.to_string()))?;
    if let Some(members) = file.as_object_mut() {
        members.remove("tests");
    }
    let control = state.catalog.control(&known.file.control);
    let control = control.map(|control| json!({ "id": control.id, "title": control.title, "max": control.max_score }));
    let counts = state.store.recommendation_counts(&state.filter).await?;
    let count = counts.into_iter().find(|count| count.recommendation == known.file.id).unwrap_or_default();
    let plan = match &known.file.plan {
        Some(need) => Some(plan_of(&state, need).await?),
        None => None,
    };
    Ok(Json(json!({
        "recommendation": file,
        "plan": plan,
        "key": known.key,
        "control": control,
        "counts": counts_of(&count),
    })))
}

/// A recommendation that a client described, in the shape of a file of the content.
async fn custom(state: &Scoped, id: &str) -> Answer {
    let descriptions = Descriptions::read(&state.store, &state.filter).await?;
    let key = id.to_lowercase();
    let document = descriptions.named(&key).ok_or_else(|| ApiError::not_found("such recommendation"))?;
    let counts = state.store.recommendation_counts(&state.filter).await?;
    let count = counts.into_iter().find(|count| count.recommendation == key).unwrap_or_default();
    let list = |name: &str| document.get(name).cloned().unwrap_or_else(|| json!([]));
    Ok(Json(json!({
        "recommendation": {
            "id": key,
            "title": title_of(document),
            "description": said(document, "description"),
            "type": "",
            "severity": severity_of(document),
            "effort": said(document, "implementationEffort"),
            "user_impact": said(document, "userImpact"),
            "maturity": maturity(document),
            "control": "",
            "threats": list("threats"),
            "categories": list("categories"),
            "remediation": { "steps": said(document, "remediationDescription") },
        },
        "plan": null,
        "key": key,
        "control": null,
        "custom": true,
        "counts": counts_of(&count),
    })))
}

fn counts_of(count: &RecommendationCount) -> Value {
    json!({
        "Healthy": count.healthy,
        "Unhealthy": count.unhealthy,
        "Unknown": count.unknown,
        "NotApplicable": count.not_applicable,
    })
}

/// The plan that a recommendation belongs to, and the accounts in which it is off, so that nothing is judged there.
async fn plan_of(state: &Scoped, need: &PlanNeed) -> Result<Value, ApiError> {
    let plans = state.store.plans(&state.filter).await?;
    let mut off = Vec::new();
    for (connector, account) in state.store.accounts(&state.filter).await? {
        if !plans.is_on_in(Some(need), &connector, &account) {
            off.push(json!({ "connector": connector, "account": account }));
        }
    }
    let title = state.catalog.plans.get(&need.id).map(|plan| &plan.title);
    Ok(json!({ "name": need.id, "title": title, "subPlans": need.sub_plans, "offIn": off }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssessmentsQuery {
    recommendation: Option<String>,
    status: Option<Status>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn assessments(state: Scoped, Query(query): Query<AssessmentsQuery>) -> Answer {
    let query = AssessmentQuery {
        recommendation: query.recommendation,
        status: query.status,
        text: query.q,
        cursor: query.cursor,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = state.store.assessment_page(&state.filter, &query).await?;
    let counts = state.store.assessment_counts(&state.filter, &query).await?;
    let counts: BTreeMap<String, u64> = counts.into_iter().map(|(status, count)| (status.to_string(), count)).collect();
    let mut answer = json!(page);
    if let Some(members) = answer.as_object_mut() {
        members.insert("counts".to_owned(), json!(counts));
    }
    Ok(Json(answer))
}
