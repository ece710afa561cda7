//! Pieces of a chunk. What is kept of one is where it lies, so that templates and records borrow nothing.

use crate::error::Broken;

/// Bytes of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    pub(crate) fn new(start: usize, length: usize) -> Self {
        // A chunk has 64 KiB.
        Span { start: u32::try_from(start).unwrap_or(u32::MAX), length: u32::try_from(length).unwrap_or(0) }
    }

    pub(crate) fn start(self) -> usize {
        usize::try_from(self.start).unwrap_or(usize::MAX)
    }

    pub(crate) fn length(self) -> usize {
        usize::try_from(self.length).unwrap_or(0)
    }

    pub(crate) fn end(self) -> usize {
        self.start().saturating_add(self.length())
    }

    /// The bytes; none if they lie outside.
    pub(crate) fn of(self, chunk: &[u8]) -> &[u8] {
        chunk.get(self.start()..self.end()).unwrap_or_default()
    }
}

/// Reads on in a span of a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'c> {
    chunk: &'c [u8],
    at: usize,
    end: usize,
}

impl<'c> Cursor<'c> {
    /// At the start of a span; what of it lies outside the chunk can't be read.
    pub(crate) fn new(chunk: &'c [u8], span: Span) -> Self {
        Cursor { chunk, at: span.start(), end: span.end().min(chunk.len()) }
    }

    /// At a byte, up to the chunk's end.
    pub(crate) fn at_byte(chunk: &'c [u8], at: usize) -> Self {
        Cursor { chunk, at, end: chunk.len() }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// The next bytes, as a span.
    pub(crate) fn take(&mut self, length: usize, what: &str) -> Result<Span, Broken> {
        if length > self.left() {
            let reason = format!("{what} should have {length} bytes and there are {}", self.left());
            return Err(Broken::new(self.at, reason));
        }
        let span = Span::new(self.at, length);
        self.at += length;
        Ok(span)
    }

    pub(crate) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Broken> {
        let at = self.at;
        let bytes = self.take(N, what)?.of(self.chunk);
        bytes.try_into().map_err(|_| Broken::new(at, format!("{what} is cut")))
    }

    pub(crate) fn u8(&mut self, what: &str) -> Result<u8, Broken> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, what: &str) -> Result<u16, Broken> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, what: &str) -> Result<u32, Broken> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// A number that is a length or a place in the chunk.
    pub(crate) fn size(&mut self, what: &str) -> Result<usize, Broken> {
        Ok(usize::try_from(self.u32(what)?).unwrap_or(usize::MAX))
    }
}

/// The number at a byte, if there is one.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

/// The number at a byte, if there is one.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

/// The number at a byte, if there is one.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

/// So many bytes, if they are there.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
