//! `facts.roleHolders` of subscriptions: who has roles in one, as far as rules ask about them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skywarden_inventory::Inventory;
use skywarden_model::{FactSheet, Resource};

use super::{
    assignment::Assignment,
    directory::{self, Directory, Principal},
    engine::{DEFINITION, Engine},
    gaps::Gaps,
    mfa::Mfa,
    partial::{Partial, Sheet},
    pim::{ELIGIBLE, Schedules},
    roster::{Roster, Standing},
    scope::{self, folded, is_subscription_or_group},
    truth::Truth,
};
use crate::{
    read::{self, Why},
    sheet::{seen_of, unseen},
};

pub(crate) const FACT: &str = "roleHolders";
const CLASSIC: &str = "Microsoft.Authorization/classicAdministrators";

/// What the fact of every subscription rests on.
pub(crate) struct Grounds<'g, 'a> {
    pub(crate) engine: &'g Engine<'a>,
    pub(crate) gaps: &'g Gaps<'g>,
    pub(crate) mfa: Mfa<'a>,
    pub(crate) schedules: Schedules,
    /// By subscription name.
    classic: BTreeMap<String, Vec<&'a Resource>>,
}

/// What rules ask of one user.
struct Traits {
    name: String,
    is_guest: Truth,
    is_enabled: Truth,
    is_registered: Truth,
    is_enforced: Truth,
    last_used: Result<String, Why>,
}

/// The lists of users.
#[derive(Default)]
struct Lists {
    owners: Partial,
    guests: ByRank,
    blocked_owners: Partial,
    blocked_others: Partial,
    without_mfa: ByRank,
    without_enforced_mfa: ByRank,
    last_uses: Partial,
}

/// Each user stands in the list of the highest rank that is sure.
#[derive(Default)]
struct ByRank {
    owners: Partial,
    writers: Partial,
    readers: Partial,
}

impl<'g, 'a> Grounds<'g, 'a> {
    pub(crate) fn new(inventory: Inventory<'a>, engine: &'g Engine<'a>, gaps: &'g Gaps<'g>) -> Self {
        let mut classic: BTreeMap<String, Vec<&Resource>> = BTreeMap::new();
        for administrator in inventory.hold_all(CLASSIC) {
            classic.entry(administrator.scope.account.to_ascii_lowercase()).or_default().push(administrator);
        }
        Self { engine, gaps, mfa: Mfa::new(inventory, gaps), schedules: Schedules::new(inventory), classic }
    }
}

/// The fact of one subscription.
pub(crate) fn role_holders(subscription: &Resource, roster: Option<&Roster<'_>>, grounds: &Grounds<'_, '_>) -> FactSheet {
    let engine = grounds.engine;
    let own = folded(subscription.id.as_str());
    let chain = engine.hierarchy.chain(&own);
    let mut sheet = Sheet::new(FACT);
    let gap = engine.assignments_gap(&chain);
    let mut others = Standing::all(&Truth::unless(gap.clone(), false));
    if let Some(veiled) = roster.and_then(|roster| roster.others.clone()) {
        others = others.or(veiled);
    }

    let mut lists = Lists::default();
    for (principal, standing) in roster.into_iter().flat_map(|roster| &roster.standings) {
        let traits = match engine.directory.find(principal, engine.kind_of(principal)) {
            Principal::User(user) => Traits::of(user, &grounds.mfa, &engine.directory),
            Principal::Hidden(why) if !engine.kind_of(principal).eq_ignore_ascii_case("ServicePrincipal") => Traits::hidden(&why),
            _ => continue,
        };
        if lists.add(&traits, standing) && !sheet.is_full() {
            let places = engine.assignments_of(principal);
            for assignment in places.filter(|assignment| reaches(assignment, &own, &chain.scopes)) {
                let role = engine.role(&assignment.role).map_or(assignment.role.as_str(), |role| role.name.as_str());
                let expected = format!("the role {role} at {} for {}", assignment.scope, traits.name);
                sheet.observe(seen_of(&assignment.id, "principalId", expected, json!(assignment.principal)));
            }
        }
    }
    lists.add_others(&others);
    lists.into_sheet(&mut sheet);
    add_assignments(&mut sheet, &own, &chain.scopes, gap.as_ref(), grounds);

    let mut custom = Partial::default();
    custom.doubt(grounds.gaps.in_account(DEFINITION, scope::subscription_name(&own)).or_else(|| engine.roles_gap()));
    let is_here = |place: &String| chain.scopes.contains(&place.as_str());
    for role in engine.roles().filter(|role| role.is_custom && role.names_everything() && role.assignable.iter().any(is_here)) {
        custom.add(Truth::Yes, || json!(role.name));
    }
    custom.doubt(chain.doubt.clone());
    sheet.list("customOwnerRoles", custom);

    let mut classic = Partial::default();
    for administrator in grounds.classic.get(scope::subscription_name(&own)).into_iter().flatten() {
        match read::text(administrator, &["emailAddress"]) {
            Ok(address) => classic.add(Truth::Yes, || json!(address.unwrap_or(&administrator.name))),
            Err(why) => classic.doubt(Some(why)),
        }
    }
    classic.doubt(grounds.gaps.in_account(CLASSIC, scope::subscription_name(&own)));
    sheet.list("classicAdministrators", classic);
    if let Some(why) = &gap {
        sheet.observe(unseen("facts.roleHolders", "every role assignment", why));
    }
    sheet.finish()
}

