//! The report on paper: A4 pages with a summary, the tree and what people attested.

mod face;
mod rows;
mod sheet;

use skywarden_model::Timestamp;

use self::sheet::{Block, Colour, Column, INK, LEFT, Mark, PALE, RIGHT, Sheet, Style, Weight, line_height};
use crate::{ControlState, ReportError, StandardReport, words};

/// What a report says of itself besides the standard.
#[derive(Debug, Clone, Copy)]
pub struct Cover<'a> {
    /// What was looked at: `Whole installation`, `Account 123456789012 of aws-prod`.
    pub scope: &'a str,
    /// When what it rests on was read; none if nothing was.
    pub at: Option<Timestamp>,
}

/// Writes the report as PDF; the same report gives the same bytes.
///
/// # Errors
/// If the font that is built in is damaged, or the pages could not be written.
pub fn pdf(report: &StandardReport<'_>, cover: Cover<'_>) -> Result<Vec<u8>, ReportError> {
    let mut sheet = Sheet::new()?;
    begin(&mut sheet, report, cover);
    summary(&mut sheet, report);
    let n_shown_by_code = rows::tree(&mut sheet, report);
    if n_shown_by_code > 0 {
        let mut block = Block::default();
        let column = Column { x: LEFT, width: RIGHT - LEFT, style: text(8.0, PALE) };
        let note = "Letters that the font of this report lacks, or that are written from right to left, stand as their Unicode number: [U+65E5].";
        block.write(&sheet, column, 8.0, note);
        sheet.put(block, 0.0);
    }
    sheet.finish(report.title, &format!("{} - {}", report.title, cover.scope))
}

/// The colour of a state; its word always stands beside it.
fn colour(state: ControlState) -> Colour {
    match state {
        ControlState::Passed => [0x10, 0x7c, 0x41],
        ControlState::Failed => [0xb1, 0x0e, 0x1c],
        ControlState::Unknown => [0x9a, 0x60, 0x00],
        ControlState::Manual => [0x0f, 0x6c, 0xbd],
        ControlState::NotCovered => [0x70, 0x70, 0x70],
        ControlState::NotApplicable => [0xa8, 0xa8, 0xa8],
    }
}

fn text(size: f32, colour: Colour) -> Style {
    Style { weight: Weight::Regular, size, colour }
}

fn bold(size: f32, colour: Colour) -> Style {
    Style { weight: Weight::Bold, size, colour }
}

fn begin(sheet: &mut Sheet, report: &StandardReport<'_>, cover: Cover<'_>) {
    let mut block = Block::default();
    let whole = |style| Column { x: LEFT, width: RIGHT - LEFT, style };
    let mut y = block.write(sheet, whole(text(8.5, PALE)), 0.0, "Skywarden compliance report");
    y = block.write(sheet, whole(bold(19.0, INK)), y + 4.0, report.title);
    if !report.description.is_empty() {
        y = block.write(sheet, whole(text(9.5, INK)), y + 4.0, report.description);
    }
    y += 8.0;
    let at = match cover.at {
        Some(at) => words::of_instant(at),
        None => "nothing has been assessed yet".to_owned(),
    };
    let standard = format!("{}, version {}", report.id, report.version);
    for (name, value) in [("Standard", standard.as_str()), ("Scope", cover.scope), ("Time of data", &at)] {
        block.write(sheet, Column { x: LEFT, width: 80.0, style: text(9.0, PALE) }, y, name);
        let column = Column { x: LEFT + 84.0, width: RIGHT - LEFT - 84.0, style: text(9.0, INK) };
        y = block.write(sheet, column, y, value).max(y + line_height(9.0));
    }
    block.height = y + 14.0;
    sheet.put(block, 0.0);
}

fn summary(sheet: &mut Sheet, report: &StandardReport<'_>) {
    let summary = &report.summary;
    let mut block = Block::default();
    let whole = |style| Column { x: LEFT, width: RIGHT - LEFT, style };
    let y = block.write(sheet, whole(bold(12.0, INK)), 0.0, "Summary");
    let total: u64 = ControlState::ALL.iter().map(|state| summary.count(*state)).sum();
    let mut says = match summary.percentage {
        Some(ratio) => {
            let judged = summary.passed + summary.failed;
            format!("{:.1} % of the judged controls passed: {} of {judged}", ratio * 100.0, summary.passed)
        }
        None => "No control has been judged".to_owned(),
    };
    says.push_str(&format!("; {total} controls in all."));
    match summary.unknown {
        0 => {}
        1 => says.push_str(" 1 could not be judged and counts as neither."),
        n => says.push_str(&format!(" {n} could not be judged and count as neither.")),
    }
    match summary.attested {
        0 => {}
        1 => says.push_str(" The state of 1 was attested by a person."),
        n => says.push_str(&format!(" The states of {n} were attested by people.")),
    }
    let mut y = block.write(sheet, whole(text(9.5, INK)), y + 3.0, &says) + 6.0;
    let mut x = LEFT;
    for state in ControlState::ALL {
        if total > 0 {
            // Numbers of controls are small.
            let width = (RIGHT - LEFT) * (summary.count(state) as f32 / total as f32);
            block.marks.push(Mark::Box { x, y, width, height: 14.0, colour: colour(state) });
            x += width;
        }
    }
    y += 20.0;
    let mut x = LEFT;
    for state in ControlState::ALL {
        let label = format!("{} {}", summary.count(state), state.word());
        block.marks.push(Mark::Box { x, y: y + 1.5, width: 7.0, height: 7.0, colour: colour(state) });
        let width = sheet.face(Weight::Regular).width(&label, 8.5);
        block.write(sheet, Column { x: x + 10.0, width: width + 1.0, style: text(8.5, INK) }, y, &label);
        x += width + 24.0;
    }
    block.height = y + 26.0;
    sheet.put(block, 0.0);
}
