//! `Microsoft.PolicyInsights/checkPolicyRestrictions`, api-versions 2020-07-01 to 2023-03-01.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::{Actual, Evidence, Timestamp, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_policy::{Answer as Ruled, Decision, Effect, InForce, Limit, Pending, Restriction, Scope, requested, restrictions};
use skywarden_rule::{Input, Parameters};

use super::{Answer, subscription::account_of};
use crate::{error::ApiError, scoped::Scoped, v1::rule};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    resource_details: Option<Details>,
    #[serde(default)]
    pending_fields: Vec<Field>,
    #[serde(default)]
    include_audit_effect: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    resource_content: Value,
    api_version: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct Field {
    field: String,
    #[serde(default)]
    values: Vec<Value>,
}

/// Fields that one request may ask about, and values of one field: each is judged by everything that is in force.
const MAX_FIELDS: usize = 100;

/// What a resource of which only the type is known will have besides.
const OTHERS: [&str; 9] = ["properties", "tags", "location", "name", "id", "kind", "sku", "identity", "zones"];

fn open(field: &str) -> Option<Unreadable> {
    let reason = UnreadableReason {
        kind: UnreadableKind::NotYetKnown,
        operation: format!("know {field}"),
        permission: None,
        code: String::new(),
        message: "only the type was asked about".to_owned(),
    };
    Some(Unreadable { field: field.parse().ok()?, reason: Arc::new(reason) })
}

type Body = Result<Json<Request>, JsonRejection>;

pub(crate) async fn at_subscription(state: Scoped, Path(subscription): Path<String>, body: Body) -> Answer {
    check(&state, Place { subscription: Some(subscription), ..Place::default() }, body).await
}

pub(crate) async fn at_resource_group(state: Scoped, Path((subscription, group)): Path<(String, String)>, body: Body) -> Answer {
    check(&state, Place { subscription: Some(subscription), group: Some(group), ..Place::default() }, body).await
}

pub(crate) async fn at_management_group(state: Scoped, Path(name): Path<String>, body: Body) -> Answer {
    check(&state, Place { management_group: Some(name), ..Place::default() }, body).await
}

#[derive(Default)]
struct Place {
    management_group: Option<String>,
    subscription: Option<String>,
    group: Option<String>,
}

async fn check(state: &Scoped, place: Place, body: Body) -> Answer {
    let Json(request) = body?;
    let is_small = |field: &Field| field.values.len() <= MAX_FIELDS;
    if request.pending_fields.len() > MAX_FIELDS || !request.pending_fields.iter().all(is_small) {
        return Err(ApiError::bad_request(format!("a request asks about at most {MAX_FIELDS} fields and values of a field")));
    }
    let is_group = place.management_group.is_some();
    let only_types = request.pending_fields.iter().all(|own| own.field.eq_ignore_ascii_case("type"));
    if is_group && (request.resource_details.is_some() || !only_types) {
        return Err(ApiError::bad_request("at a management group only the pending field `type` can be asked about"));
    }
    let content = match request.resource_details.as_ref() {
        Some(details) => details.resource_content.clone(),
        None if is_group => json!({ "type": "", "name": "" }),
        None => return Err(ApiError::bad_request("`resourceDetails` is missing")),
    };
    let found = requested(&content).map_err(|errors| {
        let messages: Vec<String> =
            errors.iter().map(|error| format!("resourceContent{}: {}", error.pointer, error.message)).collect();
        ApiError::bad_request(messages.join("; "))
    })?;
    let [mut resource] = <[_; 1]>::try_from(found)
        .map_err(|found| ApiError::bad_request(format!("`resourceContent` holds {} resources instead of one", found.len())))?;
    if let Some(id) = &place.subscription {
        let (connector, account) = account_of(state, id).await?;
        let name = account.to_lowercase();
        let scope = match &place.group {
            Some(group) => Scope::ResourceGroup(name, group.to_lowercase()),
            None => Scope::Subscription(name),
        };
        if !state.sees(&scope) {
            return Err(ApiError::not_found("such subscription"));
        }
        resource.scope.connector = connector.as_str().into();
        resource.scope.account = account.as_str().into();
        resource.scope.resource_group = place.group.unwrap_or_default().as_str().into();
    }
    if is_group {
        // Only types are asked about: whatever else such a resource will have is open.
        resource.unreadable.extend(OTHERS.iter().filter_map(|field| open(field)));
    }
    if let Some(scope) = request.resource_details.as_ref().and_then(|details| details.scope.as_ref()) {
        resource.id = format!("{scope}/providers/{}/{}", resource.type_name, resource.name).as_str().into();
    }
    let kept = state.store.policy_library().await?;
    let now = Timestamp::now();
    let plan = kept.library.governance.plan(now);
    let group = place.management_group.map(|name| Scope::ManagementGroup(name.to_lowercase()));
    if group.as_ref().is_some_and(|group| !state.sees(group)) {
        return Err(ApiError::not_found("such management group"));
    }
    let policies = match &group {
        Some(group) => plan.in_force_at(group, &resource),
        None => plan.in_force(&resource),
    };
    let rules: Vec<Option<&Value>> =
        policies.iter().map(|own| kept.library.document(&own.bound.definition.id).and_then(rule)).collect();
    let api_version = request.resource_details.as_ref().and_then(|details| details.api_version.clone());
    let around = skywarden_rule::Around {
        request_context: api_version.map(|version| json!({ "apiVersion": version })),
        ..skywarden_rule::Around::default()
    };
    let pending: Vec<Pending> =
        request.pending_fields.into_iter().map(|own| Pending { field: own.field, values: own.values }).collect();
    let input = Input { resource: &resource, facts: None, parameters: &Parameters::new(), around: Some(&around), now };
    let result = restrictions(&policies, &rules, &input, &pending);
    let is_asked = |effect: Effect| effect != Effect::Audit || request.include_audit_effect;
    let fields: Vec<Value> = pending
        .iter()
        .zip(&result.fields)
        .filter_map(|(own, limits)| {
            let limits: Vec<Value> = limits
                .iter()
                .filter_map(|limit| Some((limit, policies.get(limit.policy)?)))
                .filter(|(_, by)| is_asked(by.bound.effect))
                .map(|(limit, by)| restriction(limit, by))
                .collect();
            (!limits.is_empty()).then(|| json!({ "field": own.field, "restrictions": limits }))
        })
        .collect();
    let evaluations: Vec<Value> = policies
        .iter()
        .zip(&result.decisions)
        .filter(|(by, decision)| matches!(decision.answer, Ruled::Denied(_) | Ruled::Audited) && is_asked(by.bound.effect))
        .map(|(by, decision)| evaluation(by, decision))
        .collect();
    Ok(Json(json!({ "fieldRestrictions": fields, "contentEvaluationResult": { "policyEvaluations": evaluations } })))
}

