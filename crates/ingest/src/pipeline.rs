//! From the journal to the archive and to alerts: one thread.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;
use skywarden_archive::{Archive, Packed, Row};
use skywarden_detect::{
    Alert, AlertFacts, BadRecord, Change, Clock, Correlator, CorrelatorState, Detect, Incident, Input, Kinds, LogSource,
    N_COLUMNS, Run, Sink,
};
use skywarden_model::{ChangeSet, Changed};
use tokio::{runtime::Handle, sync::watch};

use crate::{
    About, Batch, End, InForce, Statuses,
    dead_letters::{self, DeadLetters},
    error::IngestError,
    intake::{Taken, key},
    journal::Journal,
    seen::Seen,
    state::{Changes, Planned, Progress, State},
};

/// When checkpoints are made, if there is anything to keep.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// After so long at the latest.
    pub every: Duration,
    /// With new alerts or changes after so long.
    pub every_with_alerts: Duration,
}

impl Default for Pace {
    /// Ten seconds, and one second.
    fn default() -> Self {
        Pace { every: Duration::from_secs(10), every_with_alerts: Duration::from_secs(1) }
    }
}

/// A checkpoint is made when what is to be archived takes so much memory.
const MAX_BATCH: usize = 64 << 20;

/// And when detections have so many new memories.
const MAX_CHANGED: usize = 100_000;

/// Of each kind of memory of each detection so many things stay in memory.
const MAX_IN_MEMORY: usize = 50_000;

/// So many streams are read with what reading needs in memory; of the others only what their readers remember is.
const MAX_READERS: usize = 64;

/// What means nothing any more is removed after so many checkpoints.
const FORGET_EVERY: u64 = 500;

/// Between attempts to write something that can't be written.
const RETRY: Duration = Duration::from_secs(2);

/// Who keeps what is found.
pub trait Keeper: Send {
    /// Keeps what is new or grew. Called again with the same if something fails in between, so all is replaced by its id.
    ///
    /// # Errors
    /// For people. It is tried again until it succeeds or the server stops.
    fn keep(&mut self, found: &Found) -> Result<(), String>;
}

/// What was found since the last checkpoint.
#[derive(Debug, Default)]
pub struct Found {
    /// Alerts that are new or grew.
    pub alerts: Vec<Alert>,
    /// Incidents that are new or grew.
    pub incidents: Vec<Incident>,
    /// Incidents that are none any more, each with the one that it became part of, if any.
    pub gone: Vec<(String, Option<String>)>,
    /// What records say has changed, each once.
    pub changed: Vec<Changed>,
}

impl Found {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && !self.has_alerts()
    }

    /// Whether there is anything besides changes.
    pub fn has_alerts(&self) -> bool {
        !(self.alerts.is_empty() && self.incidents.is_empty() && self.gone.is_empty())
    }
}

/// What the pipeline works with.
pub(crate) struct Pipeline {
    pub(crate) detect: Arc<Detect>,
    pub(crate) known: InForce,
    pub(crate) kinds: Kinds,
    pub(crate) archive: Archive,
    pub(crate) state: State,
    pub(crate) folder: PathBuf,
    pub(crate) keeper: Box<dyn Keeper>,
    pub(crate) statuses: Statuses,
    pub(crate) pace: Pace,
    /// Told the number of each checkpoint that is made.
    pub(crate) made: watch::Sender<u64>,
    pub(crate) is_stopping: Arc<AtomicBool>,
    pub(crate) runtime: Handle,
}

/// What lies between two checkpoints.
struct Work<'d> {
    detect: &'d Detect,
    known: InForce,
    run: Run,
    correlator: Correlator,
    /// What became of incidents with other kinds than before.
    changed: Vec<Change>,
    inputs: BTreeMap<String, Input<'d>>,
    /// What readers of other streams remember.
    readers: BTreeMap<String, skywarden_detect::InputState>,
    progress: Progress,
    changes: Changes,
    batch: skywarden_archive::Batch,
    seen: Seen,
    letters: DeadLetters,
    /// What records say has changed since the last checkpoint.
    changed_resources: ChangeSet,
    since: Instant,
    has_new: bool,
    pace: Pace,
}

