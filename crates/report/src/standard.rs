//! What every form of the report is made of: the standard's tree with states, checks and what people attested.

use std::collections::BTreeMap;

use serde::Serialize;
use skywarden_content::Catalog;
use skywarden_model::{AssessmentRef, Attestation, Coverage, Severity};
use skywarden_posture::{CheckCounts, ComplianceState, ControlResult, Standards, check_counts, compliance};

/// A standard with how it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StandardReport<'a> {
    /// The standard's id.
    pub id: &'a str,
    /// Its title.
    pub title: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The state of the whole.
    #[serde(skip)]
    pub state: ComplianceState,
    /// The lowest-level controls by state.
    pub summary: StandardSummary,
    /// The tree.
    pub controls: Vec<ControlEntry>,
}

/// The lowest-level controls by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StandardSummary {
    /// Controls that are met.
    pub passed: u64,
    /// Controls that are not.
    pub failed: u64,
    /// Controls of which it could not be found out.
    pub unknown: u64,
    /// Controls that a person has to look at.
    pub manual: u64,
    /// Controls that nothing looks at.
    pub not_covered: u64,
    /// Controls that concern nothing here.
    pub not_applicable: u64,
    /// Controls among these whose state a person attested.
    #[serde(skip_serializing_if = "is_zero")]
    pub attested: u64,
    /// `passed / (passed + failed)`; none where there is neither.
    pub percentage: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A control or a section of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlEntry {
    /// The standard's number.
    pub id: String,
    /// What it asks for.
    pub title: String,
    /// How it stands.
    pub state: ControlState,
    /// What a person has to check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual: Option<String>,
    /// Resources on which every check of it is healthy.
    pub passed: u64,
    /// Resources on which a check of it is unhealthy.
    pub failed: u64,
    /// Resources on which one is unknown and none unhealthy.
    pub unknown: u64,
    /// Resources that none of them concerns.
    pub not_applicable: u64,
    /// What is checked.
    pub checks: Vec<CheckEntry>,
    /// What people attested where nothing is checked, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Attestation>,
    /// Controls below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ControlEntry>,
}

impl ControlEntry {
    /// Whether its state is what people attested.
    pub fn is_attested(&self) -> bool {
        !self.attestations.is_empty() && self.state != ControlState::Manual
    }
}

/// A recommendation, baseline rule or other check behind a control.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckEntry {
    /// Its id.
    pub id: String,
    /// What it asks for.
    pub title: String,
    /// How bad it is if it is not met; none where the check is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The recommendation to look at: itself, or the one whose finding a baseline rule is.
    #[serde(skip)]
    pub recommendation: Option<String>,
    /// The resources that it judged.
    #[serde(flatten)]
    pub counts: CheckCounts,
}

/// [`ComplianceState`], which has one word for what a person has to look at and what nothing looks at yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ControlState {
    /// It is met.
    Passed,
    /// It is not met.
    Failed,
    /// It could not be found out.
    Unknown,
    /// A person has to look: the standard says what at, or has looked in some accounts and not in all.
    Manual,
    /// No check covers it, and nothing says that only a person could.
    NotCovered,
    /// It concerns nothing here.
    NotApplicable,
}

impl ControlState {
    /// Every state, in the order in which they are shown.
    pub const ALL: [Self; 6] = [Self::Passed, Self::Failed, Self::Unknown, Self::Manual, Self::NotCovered, Self::NotApplicable];

    /// The state of a control; whether it is one for a person tells apart what needs one from what nothing looks at.
    pub fn of(state: ComplianceState, is_for_person: impl FnOnce() -> bool) -> Self {
        match state {
            ComplianceState::Passed => Self::Passed,
            ComplianceState::Failed => Self::Failed,
            ComplianceState::Unknown => Self::Unknown,
            ComplianceState::NotApplicable => Self::NotApplicable,
            ComplianceState::Manual if is_for_person() => Self::Manual,
            ComplianceState::Manual => Self::NotCovered,
        }
    }

    /// As people read it.
    pub fn word(self) -> &'static str {
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

impl StandardSummary {
    /// The number of controls in a state.
    pub fn count(&self, state: ControlState) -> u64 {
        match state {
            ControlState::Passed => self.passed,
            ControlState::Failed => self.failed,
            ControlState::Unknown => self.unknown,
            ControlState::Manual => self.manual,
            ControlState::NotCovered => self.not_covered,
            ControlState::NotApplicable => self.not_applicable,
        }
    }

