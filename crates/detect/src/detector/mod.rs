//! What looks at several events together: state by detection and key, times from the events.

mod baseline;
mod clock;
mod name;
mod sequence;
mod threshold;
pub(crate) mod travel;
mod volume;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use skywarden_content::{Detector, duration};

use crate::{
    Place, Remembered,
    intelligence::Knowledge,
    memory::{Cold, Kept, hash_of},
};

/// Most events that a detector names in an alert.
const MAX_NAMED: usize = 100;

/// One event as a detector looks at it.
pub(crate) struct Sighting<'s> {
    /// When, in milliseconds since 1970.
    pub(crate) time: i64,
    /// Its id.
    pub(crate) id: &'s str,
    /// The text of a field.
    pub(crate) field: &'s dyn Fn(&str) -> Option<String>,
}

/// What a detector says of several events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Why, in a sentence for people.
    pub(crate) why: String,
    /// The events, the newest last; empty if it is only the one.
    pub(crate) events: Vec<String>,
}

/// What a detection remembers.
#[derive(Debug)]
pub(crate) struct DetectorState {
    windows: Kept<Window>,
    sequences: Kept<sequence::Progress>,
    baseline: baseline::Baseline,
    volumes: Kept<volume::Volume>,
    places: Kept<travel::LastPlace>,
}

impl DetectorState {
    /// That of a detection that has seen nothing in this run.
    pub(crate) fn new(detection: &str) -> Self {
        DetectorState {
            windows: Kept::new(detection, "windows"),
            sequences: Kept::new(detection, "sequences"),
            baseline: baseline::Baseline::new(detection),
            volumes: Kept::new(detection, "volumes"),
            places: Kept::new(detection, "places"),
        }
    }

    /// How many things changed since they were last kept.
    pub(crate) fn n_changed(&self) -> usize {
        let own = [self.windows.n_changed(), self.sequences.n_changed(), self.volumes.n_changed(), self.places.n_changed()];
        own.iter().sum::<usize>() + self.baseline.n_changed()
    }

    /// Gives what changed, to be kept; of each kind memory holds at most `most` afterwards.
    pub(crate) fn give_changes(&mut self, most: usize, each: &mut dyn FnMut(Place, Remembered)) {
        self.windows.give_changes(most, each);
        self.sequences.give_changes(most, each);
        self.baseline.give_changes(most, each);
        self.volumes.give_changes(most, each);
        self.places.give_changes(most, each);
    }
}

/// The last events of one key.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Window {
    /// Time, id, and a hash of the value that is counted, in order of time.
    events: VecDeque<(i64, String, u64)>,
    /// Until when nothing is said again.
    quiet_until: i64,
}

impl Window {
    /// Adds an event and forgets what is older than `within`; `most` events are kept.
    fn add(&mut self, time: i64, id: &str, value: u64, within: i64, most: usize) {
        let place = self.events.iter().rposition(|(at, ..)| *at <= time).map_or(0, |place| place + 1);
        self.events.insert(place, (time, id.to_owned(), value));
        let newest = self.events.back().map_or(time, |(at, ..)| *at);
        while self.events.len() > most || self.events.front().is_some_and(|(at, ..)| *at <= newest.saturating_sub(within)) {
            self.events.pop_front();
        }
    }

    fn ids(&self) -> Vec<String> {
        let skipped = self.events.len().saturating_sub(MAX_NAMED);
        self.events.iter().skip(skipped).map(|(_, id, _)| id.clone()).collect()
    }
}

