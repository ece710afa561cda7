//! Collects from an endpoint with the specs under content/ and prints what came of it.
//!
//! `cargo run -p skywarden-collect --example lab -- http://127.0.0.1:5601 [--record DIR | --replay DIR] [--json FILE]`

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Instant};

use skywarden_cloud::{AwsClient, AwsOptions};
use skywarden_collect::{CollectOptions, Live, NoProgress, Recording, Replay, Transport, collect_aws};
use skywarden_content::Catalog;
use skywarden_model::{ListOutcome, Snapshot, Timestamp};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1).cloned();
    let (catalog, problems) = Catalog::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../content")));
    println!(
        "{} collectors, {} services, {} problems in content",
        catalog.collectors.len(),
        catalog.services.len(),
        problems.len()
    );
    let transport: Arc<dyn Transport> = match option("--replay") {
        Some(folder) => Arc::new(Replay::open(Path::new(&folder))?),
        None => live(arguments.first().cloned(), option("--role")).await?,
    };
    let transport: Arc<dyn Transport> = match option("--record") {
        Some(folder) => Arc::new(Recording::new(transport, Path::new(&folder))?),
        None => transport,
    };
    let begin = Instant::now();
    let mut options = CollectOptions::new("lab".into());
    options.regions = option("--regions").map(|regions| regions.split(',').map(str::to_owned).collect());
    let snapshot = collect_aws(&catalog, transport, options, &NoProgress, Timestamp::now()).await?;
    print(&snapshot);
    println!("{} resources in {:.1} s", snapshot.resources.len(), begin.elapsed().as_secs_f64());
    if let Some(file) = option("--json") {
        std::fs::write(file, serde_json::to_vec_pretty(&snapshot)?)?;
    }
    Ok(())
}

async fn live(endpoint_url: Option<String>, role_arn: Option<String>) -> Result<Arc<dyn Transport>, Failure> {
    let client = AwsClient::new(AwsOptions { endpoint_url, role_arn, ..AwsOptions::default() }).await?;
    Ok(Arc::new(Live::new(client)))
}

fn print(snapshot: &Snapshot) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in &snapshot.resources {
        *counts.entry(resource.type_name.as_str()).or_default() += 1;
    }
    for (type_name, n) in counts {
        println!("{n:6} {type_name}");
    }
    for coverage in &snapshot.coverage {
        match &coverage.outcome {
            ListOutcome::Complete { .. } => {}
            ListOutcome::Partial { n_resources, reason } => {
                println!("PARTIAL {} {} after {n_resources}: {}", coverage.type_name, coverage.region, reason.sentence());
            }
            ListOutcome::Failed { reason } => {
                println!("FAILED {} {}: {}", coverage.type_name, coverage.region, reason.sentence())
            }
            ListOutcome::Skipped { reason } => println!("SKIPPED {} {}: {reason}", coverage.type_name, coverage.region),
        }
        for denied in &coverage.denied {
            let fields: Vec<String> = denied.fields.iter().map(ToString::to_string).collect();
            let n = denied.n_resources;
            println!(
                "UNREAD {} {} on {n} ({}): {}",
                coverage.type_name,
                coverage.region,
                fields.join(", "),
                denied.reason.sentence()
            );
        }
    }
}
