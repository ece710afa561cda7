//! The archive as it is asked: by `skywarden hunt`, by DuckDB beside it, and by detection once more.
#![cfg(feature = "hunt")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod hunting;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use hunting::{EACH, SOURCES, archive, hunt, skywarden, take_in};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_archive_answers_and_raises_the_same_alerts_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = take_in(folder.path()).await;
    let place = folder.path().join("archive");
    again_raises(&place, &first);

    let joined = archive(&place).compact(i64::MAX, u64::MAX, 2).await.unwrap();
    assert!(joined.n_before > joined.n_after && joined.n_after == 9, "three log sources, three hours: {joined:?}");
    again_raises(&place, &first);
    the_guides_queries_find_something(&place);
    questions_are_answered_and_nothing_else(&place);
    duckdb_says_the_same(&place);
}

/// Detection over the archive finds what it found when events came.
fn again_raises(archive: &Path, first: &BTreeMap<String, skywarden_detect::Alert>) {
    let output = skywarden(&["detect", "--archive", archive.to_str().unwrap(), "--format", "json"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains(&format!("{} events of", 3 * EACH)) && told.contains("; 0 could not be read"), "{told}");
    let again: BTreeMap<String, Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|alert| (alert["id"].as_str().unwrap().to_owned(), alert))
        .collect();
    let detections: BTreeSet<&str> = first.values().map(|alert| alert.detection.as_ref()).collect();
    assert!(detections.len() >= 2 && first.len() >= 3, "{detections:?}");
    assert_eq!(again.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>());
    for (id, alert) in first {
        let same = json!({
            "title": alert.title, "description": alert.description, "nEvents": alert.n_events, "events": alert.events,
            "start": alert.start.to_string(), "end": alert.end.to_string(), "entities": alert.entities, "evidence": alert.evidence,
            "why": alert.why, "account": alert.account,
        });
        for (name, value) in same.as_object().unwrap() {
            assert_eq!(&again[id][name], value, "{name} of {}", alert.title);
        }
    }
    // A part of it.
    let part = ["--source", "linux-auth", "--since", "2026-03-01T11:00:00Z", "--until", "2026-03-01T12:00:00Z"];
    let output = skywarden(&[["detect", "--archive", archive.to_str().unwrap()].as_slice(), &part].concat());
    assert!(String::from_utf8_lossy(&output.stderr).contains("400 events of linux-auth"), "{output:?}");
}

/// Each block of SQL in the guide, against events of our own.
fn the_guides_queries_find_something(archive: &Path) {
    let guide = include_str!("../../../docs/guide/hunting.md");
    let queries: Vec<&str> = guide.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(queries.len() >= 10, "{}", queries.len());
    for query in queries {
        assert!(!hunt(archive, query).is_empty(), "nothing is found by\n{query}");
    }
}

