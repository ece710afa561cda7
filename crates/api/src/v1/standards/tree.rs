use std::collections::BTreeMap;

use serde::Serialize;
use skywarden_content::{Catalog, ComplianceControl, StandardFile};
use skywarden_model::Severity;
use skywarden_posture::{CheckCounts, ComplianceState, ControlResult, StandardResult};

/// [`ComplianceState`], with two words for what no check covers: what a person has to look at, and what nothing looks at yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum ControlState {
    Passed,
    Failed,
    Unknown,
    Manual,
    NotCovered,
    NotApplicable,
}

impl ControlState {
    pub(super) fn of(state: ComplianceState, needs_person: bool) -> Self {
        match state {
            ComplianceState::Passed => Self::Passed,
            ComplianceState::Failed => Self::Failed,
            ComplianceState::Unknown => Self::Unknown,
            ComplianceState::NotApplicable => Self::NotApplicable,
            ComplianceState::Manual if needs_person => Self::Manual,
            ComplianceState::Manual => Self::NotCovered,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Manual => "manual",
            Self::NotCovered => "not covered",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// A standard with its tree.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tree<'a> {
    pub(super) id: &'a str,
    title: &'a str,
    description: &'a str,
    version: &'a str,
    environments: &'a [String],
    state: ComplianceState,
    /// Lowest-level controls by state.
    controls_by_state: BTreeMap<ControlState, u64>,
    percentage: Option<f64>,
    pub(super) controls: Vec<Control>,
    /// What the tree's controls name, once each.
    pub(super) checks: BTreeMap<String, Check<'a>>,
}

/// A control, or a section of controls.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Control {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) state: ControlState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manual: Option<String>,
    pub(super) checks: Vec<String>,
    /// Resources by the worst verdict of the control's checks.
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    pub(super) not_applicable: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) controls: Vec<Control>,
}

/// A recommendation, or a rule of a baseline, with the resources that it judged.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Check<'a> {
    pub(super) title: &'a str,
    pub(super) severity: Severity,
    /// The recommendation to look at: itself, or the one whose finding a rule is.
    recommendation: Option<&'a str>,
    #[serde(flatten)]
    pub(super) counts: CheckCounts,
}

impl<'a> Tree<'a> {
    pub(super) fn new(
        catalog: &'a Catalog,
        file: &'a StandardFile,
        result: StandardResult,
        counts: &BTreeMap<&str, CheckCounts>,
    ) -> Self {
        let controls: Vec<Control> = result.controls.into_iter().map(control).collect();
        let mut checks = BTreeMap::new();
        let mut controls_by_state = BTreeMap::new();
        gather(catalog, &controls, counts, &mut checks, &mut controls_by_state);
        Self {
            id: &file.id,
            title: &file.title,
            description: &file.description,
            version: &file.version,
            environments: &file.environments,
            state: result.state,
            percentage: percentage(&controls_by_state),
            controls_by_state,
            controls,
            checks,
        }
    }
}

/// Passed of passed and failed; `None` where there is neither. What is unknown is told apart, never counted as either.
pub(super) fn percentage(by_state: &BTreeMap<ControlState, u64>) -> Option<f64> {
    let count = |state| by_state.get(&state).copied().unwrap_or_default() as f64;
    let (passed, failed) = (count(ControlState::Passed), count(ControlState::Failed));
    (passed + failed > 0.0).then(|| passed / (passed + failed))
}

/// Visits every control of a standard's file.
pub(super) fn walk<'a>(controls: &'a [ComplianceControl], visit: &mut impl FnMut(&'a ComplianceControl)) {
    for control in controls {
        visit(control);
        walk(&control.controls, visit);
    }
}

fn control(result: ControlResult) -> Control {
    let below: Vec<Control> = result.controls.into_iter().map(control).collect();
    let needs_person = result.manual.is_some() || below.iter().any(|control| control.state == ControlState::Manual);
    Control {
        id: result.id,
        title: result.title,
        state: ControlState::of(result.state, needs_person),
        manual: result.manual,
        checks: result.checks,
        passed: result.passed,
        failed: result.failed,
        unknown: result.unknown,
        not_applicable: result.not_applicable,
        controls: below,
    }
}

fn gather<'a>(
    catalog: &'a Catalog,
    controls: &[Control],
    counts: &BTreeMap<&str, CheckCounts>,
    checks: &mut BTreeMap<String, Check<'a>>,
    by_state: &mut BTreeMap<ControlState, u64>,
) {
    for control in controls {
        if control.controls.is_empty() {
            *by_state.entry(control.state).or_default() += 1;
        }
        for id in &control.checks {
            let own = counts.get(id.as_str()).copied().unwrap_or_default();
            if let Some(check) = described(catalog, id, own) {
                checks.insert(id.clone(), check);
            }
        }
        gather(catalog, &control.controls, counts, checks, by_state);
    }
}

fn described<'a>(catalog: &'a Catalog, id: &str, counts: CheckCounts) -> Option<Check<'a>> {
    if let Some(known) = catalog.recommendations.get(id) {
        let file = &known.file;
        return Some(Check { title: &file.title, severity: file.severity, recommendation: Some(&file.id), counts });
    }
    let (platform, rule) = catalog.baselines.iter().find_map(|(platform, rules)| Some((platform, rules.get(id)?)))?;
    let is_its = |of: &&skywarden_content::Recommendation| {
        of.file.type_name == rule.file.type_name && of.file.findings_from.as_ref().is_some_and(|from| from.baseline == *platform)
    };
    let recommendation = catalog.recommendations.values().find(is_its).map(|known| known.file.id.as_str());
    Some(Check { title: &rule.file.title, severity: rule.file.severity, recommendation, counts })
}
