//! What conditions, functions and counts answer, with and without unreadable fields.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_model::{Actual, Carried, Resource, Scope, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_rule::{Around, Input, Outcome, Parameters, Rule, Truth};

fn resource(properties: Value, unreadable: &[(&str, UnreadableKind)]) -> Resource {
    let unreadable = unreadable.iter().map(|(field, kind)| Unreadable {
        field: field.parse().unwrap(),
        reason: Arc::new(UnreadableReason {
            kind: *kind,
            operation: "s3:Get".to_owned(),
            permission: Some("s3:Get".to_owned()),
            code: "AccessDenied".to_owned(),
            message: String::new(),
        }),
    });
    Resource {
        id: "arn:x".into(),
        type_name: "AWS::S3::Bucket".into(),
        name: "Bucket-1".to_owned(),
        scope: Scope { connector: "c".into(), account: "1".into(), resource_group: "g".into() },
        location: Some("eu-west-1".to_owned()),
        tags: BTreeMap::from([("Env".to_owned(), "prod".to_owned()), ("a.b".to_owned(), "dotted".to_owned())]),
        envelope: serde_json::Map::new(),
        properties,
        unreadable: unreadable.collect(),
        carried: Carried::All,
    }
}

fn parameters() -> Parameters {
    Parameters::from([("limit".to_owned(), json!(14)), ("tag".to_owned(), json!("Env"))])
}

fn explain(rule: &Value, resource: &Resource) -> Outcome {
    let parameters = parameters();
    let compiled =
        Rule::compile(rule, &parameters.keys().cloned().collect()).unwrap_or_else(|errors| panic!("{rule}: {errors:?}"));
    let input =
        Input { resource, facts: None, parameters: &parameters, around: None, now: "2026-06-30T00:00:00Z".parse().unwrap() };
    let outcome = compiled.explain(&input);
    assert_eq!(compiled.truth(&input), outcome.truth, "the fast and the explained verdict of {rule} differ");
    outcome
}

fn check(rule: Value, properties: Value, expected: Truth) {
    assert_eq!(explain(&rule, &resource(properties.clone(), &[])).truth, expected, "{rule} on {properties}");
}

fn check_denied(rule: Value, properties: Value, denied: &str, expected: Truth) {
    let resource = resource(properties, &[(denied, UnreadableKind::Denied)]);
    assert_eq!(explain(&rule, &resource).truth, expected, "{rule} without {denied}");
}

fn on_a(condition: &str, value: Value) -> Value {
    json!({ "field": "properties.a", condition: value })
}

#[test]
fn every_condition_holds_and_fails() {
    let cases = [
        ("equals", json!("X"), json!("x"), json!("y")),
        ("equals", json!(true), json!("True"), json!(false)),
        ("equals", json!(3), json!("3"), json!(4)),
        ("notEquals", json!("x"), json!("y"), json!("X")),
        ("like", json!("a*c"), json!("ABBC"), json!("abb")),
        ("notLike", json!("a*"), json!("b"), json!("ab")),
        ("match", json!("##-?."), json!("12-ab"), json!("1x-ab")),
        ("matchInsensitively", json!("AB#"), json!("ab1"), json!("abc")),
        ("notMatch", json!("#"), json!("a"), json!("1")),
        ("notMatchInsensitively", json!("A"), json!("b"), json!("a")),
        ("contains", json!("BC"), json!("abcd"), json!("ad")),
        ("contains", json!("x"), json!(["X"]), json!(["y"])),
        ("notContains", json!("x"), json!("abc"), json!("xyz")),
        ("in", json!(["a", "b"]), json!("B"), json!("c")),
        ("notIn", json!(["a"]), json!("b"), json!("A")),
        ("containsKey", json!("k"), json!({ "K": 1 }), json!({ "l": 1 })),
        ("notContainsKey", json!("k"), json!({ "l": 1 }), json!({ "k": 1 })),
        ("less", json!(5), json!(4), json!(5)),
        ("lessOrEquals", json!(5), json!("5"), json!(6)),
        ("greater", json!("2026-01-01T00:00:00Z"), json!("2026-01-01T02:00:00+01:00"), json!("2025-12-31T23:59:59Z")),
        ("greaterOrEquals", json!(5), json!(5), json!(4)),
        ("exists", json!(true), json!(0), json!(null)),
        ("exists", json!("false"), json!(null), json!("")),
    ];
    for (condition, expected, yes, no) in cases {
        check(on_a(condition, expected.clone()), json!({ "a": yes }), Truth::True);
        check(on_a(condition, expected), json!({ "a": no }), Truth::False);
    }
}

