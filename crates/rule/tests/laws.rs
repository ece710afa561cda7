//! Laws that hold for every rule and every resource: Kleene's, order, and what a verdict says of what was not read.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use skywarden_model::{Carried, Resource, Scope, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_rule::{Input, Outcome, Parameters, Rule, Truth};

use UnreadableKind::{Denied, Truncated};

fn resource(properties: Value, unread: &[(&str, UnreadableKind)]) -> Resource {
    let entry = |(field, kind): &(&str, UnreadableKind)| Unreadable {
        field: field.parse().unwrap(),
        reason: Arc::new(UnreadableReason {
            kind: *kind,
            operation: "read".to_owned(),
            permission: None,
            code: String::new(),
            message: String::new(),
        }),
    };
    Resource {
        id: "x".into(),
        type_name: "A.B/c".into(),
        name: "x".to_owned(),
        scope: Scope { connector: "c".into(), account: "1".into(), resource_group: "g".into() },
        location: None,
        tags: BTreeMap::new(),
        envelope: Map::new(),
        properties,
        unreadable: unread.iter().map(entry).collect(),
        carried: Carried::All,
    }
}

/// The verdict, which is the same whether it is explained or not.
fn truth(rule: &Value, resource: &Resource) -> Truth {
    let rule = Rule::compile(rule, &Default::default()).unwrap_or_else(|errors| panic!("{rule}: {errors:?}"));
    let parameters = Parameters::new();
    let now = "2026-06-30T00:00:00Z".parse().unwrap();
    let input = Input { resource, facts: None, parameters: &parameters, around: None, now };
    let truth = rule.truth(&input);
    assert_eq!(rule.explain(&input).truth, truth);
    assert_eq!(rule.with(&parameters).truth(&input), truth);
    truth
}

fn not(rule: &Value) -> Value {
    json!({ "not": rule })
}

fn all(rules: &[Value]) -> Value {
    json!({ "allOf": rules })
}

fn any_of(rules: &[Value]) -> Value {
    json!({ "anyOf": rules })
}

/// A scalar of few, so that conditions hold now and then.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!(1)), Just(json!(2)), Just(json!("x")), Just(json!(true)), Just(Value::Null)]
}

fn element() -> impl Strategy<Value = Value> {
    prop::option::of(scalar()).prop_map(|x| x.map_or_else(|| json!({}), |x| json!({ "x": x })))
}

/// Two scalars, a list of objects, an object; each may be missing.
fn properties() -> impl Strategy<Value = Value> {
    let list = prop::option::of(prop::collection::vec(element(), 0..4));
    (prop::option::of(scalar()), prop::option::of(scalar()), list, prop::option::of(element())).prop_map(|(a, b, l, o)| {
        let members = [("a", a), ("b", b), ("l", l.map(Value::from)), ("o", o)];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    })
}

fn test() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        scalar().prop_map(|value| ("equals", value)),
        scalar().prop_map(|value| ("notEquals", value)),
        any::<bool>().prop_map(|value| ("exists", json!(value))),
        prop::collection::vec(scalar(), 0..3).prop_map(|values| ("in", json!(values))),
        prop::collection::vec(scalar(), 0..3).prop_map(|values| ("notIn", json!(values))),
        Just(("contains", json!("x"))),
        (0..3).prop_map(|value| ("greater", json!(value))),
        (0..3).prop_map(|value| ("lessOrEquals", json!(value))),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        Just("properties.a"),
        Just("properties.b"),
        Just("properties.o"),
        Just("properties.o.x"),
        Just("properties.l"),
        Just("properties.l[*].x")
    ];
    let of_field = (field, test()).prop_map(|(field, (name, value))| json!({ "field": field, name: value }));
    let ordered = prop_oneof![Just("equals"), Just("notEquals"), Just("less"), Just("greaterOrEquals")];
    let of_count = (test(), ordered, 0..4).prop_map(|((name, value), compared, number)| {
        json!({ "count": { "field": "properties.l[*]", "where": { "field": "properties.l[*].x", name: value } }, compared: number })
    });
    let of_value = scalar().prop_map(|value| json!({ "value": "[coalesce(field('properties.a'), 'none')]", "equals": value }));
    prop_oneof![4 => of_field, 2 => of_count, 1 => of_value]
}

fn rule() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|rule| not(&rule)),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|rules| all(&rules)),
            prop::collection::vec(inner, 0..4).prop_map(|rules| any_of(&rules)),
        ]
    })
}

const UNREAD: [(&str, UnreadableKind); 6] = [
    ("properties.a", Denied),
    ("properties.o", Denied),
    ("properties.o.x", Denied),
    ("properties.l", Denied),
    ("properties.l[*].x", Denied),
    ("properties.l", Truncated),
];

fn unread() -> impl Strategy<Value = Vec<(&'static str, UnreadableKind)>> {
    prop::sample::subsequence(UNREAD.to_vec(), 0..3)
}

