//! What must survive the end of the process besides the journal: one file (redb), changed in one transaction a checkpoint.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywarden_detect::{InputState, Place, Recall, Remembered};

use crate::{error::IngestError, places::Places};

/// Memory that the file's pages may take.
const CACHE: usize = 24 << 20;

/// The version of what is in the file. Another one is refused.
const VERSION: u64 = 1;

/// One row: how far everything is, as JSON.
const PROGRESS: TableDefinition<'_, &str, &str> = TableDefinition::new("progress");

/// Input and stream, with a line feed between -> where to go on.
const POSITIONS: TableDefinition<'_, &str, &str> = TableDefinition::new("positions");

/// Input and stream -> what its reader remembers.
const READERS: TableDefinition<'_, &str, &str> = TableDefinition::new("readers");

/// A detection's memory: place -> until when it means something, and what it is.
const MEMORY: TableDefinition<'_, (u32, u64), (i64, &[u8])> = TableDefinition::new("memory");

/// Generation and checkpoint -> hashes of ids of events that were seen, eight bytes each.
const SEEN: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("seen");

/// How far everything is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) version: u64,
    /// The number of the last checkpoint: that of the archive's files.
    pub(crate) checkpoint: u64,
    /// The first batch of the journal that is not safe elsewhere.
    pub(crate) next_batch: u64,
    /// The number of the next event.
    pub(crate) next_seq: i64,
    /// The newest time of an event, in milliseconds since 1970.
    pub(crate) newest: Option<i64>,
    /// How long each file of dead letters was.
    pub(crate) dead_letters: BTreeMap<String, u64>,
    /// What joins alerts into incidents, in its own words.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(crate) incidents: Value,
}

/// A checkpoint that is being made: it covers batches up to a number, and is made again with the same ones if it fails half way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Planned {
    pub(crate) checkpoint: u64,
    pub(crate) next_batch: u64,
}

/// The file.
#[derive(Debug, Clone)]
pub(crate) struct State {
    path: PathBuf,
    database: Arc<Database>,
    /// What a detection may remember something of.
    places: Arc<Places>,
}

/// What a checkpoint changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) positions: BTreeMap<String, Value>,
    /// Of those that ended nothing is left.
    pub(crate) readers: BTreeMap<String, Option<InputState>>,
    pub(crate) memory: Vec<(Place, Remembered)>,
    /// The generation that ids belong to, and their hashes.
    pub(crate) seen: (u64, Vec<u64>),
    /// Generations before this are forgotten.
    pub(crate) seen_since: u64,
}

