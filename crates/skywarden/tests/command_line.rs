//! The binary as a person runs it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use serde_json::Value;

fn skywarden(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skywarden")).args(arguments).env_remove("SKYWARDEN_CONTENT").output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn report() -> Value {
    let output = skywarden(&["scan", "host", "--format", "json"]);
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_score_can_be_recomputed_from_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let output = skywarden(&["scan", "host", "--format", "json", "--out", report.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recompute_score.py");
    let output = Command::new("python3").arg(script).arg(&report).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    // The script must notice a number that is off.
    let mut altered: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    altered["secureScore"]["percentage"] = 0.123.into();
    std::fs::write(&report, altered.to_string()).unwrap();
    assert_eq!(Command::new("python3").arg(script).arg(&report).output().unwrap().status.code(), Some(1));
}

#[test]
fn every_baseline_rule_is_judged_or_says_why_not() {
    let report = report();
    let findings: Vec<&Value> = report["assessments"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|assessment| assessment["findings"].as_array().into_iter().flatten())
        .collect();
    assert!(findings.len() >= 70, "{} findings", findings.len());
    for finding in findings {
        let has_cause = finding["cause"]["message"].as_str().is_some_and(|message| !message.is_empty());
        assert!(finding["status"] != "Unknown" || has_cause, "{finding}");
        assert!(finding["status"] != "Unhealthy" || !finding["evidence"].as_array().unwrap().is_empty(), "{finding}");
    }
}

#[test]
fn a_threshold_that_is_hit_exits_with_three() {
    let report = report();
    let unhealthy = report["assessments"].as_array().unwrap().iter().any(|assessment| assessment["status"] == "Unhealthy");
    let output = skywarden(&["scan", "host", "--fail-on", "low", "--out", "/dev/null"]);
    assert_eq!(output.status.code(), Some(if unhealthy { 3 } else { 0 }), "{}", text(&output));
}

#[test]
fn up_keeps_what_it_found_and_exemptions_hold_from_the_next_run_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let output = skywarden(&["up", "--once", "--data", data]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("Secure score"), "{}", text(&output));
    let baseline = "machine-security-configuration-met";
    let before = text(&skywarden(&["recommendations", "--data", data, "--format", "csv", baseline]));
    assert!(before.contains(baseline) && !before.contains(",0,0,0,1"), "{before}");
    let output = skywarden(&["exempt", baseline, "--category", "waiver", "--reason", "a test", "--data", data]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(skywarden(&["up", "--once", "--data", data]).status.success());
    let after = text(&skywarden(&["recommendations", "--data", data, "--format", "csv", baseline]));
    assert!(after.contains(",0,0,0,1"), "{after}");
    let inventory = text(&skywarden(&["inventory", "--data", data, "--format", "csv"]));
    assert_eq!(inventory.lines().count(), 2, "{inventory}");
}

#[test]
fn mistakes_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let output = skywarden(&["score", "--data", data]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("skywarden up"), "{}", text(&output));
    let output = skywarden(&["exempt", "nothing", "--category", "waiver", "--reason", "x", "--data", data]);
    assert!(text(&output).contains("there is no recommendation `nothing`"), "{}", text(&output));
    assert_eq!(skywarden(&["scan", "moon"]).status.code(), Some(2));
    let output = skywarden(&["content", "lint", "/nonexistent"]);
    assert!(text(&output).contains("/nonexistent"), "{}", text(&output));
}

#[test]
fn the_content_passes_its_own_tests() {
    let output = skywarden(&["content", "test"]);
    assert!(output.status.success() && text(&output).contains(" passed, 0 failed"), "{}", text(&output));
}
