//! What tests of inputs from queues have in common: a log source, logs being taken in, and servers that the test starts.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use skywarden_archive::{Archive, Layout};
use skywarden_content::{Catalog, LogSourceFile};
use skywarden_detect::{COLUMNS, Detect};
use skywarden_ingest::{
    Found, Ingest, InputStatus, Keeper, Parts, TextKind,
    inputs::{Context, InputKind, Stop, supervise},
};
use tokio::{sync::watch, task::JoinHandle};

/// Something that is waited for comes within so long, or the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The id of the input.
const INPUT: &str = "queue";

/// A folder of ours with an input that reads from a queue.
pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) kind: InputKind,
}

/// Logs being taken in.
pub(crate) struct Running {
    ingest: Ingest,
    input: JoinHandle<()>,
    say: watch::Sender<bool>,
    /// Messages that the last process left unfinished.
    n_before: u64,
}

/// A program that ends with the test.
pub(crate) struct Server(Child);

struct Nobody;

impl Keeper for Nobody {
    fn keep(&mut self, _: &Found) -> Result<(), String> {
        Ok(())
    }
}

impl Desk {
    pub(crate) fn new(kind: serde_json::Value) -> Self {
        Desk { folder: tempfile::tempdir().unwrap(), kind: serde_json::from_value(kind).unwrap() }
    }

    /// Begins to take in, once who was killed before has let go of the folder.
    pub(crate) async fn start(&self) -> Running {
        let deadline = Instant::now() + PATIENCE;
        let ingest = loop {
            let (detect, refused) = Detect::with_rows(&catalog(), Vec::new(), &Default::default());
            assert!(refused.is_empty(), "{refused:?}");
            let parts = Parts {
                folder: self.folder.path().join("ingest"),
                detect: Arc::new(detect),
                known: Default::default(),
                kinds: Default::default(),
                archive: self.archive(),
                keeper: Box::new(Nobody),
                pace: Default::default(),
            };
            match Ingest::start(parts).await {
                Ok(ingest) => break ingest,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let (say, stop) = Stop::new();
        let context =
            Context { id: INPUT.into(), source: "messages".into(), kind: TextKind::Json, intake: ingest.intake().clone(), stop };
        let n_before = ingest.statuses().all().remove(INPUT).map_or(0, |status| status.n_texts);
        let input = tokio::spawn(supervise(self.kind.open(), context));
        Running { ingest, input, say, n_before }
    }

    /// The numbers of the messages that the archive has, in the order in which they arrived.
    pub(crate) async fn numbers(&self) -> Vec<u64> {
        let mut numbers = Vec::new();
        let mut each = |event: skywarden_archive::ArchivedEvent| {
            let record: serde_json::Value = serde_json::from_str(&event.raw).unwrap();
            numbers.push(record["n"].as_u64().unwrap());
            true
        };
        self.archive().replay(None, i64::MIN..i64::MAX, &mut each).await.unwrap();
        numbers
    }

    /// What could not be read.
    pub(crate) fn dead_letters(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("ingest/dead-letters/queue.jsonl")).unwrap_or_default()
    }

    fn archive(&self) -> Archive {
        let layout = Layout::new(COLUMNS.iter().map(|(name, _)| *name)).unwrap();
        Archive::in_folder(&self.folder.path().join("archive"), layout).unwrap()
    }
}

impl Running {
    /// How the input is doing, once it says something.
    fn status(&self) -> Option<InputStatus> {
        self.ingest.statuses().all().remove(INPUT)
    }

    /// Where a stream of the input goes on.
    pub(crate) fn position(&self, stream: &str) -> Option<serde_json::Value> {
        self.ingest.intake().position(INPUT, stream)
    }

    /// Waits until the input is doing like this.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&InputStatus) -> bool) -> InputStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            if let Some(status) = status.as_ref().filter(|status| is_so(status)) {
                return status.clone();
            }
            assert!(Instant::now() < deadline, "waited for {what}, and it is {status:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until so many messages came since this process began, beside those that the last one left unfinished.
    pub(crate) async fn until_texts(&self, n: u64) {
        self.until(&format!("{n} texts"), |status| status.n_texts >= self.n_before + n).await;
    }

    /// Waits until the input tells a problem that says this.
    pub(crate) async fn until_problem(&self, says: &str) -> String {
        let is_so = |status: &InputStatus| status.problem.as_ref().is_some_and(|problem| problem.reason.contains(says));
        self.until(&format!("the problem `{says}`"), is_so).await.problem.unwrap().reason
    }

    /// Waits until the input has no problem and nothing waits at the source.
    pub(crate) async fn until_well(&self) {
        self.until("all to be well", |status| status.problem.is_none() && status.behind == Some(0)).await;
    }

    /// Ends in order.
    pub(crate) async fn stop(self) {
        self.say.send(true).unwrap();
        self.input.await.unwrap();
        self.ingest.stop().await.unwrap();
    }

    /// Ends the input wherever it is.
    pub(crate) async fn kill(self) {
        self.input.abort();
        assert!(self.input.await.unwrap_err().is_cancelled(), "it ended by itself");
        drop(self.ingest);
    }
}

impl Server {
    /// Starts one of the programs that `cargo xtask test` installs, and waits until it listens.
    pub(crate) async fn start(program: &str, arguments: &[String], port: u16, log: &Path) -> Self {
        let folder = std::env::var_os("SKYWARDEN_BROKERS")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/brokers/bin"), PathBuf::from);
        let path = folder.join(program);
        assert!(
            path.exists(),
            "{} is not there: run `cargo xtask test`, which installs it, or name its folder in SKYWARDEN_BROKERS",
            path.display()
        );
        let output = std::fs::File::create(log).unwrap();
        let mut command = Command::new(path);
        command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let mut server = Server(command.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            let ended = server.0.try_wait().unwrap();
            let said = || std::fs::read_to_string(log).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "{program} does not listen: {ended:?} {}", said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server
    }

    /// Ends it at once, as a loss of power does.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    listener.local_addr().unwrap().port()
}

/// A message with a number, made `longer` by so many letters.
pub(crate) fn message(n: u64, longer: usize) -> String {
    format!(r#"{{"at":"2026-03-01T00:00:00Z","n":{n},"rest":"{}"}}"#, "x".repeat(longer))
}

/// An authority, and the certificate and key of a server on this machine, in a folder: `ca.pem`, `server.pem`, `server.key`.
pub(crate) fn certificates(folder: &Path) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    for (name, host) in [("server", "localhost"), ("client", "client.test")] {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    std::fs::write(folder.join("ca.pem"), ca_certificate.pem()).unwrap();
}

/// A log source without ids of events, so that a message that is taken twice is there twice.
fn messages() -> LogSourceFile {
    let text = r#"
id: messages
title: "Messages"
description: "Messages with a number."
read: { format: json }
time: { field: at, format: rfc3339 }
sigma: [ { product: test, service: messages } ]
events:
  - class: api_activity
    set: { api.operation: n }
"#;
    serde_json::from_value(skywarden_content::Source::parse(text).unwrap().value).unwrap()
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.log_sources.insert("messages".to_owned(), messages());
    catalog
}
