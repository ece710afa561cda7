//! NATS: a stream of JetStream, each message of it once; or subjects as they are published, at most once.

mod stream;
mod subjects;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{ConnectOptions, Event, ServerAddr};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{ClientTlsSettings, Context, InputError, LogInput, QueueStart, health::Health, secret};

/// A connection is made within so long, or not.
const CONNECT: Duration = Duration::from_secs(10);

/// So many messages of subjects wait in memory; of more the oldest are kept and the others are lost, which is told.
const WAITING: usize = 32_768;

/// Messages from NATS. The payload of a message is one text, or one for each line of records; a CloudEvent is read like any other JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NatsSettings {
    /// Servers of one cluster: `nats://HOST:PORT`, or `tls://HOST:PORT`.
    pub servers: Vec<String>,
    /// The stream of JetStream. It is read from where it was left, without acknowledgements and without leaving anything behind on the
    /// server, and each message is taken once; the stream must keep messages by its limits (`retention: limits`). Without a stream,
    /// subjects are listened to: each message is taken at most once, and what is published while nobody listens is lost.
    #[serde(default)]
    pub stream: Option<String>,
    /// The subjects that are wanted; `*` stands for a word, `>` for all that follow. All of a stream, if there are none.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Who this client is.
    #[serde(default)]
    pub login: Option<NatsLogin>,
    /// How the server is known. With it, a server without TLS is refused.
    #[serde(default)]
    pub tls: Option<ClientTlsSettings>,
    /// Where to begin with a stream that is read for the first time.
    #[serde(default)]
    pub start: QueueStart,
}

/// Who a client of NATS is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum NatsLogin {
    /// A file with the JWT and the seed of a user, as `nsc` makes it.
    CredentialsFile(PathBuf),
    /// A file with the seed of a user's nkey.
    NkeyFile(PathBuf),
    /// A file with a token.
    TokenFile(PathBuf),
    /// A user with a password.
    #[serde(rename_all = "camelCase")]
    Password {
        /// The user's name.
        user: String,
        /// A file with the password.
        password_file: PathBuf,
    },
}

/// What reads from NATS.
#[derive(Debug)]
pub(crate) struct Nats {
    settings: NatsSettings,
    health: Health,
}

/// What a server said without being asked.
#[derive(Debug, Clone, Default)]
struct Heard {
    error: Arc<Mutex<Option<String>>>,
    n_dropped: Arc<AtomicU64>,
}

/// A connection while it is used.
struct Connection<'c> {
    client: async_nats::Client,
    heard: Heard,
    servers: String,
    context: &'c Context,
    health: &'c Health,
}

impl Nats {
    pub(crate) fn new(settings: NatsSettings) -> Self {
        Nats { settings, health: Health::default() }
    }
}

#[async_trait]
impl LogInput for Nats {
    async fn run(&mut self, context: &Context) -> Result<(), InputError> {
        let mut stop = context.stop.clone();
        let connection = tokio::select! {
            () = stop.said() => return Ok(()),
            connection = Connection::open(&self.settings, context, &self.health) => connection?,
        };
        match &self.settings.stream {
            Some(name) => stream::read(&connection, name, &self.settings).await,
            None => subjects::read(&connection, &self.settings.subjects).await,
        }
    }
}

impl<'c> Connection<'c> {
    async fn open(settings: &NatsSettings, context: &'c Context, health: &'c Health) -> Result<Self, InputError> {
        let mut addresses = Vec::new();
        for server in &settings.servers {
            addresses.push(address(server)?);
        }
        if addresses.is_empty() {
            return Err(InputError::Failed("no server of NATS is named; `servers` needs one".to_owned()));
        }
        let servers = settings.servers.join(", ");
        let heard = Heard::default();
        let hears = heard.clone();
        let options = options(settings).await?.event_callback(move |event| {
            hears.hear(&event);
            std::future::ready(())
        });
        let connected = tokio::time::timeout(CONNECT * 2, options.connect(addresses)).await;
        let client = match connected {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(heard.failed(&format!("connect to NATS at {servers}"), &causes(&error))),
            Err(_) => return Err(heard.failed(&format!("connect to NATS at {servers}"), "it does not answer")),
        };
        Ok(Connection { client, heard, servers, context, health })
    }

