use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skywarden_content::{ComplianceControl, StandardFile};
use skywarden_model::{Assessment, AssessmentRef, Connector, Coverage, Status};

use crate::{
    AccountScope, ComplianceState, Standards,
    compliance::{together, verdicts_by_check},
    score::unlisted_types,
    standards::{ControlChecks, Judges},
};

/// A standard with the state of its lowest-level controls, without counts of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandardStates<'a> {
    /// The state of the whole.
    pub state: ComplianceState,
    /// The lowest-level controls by id.
    pub controls: BTreeMap<&'a str, ComplianceState>,
    /// Those of them that a person has still to look at although an attestation of another account holds.
    pub unattested: BTreeSet<&'a str>,
}

/// The lowest-level controls of a standard that checks or people have decided, or could not; the others say nothing of an estate.
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
    /// Controls that were attested in another account and not in this one, which keeps them from passing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unattested: BTreeSet<String>,
}

impl JudgedControls {
    /// The same controls over several accounts: one failed account fails a control, one unknown makes it unknown, and one where
    /// it is to be attested yet keeps it from passing.
    pub fn of_all<'a>(accounts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for own in accounts {
            all.passed.extend(own.passed.iter().cloned());
            all.failed.extend(own.failed.iter().cloned());
            all.unknown.extend(own.unknown.iter().cloned());
            all.unattested.extend(own.unattested.iter().cloned());
        }
        all.unattested.retain(|control| !all.failed.contains(control));
        all.unknown.retain(|control| !all.failed.contains(control));
        all.passed.retain(|control| {
            !all.failed.contains(control) && !all.unknown.contains(control) && !all.unattested.contains(control)
        });
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
        judged.unattested = states.unattested.iter().map(|control| (*control).to_owned()).collect();
        judged
    }
}

/// The states of every standard's controls, as [`crate::compliance`] gives them, in one pass over the assessments.
pub fn standard_states<'a>(
    standards: &Standards<'a>,
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>>,
    coverage: impl IntoIterator<Item = &'a Coverage>,
) -> BTreeMap<&'a str, StandardStates<'a>> {
    states(standards, assessments, coverage, |_| true)
}

fn states<'a>(
    standards: &Standards<'a>,
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>>,
    coverage: impl IntoIterator<Item = &'a Coverage>,
    is_its: impl Fn(&str) -> bool,
) -> BTreeMap<&'a str, StandardStates<'a>> {
    let mut verdicts: BTreeMap<&str, BTreeSet<Status>> = verdicts_by_check(standards.catalog, assessments)
        .into_iter()
        .map(|(check, verdicts)| (check, verdicts.into_iter().map(|(_, status)| status).collect()))
        .collect();
    for check in standards.other_checks() {
        let own = check.verdicts.iter().filter(|(resource, _)| is_its(resource.as_str())).map(|(_, status)| *status);
        verdicts.entry(&check.id).or_default().extend(own);
    }
    let unlisted = unlisted_types(coverage);
    let mut found = BTreeMap::new();
    for file in standards.files() {
        let tables =
            Tables { standards, file, checks: standards.checks_by_control(file), verdicts: &verdicts, unlisted: &unlisted };
        let mut walked = Walked::default();
        for control in &file.controls {
            tables.walk(control, &mut walked);
        }
        let state = together(walked.own.into_iter());
        let states = StandardStates { state, controls: walked.leaves, unattested: walked.unattested };
        found.insert(file.id.as_str(), states);
    }
    found
}

/// What is judged of each standard in each account of a connector, by (account, standard); `owners` has the account of each of
/// its resources.
///
/// The verdicts of other checks count in the account that holds their resource.
pub fn compliance_by_account(
    standards: &Standards<'_>,
    connector: &Connector,
    owners: &BTreeMap<&str, &str>,
    assessments: &[Assessment],
    coverage: &[Coverage],
) -> BTreeMap<(String, String), JudgedControls> {
    let mut split: BTreeMap<&str, (Vec<&Assessment>, Vec<&Coverage>)> = BTreeMap::new();
    for assessment in assessments {
        if let Some(account) = owners.get(assessment.resource.as_str()) {
            split.entry(account).or_default().0.push(assessment);
        }
    }
    for entry in coverage {
        split.entry(&entry.account).or_default().1.push(entry);
    }
    let mut judged = BTreeMap::new();
    for (account, (assessments, coverage)) in split {
        let own = standards.of_account(AccountScope {
            connector: connector.id.to_string(),
            account: account.to_owned(),
            environment: connector.environment,
        });
        let is_its = |resource: &str| owners.get(resource) == Some(&account);
        for (standard, states) in states(&own, assessments, coverage, is_its) {
            judged.insert((account.to_owned(), standard.to_owned()), JudgedControls::from(&states));
        }
    }
    judged
}

struct Tables<'a, 'b> {
    standards: &'b Standards<'a>,
    file: &'a StandardFile,
    checks: BTreeMap<&'a str, ControlChecks<'a>>,
    /// Check -> the verdicts that it has somewhere.
    verdicts: &'b BTreeMap<&'a str, BTreeSet<Status>>,
    /// Type -> listings of it that failed.
    unlisted: &'b BTreeMap<&'a str, u64>,
}

#[derive(Default)]
struct Walked<'a> {
    leaves: BTreeMap<&'a str, ComplianceState>,
    unattested: BTreeSet<&'a str>,
    /// The states of the lowest-level controls, and of whatever has checks.
    own: Vec<ComplianceState>,
}

impl<'a> Tables<'a, '_> {
    fn walk(&self, control: &'a ComplianceControl, walked: &mut Walked<'a>) {
        let checks = self.checks.get(control.id.as_str());
        if control.controls.is_empty() {
            let attested = if checks.is_none() { self.standards.attestations.of_control(self.file, &control.id) } else { None };
            let state = attested.as_ref().map_or_else(|| self.state(checks), |attested| attested.state);
            if attested.is_some() && state == ComplianceState::Manual {
                walked.unattested.insert(&control.id);
            }
            walked.leaves.insert(&control.id, state);
            walked.own.push(state);
        } else if checks.is_some() {
            walked.own.push(self.state(checks));
        }
        for below in &control.controls {
            self.walk(below, walked);
        }
    }

    /// The worst verdict on any resource is the worst verdict of any check, so resources need not be told apart.
    fn state(&self, checks: Option<&ControlChecks<'a>>) -> ComplianceState {
        let Some(checks) = checks else { return ComplianceState::Manual };
        let has =
            |wanted: Status| checks.keys().any(|check| self.verdicts.get(check).is_some_and(|known| known.contains(&wanted)));
        let is_unlisted = Judges::n_unlisted(checks, self.unlisted) > 0;
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
        JudgedControls { passed: set(passed), failed: set(failed), unknown: set(unknown), ..JudgedControls::default() }
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
