//! From bytes to texts: unpacked, decoded, cut into lines or taken as one document.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use skywarden_evtx::{EvtxError, Reader, is_event_log};

use crate::wide::Wide;

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
    /// Each line is a text; one in which a quotation mark is open goes on in the next (comma-separated values).
    Rows,
    /// The file is one document: a record may go over several lines, and what they mean stands in the first.
    Document,
}

impl TextKind {
    /// That of a log source.
    pub fn of(source: &skywarden_detect::LogSource) -> Self {
        match (source.spans_lines(), source.is_json()) {
            (true, _) if source.has_own_header() => TextKind::Document,
            (true, _) => TextKind::Rows,
            (false, true) => TextKind::Json,
            (false, false) => TextKind::Lines,
        }
    }
}

/// Gives the texts of a file that may be packed (gzip, zstd) or UTF-16, or an event log of Windows, whose records are JSON texts. A line
/// or record that can't be given is told with the reason.
///
/// # Errors
/// If reading stops before the end; what was read before was given.
pub fn texts(file: impl Read + Send + 'static, kind: TextKind, each: &mut dyn FnMut(Result<&str, String>)) -> io::Result<()> {
    let mut reader = TextReader::open(file, kind)?;
    while let Some(text) = reader.next_text()? {
        each(text.as_deref().map_err(Clone::clone));
    }
    Ok(())
}

/// The texts of a file, one after the other.
pub(crate) struct TextReader {
    reader: Box<dyn BufRead + Send>,
    /// What reads it instead, if it is an event log.
    log: Option<Reader<Box<dyn BufRead + Send>>>,
    kind: TextKind,
    line: Vec<u8>,
    is_first: bool,
    shape: Shape,
    n_bytes: u64,
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Lines.
    Lines,
    /// One document.
    Document,
    /// What begins like a JSON document, is none, and has lines that are records.
    BrokenDocument,
}

impl std::fmt::Debug for TextReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TextReader").field("shape", &self.shape).field("n_bytes", &self.n_bytes).finish_non_exhaustive()
    }
}

/// All of a file, unpacked, if it is at most so long.
///
/// # Errors
/// If the file can't be read, or is longer.
pub fn unpacked(file: impl Read + Send + 'static, most: usize) -> io::Result<Vec<u8>> {
    let mut held = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    open(file)?.take(limit).read_to_end(&mut held)?;
    if held.len() > most {
        return Err(io::Error::other(format!("it is longer than {} MiB", most >> 20)));
    }
    Ok(held)
}

impl TextReader {
    /// Opens a file that may be packed or UTF-16.
    pub(crate) fn open(file: impl Read + Send + 'static, kind: TextKind) -> io::Result<Self> {
        let mut reader = unpack(file)?;
        let mut log = None;
        if is_event_log(reader.fill_buf()?) {
            log = Some(Reader::open(reader).map_err(log_error)?);
            reader = Box::new(io::empty());
        }
        let reader = decoded(reader)?;
        Ok(TextReader { reader, log, kind, line: Vec::new(), is_first: true, shape: Shape::Lines, n_bytes: 0 })
    }

