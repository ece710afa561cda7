use std::{fmt, io};

/// Why a part of an event log file, or all of it, can't be read.
#[derive(Debug, thiserror::Error)]
pub enum EvtxError {
    /// The file is of another kind; nothing is read.
    #[error("it is no Windows event log: it does not begin with `ElfFile`")]
    NotAnEventLog,
    /// Reading bytes failed; nothing more is read.
    #[error("reading stopped at byte {at}: {error}")]
    Read {
        /// Where in the file.
        at: u64,
        /// Why.
        error: io::Error,
    },
    /// A part is damaged; reading goes on behind it.
    #[error("{place}: {reason}")]
    Damaged {
        /// Which.
        place: Place,
        /// What is wrong with it.
        reason: String,
    },
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The chunk, counted from 0; `None` in the file's own header.
    pub chunk: Option<u64>,
    /// The byte of the file.
    pub at: u64,
    /// The record, if its number could be read.
    pub record: Option<u64>,
    /// The record before it in its chunk.
    pub behind: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(record) = self.record {
            write!(formatter, "record {record} ")?;
        }
        match self.chunk {
            Some(chunk) => write!(formatter, "in chunk {chunk} at byte {}", self.at),
            None => write!(formatter, "in the file's header at byte {}", self.at),
        }
    }
}

/// What is wrong at a byte of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) at: usize,
    pub(crate) reason: String,
}

impl Broken {
    pub(crate) fn new(at: usize, reason: impl Into<String>) -> Self {
        Broken { at, reason: reason.into() }
    }
}
