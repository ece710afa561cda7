//! What people set aside, where and why.

pub(crate) mod bulk;

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;
use skywarden_model::{Exemption, ExemptionCategory, ExemptionScope, Timestamp};

use super::{Answer, EVERYTHING};
use crate::{AppState, error::ApiError};

/// A reason may be this long, in bytes.
const MAX_REASON: usize = 4096;

pub(crate) async fn list(State(state): State<AppState>) -> Answer {
    Ok(Json(json!({ "items": state.store.exemptions(&EVERYTHING).await? })))
}

/// What a person gives to exempt something; the server adds the rest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewExemption {
    recommendation: String,
    #[serde(default)]
    finding: Option<String>,
    scope: ExemptionScope,
    category: ExemptionCategory,
    reason: String,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

pub(crate) async fn add(
    State(state): State<AppState>,
    body: Result<Json<NewExemption>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(new) = body.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    let now = Timestamp::now();
    check_decision(
        &state,
        &Decision { recommendation: &new.recommendation, reason: &new.reason, expires_at: new.expires_at },
        now,
    )?;
    if let ExemptionScope::Resource { id } = &new.scope
        && state.store.resource(&EVERYTHING, id.as_str()).await?.is_none()
    {
        return Err(ApiError::bad_request(format!("there is no resource `{id}`")));
    }
    let exemption = Exemption {
        id: uuid::Uuid::new_v4().to_string(),
        recommendation: new.recommendation,
        finding: new.finding,
        scope: new.scope,
        category: new.category,
        reason: new.reason,
        expires_at: new.expires_at,
        created_at: now,
        created_by: "administrator".to_owned(),
    };
    // A request that is sent again, by a person or a client that saw no answer, makes no second decision.
    let known = state.store.exemptions(&EVERYTHING).await?.into_iter().find(|known| is_same_decision(known, &exemption));
    let (status, exemption) = match known {
        Some(known) => (StatusCode::OK, known),
        None => {
            state.store.put_exemption(&exemption).await?;
            (StatusCode::CREATED, exemption)
        }
    };
    judge_anew(&state, std::slice::from_ref(&exemption.scope), now).await?;
    let location = format!("/api/v1/exemptions/{}", exemption.id);
    Ok((status, [(header::LOCATION, location)], Json(exemption)).into_response())
}

/// Whether two exemptions say the same, whoever made them and when.
fn is_same_decision(one: &Exemption, other: &Exemption) -> bool {
    one.recommendation == other.recommendation
        && one.finding == other.finding
        && one.scope == other.scope
        && one.category == other.category
        && one.reason == other.reason
        && one.expires_at == other.expires_at
}

/// What every exemption has, whatever it covers.
struct Decision<'a> {
    recommendation: &'a str,
    reason: &'a str,
    expires_at: Option<Timestamp>,
}

fn check_decision(state: &AppState, decision: &Decision<'_>, now: Timestamp) -> Result<(), ApiError> {
    if !state.catalog.recommendations.contains_key(decision.recommendation) {
        return Err(ApiError::bad_request(format!("there is no recommendation `{}`", decision.recommendation)));
    }
    if decision.reason.trim().is_empty() || decision.reason.len() > MAX_REASON {
        return Err(ApiError::bad_request(format!("an exemption needs a reason, of at most {MAX_REASON} bytes")));
    }
    if decision.expires_at.is_some_and(|end| end <= now) {
        return Err(ApiError::bad_request("the exemption would already have expired"));
    }
    Ok(())
}

pub(crate) async fn remove(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let exemptions = state.store.exemptions(&EVERYTHING).await?;
    let known = exemptions.into_iter().find(|exemption| exemption.id == id);
    let known = known.ok_or_else(|| ApiError::not_found("such exemption"))?;
    state.store.remove_exemption(&id).await?;
    judge_anew(&state, &[known.scope], Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Judges the connectors of which exemptions cover something again, from what the store holds.
async fn judge_anew(state: &AppState, scopes: &[ExemptionScope], now: Timestamp) -> Result<(), ApiError> {
    let mut affected = BTreeSet::new();
    for scope in scopes {
        match scope {
            ExemptionScope::Resource { id } => {
                if let Some((resource, _)) = state.store.resource(&EVERYTHING, id.as_str()).await? {
                    affected.insert(resource.scope.connector.to_string());
                }
            }
            _ => {
                affected.extend(state.store.connectors(&EVERYTHING).await?.into_iter().map(|connector| connector.id.to_string()))
            }
        }
    }
    judge_connectors(state, &affected, now).await
}

async fn judge_connectors(state: &AppState, affected: &BTreeSet<String>, now: Timestamp) -> Result<(), ApiError> {
    for connector in state.store.connectors(&EVERYTHING).await? {
        if affected.contains(connector.id.as_str()) {
            state.store.reassess(&state.catalog, &connector, now).await?;
        }
    }
    Ok(())
}
