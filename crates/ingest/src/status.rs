use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::Serialize;

/// How each input is doing.
#[derive(Debug, Clone, Default)]
pub struct Statuses(Arc<Mutex<BTreeMap<Arc<str>, InputStatus>>>);

/// How an input is doing since the process began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputStatus {
    /// The log source of what came last.
    pub source: Option<Arc<str>>,
    /// How many texts (lines, documents) came.
    pub n_texts: u64,
    /// How many bytes these had.
    pub n_bytes: u64,
    /// How many events were in them.
    pub n_events: u64,
    /// How many were known already and are not looked at again.
    pub n_repeated: u64,
    /// How many could not be read and lie with the dead letters.
    pub n_bad: u64,
    /// When something came last.
    pub last_received: Option<Timestamp>,
    /// The newest time of an event.
    pub last_event: Option<Timestamp>,
    /// How much is waiting at the source, if it says so: bytes of files, messages of queues.
    pub behind: Option<u64>,
    /// What is wrong now.
    pub problem: Option<Problem>,
    /// How often it failed.
    pub n_failures: u64,
    /// How long after its time the last event came, in milliseconds.
    pub lag: Option<i64>,
    /// Events of the last minute.
    #[serde(skip)]
    pub rate: Rate,
}

/// Counts what came within the last minute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rate {
    /// How many came in each span of so many seconds; the place is the span's number modulo their count.
    spans: [(i64, u64); N_SPANS],
}

/// Seconds that are counted together.
const SPAN: i64 = 5;

/// A minute of them.
const N_SPANS: usize = 12;

const N_SPANS_SIGNED: i64 = 12;

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// For people: what was tried, on what, why it failed.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl Statuses {
    /// All of them.
    pub fn all(&self) -> BTreeMap<Arc<str>, InputStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes that of an input.
    pub fn change(&self, input: &Arc<str>, how: impl FnOnce(&mut InputStatus)) {
        how(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(Arc::clone(input)).or_default());
    }

    /// Forgets an input that is no more.
    pub fn remove(&self, input: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(input);
    }
}

impl Rate {
    /// Notes that so many came now.
    pub fn add(&mut self, n: u64, now: Timestamp) {
        let span = now.as_second().div_euclid(SPAN);
        let place = usize::try_from(span.rem_euclid(N_SPANS_SIGNED)).unwrap_or_default();
        if let Some(counted) = self.spans.get_mut(place) {
            let held = if counted.0 == span { counted.1 } else { 0 };
            *counted = (span, held + n);
        }
    }

    /// How many came in the minute that ends now, each second on average.
    pub fn per_second(&self, now: Timestamp) -> f64 {
        let last = now.as_second().div_euclid(SPAN);
        let is_recent = |(span, _): &&(i64, u64)| (last - N_SPANS_SIGNED + 1..=last).contains(span);
        let n: u64 = self.spans.iter().filter(is_recent).map(|(_, n)| n).sum();
        f64::from(u32::try_from(n).unwrap_or(u32::MAX)) / 60.0
    }
}

impl InputStatus {
    /// Notes that something went wrong; the first of several failures in a row says since when.
    pub fn fail(&mut self, reason: String) {
        self.n_failures += 1;
        let since = self.problem.as_ref().map_or_else(Timestamp::now, |problem| problem.since);
        self.problem = Some(Problem { reason, since });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_forgets_what_is_older_than_a_minute() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let mut rate = Rate::default();
        rate.add(60, at(0));
        rate.add(30, at(4));
        rate.add(30, at(30));
        assert_eq!([at(30), at(59), at(60), at(89), at(95)].map(|now| rate.per_second(now)), [2.0, 2.0, 0.5, 0.5, 0.0]);
        rate.add(6, at(120));
        assert_eq!(rate.per_second(at(120)), 0.1, "the place of an old span is taken anew");
    }
}
