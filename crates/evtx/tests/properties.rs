//! What is written is read; whatever bytes are changed, reading tells problems and ends.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use skywarden_evtx::{
    Reader,
    writer::{Content, Datum, Element, Event, Left, LogWriter, Part, event},
};

/// A value of a simple type, with what JSON should say of it.
fn single() -> impl Strategy<Value = (Datum, Value)> {
    let text = "[^\\x00]{0,30}";
    prop_oneof![
        Just((Datum::Null, json!(""))),
        text.prop_map(|text| (Datum::Text(text.clone()), json!(text))),
        "[ -~]{0,30}".prop_map(|text| (Datum::Ansi(text.clone().into_bytes()), json!(text))),
        any::<i8>().prop_map(|number| (Datum::I8(number), json!(number))),
        any::<u8>().prop_map(|number| (Datum::U8(number), json!(number))),
        any::<i16>().prop_map(|number| (Datum::I16(number), json!(number))),
        any::<u16>().prop_map(|number| (Datum::U16(number), json!(number))),
        any::<i32>().prop_map(|number| (Datum::I32(number), json!(number))),
        any::<u32>().prop_map(|number| (Datum::U32(number), json!(number))),
        any::<i64>().prop_map(|number| (Datum::I64(number), json!(number))),
        any::<u64>().prop_map(|number| (Datum::U64(number), json!(number))),
        (-1e4..1e4f64).prop_map(|number| (Datum::F64(number), json!(format!("{number:?}")))),
        (0.001..1e4f32).prop_map(|number| (Datum::F32(number), json!(format!("{number:?}")))),
        any::<bool>().prop_map(|is_true| (Datum::Bool(i32::from(is_true)), json!(is_true))),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            (Datum::Binary(bytes), json!(hex))
        }),
        any::<u32>().prop_map(|number| (Datum::Hex32(number), json!(format!("{number:#x}")))),
        any::<u64>().prop_map(|number| (Datum::Hex64(number), json!(format!("{number:#x}")))),
        any::<u64>().prop_map(|number| (Datum::Size64(number), json!(format!("{number:#x}")))),
        (0..2_600_000_000_000_000_000u64).prop_map(|ticks| {
            let second = i64::try_from(ticks / 10_000_000).unwrap() - 11_644_473_600;
            let time = jiff::Timestamp::from_second(second).unwrap().strftime("%Y-%m-%dT%H:%M:%S");
            (Datum::FileTime(ticks), json!(format!("{time}.{:07}Z", ticks % 10_000_000)))
        }),
        (any::<u8>(), prop::collection::vec(any::<u32>(), 0..6)).prop_map(|(authority, parts)| {
            let text = parts.iter().fold(format!("S-1-{authority}"), |text, part| format!("{text}-{part}"));
            (Datum::Sid(authority, parts), json!(text))
        }),
    ]
}

/// A value, or a list of two or more of one type.
fn datum() -> impl Strategy<Value = (Datum, Value)> {
    let numbers = prop::collection::vec(any::<u32>(), 2..6);
    let texts = prop::collection::vec("[^\\x00]{0,8}", 2..6);
    prop_oneof![
        8 => single(),
        1 => numbers.prop_map(|list| (Datum::List(list.iter().copied().map(Datum::U32).collect()), json!(list))),
        1 => texts.prop_map(|list| (Datum::List(list.iter().cloned().map(Datum::Text).collect()), json!(list))),
    ]
}

/// Records with what their `EventData` should be.
fn records() -> impl Strategy<Value = Vec<Vec<(Datum, Value)>>> {
    prop::collection::vec(prop::collection::vec(datum(), 1..12), 1..40)
}

fn content(number: usize, data: &[(Datum, Value)]) -> Content {
    let names: Vec<String> = (0..data.len()).map(|place| format!("n{place}")).collect();
    let data: Vec<(&str, Datum)> = names.iter().zip(data).map(|(name, (datum, _))| (name.as_str(), datum.clone())).collect();
    let record = u64::try_from(number).unwrap();
    event(&Event { provider: "Test", id: 1, channel: "Test", computer: "host", ticks: record, record }, &data)
}

fn log(records: &[Vec<(Datum, Value)>]) -> LogWriter {
    let mut log = LogWriter::starting_at(0);
    for (number, data) in records.iter().enumerate() {
        log.add(u64::try_from(number).unwrap(), &content(number, data)).unwrap();
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 500, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn what_is_written_is_read(records in records()) {
        let bytes = log(&records).file(Left::Closed);
        let mut n = 0;
        for (record, data) in Reader::open(bytes.as_slice()).unwrap().zip(&records) {
            let record = record.unwrap();
            let json: Value = serde_json::from_str(&record.json).unwrap();
            let expected: Map<String, Value> =
                data.iter().enumerate().map(|(place, (_, value))| (format!("n{place}"), value.clone())).collect();
            prop_assert_eq!(&json["Event"]["EventData"], &Value::Object(expected));
            prop_assert_eq!(&json["Event"]["System"]["EventRecordID"], &json!(record.id));
            n += 1;
        }
        prop_assert_eq!(n, records.len());
    }

    #[test]
    fn changed_bytes_end_in_problems(
        records in records(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = log(&records).file(Left::Dirty);
        // Where something stands: most of a chunk is blank.
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        for (place, byte) in changes {
            let place = 8 + place.index(end - 8);
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(8 + cut.index(bytes.len() - 8));
        }
        let mut n = 0;
        for found in Reader::open(bytes.as_slice()).unwrap() {
            if let Ok(record) = found {
                prop_assert!(serde_json::from_str::<Value>(&record.json).is_ok(), "{}", record.json);
            }
            n += 1;
        }
        // A record has more than 28 bytes, and a chunk and the file tell a few problems more.
        prop_assert!(n < bytes.len() / 28 + 10);
    }

    #[test]
    fn any_tokens_end(tokens in prop::collection::vec(any::<u8>(), 0..400), hole in any::<u8>()) {
        // Bytes as BinXML in a value of a record.
        let template = Element::new("E", vec![Part::Hole(0), Part::Hole(1)]);
        let values = vec![Datum::Raw(0x21, tokens.clone()), Datum::Raw(hole, tokens)];
        let mut log = LogWriter::starting_at(1);
        log.add(1, &Content::Instance(template, values)).unwrap();
        let bytes = log.file(Left::Closed);
        prop_assert_eq!(Reader::open(bytes.as_slice()).unwrap().count(), 1);
    }
}
