use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use skywarden_content::{Catalog, ComplianceControl, Maturity};
use skywarden_model::{Assessment, Coverage, Status};

use crate::{
    exempt::exemption_category,
    score::unlisted_types,
    standing::{counted, worse},
};

/// The state of a control of a standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ComplianceState {
    /// Every automatic check of it that applies is healthy.
    Passed,
    /// A check is unhealthy on some resource.
    Failed,
    /// No check failed, and some could not be judged.
    Unknown,
    /// No automatic check covers it: a person has to look.
    Manual,
    /// Its checks concern no resource that is there.
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
    /// The recommendations and baseline rules that cover it.
    pub checks: Vec<String>,
    /// Resources on which every check of it is healthy.
    pub passed: u64,
    /// Resources on which a check is unhealthy.
    pub failed: u64,
    /// Resources on which no check is unhealthy and one is unknown, and one per listing of a checked type that failed.
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
pub fn compliance(
    catalog: &Catalog,
    standard: &str,
    assessments: &[Assessment],
    coverage: &[Coverage],
) -> Option<StandardResult> {
    let file = catalog.standards.get(standard)?;
    let tables = Tables {
        checks: checks_by_control(catalog, standard),
        verdicts: verdicts_by_check(catalog, assessments),
        unlisted: unlisted_types(coverage),
    };
    let controls: Vec<ControlResult> = file.controls.iter().map(|control| result(control, &tables)).collect();
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

/// The verdicts of each recommendation and baseline rule, as [`compliance`] counts them.
pub fn check_counts<'a>(catalog: &'a Catalog, assessments: &'a [Assessment]) -> BTreeMap<&'a str, CheckCounts> {
    let mut counts: BTreeMap<&str, CheckCounts> = BTreeMap::new();
    for (check, verdicts) in verdicts_by_check(catalog, assessments) {
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

struct Tables<'a> {
    /// Control -> check -> the type that it judges.
    checks: BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
    /// Check -> (resource, verdict).
    verdicts: BTreeMap<&'a str, Vec<(&'a str, Status)>>,
    /// Type -> listings of it that failed.
    unlisted: BTreeMap<&'a str, u64>,
}

pub(crate) fn checks_by_control<'a>(catalog: &'a Catalog, standard: &str) -> BTreeMap<&'a str, BTreeMap<&'a str, &'a str>> {
    let mut checks: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    let recommendations = catalog
        .recommendations
        .values()
        .filter(|recommendation| recommendation.file.maturity == Maturity::Stable)
        .map(|recommendation| (&recommendation.file.id, &recommendation.file.type_name, &recommendation.file.compliance));
    let rules = catalog
        .baselines
        .values()
        .flat_map(|rules| rules.values())
        .map(|rule| (&rule.file.id, &rule.file.type_name, &rule.file.compliance));
    for (id, type_name, compliance) in recommendations.chain(rules) {
        for control in compliance.get(standard).into_iter().flatten() {
            checks.entry(control).or_default().insert(id, type_name);
        }
    }
    checks
}

pub(crate) fn verdicts_by_check<'a>(
    catalog: &'a Catalog,
    assessments: impl IntoIterator<Item = &'a Assessment>,
) -> BTreeMap<&'a str, Vec<(&'a str, Status)>> {
    let mut verdicts: BTreeMap<&str, Vec<(&str, Status)>> = BTreeMap::new();
    for assessment in assessments {
        let Some(recommendation) = catalog.recommendations.get(&assessment.recommendation) else { continue };
        let resource = assessment.resource.as_str();
        let status = counted(assessment.status, assessment.cause.as_deref());
        verdicts.entry(&assessment.recommendation).or_default().push((resource, status));
        let is_exempt = exemption_category(assessment.cause.as_deref()).is_some();
        for finding in &assessment.findings {
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

fn result(control: &ComplianceControl, tables: &Tables<'_>) -> ControlResult {
    let own = tables.checks.get(control.id.as_str());
    let mut worst: BTreeMap<&str, Status> = BTreeMap::new();
    for check in own.into_iter().flat_map(BTreeMap::keys) {
        for (resource, status) in tables.verdicts.get(check).into_iter().flatten() {
            let entry = worst.entry(resource).or_insert(*status);
            *entry = worse(*entry, *status);
        }
    }
    let count = |wanted| u64::try_from(worst.values().filter(|status| **status == wanted).count()).unwrap_or(u64::MAX);
    let (passed, failed, not_applicable) = (count(Status::Healthy), count(Status::Unhealthy), count(Status::NotApplicable));
    let types: BTreeSet<&str> = own.into_iter().flat_map(BTreeMap::values).copied().collect();
    let unlisted: u64 = types.iter().filter_map(|type_name| tables.unlisted.get(type_name)).sum();
    let unknown = count(Status::Unknown) + unlisted;
    let below: Vec<ControlResult> = control.controls.iter().map(|control| result(control, tables)).collect();
    let own_state = if failed > 0 {
        ComplianceState::Failed
    } else if unknown > 0 {
        ComplianceState::Unknown
    } else if passed > 0 {
        ComplianceState::Passed
    } else if own.is_some() {
        ComplianceState::NotApplicable
    } else {
        ComplianceState::Manual
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
        passed,
        failed,
        unknown,
        not_applicable,
        controls: below,
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