#[test]
fn absent_fields_behave_as_azures_do() {
    check(on_a("equals", json!("")), json!({}), Truth::True);
    check(on_a("equals", json!("x")), json!({}), Truth::False);
    check(on_a("notEquals", json!(true)), json!({}), Truth::True);
    check(on_a("less", json!(5)), json!({}), Truth::False);
    check(on_a("greater", json!(5)), json!({}), Truth::False);
    check(on_a("notIn", json!(["x"])), json!({}), Truth::True);
    check(on_a("like", json!("*")), json!({}), Truth::False);
    check(on_a("notLike", json!("*")), json!({}), Truth::True);
    check(json!({ "value": "[null()]", "equals": "" }), json!({}), Truth::True);
}

#[test]
fn values_compare_as_what_they_are() {
    let large = 9_007_199_254_740_993_u64;
    check(on_a("equals", json!(large)), json!({ "a": large - 1 }), Truth::False);
    check(on_a("equals", json!(1)), json!({ "a": 1.0 }), Truth::True);
    check(on_a("equals", json!("[[x]")), json!({ "a": "[x]" }), Truth::True);
    check(on_a("in", json!(["[[x]"])), json!({ "a": "[x]" }), Truth::True);
    let after = |day: Value, expected| check(on_a("greater", json!("2026-01-01T02:00:00+05:00")), json!({ "a": day }), expected);
    after(json!("2026-01-01"), Truth::True);
    after(json!("2025-12-31T20:00:00"), Truth::False);
    after(json!("2025-12-31T22:00:00+0000"), Truth::True);
    for odd in ["N/A", "inf", ""] {
        let outcome = explain(&on_a("less", json!("2026-01-01T00:00:00Z")), &resource(json!({ "a": odd }), &[]));
        assert_eq!(outcome.truth, Truth::Unknown, "{odd} is no instant");
        assert!(outcome.error.is_some_and(|error| error.contains("properties.a")), "{odd}");
    }
}

#[test]
fn envelope_tags_and_aliases_are_found() {
    for (field, value) in [
        ("name", "bucket-1"),
        ("type", "AWS::S3::Bucket"),
        ("location", "eu-west-1"),
        ("tags.Env", "prod"),
        ("tags['a.b']", "dotted"),
        ("tags[a.b]", "dotted"),
        ("[concat('tags[', parameters('tag'), ']')]", "prod"),
        ("Microsoft.Network/virtualNetworkGateways/sku.tier", "std"),
        ("PROPERTIES.SKU.TIER", "std"),
        ("TAGS[Env]", "prod"),
        ("tags.a.b", "dotted"),
    ] {
        check(json!({ "field": field, "equals": value }), json!({ "sku": { "tier": "std" } }), Truth::True);
    }
    // A list or an object is like no text.
    for (condition, pattern) in [("like", "*"), ("match", "..")] {
        check(json!({ "field": "properties.l", condition: pattern }), json!({ "l": [] }), Truth::False);
        check(json!({ "field": "properties.l", condition: pattern }), json!({ "l": {} }), Truth::False);
    }
    // Keys of maps keep their case.
    check(json!({ "field": "tags.env", "exists": true }), json!({}), Truth::False);
    let labels = json!({ "metadata": { "labels": { "App": "x" } } });
    check(json!({ "field": "properties.Metadata.Labels.App", "exists": true }), labels.clone(), Truth::True);
    check(json!({ "field": "properties.metadata.labels.app", "exists": true }), labels, Truth::False);
    check(json!({ "field": "tags", "containsKey": "Env" }), json!({}), Truth::True);
    check(json!({ "field": "name.x", "exists": true }), json!({}), Truth::False);
    check(json!({ "field": "properties.labels.app.io/x", "exists": true }), json!({ "x": 1 }), Truth::False);
}

