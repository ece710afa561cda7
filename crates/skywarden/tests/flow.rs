//! Flows from end to end over recorded answers: a folder of `tests/flow` each.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

fn skywarden(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skywarden"));
    command.args(arguments).env_remove("SKYWARDEN_CONTENT").env("AWS_EC2_METADATA_DISABLED", "true");
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn recording() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testkit/estate/recording"))
}

fn replay(folder: &Path, report: &Path) -> Value {
    let source = format!("replay:{}", folder.display());
    let output = skywarden(&["scan", &source, "--format", "json", "--out", report.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap()
}

fn rows<'a>(report: &'a Value, name: &str) -> &'a Vec<Value> {
    report[name].as_array().unwrap()
}

/// `recommendation,healthy,unhealthy,unknown,not applicable`, then the score.
fn summary(report: &Value) -> String {
    let mut counts: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for row in rows(report, "assessments") {
        let statuses = counts.entry(row["recommendation"].as_str().unwrap()).or_default();
        *statuses.entry(row["status"].as_str().unwrap()).or_default() += 1;
    }
    let mut text = String::from("recommendation,healthy,unhealthy,unknown,not applicable\n");
    for (recommendation, statuses) in counts {
        let of = |status| statuses.get(status).copied().unwrap_or_default();
        let (healthy, unhealthy) = (of("Healthy"), of("Unhealthy"));
        writeln!(text, "{recommendation},{healthy},{unhealthy},{},{}", of("Unknown"), of("NotApplicable")).unwrap();
    }
    let score = &report["secureScore"];
    writeln!(text, "score {} range {} coverage {}", score["percentage"], score["range"], score["coverage"]).unwrap();
    text
}

/// A copy of the recording in which the answers to an operation are refusals.
fn refusing(operation: &str, code: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut n_refused = 0;
    for entry in recording().read_dir().unwrap() {
        let path = entry.unwrap().path();
        let mut lines = String::new();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let mut call: Value = serde_json::from_str(line).unwrap();
            if call["operation"] == operation {
                n_refused += 1;
                call["status"] = 403.into();
                call["body"] =
                    format!("<ErrorResponse><Error><Code>{code}</Code><Message>not allowed</Message></Error></ErrorResponse>")
                        .into();
            }
            lines.push_str(&call.to_string());
            lines.push('\n');
        }
        std::fs::write(folder.path().join(path.file_name().unwrap()), lines).unwrap();
    }
    assert!(n_refused > 0, "{operation} is not in the recording");
    folder
}

#[test]
fn a_verdict_that_rests_on_a_fact_shows_what_the_fact_rests_on() {
    let folder = tempfile::tempdir().unwrap();
    let report = replay(&recording(), &folder.path().join("report.json"));
    let is_public =
        |row: &&Value| row["recommendation"] == "aws-s3-bucket-public" && row["resource"] == "arn:aws:s3:::fernhollow-website";
    let row = rows(&report, "assessments").iter().find(is_public).unwrap();
    let fields: Vec<&str> = rows(row, "evidence").iter().map(|entry| entry["field"].as_str().unwrap()).collect();
    assert_eq!(fields[0], "facts.access.public");
    assert!(fields.iter().any(|field| field.starts_with("properties.Policy")), "{fields:?}");
}

/// After a change that is meant: `UPDATE_GOLDEN=1 cargo test -p skywarden --test flow`.
#[test]
fn the_sample_is_judged_as_expected() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let found = summary(&replay(&recording(), &report));
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/flow/sample/expected.csv");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(golden).unwrap());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recompute_score.py");
    let output = Command::new("python3").arg(script).arg(&report).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn a_refused_call_makes_its_fields_unknown_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let before = replay(&recording(), &report);
    for (operation, permission) in [
        ("GetBucketPolicy", "s3:GetBucketPolicy"),
        ("GetKeyRotationStatus", "kms:GetKeyRotationStatus"),
        ("DescribeNetworkAcls", "ec2:DescribeNetworkAcls"),
        ("GetAccountPasswordPolicy", "iam:GetAccountPasswordPolicy"),
        ("DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancerAttributes"),
    ] {
        let after = replay(refusing(operation, "AccessDenied").path(), &report);
        let unknown = rows(&after, "assessments").iter().filter(|row| row["status"] == "Unknown");
        let named = unknown.filter(|row| row["cause"].to_string().contains(permission)).count();
        let told = rows(&after, "coverage").iter().any(|entry| entry.to_string().contains(permission));
        assert!(told, "{operation}: the coverage does not name {permission}");
        let is_list = operation == "DescribeNetworkAcls";
        assert!(is_list || named > 0, "{operation}: no assessment is Unknown for want of {permission}");
        let ids = |report: &Value| -> Vec<String> {
            rows(report, "resources").iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
        };
        assert!(is_list || ids(&after) == ids(&before), "{operation}");
        let range = |report: &Value| {
            let range = &report["secureScore"]["range"];
            (range[0].as_f64().unwrap(), range[1].as_f64().unwrap())
        };
        let ((low, high), (new_low, new_high)) = (range(&before), range(&after));
        assert!(new_low <= low && new_high >= high, "{operation}: [{low}, {high}] became [{new_low}, {new_high}]");
        assert!(new_high - new_low > high - low, "{operation}: [{low}, {high}] became [{new_low}, {new_high}]");
    }
}

