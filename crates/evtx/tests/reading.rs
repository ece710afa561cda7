//! Files of our own writer are read as they were written; damaged ones are told and end.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::Cursor;

use serde_json::{Value, json};
use skywarden_evtx::{
    EvtxError, Reader, Record, is_event_log,
    writer::{Content, Datum, Element, Event, Left, LogWriter, Part, event, file},
};

const TICKS: u64 = 133_500_000_000_000_000;

fn read(bytes: &[u8]) -> (Vec<Record>, Vec<String>) {
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    for found in Reader::open(bytes).unwrap() {
        match found {
            Ok(record) => records.push(record),
            Err(error) => problems.push(error.to_string()),
        }
    }
    (records, problems)
}

fn only(content: &Content) -> Value {
    let mut log = LogWriter::starting_at(1);
    log.add(TICKS, content).unwrap();
    let (records, problems) = read(&log.file(Left::Closed));
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(records.len(), 1);
    serde_json::from_str(&records[0].json).unwrap()
}

fn logged(record: u64, data: &[(&str, Datum)]) -> Content {
    let provider = "Microsoft-Windows-Security-Auditing";
    event(&Event { provider, id: 4720, channel: "Security", computer: "srv1", ticks: TICKS, record }, data)
}

fn text(text: &str) -> Datum {
    Datum::Text(text.to_owned())
}

/// `<E>` with one hole for each value, each in an element of its own.
fn holes(values: &[(&str, Datum)]) -> Value {
    let parts = values
        .iter()
        .enumerate()
        .map(|(place, (name, _))| Part::Element(Element::new(name, vec![Part::Hole(u16::try_from(place).unwrap())])));
    let values = values.iter().map(|(_, value)| value.clone()).collect();
    only(&Content::Instance(Element::new("E", parts.collect()), values))["E"].clone()
}

#[test]
fn an_event_has_the_shape_of_evtx_dump() {
    let read = only(&logged(7, &[("TargetUserName", text("mallory")), ("Count", Datum::U32(3)), ("Empty", text(""))]));
    let expected = json!({ "Event": {
        "#attributes": { "xmlns": "http://schemas.microsoft.com/win/2004/08/events/event" },
        "System": {
            "Provider": { "#attributes": { "Name": "Microsoft-Windows-Security-Auditing", "Guid": "{54849625-5478-4994-a5ba-3e3b0328c30d}" } },
            "EventID": 4720, "Version": 1, "Level": 0, "Task": 13568, "Opcode": 0, "Keywords": "0x8020000000000000",
            "TimeCreated": { "#attributes": { "SystemTime": "2024-01-17T21:20:00.0000000Z" } },
            "EventRecordID": 7, "Correlation": null,
            "Execution": { "#attributes": { "ProcessID": 716, "ThreadID": 1024 } },
            "Channel": "Security", "Computer": "srv1", "Security": null,
        },
        "EventData": { "TargetUserName": "mallory", "Count": 3, "Empty": "" },
    } });
    assert_eq!(read, expected);
}

#[test]
fn data_without_names_is_a_list() {
    let data = |data: &[(&str, Datum)]| only(&logged(1, data))["Event"]["EventData"].clone();
    assert_eq!(data(&[("", text("a"))]), json!({ "Data": { "#text": "a" } }));
    assert_eq!(data(&[("", text("a")), ("", Datum::Null), ("", Datum::U8(1))]), json!({ "Data": { "#text": ["a", "", 1] } }));
    let list = Datum::List(vec![text("a"), text(""), text("c")]);
    assert_eq!(data(&[("", list.clone())]), json!({ "Data": { "#text": ["a", "", "c"] } }));
    assert_eq!(data(&[("x", list), ("y", Datum::U8(1)), ("x", text("d"))]), json!({ "x": ["a", "", "c"], "y": 1, "x_1": "d" }));
    assert_eq!(data(&[]), Value::Null);
}

