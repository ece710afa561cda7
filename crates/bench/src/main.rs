//! `cargo run --release -p skywarden-bench [N...]`: CPU time and memory of judging and storing N resources (10,000 and 100,000).
//!
//! `... -- rules` prints what each recommendation costs, `... -- policy [FOLDER]` what Azure's policies do (FOLDER holds those that
//! Azure publishes), `... -- networks [N...]` what exposure among N interfaces of Azure does, `... -- threats` what looking at logs
//! does, `... -- soak rescan` and `... -- soak ingest` are long runs, `... -- soak store FOLDER [ACCOUNTS]` fills the data folder that
//! `tests/clients/load.py` asks.
//!
//! Prints one table a size; asserts nothing, since machines differ. The resources are copies of the sample estate, so the type mix
//! is that of a small company's account; it is printed first.

mod logs;
mod measure;
mod networks;
mod policy;
mod rules;
mod soak;
mod threats;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Instant,
};

use anyhow::Context as _;
use serde_json::{Value, json};
use skywarden_content::Catalog;
use skywarden_model::{Changed, Connector, Environment, Reread, RereadOutcome, Resource, Snapshot, Timestamp};
use skywarden_posture::{Known, Plans, assess, evaluate, score_by_subscription};
use skywarden_store::Store;

use crate::measure::{cpu_seconds, memory_mb, timed};

/// The allocator of the program that is measured here.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [soak, name, rest @ ..] = arguments.as_slice()
        && soak == "soak"
    {
        let runtime = tokio::runtime::Runtime::new()?;
        return match (name.as_str(), rest) {
            ("rescan", []) => runtime.block_on(soak::rescan(soak::RESCANS)),
            ("store", [folder]) => runtime.block_on(soak::store::fill(Path::new(folder), soak::store::ACCOUNTS)),
            ("store", [folder, n_accounts]) => {
                let n_accounts = n_accounts.parse().with_context(|| format!("`{n_accounts}` is no number of accounts"))?;
                runtime.block_on(soak::store::fill(Path::new(folder), n_accounts))
            }
            ("ingest", []) => runtime.block_on(soak::ingest::run(soak::ingest::EVENTS)),
            ("ingest", [n_events]) => {
                let n_events = n_events.parse().with_context(|| format!("`{n_events}` is no number of events"))?;
                runtime.block_on(soak::ingest::run(n_events))
            }
            ("ingest-worker", [folder]) => runtime.block_on(soak::ingest::work(Path::new(folder))),
            _ => anyhow::bail!("the soaks are `ingest [EVENTS]`, `rescan` and `store FOLDER [ACCOUNTS]`"),
        };
    }
    if let [name, rest @ ..] = arguments.as_slice()
        && name == "policy"
    {
        return policy::costs(rest.first().map(Path::new));
    }
    if let [name, rest @ ..] = arguments.as_slice()
        && name == "threats"
    {
        return threats::costs(rest);
    }
    if let [name, rest @ ..] = arguments.as_slice()
        && name == "networks"
    {
        let sizes: Result<Vec<usize>, _> = rest.iter().map(|size| size.parse()).collect();
        let sizes = sizes.context("`networks` takes numbers of interfaces")?;
        return networks::costs(if sizes.is_empty() { &[10_000, 100_000] } else { &sizes });
    }
    if arguments.first().is_some_and(|argument| argument == "rules") {
        let catalog = Catalog::embedded().map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
        return rules::costs(&catalog, &skywarden_testkit::sample(&catalog)?, 30_000);
    }
    let mut sizes = Vec::new();
    for argument in arguments {
        sizes.push(argument.parse::<usize>().with_context(|| format!("`{argument}` is no number of resources"))?);
    }
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000];
    }
    let (catalog, cpu, wall) = timed(|| Catalog::embedded().map_err(|problems| anyhow::anyhow!("{problems:?}")));
    let catalog = catalog?;
    println!("content loaded and compiled          {:>9.1} ms CPU {:>9.1} ms", cpu * 1e3, wall * 1e3);
    let sample = skywarden_testkit::sample(&catalog)?;
    let mix: Vec<String> = skywarden_testkit::type_mix(&sample).into_iter().map(|(name, n)| format!("{n} {name}")).collect();
    println!("type mix of {} resources: {}", sample.resources.len(), mix.join(", "));
    for size in sizes {
        measure(&catalog, &sample, size)?;
    }
    Ok(())
}

