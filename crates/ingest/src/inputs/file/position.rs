use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// How much of a file's beginning tells it from others, and how much before the place where it stands, in bytes.
const MARK: u64 = 256;

/// Where a file stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Position {
    /// Where it was last seen.
    pub(crate) path: PathBuf,
    /// What is next: a byte; of a file that is read as one piece how many of its texts were given; of an event log a record's number.
    pub(crate) offset: u64,
    /// How it is read.
    pub(crate) reads: Reads,
    /// How it begins.
    pub(crate) head: Mark,
    /// What stands before the next byte; of a file that is read as one piece, at its end; of an event log the last record's head.
    pub(crate) tail: Mark,
    /// Of a file that is read as one piece: how long it was when all was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) whole: Option<u64>,
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reads {
    /// Not known before its first line is there.
    Unknown,
    /// Line by line as it grows; the offset is a byte.
    Lines,
    /// The same, in a line that is too long: what is left of it is passed over.
    LongLine,
    /// As one piece once it no longer grows (packed files, documents); the offset counts texts.
    Whole,
    /// An event log of Windows, which changes in place; the offset is the number of the next record, 0 at the start.
    EventLog,
    /// The packed copy of a file that was followed; the offset is a byte of what is unpacked.
    Copy,
}

/// A checksum of at most 256 bytes of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    length: u64,
    crc: u32,
}

/// Reads a file from a place on, without moving others who read it.
pub(crate) struct From<'f>(pub(crate) &'f File, pub(crate) u64);

impl Read for From<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read_at(buffer, self.1)?;
        self.1 += u64::try_from(n).unwrap_or_default();
        Ok(n)
    }
}

impl Mark {
    /// That of the next bytes, as many as there are.
    pub(crate) fn of(reader: impl Read) -> io::Result<Self> {
        Self::of_length(reader, MARK)
    }

    /// That of the bytes before a place.
    pub(crate) fn before(file: &File, offset: u64) -> io::Result<Self> {
        let length = offset.min(MARK);
        Self::of_length(From(file, offset - length), length)
    }

    fn of_length(reader: impl Read, length: u64) -> io::Result<Self> {
        let mut bytes = Vec::new();
        reader.take(length).read_to_end(&mut bytes)?;
        Ok(Mark { length: u64::try_from(bytes.len()).unwrap_or_default(), crc: crc32fast::hash(&bytes) })
    }

    /// Whether these bytes are next.
    fn is_next(self, reader: impl Read) -> io::Result<bool> {
        Ok(Self::of_length(reader, self.length)? == self)
    }

    /// Whether these bytes stand before a place.
    fn is_before(self, file: &File, offset: u64) -> io::Result<bool> {
        Ok(self.length <= offset && self.is_next(From(file, offset - self.length))?)
    }

    /// Whether it is one of no bytes.
    fn is_empty(self) -> bool {
        self.length == 0
    }

    /// Whether a longer one may say more.
    pub(crate) fn is_short(self) -> bool {
        self.length < MARK
    }
}

impl Position {
    /// Whether nothing stood in the file when it was last looked at.
    pub(crate) fn saw_nothing(&self) -> bool {
        self.offset == 0 && self.head.is_empty()
    }

    /// Whether a file is the one that stood here: it begins like this and has the same bytes before the place. It may have grown.
    pub(crate) fn fits(&self, file: &File) -> io::Result<bool> {
        if !self.head.is_next(From(file, 0))? {
            return Ok(false);
        }
        let end = match self.reads {
            Reads::Lines | Reads::LongLine => Some(self.offset),
            Reads::Unknown | Reads::Whole | Reads::Copy => self.whole,
            // The records tell whether it is the same one.
            Reads::EventLog => None,
        };
        end.map_or(Ok(true), |end| self.tail.is_before(file, end))
    }

    /// Whether another file is a copy, packed or not, of the one that stood here line by line.
    pub(crate) fn is_copied_to(&self, path: &Path, file: &File) -> io::Result<bool> {
        let is_followed = matches!(self.reads, Reads::Unknown | Reads::Lines | Reads::LongLine) && self.head.length > 0;
        let Some(packing) = is_followed.then(|| Packing::of(path)) else { return Ok(false) };
        if !self.may_be_copied_to(path) {
            return Ok(false);
        }
        if packing == Packing::Plain {
            return self.fits(file);
        }
        // Somebody may still be packing it: what can't be unpacked is no copy yet.
        let Ok(start) = packing.unpack(From(file, 0)) else { return Ok(false) };
        if !self.head.is_next(start).unwrap_or_default() {
            return Ok(false);
        }
        let mut unpacked = packing.unpack(From(file, 0))?;
        let before = self.offset - self.tail.length;
        let skipped = io::copy(&mut (&mut unpacked).take(before), &mut io::sink()).unwrap_or_default();
        Ok(skipped == before && self.tail.is_next(unpacked).unwrap_or_default())
    }

    /// Whether a copy, packed or not, is being made of a file that is followed and still there: what it has so far stands there too.
    pub(crate) fn is_being_copied(&self, own: &File, path: &Path, file: &File) -> io::Result<bool> {
        if !matches!(self.reads, Reads::Unknown | Reads::Lines | Reads::LongLine) || !self.may_be_copied_to(path) {
            return Ok(false);
        }
        let (size, own_size) = (file.metadata()?.len(), own.metadata()?.len());
        let packing = Packing::of(path);
        if packing == Packing::Plain {
            let is_same = Mark::of(From(file, 0))?.is_next(From(own, 0))? && Mark::before(file, size)?.is_before(own, size)?;
            return Ok(size <= own_size && is_same);
        }
        let mut start = Vec::new();
        let outcome = packing.unpack(From(file, 0)).and_then(|unpacked| unpacked.take(MARK).read_to_end(&mut start));
        let is_cut = outcome.is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) || size == 0;
        let is_same = Mark::of(start.as_slice())?.is_next(From(own, 0))?;
        Ok(is_same && (is_cut || packing.unpacked_length(file)?.is_none_or(|length| length <= own_size)))
    }

    /// Whether a name may be that of a copy: `app.log.1`, `app.log-20260301`, and packed `app.log.2.gz` of `app.log.1` too.
    pub(crate) fn may_be_copied_to(&self, path: &Path) -> bool {
        let own = if Packing::of(path) == Packing::Plain { self.path.file_name() } else { self.path.file_stem() };
        let names = path.file_name().zip(own);
        let is_longer = names
            .is_some_and(|(name, own)| name.len() > own.len() && name.as_encoded_bytes().starts_with(own.as_encoded_bytes()));
        is_longer && path != self.path && path.parent() == self.path.parent()
    }
}

/// How a rotated file is packed, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    pub(crate) fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Packing::Gzip,
            Some("zst") => Packing::Zstd,
            _ => Packing::Plain,
        }
    }

    /// How long it is unpacked; `None` if it ends too early.
    fn unpacked_length(self, file: &File) -> io::Result<Option<u64>> {
        Ok(io::copy(&mut self.unpack(From(file, 0))?, &mut io::sink()).ok())
    }

    fn unpack<'f>(self, file: From<'f>) -> io::Result<Box<dyn Read + 'f>> {
        Ok(match self {
            Packing::Plain => Box::new(file),
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(file)),
            Packing::Zstd => Box::new(zstd::Decoder::new(file)?),
        })
    }
}
