//! A chunk: a header, then records one behind the other, then what is free.

use std::ops::RangeInclusive;

use crate::{
    binxml::Decoder,
    bytes::{Span, array_at, u32_at, u64_at},
    error::{Broken, EvtxError, Place},
    reader::Head,
    render,
};

/// The length of a chunk.
pub(crate) const CHUNK: usize = 64 << 10;

/// The length of a chunk's header.
pub(crate) const HEADER: usize = 512;

/// The length of a record's header.
const RECORD_HEADER: usize = 24;

/// How a record begins.
pub(crate) const RECORD_MAGIC: [u8; 4] = [0x2a, 0x2a, 0, 0];

/// The flag of a header that has no checksum.
pub(crate) const NO_CHECKSUM: u32 = 4;

/// A chunk while its records are read.
#[derive(Debug)]
pub(crate) struct Chunk {
    number: u64,
    /// Where it begins in the file.
    start: u64,
    /// Where the next record begins; `None` if there is none.
    next: Option<usize>,
    /// Where records end, as the header says.
    end: usize,
    /// The last record, as the header says; `None` if what it says is not to be trusted.
    last: Option<u64>,
    behind: Option<u64>,
    decoder: Decoder,
}

/// Whether the checksum of records counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sealed {
    /// It must be right.
    Yes,
    /// The chunk is being written.
    Not,
}

/// A record's header.
struct Found {
    head: Head,
    end: usize,
}

impl Chunk {
    /// Reads the header of a chunk that is not blank. What is wrong with it is told; `None` if there is nothing to read.
    pub(crate) fn open(number: u64, start: u64, bytes: &[u8], sealed: Sealed) -> (Option<Chunk>, Vec<EvtxError>) {
        let mut problems = Vec::new();
        let place = |at: usize| Place { chunk: Some(number), at: start + as_u64(at), record: None, behind: None };
        if !bytes.starts_with(b"ElfChnk\0") {
            let reason = "it does not begin like a chunk, so its records are not read".to_owned();
            return (None, vec![EvtxError::Damaged { place: place(0), reason }]);
        }
        let mut chunk =
            Chunk { number, start, next: Some(HEADER), end: CHUNK, last: None, behind: None, decoder: Decoder::new() };
        let has_checksum = u32_at(bytes, 120).is_some_and(|flags| flags & NO_CHECKSUM == 0);
        if has_checksum && u32_at(bytes, 124) != header_checksum(bytes) {
            let reason = "the checksum of its header is wrong; records are looked for in all of it".to_owned();
            problems.push(EvtxError::Damaged { place: place(0), reason });
            return (Some(chunk), problems);
        }
        chunk.end = u32_at(bytes, 48).and_then(|end| usize::try_from(end).ok()).unwrap_or(CHUNK).clamp(HEADER, CHUNK);
        chunk.last = u64_at(bytes, 32);
        let records = bytes.get(HEADER..chunk.end).unwrap_or_default();
        if has_checksum && sealed == Sealed::Yes && u32_at(bytes, 52) != Some(crc32fast::hash(records)) {
            let reason = "the checksum of its records is wrong; what can be read of them is read".to_owned();
            problems.push(EvtxError::Damaged { place: Place { behind: chunk.last, ..place(HEADER) }, reason });
        }
        (Some(chunk), problems)
    }

    /// Its place among the chunks of the file.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next record's header, or what stands in its place.
    pub(crate) fn next_head(&mut self, bytes: &[u8]) -> Option<Result<Head, EvtxError>> {
        let at = self.next?;
        let found = self.record_at(bytes, at);
        let is_past = self.last.is_some() && (at >= self.end || self.behind.is_some() && self.behind == self.last);
        match found {
            // Behind what the header knows may stand what was written since; all else there is from an earlier use of the chunk.
            Ok(found) if is_past && Some(found.head.id) != self.behind.map(|behind| behind.wrapping_add(1)) => self.next = None,
            Ok(found) => {
                self.next = Some(found.end);
                self.behind = Some(found.head.id);
                if is_past {
                    self.last = Some(found.head.id);
                    self.end = self.end.max(found.end);
                }
                return Some(Ok(found.head));
            }
            Err(_) if is_past => self.next = None,
            Err(broken) => {
                self.next = self.look_for(bytes, at + 1);
                // Blank up to its end: the header said too much.
                if self.next.is_some() || array_at(bytes, at).is_some_and(|magic: [u8; 4]| magic != [0; 4]) {
                    return Some(Err(self.damaged(&broken, None)));
                }
            }
        }
        None
    }

