//! Custom recommendations: each is a policy definition and its assignment at the place, so that both faces show the same states.

use std::fmt::Write as _;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use skywarden_model::{Severity, assessment_key};
use skywarden_policy::{Definition, Effect, EffectOf, ObjectKind, PolicyObject};
use skywarden_rule::CompileError;
use skywarden_store::{ArmObject, ArmRecommendation, CUSTOM_RECOMMENDATIONS};

use super::{
    behave::Draft,
    carried,
    check::{Mistake, refused},
    standard_effects::may,
    standards::{elements, mistake, not_available},
    target::Target,
};
use crate::{
    arm::policy::refused_policy,
    error::ApiError,
    scoped::Scoped,
    v1::{take, take_away},
};

/// What pointers into the definition have that those into the query don't.
struct Places {
    above: &'static str,
    /// Where the query's condition stands.
    condition: &'static str,
}

const PLACE: &str = "properties.query";

/// What is kept of a recommendation: what it says, and the policy that judges it.
pub(super) async fn prepared(state: &Scoped, target: &Target, draft: Draft<'_>) -> Result<Map<String, Value>, ApiError> {
    let Draft { name, mut properties, current } = draft;
    let text = |member: &str| properties.get(member).and_then(Value::as_str).unwrap_or_default();
    if text("displayName").trim().is_empty() {
        return Err(refused(vec![mistake(
            "properties.displayName",
            "`properties.displayName` is empty; it is the recommendation's title",
        )]));
    }
    for kind in [ObjectKind::Definition, ObjectKind::Assignment] {
        may(state, target, &kind.write_action()).await?;
    }
    let key = assessment_key(&format!("customRecommendation:{}/{}", target.scope.path(), name.to_lowercase())).to_string();
    let (query, pointer) = read(text("query"))?;
    let scope = target.policy_scope();
    let definition = definition(&properties, &query, &key, &scope, format!("{}/{CUSTOM_RECOMMENDATIONS}/{name}", target.prefix));
    let is_wrapped = properties.get("cloudProviders").is_some_and(|own| own != &json!([]));
    check(&definition, &Places { above: pointer, condition: if is_wrapped { "/if/allOf/0" } else { "/if" } })?;
    let id = definition.get("id").cloned().unwrap_or_default();
    let assignment = json!({
        "id": format!("{}/providers/{}/{key}", target.policy_scope(), ObjectKind::Assignment.type_name()),
        "name": key, "type": ObjectKind::Assignment.type_name(),
        "properties": {
            "displayName": text("displayName"), "policyDefinitionId": id,
            "metadata": { "assignedBy": format!("{}/{CUSTOM_RECOMMENDATIONS}/{name}", target.prefix) },
        },
    });
    let severity = match text("severity") {
        "High" => Severity::High,
        "Low" => Severity::Low,
        _ => Severity::Medium,
    };
    let hidden = ArmRecommendation { key: key.clone(), title: text("displayName").to_owned(), severity, definition, assignment };
    properties.insert("assessmentKey".to_owned(), key.into());
    Ok(carried::document(state, properties, json!(hidden), current))
}

/// Puts the policy of a recommendation in force, or takes it away.
pub(super) async fn changed(state: &Scoped, before: Option<&ArmObject>, after: Option<&ArmObject>) -> Result<(), ApiError> {
    let hidden = |own: Option<&ArmObject>| -> Result<Option<ArmRecommendation>, ApiError> {
        Ok(own.map(ArmObject::hidden).transpose()?.flatten())
    };
    if let Some(own) = hidden(after)? {
        let mut objects = Vec::new();
        for document in [own.definition, own.assignment] {
            let object = PolicyObject::parse(&document).map_err(|errors| refused_policy("InvalidPolicyRule", PLACE, &errors))?;
            objects.push((object, document));
        }
        return take(state, &objects).await.map(drop);
    }
    match hidden(before)? {
        Some(own) => take_away(state, &[own.assignment_id().to_owned(), own.definition_id().to_owned()]).await.map(drop),
        None => Ok(()),
    }
}

/// That a recommendation may be removed: nobody uses its policy definition but itself.
pub(super) async fn removable(state: &Scoped, target: &Target, kept: Option<&ArmObject>) -> Result<(), ApiError> {
    let Some(own) = kept.map(ArmObject::hidden::<ArmRecommendation>).transpose()?.flatten() else { return Ok(()) };
    for kind in [ObjectKind::Definition, ObjectKind::Assignment] {
        may(state, target, &kind.delete_action()).await?;
    }
    let known = state.store.policy_library().await?;
    let governance = &known.library.governance;
    let is_meant = |id: &str| id.eq_ignore_ascii_case(own.definition_id());
    let of_others = governance.assignments().filter(|other| is_meant(&other.definition_id));
    let n_others = of_others.filter(|other| !other.id.eq_ignore_ascii_case(own.assignment_id())).count();
    let initiatives = governance.initiatives().filter(|other| other.members.iter().any(|member| is_meant(&member.definition_id)));
    let n_users = n_others + initiatives.count();
    if n_users == 0 {
        return Ok(());
    }
    let message = format!(
        "the recommendation can't be removed: {n_users} assignments or initiatives use its policy definition `{}`; remove these first",
        own.definition_id()
    );
    Err(ApiError::new(StatusCode::CONFLICT, "PolicyDefinitionInUse", message))
}

