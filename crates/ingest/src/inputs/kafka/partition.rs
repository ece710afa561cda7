use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rskafka::{
    client::{
        Client,
        error::{Error, ProtocolError, RequestError},
        partition::{OffsetAt, PartitionClient, UnknownTopicHandling},
    },
    record::RecordAndOffset,
};
use serde::{Deserialize, Serialize};

use super::{PATIENCE, patiently};
use crate::{
    IngestError,
    inputs::{
        BACKOFF, Context, InputError, QueueStart,
        health::Health,
        queue::{BATCH, Gathered, TOGETHER},
    },
};

/// How long a broker waits for a first message, in milliseconds.
const IDLE: i32 = 5_000;

/// With less than so many bytes, what comes soon is waited for, so that it comes together.
const LITTLE: usize = 64 << 10;

/// A partition that ends before what was read of it is taken for another one after so long.
const SETTLES: Duration = Duration::from_secs(10);

/// One partition.
pub(super) struct Partition {
    client: Arc<Client>,
    health: Health,
    context: Context,
    topic: String,
    number: i32,
    start: QueueStart,
    /// Its name within the input.
    stream: String,
}

/// Where a partition goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    /// Of the next message.
    offset: i64,
}

/// What a request brought.
struct Fetched {
    records: Vec<RecordAndOffset>,
    /// Behind the newest message.
    end: i64,
}

/// Why a request brought nothing.
enum Trouble {
    /// There is no such offset (any more).
    OutOfRange,
    /// What lies there can't be decoded.
    Undecodable(String),
    Failed(InputError),
}

impl Partition {
    pub(super) fn new(
        client: Arc<Client>,
        health: Health,
        context: Context,
        topic: String,
        number: i32,
        start: QueueStart,
    ) -> Self {
        let stream = format!("{topic}/{number}");
        Partition { client, health, context, topic, number, start, stream }
    }

    /// Reads until it is told to stop; tries again by itself, so that other partitions go on.
    ///
    /// # Errors
    /// If nothing is taken in any more.
    pub(super) async fn follow(self) -> Result<(), InputError> {
        let mut stop = self.context.stop.clone();
        let [first_wait, longest] = BACKOFF;
        let mut wait = first_wait;
        while !stop.is_said() {
            let began = tokio::time::Instant::now();
            match self.read().await {
                Ok(()) => return Ok(()),
                Err(InputError::Ingest(IngestError::Stopped)) => return Err(IngestError::Stopped.into()),
                Err(error) => self.health.fails(&self.context, &self.stream, error.to_string()),
            }
            if began.elapsed() > longest {
                wait = first_wait;
            }
            if stop.within(wait).await {
                return Ok(());
            }
            wait = (wait * 2).min(longest);
        }
        Ok(())
    }

