//! What is remembered between events, so that it can be kept outside memory and found again.

use std::{collections::BTreeSet, fmt};

use rustc_hash::FxHashMap;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

/// Where something that is remembered is kept: 12 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// A hash of the detection's name and of what kind of memory it is.
    pub of: u32,
    /// A hash of whom it is about.
    pub key: u64,
}

/// Something remembered, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// After this time, in milliseconds since 1970 and of events, it means nothing any more.
    pub until: i64,
    /// What it is; empty if the time says all.
    pub value: Vec<u8>,
}

/// Finds again what was kept outside memory.
pub trait Recall {
    /// What is kept at a place.
    ///
    /// # Errors
    /// If it can't be read, for people. The caller ends its work: going on as if nothing were known would raise wrong alerts.
    fn recall(&self, place: Place) -> Result<Option<Remembered>, String>;
}

/// Where a run finds what it knew, and whether that failed.
pub(crate) struct Cold {
    pub(crate) recall: Option<Box<dyn Recall + Send>>,
    /// The first reason why something could not be read.
    pub(crate) failed: Option<String>,
    /// The newest time of an event: what holds until before it is forgotten, in memory as where it is kept.
    pub(crate) now: i64,
}

impl Default for Cold {
    fn default() -> Self {
        Cold { recall: None, failed: None, now: i64::MIN }
    }
}

impl fmt::Debug for Cold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cold").field("is_there", &self.recall.is_some()).field("failed", &self.failed).finish()
    }
}

impl Cold {
    pub(crate) fn find(&mut self, place: Place) -> Option<Remembered> {
        match self.recall.as_ref()?.recall(place) {
            Ok(found) => found,
            Err(reason) => {
                self.failed.get_or_insert(reason);
                None
            }
        }
    }
}

/// Values of one kind by key. Those that changed since they were last kept are known.
#[derive(Debug)]
pub(crate) struct Kept<V> {
    of: u32,
    values: FxHashMap<u64, (i64, V)>,
    changed: BTreeSet<u64>,
}

/// A value that can be kept outside memory.
pub(crate) trait Keep: Sized {
    fn to_bytes(&self) -> Vec<u8>;
    /// An error if the bytes are none of this version's.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String>;
}

/// Just a time, which `until` says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moment;

impl Keep for Moment {
    fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    fn from_bytes(_: &[u8]) -> Result<Self, String> {
        Ok(Moment)
    }
}

impl<V: Serialize + DeserializeOwned> Keep for V {
    fn to_bytes(&self) -> Vec<u8> {
        // Bytes that are no JSON are told when they are read, so that a value that can't be written is not taken for none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("what a detection remembered can't be read: {error}"))
    }
}

impl<V: Keep> Kept<V> {
    /// Values of one kind (`windows`) of one detection.
    pub(crate) fn new(detection: &str, kind: &str) -> Self {
        let hash = hash_of(["kept", detection, kind].into_iter());
        #[expect(clippy::cast_possible_truncation, reason = "the lower half of a hash")]
        let of = hash as u32;
        Kept { of, values: FxHashMap::default(), changed: BTreeSet::new() }
    }

    /// The value of a key, from memory or from where it is kept, with the time until which it holds.
    pub(crate) fn get(&mut self, key: u64, cold: &mut Cold) -> Option<&(i64, V)> {
        self.fetch(key, cold);
        self.values.get(&key)
    }

    /// The same to change it; `until` is when it may be forgotten.
    pub(crate) fn change(&mut self, key: u64, until: i64, cold: &mut Cold) -> &mut V
    where
        V: Default,
    {
        self.fetch(key, cold);
        self.changed.insert(key);
        let (held, value) = self.values.entry(key).or_insert_with(|| (until, V::default()));
        *held = (*held).max(until);
        value
    }

    /// Changes a value that is there.
    pub(crate) fn get_mut(&mut self, key: u64, until: i64, cold: &mut Cold) -> Option<&mut V> {
        self.fetch(key, cold);
        let (held, value) = self.values.get_mut(&key)?;
        *held = (*held).max(until);
        self.changed.insert(key);
        Some(value)
    }

    /// Puts a value; what was there in memory.
    pub(crate) fn put(&mut self, key: u64, until: i64, value: V) -> Option<V> {
        self.changed.insert(key);
        self.values.insert(key, (until, value)).map(|(_, value)| value)
    }

    /// Takes out a value that no longer holds.
    pub(crate) fn take_expired(&mut self, key: u64, now: i64) -> Option<V> {
        self.values.get(&key).filter(|(until, _)| *until < now)?;
        self.values.remove(&key).map(|(_, value)| value)
    }

    /// Those in memory that changed since they were last kept.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &V> {
        self.changed.iter().filter_map(|key| self.values.get(key)).map(|(_, value)| value)
    }

    /// All in memory.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.values.values().map(|(_, value)| value)
    }

    fn fetch(&mut self, key: u64, cold: &mut Cold) {
        if self.take_expired(key, cold.now).is_some() || self.values.contains_key(&key) {
            return;
        }
        let Some(found) = cold.find(Place { of: self.of, key }).filter(|found| found.until >= cold.now) else { return };
        match V::from_bytes(&found.value) {
            Ok(value) => drop(self.values.insert(key, (found.until, value))),
            Err(reason) => drop(cold.failed.get_or_insert(reason)),
        }
    }

    /// How many changed since they were last kept.
    pub(crate) fn n_changed(&self) -> usize {
        self.changed.len()
    }

    /// Gives what changed, to be kept; memory holds at most `most` of them afterwards.
    pub(crate) fn give_changes(&mut self, most: usize, each: &mut dyn FnMut(Place, Remembered)) {
        for key in std::mem::take(&mut self.changed) {
            if let Some((until, value)) = self.values.get(&key) {
                each(Place { of: self.of, key }, Remembered { until: *until, value: value.to_bytes() });
            }
        }
        if self.values.len() > most {
            self.values = FxHashMap::default();
        }
    }
}

/// A hash of several texts that stays the same from version to version: the first eight bytes of SHA-256.
pub(crate) fn hash_of<'t>(texts: impl Iterator<Item = &'t str>) -> u64 {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.as_bytes());
        hasher.update([0xff]);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