#[test]
fn the_image_of_a_scale_set_stands_elsewhere_than_that_of_a_machine() {
    let rule = Rule::compile(&json!({ "field": "Microsoft.Compute/imageSKU", "equals": "x" }), &BTreeSet::new()).unwrap();
    let own = |reference: Value| json!({ "storageProfile": { "imageReference": reference } });
    let truth = |type_name: &str, properties: Value| {
        let resource = Resource { type_name: type_name.into(), ..resource(properties, &[]) };
        let none = Parameters::new();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        rule.truth(&Input { resource: &resource, facts: None, parameters: &none, around: None, now })
    };
    let (machine, set) = ("Microsoft.Compute/virtualMachines", "microsoft.compute/virtualMachineScaleSets");
    let nested = json!({ "virtualMachineProfile": own(json!({ "sku": "X" })) });
    assert_eq!(truth(machine, own(json!({ "sku": "X" }))), Truth::True);
    assert_eq!(truth(set, nested.clone()), Truth::True);
    assert_eq!(truth(machine, nested), Truth::False);
    assert_eq!(truth(set, own(json!({ "sku": "X" }))), Truth::False);
}

#[test]
fn functions_compute() {
    for (expression, expected) in [
        ("[concat('a', 'b', 1)]", json!("ab1")),
        ("[toUpper(field('name'))]", json!("BUCKET-1")),
        ("[if(equals(field('properties.n'), 2), 'two', 'other')]", json!("two")),
        ("[add(int('2'), mul(3, 4))]", json!(14)),
        ("[first(split('x,y', ','))]", json!("x")),
        ("[join(skip(createArray('a','b','c'), 1), '+')]", json!("b+c")),
        ("[length(field('properties.l[*]'))]", json!(2)),
        ("[substring('abcdef', 2, 3)]", json!("cde")),
        ("[padLeft('7', 3, '0')]", json!("007")),
        ("[addDays(utcNow(), -30)]", json!("2026-05-31T00:00:00Z")),
        ("[coalesce(field('properties.none'), 'fallback')]", json!("fallback")),
        ("[string(ipRangeContains('10.0.0.0/8', '10.1.0.0/16'))]", json!("true")),
        ("[string(ipRangeContains('10.0.0.0/16', '10.0.0.0-10.1.0.0'))]", json!("false")),
        ("[max(1, 5, 3)]", json!(5)),
        ("[parameters('limit')]", json!(14)),
        ("[tryGet(json('{\"k\": 9}'), 'k')]", json!(9)),
        ("[string(empty(field('properties.none')))]", json!("true")),
        ("[replace('a-b', '-', '+')]", json!("a+b")),
        ("[indexOf('abc', 'C')]", json!(2)),
        ("[dateTimeAdd('2026-01-31T00:00:00Z', 'P1M')]", json!("2026-02-28T00:00:00Z")),
        ("[dateTimeAdd(utcNow(), '-PT36H', 'yyyy-MM-dd HH:mm')]", json!("2026-06-28 12:00")),
        ("[utcNow('yyyyMMddTHHmmss')]", json!("20260630T000000")),
        ("[addDays('2026-01-01', 0.5)]", json!("2026-01-01T12:00:00Z")),
        ("[json('{\"Ab\": { \"c\": 3 }}').aB['C']]", json!(3)),
        ("[tryGet(json('{\"a\": [{ \"b\": 5 }]}'), 'A', 0, 'b')]", json!(5)),
        ("[length(union(createArray(1, 2), createArray(2, 3)))]", json!(3)),
        ("[first(intersection(createArray(1, 2), createArray(2, 3)))]", json!(2)),
        ("[last(take(createArray('a', 'b', 'c'), 2))]", json!("b")),
        ("[trim('  a ')]", json!("a")),
        ("[toLower('ABC')]", json!("abc")),
        ("[sub(mod(17, 5), div(9, 2))]", json!(-2)),
        ("[min(createArray(3, 1, 2))]", json!(1)),
        ("[float('1.5')]", json!(1.5)),
        ("[string(and(startsWith('abc', 'AB'), endsWith('abc', 'C')))]", json!("true")),
        ("[string(and(contains('abc', 'B'), contains(createArray('x'), 'X')))]", json!("true")),
        ("[string(or(less(2, 1), lessOrEquals(2, 1), greater(1, 2), greaterOrEquals(1, 2)))]", json!("false")),
        ("[string(bool('TRUE'))]", json!("true")),
        ("[string(and(true(), not(false()), or(false(), true())))]", json!("true")),
        ("[createObject('a', 1, 'b', createArray(2)).b[0]]", json!(2)),
        ("[length(intersection(json('{\"a\": 1, \"b\": 2}'), createObject('A', 1, 'b', 3)))]", json!(1)),
        ("[union(createObject('a', createObject('x', 1)), createObject('a', createObject('y', 2))).a.x]", json!(1)),
        ("[string(contains(array('x'), 'X'))]", json!("true")),
        ("[items(createObject('k', 'v'))[0].value]", json!("v")),
        ("[last(range(5, 3))]", json!(7)),
        ("[lastIndexOf('abab', 'AB')]", json!(2)),
        ("[format('/{1}/{0}/{{}}', 'a', 2)]", json!("/2/a/{}")),
        ("[base64ToString(base64('é'))]", json!("é")),
        ("[uniqueString('aaa')]", json!("zavj67f3en4hc")),
        ("[subscription().subscriptionId]", json!("1")),
        ("[resourceGroup().Id]", json!("/subscriptions/1/resourceGroups/g")),
    ] {
        check(json!({ "value": expression, "equals": expected }), json!({ "n": 2, "l": [1, 2] }), Truth::True);
    }
}

