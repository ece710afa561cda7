//! Which detection stands for each alert that Defender documents, with its samples, or why no log shows it.
//!
//! `cargo run -p skywarden-testkit --bin alert-table -- ALERTS INCIDENTS NOT_DETECTED [--table FILE]`
//!
//! ALERTS and INCIDENTS are the tables of the reference, NOT_DETECTED is `conformance/threats/not-detected.tsv`. Prints counts by plan,
//! `--table` writes each row as Markdown. Fails where a row has neither a detection nor a reason or has both, where a severity differs
//! from the documented one, where a detection or a kind of incident names a row that is not there, and where one lacks a sample.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use skywarden_content::{AlertLevel, Catalog, Detection, TestKind};

/// The plans of the reference's alerts, and of ours.
const PLANS: [(&str, &str); 16] = [
    ("AI", "AI"),
    ("APIs", "Api"),
    ("AppService", "AppServices"),
    ("Containers", "Containers"),
    ("CosmosDB", "CosmosDbs"),
    ("DDoS", "VirtualMachines"),
    ("DNS", "Dns"),
    ("KeyVault", "KeyVaults"),
    ("NetworkLayer", "VirtualMachines"),
    ("OpenSourceDB", "OpenSourceRelationalDatabases"),
    ("ResourceManager", "Arm"),
    ("SQL", "SqlServers"),
    ("Servers-Linux", "VirtualMachines"),
    ("Servers-VM-extensions", "VirtualMachines"),
    ("Servers-Windows", "VirtualMachines"),
    ("Storage", "StorageAccounts"),
];

/// A documented alert.
struct Row {
    plan: String,
    /// As they are written: `-` for none.
    id: String,
    ids: Vec<String>,
    name: String,
    severity: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut path = || arguments.next().map(PathBuf::from).ok_or("ALERTS INCIDENTS NOT_DETECTED [--table FILE]");
    let (alerts, incidents, reasons) = (path()?, path()?, path()?);
    let table = match path().ok() {
        Some(flag) if flag == Path::new("--table") => Some(path()?),
        _ => None,
    };
    let catalog = Catalog::embedded_with_tests().map_err(|problems| format!("the content can't be used: {problems:?}"))?;
    let rows = read_rows(&alerts)?;
    let reasons = read_reasons(&reasons)?;
    let mut problems = Vec::new();
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut text =
        "| plan | alert | severity | detections | attack, near miss, benign samples | why not |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for row in &rows {
        let found = detections(&catalog, row);
        let reason = reasons.get(&[row.plan.clone(), row.id.clone(), row.name.clone()]).map_or("", String::as_str);
        match (found.is_empty(), reason.is_empty()) {
            (true, true) => problems.push(format!("{}: `{}` has neither a detection nor a reason", row.plan, row.name)),
            (false, false) => {
                problems.push(format!("{}: `{}` has a detection and a reason why there is none", row.plan, row.name))
            }
            _ => {}
        }
        for detection in &found {
            problems.extend(wrong(row, detection));
        }
        let [detected, missing] = counts.entry(row.plan.as_str()).or_default();
        *(if found.is_empty() { missing } else { detected }) += 1;
        let names: Vec<String> = found.iter().map(|own| format!("`{}`", own.file.name)).collect();
        let samples = if found.is_empty() { String::new() } else { samples(&found).map(|n| n.to_string()).join(", ") };
        writeln!(
            text,
            "| {} | {} | {} | {} | {samples} | {reason} |",
            row.plan,
            escaped(&row.name),
            row.severity,
            names.join(", ")
        )?;
    }
    problems.extend(unknown_names(&catalog, &rows));
    let n_incidents = check_incidents(&catalog, &incidents, &mut problems)?;
    println!("{:24} {:>8} {:>8}", "plan", "detected", "no log");
    for (plan, [detected, missing]) in &counts {
        println!("{plan:24} {detected:8} {missing:8}");
    }
    let [detected, missing] = counts.values().fold([0, 0], |sum, own| [sum[0] + own[0], sum[1] + own[1]]);
    println!("{:24} {detected:8} {missing:8}", format!("{} rows", rows.len()));
    println!("{n_incidents} kinds of incidents of the reference are there");
    if let Some(table) = table {
        fs::write(&table, text)?;
        println!("written: {}", table.display());
    }
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() { Ok(()) } else { Err(format!("{} problems", problems.len()).into()) }
}

