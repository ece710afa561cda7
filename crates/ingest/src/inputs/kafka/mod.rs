//! Kafka's protocol: each partition is a stream with its offset as position. No consumer group is used and nothing is committed to the
//! brokers, so each message is taken once.

mod partition;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use rskafka::{
    BackoffConfig,
    client::{Client, ClientBuilder, Credentials, SaslConfig},
    topic::Topic,
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use self::partition::Partition;
use super::{ClientTlsSettings, Context, InputError, LogInput, QueueStart, Stop, health::Health, secret};
use crate::IngestError;

/// A request that takes longer has failed: the client itself waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer of a broker may be so long, in bytes. A batch of messages that was written together can't be cut.
const MAX_ANSWER: usize = 64 << 20;

/// So many partitions are read, each by a connection of its own; more are a mistake in the topics.
const MAX_PARTITIONS: usize = 2_000;

/// The part of an input's health that is no partition.
const TOPICS: &str = "";

/// Messages from Kafka or Azure Event Hubs. The value of a message is one text, or one for each line of records; a message without a value
/// says nothing. Messages of transactions that were aborted are taken too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KafkaSettings {
    /// Brokers to begin with, `HOST:PORT`; the others are found. Of Event Hubs: `NAMESPACE.servicebus.windows.net:9093`. An address of
    /// IPv6 needs a name.
    pub brokers: Vec<String>,
    /// The topics (of Event Hubs: the event hubs) by their names.
    pub topics: Vec<String>,
    /// Who this client is.
    #[serde(default)]
    pub sasl: Option<SaslSettings>,
    /// Speaks TLS if given; `{}` trusts the system's authorities. Without it, all can be read on the way, a password of `plain` too.
    #[serde(default)]
    pub tls: Option<ClientTlsSettings>,
    /// Where to begin when the input is first run. Topics and partitions that are found later are read from their beginning.
    #[serde(default)]
    pub start: QueueStart,
    /// How often to look for new partitions, in seconds.
    #[serde(default = "a_minute")]
    pub look_every: u64,
}

/// Who a client of Kafka is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SaslSettings {
    /// How the password is shown.
    #[serde(default)]
    pub mechanism: SaslMechanism,
    /// The name; of Event Hubs `$ConnectionString`.
    pub username: String,
    /// A file with the password; of Event Hubs the connection string.
    pub password_file: PathBuf,
}

/// How a password is shown to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaslMechanism {
    /// As it is: use TLS.
    #[default]
    Plain,
    /// By a proof with SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// By a proof with SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

fn a_minute() -> u64 {
    60
}

/// What reads from Kafka.
#[derive(Debug)]
pub(crate) struct Kafka {
    settings: KafkaSettings,
    health: Health,
}

/// The partitions that are read.
struct Reading {
    client: Arc<Client>,
    health: Health,
    /// The input's own, but for who says stop.
    context: Context,
    /// Says when the input is to stop.
    stop: Stop,
    tasks: JoinSet<Result<(), InputError>>,
    known: BTreeSet<(String, i32)>,
}

impl Kafka {
    pub(crate) fn new(settings: KafkaSettings) -> Self {
        Kafka { settings, health: Health::default() }
    }

    async fn connect(&self, stop: &Stop) -> Result<Client, InputError> {
        let settings = &self.settings;
        let mut builder = ClientBuilder::new(settings.brokers.clone()).client_id("skywarden").max_message_size(MAX_ANSWER);
        builder = builder.backoff_config(BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
            // Attempts are made by us, so that what fails is told.
            deadline: Some(Duration::from_secs(2)),
        });
        if let Some(tls) = &settings.tls {
            builder = builder.tls_config(Arc::new(tls.config().await?));
        }
        if let Some(sasl) = &settings.sasl {
            let password = secret::read("password", &sasl.password_file).await?;
            let credentials = Credentials::new(sasl.username.clone(), password);
            builder = builder.sasl_config(match sasl.mechanism {
                SaslMechanism::Plain => SaslConfig::Plain(credentials),
                SaslMechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
                SaslMechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
            });
        }
        patiently(&format!("connect to Kafka at {}", settings.brokers.join(", ")), stop, builder.build()).await
    }
}

