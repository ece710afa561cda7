//! What we write and know is held against what others publish: schemas, policies. It stands beside the checkout, not in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::{ocsf::Schema, process};

/// Problems shown of one source.
const MAX_SHOWN: usize = 10;

/// Runs every part of which the data is there, or one of them, and says of those without data that they were skipped.
pub(crate) fn run(part: Option<&str>, data: &Path) -> anyhow::Result<()> {
    let parts: [(&str, &str, Part); 7] = [
        ("ocsf", "ocsf-schema.tar.zst", ocsf),
        ("aws", "aws-managed-policies.tar.zst", managed_policies),
        ("policy", "azure-policy.tar.zst", azure_policies),
        ("agreement", "azure-policy.tar.zst", azure_agreement),
        ("recordings", "cloud-recordings.tar.zst", recorded_sessions),
        ("sigma", "sigma-rules.tar.zst", sigma_rules),
        ("threats", "../reference/alerts.tsv", documented_alerts),
    ];
    for (name, file, check) in parts {
        if part.is_none_or(|wanted| wanted == name)
            && let Some(archive) = archive(data, file)
        {
            check(&archive)?;
        }
    }
    if part.is_none_or(|wanted| wanted == "evtx") {
        event_logs(&process::root()?.join("target/evtx/real"))?;
    }
    if part == Some("speed")
        && let Some(archive) = archive(data, "sigma-rules.tar.zst")
    {
        speed_of_detection(&archive)?;
    }
    Ok(())
}

type Part = fn(&Path) -> anyhow::Result<()>;

fn archive(data: &Path, name: &str) -> Option<PathBuf> {
    let archive = data.join(name);
    if archive.is_file() {
        return Some(archive);
    }
    println!("SKIPPED, nothing was checked: {} is not there", archive.display());
    None
}

/// What AWS's own policies grant: as the content says, and as a person read in twenty of them.
fn managed_policies(archive: &Path) -> anyhow::Result<()> {
    let folder = unpacked(archive, "managed-policies")?.join("policies");
    let by_hand = process::root()?.join("tests/lab/managed-policies.tsv");
    let [folder, by_hand] = [&folder, &by_hand].map(|path| path.to_str().context("a path is no UTF-8"));
    let program = ["run", "--quiet", "--package", "skywarden-testkit", "--bin", "managed-policies", "--"];
    process::run("cargo", &[&program[..], &[folder?, "--by-hand", by_hand?]].concat())
}

/// Public Sigma rules: which load, and that a second engine finds the same or something else for a known reason.
fn sigma_rules(archive: &Path) -> anyhow::Result<()> {
    let (rules, recorded) = sigma_data(archive)?;
    let mut arguments = vec!["sigma-agreement", "--", "--differences", "conformance/sigma-differences.tsv", "--rules", &rules];
    arguments.extend(recorded.iter().flat_map(|recorded| ["--cloudtrail", recorded]));
    process::run("cargo", &[&OWN[..], &arguments].concat())
}

/// What looking at records costs, beside a second engine, and with how much memory by itself; and what the server's path does.
fn speed_of_detection(archive: &Path) -> anyhow::Result<()> {
    let (rules, recorded) = sigma_data(archive)?;
    let mut arguments = vec!["sigma-speed", "--", "--rules", &rules];
    arguments.extend(recorded.iter().flat_map(|recorded| ["--cloudtrail", recorded]));
    process::run("cargo", &[&OWN[..], &arguments].concat())?;
    process::run("cargo", &[&OWN[..], &arguments, &["--alone", "--seconds", "1"]].concat())?;
    process::run("cargo", &["run", "--release", "--quiet", "--package", "skywarden-bench", "--", "threats"])
}

const OWN: [&str; 6] = ["run", "--release", "--quiet", "--manifest-path", "conformance/Cargo.toml", "--bin"];

