//! Which scopes lie above one: resource, resource group, subscription, management groups, tenant.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use skywarden_inventory::Inventory;
use skywarden_model::{Resource, UnreadableKind};

use crate::read::{self, Why};

pub(crate) const SUBSCRIPTION: &str = "Microsoft.Resources/subscriptions";
pub(crate) const MANAGEMENT_GROUP: &str = "Microsoft.Management/managementGroups";
/// The scope above all others.
pub(crate) const ROOT: &str = "/";
const GROUPS: &str = "/providers/microsoft.management/managementgroups/";
const SUBSCRIPTIONS: &str = "/subscriptions/";

/// An id as it is compared: lower case, without a slash at the end.
pub(crate) fn folded(id: &str) -> String {
    let text = id.trim().trim_end_matches('/');
    if text.is_empty() { ROOT.to_owned() } else { text.to_ascii_lowercase() }
}

/// The subscription of a folded scope, as a scope; `None` above subscriptions.
pub(crate) fn subscription_of(scope: &str) -> Option<&str> {
    let name = scope.strip_prefix(SUBSCRIPTIONS)?;
    let n_name = name.find('/').unwrap_or(name.len());
    scope.get(..SUBSCRIPTIONS.len() + n_name)
}

/// The name in the scope of a subscription.
pub(crate) fn subscription_name(scope: &str) -> &str {
    scope.strip_prefix(SUBSCRIPTIONS).unwrap_or(scope)
}

/// Whether a folded scope is a subscription or one of its resource groups.
pub(crate) fn is_subscription_or_group(scope: &str) -> bool {
    let Some(below) = scope.strip_prefix(SUBSCRIPTIONS) else { return false };
    let mut parts = below.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => true,
        (Some(word), Some(_), None) => word == "resourcegroups",
        _ => false,
    }
}

/// The tree of management groups and subscriptions.
pub(crate) struct Hierarchy {
    /// By the scope of a management group or subscription: the management groups above it, the nearest first.
    above: BTreeMap<String, Result<Vec<String>, Why>>,
    /// The subscriptions below each management group.
    below: BTreeMap<String, Vec<String>>,
    subscriptions: Vec<String>,
}

/// A scope with those above it.
pub(crate) struct Chain<'c> {
    /// The scope itself first, the tenant last.
    pub(crate) scopes: Vec<&'c str>,
    /// Why there may be more in between.
    pub(crate) doubt: Option<Why>,
}

impl Hierarchy {
    /// `no_groups` says that there is no management group, or why that is not known.
    pub(crate) fn new(inventory: Inventory<'_>, groups_gap: Option<&Why>) -> Self {
        let of = |name: &'static str| inventory.open_all(name);
        let parents: BTreeMap<String, Result<Option<String>, Why>> =
            of(MANAGEMENT_GROUP).map(|group| (folded(group.id.as_str()), parent_of(&group))).collect();
        let mut above: BTreeMap<String, Result<Vec<String>, Why>> =
            parents.keys().map(|group| (group.clone(), climb(group, &parents))).collect();
        let mut below: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut subscriptions = Vec::new();
        for subscription in of(SUBSCRIPTION) {
            let scope = folded(subscription.id.as_str());
            let groups = groups_above(&subscription, parents.is_empty(), groups_gap);
            for group in groups.iter().flatten() {
                below.entry(group.clone()).or_default().push(scope.clone());
            }
            subscriptions.push(scope.clone());
            above.insert(scope, groups);
        }
        subscriptions.sort();
        Self { above, below, subscriptions }
    }

    pub(crate) fn chain<'c>(&'c self, scope: &'c str) -> Chain<'c> {
        let mut scopes = vec![scope];
        if scope == ROOT {
            return Chain { scopes, doubt: None };
        }
        let subscription = subscription_of(scope);
        let mut end = scope.len();
        while let Some(shorter) = scope.get(..end).and_then(|part| part.rfind('/')) {
            end = shorter;
            match scope.get(..end) {
                Some(part) if subscription.is_some_and(|subscription| part.len() >= subscription.len()) => scopes.push(part),
                _ => break,
            }
        }
        let doubt = match self.above.get(subscription.unwrap_or(scope)) {
            Some(Ok(groups)) => {
                scopes.extend(groups.iter().map(String::as_str));
                None
            }
            Some(Err(why)) => Some(why.clone()),
            None => Some(unseen(subscription.unwrap_or(scope))),
        };
        scopes.push(ROOT);
        Chain { scopes, doubt }
    }

    /// The subscriptions that a folded scope reaches: those below it, or the one in which it lies.
    pub(crate) fn subscriptions_at<'c>(&'c self, scope: &'c str) -> Vec<&'c str> {
        if scope == ROOT {
            return self.subscriptions.iter().map(String::as_str).collect();
        }
        match subscription_of(scope) {
            Some(subscription) => vec![subscription],
            None => self.below.get(scope).into_iter().flatten().map(String::as_str).collect(),
        }
    }

    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = &str> {
        self.subscriptions.iter().map(String::as_str)
    }
}

fn parent_of(group: &Resource) -> Result<Option<String>, Why> {
    Ok(read::text(group, &["details", "parent", "id"])?.map(folded))
}

fn climb(group: &str, parents: &BTreeMap<String, Result<Option<String>, Why>>) -> Result<Vec<String>, Why> {
    let mut groups = Vec::new();
    let mut passed = BTreeSet::from([group]);
    let mut here = group;
    loop {
        match parents.get(here) {
            None => return Err(unseen(here)),
            Some(Err(why)) => return Err(why.clone()),
            Some(Ok(None)) => return Ok(groups),
            Some(Ok(Some(parent))) if passed.insert(parent) => {
                groups.push(parent.clone());
                here = parent;
            }
            Some(Ok(Some(parent))) => {
                let message = format!("{parent} lies above itself");
                return Err(read::why(UnreadableKind::Failed, &format!("find the management groups above {group}"), &message));
            }
        }
    }
}

/// The management groups above a subscription, as Resource Graph names them.
fn groups_above(subscription: &Resource, has_no_groups: bool, groups_gap: Option<&Why>) -> Result<Vec<String>, Why> {
    const FIELD: &str = "managementGroupAncestorsChain";
    let listed = read::list(subscription, &[FIELD])?;
    if listed.is_empty() {
        return match groups_gap {
            None if has_no_groups => Ok(Vec::new()),
            Some(why) => Err(why.clone()),
            None => Err(read::malformed(subscription, FIELD, "it names none although there are management groups")),
        };
    }
    let named = |group: &Value| Some(format!("{GROUPS}{}", group.get("name")?.as_str()?.to_ascii_lowercase()));
    let groups: Option<Vec<String>> = listed.iter().map(named).collect();
    groups.ok_or_else(|| read::malformed(subscription, FIELD, "a group has no name"))
}

fn unseen(scope: &str) -> Why {
    read::why(UnreadableKind::NotYetKnown, &format!("find the scopes above {scope}"), "the snapshot does not hold it")
}
