//! `skywarden adopt`: what another product says, beside what is said here.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde::Serialize;
use skywarden_collect::read_defender;
use skywarden_content::Catalog;
use skywarden_model::{Connector, DefenderPart, DefenderScore, DefenderView, Environment, Ratio, Timestamp};
use skywarden_posture::{Agreement, Compared, TakeOver, Why, agreement, take_over};
use skywarden_store::{ScopeFilter, Store};

use crate::{
    Ending,
    arguments::{Adopt, Format},
    azure,
    connect::Readers,
    content,
    data_dir::DataDir,
    master_key,
    output::{new_table, percent, text_for_terminal},
};

/// Differences of a recommendation that JSON names; all are counted.
const MAX_DIFFERENCES: usize = 1_000;

/// Rows of a table for people.
const MAX_ROWS: usize = 40;

/// All that is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Beside {
    connector: String,
    taken_at: Option<Timestamp>,
    agreement: Agreement,
    scores: Vec<Scores>,
    exemptions: Vec<TakeOver>,
    unread: BTreeMap<Arc<str>, BTreeMap<DefenderPart, String>>,
}

/// The two scores of a subscription.
#[derive(Serialize)]
struct Scores {
    account: Arc<str>,
    theirs: Option<DefenderScore>,
    ours: Option<Ratio>,
    range: Option<[Ratio; 2]>,
}

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
            ask(&Readers { store: store.clone(), vault }, &connector, now).await?;
        }
        let beside = beside(&store, &catalog, &connector, now).await?;
        let n_taken = if command.take_exemptions { take(&store, &catalog, &connector, &beside, now).await? } else { 0 };
        match command.format {
            Format::Json => println!("{}", serde_json::to_string_pretty(&beside)?),
            Format::Csv => write_csv(&beside)?,
            Format::Table => print(&beside),
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
    known.pop().ok_or_else(|| anyhow::anyhow!("no connector of that name leads to Azure; `skywarden connect azure` makes one"))
}

/// Asks Defender and keeps what it says.
async fn ask(readers: &Readers, connector: &Connector, now: Timestamp) -> anyhow::Result<()> {
    let (transport, options) = azure::transport_of(readers, connector).await?;
    let read = read_defender(transport, &options).await?;
    readers.store.keep_defender(connector.id.as_str(), &read.subscriptions, now).await?;
    for misfit in read.misfits.iter().take(10) {
        eprintln!("not understood, and left out: {}", text_for_terminal(misfit, 300));
    }
    Ok(())
}

async fn beside(store: &Store, catalog: &Catalog, connector: &Connector, now: Timestamp) -> anyhow::Result<Beside> {
    let id = connector.id.as_str();
    let kept = store.defender(&ScopeFilter::All, id).await?;
    anyhow::ensure!(!kept.is_empty(), "Defender was never asked about `{id}`; leave out --kept");
    let taken_at = kept.iter().map(|own| own.taken_at).max();
    let views: BTreeMap<Arc<str>, DefenderView> = kept.into_iter().map(|own| (own.account, own.view)).collect();
    let verdicts = store.own_verdicts(&ScopeFilter::All, id).await?;
    if verdicts.is_empty() {
        eprintln!("nothing of `{id}` was assessed here yet; `skywarden up --once` does it");
    }
    let own = store.latest_scores(&ScopeFilter::All).await?;
    let scores = views.iter().map(|(account, view)| {
        let own = own.iter().find(|own| own.connector == id && own.account == **account).map(|own| &own.score);
        let (ours, range) = (own.map(|own| own.percentage), own.map(|own| own.range));
        Scores { account: Arc::clone(account), theirs: view.score, ours, range }
    });
    let reasons = |view: &DefenderView| view.unread.iter().map(|(part, reason)| (*part, reason.sentence())).collect();
    let unread = views.iter().filter(|(_, view)| !view.unread.is_empty());
    Ok(Beside {
        connector: id.to_owned(),
        taken_at,
        agreement: agreement(catalog, &views, &verdicts, MAX_DIFFERENCES),
        scores: scores.collect(),
        exemptions: views.values().flat_map(|view| take_over(catalog, view, now)).collect(),
        unread: unread.map(|(account, view)| (Arc::clone(account), reasons(view))).collect(),
    })
}

