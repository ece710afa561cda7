//! What `modify` and `append` would make of a resource.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use skywarden_model::Resource;
use skywarden_policy::{Changed, Definition, NoNeighbours, State};
use skywarden_rule::{Around, Input, Parameters, TemplateError};

use crate::common::plain;

fn resource(tags: &[(&str, &str)], properties: Value) -> Resource {
    Resource {
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        envelope: Map::from_iter([("identity".to_owned(), json!({ "type": "None" }))]),
        ..plain(properties)
    }
}

fn definition(condition: Value, then: Value) -> Definition {
    let document = json!({ "displayName": "d", "policyRule": { "if": condition, "then": then } });
    Definition::parse(&document).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn with<T>(resource: &Resource, then: impl FnOnce(&Input<'_>) -> T) -> T {
    let around = Around { resource_group: Some(json!({ "name": "rg1", "tags": { "owner": "me" } })), ..Around::default() };
    let none = Parameters::new();
    let now = "2026-06-30T00:00:00Z".parse().unwrap();
    then(&Input { resource, facts: None, parameters: &none, around: Some(&around), now })
}

fn change(details: Value, resource: &Resource) -> Result<Changed, TemplateError> {
    let effect = if details.is_array() { "append" } else { "modify" };
    let definition = definition(json!({ "field": "type", "equals": "A.B/c" }), json!({ "effect": effect, "details": details }));
    let bound = definition.bind(&Parameters::new()).unwrap();
    with(resource, |input| bound.change(input))
}

fn modified(operations: Value, resource: &Resource) -> Changed {
    change(json!({ "operations": operations }), resource).unwrap()
}

#[test]
fn operations_change_tags_properties_and_the_envelope() {
    let before =
        resource(&[("env", "prod")], json!({ "Net": { "access": "Enabled" }, "rules": [{ "on": true }, { "on": false }] }));
    let changed = modified(
        json!([
            { "operation": "add", "field": "tags['env']", "value": "test" },
            { "operation": "add", "field": "tags['owner']", "value": "[resourceGroup().tags['owner']]" },
            { "operation": "addOrReplace", "field": "A.B/c/net.access", "value": "Disabled" },
            { "operation": "addOrReplace", "field": "A.B/c/made.on.the.way", "value": 1 },
            { "operation": "addOrReplace", "field": "A.B/c/rules[*].on", "value": true },
            { "operation": "addOrReplace", "field": "identity.type", "value": "SystemAssigned" },
            { "operation": "remove", "field": "A.B/c/nothing" },
            { "operation": "addOrReplace", "field": "location", "value": "eastus", "condition": "[equals(field('name'), 'y')]" }
        ]),
        &before,
    );
    let after = &changed.resource;
    assert_eq!(after.tags, BTreeMap::from([("env".to_owned(), "prod".to_owned()), ("owner".to_owned(), "me".to_owned())]));
    assert_eq!(
        after.properties,
        json!({ "Net": { "access": "Disabled" }, "made": { "on": { "the": { "way": 1 } } }, "rules": [{ "on": true }, { "on": true }] })
    );
    assert_eq!(
        (after.envelope.get("identity"), after.location.as_deref()),
        (Some(&json!({ "type": "SystemAssigned" })), Some("westeurope"))
    );
    let fields: Vec<(&str, Option<&Value>)> =
        changed.changes.iter().map(|change| (change.field.as_str(), change.before.as_ref())).collect();
    let (disabled, mixed) = (json!("Enabled"), json!([true, false]));
    assert_eq!(
        fields,
        [
            ("tags['owner']", None),
            ("A.B/c/net.access", Some(&disabled)),
            ("A.B/c/made.on.the.way", None),
            ("A.B/c/rules[*].on", Some(&mixed)),
            ("identity.type", Some(&json!("None"))),
        ]
    );
}

#[test]
fn a_value_that_can_not_be_known_changes_nothing() {
    let before = resource(&[], json!({}));
    for value in ["[subscription().displayName]", "[div(1, 0)]"] {
        let operations = json!({ "operations": [{ "operation": "addOrReplace", "field": "tags['x']", "value": value }] });
        assert!(change(operations, &before).is_err(), "{value}");
    }
    let operations = json!({ "operations": [{ "operation": "addOrReplace", "field": "tags['x']", "value": 1, "condition": "[field('name')]" }] });
    assert!(change(operations, &before).is_err());
}

#[test]
fn append_adds_and_never_changes() {
    let before = resource(&[("env", "prod")], json!({ "ips": ["10.0.0.1"], "tls": "1.0" }));
    let details = json!([
        { "field": "tags['owner']", "value": "me" },
        { "field": "tags['env']", "value": "PROD" },
        { "field": "A.B/c/ips[*]", "value": "10.0.0.2" },
        { "field": "A.B/c/ips[*]", "value": "10.0.0.1" },
        { "field": "A.B/c/tls", "value": "1.2" }
    ]);
    let changed = change(details, &before).unwrap();
    assert_eq!(changed.resource.properties, json!({ "ips": ["10.0.0.1", "10.0.0.2"], "tls": "1.0" }));
    assert_eq!(changed.resource.tags.len(), 2);
    let conflicts: Vec<&str> = changed.conflicts.iter().map(|conflict| conflict.field.as_str()).collect();
    assert_eq!(conflicts, ["A.B/c/tls"], "the same in another case is no conflict");
}

fn any_properties() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..3).prop_map(Value::from), Just(json!("x"))];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|members| members.into_iter().collect()),
        ]
    });
    prop::collection::btree_map("[abc]", value, 0..4).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn a_patch_that_was_applied_makes_the_resource_compliant(
        properties in any_properties(),
        tagged in any::<bool>(),
        (field, wanted) in prop_oneof![
            Just(("A.B/c/a", json!("fine"))),
            Just(("A.B/c/b.c", json!(true))),
            Just(("A.B/c/a[*].b", json!("fine"))),
            Just(("tags['owner']", json!("me"))),
        ],
    ) {
        let tags: &[(&str, &str)] = if tagged { &[("owner", "you")] } else { &[] };
        let before = resource(tags, properties);
        let condition = json!({ "allOf": [{ "field": "type", "equals": "A.B/c" }, { "not": { "field": field, "equals": wanted } }] });
        let then = json!({ "effect": "modify", "details": { "operations": [{ "operation": "addOrReplace", "field": field, "value": wanted }] } });
        let definition = definition(condition, then);
        let bound = definition.bind(&Parameters::new()).unwrap();
        let (state, changed) = with(&before, |input| (bound.judge(input, &NoNeighbours).state, bound.change(input).unwrap()));
        let elements = before.properties.get("a").and_then(Value::as_array);
        // Where a scalar stands on the way, there is nothing to put the field into.
        let can_take = |value: Option<&Value>| value.is_none_or(|value| value.is_object() || value.is_null());
        let is_open = match field {
            "A.B/c/b.c" => can_take(before.properties.get("b")),
            "A.B/c/a[*].b" => elements.is_some_and(|elements| elements.iter().all(|one| can_take(Some(one)))),
            _ => true,
        };
        let (after, again) = with(&changed.resource, |input| (bound.judge(input, &NoNeighbours).state, bound.change(input).unwrap()));
        prop_assert_eq!(again.changes, [], "what was set once is not set again");
        prop_assert_eq!(&again.resource, &changed.resource);
        prop_assert_eq!(after, if state == State::Compliant || is_open { State::Compliant } else { State::NonCompliant });
    }
}

#[test]
fn keys_of_tags_are_the_providers() {
    let details = json!({ "roleDefinitionIds": ["/providers/r"], "operations": [
        { "operation": "add", "field": "tags['cost-centre']", "value": 4711 }] });
    let condition = json!({ "field": "tags['cost-centre']", "exists": false });
    let definition = definition(condition, json!({ "effect": "modify", "details": details }));
    let bound = definition.bind(&Parameters::new()).unwrap();
    let tags = |type_name: &str| {
        let own = Resource { type_name: type_name.into(), ..resource(&[("Cost-Centre", "12")], json!({})) };
        with(&own, |input| {
            let changed = bound.change(input).unwrap();
            (bound.judge(input, &NoNeighbours).state, changed.resource.tags.len(), changed.changes.len())
        })
    };
    assert_eq!(tags("Microsoft.Compute/disks"), (State::Compliant, 1, 0));
    assert_eq!(tags("AWS::EC2::Volume"), (State::NonCompliant, 2, 1));
}
