use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Sighting;
use crate::memory::hash_of;

/// How much an entity did in each window.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Volume {
    known_since: Option<i64>,
    /// The number of the window that is counted now.
    window: i64,
    sum: f64,
    values: BTreeSet<u64>,
    /// Number and amount of earlier windows, each larger than all later ones: what the largest is can be told from the first.
    peaks: Vec<(i64, f64)>,
    has_told: bool,
}

/// What is too much.
pub(crate) struct Limits {
    pub(crate) within: i64,
    pub(crate) at_least: f64,
    pub(crate) times: f64,
    pub(crate) learn: i64,
    pub(crate) remember: i64,
}

/// What one event adds.
pub(crate) enum Amount {
    Number(f64),
    Value(u64),
}

/// What an event adds; `None` if the field is not there.
pub(crate) fn amount(sum: Option<&str>, distinct: Option<&str>, sighting: &Sighting<'_>) -> Option<Amount> {
    match (sum, distinct) {
        (Some(field), _) => (sighting.field)(field)?.parse().ok().map(Amount::Number),
        (None, Some(field)) => {
            let text = (sighting.field)(field)?;
            Some(Amount::Value(hash_of([text.as_str()].into_iter())))
        }
        (None, None) => Some(Amount::Number(1.0)),
    }
}

impl Volume {
    /// Adds to the window of `time`. What it holds now and the most that an earlier one held, once, if that is too much.
    pub(crate) fn add(&mut self, time: i64, amount: Amount, limits: &Limits) -> Option<(f64, f64)> {
        let window = time.div_euclid(limits.within.max(1));
        let since = *self.known_since.get_or_insert(time);
        if window > self.window {
            let held = self.held();
            if held > 0.0 {
                self.peaks.retain(|(_, peak)| *peak > held);
                self.peaks.push((self.window, held));
            }
            let oldest = window.saturating_sub(limits.remember / limits.within.max(1));
            self.peaks.retain(|(number, _)| *number >= oldest);
            (self.window, self.sum, self.has_told) = (window, 0.0, false);
            self.values.clear();
        } else if window < self.window {
            // A late event: its window is closed.
            return None;
        }
        match amount {
            Amount::Number(number) => self.sum += number,
            Amount::Value(value) => {
                self.values.insert(value);
            }
        }
        let (held, before) = (self.held(), self.peaks.first().map_or(0.0, |(_, peak)| *peak));
        let is_known = time.saturating_sub(since) >= limits.learn;
        if self.has_told || !is_known || held < limits.at_least || held < before * limits.times {
            return None;
        }
        self.has_told = true;
        Some((held, before))
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of values, far below 2^53")]
    fn held(&self) -> f64 {
        self.sum + self.values.len() as f64
    }
}
