use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use skywarden_model::Timestamp;

use crate::{Answer, Call, CallFailure, Transport, recording::Recorded};

/// No line of a recording may be longer: an answer of 64 MiB with everything escaped.
const MAX_LINE: u64 = 200 << 20;

/// Answers that [`crate::Recording`] wrote. A call that is not there is a failure, not an empty answer.
#[derive(Debug)]
pub struct Replay {
    /// The folder, or `the recording` for one in memory.
    place: String,
    sources: Vec<Lines>,
    lines: BTreeMap<String, Line>,
    home_region: String,
    regions: BTreeSet<String>,
    taken_at: Option<Timestamp>,
    is_of_azure: bool,
}

/// What the lines are read from.
#[derive(Debug)]
enum Lines {
    File(File),
    Memory(Vec<u8>),
}

/// Where a recorded answer is; bodies stay on disk until they are asked for.
#[derive(Debug, Clone, Copy)]
struct Line {
    source: usize,
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
    #[error("{place}:{line} is no recorded call: {message}")]
    Line {
        /// The file.
        place: String,
        /// The line, from 1.
        line: usize,
        /// Why.
        message: String,
    },
    /// There is nothing to replay.
    #[error("{place} holds no recorded calls (SERVICE.jsonl); record a run into it first")]
    Empty {
        /// The folder.
        place: String,
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
        let mut replay = Self::of(folder.display().to_string());
        for path in paths {
            let fail = |source| ReplayError::Read { path: path.clone(), source };
            replay.index(&path.display().to_string(), BufReader::new(File::open(&path).map_err(fail)?))?;
            replay.sources.push(Lines::File(File::open(&path).map_err(fail)?));
        }
        replay.not_empty()
    }

    /// A recording that is in memory: the lines of all its files.
    ///
    /// # Errors
    /// If it holds anything but recorded calls, or nothing.
    pub fn from_lines(lines: Vec<u8>) -> Result<Self, ReplayError> {
        let mut replay = Self::of("the recording".to_owned());
        replay.index("the recording", lines.as_slice())?;
        replay.sources.push(Lines::Memory(lines));
        replay.not_empty()
    }

    /// Whether calls to Azure were recorded, and not to AWS.
    pub fn is_of_azure(&self) -> bool {
        self.is_of_azure
    }

    fn of(place: String) -> Self {
        let home_region = "us-east-1".to_owned();
        Self {
            place,
            sources: Vec::new(),
            lines: BTreeMap::new(),
            home_region,
            regions: BTreeSet::new(),
            taken_at: None,
            is_of_azure: false,
        }
    }

    fn not_empty(self) -> Result<Self, ReplayError> {
        if self.lines.is_empty() { Err(ReplayError::Empty { place: self.place }) } else { Ok(self) }
    }

    fn index(&mut self, place: &str, mut reader: impl BufRead) -> Result<(), ReplayError> {
        let fail = |source| ReplayError::Read { path: place.into(), source };
        let mut offset = 0;
        for number in 1.. {
            let mut line = Vec::new();
            let length = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).map_err(fail)?;
            if length == 0 {
                break;
            }
            if !line.trim_ascii().is_empty() {
                let recorded: Recorded = serde_json::from_slice(&line).map_err(|error| ReplayError::Line {
                    place: place.to_owned(),
                    line: number,
                    message: error.to_string(),
                })?;
                self.note(&recorded);
                self.lines.insert(recorded.key(), Line { source: self.sources.len(), offset, length });
            }
            offset += length as u64;
        }
        Ok(())
    }

    fn note(&mut self, recorded: &Recorded) {
        match (recorded.service.as_str(), recorded.operation.as_str()) {
            ("sts", "GetCallerIdentity") => {
                self.home_region.clone_from(&recorded.region);
                self.taken_at = recorded.taken_at.or(self.taken_at);
            }
            ("arm", _) => {
                self.is_of_azure = true;
                self.taken_at = recorded.taken_at.or(self.taken_at);
            }
            ("ec2", "DescribeRegions") => {}
            // EC2 is asked in every region that a run looks at; global services are asked in the home region only.
            ("ec2", _) => drop(self.regions.insert(recorded.region.clone())),
            _ => {}
        }
    }

    fn read(&self, line: Line) -> std::io::Result<Recorded> {
        let source = self.sources.get(line.source).ok_or(std::io::ErrorKind::NotFound)?;
        match source {
            Lines::File(file) => {
                let mut text = vec![0; line.length];
                file.read_exact_at(&mut text, line.offset)?;
                Ok(serde_json::from_slice(&text)?)
            }
            Lines::Memory(bytes) => {
                let begin = usize::try_from(line.offset).map_err(std::io::Error::other)?;
                let text = bytes.get(begin..begin + line.length).ok_or(std::io::ErrorKind::UnexpectedEof)?;
                Ok(serde_json::from_slice(text)?)
            }
        }
    }
}

#[async_trait]
impl Transport for Replay {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let fail = |message: String| CallFailure { code: "NotRecorded".to_owned(), message };
        let place = &self.place;
        let Some(line) = self.lines.get(&call.key()) else {
            return Err(fail(format!(
                "{place} has no answer of {}:{} in {} to these parameters",
                call.service, call.operation, call.region
            )));
        };
        let recorded = self.read(*line).map_err(|error| fail(format!("{place} could not be read: {error}")))?;
        if let Some(failure) = recorded.failure {
            return Err(CallFailure { code: failure.code, message: failure.message });
        }
        let body = match (recorded.body, recorded.body_base64) {
            (Some(text), _) => Bytes::from(text),
            (None, Some(coded)) => BASE64_STANDARD
                .decode(coded)
                .map(Bytes::from)
                .map_err(|error| fail(format!("a body in {place} is no base64: {error}")))?,
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

    fn taken_at(&self) -> Option<Timestamp> {
        self.taken_at
    }

    fn regions(&self) -> Option<Vec<String>> {
        (!self.regions.is_empty()).then(|| self.regions.iter().cloned().collect())
    }
}
