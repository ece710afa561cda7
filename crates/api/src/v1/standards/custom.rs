//! Standards that the installation keeps itself.

use axum::{
    Json,
    extract::{Path, Query},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_content::{Maturity, Problem};
use skywarden_model::Timestamp;
use skywarden_store::CustomStandard;

use crate::{error::ApiError, scoped::Scoped, v1::Answer};

/// In which form a standard is given back.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Json,
    Yaml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormQuery {
    #[serde(default)]
    format: Form,
}

pub(crate) async fn one(state: Scoped, Path(id): Path<String>, Query(query): Query<FormQuery>) -> Result<Response, ApiError> {
    let own = state.store.own_standards(&state.filter).await?;
    let standards = own.with(&state.catalog, Timestamp::now());
    let file = standards.get(&id).ok_or_else(|| ApiError::not_found("such standard"))?;
    if let Form::Yaml = query.format {
        return Ok(([(header::CONTENT_TYPE, "application/yaml; charset=utf-8")], file.to_yaml()).into_response());
    }
    let is_custom = own.is_custom(&state.catalog, &id);
    let kept = own.custom.iter().find(|custom| custom.file.id == id && is_custom);
    Ok(Json(json!({
        "standard": file,
        "custom": is_custom,
        "changedAt": kept.map(|kept| kept.changed_at),
        "changedBy": kept.map(|kept| &kept.changed_by),
    }))
    .into_response())
}

/// Keeps a standard, given as YAML or JSON, and judges it at once.
pub(crate) async fn put(state: Scoped, Path(id): Path<String>, body: String) -> Result<Response, ApiError> {
    state.everywhere()?;
    let file = state.catalog.read_standard("the standard", &body).map_err(|problems| refused(&problems))?;
    if file.id != id {
        return Err(ApiError::bad_request(format!(
            "the address names `{id}` and the standard `{}`; they must be the same",
            file.id
        )));
    }
    let now = Timestamp::now();
    let own = state.store.own_standards(&state.filter).await?;
    if own.is_initiative(&id) {
        return Err(from_initiative(&id));
    }
    if own.is_arm(&id) {
        return Err(from_arm(&id));
    }
    let is_new = own.custom.iter().all(|known| known.file.id != id);
    let standard = CustomStandard { file, changed_at: now, changed_by: state.caller.name.clone() };
    state.store.put_standard(&standard).await?;
    state.store.roll_up(&state.catalog, now).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((
        status,
        Json(json!({ "standard": standard.file, "custom": true, "changedAt": standard.changed_at,
                             "changedBy": standard.changed_by })),
    )
        .into_response())
}

fn from_initiative(id: &str) -> ApiError {
    let message = format!("`{id}` is an initiative that is assigned; change the initiative, or its assignment, instead");
    ApiError::new(StatusCode::CONFLICT, "FromInitiative", message)
}

fn from_arm(id: &str) -> ApiError {
    let message = format!("`{id}` was written as one of Microsoft.Security/securityStandards; change it there instead");
    ApiError::new(StatusCode::CONFLICT, "FromArm", message)
}

fn refused(problems: &[Problem]) -> ApiError {
    let told = |problem: &Problem| format!("line {}, column {}: {}", problem.line, problem.column, problem.message);
    let first = problems.first().map(told).unwrap_or_default();
    let more = match problems.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    let details: Vec<Value> = problems
        .iter()
        .map(|problem| {
            json!({ "code": "InvalidStandard", "line": problem.line, "column": problem.column, "message": problem.message,
                    "help": problem.help })
        })
        .collect();
    let message = format!("the standard is not kept: {first}{more}");
    ApiError::new(StatusCode::BAD_REQUEST, "InvalidStandard", message).with_details(details)
}

pub(crate) async fn remove(state: Scoped, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    state.everywhere()?;
    if state.store.remove_standard(&id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let own = state.store.own_standards(&state.filter).await?;
    if own.is_initiative(&id) {
        return Err(from_initiative(&id));
    }
    if own.is_arm(&id) {
        return Err(from_arm(&id));
    }
    if state.catalog.standards.contains_key(&id) {
        let message = format!("`{id}` comes with the content and can't be removed here");
        return Err(ApiError::new(StatusCode::CONFLICT, "BuiltIn", message));
    }
    Err(ApiError::not_found("such standard"))
}

/// What a control can name: recommendations and baseline rules that judge something.
pub(crate) async fn checks(state: Scoped) -> Answer {
    let recommendations = state.catalog.recommendations.values().map(|known| &known.file);
    let recommendations = recommendations.filter(|file| file.maturity != Maturity::Deprecated).map(|file| {
        json!({ "id": file.id, "title": file.title, "severity": file.severity, "type": file.type_name, "kind": "recommendation" })
    });
    let rules = state.catalog.baselines.values().flat_map(|rules| rules.values()).map(|rule| {
        let file = &rule.file;
        json!({ "id": file.id, "title": file.title, "severity": file.severity, "type": file.type_name, "kind": "rule" })
    });
    Ok(Json(json!({ "items": recommendations.chain(rules).collect::<Vec<_>>() })))
}
