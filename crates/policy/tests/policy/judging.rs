//! What a bound definition says of a resource and of those beside it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use serde_json::{Map, Value, json};
use skywarden_model::{Resource, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_policy::{Definition, Listed, Neighbours, NoNeighbours, State, Verdict};
use skywarden_rule::{Input, Parameters};

use crate::common;

const GROUP: &str = "/subscriptions/s1/resourceGroups/rg1/providers";

fn resource(id: &str, type_name: &str, properties: Value) -> Resource {
    let envelope = Map::from_iter([("kind".to_owned(), json!("StorageV2"))]);
    Resource { envelope, ..common::resource(id, type_name, properties) }
}

fn reason() -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: "Microsoft.Sql/servers/read".to_owned(),
        permission: None,
        code: "AuthorizationFailed".to_owned(),
        message: String::new(),
    })
}

fn without(mut resource: Resource, field: &str) -> Resource {
    resource.unreadable.push(Unreadable { field: field.parse().unwrap(), reason: reason() });
    resource
}

#[derive(Default)]
struct Estate {
    resources: Vec<Resource>,
    incomplete: Option<Arc<UnreadableReason>>,
}

impl Neighbours for Estate {
    fn of_type(&self, type_name: &str, account: &str) -> Listed<'_> {
        let is_meant = |one: &&Resource| one.type_name.as_str().eq_ignore_ascii_case(type_name) && &*one.scope.account == account;
        Listed { resources: self.resources.iter().filter(is_meant).collect(), incomplete: self.incomplete.clone() }
    }
}

fn judge(condition: Value, then: Value, resource: &Resource, neighbours: &dyn Neighbours) -> Verdict {
    let document = json!({ "displayName": "d", "policyRule": { "if": condition, "then": then } });
    let definition = Definition::parse(&document).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let none = Parameters::new();
    let now = "2026-06-30T00:00:00Z".parse().unwrap();
    let input = Input { resource, facts: None, parameters: &none, around: None, now };
    definition.bind(&none).unwrap().judge(&input, neighbours)
}

fn storage(properties: Value) -> Resource {
    resource(&format!("{GROUP}/Microsoft.Storage/storageAccounts/a1"), "Microsoft.Storage/storageAccounts", properties)
}

fn https_only(effect: &str) -> (Value, Value) {
    let condition = json!({ "allOf": [
        { "field": "type", "equals": "Microsoft.Storage/storageAccounts" },
        { "field": "kind", "in": ["StorageV2", "BlobStorage"] },
        { "field": "Microsoft.Storage/storageAccounts/supportsHttpsTrafficOnly", "notEquals": true }
    ] });
    (condition, json!({ "effect": effect }))
}

#[test]
fn a_condition_that_holds_is_a_violation() {
    let (condition, then) = https_only("deny");
    let state = |resource: &Resource| judge(condition.clone(), then.clone(), resource, &NoNeighbours).state;
    assert_eq!(state(&storage(json!({ "supportsHttpsTrafficOnly": false }))), State::NonCompliant);
    assert_eq!(state(&storage(json!({}))), State::NonCompliant, "a field that is not there is not true");
    assert_eq!(state(&storage(json!({ "supportsHttpsTrafficOnly": true }))), State::Compliant);
    assert_eq!(state(&without(storage(json!({})), "properties.supportsHttpsTrafficOnly")), State::Unknown);
}

#[test]
fn only_type_name_and_kind_say_whether_a_definition_concerns_a_resource() {
    let (condition, then) = https_only("audit");
    let other = resource(&format!("{GROUP}/Microsoft.Web/sites/w1"), "Microsoft.Web/sites", json!({}));
    assert_eq!(judge(condition.clone(), then.clone(), &other, &NoNeighbours).state, State::NotApplicable);
    let mut old = storage(json!({}));
    old.envelope.insert("kind".to_owned(), json!("Storage"));
    assert_eq!(judge(condition, then, &old, &NoNeighbours).state, State::NotApplicable);
    let any_type = json!({ "not": { "field": "properties.x", "exists": true } });
    assert_eq!(judge(any_type, json!({ "effect": "audit" }), &storage(json!({ "x": 1 })), &NoNeighbours).state, State::Compliant);
}

