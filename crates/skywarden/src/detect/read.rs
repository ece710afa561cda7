use std::{
    fs::File,
    io::{BufRead, BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use jiff::Timestamp;

/// A line may be so long; what is longer is told as unreadable, and reading goes on behind it.
const MAX_LINE: usize = 16 << 20;

/// A document that is no sequence of lines may be so long.
const MAX_DOCUMENT: u64 = 256 << 20;

/// All files that are named, and those below folders, in order.
pub(crate) fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut below = Vec::new();
            walk(path, 0, &mut below)?;
            below.sort();
            files.extend(below);
        } else {
            anyhow::ensure!(path == Path::new("-") || path.exists(), "there is no file or folder {}", path.display());
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    anyhow::ensure!(depth < 32, "{} is nested too deeply", folder.display());
    let entries = std::fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("could not list {}", folder.display()))?.path();
        if path.is_dir() {
            walk(&path, depth + 1, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// When a file was last written.
pub(crate) fn modified(file: &Path) -> Option<Timestamp> {
    Timestamp::try_from(std::fs::metadata(file).ok()?.modified().ok()?).ok()
}

/// Gives the texts of a file: its lines, or all of it if it is one document. A line that can't be given is told with the reason.
///
/// # Errors
/// If the file can't be opened, or reading stops before its end.
pub(crate) fn texts(
    path: &Path,
    is_json: bool,
    spans_lines: bool,
    each: &mut dyn FnMut(Result<&str, String>),
) -> anyhow::Result<()> {
    let mut reader = open(path)?;
    if spans_lines {
        return whole(reader, Vec::new(), each);
    }
    let mut line = Vec::new();
    let mut is_first = true;
    loop {
        line.clear();
        let n_read = (&mut reader).take(limit()).read_until(b'\n', &mut line).context("reading stopped")?;
        if n_read == 0 {
            return Ok(());
        }
        if line.len() > MAX_LINE {
            each(Err(format!("a line is longer than {} MiB", MAX_LINE >> 20)));
            skip_line(&mut reader)?;
            continue;
        }
        if is_json && is_first && !is_whole_record(&line) {
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
pub(crate) fn whole_file(path: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let mut held = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    open(path)?.take(limit).read_to_end(&mut held).context("reading stopped")?;
    anyhow::ensure!(held.len() <= most, "it is longer than {} MiB", most >> 20);
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
fn is_whole_record(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace) || serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

fn whole(reader: impl Read, mut held: Vec<u8>, each: &mut dyn FnMut(Result<&str, String>)) -> anyhow::Result<()> {
    let n_read = reader.take(MAX_DOCUMENT).read_to_end(&mut held).context("reading stopped");
    if u64::try_from(held.len()).unwrap_or(u64::MAX) >= MAX_DOCUMENT {
        each(Err(format!("a document is longer than {} MiB; write it as lines of JSON", MAX_DOCUMENT >> 20)));
        return Ok(());
    }
    give(&held, each);
    n_read.map(|_| ())
}

fn skip_line(reader: &mut impl BufRead) -> anyhow::Result<()> {
    loop {
        let held = reader.fill_buf().context("reading stopped")?;
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

/// Opens a file, unpacked if its first bytes say that it is packed.
fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("could not open {}", path.display()))?)
    };
    let mut reader = BufReader::with_capacity(1 << 18, raw);
    let start = reader.fill_buf().with_context(|| format!("could not read {}", path.display()))?;
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
fn decoded(mut reader: Box<dyn BufRead>) -> anyhow::Result<Box<dyn BufRead>> {
    let order: fn([u8; 2]) -> u16 = match reader.fill_buf().context("reading stopped")? {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Ok(reader),
    };
    let mut bytes = Vec::new();
    reader.take(MAX_DOCUMENT).read_to_end(&mut bytes).context("reading stopped")?;
    let units = bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok()).map(order);
    let text: String = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Ok(Box::new(Cursor::new(text.trim_start_matches('\u{feff}').to_owned())))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// The texts of a file with these bytes, and what could not be given.
    fn read(bytes: &[u8], is_json: bool) -> (Vec<String>, Vec<String>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let (mut given, mut wrong) = (Vec::new(), Vec::new());
        let outcome = texts(file.path(), is_json, false, &mut |text| match text {
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
            assert_eq!(read(bytes, true), expected);
        }
    }

    #[test]
    fn a_document_is_given_whole_and_lines_one_by_one() {
        let document = "{\n \"Records\": []\n}";
        assert_eq!(read(document.as_bytes(), true).0, [document]);
        assert_eq!(read(document.as_bytes(), false).0.len(), 3);
        assert_eq!(read(b"", true).0.len(), 0);
    }

    #[test]
    fn what_is_cut_or_too_long_is_told_and_the_rest_is_read() {
        let whole = packed("{\"a\":1}\n".repeat(100_000).as_bytes());
        let (given, wrong) = read(whole.get(..whole.len() / 2).unwrap(), true);
        assert!(!given.is_empty() && wrong.len() == 1, "{} {wrong:?}", given.len());
        let long = [b"first\n".as_slice(), &vec![b'x'; MAX_LINE + 10], b"\nlast\n"].concat();
        let (given, wrong) = read(&long, false);
        assert_eq!(given, ["first", "last"]);
        assert_eq!(wrong, ["a line is longer than 16 MiB"]);
        assert_eq!(read(b"a\xffb\n", false).0, ["a\u{fffd}b"]);
    }
}
