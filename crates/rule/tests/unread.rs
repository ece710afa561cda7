//! "Could not read" is never "absent", "empty" or "complete": lists cut off, objects read in part, fields not carried.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_model::{Carried, FactSheet, FieldPath, Resource, Scope, Segment, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_rule::{Input, Outcome, Parameters, Rule, Truth};

use UnreadableKind::{Denied, Truncated};

fn entry(field: &str, kind: UnreadableKind) -> Unreadable {
    let reason = UnreadableReason {
        kind,
        operation: "ec2:Describe".to_owned(),
        permission: Some("ec2:Describe".to_owned()),
        code: "AccessDenied".to_owned(),
        message: String::new(),
    };
    Unreadable { field: field.parse().unwrap(), reason: Arc::new(reason) }
}

fn resource(properties: Value, unreadable: &[(&str, UnreadableKind)]) -> Resource {
    Resource {
        id: "arn:x".into(),
        type_name: "AWS::EC2::SecurityGroup".into(),
        name: "group".to_owned(),
        scope: Scope { connector: "c".into(), account: "1".into(), resource_group: "g".into() },
        location: None,
        tags: BTreeMap::new(),
        envelope: serde_json::Map::new(),
        properties,
        unreadable: unreadable.iter().map(|(field, kind)| entry(field, *kind)).collect(),
        carried: Carried::All,
    }
}

fn explain(rule: &Value, resource: &Resource, facts: Option<&FactSheet>) -> Outcome {
    let compiled = Rule::compile(rule, &Default::default()).unwrap_or_else(|errors| panic!("{rule}: {errors:?}"));
    let input =
        Input { resource, facts, parameters: &Parameters::new(), around: None, now: "2026-06-30T00:00:00Z".parse().unwrap() };
    let outcome = compiled.explain(&input);
    assert_eq!(compiled.truth(&input), outcome.truth, "the fast and the explained verdict of {rule} differ");
    if outcome.truth == Truth::Unknown {
        assert!(!outcome.unreadable.is_empty() || outcome.error.is_some(), "{rule} is Unknown without a reason");
    }
    outcome
}

fn check(rule: Value, properties: Value, unreadable: &[(&str, UnreadableKind)], expected: Truth) {
    let truth = explain(&rule, &resource(properties.clone(), unreadable), None).truth;
    assert_eq!(truth, expected, "{rule} on {properties} without {unreadable:?}");
}

fn on(field: &str, condition: &str, value: Value) -> Value {
    json!({ "field": field, condition: value })
}

#[test]
fn a_list_that_was_cut_off_decides_only_where_more_elements_change_nothing() {
    let cut = |rule: Value, expected: Truth| {
        check(rule, json!({ "l": [1, 2] }), &[("properties.l", Truncated)], expected);
    };
    let count = |condition: &str, value: u64| json!({ "count": { "field": "properties.l[*]" }, condition: value });
    cut(count("greater", 1), Truth::True);
    cut(count("greater", 2), Truth::Unknown);
    cut(count("less", 2), Truth::False);
    cut(count("less", 9), Truth::Unknown);
    cut(count("equals", 1), Truth::False);
    cut(count("equals", 2), Truth::Unknown);
    cut(count("notEquals", 1), Truth::True);
    cut(json!({ "field": "properties.l[*]", "equals": 1 }), Truth::False);
    cut(json!({ "field": "properties.l[*]", "greater": 0 }), Truth::Unknown);
}

#[test]
fn fields_that_the_source_does_not_carry_are_unknown() {
    let mut bare = resource(json!({}), &[]);
    bare.carried = Carried::Only(Arc::from(["properties.b".parse().unwrap()]));
    assert_eq!(explain(&on("properties.a", "exists", json!(true)), &bare, None).truth, Truth::Unknown);
    assert_eq!(explain(&on("properties.b", "exists", json!(true)), &bare, None).truth, Truth::False);
}

#[test]
fn an_object_of_which_a_part_is_unreadable_is_not_known_to_be_absent() {
    let part = [("properties.a.b", Denied)];
    check(on("properties.a", "exists", json!(false)), json!({}), &part, Truth::Unknown);
    check(on("properties.a", "exists", json!(true)), json!({ "a": {} }), &part, Truth::True);
    check(on("properties.a", "equals", json!({})), json!({ "a": {} }), &part, Truth::Unknown);
    check(on("properties.a.c", "exists", json!(false)), json!({}), &part, Truth::True);
    check(on("properties.a", "containsKey", json!("x")), json!({ "a": { "x": 1 } }), &part, Truth::True);
    check(on("properties.a", "notContainsKey", json!("x")), json!({ "a": {} }), &part, Truth::Unknown);
}

#[test]
fn a_missing_list_of_unreadable_elements_has_no_known_length() {
    let count = json!({ "count": { "field": "properties.l[*]" }, "equals": 0 });
    check(count.clone(), json!({}), &[("properties.l[*].x", Denied)], Truth::Unknown);
    check(count.clone(), json!({ "l": [] }), &[("properties.l[*].x", Denied)], Truth::True);
    check(count, json!({}), &[("properties.other", Denied)], Truth::True);
    check(on("properties.l[*]", "equals", json!(1)), json!({}), &[("properties.l", Truncated)], Truth::Unknown);
}

