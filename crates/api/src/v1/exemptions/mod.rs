//! What people set aside, where and why.

pub(crate) mod bulk;

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;
use skywarden_model::{Exemption, ExemptionCategory, ExemptionScope, Timestamp};
use skywarden_store::ScopeFilter;

use super::Answer;
use crate::{error::ApiError, scoped::Scoped};

/// A reason may be this long, in bytes.
const MAX_REASON: usize = 4096;

pub(crate) async fn list(state: Scoped) -> Answer {
    Ok(Json(json!({ "items": state.store.exemptions(&state.filter).await? })))
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

pub(crate) async fn add(state: Scoped, body: Result<Json<NewExemption>, JsonRejection>) -> Result<Response, ApiError> {
    let Json(new) = body?;
    let now = Timestamp::now();
    check_decision(
        &state,
        &Decision { recommendation: &new.recommendation, reason: &new.reason, expires_at: new.expires_at },
        now,
    )?;
    may_decide(&state, &new.scope).await?;
    let exemption = Exemption {
        id: uuid::Uuid::new_v4().to_string(),
        recommendation: new.recommendation,
        finding: new.finding,
        scope: new.scope,
        category: new.category,
        reason: new.reason,
        expires_at: new.expires_at,
        created_at: now,
        created_by: state.caller.name.clone(),
    };
    // A request that is sent again, by a person or a client that saw no answer, makes no second decision.
    let known = state.store.exemptions(&state.filter).await?.into_iter().find(|known| is_same_decision(known, &exemption));
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

/// That the caller may set something aside, or take that back, over all that a scope covers.
pub(crate) async fn may_decide(state: &Scoped, scope: &ExemptionScope) -> Result<(), ApiError> {
    match scope {
        ExemptionScope::Tenant => state.everywhere(),
        // An account's name may stand in several connectors.
        ExemptionScope::Subscription { account } | ExemptionScope::ResourceGroup { account, .. } => {
            let accounts = state.store.accounts(&ScopeFilter::All).await?;
            let meant: Vec<&(String, String)> = accounts.iter().filter(|(_, own)| own == account).collect();
            if meant.is_empty() {
                return state.everywhere();
            }
            meant.into_iter().try_for_each(|(connector, account)| match scope {
                ExemptionScope::ResourceGroup { resource_group, .. } => state.in_group(connector, account, resource_group),
                _ => state.in_account(connector, account),
            })
        }
        ExemptionScope::Resource { id } => {
            let missing = || ApiError::bad_request(format!("there is no resource `{id}`"));
            let (resource, _) = state.store.resource(&ScopeFilter::All, id.as_str()).await?.ok_or_else(missing)?;
            state.on_resource(&resource).map_err(|error| if error.is_not_found() { missing() } else { error })
        }
    }
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

fn check_decision(state: &Scoped, decision: &Decision<'_>, now: Timestamp) -> Result<(), ApiError> {
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

pub(crate) async fn remove(state: Scoped, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let exemptions = state.store.exemptions(&state.filter).await?;
    let known = exemptions.into_iter().find(|exemption| exemption.id == id);
    let known = known.ok_or_else(|| ApiError::not_found("such exemption"))?;
    may_decide(&state, &known.scope).await?;
    state.store.remove_exemption(&id).await?;
    judge_anew(&state, &[known.scope], Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Judges the connectors of which exemptions cover something again, from what the store holds.
pub(crate) async fn judge_anew(state: &Scoped, scopes: &[ExemptionScope], now: Timestamp) -> Result<(), ApiError> {
    let mut affected = BTreeSet::new();
    for scope in scopes {
        match scope {
            ExemptionScope::Resource { id } => {
                if let Some((resource, _)) = state.store.resource(&state.filter, id.as_str()).await? {
                    affected.insert(resource.scope.connector.to_string());
                }
            }
            _ => affected
                .extend(state.store.connectors(&state.filter).await?.into_iter().map(|connector| connector.id.to_string())),
        }
    }
    judge_connectors(state, &affected, now).await
}

async fn judge_connectors(state: &Scoped, affected: &BTreeSet<String>, now: Timestamp) -> Result<(), ApiError> {
    for connector in state.store.connectors(&state.filter).await? {
        if affected.contains(connector.id.as_str()) {
            state.store.reassess(&state.catalog, &connector, now).await?;
        }
    }
    Ok(())
}
