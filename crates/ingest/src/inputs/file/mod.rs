//! Files of this machine, followed while they grow and rotate. Where a file stands is known by its device and inode and by how it begins,
//! so that a renamed file goes on where it was and a new one of the same name begins at its start.

mod followed;
mod lines;
mod looking;
mod position;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use self::looking::Looking;
use super::{Context, InputError, LogInput};
use crate::{Batch, Receipt, status::Problem};

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
    /// A last line without a line feed is given after so long without growth, in milliseconds; a packed file or a document that ends too
    /// early is told after so long.
    #[serde(default = "a_minute")]
    pub patience: u64,
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

impl FileSettings {
    /// Files to follow, with what is usual in all else.
    pub fn following(paths: Vec<String>, start: Start) -> Self {
        FileSettings { paths, start, look_every: a_second(), patience: a_minute() }
    }
}

fn a_second() -> u64 {
    1_000
}

fn a_minute() -> u64 {
    60_000
}

impl From<Start> for followed::Start {
    fn from(start: Start) -> Self {
        match start {
            Start::Beginning => followed::Start::At(0),
            Start::End => followed::Start::End,
        }
    }
}

/// What reads files.
#[derive(Debug)]
pub(crate) struct Files {
    settings: FileSettings,
}

impl Files {
    pub(crate) fn new(settings: FileSettings) -> Self {
        Files { settings }
    }
}

#[async_trait]
impl LogInput for Files {
    async fn run(&mut self, context: &Context) -> Result<(), InputError> {
        let mut looking = Looking::begin(&self.settings, context)?;
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
            let is_idle = found.first.is_empty() && found.then.is_empty();
            for batch in found.first {
                context.intake.keep(batch).await?;
            }
            keep_in_order(context, found.then).await?;
            let behind = looking.behind();
            context.intake.statuses.change(&context.id, |status| {
                status.behind = Some(behind);
                if found.problems.is_empty() {
                    status.problem = None;
                } else {
                    let reason = found.problems.join("; ");
                    let is_same = status.problem.as_ref().is_some_and(|problem| problem.reason == reason);
                    if !is_same {
                        tracing::warn!(input = %context.id, reason, "not all files can be read");
                        let since = status.problem.as_ref().map_or_else(jiff::Timestamp::now, |problem| problem.since);
                        status.n_failures += 1;
                        status.problem = Some(Problem { reason, since });
                    }
                }
            });
            if stop.is_said() || (is_idle && stop.within(every).await) {
                return Ok(());
            }
        }
    }
}

/// Keeps batches of several streams. Of each stream the next one is handed over when the one before is safe: if that fails, no later
/// position may say that it was read.
async fn keep_in_order(context: &Context, streams: Vec<Vec<Batch>>) -> Result<(), InputError> {
    let mut streams: Vec<_> = streams.into_iter().map(Vec::into_iter).collect();
    loop {
        let mut receipts: Vec<Receipt> = Vec::new();
        for stream in &mut streams {
            if let Some(batch) = stream.next() {
                receipts.push(context.intake.offer(batch).await?);
            }
        }
        if receipts.is_empty() {
            return Ok(());
        }
        for receipt in receipts {
            receipt.kept().await?;
        }
    }
}
