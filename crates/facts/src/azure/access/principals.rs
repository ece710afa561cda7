//! `facts.azurePermissions` of users, service principals and managed identities: how much they may do where, and how they might
//! become owner.

use std::collections::BTreeMap;

use serde_json::json;
use skywarden_model::{FactSheet, Resource};

use super::{
    action::Right,
    directory::{self, SERVICE_PRINCIPAL, USER},
    engine::{Engine, Standpoint},
    gaps::Gaps,
    mfa::Mfa,
    partial::{Partial, Sheet},
    role::{ASSIGN, Powers},
    truth::{self, Truth},
    ways::{self, Hosts, USER_ASSIGNED, Way},
};
use crate::{
    read::Why,
    sheet::{seen, unseen},
};

pub(crate) const FACT: &str = "azurePermissions";

/// What the fact of every principal rests on.
pub(crate) struct Reasons<'r, 'a> {
    engine: &'r Engine<'a>,
    gaps: &'r Gaps<'r>,
    mfa: &'r Mfa<'a>,
    ways: Vec<Way<'r>>,
    hosts: Hosts<'r>,
    /// By role: for each way whether the role alone may grant one of its rights.
    useful: BTreeMap<String, Vec<bool>>,
    /// Why anybody may have more than is seen.
    doubt: Option<Why>,
}

impl<'r, 'a> Reasons<'r, 'a> {
    pub(crate) fn new(
        resources: &[Resource],
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
        let hosts = Hosts::new(resources, &ways, engine, doubt.as_ref());
        let mut useful = BTreeMap::new();
        for assignment in &engine.assignments {
            useful.entry(assignment.role.clone()).or_insert_with(|| {
                let role = engine.role(&assignment.role);
                let grants = |right: &Right| role.as_ref().map_or(true, |role| !role.grants(right).is_no());
                ways.iter().map(|way| way.rights.iter().any(grants)).collect()
            });
        }
        Self { engine, gaps, mfa, ways, hosts, useful, doubt }
    }
}

