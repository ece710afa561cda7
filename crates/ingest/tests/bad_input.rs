//! Input that is damaged, wrong or made to harm: what of it can be read is taken in, the rest is told with its place, and what stands around
//! it is looked at as ever.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use common::{Server, archived, dead_letters, guesses, kind};
use serde_json::{Value, json};
use skywarden_detect::Alert;

/// A folder of logs.
struct Logs(tempfile::TempDir);

/// What became of it.
struct Outcome {
    raws: Vec<String>,
    letters: Vec<Value>,
    alerts: Vec<Alert>,
}

impl Logs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Logs(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("logs").join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    async fn start(&self) -> Server {
        let paths = [self.path("*").display().to_string()];
        let settings = kind(json!({ "kind": "file", "paths": paths, "lookEvery": 3, "patience": 50 }));
        Server::start(self.0.path(), &guesses(), "calls", &settings).await
    }

    /// Takes in until so many events and so much that is bad came.
    async fn take_in(&self, n_events: u64, n_bad: u64) -> Outcome {
        let server = self.start().await;
        let what = format!("{n_events} events and {n_bad} that are bad");
        let is_done = |n, least| if least == 0 { n == 0 } else { n >= least };
        server
            .until(&what, |status| status.n_events >= n_events && is_done(status.n_bad, n_bad) && status.behind == Some(0))
            .await;
        self.end(server).await
    }

    async fn end(&self, server: Server) -> Outcome {
        let alerts = Arc::clone(&server.alerts);
        server.stop().await;
        let alerts = alerts.lock().unwrap().clone();
        Outcome { raws: archived(self.0.path()).await, letters: dead_letters(self.0.path()), alerts }
    }
}

impl Outcome {
    /// Who guessed.
    fn users(&self) -> BTreeSet<String> {
        self.alerts.iter().map(|alert| alert.first.text("actor.user.name").unwrap_or_default()).collect()
    }

    /// Whether a letter says something.
    fn says(&self, parts: &[&str]) -> bool {
        self.letters.iter().any(|letter| parts.iter().all(|part| letter.to_string().contains(part)))
    }

    fn held(&self, part: &str) -> usize {
        self.raws.iter().filter(|raw| raw.contains(part)).count()
    }
}