#[test]
fn values_of_every_type_are_read() {
    let read = holes(&[
        ("Null", Datum::Null),
        ("Text", text("a \"b\" \\ \n ü 😀")),
        ("Units", Datum::Units(vec![0x61, 0xd83d, 0x62])),
        ("Ansi", Datum::Ansi(b"\x80 caf\xe9".to_vec())),
        ("I8", Datum::I8(-8)),
        ("U8", Datum::U8(200)),
        ("I16", Datum::I16(-16)),
        ("U16", Datum::U16(60_000)),
        ("I32", Datum::I32(-32)),
        ("U32", Datum::U32(4_000_000_000)),
        ("I64", Datum::I64(i64::MIN)),
        ("U64", Datum::U64(u64::MAX)),
        ("F32", Datum::F32(0.1)),
        ("F64", Datum::F64(-1.5e300)),
        ("True", Datum::Bool(1)),
        ("Bits", Datum::Bool(16)),
        ("Binary", Datum::Binary(vec![0, 0xab, 0xff])),
        ("Size32", Datum::Size32(255)),
        ("Size64", Datum::Size64(1 << 40)),
        ("FileTime", Datum::FileTime(TICKS + 1)),
        ("SystemTime", Datum::SystemTime([2024, 2, 4, 29, 1, 2, 3, 4])),
        ("Sid", Datum::Sid(5, vec![21, 1, 2, 3, 500])),
        ("Hex32", Datum::Hex32(0xc000_0064)),
        ("Hex64", Datum::Hex64(0)),
    ]);
    let expected = json!({
        "Null": null, "Text": "a \"b\" \\ \n ü 😀", "Units": "a\u{fffd}b", "Ansi": "€ café", "I8": -8, "U8": 200, "I16": -16, "U16": 60_000,
        "I32": -32, "U32": 4_000_000_000u32, "I64": i64::MIN, "U64": u64::MAX, "F32": "0.1", "F64": "-1.5e+300", "True": true, "Bits": 16,
        "Binary": "00ABFF", "Size32": "0xff", "Size64": "0x10000000000", "FileTime": "2024-01-17T21:20:00.0000001Z",
        "SystemTime": "2024-02-29T01:02:03.0040000Z", "Sid": "S-1-5-21-1-2-3-500", "Hex32": "0xc0000064", "Hex64": "0x0",
    });
    assert_eq!(read, expected);
}

#[test]
fn lists_repeat_their_element() {
    let read = holes(&[("N", Datum::List(vec![Datum::U16(1), Datum::U16(2)])), ("One", Datum::List(vec![Datum::U16(1)]))]);
    assert_eq!(read, json!({ "N": 1, "N_1": 2, "One": "1" }));
    // Two lists in one element make a copy for each pair.
    let element = Element::new("N", vec![Part::Hole(0), Part::Text("-".to_owned()), Part::Hole(1)]);
    let list = |numbers: [u8; 2]| Datum::List(numbers.map(Datum::U8).to_vec());
    let content = Content::Instance(Element::new("E", vec![Part::Element(element)]), vec![list([1, 2]), list([3, 4])]);
    assert_eq!(only(&content)["E"], json!({ "N": "1-3", "N_1": "1-4", "N_2": "2-3", "N_3": "2-4" }));
}

#[test]
fn what_stands_in_texts_is_put_together() {
    let parts =
        vec![Part::Text("a".to_owned()), Part::Entity("amp".to_owned()), Part::Character(0x42), Part::Cdata("<c>".to_owned())];
    let element = Element::new("T", parts).with("k", vec![Part::Entity("quot".to_owned())]);
    let empty = Element::new("Nothing", Vec::new());
    let inner = Element::new("Inner", vec![Part::Text("1".to_owned())]);
    let mixed = Element::new("Mixed", vec![Part::Text("text".to_owned()), Part::Element(inner)]);
    let all = [element, empty, mixed].map(Part::Element).to_vec();
    let expected = json!({
        "T": { "#attributes": { "k": "\"" }, "#text": "a&B<c>" }, "Nothing": null, "Mixed": { "#text": "text", "Inner": "1" },
    });
    assert_eq!(only(&Content::Elements(vec![Element::new("E", all)]))["E"], expected);
}

/// Some chunks of records.
fn log(n: u64) -> LogWriter {
    let mut log = LogWriter::starting_at(1);
    for record in 1..=n {
        log.add(TICKS + record, &logged(record, &[("Name", text(&format!("record {record}")))])).unwrap();
    }
    log
}

