//! Azure's published policy definitions and initiatives: reads a folder of them, one JSON file each, and says how many can be
//! evaluated.
//!
//! `cargo run --release -p skywarden-testkit --bin azure-policies -- FOLDER`
//!
//! Prints how many were loaded, which are not evaluated and why, which were refused and why, and what loading and judging one
//! resource by all of them takes. Fails if a definition is refused; one initiative is, for defaults of another type than it declares.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use anyhow::Context as _;
use serde_json::Value;
use skywarden_model::Timestamp;
use skywarden_policy::{Bound, Definition, Initiative, NoNeighbours, State};
use skywarden_rule::{Input, Parameters};
use skywarden_testkit::published::{account, paths};

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).context("name the folder of definitions")?;
    let mut documents = Vec::new();
    let mut n_bytes = 0;
    for path in paths(Path::new(&folder))? {
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        n_bytes += text.len();
        documents.push((path, text));
    }
    let begin = Instant::now();
    let mut parsed = Vec::with_capacity(documents.len());
    let mut sets = Vec::new();
    for (path, text) in &documents {
        let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .with_context(|| format!("{} is no JSON", path.display()))?;
        if document.pointer("/properties/policyRule").is_some() {
            parsed.push((path, document));
        } else {
            sets.push((path, document));
        }
    }
    println!("{} definitions, {n_bytes} bytes of JSON read in {:.0} ms", parsed.len(), milliseconds(begin));

    let begin = Instant::now();
    let mut definitions = Vec::with_capacity(parsed.len());
    let mut refused = Vec::new();
    for (path, document) in &parsed {
        match Definition::parse(document) {
            Ok(definition) => definitions.push(definition),
            Err(errors) => refused.extend(errors.into_iter().map(|error| (path, error))),
        }
    }
    println!("loaded: {} in {:.0} ms", definitions.len(), milliseconds(begin));
    let mut elsewhere: BTreeMap<String, usize> = BTreeMap::new();
    for definition in &definitions {
        if let Some(found) = &definition.elsewhere {
            *elsewhere.entry(found.reason.to_string()).or_default() += 1;
        }
    }
    let n_refused = refused.len();
    let mut n_members = 0;
    let mut n_sets = 0;
    for (path, document) in &sets {
        match Initiative::parse(document) {
            Ok(initiative) => {
                n_sets += 1;
                n_members += initiative.members.len();
            }
            Err(errors) => refused.extend(errors.into_iter().map(|error| (path, error))),
        }
    }
    println!("initiatives: {n_sets} of {} with {n_members} definitions in them", sets.len());
    println!("evaluated: {}", definitions.iter().filter(|definition| definition.elsewhere.is_none()).count());
    println!("not evaluated, since:");
    for (reason, number) in elsewhere {
        println!("{number:>6} {reason}");
    }
    println!("refused: {}", refused.len());
    for (path, error) in &refused {
        println!("  {}{}: {}", path.display(), error.pointer, error.message);
    }
    judge(&definitions)?;
    anyhow::ensure!(n_refused == 0, "Azure's own definitions must load");
    Ok(())
}

/// Judges one storage account by every definition that needs no parameter.
fn judge(definitions: &[Definition]) -> anyhow::Result<()> {
    let none = Parameters::new();
    let bound: Vec<Bound<'_>> = definitions.iter().filter_map(|definition| definition.bind(&none).ok()).collect();
    let resource = account();
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().context("the instant")?;
    let input = Input { resource: &resource, facts: None, parameters: &none, around: None, now };
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..3 {
        let begin = Instant::now();
        let verdicts: Vec<State> = bound.iter().map(|definition| definition.judge(&input, &NoNeighbours).state).collect();
        println!("one resource by {} definitions without a filter of types: {:.2} ms", bound.len(), milliseconds(begin));
        states = BTreeMap::new();
        for state in verdicts {
            *states.entry(name(&state)).or_default() += 1;
        }
    }
    for (state, number) in states {
        println!("{number:>6} {state}");
    }
    println!("{} need a parameter and were left out", definitions.len() - bound.len());
    Ok(())
}

fn name(state: &State) -> &'static str {
    match state {
        State::Compliant => "compliant",
        State::NonCompliant => "non-compliant",
        State::NotApplicable => "not applicable",
        State::Protected => "protected",
        State::Manual(_) => "manual",
        State::Unknown => "unknown",
        State::Disabled => "disabled",
        State::NotEvaluated(_) => "not evaluated",
    }
}

fn milliseconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}