#[test]
fn reports_fit_their_schema() {
    let schema: Value = serde_json::from_str(include_str!("../src/output/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut found = vec![replay(&recording(), &report)];
    for operation in ["GetBucketPolicy", "DescribeVolumes", "DescribeRegions"] {
        found.push(replay(refusing(operation, "AccessDenied").path(), &report));
    }
    let output = skywarden(&["scan", "host", "--format", "json", "--out", report.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output));
    found.push(serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap());
    for report in &found {
        let problems: Vec<String> =
            validator.iter_errors(report).take(5).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
    // The schema must notice what does not belong.
    found[0]["assessments"][0]["status"] = "Fine".into();
    assert!(!validator.is_valid(&found[0]));
}

#[test]
fn several_sources_make_one_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let source = format!("replay:{}", recording().display());
    let output = skywarden(&["scan", "host", &source, "--format", "json", "--out", report.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output));
    let report_text = std::fs::read(&report).unwrap();
    let parsed: Value = serde_json::from_slice(&report_text).unwrap();
    let accounts: Vec<&str> = rows(&parsed, "subscriptions").iter().map(|row| row["account"].as_str().unwrap()).collect();
    assert_eq!(accounts, ["fleet", "123456789012"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recompute_score.py");
    let output = Command::new("python3").arg(script).arg(&report).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let output = skywarden(&["scan", &source, &source]);
    assert!(!output.status.success() && text(&output).contains("named twice"), "{}", text(&output));
}

#[test]
fn the_sample_comes_and_goes_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let count = || text(&skywarden(&["inventory", "--data", data, "--format", "csv"])).lines().count() - 1;
    let output = skywarden(&["up", "--once", "--sample", "--data", data]);
    assert!(output.status.success() && text(&output).contains("sample data"), "{}", text(&output));
    assert!(count() > 100);
    assert!(text(&skywarden(&["connectors", "--data", data])).contains("sample data"));
    // It stays without being named again, and its verdicts do not change with its age.
    let output = skywarden(&["up", "--once", "--data", data]);
    assert!(output.status.success(), "{}", text(&output));
    let changes = text(&skywarden(&["changes", "--data", data, "--format", "csv", "arn:"]));
    assert!(!changes.contains("Resolved") && !changes.contains("Changed"), "{changes}");
    assert!(skywarden(&["disconnect", "sample", "--data", data]).status.success());
    assert_eq!(count(), 1);
    assert!(!skywarden(&["disconnect", "sample", "--data", data]).status.success());
}

#[test]
fn what_can_not_be_read_or_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = skywarden(&["scan", &format!("replay:{}", folder.path().display())]);
    assert!(!output.status.success() && text(&output).contains("holds no recorded calls"), "{}", text(&output));
    std::fs::write(folder.path().join("s3.jsonl"), "{\"service\":").unwrap();
    let output = skywarden(&["scan", &format!("replay:{}", folder.path().display())]);
    assert!(text(&output).contains("s3.jsonl:1 is no recorded call"), "{}", text(&output));
    let output = skywarden(&["up", "--once", "--data", "/proc/skywarden"]);
    assert!(!output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("/proc/skywarden") && text(&output).contains("--data"), "{}", text(&output));
    let output = skywarden(&["scan", "host", "--record", folder.path().to_str().unwrap()]);
    assert!(text(&output).contains("--record needs a source"), "{}", text(&output));
    let output = skywarden(&["connect", "aws", "--name", "Host!", "--data", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn the_policy_names_every_call_of_the_collectors() {
    let policy: Value = serde_json::from_slice(&skywarden(&["permissions", "aws"]).stdout).unwrap();
    let actions: Vec<&str> =
        policy["Statement"][0]["Action"].as_array().unwrap().iter().map(|action| action.as_str().unwrap()).collect();
    for action in ["s3:GetBucketPolicy", "ec2:DescribeInstances", "sts:GetCallerIdentity", "kms:GetKeyRotationStatus"] {
        assert!(actions.contains(&action), "{action}");
    }
    assert!(!actions.iter().any(|action| action.contains('*')), "least privilege: {actions:?}");
    // The report is made by a call of its own, and says no more than the calls that read it.
    let reads = ["Get", "List", "Describe", "BatchGet", "GenerateCredentialReport"];
    assert!(
        actions.iter().all(|action| reads.iter().any(|read| action.split(':').nth(1).unwrap().starts_with(read))),
        "only reads: {actions:?}"
    );
    // What would read more than configuration is allowed on parts only: values of API keys, rows of tables.
    let narrow = &policy["Statement"].as_array().unwrap()[1..];
    assert_eq!(
        narrow.iter().map(|statement| &statement["Action"][0]).collect::<Vec<_>>(),
        ["apigateway:GET", "cassandra:Select"]
    );
    for statement in narrow {
        let resources: Vec<&str> = statement["Resource"].as_array().unwrap().iter().map(|arn| arn.as_str().unwrap()).collect();
        assert!(resources.iter().all(|arn| arn.starts_with("arn:aws:") && !arn.ends_with(":*")), "{resources:?}");
        assert!(!resources.iter().any(|arn| arn.contains("apikeys")), "{resources:?}");
    }
}
