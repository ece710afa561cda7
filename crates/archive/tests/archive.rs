//! What is written is read again, in the order of arrival, whatever is joined or written twice.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use skywarden_archive::{Archive, ArchivedEvent, Batch, Layout, Row};

const HOUR: i64 = 3_600_000;

/// Which source, minutes since the start, the text.
type Event = (u8, u16, String);

fn layout() -> Layout {
    Layout::new(["actor", "src_ip"]).unwrap()
}

fn source(number: u8) -> &'static str {
    ["aws-cloudtrail", "linux-auth", "dns-query"][usize::from(number) % 3]
}

fn expected(events: &[Event]) -> Vec<ArchivedEvent> {
    let of = |(place, (number, minute, text)): (usize, &Event)| {
        let seq = i64::try_from(place).unwrap();
        let time = i64::from(*minute) * 60_000;
        ArchivedEvent {
            seq,
            time,
            received: 7,
            source: source(*number).to_owned(),
            event_id: format!("e{seq}"),
            columns: vec![(seq % 2 == 0).then(|| "anna".to_owned()), None],
            raw: text.clone(),
        }
    };
    events.iter().enumerate().map(of).collect()
}

async fn put(archive: &Archive, number: u64, events: &[ArchivedEvent]) -> usize {
    let mut batch = Batch::new(archive.layout());
    for event in events {
        let columns = [(event.seq % 2 == 0).then_some("anna"), None];
        let row = Row {
            seq: event.seq,
            time: event.time,
            received: event.received,
            source: &event.source,
            event_id: &event.event_id,
            class: "api_activity",
            columns: &columns,
            raw: &event.raw,
        };
        batch.add(&row).unwrap();
    }
    assert_eq!(batch.n_rows(), u64::try_from(events.len()).unwrap());
    let packed = batch.pack().unwrap();
    archive.put(number, &packed).await.unwrap();
    packed.n_bytes()
}

async fn read(archive: &Archive, source: Option<&str>, range: std::ops::Range<i64>) -> Vec<ArchivedEvent> {
    let mut found = Vec::new();
    archive
        .replay(source, range, &mut |event| {
            found.push(event);
            true
        })
        .await
        .unwrap();
    found
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn any_changed_byte_is_read_or_refused() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::in_folder(folder.path(), layout()).unwrap();
        let events = expected(&[(0, 1, "a".to_owned()), (0, 2, "b".to_owned())]);
        put(&archive, 1, &events).await;
        let own = archive.files(None).await.unwrap();
        let file = folder.path().join(own[0].path().as_ref());
        let whole = std::fs::read(&file).unwrap();
        let mut n_refused = 0;
        // Numbers of a footer are negative by their last bit.
        for (place, by) in (0..whole.len()).flat_map(|place| [0x01, 0x40, 0xff].map(|by| (place, by))) {
            let mut changed = whole.clone();
            changed[place] ^= by;
            std::fs::write(&file, changed).unwrap();
            if let Err(error) = archive.replay(None, i64::MIN..i64::MAX, &mut |_| true).await {
                assert!(error.to_string().contains("parquet"), "{error}");
                n_refused += 1;
            }
        }
        assert!(n_refused > 0);
    });
}

#[test]
fn what_is_named_otherwise_is_no_file_of_the_archive() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::in_folder(folder.path(), layout()).unwrap();
        let events = expected(&[(0, 1, "a".to_owned())]);
        put(&archive, 1, &events).await;
        let own = archive.files(None).await.unwrap();
        let file = folder.path().join(own[0].path().as_ref());
        for name in
            ["hour=0/000000000002.parquet", "hour=00/2.parquet", "hour=00/+00000000002.parquet", "hour=99/000000000002.parquet"]
        {
            let copy = file.parent().unwrap().parent().unwrap().join(name);
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::copy(&file, copy).unwrap();
        }
        assert_eq!(archive.files(None).await.unwrap(), own);
        assert_eq!(read(&archive, None, 0..HOUR).await, events);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn events_come_back_in_the_order_of_their_arrival(
        events in prop::collection::vec((0_u8..3, 0_u16..400, ".{0,20}"), 0..80),
        sizes in prop::collection::vec(1_usize..12, 1..12),
        joined in prop::collection::vec(any::<bool>(), 12),
        (from, length) in (0_i64..400, 0_i64..400),
    ) {
        runtime().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let archive = Archive::in_folder(folder.path(), layout()).unwrap();
            let all = expected(&events);
            let (mut number, mut rest) = (0, all.as_slice());
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (part, after) = rest.split_at((*size).min(rest.len()));
                // Somebody failed in the middle and writes the same again.
                put(&archive, number, part).await;
                put(&archive, number, part).await;
                if joined[usize::try_from(number).unwrap() % joined.len()] {
                    archive.compact(3 * HOUR, number, 2).await.unwrap();
                }
                (number, rest) = (number + 1, after);
            }
            prop_assert_eq!(&read(&archive, None, 0..i64::MAX).await, &all);
            let range = from * 60_000..(from + length) * 60_000;
            let wanted: Vec<_> =
                all.iter().filter(|event| event.source == "linux-auth" && range.contains(&event.time)).cloned().collect();
            prop_assert_eq!(read(&archive, Some("linux-auth"), range).await, wanted);
            Ok(())
        })?;
    }
}