#[test]
fn effects_that_judge_nothing_say_so() {
    let all = || json!({ "field": "type", "like": "*" });
    let state = |then: Value| judge(all(), then, &storage(json!({})), &NoNeighbours).state;
    assert_eq!(state(json!({ "effect": "disabled" })), State::Disabled);
    assert_eq!(state(json!({ "effect": "denyAction", "details": { "actionNames": ["delete"] } })), State::Protected);
    assert_eq!(
        state(json!({ "effect": "manual", "details": { "defaultState": "Unknown" } })),
        State::Manual("Unknown".to_owned())
    );
    let elsewhere = state(json!({ "effect": "audit", "details": { "templateInfo": { "url": "u" } } }));
    assert!(matches!(elsewhere, State::NotEvaluated(elsewhere) if elsewhere.place == "u"));
}

fn auditing() -> (Value, Value) {
    let condition = json!({ "allOf": [
        { "field": "type", "equals": "Microsoft.Sql/servers" },
        { "field": "properties.state", "notEquals": "Disabled" }
    ] });
    let then = json!({ "effect": "auditIfNotExists", "details": {
        "type": "Microsoft.Sql/servers/auditingSettings",
        "name": "default",
        "existenceCondition": { "field": "Microsoft.Sql/servers/auditingSettings/state", "equals": "Enabled" }
    } });
    (condition, then)
}

fn server() -> Resource {
    resource(&format!("{GROUP}/Microsoft.Sql/servers/db1"), "Microsoft.Sql/servers", json!({}))
}

fn setting(server: &str, name: &str, state: &str) -> Resource {
    let id = format!("{GROUP}/Microsoft.Sql/servers/{server}/auditingSettings/{name}");
    resource(&id, "Microsoft.Sql/servers/auditingSettings", json!({ "state": state }))
}

#[test]
fn one_related_resource_that_is_as_it_should_be_is_enough() {
    let (condition, then) = auditing();
    let state = |resources: Vec<Resource>, incomplete: Option<Arc<UnreadableReason>>| {
        judge(condition.clone(), then.clone(), &server(), &Estate { resources, incomplete }).state
    };
    assert_eq!(state(vec![setting("db1", "default", "Enabled")], None), State::Compliant);
    assert_eq!(state(vec![setting("db1", "default", "Disabled")], None), State::NonCompliant);
    assert_eq!(state(Vec::new(), None), State::NonCompliant);
    assert_eq!(state(vec![setting("DB1", "Default", "enabled")], None), State::Compliant, "names compare without case");
    assert_eq!(state(vec![setting("db1", "other", "Enabled")], None), State::NonCompliant, "another name");
    assert_eq!(state(vec![setting("db12", "default", "Enabled")], None), State::NonCompliant, "another server's");
}

#[test]
fn a_name_may_stand_with_those_of_its_parents() {
    let (condition, mut then) = auditing();
    let estate = Estate { resources: vec![setting("db1", "default", "Enabled")], incomplete: None };
    for (name, state) in [
        ("db1/default", State::Compliant),
        ("DB1/Default", State::Compliant),
        ("db2/default", State::NonCompliant),
        ("servers/default", State::NonCompliant),
        ("auditingSettings/default", State::NonCompliant),
        ("db1", State::NonCompliant),
    ] {
        then["details"]["name"] = json!(name);
        assert_eq!(judge(condition.clone(), then.clone(), &server(), &estate).state, state, "{name}");
    }
}

#[test]
fn many_that_are_not_as_they_should_be_take_no_more_room_than_a_few() {
    let (condition, mut then) = auditing();
    then["details"]["name"].take();
    let mut resources: Vec<Resource> = (0..1000).map(|place| setting("db1", &format!("s{place}"), "Disabled")).collect();
    let verdict =
        |resources: Vec<Resource>| judge(condition.clone(), then.clone(), &server(), &Estate { resources, incomplete: None });
    let none_is = verdict(resources.clone());
    assert_eq!((none_is.state, none_is.evidence.len()), (State::NonCompliant, 20));
    resources.push(without(setting("db1", "hidden", "Disabled"), "properties.state"));
    let one_may_be = verdict(resources.clone());
    assert_eq!((one_may_be.state, one_may_be.unreadable.len()), (State::Unknown, 1));
    resources.push(setting("db1", "last", "Enabled"));
    let one_is = verdict(resources);
    assert_eq!((one_is.state, one_is.evidence.len()), (State::Compliant, 1));
}

