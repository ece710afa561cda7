use std::time::{Duration, Instant};

use async_nats::jetstream::{
    self, Message,
    consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
    stream::{Info, Stream},
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Connection, NatsSettings};
use crate::inputs::{
    InputError, QueueStart,
    queue::{BATCH, Gathered, TOGETHER},
};

/// How long a request waits at the server for a first message.
const IDLE: Duration = Duration::from_secs(2);

/// A batch holds so many messages at the most; fewer than the client keeps before it drops some.
const MESSAGES: usize = 10_000;

/// How often the stream itself is looked at: whether it was purged or made anew.
const LOOK: Duration = Duration::from_secs(10);

/// The server removes what it keeps for us when nothing was asked for so long.
const GONE_AFTER: Duration = Duration::from_secs(60);

/// Where a stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    /// The last sequence that was taken or passed over.
    sequence: u64,
    /// When the stream was made. Another one of the same name counts from 1 again.
    created: Timestamp,
}

/// What a stream says about itself.
#[derive(Debug, Clone, Copy)]
struct Found {
    created: Timestamp,
    first: u64,
    last: u64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Ask {
    /// One message however long it is, once there is one.
    First,
    /// What more there is.
    More,
}

/// A stream while it is read.
struct Reading<'r> {
    connection: &'r Connection<'r>,
    name: &'r str,
    stream: Stream,
    consumer: Consumer<pull::Config>,
    position: Position,
    /// How many messages the consumer gave. Each has its number, so that one that got lost on the way is missed.
    n_given: u64,
}

/// Reads a stream from where it was left until it is told to stop.
pub(super) async fn read(connection: &Connection<'_>, name: &str, settings: &NatsSettings) -> Result<(), InputError> {
    let mut reading = Reading::open(connection, name, settings).await?;
    let outcome = reading.until_stopped().await;
    // It goes by itself after a while, so a failure says nothing.
    let consumer = reading.consumer.cached_info().name.clone();
    let _ = tokio::time::timeout(Duration::from_secs(2), reading.stream.delete_consumer(&consumer)).await;
    outcome
}

impl<'r> Reading<'r> {
    async fn open(connection: &'r Connection<'r>, name: &'r str, settings: &NatsSettings) -> Result<Self, InputError> {
        let Connection { context, health, client, .. } = connection;
        let stream = jetstream::new(client.clone())
            .get_stream(name)
            .await
            .map_err(|error| connection.failed(&format!("find the stream `{name}`"), &error))?;
        let found = Found::of(stream.cached_info())?;
        let known = context.position(name)?;
        let (position, lost) = found.go_on(name, known, settings.start);
        if known != Some(position) {
            let mut told = Gathered::default();
            if let Some(lost) = lost {
                health.lost(context, name, lost.clone());
                told.refuse(lost, String::new());
            }
            // Also where to begin is kept: what comes while we are away is not passed over.
            context.intake.keep(told.batch(context, name, serde_json::to_value(position).ok())).await?;
        }
        let consumer = stream
            .create_consumer(consumer(settings, position))
            .await
            .map_err(|error| connection.failed(&format!("read the stream `{name}`"), &error))?;
        health.is_well(context, name, Some(consumer.cached_info().num_pending));
        Ok(Reading { connection, name, stream, consumer, position, n_given: 0 })
    }