fn measure(catalog: &Catalog, sample: &Snapshot, size: usize) -> anyhow::Result<()> {
    let snapshot = skywarden_testkit::copies(sample, size)?;
    let now = Timestamp::now();
    let n = snapshot.resources.len();
    println!("\n{n} resources, {} MB", memory_mb()?);
    let line = |what: &str, cpu: f64, wall: f64, per: usize| {
        println!(
            "{what:<36} {:>9.0} ms CPU {:>9.0} ms {:>9.2} us CPU each of {per}",
            cpu * 1e3,
            wall * 1e3,
            cpu * 1e6 / per as f64
        );
    };
    let (facts, cpu, wall) = timed(|| skywarden_facts::compute(&snapshot.resources, &snapshot.coverage, catalog));
    line("facts", cpu, wall, n);
    let (assessments, cpu, wall) = timed(|| evaluate(catalog, &Plans::default(), &snapshot.resources, &facts, snapshot.taken_at));
    line("all rules", cpu, wall, assessments.len());
    let (_, cpu, wall) = timed(|| {
        score_by_subscription(
            catalog,
            &Plans::default(),
            &snapshot.connector,
            &snapshot.resources,
            &assessments,
            &snapshot.coverage,
        )
    });
    line("score of each account", cpu, wall, n);
    drop((facts, assessments));
    let (assessed, cpu, wall) = timed(|| assess(catalog, snapshot.clone(), &Known::default(), now));
    line("the whole flow", cpu, wall, n);
    println!("{:<36} {} MB", "memory with all of it", memory_mb()?);
    drop(assessed);

    let folder = tempfile::tempdir().context("could not make a folder for the store")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_file(&folder.path().join("bench.db")).await?;
        let connector = Connector {
            id: "sample".into(),
            environment: Environment::Aws,
            display_name: "bench".to_owned(),
            sample: true,
            settings: Default::default(),
        };
        for what in ["first run with its commit", "second run, nothing changed"] {
            let (begin, begin_cpu) = (Instant::now(), cpu_seconds());
            let (_, stats) = store.assess(catalog, &connector, snapshot.clone(), Timestamp::now()).await?;
            line(what, cpu_seconds() - begin_cpu, begin.elapsed().as_secs_f64(), n);
            println!("{:<36} {} of {} rows written", "", stats.n_written, stats.n_rows);
        }
        let rereads = reread(&snapshot)?;
        let (begin, begin_cpu) = (Instant::now(), cpu_seconds());
        let judged = store.assess_again(catalog, &connector, rereads, Timestamp::now()).await?;
        line("one resource read again", cpu_seconds() - begin_cpu, begin.elapsed().as_secs_f64(), n);
        let (_, stats) = judged.context("nothing was judged")?;
        println!("{:<36} {} of {} rows written", "", stats.n_written, stats.n_rows);
        anyhow::Ok(())
    })
}

/// One security group that was read again, with a port more.
fn reread(snapshot: &Snapshot) -> anyhow::Result<Vec<Reread>> {
    let is_group = |own: &&Resource| own.type_name.as_str() == "AWS::EC2::SecurityGroup";
    let mut group = snapshot.resources.iter().find(is_group).context("the sample has no security group")?.clone();
    let id = group.properties.get("GroupId").and_then(Value::as_str).context("a group without an id")?.to_owned();
    let rule = json!({ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] });
    if let Some(properties) = group.properties.as_object_mut() {
        properties.insert("IpPermissions".to_owned(), json!([rule]));
    }
    let changed = Changed {
        account: group.scope.account.to_string(),
        type_name: group.type_name.clone(),
        region: group.scope.resource_group.to_string(),
        fields: BTreeMap::from([("GroupId".to_owned(), id)]),
        calls: BTreeSet::new(),
    };
    Ok(vec![Reread { changed, outcome: RereadOutcome::Found(vec![group]) }])
}