impl Pipeline {
    /// Where the journal lies in a folder.
    pub(crate) fn journal(folder: &Path) -> PathBuf {
        folder.join("journal")
    }

    /// Looks at what the last process took in and did not finish; then `ready` gets the journal, and what comes is looked at until the
    /// server stops.
    pub(crate) fn run(
        mut self,
        taken: &Receiver<Taken>,
        note: &dyn Fn(&Batch),
        ready: impl FnOnce(Journal),
    ) -> Result<(), IngestError> {
        let detect = Arc::clone(&self.detect);
        let mut work = self.begin(&detect)?;
        let planned = self.state.planned()?;
        let journal = Journal::open(&Self::journal(&self.folder), work.progress.next_batch, &mut |(number, batch)| {
            match batch {
                Ok(batch) => {
                    note(&batch);
                    work.take(number, &batch, &self.statuses)?;
                }
                Err(reason) => {
                    tracing::error!(reason, "a batch of the journal is lost");
                    work.progress.next_batch = number + 1;
                }
            }
            // The files of the archive that were being written are written again with the same events.
            if planned.is_some_and(|planned| planned.next_batch == work.progress.next_batch)
                || (planned.is_none() && work.is_due())
            {
                self.checkpoint(&mut work)?;
            }
            Ok(())
        })?;
        work.progress.next_batch = journal.next();
        ready(journal);
        loop {
            let wait = if work.has_new { self.pace.every_with_alerts } else { self.pace.every };
            match taken.recv_timeout(wait) {
                Ok(Taken { number, batch }) => work.take(number, &batch, &self.statuses)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    if work.has_new {
                        self.checkpoint(&mut work)?;
                    }
                    return Ok(());
                }
            }
            if work.is_due() {
                self.checkpoint(&mut work)?;
            }
        }
    }

    fn begin<'d>(&self, detect: &'d Detect) -> Result<Work<'d>, IngestError> {
        let progress = self.state.progress()?;
        let newest = progress.newest.and_then(|newest| Timestamp::from_millisecond(newest).ok());
        let unreadable = |error: serde_json::Error| IngestError::State {
            path: self.folder.clone(),
            reason: format!("what is kept of incidents: {error}"),
        };
        let known = match &progress.incidents {
            Value::Null => CorrelatorState::default(),
            known => CorrelatorState::deserialize(known).map_err(unreadable)?,
        };
        let (correlator, changed) = Correlator::resume(self.kinds.clone(), known);
        Ok(Work {
            detect,
            known: self.known.clone(),
            run: Run::going_on(Box::new(self.state.clone()), newest),
            correlator,
            changed,
            inputs: BTreeMap::new(),
            readers: self.state.readers()?,
            changes: Changes::default(),
            batch: skywarden_archive::Batch::new(self.archive.layout()),
            seen: Seen::open(&self.state)?,
            letters: DeadLetters::open(&dead_letters::folder(&self.folder), &progress.dead_letters)?,
            progress,
            changed_resources: ChangeSet::default(),
            since: Instant::now(),
            has_new: false,
            pace: self.pace,
        })
    }

    /// Makes all that was found since the last checkpoint safe; what fails is tried again with the same events.
    fn checkpoint(&mut self, work: &mut Work<'_>) -> Result<(), IngestError> {
        if let Some(reason) = work.run.failed() {
            // What was found since then may be wrong: the next process begins at the last checkpoint.
            return Err(IngestError::State { path: self.folder.clone(), reason: reason.to_owned() });
        }
        let number = work.progress.checkpoint + 1;
        self.state.plan(Planned { checkpoint: number, next_batch: work.progress.next_batch })?;
        let packed = work.batch.pack()?;
        let found = work.found();
        self.until_done("archive", |pipeline| pipeline.archive_put(number, &packed))?;
        if !found.is_empty() {
            self.until_done("alerts", |pipeline| pipeline.keeper.keep(&found).map_err(IngestError::Alerts))?;
        }
        if found.has_alerts() {
            let unwritable =
                |error: serde_json::Error| IngestError::State { path: self.folder.clone(), reason: error.to_string() };
            work.progress.incidents = serde_json::to_value(work.correlator.state()).map_err(unwritable)?;
        }
        work.progress.dead_letters.clone_from(work.letters.write()?);
        let Work { run, changes, progress, .. } = work;
        run.give_changes(MAX_IN_MEMORY, &mut |place, remembered| changes.memory.push((place, remembered)));
        (changes.seen, changes.seen_since) = work.seen.take_added();
        progress.checkpoint = number;
        progress.newest = run.now();
        self.state.commit(progress, changes)?;
        self.made.send_replace(number);
        work.changes = Changes::default();
        (work.since, work.has_new) = (Instant::now(), false);
        Journal::forget(&Self::journal(&self.folder), work.progress.next_batch)?;
        if number.is_multiple_of(FORGET_EVERY)
            && let Some(now) = work.run.now()
        {
            self.state.forget(now)?;
        }
        Ok(())
    }

    fn archive_put(&mut self, number: u64, packed: &Packed) -> Result<(), IngestError> {
        self.runtime.block_on(self.archive.put(number, packed)).map_err(IngestError::Archive)
    }

    /// Tries something until it succeeds; meanwhile nothing more is taken in.
    fn until_done(
        &mut self,
        what: &'static str,
        mut attempt: impl FnMut(&mut Self) -> Result<(), IngestError>,
    ) -> Result<(), IngestError> {
        let own: Arc<str> = Arc::from(what);
        loop {
            match attempt(self) {
                Ok(()) => {
                    self.statuses.change(&own, |status| status.problem = None);
                    return Ok(());
                }
                Err(error) if self.is_stopping.load(Ordering::Relaxed) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, what, "logs wait until this can be written");
                    self.statuses.change(&own, |status| status.fail(error.to_string()));
                    // A timer can only be made inside the runtime.
                    self.runtime.block_on(async { tokio::time::sleep(RETRY).await });
                }
            }
        }
    }
}

