//! The tree: a row for each section and control, below it what was checked and attested.

use skywarden_model::Attestation;
use skywarden_posture::CheckCounts;

use super::{
    bold, colour,
    sheet::{ASCENT, Block, Colour, Column, INK, LEFT, LINE, LINK, Mark, PALE, RIGHT, Sheet, Weight, line_height},
    text,
};
use crate::{CheckEntry, ControlEntry, ControlState, StandardReport, words};

/// The columns: number, title, resources, state.
const ID_WIDTH: f32 = 74.0;
const COUNTS_WIDTH: f32 = 104.0;
const STATE_WIDTH: f32 = 66.0;
const GAP: f32 = 8.0;

/// How far a level is set in, and how many levels are.
const STEP: f32 = 9.0;
const MAX_STEPS: u8 = 6;

const SHADE: Colour = [0xf3, 0xf3, 0xf3];

/// Lays the tree; answers how many letters had to be shown by their code.
pub(super) fn tree(sheet: &mut Sheet, report: &StandardReport<'_>) -> usize {
    let mut title = Block::default();
    let column = Column { x: LEFT, width: RIGHT - LEFT, style: bold(12.0, INK) };
    let y = title.write(sheet, column, 0.0, "Controls");
    title.height = y + 4.0;
    sheet.put(title, 80.0);
    sheet.put_head(head(sheet));
    let mut rows = Rows { sheet, n_by_code: 0 };
    rows.count_codes(report.title);
    rows.count_codes(report.description);
    for control in &report.controls {
        rows.control(control, 0);
    }
    rows.n_by_code
}

fn head(sheet: &Sheet) -> Block {
    let mut block = Block::default();
    let places = Places::at(0);
    let style = text(8.0, PALE);
    block.write(sheet, Column { style, ..places.id }, 2.0, "Control");
    block.write(sheet, Column { style, ..places.title }, 2.0, "What it asks for");
    block.write(sheet, Column { style, ..places.counts }, 2.0, "Resources");
    let y = block.write(sheet, Column { style, ..places.state }, 2.0, "State, severity");
    block.marks.push(Mark::Box { x: LEFT, y: y + 2.0, width: RIGHT - LEFT, height: 0.8, colour: PALE });
    block.height = y + 5.0;
    block
}

struct Places {
    id: Column,
    title: Column,
    counts: Column,
    state: Column,
}

impl Places {
    fn at(depth: u8) -> Self {
        let indent = STEP * f32::from(depth.min(MAX_STEPS));
        let style = text(8.5, INK);
        let state_x = RIGHT - STATE_WIDTH;
        let counts_x = state_x - GAP - COUNTS_WIDTH;
        let title_x = LEFT + indent + ID_WIDTH + GAP;
        Self {
            id: Column { x: LEFT + indent, width: ID_WIDTH, style },
            title: Column { x: title_x, width: counts_x - GAP - title_x, style },
            counts: Column { x: counts_x, width: COUNTS_WIDTH, style: text(8.0, PALE) },
            state: Column { x: state_x, width: STATE_WIDTH, style },
        }
    }

    /// From the title to the right edge.
    fn wide(&self) -> Column {
        Column { width: RIGHT - self.title.x, style: text(8.0, INK), ..self.title }
    }
}

struct Rows<'a> {
    sheet: &'a mut Sheet,
    n_by_code: usize,
}

