//! `/api/v1`: for what ARM has no word for, Unknown above all. docs/guide/api-v1.md describes it.

mod exemptions;
mod inventory;
mod overview;
mod recommendations;
mod standards;

pub(crate) use overview::total_score;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, get},
};
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_store::ScopeFilter;

use crate::{AppState, error::ApiError};

pub(crate) type Answer = Result<Json<Value>, ApiError>;

/// Until roles exist, every login sees the whole installation.
pub(crate) const EVERYTHING: ScopeFilter = ScopeFilter::All;

/// Rows of a page where the request names no number.
const DEFAULT_LIMIT: u32 = 100;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/overview", get(overview::overview))
        .route("/recommendations", get(recommendations::list))
        .route("/recommendations/{id}", get(recommendations::one))
        .route("/assessments", get(recommendations::assessments))
        .route("/resources", get(inventory::resources))
        .route("/resources/facets", get(inventory::facets))
        .route("/resource", get(inventory::resource))
        .route("/coverage", get(coverage))
        .route("/compliance", get(standards::list))
        .route("/compliance/{id}", get(standards::one))
        .route("/changes", get(changes))
        .route("/exemptions", get(exemptions::list).post(exemptions::add))
        .route("/exemptions/{id}", delete(exemptions::remove))
        .route("/connectors/{id}", delete(disconnect))
}

async fn coverage(State(state): State<AppState>) -> Answer {
    Ok(Json(json!({ "items": state.store.coverage(&EVERYTHING).await? })))
}

async fn changes(State(state): State<AppState>) -> Answer {
    Ok(Json(json!({ "items": state.store.transitions(&EVERYTHING, Timestamp::UNIX_EPOCH).await? })))
}

async fn disconnect(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let was_there = state.store.remove_connector(&id).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("such connector")) }
}
