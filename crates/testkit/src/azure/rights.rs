use std::collections::BTreeMap;

use serde_json::Value;

use super::{copies::Item, estate::Estate, faults::fits};

const ASSIGNMENTS: &str = "microsoft.authorization/roleassignments";
const DEFINITIONS: &str = "microsoft.authorization/roledefinitions";
const DENIALS: &str = "microsoft.authorization/denyassignments";

/// Everybody, in deny assignments.
const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";

/// What a caller may do where, from the role and deny assignments of the estate that name it or a group that it is in.
pub(crate) struct Rights {
    /// By scope in lower case.
    granted: BTreeMap<String, Vec<Permission>>,
    denied: BTreeMap<String, Vec<Permission>>,
    /// In lower case.
    readable_by_all: Vec<String>,
}

/// A permission of a role.
#[derive(Clone)]
pub(crate) struct Permission {
    actions: Vec<String>,
    not_actions: Vec<String>,
    /// As it is written in the role.
    pub(crate) written: Value,
}

impl Rights {
    /// The rights of somebody, by its object id.
    pub(crate) fn of(estate: &Estate, object_id: &str) -> Self {
        let mut principals = vec![object_id.to_lowercase()];
        principals.extend(super::directory::groups_of(estate, object_id));
        let definitions = definitions(estate);
        let mut rights = Self { granted: BTreeMap::new(), denied: BTreeMap::new(), readable_by_all: readable_by_all(estate) };
        for item in estate.items(|template| template.type_folded == ASSIGNMENTS) {
            let properties = properties(estate, item);
            if !principals.contains(&text(&properties, "principalId")) {
                continue;
            }
            let role = text(&properties, "roleDefinitionId");
            let permissions = definitions.get(role.rsplit('/').next().unwrap_or_default());
            rights.granted.entry(text(&properties, "scope")).or_default().extend(permissions.into_iter().flatten().cloned());
        }
        for item in estate.items(|template| template.type_folded == DENIALS) {
            let properties = properties(estate, item);
            let names = |field: &str| -> Vec<String> {
                let list = properties.get(field).and_then(Value::as_array).into_iter().flatten();
                list.map(|principal| text(principal, "id")).collect()
            };
            let is_meant = |id: &String| id == EVERYBODY || principals.contains(id);
            if names("principals").iter().any(is_meant) && !names("excludePrincipals").iter().any(|id| principals.contains(id)) {
                rights.denied.entry(text(&properties, "scope")).or_default().extend(permissions_of(&properties));
            }
        }
        rights
    }

    /// Whether an action is allowed on what has an id.
    pub(crate) fn allow(&self, estate: &Estate, action: &str, id: &str) -> bool {
        let action = action.to_lowercase();
        if self.readable_by_all.contains(&action) {
            return true;
        }
        let scopes = scopes_above(estate, &id.to_lowercase());
        let has = |of: &BTreeMap<String, Vec<Permission>>| {
            scopes.iter().filter_map(|scope| of.get(scope)).flatten().any(|permission| permission.covers(&action))
        };
        has(&self.granted) && !has(&self.denied)
    }

    /// Whether anything at all is allowed in or below a scope, such as one resource group of a subscription.
    pub(crate) fn reach(&self, estate: &Estate, scope: &str) -> bool {
        let scope = scope.to_lowercase();
        let below = format!("{scope}/");
        self.granted.keys().any(|granted| granted.starts_with(&below))
            || scopes_above(estate, &scope).iter().any(|above| self.granted.contains_key(above))
    }

    /// Whether anything is granted or denied further below a scope, so that what lies there may differ.
    pub(crate) fn differ_below(&self, scope: &str) -> bool {
        let below = format!("{}/", scope.to_lowercase());
        self.granted.keys().chain(self.denied.keys()).any(|own| own.starts_with(&below))
    }

    /// The permissions that hold at a scope.
    pub(crate) fn permissions_at(&self, estate: &Estate, scope: &str) -> Vec<Value> {
        let scopes = scopes_above(estate, &scope.to_lowercase());
        scopes.iter().filter_map(|scope| self.granted.get(scope)).flatten().map(|permission| permission.written.clone()).collect()
    }
}

impl Permission {
    fn covers(&self, action: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, action));
        any(&self.actions) && !any(&self.not_actions)
    }
}

/// A scope and all that are above it, up to the tenant's own `/`. The id is in lower case.
pub(crate) fn scopes_above(estate: &Estate, id: &str) -> Vec<String> {
    let mut scopes = Vec::new();
    let mut rest = id.trim_end_matches('/');
    while !rest.is_empty() {
        scopes.push(rest.to_owned());
        rest = rest.rsplit_once('/').map_or("", |(above, _)| above);
    }
    let segments: Vec<&str> = id.split('/').collect();
    let groups: Vec<String> = match segments.as_slice() {
        ["", "subscriptions", subscription, ..] => {
            let owner = estate.subscription(subscription);
            owner.map(|owner| estate.groups_above(owner).into_iter().map(str::to_lowercase).collect()).unwrap_or_default()
        }
        ["", "providers", "microsoft.management", "managementgroups", name, ..] => {
            let chain = super::estate::above(&estate.written.management_groups, name);
            chain.into_iter().map(|group| group.name.to_lowercase()).collect()
        }
        _ => Vec::new(),
    };
    scopes.extend(groups.into_iter().map(|group| format!("/providers/microsoft.management/managementgroups/{group}")));
    scopes.push("/".to_owned());
    scopes
}

fn readable_by_all(estate: &Estate) -> Vec<String> {
    let types = estate.written.namespaces.iter().flat_map(|(name, namespace)| {
        namespace.readable_by_all.iter().map(move |own| format!("{name}/{own}/read").to_lowercase())
    });
    types.collect()
}

/// The permissions of roles, by the last part of their ids.
fn definitions(estate: &Estate) -> BTreeMap<String, Vec<Permission>> {
    let items = estate.items(|template| template.type_folded == DEFINITIONS);
    items.map(|item| (estate.name(item).to_lowercase(), permissions_of(&properties(estate, item)))).collect()
}

fn permissions_of(properties: &Value) -> Vec<Permission> {
    let list = properties.get("permissions").and_then(Value::as_array).into_iter().flatten();
    let patterns = |permission: &Value, field: &str| -> Vec<String> {
        let list = permission.get(field).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_lowercase).collect()
    };
    list.map(|permission| Permission {
        actions: patterns(permission, "actions"),
        not_actions: patterns(permission, "notActions"),
        written: permission.clone(),
    })
    .collect()
}

fn properties(estate: &Estate, item: Item) -> Value {
    estate.body(item).get_mut("properties").map(Value::take).unwrap_or_default()
}

/// In lower case.
fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_lowercase()
}
