use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Found, Query, Refusal, Row, parse, run};

const COLUMNS: [&str; 5] = ["id", "name", "type", "location", "properties"];

struct Object<'a>(&'a Value);

impl Row for Object<'_> {
    fn column(&self, name: &str) -> Cow<'_, Value> {
        self.0.get(name).map_or(Cow::Owned(Value::Null), Cow::Borrowed)
    }
}

fn read(query: &str) -> Result<Query, Refusal> {
    parse(query, |table| (table == "resources").then_some(&COLUMNS[..]))
}

fn rows(query: &str, table: &[Value]) -> Vec<Map<String, Value>> {
    let query = read(query).unwrap_or_else(|refusal| panic!("{query}: {refusal}"));
    let found: Found<usize> = run(&query, 0..table.len(), |place| Object(&table[place]));
    (0..found.len()).map(|place| found.row(&query, place, |place| Object(&table[place])).unwrap()).collect()
}

fn ids(query: &str, table: &[Value]) -> Vec<String> {
    rows(query, table).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

fn estate() -> Vec<Value> {
    vec![
        json!({"id": "a", "name": "Web-01", "type": "x/vms", "location": "north", "properties": {"size": 2, "isOn": true, "tags": ["p", "q"], "a.b": {"c": "d"}}}),
        json!({"id": "b", "name": "web-02", "type": "x/vms", "location": "west", "properties": {"size": 10, "isOn": false, "note": ""}}),
        json!({"id": "c", "name": "db", "type": "x/dbs", "location": "west", "properties": {"size": 7, "note": "the web of things"}}),
        json!({"id": "d", "name": "cobweb", "type": "x/dbs", "location": "north", "properties": {}}),
    ]
}

#[track_caller]
fn check(condition: &str, expected: &str) {
    let found = ids(&format!("resources | where {condition}"), &estate());
    assert_eq!(found.concat(), expected, "{condition}");
}

#[test]
fn comparisons() {
    check("name == 'web-02'", "b");
    check("name == 'WEB-02'", "");
    check("name =~ 'WEB-02'", "b");
    check("name != 'db'", "abd");
    check("name !~ 'DB'", "abd");
    check("properties.size > 5", "bc");
    check("properties.size <= 7", "ac");
    check("properties.isOn == true", "a");
    check("properties.isOn == 'true'", "a");
    check("properties.absent == ''", "abcd");
    check("properties.absent != 'x'", "abcd");
    check("properties.absent < 5", "");
}

#[test]
fn words_and_parts() {
    check("name has 'web'", "ab");
    check("name !has 'web'", "cd");
    check("name contains 'WEB'", "abd");
    check("name !contains 'web'", "c");
    check("name startswith 'WEB'", "ab");
    check("name endswith '2'", "b");
    check("properties.note has 'web of'", "c");
    check("name in ('db', 'web-02')", "bc");
    check("name in ('DB')", "");
    check("name in~ ('DB', 'COBWEB')", "cd");
    check("name !in ('db')", "abd");
    check("name !in~ ('DB', 'COBWEB')", "ab");
}

#[test]
fn brackets_functions_and_paths() {
    check("name == 'db' or name == 'web-02' and location == 'north'", "c");
    check("(name == 'db' or name == 'web-02') and location == 'west'", "bc");
    check("not(type == 'x/vms')", "cd");
    check("isnotempty(properties.note)", "c");
    check("isempty(properties.note)", "abd");
    check("isnull(properties.size)", "d");
    check("tolower(name) == 'web-01'", "a");
    check("tostring(properties.size) startswith '1'", "b");
    check("properties['a.b'].c == 'd'", "a");
    check("properties.tags[1] == 'q'", "a");
    check("array_length(properties.tags) == 2", "a");
    check("toint(tostring(properties.size)) == 10 // a remark", "b");
    check("coalesce(properties.note, location) == 'west'", "b");
}

#[test]
fn operators_follow_each_other() {
    let table = estate();
    assert_eq!(ids("resources | order by location asc, name asc", &table), ["a", "d", "c", "b"]);
    assert_eq!(ids("resources | sort by tolong(properties.size)", &table), ["b", "c", "a", "d"]);
    assert_eq!(ids("resources | order by id asc | limit 2 | where location == 'west'", &table), ["b"]);
    assert_eq!(ids("where type == 'x/dbs' | take 1", &table), ["c"]);
    assert_eq!(rows("resources | count", &table), [json!({"Count": 4}).as_object().unwrap().clone()]);
    let summary =
        rows("resources | summarize n = count(), top = max(properties.size) by location | order by n desc, location asc", &table);
    assert_eq!(json!(summary), json!([{"location": "north", "n": 2, "top": 2}, {"location": "west", "n": 2, "top": 10}]));
    let summary = rows("resources | summarize countif(location == 'west'), dcount(type), sum(properties.size)", &table);
    assert_eq!(json!(summary), json!([{"countif_": 2, "dcount_": 2, "sum_": 19}]));
    assert_eq!(json!(rows("resources | distinct type", &table)), json!([{"type": "x/dbs"}, {"type": "x/vms"}]));
    let made = rows(
        "resources | extend big = properties.size > 5 | where big | project name, properties.size, where_ = strcat(location, '!')",
        &table,
    );
    assert_eq!(
        json!(made),
        json!([{"name": "web-02", "properties_size": 10, "where_": "west!"}, {"name": "db", "properties_size": 7, "where_": "west!"}])
    );
    let less = rows("resources | project-away properties, location | limit 1", &table);
    assert_eq!(json!(less), json!([{"id": "a", "name": "Web-01", "type": "x/vms"}]));
    assert_eq!(json!(rows("resources | where name == 'nothing' | summarize count()", &table)), json!([{"count_": 0}]));
}

#[test]
fn an_order_over_what_was_made_is_kept() {
    let query = "resources | extend folded = tolower(name) | project id, folded | order by folded asc | project id";
    assert_eq!(ids(query, &estate()), ["d", "c", "a", "b"]);
}

#[test]
fn what_cant_be_read_is_refused_with_its_place() {
    let cases = [
        ("resources | wher x == 1", 1, 13, "wher"),
        ("resources\n| where name = 'a'", 2, 14, "="),
        ("resources | where nothing == 'a'", 1, 19, "nothing"),
        ("nothing", 1, 1, "nothing"),
        ("resources | where name == 'a", 1, 27, "'"),
        ("resources | where f(name)", 1, 19, "f"),
        ("resources | project name | where id == 'a'", 1, 34, "id"),
        ("resources | where (name == 'a'", 1, 31, "<EOF>"),
        ("resources | join (resources) on id", 1, 13, "join"),
        ("resources | limit x", 1, 19, "x"),
        ("resources | where name == ", 1, 27, "<EOF>"),
        ("resources | where name == 'a' ;", 1, 31, ";"),
    ];
    for (query, line, column, token) in cases {
        let refusal = read(query).err().unwrap_or_else(|| panic!("{query} was read"));
        assert_eq!((refusal.line, refusal.column, refusal.token.as_str()), (line, column, token), "{query}: {refusal}");
    }
    assert!(read(&format!("resources | where {}true{}", "(".repeat(100), ")".repeat(100))).is_err());
}

/// A condition, as it is written and as Rust decides it.
#[derive(Clone, Debug)]
enum Condition {
    Equal(Field, Fold, Sense, String),
    In(Field, Fold, Sense, Vec<String>),
    Contains(Field, Sense, String),
    Starts(Field, Sense, String),
    Less(i64),
    Empty(Field, Sense),
    Not(Box<Self>),
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Name,
    Note,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fold {
    Kept,
    Folded,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sense {
    Is,
    IsNot,
}

impl Condition {
    fn written(&self) -> String {
        let quoted = |text: &str| format!("'{text}'");
        match self {
            Self::Equal(field, fold, sense, text) => {
                let operator = match (fold, sense) {
                    (Fold::Kept, Sense::Is) => "==",
                    (Fold::Kept, Sense::IsNot) => "!=",
                    (Fold::Folded, Sense::Is) => "=~",
                    (Fold::Folded, Sense::IsNot) => "!~",
                };
                format!("{} {operator} {}", field.path(), quoted(text))
            }
            Self::In(field, fold, sense, list) => {
                let list: Vec<String> = list.iter().map(|text| quoted(text)).collect();
                let tilde = if *fold == Fold::Folded { "~" } else { "" };
                format!("{} {}in{tilde} ({})", field.path(), sense.mark(), list.join(", "))
            }
            Self::Contains(field, sense, text) => format!("{} {}contains {}", field.path(), sense.mark(), quoted(text)),
            Self::Starts(field, sense, text) => format!("{} {}startswith {}", field.path(), sense.mark(), quoted(text)),
            Self::Less(number) => format!("properties.size < {number}"),
            Self::Empty(field, Sense::Is) => format!("isempty({})", field.path()),
            Self::Empty(field, Sense::IsNot) => format!("isnotempty({})", field.path()),
            Self::Not(inner) => format!("not({})", inner.written()),
            Self::Both(left, right) => format!("({}) and ({})", left.written(), right.written()),
            Self::Either(left, right) => format!("({} or {})", left.written(), right.written()),
        }
    }

    fn holds(&self, row: &Value) -> bool {
        let text = |field: &Field| match field {
            Field::Name => row["name"].as_str().unwrap_or_default().to_owned(),
            Field::Note => row["properties"]["note"].as_str().unwrap_or_default().to_owned(),
        };
        let case = |fold: &Fold, text: &str| if *fold == Fold::Folded { text.to_lowercase() } else { text.to_owned() };
        match self {
            Self::Equal(field, fold, sense, other) => (case(fold, &text(field)) == case(fold, other)) == (*sense == Sense::Is),
            Self::In(field, fold, sense, list) => {
                list.iter().any(|other| case(fold, &text(field)) == case(fold, other)) == (*sense == Sense::Is)
            }
            Self::Contains(field, sense, other) => {
                text(field).to_lowercase().contains(&other.to_lowercase()) == (*sense == Sense::Is)
            }
            Self::Starts(field, sense, other) => {
                text(field).to_lowercase().starts_with(&other.to_lowercase()) == (*sense == Sense::Is)
            }
            Self::Less(number) => row["properties"]["size"].as_i64().is_some_and(|size| size < *number),
            Self::Empty(field, sense) => text(field).is_empty() == (*sense == Sense::Is),
            Self::Not(inner) => !inner.holds(row),
            Self::Both(left, right) => left.holds(row) && right.holds(row),
            Self::Either(left, right) => left.holds(row) || right.holds(row),
        }
    }
}

impl Field {
    fn path(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Note => "properties.note",
        }
    }
}

impl Sense {
    fn mark(self) -> &'static str {
        if self == Self::Is { "" } else { "!" }
    }
}

fn word() -> impl Strategy<Value = String> {
    prop::string::string_regex("[abAB]{0,3}").unwrap()
}

fn condition() -> impl Strategy<Value = Condition> {
    let field = || prop_oneof![Just(Field::Name), Just(Field::Note)];
    let fold = || prop_oneof![Just(Fold::Kept), Just(Fold::Folded)];
    let sense = || prop_oneof![Just(Sense::Is), Just(Sense::IsNot)];
    let leaf = prop_oneof![
        (field(), fold(), sense(), word()).prop_map(|(field, fold, sense, text)| Condition::Equal(field, fold, sense, text)),
        (field(), fold(), sense(), prop::collection::vec(word(), 1..4))
            .prop_map(|(field, fold, sense, list)| Condition::In(field, fold, sense, list)),
        (field(), sense(), word()).prop_map(|(field, sense, text)| Condition::Contains(field, sense, text)),
        (field(), sense(), word()).prop_map(|(field, sense, text)| Condition::Starts(field, sense, text)),
        (-3i64..4).prop_map(Condition::Less),
        (field(), sense()).prop_map(|(field, sense)| Condition::Empty(field, sense)),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Condition::Both(Box::new(left), Box::new(right))),
            (inner.clone(), inner).prop_map(|(left, right)| Condition::Either(Box::new(left), Box::new(right))),
        ]
    })
}

