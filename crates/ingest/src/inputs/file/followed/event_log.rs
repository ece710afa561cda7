//! Event logs of Windows: chunks are filled in place and written over when the log is full, so what is new is told by numbers of records.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Seek as _, SeekFrom},
};

use skywarden_evtx::{EvtxError, Head, Place, Reader};

use super::{BATCH, BATCHES, Followed, Stamp};
use crate::{
    Batch, RefusedText, Texts,
    inputs::{Context, file::position::Mark},
    text::log_error,
};

/// Of so many problems of one file it is known that they were told.
const MAX_TOLD: usize = 1_000;

/// What is known of an event log, from one look to the next.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    /// What reads it, and when it was opened.
    reader: Option<(Stamp, Reader<File>)>,
    /// When all was read.
    read: Option<Stamp>,
    /// Where it is damaged, as was told.
    told: BTreeSet<u64>,
    /// Its newest record.
    newest: u64,
}

/// The numbers of the records of a log.
#[derive(Debug, Default)]
struct Numbers {
    lowest: Option<u64>,
    newest: Option<Mark>,
    newest_id: u64,
    /// The one that was read last.
    last: Option<Mark>,
}

impl EventLog {
    pub(super) fn is_read_at(&self, stamp: Stamp) -> bool {
        self.read == Some(stamp)
    }
}

impl Followed {
    /// Passes over all records that are there.
    pub(super) fn stand_behind_records(&mut self) -> io::Result<()> {
        let numbers = self.numbers()?;
        self.position.offset = numbers.lowest.map_or(0, |_| numbers.newest_id.saturating_add(1));
        self.position.tail = numbers.newest.unwrap_or_default();
        self.position.whole = Some(self.stamp.size);
        Ok(())
    }

    /// The next records of an event log.
    pub(super) fn event_log(&mut self, context: &Context, stream: &str) -> io::Result<Vec<Batch>> {
        let mut refused = Vec::new();
        let (opened, mut reader) = match self.log.reader.take() {
            Some(open) => open,
            None => (self.stamp, self.open_log(&mut refused)?),
        };
        let mut batches = Vec::new();
        let mut texts = Texts::default();
        let mut is_settled = true;
        while let Some(found) = reader.next_head() {
            match found.and_then(|head| self.new_record(&mut reader, &head)) {
                Ok(None) => {}
                Ok(Some(json)) => texts.push(&json),
                Err(error @ EvtxError::Read { .. }) => return Err(log_error(error)),
                Err(error) => match self.is_to_tell(&error) {
                    Tell::Now => refused.push(RefusedText { reason: error.to_string(), start: String::new() }),
                    Tell::Later => is_settled = false,
                    Tell::Never => {}
                },
            }
            if texts.n_bytes() >= BATCH {
                batches.push(self.batch(context, stream, std::mem::take(&mut texts), std::mem::take(&mut refused)));
                if batches.len() >= BATCHES {
                    self.log.reader = Some((opened, reader));
                    return Ok(batches);
                }
            }
        }
        if is_settled {
            self.log.read = Some(opened);
            self.position.whole = Some(opened.size);
        }
        if texts.n_bytes() > 0 || !refused.is_empty() || batches.is_empty() && is_settled {
            batches.push(self.batch(context, stream, texts, refused));
        }
        Ok(batches)
    }

    /// Opens a log behind what was given; if what is there is another log, at its start.
    fn open_log(&mut self, refused: &mut Vec<RefusedText>) -> io::Result<Reader<File>> {
        let numbers = self.numbers()?;
        let last = self.position.offset.saturating_sub(1);
        let is_other = numbers.newest_id < last || numbers.last.is_some_and(|mark| mark != self.position.tail);
        if self.position.offset > 0 && is_other {
            (self.position.offset, self.position.tail) = (0, Mark::default());
            self.log.told.clear();
        }
        if let Some(lowest) = numbers.lowest.filter(|lowest| self.position.offset > 0 && *lowest > self.position.offset) {
            let reason = format!(
                "{} was written over before all of it was read: its records from {} to {} are lost",
                self.position.path.display(),
                self.position.offset,
                lowest - 1
            );
            tracing::warn!(reason, "records of an event log are lost");
            refused.push(RefusedText { reason, start: String::new() });
        }
        self.log.newest = numbers.newest_id;
        self.position.whole = None;
        self.reader_of_log()
    }

    fn reader_of_log(&self) -> io::Result<Reader<File>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Reader::open_in_order_since(file, self.position.offset.saturating_sub(1)).map_err(log_error)
    }

    fn numbers(&self) -> io::Result<Numbers> {
        let mut numbers = Numbers::default();
        let mut reader = self.reader_of_log()?;
        while let Some(found) = reader.next_head() {
            let head = match found {
                Ok(head) => head,
                Err(error @ EvtxError::Read { .. }) => return Err(log_error(error)),
                // It is told when the records are read.
                Err(_) => continue,
            };
            let id = head.id();
            numbers.lowest = Some(numbers.lowest.map_or(id, |lowest| lowest.min(id)));
            if id >= numbers.newest_id {
                (numbers.newest_id, numbers.newest) = (id, Some(mark(&head)?));
            }
            if id.checked_add(1) == Some(self.position.offset) {
                numbers.last = Some(mark(&head)?);
            }
        }
        if let Some(passed) = reader.passed_over() {
            numbers.lowest = Some(numbers.lowest.map_or(*passed.start(), |lowest| lowest.min(*passed.start())));
            numbers.newest_id = numbers.newest_id.max(*passed.end());
        }
        Ok(numbers)
    }

    /// A record that was not given yet; it counts as given from now on, whether it can be read or not.
    fn new_record(&mut self, reader: &mut Reader<File>, head: &Head) -> Result<Option<String>, EvtxError> {
        if head.id() < self.position.offset {
            return Ok(None);
        }
        let record = reader.record(head);
        if record.is_ok() || head.id() < self.log.newest || self.looks_idle > 0 {
            self.position.offset = head.id().saturating_add(1);
            self.position.tail = mark(head).unwrap_or_default();
        }
        record.map(|record| Some(record.json))
    }

    /// Whether a problem is new. What stands behind the newest record may be in the midst of being written.
    fn is_to_tell(&mut self, error: &EvtxError) -> Tell {
        let EvtxError::Damaged { place, .. } = error else { return Tell::Now };
        let Place { at, record, behind, .. } = *place;
        let next = record.or(behind.map(|behind| behind.saturating_add(1)));
        let is_old = record.is_none() && next.is_some_and(|next| next < self.position.offset);
        if is_old || self.log.told.contains(&at) {
            return Tell::Never;
        }
        if next.is_none_or(|next| next >= self.log.newest) && self.looks_idle == 0 {
            return Tell::Later;
        }
        if self.log.told.len() < MAX_TOLD {
            self.log.told.insert(at);
        }
        Tell::Now
    }
}

/// What to do about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tell {
    Now,
    /// At a look at which the file did not grow.
    Later,
    Never,
}

/// What tells a record from one of the same number in another log.
fn mark(head: &Head) -> io::Result<Mark> {
    Mark::of([head.id().to_le_bytes(), head.ticks().to_le_bytes()].concat().as_slice())
}
