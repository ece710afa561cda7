//! Azure Policy documents that people bring: what is read is judged and changed, what is not is told with a place that exists.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use skywarden_model::{Carried, Resource, Scope, Timestamp};
use skywarden_policy::{Assignment, Definition, Initiative, NoNeighbours, PolicyExemption};
use skywarden_rule::{Input, Parameters};

fn seeds() {
    let mut seeds: Vec<String> = skywarden_fuzz::documents("testkit/policies").iter().map(ToString::to_string).collect();
    let conditions =
        skywarden_fuzz::documents("content/recommendations").into_iter().filter_map(|file| file.get("violated_if").cloned());
    for condition in conditions.step_by(10) {
        let rule = json!({ "if": condition, "then": { "effect": "audit" } });
        seeds.push(json!({ "id": "/providers/Microsoft.Authorization/policyDefinitions/d", "name": "d", "properties": { "policyRule": rule } }).to_string());
    }
    let assigned = "/providers/Microsoft.Authorization/policyDefinitions/d";
    seeds.push(json!({ "id": "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a", "name": "a",
        "properties": { "policyDefinitionId": assigned, "notScopes": ["/subscriptions/s/resourceGroups/g"], "parameters": { "p": { "value": 1 } },
        "overrides": [{ "kind": "policyEffect", "value": "Disabled" }],
        "resourceSelectors": [{ "name": "x", "selectors": [{ "kind": "resourceLocation", "in": ["l"] }] }] } }).to_string());
    seeds.push(
        json!({ "id": "/providers/Microsoft.Authorization/policySetDefinitions/i", "name": "i",
        "properties": { "policyDefinitionGroups": [{ "name": "g" }],
        "policyDefinitions": [{ "policyDefinitionId": assigned, "policyDefinitionReferenceId": "r", "groupNames": ["g"] }] } })
        .to_string(),
    );
    skywarden_fuzz::seeds(seeds);
}

fuzz_target!(init: seeds(), |text: &str| {
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
