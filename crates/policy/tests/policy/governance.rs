//! A tenant of 4 levels of management groups, 40 subscriptions and 12 assignments, held against a golden file.
//!
//! `UPDATE_GOLDEN=1 cargo test -p skywarden-policy governance` writes it anew.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "the golden file is read and written")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use skywarden_model::{Resource, Timestamp};
use skywarden_policy::{
    Assignment, ComplianceState, Definition, Effect, Governance, Initiative, Listed, Neighbours, Plan, PolicyExemption,
    PolicyState, Rollup, Scope,
};
use skywarden_rule::{Input, Parameters};

use crate::common;

const AUTHORIZATION: &str = "/providers/Microsoft.Authorization";
const GROUPS: &str = "/providers/Microsoft.Management/managementGroups";

struct Estate(Vec<Resource>);

impl Neighbours for Estate {
    fn of_type(&self, type_name: &str, account: &str) -> Listed<'_> {
        let is_meant = |one: &&Resource| one.type_name.as_str().eq_ignore_ascii_case(type_name) && &*one.scope.account == account;
        Listed { resources: self.0.iter().filter(is_meant).collect(), incomplete: None }
    }
}

fn resource(
    subscription: usize,
    group: usize,
    path: &str,
    type_name: &str,
    location: Option<&str>,
    properties: Value,
) -> Resource {
    let id = format!("/subscriptions/s{subscription:02}/resourceGroups/rg{group}/providers/{path}");
    Resource { location: location.map(str::to_owned), ..common::resource(&id, type_name, properties) }
}

/// Two groups a subscription, with a storage account and a database server in each; by turns of which something is wrong.
fn estate() -> Estate {
    let mut resources = Vec::new();
    for subscription in 0..40 {
        let location = if subscription % 4 == 0 { "West Europe" } else { "eastus" };
        for group in 0..2 {
            let account = format!("Microsoft.Storage/storageAccounts/a{subscription:02}{group}");
            let https = json!({ "supportsHttpsTrafficOnly": (subscription + group) % 3 != 0 });
            resources.push(resource(subscription, group, &account, "Microsoft.Storage/storageAccounts", Some(location), https));
            let server = format!("Microsoft.Sql/servers/db{subscription:02}{group}");
            resources.push(resource(subscription, group, &server, "Microsoft.Sql/servers", Some("eastus"), json!({})));
            let state = if subscription % 2 == 0 { "Enabled" } else { "Disabled" };
            let setting = format!("{server}/auditingSettings/default");
            let kind = "Microsoft.Sql/servers/auditingSettings";
            resources.push(resource(subscription, group, &setting, kind, None, json!({ "state": state })));
        }
    }
    Estate(resources)
}

