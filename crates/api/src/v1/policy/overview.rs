use std::collections::BTreeMap;

use axum::Json;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::{Assignment, Enforcement, Library, ObjectKind};

use super::{counts, scopes};
use crate::{scoped::Scoped, v1::Answer};

pub(crate) async fn overview(state: Scoped) -> Answer {
    let kept = state.store.policy_library().await?;
    let library = &kept.library;
    let mut objects: BTreeMap<&str, u64> = ObjectKind::all().map(|kind| (kind.name(), 0)).collect();
    for (_, kind, _) in library.documents().filter(|(id, kind, _)| state.sees(&kind.place(id))) {
        *objects.entry(kind.name()).or_default() += 1;
    }
    // What can't be read says nothing of where it lies.
    let is_shown = state.everywhere().is_ok();
    let refused: Vec<Value> = kept
        .refused
        .iter()
        .filter(|_| is_shown)
        .map(|refusal| {
            let messages: Vec<&str> = refusal.errors.iter().map(|error| error.message.as_str()).collect();
            json!({ "id": refusal.id, "messages": messages })
        })
        .collect();
    let unlinked: Vec<Value> = library
        .governance
        .plan(Timestamp::now())
        .unlinked
        .iter()
        .filter(|own| library.governance.assignment(&own.assignment_id).is_some_and(|own| state.sees(&own.scope)))
        .map(|own| json!({ "assignment": own.assignment_id, "reference": own.reference_id, "message": own.message }))
        .collect();
    let by_assignment = state.store.policy_resource_counts(&state.filter).await?;
    let assignments: Vec<Value> = library
        .governance
        .assignments()
        .filter(|assignment| state.sees(&assignment.scope))
        .map(|assignment| {
            let id = assignment.id.to_lowercase();
            let mut item = brief(library, assignment);
            if let (Some(members), Value::Object(own)) =
                (item.as_object_mut(), counts(by_assignment.iter().filter(|count| count.assignment == id)))
            {
                members.extend(own);
            }
            item
        })
        .collect();
    let total = state.store.policy_total(&state.filter).await?;
    Ok(Json(json!({
        "objects": objects,
        "total": counts(&total),
        "assignments": assignments,
        "scopes": scopes::tree(&state, library).await?,
        "refused": refused,
        "unlinked": unlinked,
    })))
}

/// An assignment as a list shows it.
pub(super) fn brief(library: &Library, assignment: &Assignment) -> Value {
    let initiative = library.governance.initiative(&assignment.definition_id);
    let definition = library.governance.definition(&assignment.definition_id);
    let target = initiative.map(|own| &own.display_name).or(definition.map(|own| &own.display_name));
    let not_scopes: Vec<String> = assignment.not_scopes.iter().map(ToString::to_string).collect();
    json!({
        "id": assignment.id,
        "name": assignment.name,
        "displayName": assignment.display_name,
        "description": assignment.description,
        "scope": assignment.scope.to_string(),
        "scopeName": library.scope_name(&assignment.scope),
        "notScopes": not_scopes,
        "definitionId": assignment.definition_id,
        "definitionName": target,
        "isInitiative": initiative.is_some(),
        "definitions": initiative.map_or(1, |own| own.members.len()),
        "enforced": assignment.enforcement == Enforcement::Default,
    })
}