/// The properties without what was not read; how much of a list that was cut off is left is `kept`.
fn hidden(properties: &Value, unread: &[(&str, UnreadableKind)], kept: usize) -> Value {
    let mut left = properties.clone();
    let members = left.as_object_mut().unwrap();
    for entry in unread {
        match entry {
            ("properties.a", _) => drop(members.remove("a")),
            ("properties.o", _) => drop(members.remove("o")),
            ("properties.o.x", _) => {
                if let Some(Value::Object(object)) = members.get_mut("o") {
                    object.remove("x");
                }
            }
            ("properties.l[*].x", _) => {
                for element in members.get_mut("l").and_then(Value::as_array_mut).into_iter().flatten() {
                    element.as_object_mut().unwrap().remove("x");
                }
            }
            (_, Truncated) => {
                if let Some(Value::Array(elements)) = members.get_mut("l") {
                    elements.truncate(kept);
                }
            }
            _ => drop(members.remove("l")),
        }
    }
    left
}

/// The rule with a parameter wherever it expects 1.
fn with_parameter(rule: &Value) -> Value {
    match rule {
        Value::Array(parts) => parts.iter().map(with_parameter).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, part)| {
                let is_one = part == &json!(1) && !["field", "value"].contains(&name.as_str());
                (name.clone(), if is_one { json!("[parameters('One')]") } else { with_parameter(part) })
            })
            .collect(),
        other => other.clone(),
    }
}

/// A rule that asks for the type, the name and more.
fn rule_on_type() -> impl Strategy<Value = Value> {
    let identity = prop_oneof![
        Just(json!({ "field": "type", "equals": "a.b/C" })),
        Just(json!({ "field": "type", "notEquals": "A.B/d" })),
        Just(json!({ "field": "type", "in": ["A.B/c", "A.B/e"] })),
        Just(json!({ "field": "type", "like": "A.B/*" })),
        Just(json!({ "field": "type", "equals": "[concat('A.B/', field('properties.kind'))]" })),
        Just(json!({ "field": "type", "equals": "[concat('A.B/', field('name'))]" })),
        Just(json!({ "field": "name", "equals": "c" })),
        Just(json!({ "field": "kind", "exists": false })),
    ];
    prop_oneof![3 => identity, 1 => leaf()].prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|rule| not(&rule)),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|rules| all(&rules)),
            prop::collection::vec(inner, 0..4).prop_map(|rules| any_of(&rules)),
        ]
    })
}

