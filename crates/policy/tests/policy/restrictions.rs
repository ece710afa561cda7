//! What policies leave open for a resource that is about to be made, and how assignments set their definitions.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use skywarden_policy::{Answer, Library, Pending, requested, restrictions};
use skywarden_rule::{Input, Parameters};

fn definition(name: &str, parameters: Value, condition: Value, then: Value) -> Value {
    json!({ "id": format!("/providers/Microsoft.Authorization/policyDefinitions/{name}"), "properties": {
        "parameters": parameters, "policyRule": { "if": condition, "then": then } } })
}

fn assignment(name: &str, parameters: Value) -> Value {
    json!({ "id": format!("/subscriptions/s1/providers/Microsoft.Authorization/policyAssignments/{name}"), "properties": {
        "policyDefinitionId": format!("/providers/Microsoft.Authorization/policyDefinitions/{name}"), "parameters": parameters } })
}

fn library() -> Library {
    let machine = json!({ "field": "type", "equals": "Microsoft.Compute/virtualMachines" });
    let (library, refused) = Library::of([
        definition(
            "locations",
            json!({ "allowed": { "type": "Array" } }),
            json!({ "field": "location", "notIn": "[parameters('allowed')]" }),
            json!({ "effect": "deny" }),
        ),
        assignment("locations", json!({ "allowed": { "value": ["westeurope", "northeurope"] } })),
        definition(
            "tag",
            json!({}),
            json!({ "field": "tags['team']", "exists": false }),
            json!({ "effect": "modify", "details": { "roleDefinitionIds": ["/providers/r"], "operations": [
                { "operation": "add", "field": "tags['team']", "value": "unassigned" }] } }),
        ),
        assignment("tag", json!({})),
        definition(
            "no-owner",
            json!({}),
            json!({ "field": "tags['owner']", "exists": true }),
            json!({ "effect": "modify", "details": { "roleDefinitionIds": ["/providers/r"], "operations": [
                { "operation": "remove", "field": "tags['owner']" }] } }),
        ),
        assignment("no-owner", json!({})),
        definition(
            "names",
            json!({}),
            json!({ "allOf": [machine, { "field": "tags['env']", "in": ["prod", "live"] },
                              { "field": "Microsoft.Compute/virtualMachines/priority", "equals": "Spot" }] }),
            json!({ "effect": "deny" }),
        ),
        assignment("names", json!({})),
        definition("audit", json!({}), json!({ "field": "location", "equals": "eastus" }), json!({ "effect": "audit" })),
        assignment("audit", json!({})),
    ]);
    assert_eq!(refused, []);
    library
}

fn asked(resource: &Value, fields: &[(&str, &[&str])]) -> Vec<String> {
    let library = library();
    let mut resource = requested(resource).unwrap().remove(0);
    resource.scope.account = "s1".into();
    let now = "2026-11-28T00:00:00Z".parse().unwrap();
    let plan = library.governance.plan(now);
    let policies = plan.in_force(&resource);
    let rules: Vec<Option<&Value>> = policies
        .iter()
        .map(|policy| {
            library.document(&policy.bound.definition.id).and_then(|document| document.pointer("/properties/policyRule"))
        })
        .collect();
    let pending: Vec<Pending> = fields
        .iter()
        .map(|(field, values)| Pending { field: (*field).to_owned(), values: values.iter().map(|value| json!(value)).collect() })
        .collect();
    let input = Input { resource: &resource, facts: None, parameters: &Parameters::new(), around: None, now };
    let found = restrictions(&policies, &rules, &input, &pending);
    let mut lines: Vec<String> = Vec::new();
    for (policy, decision) in policies.iter().zip(&found.decisions) {
        if matches!(decision.answer, Answer::Denied(_)) {
            lines.push(format!("{} refuses it", policy.assignment.name));
        }
    }
    for (own, limits) in pending.iter().zip(&found.fields) {
        for limit in limits {
            let by = &policies[limit.policy].assignment.name;
            lines.push(format!("{}: {:?} {} by {by}", own.field, limit.limit, json!(limit.values)));
        }
    }
    lines
}

