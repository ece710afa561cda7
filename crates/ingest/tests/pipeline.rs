//! What is handed over is archived once and looked at once, whatever ends the process in between.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::guesses;
use skywarden_archive::{Archive, ArchivedEvent, Layout};
use skywarden_detect::{Alert, COLUMNS, Kinds};
use skywarden_ingest::{About, Batch, End, Found, Ingest, Keeper, Pace, Parts, RefusedText, Texts};

/// Keeps alerts by their ids. Ends the process, as it were, at some calls: before or after keeping.
#[derive(Debug, Default, Clone)]
struct Kept {
    alerts: Arc<Mutex<BTreeMap<String, Alert>>>,
    n_calls: Arc<Mutex<u32>>,
    ends_at: u32,
    /// So often keeping fails and may be tried again.
    n_refusals: Arc<Mutex<u32>>,
}

impl Keeper for Kept {
    fn keep(&mut self, found: &Found) -> Result<(), String> {
        let mut n_calls = self.n_calls.lock().unwrap();
        *n_calls += 1;
        let (is_end, is_after) = (*n_calls == self.ends_at, self.ends_at.is_multiple_of(2));
        drop(n_calls);
        let mut n_refusals = self.n_refusals.lock().unwrap();
        if *n_refusals > 0 {
            *n_refusals -= 1;
            return Err("the store is locked".to_owned());
        }
        drop(n_refusals);
        assert!(!is_end || is_after, "the process ends before alerts are kept");
        self.alerts.lock().unwrap().extend(found.alerts.iter().map(|alert| (alert.id.clone(), alert.clone())));
        assert!(!is_end, "the process ends after alerts are kept");
        Ok(())
    }
}

fn archive(folder: &Path) -> Archive {
    Archive::in_folder(&folder.join("archive"), Layout::new(COLUMNS.map(|(name, _)| name)).unwrap()).unwrap()
}

fn parts(folder: &Path, kept: &Kept) -> Parts {
    // After each batch: the process can end in the middle of many.
    let pace = Pace { every: Duration::ZERO, every_with_alerts: Duration::ZERO };
    Parts {
        folder: folder.join("ingest"),
        detect: guesses(),
        known: Default::default(),
        kinds: Kinds::default(),
        archive: archive(folder),
        keeper: Box::new(kept.clone()),
        pace,
    }
}

async fn start(folder: &Path, kept: &Kept) -> Ingest {
    Ingest::start(parts(folder, kept)).await.unwrap()
}

fn event(n: u32) -> String {
    let (call, user) = (["Get", "Fail", "Put"][usize::try_from(n % 3).unwrap()], n / 40);
    let (hour, minute, second) = (n / 1200, n / 20 % 60, n * 3 % 60);
    format!(
        r#"{{"id":"e{n}","at":"2026-03-01T{hour:02}:{minute:02}:{second:02}Z","account":"a","user":"user{user}","call":"{call}"}}"#
    )
}

fn batch(texts: &[String], position: u32) -> Batch {
    let about = About {
        input: Arc::from("test"),
        stream: "one".to_owned(),
        source: Arc::from("calls"),
        received: "2026-03-02T00:00:00Z".parse().unwrap(),
        position: Some(position.into()),
        end: End::Open,
        refused: Vec::new(),
    };
    Batch { about, texts: texts.iter().map(String::as_str).collect::<Texts>() }
}

async fn archived(folder: &Path) -> Vec<ArchivedEvent> {
    let mut found = Vec::new();
    let mut each = |event| {
        found.push(event);
        true
    };
    archive(folder).replay(None, i64::MIN..i64::MAX, &mut each).await.unwrap();
    found
}

