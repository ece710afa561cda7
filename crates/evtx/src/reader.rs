use std::{
    collections::VecDeque,
    io::{self, Read, Seek, SeekFrom},
    ops::RangeInclusive,
};

use jiff::Timestamp;

use crate::{
    bytes::{Span, u32_at, u64_at},
    chunk::{CHUNK, Chunk, HEADER, NO_CHECKSUM, RECORD_MAGIC, Sealed, numbers},
    error::{EvtxError, Place},
};

/// The length of the file's header, with what is free behind it.
const FILE_HEADER: usize = 4096;

/// The flag of a file that is being written, or was not closed.
const DIRTY: u32 = 1;

/// From 1601 to 1970.
const SECONDS_BEFORE_1970: i64 = 11_644_473_600;

/// A record of an event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number in the log.
    pub id: u64,
    /// When it was written; `None` if what stands there is no time.
    pub written_at: Option<Timestamp>,
    /// What it says, as JSON.
    pub json: String,
}

/// What stands before a record: enough to pass over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub(crate) id: u64,
    pub(crate) ticks: u64,
    pub(crate) content: Span,
    pub(crate) chunk: u64,
}

/// Reads an event log from its start, one chunk at a time.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    buffer: Vec<u8>,
    chunk: Option<Chunk>,
    /// The number of the chunk that is next.
    number: u64,
    /// The chunk with which reading began, and how to go back to the first one, if that is another.
    back: Option<(u64, Rewind<R>)>,
    /// Chunks whose records all come before this one are passed over.
    since: Option<(u64, PassOver<R>)>,
    passed: Option<RangeInclusive<u64>>,
    /// The chunk with which reading began, once it went back.
    end: Option<u64>,
    /// Chunks from this one on may be in the midst of being written.
    unsealed: Option<u64>,
    problems: VecDeque<EvtxError>,
    is_over: bool,
}

/// Goes to the first chunk.
type Rewind<R> = fn(&mut R) -> io::Result<()>;

/// Passes over a chunk whose records all come before one, and gives their numbers.
type PassOver<R> = fn(&mut R, u64) -> io::Result<Option<RangeInclusive<u64>>>;

/// Whether a file that begins so is an event log; eight bytes are enough.
pub fn is_event_log(start: &[u8]) -> bool {
    start.starts_with(b"ElfFile\0")
}

impl Head {
    /// The record's number in the log.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// When it was written, in units of 100 ns since 1601, as it stands there.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    /// The chunk that it is in.
    pub fn chunk(&self) -> u64 {
        self.chunk
    }

    fn written_at(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(self.ticks / 10_000_000).ok()?.checked_sub(SECONDS_BEFORE_1970)?;
        let nanoseconds = i32::try_from(self.ticks % 10_000_000 * 100).ok()?;
        Timestamp::new(seconds, nanoseconds).ok()
    }
}

impl<R: Read> Reader<R> {
    /// Reads the header of a file; records come in the order in which they stand in it.
    ///
    /// # Errors
    /// If it can't be read, or is no event log.
    pub fn open(mut source: R) -> Result<Self, EvtxError> {
        let mut header = vec![0; FILE_HEADER];
        let n = fill(&mut source, &mut header).map_err(|error| EvtxError::Read { at: 0, error })?;
        if !is_event_log(&header) {
            return Err(EvtxError::NotAnEventLog);
        }
        let mut problems = VecDeque::new();
        let mut tell = |reason: &str| {
            let place = Place { chunk: None, at: 0, record: None, behind: None };
            problems.push_back(EvtxError::Damaged { place, reason: reason.to_owned() });
        };
        let flags = u32_at(&header, 120).unwrap_or(0);
        if n < FILE_HEADER {
            tell("the file ends in its header");
        } else if flags & NO_CHECKSUM == 0 && u32_at(&header, 124) != header.get(..120).map(crc32fast::hash) {
            tell("the checksum of the file's header is wrong; chunks are read all the same");
        }
        let unsealed = (flags & DIRTY != 0).then(|| u64_at(&header, 16).unwrap_or(0));
        Ok(Reader {
            source,
            buffer: vec![0; CHUNK],
            chunk: None,
            number: 0,
            back: None,
            since: None,
            passed: None,
            end: None,
            unsealed,
            problems,
            is_over: n < FILE_HEADER,
        })
    }

    /// The next record's header, or what can't be read in its place.
    pub fn next_head(&mut self) -> Option<Result<Head, EvtxError>> {
        loop {
            if let Some(problem) = self.problems.pop_front() {
                return Some(Err(problem));
            }
            if let Some(chunk) = &mut self.chunk {
                match chunk.next_head(&self.buffer) {
                    Some(found) => return Some(found),
                    None => self.chunk = None,
                }
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.read_chunk() {
                self.is_over = true;
                return Some(Err(EvtxError::Read { at: start_of(self.number), error }));
            }
        }
    }

    /// The lowest and the highest number of records that were passed over.
    pub fn passed_over(&self) -> Option<&RangeInclusive<u64>> {
        self.passed.as_ref()
    }

    /// What the record says whose header was given last.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn record(&mut self, head: &Head) -> Result<Record, EvtxError> {
        let place = Place { chunk: Some(head.chunk), at: start_of(head.chunk), record: Some(head.id), behind: None };
        let chunk = self.chunk.as_mut().filter(|chunk| chunk.number() == head.chunk);
        let chunk = chunk.ok_or_else(|| EvtxError::Damaged { place, reason: "its chunk is no longer held".to_owned() })?;
        let json = chunk.json(&self.buffer, head)?;
        Ok(Record { id: head.id, written_at: head.written_at(), json })
    }