impl<'d> Work<'d> {
    /// Whether a checkpoint should be made.
    fn is_due(&self) -> bool {
        if !self.has_new {
            return false;
        }
        let since = self.since.elapsed();
        since >= self.pace.every
            || (since >= self.pace.every_with_alerts && (self.run.alerts.has_changes() || !self.changed_resources.is_empty()))
            || self.batch.n_bytes() >= MAX_BATCH
            || self.run.n_changed() >= MAX_CHANGED
            || self.seen.is_full()
    }

    /// The alerts that are new or grew, and what became of incidents by them.
    fn found(&mut self) -> Found {
        let alerts = self.run.changed_alerts();
        let mut changes = std::mem::take(&mut self.changed);
        let now = self.run.now().unwrap_or(i64::MAX);
        for alert in &alerts {
            changes.extend(self.correlator.add_by(now, &AlertFacts::from(alert)));
        }
        let (mut grown, mut gone) = (BTreeSet::new(), Vec::new());
        for change in changes {
            match change {
                Change::Opened(incident) => drop(grown.insert(incident.id)),
                Change::Grew(id) => drop(grown.insert(id)),
                Change::Closed(id) => gone.push((id, None)),
                Change::Merged { into, from } => {
                    grown.insert(into.clone());
                    gone.push((from, Some(into)));
                }
            }
        }
        // What grew may have become part of another since.
        let incidents = grown.iter().filter_map(|id| self.correlator.incident(id).filter(|own| own.id == *id)).collect();
        Found { alerts, incidents, gone, changed: std::mem::take(&mut self.changed_resources).into_changes() }
    }

