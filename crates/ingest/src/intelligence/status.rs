use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use skywarden_content::IndicatorKind;
use skywarden_detect::indicators::Unusable;

use super::Look;
use crate::Problem;

/// So many of what could not be used are shown; the rest is counted.
const MAX_SHOWN: usize = 20;

/// How each feed is doing. A clone sees the same.
#[derive(Debug, Clone, Default)]
pub struct FeedStatuses(Arc<Mutex<Vec<(FeedFacts, FeedStatus)>>>);

/// What is known of a feed before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFacts {
    /// Its id.
    pub id: Arc<str>,
    /// Its kind, as settings have it: `files`, `taxii`.
    pub kind: &'static str,
}

/// How a feed is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedStatus {
    /// How many values of each kind are in force; empty until something is.
    pub n_by_kind: BTreeMap<IndicatorKind, usize>,
    /// What by its own word is no indicator to use, and how many.
    pub left_out: BTreeMap<&'static str, usize>,
    /// How many could not be used.
    pub n_unusable: usize,
    /// The first 20 of them.
    pub unusable: Vec<Unusable>,
    /// When it was last known to be as it is in force.
    pub last_read: Option<Timestamp>,
    /// What is wrong now.
    pub problem: Option<Problem>,
    /// How often it failed.
    pub n_failures: u64,
}

impl FeedStatuses {
    /// Of feeds that are not read yet.
    pub(super) fn new(feeds: Vec<FeedFacts>) -> Self {
        let unread = feeds.into_iter().map(|facts| (facts, FeedStatus::default())).collect();
        FeedStatuses(Arc::new(Mutex::new(unread)))
    }

    /// Each feed with how it is doing, in the order of the settings.
    pub fn all(&self) -> Vec<(FeedFacts, FeedStatus)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what looking at a feed came to, which may have given nothing new.
    pub(super) fn note(&self, number: usize, look: &Look) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((facts, status)) = all.get_mut(number) else { return };
        if let Some(reading) = &look.reading {
            status.n_by_kind = reading.known.n_by_kind();
            status.left_out.clone_from(&reading.loaded.left_out);
            status.n_unusable = reading.loaded.n_unusable;
            status.unusable = reading.loaded.unusable.iter().take(MAX_SHOWN).cloned().collect();
            status.last_read = Some(reading.at);
        }
        match &look.problem {
            None if look.reading.is_none() => {
                status.problem = None;
                status.last_read = Some(Timestamp::now());
            }
            None => status.problem = None,
            Some(reason) => {
                // Once for each problem: files are looked at every minute.
                if status.problem.as_ref().is_none_or(|problem| problem.reason != *reason) {
                    tracing::warn!(feed = %facts.id, reason, "a feed of threat intelligence failed; it is looked at again");
                }
                status.n_failures += 1;
                let since = status.problem.as_ref().map_or_else(Timestamp::now, |problem| problem.since);
                status.problem = Some(Problem { reason: reason.clone(), since });
            }
        }
    }
}
