//! Files in, objects out, and back.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_bundle::{File, Problem, files, pack, read, unpack};
use skywarden_policy::ObjectKind;

fn definition(name: &str) -> Value {
    json!({ "id": format!("/providers/Microsoft.Authorization/policyDefinitions/{name}"), "name": name, "properties": {
        "policyRule": { "if": { "field": "type", "equals": "a/b" }, "then": { "effect": "audit" } } } })
}

fn assignment(scope: &str, name: &str) -> Value {
    json!({ "id": format!("{scope}/providers/Microsoft.Authorization/policyAssignments/{name}"),
            "properties": { "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/x" } })
}

fn file(name: &str, text: impl AsRef<[u8]>) -> File {
    File { name: name.to_owned(), bytes: text.as_ref().to_vec() }
}

fn ids(files: Vec<File>) -> Vec<String> {
    let bundle = read(files);
    assert_eq!(bundle.problems, []);
    bundle.objects.iter().map(|(object, _)| object.id().rsplit('/').next().unwrap().to_owned()).collect()
}

#[test]
fn every_way_of_writing_is_read() {
    let text = definition("x").to_string();
    let crlf = serde_json::to_string_pretty(&definition("crlf")).unwrap().replace('\n', "\r\n");
    let wide = |bom: u16, convert: fn(u16) -> [u8; 2], name: &str| -> Vec<u8> {
        std::iter::once(bom).chain(definition(name).to_string().encode_utf16().collect::<Vec<_>>()).flat_map(convert).collect()
    };
    let yaml = "policyRule:\n  if: {field: type, equals: a/b}\n  then: {effect: audit}\nname: yaml\n";
    let found = ids(vec![
        file("a.json", &text),
        file("b.json", format!("\u{feff}{}", definition("bom"))),
        file("c.JSON", crlf),
        file("d.json", wide(0xfeff, u16::to_le_bytes, "le")),
        file("e.json", wide(0xfeff, u16::to_be_bytes, "be")),
        file("f.yaml", yaml),
        file("g.json", json!([definition("one"), definition("two")]).to_string()),
        file("h.json", json!({ "value": [definition("page")] }).to_string()),
        file("same.json", text),
    ]);
    assert_eq!(found, ["x", "bom", "crlf", "le", "be", "yaml", "one", "two", "page"]);
}