#[test]
fn a_function_that_fails_is_unknown_with_its_reason() {
    let many = "[length(join(split(padLeft('', 5000, ','), ','), padLeft('', 1000000, 'x')))]";
    for expression in [
        many,
        "[padLeft('x', 9, 'ab')]",
        "[utcNow('dddd')]",
        "[dateTimeAdd(utcNow(), '1 day')]",
        "[addDays(utcNow(), 100000000000)]",
        "[union(split(padLeft('', 20000, ','), ','))]",
        "[int('x')]",
        "[div(1, 0)]",
        "[first(json('1.5e999'))]",
        "[json('{')]",
        "[substring('a', 5, 1)]",
        "[addDays('x', 1)]",
        "[createObject('a')]",
        "[format('{1}', 'a')]",
        "[format('{0', 'a')]",
        "[format('}', 'a')]",
        "[range(0, 1000000000)]",
        "[items(createArray())]",
        "[base64ToString('?')]",
        "[length(intersection(createObject(), createArray()))]",
    ] {
        let outcome = explain(&json!({ "value": expression, "equals": 1 }), &resource(json!({}), &[]));
        assert_eq!(outcome.truth, Truth::Unknown, "{expression}");
        assert!(outcome.error.is_some(), "{expression}");
    }
}

#[test]
fn what_surrounds_a_resource_is_unknown_unless_it_is_given() {
    let resource = resource(json!({}), &[]);
    let parameters = parameters();
    let truth = |value: &str, around: Option<&Around>| {
        let rule = Rule::compile(&json!({ "value": value, "equals": "x" }), &BTreeSet::new()).unwrap();
        let now = "2026-06-30T00:00:00Z".parse().unwrap();
        rule.explain(&Input { resource: &resource, facts: None, parameters: &parameters, around, now })
    };
    let around = Around {
        subscription: Some(json!({ "displayName": "X" })),
        resource_group: Some(json!({ "tags": { "owner": "x" } })),
        policy: Some(json!({ "assignmentId": "x" })),
        request_context: Some(json!({ "apiVersion": "x" })),
    };
    for value in [
        "[subscription().displayName]",
        "[resourceGroup().tags['OWNER']]",
        "[policy().assignmentId]",
        "[requestContext().apiVersion]",
    ] {
        assert_eq!(truth(value, Some(&around)).truth, Truth::True, "{value}");
        let unknown = truth(value, None);
        assert_eq!((unknown.truth, unknown.unreadable.len()), (Truth::Unknown, 1), "{value}");
    }
    assert_eq!(truth("[subscription().tenantId]", Some(&around)).truth, Truth::False, "an object that is given is whole");
}

