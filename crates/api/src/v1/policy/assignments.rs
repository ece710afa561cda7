use axum::{Json, extract::Query};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::{Assignment, Governance, PolicyExemption, Selector, Setting};

use super::{counts, overview::brief};
use crate::{error::ApiError, scoped::Scoped, v1::Answer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ById {
    pub(super) id: String,
}

/// An assignment: each definition with its effect and values, who set them so, and how resources comply.
pub(crate) async fn one(state: Scoped, Query(query): Query<ById>) -> Answer {
    let kept = state.store.policy_library().await?;
    let governance = &kept.library.governance;
    let assignment = governance
        .assignment(&query.id)
        .filter(|own| state.sees(&own.scope))
        .ok_or_else(|| ApiError::not_found("such assignment"))?;
    let id = assignment.id.to_lowercase();
    let by_definition = state.store.policy_counts(&state.filter).await?;
    let by_resource = state.store.policy_resource_counts(&state.filter).await?;
    let settings: Vec<Value> = governance
        .settings(assignment, Timestamp::now())
        .iter()
        .map(|setting| {
            let own = by_definition.iter().filter(|own| own.assignment == id && own.reference == setting.reference_id);
            with(self::setting(assignment, setting), counts(own))
        })
        .collect();
    let exemptions: Vec<Value> = governance
        .exemptions()
        .filter(|own| own.assignment_id.eq_ignore_ascii_case(&id) && state.sees(&own.scope))
        .map(exemption)
        .collect();
    let attestations: Vec<Value> = governance
        .attestations()
        .filter(|own| own.assignment_id.eq_ignore_ascii_case(&id) && state.sees(&own.scope))
        .map(|own| {
            let evidence: Vec<Value> =
                own.evidence.iter().map(|own| json!({ "description": own.description, "sourceUri": own.source_uri })).collect();
            json!({ "id": own.id, "scope": own.scope.to_string(), "reference": own.reference_id, "state": own.state.name(),
                    "owner": own.owner, "comments": own.comments, "assessedAt": own.assessed_at, "expiresOn": own.expires_on,
                    "evidence": evidence })
        })
        .collect();
    let more = json!({
        "groups": groups(governance, assignment),
        "parameters": assignment.parameters,
        "overrides": assignment.overrides.iter().map(|own| json!({
            "effect": own.effect.name(), "selectors": selectors(&own.selectors) })).collect::<Vec<_>>(),
        "resourceSelectors": assignment.selectors.iter().map(|own| selectors(own)).collect::<Vec<_>>(),
        "settings": settings,
        "exemptions": exemptions,
        "attestations": attestations,
        "document": kept.library.document(&id),
    });
    let own = counts(by_resource.iter().filter(|count| count.assignment == id));
    Ok(Json(with(with(brief(&kept.library, assignment), own), more)))
}

fn setting(assignment: &Assignment, setting: &Setting<'_>) -> Value {
    let definition = setting.definition;
    let parameters: Map<String, Value> = setting
        .parameters
        .iter()
        .map(|(name, (value, origin))| (name.clone(), json!({ "value": value, "from": origin.name() })))
        .collect();
    json!({
        "reference": setting.reference_id,
        "definitionId": setting.definition_id,
        "displayName": definition.map(|own| own.display_name.as_str()),
        "category": definition.and_then(|own| own.category.as_deref()),
        "groups": setting.groups,
        "effect": setting.effect.map(|(effect, _)| effect.name()),
        "effectFrom": setting.effect.map(|(_, origin)| origin.name()),
        "someResources": setting.partial_overrides.iter().map(|own| json!({
            "effect": own.effect.name(), "selectors": selectors(&own.selectors) })).collect::<Vec<_>>(),
        "parameters": parameters,
        "message": assignment.message(setting.reference_id),
        "problem": setting.problem,
        "notEvaluated": definition.and_then(|own| own.elsewhere.as_ref()).map(ToString::to_string),
    })
}

fn groups(governance: &Governance, assignment: &Assignment) -> Vec<Value> {
    let groups = governance.initiative_of(assignment).map(|own| own.groups.as_slice()).unwrap_or_default();
    groups
        .iter()
        .map(|group| json!({ "name": group.name, "displayName": group.display_name, "category": group.category }))
        .collect()
}

fn exemption(own: &PolicyExemption) -> Value {
    json!({ "id": own.id, "displayName": own.display_name, "description": own.description, "scope": own.scope.to_string(),
            "category": own.category, "expiresOn": own.expires_on, "references": own.reference_ids })
}

/// `resourceLocation in eastus, westus`, a text each.
fn selectors(selectors: &[Selector]) -> Vec<String> {
    selectors.iter().map(ToString::to_string).collect()
}

/// An object with the members of another.
pub(super) fn with(mut object: Value, more: Value) -> Value {
    if let (Some(members), Value::Object(more)) = (object.as_object_mut(), more) {
        members.extend(more);
    }
    object
}