    /// The JSON text of the record whose header was read last.
    pub(crate) fn json(&mut self, bytes: &[u8], head: &Head) -> Result<String, EvtxError> {
        let at = head.content.start();
        let nodes = self.decoder.record(bytes, head.content);
        let text = nodes.and_then(|nodes| render::json(bytes, &nodes, &mut self.decoder.budget, at));
        text.map_err(|broken| self.damaged(&broken, Some((head.id, at - RECORD_HEADER))))
    }

    /// The record at a byte: it says its length at its start and its end.
    fn record_at(&self, bytes: &[u8], at: usize) -> Result<Found, Broken> {
        if array_at(bytes, at) != Some(RECORD_MAGIC) {
            return Err(Broken::new(at, "no record begins there"));
        }
        let bad = |reason: &str| Broken::new(at, reason);
        let length =
            u32_at(bytes, at + 4).and_then(|length| usize::try_from(length).ok()).ok_or_else(|| bad("a record is cut"))?;
        let end = at.saturating_add(length);
        if length < RECORD_HEADER + 4 || end > bytes.len() {
            return Err(bad("a record is shorter than its header, or longer than its chunk"));
        }
        if u32_at(bytes, end - 4) != u32_at(bytes, at + 4) {
            return Err(bad("a record says two lengths"));
        }
        let (Some(id), Some(ticks)) = (u64_at(bytes, at + 8), u64_at(bytes, at + 16)) else { return Err(bad("a record is cut")) };
        let content = Span::new(at + RECORD_HEADER, length - RECORD_HEADER - 4);
        Ok(Found { head: Head { id, ticks, content, chunk: self.number }, end })
    }

    /// The next byte at which a record stands that may follow.
    fn look_for(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let end = self.end.min(bytes.len());
        (from..end).find(|at| {
            array_at(bytes, *at) == Some(RECORD_MAGIC)
                && self.record_at(bytes, *at).is_ok_and(|found| {
                    let is_later = self.behind.is_none_or(|behind| found.head.id > behind);
                    is_later && found.end <= end && self.last.is_none_or(|last| found.head.id <= last)
                })
        })
    }

    fn damaged(&self, broken: &Broken, record: Option<(u64, usize)>) -> EvtxError {
        let at = record.map_or(broken.at, |(_, at)| at);
        let place = Place {
            chunk: Some(self.number),
            at: self.start + as_u64(at),
            record: record.map(|(id, _)| id),
            behind: self.behind,
        };
        let reason = match record {
            Some(_) => format!("{} (byte {} of the chunk)", broken.reason, broken.at),
            None => broken.reason.clone(),
        };
        EvtxError::Damaged { place, reason }
    }
}

/// The numbers of the first and the last record, of a header whose checksum is right.
pub(crate) fn numbers(header: &[u8]) -> Option<RangeInclusive<u64>> {
    let is_whole = header.starts_with(b"ElfChnk\0") && u32_at(header, 124) == header_checksum(header);
    let (first, last) = (u64_at(header, 24)?, u64_at(header, 32)?);
    (is_whole && first <= last).then_some(first..=last)
}

/// The checksum that a chunk's header should have.
pub(crate) fn header_checksum(bytes: &[u8]) -> Option<u32> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..120)?);
    hasher.update(bytes.get(128..HEADER)?);
    Some(hasher.finalize())
}

fn as_u64(place: usize) -> u64 {
    u64::try_from(place).unwrap_or(u64::MAX)
}
