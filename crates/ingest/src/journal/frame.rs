//! A batch as bytes: `length of the rest: u32, CRC-32 of the rest: u32, zstd of (length of the header: u32, header as JSON, number of
//! texts: u32, length of each: u32, texts)`, numbers in little endian.

use crate::{About, Batch, Texts};

/// The bytes before a frame's content.
pub(crate) const HEAD: usize = 8;

/// A frame may be so long, packed; a longer one is no frame.
const MAX_FRAME: u32 = 512 << 20;

/// A frame may be so long, unpacked.
const MAX_UNPACKED: usize = 1 << 30;

/// What the first bytes of a frame say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) length: usize,
    crc: u32,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadFrame {
    #[error("its checksum is wrong")]
    Checksum,
    #[error("its content can't be read: {0}")]
    Content(String),
}

/// Appends a batch as a frame.
pub(crate) fn write(batch: &Batch, out: &mut Vec<u8>) -> Result<(), BadFrame> {
    let unreadable = |error: &dyn std::fmt::Display| BadFrame::Content(error.to_string());
    let header = serde_json::to_vec(&batch.about).map_err(|error| unreadable(&error))?;
    let (ends, bytes) = batch.texts.parts();
    let mut plain = Vec::with_capacity(header.len() + bytes.len() + 4 * ends.len() + 8);
    put(&mut plain, header.len())?;
    plain.extend_from_slice(&header);
    put(&mut plain, ends.len())?;
    let mut start = 0;
    for end in ends {
        put(&mut plain, end - start)?;
        start = *end;
    }
    plain.extend_from_slice(bytes.as_bytes());
    if plain.len() > MAX_UNPACKED {
        return Err(BadFrame::Content(format!("{} bytes are too much at once", plain.len())));
    }
    let packed = zstd::bulk::compress(&plain, 1).map_err(|error| unreadable(&error))?;
    put(out, packed.len())?;
    out.extend_from_slice(&crc32fast::hash(&packed).to_le_bytes());
    out.extend_from_slice(&packed);
    Ok(())
}

fn put(out: &mut Vec<u8>, number: usize) -> Result<(), BadFrame> {
    let number = u32::try_from(number).map_err(|_| BadFrame::Content("it is too long".to_owned()))?;
    out.extend_from_slice(&number.to_le_bytes());
    Ok(())
}

impl Head {
    /// What the first eight bytes say; `None` if they begin no frame.
    pub(crate) fn read(bytes: &[u8; HEAD]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h] = *bytes;
        let length = u32::from_le_bytes([a, b, c, d]);
        (length > 0 && length <= MAX_FRAME)
            .then(|| Head { length: usize::try_from(length).unwrap_or(usize::MAX), crc: u32::from_le_bytes([e, f, g, h]) })
    }

    /// The batch that the rest of the frame holds.
    pub(crate) fn batch(self, packed: &[u8]) -> Result<Batch, BadFrame> {
        if crc32fast::hash(packed) != self.crc {
            return Err(BadFrame::Checksum);
        }
        let plain = zstd::bulk::decompress(packed, capacity(packed)).map_err(|error| BadFrame::Content(error.to_string()))?;
        parse(&plain).ok_or_else(|| BadFrame::Content("its parts do not fit together".to_owned()))
    }
}

/// How long the content is once unpacked.
fn capacity(packed: &[u8]) -> usize {
    zstd::bulk::Decompressor::upper_bound(packed).unwrap_or(MAX_UNPACKED).min(MAX_UNPACKED)
}

fn parse(plain: &[u8]) -> Option<Batch> {
    let mut rest = plain;
    let length = take(&mut rest)?;
    let (header, after) = rest.split_at_checked(length)?;
    rest = after;
    let about: About = serde_json::from_slice(header).ok()?;
    let n_texts = take(&mut rest)?;
    let mut ends = Vec::with_capacity(n_texts.min(rest.len()));
    let mut end = 0_usize;
    for _ in 0..n_texts {
        end = end.checked_add(take(&mut rest)?)?;
        ends.push(end);
    }
    let texts = Texts::from_parts(ends, std::str::from_utf8(rest).ok()?.to_owned())?;
    Some(Batch { about, texts })
}

fn take(rest: &mut &[u8]) -> Option<usize> {
    let (number, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*number)).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{End, RefusedText};

    fn batch(texts: &[String], stream: &str) -> Batch {
        Batch {
            about: About {
                input: Arc::from("files"),
                stream: stream.to_owned(),
                source: Arc::from("linux-auth"),
                received: "2026-03-01T00:00:00Z".parse().unwrap(),
                position: Some(serde_json::json!({ "offset": 7 })),
                end: End::Ended,
                refused: vec![RefusedText { reason: "too long".into(), start: "xx".into() }],
            },
            texts: texts.iter().map(String::as_str).collect(),
        }
    }

    fn read(bytes: &[u8]) -> Option<Result<Batch, BadFrame>> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let head = Head::read(head)?;
        Some(head.batch(rest.get(..head.length)?))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in prop::collection::vec(".{0,80}", 0..30), stream in ".{0,20}") {
            let batch = batch(&texts, &stream);
            let mut bytes = Vec::new();
            write(&batch, &mut bytes).unwrap();
            prop_assert_eq!(read(&bytes), Some(Ok(batch.clone())));
            let read_texts: Vec<String> = batch.texts.iter().map(str::to_owned).collect();
            prop_assert_eq!(read_texts, texts);
        }

        #[test]
        fn a_changed_byte_is_seen(texts in prop::collection::vec("[a-z]{0,40}", 1..9), at in any::<prop::sample::Index>(), by in 1_u8..) {
            let mut bytes = Vec::new();
            write(&batch(&texts, "s"), &mut bytes).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = bytes[at].wrapping_add(by);
            prop_assert!(!matches!(read(&bytes), Some(Ok(_))));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = parse(&bytes);
        }
    }
}
