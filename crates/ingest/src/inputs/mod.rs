//! Where logs come from. Each kind is a module with its settings and what reads it.

mod audit;
mod client_tls;
mod file;
mod health;
mod http;
mod journald;
mod kafka;
mod nats;
mod pubsub;
mod queue;
mod remembered;
mod s3;
pub(crate) mod secret;
pub mod syslog;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::watch;

pub use audit::AuditSettings;
pub use client_tls::ClientTlsSettings;
pub use file::{FileSettings, Start};
pub use http::{HttpSettings, PostError, Posted};
pub use journald::{JournalEntries, JournaldSettings, Priority};
pub use kafka::{KafkaSettings, SaslMechanism, SaslSettings};
pub use nats::{NatsLogin, NatsSettings};
pub use pubsub::{PubSubSettings, message_text};
pub use queue::{Gathered, QueueStart};
pub use s3::{BucketSettings, Notice, QueueSettings, S3Login, S3Settings, S3Watch, notices};
pub use syslog::SyslogSettings;

use crate::{Intake, TextKind, error::IngestError};

/// Between attempts of an input that fails: twice as long each time, up to the last.
pub(crate) const BACKOFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// An input as its user writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSettings {
    /// What tells it from others; never used again for another one, since positions belong to it.
    pub id: String,
    /// The log source whose records it brings.
    pub source: String,
    /// Where from.
    pub from: InputKind,
}

/// Where an input reads from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum InputKind {
    /// Files of this machine.
    File(FileSettings),
    /// Topics of Kafka, and of what speaks its protocol: Azure Event Hubs, Redpanda.
    Kafka(KafkaSettings),
    /// A stream or subjects of NATS.
    Nats(NatsSettings),
    /// The systemd journal.
    Journald(JournaldSettings),
    /// What auditd of this machine writes.
    Audit(AuditSettings),
    /// What others post to the server.
    Http(HttpSettings),
    /// Syslog that others send.
    Syslog(SyslogSettings),
    /// Objects of S3.
    S3(S3Settings),
    /// A subscription of Google Cloud's Pub/Sub.
    Pubsub(PubSubSettings),
}

/// What an input works with.
#[derive(Debug, Clone)]
pub struct Context {
    /// The input's id.
    pub id: Arc<str>,
    /// The log source.
    pub source: Arc<str>,
    /// What its records are in a file.
    pub kind: TextKind,
    /// Where to hand over what was read.
    pub intake: Intake,
    /// Says when to stop.
    pub stop: Stop,
}

/// Says when to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Why an input can't go on. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// What was tried, on what, why it failed, what to do.
    #[error("{0}")]
    Failed(String),
    /// What was read could not be handed over.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// Reads logs from somewhere.
#[async_trait]
pub trait LogInput: Send {
    /// Reads and hands over until it is told to stop. What it has seen and not handed over is read again by the next call.
    ///
    /// # Errors
    /// If it can't go on; it is called again after a while.
    async fn run(&mut self, context: &Context) -> Result<(), InputError>;
}

impl Context {
    /// Where a stream goes on, as the input wrote it.
    ///
    /// # Errors
    /// If it can't be read: beginning anew would take everything in again.
    pub(crate) fn position<T: DeserializeOwned>(&self, stream: &str) -> Result<Option<T>, InputError> {
        self.intake.position(&self.id, stream).map(|position| self.read_position(stream, position)).transpose()
    }

    /// One of several positions, as the input wrote it.
    pub(crate) fn read_position<T: DeserializeOwned>(&self, stream: &str, position: Value) -> Result<T, InputError> {
        serde_json::from_value(position).map_err(|error| {
            InputError::Failed(format!(
                "where `{}` stands with `{stream}` can't be read: {error}; go on with the version that wrote it, or give the input another id \
                 to take everything in anew",
                self.id
            ))
        })
    }
}

impl Stop {
    /// Somebody who can say stop, and what listens to that.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Stop(receiver))
    }

    /// Whether it was said.
    pub fn is_said(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is said.
    pub async fn said(&mut self) {
        // Nobody is there any more to say it: that says it too.
        let _ = self.0.wait_for(|is_said| *is_said).await;
    }

    /// Waits for so long; whether it was said meanwhile.
    pub async fn within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.said()).await.is_ok()
    }
}

impl InputSettings {
    /// The log sources whose records it may bring.
    pub fn sources(&self) -> BTreeSet<&str> {
        let mut sources = BTreeSet::from([self.source.as_str()]);
        if let InputKind::Syslog(settings) = &self.from {
            sources.extend(settings.routes.iter().map(|route| route.source.as_ref()));
        }
        sources
    }
}

impl InputKind {
    /// Its word in settings.
    pub fn name(&self) -> &'static str {
        match self {
            InputKind::File(_) => "file",
            InputKind::Kafka(_) => "kafka",
            InputKind::Nats(_) => "nats",
            InputKind::Journald(_) => "journald",
            InputKind::Audit(_) => "audit",
            InputKind::Http(_) => "http",
            InputKind::Syslog(_) => "syslog",
            InputKind::S3(_) => "s3",
            InputKind::Pubsub(_) => "pubsub",
        }
    }

    /// What reads it.
    pub fn open(&self) -> Box<dyn LogInput> {
        match self {
            InputKind::File(settings) => Box::new(file::Files::new(settings.clone())),
            InputKind::Kafka(settings) => Box::new(kafka::Kafka::new(settings.clone())),
            InputKind::Nats(settings) => Box::new(nats::Nats::new(settings.clone())),
            InputKind::Journald(settings) => Box::new(journald::Journald::new(settings.clone())),
            InputKind::Audit(settings) => Box::new(file::Files::new(settings.files())),
            InputKind::Http(HttpSettings {}) => Box::new(http::Http),
            InputKind::Syslog(settings) => Box::new(syslog::Syslog::new(settings.clone())),
            InputKind::S3(settings) => Box::new(s3::S3::new(settings.clone())),
            InputKind::Pubsub(settings) => Box::new(pubsub::PubSub::new(settings.clone())),
        }
    }
}

/// Runs an input until it is told to stop; a failure is shown in its status, and it begins again after a while.
pub async fn supervise(mut input: Box<dyn LogInput>, context: Context) {
    let mut stop = context.stop.clone();
    let [mut wait, longest] = BACKOFF;
    while !stop.is_said() {
        let began = tokio::time::Instant::now();
        match input.run(&context).await {
            Ok(()) => return,
            Err(InputError::Ingest(IngestError::Stopped)) => return,
            Err(error) => {
                tracing::warn!(input = %context.id, %error, "an input failed; it is tried again");
                context.intake.statuses.change(&context.id, |status| status.fail(error.to_string()));
            }
        }
        if began.elapsed() > longest {
            [wait, _] = BACKOFF;
        }
        if stop.within(wait).await {
            return;
        }
        wait = (wait * 2).min(longest);
    }
}
