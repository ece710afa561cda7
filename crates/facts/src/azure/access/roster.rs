use std::collections::{BTreeMap, BTreeSet};

use super::{
    engine::Engine,
    role::Powers,
    scope,
    truth::{self, Truth},
};

/// By subscription: who has roles in it.
pub(crate) type Rosters<'e> = BTreeMap<&'e str, Roster<'e>>;

/// Who has roles at a subscription, above it or below it.
#[derive(Default)]
pub(crate) struct Roster<'e> {
    pub(crate) standings: BTreeMap<&'e str, Standing>,
    /// What somebody else may have, as a member of a group of unknown members.
    pub(crate) others: Option<Standing>,
}

/// What somebody's roles come to.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// Whether the subscription is owned, and not only something in it.
    pub(crate) owns_it: Truth,
    pub(crate) owner: Truth,
    pub(crate) writes: Truth,
    pub(crate) reads: Truth,
}

/// The rosters of all subscriptions. Costs (assignments, each as often as its group has members) x (depth of its scope), and for
/// assignments to management groups x (subscriptions below).
pub(crate) fn rosters<'e>(engine: &'e Engine<'_>) -> Rosters<'e> {
    let mut rosters = Rosters::new();
    for principal in engine.holders() {
        for (subscription, scopes) in places(engine, principal) {
            let roster: &mut Roster<'_> = rosters.entry(subscription).or_default();
            roster.standings.insert(principal, standing(engine, principal, subscription, &scopes));
        }
    }
    for (group, why) in engine.hidden_groups() {
        for (subscription, scopes) in places(engine, group) {
            let standing = standing(engine, group, subscription, &scopes);
            let veiled = |truth: Truth| truth.and(|| Truth::Unknown(why.clone()));
            let roster: &mut Roster<'_> = rosters.entry(subscription).or_default();
            let other = Standing {
                owns_it: veiled(standing.owns_it),
                owner: veiled(standing.owner),
                writes: veiled(standing.writes),
                reads: veiled(standing.reads),
            };
            roster.others = Some(match roster.others.take() {
                Some(others) => others.or(other),
                None => other,
            });
        }
    }
    rosters
}

impl Standing {
    /// Nobody knows.
    pub(crate) fn all(truth: &Truth) -> Self {
        Self { owns_it: truth.clone(), owner: truth.clone(), writes: truth.clone(), reads: truth.clone() }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            owns_it: self.owns_it.or(|| other.owns_it),
            owner: self.owner.or(|| other.owner),
            writes: self.writes.or(|| other.writes),
            reads: self.reads.or(|| other.reads),
        }
    }
}

/// The subscriptions that the roles of a principal reach, each with the scopes inside it at which there are some.
fn places<'e>(engine: &'e Engine<'_>, principal: &'e str) -> BTreeMap<&'e str, BTreeSet<&'e str>> {
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for scope in engine.scopes_of(principal) {
        for subscription in engine.hierarchy.subscriptions_at(scope) {
            let inside = places.entry(subscription).or_default();
            if scope::subscription_of(scope).is_some() {
                inside.insert(scope);
            }
        }
    }
    places
}

fn standing(engine: &Engine<'_>, principal: &str, subscription: &str, inside: &BTreeSet<&str>) -> Standing {
    let here = engine.held(principal, subscription);
    let owns_it = here.has(Powers::OWNER);
    let mut standing =
        Standing { owner: owns_it.clone(), owns_it, writes: here.has(Powers::WRITES), reads: here.has(Powers::READS) };
    for scope in inside.iter().filter(|scope| **scope != subscription) {
        let held = engine.held(principal, scope);
        let also = |truth: Truth, powers| truth::any([truth, held.has(powers)]);
        standing = Standing {
            owner: also(standing.owner, Powers::OWNER),
            writes: also(standing.writes, Powers::WRITES),
            reads: also(standing.reads, Powers::READS),
            owns_it: standing.owns_it,
        };
    }
    standing
}
