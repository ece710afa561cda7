use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use skywarden_content::{Catalog, ComplianceControl, StandardFile};
use skywarden_model::{AssessmentRef, Attestation, Coverage, Status};

use crate::{
    Standards,
    exempt::exemption_category,
    score::unlisted_types,
    standards::{ControlChecks, Judges},
    standing::{counted, worse},
};

/// The state of a control of a standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ComplianceState {
    /// Every automatic check of it that applies is healthy, or a person attested that it is met.
    Passed,
    /// A check is unhealthy on some resource, or a person attested that it is not met.
    Failed,
    /// No check failed, and some could not be judged.
    Unknown,
    /// No automatic check covers it: a person has to look, everywhere or in some account.
    Manual,
    /// Its checks concern no resource that is there, or a person attested that it concerns nothing.
    NotApplicable,
}

/// A standard with the state of its controls.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StandardResult {
    /// The standard's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The state of the whole.
    pub state: ComplianceState,
    /// Number of lowest-level controls by state.
    pub controls_by_state: BTreeMap<ComplianceState, u64>,
    /// The tree.
    pub controls: Vec<ControlResult>,
}

/// A control with its state.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlResult {
    /// The standard's number.
    pub id: String,
    /// What it asks for.
    pub title: String,
    /// Its state.
    pub state: ComplianceState,
    /// What a person has to check, where nothing is automatic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual: Option<String>,
    /// The recommendations, baseline rules and other checks that cover it.
    pub checks: Vec<String>,
    /// What its state rests on where no check covers it, the newest first; accounts without are why it may still be Manual.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Attestation>,
    /// Resources on which every check of it is healthy.
    pub passed: u64,
    /// Resources on which a check is unhealthy.
    pub failed: u64,
    /// Resources on which no check is unhealthy and one is unknown, one per listing of a checked type that failed, and one per
    /// check that the standard names and nobody knows any more.
    pub unknown: u64,
    /// Resources that none of its checks concerns.
    pub not_applicable: u64,
    /// Controls below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ControlResult>,
}

/// Rolls the assessments and findings up a standard's tree; `None` if there is no such standard.
///
/// A listing that failed counts as one unknown resource in every control that checks its type.
pub fn compliance<'v>(
    standards: &Standards<'v>,
    standard: &str,
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'v>>>,
    coverage: &[Coverage],
) -> Option<StandardResult> {
    let file = standards.get(standard)?;
    let tables = Tables {
        standards,
        file,
        checks: standards.checks_by_control(file),
        verdicts: all_verdicts(standards, assessments),
        unlisted: unlisted_types(coverage),
    };
    let controls: Vec<ControlResult> = file.controls.iter().map(|control| tables.result(control)).collect();
    let mut controls_by_state = BTreeMap::new();
    count_leaves(&controls, &mut controls_by_state);
    let state = together(controls.iter().map(|control| control.state));
    Some(StandardResult { id: file.id.clone(), title: file.title.clone(), state, controls_by_state, controls })
}

/// How many resources have each verdict of a check: a recommendation or a baseline rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckCounts {
    /// Resources on which it is healthy, or mitigated elsewhere.
    pub healthy: u64,
    /// Resources on which it is unhealthy.
    pub unhealthy: u64,
    /// Resources on which it is unknown.
    pub unknown: u64,
    /// Resources that it does not concern, or on which it is set aside.
    pub not_applicable: u64,
}

/// The verdicts of each recommendation, baseline rule and other check, as [`compliance`] counts them.
pub fn check_counts<'a>(
    standards: &Standards<'a>,
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>>,
) -> BTreeMap<&'a str, CheckCounts> {
    let mut counts: BTreeMap<&str, CheckCounts> = BTreeMap::new();
    for (check, verdicts) in all_verdicts(standards, assessments) {
        let own = counts.entry(check).or_default();
        for (_, status) in verdicts {
            match status {
                Status::Healthy => own.healthy += 1,
                Status::Unhealthy => own.unhealthy += 1,
                Status::Unknown => own.unknown += 1,
                Status::NotApplicable => own.not_applicable += 1,
            }
        }
    }
    counts
}

/// Check -> (resource, verdict).
type Verdicts<'a> = BTreeMap<&'a str, Vec<(&'a str, Status)>>;

struct Tables<'a, 'b> {
    standards: &'b Standards<'a>,
    file: &'a StandardFile,
    checks: BTreeMap<&'a str, ControlChecks<'a>>,
    verdicts: Verdicts<'b>,
    /// Type -> listings of it that failed.
    unlisted: BTreeMap<&'b str, u64>,
}

fn all_verdicts<'a>(standards: &Standards<'a>, assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>>) -> Verdicts<'a> {
    let mut verdicts = verdicts_by_check(standards.catalog, assessments);
    for check in standards.other_checks() {
        let own = check.verdicts.iter().map(|(resource, status)| (resource.as_str(), *status));
        verdicts.entry(&check.id).or_default().extend(own);
    }
    verdicts
}