#[test]
fn what_is_about_to_be_made_without_saying_where_has_no_place_yet() {
    let mut nowhere = resource(json!({}), &[]);
    nowhere.scope = Scope { connector: "c".into(), account: "".into(), resource_group: "".into() };
    for value in ["[subscription().subscriptionId]", "[subscription().id]", "[resourceGroup().name]", "[resourceGroup().id]"] {
        assert_eq!(explain(&json!({ "value": value, "equals": "" }), &nowhere).truth, Truth::Unknown, "{value}");
    }
}

#[test]
fn a_rule_that_takes_too_many_steps_is_stopped_and_says_so() {
    let elements: Vec<Value> = (0..1200).map(|number| json!({ "x": number })).collect();
    let inner = json!({ "count": { "value": "[field('properties.l[*].x')]", "name": "i", "where": { "value": "[current('i')]", "equals": -1 } }, "greater": 0 });
    let rule = json!({ "count": { "value": "[field('properties.l[*].x')]", "name": "o", "where": inner }, "equals": 5 });
    let outcome = explain(&rule, &resource(json!({ "l": elements }), &[]));
    assert_eq!(outcome.truth, Truth::Unknown);
    assert!(outcome.error.is_some_and(|error| error.contains("steps")));
}

#[test]
fn counts_over_fields_stand_on_each_element() {
    let rules = json!({ "rules": [
        { "port": 22, "ranges": [{ "cidr": "0.0.0.0/0" }] },
        { "port": 443, "ranges": [{ "cidr": "0.0.0.0/0" }, { "cidr": "10.0.0.0/8" }] },
    ] });
    let open_at = |port: u64| {
        json!({ "count": { "field": "properties.rules[*]", "where": { "allOf": [
            { "field": "properties.rules[*].port", "equals": port },
            { "count": { "field": "properties.rules[*].ranges[*]", "where":
                { "field": "properties.rules[*].ranges[*].cidr", "equals": "0.0.0.0/0" } }, "greater": 0 },
        ] } }, "greater": 0 })
    };
    check(open_at(22), rules.clone(), Truth::True);
    check(open_at(80), rules.clone(), Truth::False);
    check(json!({ "count": { "field": "properties.rules[*].ranges[*]" }, "equals": 3 }), rules.clone(), Truth::True);
    check(json!({ "count": { "field": "properties.l[*]" }, "equals": 2 }), json!({ "l": [1, null] }), Truth::True);
    check(json!({ "count": { "field": "properties.none[*]" }, "equals": 0 }), rules.clone(), Truth::True);
    let outcome = explain(&open_at(22), &resource(rules, &[]));
    assert!(outcome.evidence.iter().any(|entry| &*entry.field == "properties.rules[0].ranges[0].cidr"), "{:?}", outcome.evidence);
}

