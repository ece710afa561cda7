use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use skywarden_content::{Catalog, ComplianceControl, Maturity};
use skywarden_model::{Assessment, CauseCode, Status};

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
    /// Resources on which no check is unhealthy and one is unknown.
    pub unknown: u64,
    /// Controls below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ControlResult>,
}

/// Rolls the assessments and findings up a standard's tree; `None` if there is no such standard.
pub fn compliance(catalog: &Catalog, standard: &str, assessments: &[Assessment]) -> Option<StandardResult> {
    let file = catalog.standards.get(standard)?;
    let checks = checks_by_control(catalog, standard);
    let verdicts = verdicts_by_check(catalog, assessments);
    let controls: Vec<ControlResult> = file.controls.iter().map(|control| result(control, &checks, &verdicts)).collect();
    let mut controls_by_state = BTreeMap::new();
    count_leaves(&controls, &mut controls_by_state);
    let state = together(controls.iter().map(|control| control.state));
    Some(StandardResult { id: file.id.clone(), title: file.title.clone(), state, controls_by_state, controls })
}

type Checks<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;
type Verdicts<'a> = BTreeMap<&'a str, Vec<(&'a str, Status)>>;

fn checks_by_control<'a>(catalog: &'a Catalog, standard: &str) -> Checks<'a> {
    let mut checks = Checks::new();
    let recommendations = catalog
        .recommendations
        .values()
        .filter(|recommendation| recommendation.file.maturity == Maturity::Stable)
        .map(|recommendation| (recommendation.file.id.as_str(), &recommendation.file.compliance));
    let rules =
        catalog.baselines.values().flat_map(|rules| rules.values()).map(|rule| (rule.file.id.as_str(), &rule.file.compliance));
    for (id, compliance) in recommendations.chain(rules) {
        for control in compliance.get(standard).into_iter().flatten() {
            checks.entry(control).or_default().insert(id);
        }
    }
    checks
}

fn verdicts_by_check<'a>(catalog: &Catalog, assessments: &'a [Assessment]) -> Verdicts<'a> {
    let mut verdicts = Verdicts::new();
    for assessment in assessments {
        if !catalog.recommendations.contains_key(&assessment.recommendation) {
            continue;
        }
        let is_mitigated = assessment.cause.as_ref().is_some_and(|cause| cause.code == CauseCode::ExemptMitigated);
        let status = if is_mitigated { Status::Healthy } else { assessment.status };
        verdicts.entry(&assessment.recommendation).or_default().push((assessment.resource.as_str(), status));
        for finding in &assessment.findings {
            verdicts.entry(&finding.id).or_default().push((assessment.resource.as_str(), finding.status));
        }
    }
    verdicts
}

fn result(control: &ComplianceControl, checks: &Checks<'_>, verdicts: &Verdicts<'_>) -> ControlResult {
    let own = checks.get(control.id.as_str());
    let mut worst: BTreeMap<&str, Status> = BTreeMap::new();
    for check in own.into_iter().flatten() {
        for (resource, status) in verdicts.get(check).into_iter().flatten() {
            let entry = worst.entry(resource).or_insert(*status);
            *entry = worse(*entry, *status);
        }
    }
    let count = |wanted| u64::try_from(worst.values().filter(|status| **status == wanted).count()).unwrap_or(u64::MAX);
    let (passed, failed, unknown) = (count(Status::Healthy), count(Status::Unhealthy), count(Status::Unknown));
    let below: Vec<ControlResult> = control.controls.iter().map(|control| result(control, checks, verdicts)).collect();
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
        checks: own.into_iter().flatten().map(|check| (*check).to_owned()).collect(),
        passed,
        failed,
        unknown,
        controls: below,
    }
}

fn worse(left: Status, right: Status) -> Status {
    let rank = |status| match status {
        Status::NotApplicable => 0,
        Status::Healthy => 1,
        Status::Unknown => 2,
        Status::Unhealthy => 3,
    };
    if rank(right) > rank(left) { right } else { left }
}

/// A section fails with one part, is unknown with one, and passes if a part passes; what needs a person does not hide the rest.
fn together(states: impl Iterator<Item = ComplianceState>) -> ComplianceState {
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
