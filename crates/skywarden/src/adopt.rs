//! `skywarden adopt`: what another product says, beside what is said here.

mod print;

use std::path::Path;

use skywarden_collect::read_defender;
use skywarden_content::Catalog;
use skywarden_detect::adopted_alert;
use skywarden_model::{Connector, Environment, Timestamp};
use skywarden_posture::BesideDefender;
use skywarden_store::{ScopeFilter, Store};

use crate::{
    Ending,
    arguments::{Adopt, Format},
    azure,
    connect::Readers,
    content,
    data_dir::DataDir,
    master_key,
    output::text_for_terminal,
};

/// Differences of a recommendation that JSON names; all are counted.
const MAX_DIFFERENCES: usize = 1_000;

/// Answers that are not understood and are named.
const MAX_MISFITS: usize = 10;

/// `skywarden adopt`.
pub(crate) fn run(command: &Adopt, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let Adopt::Azure(command) = command;
    let catalog = content::catalog(overlay)?;
    let data = DataDir::open(command.data.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_file(&data.store()).await?;
        let connector = connector(&store, command.connector.as_deref()).await?;
        let now = Timestamp::now();
        if !command.kept {
            let vault = store.open_vault(master_key::read(&command.key, &data)?).await?;
            ask(&Readers { store: store.clone(), vault }, &catalog, &connector, now).await?;
        }
        let beside = beside(&store, &catalog, &connector, now).await?;
        let n_taken = if command.take_exemptions { take(&store, &catalog, &connector, &beside, now).await? } else { 0 };
        match command.format {
            Format::Json => println!("{}", serde_json::to_string_pretty(&beside)?),
            Format::Csv => print::csv(&beside)?,
            Format::Table => print::table(&beside),
        }
        if command.take_exemptions {
            eprintln!("{n_taken} exemptions were taken over; `skywarden adopt azure --kept` compares anew");
        }
        Ok(Ending::Done)
    })
}

async fn connector(store: &Store, name: Option<&str>) -> anyhow::Result<Connector> {
    let mut known = store.connectors(&ScopeFilter::All).await?;
    known.retain(|own| own.environment == Environment::Azure && name.is_none_or(|name| own.id.as_str() == name));
    let names: Vec<&str> = known.iter().map(|own| own.id.as_str()).collect();
    anyhow::ensure!(names.len() < 2, "several connectors lead to Azure; name one with --connector: {}", names.join(", "));
    known.pop().ok_or_else(|| match name {
        Some(name) => anyhow::anyhow!("no connector `{name}` leads to Azure; `skywarden connectors` lists those that there are"),
        None => anyhow::anyhow!("no connector leads to Azure; `skywarden connect azure` makes one"),
    })
}

/// Asks Defender and keeps what it says: its verdicts in the place of the last ones, its alerts with those that are here.
async fn ask(readers: &Readers, catalog: &Catalog, connector: &Connector, now: Timestamp) -> anyhow::Result<()> {
    let (transport, options) = azure::transport_of(readers, connector).await?;
    let read = read_defender(transport, &options).await?;
    readers.store.keep_defender(connector.id.as_str(), &read.subscriptions, now).await?;
    let (mut alerts, mut misfits) = (Vec::new(), read.misfits);
    for row in &read.alerts {
        match adopted_alert(row) {
            Ok(alert) => alerts.push(alert),
            Err(why) => misfits.push(format!("alert {}: {why}", row["id"].as_str().unwrap_or("without id"))),
        }
    }
    // An alert of a subscription that is in no inventory yet is the tenant's.
    let home = connector.account().unwrap_or_default();
    readers.store.keep_adopted_alerts(catalog, &alerts, (connector.id.as_str(), home), now).await?;
    if !alerts.is_empty() {
        eprintln!("{} of Defender's alerts are kept, each once", alerts.len());
    }
    for misfit in misfits.iter().take(MAX_MISFITS) {
        eprintln!("not understood, and left out: {}", text_for_terminal(misfit, 300));
    }
    if misfits.len() > MAX_MISFITS {
        eprintln!("and {} more that were not understood", misfits.len() - MAX_MISFITS);
    }
    Ok(())
}

async fn beside(store: &Store, catalog: &Catalog, connector: &Connector, now: Timestamp) -> anyhow::Result<BesideDefender> {
    let id = connector.id.as_str();
    let beside = store.beside_defender(&ScopeFilter::All, catalog, id, MAX_DIFFERENCES, now).await?;
    let beside = beside.ok_or_else(|| anyhow::anyhow!("Defender was never asked about `{id}`; leave out --kept"))?;
    if beside.scores.iter().all(|own| own.ours.is_none()) {
        eprintln!("nothing of `{id}` was assessed here yet; `skywarden up --once` does it");
    }
    Ok(beside)
}

/// Writes what can be taken over, and judges anew. How many exemptions there are.
async fn take(
    store: &Store,
    catalog: &Catalog,
    connector: &Connector,
    beside: &BesideDefender,
    now: Timestamp,
) -> anyhow::Result<usize> {
    let ours: Vec<_> = beside.exemptions.iter().flat_map(|own| own.ours.iter().cloned()).collect();
    store.put_exemptions(&ours).await?;
    store.reassess(catalog, connector, now).await?;
    Ok(ours.len())
}