    /// Looks at a batch.
    fn take(&mut self, number: u64, batch: &Batch, statuses: &Statuses) -> Result<(), IngestError> {
        let About { input, stream, source, received, .. } = &batch.about;
        let stream_key = key(input, stream);
        self.run.intelligence = self.known.get();
        for refused in &batch.about.refused {
            self.letters.add(&batch.about, &refused.reason, &refused.start);
        }
        let mut taking = Taking {
            about: &batch.about,
            batch: &mut self.batch,
            seen: &mut self.seen,
            letters: &mut self.letters,
            changed: &mut self.changed_resources,
            next_seq: &mut self.progress.next_seq,
            n_events: 0,
            n_repeated: 0,
            n_bad: u64::try_from(batch.about.refused.len()).unwrap_or_default(),
            last_event: None,
            failed: None,
        };
        if !self.inputs.contains_key(&stream_key)
            && let Some(mut reader) = self.detect.input(source)
        {
            if let Some(state) = self.readers.remove(&stream_key) {
                reader.resume(state);
            }
            self.inputs.insert(stream_key.clone(), reader);
        }
        match self.inputs.get_mut(&stream_key) {
            Some(reader) => {
                for text in batch.texts.iter() {
                    self.detect.feed(&mut self.run, reader, text, Clock::OfRecords(*received), &mut taking);
                }
            }
            None => {
                for text in batch.texts.iter() {
                    let start = text.char_indices().nth(200).map_or(text, |(end, _)| text.split_at(end).0);
                    taking.letters.add(&batch.about, &format!("there is no log source `{source}`"), start);
                    taking.n_bad += 1;
                }
            }
        }
        let Taking { n_events, n_repeated, n_bad, last_event, failed, .. } = taking;
        if let Some(error) = failed {
            return Err(error);
        }
        let state = match batch.about.end {
            End::Open => self.inputs.get(&stream_key).map(Input::state),
            End::Ended => {
                self.inputs.remove(&stream_key);
                None
            }
        };
        self.changes.readers.insert(stream_key.clone(), state);
        if self.inputs.len() > MAX_READERS {
            self.readers.extend(std::mem::take(&mut self.inputs).into_iter().map(|(stream, input)| (stream, input.state())));
        }
        if let Some(position) = &batch.about.position {
            self.changes.positions.insert(stream_key, position.clone());
        }
        self.progress.next_batch = number + 1;
        self.has_new = true;
        statuses.change(input, |status| {
            status.source = Some(Arc::clone(source));
            status.n_texts += u64::try_from(batch.texts.len()).unwrap_or_default();
            status.n_bytes += u64::try_from(batch.texts.n_bytes()).unwrap_or_default();
            status.n_events += n_events;
            status.n_repeated += n_repeated;
            status.n_bad += n_bad;
            status.last_received = Some(*received);
            status.last_event = status.last_event.max(last_event);
            status.lag = last_event.map(|last| received.as_millisecond() - last.as_millisecond()).or(status.lag);
            status.rate.add(n_events, Timestamp::now());
        });
        Ok(())
    }
}

/// Takes what comes out of the texts of a batch.
struct Taking<'w> {
    about: &'w About,
    batch: &'w mut skywarden_archive::Batch,
    seen: &'w mut Seen,
    letters: &'w mut DeadLetters,
    changed: &'w mut ChangeSet,
    next_seq: &'w mut i64,
    n_events: u64,
    n_repeated: u64,
    n_bad: u64,
    last_event: Option<Timestamp>,
    failed: Option<IngestError>,
}

impl Sink for Taking<'_> {
    fn is_new(&mut self, source: &LogSource, own_id: Option<&str>) -> bool {
        let is_new = own_id.is_none_or(|id| self.seen.is_new(&source.id, id));
        self.n_repeated += u64::from(!is_new);
        is_new
    }

    fn row(&mut self, row: &skywarden_detect::Row<'_>) {
        self.n_events += 1;
        self.last_event = self.last_event.max(Some(row.time));
        let mut columns = [None; N_COLUMNS];
        for (column, value) in columns.iter_mut().zip(&row.columns) {
            *column = value.as_deref();
        }
        let event_id = row.id();
        let added = self.batch.add(&Row {
            seq: *self.next_seq,
            time: row.time.as_millisecond(),
            received: self.about.received.as_millisecond(),
            source: &row.source.id,
            event_id: &event_id,
            class: row.class.name,
            columns: &columns,
            raw: row.raw,
        });
        *self.next_seq += 1;
        if let Err(error) = added {
            self.failed.get_or_insert(IngestError::Archive(error));
        }
    }

    fn changed(&mut self, changed: Changed) {
        self.changed.add(changed);
    }

    fn bad(&mut self, record: BadRecord) {
        self.n_bad += 1;
        self.letters.add(self.about, &record.reason, &record.start);
    }
}