#[test]
fn counts_over_values_name_their_element() {
    let rule = json!({ "count": { "value": [22, 3389], "name": "port", "where":
        { "field": "properties.open[*]", "notEquals": "[current('port')]" } }, "less": 2 });
    check(rule.clone(), json!({ "open": [22] }), Truth::True);
    check(rule, json!({ "open": [80] }), Truth::False);
    let plain = json!({ "count": { "value": ["a", "b"], "where": { "value": "[current()]", "equals": "b" } }, "equals": 1 });
    check(plain, json!({}), Truth::True);
    // `current()` is the element of the innermost count, whatever kind encloses it.
    let innermost = json!({ "count": { "value": ["v"], "name": "v", "where": { "count": { "field": "properties.l[*]", "where":
        { "allOf": [{ "value": "[current()]", "equals": 7 }, { "value": "[current('v')]", "equals": "v" }] } }, "equals": 1 } },
        "equals": 1 });
    check(innermost, json!({ "l": [7, 8] }), Truth::True);
}

#[test]
fn field_answers_a_list_where_current_answers_the_element() {
    let where_is = |expression: &str, expected: Value| {
        let element = json!({ "value": expression, "equals": expected });
        json!({ "count": { "field": "properties.l[*]", "where": element }, "equals": 1 })
    };
    let list = json!({ "l": [{ "x": "ab" }, { "x": "c" }] });
    for (expression, expected) in [
        ("[first(field('properties.l[*].x'))]", json!("ab")),
        ("[current('properties.l[*].x')]", json!("ab")),
        ("[join(field('properties.l[*].x'), '+')]", json!("c")),
    ] {
        check(where_is(expression, expected), list.clone(), Truth::True);
    }
    let both = json!({ "count": { "field": "properties.l[*]", "where":
        { "value": "[length(field('properties.l[*].x'))]", "equals": 1 } }, "equals": 2 });
    check(both, list, Truth::True);
    // Elements that are null count as `count` counts them.
    for (list, length) in [(json!([null, 1, null]), 3), (json!([]), 0)] {
        check(json!({ "value": "[length(field('properties.l[*]'))]", "equals": length }), json!({ "l": list }), Truth::True);
    }
}

#[test]
fn to_functions_a_field_that_is_not_there_is_an_empty_text() {
    for expression in ["length(field('properties.none'))", "length(concat(field('properties.none'), ''))"] {
        check(json!({ "value": format!("[{expression}]"), "equals": 0 }), json!({}), Truth::True);
    }
    for expression in
        ["equals(field('properties.none'), '')", "empty(field('properties.none'))", "not(contains(field('tags.none'), 'x'))"]
    {
        check(json!({ "value": format!("[{expression}]"), "equals": true }), json!({}), Truth::True);
    }
    check(json!({ "value": "[field('properties.none')]", "exists": false }), json!({}), Truth::True);
}

#[test]
fn functions_of_texts_fail_on_anything_else() {
    for call in [
        "toLower(N)",
        "toUpper(N)",
        "trim(N)",
        "replace(N, 'a', 'b')",
        "substring(N, 0)",
        "split(N, ',')",
        "length(N)",
        "first(N)",
        "take(N, 1)",
        "startsWith(N, 'a')",
        "padLeft(createArray('a'), 3)",
        "concat(json('{}'), 'a')",
    ] {
        let expression = format!("[{}]", call.replace('N', "field('properties.n')"));
        check(json!({ "value": expression, "equals": "7" }), json!({ "n": 7 }), Truth::Unknown);
    }
}