#[test]
fn values_are_tried_and_absence_too() {
    let machine = json!({ "type": "Microsoft.Compute/virtualMachines", "name": "m", "location": "westeurope",
                          "properties": { "priority": "Spot" } });
    assert_eq!(asked(&machine, &[]), [""; 0]);
    assert_eq!(
        asked(&machine, &[("tags['env']", &["dev", "prod", "live"]), ("location", &["westeurope", "eastus"])]),
        [
            r#"tags['env']: Denied ["prod","live"] by names"#,
            r#"location: Audited ["eastus"] by audit"#,
            r#"location: Denied ["eastus"] by locations"#,
        ]
    );
    // Without values: which it must or must not have.
    assert_eq!(
        asked(&machine, &[("location", &[]), ("tags['env']", &[]), ("tags['team']", &[]), ("tags['owner']", &[])]),
        [
            r#"location: Required ["westeurope","northeurope"] by locations"#,
            r#"tags['env']: Denied ["prod","live"] by names"#,
            r#"tags['team']: Required ["unassigned"] by tag"#,
            "tags['owner']: Removed [] by no-owner",
        ]
    );
    let elsewhere = json!({ "type": "a/b", "name": "m", "location": "eastus" });
    assert_eq!(asked(&elsewhere, &[("tags['env']", &["prod"])]), ["locations refuses it"]);
    assert_eq!(asked(&elsewhere, &[("[not a field", &["x"])]), ["locations refuses it"]);
}

#[test]
fn what_sets_an_assignment_is_told() {
    let member = |name: &str, parameters: Value| {
        json!({ "policyDefinitionReferenceId": name, "parameters": parameters,
                "policyDefinitionId": format!("/providers/Microsoft.Authorization/policyDefinitions/{name}") })
    };
    let effect =
        json!({ "effect": { "type": "String", "defaultValue": "Audit" }, "n": { "type": "Integer", "defaultValue": 3 } });
    let plain = |name: &str, parameters: Value, effect: &str| {
        definition(name, parameters, json!({ "field": "location", "equals": "x" }), json!({ "effect": effect }))
    };
    let (library, _) = Library::of([
        plain("a", effect.clone(), "[parameters('effect')]"),
        plain("b", effect.clone(), "[parameters('effect')]"),
        plain("c", effect, "[parameters('effect')]"),
        plain("d", json!({}), "audit"),
        plain("e", json!({}), "audit"),
        json!({ "id": "/providers/Microsoft.Authorization/policySetDefinitions/set", "properties": {
            "parameters": { "effectA": { "type": "String", "defaultValue": "Audit" }, "effectB": { "type": "String", "defaultValue": "Deny" } },
            "policyDefinitions": [
                member("a", json!({ "effect": { "value": "[parameters('effectA')]" } })),
                member("b", json!({ "effect": { "value": "[parameters('effectB')]" }, "n": { "value": 7 } })),
                member("c", json!({})), member("d", json!({})), member("e", json!({})), member("gone", json!({})),
                member("c", json!({ "nobody": { "value": 1 } })).as_object().map(|own| {
                    let mut own = own.clone();
                    own.insert("policyDefinitionReferenceId".to_owned(), json!("wrong"));
                    Value::Object(own)
                }).unwrap()
            ] } }),
        json!({ "id": "/providers/Microsoft.Authorization/policyAssignments/set", "properties": {
            "policyDefinitionId": "/providers/Microsoft.Authorization/policySetDefinitions/set",
            "parameters": { "effectA": { "value": "Disabled" } },
            "overrides": [
                { "kind": "policyEffect", "value": "disabled", "selectors": [{ "kind": "policyDefinitionReferenceId", "in": ["d"] }] },
                { "kind": "policyEffect", "value": "deny", "selectors": [
                    { "kind": "policyDefinitionReferenceId", "in": ["e"] }, { "kind": "resourceLocation", "in": ["eastus"] }] }
            ] } }),
    ]);
    let assignment = library.governance.assignments().next().unwrap();
    let settings = library.governance.settings(assignment, "2026-11-28T00:00:00Z".parse().unwrap());
    let lines: Vec<String> = settings
        .iter()
        .map(|own| {
            let effect = own.effect.map(|(effect, origin)| format!("{} from {}", effect.name(), origin.name()));
            let parameters: Vec<String> =
                own.parameters.iter().map(|(name, (value, origin))| format!("{name}={value} from {}", origin.name())).collect();
            let problem = own.problem.clone().unwrap_or_default();
            format!("{}: {} [{}] {problem}", own.reference_id, effect.unwrap_or_default(), parameters.join(", "))
        })
        .collect();
    let expected = [
        r#"a: disabled from assignment [effect="Disabled" from assignment, n=3 from definitionDefault] "#,
        r#"b: deny from initiativeDefault [effect="Deny" from initiativeDefault, n=7 from initiative] "#,
        r#"c: audit from definitionDefault [effect="Audit" from definitionDefault, n=3 from definitionDefault] "#,
        "d: disabled from override [] ",
        "e: audit from rule [] ",
    ];
    assert_eq!(lines[..5], expected);
    assert_eq!(settings[4].partial_overrides.len(), 1);
    assert!(lines[5].starts_with("gone:  [] there is no definition"), "{}", lines[5]);
    assert!(lines[6].contains("nobody"), "{}", lines[6]);
    assert_eq!(settings.len(), 7);
    assert_eq!(settings[6].effect, None);
}
