mod event_log;
mod whole;

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use skywarden_evtx::is_event_log;

use self::event_log::EventLog;
use super::{
    LOOKS_AFTER_ROTATION,
    lines::{Cutter, Encoding, Ends},
    position::{From, Mark, Packing, Position, Reads},
};
use crate::{
    About, Batch, End, MAX_LINE, RefusedText, TextKind, Texts,
    inputs::Context,
    text::{TextReader, begins_document, is_record, too_long},
};

/// A batch holds about so many bytes.
const BATCH: usize = 1 << 20;

/// So many batches of one file are read at a look, so that others have their turn.
const BATCHES: usize = 4;

/// One file that is followed.
#[derive(Debug)]
pub(crate) struct Followed {
    file: File,
    position: Position,
    /// Its name; the position has that of the last look until it is known whether it still is the same file.
    path: PathBuf,
    kind: TextKind,
    encoding: Encoding,
    stamp: Stamp,
    grew: Instant,
    /// Looks since it was last written.
    looks_idle: u32,
    /// Looks since then for which it had no name among the paths.
    looks_alone: u32,
    /// What unpacks it, from one look to the next.
    reader: Option<TextReader>,
    /// What is known of an event log, from one look to the next.
    log: EventLog,
    /// Where it was when reading it as one piece failed: it is tried again when it has grown.
    failed: Option<Stamp>,
}

/// What changes when a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: (i64, i64),
}

/// Where to begin with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At a byte.
    At(u64),
    /// With what comes.
    End,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) batches: Vec<Batch>,
    pub(crate) is_over: bool,
}

/// A file whose content is no longer what was followed.
#[derive(Debug)]
pub(crate) struct Replaced {
    pub(crate) position: Position,
    /// So many bytes of it were there and not read.
    pub(crate) n_unread: u64,
}

/// What to do with what stands behind the last line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Wait,
    GiveRecord,
    Give,
}

impl Read {
    fn of(mut batches: Vec<Batch>, over: Option<Batch>) -> Self {
        let is_over = over.is_some();
        batches.extend(over);
        Read { batches, is_over }
    }
}

