//! A panel says of a resource's text what its definitions say of the resource.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::{Bound, CompileError, Decision, Definition, NoNeighbours, Panel, Verdict, requested_one, rule_on};
use skywarden_rule::{Input, Parameters};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Conditions of every kind, also such as a glance is not enough for.
fn conditions() -> Vec<Value> {
    vec![
        json!({ "field": "type", "equals": "microsoft.storage/storageAccounts" }),
        json!({ "field": "name", "match": "st##" }),
        json!({ "field": "fullName", "contains": "1" }),
        json!({ "field": "id", "like": "/subscriptions/*" }),
        json!({ "field": "location", "notIn": ["westeurope", ""] }),
        json!({ "field": "kind", "equals": "StorageV2" }),
        json!({ "field": "Microsoft.Storage/storageAccounts/sku.name", "like": "Standard*" }),
        json!({ "field": "tags['Owner']", "exists": false }),
        json!({ "field": "tags.env", "in": ["dev", "prod"] }),
        json!({ "field": "tags", "exists": true }),
        json!({ "field": "[concat('tags[', 'env', ']')]", "exists": true }),
        json!({ "value": "[field('properties.acl')]", "exists": true }),
        json!({ "value": "[toLower(field('properties.acl.mode'))]", "equals": "deny" }),
        json!({ "value": "[resourceGroup().name]", "equals": "orders" }),
        json!({ "field": "properties.acl.mode", "notEquals": "Deny" }),
        json!({ "field": "properties.acl", "containsKey": "mode" }),
        json!({ "field": "properties.size", "greater": 3 }),
        json!({ "field": "properties.labels.App", "equals": "shop" }),
        json!({ "field": "properties.rules[*].port", "less": 100 }),
        json!({ "field": "properties.rules[*]", "exists": true }),
        json!({ "count": { "field": "properties.rules[*]" }, "equals": 2 }),
        json!({ "count": { "field": "properties.rules[*]", "where": { "field": "properties.rules[*].port", "equals": 22 } }, "greater": 0 }),
        json!({ "count": { "field": "properties.rules[*]", "where": { "value": "[current().port]", "equals": 22 } }, "greater": 0 }),
        json!({ "count": { "field": "properties.rules[*].from[*]", "where": { "field": "properties.rules[*].from[*]", "equals": "*" } }, "equals": 1 }),
        json!({ "not": { "field": "properties.odd\u{e9}", "exists": true } }),
    ]
}

/// Members of a resource as they may be written, some of them oddly.
const MEMBERS: [&str; 26] = [
    r#""location": "westeurope""#,
    r#""location": null"#,
    r#""Location": "northeurope""#,
    r#""kind": "StorageV2""#,
    r#""kind": null"#,
    r#""sku": {"name": "Standard_LRS", "tier": "x"}"#,
    r#""sku": "Standard_LRS""#,
    r#""SKU": {"name": "Premium"}"#,
    r#""tags": {"Owner": "a", "env": "prod"}"#,
    r#""tags": {"owner": "a\u0027s", "Env": "prod"}"#,
    r#""tags": {"env": 3}"#,
    r#""tags": {}"#,
    r#""tags": null"#,
    r#""properties": {"acl": {"mode": "Deny", "x": [1, 2.5, -3, true]}, "size": 4, "rules": [{"port": 22, "from": ["*"], "note": "\"\n"}, {"PORT": 443, "from": []}]}"#,
    r#""properties": {"acl": {"Mode": "ALLOW"}, "size": "12", "rules": [{"port": "22", "from": ["*", null]}, null, 7, ["*"]]}"#,
    r#""properties": {"acl": {"mode": "Deny"}, "ACL": {"mode": "Allow"}, "size": 1.5, "rules": {"port": 22}}"#,
    r#""properties": {"acl": {"mode": "Deny"}, "acl": {}, "size": 1e2, "rules": []}"#,
    r#""properties": {"acl": null, "size": null, "rules": null, "labels": {"app": "shop"}, "oddé": 1}"#,
    r#""properties": {"acl": [], "size": 12345678901234567890123, "labels": {"App": "shop", "app": "no"}, "odd\u00e9": "\ud83d\ude00"}"#,
    r#""properties": null"#,
    r#""properties": []"#,
    r#""etag": "\/ \\ é", "systemData": {"deep": [[[{}]]]}"#,
    r#""apiVersion": "v1""#,
    r#""name": "st02""#,
    r#""broken": [1, ]"#,
    r#""broken": "\x", "n": 01"#,
];

