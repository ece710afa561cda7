//! Threat intelligence while logs come in: files that change, and a real TAXII server that grows, forgets, refuses and goes away.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{Server, detect_by, kind, until};
use serde_json::{Value, json};
use skywarden_content::IndicatorKind;
use skywarden_ingest::{
    inputs::Stop,
    intelligence::{FeedPace, FeedSettings, FeedStatus, FeedStatuses, Feeds},
};
use tokio::{sync::watch, task::JoinHandle};

const COLLECTION: &str = "5f0c7a3e-1d42-4b7e-9f57-2c8d6a1b9e40";

const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";

const DETECTOR: &str = "{ kind: indicator, fields: [api.operation], of: [domain], labels: [c2] }";

/// The feeds of a server, and logs that meet them.
struct Running {
    server: Server,
    statuses: FeedStatuses,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    log: PathBuf,
}

impl Running {
    /// Begins, or goes on in a folder.
    async fn start(folder: &Path, feeds: &[FeedSettings], whole: Duration) -> Self {
        let quick = Duration::from_millis(30);
        let pace = FeedPace { files: quick, minute: quick, first_retry: quick, whole };
        let feeds = Feeds::open(feeds, &folder.join("intelligence"), pace).unwrap();
        let log = folder.join("calls.json");
        let input = kind(json!({ "kind": "file", "paths": [&log], "lookEvery": 10 }));
        let detect = detect_by(common::RULE, Some(DETECTOR));
        let server = Server::start_knowing(feeds.in_force(), folder, &detect, "calls", &input).await;
        let (stop, listener) = Stop::new();
        let statuses = feeds.statuses();
        Running { server, statuses, stop, tasks: feeds.watch(&listener), log }
    }

    fn status(&self) -> FeedStatus {
        self.statuses.all().first().unwrap().1.clone()
    }

    async fn until(&self, what: &str, condition: impl Fn(&FeedStatus) -> bool) -> FeedStatus {
        let began = Instant::now();
        while !condition(&self.status()) {
            assert!(began.elapsed() < Duration::from_secs(60), "{what} did not come about: {:#?}", self.status());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.status()
    }

    async fn until_known(&self, n: usize) -> FeedStatus {
        self.until(&format!("{n} domains"), |status| {
            status.n_by_kind.get(&IndicatorKind::Domain) == Some(&n) && status.problem.is_none()
        })
        .await
    }

    /// Writes an event of a call by somebody of its own, so that alerts are not joined, and waits until it was looked at.
    async fn call(&self, name: &str) {
        let before = self.server.status().n_texts;
        let mut log = std::fs::OpenOptions::new().append(true).create(true).open(&self.log).unwrap();
        writeln!(log, "{}", json!({ "call": name, "caller": name })).unwrap();
        self.server.until("the call", |status| status.n_texts > before).await;
    }

    /// What is said of the call in alerts.
    fn told(&self, name: &str) -> Option<String> {
        let whys: Vec<String> = self.server.alerts.lock().unwrap().iter().filter_map(|alert| alert.why.clone()).collect();
        whys.into_iter().find(|why| why.contains(name))
    }

    async fn stop(self) -> Vec<String> {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.unwrap();
        }
        let alerts = std::sync::Arc::clone(&self.server.alerts);
        self.server.stop().await;
        alerts.lock().unwrap().iter().filter_map(|alert| alert.why.clone()).collect()
    }
}

/// A TAXII server.
struct Taxii {
    process: Child,
    url: String,
    http: reqwest::Client,
}

