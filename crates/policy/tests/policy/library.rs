//! Documents of every kind, as Azure's portal, command line and REST answers write them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use skywarden_model::{Resource, Timestamp};
use skywarden_policy::{ComplianceState, Library, NoNeighbours, ObjectKind, PolicyObject, Scope, documents};
use skywarden_rule::{Input, Parameters};

use crate::common::resource;

const TENANT: &str = "/providers/Microsoft.Authorization/policyAssignments/review";

fn manual() -> Value {
    json!({
        "id": "/providers/Microsoft.Authorization/policyDefinitions/review", "name": "review",
        "properties": {
            "displayName": "Rights are reviewed", "mode": "All",
            "policyRule": {
                "if": { "field": "type", "equals": "Microsoft.Resources/subscriptions" },
                "then": { "effect": "manual", "details": { "defaultState": "Unknown" } }
            }
        }
    })
}

fn assignment() -> Value {
    json!({ "id": TENANT, "name": "review", "properties": { "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/review" } })
}

fn attestation(name: &str, state: &str, assessed: &str, expires: Option<&str>) -> Value {
    json!({
        "id": format!("/subscriptions/S1/providers/Microsoft.PolicyInsights/attestations/{name}"),
        "properties": {
            "policyAssignmentId": TENANT, "complianceState": state, "assessmentDate": assessed, "expiresOn": expires,
            "owner": "mara", "comments": "looked at with the owners",
            "evidence": [{ "description": "minutes", "sourceUri": "https://example.org/minutes" }]
        }
    })
}

fn subscription(id: &str) -> Resource {
    resource(&format!("/subscriptions/{id}"), "Microsoft.Resources/subscriptions", json!({}))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn state(library: &Library, resource: &Resource, now: &str) -> (ComplianceState, Option<String>) {
    let now = at(now);
    let input = Input { resource, facts: None, parameters: &Parameters::new(), around: None, now };
    let plan = library.governance.plan(now);
    let states = plan.states(&input, &NoNeighbours);
    assert_eq!(states.len(), 1);
    (states[0].state, states[0].attestation.map(|own| own.id.rsplit('/').next().unwrap().to_owned()))
}

#[test]
fn what_a_person_attests_holds_for_that_resource_until_it_ends() {
    let (library, refused) = Library::of([
        manual(),
        assignment(),
        attestation("first", "NonCompliant", "2026-01-10T00:00:00Z", None),
        attestation("second", "Compliant", "2026-03-10T00:00:00Z", Some("2026-06-01T00:00:00Z")),
    ]);
    assert_eq!(refused, []);
    let [one, other] = ["s1", "s2"].map(subscription);
    assert_eq!(state(&library, &one, "2026-04-01T00:00:00Z"), (ComplianceState::Compliant, Some("second".to_owned())));
    assert_eq!(state(&library, &one, "2026-05-31T23:59:59Z").0, ComplianceState::Compliant);
    assert_eq!(state(&library, &one, "2026-06-01T00:00:00Z"), (ComplianceState::NonCompliant, Some("first".to_owned())));
    assert_eq!(state(&library, &other, "2026-04-01T00:00:00Z"), (ComplianceState::Unknown, None));

    let ends = library.governance.ends(at("2026-01-01T00:00:00Z"), at("2026-06-01T00:00:00Z"));
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [(at("2026-06-01T00:00:00Z"), [TENANT.to_lowercase()].into())]);
    assert!(library.governance.ends(at("2026-06-01T00:00:00Z"), at("2027-01-01T00:00:00Z")).is_empty());

    let attested = library.governance.attestations().next().unwrap();
    assert_eq!((attested.owner.as_str(), attested.evidence[0].source_uri.as_str()), ("mara", "https://example.org/minutes"));
}

