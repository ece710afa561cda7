//! Queries see each event once and open only the files that may matter, while files come, are joined and go.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use serde_json::{Value, json};
use skywarden_archive::{Archive, Batch, Layout, Row};
use skywarden_hunt::{Hunt, HuntError};

const HOUR: i64 = 3_600_000;

/// 2026-03-01T10:00:00Z.
const TEN: i64 = 1_772_359_200_000;

fn archive(folder: &Path, columns: &[&str]) -> Archive {
    Archive::in_folder(folder, Layout::new(columns.iter().copied()).unwrap()).unwrap()
}

/// Puts one event for each time.
async fn put(archive: &Archive, number: u64, source: &str, times: impl IntoIterator<Item = i64>) {
    let mut batch = Batch::new(archive.layout());
    for (place, time) in (0_i64..).zip(times) {
        let raw = format!(r#"{{"n":{place},"deep":{{"list":[{place},"x"],"text":"é\u0000"}},"ok":true,"none":null}}"#);
        let columns = [Some("anna"), None];
        let row = Row {
            seq: place,
            time,
            received: time,
            source,
            event_id: "e",
            class: "c",
            columns: columns.split_at(archive.layout().names().len()).0,
            raw: &raw,
        };
        batch.add(&row).unwrap();
    }
    archive.put(number, &batch.pack().unwrap()).await.unwrap();
}

async fn ask(archive: &Archive, sql: &str) -> Result<Vec<Vec<Value>>, HuntError> {
    let mut answer = Hunt::open(archive, ["known-source"]).await?.query(sql).await?;
    let mut found = Vec::new();
    while let Some(rows) = answer.next().await? {
        rows.each(usize::MAX, |row| {
            found.push(row);
            Ok::<_, HuntError>(())
        })?;
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_files_that_may_hold_what_is_asked_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path(), &["actor"]);
    put(&archive, 1, "a-b", (0..5).map(|hour| TEN + hour * HOUR)).await;
    put(&archive, 2, "other", [TEN, TEN + 24 * HOUR]).await;
    let damaged = ["source=a-b/date=2026-03-01/hour=14", "source=other/date=2026-03-02/hour=10"];
    for (place, number) in damaged.iter().zip([1, 2]) {
        std::fs::write(folder.path().join(place).join(format!("{number:012}.parquet")), "this is no Parquet").unwrap();
    }
    for (sql, n) in [
        ("SELECT count(*) FROM events WHERE date = '2026-03-01' AND hour < 14", 5),
        ("SELECT count(*) FROM events WHERE time < '2026-03-01T14:00:00Z'", 5),
        ("SELECT count(*) FROM events WHERE time BETWEEN '2026-03-01T11:00:00Z' AND '2026-03-01T12:30:00Z'", 2),
        ("SELECT count(*) FROM events WHERE time < TIMESTAMP '2026-03-01T11:30:00' - INTERVAL '1 hour'", 2),
        ("SELECT count(*) FROM a_b WHERE hour IN (10, 11) OR (hour = 12 AND actor = 'anna')", 3),
        ("SELECT count(*) FROM other WHERE date < '2026-03-02'", 1),
        ("SELECT count(*) FROM events WHERE source = 'a-b' AND hour = 10 AND source <> 'other'", 1),
        ("SELECT count(*) FROM events WHERE source = 'nobody'", 0),
        ("SELECT count(*) FROM known_source", 0),
    ] {
        assert_eq!(ask(&archive, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")), [[json!(n)]], "{sql}");
    }
    let error = ask(&archive, "SELECT count(actor) FROM events").await.unwrap_err();
    assert!(matches!(&error, HuntError::Engine(_)), "what can't be read is told: {error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_count_once_while_files_are_written_and_joined() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path(), &["actor"]);
    put(&archive, 1, "a", [TEN; 10]).await;
    put(&archive, 2, "a", [TEN; 10]).await;
    archive.compact(i64::MAX, u64::MAX, 2).await.unwrap();
    // Left by somebody who was stopped between writing what was joined and removing its parts.
    put(&archive, 1, "a", [TEN; 10]).await;
    assert_eq!(ask(&archive, "SELECT count(*) FROM events").await.unwrap(), [[json!(20)]]);

    let writer = archive.clone();
    let writing = tokio::spawn(async move {
        for number in 3..60 {
            put(&writer, number, "a", [TEN; 10]).await;
            if number % 3 == 0 {
                writer.compact(i64::MAX, number, 2).await.unwrap();
            }
        }
    });
    let (mut last, mut n_answers) = (20, 0);
    while !writing.is_finished() {
        match ask(&archive, "SELECT count(*), sum(length(raw)) FROM events").await {
            Ok(found) => {
                let n = found.first().unwrap().first().unwrap().as_i64().unwrap();
                assert!(n >= last && n % 10 == 0, "{n} after {last}");
                (last, n_answers) = (n, n_answers + 1);
            }
            Err(HuntError::Changed) => {}
            Err(other) => panic!("{other}"),
        }
    }
    writing.await.unwrap();
    assert!(n_answers > 0);
    assert_eq!(ask(&archive, "SELECT count(*) FROM a").await.unwrap(), [[json!(590)]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_taken_apart_and_columns_that_old_files_lack_are_null() {
    let folder = tempfile::tempdir().unwrap();
    put(&archive(folder.path(), &["actor"]), 1, "a", [TEN, TEN]).await;
    let archive = archive(folder.path(), &["actor", "newer"]);
    let sql = "SELECT raw->>'n', raw->'n', raw->'deep'->'list'->>1, raw->'deep'->'list', json_get_int(raw, 'deep', 'list', 0), raw->'ok', \
               raw->'none', raw->'nothing'->>'there', json_get_array(raw, 'deep', 'list'), newer, actor, time, date, source \
               FROM events WHERE json_get_int(raw, 'n') = 1 AND raw->'deep'->>'text' <> 'x' AND raw->>'n' = '1'";
    let wanted = json!([
        "1",
        1,
        "x",
        [1, "x"],
        1,
        true,
        null,
        null,
        ["1", "\"x\""],
        null,
        "anna",
        "2026-03-01T10:00:00.000Z",
        "2026-03-01",
        "a"
    ]);
    assert_eq!(json!(ask(&archive, sql).await.unwrap()), json!([wanted]));
    let sql = "SELECT 1.5, 'NaN'::double precision, 3::bigint, now() > time, named_struct('a', 1, 'b', make_array('x')), NULL, INTERVAL '1 day', count(*) FROM events GROUP BY time";
    let found = ask(&archive, sql).await.unwrap();
    let [row] = found.as_slice() else { panic!("{found:?}") };
    let (start, rest) = row.split_at(6);
    assert_eq!(json!(start), json!([1.5, null, 3, true, { "a": 1, "b": ["x"] }, null]));
    assert_eq!(rest.last(), Some(&json!(2)));
}