impl State {
    /// Opens the file, which is made if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, IngestError> {
        let opened = Database::builder().set_cache_size(CACHE).create(path);
        let database = opened.map_err(|error| IngestError::State { path: path.to_owned(), reason: error.to_string() })?;
        let mut state = State { path: path.to_owned(), database: Arc::new(database), places: Arc::new(Places::for_about(0)) };
        state.attempt(|| {
            // A read of a table that was never written is an error.
            let change = state.database.begin_write()?;
            change.open_table(PROGRESS)?;
            change.open_table(POSITIONS)?;
            change.open_table(READERS)?;
            change.open_table(MEMORY)?;
            change.open_table(SEEN)?;
            change.commit()?;
            Ok(())
        })?;
        let progress = state.progress()?;
        if progress.version > VERSION {
            let reason = format!("it was written by a later version ({} and not {VERSION})", progress.version);
            return Err(IngestError::State { path: path.to_owned(), reason });
        }
        state.places = Arc::new(state.known_places()?);
        Ok(state)
    }

    fn attempt<T>(&self, what: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, IngestError> {
        what().map_err(|error| IngestError::State { path: self.path.clone(), reason: error.to_string() })
    }

    fn json<T: Serialize>(&self, value: &T) -> Result<String, IngestError> {
        serde_json::to_string(value).map_err(|error| IngestError::State { path: self.path.clone(), reason: error.to_string() })
    }

    fn row<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, IngestError> {
        let text = self.attempt(|| {
            let read = self.database.begin_read()?;
            let found = read.open_table(PROGRESS)?.get(name)?.map(|row| row.value().to_owned());
            Ok(found)
        })?;
        let parsed = text.map(|text| serde_json::from_str(&text)).transpose();
        parsed.map_err(|error| IngestError::State { path: self.path.clone(), reason: format!("its row {name}: {error}") })
    }

    pub(crate) fn progress(&self) -> Result<Progress, IngestError> {
        Ok(self.row("progress")?.unwrap_or_default())
    }

    /// The checkpoint that was being made when the process ended.
    pub(crate) fn planned(&self) -> Result<Option<Planned>, IngestError> {
        let done = self.progress()?.checkpoint;
        Ok(self.row::<Planned>("planned")?.filter(|planned| planned.checkpoint > done))
    }

    /// Notes that a checkpoint begins.
    pub(crate) fn plan(&self, planned: Planned) -> Result<(), IngestError> {
        let planned = self.json(&planned)?;
        self.attempt(|| {
            let change = self.database.begin_write()?;
            change.open_table(PROGRESS)?.insert("planned", planned.as_str())?;
            change.commit()?;
            Ok(())
        })
    }

    /// Where streams stood at the last checkpoint.
    pub(crate) fn positions(&self) -> Result<BTreeMap<String, Value>, IngestError> {
        self.texts(POSITIONS)
    }

    pub(crate) fn readers(&self) -> Result<BTreeMap<String, InputState>, IngestError> {
        self.texts(READERS)
    }

    fn texts<T: serde::de::DeserializeOwned>(
        &self,
        table: TableDefinition<'_, &str, &str>,
    ) -> Result<BTreeMap<String, T>, IngestError> {
        let rows: Vec<(String, String)> = self.attempt(|| {
            let read = self.database.begin_read()?;
            let mut rows = Vec::new();
            for row in read.open_table(table)?.iter()? {
                let (name, text) = row?;
                rows.push((name.value().to_owned(), text.value().to_owned()));
            }
            Ok(rows)
        })?;
        let mut all = BTreeMap::new();
        for (name, text) in rows {
            // Going on as if nothing were known would take everything in again.
            let value = serde_json::from_str(&text).map_err(|error| IngestError::State {
                path: self.path.clone(),
                reason: format!("what is kept of {}: {error}", name.replace('\n', " ")),
            })?;
            all.insert(name, value);
        }
        Ok(all)
    }

    /// Gives the hashes of ids that were seen, with their generation.
    pub(crate) fn seen(&self, each: &mut dyn FnMut(u64, u64)) -> Result<(), IngestError> {
        self.attempt(|| {
            let read = self.database.begin_read()?;
            for row in read.open_table(SEEN)?.iter()? {
                let (place, hashes) = row?;
                for hash in hashes.value().as_chunks::<8>().0 {
                    each(place.value().0, u64::from_le_bytes(*hash));
                }
            }
            Ok(())
        })
    }

    /// The places that something is remembered for.
    fn known_places(&self) -> Result<Places, IngestError> {
        self.attempt(|| {
            let read = self.database.begin_read()?;
            let memory = read.open_table(MEMORY)?;
            let places = Places::for_about(memory.len()?);
            for row in memory.iter()? {
                let (of, key) = row?.0.value();
                places.add(Place { of, key });
            }
            Ok(places)
        })
    }

    /// Makes a checkpoint: all of it, or nothing.
    pub(crate) fn commit(&self, progress: &Progress, changes: &Changes) -> Result<(), IngestError> {
        let progress = Progress { version: VERSION, ..progress.clone() };
        let written = self.json(&progress)?;
        let mut readers_written = BTreeMap::new();
        for (stream, state) in &changes.readers {
            readers_written.insert(stream, state.as_ref().map(|state| self.json(state)).transpose()?);
        }
        self.attempt(|| {
            let change = self.database.begin_write()?;
            {
                change.open_table(PROGRESS)?.insert("progress", written.as_str())?;
                let mut positions = change.open_table(POSITIONS)?;
                for (stream, position) in &changes.positions {
                    if position.is_null() {
                        positions.remove(stream.as_str())?;
                    } else {
                        positions.insert(stream.as_str(), position.to_string().as_str())?;
                    }
                }
                let mut readers = change.open_table(READERS)?;
                for (stream, state) in &readers_written {
                    match state {
                        Some(state) => readers.insert(stream.as_str(), state.as_str())?,
                        None => readers.remove(stream.as_str())?,
                    };
                }
                let mut memory = change.open_table(MEMORY)?;
                for (place, remembered) in &changes.memory {
                    memory.insert((place.of, place.key), (remembered.until, remembered.value.as_slice()))?;
                    self.places.add(*place);
                }
                let mut seen = change.open_table(SEEN)?;
                let (generation, hashes) = &changes.seen;
                if !hashes.is_empty() {
                    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
                    seen.insert((*generation, progress.checkpoint), bytes.as_slice())?;
                }
                seen.retain_in((0, 0)..(changes.seen_since, 0), |_, _| false)?;
            }
            change.commit()?;
            Ok(())
        })
    }

    /// Removes what means nothing any more at a time of events (milliseconds since 1970). How many things that were.
    pub(crate) fn forget(&self, now: i64) -> Result<u64, IngestError> {
        self.attempt(|| {
            let mut n = 0;
            let change = self.database.begin_write()?;
            change.open_table(MEMORY)?.retain(|_, (until, _)| {
                n += u64::from(until < now);
                until >= now
            })?;
            change.commit()?;
            Ok(n)
        })
    }
}

