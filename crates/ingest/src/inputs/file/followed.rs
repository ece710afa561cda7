use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    LOOKS_AFTER_ROTATION, Start,
    position::{Head, Position},
};
use crate::{
    About, Batch, End, MAX_LINE, RefusedText, TextKind, Texts,
    inputs::Context,
    text::{is_whole_record, texts},
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
    how: How,
    kind: TextKind,
    size: u64,
    /// Looks since it was rotated away and last grew.
    looks_alone: u32,
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Not known before its first line is there.
    Unknown,
    /// Line by line as it grows.
    Lines,
    /// The rest of a line that is too long is passed over.
    PastLongLine,
    /// As one piece, once it no longer grows: packed files, documents.
    Whole,
    /// A packed copy of a file that was followed line by line up to some byte.
    PackedCopy,
}

impl Followed {
    /// Opens a file and goes on where it stood, if it still is the same file.
    pub(crate) fn open(path: &Path, known: Option<Position>, start: Start, kind: TextKind) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut same = None;
        if let Some(known) = known {
            let is_shorter = known.whole.is_none() && known.offset > size;
            if !is_shorter && known.head.begins(&mut file)? {
                same = Some(known);
            }
            file.seek(SeekFrom::Start(0))?;
        }
        let head = Head::of(&mut file)?;
        let mut followed = Followed {
            file,
            position: Position { path: path.to_owned(), offset: 0, head, whole: None },
            how: How::Unknown,
            kind,
            size: 0,
            looks_alone: 0,
        };
        match same {
            Some(known) => followed.position = Position { path: path.to_owned(), ..known },
            None if start == Start::End => {
                followed.find_how(size)?;
                if followed.how == How::Lines {
                    // The line that is being written is read from its start.
                    followed.position.offset = followed.last_line_end(size)?;
                } else {
                    followed.position.whole = Some(size);
                }
            }
            None => {}
        }
        Ok(followed)
    }

    /// Opens the packed copy of a file that stood somewhere.
    pub(crate) fn open_packed(path: &Path, known: &Position) -> io::Result<Self> {
        let position = Position { path: path.to_owned(), ..known.clone() };
        Ok(Followed { file: File::open(path)?, position, how: How::PackedCopy, kind: TextKind::Lines, size: 0, looks_alone: 0 })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.position.path
    }

    /// It has this name now.
    pub(crate) fn is_at(&mut self, path: &Path) {
        if self.position.path != path {
            self.position.path = PathBuf::from(path);
        }
    }

    /// How many bytes are to be read.
    pub(crate) fn behind(&self) -> u64 {
        match self.position.whole {
            Some(whole) => self.size.saturating_sub(whole),
            None if self.how == How::Whole => self.size,
            None => self.size.saturating_sub(self.position.offset),
        }
    }

    /// Reads some of what is new; and whether the file is over. `is_there` says whether it still has a name among the paths.
    pub(crate) fn read(&mut self, context: &Context, stream: &str, is_there: bool) -> io::Result<(Vec<Batch>, bool)> {
        let size = self.file.metadata()?.len();
        let has_grown = size != self.size;
        if size < self.size || (self.position.whole.is_none() && self.how == How::Lines && self.position.offset > size) {
            // It was cut and is written anew.
            self.position = Position { offset: 0, whole: None, head: Head::of(&self.file)?, path: self.position.path.clone() };
            self.file.seek(SeekFrom::Start(0))?;
            self.how = How::Unknown;
        }
        self.size = size;
        if self.position.head.is_short() {
            self.position.head = self.head()?;
        }
        self.looks_alone = if is_there || has_grown { 0 } else { self.looks_alone + 1 };
        if self.how == How::Unknown {
            self.find_how(size)?;
        }
        let is_alone = self.looks_alone >= LOOKS_AFTER_ROTATION;
        match self.how {
            How::Unknown => Ok((Vec::new(), is_alone)),
            How::Lines | How::PastLongLine => {
                let mut batches = Vec::new();
                while batches.len() < BATCHES
                    && let Some(batch) = self.lines(context, stream, is_alone)?
                {
                    batches.push(batch);
                }
                let is_over = is_alone && batches.is_empty();
                if is_over {
                    batches.push(self.over(context, stream));
                }
                Ok((batches, is_over))
            }
            How::Whole if self.position.whole == Some(size) => {
                let batches = if is_there { Vec::new() } else { vec![self.over(context, stream)] };
                Ok((batches, !is_there))
            }
            How::Whole if has_grown && is_there => Ok((Vec::new(), false)),
            How::Whole => Ok((self.whole(context, stream)?, false)),
            How::PackedCopy => {
                let mut batches = self.rest_of_copy(context, stream)?;
                batches.push(self.over(context, stream));
                Ok((batches, true))
            }
        }
    }

    /// How it begins, read without moving.
    fn head(&self) -> io::Result<Head> {
        let mut start = vec![0; 256];
        let n = self.file.read_at(&mut start, 0)?;
        start.truncate(n);
        Head::of(start.as_slice())
    }

    /// Finds out how to read it from how it begins.
    fn find_how(&mut self, size: u64) -> io::Result<()> {
        if size == 0 {
            return Ok(());
        }
        let mut start = vec![0; 4];
        let n = self.file.read_at(&mut start, 0)?;
        start.truncate(n);
        let is_packed = start.starts_with(&[0x1f, 0x8b]) || start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        let is_wide = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);
        if is_packed || is_wide || self.kind == TextKind::Document {
            self.how = How::Whole;
            return Ok(());
        }
        if self.kind == TextKind::Lines {
            self.how = How::Lines;
            return Ok(());
        }
        let mut line = vec![0; MAX_LINE.min(usize::try_from(size).unwrap_or(MAX_LINE))];
        let n = self.file.read_at(&mut line, 0)?;
        line.truncate(n);
        let first = line.iter().position(|byte| !byte.is_ascii_whitespace());
        let rest = first.and_then(|first| line.get(first..)).unwrap_or_default();
        self.how = match rest.iter().position(|byte| *byte == b'\n').and_then(|end| rest.get(..end)) {
            Some(first) if is_whole_record(first) => How::Lines,
            Some(_) => How::Whole,
            // The whole file is one line: it may be a document, or a line that goes on.
            None if is_whole_record(rest) && !rest.is_empty() => How::Whole,
            None if line.len() >= MAX_LINE => How::Whole,
            None => How::Unknown,
        };
        Ok(())
    }

    /// Where the last whole line ends.
    fn last_line_end(&self, size: u64) -> io::Result<u64> {
        let mut end = size;
        let mut part = vec![0; 1 << 16];
        while end > 0 {
            let start = end.saturating_sub(1 << 16);
            let length = usize::try_from(end - start).unwrap_or_default();
            let Some(part) = part.get_mut(..length) else { break };
            self.file.read_exact_at(part, start)?;
            if let Some(place) = part.iter().rposition(|byte| *byte == b'\n') {
                return Ok(start + u64::try_from(place).unwrap_or_default() + 1);
            }
            end = start;
        }
        Ok(0)
    }

    /// The next lines; with `is_alone` what stands behind the last line feed too.
    fn lines(&mut self, context: &Context, stream: &str, is_alone: bool) -> io::Result<Option<Batch>> {
        let mut bytes = Vec::new();
        let mut refused = Vec::new();
        let mut wanted = BATCH;
        let taken = loop {
            let n_before = bytes.len();
            bytes.resize(wanted, 0);
            let at = self.position.offset + u64::try_from(n_before).unwrap_or_default();
            let Some(part) = bytes.get_mut(n_before..) else { break 0 };
            let n = read_full(&self.file, part, at)?;
            bytes.truncate(n_before + n);
            if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
                break end + 1;
            }
            if self.how == How::PastLongLine {
                break bytes.len();
            }
            if bytes.len() > MAX_LINE {
                let start = bytes.get(..200).map(|start| String::from_utf8_lossy(start).into_owned());
                refused.push(RefusedText {
                    reason: format!("a line is longer than {} MiB", MAX_LINE >> 20),
                    start: start.unwrap_or_default(),
                });
                self.how = How::PastLongLine;
                break bytes.len();
            }
            if bytes.len() < wanted {
                break if is_alone { bytes.len() } else { 0 };
            }
            wanted *= 2;
        };
        bytes.truncate(taken);
        if bytes.is_empty() {
            return Ok(None);
        }
        self.position.offset += u64::try_from(taken).unwrap_or_default();
        let mut rest = bytes.as_slice();
        if self.how == How::PastLongLine {
            let end = rest.iter().position(|byte| *byte == b'\n');
            if end.is_some() {
                self.how = How::Lines;
            }
            rest = end.and_then(|end| rest.get(end + 1..)).unwrap_or_default();
        }
        let mut texts = Texts::default();
        for line in rest.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.iter().all(u8::is_ascii_whitespace) {
                texts.push(&String::from_utf8_lossy(line));
            }
        }
        Ok(Some(self.batch(context, stream, texts, refused)))
    }

    /// All texts behind those that were given.
    fn whole(&mut self, context: &Context, stream: &str) -> io::Result<Vec<Batch>> {
        let given = if self.position.whole.is_none_or(|whole| whole < self.size) { self.position.offset } else { 0 };
        let mut n = 0_u64;
        let mut batches = Vec::new();
        let (mut held, mut refused) = (Texts::default(), Vec::new());
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        let kind = self.kind;
        let read = texts(file, kind, &mut |text| {
            n += 1;
            if n <= given {
                return;
            }
            match text {
                Ok(text) => held.push(text.trim_end_matches(['\r', '\n'])),
                Err(reason) => refused.push(RefusedText { reason, start: String::new() }),
            }
            if held.n_bytes() >= BATCH {
                self.position.offset = n;
                let batch = self.batch(context, stream, std::mem::take(&mut held), std::mem::take(&mut refused));
                batches.push(batch);
            }
        });
        if let Err(error) = read {
            refused.push(RefusedText {
                reason: format!("reading stopped: {error}; what was before is looked at"),
                start: String::new(),
            });
        }
        self.position.offset = n;
        self.position.whole = Some(self.size);
        batches.push(self.batch(context, stream, held, refused));
        Ok(batches)
    }

    /// The lines of a packed copy from the byte on up to which the file was followed.
    fn rest_of_copy(&mut self, context: &Context, stream: &str) -> io::Result<Vec<Batch>> {
        let is_zstd = self.position.path.extension().is_some_and(|extension| extension == "zst");
        let packed = self.file.try_clone()?;
        let mut unpacked: Box<dyn Read> =
            if is_zstd { Box::new(zstd::Decoder::new(packed)?) } else { Box::new(flate2::read::MultiGzDecoder::new(packed)) };
        io::copy(&mut unpacked.by_ref().take(self.position.offset), &mut io::sink())?;
        let mut batches = Vec::new();
        let mut held = Texts::default();
        texts(unpacked, TextKind::Lines, &mut |text| {
            if let Ok(text) = text {
                held.push(text.trim_end_matches(['\r', '\n']));
            }
            if held.n_bytes() >= BATCH {
                batches.push(self.batch(context, stream, std::mem::take(&mut held), Vec::new()));
            }
        })?;
        batches.push(self.batch(context, stream, held, Vec::new()));
        Ok(batches)
    }

    fn batch(&self, context: &Context, stream: &str, texts: Texts, refused: Vec<RefusedText>) -> Batch {
        let position = serde_json::to_value(&self.position).ok();
        Batch { about: about(context, stream, position, End::Open, refused), texts }
    }

    /// Says that nothing more comes and nothing needs to be remembered.
    fn over(&self, context: &Context, stream: &str) -> Batch {
        let about = about(context, stream, Some(serde_json::Value::Null), End::Ended, Vec::new());
        Batch { about, texts: Texts::default() }
    }
}

fn about(context: &Context, stream: &str, position: Option<serde_json::Value>, end: End, refused: Vec<RefusedText>) -> About {
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
