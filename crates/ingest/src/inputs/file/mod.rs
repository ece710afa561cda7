//! Files of this machine, followed while they grow and rotate. Where a file stands is known by its device and inode and by how it begins,
//! so that a renamed file goes on where it was and a new one of the same name begins at its start.

mod followed;
mod position;

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use self::{followed::Followed, position::Position};
use super::{Context, InputError, LogInput};
use crate::Batch;

/// Files that were rotated away are read on for so many looks after they last grew: who writes them may not have opened the new one yet.
const LOOKS_AFTER_ROTATION: u32 = 10;

/// So many files are followed; more are a mistake in the paths.
const MAX_FILES: usize = 10_000;

/// Files to follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FileSettings {
    /// Files, folders (with all below them), or names with `*`, `?` and `[...]`; `**` stands for any folders.
    pub paths: Vec<String>,
    /// Where to begin with files that are there already.
    #[serde(default)]
    pub start: Start,
    /// How often to look for more, in milliseconds.
    #[serde(default = "a_second")]
    pub look_every: u64,
}

/// Where to begin with a file that is there when the input is first run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// With all that it holds.
    #[default]
    Beginning,
    /// With what comes.
    End,
}

fn a_second() -> u64 {
    1_000
}

/// What reads files.
#[derive(Debug)]
pub(crate) struct Files {
    settings: FileSettings,
}

/// The files of an input while it runs.
struct Looking {
    settings: FileSettings,
    context: Context,
    /// By stream.
    open: BTreeMap<String, Followed>,
    /// Where those stand that were not found yet, by stream.
    known: BTreeMap<String, Position>,
    is_first: bool,
    /// What could not be opened, told once.
    told: BTreeSet<PathBuf>,
}

impl Files {
    pub(crate) fn new(settings: FileSettings) -> Self {
        Files { settings }
    }
}

#[async_trait]
impl LogInput for Files {
    async fn run(&mut self, context: &Context) -> Result<(), InputError> {
        let known: BTreeMap<String, Position> = context
            .intake
            .positions(&context.id)
            .into_iter()
            .filter_map(|(stream, position)| Some((stream, serde_json::from_value(position).ok()?)))
            .collect();
        let mut looking = Looking {
            settings: self.settings.clone(),
            context: context.clone(),
            is_first: known.is_empty(),
            open: BTreeMap::new(),
            known,
            told: BTreeSet::new(),
        };
        let mut stop = context.stop.clone();
        let every = Duration::from_millis(self.settings.look_every.max(1));
        loop {
            let looked = tokio::task::spawn_blocking(move || {
                let found = looking.look();
                (looking, found)
            });
            let (back, found) = looked.await.map_err(|error| InputError::Failed(format!("reading files ended: {error}")))?;
            looking = back;
            let found = found?;
            let is_idle = found.is_empty();
            let mut receipts = Vec::with_capacity(found.len());
            for batch in found {
                receipts.push(context.intake.offer(batch).await?);
            }
            for receipt in receipts {
                receipt.kept().await?;
            }
            let behind = looking.open.values().map(Followed::behind).sum();
            context.intake.statuses.change(&context.id, |status| {
                status.behind = Some(behind);
                if looking.told.is_empty() {
                    status.problem = None;
                }
            });
            if stop.is_said() || (is_idle && stop.within(every).await) {
                return Ok(());
            }
        }
    }
}

