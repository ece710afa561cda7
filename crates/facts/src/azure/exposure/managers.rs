use std::collections::BTreeSet;

use serde_json::Value;
use skywarden_model::{Resource, UnreadableKind};

use super::networks::{MANAGER, NETWORK, Networks, account_of, folded};
use crate::read::{self, Why};

/// Network managers whose security admin rules may come before those of network security groups.
///
/// They are not judged here: `AlwaysAllow` opens what a group closes and `Deny` closes what it opens, so where one may be in force
/// whatever depends on it is not known.
#[derive(Default)]
pub(crate) struct Managers<'a> {
    in_force: Vec<Manager<'a>>,
}

struct Manager<'a> {
    resource: &'a Resource,
    /// Why its rules are not known; `None`: it has some.
    why: Option<Why>,
    /// Folded; `None`: it covers management groups, of which it is not known here what lies below them.
    subscriptions: Option<BTreeSet<String>>,
}

impl<'a> Managers<'a> {
    pub(crate) fn add(&mut self, resource: &'a Resource) {
        let accesses = read::list(resource, &["networkManagerScopeAccesses"]);
        let is_admin = |access: &Value| access.as_str().is_some_and(|access| access.eq_ignore_ascii_case("SecurityAdmin"));
        if accesses.as_ref().is_ok_and(|accesses| !accesses.iter().any(is_admin)) {
            return;
        }
        let why = match (accesses.err(), read::get(resource, &["securityAdminConfigurations"])) {
            (Some(why), _) | (None, Err(why)) => Some(why),
            (None, Ok(Some(Value::Array(configurations)))) if configurations.is_empty() => return,
            (None, Ok(Some(_))) => None,
            (None, Ok(None)) => {
                let operation = format!("read the security admin configurations of {}", resource.id);
                Some(read::why(UnreadableKind::NotCarried, &operation, "the source does not carry them"))
            }
        };
        let subscriptions = read::get(resource, &["networkManagerScopes"]).ok().flatten().and_then(|scopes| {
            let list = |key: &str| scopes.get(key).and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
            let own = list("subscriptions").iter().filter_map(Value::as_str);
            let own = own.map(|id| account_of(&folded(id)).to_owned()).collect();
            list("managementGroups").is_empty().then_some(own)
        });
        self.in_force.push(Manager { resource, why, subscriptions });
        self.in_force.sort_by(|a, b| a.resource.id.cmp(&b.resource.id));
    }
}

impl Networks<'_> {
    /// Why rules that come before those of network security groups may be in force in a network.
    pub(crate) fn admin_doubt(&self, network: &str) -> Option<Why> {
        if let Ok(resource) = self.resource(NETWORK, network)
            && let Ok(Some(Value::Array(rules))) = read::get(resource, &["networkManagerEffectiveSecurityAdminRules"])
        {
            let is_outbound = |rule: &Value| {
                let direction = rule.pointer("/properties/direction").and_then(Value::as_str);
                direction.is_some_and(|direction| direction.eq_ignore_ascii_case("Outbound"))
            };
            return (!rules.iter().all(is_outbound)).then(|| undecided(network));
        }
        let account = account_of(network);
        let covers = |manager: &&Manager<'_>| manager.subscriptions.as_ref().is_none_or(|all| all.contains(account));
        match self.index.managers.in_force.iter().find(covers) {
            Some(manager) => Some(manager.why.clone().unwrap_or_else(|| undecided(manager.resource.id.as_str()))),
            None => self.index.failures.anywhere(MANAGER, account),
        }
    }
}

fn undecided(id: &str) -> Why {
    let message = "security admin rules come before network security groups and are not judged";
    read::why(UnreadableKind::NotCarried, &format!("judge the security admin rules of {id}"), message)
}