    fn add(&mut self, control: &ControlEntry) {
        let count = match control.state {
            ControlState::Passed => &mut self.passed,
            ControlState::Failed => &mut self.failed,
            ControlState::Unknown => &mut self.unknown,
            ControlState::Manual => &mut self.manual,
            ControlState::NotCovered => &mut self.not_covered,
            ControlState::NotApplicable => &mut self.not_applicable,
        };
        *count += 1;
        self.attested += u64::from(control.is_attested());
    }
}

/// Rolls the verdicts up a standard's tree; `None` if there is no such standard.
pub fn standard_report<'a>(
    standards: &Standards<'a>,
    standard: &str,
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>> + Copy,
    coverage: &[Coverage],
) -> Option<StandardReport<'a>> {
    let file = standards.get(standard)?;
    let result = compliance(standards, standard, assessments, coverage)?;
    let counts = check_counts(standards, assessments);
    let controls: Vec<ControlEntry> = result.controls.into_iter().map(|control| entry(standards, control, &counts)).collect();
    let mut summary = StandardSummary::default();
    count_leaves(&controls, &mut summary);
    let judged = summary.passed + summary.failed;
    summary.percentage = (judged > 0).then(|| summary.passed as f64 / judged as f64);
    Some(StandardReport {
        id: &file.id,
        title: &file.title,
        description: &file.description,
        version: &file.version,
        state: result.state,
        summary,
        controls,
    })
}

fn entry(standards: &Standards<'_>, control: ControlResult, counts: &BTreeMap<&str, CheckCounts>) -> ControlEntry {
    let checks = control.checks.iter().map(|check| described(standards, check, counts)).collect();
    let below: Vec<ControlEntry> = control.controls.into_iter().map(|control| entry(standards, control, counts)).collect();
    let state = ControlState::of(control.state, || {
        control.manual.is_some()
            || !control.attestations.is_empty()
            || below.iter().any(|control| control.state == ControlState::Manual)
    });
    ControlEntry {
        id: control.id,
        title: control.title,
        state,
        manual: control.manual,
        passed: control.passed,
        failed: control.failed,
        unknown: control.unknown,
        not_applicable: control.not_applicable,
        checks,
        attestations: control.attestations,
        controls: below,
    }
}

/// A check with its counts; one that nobody knows any more is unknown, and says why.
pub fn described(standards: &Standards<'_>, id: &str, counts: &BTreeMap<&str, CheckCounts>) -> CheckEntry {
    // A check that judged nothing counts nothing.
    let counts = counts.get(id).copied().unwrap_or_default();
    let check = |title: &str, severity, recommendation: Option<&str>| CheckEntry {
        id: id.to_owned(),
        title: title.to_owned(),
        severity: Some(severity),
        recommendation: recommendation.map(str::to_owned),
        counts,
    };
    let catalog = standards.catalog();
    if let Some(other) = standards.other_check(id) {
        return check(&other.title, other.severity, None);
    }
    if let Some(known) = catalog.recommendations.get(id) {
        return check(&known.file.title, known.file.severity, Some(&known.file.id));
    }
    if let Some((platform, rule)) = catalog.baselines.iter().find_map(|(platform, rules)| Some((platform, rules.get(id)?))) {
        let recommendation = recommendation_of(catalog, platform, &rule.file.type_name);
        return check(&rule.file.title, rule.file.severity, recommendation);
    }
    CheckEntry {
        id: id.to_owned(),
        title: "No recommendation or baseline rule has this id any more".to_owned(),
        severity: None,
        recommendation: None,
        counts: CheckCounts { unknown: 1, ..counts },
    }
}

/// The recommendation of a type whose findings are a platform's baseline.
fn recommendation_of<'a>(catalog: &'a Catalog, platform: &str, type_name: &str) -> Option<&'a str> {
    let mut known = catalog.recommendations.values().map(|known| &known.file);
    let found = known
        .find(|file| file.type_name == type_name && file.findings_from.as_ref().is_some_and(|from| from.baseline == platform));
    found.map(|file| file.id.as_str())
}

fn count_leaves(controls: &[ControlEntry], summary: &mut StandardSummary) {
    for control in controls {
        if control.controls.is_empty() {
            summary.add(control);
        } else {
            count_leaves(&control.controls, summary);
        }
    }
}