impl Looking {
    /// Looks for new files and reads some of what is new in all.
    fn look(&mut self) -> Result<Vec<Batch>, InputError> {
        let mut there = BTreeSet::new();
        let paths = paths(&self.settings.paths)?;
        if paths.len() > MAX_FILES {
            let message =
                format!("{} files fit {}; at most {MAX_FILES} are followed", paths.len(), self.settings.paths.join(", "));
            return Err(InputError::Failed(message));
        }
        for path in &paths {
            match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_file() => {
                    let stream = stream(&metadata);
                    there.insert(stream.clone());
                    match self.open.get_mut(&stream) {
                        Some(followed) => followed.is_at(path),
                        None => self.open(path, stream),
                    }
                }
                Ok(_) => {}
                // It went away between listing and looking.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => self.tell(path, &error),
            }
        }
        self.find_rotated();
        let mut batches = Vec::new();
        let mut ended = Vec::new();
        for (stream, followed) in &mut self.open {
            let is_there = there.contains(stream);
            match followed.read(&self.context, stream, is_there) {
                Ok((found, is_over)) => {
                    batches.extend(found);
                    if is_over {
                        ended.push(stream.clone());
                    }
                }
                Err(error) => {
                    let message = format!("could not read {}: {error}", followed.path().display());
                    self.context.intake.statuses.change(&self.context.id, |status| status.fail(message));
                }
            }
        }
        for stream in ended {
            self.open.remove(&stream);
        }
        self.is_first = false;
        Ok(batches)
    }

    fn open(&mut self, path: &Path, stream: String) {
        let start = if self.is_first { self.settings.start } else { Start::Beginning };
        match Followed::open(path, self.known.remove(&stream), start, self.context.kind) {
            Ok(followed) => {
                self.told.remove(path);
                self.open.insert(stream, followed);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self.tell(path, &error),
        }
    }

    /// Files that were renamed while nobody followed them, so that they no longer fit the paths: they stand beside the old name. Those
    /// that were packed meanwhile are found by how they begin.
    fn find_rotated(&mut self) {
        for (stream, position) in std::mem::take(&mut self.known) {
            let Some((folder, name)) = position.path.parent().zip(position.path.file_name()) else { continue };
            let beside = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let beside = beside.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes()));
            let mut packed = Vec::new();
            let mut found = None;
            for entry in beside {
                if entry.metadata().is_ok_and(|metadata| self::stream(&metadata) == stream) {
                    found = Some(entry.path());
                    break;
                }
                packed.push(entry.path());
            }
            let packed = || packed.iter().find(|path| position.is_packed_copy(path)).cloned();
            let opened = match found {
                Some(path) => Followed::open(&path, Some(position.clone()), Start::Beginning, self.context.kind).ok(),
                None => packed().and_then(|path| Followed::open_packed(&path, &position).ok()),
            };
            match opened {
                Some(followed) => {
                    self.open.insert(stream, followed);
                }
                None if position.is_whole() => {}
                None => {
                    let message = format!(
                        "{} was rotated or removed while it was not followed; what was written to it behind byte {} is not known",
                        position.path.display(),
                        position.offset
                    );
                    tracing::warn!(input = %self.context.id, message);
                    self.context.intake.statuses.change(&self.context.id, |status| status.fail(message));
                }
            }
        }
    }

    fn tell(&mut self, path: &Path, error: &std::io::Error) {
        if self.told.insert(path.to_owned()) {
            let message = format!("could not open {}: {error}; let the user of skywarden read it", path.display());
            self.context.intake.statuses.change(&self.context.id, |status| status.fail(message));
        }
    }
}

/// What tells a file from others whatever its name.
fn stream(metadata: &std::fs::Metadata) -> String {
    format!("{}-{}", metadata.dev(), metadata.ino())
}

/// All files that paths stand for, in order.
fn paths(patterns: &[String]) -> Result<BTreeSet<PathBuf>, InputError> {
    let mut all = BTreeSet::new();
    for pattern in patterns {
        let path = Path::new(pattern);
        if path.is_dir() {
            let below = glob::glob(&format!("{}/**/*", glob::Pattern::escape(pattern)));
            all.extend(below.into_iter().flatten().flatten());
        } else if pattern.contains(['*', '?', '[']) && !path.exists() {
            let found = glob::glob(pattern).map_err(|error| InputError::Failed(format!("the path `{pattern}`: {error}")))?;
            all.extend(found.flatten());
        } else {
            all.insert(path.to_owned());
        }
    }
    Ok(all)
}
