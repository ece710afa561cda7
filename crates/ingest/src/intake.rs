use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, mpsc::SyncSender},
};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::{Batch, Statuses, error::IngestError, journal::Journal};

/// So many batches may wait for the disk; who offers more waits.
const WAITING: usize = 16;

/// Batches are written together up to so many bytes.
const TOGETHER: usize = 8 << 20;

/// Where inputs hand over what they read. A clone serves another input.
#[derive(Debug, Clone)]
pub struct Intake {
    sender: mpsc::Sender<Offer>,
    positions: Positions,
    /// How inputs are doing.
    pub statuses: Statuses,
}

/// Where all streams stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Positions(Arc<Mutex<BTreeMap<String, Value>>>);

/// A batch that somebody hands over.
#[derive(Debug)]
pub(crate) struct Offer {
    batch: Batch,
    is_kept: oneshot::Sender<Result<(), String>>,
}

/// A batch that is in the journal.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) number: u64,
    pub(crate) batch: Batch,
}

/// Tells when a batch is safe.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<(), String>>);

impl Receipt {
    /// Waits until the batch survives the end of the process and the loss of power; only then its source may forget it.
    ///
    /// # Errors
    /// If it could not be kept: offer it again.
    pub async fn kept(self) -> Result<(), IngestError> {
        self.0.await.map_err(|_| IngestError::Stopped)?.map_err(IngestError::Batch)
    }
}

impl Intake {
    pub(crate) fn new(positions: Positions, statuses: Statuses) -> (Self, mpsc::Receiver<Offer>) {
        let (sender, offers) = mpsc::channel(WAITING);
        (Intake { sender, positions, statuses }, offers)
    }

    /// Where a stream of an input goes on.
    pub fn position(&self, input: &str, stream: &str) -> Option<Value> {
        self.positions.lock().get(&key(input, stream)).cloned()
    }

    /// Where all streams of an input go on, by stream.
    pub fn positions(&self, input: &str) -> BTreeMap<String, Value> {
        let prefix = key(input, "");
        let all = self.positions.lock();
        let own = all.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        own.filter_map(|(key, position)| Some((key.strip_prefix(&prefix)?.to_owned(), position.clone()))).collect()
    }

    /// Hands over a batch; waits while the disk or detection is behind. The receipt says when it is safe.
    ///
    /// # Errors
    /// If the server is stopping.
    pub async fn offer(&self, batch: Batch) -> Result<Receipt, IngestError> {
        let (is_kept, receipt) = oneshot::channel();
        self.sender.send(Offer { batch, is_kept }).await.map_err(|_| IngestError::Stopped)?;
        Ok(Receipt(receipt))
    }

    /// Hands over a batch and waits until it is safe.
    ///
    /// # Errors
    /// If it could not be kept, or the server is stopping.
    pub async fn keep(&self, batch: Batch) -> Result<(), IngestError> {
        self.offer(batch).await?.kept().await
    }
}

impl Positions {
    pub(crate) fn of(all: BTreeMap<String, Value>) -> Self {
        Positions(Arc::new(Mutex::new(all)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes where a batch leaves its stream; a `null` says that the stream is over and nobody asks for it again.
    pub(crate) fn note(&self, batch: &Batch) {
        let Some(position) = &batch.about.position else { return };
        let key = key(&batch.about.input, &batch.about.stream);
        if position.is_null() {
            self.lock().remove(&key);
        } else {
            self.lock().insert(key, position.clone());
        }
    }
}

/// The key of a stream.
pub(crate) fn key(input: &str, stream: &str) -> String {
    format!("{input}\n{stream}")
}

/// Writes what is offered to the journal and passes it on, until nobody offers or takes anything any more. A thread of its own.
pub(crate) fn keep_journal(
    mut journal: Journal,
    mut offers: mpsc::Receiver<Offer>,
    taken: &SyncSender<Taken>,
    positions: &Positions,
    statuses: &Statuses,
) {
    while let Some(first) = offers.blocking_recv() {
        let mut n_bytes = first.batch.texts.n_bytes();
        let mut waiting = vec![first];
        while n_bytes < TOGETHER
            && let Ok(next) = offers.try_recv()
        {
            n_bytes += next.batch.texts.n_bytes();
            waiting.push(next);
        }
        let (batches, receipts): (Vec<Batch>, Vec<_>) = waiting.into_iter().map(|offer| (offer.batch, offer.is_kept)).unzip();
        let first = match journal.append(&batches) {
            Ok(first) => first,
            Err(error) => {
                let reason = error.to_string();
                for (batch, receipt) in batches.iter().zip(receipts) {
                    statuses.change(&batch.about.input, |status| status.fail(reason.clone()));
                    // Who no longer waits reads on from its position.
                    let _ = receipt.send(Err(reason.clone()));
                }
                continue;
            }
        };
        // Who hears that a batch is safe finds its position.
        for batch in &batches {
            positions.note(batch);
        }
        for receipt in receipts {
            let _ = receipt.send(Ok(()));
        }
        for (number, batch) in (first..).zip(batches) {
            if taken.send(Taken { number, batch }).is_err() {
                return;
            }
        }
    }
}
