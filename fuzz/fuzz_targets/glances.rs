//! Texts of ARM resources that panels of policies take a glance at: what a panel says of a text is what its definitions say of the
//! resource read as a whole, and where the text is no resource, both say so alike.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::{Bound, Definition, NoNeighbours, Panel, requested_one, rule_on};
use skywarden_rule::{Input, Parameters};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

static NO_PARAMETERS: Parameters = Parameters::new();

static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let condition = |condition: Value| definition(&json!({ "policyRule": { "if": condition, "then": { "effect": "deny" } } }));
    let field = |name: &str, test: &str, value: Value| condition(json!({ "field": name, test: value }));
    vec![
        field("type", "like", json!("Microsoft.*")),
        field("fullName", "match", json!("st##")),
        field("id", "contains", json!("/providers/")),
        field("location", "notIn", json!(["westeurope", ""])),
        field("kind", "equals", json!("StorageV2")),
        field("sku.name", "exists", json!(true)),
        field("tags['Owner']", "exists", json!(false)),
        field("tags.env", "in", json!(["dev", "prod"])),
        field("properties.a", "equals", json!(1)),
        field("properties.a.b", "notEquals", json!("x")),
        field("properties.labels.App", "equals", json!("x")),
        field("properties.l[*].p", "less", json!(100)),
        field("properties.l[*].q[*]", "notEquals", json!("*")),
        field("properties.m[*]", "exists", json!(true)),
        condition(
            json!({ "count": { "field": "properties.l[*]", "where": { "field": "properties.l[*].p", "equals": 22 } }, "greater": 0 }),
        ),
        condition(json!({ "count": { "field": "properties.n[*]" }, "equals": 2 })),
        condition(json!({ "value": "[toLower(field('name'))]", "equals": "st01" })),
        condition(json!({ "allOf": [
            { "field": "type", "equals": "Microsoft.Storage/storageAccounts" },
            { "not": { "allOf": [{ "field": "name", "equals": "st01" }, { "field": "properties.l[*].p", "equals": 22 }] } },
        ]})),
    ]
});

static APART: LazyLock<Vec<Bound<'static>>> =
    LazyLock::new(|| DEFINITIONS.iter().map(|own| own.bind(&NO_PARAMETERS).expect("no parameter lacks a value")).collect());

static PANEL: LazyLock<Panel<'static>> = LazyLock::new(|| Panel::new(APART.clone()));

fn definition(properties: &Value) -> Definition {
    Definition::parse(properties).unwrap_or_else(|errors| panic!("{properties}: {errors:?}"))
}

fn seeds() {
    let plain = json!({
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/st01", "name": "st01",
        "type": "Microsoft.Storage/storageAccounts", "location": "westeurope", "kind": "StorageV2", "sku": { "name": "Standard_LRS" },
        "tags": { "Owner": "a", "env": "prod" },
        "properties": { "a": { "b": "x" }, "labels": { "App": "x" }, "l": [{ "p": 22, "q": ["*", "y"] }, { "P": 443 }, null], "m": [true], "n": [1, 2] },
    });
    let odd = [
        (r#""Owner""#, r#""owner""#),
        (r#""b""#, r#""\u0062""#),
        (r#""kind""#, r#""Kind""#),
        (r#""P""#, r#""p":1,"P""#),
        (r#""n":[1,2]"#, r#""n":{"x":1e2}"#),
        (r#""westeurope""#, "null"),
    ];
    let text = plain.to_string();
    let mut seeds: Vec<String> = odd.iter().map(|(from, to)| text.replace(from, to)).collect();
    seeds.extend([serde_json::to_string_pretty(&plain).expect("JSON is written"), text]);
    seeds.extend(skywarden_fuzz::texts("crates/bench/cases/policy", ".json"));
    skywarden_fuzz::seeds(seeds);
}

fuzz_target!(init: seeds(), |text: &str| {
    let verdicts = PANEL.judge(text, None, NOW, &NoNeighbours);
    let ruling = PANEL.rule_text(text, None, NOW);
    let resource = match requested_one(text) {
        Ok(resource) => resource,
        Err(errors) => {
            assert_eq!(verdicts, Err(errors.clone()));
            assert_eq!(ruling, Err(errors));
            return;
        }
    };
    let input = Input { resource: &resource, facts: None, parameters: &NO_PARAMETERS, around: None, now: NOW };
    let apart = APART.iter().map(|own| own.judge(&input, &NoNeighbours)).collect();
    assert_eq!(verdicts, Ok(apart));
    let ruling = ruling.expect("what is judged is ruled on");
    assert_eq!(ruling.decisions, rule_on(&APART, &input).decisions);
    assert_eq!((&*ruling.id, &*ruling.type_name), (resource.id.as_str(), resource.type_name.as_str()));
});
