use std::collections::{BTreeMap, BTreeSet};

use super::{
    engine::{Engine, Held},
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

/// The rosters of all subscriptions. Costs (assignments, each as often as its group has members), and for assignments to management
/// groups x (subscriptions below).
pub(crate) fn rosters<'e>(engine: &'e Engine<'_>) -> Rosters<'e> {
    let mut rosters = Rosters::new();
    for principal in engine.holders() {
        for (subscription, sum) in sums(engine, principal) {
            let standing = sum.standing(engine, principal, subscription);
            rosters.entry(subscription).or_default().standings.insert(principal, standing);
        }
    }
    for (group, why) in engine.hidden_groups() {
        for (subscription, sum) in sums(engine, group) {
            let standing = sum.standing(engine, group, subscription);
            let veiled = |truth: Truth| truth.and(|| Truth::Unknown(why.clone()));
            let other = Standing {
                owns_it: veiled(standing.owns_it),
                owner: veiled(standing.owner),
                writes: veiled(standing.writes),
                reads: veiled(standing.reads),
            };
            let others = &mut rosters.entry(subscription).or_default().others;
            *others = Some(match others.take() {
                Some(earlier) => earlier.or(other),
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

/// What the assignments of one principal in one subscription add up to.
#[derive(Default)]
struct Sum<'e> {
    /// Of those at the subscription and above it.
    here: Held,
    all: Held,
    /// Whether one of them makes an owner by itself.
    has_owner: bool,
    inside: BTreeSet<&'e str>,
}

fn sums<'e>(engine: &'e Engine<'_>, principal: &'e str) -> BTreeMap<&'e str, Sum<'e>> {
    let mut sums: BTreeMap<&str, Sum<'_>> = BTreeMap::new();
    for assignment in engine.assignments_of(principal) {
        let is_inside =
            |subscription: &str| scope::subscription_of(&assignment.scope).is_some() && assignment.scope.as_str() != subscription;
        for subscription in engine.hierarchy.subscriptions_at(&assignment.scope) {
            let sum = sums.entry(subscription).or_default();
            sum.all.take(&assignment.powers);
            sum.has_owner |= assignment.powers.as_ref().is_ok_and(|powers| powers.has(Powers::OWNER));
            if is_inside(subscription) {
                sum.inside.insert(&assignment.scope);
            } else {
                sum.here.take(&assignment.powers);
            }
        }
    }
    sums
}

impl Sum<'_> {
    fn standing(&self, engine: &Engine<'_>, principal: &str, subscription: &str) -> Standing {
        let owns_it = self.here.has(Powers::OWNER);
        let owner = match self.all.has(Powers::OWNER) {
            Truth::No => Truth::No,
            _ if self.has_owner || owns_it.is_yes() => Truth::Yes,
            // Rights that make an owner together must meet at one scope.
            _ => truth::any(
                self.inside.iter().copied().chain([subscription]).map(|scope| engine.held(principal, scope).has(Powers::OWNER)),
            ),
        };
        Standing { owns_it, owner, writes: self.all.has(Powers::WRITES), reads: self.all.has(Powers::READS) }
    }
}