fn ids(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.id).collect()
}

#[test]
fn chunks_follow_one_another_and_blank_ones_are_passed_over() {
    let log = log(600);
    let mut bytes = log.file(Left::Closed);
    assert!(log.chunks().len() >= 3 && is_event_log(&bytes));
    bytes.resize(bytes.len() + 3 * 65_536 + 100, 0);
    let (records, problems) = read(&bytes);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(ids(&records), (1..=600).collect::<Vec<_>>());
    assert_eq!(records[41].written_at.unwrap().to_string(), "2024-01-17T21:20:00.0000042Z");
}

#[test]
fn a_log_that_went_on_in_its_oldest_chunk_is_read_in_order() {
    let mut chunks = log(600).chunks();
    chunks.rotate_left(2);
    let bytes = file(&chunks, 601, Left::Closed);
    let in_order: Vec<_> = Reader::open_in_order(Cursor::new(&bytes)).unwrap().map(|record| record.unwrap().id).collect();
    assert_eq!(in_order, (1..=600).collect::<Vec<_>>());
    let as_it_stands = read(&bytes).0;
    assert!(as_it_stands[0].id > 1 && as_it_stands.len() == 600);
}

#[test]
fn chunks_before_a_record_are_passed_over() {
    let mut chunks = log(600).chunks();
    chunks.rotate_left(1);
    let mut bytes = file(&chunks, 601, Left::Closed);
    let mut reader = Reader::open_in_order_since(Cursor::new(&bytes), 500).unwrap();
    let ids: Vec<_> = reader.by_ref().map(|record| record.unwrap().id).collect();
    assert!(ids[0] > 1 && ids.contains(&500) && ids.len() < 400 && ids.last() == Some(&600), "{ids:?}");
    assert_eq!(reader.passed_over(), Some(&(1..=ids[0] - 1)));
    // A header that is not to be trusted says nothing.
    bytes[4096 + 65_536 * (chunks.len() - 1) + 40] ^= 1;
    let reader = Reader::open_in_order_since(Cursor::new(&bytes), 500).unwrap();
    let (read, problems): (Vec<_>, Vec<_>) = reader.partition(Result::is_ok);
    assert!(read.len() > ids.len() && problems.len() == 1, "{problems:?}");
}

#[test]
fn what_is_damaged_is_told_and_the_rest_is_read() {
    let bytes = log(600).file(Left::Closed);
    let (all, _) = read(&bytes);
    // In the text of a record.
    let mut damaged = bytes.clone();
    damaged[4096 + 65_536 + 40_000] ^= 0xff;
    let (records, problems) = read(&damaged);
    assert!(records.len() >= all.len() - 1, "{}", records.len());
    assert_eq!(problems[0], "in chunk 1 at byte 70144: the checksum of its records is wrong; what can be read of them is read");
    // The head of a record.
    let mut damaged = bytes.clone();
    let second = (4096 + 513..).find(|at| damaged[*at..].starts_with(&[0x2a, 0x2a, 0, 0])).unwrap();
    damaged[second] = 0;
    let (records, problems) = read(&damaged);
    assert_eq!(ids(&records)[..2], [1, 3]);
    assert_eq!((records.len(), problems.len()), (599, 2), "{problems:?}");
    assert_eq!(problems[1], format!("in chunk 0 at byte {second}: no record begins there"));
    // The start and the header of a chunk.
    let mut damaged = bytes.clone();
    damaged[4096] = 0;
    let (records, problems) = read(&damaged);
    assert_eq!(problems, ["in chunk 0 at byte 4096: it does not begin like a chunk, so its records are not read"]);
    assert!(records.len() > 300 && records[0].id > 100);
    let mut damaged = bytes.clone();
    damaged[4096 + 48] ^= 1;
    let (records, problems) = read(&damaged);
    assert_eq!((records.len(), problems.len()), (600, 1), "{problems:?}");
    // The end of the file.
    let (records, problems) = read(&bytes[..bytes.len() - 60_000]);
    assert!(
        records.len() > 300 && problems[0].contains("the file ends 5536 bytes behind the start of the chunk"),
        "{problems:?}"
    );
    assert!(matches!(Reader::open(&b"ElfFil"[..]), Err(EvtxError::NotAnEventLog)));
}

