//! What could not be read, one file of JSON lines for each input.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{About, error::IngestError};
use jiff::Timestamp;

/// A file that is longer is renamed to `.jsonl.old`, in the place of the one before it, and begun anew.
const MAX_FILE: u64 = 64 << 20;

/// Files of what could not be read, with as much of each as was there at the last checkpoint.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    folder: PathBuf,
    /// By the name of the file: what is to be added.
    added: BTreeMap<String, Vec<u8>>,
    lengths: BTreeMap<String, u64>,
}

/// What could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// When it came.
    pub received: Timestamp,
    /// The log source as whose record it came.
    pub source: String,
    /// The file, object or partition; empty if the input has only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stream: String,
    /// Why it can't be read.
    pub reason: String,
    /// How it begins.
    pub start: String,
}

/// So much of the end of a file is looked through for the last letters, in bytes.
const LOOKED_AT: u64 = 256 << 10;

impl DeadLetters {
    /// Opens the folder. What was added after the last checkpoint is cut off: it comes again.
    pub(crate) fn open(folder: &Path, lengths: &BTreeMap<String, u64>) -> Result<Self, IngestError> {
        std::fs::create_dir_all(folder).map_err(IngestError::file("make the folder", folder))?;
        for entry in std::fs::read_dir(folder).map_err(IngestError::file("list", folder))? {
            let entry = entry.map_err(IngestError::file("list", folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let (path, length) = (entry.path(), lengths.get(&name).copied().unwrap_or_default());
            let held = entry.metadata().map_err(IngestError::file("look at", &path))?;
            if name.ends_with(".jsonl") && held.is_file() && held.len() > length {
                let file = OpenOptions::new().write(true).open(&path).map_err(IngestError::file("open", &path))?;
                file.set_len(length).map_err(IngestError::file("cut", &path))?;
            }
        }
        Ok(DeadLetters { folder: folder.to_owned(), added: BTreeMap::new(), lengths: lengths.clone() })
    }

    /// Adds something that could not be read.
    pub(crate) fn add(&mut self, about: &About, reason: &str, start: &str) {
        let letter = DeadLetter {
            received: about.received,
            source: about.source.to_string(),
            stream: about.shown_stream().to_owned(),
            reason: reason.to_owned(),
            start: start.to_owned(),
        };
        let lines = self.added.entry(file_name(&about.input)).or_default();
        if serde_json::to_writer(&mut *lines, &letter).is_ok() {
            lines.push(b'\n');
        }
    }

    /// Writes what was added so that it stays. How long each file is now.
    pub(crate) fn write(&mut self) -> Result<&BTreeMap<String, u64>, IngestError> {
        for (name, lines) in &self.added {
            let path = self.folder.join(name);
            let held = self.lengths.entry(name.clone()).or_default();
            let there = match std::fs::metadata(&path) {
                Ok(metadata) => metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                Err(error) => return Err(IngestError::file("look at", &path)(error)),
            };
            if *held > MAX_FILE && there >= *held {
                std::fs::rename(&path, path.with_extension("jsonl.old")).map_err(IngestError::file("rename", &path))?;
                *held = 0;
            }
            // It was renamed by an attempt that failed later, or somebody removed it.
            *held = (*held).min(there);
            // Cut first: an attempt that failed half way left something behind.
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
            let mut file: File = file.map_err(IngestError::file("open", &path))?;
            let written = file.set_len(*held).and_then(|()| {
                file.seek(SeekFrom::End(0))?;
                file.write_all(lines)?;
                file.sync_data()
            });
            written.map_err(IngestError::file("write", &path))?;
            *held += u64::try_from(lines.len()).unwrap_or_default();
        }
        self.added.clear();
        Ok(&self.lengths)
    }
}

/// Where they lie, below the folder of logs.
pub(crate) fn folder(logs: &Path) -> PathBuf {
    logs.join("dead-letters")
}

/// The last letters of an input, newest first, of those that are not longer ago than some hundred kilobytes.
pub(crate) fn last_letters(folder: &Path, input: &Arc<str>, most: usize) -> io::Result<Vec<DeadLetter>> {
    let mut file = match File::open(folder.join(file_name(input))) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let start = file.metadata()?.len().saturating_sub(LOOKED_AT);
    file.seek(SeekFrom::Start(start))?;
    let mut held = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut held)?;
    // The first line may be cut, and the last one is while it is being written: neither is a letter.
    let lines = held.split(|byte| *byte == b'\n').rev();
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).take(most).collect())
}

/// The file of an input: its id, with what file systems don't like replaced.
fn file_name(input: &Arc<str>) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let plain: String = input.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    format!("{}.jsonl", plain.trim_start_matches('.'))
}
