//! `skywarden policy evaluate` as a person runs it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, process::Command};

use serde_json::{Value, json};

const NO_LATEST: &str = "properties:
  displayName: Images are pinned
  parameters:
    effect: { type: String, defaultValue: deny, allowedValues: [audit, deny] }
  policyRule:
    if:
      allOf:
        - { field: type, equals: v1/Pod }
        - count:
            field: properties.spec.containers[*]
            where: { field: 'properties.spec.containers[*].image', like: '*:latest' }
          greater: 0
    then: { effect: \"[parameters('effect')]\" }
";

struct Ran {
    code: Option<i32>,
    out: String,
    told: String,
}

fn evaluate(folder: &Path, files: &[(&str, &str)], arguments: &[&str]) -> Ran {
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_skywarden"))
        .args(["policy", "evaluate"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), out: text(&output.stdout), told: text(&output.stderr) }
}

fn pod(image: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: web }}\nspec:\n  containers:\n    - {{ name: a, image: '{image}' }}\n")
}

#[test]
fn an_object_of_kubernetes_is_denied_by_a_definition_in_yaml_or_json() {
    let folder = tempfile::tempdir().unwrap();
    let as_json = json!({ "properties": {
        "displayName": "Images are pinned",
        "parameters": { "effect": { "type": "String", "defaultValue": "deny" } },
        "policyRule": {
            "if": { "allOf": [
                { "field": "type", "equals": "v1/Pod" },
                { "count": { "field": "properties.spec.containers[*]", "where": { "field": "properties.spec.containers[*].image", "like": "*:latest" } }, "greater": 0 }
            ] },
            "then": { "effect": "[parameters('effect')]" }
        }
    } });
    // As editors of Windows save it.
    let windows = format!("\u{feff}{}", serde_json::to_string_pretty(&as_json).unwrap().replace('\n', "\r\n"));
    let files = [
        ("d.yaml", NO_LATEST),
        ("d.json", windows.as_str()),
        ("bad.yaml", &pod("nginx:latest")),
        ("good.yaml", &pod("nginx:1.27")),
    ];
    for definition in ["d.yaml", "d.json"] {
        let bad = evaluate(folder.path(), &files, &["--definition", definition, "--resource", "bad.yaml", "--format", "json"]);
        assert_eq!(bad.code, Some(3), "{}", bad.told);
        let found: Value = serde_json::from_str(&bad.out).unwrap();
        assert_eq!((&found[0]["denied"], &found[0]["decisions"][0]["answer"]), (&json!(true), &json!("denied")));
        assert!(found[0]["decisions"][0]["evidence"].to_string().contains("nginx:latest"), "{}", bad.out);
        let good = evaluate(folder.path(), &[], &["--definition", definition, "--resource", "good.yaml"]);
        assert_eq!(good.code, Some(0), "{}", good.told);
        assert!(good.out.contains("it would be let in"), "{}", good.out);
    }
}

#[test]
fn parameters_are_given_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("d.yaml", NO_LATEST),
        ("r.yaml", &pod("nginx:latest")),
        ("audit.json", r#"{ "Effect": { "value": "Audit" } }"#),
        ("wrong.yaml", "effect: modify"),
        ("unknown.yaml", "efect: audit"),
    ];
    let with =
        |file: &str| evaluate(folder.path(), &files, &["--definition", "d.yaml", "--resource", "r.yaml", "--parameters", file]);
    let audit = with("audit.json");
    assert_eq!(audit.code, Some(0), "{}", audit.told);
    assert!(audit.out.contains("marked as not compliant"), "{}", audit.out);
    let wrong = with("wrong.yaml");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.told.contains("`effect` does not take \"modify\""), "{}", wrong.told);
    assert!(with("unknown.yaml").told.contains("did you mean `effect`?"));
    let twice = ["--definition", "d.yaml", "--definition", "d.yaml", "--resource", "r.yaml", "--parameters", "unknown.yaml"];
    let several = evaluate(folder.path(), &[], &twice);
    assert!(several.code == Some(1) && several.told.contains("declares the parameter `efect`"), "{}", several.told);
}

#[test]
fn what_a_plan_does_not_know_yet_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let definition = "properties:
  displayName: Buckets are private
  policyRule:
    if: { allOf: [{ field: type, equals: aws_s3_bucket }, { field: properties.acl, equals: public-read }] }
    then: { effect: deny }
";
    let plan = |after: Value, unknown: Value| {
        let change = json!({ "actions": ["create"], "after": after, "after_unknown": unknown });
        let change = json!({ "address": "aws_s3_bucket.a", "type": "aws_s3_bucket", "change": change });
        json!({ "format_version": "1.2", "resource_changes": [change] }).to_string()
    };
    let files = [
        ("d.yaml", definition),
        ("public.json", &plan(json!({ "acl": "public-read" }), json!({}))),
        ("open.json", &plan(json!({}), json!({ "acl": true }))),
        ("none.json", r#"{ "format_version": "1.2", "resource_changes": [] }"#),
    ];
    let on = |file: &str| evaluate(folder.path(), &files, &["--definition", "d.yaml", "--resource", file]);
    assert_eq!(on("public.json").code, Some(3));
    let open = on("open.json");
    assert_eq!(open.code, Some(0), "{}", open.told);
    assert!(open.out.contains("it can't be told yet") && open.out.contains("known after apply"), "{}", open.out);
    let none = on("none.json");
    assert!(none.code == Some(1) && none.told.contains("makes nothing"), "{}", none.told);
}

#[test]
fn each_mistake_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let bad = NO_LATEST
        .replace("like:", "likes:")
        .replace("greater:", "greatest:")
        .replace("defaultValue: deny", "defaultValue: denyy");
    let files = [
        ("bad.yaml", bad.as_str()),
        ("d.yaml", NO_LATEST),
        ("r.yaml", &pod("x")),
        ("cut.yaml", "a: [1"),
        ("cut.json", "{\n \"type\": "),
        ("nameless.json", r#"[{ "type": "A.B/c" }]"#),
    ];
    let told = evaluate(folder.path(), &files, &["--definition", "bad.yaml", "--resource", "r.yaml"]).told;
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("bad.yaml:")).collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines.iter().any(|line| line.contains("bad.yaml:11:") && line.contains("`likes` is no condition")), "{told}");
    assert!(told.contains("did you mean `like`?"), "{told}");
    for (resource, expected) in [
        ("cut.yaml", "cut.yaml:2:"),
        ("cut.json", "cut.json:2:"),
        ("nameless.json", "nameless.json/0: `name` is missing"),
        ("gone.json", "gone.json"),
    ] {
        let ran = evaluate(folder.path(), &[], &["--definition", "d.yaml", "--resource", resource]);
        assert!(ran.code == Some(1) && ran.told.contains(expected), "{resource}: {}", ran.told);
    }
}
