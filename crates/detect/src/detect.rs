use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skywarden_content::{Catalog, LogSourceFile};
use skywarden_model::Changed;
use skywarden_sigma::{Placeholders, RuleId, Scratch};

use crate::{
    Event, Evidence, LogSource, Refused, Role, Row, Rule,
    alert::When,
    change::watched,
    detector::{DetectorState, Sighting, look},
    read::{Raw, ReaderState, Unreadable},
    run::Run,
    source::Compiled,
};

/// Log sources and rules, compiled. Never changes once made.
#[derive(Debug)]
pub struct Detect {
    rules: Vec<Rule>,
    sources: BTreeMap<Arc<str>, LogSource>,
    /// For each rule the correlations that look at what it finds.
    correlations: BTreeMap<usize, Vec<usize>>,
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// Its number in the input, from 1.
    pub number: u64,
    /// Why.
    pub reason: String,
    /// How it begins.
    pub start: String,
}

/// One file or stream of a log source, as it is read.
#[derive(Debug)]
pub struct Input<'d> {
    source: &'d LogSource,
    state: ReaderState,
    scratch: Scratch,
    buffer: Vec<RuleId>,
    fired: Vec<(usize, RuleId)>,
    /// How many records were read, bad ones included.
    pub n_records: u64,
    /// How many could not be read.
    pub n_bad: u64,
    /// How many fired a rule.
    pub n_matched: u64,
    /// The newest time of an event.
    pub newest: Option<Timestamp>,
}

/// Who takes what comes out of texts besides alerts.
pub trait Sink {
    /// A record was read, with its id in the log source's own words if it has one. Whether to look at it: not if it was seen before.
    fn is_new(&mut self, _source: &LogSource, _own_id: Option<&str>) -> bool {
        true
    }

    /// A record that is looked at, if the log sources were compiled with rows.
    fn row(&mut self, _row: &Row<'_>) {}

    /// A record says that resources changed, if the log sources were compiled with rows and collectors.
    fn changed(&mut self, _changed: Changed) {}

    /// A record could not be read.
    fn bad(&mut self, record: BadRecord);
}

impl<F: FnMut(BadRecord)> Sink for F {
    fn bad(&mut self, record: BadRecord) {
        self(record);
    }
}

/// What is remembered of a file or stream between its texts, when it is set aside.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct InputState {
    state: ReaderState,
    newest: Option<Timestamp>,
}

impl Input<'_> {
    /// What to go on with later.
    pub fn state(&self) -> InputState {
        InputState { state: self.state.clone(), newest: self.newest }
    }

    /// Goes on where another left off.
    pub fn resume(&mut self, state: InputState) {
        (self.state, self.newest) = (state.state, state.newest);
    }
}

/// When what is fed happens.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The time of each record; where it has none, that of the record before it, else this one.
    OfRecords(Timestamp),
    /// This time, whatever the records say.
    At(Timestamp),
    /// The time of each record; where it has none, the one that it was kept with.
    Kept {
        /// What it was kept with.
        time: Timestamp,
        /// When it arrived.
        received: Timestamp,
    },
}

/// A record whose time is further ahead of its arrival than this, in milliseconds, was written by a clock that is wrong: an hour.
const AHEAD: i64 = 3_600_000;

impl Clock {
    /// When a record of a time arrived, if its own clock runs ahead.
    fn arrival_of_ahead(self, time: Timestamp) -> Option<Timestamp> {
        match self {
            Clock::At(_) => None,
            Clock::OfRecords(now) | Clock::Kept { received: now, .. } => {
                (time.as_millisecond().saturating_sub(now.as_millisecond()) > AHEAD).then_some(now)
            }
        }
    }

    /// When detections take a record of a time to have happened: if its clock runs ahead, when the record before it did, else when it
    /// arrives. One record of the year 2100 would end every window that it is in, and none of a sound clock would be in one again.
    fn counted(self, time: Timestamp, newest: Option<Timestamp>) -> Timestamp {
        self.arrival_of_ahead(time).map_or(time, |arrival| newest.unwrap_or(arrival))
    }
}

/// A record as it was kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// What was read.
    pub text: &'a str,
    /// What the reader knew besides: the column [`CONTEXT`](crate::CONTEXT).
    pub context: Option<&'a str>,
    /// When it happened.
    pub time: Timestamp,
    /// When it arrived.
    pub received: Timestamp,
}

impl Detect {
    /// Compiles rules for the log sources of a catalog. What can't be used is told and left out.
    pub fn new(catalog: &Catalog, rules: Vec<Rule>, placeholders: &Placeholders) -> (Self, Vec<Refused>) {
        Self::of_sources(catalog.log_sources.values(), rules, placeholders)
    }