/// The detections that stand for a row: by its name, else by its ids; those of its own plan if any are.
fn detections<'c>(catalog: &'c Catalog, row: &Row) -> Vec<&'c Detection> {
    let all = || catalog.detections.values();
    let plan = plan_of(row);
    let mut found: Vec<&Detection> = all().filter(|own| own.file.skywarden.covers.contains(&row.name)).collect();
    // Rows of several plans have one name; ids tell them apart.
    let by_id = |own: &&Detection| row.ids.iter().any(|id| own.file.skywarden.alert.contains(id));
    if found.iter().any(|own| by_id(own) && own.plan == plan) {
        found.retain(|own| by_id(own) || own.plan == plan);
    }
    if found.is_empty() {
        found = all().filter(by_id).collect();
    }
    if found.iter().any(|own| own.plan == plan) {
        found.retain(|own| own.plan == plan);
    }
    found
}

/// Our plan of a row.
fn plan_of(row: &Row) -> &'static str {
    PLANS.iter().find(|(theirs, _)| *theirs == row.plan).map_or("", |(_, ours)| ours)
}

/// What is wrong with a detection that stands for a row.
fn wrong(row: &Row, detection: &Detection) -> Vec<String> {
    let name = &detection.file.name;
    let mut problems = Vec::new();
    for (kind, n) in [TestKind::Attack, TestKind::NearMiss, TestKind::Benign].into_iter().zip(samples(&[detection])) {
        if n == 0 {
            problems.push(format!("{name} has no sample of the kind {kind:?}"));
        }
    }
    let documented: Vec<&str> = row.severity.split(|letter: char| !letter.is_alphabetic()).collect();
    let level = match detection.file.level {
        AlertLevel::Informational => "Informational",
        AlertLevel::Low => "Low",
        AlertLevel::Medium => "Medium",
        AlertLevel::High | AlertLevel::Critical => "High",
    };
    // What stands for rows of several plans has the severity of its own.
    if plan_of(row) == detection.plan && row.severity != "-" && !documented.contains(&level) {
        problems.push(format!("{name} is {level}, and `{}` of {} is {}", row.name, row.plan, row.severity));
    }
    problems
}

/// How many samples there are of attacks, near misses and everyday events.
fn samples(detections: &[&Detection]) -> [usize; 3] {
    let tests = || detections.iter().flat_map(|own| &own.file.skywarden.tests);
    [TestKind::Attack, TestKind::NearMiss, TestKind::Benign].map(|kind| tests().filter(|test| test.kind == kind).count())
}

/// Names of rows that detections have and the reference has not.
fn unknown_names(catalog: &Catalog, rows: &[Row]) -> Vec<String> {
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let ids: BTreeSet<&str> = rows.iter().flat_map(|row| &row.ids).map(String::as_str).collect();
    let mut problems = Vec::new();
    for detection in catalog.detections.values() {
        let part = &detection.file.skywarden;
        let unknown = part.covers.iter().filter(|name| !names.contains(name.as_str()));
        let unknown = unknown.chain(part.alert.iter().filter(|id| !ids.contains(id.as_str())));
        problems.extend(unknown.map(|name| format!("{}: the reference has no `{name}`", detection.file.name)));
    }
    problems
}

/// That each kind of incident of the reference is there once. How many.
fn check_incidents(catalog: &Catalog, path: &Path, problems: &mut Vec<String>) -> Result<usize, Box<dyn std::error::Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let names: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    let own: Vec<&str> = catalog.incidents.values().filter_map(|kind| kind.reference.as_deref()).collect();
    for name in &names {
        let n = own.iter().filter(|own| *own == name).count();
        if n != 1 {
            problems.push(format!("`{name}` is {n} kinds of incidents"));
        }
    }
    let unknown = own.iter().filter(|own| !names.contains(own));
    problems.extend(unknown.map(|own| format!("the reference has no incident `{own}`")));
    Ok(names.len())
}

fn read_rows(path: &Path) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut rows = Vec::new();
    for (line, number) in text.lines().zip(1..).skip(1) {
        let [plan, id, name, _, severity, ..] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("{}:{number}: it has fewer than five columns", path.display()).into());
        };
        let ids = id.split(',').map(str::trim).filter(|id| *id != "-").map(str::to_owned).collect();
        rows.push(Row { plan: plan.to_owned(), id: id.to_owned(), ids, name: name.to_owned(), severity: severity.to_owned() });
    }
    Ok(rows)
}

/// Why rows have no detection, by plan, ids and name.
fn read_reasons(path: &Path) -> Result<BTreeMap<[String; 3], String>, Box<dyn std::error::Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut reasons = BTreeMap::new();
    for (line, number) in text.lines().zip(1..).skip(1) {
        let [plan, id, name, why] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("{}:{number}: it has other than four columns", path.display()).into());
        };
        if reasons.insert([plan, id, name].map(str::to_owned), why.to_owned()).is_some() {
            return Err(format!("{}:{number}: this row is there twice", path.display()).into());
        }
    }
    Ok(reasons)
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
