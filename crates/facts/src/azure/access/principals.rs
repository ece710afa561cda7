//! `facts.azurePermissions` of users, service principals and managed identities: how much they may do where, and how they might
//! become owner.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use skywarden_inventory::Inventory;
use skywarden_model::{FactSheet, Resource};

use super::{
    action::Right,
    directory::{self, SERVICE_PRINCIPAL, USER},
    engine::{Engine, Held, Standpoint},
    gaps::Gaps,
    mfa::Mfa,
    partial::{Partial, Sheet},
    role::{ASSIGN, Powers},
    truth::{self, Truth},
    ways::{self, Hosts, USER_ASSIGNED, Way},
};
use crate::{
    read::Why,
    sheet::{seen_of, unseen},
};

pub(crate) const FACT: &str = "azurePermissions";

/// What the fact of every principal rests on.
pub(crate) struct Reasons<'r, 'a> {
    engine: &'r Engine<'a>,
    gaps: &'r Gaps<'r>,
    mfa: &'r Mfa<'a>,
    ways: Vec<Way<'r>>,
    hosts: Hosts<'r>,
    /// By role: the positions of the ways of which it may grant a right.
    useful: BTreeMap<String, Vec<usize>>,
    /// Why anybody may have more than is seen.
    doubt: Option<Why>,
}

impl<'r, 'a> Reasons<'r, 'a> {
    pub(crate) fn new(
        inventory: Inventory<'_>,
        engine: &'r Engine<'a>,
        gaps: &'r Gaps<'r>,
        mfa: &'r Mfa<'a>,
        escalations: &BTreeMap<&'r str, &'r [String]>,
    ) -> Self {
        let ways = Way::all(escalations);
        let gives_more = |group: &&String| {
            let mut assignments = engine.assignments_of(group);
            assignments.any(|assignment| engine.role(&assignment.role).map_or(true, |role| role.powers != Powers::READS))
        };
        let hidden = engine.hidden_groups().iter().find(|(group, _)| gives_more(group)).map(|(_, why)| why.clone());
        let doubt = engine.any_assignments_gap().or(hidden);
        let hosts = Hosts::new(inventory, &ways, engine, doubt.as_ref());
        let mut useful = BTreeMap::new();
        for assignment in &engine.assignments {
            useful.entry(assignment.role.clone()).or_insert_with(|| {
                let role = engine.role(&assignment.role);
                let grants = |right: &Right| role.as_ref().map_or(true, |role| !role.grants(right).is_no());
                let useful = ways.iter().enumerate().filter(|(_, way)| way.rights.iter().any(grants));
                useful.map(|(place, _)| place).collect()
            });
        }
        Self { engine, gaps, mfa, ways, hosts, useful, doubt }
    }
}

/// The fact of one resource; `None` if it is no principal.
pub(crate) fn permissions(resource: &Resource, reasons: &Reasons<'_, '_>) -> Option<FactSheet> {
    let principal = match resource.type_name.as_str() {
        USER | SERVICE_PRINCIPAL => Ok(directory::id_of(resource)),
        USER_ASSIGNED => super::assignment::needed(resource, "principalId").map(str::to_ascii_lowercase),
        _ => return None,
    };
    let mut sheet = Sheet::new(FACT);
    let found = principal.map(|principal| Found::new(&principal, reasons, &mut sheet));
    let found = found.unwrap_or_else(Found::unknown);
    if let Some(why) = found.escalations.why() {
        sheet.observe(unseen("facts.azurePermissions", "all that it may do", why));
    }
    let [owner, administrator, contributor, sensitive] = found.scopes;
    sheet.set("class", found.class);
    sheet.list("ownerScopes", owner);
    sheet.list("userAccessAdministratorScopes", administrator);
    sheet.list("contributorScopes", contributor);
    sheet.list("otherSensitiveScopes", sensitive);
    sheet.truth("canBecomeOwner", found.can_become_owner);
    sheet.list("escalations", found.escalations);
    Some(sheet.finish())
}

struct Found {
    class: Result<serde_json::Value, Why>,
    /// In the order of classes: owner, user access administrator, contributor, other sensitive ones.
    scopes: [Partial; 4],
    escalations: Partial,
    can_become_owner: Truth,
}