impl Traits {
    fn of(user: &Resource, mfa: &Mfa<'_>, directory: &Directory<'_>) -> Self {
        Self {
            name: directory::name_of(user),
            is_guest: directory::is_guest(user),
            is_enabled: directory::is_enabled(user),
            is_registered: directory::is_mfa_registered(user),
            is_enforced: mfa.is_enforced(user, directory),
            last_used: directory::last_used(user),
        }
    }

    fn hidden(why: &Why) -> Self {
        let unknown = || Truth::Unknown(why.clone());
        Self {
            name: String::new(),
            is_guest: unknown(),
            is_enabled: unknown(),
            is_registered: unknown(),
            is_enforced: unknown(),
            last_used: Err(why.clone()),
        }
    }
}

impl Lists {
    /// Whether the user surely stands in one that somebody is to look at.
    fn add(&mut self, traits: &Traits, standing: &Standing) -> bool {
        let name = || json!(traits.name);
        let is_blocked = || !traits.is_enabled.clone();
        let has_any = || standing.owner.clone().or(|| standing.writes.clone()).or(|| standing.reads.clone());
        let is_enabled = || traits.is_enabled.clone();
        let has_none = || is_enabled().and(|| !traits.is_registered.clone()).and(|| !traits.is_enforced.clone());
        let is_unasked = || is_enabled().and(|| !traits.is_enforced.clone());
        let before = self.n_sure();
        self.owners.add(standing.owns_it.clone().and(is_enabled), name);
        self.guests.add(standing, &traits.is_guest, &traits.name);
        self.blocked_owners.add(standing.owner.clone().and(is_blocked), name);
        self.blocked_others.add_unless(&standing.owner, has_any().and(is_blocked), name);
        self.without_mfa.add(standing, &has_none(), &traits.name);
        self.without_enforced_mfa.add(standing, &is_unasked(), &traits.name);
        let is_listed = self.n_sure() > before;
        match (&traits.last_used, has_any().and(is_enabled)) {
            (_, Truth::No) => {}
            (Ok(last), uses) => self.last_uses.add(uses, || json!({"name": traits.name, "at": last})),
            (Err(why), _) => self.last_uses.doubt(Some(why.clone())),
        }
        is_listed
    }

    /// What may stand in them beside those who are known.
    fn add_others(&mut self, others: &Standing) {
        self.owners.add(others.owns_it.clone(), || Value::Null);
        for list in [&mut self.guests, &mut self.without_mfa, &mut self.without_enforced_mfa] {
            list.owners.add(others.owner.clone(), || Value::Null);
            list.writers.add(others.writes.clone(), || Value::Null);
            list.readers.add(others.reads.clone(), || Value::Null);
        }
        self.blocked_owners.add(others.owner.clone(), || Value::Null);
        for list in [&mut self.blocked_others, &mut self.last_uses] {
            list.add(others.writes.clone(), || Value::Null);
            list.add(others.reads.clone(), || Value::Null);
        }
    }

    fn n_sure(&self) -> usize {
        let ranked = [&self.guests, &self.without_mfa, &self.without_enforced_mfa];
        let ranked = ranked.into_iter().flat_map(|lists| [&lists.owners, &lists.writers, &lists.readers]);
        let flat = [&self.owners, &self.blocked_owners, &self.blocked_others];
        ranked.chain(flat).map(Partial::n_sure).sum()
    }

    fn into_sheet(self, sheet: &mut Sheet) {
        let n_owners = self.owners.why().map_or_else(|| Ok(json!(self.owners.n_sure())), |why| Err(why.clone()));
        sheet.set("nOwners", n_owners);
        sheet.list("owners", self.owners);
        self.guests.into_sheet(sheet, ["guestOwners", "guestWriters", "guestReaders"]);
        sheet.list("blockedOwners", self.blocked_owners);
        sheet.list("blockedNonOwners", self.blocked_others);
        self.without_mfa.into_sheet(sheet, ["ownersWithoutMfa", "writersWithoutMfa", "readersWithoutMfa"]);
        let names = ["ownersWithoutEnforcedMfa", "writersWithoutEnforcedMfa", "readersWithoutEnforcedMfa"];
        self.without_enforced_mfa.into_sheet(sheet, names);
        sheet.list("lastUses", self.last_uses);
    }
}