#[test]
fn what_an_assignment_rests_on_is_named() {
    let (library, _) = Library::of([
        manual(),
        assignment(),
        attestation("first", "Compliant", "2026-01-10T00:00:00Z", None),
        json!({ "id": "/providers/Microsoft.Authorization/policyDefinitions/other", "properties": {
            "policyRule": { "if": { "field": "type", "equals": "x/y" }, "then": { "effect": "audit" } } } }),
    ]);
    let own: Vec<String> = library.rests_on(TENANT).into_iter().map(|id| id.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(own, ["review", "review", "first"]);
}

#[test]
fn kinds_are_told_by_type_id_and_members() {
    let kind = |document: Value| ObjectKind::of(&document).map(ObjectKind::name);
    assert_eq!(kind(json!({ "type": "Microsoft.Authorization/policySetDefinitions" })), Some("initiative"));
    assert_eq!(kind(json!({ "type": "/providers/Microsoft.Management/managementGroups", "id": "x" })), None);
    assert_eq!(kind(json!({ "type": "Microsoft.Management/managementGroups", "id": "x" })), Some("managementGroup"));
    let id = "/providers/Microsoft.Management/managementGroups/corp/providers/Microsoft.Authorization/policyExemptions/e";
    assert_eq!(kind(json!({ "id": id })), Some("exemption"));
    assert_eq!(kind(json!({ "properties": { "policyRule": {} } })), Some("definition"));
    assert_eq!(kind(json!({ "PolicyRule": {} })), Some("definition"));
    assert_eq!(kind(json!({ "policyDefinitions": [] })), Some("initiative"));
    assert_eq!(kind(json!({ "properties": { "policyDefinitionId": "d" } })), Some("assignment"));
    assert_eq!(kind(json!({ "properties": { "policyAssignmentId": "a", "exemptionCategory": "Waiver" } })), Some("exemption"));
    assert_eq!(kind(json!({ "properties": { "policyAssignmentId": "a" } })), Some("attestation"));
    assert_eq!(kind(json!({ "apiVersion": "v1" })), None);
    assert_eq!(PolicyObject::parse(&json!([])).unwrap_err().len(), 1);
}

#[test]
fn lists_and_pages_are_taken_apart() {
    let places = |file: Value| documents(&file).into_iter().map(|(place, _)| place).collect::<Vec<_>>();
    assert_eq!(places(json!([{}, {}])), ["/0", "/1"]);
    assert_eq!(places(json!({ "value": [{}, {}], "nextLink": null })), ["/value/0", "/value/1"]);
    assert_eq!(places(json!({ "policyRule": {}, "value": [] })), [""]);
    assert_eq!(places(json!({})), [""]);
}

#[test]
fn management_groups_stand_where_any_document_says() {
    let group = |name: &str| format!("/providers/Microsoft.Management/managementGroups/{name}");
    let (library, refused) = Library::of([
        json!({ "id": group("corp"), "type": "Microsoft.Management/managementGroups", "name": "corp",
                "properties": { "displayName": "The whole company", "details": { "parent": null } } }),
        json!({ "id": group("root"), "type": "Microsoft.Management/managementGroups", "children": [
            { "id": group("corp"), "displayName": "Corp", "children": [{ "id": "/subscriptions/S1", "displayName": "Shop" }] }] }),
        json!({ "id": group("apps"), "type": "Microsoft.Management/managementGroups",
                "properties": { "details": { "parent": { "id": group("corp") } } } }),
        json!({ "id": format!("{}/subscriptions/s2", group("apps")), "type": "Microsoft.Management/managementGroups/subscriptions" }),
    ]);
    // The last is of a type of its own, so its id tells what it is.
    assert_eq!(refused, []);
    let above = |text: &str| {
        let chain = library.governance.hierarchy.above(&Scope::parse(text).unwrap());
        chain.iter().map(|scope| scope.to_string().rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(above("/subscriptions/s1"), ["s1", "corp", "root", ""]);
    assert_eq!(above("/subscriptions/s2"), ["s2", "apps", "corp", "root", ""]);
    assert_eq!(library.scope_name(&Scope::parse("/subscriptions/s1").unwrap()), "Shop");

    let (_, refused) = Library::of([
        json!({ "id": group("a"), "properties": { "details": { "parent": { "id": group("b") } } } }),
        json!({ "id": group("b"), "properties": { "details": { "parent": { "id": group("a") } } } }),
    ]);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].errors[0].message.contains("below itself"), "{refused:?}");
}

#[test]
fn definitions_that_would_set_one_field_to_different_values_conflict() {
    let sets = |name: &str, field: &str, value: &str| {
        let id = format!("/providers/Microsoft.Authorization/policyDefinitions/{name}");
        let operation = json!({ "operation": "addOrReplace", "field": field, "value": value });
        json!({ "id": id, "properties": { "policyRule": {
            "if": { "field": field, "notEquals": value },
            "then": { "effect": "modify", "details": { "roleDefinitionIds": ["/providers/r"], "operations": [operation] } } } } })
    };
    let assigned = |name: &str| {
        let id = format!("/providers/Microsoft.Authorization/policyAssignments/{name}");
        json!({ "id": id, "properties": {
            "policyDefinitionId": format!("/providers/Microsoft.Authorization/policyDefinitions/{name}") } })
    };
    let names = ["a", "b", "c", "d"];
    let (library, refused) = Library::of(
        [
            sets("a", "tags['owner']", "web"),
            sets("b", "Tags[owner]", "shop"),
            sets("c", "tags['team']", "web"),
            sets("d", "tags.team", "web"),
        ]
        .into_iter()
        .chain(names.map(assigned)),
    );
    assert_eq!(refused, []);
    let now = at("2026-01-01T00:00:00Z");
    let plan = library.governance.plan(now);
    let found = |resource: &Resource| -> Vec<&'static str> {
        let input = Input { resource, facts: None, parameters: &Parameters::new(), around: None, now };
        plan.states(&input, &NoNeighbours).iter().map(|state| state.state.name()).collect()
    };
    let mut own = subscription("s1");
    assert_eq!(found(&own), ["Conflict", "Conflict", "NonCompliant", "NonCompliant"]);
    own.tags = [("owner".to_owned(), "web".to_owned())].into();
    assert_eq!(found(&own), ["Compliant", "NonCompliant", "NonCompliant", "NonCompliant"], "one of them is met now");
}
