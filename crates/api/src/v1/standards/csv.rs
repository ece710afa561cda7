//! A standard as a spreadsheet: one line per section, control, and check of a control, in the order of the tree.

use csv::Writer;
use skywarden_posture::CheckCounts;

use super::tree::{Control, Tree};

const HEAD: [&str; 12] = [
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
];

pub(super) fn write(tree: &Tree<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(HEAD)?;
    for control in &tree.controls {
        write_control(tree, control, &mut writer)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn write_control(tree: &Tree<'_>, control: &Control, writer: &mut Writer<Vec<u8>>) -> Result<(), csv::Error> {
    let kind = if control.controls.is_empty() { "control" } else { "section" };
    let mut line = |cells: [&str; 4], counts: [u64; 4], last: [&str; 2]| {
        let counts = counts.map(|count| count.to_string());
        let [kind, title, state, severity] = cells;
        let mut record = vec![kind, tree.id, &control.id, title, state, severity];
        record.extend(counts.iter().map(String::as_str));
        record.extend(last);
        writer.write_record(record.into_iter().map(cell))
    };
    let counts = [control.passed, control.failed, control.unknown, control.not_applicable];
    line([kind, &control.title, control.state.word(), ""], counts, ["", control.manual.as_deref().unwrap_or_default()])?;
    for id in &control.checks {
        let Some(check) = tree.checks.get(id) else { continue };
        let CheckCounts { healthy, unhealthy, unknown, not_applicable } = check.counts;
        let severity = check.severity.to_string();
        line(["check", check.title, "", &severity], [healthy, unhealthy, unknown, not_applicable], [id, ""])?;
    }
    for below in &control.controls {
        write_control(tree, below, writer)?;
    }
    Ok(())
}

/// What a spreadsheet would take for a formula gets a leading apostrophe.
fn cell(text: &str) -> String {
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