pub(crate) fn verdicts_by_check<'a>(
    catalog: &'a Catalog,
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>>,
) -> Verdicts<'a> {
    let mut verdicts = Verdicts::new();
    for assessment in assessments {
        let assessment = assessment.into();
        let Some(recommendation) = catalog.recommendations.get(assessment.recommendation) else { continue };
        let resource = assessment.resource.as_str();
        let status = counted(assessment.status, assessment.cause);
        verdicts.entry(assessment.recommendation).or_default().push((resource, status));
        let is_exempt = exemption_category(assessment.cause).is_some();
        for finding in assessment.findings {
            let own = counted(finding.status, finding.cause.as_deref());
            // Whoever sets the recommendation aside sets its findings aside.
            let own = if is_exempt && own != Status::NotApplicable { status } else { own };
            verdicts.entry(&finding.id).or_default().push((resource, own));
        }
        if assessment.findings.is_empty() && status == Status::Unknown {
            // Not listed, so no rule of the baseline was tried: each of them is as unknown as the whole.
            let from = recommendation.file.findings_from.as_ref();
            let rules = from.and_then(|from| catalog.baselines.get(&from.baseline)).into_iter().flatten();
            for (id, _) in rules.filter(|(_, rule)| rule.file.type_name == recommendation.file.type_name) {
                verdicts.entry(id).or_default().push((resource, Status::Unknown));
            }
        }
    }
    verdicts
}

impl<'a> Tables<'a, '_> {
    fn result(&self, control: &'a ComplianceControl) -> ControlResult {
        let own = self.checks.get(control.id.as_str());
        let mut worst: BTreeMap<&str, Status> = BTreeMap::new();
        for check in own.into_iter().flat_map(BTreeMap::keys) {
            for (resource, status) in self.verdicts.get(check).into_iter().flatten() {
                let entry = worst.entry(resource).or_insert(*status);
                *entry = worse(*entry, *status);
            }
        }
        let count = |wanted| u64::try_from(worst.values().filter(|status| **status == wanted).count()).unwrap_or(u64::MAX);
        let (passed, failed, not_applicable) = (count(Status::Healthy), count(Status::Unhealthy), count(Status::NotApplicable));
        let unlisted = own.map_or(0, |own| Judges::n_unlisted(own, &self.unlisted));
        let unknown = count(Status::Unknown) + unlisted;
        let below: Vec<ControlResult> = control.controls.iter().map(|control| self.result(control)).collect();
        let is_open = own.is_none() && below.is_empty();
        let attested = if is_open { self.standards.attestations.of_control(self.file, &control.id) } else { None };
        let own_state = match &attested {
            Some(attested) => attested.state,
            None if failed > 0 => ComplianceState::Failed,
            None if unknown > 0 => ComplianceState::Unknown,
            None if passed > 0 => ComplianceState::Passed,
            None if own.is_some() => ComplianceState::NotApplicable,
            None => ComplianceState::Manual,
        };
        let state = if below.is_empty() {
            own_state
        } else {
            let with_own = own.map(|_| own_state);
            together(below.iter().map(|control| control.state).chain(with_own))
        };
        ControlResult {
            id: control.id.clone(),
            title: control.title.clone(),
            state,
            manual: control.manual.clone(),
            checks: own.into_iter().flat_map(BTreeMap::keys).map(|check| (*check).to_owned()).collect(),
            attestations: attested.into_iter().flat_map(|attested| attested.by).cloned().collect(),
            passed,
            failed,
            unknown,
            not_applicable,
            controls: below,
        }
    }
}

/// A section fails with one part, is unknown with one, and passes if a part passes; what needs a person does not hide the rest.
pub(crate) fn together(states: impl Iterator<Item = ComplianceState>) -> ComplianceState {
    let states: BTreeSet<ComplianceState> = states.collect();
    [ComplianceState::Failed, ComplianceState::Unknown, ComplianceState::Passed, ComplianceState::Manual]
        .into_iter()
        .find(|state| states.contains(state))
        .unwrap_or(ComplianceState::NotApplicable)
}

fn count_leaves(controls: &[ControlResult], counts: &mut BTreeMap<ComplianceState, u64>) {
    for control in controls {
        if control.controls.is_empty() {
            *counts.entry(control.state).or_default() += 1;
        } else {
            count_leaves(&control.controls, counts);
        }
    }
}
