//! Files are followed while they grow, rotate and are packed: each line comes once, whatever happens to the process meanwhile.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use common::{Server, archived, dead_letters, kind};
use proptest::prelude::*;
use serde_json::json;
use skywarden_detect::Detect;

static DETECT: LazyLock<Arc<Detect>> = LazyLock::new(common::detect);

/// A folder with logs, and an input that follows some of them.
struct Place {
    folder: tempfile::TempDir,
    settings: serde_json::Value,
    source: &'static str,
}

impl Place {
    fn new(paths: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).unwrap();
        let paths: Vec<String> = paths.iter().map(|path| logs.join(path).display().to_string()).collect();
        let settings = json!({ "kind": "file", "paths": paths, "lookEvery": 3, "patience": 600_000 });
        Place { folder, settings, source: "lines" }
    }

    fn of(source: &'static str, paths: &[&str]) -> Self {
        Place { source, ..Self::new(paths) }
    }

    fn with(mut self, name: &str, value: serde_json::Value) -> Self {
        self.settings[name] = value;
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        append(&self.path(name), text.as_ref());
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// As gzip does it: a file of another name, then the old one goes.
    fn pack(&self, name: &str) {
        fs::write(self.path(&format!("{name}.gz")), gzip(&fs::read(self.path(name)).unwrap())).unwrap();
        self.remove(name);
    }

    async fn start(&self) -> Server {
        Server::start(self.folder.path(), &DETECT, self.source, &kind(self.settings.clone())).await
    }

    async fn archived(&self) -> Vec<String> {
        archived(self.folder.path()).await
    }

    /// Runs until so many records came, and gives them in the order of their letters.
    async fn finish(&self, mut running: Option<Server>, n: usize) -> Vec<String> {
        let mut found = Vec::new();
        // What is renamed or packed at this moment is found by a later look.
        for _ in 0..4 {
            let server = match running.take() {
                Some(server) => server,
                None => self.start().await,
            };
            server.until("a look", |status| status.behind == Some(0)).await;
            server.stop().await;
            found = self.archived().await;
            if found.len() >= n {
                break;
            }
        }
        found.sort();
        found
    }

    fn letters(&self) -> Vec<serde_json::Value> {
        dead_letters(self.folder.path())
    }
}