fn policy(by: &InForce<'_>) -> Value {
    let mut policy = json!({ "policyDefinitionId": by.bound.definition.id, "policyAssignmentId": by.assignment.id });
    if let (Some(members), Some(initiative)) = (policy.as_object_mut(), by.initiative) {
        members.insert("policySetDefinitionId".to_owned(), json!(initiative.id));
        members.insert("policyDefinitionReferenceId".to_owned(), json!(by.reference_id));
    }
    policy
}

fn restriction(limit: &Restriction, by: &InForce<'_>) -> Value {
    let result = match limit.limit {
        Limit::Required => "Required",
        Limit::Removed => "Removed",
        Limit::Denied => "Deny",
        Limit::Audited => "Audit",
    };
    let mut restriction = json!({
        "result": result, "values": limit.values, "policy": policy(by), "policyEffect": by.bound.effect.name(),
        "reason": by.assignment.message(by.reference_id).unwrap_or_default(),
    });
    if let (Some(members), Some(default)) = (restriction.as_object_mut(), &limit.default) {
        members.insert("defaultValue".to_owned(), default.clone());
    }
    restriction
}

fn evaluation(by: &InForce<'_>, decision: &Decision) -> Value {
    let reason = match &decision.answer {
        Ruled::Denied(Some(reason)) => Some(reason.clone()),
        _ => by.assignment.message(by.reference_id).map(str::to_owned),
    };
    let expressions: Vec<Value> = decision.evidence.iter().map(expression).collect();
    json!({
        "policyInfo": policy(by),
        "evaluationResult": "NonCompliant",
        "evaluationDetails": { "evaluatedExpressions": expressions, "reason": reason },
        "effectDetails": { "policyEffect": by.bound.effect.name() },
    })
}

/// Azure's operators by how evidence says them; where one phrase begins another, the longer stands first.
const OPERATORS: [(&str, &str); 20] = [
    ("does not equal", "notEquals"),
    ("equals", "equals"),
    ("is not like", "notLike"),
    ("is like", "like"),
    ("does not match", "notMatch"),
    ("matches", "match"),
    ("does not contain the key", "notContainsKey"),
    ("contains the key", "containsKey"),
    ("does not contain", "notContains"),
    ("contains", "contains"),
    ("is not in", "notIn"),
    ("is in", "in"),
    ("is less than", "less"),
    ("is at most", "lessOrEquals"),
    ("is greater than", "greater"),
    ("is at least", "greaterOrEquals"),
    ("exists", "exists"),
    ("is absent", "exists"),
    ("has the key", "containsKey"),
    ("has not the key", "notContainsKey"),
];

/// Evidence as Azure tells it: an expression with what it found and what it was compared with.
pub(super) fn expression(evidence: &Evidence) -> Value {
    let known = OPERATORS.iter().find_map(|(words, name)| Some((*name, evidence.expected.strip_prefix(words)?)));
    let (operator, target) = known.unwrap_or((&evidence.expected, ""));
    let target: Value = match (operator, target.trim()) {
        ("exists", "") => json!(evidence.expected.as_ref() == "exists"),
        (_, target) => serde_json::from_str(target).unwrap_or_else(|_| target.into()),
    };
    let value = match &evidence.actual {
        Actual::Value(value) => Some(value.clone()),
        Actual::Absent | Actual::Unreadable(_) => None,
    };
    json!({ "result": "True", "expressionKind": "Field", "expression": evidence.field, "path": evidence.field,
            "expressionValue": value, "targetValue": target, "operator": operator })
}
