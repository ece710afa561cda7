use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::json;
use skywarden_model::{Assessment, Coverage};

use super::{Answer, EVERYTHING};
use crate::{AppState, error::ApiError};

/// What the roll-up of a standard needs.
pub(crate) async fn judged(state: &AppState) -> Result<(Vec<Assessment>, Vec<Coverage>), ApiError> {
    let rows = state.store.assessments(&EVERYTHING).await?;
    let assessments = rows.into_iter().map(|row| row.assessment).collect();
    Ok((assessments, state.store.coverage(&EVERYTHING).await?))
}

pub(crate) async fn list(State(state): State<AppState>) -> Answer {
    let (assessments, coverage) = judged(&state).await?;
    let mut items = Vec::new();
    for id in state.catalog.standards.keys() {
        if let Some(result) = skywarden_posture::compliance(&state.catalog, id, &assessments, &coverage) {
            items.push(json!({ "id": result.id, "title": result.title, "state": result.state,
                               "controlsByState": result.controls_by_state }));
        }
    }
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn one(State(state): State<AppState>, Path(id): Path<String>) -> Answer {
    let (assessments, coverage) = judged(&state).await?;
    let result = skywarden_posture::compliance(&state.catalog, &id, &assessments, &coverage);
    Ok(Json(json!(result.ok_or_else(|| ApiError::not_found("such standard"))?)))
}