    /// What the file turned out to be, by what was read.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// How many unpacked bytes were read.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Passes over so many unpacked bytes.
    pub(crate) fn skip(&mut self, n_bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.reader).take(n_bytes), &mut io::sink())?;
        self.n_bytes += skipped;
        self.is_first = false;
        Ok(())
    }

    /// The next text, or why there is none in its place.
    pub(crate) fn next_text(&mut self) -> io::Result<Option<Result<String, String>>> {
        if let Some(log) = &mut self.log {
            return match log.next() {
                None => Ok(None),
                Some(Ok(record)) => Ok(Some(Ok(record.json))),
                Some(Err(error @ EvtxError::Read { .. })) => Err(log_error(error)),
                Some(Err(error)) => Ok(Some(Err(error.to_string()))),
            };
        }
        if self.is_first && matches!(self.kind, TextKind::Document | TextKind::Rows) {
            self.is_first = false;
            return self.document(Vec::new());
        }
        loop {
            self.line.clear();
            let n_read = (&mut self.reader).take(limit()).read_until(b'\n', &mut self.line)?;
            self.n_bytes += u64::try_from(n_read).unwrap_or_default();
            if n_read == 0 {
                return Ok(None);
            }
            let is_long = self.line.len() > MAX_LINE;
            // A document may be one long line; what is no JSON from its first bytes on is none, and need not be held.
            if self.is_first && self.kind == TextKind::Json && (begins_document(&self.line) || is_long && is_record(&self.line)) {
                self.is_first = false;
                let held = std::mem::take(&mut self.line);
                return self.document(held);
            }
            if is_long {
                self.is_first = false;
                self.n_bytes += skip_line(&mut self.reader)?;
                return Ok(Some(Err(too_long())));
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                self.is_first = false;
                return Ok(Some(Ok(text(&self.line))));
            }
        }
    }

    /// All that is left, as one text; `None` if it is blank.
    fn document(&mut self, mut held: Vec<u8>) -> io::Result<Option<Result<String, String>>> {
        self.shape = Shape::Document;
        let n_read = (&mut self.reader).take(MAX_DOCUMENT).read_to_end(&mut held);
        if u64::try_from(held.len()).unwrap_or(u64::MAX) >= MAX_DOCUMENT {
            return Ok(Some(Err(format!("a document is longer than {} MiB; write it as lines of JSON", MAX_DOCUMENT >> 20))));
        }
        if self.kind == TextKind::Json && serde_json::from_slice::<serde::de::IgnoredAny>(&held).is_err() {
            n_read?;
            // Lines of a list that is being written may be records by themselves, before their comma comes.
            let is_list = held.trim_ascii_start().starts_with(b"[");
            let mut lines = held.split(|byte| *byte == b'\n');
            let has_records = !is_list && lines.any(|line| line.starts_with(b"{") && is_record(line));
            if has_records {
                self.shape = Shape::BrokenDocument;
                self.reader = Box::new(Cursor::new(held));
                return self.next_text();
            }
            return Ok(Some(Ok(text(&held))));
        }
        if !held.iter().all(u8::is_ascii_whitespace) {
            n_read?;
            return Ok(Some(Ok(text(&held))));
        }
        n_read.map(|_| None)
    }
}

/// Why a line is not given.
pub(crate) fn too_long() -> String {
    format!("a line is longer than {} MiB", MAX_LINE >> 20)
}

/// The text of bytes. Logs of hosts may hold other encodings in one field; the rest of the line is worth reading.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn limit() -> u64 {
    u64::try_from(MAX_LINE).unwrap_or(u64::MAX).saturating_add(1)
}

/// Whether a first line is the start of a JSON document that goes on in the next line: not a record, and not broken either.
pub(crate) fn begins_document(line: &[u8]) -> bool {
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(line);
    !line.iter().all(u8::is_ascii_whitespace) && parsed.is_err_and(|error| error.is_eof())
}

/// Whether a line is JSON by itself.
pub(crate) fn is_record(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// Passes over the rest of a line; how many bytes it had.
fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let held = reader.fill_buf()?;
        if held.is_empty() {
            return Ok(skipped);
        }
        let end = held.iter().position(|byte| *byte == b'\n');
        let n = end.map_or(held.len(), |end| end + 1);
        skipped += u64::try_from(n).unwrap_or_default();
        reader.consume(n);
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

/// Why reading an event log ends.
pub(crate) fn log_error(error: EvtxError) -> io::Error {
    match error {
        EvtxError::Read { error, .. } => error,
        other => io::Error::other(other),
    }
}

/// The letters of a file that may be packed.
fn open(file: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    decoded(unpack(file)?)
}

/// Unpacks a file if its first bytes say that it is packed.
fn unpack(file: impl Read + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let start = reader.fill_buf()?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::with_capacity(1 << 18, flate2::bufread::MultiGzDecoder::new(reader)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::with_capacity(1 << 18, zstd::Decoder::with_buffer(reader)?))
    } else {
        Box::new(reader)
    })
}

