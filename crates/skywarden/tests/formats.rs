//! SARIF, OCSF and the reports per standard, on the sample estate and on this machine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

const SAMPLE: &str = concat!("replay:", env!("CARGO_MANIFEST_DIR"), "/../../testkit/estate/recording");
const WEBSITE: &str = "arn:aws:s3:::fernhollow-website";

fn skywarden(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skywarden"));
    command.args(arguments).env_remove("SKYWARDEN_CONTENT").env_remove("SKYWARDEN_DATA").output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = skywarden(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn scan(source: &str, format: &str) -> String {
    printed(&["scan", source, "--format", format])
}

fn json(source: &str, format: &str) -> Value {
    serde_json::from_str(&scan(source, format)).unwrap()
}

fn rows<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is no list in {value}"))
}

/// After a change that is meant: `UPDATE_GOLDEN=1 cargo test -p skywarden --test formats`.
fn assert_golden(name: &str, found: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flow/formats").join(name);
    let found = serde_json::to_string_pretty(found).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
}

/// The schema that the crate serde-sarif was made from; it stands in its package.
fn sarif_schema() -> Value {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    // Of other platforms' packages cargo would want the manifests, which are not here without the network.
    let arguments = ["metadata", "--format-version", "1", "--offline", "--filter-platform", host];
    let metadata = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let package = rows(&metadata, "packages").iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
    let text = std::fs::read_to_string(folder.join("src/schema.json")).unwrap();
    // The published pattern of languages has a bracket too many and is no pattern; we write no language.
    serde_json::from_str(&text.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}?$")).unwrap()
}

#[test]
fn sarif_fits_its_schema() {
    let validator = jsonschema::validator_for(&sarif_schema()).unwrap();
    let mut logs = vec![json(SAMPLE, "sarif"), json("host", "sarif")];
    for log in &logs {
        let problems: Vec<String> =
            validator.iter_errors(log).take(5).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        let typed: serde_sarif::sarif::Sarif = serde_json::from_value(log.clone()).unwrap();
        assert_eq!(typed.runs.len(), 1);
    }
    // The schema must notice what does not belong.
    logs[0]["runs"][0]["results"][0]["kind"] = "fine".into();
    assert!(!validator.is_valid(&logs[0]));
}

#[test]
fn sarif_has_a_result_for_each_reason_and_no_verdict_for_unknown() {
    for source in [SAMPLE, "host"] {
        let (report, log) = (json(source, "json"), json(source, "sarif"));
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows(&report, "assessments") {
            let findings = row["findings"].as_array().filter(|findings| !findings.is_empty());
            for reason in findings.unwrap_or(&vec![row.clone()]) {
                let kind = match reason["status"].as_str().unwrap() {
                    "Unhealthy" => "fail",
                    "Unknown" => "open",
                    _ => continue,
                };
                *reasons.entry(kind).or_default() += 1;
            }
        }
        let run = &log["runs"][0];
        let (rules, results) = (rows(&run["tool"]["driver"], "rules"), rows(run, "results"));
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        let mut fingerprints = BTreeSet::new();
        for result in results {
            let kind = result["kind"].as_str().unwrap();
            *kinds.entry(kind).or_default() += 1;
            let level = result["level"].as_str().unwrap();
            assert_eq!(level == "none", kind == "open", "{result}");
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(kind == "open" || rule["defaultConfiguration"]["level"] == level, "{result}");
            assert!(fingerprints.insert(result["fingerprints"]["skywarden/v1"].to_string()), "a fingerprint stands twice");
            assert!(kind == "fail" || result["properties"]["cause"]["message"].is_string(), "{result}");
        }
        assert_eq!(kinds, reasons, "{source}");
        assert!(kinds["fail"] > 0);
        for rule in rules {
            let severity: f64 = rule["properties"]["security-severity"].as_str().unwrap().parse().unwrap();
            assert!(severity > 0.0 && severity <= 10.0);
        }
    }
}

#[test]
fn sarif_of_one_bucket() {
    let log = json(SAMPLE, "sarif");
    let run = &log["runs"][0];
    let is_own = |row: &&Value| {
        row["ruleId"] == "aws-s3-bucket-public" && row["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == WEBSITE
    };
    let mut result = rows(run, "results").iter().find(is_own).unwrap().clone();
    let rules = rows(&run["tool"]["driver"], "rules");
    let mut rule = rules.iter().find(|rule| rule["id"] == "aws-s3-bucket-public").unwrap().clone();
    // Where the rule stands and what it covers depends on what else is in the catalog.
    result.as_object_mut().unwrap().remove("ruleIndex");
    assert!(rule["properties"].as_object_mut().unwrap().remove("compliance").is_some());
    assert_golden("bucket.sarif.json", &serde_json::json!({ "rule": rule, "result": result }));
}

#[test]
fn ocsf_has_a_line_for_each_that_applies() {
    for source in [SAMPLE, "host"] {
        let report = json(source, "json");
        let lines: Vec<Value> = scan(source, "ocsf").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut by_status: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows(&report, "assessments") {
            *by_status.entry(row["status"].as_str().unwrap()).or_default() += 1;
        }
        let of = |status| by_status.get(status).copied().unwrap_or_default();
        let count = |caption: &str| lines.iter().filter(|line| line["compliance"]["status"] == caption).count();
        assert_eq!((count("Pass"), count("Warning"), count("Fail")), (of("Healthy"), of("Unknown"), of("Unhealthy")), "{source}");
        assert_eq!(lines.len(), of("Healthy") + of("Unknown") + of("Unhealthy"));
        let uids: BTreeSet<String> = lines.iter().map(|line| line["finding_info"]["uid"].to_string()).collect();
        assert_eq!(uids.len(), lines.len());
        for line in &lines {
            assert_eq!((&line["class_uid"], &line["type_uid"]), (&2003.into(), &200_301.into()));
            let is_unknown = line["compliance"]["status"] == "Warning";
            assert!(!is_unknown || line["compliance"]["status_details"][0].is_string(), "{line}");
        }
    }
}

#[test]
fn ocsf_of_one_bucket() {
    let lines = scan(SAMPLE, "ocsf");
    let parsed = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_own = |line: &Value| {
        line["finding_info"]["analytic"]["uid"] == "aws-s3-bucket-public" && line["resources"][0]["uid"] == WEBSITE
    };
    let mut line = parsed.into_iter().find(is_own).unwrap();
    for name in ["requirements", "standards"] {
        assert!(line["compliance"].as_object_mut().unwrap().remove(name).is_some());
    }
    assert_golden("bucket.ocsf.json", &line);
}

#[test]
fn findings_keep_their_fingerprints_from_format_to_format_and_from_run_to_run() {
    let of_sarif = || -> BTreeSet<String> {
        let log = json(SAMPLE, "sarif");
        let results = rows(&log["runs"][0], "results").clone();
        results.iter().map(|result| result["fingerprints"]["skywarden/v1"].as_str().unwrap().to_owned()).collect()
    };
    let first = of_sarif();
    assert_eq!(first, of_sarif());
    let lines = scan(SAMPLE, "ocsf");
    let of_ocsf: BTreeSet<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["compliance"]["status"] != "Pass")
        .map(|line| line["finding_info"]["uid"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(first, of_ocsf);
}

#[test]
fn html_holds_every_assessment() {
    let report = json(SAMPLE, "json");
    let page = scan(SAMPLE, "html");
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    let text = |position: &Value| data["texts"][usize::try_from(position.as_u64().unwrap()).unwrap()].as_str().unwrap();
    let at = |list: &Value, position: usize| usize::try_from(list[position].as_u64().unwrap()).unwrap();
    let statuses = ["Unhealthy", "Unknown", "Healthy", "NotApplicable"];
    let assessments = &data["assessments"];
    assert_eq!(rows(assessments, "status").len(), rows(&report, "assessments").len());
    for (number, row) in rows(&report, "assessments").iter().enumerate() {
        let check = &data["checks"][at(&assessments["check"], number)];
        let resource = &data["resources"]["id"][at(&data["assessmentResource"], number)];
        assert_eq!(text(&check[0]), row["recommendation"]);
        assert_eq!(text(resource), row["resource"]);
        assert_eq!(statuses[at(&assessments["status"], number)], row["status"]);
        let evidence = rows(&data, "evidence")[at(&assessments["evidence"], number)].as_array().unwrap();
        assert_eq!(evidence.len(), 4 * row["evidence"].as_array().map_or(0, Vec::len), "{row}");
        if let Some(first) = evidence.first() {
            assert_eq!(text(first), row["evidence"][0]["field"]);
        }
    }
    let score = report["secureScore"]["percentage"].as_f64().unwrap() * 100.0;
    assert!(page.contains(&format!("Secure score {score:.1} %")), "the page lacks the score {score}");
}

#[test]
fn what_could_not_be_read_is_told_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let recording = SAMPLE.strip_prefix("replay:").unwrap();
    for entry in Path::new(recording).read_dir().unwrap() {
        let path = entry.unwrap().path();
        let mut lines = String::new();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let mut call: Value = serde_json::from_str(line).unwrap();
            if ["GetBucketPolicy", "DescribeVolumes"].iter().any(|refused| call["operation"] == *refused) {
                call["status"] = 403.into();
                call["body"] = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".into();
            }
            lines.push_str(&format!("{call}\n"));
        }
        std::fs::write(folder.path().join(path.file_name().unwrap()), lines).unwrap();
    }
    let source = format!("replay:{}", folder.path().display());
    let log = json(&source, "sarif");
    let run = &log["runs"][0];
    let notifications = run["invocations"][0]["toolExecutionNotifications"].to_string();
    let opened: Vec<&Value> = rows(run, "results").iter().filter(|result| result["kind"] == "open").collect();
    let warnings: Vec<Value> = scan(&source, "ocsf").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let page = scan(&source, "html");
    for permission in ["s3:GetBucketPolicy", "ec2:DescribeVolumes"] {
        assert!(notifications.contains(permission), "{notifications}");
        assert!(page.contains(&format!("missing permission {permission}")), "{permission}");
    }
    let permission = "s3:GetBucketPolicy";
    assert!(opened.iter().any(|result| result["message"]["text"].as_str().unwrap().contains(permission)));
    let is_told = |line: &Value| {
        line["compliance"]["status"] == "Warning" && line["compliance"]["status_details"].to_string().contains(permission)
    };
    assert!(warnings.iter().any(is_told));
    // No fingerprint changes because a verdict does.
    let fingerprints = |log: &Value| -> BTreeMap<String, String> {
        let results = rows(&log["runs"][0], "results");
        let key = |result: &Value| {
            format!("{} {}", result["ruleId"], result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"])
        };
        results.iter().map(|result| (key(result), result["fingerprints"].to_string())).collect()
    };
    let (before, after) = (fingerprints(&json(SAMPLE, "sarif")), fingerprints(&log));
    let n_same = after.iter().filter(|(key, fingerprint)| before.get(*key) == Some(*fingerprint)).count();
    let n_both = after.keys().filter(|key| before.contains_key(*key)).count();
    assert!(n_same == n_both && n_both > 100, "{n_same} of {n_both}");
}

fn assert_leaves_sum(standard: &Value) {
    fn walk(control: &Value, states: &mut BTreeMap<String, u64>) {
        match control["controls"].as_array() {
            Some(below) => below.iter().for_each(|control| walk(control, states)),
            None => *states.entry(control["state"].as_str().unwrap().to_owned()).or_default() += 1,
        }
    }
    let mut states = BTreeMap::new();
    rows(standard, "controls").iter().for_each(|control| walk(control, &mut states));
    let summary = &standard["summary"];
    for state in ["passed", "failed", "unknown", "manual", "notCovered", "notApplicable"] {
        assert_eq!(summary[state].as_u64().unwrap(), states.remove(state).unwrap_or_default(), "{state}");
    }
    assert!(states.is_empty(), "{states:?}");
    let (passed, failed) = (summary["passed"].as_f64().unwrap(), summary["failed"].as_f64().unwrap());
    assert!((summary["percentage"].as_f64().unwrap() - passed / (passed + failed)).abs() < 1e-9, "{summary}");
}

#[test]
fn a_standard_is_reported_from_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    printed(&["up", "--once", "--sample", "--data", data]);
    let report = |format| printed(&["report", "--standard", "cis-aws-5.0", "--format", format, "--data", data]);
    let standard: Value = serde_json::from_str(&report("json")).unwrap();
    assert_leaves_sum(&standard);
    let summary = &standard["summary"];
    for state in ["passed", "failed", "manual"] {
        assert!(summary[state].as_u64().unwrap() > 0, "{state}: {summary}");
    }
    // Root's access keys: a fact of the sample that no new content changes.
    let csv = report("csv");
    let row = csv.lines().find(|line| line.starts_with("control,cis-aws-5.0,1.3,")).unwrap();
    assert!(row.contains(",passed,") && row.ends_with(",1,0,0,0,,,,,,"), "{row}");
    assert!(csv.contains("aws-iam-root-access-key") || csv.contains("root"), "the checks behind a control are listed");
    let html = report("html");
    let share = summary["percentage"].as_f64().unwrap() * 100.0;
    assert!(html.contains(&format!("{share:.0} % passed")) && html.contains("script-src 'none'"), "{share}");
    assert!(!html.contains("<script"));
    let output = skywarden(&["report", "--standard", "nothing", "--data", data]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("`nothing`") && said.contains("cis-aws-5.0"), "{said}");
}

#[test]
fn a_scan_for_a_standard_judges_by_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    for (source, standard) in [(SAMPLE, "cis-aws-5.0"), ("host", "cis-debian-12")] {
        printed(&["scan", source, "--standard", standard, "--format", "json", "--out", file.to_str().unwrap()]);
        let report: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let judged: BTreeSet<&str> =
            rows(&report, "assessments").iter().map(|row| row["recommendation"].as_str().unwrap()).collect();
        let all = json(source, "json");
        assert!(!judged.is_empty() && rows(&report, "assessments").len() < rows(&all, "assessments").len() + 1);
        let log: Value = serde_json::from_str(&printed(&["scan", source, "--standard", standard, "--format", "sarif"])).unwrap();
        for rule in rows(&log["runs"][0]["tool"]["driver"], "rules") {
            assert!(rule["properties"]["compliance"][standard].is_array(), "{rule}");
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recompute_score.py");
        let output = Command::new("python3").arg(script).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let output = skywarden(&["scan", SAMPLE, "--standard", "nothing"]);
    assert!(output.status.code() == Some(1) && String::from_utf8_lossy(&output.stderr).contains("cis-aws-5.0"));
}

#[test]
fn shells_and_man_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man");
    printed(&["man", "--out", pages.to_str().unwrap()]);
    let page = printed(&["man"]);
    let commands = ["scan", "report", "connect", "exempt", "completions"];
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell]);
        assert!(commands.iter().all(|command| script.contains(command)) && script.contains("sarif"), "{shell}");
    }
    for command in commands {
        assert!(page.contains(&format!("skywarden\\-{command}(1)")), "{command}");
        assert!(pages.join(format!("skywarden-{command}.1")).is_file(), "{command}");
    }
    let script = folder.path().join("skywarden.bash");
    std::fs::write(&script, printed(&["completions", "bash"])).unwrap();
    assert!(Command::new("bash").arg("-n").arg(&script).status().unwrap().success());
}