/// Looks at an event that a rule chose.
pub(crate) fn look(
    detector: &Detector,
    (state, cold): (&mut DetectorState, &mut Cold),
    sighting: &Sighting<'_>,
    holds: &mut dyn FnMut(&str) -> bool,
    intelligence: &Knowledge,
) -> Option<Finding> {
    // What happened later than the newest event of a window may still be compared with it for as long as the window is.
    let after = |within: i64| sighting.time.saturating_add(within.saturating_mul(2));
    match detector {
        Detector::Threshold { by, within, at_least, distinct } => {
            let (key, length) = (key_of(by, sighting)?, milliseconds(within));
            let window = state.windows.change(key, after(length), cold);
            threshold::look(window, sighting, length, *at_least, distinct.as_deref(), within)
        }
        Detector::Sequence { by, within, steps } => {
            let (key, length) = (key_of(by, sighting)?, milliseconds(within));
            let progress = state.sequences.change(key, after(length), cold);
            sequence::look(progress, sighting, length, steps, holds, within)
        }
        Detector::Together { by, within, selections } => {
            let (key, length) = (key_of(by, sighting)?, milliseconds(within));
            let progress = state.sequences.change(key, after(length), cold);
            sequence::look_together(progress, sighting, length, selections, holds, within)
        }
        Detector::FirstSeen { entity, feature, learn, remember } => {
            let (entity_key, feature_key) = (key_of(entity, sighting)?, key_of(feature, sighting)?);
            let periods = (milliseconds(learn), milliseconds(remember));
            let days = state.baseline.first_seen((entity_key, feature_key), sighting.time, periods, cold)?;
            Some(Finding { why: baseline::first_time(entity, feature, days, sighting), events: Vec::new() })
        }
        Detector::Rare { entity, feature, among, at_most, learn, remember } => {
            let (entity_key, feature_key) = (key_of(entity, sighting)?, key_of(feature, sighting)?);
            let group = if among.is_empty() { 0 } else { key_of(among, sighting)? };
            let periods = (milliseconds(learn), milliseconds(remember));
            let n = state.baseline.rare((group, entity_key, feature_key), (sighting.time, *at_most), periods, cold)?;
            let shown = texts_of(feature, sighting);
            let others = if n <= 1 { "nobody else".to_owned() } else { format!("only {} others", n - 1) };
            Some(Finding {
                why: format!("{shown}: {others} showed this in the time that is remembered ({remember})"),
                events: Vec::new(),
            })
        }
        Detector::Volume { entity, sum, distinct, within, at_least, times, learn, remember } => {
            let key = key_of(entity, sighting)?;
            let amount = volume::amount(sum.as_deref(), distinct.as_deref(), sighting)?;
            let limits = volume::Limits {
                within: milliseconds(within),
                at_least: *at_least,
                times: *times,
                learn: milliseconds(learn),
                remember: milliseconds(remember),
            };
            let volume = state.volumes.change(key, sighting.time.saturating_add(limits.remember), cold);
            let (now, before) = volume.add(sighting.time, amount, &limits)?;
            let what = sum.as_deref().or(distinct.as_deref()).unwrap_or("events");
            let who = texts_of(entity, sighting);
            Some(Finding {
                why: format!("{now} ({what}) within {within} of {who}; the most before was {before}"),
                events: Vec::new(),
            })
        }
        Detector::Travel { entity, faster_than } => {
            let key = key_of(entity, sighting)?;
            travel::look((&mut state.places, cold), key, sighting, *faster_than)
        }
        Detector::Beacon { by, at_least, within, jitter } => {
            let (key, length) = (key_of(by, sighting)?, milliseconds(within));
            clock::look(state.windows.change(key, after(length), cold), sighting, length, *at_least, *jitter)
        }
        Detector::GeneratedName { field, by, at_least, within } => {
            let name = (sighting.field)(field)?;
            if !name::looks_generated(&name) {
                return None;
            }
            let (key, length) = (key_of(by, sighting)?, milliseconds(within));
            let window = state.windows.change(key, after(length), cold);
            threshold::look(window, sighting, length, *at_least, Some(field), within)
        }
        Detector::Indicator { fields, of, labels } => fields.iter().find_map(|field| {
            let text = (sighting.field)(field)?;
            let known = intelligence.find(&text, of, labels, sighting.time)?;
            Some(Finding { why: format!("{field} {text}: {known}"), events: Vec::new() })
        }),
    }
}

/// The key of an event's fields; `None` if one is not there.
fn key_of(names: &[String], sighting: &Sighting<'_>) -> Option<u64> {
    let mut texts = Vec::with_capacity(names.len());
    for name in names {
        texts.push(either(name, sighting)?.to_lowercase());
    }
    Some(hash_of(texts.iter().map(String::as_str)))
}

/// The text of the first field of `a|b` that is there.
fn either(names: &str, sighting: &Sighting<'_>) -> Option<String> {
    names.split('|').find_map(sighting.field)
}

fn texts_of(names: &[String], sighting: &Sighting<'_>) -> String {
    let texts: Vec<String> = names.iter().filter_map(|name| either(name, sighting)).collect();
    texts.join(", ")
}

/// Lint has read the length; an unreadable one never ends.
fn milliseconds(text: &str) -> i64 {
    duration(text).map_or(i64::MAX / 4, |seconds| seconds.saturating_mul(1_000))
}