fn lines(folder: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("ingest/dead-letters/test.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Hands over batches of ten from where the stream stands, with some lines that are none and some repeats, until all are kept or the
/// process ends. Whether all are.
async fn offer_rest(ingest: &Ingest, n_events: u32) -> bool {
    let intake = ingest.intake().clone();
    let from = intake.position("test", "one").map_or(0, |position| u32::try_from(position.as_u64().unwrap()).unwrap());
    for start in (from..n_events).step_by(10) {
        let mut texts: Vec<String> = (start..start + 10).map(event).collect();
        texts.insert(3, event(start.saturating_sub(5)));
        texts.insert(7, format!("{{\"id\": \"bad{start}"));
        if intake.keep(batch(&texts, start + 10)).await.is_err() || ingest.has_ended() {
            return false;
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_kept_is_tried_again_and_ends_nothing() {
    let (folder, kept) = (tempfile::tempdir().unwrap(), Kept::default());
    *kept.n_refusals.lock().unwrap() = 1;
    let ingest = start(folder.path(), &kept).await;
    assert!(offer_rest(&ingest, 100).await, "it goes on");
    // Who stops meanwhile gives up; it is tried again until then.
    while kept.alerts.lock().unwrap().is_empty() {
        assert!(!ingest.has_ended(), "detection ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ingest.stop().await.unwrap();
    assert_eq!(*kept.n_refusals.lock().unwrap(), 0, "it was refused");
    assert!(!kept.alerts.lock().unwrap().is_empty());
    assert_eq!(archived(folder.path()).await.len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_process_ends_nothing_is_lost_or_found_twice() {
    const N: u32 = 400;
    let mut expected = None;
    // At first it never ends before its time.
    for ends_at in 0..7 {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept { ends_at, ..Kept::default() };
        let mut n_starts = 0_u32;
        loop {
            n_starts += 1;
            assert!(n_starts < 20);
            let ingest = start(folder.path(), &kept).await;
            let is_done = offer_rest(&ingest, N).await;
            let ended = ingest.stop().await;
            kept.ends_at = 0;
            if is_done && ended.is_ok() {
                break;
            }
        }
        assert_eq!(n_starts, 1 + u32::from(ends_at > 0), "ended at {ends_at}");
        let events = archived(folder.path()).await;
        let ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        let wanted: Vec<String> = (0..N).map(|n| format!("e{n}")).collect();
        assert_eq!(ids, wanted, "ended at {ends_at}");
        assert!(events.iter().zip(0_i64..).all(|(event, seq)| event.seq == seq), "numbers without gaps");
        let bad: Vec<String> = lines(folder.path()).iter().map(|line| line["start"].as_str().unwrap().to_owned()).collect();
        let wanted: Vec<String> = (0..N).step_by(10).map(|n| format!("{{\"id\": \"bad{n}")).collect();
        assert_eq!(bad, wanted, "ended at {ends_at}");
        let alerts = serde_json::to_value(&*kept.alerts.lock().unwrap()).unwrap();
        assert_eq!(alerts.as_object().unwrap().len(), 10, "one for each user");
        assert_eq!(expected.get_or_insert_with(|| alerts.clone()), &alerts, "ended at {ends_at}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_tell_what_came_and_what_did_not() {
    let folder = tempfile::tempdir().unwrap();
    let ingest = start(folder.path(), &Kept::default()).await;
    let statuses = ingest.statuses().clone();
    let mut first = batch(&[event(0), event(0), "no json".to_owned()], 3);
    first.about.refused.push(RefusedText { reason: "too long".to_owned(), start: "xxx".to_owned() });
    ingest.intake().keep(first).await.unwrap();
    let mut unknown = batch(&[event(1)], 4);
    unknown.about.source = Arc::from("nobody");
    unknown.about.input = Arc::from("../other");
    ingest.intake().keep(unknown).await.unwrap();
    assert_eq!(ingest.intake().positions("test"), BTreeMap::from([("one".to_owned(), 3.into())]));
    ingest.stop().await.unwrap();
    let all = statuses.all();
    let status = &all["test"];
    assert_eq!((status.n_texts, status.n_events, status.n_repeated, status.n_bad), (3, 1, 1, 2));
    assert_eq!(status.last_event.unwrap().to_string(), "2026-03-01T00:00:00Z");
    assert_eq!(lines(folder.path()).len(), 2);
    let other = std::fs::read_to_string(folder.path().join("ingest/dead-letters/_other.jsonl")).unwrap();
    assert!(other.contains("there is no log source `nobody`") && other.contains("e1"), "{other}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_journal_is_told_and_its_torn_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let journal = |name: &str| folder.path().join("ingest/journal").join(name);
    let kept = Kept { ends_at: 1, ..Kept::default() };
    let ingest = start(folder.path(), &kept).await;
    offer_rest(&ingest, 100).await;
    assert!(ingest.stop().await.is_err());
    let file = journal("00000000000000000000.journal");
    let whole = std::fs::read(&file).unwrap();

    // The last batch was not written whole: it was never confirmed, and comes again.
    std::fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    let ingest = start(folder.path(), &Kept::default()).await;
    let position = ingest.intake().position("test", "one").unwrap().as_u64().unwrap();
    assert!(position < 100, "{position}");
    assert!(offer_rest(&ingest, 100).await);
    ingest.stop().await.unwrap();
    assert_eq!(archived(folder.path()).await.len(), 100);

    // A file that is missing between others.
    std::fs::write(journal("00000000000000009999.journal"), b"").unwrap();
    let error = Ingest::start(parts(folder.path(), &Kept::default())).await.unwrap_err().to_string();
    assert!(error.contains("9999") && error.contains("Put it back"), "{error}");
}
