//! What of a definition is read, and which mistakes are told, where.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_policy::{Definition, Details, Effect, EffectOf, ExistenceScope, Mode, OperationKind, PolicyType, Reason};
use skywarden_rule::Parameters;

fn definition(parameters: Value, condition: Value, then: Value) -> Value {
    json!({
        "id": "/providers/Microsoft.Authorization/policyDefinitions/d1",
        "name": "d1",
        "properties": {
            "displayName": "Test",
            "policyType": "BuiltIn",
            "mode": "Indexed",
            "metadata": { "category": "Tests", "version": "1.2.0" },
            "parameters": parameters,
            "policyRule": { "if": condition, "then": then }
        }
    })
}

fn type_is(name: &str) -> Value {
    json!({ "field": "type", "equals": name })
}

fn parsed(document: &Value) -> Definition {
    Definition::parse(document).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The mistakes as `pointer: message`.
fn mistakes(document: &Value) -> Vec<String> {
    let errors = Definition::parse(document).unwrap_err();
    errors.into_iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect()
}

#[test]
fn a_definition_is_read_whole_whatever_the_case_of_its_members() {
    let effect =
        json!({ "effect": { "type": "string", "allowedValues": ["Audit", "Deny", "Disabled"], "defaultValue": "Audit" } });
    let read = parsed(&definition(effect, type_is("A.B/c"), json!({ "Effect": "[Parameters('EFFECT')]" })));
    assert_eq!((read.name.as_str(), read.display_name.as_str(), read.category.as_deref()), ("d1", "Test", Some("Tests")));
    assert_eq!((read.mode, read.policy_type, read.version.as_deref()), (Mode::Indexed, PolicyType::BuiltIn, Some("1.2.0")));
    assert_eq!(read.rule.effect, EffectOf::Parameter("effect".to_owned()));
    let alone = json!({ "policyRule": { "if": type_is("A.B/c"), "then": { "effect": "audit" } }, "displayName": "Mine" });
    let alone = parsed(&alone);
    assert_eq!((alone.policy_type, alone.mode, alone.name.as_str()), (PolicyType::Custom, Mode::All, "Mine"));
    assert!(alone.id.ends_with("/policyDefinitions/Mine"));
}

#[test]
fn details_are_read_by_what_the_effect_needs() {
    let existence = json!({ "effect": "AuditIfNotExists", "details": {
        "type": "A.B/c/settings", "name": "[concat(field('name'), '/x')]", "existenceScope": "subscription",
        "ExistenceCondition": { "field": "A.B/c/settings/on", "equals": true }
    } });
    let Details::Existence(existence) = parsed(&definition(json!({}), type_is("A.B/c"), existence)).rule.details else {
        panic!()
    };
    assert_eq!((existence.type_name.as_str(), existence.scope), ("A.B/c/settings", ExistenceScope::Subscription));
    assert!(existence.condition.is_some() && existence.name.is_some() && existence.resource_group.is_none());

    let modify = json!({ "effect": "modify", "details": { "roleDefinitionIds": ["r"], "conflictEffect": "audit", "operations": [
        { "operation": "addOrReplace", "field": "tags['x']", "value": null, "condition": "[equals(1, 1)]" },
        { "operation": "Remove", "field": "tags['y']" }
    ] } });
    let Details::Modify(modify) = parsed(&definition(json!({}), type_is("A.B/c"), modify)).rule.details else { panic!() };
    let kinds: Vec<OperationKind> = modify.operations.iter().map(|operation| operation.kind).collect();
    assert_eq!(kinds, [OperationKind::AddOrReplace, OperationKind::Remove]);
    assert_eq!((modify.conflict_effect, modify.roles.len()), (Some(Effect::Audit), 1));

    let append = json!({ "effect": "append", "details": [{ "field": "tags['x']", "value": "1" }] });
    assert!(
        matches!(parsed(&definition(json!({}), type_is("A.B/c"), append)).rule.details, Details::Append(fields) if fields.len() == 1)
    );
    let manual = json!({ "effect": "Manual", "details": { "defaultState": "Unknown" } });
    assert!(matches!(parsed(&definition(json!({}), type_is("A.B/c"), manual)).rule.details, Details::Manual { .. }));
    let deny = json!({ "effect": "denyAction", "details": { "actionNames": ["delete"] } });
    assert!(
        matches!(parsed(&definition(json!({}), type_is("A.B/c"), deny)).rule.details, Details::DenyAction(actions) if actions == ["delete"])
    );
}

#[test]
fn what_lies_elsewhere_is_named() {
    let then = |details: Value| json!({ "effect": "audit", "details": details });
    for (details, reason, place) in [
        (
            json!({ "templateInfo": { "sourceType": "PublicURL", "url": "https://x/t.yaml" } }),
            Reason::GatekeeperTemplate,
            "https://x/t.yaml",
        ),
        (json!({ "constraintTemplate": "https://x/c.yaml", "constraint": "y" }), Reason::GatekeeperTemplate, "https://x/c.yaml"),
        (json!({ "mutationInfo": { "url": "https://x/m.yaml" } }), Reason::KubernetesMutation, "https://x/m.yaml"),
        (json!({ "policyId": "p", "policy": "https://x/p.rego" }), Reason::Rego, "https://x/p.rego"),
        (json!({ "setting": { "name": "s" } }), Reason::EnforceSetting, "s"),
    ] {
        let elsewhere = parsed(&definition(json!({}), type_is("A.B/c"), then(details))).elsewhere.unwrap();
        assert_eq!((elsewhere.reason, elsewhere.place.as_str()), (reason, place));
    }
    let mut guest = definition(json!({}), type_is("A.B/c"), json!({ "effect": "audit" }));
    guest["properties"]["metadata"]["guestConfiguration"] = json!({ "name": "Baseline" });
    assert_eq!(parsed(&guest).elsewhere.unwrap().reason, Reason::GuestConfiguration);
    let mut fixed = definition(json!({}), type_is("A.B/c"), json!({ "effect": "audit" }));
    fixed["properties"]["policyType"] = json!("Static");
    assert_eq!(parsed(&fixed).elsewhere.unwrap().reason, Reason::Static);
}

#[test]
fn each_mistake_is_told_once_with_its_place() {
    let audit = || json!({ "effect": "audit" });
    let p = "/properties/policyRule";
    for (document, expected) in [
        (json!([]), vec![": a policy definition is an object".to_owned()]),
        (json!({ "properties": {} }), vec!["/properties: `policyRule` is missing".to_owned()]),
        (definition(json!({}), json!({ "field": "type", "equal": "x" }), audit()), vec![format!("{p}/if/equal: `equal` is no condition")]),
        (definition(json!({}), type_is("x"), json!({})), vec![format!("{p}/then: `effect` is missing")]),
        (definition(json!({}), type_is("x"), json!({ "effect": "audits" })), vec![format!("{p}/then/effect: \"audits\" is no effect")]),
        (
            definition(json!({}), type_is("x"), json!({ "effect": "[parameters('effect')]" })),
            vec![format!("{p}/then/effect: the parameter `effect` is not declared")],
        ),
        (
            definition(json!({}), type_is("x"), json!({ "effect": "auditIfNotExists" })),
            vec![format!("{p}/then: the effect `auditIfNotExists` needs `details`")],
        ),
        (
            definition(json!({}), type_is("x"), json!({ "effect": "auditIfNotExists", "details": { "type": "y", "existenceCondition": { "field": "a", "lesss": 1 } } })),
            vec![format!("{p}/then/details/existenceCondition/lesss: `lesss` is no condition")],
        ),
        (
            definition(json!({}), type_is("x"), json!({ "effect": "modify", "details": { "operations": [{ "operation": "set", "field": "tags" }] } })),
            vec![format!("{p}/then/details/operations/0/operation: `set` is no operation")],
        ),
        (
            definition(json!({ "n": { "type": "Number" } }), type_is("x"), audit()),
            vec!["/properties/parameters/n/type: `Number` is no type of a parameter".to_owned()],
        ),
        (
            definition(json!({ "n": { "type": "Integer", "defaultValue": "1" } }), type_is("x"), audit()),
            vec!["/properties/parameters/n/defaultValue: the default of `n`: it takes a value of type Integer, not \"1\"".to_owned()],
        ),
        (
            definition(json!({ "when": { "type": "DateTime", "defaultValue": "2026-02-30" } }), type_is("x"), audit()),
            vec!["/properties/parameters/when/defaultValue: the default of `when`: it takes a value of type DateTime, not \"2026-02-30\"".to_owned()],
        ),
        (
            definition(json!({ "a/b": { "type": "String", "allowedValues": ["x"], "defaultValue": "y" } }), type_is("x"), audit()),
            vec!["/properties/parameters/a~1b/defaultValue: the default of `a/b`: it does not take \"y\"; it takes \"x\"".to_owned()],
        ),
        (
            definition(json!({ "a": { "type": "String" }, "A": { "type": "String" } }), type_is("x"), audit()),
            vec!["/properties/parameters/a: the parameter `a` is declared twice".to_owned()],
        ),
        (
            definition(json!({}), json!({ "value": "[lenght('x')]", "equals": 1 }), audit()),
            vec![format!("{p}/if/value: `lenght` is no function that rules may use")],
        ),
    ] {
        assert_eq!(mistakes(&document), expected, "{document}");
    }
    let mut mode = definition(json!({}), type_is("x"), audit());
    mode["properties"]["mode"] = json!("Some");
    assert_eq!(mistakes(&mode), ["/properties/mode: `Some` is no mode"]);
    let deep = (0..200).fold(type_is("x"), |inner, _| json!({ "not": inner }));
    let told = mistakes(&definition(json!({}), deep, audit()));
    assert!(told.len() == 1 && told.iter().all(|text| text.contains("nested deeper")), "{told:?}");
}

#[test]
fn an_assignment_gives_parameters_their_values_and_mistakes_are_told() {
    let declared = json!({
        "effect": { "type": "String", "allowedValues": ["Audit", "Disabled"], "defaultValue": "Audit" },
        "sizes": { "type": "Array", "allowedValues": ["s", "m"], "defaultValue": ["s"] },
        "owner": { "type": "String" }
    });
    let read = parsed(&definition(declared, type_is("x"), json!({ "effect": "[parameters('effect')]" })));
    let bind = |given: Value| {
        let given: Parameters = given.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let bound = read.bind(&given).map(|bound| (bound.effect, bound.parameters.len()));
        bound.map_err(|errors| errors.into_iter().map(|error| error.message).collect::<Vec<_>>())
    };
    assert_eq!(bind(json!({ "OWNER": "me", "effect": "disabled" })), Ok((Effect::Disabled, 3)));
    assert_eq!(bind(json!({})), Err(vec!["`owner` has no default and needs a value".to_owned()]));
    assert_eq!(bind(json!({ "owner": 1 })), Err(vec!["`owner` takes a value of type String, not 1".to_owned()]));
    assert_eq!(
        bind(json!({ "owner": "me", "sizes": ["m", "xl"] })),
        Err(vec!["`sizes` does not take \"xl\"; it takes \"s\", \"m\"".to_owned()])
    );
    assert_eq!(bind(json!({ "owner": "me", "efect": "Audit" })), Err(vec!["there is no parameter `efect`".to_owned()]));
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "if",
        "then",
        "effect",
        "details",
        "type",
        "audit",
        "operations",
        "[parameters('a')]",
        "[",
        "x",
    ]);
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), word.clone().prop_map(Value::from)];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..5)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_is_read_or_told_what_is_wrong(rule in any_json(), parameters in any_json()) {
        let document = json!({ "properties": { "policyRule": rule, "parameters": parameters } });
        if let Err(errors) = Definition::parse(&document) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(error.pointer.is_empty() || document.pointer(&error.pointer).is_some(), "{}", error.pointer);
            }
        }
    }
}
