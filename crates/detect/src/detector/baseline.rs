use rustc_hash::{FxHashMap, FxHashSet};

use super::{Sighting, texts_of};

const DAY: i64 = 86_400_000;

/// What entities have shown: 24 bytes for a pair of entity and feature besides the table itself. It is kept in memory, and nothing
/// is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    /// Entity -> since when it is known.
    known_since: FxHashMap<u64, i64>,
    /// Entity and feature -> when it was last shown, in milliseconds since 1970.
    shown: FxHashMap<(u64, u64), i64>,
    /// Group and feature -> who shows it.
    shown_by: FxHashMap<(u64, u64), FxHashSet<u64>>,
}

impl Baseline {
    /// Notes that an entity shows a feature. For how many days it did not, if it is known for long enough and this is new.
    pub(crate) fn first_seen(&mut self, entity: u64, feature: u64, time: i64, (learn, remember): (i64, i64)) -> Option<i64> {
        let since = self.known(entity, time);
        let last = self.shown.insert((entity, feature), time);
        if let Some(last) = last {
            // A late event does not make it older than it is.
            self.shown.insert((entity, feature), last.max(time));
        }
        if time - since < learn {
            return None;
        }
        match last {
            None => Some((time - since).min(remember) / DAY),
            Some(last) if time - last > remember => Some((time - last) / DAY),
            Some(_) => None,
        }
    }

    /// Notes that an entity of a group shows a feature. How many of the group show it, if this is the first time of this entity,
    /// the group is known for long enough and they are few.
    pub(crate) fn rare(
        &mut self,
        (group, entity, feature): (u64, u64, u64),
        time: i64,
        at_most: u32,
        (learn, remember): (i64, i64),
    ) -> Option<usize> {
        let since = self.known(group, time);
        let last = self.shown.insert((entity ^ group.rotate_left(17), feature), time);
        let by = self.shown_by.entry((group, feature)).or_default();
        by.insert(entity);
        let n = by.len();
        let is_new = last.is_none_or(|last| time - last > remember);
        (is_new && time - since >= learn && n <= usize::try_from(at_most).unwrap_or(usize::MAX)).then_some(n)
    }

    fn known(&mut self, entity: u64, time: i64) -> i64 {
        let since = self.known_since.entry(entity).or_insert(time);
        *since = (*since).min(time);
        *since
    }
}

/// The sentence of an alert: "first time in 43 days that anna shows FR (src_endpoint.location.country)".
pub(crate) fn first_time(entity: &[String], feature: &[String], days: i64, sighting: &Sighting<'_>) -> String {
    let (who, what) = (texts_of(entity, sighting), texts_of(feature, sighting));
    format!("first time in {days} days that {who} shows {what} ({})", feature.join(", "))
}
