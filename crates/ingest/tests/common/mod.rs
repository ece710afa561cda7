//! A server that takes in logs, which can be killed and started again; and log sources for it.
#![expect(dead_code, reason = "each test file uses some of it")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use skywarden_archive::{Archive, Layout};
use skywarden_content::{Catalog, LogSourceFile};
use skywarden_detect::{Alert, COLUMNS, Detect, PublicRules, Rule};
use skywarden_ingest::{
    Found, InForce, Ingest, InputStatus, Keeper, Pace, Parts, TextKind,
    inputs::{Context, InputKind, Stop, supervise},
};
use tokio::{sync::watch, task::JoinHandle};

/// A condition that does not come about within this fails the test.
const DEADLINE: Duration = Duration::from_secs(60);

/// A log source of lines, one of JSON with documents, one of comma-separated values.
const SOURCES: [&str; 3] = [
    r#"
id: lines
title: "Lines"
description: "Lines."
read: { format: text, patterns: [ { name: line, pattern: '^(?P<text>.*)$' } ] }
sigma: [ { product: test, service: lines } ]
events:
  - { class: api_activity, set: { api.operation: text } }
"#,
    r#"
id: calls
title: "Calls"
description: "Calls."
read: { format: json, records: [Records] }
sigma: [ { product: test, service: lines, fields: { text: call } } ]
events:
  - { class: api_activity, set: { api.operation: call, actor.user.name: caller } }
"#,
    r#"
id: rows
title: "Rows"
description: "Rows."
read: { format: csv, columns: [call, text] }
sigma: [ { product: test, service: lines } ]
events:
  - { class: api_activity, set: { api.operation: call } }
"#,
];

/// All that texts say is found by this, so that each checkpoint hands over alerts.
pub(crate) const RULE: &str = "title: all\nid: all\nlogsource: { product: test, service: lines }\nlevel: low\ndetection:\n  every: { text|exists: true }\n  condition: every\n";

/// Calls of an interface: who called what, and on which host if that is told.
const CALLS: &str = r#"
id: calls
title: "Calls"
description: "Calls of an interface."
read: { format: json, records: [Records] }
time: { field: at, format: rfc3339 }
event_id: id
account: account
sigma: [ { product: test, service: calls } ]
events:
  - class: api_activity
    set: { actor.user.name: user, api.operation: call, device.hostname: host }
"#;

/// Raised by three failures of a user within ten minutes.
const GUESSING: &str = "title: guessing\nid: guessing\nlogsource: { product: test, service: calls }\nlevel: high\ndetection:\n  s: { call: Fail }\n  condition: s\n";

/// Takes in the logs of one input.
pub(crate) struct Server {
    ingest: Ingest,
    stop: watch::Sender<bool>,
    input: JoinHandle<()>,
    id: Arc<str>,
    is_killed: Arc<AtomicBool>,
    pub(crate) alerts: Arc<Mutex<Vec<Alert>>>,
}

/// Keeps alerts in memory, and dies if it is told to: what was archived since the last checkpoint is then not known to be.
struct Memory {
    is_killed: Arc<AtomicBool>,
    alerts: Arc<Mutex<Vec<Alert>>>,
}

impl Keeper for Memory {
    fn keep(&mut self, found: &Found) -> Result<(), String> {
        // Not a panic: its message would be taken for a failure of the test.
        if self.is_killed.load(Ordering::SeqCst) {
            return Err("killed".to_owned());
        }
        let mut held = self.alerts.lock().unwrap();
        held.retain(|held| found.alerts.iter().all(|alert| alert.id != held.id));
        held.extend(found.alerts.iter().cloned());
        Ok(())
    }
}

/// Finds who fails three times within ten minutes.
pub(crate) fn guesses() -> Arc<Detect> {
    let mut public = PublicRules::default();
    public.add("guessing", GUESSING);
    let (mut rules, refused) = public.finish();
    assert!(refused.is_empty(), "{refused:?}");
    rules[0].detector = yaml("{ kind: threshold, by: [actor.user.name], within: 10m, at_least: 3 }");
    let mut catalog = Catalog::default();
    catalog.log_sources.insert("calls".to_owned(), yaml(CALLS));
    detect_of(&catalog, rules)
}

pub(crate) fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> T {
    let source = skywarden_content::Source::parse(text).unwrap_or_else(|error| panic!("{}", error.message));
    serde_json::from_value(source.value).unwrap()
}

/// What an input reads, as a user writes it in JSON.
pub(crate) fn kind(settings: serde_json::Value) -> InputKind {
    serde_json::from_value(settings).unwrap()
}

