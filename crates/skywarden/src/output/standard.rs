//! The report of one compliance standard: its tree with the state of each control and the checks behind it.

use std::{collections::BTreeMap, io::Write};

use anyhow::Context as _;
use serde::Serialize;
use skywarden_content::{Catalog, StandardFile};
use skywarden_model::{Assessment, Coverage, Severity};
use skywarden_posture::{CheckCounts, ComplianceState, ControlResult, Standards, check_counts, compliance};

use super::{joined::described, safe::cell_for_spreadsheet};

/// What the formats of the report are made of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StandardReport<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    pub(crate) version: &'a str,
    pub(crate) summary: StandardSummary,
    pub(crate) controls: Vec<ControlEntry<'a>>,
}

/// The lowest-level controls by state.
#[derive(Serialize, Default, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StandardSummary {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
    pub(crate) manual: u64,
    pub(crate) not_covered: u64,
    pub(crate) not_applicable: u64,
    /// `passed / (passed + failed)`; none where there is neither.
    pub(crate) percentage: Option<f64>,
}

/// A control or a section of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControlEntry<'a> {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) state: ControlState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manual: Option<String>,
    /// Resources by the worst verdict of the control's checks.
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
    pub(crate) not_applicable: u64,
    pub(crate) checks: Vec<CheckEntry<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) controls: Vec<ControlEntry<'a>>,
}

/// A recommendation or baseline rule behind a control.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckEntry<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) severity: Severity,
    #[serde(flatten)]
    pub(crate) counts: CheckCounts,
}

/// [`ComplianceState`], which has one word for what a person has to look at and what nothing looks at yet.
#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ControlState {
    Passed,
    Failed,
    Unknown,
    /// The standard's file says what a person has to check.
    Manual,
    /// No recommendation covers it, and nothing says that only a person could.
    NotCovered,
    NotApplicable,
}

impl ControlState {
    pub(crate) fn word(self) -> &'static str {
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

/// Rolls the verdicts up the standard's tree.
pub(crate) fn standard_report<'a>(
    catalog: &'a Catalog,
    standard: &str,
    assessments: &[Assessment],
    coverage: &[Coverage],
) -> anyhow::Result<StandardReport<'a>> {
    let standards = Standards::of(catalog);
    let counts = check_counts(&standards, assessments);
    let file = standard_file(catalog, standard)?;
    let result = compliance(&standards, standard, assessments, coverage);
    let result = result.with_context(|| format!("the standard `{standard}` could not be rolled up"))?;
    let mut controls = Vec::with_capacity(result.controls.len());
    for control in result.controls {
        controls.push(entry(catalog, control, &counts)?);
    }
    let mut summary = StandardSummary::default();
    count_leaves(&controls, &mut summary);
    let judged = summary.passed + summary.failed;
    summary.percentage = (judged > 0).then(|| summary.passed as f64 / judged as f64);
    Ok(StandardReport {
        id: &file.id,
        title: &file.title,
        description: &file.description,
        version: &file.version,
        summary,
        controls,
    })
}

/// A standard by its id.
pub(crate) fn standard_file<'a>(catalog: &'a Catalog, standard: &str) -> anyhow::Result<&'a StandardFile> {
    catalog.standards.get(standard).with_context(|| {
        let known: Vec<&str> = catalog.standards.keys().map(String::as_str).collect();
        format!("there is no standard `{}`; there are {}", super::text_for_terminal(standard, 100), known.join(", "))
    })
}

fn entry<'a>(
    catalog: &'a Catalog,
    control: ControlResult,
    counts: &BTreeMap<&str, CheckCounts>,
) -> anyhow::Result<ControlEntry<'a>> {
    let mut checks = Vec::with_capacity(control.checks.len());
    for check in &control.checks {
        let known = described(catalog, check).with_context(|| format!("the catalog lacks `{check}`"))?;
        // A check that judged nothing counts nothing.
        let counts = counts.get(check.as_str()).copied().unwrap_or_default();
        checks.push(CheckEntry { id: known.id, title: known.title, severity: known.severity, counts });
    }
    let mut below = Vec::with_capacity(control.controls.len());
    for control in control.controls {
        below.push(entry(catalog, control, counts)?);
    }
    let needs_person =
        control.manual.is_some() || below.iter().any(|control: &ControlEntry<'_>| control.state == ControlState::Manual);
    let state = match control.state {
        ComplianceState::Passed => ControlState::Passed,
        ComplianceState::Failed => ControlState::Failed,
        ComplianceState::Unknown => ControlState::Unknown,
        ComplianceState::NotApplicable => ControlState::NotApplicable,
        ComplianceState::Manual if needs_person => ControlState::Manual,
        ComplianceState::Manual => ControlState::NotCovered,
    };
    Ok(ControlEntry {
        id: control.id,
        title: control.title,
        state,
        manual: control.manual,
        passed: control.passed,
        failed: control.failed,
        unknown: control.unknown,
        not_applicable: control.not_applicable,
        checks,
        controls: below,
    })
}

fn count_leaves(controls: &[ControlEntry<'_>], summary: &mut StandardSummary) {
    for control in controls {
        if !control.controls.is_empty() {
            count_leaves(&control.controls, summary);
            continue;
        }
        let count = match control.state {
            ControlState::Passed => &mut summary.passed,
            ControlState::Failed => &mut summary.failed,
            ControlState::Unknown => &mut summary.unknown,
            ControlState::Manual => &mut summary.manual,
            ControlState::NotCovered => &mut summary.not_covered,
            ControlState::NotApplicable => &mut summary.not_applicable,
        };
        *count += 1;
    }
}

/// Writes one JSON document.
pub(crate) fn write_json(report: &StandardReport<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)?;
    Ok(())
}

/// Writes one line per section, control, and check of a control, in the order of the tree.
pub(crate) fn write_csv(report: &StandardReport<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "kind",
        "standard",
        "control",
        "title",
        "state",
        "severity",
        "passed",
        "failed",
        "unknown",
        "not applicable",
        "check",
        "manual",
    ])?;
    for control in &report.controls {
        write_control(report.id, control, &mut writer)?;
    }
    writer.flush()?;
    Ok(())
}

fn write_control(standard: &str, control: &ControlEntry<'_>, writer: &mut csv::Writer<&mut dyn Write>) -> anyhow::Result<()> {
    let kind = if control.controls.is_empty() { "control" } else { "section" };
    let numbers = |counts: [u64; 4]| counts.map(|count| count.to_string());
    let mut line = |kind: &str, title: &str, words: [&str; 2], counts: [String; 4], last: [&str; 2]| {
        let mut cells = vec![kind, standard, &control.id, title, words[0], words[1]];
        cells.extend(counts.iter().map(String::as_str));
        cells.extend(last);
        writer.write_record(cells.into_iter().map(cell_for_spreadsheet))
    };
    let counts = numbers([control.passed, control.failed, control.unknown, control.not_applicable]);
    let manual = control.manual.as_deref().unwrap_or_default();
    line(kind, &control.title, [control.state.word(), ""], counts, ["", manual])?;
    for check in &control.checks {
        let CheckCounts { healthy, unhealthy, unknown, not_applicable } = check.counts;
        let counts = numbers([healthy, unhealthy, unknown, not_applicable]);
        line("check", check.title, ["", &check.severity.to_string()], counts, [check.id, ""])?;
    }
    for below in &control.controls {
        write_control(standard, below, writer)?;
    }
    Ok(())
}
