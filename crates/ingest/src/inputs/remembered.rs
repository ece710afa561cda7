//! Ids of what was taken in already, for sources that give things again: objects of buckets, messages of queues.

use std::collections::VecDeque;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use jiff::Timestamp;
use rustc_hash::FxHashSet;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Context;
use crate::{About, Batch, End, RefusedText, Texts, error::IngestError};

/// Ids are remembered for so long: seven days, in seconds. SQS keeps a message for at most 14 days and gives it again within minutes;
/// Pub/Sub gives what was not acknowledged again within minutes.
const KEPT: i64 = 7 * 24 * 3600;

/// So many are remembered.
const MOST: usize = 200_000;

/// So many small shards are joined into one.
const JOINED: usize = 256;

/// A shard with at least so many ids is joined with no other.
const LARGE: usize = 256;

/// The streams of shards begin so.
const STREAM: &str = "ids-";

/// The ids of an input. Each group of them is the position of a stream of its own (a shard), so that it is kept together with the batch that
/// carries it, or not at all. Eight bytes of a hash stand for an id: among 200,000, one thing in 10^14 is taken for known and is not.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    known: FxHashSet<u64>,
    /// The oldest first.
    shards: VecDeque<Shard>,
    next: u64,
}

#[derive(Debug)]
struct Shard {
    stream: String,
    /// Seconds since 1970.
    at: i64,
    ids: Vec<u64>,
}

/// The stream of a batch and its position.
pub(crate) type Mark = (String, Value);

impl Remembered {
    /// What an input remembers.
    pub(crate) fn open(context: &Context) -> Self {
        Self::of(context.intake.positions(&context.id))
    }

    fn of(positions: impl IntoIterator<Item = (String, Value)>) -> Self {
        let mut remembered = Remembered::default();
        for (stream, position) in positions {
            let Some(number) = stream.strip_prefix(STREAM).and_then(|number| number.parse::<u64>().ok()) else { continue };
            let ids = position.get("ids").and_then(Value::as_str).and_then(|text| STANDARD_NO_PAD.decode(text).ok());
            let ids: Vec<u64> = ids.unwrap_or_default().as_chunks::<8>().0.iter().map(|id| u64::from_le_bytes(*id)).collect();
            let at = position.get("at").and_then(Value::as_i64).unwrap_or_default();
            remembered.next = remembered.next.max(number.saturating_add(1));
            remembered.known.extend(&ids);
            remembered.shards.push_back(Shard { stream, at, ids });
        }
        remembered.shards.make_contiguous().sort_by_key(|shard| shard.at);
        remembered
    }

    /// Whether something was taken in.
    pub(crate) fn knows(&self, id: u64) -> bool {
        self.known.contains(&id)
    }

    /// Adds what a batch takes in, to be given as that batch's stream and position.
    pub(crate) fn add(&mut self, ids: Vec<u64>, now: Timestamp) -> Mark {
        self.known.extend(&ids);
        self.shard(ids, now.as_second())
    }

    /// Forgets what is old or too much, and joins what is small: batches without texts that say so, to be given in this order. Called now and
    /// then.
    pub(crate) fn tidy(&mut self, now: Timestamp) -> Vec<Mark> {
        let mut marks = Vec::new();
        let mut n: usize = self.shards.iter().map(|shard| shard.ids.len()).sum();
        while let Some(oldest) = self.shards.pop_front_if(|shard| n > MOST || shard.at < now.as_second() - KEPT) {
            n -= oldest.ids.len();
            marks.push((oldest.stream, Value::Null));
        }
        if !marks.is_empty() {
            self.known = self.shards.iter().flat_map(|shard| shard.ids.iter().copied()).collect();
        }
        if self.shards.iter().filter(|shard| shard.ids.len() < LARGE).count() >= JOINED {
            let (small, large): (VecDeque<Shard>, VecDeque<Shard>) =
                std::mem::take(&mut self.shards).into_iter().partition(|shard| shard.ids.len() < LARGE);
            self.shards = large;
            // As young as the youngest: nothing is forgotten too early.
            let at = small.iter().map(|shard| shard.at).max().unwrap_or_default();
            let ids = small.iter().flat_map(|shard| shard.ids.iter().copied()).collect();
            marks.push(self.shard(ids, at));
            // Only then the parts: a process that ends in between has both.
            marks.extend(small.into_iter().map(|shard| (shard.stream, Value::Null)));
        }
        marks
    }

