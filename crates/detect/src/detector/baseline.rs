use serde::{Deserialize, Serialize};

use super::{Sighting, texts_of};
use crate::{
    Place, Remembered,
    memory::{Cold, Kept, Moment},
};

const DAY: i64 = 86_400_000;

/// A pair that was shown again is noted anew only after so long, in milliseconds: an hour.
const FRESH: i64 = 3_600_000;

/// What entities have shown. A pair of entity and feature is kept in 20 bytes: its place, and until when it is remembered.
#[derive(Debug)]
pub(crate) struct Baseline {
    /// Entity -> since when it is known.
    known_since: Kept<Since>,
    /// Entity and feature -> until when that is remembered.
    shown: Kept<Moment>,
    /// Group and feature -> who shows it.
    shown_by: Kept<Few>,
}

/// When something was first seen, in milliseconds since 1970.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Since(Option<i64>);

/// Those who last showed something, with the time; one more than `at_most` is enough to know that they are not few.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Few(Vec<(u64, i64)>);

impl Baseline {
    pub(crate) fn new(detection: &str) -> Self {
        Baseline {
            known_since: Kept::new(detection, "known since"),
            shown: Kept::new(detection, "shown"),
            shown_by: Kept::new(detection, "shown by"),
        }
    }

    /// Notes that an entity shows a feature. For how many days it did not, if it is known for long enough and this is new.
    pub(crate) fn first_seen(
        &mut self,
        (entity, feature): (u64, u64),
        time: i64,
        (learn, remember): (i64, i64),
        cold: &mut Cold,
    ) -> Option<i64> {
        let since = self.known(entity, time, remember, cold);
        let last = self.note(pair(entity, feature), time, remember, cold);
        if time.saturating_sub(since) < learn {
            return None;
        }
        match last {
            None => Some(time.saturating_sub(since).min(remember) / DAY),
            Some(last) if time.saturating_sub(last) > remember => Some(time.saturating_sub(last) / DAY),
            Some(_) => None,
        }
    }

    /// Notes that an entity of a group shows a feature. How many of the group show it, if this is the first time of this entity,
    /// the group is known for long enough and they are few.
    pub(crate) fn rare(
        &mut self,
        (group, entity, feature): (u64, u64, u64),
        (time, at_most): (i64, u32),
        (learn, remember): (i64, i64),
        cold: &mut Cold,
    ) -> Option<usize> {
        let since = self.known(group, time, remember, cold);
        let last = self.note(pair(pair(group, entity), feature), time, remember, cold);
        let at_most = usize::try_from(at_most).unwrap_or(usize::MAX);
        let Few(by) = self.shown_by.change(pair(group, feature), time.saturating_add(remember), cold);
        by.retain(|(_, at)| time.saturating_sub(*at) <= remember);
        if let Some((_, at)) = by.iter_mut().find(|(who, _)| *who == entity) {
            *at = time.max(*at);
        } else if by.len() <= at_most {
            by.push((entity, time));
        }
        let n = by.len();
        let is_new = last.is_none_or(|last| time.saturating_sub(last) > remember);
        (is_new && time.saturating_sub(since) >= learn && n <= at_most).then_some(n)
    }

    /// When a pair was last shown, as well as hours tell; now it is shown again.
    fn note(&mut self, pair: u64, time: i64, remember: i64, cold: &mut Cold) -> Option<i64> {
        let last = self.shown.get(pair, cold).map(|(until, _)| until.saturating_sub(remember));
        // A late event does not make it older than it is.
        if last.is_none_or(|last| time.saturating_sub(last) > FRESH) {
            self.shown.put(pair, time.saturating_add(remember), Moment);
        }
        last
    }

    /// Since when somebody is known. Who is not seen for as long as features are remembered is unknown again.
    fn known(&mut self, entity: u64, time: i64, remember: i64, cold: &mut Cold) -> i64 {
        let until = time.saturating_add(remember);
        if let Some((held, Since(Some(since)))) = self.known_since.get(entity, cold)
            && *since <= time
            && until.saturating_sub(*held) <= FRESH
        {
            return *since;
        }
        // A clock that says 1970 makes nobody known for decades.
        if self.known_since.get(entity, cold).is_some_and(|(held, _)| held.saturating_sub(until) > remember) {
            return time;
        }
        let Since(since) = self.known_since.change(entity, until, cold);
        let earliest = since.map_or(time, |since| since.min(time));
        *since = Some(earliest);
        earliest
    }

    pub(crate) fn n_changed(&self) -> usize {
        self.known_since.n_changed() + self.shown.n_changed() + self.shown_by.n_changed()
    }

    pub(crate) fn give_changes(&mut self, most: usize, each: &mut dyn FnMut(Place, Remembered)) {
        self.known_since.give_changes(most, each);
        self.shown.give_changes(most, each);
        self.shown_by.give_changes(most, each);
    }
}

/// The key of two keys.
fn pair(of: u64, and: u64) -> u64 {
    // Both are hashes of SHA-256 already; this only has to keep (a, b) apart from (b, a).
    of.rotate_left(21).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ and
}

/// The sentence of an alert: "first time in 43 days that anna shows FR (src_endpoint.location.country)".
pub(crate) fn first_time(entity: &[String], feature: &[String], days: i64, sighting: &Sighting<'_>) -> String {
    let (who, what) = (texts_of(entity, sighting), texts_of(feature, sighting));
    format!("first time in {days} days that {who} shows {what} ({})", feature.join(", "))
}
