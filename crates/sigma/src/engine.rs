use std::collections::BTreeMap;

use rsigma_parser::Detections;

use crate::{
    CompileError, Placeholders, Record, Slot, Value,
    compile::{Compiler, SlotOf, Tests},
    expression::{Expression, TestId},
    pattern::{Pattern, Place},
    scanner::{Buffers, Found, MAX_FULL, MAX_FULL_WORDS, Scanner, lower_into, needed},
    test::Test,
};

/// The number of a rule in its engine, in the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub(crate) u32);

impl RuleId {
    /// The number, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The number of a condition that is asked for by itself: a log source's `when`, a step of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConditionId(u32);

/// Why a rule fired: a field and what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// The field.
    pub slot: Slot,
    /// What was asked, for people: "is `x`", "contains `y`".
    pub expected: String,
}

/// Rules that are looked at together, as they are added.
#[derive(Debug, Default)]
pub struct EngineBuilder {
    tests: Tests,
    rules: Vec<Expression>,
    conditions: Vec<Expression>,
    placeholders: Placeholders,
}

impl EngineBuilder {
    /// A builder whose rules may use these lists in place of `%name%`.
    pub fn new(placeholders: Placeholders) -> Self {
        EngineBuilder { placeholders, ..Self::default() }
    }

    /// Adds a rule that fires if all of `given` hold and one of its conditions does. `filters` are Sigma's: each must hold too.
    ///
    /// # Errors
    /// If something in `detection` can't be used; nothing is added then.
    pub fn rule(
        &mut self,
        detections: &Detections,
        filters: &[&Detections],
        given: &[ConditionId],
        slot_of: &mut SlotOf<'_>,
    ) -> Result<RuleId, CompileError> {
        let mut compiler = Compiler { tests: &mut self.tests, slot_of: &mut *slot_of, placeholders: &self.placeholders };
        let mut all = Vec::new();
        for condition in given {
            all.extend(self.conditions.get(condition.0 as usize).cloned());
        }
        all.push(compiler.detections(detections)?);
        for filter in filters {
            all.push(compiler.detections(filter)?);
        }
        let id = RuleId(u32::try_from(self.rules.len()).unwrap_or(u32::MAX));
        self.rules.push(Expression::all(all));
        Ok(id)
    }

    /// Adds each selection of a rule as a condition of its own.
    ///
    /// # Errors
    /// If something in a selection can't be used.
    pub fn selections(
        &mut self,
        detections: &Detections,
        slot_of: &mut SlotOf<'_>,
    ) -> Result<BTreeMap<String, ConditionId>, CompileError> {
        let mut compiler = Compiler { tests: &mut self.tests, slot_of: &mut *slot_of, placeholders: &self.placeholders };
        let named = compiler.named(detections)?;
        Ok(named.into_iter().map(|(name, expression)| (name, self.keep(expression))).collect())
    }

    /// Adds what stands under `detection` as one condition.
    ///
    /// # Errors
    /// If something in it can't be used.
    pub fn condition(&mut self, detections: &Detections, slot_of: &mut SlotOf<'_>) -> Result<ConditionId, CompileError> {
        let mut compiler = Compiler { tests: &mut self.tests, slot_of: &mut *slot_of, placeholders: &self.placeholders };
        let expression = compiler.detections(detections)?;
        Ok(self.keep(expression))
    }

    fn keep(&mut self, expression: Expression) -> ConditionId {
        let id = ConditionId(u32::try_from(self.conditions.len()).unwrap_or(u32::MAX));
        self.conditions.push(expression);
        id
    }

    /// The engine. `is_late` tells the fields that get their values only after [`Engine::start`].
    ///
    /// # Errors
    /// If the rules look for more texts than an automaton holds.
    pub fn build(self, is_late: &dyn Fn(Slot) -> bool) -> Result<Engine, String> {
        let tests = self.tests.all;
        let mut needs: Vec<Vec<(Place, String, Found)>> =
            tests.iter().enumerate().map(|(id, test)| needed(TestId::try_from(id).unwrap_or(TestId::MAX), test)).collect();
        let share = |test: TestId| {
            let needs = needs.get(test as usize).filter(|needs| !needs.is_empty())?;
            Some(needs.iter().map(|(place, text, _)| guess(*place, text)).sum())
        };
        let (anchored, always) = anchors(&self.rules, tests.len(), &share);
        // What stands at an end of a text is found at once. What may stand anywhere is looked for only if a rule hangs on it: the
        // fewer texts, the less of the automaton is touched, and memory is what it waits for.
        for (needs, rules) in needs.iter_mut().zip(&anchored) {
            if rules.is_empty() && needs.iter().any(|(place, ..)| *place == Place::Anywhere) {
                needs.clear();
            }
        }
        let scanned = needs.iter().map(|needs| !needs.is_empty()).collect();
        let mut by_slot: BTreeMap<Slot, Vec<(Place, String, Found)>> = BTreeMap::new();
        for (test, need) in tests.iter().zip(needs) {
            by_slot.entry(test.slot()).or_default().extend(need);
        }
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for (slot, needs) in by_slot.into_iter().filter(|(_, needs)| !needs.is_empty()) {
            let max_full = if Some(slot) == self.tests.words { MAX_FULL_WORDS } else { MAX_FULL };
            let scanner = Scanner::new(needs, max_full)?;
            if is_late(slot) { late.push((slot, scanner)) } else { early.push((slot, scanner)) }
        }
        Ok(Engine { tests, scanned, early, late, rules: self.rules, conditions: self.conditions, anchored, always })
    }
}