fn row() -> impl Strategy<Value = Value> {
    (word(), prop::option::of(word()), prop::option::of(-3i64..4)).prop_map(|(name, note, size)| {
        let mut properties = Map::new();
        properties.extend(note.map(|note| ("note".to_owned(), note.into())));
        properties.extend(size.map(|size| ("size".to_owned(), size.into())));
        json!({"name": name, "type": "t", "location": "l", "properties": properties})
    })
}

proptest! {
    #[test]
    fn filters_agree_with_rust(condition in condition(), rows in prop::collection::vec(row(), 0..12)) {
        let table: Vec<Value> = rows.into_iter().enumerate().map(|(place, mut row)| {
            row["id"] = format!("{place:02}").into();
            row
        }).collect();
        let expected: Vec<&str> = table.iter().filter(|row| condition.holds(row)).map(|row| row["id"].as_str().unwrap()).collect();
        let written = condition.written();
        prop_assert_eq!(&ids(&format!("resources | where {written}"), &table), &expected, "{}", written);
        // The same after a column was made of it, in another order, and counted.
        let made = format!("resources | extend holds = ({written}) | where holds == true | order by id desc");
        let mut backwards = ids(&made, &table);
        backwards.reverse();
        prop_assert_eq!(&backwards, &expected, "{}", made);
        let counted = rows_of(&format!("resources | where {written} | count"), &table);
        prop_assert_eq!(counted, expected.len() as u64);
    }

    #[test]
    fn anything_is_read_or_refused(text in "[a-z |'()=~!.\\[\\]0-9,\n-]{0,60}") {
        if let Err(refusal) = read(&format!("resources | where {text}")) {
            prop_assert!(refusal.line > 0 && refusal.column > 0);
        }
    }
}

fn rows_of(query: &str, table: &[Value]) -> u64 {
    rows(query, table)[0]["Count"].as_u64().unwrap()
}