/// The rule with the parts of each condition the other way round.
fn turned(rule: &Value) -> Value {
    match rule {
        Value::Array(parts) => parts.iter().rev().map(turned).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, part)| {
                let has_parts = ["allOf", "anyOf", "not", "in", "notIn"].contains(&name.as_str());
                (name.clone(), if has_parts { turned(part) } else { part.clone() })
            })
            .collect(),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn kleenes_laws_hold(
        (one, two, three) in (rule(), rule(), rule()),
        properties in properties(),
        unread in unread(),
    ) {
        let on = resource(hidden(&properties, &unread, 1), &unread);
        let same = |left: &Value, right: &Value| assert_eq!(truth(left, &on), truth(right, &on), "{left} and {right}");
        same(&not(&not(&one)), &one);
        let parts = [one.clone(), two.clone(), three.clone()];
        let negated: Vec<Value> = parts.iter().map(not).collect();
        same(&not(&all(&parts)), &any_of(&negated));
        same(&not(&any_of(&parts)), &all(&negated));
        same(&all(std::slice::from_ref(&one)), &one);
        same(&any_of(std::slice::from_ref(&one)), &one);
        same(&all(&[one.clone(), all(&[])]), &one);
        same(&any_of(&[one.clone(), any_of(&[])]), &one);
        same(&all(&[one.clone(), any_of(&[one.clone(), two.clone()])]), &one);
        same(&any_of(&[one.clone(), all(&[one.clone(), two.clone()])]), &one);
        same(&all(&[one.clone(), any_of(&[two.clone(), three.clone()])]), &any_of(&[all(&[one.clone(), two]), all(&[one, three])]));
    }

    #[test]
    fn a_decided_verdict_is_that_of_whatever_was_not_read(
        rule in rule(),
        (properties, others) in (properties(), prop::collection::vec(properties(), 8)),
        unread in unread(),
        kept in 0..3_usize,
    ) {
        let left = hidden(&properties, &unread, kept);
        let known = truth(&rule, &resource(left.clone(), &unread));
        let whole = truth(&rule, &resource(properties, &[]));
        prop_assert!(known == whole || known == Truth::Unknown, "{known:?} of {left} is {whole:?}");
        // Whatever else looks the same without what was not read is another way in which it may be.
        for other in others.iter().filter(|other| hidden(other, &unread, kept) == left) {
            let whole = truth(&rule, &resource(other.clone(), &[]));
            prop_assert!(known == whole || known == Truth::Unknown, "{known:?} of {left} is {whole:?} of {other}");
        }
    }

    #[test]
    fn order_changes_no_verdict(rule in rule(), properties in properties(), unread in unread()) {
        let mut left = hidden(&properties, &unread, 2);
        let verdict = truth(&rule, &resource(left.clone(), &unread));
        prop_assert_eq!(truth(&turned(&rule), &resource(left.clone(), &unread)), verdict);
        if let Some(Value::Array(elements)) = left.get_mut("l") {
            elements.reverse();
        }
        prop_assert_eq!(truth(&rule, &resource(left, &unread)), verdict);
    }

    #[test]
    fn parameters_put_in_change_nothing(rule in rule(), properties in properties(), unread in unread()) {
        let on = resource(hidden(&properties, &unread, 1), &unread);
        let parameters = Parameters::from([("one".to_owned(), json!(1))]);
        let source = with_parameter(&rule);
        let compiled = Rule::compile(&source, &BTreeSet::from(["one".to_owned()])).unwrap();
        let now = "2026-06-30T00:00:00Z".parse().unwrap();
        let input = Input { resource: &on, facts: None, parameters: &parameters, around: None, now };
        let expected = Rule::compile(&rule, &BTreeSet::new()).unwrap().explain(&input);
        prop_assert_eq!(&compiled.explain(&input), &expected);
        prop_assert_eq!(&compiled.with(&parameters).explain(&Input { parameters: &Parameters::new(), ..input }), &expected);
    }

    #[test]
    fn a_rule_holds_for_no_type_that_it_leaves_out(
        source in rule_on_type(),
        properties in properties(),
        (kind, name) in (prop_oneof![Just("A.B/c"), Just("a.b/D"), Just("X.Y/z")], prop_oneof![Just("c"), Just("z")]),
    ) {
        let rule = Rule::compile(&source, &BTreeSet::new()).unwrap();
        let on = Resource { type_name: kind.into(), name: name.to_owned(), ..resource(properties, &[]) };
        let parameters = Parameters::new();
        let now = "2026-06-30T00:00:00Z".parse().unwrap();
        let input = Input { resource: &on, facts: None, parameters: &parameters, around: None, now };
        if !rule.concerns_type(kind) {
            prop_assert!(!rule.concerns(&input));
        }
        if !rule.concerns(&input) {
            prop_assert_eq!(rule.truth(&input), Truth::False);
        }
        let explained: Option<Outcome> = rule.explain_concerned(&input);
        prop_assert_eq!(explained, rule.concerns(&input).then(|| rule.explain(&input)));
        // One condition on the type says all there is to say.
        let alone = json!({ "allOf": [{ "field": "type", "equals": "A.B/c" }, source] });
        let alone = Rule::compile(&alone, &BTreeSet::new()).unwrap();
        prop_assert!(!alone.concerns_type("A.B/d"));
    }

    #[test]
    fn a_count_is_known_exactly_if_all_that_may_be_agree(
        elements in prop::collection::vec(prop_oneof![Just(json!({ "x": 1 })), Just(json!({ "x": 2 }))], 0..5),
        (is_cut, is_bare) in (any::<bool>(), any::<bool>()),
        condition in prop_oneof![
            Just("equals"), Just("notEquals"), Just("less"), Just("lessOrEquals"), Just("greater"), Just("greaterOrEquals"),
        ],
        wanted in prop_oneof![(-1..7).prop_map(Value::from), Just(json!(1.5)), Just(json!("2"))],
    ) {
        let rule = json!({
            "count": { "field": "properties.l[*]", "where": { "field": "properties.l[*].x", "equals": 1 } }, condition: wanted
        });
        let mut unread = Vec::new();
        let mut left = elements.clone();
        if is_cut {
            unread.push(("properties.l", Truncated));
        }
        if is_bare {
            unread.push(("properties.l[*].x", Denied));
            left.iter_mut().for_each(|element| *element = json!({}));
        }
        let ones = elements.iter().filter(|element| **element == json!({ "x": 1 })).count();
        let (low, high) = (if is_bare { 0 } else { ones }, if is_bare { elements.len() } else { ones });
        // More elements than any number asked for stand for a list without end.
        let high = if is_cut { elements.len() + 9 } else { high };
        let of = |count: usize| truth(&rule, &resource(json!({ "l": vec![json!({ "x": 1 }); count] }), &[]));
        let possible: Vec<Truth> = (low..=high).map(of).collect();
        let agreed = possible.iter().all(|truth| Some(truth) == possible.first()).then(|| possible.first().copied()).flatten();
        prop_assert_eq!(truth(&rule, &resource(json!({ "l": left }), &unread)), agreed.unwrap_or(Truth::Unknown));
    }
}
