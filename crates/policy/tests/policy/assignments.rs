//! Which mistakes of assignments and exemptions are told, where, and what selectors select.

use serde_json::{Value, json};
use skywarden_policy::{Assignment, CompileError, PolicyExemption};

const DEFINITION: &str = "/providers/Microsoft.Authorization/policyDefinitions/d1";

fn told(errors: Vec<CompileError>) -> Vec<String> {
    errors.into_iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect()
}

#[test]
fn each_mistake_of_an_assignment_is_told_with_its_place() {
    let id = "/subscriptions/s1/providers/Microsoft.Authorization/policyAssignments/a";
    let with =
        |member: &str, value: Value| json!({ "id": id, "properties": { "policyDefinitionId": DEFINITION, member: value } });
    assert!(Assignment::parse(&with("displayName", json!("A"))).is_ok());
    for (document, expected) in [
        (json!({ "id": id }), ": `policyDefinitionId` is missing"),
        (json!({ "id": "/subscriptions/s1", "properties": {} }), "/id: `/subscriptions/s1` is no id of an assignment"),
        (json!({ "id": "/x/providers/Microsoft.Authorization/policyAssignments/a", "properties": {} }), "/id: `/x` is no scope"),
        (json!({ "id": id, "properties": {} }), "/properties: `policyDefinitionId` is missing"),
        (with("notScopes", json!(["/subscriptions/s1/resourceGroups/x", "y"])), "/properties/notScopes/1: `y` is no scope"),
        (with("enforcementMode", json!("Off")), "/properties/enforcementMode: `Off` is no mode"),
        (with("parameters", json!({ "a": 1 })), "/properties/parameters/a: the parameter `a` has no `value`"),
        (with("nonComplianceMessages", json!([{ "text": "x" }])), "/properties/nonComplianceMessages/0: `message` is missing"),
        (
            with("overrides", json!([{ "kind": "effect", "value": "Audit" }])),
            "/properties/overrides/0/kind: `effect` is no kind of override",
        ),
        (
            with("overrides", json!([{ "kind": "policyEffect", "value": "Audits" }])),
            "/properties/overrides/0/value: `Audits` is no effect",
        ),
        (
            with("resourceSelectors", json!([{ "selectors": [{ "kind": "resourceTyp", "in": [] }] }])),
            "/properties/resourceSelectors/0/selectors/0/kind: `resourceTyp` is no kind of selector",
        ),
        (
            with("resourceSelectors", json!([{ "selectors": [{ "kind": "resourceType", "in": [], "notIn": [] }] }])),
            "/properties/resourceSelectors/0/selectors/0: a selector needs either `in` or `notIn`",
        ),
        (
            with(
                "resourceSelectors",
                json!([{ "selectors": [
                { "kind": "resourceType", "in": ["a"] }, { "kind": "resourceType", "in": ["b"] }
            ] }]),
            ),
            "/properties/resourceSelectors/0/selectors/1: a kind of selector stands at most once in a list",
        ),
    ] {
        assert_eq!(told(Assignment::parse(&document).unwrap_err()), [expected], "{document}");
    }
}

#[test]
fn each_mistake_of_an_exemption_is_told_with_its_place() {
    let id = "/subscriptions/s1/providers/Microsoft.Authorization/policyExemptions/e";
    let whole = json!({ "policyAssignmentId": "/x", "exemptionCategory": "waiver", "expiresOn": "2026-12-31" });
    let with = |member: &str, value: Value| {
        let mut properties = whole.as_object().unwrap().clone();
        properties.insert(member.to_owned(), value);
        json!({ "id": id, "properties": properties })
    };
    assert!(PolicyExemption::parse(&json!({ "id": id, "properties": whole })).is_ok());
    for (document, expected) in [
        (json!({ "id": "/e", "properties": {} }), "/id: `/e` is no id of an exemption"),
        (with("policyAssignmentId", Value::Null), "/properties: `policyAssignmentId` is missing"),
        (with("exemptionCategory", json!("Forever")), "/properties/exemptionCategory: `Forever` is no category"),
        (with("expiresOn", json!("2026-13-01")), "/properties/expiresOn: `2026-13-01` is no instant"),
        (
            with("policyDefinitionReferenceIds", json!([1])),
            "/properties/policyDefinitionReferenceIds/0: an element of `policyDefinitionReferenceIds` is a text",
        ),
    ] {
        assert_eq!(told(PolicyExemption::parse(&document).unwrap_err()), [expected], "{document}");
    }
}