/// Detection with the log sources of this file.
pub(crate) fn detect() -> Arc<Detect> {
    detect_by(RULE, None)
}

/// The same with another rule, and what looks at the events that it chooses, as a detection of ours writes it.
pub(crate) fn detect_by(rule: &str, detector: Option<&str>) -> Arc<Detect> {
    let mut catalog = Catalog::default();
    for text in SOURCES {
        let source: LogSourceFile = yaml(text);
        catalog.log_sources.insert(source.id.clone(), source);
    }
    let mut rules = PublicRules::default();
    rules.add("all", rule);
    let (mut rules, refused) = rules.finish();
    assert!(refused.is_empty(), "{refused:?}");
    rules.iter_mut().for_each(|rule| rule.detector = detector.map(yaml));
    detect_of(&catalog, rules)
}

/// Detection with the log sources of a catalog.
pub(crate) fn detect_of(catalog: &Catalog, rules: Vec<Rule>) -> Arc<Detect> {
    let (detect, refused) = Detect::with_rows(catalog, rules, &Default::default());
    assert!(refused.is_empty(), "{refused:?}");
    Arc::new(detect)
}

impl Server {
    /// Starts one whose folder is below this one.
    pub(crate) async fn start(folder: &Path, detect: &Arc<Detect>, source: &str, kind: &InputKind) -> Self {
        Self::start_knowing(InForce::default(), folder, detect, source, kind).await
    }

    /// The same, and something is known to be bad.
    pub(crate) async fn start_knowing(
        known: InForce,
        folder: &Path,
        detect: &Arc<Detect>,
        source: &str,
        kind: &InputKind,
    ) -> Self {
        let (is_killed, alerts) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let keeper = Memory { is_killed: Arc::clone(&is_killed), alerts: Arc::clone(&alerts) };
        let parts = Parts {
            folder: folder.join("ingest"),
            detect: Arc::clone(detect),
            known,
            kinds: Default::default(),
            archive: archive(folder),
            keeper: Box::new(keeper),
            pace: Pace::default(),
        };
        let ingest = Ingest::start(parts).await.unwrap();
        let (sender, stop) = Stop::new();
        let id: Arc<str> = "test".into();
        let context = Context {
            id: Arc::clone(&id),
            source: source.into(),
            kind: TextKind::of(detect.source(source).unwrap()),
            intake: ingest.intake().clone(),
            stop,
        };
        let input = tokio::spawn(supervise(kind.open(), context));
        Server { ingest, stop: sender, input, id, is_killed, alerts }
    }

    pub(crate) fn status(&self) -> InputStatus {
        self.ingest.statuses().all().get(&self.id).cloned().unwrap_or_default()
    }

    /// Waits until the input's status is as it should be.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&InputStatus) -> bool) -> InputStatus {
        let began = Instant::now();
        loop {
            let status = self.status();
            if condition(&status) {
                return status;
            }
            assert!(began.elapsed() < DEADLINE, "{what} did not come about: {status:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until so many texts came and nothing is waiting.
    pub(crate) async fn until_texts(&self, n: u64) -> InputStatus {
        self.until(&format!("{n} texts"), |status| status.n_texts >= n && status.behind == Some(0)).await
    }

    /// Ends it as it should end.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.input.await.unwrap();
        self.ingest.stop().await.unwrap();
    }

    /// Ends it in the middle of what it does: the input at once, the rest after writing to the archive and before saying so.
    pub(crate) async fn kill(self) {
        self.input.abort();
        let _ = self.input.await;
        self.is_killed.store(true, Ordering::SeqCst);
        // What failed is found in the journal again.
        let _ = self.ingest.stop().await;
    }
}

fn archive(folder: &Path) -> Archive {
    Archive::in_folder(&folder.join("archive"), Layout::new(COLUMNS.iter().map(|(name, _)| *name)).unwrap()).unwrap()
}

/// All records in the archive, in the order in which they came.
pub(crate) async fn archived(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut each = |event: skywarden_archive::ArchivedEvent| {
        found.push(event.raw);
        true
    };
    archive(folder).replay(None, i64::MIN / 4..i64::MAX / 4, &mut each).await.unwrap();
    found
}

/// The lines of all dead letters.
pub(crate) fn dead_letters(folder: &Path) -> Vec<serde_json::Value> {
    let path: PathBuf = folder.join("ingest/dead-letters/test.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < DEADLINE, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until a record with a text is in the archive.
pub(crate) async fn until_archived(folder: &Path, server: &Server, text: &str) {
    let began = Instant::now();
    while !archived(folder).await.iter().any(|record| record.contains(text)) {
        assert!(began.elapsed() < DEADLINE, "`{text}` did not come: {:#?}", server.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
