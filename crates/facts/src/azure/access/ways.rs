//! Ways to become owner, as `escalations` of `azurePermissions` lists them.

use std::collections::BTreeMap;

use serde_json::Value;
use skywarden_inventory::Inventory;
use skywarden_model::{Resource, Segment};

use super::{
    action::Right,
    assignment::last_part,
    engine::Engine,
    role::ASSIGN,
    scope::{self, folded},
    truth::{self, Truth},
};
use crate::read::{self, Why};

/// The type of which the identity is its own.
pub(crate) const USER_ASSIGNED: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// One way, with what it needs together.
#[derive(Debug)]
pub(crate) struct Way<'k> {
    pub(crate) name: &'k str,
    pub(crate) rights: Vec<Right>,
    /// `identity of TYPE`: some resource of the type runs as an identity that may give roles.
    pub(crate) identity: Option<&'k str>,
    /// `directory role ID`: the role is needed in the directory.
    pub(crate) directory_role: Option<&'k str>,
    /// `perhaps`: whether it leads there hangs on what is not known.
    pub(crate) is_doubtful: bool,
}

impl<'k> Way<'k> {
    pub(crate) fn all(escalations: &BTreeMap<&'k str, &'k [String]>) -> Vec<Self> {
        escalations.iter().map(|(name, needs)| Self::new(name, needs)).collect()
    }

    fn new(name: &'k str, needs: &'k [String]) -> Self {
        let mut way = Self { name, rights: Vec::new(), identity: None, directory_role: None, is_doubtful: false };
        for need in needs {
            if let Some(type_name) = need.strip_prefix("identity of ") {
                way.identity = Some(type_name);
            } else if let Some(role) = need.strip_prefix("directory role ") {
                way.directory_role = Some(role);
            } else if need == "perhaps" {
                way.is_doubtful = true;
            } else if let Some(action) = need.strip_prefix("data ") {
                way.rights.push(Right::data(action));
            } else {
                way.rights.push(Right::control(need));
            }
        }
        way
    }

    /// Whether rights alone suffice.
    pub(crate) fn is_plain(&self) -> bool {
        self.identity.is_none() && self.directory_role.is_none()
    }
}

/// The resources that run as identities, by type.
pub(crate) struct Hosts<'k>(BTreeMap<&'k str, Vec<Host>>);

pub(crate) struct Host {
    pub(crate) scope: String,
    /// Whether one of its identities may give roles somewhere.
    pub(crate) is_strong: Truth,
}

impl<'k> Hosts<'k> {
    /// Those of the types that ways ask about, without those of which the identities surely may not give roles.
    pub(crate) fn new(inventory: Inventory<'_>, ways: &[Way<'k>], engine: &Engine<'_>, doubt: Option<&Why>) -> Self {
        let mut hosts: BTreeMap<&str, Vec<Host>> = ways.iter().filter_map(|way| Some((way.identity?, Vec::new()))).collect();
        let mut strengths: BTreeMap<String, Truth> = BTreeMap::new();
        for (place, type_name) in inventory.places() {
            let Some(of_type) = hosts.get_mut(type_name) else { continue };
            let Some(resource) = inventory.open(place) else { continue };
            let is_strong = match identities(&resource) {
                Err(why) => Truth::Unknown(why),
                Ok(ids) => truth::any(ids.into_iter().map(|id| {
                    let strength = || strength(engine, &id, doubt);
                    strengths.entry(id.clone()).or_insert_with(strength).clone()
                })),
            };
            if !is_strong.is_no() {
                of_type.push(Host { scope: folded(resource.id.as_str()), is_strong });
            }
        }
        Self(hosts)
    }

    pub(crate) fn of(&self, type_name: &str) -> &[Host] {
        self.0.get(type_name).map_or(&[], Vec::as_slice)
    }
}

/// Whether an identity may give roles somewhere.
fn strength(engine: &Engine<'_>, principal: &str, doubt: Option<&Why>) -> Truth {
    let assign = Right::control(ASSIGN);
    truth::any(engine.scopes_of(principal).into_iter().map(|scope| engine.standpoint(principal, scope).allows(&assign)))
        .or(|| Truth::unless(doubt.cloned(), false))
}

/// The principals as which a resource runs, in lower case.
fn identities(resource: &Resource) -> Result<Vec<String>, Why> {
    if resource.type_name.as_str() == USER_ASSIGNED {
        return Ok(read::text(resource, &["principalId"])?.map(str::to_ascii_lowercase).into_iter().collect());
    }
    let is_identity = |step: &Segment| matches!(step, Segment::Key(key) if key.eq_ignore_ascii_case("identity"));
    let hidden = resource.unreadable.iter().find(|entry| entry.field.segments().first().is_some_and(is_identity));
    if let Some(entry) = hidden {
        return Err(entry.reason.clone());
    }
    let Some(identity) = resource.envelope.get("identity") else { return Ok(Vec::new()) };
    let own = identity.get("principalId").and_then(Value::as_str);
    let assigned = identity.get("userAssignedIdentities").and_then(Value::as_object);
    let mut ids: Vec<String> = own.map(str::to_ascii_lowercase).into_iter().collect();
    for (id, told) in assigned.into_iter().flatten() {
        match told.get("principalId").and_then(Value::as_str) {
            Some(principal) => ids.push(principal.to_ascii_lowercase()),
            None => {
                return Err(read::malformed(resource, "identity", &format!("{} has no principal", last_part(id))));
            }
        }
    }
    Ok(ids)
}

/// The subscriptions that some scopes reach, by name.
pub(crate) fn accounts<'e>(engine: &'e Engine<'_>, scopes: impl IntoIterator<Item = &'e str>) -> Vec<&'e str> {
    let reached = scopes.into_iter().flat_map(|scope| engine.hierarchy.subscriptions_at(scope));
    let mut names: Vec<&str> = reached.map(scope::subscription_name).collect();
    names.sort_unstable();
    names.dedup();
    names
}
