//! `/api/v1`: for what ARM has no word for, Unknown above all. docs/guide/api-v1.md describes it.

mod alerts;
mod assessments;
mod connectors;
mod exemptions;
mod incidents;
mod intelligence;
mod inventory;
mod log_inputs;
mod missing;
mod overview;
mod plans;
mod policy;
mod recommendations;
mod rounds;
mod scope;
pub(crate) mod standards;

pub(crate) use exemptions::{judge_anew as judge_exempted, may_decide as may_exempt};
pub(crate) use policy::{may_set_aside, policy_type, rule, take, take_away};

use axum::{
    Json, Router,
    routing::{delete, get, post, put},
};
use serde_json::{Value, json};
use skywarden_model::Timestamp;

use crate::{AppState, error::ApiError, scoped::Scoped};

pub(crate) type Answer = Result<Json<Value>, ApiError>;

/// Rows of a page where the request names no number.
const DEFAULT_LIMIT: u32 = 100;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/openapi.json", get(crate::openapi::show))
        .route("/overview", get(overview::overview))
        .route("/recommendations", get(recommendations::list))
        .route("/recommendations/{id}", get(recommendations::one))
        .route("/assessments", get(assessments::list))
        .route("/assessments/export", get(assessments::export))
        .route("/alerts", get(alerts::list))
        .route("/alerts/counts", get(alerts::counts))
        .route("/alerts/status", post(alerts::turn))
        .route("/alerts/{alert}", get(alerts::one))
        .route("/incidents", get(incidents::list))
        .route("/incidents/status", post(incidents::turn))
        .route("/incidents/{incident}", get(incidents::one))
        .route("/logInputs", get(log_inputs::list))
        .route("/intelligence", get(intelligence::list))
        .route("/resources", get(inventory::resources))
        .route("/resources/facets", get(inventory::facets))
        .route("/resource", get(inventory::resource))
        .route("/coverage", get(coverage))
        .route("/compliance", get(standards::list))
        .route("/compliance/{id}", get(standards::one))
        .route("/compliance/{id}/history", get(standards::history))
        .route("/compliance/{id}/report", get(standards::report))
        .route("/compliance/{id}/attestations", get(standards::attestations::list).post(standards::attestations::add))
        .route("/compliance/{id}/attestations/{attestation}", delete(standards::attestations::withdraw))
        .route("/checks", get(standards::custom::checks))
        .route("/standards/{id}", get(standards::custom::one).put(standards::custom::put).delete(standards::custom::remove))
        .route("/changes", get(changes))
        .route("/exemptions", get(exemptions::list).post(exemptions::add))
        .route("/exemptions/{id}", delete(exemptions::remove))
        .route("/exemptions/bulk", post(exemptions::bulk::add))
        .route("/exemptions/lift", post(exemptions::bulk::lift))
        .route("/connectors", get(connectors::list))
        .route("/connectors/{id}", delete(connectors::disconnect))
        .route("/connectors/azure/probe", post(connectors::azure::probe))
        .route("/connectors/azure/{name}", put(connectors::azure::put))
        .route("/plans", get(plans::list))
        .route("/missing-permissions", get(missing::list))
        .merge(policy::routes())
        .merge(crate::people::routes())
}

/// Routes whose bodies may be long.
pub(crate) fn long_routes() -> Router<AppState> {
    policy::long_routes().merge(log_inputs::long_routes())
}

async fn coverage(state: Scoped) -> Answer {
    Ok(Json(json!({ "items": state.store.coverage(&state.filter).await? })))
}

async fn changes(state: Scoped) -> Answer {
    Ok(Json(json!({ "items": state.store.transitions(&state.filter, Timestamp::UNIX_EPOCH).await? })))
}
