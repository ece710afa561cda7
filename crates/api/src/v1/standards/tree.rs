use std::collections::BTreeMap;

use serde::Serialize;
use skywarden_content::{ComplianceControl, StandardFile};
use skywarden_model::{Attestation, Severity};
use skywarden_posture::CheckCounts;
use skywarden_report::{CheckEntry, ControlEntry, StandardReport};

/// The states of [`skywarden_report::ControlState`] in the words of this interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum ControlState {
    Passed,
    Failed,
    Unknown,
    Manual,
    NotCovered,
    NotApplicable,
}

impl From<skywarden_report::ControlState> for ControlState {
    fn from(state: skywarden_report::ControlState) -> Self {
        use skywarden_report::ControlState as Reported;
        match state {
            Reported::Passed => Self::Passed,
            Reported::Failed => Self::Failed,
            Reported::Unknown => Self::Unknown,
            Reported::Manual => Self::Manual,
            Reported::NotCovered => Self::NotCovered,
            Reported::NotApplicable => Self::NotApplicable,
        }
    }
}

/// A standard with its tree.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tree<'a> {
    id: &'a str,
    title: &'a str,
    description: &'a str,
    version: &'a str,
    environments: &'a [String],
    /// Whether the installation keeps it itself, so that it can be changed here.
    custom: bool,
    state: skywarden_posture::ComplianceState,
    /// Lowest-level controls by state.
    controls_by_state: BTreeMap<ControlState, u64>,
    percentage: Option<f64>,
    controls: Vec<Control<'a>>,
    /// What the tree's controls name, once each.
    checks: BTreeMap<&'a str, Check<'a>>,
}

/// A control, or a section of controls.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Control<'a> {
    id: &'a str,
    title: &'a str,
    state: ControlState,
    #[serde(skip_serializing_if = "Option::is_none")]
    manual: Option<&'a str>,
    checks: Vec<&'a str>,
    /// Whether the state is what people attested.
    attested: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attestations: &'a [Attestation],
    /// Resources by the worst verdict of the control's checks.
    passed: u64,
    failed: u64,
    unknown: u64,
    not_applicable: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    controls: Vec<Control<'a>>,
}

/// A recommendation, a rule of a baseline or another check, with the resources that it judged.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Check<'a> {
    title: &'a str,
    /// None where the check is gone.
    severity: Option<Severity>,
    /// The recommendation to look at: itself, or the one whose finding a rule is.
    recommendation: Option<&'a str>,
    #[serde(flatten)]
    counts: CheckCounts,
}

/// Where a standard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the installation, which may change it.
    Installation,
    /// In the content, or in an initiative that is assigned.
    Elsewhere,
}

impl<'a> Tree<'a> {
    pub(super) fn new(file: &'a StandardFile, report: &'a StandardReport<'_>, origin: Origin) -> Self {
        let controls: Vec<Control<'a>> = report.controls.iter().map(control).collect();
        let mut checks = BTreeMap::new();
        let mut controls_by_state = BTreeMap::new();
        gather(&report.controls, &mut checks, &mut controls_by_state);
        Self {
            id: report.id,
            title: report.title,
            description: report.description,
            version: report.version,
            environments: &file.environments,
            custom: origin == Origin::Installation,
            state: report.state,
            percentage: report.summary.percentage,
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

fn control(entry: &ControlEntry) -> Control<'_> {
    Control {
        id: &entry.id,
        title: &entry.title,
        state: entry.state.into(),
        manual: entry.manual.as_deref(),
        checks: entry.checks.iter().map(|check| check.id.as_str()).collect(),
        attested: entry.is_attested(),
        attestations: &entry.attestations,
        passed: entry.passed,
        failed: entry.failed,
        unknown: entry.unknown,
        not_applicable: entry.not_applicable,
        controls: entry.controls.iter().map(control).collect(),
    }
}

fn gather<'a>(
    controls: &'a [ControlEntry],
    checks: &mut BTreeMap<&'a str, Check<'a>>,
    by_state: &mut BTreeMap<ControlState, u64>,
) {
    for control in controls {
        if control.controls.is_empty() {
            *by_state.entry(control.state.into()).or_default() += 1;
        }
        checks.extend(control.checks.iter().map(|own| (own.id.as_str(), check(own))));
        gather(&control.controls, checks, by_state);
    }
}

fn check(entry: &CheckEntry) -> Check<'_> {
    Check { title: &entry.title, severity: entry.severity, recommendation: entry.recommendation.as_deref(), counts: entry.counts }
}
