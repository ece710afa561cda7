//! A directory tree of a machine that does not run, from end to end: `tests/flow/tree`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// What these rules say depends on who checked the tree out, and with what umask.
const OF_THE_CHECKOUT: [&str; 12] = [
    "audit-log-",
    "audit-logs-",
    "audit-settings-",
    "audit-tools-",
    "file-",
    "files-",
    "folders-",
    "home-",
    "homes-",
    "package-keys-",
    "root-search-",
    "sshd-configuration-",
];

fn skywarden(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skywarden")).args(arguments).env_remove("SKYWARDEN_CONTENT").output().unwrap()
}

fn tree() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flow/tree/root"))
}

fn scan(root: &Path) -> Value {
    let output = skywarden(&["scan", &format!("dir:{}", root.display()), "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn findings(report: &Value) -> BTreeMap<&str, &Value> {
    let baseline = report["assessments"].as_array().unwrap().iter().find(|row| row["findings"].is_array()).unwrap();
    baseline["findings"].as_array().unwrap().iter().map(|finding| (finding["id"].as_str().unwrap(), finding)).collect()
}

/// After a change that is meant: `UPDATE_GOLDEN=1 cargo test -p skywarden --test tree`.
#[test]
fn a_tree_is_judged_by_what_its_files_configure() {
    let report = scan(&tree());
    let machine = &report["resources"][0];
    assert_eq!((machine["id"].as_str(), machine["name"].as_str()), (Some("5c1a9e0d7f3b4a6e8d2c1b0a99887766"), Some("lantern-3")));
    let mut found = String::from("rule,status\n");
    for (id, finding) in findings(&report) {
        if !OF_THE_CHECKOUT.iter().any(|start| id.starts_with(start)) {
            writeln!(found, "{id},{}", finding["status"].as_str().unwrap()).unwrap();
        }
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flow/tree/expected.csv");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(golden).unwrap());
}

#[test]
fn what_only_a_running_machine_could_tell_says_so() {
    let report = scan(&tree());
    let findings = findings(&report);
    for id in ["listeners-approved", "radio-interfaces-off", "kernel-pointers-hidden"] {
        assert_eq!(findings[id]["status"], "Unknown", "{id}");
        assert!(findings[id]["cause"].to_string().contains("a directory tree has no running kernel"), "{id}");
    }
    // The configuration decides where it can, whatever would run.
    for (id, status) in
        [("service-printing-unused", "Unhealthy"), ("service-rpcbind-unused", "Healthy"), ("audit-running", "Healthy")]
    {
        assert_eq!(findings[id]["status"], status, "{id}");
    }
}

#[test]
fn links_do_not_lead_out_of_the_tree() {
    let report = scan(&tree());
    // /etc/motd leads to the tree's own os-release, /etc/issue.net to its passwd; those of this machine lie outside.
    let findings = findings(&report);
    assert_eq!(findings["banner-of-the-day-discloses-nothing"]["status"], "Unhealthy");
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::create_dir(elsewhere.path().join("etc")).unwrap();
    std::os::unix::fs::symlink(tree().join("etc/os-release"), elsewhere.path().join("etc/os-release")).unwrap();
    let report = scan(elsewhere.path());
    let row = report["assessments"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["recommendation"] == "machine-operating-system-supported");
    assert_eq!(row.unwrap()["status"], "Unknown");
}

#[test]
fn a_tree_without_a_machine_id_keeps_its_identity() {
    let folder = tempfile::tempdir().unwrap();
    let id = || scan(folder.path())["resources"][0]["id"].as_str().unwrap().to_owned();
    let first = id();
    assert_eq!(first, id());
    let other = tempfile::tempdir().unwrap();
    assert_ne!(first, scan(other.path())["resources"][0]["id"].as_str().unwrap());
    let output = skywarden(&["scan", "dir:/no/such/tree"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not find /no/such/tree"));
}
