use std::collections::BTreeMap;

use axum::{Json, extract::Query};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_policy::{Definition, EffectOf, Initiative, Library, Mode, ObjectKind, PolicyType};

use super::{assignments::ById, counts};
use crate::{
    error::ApiError,
    scoped::Scoped,
    v1::{Answer, DEFAULT_LIMIT},
};

/// Rows of a page at most.
const MAX_LIMIT: u32 = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefinitionsQuery {
    q: Option<String>,
    category: Option<String>,
    /// `definition` or `initiative`; both if absent.
    kind: Option<String>,
    /// How many come before the page.
    #[serde(default)]
    offset: usize,
    limit: Option<u32>,
}

/// Initiatives and definitions by name, initiatives first; `[Preview]` and `[Deprecated]` ones come after the others.
pub(crate) async fn list(state: Scoped, Query(query): Query<DefinitionsQuery>) -> Answer {
    let kept = state.store.policy_library().await?;
    let governance = &kept.library.governance;
    let text = query.q.unwrap_or_default().to_lowercase();
    let mut categories: BTreeMap<String, u64> = BTreeMap::new();
    let mut is_meant = |kind: &str, name: &str, id: &str, category: Option<&str>| {
        let is_found = query.kind.as_deref().is_none_or(|wanted| wanted == kind)
            && (text.is_empty() || name.to_lowercase().contains(&text) || id.to_lowercase().contains(&text));
        if is_found && let Some(own) = category {
            *categories.entry(own.to_owned()).or_default() += 1;
        }
        is_found && query.category.as_deref().is_none_or(|wanted| category.is_some_and(|own| own.eq_ignore_ascii_case(wanted)))
    };
    let mut items: Vec<((u8, bool, String), Value)> = Vec::new();
    let key = |kind: u8, name: &str| (kind, name.starts_with('['), name.to_lowercase());
    let sees = |kind: ObjectKind, id: &str| state.sees(&kind.place(id));
    for own in governance.initiatives().filter(|own| sees(ObjectKind::Initiative, &own.id)) {
        if is_meant("initiative", &own.display_name, &own.id, own.category.as_deref()) {
            items.push((key(0, &own.display_name), of_initiative(own)));
        }
    }
    for own in governance.definitions().filter(|own| sees(ObjectKind::Definition, &own.id)) {
        if is_meant("definition", &own.display_name, &own.id, own.category.as_deref()) {
            items.push((key(1, &own.display_name), of_definition(own)));
        }
    }
    items.sort_by(|(left, _), (right, _)| left.cmp(right));
    let total = items.len();
    let limit = usize::try_from(query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)).unwrap_or(usize::MAX);
    let page: Vec<Value> = items.into_iter().skip(query.offset).take(limit).map(|(_, item)| item).collect();
    let categories: Vec<Value> = categories.iter().map(|(value, count)| json!({ "value": value, "count": count })).collect();
    Ok(Json(json!({ "items": page, "total": total, "categories": categories })))
}

/// A definition or an initiative with all that is known of it.
pub(crate) async fn one(state: Scoped, Query(query): Query<ById>) -> Answer {
    let kept = state.store.policy_library().await?;
    let library = &kept.library;
    let document = library.document(&query.id);
    let sees = |kind: ObjectKind| state.sees(&kind.place(&query.id));
    if let Some(own) = library.governance.initiative(&query.id).filter(|_| sees(ObjectKind::Initiative)) {
        let members: Vec<Value> = own
            .members
            .iter()
            .map(|member| {
                let definition = library.governance.definition(&member.definition_id);
                json!({ "reference": member.reference_id, "definitionId": member.definition_id, "groups": member.groups,
                        "displayName": definition.map(|own| own.display_name.as_str()),
                        "notEvaluated": definition.and_then(|own| own.elsewhere.as_ref()).map(ToString::to_string) })
            })
            .collect();
        let groups: Vec<Value> = own
            .groups
            .iter()
            .map(|group| {
                json!({ "name": group.name, "displayName": group.display_name, "category": group.category,
                        "description": group.description })
            })
            .collect();
        let more = json!({ "members": members, "groups": groups, "parameters": parameters(&own.parameters), "document": document,
                           "assignments": assigned(&state, library, &[&own.id]) });
        return Ok(Json(super::assignments::with(of_initiative(own), more)));
    }
    let own = library
        .governance
        .definition(&query.id)
        .filter(|_| sees(ObjectKind::Definition))
        .ok_or_else(|| ApiError::not_found("such definition"))?;
    let holds =
        |initiative: &&Initiative| initiative.members.iter().any(|member| member.definition_id.eq_ignore_ascii_case(&own.id));
    let initiatives: Vec<&Initiative> = library.governance.initiatives().filter(holds).collect();
    let ids: Vec<&String> = initiatives.iter().map(|initiative| &initiative.id).chain([&own.id]).collect();
    let references: Vec<(String, String)> = references(library, own);
    let all = state.store.policy_counts(&state.filter).await?;
    let counted = all.iter().filter(|count| references.contains(&(count.assignment.clone(), count.reference.clone())));
    let named: Vec<Value> =
        initiatives.iter().map(|initiative| json!({ "id": initiative.id, "displayName": initiative.display_name })).collect();
    let more = json!({
        "parameters": parameters(&own.parameters),
        "policyRule": document.and_then(rule),
        "document": document,
        "initiatives": named,
        "assignments": assigned(&state, library, &ids),
        "states": counts(counted),
    });
    Ok(Json(super::assignments::with(of_definition(own), more)))
}

