use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use crate::{Alert, Alerts, Knowledge, Place, Recall, Remembered, detector::DetectorState, memory::Cold};

/// What detections remember between events, and the alerts that they raised.
///
/// By itself it keeps everything in memory. One that [goes on](Self::going_on) from what an earlier one gave to be kept holds in memory
/// only what was touched lately.
#[derive(Debug, Default)]
pub struct Run {
    /// By the number of the rule.
    pub(crate) detectors: BTreeMap<usize, DetectorState>,
    /// The alerts.
    pub alerts: Alerts,
    /// What is known to be bad; another may be put in its place between texts.
    pub intelligence: Arc<Knowledge>,
    pub(crate) cold: Cold,
}

impl Run {
    /// Remembers nothing yet and knows what is bad.
    pub fn knowing(intelligence: Arc<Knowledge>) -> Self {
        Run { intelligence, ..Run::default() }
    }

    /// Goes on from what was kept, as of the newest event then.
    pub fn going_on(recall: Box<dyn Recall + Send>, newest: Option<Timestamp>) -> Self {
        let now = newest.map_or(i64::MIN, Timestamp::as_millisecond);
        Run { cold: Cold { recall: Some(recall), failed: None, now }, ..Run::default() }
    }

    /// Why what was kept could not be read, once that happened: alerts since then may be wrong.
    pub fn failed(&self) -> Option<&str> {
        self.cold.failed.as_deref()
    }

    /// The newest time of an event that a rule looked at, in milliseconds since 1970.
    pub fn now(&self) -> Option<i64> {
        Some(self.cold.now).filter(|now| *now > i64::MIN)
    }

    /// How many things changed since they were last kept.
    pub fn n_changed(&self) -> usize {
        self.alerts.n_changed() + self.detectors.values().map(DetectorState::n_changed).sum::<usize>()
    }

    /// The alerts that are new or grew since changes were last given, in the order in which they were raised.
    pub fn changed_alerts(&self) -> Vec<Alert> {
        self.alerts.changed()
    }

    /// Gives what changed, to be kept. Of each kind of memory of each detection, memory holds at most `most` things afterwards.
    pub fn give_changes(&mut self, most: usize, each: &mut dyn FnMut(Place, Remembered)) {
        for state in self.detectors.values_mut() {
            state.give_changes(most, each);
        }
        self.alerts.give_changes(most, each);
    }

    pub(crate) fn is_now(&mut self, time: Timestamp) {
        self.cold.now = self.cold.now.max(time.as_millisecond());
    }
}