#[async_trait]
impl LogInput for Kafka {
    async fn run(&mut self, context: &Context) -> Result<(), InputError> {
        if self.settings.brokers.is_empty() || self.settings.topics.is_empty() {
            return Err(InputError::Failed("`brokers` and `topics` of Kafka need at least one each".to_owned()));
        }
        let client = Arc::new(self.connect(&context.stop).await?);
        // What is there now is begun as the settings say; what is found later is new, and no part of it is passed over.
        let mut start = match context.intake.positions(&context.id).is_empty() {
            true => self.settings.start,
            false => QueueStart::Beginning,
        };
        let (halt, stop_partitions) = Stop::new();
        let mut reading = Reading {
            client,
            health: self.health.clone(),
            context: Context { stop: stop_partitions, ..context.clone() },
            stop: context.stop.clone(),
            tasks: JoinSet::new(),
            known: BTreeSet::new(),
        };
        let mut stop = context.stop.clone();
        let every = Duration::from_secs(self.settings.look_every.max(1));
        let outcome = loop {
            if let Err(error) = reading.look(&self.settings.topics, start).await {
                break Err(error);
            }
            start = QueueStart::Beginning;
            tokio::select! {
                () = stop.said() => break Ok(()),
                () = tokio::time::sleep(every) => {}
                // A partition ends only if nothing can be handed over any more.
                Some(ended) = reading.tasks.join_next() => match ended {
                    Ok(outcome) => break outcome,
                    Err(error) => break Err(InputError::Failed(format!("reading a partition ended: {error}"))),
                },
            }
        };
        // What is on its way into the journal must be there before anybody asks where to go on.
        let _ = halt.send(true);
        while reading.tasks.join_next().await.is_some() {}
        outcome
    }
}

impl Reading {
    /// Looks for partitions and begins to read those that are new.
    async fn look(&mut self, wanted: &[String], start: QueueStart) -> Result<(), InputError> {
        let topics = patiently("list the topics of Kafka", &self.stop, self.client.list_topics()).await?;
        let missing: Vec<&str> =
            wanted.iter().filter(|name| !topics.iter().any(|topic| topic.name == **name)).map(String::as_str).collect();
        if missing.is_empty() {
            self.health.is_well(&self.context, TOPICS, None);
        } else {
            let reason = format!("there is no topic {} of Kafka, or this user may not describe it", missing.join(", "));
            self.health.fails(&self.context, TOPICS, reason);
        }
        for Topic { name, partitions } in topics.into_iter().filter(|topic| wanted.contains(&topic.name)) {
            for number in partitions {
                if self.known.len() >= MAX_PARTITIONS {
                    let reason =
                        format!("the topics have more than {MAX_PARTITIONS} partitions; share them among several inputs");
                    self.health.fails(&self.context, TOPICS, reason);
                    return Ok(());
                }
                if self.known.insert((name.clone(), number)) {
                    let (client, health, context) = (Arc::clone(&self.client), self.health.clone(), self.context.clone());
                    let partition = Partition::new(client, health, context, name.clone(), number, start);
                    self.tasks.spawn(partition.follow());
                }
            }
        }
        Ok(())
    }
}

/// Waits for an answer, but neither for ever nor when it is time to stop.
async fn patiently<T>(
    what: &str,
    stop: &Stop,
    answer: impl Future<Output = Result<T, rskafka::client::error::Error>>,
) -> Result<T, InputError> {
    let mut stop = stop.clone();
    tokio::select! {
        () = stop.said() => Err(IngestError::Stopped.into()),
        answered = tokio::time::timeout(PATIENCE, answer) => match answered {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(InputError::Failed(format!("could not {what}: {error}"))),
            Err(_) => Err(InputError::Failed(format!("could not {what}: no answer within {} s", PATIENCE.as_secs()))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_their_user_writes_them() {
        let text = r#"{"brokers":["h:9093"],"topics":["logs"],"tls":{},
            "sasl":{"username":"$ConnectionString","passwordFile":"/p"}}"#;
        let settings: KafkaSettings = serde_json::from_str(text).unwrap();
        let sasl = settings.sasl.unwrap();
        assert_eq!((sasl.mechanism, settings.look_every, settings.start), (SaslMechanism::Plain, 60, QueueStart::Beginning));
        let text = r#"{"brokers":[],"topics":[],"sasl":{"mechanism":"scram-sha-512","username":"u","password":"x"}}"#;
        assert!(serde_json::from_str::<KafkaSettings>(text).unwrap_err().to_string().contains("unknown field `password`"));
        let mechanism: SaslMechanism = serde_json::from_str("\"scram-sha-256\"").unwrap();
        assert_eq!(mechanism, SaslMechanism::ScramSha256);
    }
}