/// The fact of one resource; `None` if it is no principal.
pub(crate) fn permissions(resource: &Resource, reasons: &Reasons<'_, '_>) -> Option<FactSheet> {
    let principal = match resource.type_name.as_str() {
        USER | SERVICE_PRINCIPAL => Ok(directory::id_of(resource)),
        USER_ASSIGNED => super::engine::needed(resource, "principalId").map(str::to_ascii_lowercase),
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
        let engine = reasons.engine;
        let standpoints: BTreeMap<&str, Standpoint<'_, '_>> =
            engine.scopes_of(principal).into_iter().map(|scope| (scope, engine.standpoint(principal, scope))).collect();
        let mut scopes: [Partial; 4] = Default::default();
        let (mut writes, mut reads) = (Truth::No, Truth::No);
        let open = reasons.open_to(principal);
        let (everything, assign) = (Right::control("*"), Right::control(ASSIGN));
        for (scope, here) in &standpoints {
            let (has_everything, assigns) = (here.allows(&everything), here.allows(&assign));
            let owner = has_everything.clone().and(|| assigns.clone());
            let below = |is_higher: bool, truth: &Truth| if is_higher { Truth::No } else { truth.clone() };
            let sensitive = || {
                let plain = open.iter().filter(|way| way.is_plain());
                truth::any(plain.map(|way| truth::all(way.rights.iter().map(|right| here.allows(right)))))
            };
            let is_privileged = has_everything.is_yes() || assigns.is_yes();
            let classes = [
                owner.clone(),
                below(owner.is_yes(), &assigns),
                below(owner.is_yes(), &has_everything),
                if is_privileged { Truth::No } else { sensitive() },
            ];
            for (list, belongs) in scopes.iter_mut().zip(classes) {
                list.add(belongs, || json!(scope));
            }
            let held = engine.held(principal, scope);
            writes = writes.or(|| held.has(Powers::WRITES));
            reads = reads.or(|| held.has(Powers::READS));
            for right in [&everything, &assign] {
                if let Some(assignment) = here.granting(right) {
                    let expected = format!("an assignment of {} at {}", right.action(), assignment.scope);
                    sheet.observe(seen(assignment.resource, "roleDefinitionId", expected, json!(assignment.role)));
                }
            }
        }
        scopes.iter_mut().for_each(|list| list.doubt(reasons.doubt.clone()));
        let class = class_of(&scopes, writes, reads, reasons.doubt.as_ref());

        let mut escalations = Partial::default();
        let mut can_become_owner = Truth::No;
        for way in &open {
            let is_open = reasons.is_open(way, principal, &standpoints);
            if is_open.is_yes() {
                for (right, here) in way.rights.iter().flat_map(|right| standpoints.values().map(move |here| (right, here))) {
                    if let Some(assignment) = here.granting(right) {
                        let expected = format!("an assignment for {}", way.name);
                        sheet.observe(seen(assignment.resource, "roleDefinitionId", expected, json!(assignment.role)));
                        break;
                    }
                }
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

impl<'r> Reasons<'r, '_> {
    /// The ways of which the roles of a principal grant a right, and those that need none.
    fn open_to(&self, principal: &str) -> Vec<&Way<'r>> {
        let useful: Vec<&Vec<bool>> =
            self.engine.assignments_of(principal).filter_map(|assignment| self.useful.get(&assignment.role)).collect();
        let is_useful = |place: usize| useful.iter().any(|ways| ways.get(place) == Some(&true));
        let open = self.ways.iter().enumerate().filter(|(place, way)| way.rights.is_empty() || is_useful(*place));
        open.map(|(_, way)| way).collect()
    }

    fn is_open(&self, way: &Way<'_>, principal: &str, standpoints: &BTreeMap<&str, Standpoint<'_, '_>>) -> Truth {
        let has_role = || match way.directory_role {
            Some(role) => self.mfa.has_role(principal, role, &self.engine.directory),
            None => Truth::Yes,
        };
        let here = |here: &Standpoint<'_, '_>| truth::all(way.rights.iter().map(|right| here.allows(right)));
        let together = match way.identity {
            None if way.rights.is_empty() => Truth::Yes,
            None => truth::any(standpoints.values().map(here)),
            Some(type_name) => self.takes_over(type_name, way, principal, standpoints),
        };
        together.and(has_role)
    }

    /// Whether a principal may act as a resource that runs as a stronger identity. What is done to the resource is asked at its
    /// scope, the rest wherever the principal has roles.
    fn takes_over(
        &self,
        type_name: &str,
        way: &Way<'_>,
        principal: &str,
        standpoints: &BTreeMap<&str, Standpoint<'_, '_>>,
    ) -> Truth {
        let start = format!("{}/", type_name.to_ascii_lowercase());
        let (own, other): (Vec<&Right>, Vec<&Right>) = way.rights.iter().partition(|right| right.action().starts_with(&start));
        let somewhere = |right: &&Right| truth::any(standpoints.values().map(|here| here.allows(right)));
        let elsewhere = truth::all(other.iter().map(somewhere));
        if elsewhere.is_no() {
            return Truth::No;
        }
        let taken = truth::any(self.hosts.of(type_name).iter().map(|host| {
            let at_host = || {
                let here = self.engine.standpoint(principal, &host.scope);
                truth::all(own.iter().map(|right| here.allows(right)))
            };
            host.is_strong.clone().and(at_host)
        }));
        // One that was not seen may be stronger, where the principal could take it over.
        let unseen = || {
            let accounts = ways::accounts(self.engine, standpoints.keys().copied());
            let gap = accounts.into_iter().find_map(|account| self.gaps.in_account(type_name, account));
            match gap {
                Some(why) => truth::all(own.iter().map(somewhere)).and(|| Truth::Unknown(why)),
                None => Truth::No,
            }
        };
        elsewhere.and(|| taken.or(unseen))
    }
}

/// The highest class; unknown if a higher one may be true.
fn class_of(scopes: &[Partial; 4], writes: Truth, reads: Truth, doubt: Option<&Why>) -> Result<serde_json::Value, Why> {
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
    for (truth, name) in [(writes, "writer"), (reads, "reader")] {
        match truth {
            Truth::Yes => return Ok(json!(name)),
            Truth::Unknown(why) => return Err(why),
            Truth::No => {}
        }
    }
    Ok(json!("none"))
}