    /// The same, and what is worth keeping of each record is read as well: [`Sink::row`] gets it; and what the catalog's collectors
    /// want to know has changed: [`Sink::changed`].
    pub fn with_rows(catalog: &Catalog, rules: Vec<Rule>, placeholders: &Placeholders) -> (Self, Vec<Refused>) {
        Self::compiled(catalog.log_sources.values(), rules, placeholders, Compiled::WithRows(&watched(catalog)))
    }

    /// The same for some log sources.
    pub fn of_sources<'f>(
        files: impl IntoIterator<Item = &'f LogSourceFile>,
        rules: Vec<Rule>,
        placeholders: &Placeholders,
    ) -> (Self, Vec<Refused>) {
        Self::compiled(files, rules, placeholders, Compiled::ForRules)
    }

    fn compiled<'f>(
        files: impl IntoIterator<Item = &'f LogSourceFile>,
        rules: Vec<Rule>,
        placeholders: &Placeholders,
        what: Compiled<'_>,
    ) -> (Self, Vec<Refused>) {
        let mut refused = Vec::new();
        let mut sources = BTreeMap::new();
        for file in files {
            match LogSource::new(file, &rules, placeholders, what, &mut refused) {
                Ok(source) => {
                    sources.insert(Arc::clone(&source.id), source);
                }
                Err(reason) => refused.push(Refused { rule: format!("log source {}", file.id), reason }),
            }
        }
        let mut correlations: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, rule) in rules.iter().enumerate() {
            for (of, _) in rule.correlates.iter().flat_map(|correlates| &correlates.rules) {
                correlations.entry(*of).or_default().push(number);
            }
        }
        (Detect { rules, sources, correlations }, refused)
    }

    /// The rules, used or not.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The log sources.
    pub fn sources(&self) -> impl Iterator<Item = &LogSource> {
        self.sources.values()
    }

    /// One log source.
    pub fn source(&self, id: &str) -> Option<&LogSource> {
        self.sources.get(id)
    }

    /// The rules that no log source has records for.
    pub fn without_records(&self) -> impl Iterator<Item = &Rule> {
        let mut used = vec![false; self.rules.len()];
        for number in self.sources.values().flat_map(LogSource::rules) {
            if let Some(used) = used.get_mut(number) {
                *used = true;
            }
        }
        self.rules.iter().zip(used).filter(|(_, used)| !used).map(|(rule, _)| rule)
    }

    /// Begins with a file or stream of a log source; `None` if there is no such source.
    pub fn input(&self, source: &str) -> Option<Input<'_>> {
        Some(Input {
            source: self.sources.get(source)?,
            state: ReaderState::default(),
            scratch: Scratch::default(),
            buffer: Vec::new(),
            fired: Vec::new(),
            n_records: 0,
            n_bad: 0,
            n_matched: 0,
            newest: None,
        })
    }

    /// Looks at the records of a line, or of a whole document.
    pub fn feed(&self, run: &mut Run, input: &mut Input<'_>, text: &str, clock: Clock, sink: &mut impl Sink) {
        let source = input.source;
        let mut state = std::mem::take(&mut input.state);
        source.reader.records(text, &mut state, &mut |raw| self.take(run, input, (raw, text), clock, sink));
        input.state = state;
    }

    /// Looks again at a record that was kept. All that an input's records came from, in the order in which they arrived, raises the
    /// same alerts again.
    pub fn feed_kept(&self, run: &mut Run, input: &mut Input<'_>, kept: &Kept<'_>, sink: &mut impl Sink) {
        let source = input.source;
        let clock = Clock::Kept { time: kept.time, received: kept.received };
        source.reader.kept(kept.text, kept.context, &mut |raw| self.take(run, input, (raw, kept.text), clock, sink));
    }

    /// Looks at what a reader took out of a text.
    fn take(
        &self,
        run: &mut Run,
        input: &mut Input<'_>,
        (raw, text): (Result<Raw<'_>, Unreadable>, &str),
        clock: Clock,
        sink: &mut impl Sink,
    ) {
        input.n_records += 1;
        let source = input.source;
        let wrong = match raw {
            Ok(raw) => match source.hot_record(&raw) {
                Ok(record) => match self.look_at(run, input, &raw, record, clock, sink) {
                    Ok(()) => return,
                    Err(reason) => (reason, crate::source::shorten(raw.text(), 200)),
                },
                Err(reason) => (reason, crate::source::shorten(raw.text(), 200)),
            },
            Err(reason) => (reason, crate::source::shorten(text, 200)),
        };
        input.n_bad += 1;
        sink.bad(BadRecord { number: input.n_records, reason: wrong.0.to_string(), start: wrong.1 });
    }

    fn look_at(
        &self,
        run: &mut Run,
        input: &mut Input<'_>,
        raw: &Raw<'_>,
        record: skywarden_sigma::Record<'_>,
        clock: Clock,
        sink: &mut impl Sink,
    ) -> Result<(), Unreadable> {
        let Input { source, scratch, buffer, fired, newest, n_matched, .. } = input;
        if source.has_rows() {
            let own_id = source.own_id(&record);
            if !sink.is_new(source, own_id.as_deref()) {
                return Ok(());
            }
        }
        let mut seen = source.look(record, scratch, buffer, fired);
        if !source.has_rows() && fired.is_empty() {
            return Ok(());
        }
        source.find_event(&mut seen, scratch);
        let time = time_of(source, &seen, clock, newest);
        if source.has_rows() {
            sink.row(&source.row(&seen, raw, time));
            for changed in source.changed(raw, &seen.record)? {
                sink.changed(changed);
            }
        }
        if fired.is_empty() {
            return Ok(());
        }
        // A clock that runs ahead makes nobody forget.
        match clock {
            Clock::At(_) => run.is_now(time),
            Clock::OfRecords(_) | Clock::Kept { .. } if clock.arrival_of_ahead(time).is_some() => {}
            Clock::OfRecords(now) | Clock::Kept { received: now, .. } => run.is_now(time.min(now)),
        }
        let id = source.event_id(&seen.record, raw.text());
        let counted = clock.counted(time, *newest);
        let mut event = None;
        let mut has_matched = false;
        for (number, rule_id) in fired.iter() {
            let Some(rule) = self.rules.get(*number) else { continue };
            let mut told = Vec::new();
            let finding = match &rule.detector {
                None => Some(None),
                Some(detector) => {
                    let field = |name: &str| source.field(name, &seen);
                    let sighting = Sighting { time: counted.as_millisecond(), id: &id, field: &field };
                    let state = run.detectors.entry(*number).or_insert_with(|| DetectorState::new(&rule.name));
                    let mut holds = |selection: &str| source.selection_holds(*rule_id, selection, &seen.record, scratch);
                    look(detector, (state, &mut run.cold), &sighting, &mut holds, &run.intelligence).map(Some)
                }
            };
            let Some(finding) = finding else { continue };
            for correlation in self.correlations.get(number).into_iter().flatten() {
                let Some((own, correlates, detector)) =
                    self.rules.get(*correlation).and_then(|own| Some((own, own.correlates.as_ref()?, own.detector.as_ref()?)))
                else {
                    continue;
                };
                let known_as = correlates.rules.iter().find(|(of, _)| of == number).map(|(_, name)| name.as_str());
                let known_as = known_as.unwrap_or_default();
                let field = |name: &str| match name.strip_prefix("record.") {
                    Some(name) => source.field(&format!("record.{}", correlates.field_of(name, known_as)), &seen),
                    None => source.field(name, &seen),
                };
                let sighting = Sighting { time: counted.as_millisecond(), id: &id, field: &field };
                let state = run.detectors.entry(*correlation).or_insert_with(|| DetectorState::new(&own.name));
                let mut holds = |name: &str| name == known_as;
                let finding = look(detector, (state, &mut run.cold), &sighting, &mut holds, &run.intelligence);
                told.extend(finding.map(|finding| (own, Some(finding))));
            }
            if rule.role == Role::Alerts {
                told.push((rule, finding));
            }
            if told.is_empty() {
                continue;
            }
            has_matched = true;
            let event = match &event {
                Some(event) => Event::clone(event),
                None => event.insert(source.event(&source.completed(raw, &seen)?, raw.text(), Some(time))).clone(),
            };
            for (rule, finding) in told {
                let evidence = || {
                    let reasons = source.reasons(*rule_id, &seen.record, scratch);
                    reasons.into_iter().map(|(field, expected, actual)| Evidence { field, expected, actual }).collect()
                };
                run.alerts.add(rule, (event.clone(), When { time, counted }), evidence, finding, &mut run.cold);
            }
        }
        *n_matched += u64::from(has_matched);
        Ok(())
    }
}

/// When a record happened; where it says nothing, that is when the record before it did.
fn time_of(source: &LogSource, seen: &crate::source::Seen<'_>, clock: Clock, newest: &mut Option<Timestamp>) -> Timestamp {
    let time = match clock {
        Clock::At(time) => time,
        Clock::OfRecords(now) => source.time(&seen.record, now).or(*newest).unwrap_or(now),
        Clock::Kept { time, received } => source.time(&seen.record, received).unwrap_or(time),
    };
    if clock.arrival_of_ahead(time).is_some() {
        return time;
    }
    let no_later = match clock {
        Clock::At(time) => time,
        Clock::OfRecords(now) | Clock::Kept { received: now, .. } => time.min(now),
    };
    *newest = Some(newest.map_or(no_later, |newest| newest.max(no_later)));
    time
}
