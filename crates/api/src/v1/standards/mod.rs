//! Standards: how they stand, their trees, their history, their reports.

mod csv;
mod history;
mod tree;

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;
use skywarden_model::{Assessment, Coverage};
use skywarden_posture::{Standards, check_counts, compliance, standard_states};
use skywarden_store::ScopeFilter;

use self::tree::{ControlState, Tree};
use super::{Answer, scope::ScopeQuery};
use crate::{AppState, error::ApiError};

pub(crate) use history::history;

/// What the roll-up of a standard needs.
async fn judged(state: &AppState, filter: &ScopeFilter) -> Result<(Vec<Assessment>, Vec<Coverage>), ApiError> {
    let rows = state.store.assessments(filter).await?;
    let assessments = rows.into_iter().map(|row| row.assessment).collect();
    Ok((assessments, state.store.coverage(filter).await?))
}

pub(crate) async fn list(State(state): State<AppState>, Query(scope): Query<ScopeQuery>) -> Answer {
    let filter = scope.filter(&state).await?;
    let (assessments, coverage) = judged(&state, &filter).await?;
    let mut items = Vec::new();
    for (id, states) in standard_states(&Standards::of(&state.catalog), &assessments, &coverage) {
        let Some(file) = state.catalog.standards.get(id) else { continue };
        let mut by_state: BTreeMap<ControlState, u64> = BTreeMap::new();
        tree::walk(&file.controls, &mut |control| {
            if let Some(own) = states.controls.get(control.id.as_str()) {
                *by_state.entry(ControlState::of(*own, control.manual.is_some())).or_default() += 1;
            }
        });
        items.push(json!({ "id": id, "title": file.title, "description": file.description, "version": file.version,
                           "environments": file.environments, "state": states.state, "controlsByState": by_state,
                           "percentage": tree::percentage(&by_state) }));
    }
    Ok(Json(json!({ "items": items })))
}

async fn tree_of<'a>(state: &'a AppState, scope: &ScopeQuery, id: &str) -> Result<Tree<'a>, ApiError> {
    let file = state.catalog.standards.get(id).ok_or_else(|| ApiError::not_found("such standard"))?;
    let filter = scope.filter(state).await?;
    let (assessments, coverage) = judged(state, &filter).await?;
    let standards = Standards::of(&state.catalog);
    let result = compliance(&standards, id, &assessments, &coverage);
    let result = result.ok_or_else(|| ApiError::not_found("such standard"))?;
    Ok(Tree::new(&state.catalog, file, result, &check_counts(&standards, &assessments)))
}

pub(crate) async fn one(State(state): State<AppState>, Path(id): Path<String>, Query(scope): Query<ScopeQuery>) -> Answer {
    Ok(Json(json!(tree_of(&state, &scope, &id).await?)))
}

/// The form of a report.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Csv,
    Html,
}

#[derive(Deserialize)]
pub(crate) struct ReportQuery {
    #[serde(default)]
    format: Format,
    connector: Option<String>,
    account: Option<String>,
}

pub(crate) async fn report(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<ReportQuery>,
) -> Result<Response, ApiError> {
    let scope = ScopeQuery::new(query.connector, query.account);
    let tree = tree_of(&state, &scope, &id).await?;
    let Format::Csv = query.format else {
        return Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "FeatureNotAvailable",
            "this server writes reports of a standard as CSV only; `skywarden report` writes HTML",
        ));
    };
    let body = csv::write(&tree).map_err(|error| {
        tracing::error!(%error, "a report could not be written");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "ReportFailed", "the report could not be written; see the server's log")
    })?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.csv\"", file_name(&id))),
    ];
    Ok((headers, body).into_response())
}

/// An id as a header and every file system can hold it.
fn file_name(id: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    id.chars().map(|letter| if is_plain(&letter) { letter } else { '_' }).collect()
}
