//! Assignments of standards: what there is at a place, and what is made of one that is asked for.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::{Library, ObjectKind, Scope};
use skywarden_store::{
    ArmObject, AssignmentEffect, SECURITY_STANDARDS, STANDARD_ASSIGNMENTS, ScopeFilter, StandardAssignment, initiative_standard,
};

use super::{
    answer::Shown,
    assigned_standard,
    behave::Draft,
    carried,
    kind::Kind,
    standard_effects::{self, Asked},
    standards::{BUILT_IN_AT, initiatives, of_place},
    target::Target,
};
use crate::{error::ApiError, scoped::Scoped};

/// One assignment: kept at a place, or what holds there without one.
pub(super) async fn one(state: &Scoped, kind: &Kind, target: &Target, name: &str) -> Result<Option<Shown>, ApiError> {
    let kept = state.store.arm_object(&state.filter, kind.collection, &target.scope, name).await?;
    match kept {
        Some(own) if carried::is_live(state, kind, &own).await? => Ok(Some(Shown::kept(own, None))),
        // A name that is taken is not that of something else.
        Some(_) => Ok(None),
        None => Ok(implied(state, target).await?.into_iter().find(|own| own.name.eq_ignore_ascii_case(name))),
    }
}

/// Every assignment at a place and above it, with what holds there without one.
pub(super) async fn all(state: &Scoped, kind: &Kind, target: &Target) -> Result<Vec<Shown>, ApiError> {
    let mut all = carried::kept_above(state, kind, target).await?;
    all.extend(implied(state, target).await?);
    Ok(all)
}

/// What is kept of an assignment: what it says, and what it does.
pub(super) async fn prepared(state: &Scoped, target: &Target, draft: Draft<'_>) -> Result<Map<String, Value>, ApiError> {
    let Draft { name, mut properties, current } = draft;
    if current.is_some_and(|own| own.kept.is_none()) {
        return Err(implied_stays(name));
    }
    properties.entry("effect").or_insert_with(|| "Audit".into());
    // What is made of it has a time and a person: the same again is what was made.
    if let Some(before) = current.filter(|own| says_the_same(&own.properties, &properties)).and_then(|own| own.kept.as_ref()) {
        return Ok(before.document.as_object().cloned().unwrap_or_default());
    }
    let id = assigned_standard::text_at(&properties, ["assignedStandard", "id"]);
    let standard = match &id {
        Some(id) => Some(assigned_standard::resolve(state, target, id).await?),
        None => None,
    };
    let asked = Asked { state, target, name, properties: &properties, standard: standard.as_ref() };
    let effect = standard_effects::of(&asked).await?;
    if let AssignmentEffect::Attestation(own) = &effect
        && let Some(data) = properties.get_mut("attestationData").and_then(Value::as_object_mut)
    {
        data.insert("complianceDate".to_owned(), json!(own.created_at));
    }
    let standard = standard.map(|own| own.id).unwrap_or_default();
    Ok(carried::document(state, properties, json!(StandardAssignment { standard, effect }), current))
}

/// That an assignment may be removed, with what it does.
pub(super) async fn removable(
    state: &Scoped,
    kind: &Kind,
    target: &Target,
    name: &str,
    kept: Option<&ArmObject>,
) -> Result<(), ApiError> {
    let Some(kept) = kept else {
        let known = one(state, kind, target, name).await?;
        return if known.is_some() { Err(implied_stays(name)) } else { Ok(()) };
    };
    match kept.hidden::<StandardAssignment>()? {
        Some(own) => standard_effects::may_end(state, target, &own.effect).await,
        None => Ok(()),
    }
}

/// Whether two bodies ask for the same; what the server says itself is passed over.
fn says_the_same(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let own = |members: &Map<String, Value>| {
        let mut own = members.clone();
        own.remove("metadata");
        if let Some(data) = own.get_mut("attestationData").and_then(Value::as_object_mut) {
            data.remove("complianceDate");
        }
        own
    };
    own(one) == own(other)
}

/// What is in force at a subscription, a management group or below without an object of this kind: the standards that are judged
/// everywhere, named as they are, and the initiatives that Microsoft.Authorization assigned, named as these assignments are.
async fn implied(state: &Scoped, target: &Target) -> Result<Vec<Shown>, ApiError> {
    let own = of_place(state, target).await?;
    let standards = own.with(&state.catalog, Timestamp::now());
    let kept = state.store.policy_library().await?;
    let shown = |name: &str, prefix: String, properties: Value| Shown {
        name: name.to_owned(),
        kind: None,
        properties: properties.as_object().cloned().unwrap_or_default(),
        kept: None,
        prefix: Some(prefix),
    };
    let audited = |title: &str, standard: &str, excluded: Vec<String>| {
        json!({ "displayName": title, "effect": "Audit", "excludedScopes": excluded,
                "assignedStandard": { "id": format!("{BUILT_IN_AT}/{SECURITY_STANDARDS}/{standard}") } })
    };
    let mut all = Vec::new();
    if let Some((_, prefix)) = target.of_subscription() {
        for file in standards.files().filter(|file| !own.is_arm(&file.id) && !own.is_initiative(&file.id)) {
            all.push(shown(&file.id, prefix.clone(), audited(&file.title, &file.id, Vec::new())));
        }
    }
    let chain = target.chain(state, &kept.library);
    let made = made_here(state, &kept.library).await?;
    for initiative in initiatives(&kept.library, &chain) {
        let assigned = kept.library.governance.assignments().filter(|own| own.definition_id.eq_ignore_ascii_case(&initiative.id));
        for assignment in assigned.filter(|own| chain.contains(&own.scope) && !made.contains(&own.id.to_lowercase())) {
            let excluded = assignment.not_scopes.iter().map(ToString::to_string).collect();
            let scope = if assignment.scope == Scope::Tenant { String::new() } else { assignment.scope.to_string() };
            let name = assignment.id.rsplit('/').next().unwrap_or_default();
            let properties = audited(&assignment.display_name, &initiative_standard(initiative), excluded);
            all.push(shown(name, format!("{scope}/providers/Microsoft.Security"), properties));
        }
    }
    Ok(all)
}

/// Ids in small letters of the policy assignments that were made by objects of this kind.
async fn made_here(state: &Scoped, library: &Library) -> Result<BTreeSet<String>, ApiError> {
    let mut made = BTreeSet::new();
    for own in state.store.arm_objects(&ScopeFilter::All, STANDARD_ASSIGNMENTS).await? {
        if let Some(StandardAssignment { effect: AssignmentEffect::Policy(document), .. }) = own.hidden()? {
            let id = document.get("id").and_then(Value::as_str).unwrap_or_default().to_lowercase();
            // One that was changed by others since is theirs.
            if library.document(&id) == Some(&document) {
                made.insert(id);
            }
        }
    }
    Ok(made)
}

fn implied_stays(name: &str) -> ApiError {
    let message = format!(
        "the assignment `{name}` stands by itself: its standard is judged everywhere, or is an initiative that one of {} \
         puts in force; change that, or choose another name",
        ObjectKind::Assignment.type_name()
    );
    ApiError::new(StatusCode::CONFLICT, "BuiltIn", message)
}
