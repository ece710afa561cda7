//! What of an initiative is read, how values flow from it into its definitions, and which mistakes are told.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use skywarden_policy::{Initiative, PolicyType};
use skywarden_rule::Parameters;

fn member(reference: &str, parameters: Value, groups: Value) -> Value {
    json!({
        "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/d1",
        "policyDefinitionReferenceId": reference,
        "definitionVersion": "1.*.*",
        "parameters": parameters,
        "groupNames": groups,
    })
}

fn initiative(parameters: Value, members: Value) -> Value {
    json!({
        "id": "/providers/Microsoft.Authorization/policySetDefinitions/s1",
        "properties": {
            "displayName": "Set",
            "policyType": "Custom",
            "metadata": { "category": "Tests", "version": "2.0.0" },
            "parameters": parameters,
            "policyDefinitionGroups": [{ "name": "G_1", "category": "Network", "additionalMetadataId": "/m/1" }, { "name": "G_2" }],
            "policyDefinitions": members,
        }
    })
}

fn parsed(document: &Value) -> Initiative {
    Initiative::parse(document).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn mistakes(document: &Value) -> Vec<String> {
    let errors = Initiative::parse(document).unwrap_err();
    errors.into_iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect()
}

fn given(values: Value) -> Parameters {
    values.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[test]
fn an_initiative_is_read_with_its_groups_and_definitions() {
    let read = parsed(&initiative(
        json!({}),
        json!([member("One", json!({}), json!(["G_1", "g_2"])), member("Two", json!({}), json!([]))]),
    ));
    assert_eq!((read.name.as_str(), read.category.as_deref(), read.version.as_deref()), ("s1", Some("Tests"), Some("2.0.0")));
    assert_eq!(read.policy_type, PolicyType::Custom);
    let groups: Vec<(&str, &str, &str)> =
        read.groups.iter().map(|group| (group.name.as_str(), group.display_name.as_str(), group.metadata_id.as_str())).collect();
    assert_eq!(groups, [("G_1", "G_1", "/m/1"), ("G_2", "G_2", "")]);
    let references: Vec<(&str, usize)> =
        read.members.iter().map(|member| (member.reference_id.as_str(), member.groups.len())).collect();
    assert_eq!(references, [("One", 2), ("Two", 0)]);
}

#[test]
fn values_flow_from_the_assignment_through_the_initiative_into_its_definitions() {
    let declared = json!({
        "effect": { "type": "String", "defaultValue": "Audit", "allowedValues": ["Audit", "Deny"] },
        "days": { "type": "Integer", "defaultValue": 30 }
    });
    let own = json!({
        "effect": { "value": "[parameters('EFFECT')]" },
        "limit": { "value": "[mul(parameters('days'), 2)]" },
        "sizes": { "value": ["s", "[concat('m', '1')]"] },
        "nothing": { "value": null }
    });
    let read = parsed(&initiative(declared, json!([member("One", own, json!([]))])));
    let now = "2026-06-30T00:00:00Z".parse().unwrap();
    let flow = |assignment: Value| read.members.first().unwrap().values(&read.values(&given(assignment)).unwrap(), now);
    assert_eq!(flow(json!({ "Effect": "Deny" })).unwrap(), given(json!({ "effect": "Deny", "limit": 60, "sizes": ["s", "m1"] })));
    assert_eq!(flow(json!({ "days": 7 })).unwrap().get("limit"), Some(&json!(14)));
    assert!(read.values(&given(json!({ "days": "7" }))).is_err());
    for failing in ["[div(1, 0)]", "[subscription().displayName]"] {
        let read = parsed(&initiative(json!({}), json!([member("One", json!({ "limit": { "value": failing } }), json!([]))])));
        let told = read.members.first().unwrap().values(&Parameters::new(), now).unwrap_err();
        assert!(told.contains("`limit`"), "{told}");
    }
}

#[test]
fn each_mistake_is_told_with_its_place() {
    let p = "/properties/policyDefinitions";
    let one = || member("One", json!({}), json!([]));
    for (document, expected) in [
        (json!({ "properties": { "policyRule": {} } }), "/properties: `policyDefinitions` is missing".to_owned()),
        (
            initiative(json!({}), json!([one(), member("ONE", json!({}), json!([]))])),
            format!("{p}/1: the reference id `ONE` is there twice"),
        ),
        (initiative(json!({}), json!([member("One", json!({}), json!(["G_3"]))])), format!("{p}/0: there is no group `G_3`")),
        (
            initiative(json!({}), json!([member("One", json!({ "a": { "value": "[parameters('x')]" } }), json!([]))])),
            format!("{p}/0/parameters/a/value: the parameter `x` is not declared"),
        ),
        (
            initiative(json!({}), json!([member("One", json!({ "a": { "value": "[field('name')]" } }), json!([]))])),
            format!("{p}/0/parameters/a: the parameter `a` can't depend on a resource"),
        ),
        (
            initiative(json!({}), json!([member("One", json!({ "a": { "valu": 1 } }), json!([]))])),
            format!("{p}/0/parameters/a: the parameter `a` has no `value`"),
        ),
        (
            initiative(
                json!({}),
                json!([{ "policyDefinitionId": "/providers/Microsoft.Authorization/policySetDefinitions/s1" }]),
            ),
            format!("{p}/0/policyDefinitionId: an initiative can't hold another initiative"),
        ),
        (initiative(json!({}), json!([{}])), format!("{p}/0: `policyDefinitionId` is missing")),
    ] {
        assert_eq!(mistakes(&document), [expected], "{document}");
    }
}
