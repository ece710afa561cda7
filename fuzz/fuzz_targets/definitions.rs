//! Azure Policy documents that people bring: what is read is judged and changed, what is not is told with a place that exists.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use skywarden_model::{Carried, Resource, Scope, Timestamp};
use skywarden_policy::{Assignment, Definition, Initiative, NoNeighbours, PolicyExemption};
use skywarden_rule::{Input, Parameters};

fuzz_target!(|text: &str| {
    let Ok(document) = serde_json::from_str::<Value>(text) else { return };
    let errors = [
        Initiative::parse(&document).err(),
        Assignment::parse(&document).err(),
        PolicyExemption::parse(&document).err(),
        Definition::parse(&document).err(),
    ];
    for error in errors.into_iter().flatten().flatten() {
        assert!(document.pointer(&error.pointer).is_some(), "{} names no place of the document", error.pointer);
    }
    let Ok(definition) = Definition::parse(&document) else { return };
    let none = Parameters::new();
    let Ok(bound) = definition.bind(&none) else { return };
    let resource = Resource {
        id: "/subscriptions/s/resourceGroups/g/providers/A.B/c/n".into(),
        type_name: "A.B/c".into(),
        name: "n".to_owned(),
        scope: Scope { connector: "c".into(), account: "s".into(), resource_group: "g".into() },
        location: Some("l".to_owned()),
        tags: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        envelope: serde_json::Map::new(),
        properties: json!({ "a": { "b": [1, "x", null, { "c": true }] }, "n": -3 }),
        unreadable: Vec::new(),
        carried: Carried::All,
    };
    let input = Input { resource: &resource, facts: None, parameters: &none, around: None, now: Timestamp::UNIX_EPOCH };
    bound.judge(&input, &NoNeighbours);
    let _ = bound.change(&input);
});