/// The rule of a definition's document.
pub(crate) fn rule(document: &Value) -> Option<&Value> {
    document.pointer("/properties/policyRule").or_else(|| document.get("policyRule"))
}

/// Under which (assignment in lower case, reference) a definition is in force.
fn references(library: &Library, definition: &Definition) -> Vec<(String, String)> {
    let mut references = Vec::new();
    for assignment in library.governance.assignments() {
        let id = assignment.id.to_lowercase();
        if assignment.definition_id.eq_ignore_ascii_case(&definition.id) {
            references.push((id, String::new()));
        } else if let Some(initiative) = library.governance.initiative(&assignment.definition_id) {
            let members = initiative.members.iter().filter(|member| member.definition_id.eq_ignore_ascii_case(&definition.id));
            references.extend(members.map(|member| (id.clone(), member.reference_id.clone())));
        }
    }
    references
}

fn assigned(state: &Scoped, library: &Library, ids: &[&String]) -> Vec<Value> {
    let is_meant = |definition: &str| ids.iter().any(|id| id.eq_ignore_ascii_case(definition));
    let found = library.governance.assignments().filter(|own| is_meant(&own.definition_id) && state.sees(&own.scope));
    found.map(|own| json!({ "id": own.id, "displayName": own.display_name, "scope": own.scope.to_string() })).collect()
}

fn of_initiative(own: &Initiative) -> Value {
    json!({ "kind": "initiative", "id": own.id, "name": own.name, "displayName": own.display_name,
            "description": own.description, "category": own.category, "version": own.version,
            "policyType": policy_type(own.policy_type), "definitions": own.members.len() })
}

fn of_definition(own: &Definition) -> Value {
    let mode = match &own.mode {
        Mode::All => "All",
        Mode::Indexed => "Indexed",
        Mode::DataPlane(name) => name,
    };
    let effect = match &own.rule.effect {
        EffectOf::Rule(effect) => json!({ "fixed": effect.name() }),
        EffectOf::Parameter(name) => {
            let declared = own.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, own)| own);
            json!({ "parameter": name, "default": declared.and_then(|own| own.default.clone()) })
        }
    };
    json!({ "kind": "definition", "id": own.id, "name": own.name, "displayName": own.display_name,
            "description": own.description, "category": own.category, "version": own.version,
            "policyType": policy_type(own.policy_type), "mode": mode, "effect": effect,
            "notEvaluated": own.elsewhere.as_ref().map(ToString::to_string) })
}

/// Who made a definition, in Azure's word.
pub(crate) fn policy_type(own: PolicyType) -> &'static str {
    match own {
        PolicyType::BuiltIn => "BuiltIn",
        PolicyType::Custom => "Custom",
        PolicyType::Static => "Static",
    }
}

fn parameters(declared: &std::collections::BTreeMap<String, skywarden_policy::ParameterDeclaration>) -> Vec<Value> {
    declared
        .iter()
        .map(|(name, own)| {
            json!({ "name": name, "type": own.kind.name(), "default": own.default, "allowed": own.allowed,
                    "displayName": own.display_name, "description": own.description })
        })
        .collect()
}
