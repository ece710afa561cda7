//! The engine finds what looking at each rule by itself finds.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use skywarden_sigma::{CompileError, Engine, EngineBuilder, Projection, RuleId, Scratch, Slot, parse};

/// Rules compiled together, with the projection of their fields.
fn compiled(rules: &[String]) -> Result<(Engine, Projection), CompileError> {
    let mut projection = Projection::default();
    let mut known: BTreeMap<String, Slot> = BTreeMap::new();
    let mut builder = EngineBuilder::default();
    for text in rules {
        let mut read = parse(text);
        assert!(read.refused.is_empty(), "{text}: {:?}", read.refused);
        let rule = read.rules.pop().unwrap();
        builder.rule(&rule.detection, &[], &[], &mut |name| match name {
            None => projection.everything(),
            Some(name) => *known.entry(name.to_owned()).or_insert_with(|| {
                let slot = projection.slot();
                projection.take(slot, 0, name);
                slot
            }),
        })?;
    }
    Ok((builder.build(&|_| false).unwrap(), projection))
}

fn rule(detection: &str) -> String {
    format!("title: t\nlogsource: {{ product: x }}\ndetection:\n{detection}\n")
}

fn fires(detection: &str, event: &str) -> bool {
    let (engine, projection) = compiled(&[rule(detection)]).unwrap();
    found(&engine, &projection, event) == [0]
}

fn found(engine: &Engine, projection: &Projection, event: &str) -> Vec<usize> {
    let record = projection.read(event).unwrap();
    let mut fired = Vec::new();
    let mut scratch = Scratch::default();
    engine.start(&record, &mut scratch);
    engine.finish(&record, &mut scratch, &mut fired);
    fired.into_iter().map(RuleId::index).collect()
}

