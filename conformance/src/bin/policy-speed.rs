//! What one evaluation costs, ours and of `regorus`: five policies on one storage account, from the account's JSON to five verdicts.
//!
//! `policy-speed [--seconds N]`
//!
//! An evaluation is one policy on one resource; the JSON is read once for five. Ours gives verdict and evidence, regorus the verdict.
//! Both run by turns on one core and are measured by the processor time of the process.

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;
use skywarden_conformance::{
    aliases,
    pair::World,
    processor::{processor_time, stay_on_one_core},
    theirs::{Compiled, Theirs, value},
};
use skywarden_policy::{Bound, Definition, NoNeighbours, State, requested_one};
use skywarden_rule::{Input, Parameters};

// The product's own, for both engines.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const RESOURCE: &str = include_str!("../../../crates/bench/cases/policy/resource.json");
const POLICIES: [(&str, &str); 5] = [
    ("allowed-locations", include_str!("../../../crates/bench/cases/policy/allowed-locations.json")),
    ("secure-transfer", include_str!("../../../crates/bench/cases/policy/secure-transfer.json")),
    ("closed-network", include_str!("../../../crates/bench/cases/policy/closed-network.json")),
    ("required-tags", include_str!("../../../crates/bench/cases/policy/required-tags.json")),
    ("name-pattern", include_str!("../../../crates/bench/cases/policy/name-pattern.json")),
];

/// Resources that one engine judges before it is the other's turn.
const TURN: u32 = 2_000;

/// Our aims: evaluations per second of processor time, and how many times those of regorus.
const AIM: f64 = 1.2e6;
const AIM_RATIO: f64 = 8.0;

#[derive(Parser)]
#[command(about = "What one evaluation costs: ours, and of regorus")]
struct Arguments {
    /// Seconds of processor time that each engine gets.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    stay_on_one_core()?;

    let documents: Vec<Value> = POLICIES
        .iter()
        .map(|(name, text)| serde_json::from_str(text).with_context(|| format!("{name} is no JSON")))
        .collect::<Result<_, _>>()?;
    let definitions: Vec<Definition> = documents
        .iter()
        .map(|document| Definition::parse(document).map_err(|errors| anyhow::anyhow!("{errors:?}")))
        .collect::<Result<_, _>>()?;
    let none = Parameters::new();
    let bound: Vec<Bound<'_>> = definitions
        .iter()
        .map(|definition| definition.bind(&none).map_err(|errors| anyhow::anyhow!("{errors:?}")))
        .collect::<Result<_, _>>()?;
    let world = World::new()?;

    let theirs = Theirs::new(&aliases::catalogue(&documents.iter().flat_map(aliases::named).collect()))?;
    let mut compiled = Vec::with_capacity(documents.len());
    for (document, bound) in documents.iter().zip(&bound) {
        let values = bound.parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        compiled.push((theirs.compile(document)?, value(&Value::Object(values))?));
    }

    let text = RESOURCE.trim_end();
    let (own, other) = (ours(text, &bound, &world)?, regorus(text, &theirs, &mut compiled)?);
    anyhow::ensure!(own.fires == other.fires, "the engines disagree: ours {:?}, regorus {:?}", own.fires, other.fires);
    anyhow::ensure!(own.n_evidence > 0, "ours gave no evidence");
    println!(
        "{} bytes of JSON, {} policies, verdicts {:?}, {} entries of evidence",
        text.len(),
        bound.len(),
        own.fires,
        own.n_evidence
    );

    let mut spent = [0.0, 0.0];
    let mut judged = [0u64, 0];
    while spent.iter().any(|seconds| *seconds < arguments.seconds) {
        let begin = processor_time();
        for _ in 0..TURN {
            ours(std::hint::black_box(text), &bound, &world)?;
        }
        let middle = processor_time();
        for _ in 0..TURN {
            regorus(std::hint::black_box(text), &theirs, &mut compiled)?;
        }
        let end = processor_time();
        let [own, other] = &mut spent;
        (*own, *other) = (*own + middle - begin, *other + end - middle);
        judged.iter_mut().for_each(|number| *number += u64::from(TURN) * 5);
    }
    let [own, other] = spent;
    let [n_own, n_other] = judged;
    let (own, other) = (n_own as f64 / own, n_other as f64 / other);
    println!("ours:    {own:>10.0} evaluations per second of processor time");
    println!("regorus: {other:>10.0}");
    println!("ratio:   {:>10.2}", own / other);
    println!(
        "aims: {AIM:.0} a second ({:.2} of it), {AIM_RATIO} times regorus ({:.2} of it)",
        own / AIM,
        own / other / AIM_RATIO
    );
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Judged {
    fires: Vec<bool>,
    n_evidence: usize,
}

fn ours(text: &str, bound: &[Bound<'_>], world: &World) -> anyhow::Result<Judged> {
    let resource = &requested_one(text).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let mut judged = Judged { fires: Vec::with_capacity(bound.len()), n_evidence: 0 };
    for policy in bound {
        let input = Input { resource, facts: None, parameters: &policy.parameters, around: Some(&world.around), now: world.now };
        let verdict = policy.judge(&input, &NoNeighbours);
        anyhow::ensure!(verdict.state != State::Unknown, "Unknown");
        judged.fires.push(verdict.state == State::NonCompliant);
        judged.n_evidence += verdict.evidence.len();
    }
    Ok(judged)
}

fn regorus(text: &str, theirs: &Theirs, compiled: &mut [(Compiled, regorus::Value)]) -> anyhow::Result<Judged> {
    let resource = theirs.read(text)?;
    let mut judged = Judged { fires: Vec::with_capacity(compiled.len()), n_evidence: 0 };
    for (policy, parameters) in compiled {
        judged.fires.push(policy.fires(resource.clone(), parameters.clone())?);
    }
    Ok(judged)
}