/// For each test the rules that hang on it, and the rules that hang on none: each rule hangs on tests of which one must hold for it
/// to fire, the rarest that there are; `share` says in which share of the records a test is thought to hold.
fn anchors(rules: &[Expression], n_tests: usize, share: &impl Fn(TestId) -> Option<f64>) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut anchored = vec![Vec::new(); n_tests];
    let mut always = Vec::new();
    for (rule, expression) in rules.iter().enumerate() {
        let rule = u32::try_from(rule).unwrap_or(u32::MAX);
        match expression.anchors(share) {
            Some((tests, _)) => {
                for test in tests {
                    if let Some(rules) = anchored.get_mut(test as usize)
                        && rules.last() != Some(&rule)
                    {
                        rules.push(rule);
                    }
                }
            }
            None => always.push(rule),
        }
    }
    (anchored, always)
}

/// A guess at how often a text is there: long ones are rare, and so are whole values.
fn guess(place: Place, text: &str) -> f64 {
    let length = i32::try_from(text.chars().count()).unwrap_or(i32::MAX);
    let start = match place {
        Place::Whole => 0.3,
        Place::Start | Place::End => 0.5,
        Place::Anywhere => 1.0,
    };
    start * 0.75_f64.powi(length.min(30))
}

/// Rules compiled together. One engine serves one log source: all its rules ask about the same fields.
#[derive(Debug)]
pub struct Engine {
    tests: Vec<Test>,
    /// The tests that scanners decide, or name as those that may hold.
    scanned: Vec<bool>,
    early: Vec<(Slot, Scanner)>,
    late: Vec<(Slot, Scanner)>,
    rules: Vec<Expression>,
    conditions: Vec<Expression>,
    /// For each test, the rules that can fire only if one like it holds.
    anchored: Vec<Vec<u32>>,
    /// The rules that can fire whatever the scanners find.
    always: Vec<u32>,
}

/// What is known of the tests of one record; used again for the next.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For each test, twice the round in which it was decided, plus 1 if it holds.
    decided: Vec<u64>,
    /// For each rule, the round in which it was looked at.
    looked_at: Vec<u64>,
    round: u64,
    hits: Vec<TestId>,
    buffers: Buffers,
    small: SmallLetters,
}

/// The texts of the record in small letters, made when the first test asks.
#[derive(Debug, Default)]
struct SmallLetters {
    /// For each slot the round in which it was made.
    made: Vec<(u64, String)>,
}

impl SmallLetters {
    fn of(&mut self, slot: Slot, text: &str, round: u64) -> &str {
        if self.made.len() <= slot.index() {
            self.made.resize_with(slot.index() + 1, Default::default);
        }
        let Some((made, small)) = self.made.get_mut(slot.index()) else { return "" };
        if *made != round {
            *made = round;
            lower_into(text, small);
        }
        small
    }
}

impl Engine {
    /// How many rules there are.
    pub fn n_rules(&self) -> usize {
        self.rules.len()
    }

    /// How many rules are looked at for every event, since nothing that a scanner finds tells whether they can fire.
    pub fn n_always(&self) -> usize {
        self.always.len()
    }

    /// Memory of the automata, in bytes.
    pub fn size(&self) -> usize {
        self.early.iter().chain(&self.late).map(|(_, scanner)| scanner.size()).sum()
    }

    /// Begins with a record: looks through the fields that it has from the start.
    pub fn start(&self, record: &Record<'_>, scratch: &mut Scratch) {
        scratch.round += 1;
        scratch.decided.resize(self.tests.len(), 0);
        scratch.looked_at.resize(self.rules.len(), 0);
        scratch.hits.clear();
        self.scan(&self.early, record, scratch);
    }

    /// Whether a condition holds of the record that was begun with.
    pub fn holds(&self, condition: ConditionId, record: &Record<'_>, scratch: &mut Scratch) -> bool {
        self.conditions
            .get(condition.0 as usize)
            .is_some_and(|expression| expression.holds(&mut |test| self.decide(test, record, scratch)))
    }

