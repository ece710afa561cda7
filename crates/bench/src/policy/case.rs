//! Five policies on one resource, from the text of the resource to verdicts with evidence.

use std::hint::black_box;

use anyhow::Context as _;
use serde_json::Value;
use skywarden_policy::{Bound, Definition, NoNeighbours, Panel, Verdict, requested_one};
use skywarden_rule::{Input, Parameters};

use crate::{
    measure::{median, timed},
    policy::RUNS,
};

const RESOURCE: &str = include_str!("../../cases/policy/resource.json");

const POLICIES: [&str; 5] = [
    include_str!("../../cases/policy/allowed-locations.json"),
    include_str!("../../cases/policy/secure-transfer.json"),
    include_str!("../../cases/policy/closed-network.json"),
    include_str!("../../cases/policy/required-tags.json"),
    include_str!("../../cases/policy/name-pattern.json"),
];

/// Times that the resource is read and judged in one run.
const ROUNDS: usize = 200_000;

/// Prints how many times a second one policy is evaluated on one resource, where the resource's text is parsed once for all five.
pub(crate) fn five_policies() -> anyhow::Result<()> {
    let mut definitions = Vec::with_capacity(POLICIES.len());
    for text in POLICIES {
        let document: Value = serde_json::from_str(text).context("a policy of the case is no JSON")?;
        definitions.push(Definition::parse(&document).map_err(|errors| anyhow::anyhow!("{errors:?}"))?);
    }
    let none = Parameters::new();
    let mut bound = Vec::with_capacity(definitions.len());
    for definition in &definitions {
        bound.push(definition.bind(&none).map_err(|errors| anyhow::anyhow!("{errors:?}"))?);
    }
    let panel = Panel::new(bound.clone());
    for (policy, verdict) in definitions.iter().zip(judged(&panel)?) {
        let evidence = verdict.evidence.iter().map(|own| format!("{} {} ({:?})", own.field, own.expected, own.actual));
        println!("{}: {:?}, {}", policy.name, verdict.state, evidence.collect::<Vec<_>>().join("; "));
    }
    let (mut rates, mut readings) = (Vec::with_capacity(RUNS), Vec::with_capacity(RUNS));
    for _ in 0..RUNS {
        let ((), cpu, _) = timed(|| {
            for _ in 0..ROUNDS {
                drop(black_box(requested_one(black_box(RESOURCE))));
            }
        });
        readings.push(cpu / ROUNDS as f64);
        let (outcome, cpu, _) = timed(|| {
            for _ in 0..ROUNDS {
                black_box(judged(black_box(&panel))?);
            }
            anyhow::Ok(())
        });
        outcome?;
        rates.push((ROUNDS * bound.len()) as f64 / cpu);
    }
    println!(
        "five policies on one resource of {} bytes: {:.0} evaluations a second of CPU (one parse for five; {})",
        RESOURCE.len(),
        median(rates.clone()),
        rates.iter().map(|rate| format!("{rate:.0}")).collect::<Vec<_>>().join(", ")
    );
    println!(
        "  {:.2} us for all five, which read no more than they ask for; reading and dropping the whole resource takes {:.2} us",
        POLICIES.len() as f64 * 1e6 / median(rates),
        median(readings) * 1e6
    );
    alone(&bound)
}

/// What each policy takes by itself on a resource that has been read.
fn alone(bound: &[Bound<'_>]) -> anyhow::Result<()> {
    let resource = read()?;
    let none = Parameters::new();
    let now = skywarden_model::Timestamp::UNIX_EPOCH;
    let input = Input { resource: &resource, facts: None, parameters: &none, around: None, now };
    for bound in bound {
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let ((), cpu, _) = timed(|| {
                for _ in 0..ROUNDS {
                    black_box(bound.judge(black_box(&input), &NoNeighbours));
                }
            });
            times.push(cpu / ROUNDS as f64);
        }
        println!("  {:.0} ns {}", median(times) * 1e9, bound.definition.name);
    }
    Ok(())
}

fn read() -> anyhow::Result<skywarden_model::Resource> {
    requested_one(RESOURCE).map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

fn judged(panel: &Panel<'_>) -> anyhow::Result<Vec<Verdict>> {
    let judged = panel.judge(RESOURCE, None, skywarden_model::Timestamp::UNIX_EPOCH, &NoNeighbours);
    judged.map_err(|errors| anyhow::anyhow!("{errors:?}"))
}
