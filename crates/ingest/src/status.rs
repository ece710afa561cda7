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
}

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

impl InputStatus {
    /// Notes that something went wrong; the first of several failures in a row says since when.
    pub fn fail(&mut self, reason: String) {
        self.n_failures += 1;
        let since = self.problem.as_ref().map_or_else(Timestamp::now, |problem| problem.since);
        self.problem = Some(Problem { reason, since });
    }
}