impl ByRank {
    fn add(&mut self, standing: &Standing, is_such: &Truth, name: &str) {
        let Standing { owner, writes, reads, .. } = standing;
        let is_above_readers = owner.clone().or(|| writes.clone());
        self.owners.add(owner.clone().and(|| is_such.clone()), || json!(name));
        self.writers.add_unless(owner, writes.clone().and(|| is_such.clone()), || json!(name));
        self.readers.add_unless(&is_above_readers, reads.clone().and(|| is_such.clone()), || json!(name));
    }

    fn into_sheet(self, sheet: &mut Sheet, [owners, writers, readers]: [&str; 3]) {
        sheet.list(owners, self.owners);
        sheet.list(writers, self.writers);
        sheet.list(readers, self.readers);
    }
}

/// The lists of assignments: privileged ones that last, those of service principals, and who may become owner when needed.
fn add_assignments(sheet: &mut Sheet, own: &str, above: &[&str], gap: Option<&Why>, grounds: &Grounds<'_, '_>) {
    let engine = grounds.engine;
    let (mut permanent, mut services) = (Partial::default(), Partial::default());
    let is_wide = |assignment: &&Assignment| is_subscription_or_group(&assignment.scope) || above.contains(&&*assignment.scope);
    for assignment in engine.assignments_around(own).filter(is_wide) {
        let (role, is_privileged) = match engine.role(&assignment.role) {
            Ok(role) => (role.name.as_str(), Truth::of(role.powers.is_privileged())),
            Err(why) => (assignment.role.as_str(), Truth::Unknown(why)),
        };
        let entry = |name: &str, kind: &str| {
            let id = &assignment.principal;
            json!({"name": name, "id": id, "kind": kind, "role": role, "scope": assignment.scope})
        };
        let is_permanent = || is_privileged.clone().and(|| grounds.schedules.is_permanent(assignment, grounds.gaps));
        match engine.directory.find(&assignment.principal, &assignment.kind) {
            Principal::User(user) => permanent.add(is_permanent(), || entry(&directory::name_of(user), "User")),
            Principal::Group(members) => {
                permanent.add(is_permanent(), || entry(engine.directory.group_name(&assignment.principal), "Group"));
                match members {
                    Ok(members) => {
                        let found = members.iter().map(|member| engine.directory.find(member, ""));
                        for member in found {
                            match member {
                                Principal::Service(member) => {
                                    let name = directory::name_of(member);
                                    services.add(is_privileged.clone(), || entry(&name, "ServicePrincipal"));
                                }
                                Principal::Hidden(why) => {
                                    services.add(is_privileged.clone().and(|| Truth::Unknown(why)), || json!(null))
                                }
                                _ => {}
                            }
                        }
                    }
                    Err(why) => services.add(is_privileged.clone().and(|| Truth::Unknown(why.clone())), || json!(null)),
                }
            }
            Principal::Service(principal) => {
                services.add(is_privileged, || entry(&directory::name_of(principal), "ServicePrincipal"));
            }
            Principal::Gone => {}
            Principal::Hidden(why) => {
                // It may be gone; what it is called says what it was.
                let list = if assignment.kind.eq_ignore_ascii_case("ServicePrincipal") { &mut services } else { &mut permanent };
                list.add(is_privileged.and(|| Truth::Unknown(why)), || json!(null));
            }
        }
    }
    permanent.doubt(gap.cloned());
    services.doubt(gap.cloned());
    sheet.list("permanentPrivileged", permanent);
    sheet.list("administrativeServicePrincipals", services);

    let mut eligible = Partial::default();
    for (principal, role, place) in grounds.schedules.eligible() {
        if place != own && !above.contains(&place.as_str()) {
            continue;
        }
        let is_owner =
            engine.role(role).map_or_else(Truth::Unknown, |role| Truth::of(role.powers.has(super::role::Powers::OWNER)));
        match engine.directory.find(principal, "") {
            Principal::User(user) => eligible.add(is_owner, || json!(directory::name_of(user))),
            Principal::Group(Ok(members)) => {
                for member in members {
                    if let Principal::User(user) = engine.directory.find(member, "") {
                        eligible.add(is_owner.clone(), || json!(directory::name_of(user)));
                    }
                }
            }
            Principal::Group(Err(why)) => eligible.add(is_owner.and(|| Truth::Unknown(why.clone())), || Value::Null),
            Principal::Hidden(why) => eligible.add(is_owner.and(|| Truth::Unknown(why)), || Value::Null),
            Principal::Service(_) | Principal::Gone => {}
        }
    }
    eligible.doubt(grounds.schedules.unread().or_else(|| grounds.gaps.in_account(ELIGIBLE, scope::subscription_name(own))));
    sheet.list("eligibleOwners", eligible);
}

/// Whether an assignment is one of those at a subscription, above it or below it.
fn reaches(assignment: &Assignment, own: &str, above: &[&str]) -> bool {
    above.contains(&assignment.scope.as_str()) || scope::subscription_of(&assignment.scope) == Some(own)
}