#[test]
fn mistakes_have_their_places_and_the_rest_is_taken() {
    let mut wrong = definition("wrong");
    wrong["properties"]["policyRule"]["then"]["effect"] = json!("audti");
    let mut other = definition("x");
    other["properties"]["displayName"] = json!("another");
    let bundle = read([
        file("broken.json", "{\n  \"id\": }"),
        file("list.json", json!([definition("x"), { "nothing": 1 }]).to_string()),
        file("other.json", other.to_string()),
        file("package.json", r#"{"name": "web", "version": "1.0.0"}"#),
        file("readme.md", "# hello"),
        file("wide.json", [0xff, 0xfe, 0x00, 0xd8]),
        file("latin.json", [b'"', 0xe9, b'"']),
        file("wrong.json", serde_json::to_string_pretty(&wrong).unwrap()),
    ]);
    assert_eq!(bundle.objects.len(), 1);
    assert_eq!(bundle.ignored, ["package.json", "readme.md"]);
    let lines: Vec<String> = bundle.problems.iter().map(Problem::to_string).collect();
    let expected = [
        "broken.json:2:9: it is no JSON",
        "list.json:1:",
        "other.json:1:1: the id `/providers/Microsoft.Authorization/policyDefinitions/x` is also in list.json",
        "wide.json: it is no UTF-16",
        "latin.json: it is no UTF-8 from byte 2 on",
        "wrong.json:11:9: \"audti\" is no effect",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(expected) {
        assert!(line.starts_with(start), "{line} should begin with {start}");
    }
    assert_eq!(bundle.problems[5].help.as_deref(), Some("did you mean `audit`?"));
}

#[test]
fn what_is_exported_is_read_again() {
    let group = "/providers/Microsoft.Management/managementGroups/corp";
    let objects = [
        (ObjectKind::Definition, definition("x")),
        (ObjectKind::Definition, definition("X y/../z")),
        (ObjectKind::Definition, definition("X:y/../z")),
        (ObjectKind::Assignment, assignment("", "all")),
        (ObjectKind::Assignment, assignment(group, "all")),
        (ObjectKind::Assignment, assignment("/subscriptions/s1/resourceGroups/rg", "all")),
        (ObjectKind::ManagementGroup, json!({ "id": group, "type": "Microsoft.Management/managementGroups" })),
    ];
    let files = files(objects.iter().map(|(kind, document)| (*kind, document)));
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let expected = [
        "definitions/x.json",
        "definitions/X_y/_../z.json",
        "definitions/X_y/_../z-2.json",
        "assignments/all.json",
        "assignments/managementGroups/corp/all.json",
        "assignments/subscriptions/s1/resourceGroups/rg/all.json",
        "managementGroups/corp.json",
    ];
    assert_eq!(names, expected);
    let archive = pack(&files).unwrap();
    assert_eq!(archive, pack(&files).unwrap(), "the same files give the same bytes");
    let bundle = read(unpack(&archive).unwrap());
    assert_eq!((bundle.problems, bundle.ignored), (vec![], vec![]));
    let by_id = |documents: Vec<&Value>| -> BTreeMap<String, Value> {
        documents.into_iter().map(|own| (own["id"].as_str().unwrap().to_owned(), own.clone())).collect()
    };
    let found = by_id(bundle.objects.iter().map(|(_, document)| document).collect());
    assert_eq!(found, by_id(objects.iter().map(|(_, document)| document).collect()));
}

#[test]
fn other_members_of_an_archive_are_left_out_and_damage_is_told() {
    let archive = pack(&[
        file("__MACOSX/._a.json", "x"),
        file("a.json", definition("a").to_string()),
        file("b/._a.json", "x"),
        file("c.txt", "x"),
    ])
    .unwrap();
    let names: Vec<String> = unpack(&archive).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["a.json"]);
    assert!(unpack(b"PK nothing").unwrap_err().to_string().starts_with("it is no zip archive"));
    let damaged = archive.iter().enumerate().map(|(at, byte)| if at == 90 { !byte } else { *byte }).collect::<Vec<u8>>();
    assert!(unpack(&damaged).is_err() || unpack(&damaged).unwrap().len() <= 1);
}

proptest! {
    /// No file and no archive makes it fail otherwise than by a problem.
    #[test]
    fn any_bytes_are_told_about(bytes in prop::collection::vec(any::<u8>(), 0..400), name in "[a-c]\\.(json|yaml)") {
        let bundle = read([File { name: name.clone(), bytes: bytes.clone() }]);
        prop_assert_eq!(bundle.objects.len() + bundle.problems.len() + bundle.ignored.len() >= 1, true);
        let _ = unpack(&bytes);
    }
}

#[test]
fn what_is_deep_or_long_is_told_or_taken_and_nothing_breaks() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let mut nested = json!({ "field": "type", "equals": "a/b" });
    for _ in 0..120 {
        nested = json!({ "not": nested });
    }
    let mut deep_rule = definition("deep");
    deep_rule["properties"]["policyRule"]["if"] = nested;
    let mut long = definition("long");
    long["properties"]["policyRule"]["if"]["equals"] = json!("x".repeat(10 << 20));
    let bundle = read([
        file("deep.json", &deep),
        file("deep.yaml", deep),
        file("deep-rule.json", deep_rule.to_string()),
        file("good.json", definition("good").to_string()),
        file("long.json", long.to_string()),
    ]);
    let places: Vec<(&str, bool)> = bundle.problems.iter().map(|own| (own.file.as_str(), own.place.is_some())).collect();
    assert!(places.contains(&("deep.json", true)) && places.contains(&("deep.yaml", true)), "{places:?}");
    let names: Vec<&str> = bundle.objects.iter().map(|(object, _)| object.id().rsplit('/').next().unwrap()).collect();
    assert!(names.contains(&"good"), "{names:?}");
    assert_eq!(bundle.objects.len() + bundle.problems.len(), 5, "each is taken, or told once: {places:?}");
}
