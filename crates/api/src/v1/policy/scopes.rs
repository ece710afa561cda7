use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, extract::Query};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_policy::{Assignment, Library, Scope};

use super::overview::brief;
use crate::{
    arm::{AccountNames, id_of},
    error::ApiError,
    scoped::Scoped,
    v1::Answer,
};

/// Every scope that is known from the tenant down to subscriptions, each before those below it.
pub(super) async fn tree(state: &Scoped, library: &Library) -> Result<Vec<Value>, ApiError> {
    let mut scopes: BTreeSet<Scope> = BTreeSet::from([Scope::Tenant]);
    scopes.extend(library.governance.hierarchy.placed().filter(|own| state.sees(own)).cloned());
    scopes.extend(library.governance.assignments().map(|own| &own.scope).filter(|own| state.sees(own)).cloned());
    let mut accounts: BTreeMap<Scope, Vec<String>> = BTreeMap::new();
    let mut names: BTreeMap<Scope, String> = BTreeMap::new();
    let called = AccountNames::of(state).await?;
    for (connector, account) in state.store.accounts(&state.filter).await? {
        // An account is a scope under its own name and under the id that the ARM face gives it: it stands here once, but for
        // where both are used.
        let by_id = Scope::Subscription(id_of(&connector, &account));
        let by_name = Scope::Subscription(account.to_lowercase());
        let name = called.title(&connector, &account);
        names.insert(by_id.clone(), name.clone());
        names.insert(by_name.clone(), name);
        let scope = if scopes.contains(&by_id) && !scopes.contains(&by_name) { by_id } else { by_name };
        accounts.entry(scope.clone()).or_default().push(connector);
        scopes.insert(scope);
    }
    let own: BTreeSet<Scope> = scopes.iter().flat_map(|scope| library.governance.hierarchy.above(scope)).collect();
    scopes.extend(own);
    let mut below: BTreeMap<Option<Scope>, Vec<Scope>> = BTreeMap::new();
    for scope in scopes {
        let parent = library.governance.hierarchy.above(&scope).into_iter().nth(1);
        below.entry(parent).or_default().push(scope);
    }
    let mut items = Vec::new();
    let mut left: Vec<(Scope, usize)> = vec![(Scope::Tenant, 0)];
    while let Some((scope, depth)) = left.pop() {
        let n_assignments = library.governance.assignments().filter(|own| own.scope == scope).count();
        let connectors = accounts.get(&scope).cloned().unwrap_or_default();
        let own_name = library.scope_name(&scope);
        let name = if own_name.is_empty() { names.get(&scope).map_or("", String::as_str) } else { own_name };
        items.push(json!({
            "id": scope.to_string(), "name": name, "kind": kind(&scope), "depth": depth,
            "assignments": n_assignments, "connectors": connectors,
        }));
        for child in below.remove(&Some(scope)).into_iter().flatten().rev() {
            left.push((child, depth + 1));
        }
    }
    Ok(items)
}

fn kind(scope: &Scope) -> &'static str {
    match scope {
        Scope::Tenant => "tenant",
        Scope::ManagementGroup(_) => "managementGroup",
        Scope::Subscription(_) => "subscription",
        Scope::ResourceGroup(..) => "resourceGroup",
        Scope::Resource(_) => "resource",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeOf {
    id: String,
}

/// What is in force at a scope: its own assignments and those that it inherits, and what is set aside there.
pub(crate) async fn one(state: Scoped, Query(query): Query<ScopeOf>) -> Answer {
    let scope = Scope::parse(&query.id).ok_or_else(|| ApiError::bad_request(format!("`{}` is no scope", query.id)))?;
    if !state.sees(&scope) {
        return Err(ApiError::not_found("such scope"));
    }
    let kept = state.store.policy_library().await?;
    let library = &kept.library;
    let chain = library.governance.hierarchy.above(&scope);
    let held: Vec<&Assignment> = library.governance.assignments().filter(|own| chain.contains(&own.scope)).collect();
    let assignments: Vec<Value> = held
        .iter()
        .map(|assignment| {
            let left_out = assignment.not_scopes.iter().find(|own| chain.contains(own)).map(ToString::to_string);
            json!({ "assignment": brief(library, assignment), "inherited": assignment.scope != scope, "leftOutBy": left_out })
        })
        .collect();
    let exemptions: Vec<Value> = library
        .governance
        .exemptions()
        .filter(|own| chain.contains(&own.scope))
        .map(|own| {
            json!({ "id": own.id, "displayName": own.display_name, "scope": own.scope.to_string(), "assignment": own.assignment_id,
                    "category": own.category, "expiresOn": own.expires_on, "references": own.reference_ids,
                    "inherited": own.scope != scope })
        })
        .collect();
    let above: Vec<Value> =
        chain.iter().map(|own| json!({ "id": own.to_string(), "name": library.scope_name(own), "kind": kind(own) })).collect();
    Ok(Json(json!({ "id": scope.to_string(), "name": library.scope_name(&scope), "kind": kind(&scope), "above": above,
                    "assignments": assignments, "exemptions": exemptions })))
}
