//! Azure Policy in ARM: `Microsoft.Authorization`'s definitions, initiatives, assignments and exemptions, the management groups that
//! they lie at, and `Microsoft.PolicyInsights`' states.

mod apply;
mod arrange;
mod check;
mod evaluation;
mod groups;
mod objects;
mod place;
mod records;
mod scan;
mod shape;
mod states;
mod summary;
mod write;

use axum::{
    Json, Router,
    extract::{Path, Query, rejection::JsonRejection},
    routing::{MethodRouter, get, post},
};
use serde_json::Value;
use skywarden_policy::ObjectKind;

pub(super) use self::shape::refused as refused_policy;
use self::{place::PolicyPath, scan::StatesQuery};
use crate::{AppState, arm::ListQuery, scoped::Scoped};

/// Scopes at which definitions lie, as paths begin with them.
const HIGH: [&str; 3] = ["", MANAGEMENT_GROUP, "/subscriptions/{subscription}"];

/// Scopes at which they are assigned besides.
const LOW: [&str; 3] = [RESOURCE_GROUP, ENTITY, RESOURCE];

const MANAGEMENT_GROUP: &str = "/providers/Microsoft.Management/managementGroups/{management_group}";
const RESOURCE_GROUP: &str = "/subscriptions/{subscription}/resourceGroups/{group}";
/// What is not Azure's, under the id that this face gives it.
const ENTITY: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security\
                      /securityConnectors/{connector}/securityEntityData/{entity}";
const RESOURCE: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{resource_type}/{resource}";

pub(crate) fn routes() -> Router<AppState> {
    let mut router = Router::new();
    let low = |kind: ObjectKind| matches!(kind, ObjectKind::Assignment | ObjectKind::Exemption);
    for kind in [ObjectKind::Definition, ObjectKind::Initiative, ObjectKind::Assignment, ObjectKind::Exemption] {
        for scope in HIGH.iter().chain(LOW.iter().filter(|_| low(kind))) {
            let path = format!("{scope}/providers/{}", kind.type_name());
            router = router.route(&path, list(kind)).route(&format!("{path}/{{name}}"), one(kind));
        }
    }
    let own = |rest: &str| format!("/providers/{}{rest}", groups::TYPE);
    router = router
        .route(&own(""), get(groups::list))
        .route(&own("/{management_group}"), get(groups::one).put(arrange::put).patch(arrange::patch).delete(arrange::delete))
        .route(&own("/{management_group}/subscriptions"), get(groups::subscriptions))
        .route(
            &own("/{management_group}/subscriptions/{name}"),
            get(groups::subscription).put(arrange::put_subscription).delete(arrange::delete_subscription),
        );
    for (scope, kind) in STATES {
        let own = |rest: &str| format!("{scope}/providers/Microsoft.PolicyInsights/policyStates/{{states}}/{rest}");
        router = router.route(&own("queryResults"), query_results(kind)).route(&own("summarize"), summarize(kind));
    }
    for scope in ["/subscriptions/{subscription}", RESOURCE_GROUP] {
        let own = |rest: &str| format!("{scope}/providers/Microsoft.PolicyInsights/{rest}");
        router = router
            .route(&own("policyStates/latest/triggerEvaluation"), post(evaluation::trigger))
            .route(&own("asyncOperationResults/{name}"), get(evaluation::result));
    }
    router
}

/// What states are asked of: everything at a scope, or what an object of a kind says.
const STATES: [(&str, Option<ObjectKind>); 9] = [
    (MANAGEMENT_GROUP, None),
    ("/subscriptions/{subscription}", None),
    (RESOURCE_GROUP, None),
    (ENTITY, None),
    (RESOURCE, None),
    ("/subscriptions/{subscription}/providers/Microsoft.Authorization/policyDefinitions/{name}", Some(ObjectKind::Definition)),
    ("/subscriptions/{subscription}/providers/Microsoft.Authorization/policySetDefinitions/{name}", Some(ObjectKind::Initiative)),
    ("/subscriptions/{subscription}/providers/Microsoft.Authorization/policyAssignments/{name}", Some(ObjectKind::Assignment)),
    (
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/policyAssignments/{name}",
        Some(ObjectKind::Assignment),
    ),
];

fn query_results(kind: Option<ObjectKind>) -> MethodRouter<AppState> {
    post(move |state: Scoped, path: Path<PolicyPath>, query: Query<StatesQuery>| states::query(kind, state, path, query))
}

fn summarize(kind: Option<ObjectKind>) -> MethodRouter<AppState> {
    post(move |state: Scoped, path: Path<PolicyPath>, query: Query<StatesQuery>| summary::summarize(kind, state, path, query))
}

fn list(kind: ObjectKind) -> MethodRouter<AppState> {
    get(move |state: Scoped, path: Path<PolicyPath>, query: Query<ListQuery>| objects::list(kind, state, path, query))
}

fn one(kind: ObjectKind) -> MethodRouter<AppState> {
    type Body = Result<Json<Value>, JsonRejection>;
    let router = get(move |state: Scoped, path: Path<PolicyPath>| objects::one(kind, state, path))
        .put(move |state: Scoped, path: Path<PolicyPath>, body: Body| write::put(kind, state, path, body))
        .delete(move |state: Scoped, path: Path<PolicyPath>| write::delete(kind, state, path));
    if kind != ObjectKind::Exemption {
        return router;
    }
    router.patch(move |state: Scoped, path: Path<PolicyPath>, body: Body| write::patch(kind, state, path, body))
}
