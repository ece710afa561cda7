use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use skywarden_archive::Archive;
use skywarden_detect::{Detect, Kinds};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
};

use crate::{
    InForce, Intake, Keeper, Pace, Statuses,
    error::IngestError,
    intake::{Positions, Taken, keep_journal},
    pipeline::Pipeline,
    state::State,
};

/// So many batches may lie between the journal and detection.
const BETWEEN: usize = 8;

/// What taking in logs needs.
pub struct Parts {
    /// Where the journal, dead letters and what is remembered lie.
    pub folder: PathBuf,
    /// Log sources and rules, compiled with rows.
    pub detect: Arc<Detect>,
    /// What is known to be bad, at any time.
    pub known: InForce,
    /// Kinds of incidents.
    pub kinds: Kinds,
    /// Where events are kept.
    pub archive: Archive,
    /// Who keeps alerts.
    pub keeper: Box<dyn Keeper>,
    /// When checkpoints are made.
    pub pace: Pace,
}

/// Logs are being taken in.
#[derive(Debug)]
pub struct Ingest {
    intake: Intake,
    is_stopping: Arc<AtomicBool>,
    pipeline: JoinHandle<Result<(), IngestError>>,
    writer: JoinHandle<()>,
    checkpoints: watch::Receiver<u64>,
}

impl Ingest {
    /// Begins: what the last process left unfinished is looked at first. Needs a runtime of tokio with a timer of its own threads.
    ///
    /// # Errors
    /// If the folder, the state or the journal can't be used.
    pub async fn start(parts: Parts) -> Result<Self, IngestError> {
        std::fs::create_dir_all(&parts.folder).map_err(IngestError::file("make the folder", &parts.folder))?;
        let state = State::open(&parts.folder.join("state.redb"))?;
        let positions = Positions::of(state.positions()?);
        let statuses = Statuses::default();
        let (intake, offers) = Intake::new(positions.clone(), statuses.clone());
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (checkpoint, checkpoints) = watch::channel(state.progress()?.checkpoint);
        let pipeline = Pipeline {
            made: checkpoint,
            detect: parts.detect,
            known: parts.known,
            kinds: parts.kinds,
            archive: parts.archive,
            state,
            folder: parts.folder,
            keeper: parts.keeper,
            pace: parts.pace,
            statuses: statuses.clone(),
            is_stopping: Arc::clone(&is_stopping),
            runtime: Handle::current(),
        };
        let (taken_in, taken) = mpsc::sync_channel::<Taken>(BETWEEN);
        let (ready_in, ready) = oneshot::channel();
        let noted = positions.clone();
        let pipeline = std::thread::spawn(move || {
            pipeline.run(&taken, &|batch| noted.note(batch), |journal| {
                // Nobody waits any more if the server is stopping already.
                let _ = ready_in.send(journal);
            })
        });
        let Ok(journal) = ready.await else {
            return Err(ended(pipeline).err().unwrap_or(IngestError::Stopped));
        };
        let writer = std::thread::spawn(move || keep_journal(journal, offers, &taken_in, &positions, &statuses));
        Ok(Ingest { intake, is_stopping, pipeline, writer, checkpoints })
    }

    /// Where inputs hand over what they read.
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// How inputs are doing.
    pub fn statuses(&self) -> &Statuses {
        &self.intake.statuses
    }

    /// The number of the last checkpoint: files of the archive up to it are not written again.
    pub fn checkpoints(&self) -> watch::Receiver<u64> {
        self.checkpoints.clone()
    }

    /// Whether detection has ended, which it does only if something is broken: [`Self::stop`] says why.
    pub fn has_ended(&self) -> bool {
        self.pipeline.is_finished()
    }

    /// Takes in nothing more and makes safe what was taken in. All inputs must have let go of their [`Intake`].
    ///
    /// # Errors
    /// If that fails; the next process finds it in the journal.
    pub async fn stop(self) -> Result<(), IngestError> {
        let Ingest { intake, is_stopping, pipeline, writer, .. } = self;
        is_stopping.store(true, Ordering::Relaxed);
        drop(intake);
        let ended = tokio::task::spawn_blocking(move || {
            // It ends when nobody offers anything any more, and the pipeline when it has taken all.
            if writer.join().is_err() {
                return Err(IngestError::Stopped);
            }
            ended(pipeline)
        });
        ended.await.map_err(|_| IngestError::Stopped)?
    }
}

fn ended(pipeline: JoinHandle<Result<(), IngestError>>) -> Result<(), IngestError> {
    pipeline.join().unwrap_or_else(|panic| {
        let reason =
            panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(IngestError::Batch(format!("detection ended: {}", reason.unwrap_or_default())))
    })
}
