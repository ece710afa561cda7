//! The report as a spreadsheet: one line per section, control, check of a control and attestation, in the order of the tree.

use csv::Writer;
use skywarden_posture::CheckCounts;

use crate::{ControlEntry, ReportError, StandardReport, words};

const HEAD: [&str; 16] = [
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
    "assessed on",
    "attested by",
    "expires",
    "evidence",
];

/// Writes the report as CSV.
///
/// # Errors
/// If the lines could not be written into memory.
pub fn csv(report: &StandardReport<'_>) -> Result<Vec<u8>, ReportError> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(HEAD)?;
    for control in &report.controls {
        write_control(report.id, control, &mut writer)?;
    }
    writer.into_inner().map_err(|error| ReportError::Csv(error.into_error().into()))
}

fn write_control(standard: &str, control: &ControlEntry, writer: &mut Writer<Vec<u8>>) -> Result<(), csv::Error> {
    let kind = if control.controls.is_empty() { "control" } else { "section" };
    let mut line = |first: [&str; 4], counts: Option<[u64; 4]>, last: [&str; 6]| {
        let counts = counts.map(|counts| counts.map(|count| count.to_string())).unwrap_or_default();
        let [kind, title, state, severity] = first;
        let mut cells = vec![kind, standard, &control.id, title, state, severity];
        cells.extend(counts.iter().map(String::as_str));
        cells.extend(last);
        writer.write_record(cells.into_iter().map(cell))
    };
    let counts = [control.passed, control.failed, control.unknown, control.not_applicable];
    let manual = control.manual.as_deref().unwrap_or_default();
    line([kind, &control.title, control.state.word(), ""], Some(counts), ["", manual, "", "", "", ""])?;
    for check in &control.checks {
        let CheckCounts { healthy, unhealthy, unknown, not_applicable } = check.counts;
        let severity = check.severity.map(|severity| severity.to_string()).unwrap_or_default();
        let counts = [healthy, unhealthy, unknown, not_applicable];
        line(["check", &check.title, "", &severity], Some(counts), [&check.id, "", "", "", "", ""])?;
    }
    for attestation in &control.attestations {
        let day = attestation.assessed_on.to_string();
        let expires = attestation.expires_at.map(|end| end.to_string()).unwrap_or_default();
        let mut evidence = vec![attestation.evidence.text.as_str()];
        evidence.extend(attestation.evidence.links.iter().map(String::as_str));
        evidence.retain(|part| !part.is_empty());
        let first = ["attestation", &words::of_scope(&attestation.scope), words::of_attested(attestation.state), ""];
        line(first, None, ["", "", &day, &attestation.created_by, &expires, &evidence.join("\n")])?;
    }
    for below in &control.controls {
        write_control(standard, below, writer)?;
    }
    Ok(())
}

/// A text for a cell: what a spreadsheet would take for a formula gets a leading apostrophe.
pub fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn formulas_become_text() {
        assert_eq!(cell("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(cell("1.1"), "1.1");
    }
}