    async fn read(&self) -> Result<(), InputError> {
        let what = format!("read partition {} of the topic {}", self.number, self.topic);
        let opened = self.client.partition_client(self.topic.clone(), self.number, UnknownTopicHandling::Error);
        let partition = patiently(&what, &self.context.stop, opened).await?;
        let mut offset = self.begin(&partition).await?;
        let mut most = BATCH;
        let mut short_since: Option<Instant> = None;
        let mut stop = self.context.stop.clone();
        while !stop.is_said() {
            match self.fetch(&partition, offset, most).await {
                Ok(Fetched { end, .. }) if end < offset => {
                    // A broker that has just become the leader may not know yet how far it goes.
                    if short_since.get_or_insert_with(Instant::now).elapsed() >= SETTLES {
                        offset = self.out_of_range(&partition, offset).await?;
                    } else if stop.within(TOGETHER).await {
                        return Ok(());
                    }
                }
                Ok(Fetched { records, end }) => {
                    short_since = None;
                    let n_bytes = self.take(&mut offset, records, end).await?;
                    // Also when only marks of transactions came, which are no messages and come at once.
                    if n_bytes < LITTLE && most == BATCH && stop.within(TOGETHER).await {
                        return Ok(());
                    }
                    most = (most * 16).min(BATCH);
                }
                Err(Trouble::OutOfRange) => offset = self.out_of_range(&partition, offset).await?,
                // One batch of several can't be decoded: those before it can, one by one.
                Err(Trouble::Undecodable(_)) if most > 1 => most = 1,
                Err(Trouble::Undecodable(reason)) => offset = self.pass_over(&partition, offset, &reason).await?,
                Err(Trouble::Failed(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Where to go on.
    async fn begin(&self, partition: &PartitionClient) -> Result<i64, InputError> {
        let known: Option<Position> = self.context.position(&self.stream)?;
        let oldest = self.offset(partition, OffsetAt::Earliest).await?;
        match known {
            Some(Position { offset }) if offset >= oldest => Ok(offset),
            Some(Position { offset }) => self.out_of_range(partition, offset).await,
            None => {
                let offset = match self.start {
                    QueueStart::Beginning => oldest,
                    QueueStart::New => self.offset(partition, OffsetAt::Latest).await?,
                };
                // What comes while we are away is not passed over.
                self.keep(Gathered::default(), offset).await?;
                Ok(offset)
            }
        }
    }

    async fn fetch(&self, partition: &PartitionClient, offset: i64, most: usize) -> Result<Fetched, Trouble> {
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let what = || format!("read {} from offset {offset} on", self.stream);
        let fetched = partition.fetch_records(offset, 1..most.saturating_add(1), IDLE);
        let mut stop = self.context.stop.clone();
        let fetched = tokio::select! {
            () = stop.said() => return Err(Trouble::Failed(IngestError::Stopped.into())),
            fetched = tokio::time::timeout(PATIENCE, fetched) => fetched,
        };
        match fetched {
            Ok(Ok((records, end))) => Ok(Fetched { records, end }),
            Ok(Err(Error::ServerError { protocol_error: ProtocolError::OffsetOutOfRange, .. })) => Err(Trouble::OutOfRange),
            Ok(Err(
                error @ (Error::InvalidResponse(_)
                | Error::Request(
                    RequestError::ReadError(_) | RequestError::ReadVersionedError(_) | RequestError::TooMuchData { .. },
                )),
            )) => Err(Trouble::Undecodable(error.to_string())),
            Ok(Err(error)) => Err(Trouble::Failed(InputError::Failed(format!("could not {}: {error}", what())))),
            Err(_) => {
                let reason = format!("could not {}: no answer within {} s", what(), PATIENCE.as_secs());
                Err(Trouble::Failed(InputError::Failed(reason)))
            }
        }
    }

    /// Hands over messages and moves behind them. How long they were, in bytes.
    async fn take(&self, offset: &mut i64, records: Vec<RecordAndOffset>, end: i64) -> Result<usize, InputError> {
        let Some(next) = records.last().map(|last| last.offset.saturating_add(1)) else {
            self.health.is_well(&self.context, &self.stream, Some(0));
            return Ok(0);
        };
        let mut gathered = Gathered::default();
        for RecordAndOffset { record, offset } in records {
            let value = record.value.unwrap_or_default();
            gathered.add(&value, self.context.kind, || format!("{offset} of {}", self.stream));
        }
        let n_bytes = gathered.n_bytes();
        self.keep(gathered, next).await?;
        *offset = next;
        self.health.is_well(&self.context, &self.stream, Some(u64::try_from(end.saturating_sub(next)).unwrap_or_default()));
        Ok(n_bytes)
    }

    /// Where to go on if there is no such offset; what is lost is told.
    async fn out_of_range(&self, partition: &PartitionClient, offset: i64) -> Result<i64, InputError> {
        let oldest = self.offset(partition, OffsetAt::Earliest).await?;
        let end = self.offset(partition, OffsetAt::Latest).await?;
        let Some((go_on, lost)) = lost(&self.stream, offset, oldest, end) else {
            let reason = format!("could not read {}: offset {offset} is there and is refused", self.stream);
            return Err(InputError::Failed(reason));
        };
        self.health.lost(&self.context, &self.stream, lost.clone());
        let mut told = Gathered::default();
        told.refuse(lost, String::new());
        self.keep(told, go_on).await?;
        Ok(go_on)
    }

    /// Where to go on behind a batch that can't be decoded, which is told: the least offset at which something can be read.
    async fn pass_over(&self, partition: &PartitionClient, offset: i64, reason: &str) -> Result<i64, InputError> {
        let end = self.offset(partition, OffsetAt::Latest).await?;
        let (mut bad, mut good, mut step) = (offset, end, 1);
        // Doubling the step first: batches are short, and the partition may be long.
        while bad.saturating_add(step) < end {
            let there = bad.saturating_add(step);
            if self.is_readable(partition, there).await? {
                good = there;
                break;
            }
            bad = there;
            step = step.saturating_mul(2);
        }
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            if self.is_readable(partition, middle).await? {
                good = middle;
            } else {
                bad = middle;
            }
        }
        let told = format!("offsets {offset} to {} of {} can't be decoded: {reason}", good - 1, self.stream);
        tracing::warn!(input = %self.context.id, told);
        let mut gathered = Gathered::default();
        gathered.refuse(told, String::new());
        self.keep(gathered, good).await?;
        Ok(good)
    }

    async fn is_readable(&self, partition: &PartitionClient, offset: i64) -> Result<bool, InputError> {
        match self.fetch(partition, offset, 1).await {
            Ok(_) => Ok(true),
            Err(Trouble::Undecodable(_)) => Ok(false),
            Err(Trouble::OutOfRange) => Err(InputError::Failed(format!("offset {offset} of {} is gone", self.stream))),
            Err(Trouble::Failed(error)) => Err(error),
        }
    }

    async fn offset(&self, partition: &PartitionClient, at: OffsetAt) -> Result<i64, InputError> {
        patiently(&format!("ask for the offsets of {}", self.stream), &self.context.stop, partition.get_offset(at)).await
    }

    async fn keep(&self, gathered: Gathered, offset: i64) -> Result<(), InputError> {
        let position = serde_json::to_value(Position { offset }).ok();
        Ok(self.context.intake.keep(gathered.batch(&self.context, &self.stream, position)).await?)
    }
}

/// Where to go on and what is lost, if `offset` is to be read next and a partition goes from `oldest` to before `end`.
fn lost(stream: &str, offset: i64, oldest: i64, end: i64) -> Option<(i64, String)> {
    if offset < oldest {
        let (n, last) = (oldest.saturating_sub(offset), oldest.saturating_sub(1));
        let told = format!(
            "{n} messages of {stream} (offsets {offset} to {last}) were removed before they were read; let the topic keep more, or for \
             longer"
        );
        return Some((oldest, told));
    }
    let so_far = format!("{stream} ends before offset {end}, and all before {offset} was read already");
    match (offset > end, oldest) {
        (false, _) => None,
        (true, 0) => {
            Some((0, format!("{so_far}: the topic was made anew, or its brokers lost messages; it is read from its beginning")))
        }
        // A topic that is new has its first message yet.
        (true, _) => Some((end, format!("{so_far}: its brokers lost messages; what gets their offsets anew is read"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_counted() {
        let (go_on, told) = lost("t/0", 4, 10, 12).unwrap();
        assert!(go_on == 10 && told.starts_with("6 messages of t/0 (offsets 4 to 9) were removed"), "{go_on} {told}");
        let (go_on, told) = lost("t/0", 13, 10, 12).unwrap();
        assert!(go_on == 12 && told.contains("brokers lost messages"), "{go_on} {told}");
        let (go_on, told) = lost("t/0", 13, 0, 12).unwrap();
        assert!(go_on == 0 && told.contains("made anew"), "{go_on} {told}");
        for offset in [10, 11, 12] {
            assert_eq!(lost("t/0", offset, 10, 12), None);
        }
    }
}