#[test]
fn a_list_that_was_cut_off_is_not_taken_for_whole() {
    let cut = [("properties.l", Truncated)];
    let list = json!({ "l": [{ "r": [1], "x": 1 }] });
    check(on("properties.l", "exists", json!(false)), json!({}), &cut, Truth::Unknown);
    check(on("properties.l", "exists", json!(true)), json!({ "l": [] }), &cut, Truth::True);
    check(on("properties.l", "contains", json!(3)), json!({ "l": [1] }), &cut, Truth::Unknown);
    check(on("properties.l", "contains", json!(1)), json!({ "l": [1] }), &cut, Truth::True);
    check(on("properties.l", "notContains", json!(1)), json!({ "l": [1] }), &cut, Truth::False);
    let length = json!({ "value": "[length(field('properties.l'))]", "equals": 1 });
    check(length, list.clone(), &cut, Truth::Unknown);
    // Its elements are whole, and so are the lists in them.
    let nested = json!({ "count": { "field": "properties.l[*]", "where": { "allOf": [
        { "count": { "field": "properties.l[*].r[*]" }, "equals": 1 },
        { "field": "properties.l[*].y", "exists": false },
    ] } }, "greater": 0 });
    check(nested, list, &cut, Truth::True);
}

#[test]
fn an_interval_says_what_is_known_of_the_count() {
    let rule = json!({ "count": { "field": "properties.l[*]" }, "greater": 1 });
    let outcome = explain(&rule, &resource(json!({ "l": [1, 2] }), &[("properties.l", Truncated)]), None);
    assert_eq!(outcome.truth, Truth::True);
    assert!(format!("{:?}", outcome.evidence).contains("at least 2"), "{:?}", outcome.evidence);
}

#[test]
fn fields_carried_in_part_are_known_in_part() {
    let mut bare = resource(json!({ "l": [{ "x": 1 }] }), &[]);
    bare.carried = Carried::Only(Arc::from(["properties.a.b".parse().unwrap(), "properties.l[*].x".parse().unwrap()]));
    for (rule, expected) in [
        (on("properties.a", "exists", json!(false)), Truth::Unknown),
        (on("properties.a.b", "exists", json!(false)), Truth::True),
        (on("properties.z", "exists", json!(false)), Truth::Unknown),
        (json!({ "count": { "field": "properties.l[*]" }, "equals": 1 }), Truth::True),
        (on("properties.l[*].x", "equals", json!(1)), Truth::True),
        (on("properties.l[*].y", "exists", json!(false)), Truth::Unknown),
        (on("properties.l", "contains", json!(5)), Truth::Unknown),
        (on("kind", "exists", json!(false)), Truth::Unknown),
        (on("tags.env", "exists", json!(false)), Truth::Unknown),
        (on("type", "equals", json!("AWS::EC2::SecurityGroup")), Truth::True),
        (on("facts.exposure.internet", "exists", json!(false)), Truth::True),
    ] {
        assert_eq!(explain(&rule, &bare, None).truth, expected, "{rule}");
    }
    bare.tags = BTreeMap::from([("owner".to_owned(), "me".to_owned())]);
    assert_eq!(explain(&on("tags.env", "exists", json!(false)), &bare, None).truth, Truth::True);
}

#[test]
fn facts_that_could_not_be_computed_are_unknown() {
    let exposed = resource(json!({}), &[]);
    let mut facts = FactSheet { unreadable: vec![entry("facts.exposure.internet", Denied)], ..FactSheet::default() };
    let rule = on("facts.exposure.internet", "equals", json!(true));
    assert_eq!(explain(&rule, &exposed, Some(&facts)).truth, Truth::Unknown);
    assert_eq!(explain(&on("facts.exposure", "exists", json!(false)), &exposed, Some(&facts)).truth, Truth::Unknown);
    facts.unreadable.clear();
    facts.values.insert("exposure".into(), [("internet".into(), json!(true))].into_iter().collect());
    assert_eq!(explain(&rule, &exposed, Some(&facts)).truth, Truth::True);
    assert_eq!(explain(&on("facts", "containsKey", json!("exposure")), &exposed, Some(&facts)).truth, Truth::True);
}

/// Takes away what stands at a path, as a source does that may not read it.
fn taken_away(value: &mut Value, path: &[Segment]) {
    match (path, value) {
        ([Segment::Key(key)], Value::Object(members)) => {
            members.remove(key.as_ref());
        }
        ([Segment::Key(key), rest @ ..], Value::Object(members)) => {
            if let Some(value) = members.get_mut(key.as_ref()) {
                taken_away(value, rest);
            }
        }
        ([Segment::Each], Value::Array(elements)) => elements.clear(),
        ([Segment::Each, rest @ ..], Value::Array(elements)) => {
            elements.iter_mut().for_each(|element| taken_away(element, rest));
        }
        _ => {}
    }
}

