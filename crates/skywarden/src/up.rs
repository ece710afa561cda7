use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use skywarden_content::Catalog;
use skywarden_model::{Connector, SecureScore, SignedDuration, Status, Timestamp};
use skywarden_posture::{Assessed, overall_score};
use skywarden_store::{ScopeFilter, Store};
use tokio::sync::{Notify, Semaphore};

use crate::{
    Ending,
    arguments::Up,
    certificates::{self, Certificates},
    changes::{self, Expected, Logins},
    connect::{self, Readers},
    content,
    data_dir::DataDir,
    logs::Logs,
    organization, output, policy, sample, serve,
    settings::Settings,
    source::Walk,
    told::told,
};

/// `skywarden up`: store, assessment of this machine and of what is connected, server, schedule.
pub(crate) fn run(up: &Up, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let data = DataDir::open(up.data.as_deref())?;
    let settings = Settings::read(&data.settings())?;
    // A server shows detections, and makes sample alerts of them.
    let catalog = Arc::new(if up.once { content::catalog(overlay)? } else { content::catalog_with_threats(overlay)? });
    // Before anything is assessed: what is wrong with a certificate is said at once.
    let certificates = if up.once { None } else { Some(Certificates::open(up, data.path())?) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_file(&data.store()).await?;
        // Before anything is assessed, as the certificates are.
        let people = serve::People::open(&store, &data, &up.key).await?;
        if up.sample {
            store.put_connector(&sample::connector()).await?;
        }
        let readers = Readers { store: store.clone(), vault: people.vault() };
        let failures = assess_all(&readers, &catalog, Walk::Nothing, up.at_once.into()).await?;
        let Some(certificates) = certificates else {
            return Ok(if failures == 0 { Ending::Done } else { Ending::Failed });
        };
        let server = serve::Server::bind(up.listen, certificates, certificates::names(up), up.limits.settings()).await?;
        println!("\n{}", server.greeting()?.join("\n"));
        println!(
            "The API token for scripts is in {}; state is kept in {}",
            data.path().join("api-token").display(),
            data.path().display()
        );
        let changed = Arc::new(Notify::new());
        let logs = Logs::start(&store, &catalog, &data, &settings.logs, Arc::clone(&changed)).await?;
        let logins = Arc::new(Logins::new(readers.clone()));
        let polling = tokio::spawn(changes::poll(store.clone(), Arc::clone(&catalog), Arc::clone(&logins), Arc::clone(&changed)));
        let expected = if logs.is_some() { Expected::AtOnce } else { Expected::Later };
        let follower = tokio::spawn(changes::follow(readers.clone(), Arc::clone(&catalog), logins, changed, expected));
        let every = Duration::from_secs(up.every.saturating_mul(60));
        let schedule = tokio::spawn(keep_assessing(readers, Arc::clone(&catalog), every, up.at_once.into()));
        let ends = tokio::spawn(policy::keep_up_with_ends(store.clone(), Arc::clone(&catalog)));
        let tidying = tokio::spawn(keep_tidy(store.clone()));
        let served = server.run(store, catalog, &data, people, logs.as_ref().map(Logs::desk));
        let result = match &logs {
            None => served.await,
            Some(logs) => tokio::select! {
                result = served => result,
                // The reason comes with the end.
                () = logs.broken() => Ok(()),
            },
        };
        polling.abort();
        follower.abort();
        let ended = match logs {
            Some(logs) => logs.stop().await,
            None => Ok(()),
        };
        schedule.abort();
        ends.abort();
        tidying.abort();
        result.and(ended).map(|()| Ending::Done)
    })
}

/// The first background run walks this machine's files and reads nothing else anew; later ones follow the schedule.
async fn keep_assessing(readers: Readers, catalog: Arc<Catalog>, every: Duration, at_once: usize) {
    if let Err(error) = assess_one(&readers, &catalog, &connect::host(), Walk::Files, &Semaphore::new(1)).await {
        eprintln!("skywarden: the files of this machine could not be assessed: {}", told(&error));
    }
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = assess_all(&readers, &catalog, Walk::Files, at_once).await {
            eprintln!("skywarden: this assessment failed, the last one stays: {}", told(&error));
        }
    }
}