#[test]
fn stars_outside_counts_mean_every_element() {
    let rule = json!({ "field": "properties.l[*].on", "equals": true });
    check(rule.clone(), json!({ "l": [{ "on": true }, { "on": true }] }), Truth::True);
    check(rule.clone(), json!({ "l": [{ "on": true }, {}] }), Truth::False);
    check(rule, json!({ "l": [] }), Truth::True);
}

#[test]
fn unreadable_fields_are_unknown_unless_the_rest_decides() {
    let both = json!({ "allOf": [on_a("equals", json!(1)), { "field": "properties.b", "equals": 1 }] });
    check_denied(both.clone(), json!({ "b": 1 }), "properties.a", Truth::Unknown);
    check_denied(both, json!({ "b": 2 }), "properties.a", Truth::False);
    let any = json!({ "anyOf": [on_a("equals", json!(1)), { "field": "properties.b", "equals": 1 }] });
    check_denied(any.clone(), json!({ "b": 1 }), "properties.a", Truth::True);
    check_denied(any, json!({ "b": 2 }), "properties.a", Truth::Unknown);
    check_denied(json!({ "not": on_a("exists", json!(true)) }), json!({}), "properties.a", Truth::Unknown);
    check_denied(json!({ "field": "properties.a.b.c", "exists": true }), json!({}), "properties.a", Truth::Unknown);
    check_denied(on_a("containsKey", json!("x")), json!({ "a": {} }), "properties.a.x", Truth::Unknown);
    check_denied(json!({ "value": "[length(field('properties.a'))]", "equals": 0 }), json!({}), "properties.a", Truth::Unknown);
}

#[test]
fn an_unknown_verdict_names_what_could_not_be_read() {
    let outcome = explain(&on_a("equals", json!(1)), &resource(json!({}), &[("properties.a", UnreadableKind::Denied)]));
    assert_eq!(outcome.unreadable[0].reason.permission.as_deref(), Some("s3:Get"));
    assert!(matches!(outcome.evidence[0].actual, Actual::Unreadable(_)));
}

#[test]
fn mistakes_are_all_reported_with_their_place() {
    let rule = json!({ "allOf": [
        { "field": "properties.a", "equal": 1 },
        { "field": "properties..b", "equals": 1 },
        { "value": "[parameter('x')]", "equals": 1 },
        { "value": "[parameters('x')]", "equals": 1 },
        { "count": { "field": "properties.a" }, "equals": 1 },
        { "field": "properties.a", "in": "x" },
        { "equals": 1 },
    ] });
    let errors = Rule::compile(&rule, &Default::default()).unwrap_err();
    let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "/allOf/0/equal",
            "/allOf/1/field",
            "/allOf/2/value",
            "/allOf/3/value",
            "/allOf/4/count/field",
            "/allOf/5/in",
            "/allOf/6"
        ]
    );
    assert_eq!(errors[0].help.as_deref(), Some("did you mean `equals`?"));
    assert_eq!(errors[2].help.as_deref(), Some("did you mean `parameters`?"));
}