/// Writes what can be taken over, and judges anew. How many exemptions there are.
async fn take(store: &Store, catalog: &Catalog, connector: &Connector, beside: &Beside, now: Timestamp) -> anyhow::Result<usize> {
    let ours: Vec<_> = beside.exemptions.iter().flat_map(|own| own.ours.iter().cloned()).collect();
    store.put_exemptions(&ours).await?;
    store.reassess(catalog, connector, now).await?;
    Ok(ours.len())
}

fn print(beside: &Beside) {
    let Agreement { compared, only_theirs, only_ours } = &beside.agreement;
    let (same, all) = compared.iter().fold((0, 0), |(same, all), own| (same + own.same, all + own.resources));
    let ratio = if all > 0 { same as f64 / all as f64 } else { 0.0 };
    println!(
        "Defender and Skywarden say the same of {same} of {all} ({}), in {} recommendations",
        percent(ratio),
        compared.len()
    );
    if let Some(at) = beside.taken_at {
        println!("  Defender was asked {at:.0}");
    }
    let mut table = new_table(&["Same", "Of", "Recommendation", "Why not"]);
    for own in compared.iter().take(MAX_ROWS) {
        table.add_row([
            own.same.to_string(),
            own.resources.to_string(),
            text_for_terminal(&own.title, 200).to_string(),
            whys(own),
        ]);
    }
    println!("{table}");
    if compared.len() > MAX_ROWS {
        println!("and {} more; --format csv or json has all of them", compared.len() - MAX_ROWS);
    }
    println!("{} recommendations are only Defender's, {} only ours", only_theirs.len(), only_ours.len());
    let mut table = new_table(&["Subscription", "Defender's score", "Ours", "Range"]);
    for own in &beside.scores {
        let theirs = own.theirs.map_or_else(|| "-".to_owned(), |own| percent(own.percentage));
        let range = own.range.map_or_else(|| "-".to_owned(), |[low, high]| format!("{} to {}", percent(low), percent(high)));
        table.add_row([own.account.to_string(), theirs, own.ours.map_or_else(|| "-".to_owned(), percent), range]);
    }
    println!("{table}");
    for own in &beside.exemptions {
        let what = own.why_not.as_ref().map_or_else(
            || format!("could be taken over ({} of ours; --take-exemptions)", own.ours.len()),
            |why| format!("can't be taken over: {why}"),
        );
        println!("Exemption \"{}\" {}", text_for_terminal(&own.theirs.reason, 100), text_for_terminal(&what, 300));
    }
    for (account, parts) in &beside.unread {
        for (part, reason) in parts {
            println!("Could not be read: {part:?} of {account}: {}", text_for_terminal(reason, 300));
        }
    }
}

/// Why verdicts differ, counted, in words.
fn whys(own: &Compared) -> String {
    let words = |why: Why| match why {
        Why::Contrary => "contrary",
        Why::OursUnknown => "unknown here",
        Why::OursNotApplicable => "not applicable here",
        Why::TheirsNotApplicable => "not applicable there",
        Why::NotInTheirs => "not in theirs",
        Why::NotInOurs => "not in ours",
        Why::OtherType => "of another type",
    };
    own.why.iter().map(|(why, n)| format!("{n} {}", words(*why))).collect::<Vec<_>>().join(", ")
}

fn write_csv(beside: &Beside) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(std::io::stdout());
    writer.write_record(["Agreement", "Same", "Of", "Key", "Recommendation", "Ours", "Why not"])?;
    for own in &beside.agreement.compared {
        let ours: Vec<&str> = own.ours.iter().map(AsRef::as_ref).collect();
        let counts = [own.agreement.to_string(), own.same.to_string(), own.resources.to_string()];
        let cells = counts.into_iter().chain([own.key.clone(), own.title.clone(), ours.join(" "), whys(own)]);
        writer.write_record(cells.map(|cell| skywarden_report::cell(&cell).to_string()))?;
    }
    writer.flush()?;
    Ok(())
}
