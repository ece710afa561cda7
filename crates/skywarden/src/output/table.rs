use std::{collections::BTreeMap, io::Write};

use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use skywarden_content::Catalog;
use skywarden_model::{AssessmentRef, Coverage, ListOutcome, SecureScore, Severity, Status};

use skywarden_posture::{Assessments, Reported};

use super::{joined::found, safe::text_for_terminal};

/// Rows shown of the unhealthy recommendations; the rest is counted.
const MAX_ROWS: usize = 40;

/// Writes score, controls, the unhealthy and unknown recommendations, and what could not be read.
pub(crate) fn write(catalog: &Catalog, assessed: &Reported, out: &mut dyn Write) -> anyhow::Result<()> {
    for line in score_lines(&assessed.score) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{}", status_counts(&assessed.assessments))?;
    writeln!(out, "\n{}", controls(&assessed.score))?;
    let (rows, n_hidden) = recommendation_rows(catalog, &assessed.assessments);
    if rows.row_count() > 0 {
        writeln!(out, "\n{rows}")?;
    }
    if n_hidden > 0 {
        writeln!(out, "and {n_hidden} more; --format csv or json has all of them")?;
    }
    let findings = finding_rows(&assessed.assessments);
    if findings.row_count() > 0 {
        writeln!(out, "\nBaseline rules that are not met\n{findings}")?;
    }
    let problems = coverage_problems(&assessed.coverage);
    if !problems.is_empty() {
        writeln!(out, "\nCould not be read")?;
        for problem in problems {
            writeln!(out, "  {problem}")?;
        }
    }
    Ok(())
}

/// The score in words, with its range and coverage.
pub(crate) fn score_lines(score: &SecureScore) -> Vec<String> {
    let [low, high] = score.range;
    vec![
        format!("Secure score {} ({:.2} of {:.0} points)", percent(score.percentage), score.current, score.max),
        format!("  range {} to {}, coverage {}", percent(low), percent(high), percent(score.coverage)),
    ]
}

/// `62.5 %`.
pub(crate) fn percent(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}

/// The number of assessments by status.
pub(crate) fn status_counts<'a>(assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>>) -> String {
    let mut counts: BTreeMap<Status, usize> = BTreeMap::new();
    for assessment in assessments {
        *counts.entry(assessment.into().status).or_default() += 1;
    }
    let of = |status| counts.get(&status).copied().unwrap_or_default();
    format!(
        "  checks: {} healthy, {} unhealthy, {} unknown, {} not applicable",
        of(Status::Healthy),
        of(Status::Unhealthy),
        of(Status::Unknown),
        of(Status::NotApplicable)
    )
}

/// A status in running text.
pub(crate) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Healthy => "healthy",
        Status::Unhealthy => "unhealthy",
        Status::NotApplicable => "not applicable",
        Status::Unknown => "unknown",
    }
}

/// A table in the product's style, as wide as the terminal.
pub(crate) fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    table
}

fn controls(score: &SecureScore) -> Table {
    let mut table = new_table(&["Security control", "Score", "", "Healthy", "Unhealthy", "Unknown"]);
    for control in &score.controls {
        let points =
            if control.max > 0.0 { format!("{:.2} / {:.0}", control.current, control.max) } else { "not scored".to_owned() };
        table.add_row(vec![
            Cell::new(&control.title),
            Cell::new(points).set_alignment(CellAlignment::Right),
            Cell::new(bar(control.percentage)),
            Cell::new(control.healthy).set_alignment(CellAlignment::Right),
            Cell::new(control.unhealthy).set_alignment(CellAlignment::Right),
            Cell::new(control.unknown).set_alignment(CellAlignment::Right),
        ]);
    }
    table
}

fn bar(ratio: f64) -> String {
    const WIDTH: usize = 12;
    let filled = (0..WIDTH).filter(|step| (*step as f64 + 0.5) / (WIDTH as f64) < ratio).count();
    format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled))
}