impl Rows<'_> {
    fn control(&mut self, control: &ControlEntry, depth: u8) {
        let is_section = !control.controls.is_empty();
        let places = Places::at(depth);
        let block = self.row(control, &places, is_section);
        // A section stays with its first control, a control with the first line below it.
        let below = if is_section { 34.0 } else { 0.0 };
        self.sheet.need(block.height + below);
        if depth == 0 {
            self.sheet.note_place(format!("{} {}", control.id, control.title));
        }
        self.sheet.put(block, below);
        for attestation in &control.attestations {
            let block = self.attestation(attestation, &places);
            self.sheet.put(block, 0.0);
        }
        // Checks that judged nothing stand together in a few lines: of a large standard they are most.
        let (idle, busy): (Vec<&CheckEntry>, Vec<&CheckEntry>) =
            control.checks.iter().partition(|check| says_nothing(&check.counts));
        for check in busy {
            let block = self.check(check, &places);
            self.sheet.put(block, 0.0);
        }
        if !idle.is_empty() {
            let block = self.idle(&idle, &places);
            self.sheet.put(block, 0.0);
        }
        for below in &control.controls {
            self.control(below, depth.saturating_add(1));
        }
    }

    fn row(&mut self, control: &ControlEntry, places: &Places, is_section: bool) -> Block {
        self.count_codes(&control.id);
        self.count_codes(&control.title);
        let mut block = Block::default();
        let top = if is_section { 5.0 } else { 4.0 };
        let style = if is_section { bold(9.0, INK) } else { bold(8.5, INK) };
        let title_style = if is_section { bold(9.0, INK) } else { text(8.5, INK) };
        let mut y = block.write(self.sheet, Column { style, ..places.id }, top, &control.id);
        y = y.max(block.write(self.sheet, Column { style: title_style, ..places.title }, top, &control.title));
        y = y.max(block.write(self.sheet, places.counts, top, &resources(control)));
        let state = control.state;
        block.marks.push(Mark::Box { x: places.state.x, y: top + 1.2, width: 6.5, height: 6.5, colour: colour(state) });
        let state_column = Column { x: places.state.x + 10.0, width: places.state.width - 10.0, style: bold(8.5, ink_of(state)) };
        let state_end = block.write(self.sheet, state_column, top, state.word());
        y = y.max(state_end);
        if control.is_attested() && !is_section {
            let style = text(7.5, PALE);
            y = y.max(block.write(self.sheet, Column { style, ..state_column }, state_end, "attested"));
        }
        if let Some(manual) = &control.manual {
            self.count_codes(manual);
            let style = text(8.0, PALE);
            y = block.write(self.sheet, Column { style, ..places.wide() }, y + 1.0, &format!("By hand: {manual}"));
        }
        block.height = y + 3.0;
        let mut marks = vec![Mark::Box { x: LEFT, y: 0.0, width: RIGHT - LEFT, height: 0.5, colour: LINE }];
        if is_section {
            marks.push(Mark::Box { x: LEFT, y: 0.5, width: RIGHT - LEFT, height: block.height - 0.5, colour: SHADE });
        }
        marks.append(&mut block.marks);
        block.marks = marks;
        block
    }

    fn check(&mut self, check: &CheckEntry, places: &Places) -> Block {
        self.count_codes(&check.title);
        self.count_codes(&check.id);
        let mut block = Block::default();
        let column = Column { style: text(8.0, INK), ..places.title };
        let mut y = block.write(self.sheet, column, 1.0, &check.title);
        y = block.write(self.sheet, Column { style: text(7.0, PALE), ..places.title }, y, &check.id);
        let counts = &check.counts;
        let says = counted([(counts.unhealthy, "unhealthy"), (counts.unknown, "unknown"), (counts.healthy, "healthy")]);
        y = y.max(block.write(self.sheet, places.counts, 1.0, &says));
        if let Some(severity) = check.severity {
            let column = Column { x: places.state.x + 10.0, width: places.state.width - 10.0, style: text(8.0, PALE) };
            block.write(self.sheet, column, 1.0, &severity.to_string());
        }
        block.height = y + 2.0;
        block
    }

    fn idle(&self, checks: &[&CheckEntry], places: &Places) -> Block {
        let ids: Vec<&str> = checks.iter().map(|check| check.id.as_str()).collect();
        let begin = match ids.len() {
            1 => "1 check concerns no resource here".to_owned(),
            n => format!("{n} checks concern no resource here"),
        };
        let mut block = Block::default();
        let column = Column { style: text(7.0, PALE), ..places.wide() };
        let y = block.write(self.sheet, column, 1.0, &format!("{begin}: {}", ids.join(", ")));
        block.height = y + 3.0;
        block
    }

    fn attestation(&mut self, attestation: &Attestation, places: &Places) -> Block {
        let mut block = Block::default();
        let wide = places.wide();
        let inner = Column { x: wide.x + 8.0, width: wide.width - 8.0, ..wide };
        let expires = attestation.expires_at.map(|end| format!(", until {}", words::of_instant(end))).unwrap_or_default();
        let head = format!(
            "Attested {} on {} by {}, for the {}{expires}",
            words::of_attested(attestation.state),
            attestation.assessed_on,
            attestation.created_by,
            words::of_scope(&attestation.scope),
        );
        self.count_codes(&head);
        let mut y = block.write(self.sheet, Column { style: bold(8.0, INK), ..inner }, 1.0, &head);
        if !attestation.evidence.text.is_empty() {
            self.count_codes(&attestation.evidence.text);
            y = block.write(self.sheet, inner, y, &attestation.evidence.text);
        }
        for link in &attestation.evidence.links {
            let column = Column { style: text(8.0, LINK), ..inner };
            for line in self.sheet.face(Weight::Regular).lines(link, column.style.size, column.width) {
                let width = self.sheet.face(Weight::Regular).width(&line, column.style.size);
                let height = line_height(column.style.size);
                block.marks.push(Mark::Link { x: column.x, y, width, height, to: link.clone() });
                y = block.write(self.sheet, column, y, &line);
            }
        }
        // A bar for each line, so that it goes on where the text of a long one does.
        let bars: Vec<Mark> = block
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Text { y, style, .. } => Some(Mark::Box {
                    x: wide.x,
                    y: y - style.size * ASCENT,
                    width: 2.0,
                    height: line_height(style.size),
                    colour: colour(ControlState::Manual),
                }),
                _ => None,
            })
            .collect();
        block.marks.extend(bars);
        block.height = y + 3.0;
        block
    }

    fn count_codes(&mut self, text: &str) {
        let shown = self.sheet.face(Weight::Regular).shown(text);
        self.n_by_code += shown.matches("[U+").count().saturating_sub(text.matches("[U+").count());
    }
}

fn says_nothing(counts: &CheckCounts) -> bool {
    counts.healthy + counts.unhealthy + counts.unknown == 0
}

/// The pale grey of what does not apply is too pale for words.
fn ink_of(state: ControlState) -> Colour {
    if state == ControlState::NotApplicable { PALE } else { colour(state) }
}

fn resources(control: &ControlEntry) -> String {
    counted([(control.failed, "unhealthy"), (control.unknown, "unknown"), (control.passed, "healthy")])
}

fn counted(counts: [(u64, &str); 3]) -> String {
    let words: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count}\u{a0}{word}")).collect();
    words.join(", ")
}
