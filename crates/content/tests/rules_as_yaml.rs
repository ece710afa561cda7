//! That a rule says the same in YAML and in JSON.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fmt::Write as _};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use skywarden_content::Source;
use skywarden_model::{Carried, Resource, Scope, Timestamp};
use skywarden_rule::{Input, Outcome, Parameters, Rule};

fn resource(properties: Value) -> Resource {
    Resource {
        id: "x".into(),
        type_name: "A.B/c".into(),
        name: "x".to_owned(),
        scope: Scope { connector: "c".into(), account: "1".into(), resource_group: "g".into() },
        location: None,
        tags: BTreeMap::new(),
        envelope: Map::new(),
        properties,
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}

/// Texts that YAML takes for something else where they stand without quotes are in it.
fn scalar() -> impl Strategy<Value = Value> {
    let texts =
        ["x", "true", "no", "1", "1.0", "null", "~", "", "a: b", "# x", "[parameters]", "it's \"so\"", "2026-01-01", "*", "é\n"];
    prop_oneof![
        prop::sample::select(texts.to_vec()).prop_map(|text| json!(text.replace("[parameters]", "[[parameters]"))),
        any::<bool>().prop_map(Value::from),
        (-3..3).prop_map(Value::from),
        Just(json!(1.5)),
        Just(Value::Null),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    let test = prop_oneof![
        scalar().prop_map(|value| ("equals", value)),
        scalar().prop_map(|value| ("notEquals", value)),
        prop::collection::vec(scalar(), 0..3).prop_map(|values| ("in", Value::from(values))),
        any::<bool>().prop_map(|value| ("exists", json!(value))),
    ];
    let field = prop_oneof![Just("properties.a"), Just("properties.b"), Just("tags['a.b']")];
    let leaf = (field, test).prop_map(|(field, (name, value))| json!({ "field": field, name: value }));
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|rule| json!({ "not": rule })),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|rules| json!({ "allOf": rules })),
            prop::collection::vec(inner, 0..3).prop_map(|rules| json!({ "anyOf": rules })),
        ]
    })
}

/// The value as YAML in blocks; texts are in double quotes, which take JSON's escapes.
fn yaml(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                write!(out, "\n{indent}{name}: ").unwrap();
                yaml(member, depth + 1, out);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for element in elements {
                write!(out, "\n{indent}- ").unwrap();
                yaml(element, depth + 1, out);
            }
        }
        other => write!(out, "{other}").unwrap(),
    }
}

fn outcome(rule: &Value, resource: &Resource) -> Outcome {
    let compiled = Rule::compile(rule, &Default::default()).unwrap_or_else(|errors| panic!("{rule}: {errors:?}"));
    let (parameters, now) = (Parameters::new(), Timestamp::UNIX_EPOCH);
    compiled.explain(&Input { resource, facts: None, parameters: &parameters, around: None, now })
}

proptest! {
    #[test]
    fn a_rule_says_the_same_in_yaml_and_in_json(rule in rule(), (a, b) in (scalar(), scalar())) {
        let mut text = String::new();
        yaml(&rule, 0, &mut text);
        let of_yaml = Source::parse(&text).unwrap_or_else(|error| panic!("{text}: {error:?}")).value;
        let of_json = Source::parse(&rule.to_string()).unwrap_or_else(|error| panic!("{rule}: {error:?}")).value;
        prop_assert_eq!(&of_yaml, &rule, "{}", text);
        prop_assert_eq!(&of_json, &rule);
        let resource = resource(json!({ "a": a, "b": b }));
        prop_assert_eq!(outcome(&of_yaml, &resource), outcome(&rule, &resource));
    }
}