fn text() -> impl Strategy<Value = String> {
    let names = prop_oneof![Just(r#""name": "st01""#), Just(r#""name": "st\u0030""#), Just(r#""other": 1"#)];
    let ids = prop_oneof![
        3 => Just(r#""id": "/subscriptions/S/resourceGroups/orders/providers/Microsoft.Storage/storageAccounts/st01""#),
        1 => Just(r#""other": null"#),
    ];
    let types = prop_oneof![Just(r#""type": "Microsoft.Storage/storageAccounts""#), Just(r#""type": "A.B/c""#)];
    let ends = prop_oneof![8 => Just("}\n"), 1 => Just(""), 1 => Just("} x")];
    (ids, types, names, prop::collection::vec(prop::sample::select(&MEMBERS), 0..6), ends).prop_map(
        |(id, kind, name, members, end)| {
            let all: Vec<&str> = [id, kind, name].into_iter().chain(members).collect();
            format!("{{\n  {}{end}", all.join(",\n    "))
        },
    )
}

fn definition(condition: &Value, effect: &str) -> Definition {
    let details = match effect {
        "auditIfNotExists" => json!({ "type": "A.B/c" }),
        "modify" => {
            json!({ "roleDefinitionIds": ["r"], "operations": [{ "operation": "addOrReplace", "field": "tags['env']", "value": "dev" }] })
        }
        _ => Value::Null,
    };
    let rule = json!({ "if": condition, "then": { "effect": effect, "details": details } });
    let document = json!({ "displayName": "d", "policyRule": rule });
    Definition::parse(&document).unwrap_or_else(|errors| panic!("{condition}: {errors:?}"))
}

fn apart(bound: &[Bound<'_>], text: &str) -> Result<(Vec<Verdict>, Vec<Decision>), Vec<CompileError>> {
    let resource = &requested_one(text)?;
    let none = Parameters::new();
    let input = Input { resource, facts: None, parameters: &none, around: None, now: NOW };
    let verdicts = bound.iter().map(|own| own.judge(&input, &NoNeighbours)).collect();
    Ok((verdicts, rule_on(bound, &input).decisions))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_panel_says_what_its_definitions_say_of_the_resource(
        text in text(),
        picked in prop::collection::vec((prop::sample::select(conditions()), prop::sample::select(conditions()), 0..4_usize), 1..4),
        effect in prop_oneof![8 => Just("deny"), 1 => Just("auditIfNotExists"), 1 => Just("modify")],
    ) {
        let definitions: Vec<Definition> = picked
            .iter()
            .map(|(one, two, how)| match how {
                0 => definition(one, effect),
                1 => definition(&json!({ "allOf": [one, two] }), "audit"),
                2 => definition(&json!({ "anyOf": [one, { "not": two }] }), "deny"),
                _ => definition(&json!({ "not": one }), "deny"),
            })
            .collect();
        let none = Parameters::new();
        let bound: Vec<Bound<'_>> = definitions.iter().map(|own| own.bind(&none).unwrap()).collect();
        let panel = Panel::new(bound.clone());
        let verdicts = panel.judge(&text, None, NOW, &NoNeighbours);
        let ruling = panel.rule_text(&text, None, NOW);
        match apart(&bound, &text) {
            Ok((apart, decisions)) => {
                prop_assert_eq!(verdicts.as_ref(), Ok(&apart), "{}", text);
                let ruling = ruling.unwrap();
                prop_assert_eq!(ruling.decisions, decisions, "{}", text);
                let resource = requested_one(&text).unwrap();
                prop_assert_eq!((ruling.id.as_str(), ruling.type_name.as_str()), (resource.id.as_str(), resource.type_name.as_str()));
            }
            Err(errors) => {
                prop_assert_eq!(verdicts, Err(errors.clone()), "{}", text);
                prop_assert_eq!(ruling, Err(errors), "{}", text);
            }
        }
    }
}
