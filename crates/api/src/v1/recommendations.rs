use std::collections::BTreeMap;

use axum::{Json, extract::Path};
use serde::Serialize;
use serde_json::{Value, json};
use skywarden_content::{Catalog, Maturity, PlanNeed, RecommendationFile};
use skywarden_model::{Environment, Severity};
use skywarden_store::{AssessmentQuery, RecommendationCount};

use super::Answer;
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
    let counts = state.store.recommendation_counts(&state.filter, &AssessmentQuery::default()).await?;
    let connectors = state.store.connectors(&state.filter).await?;
    let mut n_sample: BTreeMap<String, u64> = BTreeMap::new();
    for connector in connectors.iter().filter(|connector| connector.sample) {
        let of_sample = AssessmentQuery { connector: Some(connector.id.to_string()), ..AssessmentQuery::default() };
        for count in state.store.recommendation_counts(&state.filter, &of_sample).await? {
            *n_sample.entry(count.recommendation.clone()).or_default() += total(&count);
        }
    }
    let is_sample = |count: &RecommendationCount| n_sample.get(&count.recommendation) == Some(&total(count));
    let descriptions = Descriptions::read(&state.store, &state.filter).await?;
    let environments: BTreeMap<&str, Environment> =
        connectors.iter().map(|connector| (connector.id.as_str(), connector.environment)).collect();
    let mut rows: Vec<Value> = Vec::with_capacity(counts.len());
    for count in &counts {
        let own = row(&state.catalog, count, is_sample(count)).map(|row| json!(row));
        rows.extend(own.or_else(|| custom_row(&descriptions, count, is_sample(count), &environments)));
    }
    Ok(Json(json!({ "items": rows })))
}

/// The resources that a recommendation judges.
fn total(count: &RecommendationCount) -> u64 {
    count.healthy + count.unhealthy + count.unknown + count.not_applicable
}

/// What clients wrote assessments of: it counts in no control, and what they did not say of it is an empty text.
fn custom_row(
    descriptions: &Descriptions,
    count: &RecommendationCount,
    sample: bool,
    environments: &BTreeMap<&str, Environment>,
) -> Option<Value> {
    let (connector, document) = descriptions.named(&count.recommendation)?;
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
        "environment": environments.get(connector),
        "sample": sample,
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

fn row<'a>(catalog: &'a Catalog, count: &RecommendationCount, sample: bool) -> Option<RecommendationRow<'a>> {
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
        sample,
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
    let counts = state.store.recommendation_counts(&state.filter, &AssessmentQuery::of(&known.file.id)).await?;
    let count = counts.into_iter().next().unwrap_or_default();
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
    let (_, document) = descriptions.named(&key).ok_or_else(|| ApiError::not_found("such recommendation"))?;
    let counts = state.store.recommendation_counts(&state.filter, &AssessmentQuery::of(&key)).await?;
    let count = counts.into_iter().next().unwrap_or_default();
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