#[test]
fn the_function_field_reads_the_resource_that_is_asked_about_and_the_condition_the_related_one() {
    let (condition, _) = auditing();
    let state = |expected: &str| {
        let then = json!({ "effect": "auditIfNotExists", "details": {
            "type": "Microsoft.Sql/servers/auditingSettings",
            "existenceCondition": { "field": "name", "equals": expected }
        } });
        judge(condition.clone(), then, &server(), &Estate { resources: vec![setting("db1", "db1", "Enabled")], incomplete: None })
            .state
    };
    assert_eq!(state("[field('name')]"), State::Compliant);
    assert_eq!(state("[toLower(field('type'))]"), State::NonCompliant);
    let then = json!({ "effect": "auditIfNotExists", "details": {
        "type": "Microsoft.Sql/servers/auditingSettings",
        "existenceCondition": { "value": "[field('type')]", "equals": "Microsoft.Sql/servers" }
    } });
    let estate = Estate { resources: vec![setting("db1", "default", "Enabled")], incomplete: None };
    assert_eq!(judge(condition, then, &server(), &estate).state, State::Compliant);
}

#[test]
fn that_there_is_none_is_known_only_if_all_were_seen() {
    let (condition, then) = auditing();
    let estate = |resources: Vec<Resource>, incomplete| Estate { resources, incomplete };
    let verdict = |estate: &Estate| judge(condition.clone(), then.clone(), &server(), estate);
    assert_eq!(verdict(&estate(Vec::new(), Some(reason()))).state, State::Unknown);
    assert_eq!(verdict(&estate(vec![setting("db1", "default", "Enabled")], Some(reason()))).state, State::Compliant);
    let hidden = without(setting("db1", "default", "Disabled"), "properties.state");
    let unknown = verdict(&estate(vec![hidden], None));
    assert_eq!((unknown.state, unknown.unreadable.len()), (State::Unknown, 1));
    assert_eq!(judge(condition.clone(), then.clone(), &server(), &NoNeighbours).state, State::Unknown);
}

#[test]
fn the_whole_condition_says_whether_an_existence_is_asked_for() {
    let (condition, then) = auditing();
    let mut off = server();
    off.properties = json!({ "state": "disabled" });
    assert_eq!(judge(condition.clone(), then.clone(), &off, &NoNeighbours).state, State::NotApplicable);
    assert_eq!(judge(condition, then, &without(server(), "properties.state"), &NoNeighbours).state, State::Unknown);
}

#[test]
fn related_resources_are_looked_for_in_their_scope() {
    let vault = |group: &str| {
        let id = format!("/subscriptions/s1/resourceGroups/{group}/providers/Microsoft.RecoveryServices/vaults/v1");
        resource(&id, "Microsoft.RecoveryServices/vaults", json!({}))
    };
    let state = |details: Value, group: &str| {
        let mut details = details;
        details["type"] = json!("microsoft.recoveryservices/Vaults");
        let then = json!({ "effect": "deployIfNotExists", "details": details });
        let estate = Estate { resources: vec![vault(group)], incomplete: None };
        judge(json!({ "field": "type", "equals": "Microsoft.Sql/servers" }), then, &server(), &estate).state
    };
    assert_eq!(state(json!({}), "RG1"), State::Compliant);
    assert_eq!(state(json!({}), "rg2"), State::NonCompliant);
    assert_eq!(state(json!({ "existenceScope": "Subscription" }), "rg2"), State::Compliant);
    assert_eq!(state(json!({ "resourceGroupName": "[concat('rg', '2')]" }), "rg2"), State::Compliant);
    assert_eq!(state(json!({ "name": "[concat(resourceGroup().name, '-v')]" }), "rg1"), State::NonCompliant);
    assert_eq!(state(json!({ "name": "[subscription().displayName]" }), "rg1"), State::Unknown, "its name is not known");
}

#[test]
fn what_extends_another_resource_does_not_count() {
    let setting = |of: &str| {
        let id =
            format!("/subscriptions/s1/resourceGroups/rg1/providers/{of}/providers/Microsoft.Insights/diagnosticSettings/all");
        resource(&id, "Microsoft.Insights/diagnosticSettings", json!({}))
    };
    let state = |of: &str, scope: &str| {
        let details = json!({ "type": "Microsoft.Insights/diagnosticSettings", "existenceScope": scope });
        let estate = Estate { resources: vec![setting(of)], incomplete: None };
        let then = json!({ "effect": "auditIfNotExists", "details": details });
        judge(json!({ "field": "type", "equals": "Microsoft.Sql/servers" }), then, &server(), &estate).state
    };
    let own = server();
    let own = own.id.as_str().split_once("/providers/").unwrap().1;
    assert_eq!(state(&own.to_uppercase(), "ResourceGroup"), State::Compliant);
    assert_eq!(state("Microsoft.Sql/servers/another", "ResourceGroup"), State::NonCompliant);
    assert_eq!(state("Microsoft.Sql/servers/another", "Subscription"), State::Compliant);
}
