//! That an index of resources and a plan's index by type leave nothing out.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_model::Resource;
use skywarden_policy::{Definition, Estate, Listed, Neighbours, NoNeighbours, State, requested, requested_one};
use skywarden_rule::{Input, Parameters};

use crate::common::resource;

/// All resources, looked through one by one.
struct Pile<'a>(&'a [Resource]);

impl Neighbours for Pile<'_> {
    fn of_type(&self, type_name: &str, account: &str) -> Listed<'_> {
        let is_meant = |one: &&Resource| one.type_name.as_str().eq_ignore_ascii_case(type_name) && &*one.scope.account == account;
        Listed { resources: self.0.iter().filter(is_meant).collect(), incomplete: None }
    }
}

fn any_resource() -> impl Strategy<Value = Resource> {
    let types = prop_oneof![Just("A.B/c"), Just("A.B/c/d"), Just("a.b/C/D"), Just("A.B/e")];
    (
        types,
        prop_oneof![3 => Just("s1"), 1 => Just("s2")],
        "((resourceGroups|resourcegroups)/(rg|RG)[12]/)?",
        "[xX]1?",
        "[w-z]",
        any::<bool>(),
    )
        .prop_map(|(kind, account, group, name, child, on)| {
            let group = format!("/subscriptions/{account}/{group}providers/");
            let id = if kind.matches('/').count() == 2 {
                format!("{group}A.B/c/{name}/d/{child}")
            } else {
                format!("{group}{kind}/{name}")
            };
            resource(&id, kind, json!({ "on": on }))
        })
}

fn existence() -> impl Strategy<Value = Value> {
    let details = prop_oneof![
        Just(json!({ "type": "A.B/c/d" })),
        Just(json!({ "type": "A.B/c/d", "name": "y" })),
        Just(json!({ "type": "A.B/e" })),
        Just(json!({ "type": "A.B/e", "name": "x" })),
        Just(json!({ "type": "A.B/e", "existenceScope": "Subscription" })),
        Just(json!({ "type": "A.B/e", "resourceGroupName": "rg2" })),
    ];
    (details, any::<bool>()).prop_map(|(mut details, asks)| {
        if asks && let Some(members) = details.as_object_mut() {
            members.insert("existenceCondition".to_owned(), json!({ "field": "properties.on", "equals": true }));
        }
        details
    })
}

fn judged(details: &Value, resource: &Resource, neighbours: &dyn Neighbours) -> State {
    let then = json!({ "effect": "auditIfNotExists", "details": details });
    let document = json!({ "displayName": "d", "policyRule": { "if": { "field": "type", "equals": "A.B/c" }, "then": then } });
    let none = Parameters::new();
    let now = skywarden_model::Timestamp::UNIX_EPOCH;
    let input = Input { resource, facts: None, parameters: &none, around: None, now };
    Definition::parse(&document).unwrap().bind(&none).unwrap().judge(&input, neighbours).state
}

proptest! {
    #[test]
    fn an_estate_finds_what_a_look_at_all_resources_finds(
        resources in prop::collection::vec(any_resource(), 0..40),
        details in existence(),
    ) {
        // Ids are unique, whatever their case.
        let by_id: BTreeMap<String, Resource> = resources.into_iter().map(|own| (own.id.as_str().to_lowercase(), own)).collect();
        let resources: Vec<Resource> = by_id.into_values().collect();
        let estate: Estate<'_> = resources.iter().collect();
        for resource in &resources {
            prop_assert_eq!(judged(&details, resource, &estate), judged(&details, resource, &Pile(&resources)));
        }
    }

    #[test]
    fn one_resource_is_read_from_text_as_from_its_document(
        members in prop::collection::btree_map(
            prop_oneof![Just("id"), Just("Type"), Just("type"), Just("name"), Just("location"), Just("Location"), Just("SKU"), Just("tags"), Just("properties"), Just("sku"), Just("zones"), Just("other")],
            prop_oneof![
                4 => Just(json!("/subscriptions/S1/resourceGroups/Rg/providers/A.B/c/x")),
                1 => Just(json!("plain \u{e9}\n")),
                1 => Just(Value::Null),
                1 => Just(json!(1)),
                2 => Just(json!({ "a": "b" })),
                1 => Just(json!({ "a": 1, "b": null })),
                1 => Just(json!(["a"])),
            ],
            0..9,
        ),
    ) {
        let mut document: serde_json::Map<String, Value> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        document.entry("name").or_insert_with(|| json!("x"));
        if !document.contains_key("Type") {
            document.entry("type").or_insert_with(|| json!("x"));
        }
        let document = Value::Object(document);
        let read = requested(&document).map(|resources| resources.into_iter().next().unwrap());
        prop_assert_eq!(requested_one(&document.to_string()), read);
    }
}

#[test]
fn what_is_not_one_resource_says_so() {
    for text in ["", "[]", "{", r#"[{"type":"t","name":"a"},{"type":"t","name":"b"}]"#] {
        assert!(requested_one(text).is_err(), "{text}");
    }
    assert!(requested_one(r#"[{"type":"t","name":"a"}]"#).is_ok());
    assert!(matches!(NoNeighbours.below("t", "a", "/x").incomplete, Some(reason) if reason.operation == "look up t"));
}