    async fn until_stopped(&mut self) -> Result<(), InputError> {
        let mut stop = self.connection.context.stop.clone();
        let mut looked = Instant::now();
        while !stop.is_said() {
            let messages = tokio::select! {
                () = stop.said() => return Ok(()),
                messages = self.messages() => messages?,
            };
            self.take(&messages).await?;
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look().await?;
            }
        }
        Ok(())
    }

    /// The next messages, or none after a while.
    async fn messages(&self) -> Result<Vec<Message>, InputError> {
        let mut messages = self.fetch(Ask::First).await?;
        if !messages.is_empty() {
            messages.extend(self.fetch(Ask::More).await?);
        }
        Ok(messages)
    }

    async fn fetch(&self, ask: Ask) -> Result<Vec<Message>, InputError> {
        let what = || format!("read the stream `{}`", self.name);
        let (request, wait) = match ask {
            Ask::First => (self.consumer.fetch().max_messages(1), IDLE),
            Ask::More => (self.consumer.fetch().max_messages(MESSAGES).max_bytes(BATCH), TOGETHER),
        };
        let asked = Instant::now();
        let mut batch = request.expires(wait).messages().await.map_err(|error| self.connection.failed(&what(), &error))?;
        let mut messages = Vec::new();
        while let Some(message) = batch.next().await {
            match message {
                Ok(message) => messages.push(message),
                // The server's way to say that the next message would be too much.
                Err(error) if error.to_string().to_ascii_lowercase().contains("maxbytes") => break,
                Err(error) => return Err(self.connection.failed(&what(), error.as_ref())),
            }
        }
        // The server ends each request in its time; if it did not, it is not there.
        let is_silent = messages.is_empty() && asked.elapsed() > wait + Duration::from_secs(4);
        if is_silent || !self.connection.is_connected() {
            return Err(self.connection.heard.failed(&what(), "the server does not answer"));
        }
        Ok(messages)
    }

    async fn take(&mut self, messages: &[Message]) -> Result<(), InputError> {
        let Connection { context, health, .. } = self.connection;
        let mut gathered = Gathered::default();
        let mut behind = 0;
        for message in messages {
            let info = message
                .info()
                .map_err(|error| self.connection.failed(&format!("read the stream `{}`", self.name), error.as_ref()))?;
            self.n_given += 1;
            if info.consumer_sequence != self.n_given {
                let reason = format!(
                    "{} messages were lost on the way; they are read again",
                    info.consumer_sequence.abs_diff(self.n_given)
                );
                return Err(self.connection.heard.failed(&format!("read the stream `{}`", self.name), &reason));
            }
            self.position.sequence = info.stream_sequence;
            behind = info.pending;
            gathered.add(&message.payload, context.kind, || format!("{} of {}", info.stream_sequence, self.name));
        }
        if !messages.is_empty() {
            self.keep(gathered).await?;
        }
        health.is_well(context, self.name, Some(behind));
        Ok(())
    }

    /// Looks whether the stream still is the same and whether it lost messages that were not read.
    async fn look(&mut self) -> Result<(), InputError> {
        let Connection { context, health, .. } = self.connection;
        let info = self.stream.get_info().await.map_err(|error| self.failed("look at", &error))?;
        let found = Found::of(&info)?;
        let consumer = self.consumer.get_info().await.map_err(|error| self.failed("look at", &error))?;
        if found.created != self.position.created {
            return Err(self.connection.heard.failed(&format!("go on with the stream `{}`", self.name), "it was made anew"));
        }
        let before = self.position;
        if consumer.num_pending == 0 && consumer.delivered.consumer_sequence == self.n_given {
            // What lies up to here is taken or not among the subjects that are wanted.
            self.position.sequence = self.position.sequence.max(found.last);
        }
        let mut told = Gathered::default();
        if let (position, Some(lost)) = found.go_on(self.name, Some(self.position), QueueStart::Beginning) {
            health.lost(context, self.name, lost.clone());
            told.refuse(lost, String::new());
            self.position = position;
        }
        if self.position != before {
            self.keep(told).await?;
        }
        Ok(())
    }

    async fn keep(&self, gathered: Gathered) -> Result<(), InputError> {
        let context = self.connection.context;
        let position = serde_json::to_value(self.position).ok();
        Ok(context.intake.keep(gathered.batch(context, self.name, position)).await?)
    }

    fn failed(&self, what: &str, error: &dyn std::error::Error) -> InputError {
        self.connection.failed(&format!("{what} the stream `{}`", self.name), error)
    }
}