/// Removes what has ended, so that guesses and old sessions do not fill the store.
async fn keep_tidy(store: Store) {
    loop {
        let now = Timestamp::now();
        let day_before = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
        let tidied = async {
            store.remove_expired_sessions(now).await?;
            store.forget_failed_sign_ins_before(day_before).await
        };
        if let Err(error) = tidied.await {
            tracing::warn!(%error, "what has ended could not be removed; it is tried again in an hour");
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
}

/// Assesses this machine and every connector, prints how each stands, and says how many could not be assessed.
///
/// Some are read at once; what they saw is judged one after the other, so that memory holds a few of them whatever their number.
async fn assess_all(readers: &Readers, catalog: &Arc<Catalog>, walk: Walk, at_once: usize) -> anyhow::Result<usize> {
    let store = &readers.store;
    let mut failures = refresh_organizations(store, catalog).await?;
    let host = connect::host();
    let mut connectors = vec![host.clone()];
    let is_read = |connector: &Connector| connector.id != host.id && !connector.is_organization();
    connectors.extend(store.connectors(&ScopeFilter::All).await?.into_iter().filter(is_read));
    let n_connectors = connectors.len();
    let gate = Arc::new(Semaphore::new(1));
    let mut runs = Vec::with_capacity(n_connectors);
    for connector in connectors {
        let (readers, catalog, gate) = (readers.clone(), Arc::clone(catalog), Arc::clone(&gate));
        runs.push(async move {
            let result = assess_one(&readers, &catalog, &connector, walk, &gate).await;
            (connector, result)
        });
    }
    let mut runs = stream::iter(runs).buffer_unordered(at_once.max(1));
    while let Some((connector, result)) = runs.next().await {
        match result {
            Ok(assessed) => print_state(&connector, &assessed, n_connectors),
            Err(error) => {
                failures += 1;
                eprintln!("skywarden: {}; what was known of `{}` stays", told(&error), connector.id);
            }
        }
    }
    if let Some(line) = policy::summary(store).await? {
        println!("\n{line}");
    }
    if n_connectors > 1 {
        let latest = store.latest_scores(&ScopeFilter::All).await?;
        let scores: Vec<SecureScore> = latest.into_iter().map(|point| point.score).collect();
        println!("\nAll together");
        for line in output::score_lines(&overall_score(&scores)) {
            println!("{line}");
        }
    }
    Ok(failures)
}

/// Finds the accounts of every organisation anew; where that fails the known ones stay.
async fn refresh_organizations(store: &Store, catalog: &Catalog) -> anyhow::Result<usize> {
    let mut failures = 0;
    let connectors = store.connectors(&ScopeFilter::All).await?;
    for connector in connectors.iter().filter(|connector| connector.is_organization()) {
        let refreshed = organization::refresh(store, catalog, connector, &connect::login(&connector.settings)).await;
        let error = refreshed.as_ref().err().map(told);
        store.put_attempt(connector.id.as_str(), Timestamp::now(), error.as_deref()).await?;
        match refreshed {
            Ok(refreshed) => {
                for account in refreshed.joined {
                    println!("{}: the account {account} is new", connector.display_name);
                }
                for account in refreshed.left {
                    println!("{}: {account} is no longer part of it and was removed", connector.display_name);
                }
            }
            Err(error) => {
                failures += 1;
                eprintln!("skywarden: {}: {}; the accounts that are known stay", connector.display_name, told(&error));
            }
        }
    }
    Ok(failures)
}

/// Reads a connector, then judges and commits when it is its turn at the gate; how it went is kept.
async fn assess_one(
    readers: &Readers,
    catalog: &Arc<Catalog>,
    connector: &Connector,
    walk: Walk,
    gate: &Semaphore,
) -> anyhow::Result<Assessed> {
    let (store, now) = (&readers.store, Timestamp::now());
    let result = connect::read(readers, catalog, connector, walk, now).await;
    let error = result.as_ref().err().map(told);
    let _turn = gate.acquire().await?;
    // Reading takes minutes: committing would bring back what somebody removed meanwhile.
    if !connect::is_connected(store, connector).await? {
        anyhow::bail!("{} was disconnected while it was being read; nothing of that is kept", connector.display_name);
    }
    store.put_attempt(connector.id.as_str(), now, error.as_deref()).await?;
    let (assessed, _) = store.assess(catalog, connector, result?, now).await?;
    let accounts: BTreeSet<&str> =
        assessed.coverage.iter().map(|entry| entry.account.as_ref()).chain(connector.account()).collect();
    for account in accounts {
        // What changed while it was being read may have been seen as it was.
        store.scanned_since(account, now, Timestamp::now()).await?;
    }
    store.judge_policies_of(catalog, &[connector.id.to_string()], now).await?;
    Ok(assessed)
}

fn print_state(connector: &Connector, assessed: &Assessed, n_connectors: usize) {
    if organization::is_member(connector) {
        return print_member(connector, assessed);
    }
    if n_connectors > 1 {
        let mark = if connector.sample { " (sample data)" } else { "" };
        println!("\n{}{mark}", connector.display_name);
    }
    for line in output::score_lines(&assessed.score) {
        println!("{line}");
    }
    println!("{}", output::status_counts(&assessed.assessments));
    let findings = assessed.assessments.iter().flat_map(|assessment| &assessment.findings);
    let mut by_status: BTreeMap<Status, u64> = BTreeMap::new();
    for finding in findings {
        *by_status.entry(finding.status).or_default() += 1;
    }
    let counts: Vec<String> =
        by_status.iter().map(|(status, count)| format!("{count} {}", output::status_word(*status))).collect();
    if !counts.is_empty() {
        println!("  baseline rules: {}", counts.join(", "));
    }
    let problems = output::coverage_problems(&assessed.coverage);
    if !problems.is_empty() {
        println!("Could not be read");
        for problem in problems.iter().take(12) {
            println!("  {problem}");
        }
        if problems.len() > 12 {
            println!("  and {} more; the console's page Coverage and `skywarden scan` show all", problems.len() - 12);
        }
    }
}

/// A line for an account of an organisation, of which there may be hundreds.
fn print_member(connector: &Connector, assessed: &Assessed) {
    let score = &assessed.score;
    let problems = output::coverage_problems(&assessed.coverage);
    let unread = if problems.is_empty() { String::new() } else { format!(", {} kinds of reads failed", problems.len()) };
    println!(
        "{}: {} in [{}, {}], {} resources{unread}",
        connector.display_name,
        output::percent(score.percentage),
        output::percent(score.range[0]),
        output::percent(score.range[1]),
        assessed.resources.len()
    );
}
