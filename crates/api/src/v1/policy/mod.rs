//! Azure Policy: what is in force where, what it asks, how resources comply.

mod assignments;
mod definitions;
mod exchange;
mod overview;
mod scopes;
mod states;
mod trial;

use std::collections::BTreeMap;

use axum::{
    Router,
    routing::{delete, get, post},
};
use serde_json::{Map, Value, json};
use skywarden_policy::{ComplianceState, compliant_fraction};
use skywarden_store::StateCount;

pub(crate) use definitions::{policy_type, rule};
pub(crate) use exchange::{may_set_aside, take, take_away};

use crate::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/policy", get(overview::overview))
        .route("/policy/assignment", get(assignments::one))
        .route("/policy/definitions", get(definitions::list))
        .route("/policy/definition", get(definitions::one))
        .route("/policy/scope", get(scopes::one))
        .route("/policy/states", get(states::list))
        .route("/policy/history", get(states::history))
        .route("/policy/object", delete(exchange::remove))
        .route("/policy/export", get(exchange::export))
        .route("/policy/try", post(trial::trial))
}

/// Routes whose requests may be long.
pub(super) fn long_routes() -> Router<AppState> {
    Router::new().route("/policy/import", post(exchange::import))
}

/// `{"counts": {"NonCompliant": 3, ...}, "compliant": 0.25}`: how many by state, and Azure's fraction; `null` if nothing is
/// concerned.
fn counts<'a>(counts: impl IntoIterator<Item = &'a StateCount>) -> Value {
    let mut by_state: BTreeMap<ComplianceState, u64> = BTreeMap::new();
    for count in counts {
        *by_state.entry(count.state).or_default() += count.count;
    }
    let named: Map<String, Value> = by_state.iter().map(|(state, count)| (state.name().to_owned(), json!(count))).collect();
    json!({ "counts": named, "compliant": compliant_fraction(&by_state) })
}