    /// Reads the next chunk, or finds that there is none.
    fn read_chunk(&mut self) -> io::Result<()> {
        if self.end == Some(self.number) {
            self.is_over = true;
            return Ok(());
        }
        if let Some((since, pass_over)) = self.since
            && let Some(passed) = pass_over(&mut self.source, since)?
        {
            let (first, last) = passed.into_inner();
            let known = self.passed.take().map_or((first, last), |known| (*known.start().min(&first), *known.end().max(&last)));
            self.passed = Some(known.0..=known.1);
            self.number += 1;
            return Ok(());
        }
        let n = fill(&mut self.source, &mut self.buffer)?;
        let (number, start) = (self.number, start_of(self.number));
        if n == CHUNK {
            self.number += 1;
        } else if let Some((oldest, back)) = self.back.take() {
            back(&mut self.source)?;
            self.end = Some(oldest);
            self.number = 0;
        } else {
            self.is_over = true;
        }
        let read = self.buffer.get_mut(..n).unwrap_or_default();
        // Windows lets files grow by several chunks at once.
        if read.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        if n < CHUNK {
            self.buffer.get_mut(n..).unwrap_or_default().fill(0);
            let place = Place { chunk: Some(number), at: start, record: None, behind: None };
            let reason = format!("the file ends {n} bytes behind the start of the chunk");
            self.problems.push_back(EvtxError::Damaged { place, reason });
        }
        let sealed = if self.unsealed.is_some_and(|unsealed| number >= unsealed) { Sealed::Not } else { Sealed::Yes };
        let (chunk, problems) = Chunk::open(number, start, &self.buffer, sealed);
        self.chunk = chunk;
        self.problems.extend(problems);
        Ok(())
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Reads the header of a file of which the oldest chunk may stand anywhere: a log that is full goes on in its oldest chunk. Records
    /// come in the order in which they were written.
    ///
    /// # Errors
    /// If it can't be read, or is no event log.
    pub fn open_in_order(source: R) -> Result<Self, EvtxError> {
        let mut reader = Reader::open(source)?;
        let oldest = oldest(&mut reader.source).map_err(|error| EvtxError::Read { at: 0, error })?;
        reader.source.seek(SeekFrom::Start(start_of(oldest))).map_err(|error| EvtxError::Read { at: start_of(oldest), error })?;
        if oldest > 0 {
            reader.number = oldest;
            reader.back = Some((oldest, |source| source.seek(SeekFrom::Start(start_of(0))).map(drop)));
        }
        Ok(reader)
    }

    /// The same; chunks whose headers say that all of their records come before one are passed over without being read.
    ///
    /// # Errors
    /// If it can't be read, or is no event log.
    pub fn open_in_order_since(source: R, id: u64) -> Result<Self, EvtxError> {
        let mut reader = Reader::open_in_order(source)?;
        reader.since = Some((id, pass_over));
        Ok(reader)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Record, EvtxError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_head()?.and_then(|head| self.record(&head)))
    }
}

/// Passes over the next chunk if its header is whole and says that its last record comes before one, and no later one stands behind
/// what the header knows.
fn pass_over(source: &mut (impl Read + Seek), since: u64) -> io::Result<Option<RangeInclusive<u64>>> {
    let start = source.stream_position()?;
    let mut header = [0; HEADER];
    let n = fill(source, &mut header)?;
    let mut passed = numbers(&header).filter(|numbers| n == HEADER && *numbers.end() < since);
    if let (Some(numbers), Some(end)) = (&passed, u32_at(&header, 48)) {
        let mut next = [0; 16];
        source.seek(SeekFrom::Start(start.saturating_add(end.into())))?;
        fill(source, &mut next)?;
        if next.starts_with(&RECORD_MAGIC) && u64_at(&next, 8) == numbers.end().checked_add(1) {
            passed = None;
        }
    }
    let length = if passed.is_some() { u64::try_from(CHUNK).unwrap_or(0) } else { 0 };
    source.seek(SeekFrom::Start(start.saturating_add(length)))?;
    Ok(passed)
}

/// The chunk whose header names the lowest record; the first one if none does. The file's header may be behind what was written.
fn oldest(source: &mut (impl Read + Seek)) -> io::Result<u64> {
    let (mut oldest, mut lowest) = (0, u64::MAX);
    let mut header = [0; 128];
    for number in 0.. {
        source.seek(SeekFrom::Start(start_of(number)))?;
        if fill(source, &mut header)? < header.len() {
            break;
        }
        let (Some(first), Some(last)) = (u64_at(&header, 24), u64_at(&header, 32)) else { break };
        if header.starts_with(b"ElfChnk\0") && first <= last && first < lowest {
            (oldest, lowest) = (number, first);
        }
    }
    Ok(oldest)
}

/// Where a chunk begins in the file.
fn start_of(number: u64) -> u64 {
    let [header, chunk] = [FILE_HEADER, CHUNK].map(|length| u64::try_from(length).unwrap_or(0));
    header.saturating_add(number.saturating_mul(chunk))
}

/// Reads until the buffer is full or there is no more; how many bytes there were.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while let Some(rest) = buffer.get_mut(n..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => n += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}
