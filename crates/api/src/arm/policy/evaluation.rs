//! `Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation`: a long-running operation of which nothing is held in memory. Its
//! name is when it began; it has ended when the store says that the connector was judged as of then or later.

use axum::{
    Json,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use skywarden_model::Timestamp;

use super::place::{Place, PolicyPath};
use crate::{error::ApiError, scoped::Scoped};

/// What has not ended by then failed: an evaluation that fails says so in the log only.
const MAX_SECONDS: i64 = 3600;

/// Judges the subscription's connector anew: what changed since the last time, by everything.
pub(crate) async fn trigger(state: Scoped, Path(path): Path<PolicyPath>) -> Result<Response, ApiError> {
    let kept = state.store.policy_library().await?;
    let place = Place::of(&state, &kept.library, &path).await?;
    state.may_within(TRIGGER, &place.chain, &place.prefix)?;
    let began = Timestamp::now().as_microsecond();
    if let (Some((connector, _)), Ok(now)) = (&place.account, Timestamp::from_microsecond(began)) {
        let (store, catalog, connector) = (state.store.clone(), state.catalog.clone(), connector.clone());
        tokio::spawn(async move {
            if let Err(error) = store.judge_policies_of(&catalog, std::slice::from_ref(&connector), now).await {
                tracing::error!(%error, connector, "an evaluation of policies that was asked for failed");
            }
        });
    }
    Ok(running(&state, &place.prefix, began))
}

const TRIGGER: &str = "Microsoft.PolicyInsights/policyStates/triggerEvaluation/action";

/// 202 while it goes on, 200 when it has ended.
pub(crate) async fn result(state: Scoped, Path(path): Path<PolicyPath>) -> Result<Response, ApiError> {
    let kept = state.store.policy_library().await?;
    let place = Place::of(&state, &kept.library, &path).await?;
    let now = Timestamp::now();
    let began = path.name.parse::<i64>().ok().and_then(|own| Timestamp::from_microsecond(own).ok()).filter(|own| *own <= now);
    let began = began.ok_or_else(|| ApiError::not_found("such operation"))?;
    let has_ended = match &place.account {
        // Where nothing is assigned there is nothing to judge, and no evaluation is written down.
        _ if kept.library.governance.assignments().next().is_none() => true,
        None => true,
        Some((connector, _)) => state.store.policy_run_at(connector).await?.is_some_and(|at| began <= at),
    };
    if has_ended {
        return Ok(Json(json!({ "status": "Succeeded" })).into_response());
    }
    if now.as_second() - began.as_second() > MAX_SECONDS {
        let message = "the evaluation did not end; see the server's log, then ask for it again";
        return Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "PolicyEvaluationFailed", message));
    }
    Ok(running(&state, &place.prefix, began.as_microsecond()))
}

/// 202 with where to ask how it goes.
fn running(state: &Scoped, prefix: &str, began: i64) -> Response {
    let address =
        format!("{}{prefix}/providers/Microsoft.PolicyInsights/asyncOperationResults/{began}?api-version=2019-10-01", state.base);
    (StatusCode::ACCEPTED, [(header::LOCATION, address), (header::RETRY_AFTER, "1".to_owned())]).into_response()
}
