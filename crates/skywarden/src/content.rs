use std::path::Path;

use skywarden_content::{Catalog, FieldType};

use crate::{
    Ending,
    arguments::Content,
    output::{new_table, text_for_terminal},
};

/// The built-in content with the user's folder over it; what is wrong in the folder is printed and skipped.
pub(crate) fn catalog(overlay: Option<&Path>) -> anyhow::Result<Catalog> {
    laid_over(told(Catalog::embedded())?, overlay)
}

/// The same with log sources, detections and kinds of incidents.
pub(crate) fn catalog_with_threats(overlay: Option<&Path>) -> anyhow::Result<Catalog> {
    laid_over(told(Catalog::embedded_with_threats())?, overlay)
}

/// The same with the tests inside the files, linted.
fn catalog_with_tests(overlay: Option<&Path>) -> anyhow::Result<Catalog> {
    laid_over(told(Catalog::embedded_with_tests())?, overlay)
}

fn laid_over(embedded: Catalog, overlay: Option<&Path>) -> anyhow::Result<Catalog> {
    let Some(folder) = overlay else { return Ok(embedded) };
    anyhow::ensure!(folder.is_dir(), "the content folder {} does not exist or is no folder", folder.display());
    let (catalog, problems) = embedded.with_overlay(folder);
    for problem in problems {
        eprintln!("skipped {problem}");
    }
    Ok(catalog)
}

fn told(embedded: Result<Catalog, Vec<skywarden_content::Problem>>) -> anyhow::Result<Catalog> {
    embedded.map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the built-in content is faulty, so nothing can be judged by it:\n{}", lines.join("\n"))
    })
}

/// `skywarden content ...`.
pub(crate) fn run(command: &Content, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    match command {
        Content::Lint { folder: Some(folder) } => {
            anyhow::ensure!(folder.is_dir(), "the content folder {} does not exist or is no folder", folder.display());
            let (catalog, problems) = Catalog::load(folder);
            report_lint(&catalog, &problems)
        }
        Content::Lint { folder: None } => {
            let (catalog, problems) = match overlay {
                Some(folder) => told(Catalog::embedded_with_tests())?.with_overlay(folder),
                None => (told(Catalog::embedded_with_tests())?, Vec::new()),
            };
            report_lint(&catalog, &problems)
        }
        Content::Test { about } => {
            let mut catalog = catalog_with_tests(overlay)?;
            if let Some(about) = about {
                keep_tests(&mut catalog, &about.to_lowercase());
            }
            test(&catalog)
        }
        Content::List => list(&catalog_with_threats(overlay)?),
        Content::Show { id } => show(&catalog_with_threats(overlay)?, id),
        Content::Docs { out } => crate::content_docs::write(&catalog_with_threats(overlay)?, out),
    }
}

fn report_lint(catalog: &Catalog, problems: &[skywarden_content::Problem]) -> anyhow::Result<Ending> {
    for problem in problems {
        eprintln!("{problem}");
        if let Some(help) = &problem.help {
            eprintln!("    help: {help}");
        }
    }
    let n_rules: usize = catalog.baselines.values().map(|rules| rules.len()).sum();
    println!(
        "{} recommendations, {n_rules} baseline rules, {} detections, {} kinds of incidents, {} log sources, {} collectors, {} standards, {} plans, {} facts, {} risk factors: \
         {} problems",
        catalog.recommendations.len(),
        catalog.detections.len(),
        catalog.incidents.len(),
        catalog.log_sources.len(),
        catalog.collectors.len(),
        catalog.standards.len(),
        catalog.plans.len(),
        catalog.facts.len(),
        catalog.risk_factors.len(),
        problems.len()
    );
    Ok(if problems.is_empty() { Ending::Done } else { Ending::Failed })
}

/// Leaves out the tests of files that have a text neither in their id or name nor in their type.
fn keep_tests(catalog: &mut Catalog, about: &str) {
    let is_about = |names: &[&str]| names.iter().any(|name| name.to_lowercase().contains(about));
    catalog.recommendations.retain(|id, known| is_about(&[id, &known.file.type_name]));
    for rules in catalog.baselines.values_mut() {
        rules.retain(|id, _| is_about(&[id]));
    }
    // The others are needed by those that stay.
    for collector in catalog.collectors.values_mut().filter(|collector| !is_about(&[&collector.type_name])) {
        collector.tests.clear();
    }
    for source in catalog.log_sources.values_mut().filter(|source| !is_about(&[&source.id])) {
        source.tests.clear();
    }
    for (_, detection) in catalog.detections.iter_mut().filter(|(name, _)| !is_about(&[name])) {
        detection.file.skywarden.tests.clear();
    }
    for kind in catalog.incidents.values_mut().filter(|kind| !is_about(&[&kind.id])) {
        kind.tests.clear();
    }
}