fn call(id: &str, minute: u32, user: &str, call: &str) -> String {
    format!(r#"{{"id":"{id}","at":"2026-03-01T07:{minute:02}:00Z","account":"a","host":"one","user":"{user}","call":"{call}"}}"#)
}

/// Three failures of a user, one a line.
fn attack(user: &str) -> String {
    (0..3).map(|n| call(&format!("{user}-{n}"), n, user, "Fail") + "\n").collect()
}

/// Calls that nobody minds.
fn calm(name: &str, n: u32) -> String {
    (0..n).map(|n| call(&format!("{name}-{n}"), n % 60, name, "Get") + "\n").collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_packed_file_that_is_cut_what_is_before_is_looked_at() {
    let logs = Logs::new();
    let text = |name: &str| attack(&format!("before-{name}")) + &calm(name, 20_000) + &attack(&format!("behind-{name}"));
    let whole = gzip(text("gzip").as_bytes());
    logs.write("cut.gz", &whole[..whole.len() / 2]);
    let packed = zstd::encode_all(text("zstd").as_bytes(), 3).unwrap();
    logs.write("cut.zst", &packed[..packed.len() / 2]);
    let mut wrong = gzip(attack("checksum").as_bytes());
    let end = wrong.len() - 8;
    wrong[end] ^= 1;
    logs.write("wrong.gz", &wrong);
    logs.write("no.gz", [&[0x1f, 0x8b], b"this is no packed file".as_slice()].concat());
    logs.write("whole.gz", gzip(attack("whole").as_bytes()));
    logs.write("plain.jsonl", attack("plain"));
    let found = logs.take_in(2_000, 4).await;
    assert_eq!(found.users(), names(["before-gzip", "before-zstd", "checksum", "plain", "whole"]));
    for file in ["/cut.gz", "/cut.zst", "/wrong.gz", "/no.gz"] {
        assert!(found.says(&[file, "stopped"]), "{file}: {:?}", found.letters);
    }
    assert_eq!(found.letters.len(), 4, "{:?}", found.letters);
    for name in ["gzip", "zstd"] {
        let n = found.held(&format!("\"user\":\"{name}\""));
        assert!(n > 500 && n < 20_000, "{n} of {name} are before the cut");
        assert_eq!(found.held(&format!("behind-{name}")), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_of_other_encodings_cost_themselves_and_no_more() {
    let logs = Logs::new();
    let latin: Vec<u8> = attack("m\u{fc}ller").chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    logs.write("latin.jsonl", latin);
    let wide = |text: &str, mark: &str| (mark.to_owned() + text).encode_utf16().collect::<Vec<u16>>();
    logs.write(
        "little.jsonl",
        wide(&attack("little\u{1f600}"), "\u{feff}").iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>(),
    );
    let big: Vec<u8> = wide(&attack("big"), "\u{feff}").iter().flat_map(|unit| unit.to_be_bytes()).collect();
    logs.write("big.jsonl", &big);
    logs.write(
        "packed.gz",
        gzip(&wide(&attack("packed"), "\u{feff}").iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<u8>>()),
    );
    logs.write("mark.jsonl", format!("\u{feff}{}", attack("mark")));
    // Without a mark nobody knows what it is, and it is no JSON.
    let bare: Vec<u8> = wide(&attack("bare"), "").iter().flat_map(|unit| unit.to_le_bytes()).collect();
    logs.write("bare.jsonl", bare);
    // Half a pair: a letter that there is not.
    let half = call("half", 0, "x", "Get").replace("\"x\"", "\"\\ud800\"");
    logs.write("mixed.jsonl", [half.as_bytes(), b"\n\0\0\0\n\xff\xfe\xfd\n", attack("mixed").as_bytes()].concat());
    let found = logs.take_in(18, 5).await;
    let users = names(["big", "little\u{1f600}", "m\u{fffd}ller", "mark", "mixed", "packed"]);
    assert_eq!(found.users(), users);
    assert_eq!(found.held("m\u{fffd}ller"), 3, "what can be read of the records is archived");
    assert!(found.says(&["/bare.jsonl", "expected"]), "{:?}", found.letters);
    assert!(found.letters.iter().all(|letter| !letter["reason"].as_str().unwrap().is_empty()));
    let n_of = |file: &str| found.letters.iter().filter(|letter| letter.to_string().contains(file)).count();
    assert!(n_of("bare.jsonl") >= 3 && n_of("mixed.jsonl") >= 2, "{:?}", found.letters);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_by_decades_harms_no_other() {
    let logs = Logs::new();
    let skewed = |id: &str, year: &str| call(id, 1, "anna", "Fail").replace("2026", year).replace("\"one\"", "\"broken\"");
    let mut lines = Vec::new();
    // Two failures of anna on a sound host, one of the far future and one of the far past on a broken one, and the third.
    lines.extend([call("a0", 0, "anna", "Fail"), call("b0", 0, "bo", "Fail"), call("b1", 1, "bo", "Fail")]);
    lines.extend([skewed("future", "2100"), skewed("past", "1970"), skewed("first", "0001")]);
    lines.extend([call("b2", 2, "bo", "Fail"), call("a1", 4, "anna", "Fail"), call("a2", 5, "anna", "Fail")]);
    // Guessed on the broken host alone.
    lines.extend(
        (0..3).map(|n| call(&format!("c{n}"), n, "carl", "Fail").replace("2026", "2100").replace("\"one\"", "\"broken\"")),
    );
    logs.write("a.jsonl", lines.join("\n") + "\n");
    let found = logs.take_in(12, 0).await;
    assert_eq!(found.users(), names(["anna", "bo", "carl"]));
    let of = |user: &str| found.alerts.iter().find(|alert| alert.first.text("actor.user.name").as_deref() == Some(user)).unwrap();
    assert_eq!((of("bo").start.to_string(), of("bo").n_events), ("2026-03-01T07:02:00Z".to_owned(), 3));
    assert_eq!(of("carl").start.to_string(), "2100-03-01T07:02:00Z", "an alert says the event's own time");
    assert!(of("carl").first.time.unwrap().to_string().starts_with("2100"));
    // Each record lies in its own hour.
    let mut dates: BTreeMap<String, usize> = BTreeMap::new();
    for date in fs::read_dir(logs.0.path().join("archive/source=calls")).unwrap() {
        *dates.entry(date.unwrap().file_name().into_string().unwrap()).or_default() += 1;
    }
    let dates: Vec<&str> = dates.keys().map(String::as_str).collect();
    assert_eq!(dates, ["date=0001-03-01", "date=1970-03-01", "date=2026-03-01", "date=2100-03-01"]);
    assert_eq!(found.raws.len(), 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_comes_again_is_one_event() {
    let logs = Logs::new();
    // Twice in a line after the other, in a document, with other content, and in a packed file.
    let twice = call("same", 0, "anna", "Fail");
    logs.write("a.jsonl", format!("{twice}\n{twice}\n{}\n", call("other", 1, "anna", "Fail")));
    logs.write("b.jsonl", format!("{{\"Records\":[{twice},{}]}}", call("same", 9, "mallory", "Fail")));
    logs.write("c.gz", gzip(format!("{twice}\n").as_bytes()));
    // Without an id each is its own.
    let nameless = call("", 0, "bo", "Get").replace("\"id\":\"\",", "");
    logs.write("d.jsonl", format!("{nameless}\n{nameless}\n"));
    let server = logs.start().await;
    server.until("all repeats", |status| status.n_repeated == 4 && status.n_events == 4).await;
    server.kill().await;
    // After a kill, too.
    logs.write("e.jsonl", format!("{twice}\n{}\n", call("third", 2, "carl", "Fail")));
    let server = logs.start().await;
    server.until("the last", |status| status.n_texts >= 2 && status.behind == Some(0)).await;
    let found = logs.end(server).await;
    assert_eq!((found.held("\"same\""), found.held("mallory"), found.held("\"bo\""), found.raws.len()), (1, 0, 2, 5));
    assert_eq!(found.users(), BTreeSet::new(), "two failures of anna are not three, however often they come");
    assert_eq!(found.letters.len(), 0, "{:?}", found.letters);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_whose_fields_change_is_read_as_far_as_it_says_something() {
    let logs = Logs::new();
    let mut lines = vec![call("t0", 0, "anna", "Fail")];
    for (n, user) in
        [r#"{"name":"anna","id":7}"#, r#"["anna","bo"]"#, "7", "null", "true", "1e400", r#"[[{"a":[]}]]"#].iter().enumerate()
    {
        lines.push(call(&format!("user{n}"), 1, "USER", "Get").replace("\"USER\"", user));
    }
    for (n, at) in ["1772348709", "null", "\"yesterday\"", "{\"s\":1}", "[\"2026-03-01T07:01:00Z\"]", "\"\""].iter().enumerate() {
        lines.push(call(&format!("at{n}"), 1, "bo", "Get").replace("\"2026-03-01T07:01:00Z\"", at));
    }
    for (n, of) in ["[\"Get\",\"Fail\"]", "{\"call\":\"Fail\"}", "0"].iter().enumerate() {
        lines.push(call(&format!("call{n}"), 1, "carl", "CALL").replace("\"CALL\"", of));
    }
    // Ids and accounts change too; names vanish, and others appear.
    lines.push(call("x", 1, "dora", "Get").replace("\"x\"", "17"));
    lines.push(call("x", 1, "dora", "Get").replace("\"x\"", "{\"of\":1}"));
    lines.push(call("acc", 1, "dora", "Get").replace("\"a\"", "[1,{}]"));
    lines.push(r#"{"when":"2026-03-01T07:02:00Z","who":"anna","what":{"call":"Fail"},"v":2}"#.to_owned());
    lines.push("{}".to_owned());
    lines.push(
        call("wide", 1, "anna", "Get").replace('}', &(0..2_000).map(|n| format!(",\"new{n}\":{n}")).collect::<String>()) + "}",
    );
    // The old shape again, and what is no record at all.
    lines.extend([call("t1", 2, "anna", "Fail"), call("t2", 3, "anna", "Fail")]);
    let n_records = lines.len();
    lines.extend(["7", "\"text\"", "null", "[]"].map(str::to_owned));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    lines.push(call("deep", 1, "anna", "Get").replace("\"one\"", &deep));
    logs.write("a.jsonl", lines.join("\n") + "\n");
    logs.write("b.jsonl", attack("beside"));
    let n = u64::try_from(n_records).unwrap();
    let server = logs.start().await;
    server.until("all records", |status| status.n_texts >= n + 8 && status.behind == Some(0)).await;
    let found = logs.end(server).await;
    assert!(found.users().is_superset(&names(["anna", "beside"])), "{:?} {:?}", found.users(), found.letters);
    let told: Vec<&str> = found.letters.iter().filter_map(|letter| letter["reason"].as_str()).collect();
    assert_eq!(
        found.raws.len() + told.len(),
        n_records + 3 + 4,
        "an empty list says nothing, of the rest each is archived or told: {told:?}"
    );
    assert!(told.len() <= 5, "{told:?}");
    assert!(found.held("new1999") == 1 && found.held("\"when\"") == 1 && found.held("[\"anna\",\"bo\"]") == 1);
}

/// What a process needed at most, in MiB, and how many events and bad texts it took in, of logs in a folder.
fn measured(folder: &Path) -> (u64, u64, u64) {
    let arguments = ["--exact", "takes_in_a_folder_and_measures_itself", "--nocapture"];
    let output = Command::new(std::env::current_exe().unwrap()).args(arguments).env("LOGS", folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find_map(|line| line.split_once("measured ")).unwrap_or_else(|| unreachable!("{said}")).1;
    let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
    (numbers[0], numbers[1], numbers[2])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn takes_in_a_folder_and_measures_itself() {
    let Some(from) = std::env::var_os("LOGS") else { return };
    let logs = Logs::new();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::os::unix::fs::symlink(file.path(), logs.path(file.file_name().to_str().unwrap())).unwrap();
    }
    let n_files = u64::try_from(fs::read_dir(logs.path("")).unwrap().count()).unwrap();
    let server = logs.start().await;
    // Each file has three records, of which the last stands behind everything else.
    let status = server.until("all files", |status| status.n_events >= 3 * n_files).await;
    let found = logs.end(server).await;
    assert_eq!(found.users().len(), usize::try_from(n_files).unwrap(), "{:?}", found.letters);
    let held = fs::read_to_string("/proc/self/status").unwrap();
    let peak = held.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches("kB").trim().parse().unwrap();
    println!("\nmeasured {} {} {}", peak / 1024, status.n_events, status.n_bad);
}

#[test]
fn a_line_of_a_hundred_megabytes_is_told_and_not_held() {
    const LONG: usize = 100 << 20;
    let (short, long) = (Logs::new(), Logs::new());
    for (logs, length) in [(&short, 1_000), (&long, LONG)] {
        // Between records, as the first line, as a field of a record; plain, packed and UTF-16.
        for (name, start, letter) in [("between", 1, b'x'), ("first", 0, b'y'), ("field", 2, b'z')] {
            let user = format!("{name}-user");
            let lines = attack(&user);
            let mut parts: Vec<Vec<u8>> = lines.split_inclusive('\n').map(|line| line.as_bytes().to_vec()).collect();
            let line = vec![letter; length];
            let line = if name == "field" { [br#"{"id":""#, line.as_slice(), br#""}"#].concat() } else { line };
            parts.insert(start, [line.as_slice(), b"\n"].concat());
            let bytes = parts.concat();
            logs.write(&format!("{name}.jsonl"), &bytes);
            if name == "first" {
                let other = String::from_utf8(bytes).unwrap().replace(&user, &format!("{name}-packed"));
                logs.write(&format!("{name}.gz"), gzip(other.as_bytes()));
                let wide = other.replace("-packed", "-wide");
                let wide: Vec<u8> = [0xfeff].into_iter().chain(wide.encode_utf16()).flat_map(u16::to_le_bytes).collect();
                logs.write(&format!("{name}-wide.gz"), gzip(&wide));
            }
        }
    }
    let (small, n_events, _) = measured(&short.path(""));
    let (peak, n_long, n_bad) = measured(&long.path(""));
    // A short field is that of a record.
    assert_eq!((n_events, n_long), (16, 15));
    assert_eq!(n_bad, 5, "each long line is told once");
    // A line may have 16 MiB; reading one holds it a few times, and 100 MB not once.
    assert!(peak < small + 95, "{peak} MiB with long lines, {small} without");
    println!("peak {peak} MiB with lines of 100 MiB, {small} MiB without");
}
