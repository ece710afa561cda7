//! Emulators of clouds, a door before them that can be closed, and logs that are taken in.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use skywarden_archive::{Archive, Layout};
use skywarden_content::{Catalog, LogSourceFile, Source};
use skywarden_detect::{COLUMNS, Detect};
use skywarden_ingest::{
    Found, Ingest, InputStatus, Keeper, Pace, Parts, TextKind,
    inputs::{Context, InputSettings, Stop, supervise},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Nothing that a test waits for takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An emulator.
pub(crate) struct Emulator {
    pub(crate) url: String,
    process: Child,
}

impl Emulator {
    /// Starts `aws` or `pubsub`.
    pub(crate) fn start(kind: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("../../target/clouds/bin/python");
        assert!(python.exists(), "{} is not there: run `cargo xtask test`, which installs it", python.display());
        let mut command = Command::new(python);
        command.arg(root.join("tests/clouds/serve.py")).arg(kind).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.env("AWS_EC2_METADATA_DISABLED", "true").stderr(Stdio::null()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        assert!(!port.is_empty(), "the emulator `{kind}` did not start");
        let url = format!("http://127.0.0.1:{}", port.trim());
        Emulator { url, process }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Passes connections on while it is open, and cuts them when it closes.
pub(crate) struct Door {
    pub(crate) url: String,
    /// How many bytes of answers pass; what is asked after that finds it closed.
    left: Arc<AtomicU64>,
}

impl Door {
    pub(crate) async fn before(emulator: &Emulator) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (left, behind) = (Arc::new(AtomicU64::new(u64::MAX)), emulator.url.trim_start_matches("http://").to_owned());
        let of_task = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((outside, _)) = listener.accept().await {
                let (left, behind) = (Arc::clone(&of_task), behind.clone());
                tokio::spawn(async move { pass(outside, &behind, &left).await });
            }
        });
        Door { url, left }
    }

    pub(crate) fn close_after(&self, n_bytes: u64) {
        self.left.store(n_bytes, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) {
        self.close_after(u64::MAX);
    }
}

async fn pass(mut outside: TcpStream, behind: &str, left: &AtomicU64) -> Option<()> {
    let mut inside = TcpStream::connect(behind).await.ok()?;
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            n = outside.read(&mut asked) => {
                let n = n.ok().filter(|n| *n > 0 && left.load(Ordering::SeqCst) > 0)?;
                inside.write_all(&asked[..n]).await.ok()?;
            }
            n = inside.read(&mut answered) => {
                let n = n.ok().filter(|n| *n > 0)?;
                outside.write_all(&answered[..n]).await.ok()?;
                let passed = u64::try_from(n).unwrap();
                let _ = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| (left < u64::MAX).then(|| left.saturating_sub(passed)));
            }
        }
    }
}

/// Logs of one input that are taken in.
pub(crate) struct Running {
    folder: tempfile::TempDir,
    ingest: Ingest,
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

struct NoAlerts;

impl Keeper for NoAlerts {
    fn keep(&mut self, _: &Found) -> Result<(), String> {
        Ok(())
    }
}

impl Running {
    /// Begins, or goes on in a folder.
    pub(crate) async fn start(folder: tempfile::TempDir, settings: serde_json::Value) -> Self {
        let settings: InputSettings = serde_json::from_value(settings).unwrap();
        // Nothing is safe but by the journal before the end.
        let pace = Pace { every: Duration::from_secs(3600), every_with_alerts: Duration::from_secs(3600) };
        let detect = detect();
        let kind = TextKind::of(detect.source(&settings.source).unwrap());
        let (archive, keeper) = (archive(folder.path()), Box::new(NoAlerts));
        let ingest = Ingest::start(Parts {
            folder: folder.path().join("ingest"),
            detect,
            known: Default::default(),
            kinds: Default::default(),
            archive,
            keeper,
            pace,
        })
        .await
        .unwrap();
        let (stop, said) = Stop::new();
        let intake = ingest.intake().clone();
        let context = Context { id: settings.id.into(), source: settings.source.into(), kind, intake, stop: said };
        let task = tokio::spawn(supervise(settings.from.open(), context));
        Running { folder, ingest, task, stop }
    }

    pub(crate) fn status(&self) -> InputStatus {
        self.ingest.statuses().all().get("test").cloned().unwrap_or_default()
    }

    /// Waits until the input's status is as wanted.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&InputStatus) -> bool) -> InputStatus {
        let begin = std::time::Instant::now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "not in time: {what}; it is {status:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until so many texts came.
    pub(crate) async fn until_texts(&self, n: u64) -> InputStatus {
        self.until(&format!("{n} texts"), |status| status.n_texts >= n).await
    }

    /// Ends as if the machine's power went: what the disk has is what is left.
    pub(crate) async fn kill(self) -> tempfile::TempDir {
        self.task.abort();
        let _ = self.task.await;
        let left = tempfile::tempdir().unwrap();
        copy(self.folder.path(), left.path());
        left
    }

    /// Ends in order.
    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
        self.ingest.stop().await.unwrap();
        self.folder
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn archive(folder: &Path) -> Archive {
    Archive::in_folder(&folder.join("archive"), Layout::new(COLUMNS.map(|(name, _)| name)).unwrap()).unwrap()
}

/// Records have no id of their own: what comes twice is seen twice.
fn detect() -> Arc<Detect> {
    let text = r#"
id: calls
title: "Calls"
description: "Calls of an interface."
read: { format: json, records: [Records] }
time: { field: at, format: rfc3339 }
sigma: [ { product: test, service: calls } ]
events:
  - class: api_activity
    set: { actor.user.name: user }
"#;
    let source: LogSourceFile =
        serde_json::from_value(Source::parse(text).unwrap_or_else(|error| panic!("{}", error.message)).value).unwrap();
    let mut catalog = Catalog::default();
    catalog.log_sources.insert("calls".to_owned(), source);
    let (detect, refused) = Detect::with_rows(&catalog, Vec::new(), &Default::default());
    assert!(refused.is_empty(), "{refused:?}");
    Arc::new(detect)
}

/// A record.
pub(crate) fn record(name: &str, n: usize) -> String {
    format!(r#"{{"at":"2026-03-01T00:00:00Z","user":"{name}","n":{n}}}"#)
}

/// Records, one a line.
pub(crate) fn lines(name: &str, n: usize) -> String {
    (0..n).map(|n| record(name, n) + "\n").collect()
}

/// All records that the archive has, sorted.
pub(crate) async fn archived(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut each = |event: skywarden_archive::ArchivedEvent| {
        found.push(event.raw);
        true
    };
    archive(folder).replay(None, i64::MIN..i64::MAX, &mut each).await.unwrap();
    found.sort();
    found
}

/// Records that are expected, sorted.
pub(crate) fn expected(names: &[(&str, usize)]) -> Vec<String> {
    let mut all: Vec<String> = names.iter().flat_map(|(name, n)| (0..*n).map(|n| record(name, n))).collect();
    all.sort();
    all
}

/// The reasons and starts of what could not be read.
pub(crate) fn dead_letters(folder: &Path) -> Vec<(String, String)> {
    let path: PathBuf = folder.join("ingest/dead-letters/test.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let letter = |line: &str| {
        let letter: serde_json::Value = serde_json::from_str(line).unwrap();
        (letter["reason"].as_str().unwrap().to_owned(), letter["start"].as_str().unwrap().to_owned())
    };
    text.lines().map(letter).collect()
}