fn test(catalog: &Catalog) -> anyhow::Result<Ending> {
    let report = skywarden_content::run_tests(catalog);
    for failure in &report.failures {
        eprintln!("{failure}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let specs = runtime.block_on(skywarden_collect::run_spec_tests(catalog));
    for failure in &specs.failures {
        eprintln!("{failure}");
    }
    let threats = skywarden_detect::run_tests(catalog);
    for failure in &threats.failures {
        eprintln!("{failure}");
    }
    for alert in &threats.elsewhere {
        eprintln!("everyday events: {alert}");
    }
    let n_failed = report.failures.len() + specs.failures.len() + threats.failures.len() + threats.elsewhere.len();
    println!("{} passed, {n_failed} failed", report.n_passed + specs.n_passed + threats.n_passed);
    Ok(if n_failed == 0 { Ending::Done } else { Ending::Failed })
}

fn list(catalog: &Catalog) -> anyhow::Result<Ending> {
    let mut table = new_table(&["Severity", "Type", "Id", "Title"]);
    for recommendation in catalog.recommendations.values() {
        let file = &recommendation.file;
        table.add_row([file.severity.to_string(), file.type_name.clone(), file.id.clone(), file.title.clone()]);
    }
    println!("{table}");
    for (platform, rules) in &catalog.baselines {
        let mut table = new_table(&["Severity", "Baseline", "Id", "Title"]);
        for rule in rules.values() {
            table.add_row([rule.file.severity.to_string(), platform.clone(), rule.file.id.clone(), rule.file.title.clone()]);
        }
        println!("{table}");
    }
    let mut table = new_table(&["Standard", "Title"]);
    for standard in catalog.standards.values() {
        table.add_row([&standard.id, &standard.title]);
    }
    println!("{table}");
    let mut table = new_table(&["Severity", "Plan", "Detection", "Title"]);
    for detection in catalog.detections.values() {
        let severity = skywarden_detect::defender::severity_text(detection.file.level).to_owned();
        table.add_row([severity, detection.plan.clone(), detection.file.name.clone(), detection.file.title.clone()]);
    }
    println!("{table}");
    let mut table = new_table(&["Kind of incident", "Title"]);
    for kind in catalog.incidents.values() {
        table.add_row([&kind.id, &kind.title]);
    }
    println!("{table}");
    let mut table = new_table(&["Log source", "Title"]);
    for source in catalog.log_sources.values() {
        table.add_row([&source.id, &source.title]);
    }
    println!("{table}");
    let mut table = new_table(&["Risk factor", "Title"]);
    for factor in catalog.risk_factors.values() {
        table.add_row([&factor.file.id, &factor.file.title]);
    }
    println!("{table}");
    let mut table = new_table(&["Resource type", "What it is"]);
    for collector in catalog.collectors.values() {
        table.add_row([&collector.type_name, &collector.description]);
    }
    println!("{table}");
    Ok(Ending::Done)
}

fn show(catalog: &Catalog, id: &str) -> anyhow::Result<Ending> {
    let current = catalog.current_ids(id);
    if let [first, ..] = current.as_slice()
        && first.as_ref() != id
    {
        eprintln!("`{id}` is a former id of {}", current.join(", "));
    }
    let id = current.first().map_or(id, AsRef::as_ref);
    if let Some(recommendation) = catalog.recommendations.get(id) {
        println!("{}", serde_json::to_string_pretty(&recommendation.file)?);
        return Ok(Ending::Done);
    }
    if let Some(rule) = catalog.baselines.values().find_map(|rules| rules.get(id)) {
        println!("{}", serde_json::to_string_pretty(&rule.file)?);
        return Ok(Ending::Done);
    }
    if let Some(standard) = catalog.standards.get(id) {
        println!("{}", serde_json::to_string_pretty(standard)?);
        return Ok(Ending::Done);
    }
    if let Some(collector) = catalog.collectors.values().find(|collector| collector.type_name.eq_ignore_ascii_case(id)) {
        println!("{}: {}", collector.type_name, collector.description);
        for (name, field) in &collector.fields {
            print_field(&format!("properties.{name}"), field);
        }
        for fact in catalog.facts.values().filter(|fact| fact.types.contains(&collector.type_name)) {
            for (name, field) in &fact.fields {
                print_field(&format!("facts.{}.{name}", fact.id), field);
            }
        }
        return Ok(Ending::Done);
    }
    if let Some(factor) = catalog.risk_factors.get(id) {
        println!("{}", serde_json::to_string_pretty(&factor.file)?);
        return Ok(Ending::Done);
    }
    if let Some(detection) = catalog.detections.get(id) {
        println!("{}", serde_json::to_string_pretty(&detection.file)?);
        return Ok(Ending::Done);
    }
    if let Some(kind) = catalog.incidents.get(id) {
        println!("{}", serde_json::to_string_pretty(kind)?);
        return Ok(Ending::Done);
    }
    if let Some(source) = catalog.log_sources.get(id) {
        println!("{}", serde_json::to_string_pretty(source)?);
        return Ok(Ending::Done);
    }
    anyhow::bail!(
        "there is no recommendation, baseline rule, standard, risk factor, detection, kind of incident, log source or resource type `{}`; `skywarden content list` shows all",
        text_for_terminal(id, 100)
    )
}

fn print_field(path: &str, field: &FieldType) {
    match field {
        FieldType::Scalar(scalar) => println!("  {path}: {}", format!("{scalar:?}").to_lowercase()),
        FieldType::List(element) => {
            for element in element {
                print_field(&format!("{path}[*]"), element);
            }
        }
        FieldType::Object(members) => {
            for (name, member) in members {
                let name = if name == "*" { "KEY" } else { name };
                print_field(&format!("{path}.{name}"), member);
            }
        }
    }
}
