//! `Microsoft.Management/managementGroups`, api-versions 2020-05-01 to 2023-04-01: who lies where.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_policy::{Library, ObjectKind, Scope};

use super::place::{PolicyPath, place_of};
use crate::{
    arm::{AccountNames, Answer, ground::id_of},
    error::ApiError,
    scoped::Scoped,
};

pub(super) const TYPE: &str = "Microsoft.Management/managementGroups";

/// A management group by its name as it was first written.
pub(super) struct Group {
    pub(super) name: String,
    /// The scope above.
    pub(super) parent: Scope,
}

/// Every management group of which anything is known, by its name in lower case.
pub(super) fn known(library: &Library) -> BTreeMap<String, Group> {
    let parent = |scope: &Scope| library.governance.hierarchy.above(scope).into_iter().nth(1).unwrap_or(Scope::Tenant);
    let mut groups = BTreeMap::new();
    for scope in library.governance.hierarchy.placed() {
        if let Scope::ManagementGroup(name) = scope {
            groups.insert(name.clone(), Group { name: name.clone(), parent: parent(scope) });
        }
    }
    for (id, kind, document) in library.documents().filter(|(_, kind, _)| *kind == ObjectKind::ManagementGroup) {
        if let Scope::ManagementGroup(name) = kind.place(id) {
            let scope = Scope::ManagementGroup(name.clone());
            let written = document.get("id").and_then(Value::as_str).and_then(|id| id.rsplit('/').next());
            groups.insert(name.clone(), Group { name: written.unwrap_or(&name).to_owned(), parent: parent(&scope) });
        }
    }
    groups
}

pub(super) fn no_such_group() -> ApiError {
    let message = "there is no such management group, or it is not visible to this login";
    ApiError::new(StatusCode::NOT_FOUND, "ManagementGroupNotFound", message)
}

pub(crate) async fn list(state: Scoped) -> Answer {
    let kept = state.store.policy_library().await?;
    let tree = Tree::of(&state, &kept.library).await?;
    let mut value = Vec::new();
    if state.sees(&Scope::Tenant) {
        value.push(tree.brief(&Scope::Tenant));
    }
    value.extend(
        tree.groups
            .keys()
            .map(|name| Scope::ManagementGroup(name.clone()))
            .filter(|own| state.sees(own))
            .map(|own| tree.brief(&own)),
    );
    Ok(Json(json!({ "value": value, "nextLink": null })))
}

#[derive(Deserialize)]
pub(crate) struct GroupQuery {
    #[serde(rename = "$expand", default)]
    expand: String,
    #[serde(rename = "$recurse", default)]
    recurse: String,
}

pub(crate) async fn one(state: Scoped, Path(path): Path<PolicyPath>, Query(query): Query<GroupQuery>) -> Answer {
    let depth = match query.expand.to_ascii_lowercase().as_str() {
        "" | "path" | "ancestors" => 0,
        "children" if query.recurse.eq_ignore_ascii_case("true") => usize::MAX,
        "children" => 1,
        other => {
            return Err(ApiError::bad_request(format!(
                "`$expand={other}` is not understood; `children`, `path` and `ancestors` are"
            )));
        }
    };
    Ok(Json(shown(&state, path.management_group.as_deref().unwrap_or_default(), depth).await?))
}

/// A management group with what lies in it down to a depth.
pub(super) async fn shown(state: &Scoped, name: &str, depth: usize) -> Result<Value, ApiError> {
    let kept = state.store.policy_library().await?;
    let tree = Tree::of(state, &kept.library).await?;
    let scope = tree.scope(name).filter(|own| state.sees(own)).ok_or_else(no_such_group)?;
    let above = kept.library.governance.hierarchy.above(&scope);
    let chain: Vec<Value> =
        above.iter().skip(1).map(|own| json!({ "name": tree.name(own), "displayName": tree.title(own) })).collect();
    let path: Vec<&Value> = chain.iter().rev().collect();
    let parent = above.get(1).map(|own| json!({ "id": tree.id(own), "name": tree.name(own), "displayName": tree.title(own) }));
    let names: Vec<&Value> = chain.iter().filter_map(|own| own.get("name")).collect();
    let mut group = tree.brief(&scope);
    if let Some(properties) = group.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            "details".to_owned(),
            json!({ "version": 1, "parent": parent, "path": path, "managementGroupAncestors": names,
                    "managementGroupAncestorsChain": chain }),
        );
        properties.insert("children".to_owned(), if depth == 0 { Value::Null } else { json!(tree.children(&scope, depth)) });
    }
    Ok(group)
}

pub(crate) async fn subscriptions(state: Scoped, Path(path): Path<PolicyPath>) -> Answer {
    let kept = state.store.policy_library().await?;
    let tree = Tree::of(&state, &kept.library).await?;
    let group = path.management_group.as_deref().and_then(|name| tree.scope(name)).filter(|own| state.sees(own));
    let group = group.ok_or_else(no_such_group)?;
    let own = tree.subscriptions.iter().filter(|own| own.parent == group);
    Ok(Json(json!({ "value": own.map(|own| tree.subscription(own)).collect::<Vec<_>>() })))
}