fn definition(name: &str, parameters: Value, condition: Value, then: Value) -> Definition {
    let document = json!({
        "id": format!("{AUTHORIZATION}/policyDefinitions/{name}"), "name": name,
        "properties": { "displayName": name, "mode": "All", "parameters": parameters, "policyRule": { "if": condition, "then": then } }
    });
    Definition::parse(&document).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn type_is(name: &str) -> Value {
    json!({ "field": "type", "equals": name })
}

fn definitions() -> Vec<Definition> {
    let effect = |values: &[&str]| json!({ "type": "String", "allowedValues": values, "defaultValue": values.first() });
    let of_parameter = || json!({ "effect": "[parameters('effect')]" });
    let insecure = json!({ "allOf": [
        type_is("Microsoft.Storage/storageAccounts"),
        { "field": "Microsoft.Storage/storageAccounts/supportsHttpsTrafficOnly", "notEquals": true }
    ] });
    let audited = json!({ "effect": "auditIfNotExists", "details": {
        "type": "Microsoft.Sql/servers/auditingSettings", "name": "default",
        "existenceCondition": { "field": "Microsoft.Sql/servers/auditingSettings/state", "equals": "Enabled" }
    } });
    let elsewhere = json!({ "allOf": [
        { "field": "location", "notIn": "[parameters('locations')]" },
        { "field": "location", "notEquals": "global" },
        { "field": "type", "in": ["Microsoft.Storage/storageAccounts", "Microsoft.Sql/servers"] }
    ] });
    let attested = json!({ "effect": "manual", "details": { "defaultState": "Unknown" } });
    vec![
        definition("https", json!({ "effect": effect(&["Audit", "Deny", "Disabled"]) }), insecure, of_parameter()),
        definition("audited", json!({}), type_is("Microsoft.Sql/servers"), audited),
        definition("locations", json!({ "locations": { "type": "Array" } }), elsewhere, json!({ "effect": "deny" })),
        definition("attested", json!({}), type_is("Microsoft.Sql/servers"), attested),
        definition(
            "kept",
            json!({}),
            type_is("Microsoft.Sql/servers"),
            json!({ "effect": "denyAction", "details": { "actionNames": ["delete"] } }),
        ),
    ]
}

fn initiative() -> Initiative {
    let member = |name: &str, group: &str, parameters: Value| {
        json!({
            "policyDefinitionId": format!("{AUTHORIZATION}/policyDefinitions/{name}"),
            "policyDefinitionReferenceId": format!("ref-{name}"), "groupNames": [group], "parameters": parameters
        })
    };
    let document = json!({
        "id": format!("{AUTHORIZATION}/policySetDefinitions/baseline"),
        "properties": {
            "displayName": "Baseline",
            "parameters": { "httpsEffect": { "type": "String", "defaultValue": "Audit" } },
            "policyDefinitionGroups": [{ "name": "Transit" }, { "name": "Logs" }],
            "policyDefinitions": [
                member("https", "Transit", json!({ "effect": { "value": "[parameters('httpsEffect')]" } })),
                member("audited", "Logs", json!({})),
                member("attested", "Logs", json!({})),
            ]
        }
    });
    Initiative::parse(&document).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn assignment(scope: &str, name: &str, definition: &str, more: Value) -> Assignment {
    let mut properties = json!({ "displayName": name, "policyDefinitionId": format!("{AUTHORIZATION}/{definition}") });
    for (member, value) in more.as_object().unwrap() {
        properties[member] = value.clone();
    }
    let document =
        json!({ "id": format!("{scope}{AUTHORIZATION}/policyAssignments/{name}"), "name": name, "properties": properties });
    Assignment::parse(&document).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn assignments() -> Vec<Assignment> {
    let group = |name: &str| format!("{GROUPS}/{name}");
    let locations = |names: &[&str]| json!({ "locations": { "value": names } });
    let account = "/subscriptions/s09/resourceGroups/rg0/providers/Microsoft.Storage/storageAccounts/a090";
    let set = "policySetDefinitions/baseline";
    let [https, where_, kept] = ["https", "locations", "kept"].map(|name| format!("policyDefinitions/{name}"));
    vec![
        assignment("", "01-all", set, json!({})),
        assignment(&group("corp"), "02-where", &where_, json!({ "parameters": locations(&["eastus", "west europe"]) })),
        assignment(
            &group("workloads"),
            "03-https",
            &https,
            json!({ "notScopes": [group("test")], "parameters": { "effect": { "value": "Deny" } } }),
        ),
        assignment(
            &group("prod"),
            "04-set",
            set,
            json!({ "overrides": [
            { "kind": "policyEffect", "value": "Disabled", "selectors": [
                { "kind": "policyDefinitionReferenceId", "in": ["REF-HTTPS"] }, { "kind": "resourceLocation", "in": ["eastus"] }
            ] }
        ] }),
        ),
        assignment(
            &group("prod-eu"),
            "05-where",
            &where_,
            json!({ "parameters": locations(&["eastus"]), "notScopes": ["/subscriptions/s04/resourceGroups/RG1"] }),
        ),
        assignment(
            &group("prod-us"),
            "06-where",
            &where_,
            json!({ "parameters": locations(&["eastus"]), "enforcementMode": "DoNotEnforce" }),
        ),
        assignment(
            &group("platform"),
            "07-https",
            &https,
            json!({ "resourceSelectors": [
            { "name": "eu", "selectors": [{ "kind": "resourceLocation", "notIn": ["eastus"] }] }
        ] }),
        ),
        assignment("/subscriptions/s05", "08-off", &https, json!({ "parameters": { "effect": { "value": "disabled" } } })),
        assignment("/subscriptions/s06/resourceGroups/rg0", "09-kept", &kept, json!({})),
        assignment(
            &group("test"),
            "10-https",
            &https,
            json!({ "nonComplianceMessages": [{ "message": "Ask the platform team" }] }),
        ),
        assignment(account, "11-one", &https, json!({})),
        assignment("/subscriptions/s07", "12-gone", "policyDefinitions/gone", json!({})),
    ]
}

fn exemption(scope: &str, name: &str, assignment: &str, category: &str, more: Value) -> PolicyExemption {
    let mut properties = json!({
        "policyAssignmentId": format!("{assignment}{AUTHORIZATION}/policyassignments/{}", name.split('-').nth(1).unwrap().replace('_', "-")),
        "exemptionCategory": category
    });
    for (member, value) in more.as_object().unwrap() {
        properties[member] = value.clone();
    }
    let document = json!({ "id": format!("{scope}{AUTHORIZATION}/policyExemptions/{name}"), "properties": properties });
    PolicyExemption::parse(&document).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn exemptions() -> Vec<PolicyExemption> {
    let server = "/subscriptions/s11/resourceGroups/rg1/providers/Microsoft.Sql/servers/db111";
    vec![
        exemption("/subscriptions/s00", "a-01_all", "", "Waiver", json!({ "policyDefinitionReferenceIds": ["Ref-Https"] })),
        exemption("/subscriptions/s03/resourceGroups/rg0", "b-01_all", "", "Mitigated", json!({})),
        exemption("/subscriptions/s15", "c-01_all", "", "Waiver", json!({ "expiresOn": "2026-06-01T00:00:00Z" })),
        exemption("/subscriptions/s21", "d-01_all", "", "Waiver", json!({ "expiresOn": "2026-09-01T00:00:00Z" })),
        exemption(server, "e-01_all", "", "Waiver", json!({})),
        exemption(
            &format!("{GROUPS}/test"),
            "f-10_https",
            &format!("{GROUPS}/test"),
            "Waiver",
            json!({ "resourceSelectors": [
            { "selectors": [{ "kind": "resourceLocation", "in": ["westeurope"] }] }
        ] }),
        ),
    ]
}

fn governance() -> Governance {
    let mut governance = Governance::default();
    for definition in definitions() {
        assert!(governance.add_definition(definition).is_none());
    }
    assert!(governance.add_initiative(initiative()).is_none());
    for assignment in assignments() {
        assert!(governance.add_assignment(assignment).is_none());
    }
    for exemption in exemptions() {
        assert!(governance.add_exemption(exemption).is_none());
    }
    let group = |name: &str| Scope::ManagementGroup(name.to_owned());
    for (child, parent) in [
        ("platform", "corp"),
        ("workloads", "corp"),
        ("prod", "workloads"),
        ("test", "workloads"),
        ("prod-eu", "prod"),
        ("prod-us", "prod"),
    ] {
        governance.hierarchy.put(group(child), group(parent)).unwrap();
    }
    governance.hierarchy.put(group("corp"), Scope::Tenant).unwrap();
    for subscription in 0..40 {
        let parent = ["prod-eu", "prod-us", "test", "platform"].get(subscription / 10).unwrap();
        governance.hierarchy.put(Scope::Subscription(format!("s{subscription:02}")), group(parent)).unwrap();
    }
    governance
}

/// Every state of every resource at an instant.
fn states<'p>(plan: &'p Plan<'_>, estate: &'p Estate, now: Timestamp) -> Vec<(&'p Resource, Vec<PolicyState<'p>>)> {
    let none = Parameters::new();
    let judge = |resource: &'p Resource| {
        let input = Input { resource, facts: None, parameters: &none, around: None, now };
        (resource, plan.states(&input, estate))
    };
    estate.0.iter().map(judge).collect()
}

fn line(rollup: &Rollup) -> String {
    let counts: Vec<String> = rollup.counts().iter().map(|(state, number)| format!("{state:?} {number}")).collect();
    let percent = rollup.fraction().map_or("none concerned".to_owned(), |fraction| format!("{:.2} %", fraction * 100.0));
    format!("{percent}: {}", counts.join(", "))
}

fn report(now: Timestamp) -> String {
    let (governance, estate) = (governance(), estate());
    let plan = governance.plan(now);
    let judged = states(&plan, &estate, now);
    let mut text = format!("at {now}, {} definitions in force\n", plan.len());
    for unlinked in &plan.unlinked {
        writeln!(text, "not in force: {} {}: {}", unlinked.assignment_id, unlinked.reference_id, unlinked.message).unwrap();
    }
    for assignment in governance.assignments() {
        let mut whole = Rollup::default();
        let mut by_reference: BTreeMap<(&str, Effect), Rollup> = BTreeMap::new();
        for (resource, states) in &judged {
            let own: Vec<&PolicyState<'_>> = states.iter().filter(|state| state.assignment.id == assignment.id).collect();
            whole.add(&resource.id, own.iter().copied());
            for state in own {
                by_reference.entry((state.reference_id, state.effect)).or_default().add(&resource.id, [state]);
            }
        }
        writeln!(text, "{} ({:?}) {}", assignment.name, assignment.enforcement, line(&whole)).unwrap();
        for ((reference, effect), rollup) in by_reference.iter().filter(|((reference, _), _)| !reference.is_empty()) {
            writeln!(text, "    {reference} {effect} {}", line(rollup)).unwrap();
        }
    }
    for name in ["corp", "platform", "workloads", "prod", "test", "prod-eu", "prod-us"] {
        let mut rollup = Rollup::default();
        let scope = Scope::ManagementGroup(name.to_owned());
        for (resource, states) in judged.iter().filter(|(resource, _)| governance.hierarchy.of(resource).contains(&scope)) {
            rollup.add(&resource.id, states);
        }
        writeln!(text, "below {name}: {}", line(&rollup)).unwrap();
    }
    text
}

fn golden(name: &str, found: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(expected == found, "{} differs:\n{found}", path.display());
}

#[test]
fn a_whole_tenant_stands_as_the_golden_file_says() {
    golden("tenant.txt", &report("2026-08-31T23:59:59Z".parse().unwrap()));
}

#[test]
fn an_exemption_ends_at_its_instant() {
    let (governance, estate) = (governance(), estate());
    let state = |now: &str, subscription: &str| {
        let now = now.parse().unwrap();
        let plan = governance.plan(now);
        let all = states(&plan, &estate, now);
        let (_, states) = all.iter().find(|(resource, _)| resource.id.as_str().contains(subscription)).unwrap();
        states
            .iter()
            .find(|state| state.assignment.name == "01-all")
            .map(|state| (state.state, state.exemption.is_some()))
            .unwrap()
    };
    assert_eq!(state("2026-08-31T23:59:59Z", "/s21/resourceGroups/rg0"), (ComplianceState::Exempt, true));
    assert_eq!(state("2026-09-01T00:00:00Z", "/s21/resourceGroups/rg0"), (ComplianceState::NonCompliant, false));
    assert_eq!(state("2026-05-31T00:00:00Z", "/s15/resourceGroups/rg0"), (ComplianceState::Exempt, true));
    assert_eq!(state("2026-06-30T00:00:00Z", "/s15/resourceGroups/rg0"), (ComplianceState::NonCompliant, false));
}

#[test]
fn a_state_names_where_it_came_from() {
    let (governance, estate) = (governance(), estate());
    let now = "2026-06-30T00:00:00Z".parse().unwrap();
    let plan = governance.plan(now);
    let all = states(&plan, &estate, now);
    let of = |id: &str| &all.iter().find(|(resource, _)| resource.id.as_str().ends_with(id)).unwrap().1;
    let names = |id: &str| of(id).iter().map(|state| state.assignment.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names("storageAccounts/a090"), ["01-all", "02-where", "05-where", "03-https", "11-one"]);
    assert_eq!(names("servers/db060"), ["01-all", "01-all", "02-where", "05-where", "04-set", "04-set", "09-kept"]);
    let own = of("storageAccounts/a210");
    let told = own.iter().find(|state| state.assignment.name == "10-https").unwrap();
    assert_eq!(told.assignment.message(told.reference_id), Some("Ask the platform team"));
    assert_eq!(
        (told.effect, told.state, told.verdict.evidence.is_empty()),
        (Effect::Audit, ComplianceState::NonCompliant, false)
    );
    let in_set = own.iter().find(|state| state.reference_id == "ref-https").unwrap();
    assert_eq!((in_set.groups, in_set.initiative.map(|set| set.name.as_str())), (&["Transit".to_owned()][..], Some("baseline")));
}