impl Found {
    fn unknown(why: Why) -> Self {
        let mut found = Self {
            class: Err(why.clone()),
            scopes: Default::default(),
            escalations: Partial::default(),
            can_become_owner: Truth::Unknown(why.clone()),
        };
        found.scopes.iter_mut().for_each(|list| list.doubt(Some(why.clone())));
        found.escalations.doubt(Some(why));
        found
    }

    fn new(principal: &str, reasons: &Reasons<'_, '_>, sheet: &mut Sheet) -> Self {
        let own = Own::new(principal, reasons);
        let mut scopes: [Partial; 4] = Default::default();
        let (everything, assign) = (Right::control("*"), Right::control(ASSIGN));
        for (scope, here) in &own.standpoints {
            let (has_everything, assigns) = (here.allows(&everything), here.allows(&assign));
            let sensitive = || {
                let plain = own.open.iter().filter(|(way, scopes)| way.is_plain() && scopes.contains(scope));
                truth::any(plain.map(|(way, _)| truth::all(way.rights.iter().map(|right| here.allows(right)))))
            };
            let classes = [
                has_everything.clone().and(|| assigns.clone()),
                assigns.clone().and(|| !has_everything.clone()),
                has_everything.clone().and(|| !assigns.clone()),
                (!has_everything).and(|| !assigns).and(sensitive),
            ];
            for (list, belongs) in scopes.iter_mut().zip(classes) {
                list.add(belongs, || json!(scope));
            }
            for right in [&everything, &assign] {
                if let Some(assignment) = here.granting(right).filter(|_| !sheet.is_full()) {
                    let expected = format!("an assignment of {} at {}", right.action(), assignment.scope);
                    sheet.observe(seen_of(&assignment.id, "roleDefinitionId", expected, json!(assignment.role)));
                }
            }
        }
        scopes.iter_mut().for_each(|list| list.doubt(reasons.doubt.clone()));
        let class = class_of(&scopes, &own.held, reasons.doubt.as_ref());

        let mut escalations = Partial::default();
        let mut can_become_owner = Truth::No;
        for (way, scopes) in &own.open {
            let is_open = own.is_open(way, scopes, reasons);
            if is_open.is_yes() && !sheet.is_full() {
                own.observe(way, scopes, sheet);
            }
            if !way.is_doubtful {
                can_become_owner = can_become_owner.or(|| is_open.clone());
            }
            escalations.add(is_open, || json!(way.name));
        }
        escalations.doubt(reasons.doubt.clone());
        let can_become_owner = can_become_owner.or(|| Truth::unless(reasons.doubt.clone(), false));
        Self { class, scopes, escalations, can_become_owner }
    }
}

/// What the assignments of one principal are good for.
struct Own<'o, 'a, 'r> {
    principal: &'o str,
    /// What they come to together.
    held: Held,
    /// The principal at the scopes of those that are privileged or good for a way.
    standpoints: BTreeMap<&'o str, Standpoint<'o, 'a>>,
    /// The ways that may be open, with the scopes of the assignments that are good for each: where all its rights meet at all, they
    /// meet at one of these.
    open: Vec<(&'o Way<'r>, BTreeSet<&'o str>)>,
}

impl<'o, 'a, 'r> Own<'o, 'a, 'r> {
    fn new(principal: &'o str, reasons: &'o Reasons<'r, 'a>) -> Self {
        let mut held = Held::default();
        let mut scopes: Vec<BTreeSet<&str>> = reasons.ways.iter().map(|_| BTreeSet::new()).collect();
        let mut standpoints = BTreeMap::new();
        for assignment in reasons.engine.assignments_of(principal) {
            held.take(&assignment.powers);
            let useful = reasons.useful.get(&assignment.role).map_or(&[] as &[usize], Vec::as_slice);
            for place in useful {
                if let Some(scopes) = scopes.get_mut(*place) {
                    scopes.insert(&assignment.scope);
                }
            }
            let is_privileged = assignment.powers.as_ref().map_or(true, |powers| powers.is_privileged());
            if is_privileged || !useful.is_empty() {
                let standpoint = || reasons.engine.standpoint(principal, &assignment.scope);
                standpoints.entry(assignment.scope.as_str()).or_insert_with(standpoint);
            }
        }
        let open = reasons.ways.iter().zip(scopes).filter(|(way, scopes)| way.rights.is_empty() || !scopes.is_empty()).collect();
        Self { principal, held, standpoints, open }
    }