/// The folder of public rules, and that of recorded CloudTrail if it is there.
fn sigma_data(archive: &Path) -> anyhow::Result<(String, Option<String>)> {
    let text = |path: PathBuf| path.into_os_string().into_string().ok().context("a path is no UTF-8");
    let recorded = archive.with_file_name("cloudtrail-invictus.tar.zst");
    let recorded = if recorded.is_file() { Some(unpacked(&recorded, "cloudtrail-invictus")?.join("CloudTrail")) } else { None };
    Ok((text(unpacked(archive, "sigma-rules")?)?, recorded.map(text).transpose()?))
}

/// Which detection stands for each alert that Defender documents, or why none does.
fn documented_alerts(alerts: &Path) -> anyhow::Result<()> {
    let root = process::root()?;
    let incidents = alerts.with_file_name("incidents.tsv");
    let reasons = root.join("conformance/threats/not-detected.tsv");
    let table = root.join("target/conformance/alerts.md");
    if let Some(folder) = table.parent() {
        fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    }
    let paths = [alerts, &incidents, &reasons, &table].map(|path| path.to_str().context("a path is no UTF-8"));
    let [alerts, incidents, reasons, table] = paths;
    let program = ["run", "--quiet", "--package", "skywarden-testkit", "--bin", "alert-table", "--"];
    process::run("cargo", &[&program[..], &[alerts?, incidents?, reasons?, "--table", table?]].concat())
}

/// Event logs of our own writer, and real ones if a folder has some: that a second reader reads the same or something else for a known
/// reason. That reader is in a package of its own.
fn event_logs(real: &Path) -> anyhow::Result<()> {
    let mut arguments = vec!["run", "--release", "--quiet", "--locked", "--manifest-path", "conformance/evtx/Cargo.toml"];
    arguments.extend(["--target-dir", "conformance/target", "--"]);
    if real.is_dir() {
        arguments.push(real.to_str().context("a path is no UTF-8")?);
    } else {
        println!("evtx: there is no folder {}, so files of our own writer are read alone", real.display());
    }
    process::run("cargo", &arguments)
}

/// Azure's own policy definitions: that all load, why some are not evaluated, that some hold for other clouds when names are changed,
/// and that a second engine judges resources alike or for a known reason. That engine is in a workspace of its own.
fn azure_policies(archive: &Path) -> anyhow::Result<()> {
    let folder = unpacked(archive, "azure-policy")?;
    let cases = process::root()?.join("testkit/policies/elsewhere.yaml");
    let [folder, cases] = [&folder, &cases].map(|path| path.to_str().context("a path is no UTF-8"));
    let (folder, cases) = (folder?, cases?);
    let testkit = ["run", "--release", "--quiet", "--package", "skywarden-testkit", "--bin"];
    process::run("cargo", &[&testkit[..], &["azure-policies", "--", folder]].concat())?;
    process::run("cargo", &[&testkit[..], &["borrowed-policies", "--", folder, cases]].concat())?;
    let own =
        ["--release", "--quiet", "--locked", "--manifest-path", "conformance/Cargo.toml", "--target-dir", "conformance/target"];
    process::run("cargo", &[&["test"], &own[..]].concat())?;
    process::run("cargo", &[&["run"], &own[..], &["--bin", "policy-differential", "--", folder]].concat())
}

/// Our recommendations for Azure: that they say what built-in policies of the same substance say, or something else for a reason that is
/// told; and which of them stands for each that Defender documents.
fn azure_agreement(archive: &Path) -> anyhow::Result<()> {
    let folder = unpacked(archive, "azure-policy")?;
    let table = folder.with_file_name("azure-agreement.txt");
    let rows = archive.with_file_name("../reference/recommendations_azure.tsv");
    let [folder, table, rows] = [&folder, &table, &rows].map(|path| path.to_str().context("a path is no UTF-8"));
    let rows =
        ["azure-rows", "--", rows?, "conformance/azure-not-recommended.tsv", "--table", "docs/guide/azure-recommendations.md"];
    process::run("cargo", &[&OWN[..], &rows].concat())?;
    let agreement = ["azure-agreement", "--", folder?, "--differences", "conformance/azure-differences.tsv", "--table", table?];
    process::run("cargo", &[&OWN[..], &agreement].concat())
}

