use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use skywarden_content::{Catalog, LogSourceFile};
use skywarden_sigma::{Placeholders, RuleId, Scratch};

use crate::{
    Alerts, Evidence, Intelligence, LogSource, Refused, Role, Rule,
    detector::{DetectorState, Sighting, look},
    read::{Raw, ReaderState, Unreadable},
};

/// Log sources and rules, compiled. Never changes once made.
#[derive(Debug)]
pub struct Detect {
    rules: Vec<Rule>,
    sources: BTreeMap<Arc<str>, LogSource>,
    /// For each rule the correlations that look at what it finds.
    correlations: BTreeMap<usize, Vec<usize>>,
    /// What is known to be bad.
    pub intelligence: Intelligence,
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

impl Input<'_> {
    /// Whether a record may go over several lines, so that lines can't be fed one by one.
    pub fn spans_lines(&self) -> bool {
        self.source.reader.spans_lines()
    }

    /// Whether its records are JSON, so that a file may be one document.
    pub fn is_json(&self) -> bool {
        self.source.reader.is_json()
    }
}

/// What detections remember between events, and the alerts that they raised.
#[derive(Debug, Default)]
pub struct Run {
    detectors: FxHashMap<usize, DetectorState>,
    /// The alerts.
    pub alerts: Alerts,
}

/// When what is fed happens.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The time of each record; where it has none, that of the record before it, else this one.
    OfRecords(Timestamp),
    /// This time, whatever the records say.
    At(Timestamp),
}

impl Detect {
    /// Compiles rules for the log sources of a catalog. What can't be used is told and left out.
    pub fn new(catalog: &Catalog, rules: Vec<Rule>, placeholders: &Placeholders) -> (Self, Vec<Refused>) {
        Self::of_sources(catalog.log_sources.values(), rules, placeholders)
    }

    /// The same for some log sources.
    pub fn of_sources<'f>(
        files: impl IntoIterator<Item = &'f LogSourceFile>,
        rules: Vec<Rule>,
        placeholders: &Placeholders,
    ) -> (Self, Vec<Refused>) {
        let mut refused = Vec::new();
        let mut sources = BTreeMap::new();
        for file in files {
            match LogSource::new(file, &rules, placeholders, &mut refused) {
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
        (Detect { rules, sources, correlations, intelligence: Intelligence::default() }, refused)
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
    pub fn feed(&self, run: &mut Run, input: &mut Input<'_>, text: &str, clock: Clock, bad: &mut dyn FnMut(BadRecord)) {
        let source = input.source;
        let mut state = std::mem::take(&mut input.state);
        source.reader.records(text, &mut state, &mut |raw| {
            input.n_records += 1;
            let wrong = match raw {
                Ok(raw) => match source.hot_record(&raw) {
                    Ok(record) => match self.look_at(run, input, &raw, record, clock) {
                        Ok(()) => return,
                        Err(reason) => (reason, crate::source::shorten(raw.text(), 200)),
                    },
                    Err(reason) => (reason, crate::source::shorten(raw.text(), 200)),
                },
                Err(reason) => (reason, crate::source::shorten(text, 200)),
            };
            input.n_bad += 1;
            bad(BadRecord { number: input.n_records, reason: wrong.0.to_string(), start: wrong.1 });
        });
        input.state = state;
    }

    fn look_at(
        &self,
        run: &mut Run,
        input: &mut Input<'_>,
        raw: &Raw<'_>,
        record: skywarden_sigma::Record<'_>,
        clock: Clock,
    ) -> Result<(), Unreadable> {
        let Input { source, scratch, buffer, fired, newest, n_matched, .. } = input;
        let seen = source.look(record, scratch, buffer, fired);
        if fired.is_empty() {
            return Ok(());
        }
        let mut seen = source.completed(raw, &seen)?;
        source.find_event(&mut seen, scratch);
        let time = match clock {
            Clock::At(time) => time,
            Clock::OfRecords(now) => source.time(&seen.record, now).or(*newest).unwrap_or(now),
        };
        *newest = Some(newest.map_or(time, |newest| newest.max(time)));
        let id = source.event_id(&seen.record, raw.text());
        let mut event = None;
        let mut has_matched = false;
        for (number, rule_id) in fired.iter() {
            let Some(rule) = self.rules.get(*number) else { continue };
            let mut told = Vec::new();
            let finding = match &rule.detector {
                None => Some(None),
                Some(detector) => {
                    let field = |name: &str| source.field(name, &seen);
                    let sighting = Sighting { time: time.as_millisecond(), id: &id, field: &field };
                    let state = run.detectors.entry(*number).or_default();
                    let mut holds = |selection: &str| source.selection_holds(*rule_id, selection, &seen.record, scratch);
                    look(detector, state, &sighting, &mut holds, &self.intelligence).map(Some)
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
                let sighting = Sighting { time: time.as_millisecond(), id: &id, field: &field };
                let state = run.detectors.entry(*correlation).or_default();
                let finding = look(detector, state, &sighting, &mut |name| name == known_as, &self.intelligence);
                told.extend(finding.map(|finding| (*correlation, own, Some(finding))));
            }
            if rule.role == Role::Alerts {
                told.push((*number, rule, finding));
            }
            if told.is_empty() {
                continue;
            }
            has_matched = true;
            let event = event.get_or_insert_with(|| source.event(&seen, raw.text(), Some(time))).clone();
            for (number, rule, finding) in told {
                let evidence = || {
                    let reasons = source.reasons(*rule_id, &seen.record, scratch);
                    reasons.into_iter().map(|(field, expected, actual)| Evidence { field, expected, actual }).collect()
                };
                run.alerts.add((number, rule), event.clone(), time, evidence, finding);
            }
        }
        *n_matched += u64::from(has_matched);
        Ok(())
    }
}
