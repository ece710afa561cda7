use std::collections::BTreeMap;

use skywarden_model::ResourceId;

use crate::{ComplianceState, PolicyState};

/// The states of distinct resources: each counts once, with the state that prevails among its definitions.
///
/// Ranks and percentage are Azure's (<https://learn.microsoft.com/azure/governance/policy/concepts/compliance-states>), but for
/// one thing: what could not be read prevails over what is compliant, since it may hide a violation. Azure's `Error`, its nearest
/// state, does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollup {
    resources: BTreeMap<ResourceId, ComplianceState>,
}

impl Rollup {
    /// Adds what some definitions say of a resource; definitions of one initiative or of several, as the caller rolls up.
    pub fn add<'a>(&mut self, resource: &ResourceId, states: impl IntoIterator<Item = &'a PolicyState<'a>>) {
        for state in states {
            let known = self.resources.entry(resource.clone()).or_insert(state.state);
            *known = (*known).min(state.state);
        }
    }

    /// How many resources have each state.
    pub fn counts(&self) -> BTreeMap<ComplianceState, u64> {
        let mut counts = BTreeMap::new();
        for state in self.resources.values() {
            *counts.entry(*state).or_insert(0) += 1;
        }
        counts
    }

    /// The state of the whole: the one that prevails; `None` if nothing is concerned.
    pub fn state(&self) -> Option<ComplianceState> {
        self.resources.values().copied().min()
    }

    /// [`compliant_fraction`] of the counts.
    pub fn fraction(&self) -> Option<f64> {
        compliant_fraction(&self.counts())
    }
}

/// `(compliant + exempt + unknown) / (those + non-compliant + conflicting + not read)`, from 0 to 1; `None` if nothing is
/// concerned. Protected resources are in neither.
pub fn compliant_fraction<N: Copy + Into<u64>>(counts: &BTreeMap<ComplianceState, N>) -> Option<f64> {
    let sum = |states: &[ComplianceState]| states.iter().filter_map(|state| counts.get(state)).map(|n| (*n).into()).sum::<u64>();
    let good = sum(&[ComplianceState::Compliant, ComplianceState::Exempt, ComplianceState::Unknown]);
    let bad = sum(&[ComplianceState::NonCompliant, ComplianceState::Conflicting, ComplianceState::Unread]);
    #[expect(clippy::cast_precision_loss, reason = "counts of resources are far below 2^52")]
    let fraction = good as f64 / (good + bad) as f64;
    (good + bad > 0).then_some(fraction)
}
