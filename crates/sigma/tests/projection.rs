//! What a projection takes out of records.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value as Json, json};
use skywarden_sigma::{Projection, Slot, Value};

fn texts(paths: &[&str], json: &str) -> Vec<Vec<String>> {
    let mut projection = Projection::default();
    let slots: Vec<Slot> = paths
        .iter()
        .map(|path| {
            let slot = projection.slot();
            projection.take(slot, 0, path);
            slot
        })
        .collect();
    let record = projection.read(json).unwrap();
    let value: Json = serde_json::from_str(json).unwrap();
    let built = projection.read_value(&value);
    let of = |value: &Value<'_>| value.each().iter().filter_map(Value::text).map(|text| text.into_owned()).collect::<Vec<_>>();
    slots
        .iter()
        .map(|slot| {
            let read = of(record.get(*slot));
            assert_eq!(read, of(built.get(*slot)), "read and walked alike");
            read
        })
        .collect()
}

#[test]
fn paths_go_through_objects_lists_and_keys_with_dots() {
    let json = json!({
        "a": { "b": "1", "c.d": "2" },
        "e": [{ "f": "3" }, { "f": "4" }, { "g": "x" }],
        "h.i": { "j": 5 },
        "k": { "l": { "app.kubernetes.io/part-of": true } },
    });
    let paths = ["a.b", "a.c.d", "e.f", "h.i.j", "k.l.app.kubernetes.io/part-of", "k.l.none"];
    let expected: Vec<Vec<&str>> = vec![vec!["1"], vec!["2"], vec!["3", "4"], vec!["5"], vec!["true"], vec![]];
    assert_eq!(texts(&paths, &json.to_string()), expected);
}

#[test]
fn a_text_that_is_json_is_a_text_and_a_document() {
    let json = json!({ "p": "{\"q\":{\"r\":\"1\"}}", "s": "eyJ0IjoiMiJ9", "u": "{ no json" });
    let found = texts(&["p.q.r", "p", "s.t", "u", "u.v"], &json.to_string());
    let expected: Vec<Vec<&str>> = vec![vec!["1"], vec!["{\"q\":{\"r\":\"1\"}}"], vec!["2"], vec!["{ no json"], vec![]];
    assert_eq!(found, expected);
}

#[test]
fn the_first_place_that_is_there_counts() {
    let mut projection = Projection::default();
    let slot = projection.slot();
    projection.take(slot, 0, "EventID");
    projection.take(slot, 1, "Event.System.EventID");
    let second = r#"{"Event":{"System":{"EventID":4688}}}"#;
    let both = r#"{"Event":{"System":{"EventID":4688}},"EventID":1}"#;
    assert_eq!(projection.read(second).unwrap().get(slot), &Value::Int(4688));
    assert_eq!(projection.read(both).unwrap().get(slot), &Value::Int(1), "whatever comes first in the text");
}

#[test]
fn texts_anywhere_are_found_wherever_they_are() {
    let mut projection = Projection::default();
    let asked = projection.slot();
    projection.take(asked, 0, "a.b");
    let everything = projection.everything();
    let record = projection.read(r#"{"a":{"b":"one","c":["two",{"d":"three"}]},"e":7}"#).unwrap();
    let found: Vec<_> = record.get(everything).each().iter().filter_map(Value::text).collect();
    assert_eq!(found, ["one", "two", "three"]);
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    let mut projection = Projection::default();
    let slot = projection.slot();
    projection.take(slot, 0, "a");
    for text in ["", "{", r#"{"a":1}x"#, r#"{"a":"\ud800"}"#, &"[".repeat(100_000)] {
        assert!(projection.read(text).is_err(), "{}", text.get(..20).unwrap_or(text));
    }
    assert_eq!(projection.read(r#"{"a":18446744073709551615}"#).unwrap().get(slot).text().unwrap(), "18446744073709551615");
}