#[test]
fn mistakes_in_expressions_are_found_before_a_resource_is() {
    let chain = format!("[json('1'){}]", ".a".repeat(100_000));
    let named =
        |name: Value| json!({ "count": { "value": ["v"], "name": "v", "where": { "value": name, "equals": 1 } }, "equals": 1 });
    for (rule, message) in [
        (json!({ "value": "[first(1, 2)]", "equals": 1 }), "`first` takes one argument, not 2"),
        (json!({ "value": "[current()]", "equals": 1 }), "`current()` stands outside a count"),
        (named(json!("[current('w')]")), "`w` names no enclosing count"),
        (json!({ "count": { "value": ["v"], "name": 3 }, "equals": 1 }), "`name` takes a text"),
        (json!({ "value": chain, "equals": 1 }), "the expression is nested deeper than 64"),
        (json!({ "field": "properties.a", "a/b": 1 }), "`a/b` is no condition"),
    ] {
        let errors = Rule::compile(&rule, &Default::default()).unwrap_err();
        assert_eq!(errors[0].message, message);
    }
    let mut deep = json!({ "field": "properties.a", "equals": 1 });
    for _ in 0..100 {
        deep = json!({ "not": deep });
    }
    assert!(Rule::compile(&deep, &Default::default()).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "field", "value", "count", "where", "allOf", "anyOf", "not", "equals", "in", "exists", "name", "x",
    ]);
    let texts =
        prop::sample::select(vec!["properties.a[*]", "[concat('a')]", "[field('x')]", "[[", "[", "tags.x", "", "[current()]"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        texts.prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_rule() -> impl Strategy<Value = Value> {
    let leaf = (0..4u8, 0..3i32, prop::sample::select(vec!["equals", "notEquals", "greater", "exists"])).prop_map(|(field, value, condition)| {
        let value = if condition == "exists" { json!(value > 0) } else { json!(value) };
        if field == 3 {
            json!({ "count": { "field": "properties.l[*]", "where": { "field": "properties.l[*].x", condition: value } }, "greater": 0 })
        } else {
            json!({ "field": format!("properties.{}", ["a", "b", "c"][usize::from(field)]), condition: value })
        }
    });
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "allOf": parts })),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "anyOf": parts })),
            inner.prop_map(|part| json!({ "not": part })),
        ]
    })
}

fn any_properties() -> impl Strategy<Value = Value> {
    let value = prop_oneof![Just(None), (0..3i32).prop_map(Some)];
    (value.clone(), value.clone(), value.clone(), prop::collection::vec(value, 0..3)).prop_map(|(a, b, c, l)| {
        let mut members = serde_json::Map::new();
        for (name, value) in [("a", a), ("b", b), ("c", c)] {
            if let Some(value) = value {
                members.insert(name.to_owned(), json!(value));
            }
        }
        members.insert("l".to_owned(), l.into_iter().map(|x| x.map_or_else(|| json!({}), |x| json!({ "x": x }))).collect());
        Value::Object(members)
    })
}

proptest! {
    #[test]
    fn compiling_and_evaluating_never_panic(rule in any_json()) {
        if let Ok(compiled) = Rule::compile(&rule, &Default::default()) {
            let (resource, parameters) = (resource(json!({ "a": [{ "x": 1 }, null], "x": "y" }), &[]), parameters());
            let now = "2026-06-30T00:00:00Z".parse().unwrap();
            let input = Input { resource: &resource, facts: None, parameters: &parameters, around: None, now };
            prop_assert_eq!(compiled.truth(&input), compiled.explain(&input).truth);
        }
    }

    #[test]
    fn not_reading_a_field_never_turns_a_verdict_round(
        rule in any_rule(),
        properties in any_properties(),
        field in prop::sample::select(vec!["properties.a", "properties.b", "properties.l", "properties.l[*].x"]),
        kind in prop::sample::select(vec![UnreadableKind::Denied, UnreadableKind::Truncated]),
    ) {
        let before = explain(&rule, &resource(properties.clone(), &[])).truth;
        let after = explain(&rule, &resource(properties, &[(field, kind)])).truth;
        prop_assert!(after == before || after == Truth::Unknown, "{before:?} became {after:?}");
    }

    #[test]
    fn negation_and_de_morgan_hold(left in any_rule(), right in any_rule(), properties in any_properties(), denied in any::<bool>()) {
        let unreadable: &[(&str, UnreadableKind)] = if denied { &[("properties.b", UnreadableKind::Denied)] } else { &[] };
        let resource = resource(properties, unreadable);
        let truth = |rule: Value| explain(&rule, &resource).truth;
        prop_assert_eq!(truth(json!({ "not": { "not": left } })), truth(left.clone()));
        prop_assert_eq!(
            truth(json!({ "not": { "allOf": [left, right] } })),
            truth(json!({ "anyOf": [{ "not": left }, { "not": right }] }))
        );
    }
}
