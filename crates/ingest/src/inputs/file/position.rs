use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// How much of a file's beginning tells it from others, in bytes.
const HEAD: u64 = 256;

/// Where a file stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Position {
    /// Where it was last seen.
    pub(crate) path: PathBuf,
    /// The next byte; of a file that is read whole, how many of its texts were given.
    pub(crate) offset: u64,
    /// How it begins.
    pub(crate) head: Head,
    /// Of a file that is read whole: how long it was when all was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) whole: Option<u64>,
}

/// How a file begins: a checksum of its first bytes, at most 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    length: u64,
    crc: u32,
}

impl Head {
    /// That of as many bytes as there are.
    pub(crate) fn of(reader: impl Read) -> io::Result<Self> {
        Self::of_length(reader, HEAD)
    }

    fn of_length(reader: impl Read, length: u64) -> io::Result<Self> {
        let mut bytes = Vec::new();
        reader.take(length).read_to_end(&mut bytes)?;
        Ok(Head { length: u64::try_from(bytes.len()).unwrap_or_default(), crc: crc32fast::hash(&bytes) })
    }

    /// Whether a file begins like this, and may have grown since.
    pub(crate) fn begins(self, reader: impl Read) -> io::Result<bool> {
        Ok(Self::of_length(reader, self.length)? == self)
    }

    /// Whether a longer one may say more.
    pub(crate) fn is_short(self) -> bool {
        self.length < HEAD
    }
}

impl Position {
    /// Whether the file was read whole, so that nothing is missing if it is gone.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.is_some()
    }

    /// Whether a file is a packed copy of the one that stood here.
    pub(crate) fn is_packed_copy(&self, path: &Path) -> bool {
        let Ok(file) = File::open(path) else { return false };
        let begins = match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => self.head.begins(flate2::read::MultiGzDecoder::new(file)),
            Some("zst") => zstd::Decoder::new(file).and_then(|file| self.head.begins(file)),
            _ => Ok(false),
        };
        self.head.length > 0 && begins.unwrap_or_default()
    }
}
