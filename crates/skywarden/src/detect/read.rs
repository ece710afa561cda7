use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
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
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::with_capacity(1 << 18, flate2::bufread::MultiGzDecoder::new(reader)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::with_capacity(1 << 18, zstd::Decoder::with_buffer(reader)?))
    } else {
        Box::new(reader)
    })
}
