//! Event logs of Windows are followed while they are written in place: each record comes once, and what is damaged is told once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use common::{Server, archived, dead_letters, kind};
use serde_json::json;
use skywarden_detect::Detect;
use skywarden_evtx::writer::{Content, Element, Left, LogWriter, Part, file};

static DETECT: LazyLock<Arc<Detect>> = LazyLock::new(common::detect);

/// A folder in which a log is written.
struct Place {
    folder: tempfile::TempDir,
    start: &'static str,
}

impl Place {
    fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap(), start: "beginning" }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("App.evtx")
    }

    /// Writes over the file, as Windows does, without making a new one.
    fn write(&self, bytes: &[u8]) {
        use std::os::unix::fs::FileExt as _;
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(self.path()).unwrap();
        file.write_all_at(bytes, 0).unwrap();
    }

    async fn start(&self) -> Server {
        let settings =
            json!({ "kind": "file", "paths": [self.path()], "lookEvery": 3, "patience": 600_000, "start": self.start });
        Server::start(self.folder.path(), &DETECT, "calls", &kind(settings)).await
    }
}

async fn calls(folder: &Path) -> Vec<String> {
    let texts = archived(folder).await;
    texts.iter().map(|text| text.trim_start_matches("{\"call\":\"").trim_end_matches("\"}").to_owned()).collect()
}

fn record(name: &str) -> Content {
    Content::Elements(vec![Element::new("call", vec![Part::Text(name.to_owned())])])
}

/// Records of these numbers.
fn log(numbers: std::ops::Range<u64>) -> LogWriter {
    let mut log = LogWriter::starting_at(numbers.start);
    for number in numbers {
        log.add(number, &record(&format!("{number}"))).unwrap();
    }
    log
}

fn names(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_written_in_place_is_read_behind_its_last_record() {
    let place = Place::new();
    let mut log = log(1..4);
    place.write(&log.file(Left::Dirty));
    let server = place.start().await;
    server.until_texts(3).await;
    log.add(4, &record("4")).unwrap();
    place.write(&log.file(Left::Dirty));
    server.until_texts(4).await;
    // The chunk's header is behind its records.
    let header = log.file(Left::Dirty).get(..4096 + 512).unwrap().to_vec();
    for number in 5..7 {
        log.add(number, &record(&number.to_string())).unwrap();
        let records = log.file(Left::Dirty).get(4096 + 512..).unwrap().to_vec();
        place.write(&[header.clone(), records].concat());
        server.until_texts(number).await;
    }
    server.kill().await;
    log.end_chunk();
    for number in 7..10 {
        log.add(number, &record(&number.to_string())).unwrap();
    }
    place.write(&log.file(Left::Closed));
    let server = place.start().await;
    server.until("the rest", |status| status.behind == Some(0)).await;
    server.stop().await;
    assert_eq!(calls(place.folder.path()).await, names(1..10));
    assert!(dead_letters(place.folder.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_goes_on_in_its_oldest_chunk() {
    let place = Place::new();
    let chunks: Vec<Vec<u8>> =
        [1..4, 4..7, 7..10, 10..13, 20..23].into_iter().flat_map(|numbers| log(numbers).chunks()).collect();
    let [first, second, third, fourth, late] = chunks.as_slice() else { unreachable!("five chunks were made") };
    let written = |chunks: &[&Vec<u8>]| {
        let chunks: Vec<Vec<u8>> = chunks.iter().map(|chunk| (*chunk).clone()).collect();
        place.write(&file(&chunks, 1, Left::Closed));
    };
    written(&[first, second, third]);
    let server = place.start().await;
    server.until_texts(9).await;
    written(&[fourth, second, third]);
    server.until_texts(12).await;
    // All that is known was written over meanwhile, and more.
    written(&[late, late, late]);
    server.until("what is lost is told", |status| status.n_bad == 1 && status.behind == Some(0)).await;
    server.stop().await;
    let expected: Vec<String> = names(1..13).into_iter().chain(names(20..23)).collect();
    assert_eq!(calls(place.folder.path()).await, expected);
    let letters = dead_letters(place.folder.path());
    assert!(
        letters.first().is_some_and(|letter| letter.to_string().contains("its records from 13 to 19 are lost")),
        "{letters:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_in_the_same_place_is_read_from_its_start() {
    let mut place = Place::new();
    place.start = "end";
    place.write(&log(1..6).file(Left::Closed));
    let server = place.start().await;
    server.until("a look", |status| status.behind == Some(0)).await;
    // Cleared, and it numbers anew.
    place.write(&log(1..3).file(Left::Closed));
    server.until_texts(2).await;
    // As many records as before, of another machine.
    let mut other = LogWriter::starting_at(1);
    for name in ["x", "y", "z"] {
        other.add(99, &record(name)).unwrap();
    }
    place.write(&other.file(Left::Closed));
    server.until_texts(5).await;
    server.stop().await;
    assert_eq!(calls(place.folder.path()).await, ["1", "2", "x", "y", "z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_told_once_with_its_place() {
    let place = Place::new();
    let mut log = log(1..6);
    let mut bytes = log.file(Left::Dirty);
    // The third record's first token.
    let third = (1..4).fold(4096 + 511, |from, _| {
        from + 1 + bytes.get(from + 1..).unwrap().windows(4).position(|four| four == [0x2a, 0x2a, 0, 0]).unwrap()
    });
    *bytes.get_mut(third + 24).unwrap() = 0x7f;
    place.write(&bytes);
    let server = place.start().await;
    server.until("four records and a bad one", |status| status.n_texts == 4 && status.n_bad == 1).await;
    log.add(6, &record("6")).unwrap();
    let mut bytes = log.file(Left::Dirty);
    *bytes.get_mut(third + 24).unwrap() = 0x7f;
    place.write(&bytes);
    let status = server.until_texts(5).await;
    assert_eq!(status.n_bad, 1);
    server.stop().await;
    assert_eq!(calls(place.folder.path()).await, ["1", "2", "4", "5", "6"]);
    let letters = dead_letters(place.folder.path());
    let expected = format!("record 3 in chunk 0 at byte {third}");
    assert!(letters.len() == 1 && letters.first().is_some_and(|letter| letter.to_string().contains(&expected)), "{letters:?}");
}