fn questions_are_answered_and_nothing_else(archive: &Path) {
    assert_eq!(hunt(archive, "SELECT count(*) AS n FROM events"), [json!({ "n": 3 * EACH })]);
    let hour = "SELECT count(*) AS n FROM events WHERE time >= '2026-03-01T11:00:00Z' AND time < '2026-03-01T12:00:00Z'";
    assert_eq!(hunt(archive, hour), [json!({ "n": 1_200 })]);
    let folders =
        "SELECT source, date, hour, count(*) AS n FROM events WHERE date = '2026-03-01' AND hour = 12 GROUP BY ALL ORDER BY 1";
    assert_eq!(
        hunt(archive, folders),
        SOURCES.map(|source| json!({ "source": source, "date": "2026-03-01", "hour": 12, "n": 400 }))
    );
    let json = "SELECT raw->'userIdentity'->>'type' AS kind, json_get_str(raw, 'userIdentity', 'userName') AS name, raw->'readOnly' AS r, time \
                FROM aws_cloudtrail WHERE operation = 'StopLogging'";
    let found = hunt(archive, json);
    assert_eq!(found, [json!({ "kind": "IAMUser", "name": "user17", "r": true, "time": "2026-03-01T11:56:33.000Z" })]);
    // A log source that is known and has no event.
    assert_eq!(hunt(archive, "SELECT count(*) AS n FROM gcp_audit"), [json!({ "n": 0 })]);

    let place = archive.to_str().unwrap();
    let ask = |sql: &str, more: &[&str]| skywarden(&[["hunt", sql, "--archive", place].as_slice(), more].concat());
    for (sql, wanted) in [
        ("SELECT operaton FROM events", "there is no column operaton (line 1, column 8); did you mean operation?"),
        ("SELECT *\nFROM aws_cloudtrial", "line 2, column 6); did you mean aws_cloudtrail?"),
        ("SELEC 1", "Line: 1, Column: 1"),
        ("SELECT date_trun('hour', time) FROM events", "date_trunc"),
        ("DROP TABLE events", "hunting only reads"),
        ("CREATE TABLE x AS SELECT 1", "hunting only reads"),
        ("INSERT INTO events SELECT * FROM events", "hunting only reads"),
        ("COPY (SELECT 1) TO '/tmp/skywarden-hunt-must-not-write.csv'", "hunting only reads"),
        ("SET datafusion.execution.batch_size = 1", "hunting only reads"),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", "hunting only reads"),
        ("EXPLAIN ANALYZE INSERT INTO events SELECT * FROM events", "hunting only reads"),
        ("SELECT * FROM '/etc/passwd'", "not found"),
    ] {
        let output = ask(sql, &[]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(wanted), "{sql}\n{told}");
    }
    assert!(!Path::new("/tmp/skywarden-hunt-must-not-write.csv").exists());
    let output = ask("SELECT actor, '=1+1' AS x FROM aws_cloudtrail ORDER BY seq", &["--format", "csv", "--limit", "2"]);
    let arn = "arn:aws:iam::111122223333:user/user";
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("actor,x\n{arn}00,'=1+1\n{arn}01,'=1+1\n"));
    let output = ask("SELECT seq FROM events", &[]);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("100 rows shown; there are more"), "{output:?}");
    let output = skywarden(&["hunt", "--schema", "--archive", place]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(["aws_cloudtrail", "events", "user_agent", "context"].iter().all(|name| told.contains(name)), "{told}");
    let output = skywarden(&["hunt", "SELECT 1", "--archive", "/nowhere/at/all"]);
    assert!(!output.status.success() && !Path::new("/nowhere").exists(), "{output:?}");
}

/// Another reader of Parquet finds the same in the same files.
fn duckdb_says_the_same(archive: &Path) {
    let queries = [
        "SELECT count(*) AS n FROM events",
        "SELECT count(*) AS n FROM events WHERE source = 'linux-auth' AND hour = 11",
        "SELECT source, date, hour, count(*) AS n, min(time) AS first, max(time) AS last FROM events GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        "SELECT operation, count(*) AS n FROM events WHERE operation IS NOT NULL GROUP BY 1 ORDER BY 1",
        "SELECT src_ip, status, count(*) AS n FROM events WHERE source <> 'aws-cloudtrail' GROUP BY 1, 2 ORDER BY 1 NULLS LAST, 2 NULLS LAST",
        "SELECT seq, event_id, class, account, raw, context FROM events ORDER BY seq LIMIT 500",
        "SELECT count(DISTINCT event_id) AS n, sum(seq) AS total, max(length(raw)) AS longest FROM events",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/duckdb/bin/python");
    assert!(python.exists(), "{} is not there: run `cargo xtask test`, which installs it", python.display());
    let mut command = Command::new(python);
    command.arg(root.join("tests/clients/duckdb_archive.py")).arg(archive).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(json!(queries).to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Vec<Vec<Value>> = serde_json::from_slice(&output.stdout).unwrap();
    for (sql, answer) in queries.iter().zip(&answers) {
        assert!(!answer.is_empty());
        assert_eq!(&hunt(archive, sql), answer, "{sql}");
    }
    assert_eq!(answers.len(), queries.len());
}