fn append(path: &Path, text: &[u8]) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_growing_file_is_followed_over_rotation_and_deletion() {
    let place = Place::new(&["app.log"]);
    place.append("app.log", "one\r\ntwo\n\nthr");
    let server = place.start().await;
    server.until("two lines", |status| status.n_texts == 2 && status.behind == Some(3)).await;
    place.append("app.log", "ee\n");
    server.until_texts(3).await;
    // Who writes it writes on until it is told to open the new one.
    place.rename("app.log", "app.log.1");
    place.append("app.log", "five\n");
    place.append("app.log.1", "four\n");
    server.until_texts(5).await;
    place.append("app.log.1", "no end");
    server.until_texts(6).await;
    place.remove("app.log");
    server.until("that there is no file is told", |status| status.problem.is_some()).await;
    place.append("app.log", "seven\n");
    let status = server.until_texts(7).await;
    assert_eq!((status.n_bad, status.problem), (0, None));
    server.stop().await;
    let mut all = place.archived().await;
    all[3..].sort();
    assert_eq!(all, ["one", "two", "three", "five", "four", "no end", "seven"].map(str::to_owned));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_copied_and_cut_loses_nothing() {
    for paths in [["app.log"], ["app.log*"]] {
        let place = Place::new(&paths);
        place.append("app.log", "first line\n");
        let server = place.start().await;
        server.until_texts(1).await;
        place.append("app.log", "second\n");
        fs::copy(place.path("app.log"), place.path("app.log.1")).unwrap();
        File::create(place.path("app.log")).unwrap();
        // At once longer than it was.
        place.append("app.log", "third line, which is longer than the first two\n");
        server.until_texts(3).await;
        place.pack("app.log.1");
        place.append("app.log", "fourth\n");
        let status = server.until_texts(4).await;
        assert_eq!(status.n_bad, 0);
        server.stop().await;
        let mut all = place.archived().await;
        all.sort();
        assert_eq!(all, ["first line", "fourth", "second", "third line, which is longer than the first two"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rotates_while_nobody_looks_is_found() {
    for paths in [["app.log"], ["app.log*"]] {
        for how in ["renamed", "packed", "copied", "dated"] {
            let place = Place::new(&paths);
            place.append("app.log", "one\n");
            let server = place.start().await;
            server.until_texts(1).await;
            server.stop().await;
            place.append("app.log", "two\n");
            match how {
                "renamed" => place.rename("app.log", "app.log.1"),
                "dated" => place.rename("app.log", "app.log-20260301"),
                "packed" => {
                    place.rename("app.log", "app.log.1");
                    // The new file may get the inode of the old one.
                    place.pack("app.log.1");
                }
                _ => {
                    fs::copy(place.path("app.log"), place.path("app.log.1")).unwrap();
                    File::create(place.path("app.log")).unwrap();
                }
            }
            place.append("app.log", "three, longer than before\n");
            let server = place.start().await;
            server.until_texts(2).await;
            place.append("app.log", "four\n");
            server.until_texts(3).await;
            server.kill().await;
            place.append("app.log", "five\n");
            let all = place.finish(None, 5).await;
            assert_eq!(all, ["five", "four", "one", "three, longer than before", "two"], "{how} {paths:?}");
            assert_eq!(place.letters(), Vec::<serde_json::Value>::new(), "{how} {paths:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_while_nobody_looks_is_told_once() {
    let place = Place::new(&["app.log"]);
    place.append("app.log", "one\n");
    let server = place.start().await;
    server.until_texts(1).await;
    server.kill().await;
    place.remove("app.log");
    for _ in 0..2 {
        let server = place.start().await;
        server.until("a look", |status| status.behind.is_some()).await;
        server.stop().await;
    }
    let letters = place.letters();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0]["reason"].as_str().unwrap().contains("behind byte 4"), "{letters:?}");
    assert_eq!(place.archived().await, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inode_that_is_used_again_is_another_file() {
    let place = Place::new(&["a.log", "b.log"]);
    place.append("a.log", "a\n");
    let server = place.start().await;
    server.until_texts(1).await;
    server.stop().await;
    // On file systems that use inodes again at once, b.log has the one of a.log now.
    place.remove("a.log");
    place.append("b.log", "bbbbb\n");
    let server = place.start().await;
    server.until_texts(1).await;
    server.stop().await;
    assert_eq!(place.archived().await, ["a", "bbbbb"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_out_of_sight_for_a_while_goes_on_where_it_was() {
    let place = Place::new(&["*.log"]);
    place.append("app.log", "one\n");
    let server = place.start().await;
    server.until_texts(1).await;
    place.rename("app.log", "hidden");
    server.until("that there is none", |status| status.problem.is_some()).await;
    place.append("hidden", "two\n");
    place.rename("hidden", "app.log");
    server.until_texts(2).await;
    server.stop().await;
    assert_eq!(place.archived().await, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_written_anew_is_given_again() {
    let place = Place::of("calls", &["."]);
    fs::write(place.path("a.json"), "{\"Records\": [\n{\"call\": \"a\"}]}").unwrap();
    let server = place.start().await;
    server.until("the first", |status| status.n_events == 1).await;
    server.kill().await;
    // As long as before, and not the same.
    fs::write(place.path("a.json"), "{\"Records\": [\n{\"call\": \"b\"}]}").unwrap();
    let server = place.start().await;
    common::until_archived(place.folder.path(), &server, "\"b\"").await;
    fs::write(place.path("a.json"), "{\"Records\": [\n{\"call\": \"b\"},{\"call\": \"c\"}]}").unwrap();
    common::until_archived(place.folder.path(), &server, "\"c\"").await;
    server.stop().await;
    assert_eq!(place.letters().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_wide_and_marked_files_are_read() {
    let place = Place::new(&["*"]);
    fs::write(place.path("a.gz"), gzip(b"a1\na2\n")).unwrap();
    fs::write(place.path("b.zst"), zstd::encode_all(b"b1\nb2".as_slice(), 3).unwrap()).unwrap();
    fs::write(place.path("c.log"), [wide("\u{feff}c1 \u{a0a}\r\nc"), vec![b'2']].concat()).unwrap();
    fs::write(place.path("d.log"), "\u{feff}d1\n").unwrap();
    let server = place.start().await;
    server.until("all but a half letter", |status| status.n_texts == 6 && status.behind == Some(3)).await;
    append(&place.path("c.log"), &[0]);
    append(&place.path("c.log"), &wide("\n"));
    server.until_texts(7).await;
    server.kill().await;
    append(&place.path("c.log"), &wide("c3\n"));
    let all = place.finish(None, 8).await;
    assert_eq!(all, ["a1", "a2", "b1", "b2", "c1 \u{a0a}", "c2", "c3", "d1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_file_that_is_being_written_is_read_when_it_is_complete() {
    let place = Place::new(&["*"]);
    let packed = gzip((0..5_000).map(|n| format!("line {n}\n")).collect::<String>().as_bytes());
    let (start, rest) = packed.split_at(packed.len() / 2);
    place.append("a.gz", start);
    let server = place.start().await;
    server.until("some lines", |status| status.n_texts > 100).await;
    place.append("a.gz", rest);
    server.until_texts(5_000).await;
    server.stop().await;
    let all = place.archived().await;
    assert_eq!((all.len(), all[0].as_str(), all[4_999].as_str()), (5_000, "line 0", "line 4999"));
    assert_eq!(place.letters().len(), 0);
    place.append("b.gz", start);
    let place = place.with("patience", json!(20));
    let server = place.start().await;
    server.until("that it ends too early is told", |status| status.n_bad == 1).await;
    server.stop().await;
    assert!(place.letters()[0]["reason"].as_str().unwrap().contains("b.gz"));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_and_lines_of_json_are_told_apart() {
    let place = Place::of("calls", &["."]);
    fs::write(place.path("pretty.json"), "{\n  \"Records\": [\n    {\"call\": \"a\"},\n    {\"call\": \"b\"}\n  ]\n}\n").unwrap();
    fs::write(place.path("short.json"), "{\"Records\": [{\"call\": \"c\"}, {\"call\": \"d\"}]}").unwrap();
    fs::write(place.path("packed.json.gz"), gzip(b"{\"Records\":\n[{\"call\":\"e\"}]}")).unwrap();
    place.append("lines.json", "{\"call\":\"f\"}\n{\"ca");
    place.append("broken.json", "ll\":\"cut\"}\n{\"call\":\"h\"}\n");
    place.append("half.json", "{\n \"Records\": [\n");
    let server = place.start().await;
    server.until("all that is complete", |status| status.n_events == 7 && status.n_bad == 1).await;
    place.append("lines.json", "ll\":\"g\"}\n");
    place.append("broken.json", "{\"call\":\"i\"}\n");
    place.append("half.json", "{\"call\":\"j\"}\n]}\n");
    server.until("the rest", |status| status.n_events == 10).await;
    server.kill().await;
    place.append("lines.json", "{\"call\":\"k\"}");
    let all = place.finish(None, 11).await;
    let calls = all.iter().map(|record| serde_json::from_str::<serde_json::Value>(record).unwrap()["call"].clone());
    let calls: Vec<String> = calls.map(|call| call.as_str().unwrap().to_owned()).collect();
    assert_eq!(calls.concat(), "abcdefghijk");
    assert_eq!(place.letters().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_may_go_over_lines() {
    let place = Place::of("rows", &["app.csv"]).with("start", json!("end"));
    place.append("app.csv", "old,\"one\n");
    let server = place.start().await;
    server.until("a look", |status| status.behind == Some(9)).await;
    place.append("app.csv", "two\"\nnew,\"three\nfour\"\nlast,\"fi");
    server.until("two rows", |status| status.n_texts == 2).await;
    server.kill().await;
    place.append("app.csv", "ve\n\"\n");
    assert_eq!(place.finish(None, 3).await, ["last,\"five\n\"", "new,\"three\nfour\"", "old,\"one\ntwo\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_too_long_is_told_and_the_rest_is_read() {
    let place = Place::new(&["app.log"]);
    place.append("app.log", "one\n");
    place.append("app.log", vec![b'x'; 17 << 20]);
    let server = place.start().await;
    server.until("the long line", |status| status.n_bad == 1 && status.behind == Some(0)).await;
    server.kill().await;
    place.append("app.log", "its rest\ntwo\n");
    place.append("app.log", [vec![b'y'; 17 << 20], b"\nthree\n".to_vec()].concat());
    assert_eq!(place.finish(None, 3).await, ["one", "three", "two"]);
    let letters = place.letters();
    assert_eq!(letters.len(), 2, "{letters:?}");
    assert!(letters[1]["start"].as_str().unwrap().starts_with("yyy"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_is_passed_over_if_asked_for() {
    let place = Place::new(&["."]).with("start", json!("end"));
    place.append("app.log", "old\nha");
    fs::write(place.path("old.gz"), gzip(b"old\n")).unwrap();
    let server = place.start().await;
    server.until("a look", |status| status.behind == Some(2)).await;
    server.kill().await;
    // Nothing came yet, and still it is not the first time any more.
    place.append("app.log", "lf\n");
    place.append("new.log", "new\n");
    let server = place.start().await;
    server.until_texts(2).await;
    server.stop().await;
    let mut all = place.archived().await;
    all.sort();
    assert_eq!(all, ["half", "new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_is_told() {
    let place = Place::new(&["app.log", "linked.log"]);
    place.append("app.log", "one\n");
    std::os::unix::fs::symlink("linked.log", place.path("linked.log")).unwrap();
    let server = place.start().await;
    let status = server.until("the problem", |status| status.problem.is_some() && status.n_texts == 1).await;
    assert!(status.problem.unwrap().reason.contains("linked.log"), "root may read everything, so it is a loop of links");
    fs::remove_file(place.path("linked.log")).unwrap();
    place.append("linked.log", "two\n");
    server.until("that it is gone", |status| status.problem.is_none() && status.n_texts == 2).await;
    server.stop().await;
    assert_eq!(place.archived().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_appear_in_a_folder_are_followed() {
    let place = Place::new(&["."]);
    let server = place.start().await;
    server.until("that there is none is told", |status| status.problem.is_some()).await;
    fs::create_dir_all(place.path("deep/er")).unwrap();
    for n in 0..30 {
        place.append(if n % 2 == 0 { "deep/er/a.log" } else { "b.log" }, format!("{n}\n"));
    }
    server.until_texts(30).await;
    place.append("last line.log", "without an end");
    let place = place.with("patience", json!(10));
    server.stop().await;
    let server = place.start().await;
    server.until_texts(1).await;
    server.stop().await;
    assert_eq!(place.archived().await.len(), 31);
}

/// What may happen to a log.
#[derive(Debug, Clone, Copy)]
enum Step {
    Write(u8),
    WriteHalf,
    Rename,
    CopyAndCut,
    Pack,
    Look,
    Stop,
    Kill,
}

/// A log that somebody writes, and what was written.
struct Model {
    place: Place,
    written: Vec<String>,
    is_half: bool,
    n_rotated: usize,
    /// Rotated ones that are not packed yet.
    plain: Vec<String>,
}

impl Model {
    fn apply(&mut self, step: Step) {
        match step {
            Step::Write(n) => {
                for _ in 0..n {
                    let line = format!("line {:04} {}", self.written.len(), "x".repeat(self.written.len() % 40));
                    let start = if self.is_half { 5 } else { 0 };
                    self.place.append("app.log", format!("{}\n", line.split_at(start).1));
                    self.is_half = false;
                    self.written.push(line);
                }
            }
            Step::WriteHalf if !self.is_half => {
                self.place.append("app.log", "line ");
                self.is_half = true;
            }
            Step::Rename | Step::CopyAndCut if !self.is_half && self.place.path("app.log").exists() => {
                self.n_rotated += 1;
                let name = format!("app.log.{}", self.n_rotated);
                if matches!(step, Step::Rename) {
                    self.place.rename("app.log", &name);
                } else {
                    fs::copy(self.place.path("app.log"), self.place.path(&name)).unwrap();
                    File::create(self.place.path("app.log")).unwrap();
                }
                self.plain.push(name);
            }
            Step::Pack if !self.plain.is_empty() => {
                let name = self.plain.remove(0);
                self.place.pack(&name);
            }
            _ => {}
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1_u8..6).prop_map(Step::Write),
        2 => Just(Step::WriteHalf),
        2 => Just(Step::Rename),
        1 => Just(Step::CopyAndCut),
        2 => Just(Step::Pack),
        4 => Just(Step::Look),
        1 => Just(Step::Stop),
        2 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..30)
}

async fn every_line_comes_once(steps: &[Step]) -> Result<(), TestCaseError> {
    let place = Place::new(&["app.log*"]);
    let mut model = Model { place, written: Vec::new(), is_half: false, n_rotated: 0, plain: Vec::new() };
    let mut server = Some(model.place.start().await);
    for step in steps {
        match step {
            Step::Look => {
                if let Some(server) = &server {
                    // A copy is known by what was read of the original: who copies and cuts before anybody looked writes a file of its own.
                    server.until("a look", |status| status.behind.is_some_and(|behind| behind < 10)).await;
                }
            }
            Step::Stop => {
                if let Some(server) = server.take() {
                    server.stop().await;
                }
            }
            Step::Kill => match server.take() {
                Some(server) => server.kill().await,
                None => server = Some(model.place.start().await),
            },
            step => model.apply(*step),
        }
    }
    model.apply(Step::Write(1));
    let n = model.written.len();
    let found = model.place.finish(server, n).await;
    prop_assert_eq!(found.len(), n, "{:?}", found);
    prop_assert_eq!(&found, &model.written);
    prop_assert_eq!(model.place.letters(), Vec::<serde_json::Value>::new());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn every_line_comes_once_whatever_happens(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(every_line_comes_once(&steps))?;
    }
}
