//! From bytes to texts: unpacked, decoded, cut into lines or taken as one document.

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// A line may be so long; what is longer is told as unreadable, and reading goes on behind it.
pub const MAX_LINE: usize = 16 << 20;

/// A document that is no sequence of lines may be so long.
const MAX_DOCUMENT: u64 = 256 << 20;

/// What the records of a log source are in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// Each line is a text.
    Lines,
    /// Each line is a JSON text, or the file is one JSON document.
    Json,
    /// The file is one document: a record may go over several lines.
    Document,
}

impl TextKind {
    /// That of a log source.
    pub fn of(source: &skywarden_detect::LogSource) -> Self {
        match (source.spans_lines(), source.is_json()) {
            (true, _) => TextKind::Document,
            (false, true) => TextKind::Json,
            (false, false) => TextKind::Lines,
        }
    }
}

/// Gives the texts of a file that may be packed (gzip, zstd) or UTF-16. A line that can't be given is told with the reason.
///
/// # Errors
/// If reading stops before the end; what was read before was given.
pub fn texts(file: impl Read + 'static, kind: TextKind, each: &mut dyn FnMut(Result<&str, String>)) -> io::Result<()> {
    let mut reader = open(file)?;
    if kind == TextKind::Document {
        return whole(reader, Vec::new(), each);
    }
    let mut line = Vec::new();
    let mut is_first = true;
    loop {
        line.clear();
        let n_read = (&mut reader).take(limit()).read_until(b'\n', &mut line)?;
        if n_read == 0 {
            return Ok(());
        }
        if line.len() > MAX_LINE {
            each(Err(format!("a line is longer than {} MiB", MAX_LINE >> 20)));
            skip_line(&mut reader)?;
            continue;
        }
        if kind == TextKind::Json && is_first && !is_whole_record(&line) {
            return whole(reader, std::mem::take(&mut line), each);
        }
        is_first = is_first && line.iter().all(u8::is_ascii_whitespace);
        give(&line, each);
    }
}

/// All of a file, unpacked, if it is at most so long.
///
/// # Errors
/// If the file can't be read, or is longer.
pub fn unpacked(file: impl Read + 'static, most: usize) -> io::Result<Vec<u8>> {
    let mut held = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    open(file)?.take(limit).read_to_end(&mut held)?;
    if held.len() > most {
        return Err(io::Error::other(format!("it is longer than {} MiB", most >> 20)));
    }
    Ok(held)
}

fn limit() -> u64 {
    u64::try_from(MAX_LINE).unwrap_or(u64::MAX).saturating_add(1)
}

fn give(bytes: &[u8], each: &mut dyn FnMut(Result<&str, String>)) {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => {}
        Ok(text) => each(Ok(text)),
        // Logs of hosts may hold other encodings in one field; the rest of the line is worth reading.
        Err(_) => each(Ok(&String::from_utf8_lossy(bytes))),
    }
}

/// Whether a first line is a record by itself, so that the file is a sequence of lines.
pub(crate) fn is_whole_record(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace) || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

fn whole(reader: impl Read, mut held: Vec<u8>, each: &mut dyn FnMut(Result<&str, String>)) -> io::Result<()> {
    let n_read = reader.take(MAX_DOCUMENT).read_to_end(&mut held);
    if u64::try_from(held.len()).unwrap_or(u64::MAX) >= MAX_DOCUMENT {
        each(Err(format!("a document is longer than {} MiB; write it as lines of JSON", MAX_DOCUMENT >> 20)));
        return Ok(());
    }
    give(&held, each);
    n_read.map(|_| ())
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let held = reader.fill_buf()?;
        if held.is_empty() {
            return Ok(());
        }
        match held.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                reader.consume(end + 1);
                return Ok(());
            }
            None => {
                let n = held.len();
                reader.consume(n);
            }
        }
    }
}

/// Unpacks a file if its first bytes say that it is packed.
fn open(file: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let start = reader.fill_buf()?;
    let unpacked: Box<dyn BufRead> = if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::with_capacity(1 << 18, flate2::bufread::MultiGzDecoder::new(reader)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::with_capacity(1 << 18, zstd::Decoder::with_buffer(reader)?))
    } else {
        Box::new(reader)
    };
    decoded(unpacked)
}

/// Turns UTF-16, which tools of Windows write, into UTF-8; what is no letter becomes U+FFFD.
fn decoded(mut reader: Box<dyn BufRead>) -> io::Result<Box<dyn BufRead>> {
    let order: fn([u8; 2]) -> u16 = match reader.fill_buf()? {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Ok(reader),
    };
    let mut bytes = Vec::new();
    reader.take(MAX_DOCUMENT).read_to_end(&mut bytes)?;
    let units = bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(order);
    let text: String = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Ok(Box::new(Cursor::new(text.trim_start_matches('\u{feff}').to_owned())))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// The texts of a file with these bytes, and what could not be given.
    fn read(bytes: &[u8], kind: TextKind) -> (Vec<String>, Vec<String>) {
        let (mut given, mut wrong) = (Vec::new(), Vec::new());
        let outcome = texts(Cursor::new(bytes.to_vec()), kind, &mut |text| match text {
            Ok(text) => given.push(text.trim_end().to_owned()),
            Err(reason) => wrong.push(reason),
        });
        wrong.extend(outcome.err().map(|error| error.to_string()));
        (given, wrong)
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn packed_and_encoded_files_are_read_as_plain_ones() {
        let plain = "{\"a\":\"ü\"}\n\n{\"a\":2}\r\n";
        let expected = (vec!["{\"a\":\"ü\"}".to_owned(), "{\"a\":2}".to_owned()], Vec::new());
        let wide: Vec<u8> = [0xfeff].into_iter().chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = [0xfeff].into_iter().chain(plain.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        let zstd = zstd::encode_all(plain.as_bytes(), 3).unwrap();
        for bytes in [plain.as_bytes(), &packed(plain.as_bytes()), &zstd, &wide, &big, &packed(&wide)] {
            assert_eq!(read(bytes, TextKind::Json), expected);
        }
    }

    #[test]
    fn a_document_is_given_whole_and_lines_one_by_one() {
        let document = "{\n \"Records\": []\n}";
        assert_eq!(read(document.as_bytes(), TextKind::Json).0, [document]);
        assert_eq!(read(document.as_bytes(), TextKind::Lines).0.len(), 3);
        assert_eq!(read(b"", TextKind::Json).0.len(), 0);
    }

    #[test]
    fn what_is_cut_or_too_long_is_told_and_the_rest_is_read() {
        let whole = packed("{\"a\":1}\n".repeat(100_000).as_bytes());
        let (given, wrong) = read(whole.get(..whole.len() / 2).unwrap(), TextKind::Json);
        assert!(!given.is_empty() && wrong.len() == 1, "{} {wrong:?}", given.len());
        let long = [b"first\n".as_slice(), &vec![b'x'; MAX_LINE + 10], b"\nlast\n"].concat();
        let (given, wrong) = read(&long, TextKind::Lines);
        assert_eq!(given, ["first", "last"]);
        assert_eq!(wrong, ["a line is longer than 16 MiB"]);
        assert_eq!(read(b"a\xffb\n", TextKind::Lines).0, ["a\u{fffd}b"]);
    }
}
