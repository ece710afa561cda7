//! Azure's own definitions: reading all of them, and judging one resource by all of them.

use std::{hint::black_box, path::Path};

use serde_json::Value;
use skywarden_model::Timestamp;
use skywarden_policy::{Definition, NoNeighbours};
use skywarden_rule::{Input, Parameters};
use skywarden_testkit::published::{account, document, paths};

use crate::{
    measure::{median, timed},
    policy::RUNS,
};

/// Prints what the cases about Azure's definitions take.
pub(crate) fn costs(folder: &Path) -> anyhow::Result<()> {
    let documents = paths(folder)?.iter().map(|path| document(path)).collect::<anyhow::Result<Vec<Value>>>()?;
    let (rules, _): (Vec<&Value>, Vec<&Value>) =
        documents.iter().partition(|document| document.pointer("/properties/policyRule").is_some());
    let mut times = Vec::with_capacity(RUNS);
    let mut definitions = Vec::new();
    for _ in 0..RUNS {
        let (parsed, cpu, _) = timed(|| rules.iter().map(|document| Definition::parse(document)).collect::<Result<Vec<_>, _>>());
        definitions = parsed.map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        times.push(cpu);
    }
    println!("{} definitions compiled: {:.3} s CPU", definitions.len(), median(times));
    all_on_one(&definitions)
}

fn all_on_one(definitions: &[Definition]) -> anyhow::Result<()> {
    const ROUNDS: usize = 20;
    let none = Parameters::new();
    let bound: Vec<_> = definitions.iter().filter_map(|definition| definition.bind(&none).ok()).collect();
    let resource = account();
    let now = Timestamp::UNIX_EPOCH;
    let input = Input { resource: &resource, facts: None, parameters: &none, around: None, now };
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let ((), cpu, _) = timed(|| {
            for _ in 0..ROUNDS {
                for bound in &bound {
                    black_box(bound.judge(&input, &NoNeighbours));
                }
            }
        });
        times.push(cpu / ROUNDS as f64);
    }
    println!("one resource by {} definitions without a filter of types: {:.3} ms CPU", bound.len(), median(times) * 1e3);
    Ok(())
}
