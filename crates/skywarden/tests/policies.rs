//! `skywarden policy import`, `export`, `compliance` and the rest, as a person runs them over the sample estate.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

const DEFINITION: &str = "/providers/Microsoft.Authorization/policyDefinitions/frankfurt";
const ASSIGNMENT: &str = "/providers/Microsoft.Authorization/policyAssignments/regions";

fn skywarden(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skywarden"))
        .args(arguments)
        .env("SKYWARDEN_DATA", folder.join("data"))
        .current_dir(folder)
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn rows(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = skywarden(folder, &[arguments, &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_path_buf()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_folder_is_brought_in_judged_looked_at_and_written_out_again() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    assert!(skywarden(folder, &["up", "--once", "--sample"]).status.success());
    let definition = json!({ "id": DEFINITION, "name": "frankfurt", "properties": {
        "displayName": "Buckets lie in Frankfurt",
        "policyRule": {
            "if": { "allOf": [{ "field": "type", "equals": "AWS::S3::Bucket" }, { "field": "location", "notEquals": "eu-central-1" }] },
            "then": { "effect": "audit" } } } });
    let assignment = json!({ "id": ASSIGNMENT, "name": "regions", "properties": {
        "displayName": "Regions", "policyDefinitionId": DEFINITION, "nonComplianceMessages": [{ "message": "move it" }] } });
    write(folder, "in/deep/definition.json", &definition.to_string());
    write(folder, "in/assignment.json", &format!("\u{feff}{assignment}"));
    write(folder, "in/Azure Government/definition.json", &definition.to_string().replace("Frankfurt", "Dublin"));
    write(
        folder,
        "in/wrong.json",
        "{\n  \"policyRule\": {\n    \"if\": { \"field\": \"type\", \"equls\": 1 },\n    \"then\": { \"effect\": \"audit\" }\n  }\n}\n",
    );
    write(folder, "in/notes.md", "nothing");

    let dry = skywarden(folder, &["policy", "import", "in", "--dry-run", "--except", "Azure Government"]);
    assert_eq!(dry.status.code(), Some(1), "a mistake is told: {}", told(&dry));
    assert!(out(&dry).contains("read: 1 definition, 1 assignment; 1 mistake"), "{}", out(&dry));
    assert!(told(&dry).contains("in/wrong.json:3:") && told(&dry).contains("did you mean `equals`?"), "{}", told(&dry));
    assert!(rows(folder, &["policy", "list"]).is_empty());

    let done = skywarden(folder, &["policy", "import", "in", "--except", "Azure Government"]);
    assert!(out(&done).contains("in the store: 2 new, 0 changed, 0 as they were"), "{}", out(&done));
    assert!(out(&done).contains("12 states"), "{}", out(&done));
    let compliance = rows(folder, &["policy", "compliance"]);
    assert_eq!((&compliance[0]["Non-compliant"], &compliance[0]["Good"]), (&json!("5"), &json!("7")));
    let shown = rows(folder, &["policy", "show", "regions"]);
    assert_eq!((&shown[0]["Effect"], &shown[0]["Set by"]), (&json!("audit"), &json!("rule")));
    let states = rows(folder, &["policy", "states", "--assignment", "regions", "--state", "noncompliant"]);
    assert_eq!(states.len(), 5);
    assert_eq!(states[0]["Because"], "move it");
    assert_eq!(rows(folder, &["policy", "history"]).len(), 5);

    // `up` judges again with each assessment, and nothing changed.
    let again = skywarden(folder, &["up", "--once"]);
    assert!(out(&again).contains("Policies: 1 assignment, 58.3 % of the resources"), "{}", out(&again));
    assert_eq!(rows(folder, &["policy", "history"]).len(), 5);

    assert!(skywarden(folder, &["policy", "export", "out"]).status.success());
    assert!(skywarden(folder, &["policy", "export", "out.zip"]).status.success());
    assert!(told(&skywarden(folder, &["policy", "export", "out"])).contains("is not empty"));
    let first = files(&folder.join("out"));
    assert_eq!(first.len(), 2);
    for path in ["out", "out.zip"] {
        let same = skywarden(folder, &["policy", "import", path]);
        assert!(out(&same).contains("0 new, 0 changed, 2 as they were"), "{}", out(&same));
    }
    let read: Value =
        serde_json::from_slice(&first.iter().find(|(path, _)| path.ends_with("frankfurt.json")).unwrap().1).unwrap();
    assert_eq!(read, definition);

    let removed = skywarden(folder, &["policy", "remove", &ASSIGNMENT.to_lowercase()]);
    assert!(removed.status.success(), "{}", told(&removed));
    assert!(rows(folder, &["policy", "states"]).is_empty());
    let missing = skywarden(folder, &["policy", "remove", ASSIGNMENT]);
    assert!(told(&missing).contains("there is no `/providers"), "{}", told(&missing));
}

#[test]
fn recommendations_become_definitions_that_can_be_brought_in() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let written = skywarden(folder, &["policy", "from-recommendations", "own", "--type", "AWS::S3::"]);
    assert!(out(&written).contains("files in own"), "{}", told(&written));
    let n_files = files(&folder.join("own")).len();
    assert!(n_files > 10, "{n_files}");
    let dry = skywarden(folder, &["policy", "import", "own", "--dry-run"]);
    assert_eq!(out(&dry).trim(), format!("read: {n_files} definitions"), "{}", told(&dry));
    let nothing = skywarden(folder, &["policy", "from-recommendations", "other", "--type", "Nobody::"]);
    assert!(told(&nothing).contains("no recommendation is of such a type"), "{}", told(&nothing));
}