#[test]
fn files_of_an_hour_are_joined_and_later_ones_are_left() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::in_folder(folder.path(), layout()).unwrap();
        let all = expected(&(0..90).map(|n| (0, n, "text".to_owned())).collect::<Vec<_>>());
        for (number, part) in all.chunks(10).enumerate() {
            put(&archive, u64::try_from(number).unwrap(), part).await;
        }
        let done = archive.compact(2 * HOUR, 4, 3).await.unwrap();
        assert_eq!(
            (done.n_before, done.n_after),
            (5, 1),
            "the six files of the first hour without the last, which may come again"
        );
        assert_eq!(archive.compact(2 * HOUR, 4, 3).await.unwrap().n_before, 0, "nothing is left to do");
        assert_eq!(read(&archive, None, 0..i64::MAX).await, all);
        let files = || walk(folder.path());
        assert_eq!(files().len(), 5, "{:?}", files());
        assert!(files()[0].ends_with("source=aws-cloudtrail/date=1970-01-01/hour=00/000000000000-000000000004.parquet"));

        // Somebody was stopped between writing the joined file and removing the others.
        put(&archive, 2, &all[20..30]).await;
        assert_eq!(read(&archive, None, 0..i64::MAX).await, all, "not twice");
        archive.compact(2 * HOUR, 4, 3).await.unwrap();
        assert_eq!(files().len(), 5);

        written_when_it_happened(folder.path());
        assert_eq!(archive.remove_before(|_| HOUR + 1).await.unwrap(), 2);
        assert_eq!(read(&archive, None, 0..i64::MAX).await, all[60..]);
        assert_eq!(archive.remove_before(|_| HOUR + 1).await.unwrap(), 0);
    });
}

#[test]
fn each_log_source_is_kept_for_its_own_time() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::in_folder(folder.path(), layout()).unwrap();
        let all: Vec<Event> = (0..6).map(|n| (n % 2, u16::from(n / 2) * 60, "x".to_owned())).collect();
        put(&archive, 1, &expected(&all)).await;
        written_when_it_happened(folder.path());
        let before = |source: &str| if source == "linux-auth" { 2 * HOUR } else { HOUR };
        assert_eq!(archive.remove_before(before).await.unwrap(), 3);
        let left = read(&archive, None, 0..i64::MAX).await;
        let left: Vec<(&str, i64)> = left.iter().map(|event| (event.source.as_str(), event.time / HOUR)).collect();
        assert_eq!(left, [("aws-cloudtrail", 1), ("aws-cloudtrail", 2), ("linux-auth", 2)]);
        assert_eq!(archive.sources().await.unwrap(), ["aws-cloudtrail", "linux-auth"]);
    });
}

#[test]
fn what_a_wrong_clock_wrote_stays_as_long_as_what_arrived_with_it() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::in_folder(folder.path(), layout()).unwrap();
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let (past, future) = (0, 4_102_444_800_000);
        let mut all = expected(&[(0, 0, "x".to_owned()), (0, 0, "y".to_owned()), (0, 0, "z".to_owned())]);
        for (event, time) in all.iter_mut().zip([past, now, future]) {
            event.time = time;
        }
        put(&archive, 1, &all).await;
        let dates: Vec<String> =
            walk(folder.path()).iter().map(|file| file.split('/').rev().nth(2).unwrap().to_owned()).collect();
        assert_eq!((dates.len(), dates[0].as_str(), dates[2].as_str()), (3, "date=1970-01-01", "date=2100-01-01"));
        let day = 24 * HOUR;
        assert_eq!(archive.remove_before(|_| now - day).await.unwrap(), 0, "all of it is fresh");
        assert_eq!(read(&archive, None, 0..i64::MAX).await, all);
        assert_eq!(archive.remove_before(|_| now + day).await.unwrap(), 3, "and none of it stays for ever");
    });
}

#[test]
fn a_damaged_file_is_named_with_what_to_do() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::in_folder(folder.path(), layout()).unwrap();
        put(&archive, 1, &expected(&[(0, 0, "x".repeat(1_000))])).await;
        let file = walk(folder.path()).pop().unwrap();
        let bytes = std::fs::read(&file).unwrap();
        for wrong in [&bytes[..bytes.len() / 2], b"PAR1", b""] {
            std::fs::write(&file, wrong).unwrap();
            let error = archive.replay(None, 0..i64::MAX, &mut |_| true).await.unwrap_err().to_string();
            assert!(error.contains("000000000001.parquet") && error.contains("move it away"), "{error}");
        }
        std::fs::write(folder.path().join("source=aws-cloudtrail/notes.txt"), "not ours").unwrap();
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(read(&archive, None, 0..i64::MAX).await.len(), 1);
    });
}

#[test]
fn much_in_one_hour_is_packed_in_parts() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::in_folder(folder.path(), layout()).unwrap();
        let all = expected(&(0..3_000_u16).map(|n| (0, n / 100, format!("{n} {}", "x".repeat(10_000)))).collect::<Vec<_>>());
        let n_bytes = put(&archive, 1, &all).await;
        assert!(n_bytes < 3_000_000, "{n_bytes} bytes of 30 MB");
        let found = read(&archive, None, 0..i64::MAX).await;
        assert!(found == all);
        assert_eq!(archive.compact(i64::MAX, 1, 2).await.unwrap().n_before, 0, "one file is not joined");
    });
}

/// Makes files as old as what is in them.
fn written_when_it_happened(folder: &std::path::Path) {
    for path in walk(folder) {
        let hour: u64 = path.split("hour=").nth(1).and_then(|rest| rest.get(..2)?.parse().ok()).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(3_600 * hour + 1_800)).unwrap();
    }
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{error}")) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                files.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}
