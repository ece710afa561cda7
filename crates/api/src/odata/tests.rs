use proptest::prelude::*;
use serde_json::json;

use super::*;

struct Sample;

impl Row for Sample {
    fn field(&self, name: &str) -> Value {
        match name.to_ascii_lowercase().as_str() {
            "state" => json!("NonCompliant"),
            "type" => json!("it's"),
            "size" => json!(7),
            "good" => json!(false),
            "at" => json!("2026-01-02T00:00:00.000000Z"),
            _ => Value::Null,
        }
    }

    fn says(&self, function: &str) -> bool {
        function.eq_ignore_ascii_case("atScope")
    }
}

fn holds(text: &str) -> bool {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).holds(&Sample)
}

#[test]
fn rows_are_asked_as_odata_says() {
    for yes in [
        "state eq 'noncompliant'",
        "type eq 'it''s'",
        "not (state eq 'Compliant') and size ge 7",
        "state eq 'x' or state eq 'NonCompliant' and size lt 8",
        "(size gt 6 or size eq null) and good eq false",
        "at gt 2026-01-01T00:00:00Z and at eq '2026-01-02T00:00:00Z'",
        "nothing eq null",
        "contains(state, 'comp') and startswith(type,'IT')",
        "endswith(type, 's') and size in (1, 7)",
        "state in (Compliant, nonCompliant)",
        "good in (false)",
        "atScope()",
        "state -eq 'NonCompliant'",
        "STATE EQ 'noncompliant' AND NOT good eq true",
    ] {
        assert!(holds(yes), "{yes}");
    }
    for no in
        ["state ne 'NonCompliant'", "size gt 'a'", "nothing eq 'x'", "state eq 'x' and atScope()", "not atScope()", "size in (1)"]
    {
        assert!(!holds(no), "{no}");
    }
}

#[test]
fn what_can_not_be_understood_has_its_place() {
    for (text, at, part) in [
        ("", 1, "is expected"),
        ("state", 6, "`eq`"),
        ("state eq", 9, "a value"),
        ("state eq 'x", 10, "does not end"),
        ("state eq x", 10, "single quotes"),
        ("(state eq 'x'", 14, "`)`"),
        ("state eq 'x' state", 14, "the end"),
        ("tolower(state) eq 'x'", 9, "not known"),
        ("state eq 12x", 10, "no number"),
        ("state = 'x'", 7, "no name"),
    ] {
        let error = Filter::parse(text).unwrap_err();
        assert!(error.at == at && error.message.contains(part), "{text}: {error}");
    }
    let deep = |n: usize| format!("{}a eq 1{}", "(".repeat(n), ")".repeat(n));
    assert!(Filter::parse(&deep(MAX_DEPTH)).is_ok());
    assert!(Filter::parse(&deep(MAX_DEPTH + 1)).unwrap_err().message.contains("deep"));
    assert!(Filter::parse(&"not ".repeat(2000)).unwrap_err().message.contains("deep"));
    assert!(Filter::parse(&" ".repeat(MAX_LENGTH + 1)).unwrap_err().message.contains("longer"));
}

#[test]
fn names_that_a_list_does_not_know_are_refused() {
    let filter = Filter::parse("state eq 'x' and (atScope() or not size eq 1)").unwrap();
    assert_eq!(filter.check(&["State", "size"], &["atScope"]), Ok(()));
    assert!(filter.check(&["State"], &["atScope"]).unwrap_err().message.contains("`size`"));
    assert!(filter.check(&["State", "size"], &[]).unwrap_err().message.contains("`atScope`"));
    assert_eq!((filter.required("STATE"), filter.required("size"), filter.asks("ATSCOPE")), (Some("x"), None, true));
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::String),
    ]
}

fn condition() -> impl Strategy<Value = Filter> {
    let field = || "[a-z][a-zA-Z]{4,8}";
    let comparison = proptest::sample::select(COMPARISONS.map(|(_, own)| own).to_vec());
    let test = proptest::sample::select(TESTS.map(|(_, own)| own).to_vec());
    let leaf = prop_oneof![
        (field(), comparison, value()).prop_map(|(field, comparison, value)| Filter::Compare(field, comparison, value)),
        (field(), proptest::collection::vec(value(), 1..4)).prop_map(|(field, values)| Filter::In(field, values)),
        (test, field(), ".{0,12}").prop_map(|(test, field, text)| Filter::Text(test, field, text)),
        field().prop_map(Filter::Says),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let several = || proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several().prop_map(Filter::All),
            several().prop_map(Filter::Any),
            inner.clone().prop_map(|own| Filter::Not(Box::new(own))),
        ]
    })
}

proptest! {
    #[test]
    fn a_filter_that_is_written_is_read_as_it_was(filter in condition()) {
        let text = filter.to_string();
        prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
    }

    #[test]
    fn no_text_is_too_much(text in "[ a-c'(),0-9ontdreqi.\\-]{0,60}") {
        if let Ok(filter) = Filter::parse(&text) {
            let _ = filter.holds(&Sample);
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
        }
    }

    #[test]
    fn not_turns_every_answer_over(filter in condition()) {
        prop_assert_ne!(filter.holds(&Sample), Filter::Not(Box::new(filter.clone())).holds(&Sample));
    }
}