impl Taxii {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("../../target/taxii/bin/python");
        assert!(python.exists(), "{} is not there: run `cargo xtask test`, which installs it", python.display());
        let mut command = Command::new(python);
        command.arg(root.join("tests/taxii/serve.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        assert!(!port.is_empty(), "the TAXII server did not start");
        let url = format!("http://127.0.0.1:{}/feed/", port.trim());
        let _ = rustls::crypto::ring::default_provider().install_default();
        Taxii { process, url, http: reqwest::Client::new() }
    }

    fn objects(&self) -> String {
        format!("{}collections/{COLLECTION}/objects/", self.url)
    }

    async fn add(&self, objects: &[Value]) {
        let body = json!({ "objects": objects }).to_string();
        let asked = self.http.post(self.objects()).basic_auth("reader", Some("right")).header("accept", MEDIA_TYPE);
        let answer = asked.header("content-type", MEDIA_TYPE).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
    }

    async fn remove(&self, number: u32) {
        let url = format!("{}{}/", self.objects(), id_of(number));
        let asked = self.http.delete(url).basic_auth("reader", Some("right")).header("accept", MEDIA_TYPE);
        assert_eq!(asked.send().await.unwrap().status(), 200);
    }

    /// The feed, with its password in a file.
    fn feed(&self, password: &Path) -> FeedSettings {
        feed(json!({
            "kind": "taxii", "url": self.url, "collection": COLLECTION, "username": "reader", "passwordFile": password,
            "everyMinutes": 1,
        }))
    }
}

impl Drop for Taxii {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn feed(from: Value) -> FeedSettings {
    serde_json::from_value(json!({ "id": "harbour", "labels": ["C2"], "minConfidence": 20, "from": from })).unwrap()
}

fn id_of(number: u32) -> String {
    format!("indicator--00000000-0000-4000-8000-{number:012}")
}

fn indicator(number: u32, domain: &str, more: Value) -> Value {
    let mut object = json!({
        "type": "indicator", "spec_version": "2.1", "id": id_of(number), "pattern_type": "stix",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "valid_from": "2026-01-01T00:00:00Z",
        "pattern": format!("[domain-name:value = '{domain}']"),
    });
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

fn numbered(from: u32, to: u32) -> Vec<Value> {
    (from..to).map(|number| indicator(number, &format!("bad{number}.example"), json!({}))).collect()
}

const NEVER: Duration = Duration::from_secs(1 << 30);

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_fetched_page_by_page_and_what_is_added_takes_effect() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "right\n").unwrap();
    let taxii = Taxii::start();
    taxii.add(&numbered(0, 8)).await;
    let past = json!({ "valid_until": "2026-02-01T00:00:00Z" });
    let unreadable = json!({ "pattern_type": "yara" });
    taxii.add(&[indicator(100, "past.example", past), indicator(101, "x.example", unreadable)]).await;
    taxii.add(&[indicator(102, "doubtful.example", json!({ "confidence": 10 }))]).await;
    let running = Running::start(folder.path(), &[taxii.feed(&password)], NEVER).await;
    let status = running.until_known(9).await;
    assert_eq!((status.n_unusable, status.unusable.len(), status.left_out.values().sum::<usize>()), (1, 1, 1));
    assert!(status.unusable[0].place == id_of(101) && status.last_read.is_some());
    for call in ["bad0.example", "bad7.example", "later.example", "past.example"] {
        running.call(call).await;
    }
    until("the alerts of what was known", || running.told("bad0.example").is_some() && running.told("bad7.example").is_some())
        .await;
    assert_eq!(running.told("bad0.example").as_deref(), Some("api.operation bad0.example: known as c2 (says harbour)"));

    taxii.add(&[indicator(200, "later.example", json!({}))]).await;
    running.until_known(10).await;
    running.call("www.later.example").await;
    until("the alert of what was added", || running.told("www.later.example").is_some()).await;

