//! What one evaluation costs, ours and of `regorus`: five policies on one storage account, from the account's JSON to five verdicts.
//!
//! `policy-speed [--seconds N]`
//!
//! An evaluation is one policy on one resource; the JSON is read once for five. Ours gives verdict and evidence, each entry in words
//! that are borrowed from the policies and the text (who stores them copies them, which is not measured); regorus gives the verdict and
//! no evidence. It is asked as its own example for Azure Policy asks it (`Value::from_json_str`, `normalizer::normalize` with
//! the aliases, a compiled program in a `RegoVM`), but that programs and values of parameters are prepared, as ours are. All run by
//! turns on one core and are measured by the processor time of the process. The ratio is that of `ours` to `regorus`; beside them
//! stands what each costs otherwise.

use std::{cell::RefCell, hint::black_box};

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;
use skywarden_conformance::{
    aliases,
    pair::World,
    processor::{processor_time, stay_on_one_core},
    theirs::{Compiled, Theirs, value},
};
use skywarden_policy::{Bound, Definition, NoNeighbours, Panel, State, Verdict, requested_one};
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

/// Resources that are judged in one way before it is another's turn.
const TURN: u32 = 500;

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
    let panel = Panel::new(bound.clone());

    let theirs = Theirs::new(&aliases::catalogue(&documents.iter().flat_map(aliases::named).collect()))?;
    let mut compiled: Vec<Prepared> = Vec::with_capacity(documents.len());
    for (document, bound) in documents.iter().zip(&bound) {
        let values = bound.parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        compiled.push((theirs.compile(document)?, value(&Value::Object(values))?));
    }

    let text = RESOURCE.trim_end();
    let compiled = RefCell::new(compiled);
    let (own, other) = (ours(text, &panel, &world)?, regorus(text, &theirs, &mut compiled.borrow_mut())?);
    anyhow::ensure!(own == ours_whole(text, &bound, &world)?, "ours says something else of the resource read whole");
    anyhow::ensure!(own.fires == other.fires, "the engines disagree: ours {:?}, regorus {:?}", own.fires, other.fires);
    anyhow::ensure!(own.n_evidence > 0, "ours gave no evidence");
    println!(
        "{} bytes of JSON, {} policies, verdicts {:?}, {} entries of evidence",
        text.len(),
        bound.len(),
        own.fires,
        own.n_evidence
    );

    let prepared = theirs.read(text)?;
    let mut ways: [Way<'_>; 5] = [
        Way::new("ours", || ours(black_box(text), &panel, &world)),
        Way::new("ours, each resource read whole", || ours_whole(black_box(text), &bound, &world)),
        Way::new("regorus", || regorus(black_box(text), &theirs, &mut compiled.borrow_mut())),
        Way::new("regorus, read for each policy", || regorus_each(black_box(text), &theirs, &mut compiled.borrow_mut())),
        Way::new("regorus, without reading", || regorus_judging(black_box(&prepared), &mut compiled.borrow_mut())),
    ];
    // Each gets the same time, whatever it does with it.
    while let Some(way) = ways.iter_mut().min_by(|one, other| one.spent.total_cmp(&other.spent))
        && way.spent < arguments.seconds
    {
        way.take_turn()?;
    }
    for way in &ways {
        println!("{:<32}{:>10.0} evaluations per second of processor time", way.name, way.rate());
    }
    let [own, _, other, ..] = &ways;
    let (own, other) = (own.rate(), other.rate());
    println!("ratio of `ours` to `regorus`:   {:>10.2}", own / other);
    println!(
        "aims: {AIM:.0} a second ({:.2} of it), {AIM_RATIO} times regorus ({:.2} of it)",
        own / AIM,
        own / other / AIM_RATIO
    );
    Ok(())
}

/// One way to come from a resource's text to five verdicts, and what it has cost.
struct Way<'a> {
    name: &'static str,
    judge: Box<dyn FnMut() -> anyhow::Result<Judged> + 'a>,
    spent: f64,
    n_judged: u64,
}

impl<'a> Way<'a> {
    fn new(name: &'static str, judge: impl FnMut() -> anyhow::Result<Judged> + 'a) -> Self {
        Self { name, judge: Box::new(judge), spent: 0.0, n_judged: 0 }
    }

    fn take_turn(&mut self) -> anyhow::Result<()> {
        let begin = processor_time();
        for _ in 0..TURN {
            black_box((self.judge)()?);
        }
        self.spent += processor_time() - begin;
        self.n_judged += u64::from(TURN) * POLICIES.len() as u64;
        Ok(())
    }

    fn rate(&self) -> f64 {
        self.n_judged as f64 / self.spent
    }
}

/// A policy that regorus compiled, with the values of its parameters.
type Prepared = (Compiled, regorus::Value);

#[derive(Debug, PartialEq)]
struct Judged {
    fires: Vec<bool>,
    n_evidence: usize,
}

fn ours(text: &str, panel: &Panel<'_>, world: &World) -> anyhow::Result<Judged> {
    let subject = panel.subject(text).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    Judged::of(subject.verdicts(Some(&world.around), world.now, &NoNeighbours))
}

fn ours_whole(text: &str, bound: &[Bound<'_>], world: &World) -> anyhow::Result<Judged> {
    let resource = &requested_one(text).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    Judged::of(bound.iter().map(|policy| {
        let input = Input { resource, facts: None, parameters: &policy.parameters, around: Some(&world.around), now: world.now };
        policy.judge(&input, &NoNeighbours)
    }))
}

impl Judged {
    fn of<E>(verdicts: impl IntoIterator<Item = Verdict<E>>) -> anyhow::Result<Self> {
        let mut judged = Self { fires: Vec::with_capacity(POLICIES.len()), n_evidence: 0 };
        for verdict in verdicts {
            anyhow::ensure!(verdict.state != State::Unknown, "Unknown");
            judged.fires.push(verdict.state == State::NonCompliant);
            judged.n_evidence += verdict.evidence.len();
        }
        Ok(judged)
    }
}

fn regorus(text: &str, theirs: &Theirs, compiled: &mut [Prepared]) -> anyhow::Result<Judged> {
    regorus_judging(&theirs.read(text)?, compiled)
}

fn regorus_each(text: &str, theirs: &Theirs, compiled: &mut [Prepared]) -> anyhow::Result<Judged> {
    let mut judged = Judged { fires: Vec::with_capacity(compiled.len()), n_evidence: 0 };
    for (policy, parameters) in compiled {
        judged.fires.push(policy.fires(theirs.read(text)?, parameters.clone())?);
    }
    Ok(judged)
}

fn regorus_judging(resource: &regorus::Value, compiled: &mut [Prepared]) -> anyhow::Result<Judged> {
    let mut judged = Judged { fires: Vec::with_capacity(compiled.len()), n_evidence: 0 };
    for (policy, parameters) in compiled {
        judged.fires.push(policy.fires(resource.clone(), parameters.clone())?);
    }
    Ok(judged)
}