    /// An error of something that was tried on the servers.
    fn failed(&self, what: &str, error: &dyn std::error::Error) -> InputError {
        self.heard.failed(&format!("{what} at {}", self.servers), &causes(error))
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }
}

impl Heard {
    fn hear(&self, event: &Event) {
        match event {
            Event::ServerError(error) => {
                *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
            Event::SlowConsumer(_) => {
                self.n_dropped.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// What it said last, once.
    fn take_error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How many messages were dropped since this was last asked.
    fn take_dropped(&self) -> u64 {
        self.n_dropped.swap(0, Ordering::Relaxed)
    }

    fn failed(&self, what: &str, reason: &str) -> InputError {
        // A request that is not allowed only times out; why, the server says by itself.
        let said = self.take_error().map(|said| format!(" (the server says: {said})")).unwrap_or_default();
        InputError::Failed(format!("could not {what}: {reason}{said}"))
    }
}

async fn options(settings: &NatsSettings) -> Result<ConnectOptions, InputError> {
    let mut options = ConnectOptions::new()
        .name("skywarden")
        .connection_timeout(CONNECT)
        .ping_interval(Duration::from_secs(15))
        .subscription_capacity(WAITING)
        .require_tls(settings.tls.is_some());
    if let Some(tls) = &settings.tls {
        options = options.tls_client_config(tls.config().await?);
    }
    options = match &settings.login {
        None => options,
        Some(NatsLogin::CredentialsFile(path)) => {
            let credentials = secret::read("credentials", path).await?;
            options.credentials(&credentials).map_err(|error| unusable(path, &error))?
        }
        Some(NatsLogin::NkeyFile(path)) => options.nkey(secret::read("nkey", path).await?),
        Some(NatsLogin::TokenFile(path)) => options.token(secret::read("token", path).await?),
        Some(NatsLogin::Password { user, password_file }) => {
            options.user_and_password(user.clone(), secret::read("password", password_file).await?)
        }
    };
    Ok(options)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> InputError {
    InputError::Failed(format!("{} can't be used to log in to NATS: {error}", path.display()))
}

/// The address of a server. One with a password in it is refused: it would stand in settings and logs.
fn address(server: &str) -> Result<ServerAddr, InputError> {
    let parsed: ServerAddr = server.parse().map_err(|error| {
        InputError::Failed(format!(
            "`{}` is no address of NATS: {error}; write `nats://HOST:PORT`",
            server.rsplit('@').next().unwrap_or_default()
        ))
    })?;
    if parsed.username().is_some() || parsed.password().is_some() {
        return Err(InputError::Failed("an address of NATS holds a user or token; put them into `login`".to_owned()));
    }
    Ok(parsed)
}

/// An error and what caused it. Many of this client say at the top only that something failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_an_address_is_refused_and_not_told() {
        for server in ["nats://token-1@h:4222", "nats://u:secret-1@h:4222", "http://u:secret-1@h"] {
            let told = address(server).unwrap_err().to_string();
            assert!(!told.contains("-1"), "{told}");
        }
        assert!(address("nats://h:4222").is_ok() && address("tls://h").is_ok());
    }

    #[test]
    fn settings_are_read_as_their_user_writes_them() {
        let text = r#"{"servers":["nats://h"],"stream":"LOGS","subjects":["a.>"],"start":"new","tls":{"caFile":"/ca"},
            "login":{"password":{"user":"u","passwordFile":"/p"}}}"#;
        let settings: NatsSettings = serde_json::from_str(text).unwrap();
        assert_eq!(settings.login, Some(NatsLogin::Password { user: "u".into(), password_file: "/p".into() }));
        assert_eq!(settings.start, QueueStart::New);
        let error = serde_json::from_str::<NatsSettings>(r#"{"servers":[],"password":"x"}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `password`"), "{error}");
        let error = serde_json::from_str::<NatsSettings>(r#"{"servers":[],"login":{"password":{"user":"u","password":"x"}}}"#);
        assert!(error.is_err());
    }
}