/// The definition that a query holds, and what in its pointers the query does not have.
fn read(query: &str) -> Result<(Value, &'static str), ApiError> {
    let understood =
        "an Azure Policy rule as JSON (`{\"if\": ..., \"then\": {\"effect\": \"audit\"}}`) or a policy definition as JSON";
    if !query.trim_start().starts_with('{') {
        let message = format!("`{PLACE}` is no JSON; queries in KQL are not evaluated yet, what is understood is {understood}");
        return Err(not_available(&message, PLACE));
    }
    let value: Value = serde_json::from_str(query).map_err(|error| {
        let message = format!("`{PLACE}` begins as JSON and is none: {error}; what is understood is {understood}");
        refused(vec![mistake(PLACE, &message)])
    })?;
    let has = |name: &str| value.get(name).is_some();
    if has("if") && has("then") {
        return Ok((json!({ "policyRule": value }), "/properties/policyRule"));
    }
    if has("policyRule") {
        return Ok((value, "/properties"));
    }
    match value.get("properties").filter(|own| own.get("policyRule").is_some()) {
        Some(properties) => Ok((properties.clone(), "")),
        None => Err(refused(vec![mistake(
            PLACE,
            &format!("`{PLACE}` has no `if` and `then`, and no `policyRule`; it is {understood}"),
        )])),
    }
}

/// The document of the policy definition that judges a recommendation.
fn definition(properties: &Map<String, Value>, query: &Value, key: &str, scope: &str, made_by: String) -> Value {
    let of = |member: &str| properties.get(member).cloned().unwrap_or_default();
    let mut rule = query.get("policyRule").cloned().unwrap_or_default();
    let clouds: Vec<Value> = elements(properties, "cloudProviders").filter_map(Value::as_str).filter_map(types_of).collect();
    if let Some(members) = rule.as_object_mut().filter(|_| !clouds.is_empty()) {
        let condition = members.remove("if").unwrap_or_default();
        // The client's condition comes first, so that its place in the query can be told from that in here.
        members.insert("if".to_owned(), json!({ "allOf": [condition, { "anyOf": clouds }] }));
    }
    let mut document = json!({
        "displayName": of("displayName"),
        "description": of("description"),
        "policyType": "Custom",
        "mode": query.get("mode").cloned().unwrap_or_else(|| "All".into()),
        "metadata": {
            "category": "Security Center",
            "madeBy": made_by,
            "securityCenter": {
                "RemediationDescription": of("remediationDescription"),
                "Severity": of("severity"),
                "SecurityIssue": of("securityIssue"),
            },
        },
        "policyRule": rule,
    });
    if let (Some(members), Some(parameters)) = (document.as_object_mut(), query.get("parameters")) {
        members.insert("parameters".to_owned(), parameters.clone());
    }
    let type_name = ObjectKind::Definition.type_name();
    json!({ "id": format!("{scope}/providers/{type_name}/{key}"), "name": key, "type": type_name, "properties": document })
}

/// What the types of a cloud's resources have in common.
fn types_of(cloud: &str) -> Option<Value> {
    match cloud {
        "Azure" => Some(json!({ "field": "type", "like": "Microsoft.*" })),
        "AWS" => Some(json!({ "field": "type", "like": "AWS::*" })),
        "GCP" => Some(json!({ "field": "type", "contains": ".googleapis.com/" })),
        _ => None,
    }
}

/// That a definition can be judged as it is.
fn check(document: &Value, places: &Places) -> Result<(), ApiError> {
    let definition = Definition::parse(document).map_err(|errors| misread(&errors, places))?;
    if let Some(elsewhere) = &definition.elsewhere {
        return Err(not_available(&format!("`{PLACE}` is not evaluated here: {elsewhere}"), PLACE));
    }
    if let Some((name, _)) = definition.parameters.iter().find(|(_, own)| own.default.is_none()) {
        let message =
            format!("the parameter `{name}` in `{PLACE}` has no default, and a recommendation gives no values; give it one");
        return Err(refused(vec![mistake(PLACE, &message)]));
    }
    let effect = match &definition.rule.effect {
        EffectOf::Rule(effect) => Some(*effect),
        EffectOf::Parameter(name) => {
            let own = definition.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            own.and_then(|(_, own)| own.default.as_ref()).and_then(Value::as_str).and_then(Effect::from_name)
        }
    };
    match effect {
        Some(Effect::Audit | Effect::AuditIfNotExists) => Ok(()),
        other => {
            let other = other.map(|own| own.to_string()).unwrap_or_default();
            let message = format!(
                "the effect in `{PLACE}` is `{other}`; a recommendation judges and does nothing else: audit or auditIfNotExists"
            );
            Err(refused(vec![mistake(PLACE, &message)]))
        }
    }
}

/// Every mistake of a definition, with its place in the query.
fn misread(errors: &[CompileError], places: &Places) -> ApiError {
    let mistakes = errors.iter().map(|error| {
        let place = error.pointer.strip_prefix(places.above).unwrap_or(&error.pointer).replacen(places.condition, "/if", 1);
        let mut message = format!("`{PLACE}` at `{place}`: {}", error.message);
        if let Some(help) = &error.help {
            // Writing to a string does not fail.
            let _ = write!(message, " ({help})");
        }
        Mistake { target: format!("{PLACE}{place}"), message }
    });
    refused(mistakes.collect())
}
