//! What is read of ARM JSON, Terraform plans and objects of Kubernetes.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use skywarden_model::Resource;
use skywarden_policy::requested;

fn read(document: &Value) -> Vec<Resource> {
    requested(document).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn hidden(resource: &Resource) -> Vec<String> {
    resource.unreadable.iter().map(|entry| entry.field.to_string()).collect()
}

#[test]
fn arm_resources_are_read_one_by_one_in_lists_and_in_templates() {
    let one = json!({
        "id": "/subscriptions/S1/resourceGroups/RG1/providers/A.B/c/x",
        "type": "A.B/c", "name": "x", "location": "westeurope", "kind": "K", "sku": { "name": "S" },
        "tags": { "env": "prod", "n": 1, "none": null }, "properties": { "a": 1 }
    });
    let resource = &read(&one)[0];
    assert_eq!(
        (resource.type_name.as_str(), resource.name.as_str(), resource.location.as_deref()),
        ("A.B/c", "x", Some("westeurope"))
    );
    assert_eq!((&*resource.scope.account, &*resource.scope.resource_group), ("s1", "rg1"));
    assert_eq!((resource.envelope.len(), resource.tags.len(), resource.tags["n"].as_str()), (2, 2, "1"));
    assert_eq!(read(&json!([one, one])).len(), 2);
    assert_eq!(read(&json!({ "$schema": "s", "resources": [one] })).len(), 1);
}

#[test]
fn an_object_of_kubernetes_is_its_own_properties() {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "p", "namespace": "n", "labels": { "app": "x" } },
        "spec": { "containers": [{ "image": "i" }] }
    });
    let resource = &read(&pod)[0];
    assert_eq!(
        (resource.type_name.as_str(), &*resource.scope.resource_group, resource.tags["app"].as_str()),
        ("v1/Pod", "n", "x")
    );
    assert_eq!(resource.properties["spec"]["containers"][0]["image"], "i");
    assert_eq!(read(&json!({ "apiVersion": "v1", "kind": "List", "items": [pod, pod] })).len(), 2);
}

#[test]
fn a_plan_is_what_it_makes_and_what_it_does_not_know_is_unreadable() {
    let change = |name: &str, actions: Value, after: Value, unknown: Value| {
        json!({
            "address": format!("aws_thing.{name}"), "type": "aws_thing", "mode": "managed",
            "change": { "actions": actions, "after": after, "after_unknown": unknown }
        })
    };
    let plan = json!({ "format_version": "1.2", "resource_changes": [
        change("new", json!(["create"]), json!({ "name": "n", "acl": "public", "rules": [{}, {}] }), json!({ "id": true, "rules": [{ "arn": true }, { "arn": true, "on": false }] })),
        change("again", json!(["delete", "create"]), json!({}), json!({})),
        change("same", json!(["no-op"]), json!({}), json!({})),
        change("gone", json!(["delete"]), Value::Null, json!({})),
    ] });
    let resources = read(&plan);
    assert_eq!(resources.iter().map(|own| own.id.as_str()).collect::<Vec<_>>(), ["aws_thing.new", "aws_thing.again"]);
    assert_eq!(hidden(&resources[0]), ["properties.id", "properties.rules[*].arn"]);
}

#[test]
fn azapi_stands_for_the_arm_resource() {
    let plan = |body: Value, unknown: Value| {
        json!({ "format_version": "1.2", "resource_changes": [{
            "address": "azapi_resource.x", "type": "azapi_resource",
            "change": { "actions": ["create"], "after": { "type": "A.B/c@2024-01-01", "name": "x", "location": "eastus", "body": body }, "after_unknown": unknown }
        }] })
    };
    let body = json!({ "kind": "K", "properties": { "a": 1 } });
    for body in [body.clone(), Value::String(body.to_string())] {
        let resource = &read(&plan(body, json!({ "id": true, "body": { "properties": { "b": true } } })))[0];
        assert_eq!(
            (resource.type_name.as_str(), &resource.properties, &resource.envelope["kind"]),
            ("A.B/c", &json!({ "a": 1 }), &json!("K"))
        );
        assert_eq!(hidden(resource), ["properties.b", "properties.id"]);
    }
    assert_eq!(hidden(&read(&plan(Value::Null, json!({ "body": true })))[0]), ["properties"]);
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (document, expected) in [
        (json!(1), ": it is no resource"),
        (json!([{ "type": "t" }]), "/0: `name` is missing"),
        (json!({ "name": "n" }), ": `type` is missing"),
        (json!({ "type": "t", "name": "n", "properties": [] }), "/properties: `properties` is an object"),
        (json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {} }), "/metadata: `name` is missing"),
        (json!({ "format_version": "1", "resource_changes": [{}] }), "/resource_changes/0: `address` is missing"),
        (
            json!({ "format_version": "1", "resource_changes": [{ "address": "a", "type": "t" }] }),
            "/resource_changes/0: `change` is missing",
        ),
        (json!({ "apiVersion": "v1", "kind": "Pod", "metadata": null }), ": `metadata` is missing"),
        (
            json!({ "format_version": "1", "resource_changes": [{ "address": "a", "type": "azapi_resource", "change": {
                "actions": ["create"], "after": { "body": "{" }
            } }] }),
            "/resource_changes/0/change/after/body: the body is no JSON: EOF while parsing an object at line 1 column 1",
        ),
        (json!({ "format_version": "1", "resource_changes": 1 }), "/resource_changes: `resource_changes` is a list"),
    ] {
        let errors = requested(&document).unwrap_err();
        let told: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect();
        assert_eq!(told, [expected], "{document}");
    }
}