pub(crate) async fn subscription(state: Scoped, Path(path): Path<PolicyPath>) -> Answer {
    let name = path.management_group.as_deref().unwrap_or_default();
    Ok(Json(shown_subscription(&state, name, &path.name).await?))
}

/// A subscription that lies in a management group.
pub(super) async fn shown_subscription(state: &Scoped, group: &str, id: &str) -> Result<Value, ApiError> {
    let kept = state.store.policy_library().await?;
    let tree = Tree::of(state, &kept.library).await?;
    let group = tree.scope(group).filter(|own| state.sees(own)).ok_or_else(no_such_group)?;
    let found =
        tree.subscriptions.iter().find(|own| own.parent == group && own.names.iter().any(|name| name.eq_ignore_ascii_case(id)));
    let missing = || ApiError::not_found("such subscription in this management group");
    found.map(|own| tree.subscription(own)).ok_or_else(missing)
}

/// What lies where, as far as the caller sees it.
struct Tree<'a> {
    library: &'a Library,
    tenant: String,
    groups: BTreeMap<String, Group>,
    subscriptions: Vec<Subscription>,
}

/// A subscription with the group that it lies in.
struct Subscription {
    /// The id that ARM has for it.
    id: String,
    /// All its names in lower case.
    names: Vec<String>,
    title: String,
    parent: Scope,
}

impl<'a> Tree<'a> {
    async fn of(state: &Scoped, library: &'a Library) -> Result<Self, ApiError> {
        let hierarchy = &library.governance.hierarchy;
        let names = AccountNames::of(state).await?;
        let mut subscriptions = Vec::new();
        for (connector, account) in state.store.accounts(&state.filter).await? {
            let id = id_of(&connector, &account);
            let chain = hierarchy.of_parts("", &place_of(&connector, &account, ""));
            let parent = chain.into_iter().find(|own| matches!(own, Scope::ManagementGroup(_))).unwrap_or(Scope::Tenant);
            let title = names.title(&connector, &account);
            subscriptions.push(Subscription { names: vec![id.clone(), account.to_lowercase()], id, title, parent });
        }
        // Where one lies may be known before anything of it was read.
        for scope in hierarchy.placed().filter(|own| state.sees(own)) {
            if let Scope::Subscription(id) = scope
                && !subscriptions.iter().any(|own| own.names.contains(id))
            {
                let parent = hierarchy.above(scope).into_iter().nth(1).unwrap_or(Scope::Tenant);
                let title = library.scope_name(scope).to_owned();
                subscriptions.push(Subscription { id: id.clone(), names: vec![id.clone()], title, parent });
            }
        }
        subscriptions.dedup_by(|one, other| one.id == other.id);
        let groups = known(library).into_iter().filter(|(name, _)| state.sees(&Scope::ManagementGroup(name.clone()))).collect();
        Ok(Self { library, tenant: state.auth.tenant().to_owned(), groups, subscriptions })
    }

    /// The scope of a group's name; the tenant's root group is the tenant.
    fn scope(&self, name: &str) -> Option<Scope> {
        if name.eq_ignore_ascii_case(&self.tenant) {
            return Some(Scope::Tenant);
        }
        self.groups.contains_key(&name.to_lowercase()).then(|| Scope::ManagementGroup(name.to_lowercase()))
    }

    fn name(&self, scope: &Scope) -> String {
        match scope {
            Scope::ManagementGroup(name) => self.groups.get(name).map_or(name, |own| &own.name).clone(),
            _ => self.tenant.clone(),
        }
    }

    fn id(&self, scope: &Scope) -> String {
        format!("/providers/{TYPE}/{}", self.name(scope))
    }

    fn title(&self, scope: &Scope) -> String {
        let title = self.library.scope_name(scope);
        match scope {
            Scope::Tenant => "Tenant Root Group".to_owned(),
            _ if title.is_empty() => self.name(scope),
            _ => title.to_owned(),
        }
    }

    fn brief(&self, scope: &Scope) -> Value {
        json!({ "id": self.id(scope), "type": TYPE, "name": self.name(scope),
                "properties": { "tenantId": self.tenant, "displayName": self.title(scope) } })
    }

    fn children(&self, scope: &Scope, depth: usize) -> Vec<Value> {
        let groups = self.groups.iter().filter(|(_, own)| own.parent == *scope).map(|(name, _)| {
            let own = Scope::ManagementGroup(name.clone());
            // The hierarchy has no circle, so this ends.
            let below = (depth > 1).then(|| self.children(&own, depth - 1)).filter(|below| !below.is_empty());
            json!({ "type": TYPE, "id": self.id(&own), "name": self.name(&own), "displayName": self.title(&own), "children": below })
        });
        let subscriptions = self.subscriptions.iter().filter(|own| own.parent == *scope).map(|own| {
            json!({ "type": "/subscriptions", "id": format!("/subscriptions/{}", own.id), "name": own.id, "displayName": own.title })
        });
        groups.chain(subscriptions).collect()
    }

    fn subscription(&self, own: &Subscription) -> Value {
        let parent = self.id(&own.parent);
        json!({ "id": format!("{parent}/subscriptions/{}", own.id), "type": format!("{TYPE}/subscriptions"), "name": own.id,
                "properties": { "tenant": self.tenant, "displayName": own.title, "state": "Active", "parent": { "id": parent } } })
    }
}
