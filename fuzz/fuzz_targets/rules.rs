//! Rules that people write: what compiles is judged, and explaining it gives the same verdict.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use skywarden_model::{Carried, Resource, Scope, Timestamp};
use skywarden_rule::{Input, Parameters, Rule};

fn seeds() {
    let conditions =
        skywarden_fuzz::documents("content/recommendations").into_iter().filter_map(|file| file.get("violated_if").cloned());
    skywarden_fuzz::seeds(conditions.step_by(2).map(|condition| condition.to_string()));
}

fuzz_target!(init: seeds(), |text: &str| {
    let Ok(source) = serde_json::from_str::<Value>(text) else { return };
    let Ok(rule) = Rule::compile(&source, &BTreeSet::from(["p".to_owned()])) else { return };
    let resource = Resource {
        id: "r".into(),
        type_name: "t".into(),
        name: "n".to_owned(),
        scope: Scope { connector: "c".into(), account: "1".into(), resource_group: "g".into() },
        location: Some("l".to_owned()),
        tags: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        envelope: serde_json::Map::new(),
        properties: json!({ "a": { "b": [1, "x", null, { "c": true }] }, "n": -3, "t": "2026-01-01T00:00:00Z" }),
        unreadable: Vec::new(),
        carried: Carried::All,
    };
    let parameters = Parameters::from([("p".to_owned(), json!(["x", 1]))]);
    let input = Input { resource: &resource, facts: None, parameters: &parameters, around: None, now: Timestamp::UNIX_EPOCH };
    assert_eq!(rule.truth(&input), rule.explain(&input).truth);
});