#[test]
fn every_modifier_means_what_the_specification_says() {
    let cases: &[(&str, &str, bool)] = &[
        ("a: Cmd.exe", r#"{"a":"CMD.EXE"}"#, true),
        ("a: cmd*", r#"{"a":"cmdline"}"#, true),
        ("a: 4688", r#"{"a":4688}"#, true),
        ("a: 4688", r#"{"a":"4688"}"#, true),
        ("a: true", r#"{"a":true}"#, true),
        ("a: ['x', 'y']", r#"{"a":"y"}"#, true),
        ("a: null", "{}", true),
        ("a: null", r#"{"a":null}"#, true),
        ("a: null", r#"{"a":""}"#, false),
        ("a: ''", r#"{"a":""}"#, true),
        ("a: ''", "{}", false),
        ("a: '*'", r#"{"a":"x"}"#, true),
        ("a: '*'", "{}", false),
        ("a|contains: ell", r#"{"a":"hELLo"}"#, true),
        ("a|startswith: he", r#"{"a":"Hello"}"#, true),
        ("a|endswith: 'lo'", r#"{"a":"hello"}"#, true),
        ("a|endswith: 'lo'", r#"{"a":"hello!"}"#, false),
        ("a|contains|all: [h, o]", r#"{"a":"hello"}"#, true),
        ("a|contains|all: [h, x]", r#"{"a":"hello"}"#, false),
        ("a|cased: Hello", r#"{"a":"hello"}"#, false),
        ("a|contains|cased: ELL", r#"{"a":"hELLo"}"#, true),
        ("a|re: '^h.l'", r#"{"a":"hello"}"#, true),
        ("a|re: '^H'", r#"{"a":"hello"}"#, false),
        ("a|re|i: '^H'", r#"{"a":"hello"}"#, true),
        ("a|cidr: 192.0.2.0/24", r#"{"a":"192.0.2.9"}"#, true),
        ("a|cidr: '2001:db8::/32'", r#"{"a":"2001:db8::1"}"#, true),
        ("a|cidr: 192.0.2.0/24", r#"{"a":"no address"}"#, false),
        ("a|gte: 5", r#"{"a":"5"}"#, true),
        ("a|lt: 5", r#"{"a":5}"#, false),
        ("a|exists: true", r#"{"a":0}"#, true),
        ("a|exists: false", r#"{"a":0}"#, false),
        ("a|exists: false", "{}", true),
        ("a|fieldref: b", r#"{"a":"X","b":"x"}"#, true),
        ("a|fieldref|endswith: b", r#"{"a":"prefix-x","b":"x"}"#, true),
        ("a|base64: secret", r#"{"a":"c2VjcmV0"}"#, true),
        ("a|base64offset|contains: secret", r#"{"a":"eHNlY3JldHg="}"#, true),
        ("a|windash|contains: ' -enc '", r#"{"a":"p.exe /enc x"}"#, true),
        ("a|hour: 7", r#"{"a":"2026-03-01T07:05:09Z"}"#, true),
        ("a: x", r#"{"a":["w","x"]}"#, true),
        ("a.b: x", r#"{"a":[{"b":"w"},{"b":"x"}]}"#, true),
        ("a|contains: 'Straße'", r#"{"a":"die STRASSE, die straße"}"#, true),
        ("a|contains: 'ÄRGER'", r#"{"a":"viel ärger"}"#, true),
    ];
    for (item, event, expected) in cases {
        let detection = format!("  s:\n    {item}\n  condition: s");
        assert_eq!(fires(&detection, event), *expected, "{item} on {event}");
    }
}

#[test]
fn conditions_join_selections() {
    let base = "  s_a: { a: x }\n  s_b: { b: y }\n  filter: { c: z }\n  condition: ";
    for (condition, event, expected) in [
        ("s_a and s_b", r#"{"a":"x","b":"y"}"#, true),
        ("s_a and s_b", r#"{"a":"x"}"#, false),
        ("1 of s_*", r#"{"b":"y"}"#, true),
        ("all of s_*", r#"{"b":"y"}"#, false),
        ("2 of them", r#"{"a":"x","c":"z"}"#, true),
        ("2 of them", r#"{"a":"x"}"#, false),
        ("s_a and not filter", r#"{"a":"x"}"#, true),
        ("s_a and not filter", r#"{"a":"x","c":"z"}"#, false),
        ("not s_a", "{}", true),
        ("not 1 of s_*", r#"{"a":"x"}"#, false),
    ] {
        assert_eq!(fires(&format!("{base}{condition}"), event), expected, "{condition} on {event}");
    }
    let words = "  w: [needle, 'two words']\n  condition: w";
    assert!(fires(words, r#"{"deep":[{"in":"a haystack with a NEEDLE in it"}]}"#));
    assert!(!fires(words, r#"{"needle":"as a key only"}"#));
}

#[test]
fn what_can_not_be_used_is_refused_with_its_place() {
    for (item, field, part) in [
        ("a|re: '('", "a|re", "no regular expression"),
        ("a|re: '(?=x)'", "a|re", "no regular expression"),
        ("a|re: '(x{1000}){1000}'", "a|re", "size limit"),
        ("a|cidr: nowhere", "a|cidr", "no network"),
        ("a|gt: much", "a|gt", "no number"),
        ("a|exists: perhaps", "a|exists", "true or false"),
        ("a|expand: '%hosts%'", "a|expand", "placeholder %hosts%"),
        ("a|base64: 'x*'", "a|base64", "without wildcards"),
        ("a|re|cidr: x", "a|re|cidr", "two modifiers"),
    ] {
        let error = compiled(&[rule(&format!("  s:\n    {item}\n  condition: s"))]).unwrap_err();
        assert_eq!((error.selection.as_str(), error.field.as_str()), ("s", field));
        assert!(error.message.contains(part), "{item}: {error}");
    }
    let error = compiled(&[rule("  s: { a: x }\n  condition: s and other")]).unwrap_err();
    assert_eq!(error.to_string(), "condition: there is no selection `other`");
}

#[test]
fn expressions_that_blow_up_elsewhere_take_a_step_for_each_letter_or_are_refused() {
    // Going back, each of these would take more steps than there are atoms: that this ends says that nothing does.
    let text = "a".repeat(200_000);
    let event = format!("{{\"a\":\"{text}!\"}}");
    for expression in [
        "(a+)+$",
        "^(a*)*$",
        "(a|aa)+$",
        "^(a|a?)+$",
        "^([a-z]+)*$",
        "(.*a){12}$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(?:a?){30}a{30}$",
    ] {
        let detection = format!("  s:\n    a|re: '{expression}'\n  condition: s");
        assert!(!fires(&detection, &event), "{expression}");
    }
    assert!(fires("  s:\n    a|re: '(a+)+!$'\n  condition: s", &event));
    let stars = "*a".repeat(500);
    assert!(!fires(&format!("  s:\n    a: '{stars}*b'\n  condition: s"), &format!("{{\"a\":\"{}\"}}", "a".repeat(20_000))));
    // What would be large when compiled, before it is.
    let nested = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
    let many = format!("({})", (0..200_000).map(|n| format!("x{n}|")).collect::<String>());
    for (expression, part) in [
        ("a{1000000}", "size limit"),
        ("((a{1,1000}){1,1000}){1,1000}", "size limit"),
        (r"(\p{L}{500}){50}", "size limit"),
        (r"(a)\1", "backreference"),
        ("(?<!a)b", "look-around"),
        ("a{99999999999}", "decimal"),
        (nested.as_str(), "nest"),
        (many.as_str(), "size limit"),
    ] {
        let error = compiled(&[rule(&format!("  s:\n    a|re: '{expression}'\n  condition: s"))]).unwrap_err();
        assert_eq!((error.selection.as_str(), error.field.as_str()), ("s", "a|re"), "its place");
        assert!(error.message.contains(part) && error.message.len() < 2_000, "{part}: {:.300}", error.message);
    }
}

/// A test of one field.
fn item() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec!["a", "b", "c.d"]);
    let modifier =
        prop::sample::select(vec!["", "|contains", "|startswith", "|endswith", "|cased", "|re", "|contains|all", "|exists"]);
    (field, modifier, prop::collection::vec("[xyXY]{1,3}", 1..3)).prop_map(|(field, modifier, values)| match modifier {
        "|exists" => format!("{field}{modifier}: true"),
        _ => format!("{field}{modifier}: [{}]", values.iter().map(|value| format!("'{value}'")).collect::<Vec<_>>().join(", ")),
    })
}

fn any_rule() -> impl Strategy<Value = String> {
    let condition = prop::sample::select(vec![
        "s_a and s_b",
        "s_a or s_b",
        "s_a and not s_b",
        "not s_a and not s_b",
        "1 of s_*",
        "all of them",
        "2 of s_*",
        "not s_a or s_b",
    ]);
    (item(), item(), item(), condition).prop_map(|(one, two, three, condition)| {
        rule(&format!("  s_a:\n    - {one}\n    - {two}\n  s_b:\n    {three}\n  condition: {condition}"))
    })
}

fn event() -> impl Strategy<Value = String> {
    let value = || prop::option::of("[xyXY]{0,5}".prop_map(|text| format!("\"{text}\"")));
    (value(), prop::option::of(prop::collection::vec("[xy]{0,4}", 0..3)), value()).prop_map(|(a, b, d)| {
        let a = a.map(|a| format!("\"a\":{a}"));
        let b = b.map(|b| format!("\"b\":{}", serde_json::to_string(&b).unwrap()));
        let d = d.map(|d| format!("\"c\":{{\"d\":{d}}}"));
        format!("{{{}}}", [a, b, d].into_iter().flatten().collect::<Vec<_>>().join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn rules_together_find_what_each_finds_alone(
        rules in prop::collection::vec(any_rule(), 1..12), events in prop::collection::vec(event(), 1..6)
    ) {
        let (together, projection) = compiled(&rules).unwrap();
        let alone: Vec<(Engine, Projection)> = rules.iter().map(|rule| compiled(std::slice::from_ref(rule)).unwrap()).collect();
        for event in &events {
            let expected: Vec<usize> = alone
                .iter()
                .enumerate()
                .filter(|(_, (engine, projection))| !found(engine, projection, event).is_empty())
                .map(|(number, _)| number)
                .collect();
            prop_assert_eq!(found(&together, &projection, event), expected, "{}", event);
        }
    }

    #[test]
    fn a_condition_and_its_negation_never_agree(rule_text in any_rule(), event in event()) {
        let (head, condition) = rule_text.rsplit_once("condition: ").unwrap();
        let negated = format!("{head}condition: not ({})\n", condition.trim());
        let (engine, projection) = compiled(&[rule_text.clone(), negated]).unwrap();
        prop_assert_eq!(found(&engine, &projection, &event).len(), 1);
    }
}
