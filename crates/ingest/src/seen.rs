use rustc_hash::FxHashSet;
use sha2::{Digest as _, Sha256};

use crate::{error::IngestError, state::State};

/// How many ids a generation holds. Two are remembered: the newest million events at the least, at most 2 x 18 MB.
const GENERATION: usize = 1 << 20;

/// Ids of events that were seen, to recognise repeats. Eight bytes of a hash stand for an id: among two million, one event in 10^13 is
/// taken for a repeat and is none.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    generation: u64,
    newest: FxHashSet<u64>,
    before: FxHashSet<u64>,
    /// Those that the state does not have yet, of the newest generation.
    added: Vec<u64>,
    n_per_generation: usize,
}

impl Seen {
    /// Those that a state has.
    pub(crate) fn open(state: &State) -> Result<Self, IngestError> {
        Self::open_with(state, GENERATION)
    }

    fn open_with(state: &State, n_per_generation: usize) -> Result<Self, IngestError> {
        let mut seen = Seen { n_per_generation, ..Seen::default() };
        state.seen(&mut |generation, hash| {
            if generation > seen.generation {
                seen.before =
                    if generation == seen.generation + 1 { std::mem::take(&mut seen.newest) } else { FxHashSet::default() };
                seen.newest.clear();
                seen.generation = generation;
            }
            seen.newest.insert(hash);
        })?;
        seen.end_generation();
        Ok(seen)
    }

    /// Whether an event was not seen before; it is now.
    pub(crate) fn is_new(&mut self, source: &str, id: &str) -> bool {
        let hash = hash_of(source, id);
        if self.before.contains(&hash) || !self.newest.insert(hash) {
            return false;
        }
        self.added.push(hash);
        true
    }

    /// Whether a checkpoint should be made, so that the generation can end.
    pub(crate) fn is_full(&self) -> bool {
        self.newest.len() >= self.n_per_generation
    }

    /// What the state does not have yet: the generation and its hashes; and the oldest generation that still counts.
    pub(crate) fn take_added(&mut self) -> ((u64, Vec<u64>), u64) {
        let added = (self.generation, std::mem::take(&mut self.added));
        let since = self.generation.saturating_sub(1);
        self.end_generation();
        (added, since)
    }

    fn end_generation(&mut self) {
        if self.is_full() {
            self.before = std::mem::take(&mut self.newest);
            self.generation += 1;
        }
    }
}

fn hash_of(source: &str, id: &str) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(source.as_bytes());
    hasher.update([0xff]);
    hasher.update(id.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    digest.first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Changes, Progress};

    #[test]
    fn repeats_are_recognised_over_two_generations_and_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state.redb")).unwrap();
        let mut seen = Seen { n_per_generation: 10, ..Seen::default() };
        let mut checkpoint = 0;
        for n in 0..35 {
            assert!(seen.is_new("s", &n.to_string()), "{n}");
            assert!(!seen.is_new("s", &n.to_string()), "{n}");
            if n % 3 == 0 {
                checkpoint += 1;
                let (added, since) = seen.take_added();
                let changes = Changes { seen: added, seen_since: since, ..Changes::default() };
                state.commit(&Progress { checkpoint, ..Progress::default() }, &changes).unwrap();
                seen = Seen::open_with(&state, 10).unwrap();
            }
        }
        assert!((22..35).all(|n| !seen.is_new("s", &n.to_string())), "the newest ten at the least");
        assert!(seen.is_new("other", "33"), "ids are those of a source");
        assert!(seen.is_new("s", "0"), "long ago");
        assert!(seen.newest.len() + seen.before.len() <= 26);
    }
}