impl Recall for State {
    fn recall(&self, place: Place) -> Result<Option<Remembered>, String> {
        if !self.places.may_have(place) {
            return Ok(None);
        }
        let found = self.attempt(|| {
            let read = self.database.begin_read()?;
            let found = read.open_table(MEMORY)?.get((place.of, place.key))?;
            Ok(found.map(|row| {
                let (until, value) = row.value();
                Remembered { until, value: value.to_owned() }
            }))
        });
        found.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_found_again_and_a_plan_that_was_not_carried_out_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.redb");
        let place = Place { of: 1, key: 2 };
        {
            let state = State::open(&path).unwrap();
            assert_eq!(state.progress().unwrap(), Progress::default());
            let mut changes = Changes { seen: (3, vec![7, 8]), seen_since: 3, ..Changes::default() };
            changes.positions.insert("files\na.log".into(), serde_json::json!({ "offset": 5 }));
            changes.memory.push((place, Remembered { until: 100, value: b"x".to_vec() }));
            state.plan(Planned { checkpoint: 1, next_batch: 4 }).unwrap();
            assert!(state.planned().unwrap().is_some());
            state.commit(&Progress { checkpoint: 1, next_batch: 4, ..Progress::default() }, &changes).unwrap();
            assert!(state.planned().unwrap().is_none());
            state.plan(Planned { checkpoint: 2, next_batch: 9 }).unwrap();
        }
        let state = State::open(&path).unwrap();
        assert_eq!(state.progress().unwrap().next_batch, 4);
        assert_eq!(state.planned().unwrap(), Some(Planned { checkpoint: 2, next_batch: 9 }));
        assert_eq!(state.positions().unwrap().len(), 1);
        assert_eq!(state.recall(place).unwrap().unwrap().value, b"x");
        let mut seen = Vec::new();
        state.seen(&mut |generation, hash| seen.push((generation, hash))).unwrap();
        assert_eq!(seen, [(3, 7), (3, 8)]);
        assert_eq!((state.forget(100).unwrap(), state.forget(101).unwrap()), (0, 1));
        assert_eq!(state.recall(place).unwrap(), None);
        state.commit(&Progress::default(), &Changes { seen_since: 4, ..Changes::default() }).unwrap();
        state.seen(&mut |_, _| panic!("forgotten")).unwrap();
    }

    #[test]
    fn what_is_no_state_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.redb");
        std::fs::write(&path, "something else".repeat(1_000)).unwrap();
        assert!(State::open(&path).unwrap_err().to_string().contains("state.redb"));
    }
}
