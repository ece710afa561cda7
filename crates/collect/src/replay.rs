use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;

use crate::{Answer, Call, CallFailure, Transport, recording::Recorded};

/// No line of a recording may be longer: an answer of 64 MiB with everything escaped.
const MAX_LINE: u64 = 200 << 20;

/// Answers from a folder that [`crate::Recording`] wrote. A call that is not there is a failure, not an empty answer.
#[derive(Debug)]
pub struct Replay {
    folder: PathBuf,
    files: Vec<File>,
    lines: BTreeMap<String, Line>,
    home_region: String,
}

/// Where a recorded answer is; bodies stay on disk until they are asked for.
#[derive(Debug, Clone, Copy)]
struct Line {
    file: usize,
    offset: u64,
    length: usize,
}

/// Why a folder can't be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file or the folder can't be read.
    #[error("could not read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is no recorded call.
    #[error("{}:{line} is no recorded call: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        message: String,
    },
    /// There is nothing to replay.
    #[error("{} holds no recorded calls (SERVICE.jsonl); record a run into it first", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
}

impl Replay {
    /// Reads which calls a folder holds.
    ///
    /// # Errors
    /// If a file can't be read or holds anything but recorded calls, or there is none.
    pub fn open(folder: &Path) -> Result<Self, ReplayError> {
        let fail = |source| ReplayError::Read { path: folder.to_path_buf(), source };
        let mut paths = Vec::new();
        for entry in folder.read_dir().map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut replay =
            Self { folder: folder.to_path_buf(), files: Vec::new(), lines: BTreeMap::new(), home_region: "us-east-1".to_owned() };
        for path in paths {
            replay.index(&path)?;
        }
        if replay.lines.is_empty() {
            return Err(ReplayError::Empty { folder: folder.to_path_buf() });
        }
        Ok(replay)
    }

    fn index(&mut self, path: &Path) -> Result<(), ReplayError> {
        let fail = |source| ReplayError::Read { path: path.to_path_buf(), source };
        let mut reader = BufReader::new(File::open(path).map_err(fail)?);
        let mut offset = 0;
        for number in 1.. {
            let mut line = Vec::new();
            let length = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).map_err(fail)?;
            if length == 0 {
                break;
            }
            if !line.trim_ascii().is_empty() {
                let recorded: Recorded = serde_json::from_slice(&line).map_err(|error| ReplayError::Line {
                    path: path.to_path_buf(),
                    line: number,
                    message: error.to_string(),
                })?;
                if recorded.service == "sts" && recorded.operation == "GetCallerIdentity" {
                    self.home_region.clone_from(&recorded.region);
                }
                self.lines.insert(recorded.key(), Line { file: self.files.len(), offset, length });
            }
            offset += length as u64;
        }
        self.files.push(File::open(path).map_err(fail)?);
        Ok(())
    }

    fn read(&self, line: Line) -> std::io::Result<Recorded> {
        let file = self.files.get(line.file).ok_or(std::io::ErrorKind::NotFound)?;
        let mut text = vec![0; line.length];
        file.read_exact_at(&mut text, line.offset)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

#[async_trait]
impl Transport for Replay {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let fail = |message: String| CallFailure { code: "NotRecorded".to_owned(), message };
        let folder = self.folder.display();
        let Some(line) = self.lines.get(&call.key()) else {
            return Err(fail(format!(
                "{folder} has no answer of {}:{} in {} to these parameters",
                call.service, call.operation, call.region
            )));
        };
        let recorded = self.read(*line).map_err(|error| fail(format!("{folder} could not be read: {error}")))?;
        if let Some(failure) = recorded.failure {
            return Err(CallFailure { code: failure.code, message: failure.message });
        }
        let body = match (recorded.body, recorded.body_base64) {
            (Some(text), _) => Bytes::from(text),
            (None, Some(coded)) => BASE64_STANDARD
                .decode(coded)
                .map(Bytes::from)
                .map_err(|error| fail(format!("a body in {folder} is no base64: {error}")))?,
            (None, None) => Bytes::new(),
        };
        Ok(Answer {
            status: recorded.status,
            content_type: recorded.content_type,
            error_type: recorded.error_type,
            bucket_region: recorded.bucket_region,
            body,
        })
    }

    fn home_region(&self) -> String {
        self.home_region.clone()
    }
}