/// Recorded sessions of Azure Resource Manager: through collectors and rules, unknown only where they lack an answer.
fn recorded_sessions(archive: &Path) -> anyhow::Result<()> {
    let target = process::root()?.join("target/conformance");
    let folder = unpacked(archive, "recordings")?.join("tools/c7n_azure/tests_azure/cassettes");
    let table = target.join("recordings.tsv");
    let [folder, table] = [&folder, &table].map(|path| path.to_str().context("a path is no UTF-8"));
    let program = ["run", "--release", "--quiet", "--package", "skywarden-testkit", "--bin", "azure-recordings", "--"];
    process::run("cargo", &[&program[..], &[folder?, "--table", table?]].concat())
}

/// The archive's files in a folder of `target/`.
fn unpacked(archive: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = process::root()?.join("target/conformance").join(name);
    fs::create_dir_all(&folder).with_context(|| format!("could not create {}", folder.display()))?;
    let [from, to] = [archive, &folder].map(|path| path.to_str().context("a path is no UTF-8"));
    process::run("tar", &["--zstd", "-xf", from?, "-C", to?])?;
    Ok(folder)
}

/// Every line of `scan --format ocsf` over the sample and over this machine, against the schema of OCSF.
fn ocsf(archive: &Path) -> anyhow::Result<()> {
    let root = process::root()?;
    let folder = unpacked(archive, "ocsf-schema")?;
    let schema = Schema::load(&folder, "compliance_finding")?;
    let sample = root.join("testkit/estate/recording");
    let sample = format!("replay:{}", sample.to_str().context("the path of the checkout is no UTF-8")?);
    for source in [sample.as_str(), "host"] {
        let file = root.join("target/conformance/scan.ocsf");
        process::skywarden(&["scan", source, "--format", "ocsf", "--out", file.to_str().context("a path is no UTF-8")?])?;
        let text = fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
        let mut lines = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line: Value = serde_json::from_str(line).with_context(|| format!("line {} is no JSON", number + 1))?;
            lines.push(line);
        }
        let first = lines.first().with_context(|| format!("the scan of {source} wrote no line"))?;
        notices_what_is_wrong(&schema, first)?;
        report(&schema, source, &lines)?;
    }
    Ok(())
}

fn report(schema: &Schema, source: &str, lines: &[Value]) -> anyhow::Result<()> {
    let mut n_problems = 0;
    for (number, line) in lines.iter().enumerate() {
        for problem in schema.problems(line) {
            n_problems += 1;
            if n_problems <= MAX_SHOWN {
                println!("line {}: {problem}", number + 1);
            }
        }
    }
    if n_problems > 0 {
        bail!("ocsf: {n_problems} problems in {} lines of {source}", lines.len());
    }
    println!("ocsf: {} lines of {source} fit {} of OCSF {}", lines.len(), schema.class(), schema.version());
    Ok(())
}

/// A validator that lets everything pass would make the rest worthless.
fn notices_what_is_wrong(schema: &Schema, line: &Value) -> anyhow::Result<()> {
    let changes: [(&str, Value); 9] = [
        ("/finding_info", Value::Null),
        ("/severity_id", json!(42)),
        ("/time", json!("yesterday")),
        ("/type_uid", json!(200_302)),
        ("/compliance/status", json!("Splendid")),
        ("/resources", json!({})),
        ("/metadata/product", json!({})),
        ("/metadata/version", json!(1.9)),
        ("/compliance/checks/0", json!({ "colour": "red" })),
    ];
    for (place, value) in changes {
        let mut changed = line.clone();
        let target = changed.pointer_mut(place).with_context(|| format!("the line has no {place}"))?;
        *target = value;
        if schema.problems(&changed).is_empty() {
            bail!("the validator did not notice that {place} is wrong");
        }
    }
    Ok(())
}