    let revoked = json!({ "modified": "2026-03-01T00:00:00.000Z", "revoked": true });
    taxii.add(&[indicator(0, "bad0.example", revoked)]).await;
    running.until_known(9).await;
    running.call("www.bad0.example").await;
    let told = running.stop().await;
    assert_eq!(told.len(), 3, "what was not known yet, has expired or is revoked raises nothing: {told:?}");
    let kept = std::fs::read_to_string(folder.path().join("intelligence/harbour.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), 13, "how far, and each object once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_gave_outlasts_an_outage_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "right").unwrap();
    let taxii = Taxii::start();
    taxii.add(&numbered(0, 4)).await;
    let feed = taxii.feed(&password);
    let running = Running::start(folder.path(), std::slice::from_ref(&feed), NEVER).await;
    running.until_known(4).await;
    drop(taxii);
    let status = running.until("the outage", |status| status.problem.is_some()).await;
    let problem = status.problem.unwrap();
    assert!(problem.reason.contains("can't be asked") && problem.reason.contains("stays in force"), "{}", problem.reason);
    let status = running.until("another attempt", |status| status.n_failures > 1).await;
    assert_eq!(status.problem.unwrap().since, problem.since);
    running.call("bad1.example").await;
    until("the alert in the outage", || running.told("bad1.example").is_some()).await;
    running.stop().await;

    let running = Running::start(folder.path(), std::slice::from_ref(&feed), NEVER).await;
    assert_eq!(running.status().n_by_kind.get(&IndicatorKind::Domain), Some(&4));
    running.call("bad2.example").await;
    until("the alert after a restart", || running.told("bad2.example").is_some()).await;
    running.until("the outage again", |status| status.problem.is_some()).await;
    running.stop().await;
    std::fs::write(folder.path().join("intelligence/harbour.jsonl"), "{\"cut").unwrap();
    let running = Running::start(folder.path(), &[feed], NEVER).await;
    let problem = running.status().problem.unwrap();
    assert!(problem.reason.contains("can't be read"), "{}", problem.reason);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_login_is_told_and_its_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "wr0ng-one").unwrap();
    let taxii = Taxii::start();
    taxii.add(&numbered(0, 1)).await;
    let running = Running::start(folder.path(), &[taxii.feed(&password)], NEVER).await;
    let told = running.until("the refusal", |status| status.problem.is_some()).await.problem.unwrap().reason;
    let file = password.display().to_string();
    assert!(told.contains("status 401") && told.contains("`reader`") && told.contains(&file), "{told}");
    assert!(told.contains("nothing of it is known") && !told.contains("wr0ng-one"), "{told}");
    std::fs::remove_file(&password).unwrap();
    running
        .until("the missing file", |status| status.problem.as_ref().is_some_and(|one| one.reason.contains("No such file")))
        .await;
    std::fs::write(&password, "right").unwrap();
    running.until_known(1).await;
    running.stop().await;

    let mut nowhere = taxii.feed(&password);
    let skywarden_ingest::intelligence::FeedKind::Taxii(settings) = &mut nowhere.from else { panic!("it is TAXII") };
    settings.collection = Some("00000000-0000-4000-8000-000000000000".to_owned());
    let running = Running::start(folder.path(), &[nowhere], NEVER).await;
    let told = running.until("the refusal", |status| status.problem.is_some()).await.problem.unwrap().reason;
    assert!(told.contains("status 404") && told.contains("knows no such collection"), "{told}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_removed_goes_when_all_is_fetched_anew() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "right").unwrap();
    let taxii = Taxii::start();
    taxii.add(&numbered(0, 5)).await;
    let running = Running::start(folder.path(), &[taxii.feed(&password)], Duration::ZERO).await;
    running.until_known(5).await;
    taxii.remove(3).await;
    running.until_known(4).await;
    running.call("bad3.example").await;
    running.call("bad4.example").await;
    let told = running.stop().await;
    assert_eq!(told, ["api.operation bad4.example: known as c2 (says harbour)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_takes_effect_and_a_missing_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.txt");
    std::fs::write(&list, "first.example\n").unwrap();
    let running = Running::start(folder.path(), &[feed(json!({ "kind": "files", "paths": [&list] }))], NEVER).await;
    assert_eq!(running.status().n_by_kind.get(&IndicatorKind::Domain), Some(&1), "before anything is looked at");
    running.call("second.example").await;
    std::fs::write(&list, "first.example\nsecond.example\n").unwrap();
    running.until_known(2).await;
    running.call("www.second.example").await;
    until("the alert", || running.told("www.second.example").is_some()).await;
    std::fs::remove_file(&list).unwrap();
    let told = running.until("the missing file", |status| status.problem.is_some()).await.problem.unwrap().reason;
    assert!(told.contains("list.txt") && told.contains("stays in force"), "{told}");
    running.call("first.example").await;
    std::fs::write(&list, "third.example\n").unwrap();
    running.until_known(1).await;
    running.call("www.first.example").await;
    running.call("third.example").await;
    let mut told = running.stop().await;
    told.sort();
    let of = |name: &str| format!("api.operation {name}: known as c2 (says harbour)");
    assert_eq!(told, [of("first.example"), of("third.example"), of("www.second.example")]);
}