    fn shard(&mut self, ids: Vec<u64>, at: i64) -> Mark {
        let stream = format!("{STREAM}{:010}", self.next);
        self.next += 1;
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        let position = json!({ "at": at, "ids": STANDARD_NO_PAD.encode(bytes) });
        self.shards.push_back(Shard { stream: stream.clone(), at, ids });
        (stream, position)
    }
}

/// What stands for an id of several parts.
pub(crate) fn id_of(parts: &[&str]) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0xff]);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    digest.first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first))
}

/// Keeps where streams stand. What is forgotten is forgotten only when all before it is safe.
pub(crate) async fn keep_marks(context: &Context, marks: Vec<Mark>) -> Result<(), IngestError> {
    let mut receipts = Vec::new();
    for each in marks {
        let is_last_word = each.1.is_null();
        let receipt = context.intake.offer(mark(context, each, Vec::new())).await?;
        if is_last_word {
            receipts.push(receipt);
        } else {
            receipt.kept().await?;
        }
    }
    for receipt in receipts {
        receipt.kept().await?;
    }
    Ok(())
}

/// A batch that only says where a stream stands, and what could not be read of it. Nothing of its texts is remembered.
pub(crate) fn mark(context: &Context, (stream, position): Mark, refused: Vec<RefusedText>) -> Batch {
    marked(context, (stream, position), Texts::default(), refused)
}

/// A batch of texts of which nothing is remembered but its mark.
pub(crate) fn marked(context: &Context, (stream, position): Mark, texts: Texts, refused: Vec<RefusedText>) -> Batch {
    let about = About {
        input: context.id.clone(),
        stream,
        source: context.source.clone(),
        received: Timestamp::now(),
        position: Some(position),
        end: End::Ended,
        refused,
    };
    Batch { about, texts }
}

/// How something begins, for dead letters.
pub(crate) fn start_of(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn keep(kept: &mut BTreeMap<String, Value>, marks: impl IntoIterator<Item = Mark>) {
        for (stream, position) in marks {
            if position.is_null() {
                kept.remove(&stream);
            } else {
                kept.insert(stream, position);
            }
        }
    }

    #[test]
    fn the_last_number_that_there_is_ends_nothing() {
        let position = json!({ "at": 7, "ids": STANDARD_NO_PAD.encode(9_u64.to_le_bytes()) });
        let remembered = Remembered::of([(format!("{STREAM}{}", u64::MAX), position)]);
        assert!(remembered.knows(9));
    }

    #[test]
    fn what_is_old_or_too_much_is_forgotten() {
        let (mut remembered, mut kept) = (Remembered::default(), BTreeMap::new());
        keep(&mut kept, [remembered.add(vec![1, 2], at(0)), remembered.add(vec![3], at(10))]);
        assert!(remembered.tidy(at(KEPT)).is_empty());
        keep(&mut kept, remembered.tidy(at(KEPT + 1)));
        assert!(!remembered.knows(1) && !remembered.knows(2) && remembered.knows(3) && kept.len() == 1);
        for first in (10..10 + MOST as u64).step_by(1_000) {
            keep(&mut kept, [remembered.add((first..first + 1_000).collect(), at(20))]);
        }
        keep(&mut kept, remembered.tidy(at(30)));
        assert!(!remembered.knows(3) && remembered.knows(10) && remembered.known.len() == MOST);
        assert!(Remembered::of(kept).knows(10));
    }

    proptest! {
        /// Whenever the process ends, what was kept is known again, and the shards stay few.
        #[test]
        fn what_was_kept_is_known_again(sizes in proptest::collection::vec(1..4_u64, 0..600), ends in 0..700_usize) {
            let (mut remembered, mut kept, mut first) = (Remembered::default(), BTreeMap::new(), 0);
            for (number, size) in sizes.iter().enumerate() {
                let mut marks = vec![remembered.add((first..first + size).collect(), at(0))];
                marks.extend(remembered.tidy(at(1)));
                let ends_here = number == ends;
                let n = if ends_here { marks.len().div_ceil(2) } else { marks.len() };
                keep(&mut kept, marks.into_iter().take(n));
                first += size;
                if ends_here {
                    remembered = Remembered::of(kept.clone());
                }
                prop_assert!(remembered.shards.len() <= JOINED + 5 + number / JOINED);
            }
            let again = Remembered::of(kept);
            prop_assert!((0..first).all(|id| again.knows(id) && remembered.knows(id)));
            prop_assert!(!again.knows(first));
        }
    }
}