fn any_rule() -> impl Strategy<Value = Value> {
    let fields = prop::sample::select(vec!["a", "o", "o.p", "o.q", "l", "l[*].x", "l[*].m", "l[*].m[*]", "none"]);
    let conditions = prop::sample::select(vec![
        ("equals", json!(1)),
        ("notEquals", json!(1)),
        ("greater", json!(0)),
        ("in", json!([0, 1])),
        ("exists", json!(true)),
        ("exists", json!(false)),
        ("contains", json!(1)),
        ("notContains", json!(1)),
        ("containsKey", json!("p")),
        ("notContainsKey", json!("p")),
        ("like", json!("*")),
        ("equals", json!("")),
    ]);
    let lists = prop::sample::select(vec!["l[*]", "l[*].m[*]", "none[*]"]);
    let bounds = prop::sample::select(vec!["less", "greaterOrEquals", "equals", "notEquals"]);
    let functions = prop::sample::select(vec![
        ("length(field('properties.l'))", 1),
        ("length(field('properties.l[*].x'))", 1),
        ("coalesce(field('properties.a'), 1)", 1),
        ("if(empty(field('properties.o')), 1, 2)", 1),
        ("add(field('properties.o.p'), 1)", 2),
        ("first(field('properties.l[*].m'))", 1),
    ]);
    let leaf = prop_oneof![
        4 => (fields.clone(), conditions.clone())
            .prop_map(|(field, (condition, value))| json!({ "field": format!("properties.{field}"), condition: value })),
        3 => (lists, fields, conditions, bounds, 0..3i32).prop_map(|(list, field, (condition, value), bound, number)| json!({
            "count": { "field": format!("properties.{list}"), "where": { "field": format!("properties.{field}"), condition: value } },
            bound: number,
        })),
        1 => functions.prop_map(|(call, value)| json!({ "value": format!("[{call}]"), "equals": value })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "allOf": parts })),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "anyOf": parts })),
            inner.prop_map(|part| json!({ "not": part })),
        ]
    })
}

fn any_properties() -> impl Strategy<Value = Value> {
    let number = prop_oneof![Just(None), (0..3i32).prop_map(|number| Some(json!(number)))];
    let list = prop_oneof![Just(None), prop::collection::vec(0..3i32, 0..3).prop_map(|list| Some(json!(list)))];
    let element = (number.clone(), list).prop_map(|(x, m)| object([("x", x), ("m", m)]));
    let inner = prop_oneof![Just(None), (number.clone(), number.clone()).prop_map(|(p, q)| Some(object([("p", p), ("q", q)])))];
    let elements = prop_oneof![Just(None), prop::collection::vec(element, 0..3).prop_map(|list| Some(json!(list)))];
    (number, inner, elements).prop_map(|(a, o, l)| object([("a", a), ("o", o), ("l", l)]))
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    Value::Object(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn losing_a_field_never_turns_a_verdict_round(
        rule in any_rule(),
        properties in any_properties(),
        denied in prop::sample::select(vec!["a", "o", "o.p", "o.q", "l", "l[*].x", "l[*].m", "none", "none[*].x"]),
        and_parent in any::<bool>(),
    ) {
        let field = format!("properties.{denied}");
        let path: FieldPath = field.parse().unwrap();
        let before = explain(&rule, &resource(properties.clone(), &[]), None).truth;
        let mut seen = properties;
        let (_, below) = path.segments().split_first().unwrap();
        taken_away(&mut seen, below);
        if and_parent && denied.starts_with("o.") {
            // A source that could read nothing of an object has no object to show.
            taken_away(&mut seen, &[Segment::Key("o".into())]);
            let both = [("properties.o.p", Denied), ("properties.o.q", Denied)];
            let after = explain(&rule, &resource(seen, &both), None).truth;
            prop_assert!(after == before || after == Truth::Unknown, "{before:?} became {after:?} without o");
        } else {
            let after = explain(&rule, &resource(seen, &[(&field, Denied)]), None).truth;
            prop_assert!(after == before || after == Truth::Unknown, "{before:?} became {after:?} without {field}");
        }
    }

    #[test]
    fn losing_the_end_of_a_list_never_turns_a_verdict_round(rule in any_rule(), properties in any_properties(), kept in 0..3usize) {
        let before = explain(&rule, &resource(properties.clone(), &[]), None).truth;
        let mut seen = properties;
        match seen.get_mut("l") {
            Some(Value::Array(elements)) => elements.truncate(kept),
            _ => return Ok(()),
        }
        if kept == 0 {
            taken_away(&mut seen, &[Segment::Key("l".into())]);
        }
        let after = explain(&rule, &resource(seen, &[("properties.l", Truncated)]), None).truth;
        prop_assert!(after == before || after == Truth::Unknown, "{before:?} became {after:?} with {kept} elements");
    }
}