fn recommendation_rows(catalog: &Catalog, assessments: &Assessments) -> (Table, usize) {
    let mut counts: BTreeMap<&str, (usize, usize, AssessmentRef<'_>)> = BTreeMap::new();
    for assessment in assessments {
        let is_counted = matches!(assessment.status, Status::Unhealthy | Status::Unknown);
        if !is_counted {
            continue;
        }
        let entry = counts.entry(assessment.recommendation).or_insert((0, 0, assessment));
        match assessment.status {
            Status::Unhealthy => entry.0 += 1,
            _ => entry.1 += 1,
        }
    }
    let mut rows: Vec<_> =
        counts.into_iter().filter_map(|(id, counts)| Some((catalog.recommendations.get(id)?, counts))).collect();
    rows.sort_by(|(left, left_counts), (right, right_counts)| {
        let key = |file: &skywarden_content::RecommendationFile, counts: &(usize, usize, AssessmentRef<'_>)| {
            (std::cmp::Reverse(counts.0 > 0), std::cmp::Reverse(file.severity), std::cmp::Reverse(counts.0))
        };
        key(&left.file, left_counts).cmp(&key(&right.file, right_counts))
    });
    let mut table = new_table(&["Severity", "Recommendation", "Unhealthy", "Unknown", "Example"]);
    let n_hidden = rows.len().saturating_sub(MAX_ROWS);
    for (recommendation, (n_unhealthy, n_unknown, example)) in rows.into_iter().take(MAX_ROWS) {
        table.add_row(vec![
            severity_cell(recommendation.file.severity),
            Cell::new(&recommendation.file.title),
            Cell::new(n_unhealthy).set_alignment(CellAlignment::Right),
            Cell::new(n_unknown).set_alignment(CellAlignment::Right),
            Cell::new(text_for_terminal(end_of(example.resource.as_str()), 60)),
        ]);
    }
    (table, n_hidden)
}

/// Of an ARM id the type and the name: where it lies fills a line, and all begin alike.
fn end_of(id: &str) -> &str {
    let is_arm = id.starts_with("/subscriptions/") || id.starts_with("/tenants/");
    match id.rmatch_indices('/').nth(1) {
        Some((at, _)) if is_arm => id.get(at + 1..).unwrap_or(id),
        _ => id,
    }
}

fn finding_rows(assessments: &Assessments) -> Table {
    let mut table = new_table(&["Severity", "Rule", "Found"]);
    let mut findings: Vec<_> = assessments
        .iter()
        .flat_map(|assessment| assessment.findings)
        .filter(|finding| finding.status == Status::Unhealthy)
        .collect();
    findings.sort_by(|left, right| (right.severity, &left.id).cmp(&(left.severity, &right.id)));
    for finding in findings.into_iter().take(MAX_ROWS) {
        let found = finding.evidence.first().map(found);
        table.add_row(vec![
            severity_cell(finding.severity),
            Cell::new(&finding.title),
            Cell::new(text_for_terminal(&found.unwrap_or_default(), 90)),
        ]);
    }
    table
}

fn severity_cell(severity: Severity) -> Cell {
    let color = match severity {
        Severity::Critical | Severity::High => Color::Red,
        Severity::Medium => Color::Yellow,
        Severity::Low => Color::Blue,
    };
    Cell::new(severity).fg(color)
}

/// One sentence for each listing or read that failed.
pub(crate) fn coverage_problems(coverage: &[Coverage]) -> Vec<String> {
    let mut problems = BTreeMap::<String, usize>::new();
    for entry in coverage {
        if let Some(reason) = entry.list_failure() {
            let what = match entry.outcome {
                ListOutcome::Partial { .. } => "listed only partly",
                _ => "not listed",
            };
            *problems.entry(format!("{} {what} in {}: {}", entry.type_name, entry.region, reason.sentence())).or_default() += 1;
        }
        for denied in &entry.denied {
            let fields: Vec<String> = denied.fields.iter().take(4).map(ToString::to_string).collect();
            let more = if denied.fields.len() > 4 { format!(" and {} more", denied.fields.len() - 4) } else { String::new() };
            let sentence = format!("{} of {}: {}", fields.join(", ") + &more, entry.type_name, denied.reason.sentence());
            *problems.entry(sentence).or_default() += usize::try_from(denied.n_resources).unwrap_or(usize::MAX);
        }
    }
    problems
        .into_iter()
        .map(|(sentence, n_times)| {
            let sentence = text_for_terminal(&sentence, 400);
            if n_times > 1 { format!("{sentence} ({n_times} times)") } else { sentence }
        })
        .collect()
}
