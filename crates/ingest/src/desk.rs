//! What others see of the inputs of a server, and where they hand something over.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::{
    DeadLetter, InputStatus, Statuses,
    dead_letters::{self, last_letters},
    error::IngestError,
    inputs::{Context, Posted},
    intelligence::{FeedFacts, FeedStatus, FeedStatuses},
};

/// The inputs of a server, as those see them who ask how they do or post something to them. A clone sees the same.
#[derive(Debug, Clone)]
pub struct Desk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    since: Timestamp,
    inputs: Vec<InputFacts>,
    statuses: Statuses,
    feeds: FeedStatuses,
    letters: PathBuf,
    /// Inputs to which somebody may post, until the server stops.
    open: Mutex<BTreeMap<String, Context>>,
}

/// What is known of an input before it brings anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFacts {
    /// Its id.
    pub id: Arc<str>,
    /// The log source whose records it brings.
    pub source: Arc<str>,
    /// Its kind, as settings have it: `file`, `syslog`.
    pub kind: &'static str,
}

/// What was taken of a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Texts (lines, documents) that are safe now.
    pub n_taken: u64,
    /// What could not be given as text and lies with the dead letters.
    pub n_refused: u64,
}

impl Desk {
    /// Of inputs with the context of each and of feeds, below the folder of [`crate::Parts`].
    pub fn new(folder: &Path, statuses: Statuses, inputs: Vec<(InputFacts, Context)>, feeds: FeedStatuses) -> Self {
        let is_open = |(facts, _): &&(InputFacts, Context)| facts.kind == "http";
        let open = inputs.iter().filter(is_open).map(|(facts, context)| (facts.id.to_string(), context.clone())).collect();
        Desk(Arc::new(Inner {
            since: Timestamp::now(),
            inputs: inputs.into_iter().map(|(facts, _)| facts).collect(),
            statuses,
            feeds,
            letters: dead_letters::folder(folder),
            open: Mutex::new(open),
        }))
    }

    /// Since when they are counted.
    pub fn since(&self) -> Timestamp {
        self.0.since
    }

    /// Each input with how it is doing, in the order of the settings.
    pub fn inputs(&self) -> Vec<(InputFacts, InputStatus)> {
        let mut statuses = self.0.statuses.all();
        self.0.inputs.iter().map(|facts| (facts.clone(), statuses.remove(&facts.id).unwrap_or_default())).collect()
    }

    /// What is wrong with what all inputs share, by its name: `archive`, `alerts`.
    pub fn shared(&self) -> BTreeMap<Arc<str>, InputStatus> {
        let mut all = self.0.statuses.all();
        all.retain(|id, _| self.0.inputs.iter().all(|facts| facts.id != *id));
        all
    }

    /// Each feed of threat intelligence with how it is doing, in the order of the settings.
    pub fn feeds(&self) -> Vec<(FeedFacts, FeedStatus)> {
        self.0.feeds.all()
    }

    /// The last texts of an input that could not be read, newest first.
    ///
    /// # Errors
    /// If the file of the dead letters can't be read.
    pub fn dead_letters(&self, input: &Arc<str>, most: usize) -> std::io::Result<Vec<DeadLetter>> {
        last_letters(&self.0.letters, input, most)
    }

    /// Whether something may be posted to an input.
    pub fn is_open(&self, input: &str) -> bool {
        self.open().contains_key(input)
    }

    /// Takes in a body, and waits until it is safe.
    ///
    /// # Errors
    /// If the input is none to post to, the body can't be read, it could not be kept, or the server is stopping.
    pub async fn take(&self, input: &str, posted: Posted) -> Result<TakenIn, IngestError> {
        let context = self.open().get(input).cloned().ok_or_else(|| IngestError::NoInput(input.to_owned()))?;
        let intake = context.intake.clone();
        // Unpacking takes a while.
        let batches = tokio::task::spawn_blocking(move || posted.batches(&context)).await.map_err(|_| IngestError::Stopped)??;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let mut taken = TakenIn::default();
        let mut receipts = Vec::new();
        for batch in batches {
            taken.n_taken += count(batch.texts.len());
            taken.n_refused += count(batch.about.refused.len());
            receipts.push(intake.offer(batch).await?);
        }
        for receipt in receipts {
            receipt.kept().await?;
        }
        Ok(taken)
    }

    /// Takes nothing more: the server is stopping.
    pub fn close(&self) {
        self.open().clear();
    }

    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Context>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