    fn is_open(&self, way: &Way<'_>, scopes: &BTreeSet<&str>, reasons: &Reasons<'_, '_>) -> Truth {
        let has_role = || match way.directory_role {
            Some(role) => reasons.mfa.has_role(self.principal, role, &reasons.engine.directory),
            None => Truth::Yes,
        };
        let together = match way.identity {
            None if way.rights.is_empty() => Truth::Yes,
            None => self.have_together(scopes, &way.rights.iter().collect::<Vec<_>>()),
            Some(type_name) => self.takes_over(type_name, way, scopes, reasons),
        };
        together.and(has_role)
    }

    /// Whether a principal may act as a resource that runs as a stronger identity. What is done to the resource is asked at its
    /// scope, the rest wherever the principal has roles.
    fn takes_over(&self, type_name: &str, way: &Way<'_>, scopes: &BTreeSet<&str>, reasons: &Reasons<'_, '_>) -> Truth {
        let hosts = reasons.hosts.of(type_name);
        let accounts = || ways::accounts(reasons.engine, scopes.iter().copied());
        let gap = accounts().into_iter().find_map(|account| reasons.gaps.in_account(type_name, account));
        if hosts.is_empty() && gap.is_none() {
            return Truth::No;
        }
        let start = format!("{}/", type_name.to_ascii_lowercase());
        let (own, other): (Vec<&Right>, Vec<&Right>) = way.rights.iter().partition(|right| right.action().starts_with(&start));
        let elsewhere = truth::all(other.iter().map(|right| self.have_together(scopes, &[right])));
        if elsewhere.is_no() {
            return Truth::No;
        }
        let taken = || {
            truth::any(hosts.iter().map(|host| {
                let at_host = || {
                    let here = reasons.engine.standpoint(self.principal, &host.scope);
                    truth::all(own.iter().map(|right| here.allows(right)))
                };
                host.is_strong.clone().and(at_host)
            }))
        };
        // One that was not seen may be stronger, where the principal could take it over.
        let unseen = || match gap {
            Some(why) => self.have_together(scopes, &own).and(|| Truth::Unknown(why)),
            None => Truth::No,
        };
        elsewhere.and(|| taken().or(unseen))
    }

    /// Whether there is a scope at which all of these are allowed.
    fn have_together(&self, scopes: &BTreeSet<&str>, rights: &[&Right]) -> Truth {
        let places = scopes.iter().filter_map(|scope| self.standpoints.get(scope));
        truth::any(places.map(|here| truth::all(rights.iter().map(|right| here.allows(right)))))
    }

    fn observe(&self, way: &Way<'_>, scopes: &BTreeSet<&str>, sheet: &mut Sheet) {
        for right in &way.rights {
            let mut places = scopes.iter().filter_map(|scope| self.standpoints.get(scope));
            if let Some(assignment) = places.find_map(|here| here.granting(right)) {
                let expected = format!("an assignment for {}", way.name);
                sheet.observe(seen_of(&assignment.id, "roleDefinitionId", expected, json!(assignment.role)));
            }
        }
    }
}

/// The highest class; unknown if a higher one may be true.
fn class_of(scopes: &[Partial; 4], held: &Held, doubt: Option<&Why>) -> Result<serde_json::Value, Why> {
    let names = ["owner", "userAccessAdministrator", "contributor", "otherSensitive"];
    for (list, name) in scopes.iter().zip(names) {
        if list.has_any() {
            return Ok(json!(name));
        }
        if let Some(why) = list.why() {
            return Err(why.clone());
        }
    }
    if let Some(why) = doubt {
        return Err(why.clone());
    }
    for (powers, name) in [(Powers::WRITES, "writer"), (Powers::READS, "reader")] {
        match held.has(powers) {
            Truth::Yes => return Ok(json!(name)),
            Truth::Unknown(why) => return Err(why),
            Truth::No => {}
        }
    }
    Ok(json!("none"))
}
