use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skywarden_content::{Catalog, ComplianceControl};
use skywarden_model::{Assessment, Coverage, Resource, Status};

use crate::{
    ComplianceState,
    compliance::{checks_by_control, together, verdicts_by_check},
    score::unlisted_types,
};

/// A standard with the state of its lowest-level controls, without counts of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandardStates<'a> {
    /// The state of the whole.
    pub state: ComplianceState,
    /// The lowest-level controls by id.
    pub controls: BTreeMap<&'a str, ComplianceState>,
}

/// The lowest-level controls of a standard that checks have decided, or could not; the others say nothing of an estate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedControls {
    /// Controls that passed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub passed: BTreeSet<String>,
    /// Controls that failed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub failed: BTreeSet<String>,
    /// Controls of which it could not be found out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown: BTreeSet<String>,
}

impl JudgedControls {
    /// The same controls over several accounts: one failed account fails a control, one unknown makes it unknown.
    pub fn of_all<'a>(accounts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for own in accounts {
            all.passed.extend(own.passed.iter().cloned());
            all.failed.extend(own.failed.iter().cloned());
            all.unknown.extend(own.unknown.iter().cloned());
        }
        all.unknown.retain(|control| !all.failed.contains(control));
        all.passed.retain(|control| !all.failed.contains(control) && !all.unknown.contains(control));
        all
    }
}

impl From<&StandardStates<'_>> for JudgedControls {
    fn from(states: &StandardStates<'_>) -> Self {
        let mut judged = Self::default();
        for (control, state) in &states.controls {
            let place = match state {
                ComplianceState::Passed => &mut judged.passed,
                ComplianceState::Failed => &mut judged.failed,
                ComplianceState::Unknown => &mut judged.unknown,
                ComplianceState::Manual | ComplianceState::NotApplicable => continue,
            };
            place.insert((*control).to_owned());
        }
        judged
    }
}

/// The states of every standard's controls, as [`crate::compliance`] gives them, in one pass over the assessments.
pub fn standard_states<'a>(
    catalog: &'a Catalog,
    assessments: impl IntoIterator<Item = &'a Assessment>,
    coverage: impl IntoIterator<Item = &'a Coverage>,
) -> BTreeMap<&'a str, StandardStates<'a>> {
    let verdicts: BTreeMap<&str, BTreeSet<Status>> = verdicts_by_check(catalog, assessments)
        .into_iter()
        .map(|(check, verdicts)| (check, verdicts.into_iter().map(|(_, status)| status).collect()))
        .collect();
    let unlisted = unlisted_types(coverage);
    let mut standards = BTreeMap::new();
    for (id, file) in &catalog.standards {
        let tables = Tables { checks: checks_by_control(catalog, id), verdicts: &verdicts, unlisted: &unlisted };
        let mut controls = BTreeMap::new();
        let mut own = Vec::new();
        for control in &file.controls {
            tables.walk(control, &mut controls, &mut own);
        }
        standards.insert(id.as_str(), StandardStates { state: together(own.into_iter()), controls });
    }
    standards
}

/// What is judged of each standard in each account, by (account, standard).
pub fn compliance_by_account(
    catalog: &Catalog,
    resources: &[Resource],
    assessments: &[Assessment],
    coverage: &[Coverage],
) -> BTreeMap<(String, String), JudgedControls> {
    let owner: BTreeMap<&str, &str> =
        resources.iter().map(|resource| (resource.id.as_str(), resource.scope.account.as_ref())).collect();
    let mut split: BTreeMap<&str, (Vec<&Assessment>, Vec<&Coverage>)> = BTreeMap::new();
    for assessment in assessments {
        if let Some(account) = owner.get(assessment.resource.as_str()) {
            split.entry(account).or_default().0.push(assessment);
        }
    }
    for entry in coverage {
        split.entry(&entry.account).or_default().1.push(entry);
    }
    let mut judged = BTreeMap::new();
    for (account, (assessments, coverage)) in split {
        for (standard, states) in standard_states(catalog, assessments, coverage) {
            judged.insert((account.to_owned(), standard.to_owned()), JudgedControls::from(&states));
        }
    }
    judged
}

struct Tables<'a, 'b> {
    /// Control -> check -> the type that it judges.
    checks: BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
    /// Check -> the verdicts that it has somewhere.
    verdicts: &'b BTreeMap<&'a str, BTreeSet<Status>>,
    /// Type -> listings of it that failed.
    unlisted: &'b BTreeMap<&'a str, u64>,
}

impl<'a> Tables<'a, '_> {
    /// Notes the state of each lowest-level control, and of whatever has checks or nothing below it.
    fn walk(
        &self,
        control: &'a ComplianceControl,
        leaves: &mut BTreeMap<&'a str, ComplianceState>,
        own: &mut Vec<ComplianceState>,
    ) {
        let checks = self.checks.get(control.id.as_str());
        if control.controls.is_empty() {
            let state = self.state(checks);
            leaves.insert(&control.id, state);
            own.push(state);
        } else if checks.is_some() {
            own.push(self.state(checks));
        }
        for below in &control.controls {
            self.walk(below, leaves, own);
        }
    }

    /// The worst verdict on any resource is the worst verdict of any check, so resources need not be told apart.
    fn state(&self, checks: Option<&BTreeMap<&'a str, &'a str>>) -> ComplianceState {
        let Some(checks) = checks else { return ComplianceState::Manual };
        let has =
            |wanted: Status| checks.keys().any(|check| self.verdicts.get(check).is_some_and(|known| known.contains(&wanted)));
        let is_unlisted = checks.values().any(|type_name| self.unlisted.contains_key(type_name));
        if has(Status::Unhealthy) {
            ComplianceState::Failed
        } else if has(Status::Unknown) || is_unlisted {
            ComplianceState::Unknown
        } else if has(Status::Healthy) {
            ComplianceState::Passed
        } else {
            ComplianceState::NotApplicable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(passed: &[&str], failed: &[&str], unknown: &[&str]) -> JudgedControls {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        JudgedControls { passed: set(passed), failed: set(failed), unknown: set(unknown) }
    }

    #[test]
    fn one_account_fails_a_control_for_all_and_one_unknown_keeps_it_from_passing() {
        let all = JudgedControls::of_all([
            &judged(&["a", "b", "c", "d"], &[], &[]),
            &judged(&["a"], &["b"], &["c"]),
            &judged(&[], &["c"], &["d"]),
        ]);
        assert_eq!(all, judged(&["a"], &["b", "c"], &["d"]));
    }
}