impl Found {
    fn of(info: &Info) -> Result<Self, InputError> {
        let created = Timestamp::from_nanosecond(info.created.unix_timestamp_nanos());
        let created = created.map_err(|error| InputError::Failed(format!("a stream of NATS was made at no time: {error}")))?;
        Ok(Found { created, first: info.state.first_sequence, last: info.state.last_sequence })
    }

    /// Where to go on, and what was lost since then.
    fn go_on(self, name: &str, known: Option<Position>, start: QueueStart) -> (Position, Option<String>) {
        let Found { created, first, last } = self;
        let oldest = Position { sequence: first.saturating_sub(1), created };
        match known {
            None if start == QueueStart::New => (Position { sequence: last, created }, None),
            None => (oldest, None),
            Some(known) if known.created != created => {
                let lost = format!(
                    "the stream {name} was removed and made anew ({created}, before {}); what was in the old one behind {} and was not \
                     read is lost, and the new one is read from its beginning",
                    known.created, known.sequence
                );
                (oldest, Some(lost))
            }
            Some(known) if known.sequence > last => {
                let lost = format!(
                    "the stream {name} ends with message {last}, and {} was read already: its server lost some. What gets their \
                     numbers anew is read",
                    known.sequence
                );
                (Position { sequence: last, created }, Some(lost))
            }
            Some(known) if oldest.sequence > known.sequence => {
                let lost = format!(
                    "up to {} messages of the stream {name} ({} to {}) were removed from it before they were read; let it keep more, \
                     or for longer",
                    oldest.sequence - known.sequence,
                    known.sequence.saturating_add(1),
                    oldest.sequence
                );
                (oldest, Some(lost))
            }
            Some(known) => (known, None),
        }
    }
}

/// What the server keeps for us while we read: in memory, without acknowledgements, gone soon after we are.
fn consumer(settings: &NatsSettings, position: Position) -> pull::Config {
    let mut config = pull::Config {
        description: Some("skywarden reads logs".to_owned()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: position.sequence.saturating_add(1) },
        ack_policy: AckPolicy::None,
        inactive_threshold: GONE_AFTER,
        num_replicas: 1,
        memory_storage: true,
        ..pull::Config::default()
    };
    match settings.subjects.as_slice() {
        [one] => config.filter_subject.clone_from(one),
        several => config.filter_subjects = several.to_vec(),
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_stream_goes_on_and_what_is_told() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let found = Found { created: at(1), first: 5, last: 9 };
        let position = |sequence, second| Position { sequence, created: at(second) };
        let go_on = |known, start| {
            let (position, lost) = found.go_on("s", known, start);
            (position.sequence, position.created, lost.map(|lost| lost.split(' ').take(3).collect::<Vec<_>>().join(" ")))
        };
        assert_eq!(go_on(None, QueueStart::Beginning), (4, at(1), None));
        assert_eq!(go_on(None, QueueStart::New), (9, at(1), None));
        for known in [4, 7, 9] {
            assert_eq!(go_on(Some(position(known, 1)), QueueStart::New), (known, at(1), None));
        }
        assert_eq!(go_on(Some(position(1, 1)), QueueStart::New), (4, at(1), Some("up to 3".to_owned())));
        assert_eq!(go_on(Some(position(10, 1)), QueueStart::New), (9, at(1), Some("the stream s".to_owned())));
        assert_eq!(go_on(Some(position(7, 2)), QueueStart::New), (4, at(1), Some("the stream s".to_owned())));
        let empty = Found { created: at(1), first: 10, last: 9 };
        assert_eq!(empty.go_on("s", Some(position(9, 1)), QueueStart::Beginning), (position(9, 1), None));
        let new = Found { created: at(1), first: 0, last: 0 };
        assert_eq!(new.go_on("s", None, QueueStart::Beginning), (position(0, 1), None));
    }
}