    /// Looks through the late fields and adds the rules that fire to `fired`.
    pub fn finish(&self, record: &Record<'_>, scratch: &mut Scratch, fired: &mut Vec<RuleId>) {
        self.scan(&self.late, record, scratch);
        let hits = std::mem::take(&mut scratch.hits);
        for hit in &hits {
            for rule in self.anchored.get(*hit as usize).into_iter().flatten() {
                self.look_at(*rule, record, scratch, fired);
            }
        }
        scratch.hits = hits;
        for rule in &self.always {
            self.look_at(*rule, record, scratch, fired);
        }
        fired.sort_unstable();
    }

    /// Why a rule fires on the record that was begun with.
    pub fn reasons(&self, rule: RuleId, record: &Record<'_>, scratch: &mut Scratch) -> Vec<Reason> {
        let mut tests = Vec::new();
        if let Some(expression) = self.rules.get(rule.index()) {
            expression.reasons(&mut |test| self.decide(test, record, scratch), &mut tests);
        }
        tests
            .into_iter()
            .filter_map(|test| self.tests.get(test as usize))
            .map(|test| Reason { slot: test.slot(), expected: test.to_string() })
            .collect()
    }

    fn scan(&self, scanners: &[(Slot, Scanner)], record: &Record<'_>, scratch: &mut Scratch) {
        let Scratch { decided, round, hits, buffers, .. } = scratch;
        for (slot, scanner) in scanners {
            scanner.scan(record.get(*slot), buffers, &mut |found| {
                let (test, holds) = match found {
                    Found::Holds(test) => (test, true),
                    Found::MayHold(test) => (test, false),
                };
                let Some(decided) = decided.get_mut(test as usize) else { return };
                if *decided >> 1 == *round {
                    return;
                }
                let holds = holds || self.tests.get(test as usize).is_some_and(|test| test.holds(record));
                *decided = *round << 1 | u64::from(holds);
                if holds {
                    hits.push(test);
                }
            });
        }
    }

    fn decide(&self, test: TestId, record: &Record<'_>, scratch: &mut Scratch) -> bool {
        let Some(decided) = scratch.decided.get_mut(test as usize) else { return false };
        if *decided >> 1 == scratch.round {
            return *decided & 1 == 1;
        }
        // What a scanner did not find is not there.
        let is_scanned = self.scanned.get(test as usize).copied().unwrap_or_default();
        let round = scratch.round;
        let holds = !is_scanned
            && self.tests.get(test as usize).is_some_and(|test| match (test, record.get(test.slot())) {
                (Test::Text(slot, pattern), Value::Text(text)) => pattern.matches(scratch.small.of(*slot, text, round)),
                _ => test.holds(record),
            });
        *decided = round << 1 | u64::from(holds);
        holds
    }

    fn look_at(&self, rule: u32, record: &Record<'_>, scratch: &mut Scratch, fired: &mut Vec<RuleId>) {
        let Some(looked_at) = scratch.looked_at.get_mut(rule as usize) else { return };
        if *looked_at == scratch.round {
            return;
        }
        *looked_at = scratch.round;
        let fires = self
            .rules
            .get(rule as usize)
            .is_some_and(|expression| expression.holds(&mut |test| self.decide(test, record, scratch)));
        if fires {
            fired.push(RuleId(rule));
        }
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Test::Text(_, pattern) | Test::Cased(_, pattern) => match pattern {
                Pattern::Any => out.write_str("is any text"),
                Pattern::Literal(Place::Whole, text) => write!(out, "is `{text}`"),
                Pattern::Literal(Place::Start, text) => write!(out, "begins with `{text}`"),
                Pattern::Literal(Place::End, text) => write!(out, "ends with `{text}`"),
                Pattern::Literal(Place::Anywhere, text) => write!(out, "contains `{text}`"),
                Pattern::Glob(pieces) => {
                    out.write_str("is like `")?;
                    for piece in pieces {
                        match piece {
                            crate::pattern::Piece::Literal(text) => out.write_str(text)?,
                            crate::pattern::Piece::Many => out.write_str("*")?,
                            crate::pattern::Piece::One => out.write_str("?")?,
                        }
                    }
                    out.write_str("`")
                }
            },
            Test::Regex(_, regex) => write!(out, "matches `{regex}`"),
            Test::Network(_, network) => write!(out, "is in {network}"),
            Test::Compare(_, comparison, number) => {
                use crate::test::Comparison::{AtLeast, AtMost, Less, More, Other};
                let sign = match comparison {
                    Less => "below",
                    AtMost => "at most",
                    More => "above",
                    AtLeast => "at least",
                    Other => "other than",
                };
                write!(out, "is {sign} {number}")
            }
            Test::Nothing(_) => out.write_str("is not there"),
            Test::Present(_) => out.write_str("is there"),
            Test::Field(..) => out.write_str("stands in a relation to another field"),
            Test::Time(_, part, number) => write!(out, "has the {} {number}", format!("{part:?}").to_lowercase()),
        }
    }
}
