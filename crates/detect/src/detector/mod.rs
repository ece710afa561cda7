//! What looks at several events together: state by detection and key, times from the events.

mod baseline;
mod clock;
mod name;
mod sequence;
mod threshold;
mod travel;
mod volume;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use skywarden_content::{Detector, duration};

pub(crate) use baseline::Baseline;

use crate::intelligence::Intelligence;

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
#[derive(Debug, Default)]
pub(crate) struct DetectorState {
    windows: FxHashMap<u64, Window>,
    sequences: FxHashMap<u64, sequence::Progress>,
    baseline: Baseline,
    volumes: FxHashMap<u64, volume::Volume>,
    places: FxHashMap<u64, travel::Place>,
}

/// The last events of one key.
#[derive(Debug, Default, Clone)]
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
        while self.events.len() > most || self.events.front().is_some_and(|(at, ..)| *at <= newest - within) {
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
    state: &mut DetectorState,
    sighting: &Sighting<'_>,
    holds: &mut dyn FnMut(&str) -> bool,
    intelligence: &Intelligence,
) -> Option<Finding> {
    match detector {
        Detector::Threshold { by, within, at_least, distinct } => {
            let key = key_of(by, sighting)?;
            threshold::look(
                state.windows.entry(key).or_default(),
                sighting,
                milliseconds(within),
                *at_least,
                distinct.as_deref(),
                within,
            )
        }
        Detector::Sequence { by, within, steps } => {
            let key = key_of(by, sighting)?;
            sequence::look(state.sequences.entry(key).or_default(), sighting, milliseconds(within), steps, holds, within)
        }
        Detector::Together { by, within, selections } => {
            let progress = state.sequences.entry(key_of(by, sighting)?).or_default();
            sequence::look_together(progress, sighting, milliseconds(within), selections, holds, within)
        }
        Detector::FirstSeen { entity, feature, learn, remember } => {
            let (entity_key, feature_key) = (key_of(entity, sighting)?, key_of(feature, sighting)?);
            let periods = (milliseconds(learn), milliseconds(remember));
            let days = state.baseline.first_seen(entity_key, feature_key, sighting.time, periods)?;
            Some(Finding { why: baseline::first_time(entity, feature, days, sighting), events: Vec::new() })
        }
        Detector::Rare { entity, feature, among, at_most, learn, remember } => {
            let (entity_key, feature_key) = (key_of(entity, sighting)?, key_of(feature, sighting)?);
            let group = if among.is_empty() { 0 } else { key_of(among, sighting)? };
            let periods = (milliseconds(learn), milliseconds(remember));
            let n = state.baseline.rare((group, entity_key, feature_key), sighting.time, *at_most, periods)?;
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
            let (now, before) = state.volumes.entry(key).or_default().add(sighting.time, amount, &limits)?;
            let what = sum.as_deref().or(distinct.as_deref()).unwrap_or("events");
            let who = texts_of(entity, sighting);
            Some(Finding {
                why: format!("{now} ({what}) within {within} of {who}; the most before was {before}"),
                events: Vec::new(),
            })
        }
        Detector::Travel { entity, faster_than } => {
            let key = key_of(entity, sighting)?;
            travel::look(&mut state.places, key, sighting, *faster_than)
        }
        Detector::Beacon { by, at_least, within, jitter } => {
            let key = key_of(by, sighting)?;
            clock::look(state.windows.entry(key).or_default(), sighting, milliseconds(within), *at_least, *jitter)
        }
        Detector::GeneratedName { field, by, at_least, within } => {
            let name = (sighting.field)(field)?;
            if !name::looks_generated(&name) {
                return None;
            }
            let key = key_of(by, sighting)?;
            threshold::look(state.windows.entry(key).or_default(), sighting, milliseconds(within), *at_least, Some(field), within)
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
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = rustc_hash::FxHasher::default();
    for name in names {
        either(name, sighting)?.to_lowercase().hash(&mut hasher);
    }
    Some(hasher.finish())
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
