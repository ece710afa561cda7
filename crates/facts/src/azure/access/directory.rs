//! Who there is: users, groups, service principals, and who belongs to which group.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use skywarden_inventory::Inventory;
use skywarden_model::{Resource, UnreadableKind};

use super::{gaps::Gaps, truth::Truth};
use crate::read::{self, Why};

pub(crate) const USER: &str = "Microsoft.Graph/users";
pub(crate) const GROUP: &str = "Microsoft.Graph/groups";
pub(crate) const SERVICE_PRINCIPAL: &str = "Microsoft.Graph/servicePrincipals";

/// The objects of the directory by their ids in lower case.
pub(crate) struct Directory<'a> {
    users: HashMap<String, &'a Resource>,
    service_principals: HashMap<String, &'a Resource>,
    groups: BTreeMap<String, Result<BTreeSet<String>, Why>>,
    group_names: HashMap<String, String>,
    /// The groups of each member.
    memberships: HashMap<String, Vec<String>>,
    users_gap: Option<Why>,
    groups_gap: Option<Why>,
    service_principals_gap: Option<Why>,
}

/// What an id stands for.
pub(crate) enum Principal<'d> {
    User(&'d Resource),
    Service(&'d Resource),
    /// With its members, or why they are not known.
    Group(&'d Result<BTreeSet<String>, Why>),
    /// Nobody any more: what was given to it gives nothing.
    Gone,
    /// It may be anything of its kind.
    Hidden(Why),
}

impl<'a> Directory<'a> {
    pub(crate) fn new(inventory: Inventory<'a>, gaps: &Gaps<'_>) -> Self {
        let of = |name: &'static str| inventory.hold_all(name);
        let by_id = |name| of(name).map(|resource| (id_of(resource), resource)).collect();
        let groups: BTreeMap<String, Result<BTreeSet<String>, Why>> =
            of(GROUP).map(|group| (id_of(group), members(group))).collect();
        let mut memberships: HashMap<String, Vec<String>> = HashMap::new();
        for (group, members) in &groups {
            for member in members.iter().flatten() {
                memberships.entry(member.clone()).or_default().push(group.clone());
            }
        }
        Self {
            users: by_id(USER),
            service_principals: by_id(SERVICE_PRINCIPAL),
            groups,
            group_names: of(GROUP).map(|group| (id_of(group), name_of(group))).collect(),
            memberships,
            users_gap: gaps.in_tenant(USER),
            groups_gap: gaps.in_tenant(GROUP),
            service_principals_gap: gaps.in_tenant(SERVICE_PRINCIPAL),
        }
    }

    /// The groups to which a principal surely belongs.
    pub(crate) fn groups_of(&self, principal: &str) -> &[String] {
        self.memberships.get(principal).map_or(&[], Vec::as_slice)
    }

    /// What people call a group.
    pub(crate) fn group_name<'n>(&'n self, group: &'n str) -> &'n str {
        self.group_names.get(group).map_or(group, String::as_str)
    }

    pub(crate) fn is_member(&self, principal: &str, group: &str) -> Truth {
        match (self.groups.get(group), &self.groups_gap) {
            (Some(Ok(members)), _) => Truth::of(members.contains(principal)),
            (Some(Err(why)), _) | (None, Some(why)) => Truth::Unknown(why.clone()),
            (None, None) => Truth::No,
        }
    }

    /// What an id is that an assignment calls a `User`, `Group` or `ServicePrincipal`.
    pub(crate) fn find(&self, principal: &str, kind: &str) -> Principal<'_> {
        if let Some(user) = self.users.get(principal) {
            return Principal::User(user);
        }
        if let Some(service_principal) = self.service_principals.get(principal) {
            return Principal::Service(service_principal);
        }
        if let Some(group) = self.groups.get(principal) {
            return Principal::Group(group);
        }
        let is = |name: &str| kind.eq_ignore_ascii_case(name);
        let gap = match (is("User"), is("Group"), is("ServicePrincipal")) {
            (true, ..) => &self.users_gap,
            (_, true, _) => &self.groups_gap,
            (.., true) => &self.service_principals_gap,
            _ => [&self.users_gap, &self.groups_gap, &self.service_principals_gap]
                .into_iter()
                .find(|gap| gap.is_some())
                .unwrap_or(&None),
        };
        gap.clone().map_or(Principal::Gone, Principal::Hidden)
    }
}

/// The id of a directory object in lower case.
pub(crate) fn id_of(object: &Resource) -> String {
    let own = object.properties.get("id").and_then(Value::as_str);
    let id = own.or_else(|| object.id.as_str().rsplit('/').next()).unwrap_or_default();
    id.to_ascii_lowercase()
}

/// What people call a directory object.
pub(crate) fn name_of(object: &Resource) -> String {
    let named = ["userPrincipalName", "displayName"].into_iter().find_map(|key| object.properties.get(key)?.as_str());
    named.filter(|name| !name.is_empty()).unwrap_or(&object.name).to_owned()
}

pub(crate) fn is_guest(user: &Resource) -> Truth {
    let kind = read::text(user, &["userType"]);
    Truth::from_read(kind.map(|kind| kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Guest"))))
}

/// Whether somebody may sign in with the account.
pub(crate) fn is_enabled(user: &Resource) -> Truth {
    flag(user, &["accountEnabled"])
}

/// Whether a second factor is registered.
pub(crate) fn is_mfa_registered(user: &Resource) -> Truth {
    flag(user, &["registration", "isMfaRegistered"])
}

/// When the account was last used; for one that never was, when it was made.
pub(crate) fn last_used(user: &Resource) -> Result<String, Why> {
    let mut times = Vec::new();
    for key in ["lastSignInDateTime", "lastNonInteractiveSignInDateTime"] {
        times.extend(read::text(user, &["signInActivity", key])?);
    }
    if let Some(last) = times.into_iter().max() {
        return Ok(last.to_owned());
    }
    read::text(user, &["createdDateTime"])?
        .map(str::to_owned)
        .ok_or_else(|| read::malformed(user, "createdDateTime", "it says neither when it was made nor when it was last used"))
}

/// A switch of which both positions are told: where there is none, nobody said so.
fn flag(user: &Resource, path: &[&str]) -> Truth {
    match read::get(user, path) {
        Ok(Some(Value::Bool(is_on))) => Truth::of(*is_on),
        Ok(Some(_)) => Truth::Unknown(read::malformed(user, &path.join("."), "it is neither true nor false")),
        Ok(None) => Truth::Unknown(read::why(
            UnreadableKind::NotYetKnown,
            &format!("read {} of {}", path.join("."), user.id),
            "the directory did not say",
        )),
        Err(why) => Truth::Unknown(why),
    }
}

fn members(group: &Resource) -> Result<BTreeSet<String>, Why> {
    if read::get(group, &["transitiveMembers"])?.is_none() {
        return Err(read::malformed(group, "transitiveMembers", "there is no list of members"));
    }
    let members = read::list(group, &["transitiveMembers"])?;
    let ids: Option<BTreeSet<String>> =
        members.iter().map(|member| Some(member.get("id")?.as_str()?.to_ascii_lowercase())).collect();
    ids.ok_or_else(|| read::malformed(group, "transitiveMembers", "a member has no id"))
}
