//! What would become of a request under several definitions.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use serde_json::{Value, json};
use skywarden_model::{Resource, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_policy::{Answer, Definition, Ruling, rule_on};
use skywarden_rule::{Input, Parameters};

use crate::common::plain;

fn ruling(rules: Value, resource: &Resource) -> Ruling {
    let documents = rules.as_array().unwrap().iter().map(|policy| json!({ "displayName": "d", "policyRule": policy }));
    let definitions: Vec<Definition> =
        documents.map(|document| Definition::parse(&document).unwrap_or_else(|errors| panic!("{errors:#?}"))).collect();
    let none = Parameters::new();
    let bound: Vec<_> = definitions.iter().map(|definition| definition.bind(&none).unwrap()).collect();
    let now = "2026-06-30T00:00:00Z".parse().unwrap();
    rule_on(&bound, &Input { resource, facts: None, parameters: &none, around: None, now })
}

fn open() -> Value {
    json!({ "field": "A.B/c/access", "notEquals": "Disabled" })
}

fn answer(policy: Value, resource: &Resource) -> Answer {
    ruling(json!([policy]), resource).decisions.into_iter().next().unwrap().answer
}

#[test]
fn what_modify_mends_is_not_denied_whatever_the_order() {
    let deny = json!({ "if": open(), "then": { "effect": "deny" } });
    let modify = json!({ "if": open(), "then": { "effect": "modify", "details": { "operations": [
        { "operation": "addOrReplace", "field": "A.B/c/access", "value": "Disabled" }
    ] } } });
    let mended = ruling(json!([deny, modify]), &plain(json!({ "access": "Enabled" })));
    assert!(!mended.is_denied());
    assert!(
        matches!(mended.decisions.iter().map(|own| &own.answer).collect::<Vec<_>>().as_slice(), [Answer::Allowed, Answer::Changed(changes)] if changes.len() == 1)
    );
    assert_eq!(mended.resource.properties, json!({ "access": "Disabled" }));
    assert!(ruling(json!([deny]), &plain(json!({}))).is_denied());
}

#[test]
fn each_effect_has_its_answer() {
    let with = |effect: &str, details: Value| json!({ "if": open(), "then": { "effect": effect, "details": details } });
    let resource = plain(json!({ "tls": "1.0" }));
    assert_eq!(answer(with("audit", Value::Null), &resource), Answer::Audited);
    assert_eq!(answer(with("disabled", Value::Null), &resource), Answer::Allowed);
    assert_eq!(answer(with("auditIfNotExists", json!({ "type": "A.B/d" })), &resource), Answer::Later);
    assert_eq!(answer(with("manual", json!({ "defaultState": "Unknown" })), &resource), Answer::NotEvaluated);
    let refused = answer(with("append", json!([{ "field": "A.B/c/tls", "value": "1.2" }])), &resource);
    assert_eq!(refused, Answer::Denied(Some("`A.B/c/tls` has another value already".to_owned())));
    let nothing = with("modify", json!({ "operations": [{ "operation": "remove", "field": "A.B/c/none" }] }));
    assert_eq!(answer(nothing, &resource), Answer::Allowed);
    assert_eq!(answer(json!({ "if": { "not": open() }, "then": { "effect": "deny" } }), &resource), Answer::Allowed);
}

#[test]
fn a_function_that_fails_denies_and_what_is_not_known_yet_decides_nothing() {
    let failing = json!({ "if": { "value": "[div(1, 0)]", "equals": 1 }, "then": { "effect": "audit" } });
    assert!(matches!(answer(failing, &plain(json!({}))), Answer::Denied(Some(why)) if why.contains("zero")));
    let mut planned = plain(json!({}));
    planned.unreadable.push(Unreadable {
        field: "properties.access".parse().unwrap(),
        reason: Arc::new(UnreadableReason {
            kind: UnreadableKind::NotYetKnown,
            operation: "read the plan".to_owned(),
            permission: None,
            code: String::new(),
            message: "known after apply".to_owned(),
        }),
    });
    let undecided = answer(json!({ "if": open(), "then": { "effect": "deny" } }), &planned);
    assert!(matches!(undecided, Answer::Undecided(unknown) if unknown.len() == 1));
    let value = json!({ "if": { "field": "type", "equals": "A.B/c" }, "then": { "effect": "modify", "details": { "operations": [
        { "operation": "addOrReplace", "field": "tags['x']", "value": "[field('A.B/c/access')]" }
    ] } } });
    assert!(matches!(answer(value, &planned), Answer::Undecided(_)));
}