#[test]
fn what_a_dirty_file_has_behind_its_headers_is_read() {
    let (short, long) = (log(5).chunks(), log(9).chunks());
    // The header of five records before nine.
    let mut chunk = long[0].clone();
    chunk[..512].copy_from_slice(&short[0][..512]);
    let (records, problems) = read(&file(&[chunk.clone()], 6, Left::Dirty));
    assert_eq!((ids(&records), problems), ((1..=9).collect::<Vec<_>>(), Vec::new()));
    let behind = Reader::open_in_order_since(Cursor::new(file(&[chunk.clone()], 6, Left::Dirty)), 9).unwrap();
    assert_eq!(behind.last().unwrap().unwrap().id, 9);
    // What is left of an earlier use of the chunk has other numbers.
    let mut old = LogWriter::starting_at(1000);
    for record in 1000..1020 {
        old.add(TICKS, &logged(record, &[("Name", text("record 1"))])).unwrap();
    }
    let mut chunk = old.chunks()[0].clone();
    let end = u32::from_le_bytes(short[0][48..52].try_into().unwrap());
    let end = usize::try_from(end).unwrap();
    chunk[..end].copy_from_slice(&short[0][..end]);
    let (records, problems) = read(&file(&[chunk], 6, Left::Closed));
    assert_eq!((ids(&records), problems), (vec![1, 2, 3, 4, 5], Vec::new()));
}

#[test]
fn what_was_made_to_take_long_is_refused() {
    // A value of 60 KB in a thousand places, records of which each has many.
    let holes = vec![Part::Hole(0); 3000];
    let big = Content::Instance(Element::new("E", holes), vec![text(&"x".repeat(20_000))]);
    let mut deep = Element::new("E", Vec::new());
    for _ in 0..300 {
        deep = Element::new("E", vec![Part::Element(deep)]);
    }
    let mut nested = Content::Elements(vec![Element::new("E", Vec::new())]);
    for _ in 0..200 {
        nested = Content::Instance(Element::new("E", vec![Part::Hole(0)]), vec![Datum::Nested(Box::new(nested))]);
    }
    let pairs: Vec<_> = (0..6).map(Part::Hole).collect();
    let many = vec![Datum::List(vec![Datum::U8(1); 500]); 6];
    let many = Content::Instance(Element::new("E", vec![Part::Element(Element::new("F", pairs))]), many);
    let unknown = Content::Instance(Element::new("E", vec![Part::Hole(0)]), vec![Datum::Raw(0x77, vec![1])]);
    let expected = [
        (big, "longer than 4 MiB"),
        (Content::Elements(vec![deep]), "more than 128 elements"),
        (nested, "more than 128"),
        (many, "more than 131072 parts"),
        (unknown, "there are no values of type 0x77"),
    ];
    for (content, reason) in expected {
        let mut log = LogWriter::starting_at(1);
        log.add(TICKS, &content).unwrap();
        log.add(TICKS, &logged(2, &[])).unwrap();
        let (records, problems) = read(&log.file(Left::Closed));
        assert_eq!(ids(&records), [2], "{reason}");
        assert!(
            problems.len() == 1 && problems[0].contains(reason) && problems[0].starts_with("record 1 in chunk 0"),
            "{problems:?}"
        );
    }
}

#[test]
fn a_chunk_of_records_that_take_long_ends() {
    // Small records, of which each comes to 1.5 MB.
    let template = Element::new("E", vec![Part::Hole(0); 3000]);
    let mut log = LogWriter::starting_at(1);
    for _ in 0..40 {
        log.add(TICKS, &Content::Instance(template.clone(), vec![text(&"y".repeat(500))])).unwrap();
    }
    assert_eq!(log.chunks().len(), 1);
    let (records, problems) = read(&log.file(Left::Closed));
    assert!(records.len() >= 10 && records.len() + problems.len() == 40, "{} {}", records.len(), problems.len());
    assert!(
        problems.iter().all(|problem| problem.contains("the records of the chunk are longer than 16 MiB of JSON")),
        "{problems:?}"
    );
}