impl Followed {
    /// Follows a file that was not followed before.
    pub(crate) fn begin(path: &Path, file: File, start: Start, kind: TextKind) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let head = Mark::of(From(&file, 0))?;
        let position =
            Position { path: path.to_owned(), offset: 0, reads: Reads::Unknown, head, tail: Mark::default(), whole: None };
        let mut followed = Self::at(file, position, kind, &metadata)?;
        if start != Start::At(0) {
            followed.find_reads(Rest::Wait)?;
        }
        match (start, followed.position.reads) {
            (Start::At(offset), Reads::Lines) => followed.stand_at(offset)?,
            // The line that is being written is read from its start.
            (Start::End, Reads::Lines) => followed.stand_at(followed.last_line_end(metadata.size())?)?,
            (Start::End, Reads::EventLog) => followed.stand_behind_records()?,
            (Start::End, Reads::Whole) => followed.is_read(metadata.size())?,
            _ => {}
        }
        Ok(followed)
    }

    /// Goes on with a file where it stood.
    pub(crate) fn resume(path: &Path, file: File, known: Position, kind: TextKind) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let mut followed = Self::at(file, Position { path: path.to_owned(), ..known }, kind, &metadata)?;
        followed.lengthen_head()?;
        Ok(followed)
    }

    /// Goes on with a copy where the file stood of which it is one.
    pub(crate) fn inherit(path: &Path, file: File, original: &Position, kind: TextKind) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let mut position = Position { path: path.to_owned(), ..original.clone() };
        if Packing::of(path) != Packing::Plain {
            let reads = if position.reads == Reads::Unknown { Reads::Unknown } else { Reads::Copy };
            position = Position { reads, head: Mark::of(From(&file, 0))?, tail: Mark::default(), ..position };
        }
        Self::at(file, position, kind, &metadata)
    }

    fn at(file: File, position: Position, kind: TextKind, metadata: &Metadata) -> io::Result<Self> {
        let mut start = Vec::new();
        From(&file, 0).take(2).read_to_end(&mut start)?;
        Ok(Followed {
            encoding: Encoding::of(&start),
            file,
            path: position.path.clone(),
            position,
            kind,
            stamp: Stamp::of(metadata),
            grew: Instant::now(),
            looks_idle: 0,
            looks_alone: 0,
            reader: None,
            log: EventLog::default(),
            failed: None,
        })
    }

    pub(crate) fn position(&self) -> &Position {
        &self.position
    }

    /// It has this name now.
    pub(crate) fn is_at(&mut self, path: &Path) {
        if self.path != path {
            self.path = PathBuf::from(path);
        }
    }

    /// Whether a file is a copy of this one, or becomes one, and has nothing that this one has not.
    pub(crate) fn is_being_copied(&self, path: &Path, copy: &File) -> io::Result<bool> {
        self.position.is_being_copied(&self.file, path, copy)
    }

    /// How many bytes are to be read.
    pub(crate) fn behind(&self) -> u64 {
        match (self.position.reads, self.position.whole) {
            (Reads::EventLog, _) if self.log.is_read_at(self.stamp) => 0,
            (Reads::EventLog, _) => self.stamp.size,
            (_, Some(whole)) => self.stamp.size.saturating_sub(whole),
            (Reads::Whole | Reads::Copy, None) => self.stamp.size,
            (_, None) => self.stamp.size.saturating_sub(self.position.offset),
        }
    }

    /// Looks whether it was written. If what was followed is no longer there (it was cut, or written anew), what is there now is
    /// followed from its start, and where it stood is given.
    pub(crate) fn look(&mut self) -> io::Result<Option<Replaced>> {
        let stamp = Stamp::of(&self.file.metadata()?);
        if stamp == self.stamp {
            self.position.path.clone_from(&self.path);
            self.looks_idle = self.looks_idle.saturating_add(1);
            return Ok(None);
        }
        let before = std::mem::replace(&mut self.stamp, stamp);
        (self.grew, self.looks_idle, self.looks_alone) = (Instant::now(), 0, 0);
        let is_shorter = stamp.size < before.size;
        let is_other = match self.position.reads {
            Reads::Whole | Reads::Copy => is_shorter || !self.position.fits(&self.file)?,
            Reads::Unknown | Reads::Lines | Reads::LongLine | Reads::EventLog => !self.position.fits(&self.file)?,
        };
        if is_other {
            let n_unread = if self.position.whole.is_some() { 0 } else { before.size.saturating_sub(self.position.offset) };
            let head = Mark::of(From(&self.file, 0))?;
            let path = self.path.clone();
            let fresh = Position { path, offset: 0, reads: Reads::Unknown, head, tail: Mark::default(), whole: None };
            let position = std::mem::replace(&mut self.position, fresh);
            (self.reader, self.failed, self.log) = (None, None, EventLog::default());
            let n_unread = if matches!(position.reads, Reads::Whole | Reads::Copy | Reads::EventLog) { 0 } else { n_unread };
            return Ok(Some(Replaced { position, n_unread }));
        }
        self.position.path.clone_from(&self.path);
        self.lengthen_head()?;
        Ok(None)
    }

    /// A file that was short when it was looked at has grown: a copy is known by as much of its beginning as there is.
    fn lengthen_head(&mut self) -> io::Result<()> {
        if self.position.head.is_short() && self.position.reads != Reads::EventLog {
            self.position.head = Mark::of(From(&self.file, 0))?;
        }
        Ok(())
    }

    /// Reads some of what is new. `is_there` says whether it still has a name among the paths, `patience` how long to wait for the end
    /// of a last line.
    pub(crate) fn read(&mut self, context: &Context, stream: &str, is_there: bool, patience: Duration) -> io::Result<Read> {
        self.looks_alone = if is_there { 0 } else { self.looks_alone.saturating_add(1) };
        let is_alone = self.looks_alone > LOOKS_AFTER_ROTATION;
        let rest = match () {
            () if is_alone || self.grew.elapsed() >= patience => Rest::Give,
            () if self.looks_idle > 0 && self.kind == TextKind::Json => Rest::GiveRecord,
            () => Rest::Wait,
        };
        if self.position.reads == Reads::Unknown {
            self.find_reads(rest)?;
        }
        match self.position.reads {
            Reads::Unknown => Ok(Read::of(Vec::new(), is_alone.then(|| over(context, stream, Vec::new())))),
            Reads::Lines | Reads::LongLine => {
                let mut batches = Vec::new();
                while batches.len() < BATCHES
                    && let Some(batch) = self.lines(context, stream, rest)?
                {
                    batches.push(batch);
                }
                let is_over = is_alone && batches.is_empty();
                Ok(Read::of(batches, is_over.then(|| over(context, stream, Vec::new()))))
            }
            Reads::EventLog if self.log.is_read_at(self.stamp) => {
                Ok(Read::of(Vec::new(), (!is_there).then(|| over(context, stream, Vec::new()))))
            }
            Reads::EventLog => Ok(Read { batches: self.event_log(context, stream)?, is_over: false }),
            Reads::Whole | Reads::Copy if self.position.whole == Some(self.stamp.size) => {
                Ok(Read::of(Vec::new(), (!is_there).then(|| over(context, stream, Vec::new()))))
            }
            // It is being written; and what can't be read as it is may be complete later.
            Reads::Whole | Reads::Copy if is_there && self.looks_idle == 0 => Ok(Read::default()),
            Reads::Whole | Reads::Copy if self.failed == Some(self.stamp) && rest != Rest::Give => Ok(Read::default()),
            Reads::Whole | Reads::Copy => Ok(Read { batches: self.whole(context, stream, rest)?, is_over: false }),
        }
    }

    /// Finds out how to read it from how it begins.
    fn find_reads(&mut self, rest: Rest) -> io::Result<()> {
        if self.stamp.size == 0 {
            return Ok(());
        }
        let mut start = vec![0; 8];
        let n = read_full(&self.file, &mut start, 0)?;
        start.truncate(n);
        self.encoding = Encoding::of(&start);
        let is_packed = start.starts_with(&[0x1f, 0x8b]) || start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        if is_event_log(&start) {
            // What stands behind these letters changes with each record.
            self.position.head = Mark::of(start.as_slice())?;
            self.position.reads = Reads::EventLog;
            return Ok(());
        }
        self.position.reads = match self.kind {
            _ if is_packed => Reads::Whole,
            TextKind::Document => Reads::Whole,
            TextKind::Lines | TextKind::Rows => Reads::Lines,
            TextKind::Json => self.find_json(rest)?,
        };
        Ok(())
    }

    fn find_json(&self, rest: Rest) -> io::Result<Reads> {
        let mut start = vec![0; (MAX_LINE + 1).min(usize::try_from(self.stamp.size).unwrap_or(MAX_LINE))];
        let n = read_full(&self.file, &mut start, 0)?;
        start.truncate(n);
        let text = self.encoding.decode(&start);
        let text = text.trim_ascii_start();
        Ok(match text.split_once('\n') {
            Some((first, _)) if begins_document(first.as_bytes()) => Reads::Whole,
            Some(_) => Reads::Lines,
            // Too long for a line: it may be a document.
            None if n > MAX_LINE && (begins_document(text.as_bytes()) || is_record(text.as_bytes())) => Reads::Whole,
            None if n > MAX_LINE => Reads::Lines,
            None if rest == Rest::Give || is_record(text.as_bytes()) => Reads::Lines,
            None => Reads::Unknown,
        })
    }

    fn cutter(&self) -> Cutter {
        let ends = if self.kind == TextKind::Rows { Ends::OutsideQuotes } else { Ends::AtLineFeeds };
        Cutter { encoding: self.encoding, ends }
    }

    /// Where the last whole line ends.
    fn last_line_end(&self, size: u64) -> io::Result<u64> {
        let cutter = self.cutter();
        if cutter.ends == Ends::OutsideQuotes {
            return self.last_row_end(cutter, size);
        }
        let width = u64::try_from(cutter.encoding.width()).unwrap_or(1);
        let mut end = size - size % width;
        while end > 0 {
            let start = end.saturating_sub(1 << 16);
            let mut part = vec![0; usize::try_from(end - start).unwrap_or_default()];
            self.file.read_exact_at(&mut part, start)?;
            if let Some(line) = cutter.lines(&part).last() {
                return Ok(start + u64::try_from(line.end).unwrap_or_default());
            }
            end = start;
        }
        Ok(0)
    }

    /// Whether a quotation mark is open is known from the start only.
    fn last_row_end(&self, cutter: Cutter, size: u64) -> io::Result<u64> {
        let (mut at, mut held) = (0, Vec::new());
        while at < size {
            let n_before = held.len();
            held.resize(n_before + BATCH, 0);
            let place = at + u64::try_from(n_before).unwrap_or_default();
            let n = read_full(&self.file, held.get_mut(n_before..).unwrap_or_default(), place)?;
            held.truncate(n_before + n);
            let end = cutter.lines(&held).last().map_or(0, |line| line.end);
            held.drain(..end);
            at += u64::try_from(end).unwrap_or_default();
            if n == 0 || held.len() > 2 * MAX_LINE {
                break;
            }
        }
        Ok(at)
    }

    /// Goes on behind what was read, unless the file was written anew meanwhile: then what was read is not what follows.
    fn go_on(&mut self, taken: usize) -> io::Result<bool> {
        let offset = self.position.offset + u64::try_from(taken).unwrap_or_default();
        let tail = Mark::before(&self.file, offset)?;
        let is_same = self.position.fits(&self.file)?;
        if is_same {
            (self.position.offset, self.position.tail) = (offset, tail);
            // What was read may have been written after the look.
            self.lengthen_head()?;
        } else {
            // The next look finds it changed.
            self.stamp.modified = (0, 0);
        }
        Ok(is_same)
    }

    /// All before this byte was given.
    fn stand_at(&mut self, offset: u64) -> io::Result<()> {
        self.position.offset = offset;
        self.position.tail = Mark::before(&self.file, offset)?;
        Ok(())
    }

    /// The next lines.
    fn lines(&mut self, context: &Context, stream: &str, mut rest: Rest) -> io::Result<Option<Batch>> {
        let mut bytes = Vec::new();
        let mut wanted = BATCH;
        let cutter = match self.position.reads {
            Reads::LongLine => Cutter { ends: Ends::AtLineFeeds, ..self.cutter() },
            _ => self.cutter(),
        };
        loop {
            let n_before = bytes.len();
            bytes.resize(wanted, 0);
            let at = self.position.offset + u64::try_from(n_before).unwrap_or_default();
            let n = read_full(&self.file, bytes.get_mut(n_before..).unwrap_or_default(), at)?;
            bytes.truncate(n_before + n);
            let is_all = bytes.len() < wanted;
            if is_all || bytes.len() > MAX_LINE || self.position.reads == Reads::LongLine || cutter.lines(&bytes).next().is_some()
            {
                break;
            }
            wanted *= 2;
        }
        let (mut texts, mut refused, mut taken) = (Texts::default(), Vec::new(), 0);
        for line in cutter.lines(&bytes) {
            taken = line.end;
            let line = bytes.get(line).unwrap_or_default();
            if self.position.reads == Reads::LongLine {
                self.position.reads = Reads::Lines;
                if cutter.ends == self.cutter().ends {
                    continue;
                }
                // What follows is cut in another way, by the next call.
                rest = Rest::Wait;
                break;
            }
            if line.len() > MAX_LINE {
                refused.push(self.refused(line));
            } else if let Some(text) = cutter.text(line) {
                texts.push(&text);
            }
        }
        let left = bytes.get(taken..).unwrap_or_default();
        let even = left.len() - left.len() % self.encoding.width();
        let left = left.get(..even).unwrap_or_default();
        if taken == 0 && self.position.reads == Reads::LongLine {
            taken = left.len();
        } else if taken == 0 && left.len() > MAX_LINE {
            refused.push(self.refused(left));
            self.position.reads = Reads::LongLine;
            taken = left.len();
        } else if bytes.len() < wanted && !left.is_empty() && left.len() <= MAX_LINE {
            let text = cutter.text(left).unwrap_or_default();
            let is_given = match rest {
                Rest::Wait => false,
                Rest::GiveRecord => text.starts_with(['{', '[']) && is_record(text.as_bytes()),
                Rest::Give => true,
            };
            if is_given {
                taken += left.len();
                texts.push(&text);
            }
        }
        if taken == 0 {
            return Ok(None);
        }
        if !self.go_on(taken)? {
            return Ok(None);
        }
        Ok(Some(self.batch(context, stream, texts, refused)))
    }

    fn refused(&self, line: &[u8]) -> RefusedText {
        RefusedText { reason: too_long(), start: self.encoding.decode(line.get(..200).unwrap_or(line)) }
    }

    /// Only says where it stands.
    pub(crate) fn stands(&self, context: &Context, stream: &str) -> Batch {
        self.batch(context, stream, Texts::default(), Vec::new())
    }

    fn batch(&self, context: &Context, stream: &str, texts: Texts, refused: Vec<RefusedText>) -> Batch {
        let position = serde_json::to_value(&self.position).ok();
        Batch { about: about(context, stream, position, End::Open, refused), texts }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp { size: metadata.size(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

/// Says of a stream that nothing more comes and nothing needs to be remembered.
pub(crate) fn over(context: &Context, stream: &str, refused: Vec<RefusedText>) -> Batch {
    let about = about(context, stream, Some(serde_json::Value::Null), End::Ended, refused);
    Batch { about, texts: Texts::default() }
}

pub(crate) fn about(
    context: &Context,
    stream: &str,
    position: Option<serde_json::Value>,
    end: End,
    refused: Vec<RefusedText>,
) -> About {
    About {
        input: context.id.clone(),
        stream: stream.to_owned(),
        source: context.source.clone(),
        received: Timestamp::now(),
        position,
        end,
        refused,
    }
}

/// Reads until the buffer is full or the file ends.
fn read_full(file: &File, mut buffer: &mut [u8], mut at: u64) -> io::Result<usize> {
    let mut total = 0;
    while !buffer.is_empty() {
        let n = file.read_at(buffer, at)?;
        if n == 0 {
            break;
        }
        total += n;
        at += u64::try_from(n).unwrap_or_default();
        buffer = buffer.get_mut(n..).unwrap_or_default();
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A file that was cut while it was looked at, and written again before it was read, is known by its beginning all the same: else a
    /// copy of it would be read as another file.
    #[test]
    fn what_was_written_after_the_look_is_in_the_head() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        let mut followed = Followed::begin(&path, file.reopen().unwrap(), Start::At(0), TextKind::Lines).unwrap();
        file.write_all(b"a line\n").unwrap();
        followed.position.reads = Reads::Lines;
        assert!(followed.go_on(7).unwrap());
        let copy = path.with_file_name(format!("{}.1", path.file_name().unwrap().to_str().unwrap()));
        std::fs::copy(&path, &copy).unwrap();
        assert!(followed.position.is_copied_to(&copy, &File::open(&copy).unwrap()).unwrap());
        std::fs::remove_file(copy).unwrap();
    }
}