/// Turns UTF-16, which tools of Windows write, into UTF-8; what is no letter becomes U+FFFD.
fn decoded(mut reader: Box<dyn BufRead + Send>) -> io::Result<Box<dyn BufRead + Send>> {
    let order: fn([u8; 2]) -> u16 = match reader.fill_buf()? {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        [0xef, 0xbb, 0xbf, ..] => {
            reader.consume(3);
            return Ok(reader);
        }
        _ => return Ok(reader),
    };
    Ok(Box::new(BufReader::with_capacity(1 << 16, Wide::new(reader, order))))
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
    fn an_event_log_gives_a_text_for_each_record_whatever_its_name_and_packing() {
        use skywarden_evtx::writer::{Content, Element, Left, LogWriter, Part};
        let mut log = LogWriter::starting_at(1);
        for text in ["one", "two"] {
            log.add(1, &Content::Elements(vec![Element::new("Event", vec![Part::Text(text.to_owned())])])).unwrap();
        }
        let plain = log.file(Left::Closed);
        let expected = (vec!["{\"Event\":\"one\"}".to_owned(), "{\"Event\":\"two\"}".to_owned()], Vec::new());
        for kind in [TextKind::Json, TextKind::Lines, TextKind::Document] {
            for bytes in [&plain, &packed(&plain), &zstd::encode_all(plain.as_slice(), 3).unwrap()] {
                assert_eq!(read(bytes, kind), expected);
            }
        }
        let (given, wrong) = read(plain.get(..4096 + 700).unwrap(), TextKind::Json);
        assert_eq!((given.len(), wrong.len()), (2, 1), "{wrong:?}");
    }

    #[test]
    fn a_document_is_given_whole_and_lines_one_by_one() {
        let document = "{\n \"Records\": []\n}";
        assert_eq!(read(document.as_bytes(), TextKind::Json).0, [document]);
        assert_eq!(read(document.as_bytes(), TextKind::Lines).0.len(), 3);
        assert_eq!(read(b"", TextKind::Json).0.len(), 0);
        assert_eq!(read(b"a,\"x\ny\"\nb,2\n", TextKind::Rows).0, ["a,\"x\ny\"\nb,2"]);
    }

    #[test]
    fn a_broken_first_line_makes_no_document_of_the_rest() {
        for start in ["b\":1}", "{\"a\":\"cut", "no json"] {
            let (given, wrong) = read(format!("{start}\n{{\"a\":2}}\n").as_bytes(), TextKind::Json);
            assert_eq!((given, wrong), (vec![start.to_owned(), "{\"a\":2}".to_owned()], Vec::new()), "{start}");
        }
        let cut = "{\n \"Records\": [\n  {\"a\":1},";
        assert_eq!(read(cut.as_bytes(), TextKind::Json).0, [cut], "a document that is cut is told once");
    }

    #[test]
    fn what_is_cut_or_too_long_is_told_and_the_rest_is_read() {
        let whole = packed("{\"a\":1}\n".repeat(100_000).as_bytes());
        let (given, wrong) = read(whole.get(..whole.len() / 2).unwrap(), TextKind::Json);
        assert!(!given.is_empty() && wrong.len() == 1, "{} {wrong:?}", given.len());
        let junk = [vec![b'x'; MAX_LINE + 10], b"\n{\"a\":1}\n".to_vec()].concat();
        assert_eq!(read(&junk, TextKind::Json), (vec!["{\"a\":1}".to_owned()], vec!["a line is longer than 16 MiB".to_owned()]));
        let long = [b"first\n".as_slice(), &vec![b'x'; MAX_LINE + 10], b"\nlast\n"].concat();
        let (given, wrong) = read(&long, TextKind::Lines);
        assert_eq!(given, ["first", "last"]);
        assert_eq!(wrong, ["a line is longer than 16 MiB"]);
        assert_eq!(read(b"a\xffb\n", TextKind::Lines).0, ["a\u{fffd}b"]);
    }
}
