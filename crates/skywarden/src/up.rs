use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use skywarden_content::Catalog;
use skywarden_model::{Connector, SecureScore, Status, Timestamp};
use skywarden_posture::{Assessed, overall_score};
use skywarden_store::{ScopeFilter, Store};

use crate::{Ending, arguments::Up, connect, content, data_dir::DataDir, output, sample, serve, source::Walk};

/// `skywarden up`: store, assessment of this machine and of what is connected, server, schedule.
pub(crate) fn run(up: &Up, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = Arc::new(content::catalog(overlay)?);
    let data = DataDir::open(up.data.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_file(&data.store()).await?;
        if up.sample {
            store.put_connector(&sample::connector()).await?;
        }
        let failures = assess_all(&store, &catalog, Walk::Nothing).await?;
        if up.once {
            return Ok(if failures == 0 { Ending::Done } else { Ending::Failed });
        }
        let server = serve::Server::bind(up.listen).await?;
        println!("\nOpen {}", server.login_url());
        println!(
            "The API token for scripts is in {}; state is kept in {}",
            data.path().join("api-token").display(),
            data.path().display()
        );
        let every = Duration::from_secs(up.every.saturating_mul(60));
        let schedule = tokio::spawn(keep_assessing(store.clone(), Arc::clone(&catalog), every));
        let result = server.run(store, catalog, &data.api_token()?).await;
        schedule.abort();
        result.map(|()| Ending::Done)
    })
}

/// The first background run walks this machine's files and reads nothing else anew; later ones follow the schedule.
async fn keep_assessing(store: Store, catalog: Arc<Catalog>, every: Duration) {
    if let Err(error) = assess_one(&store, &catalog, &connect::host(), Walk::Files).await {
        eprintln!("skywarden: the files of this machine could not be assessed: {error:#}");
    }
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = assess_all(&store, &catalog, Walk::Files).await {
            eprintln!("skywarden: this assessment failed, the last one stays: {error:#}");
        }
    }
}

/// Assesses this machine and every connector, prints how each stands, and says how many could not be assessed.
async fn assess_all(store: &Store, catalog: &Arc<Catalog>, walk: Walk) -> anyhow::Result<usize> {
    let mut connectors = vec![connect::host()];
    let host = connect::host().id;
    connectors.extend(store.connectors(&ScopeFilter::All).await?.into_iter().filter(|connector| connector.id != host));
    let mut failures = 0;
    for connector in &connectors {
        match assess_one(store, catalog, connector, walk).await {
            Ok(assessed) => print_state(connector, &assessed, connectors.len()),
            Err(error) => {
                failures += 1;
                eprintln!("skywarden: {error:#}; what was known of `{}` stays", connector.id);
            }
        }
    }
    if connectors.len() > 1 {
        let latest = store.latest_scores(&ScopeFilter::All).await?;
        let scores: Vec<SecureScore> = latest.into_iter().map(|point| point.score).collect();
        println!("\nAll together");
        for line in output::score_lines(&overall_score(&scores)) {
            println!("{line}");
        }
    }
    Ok(failures)
}

async fn assess_one(store: &Store, catalog: &Arc<Catalog>, connector: &Connector, walk: Walk) -> anyhow::Result<Assessed> {
    let now = Timestamp::now();
    let snapshot = connect::read(catalog, connector, walk, now).await?;
    let (assessed, _) = store.assess(catalog, connector, snapshot, now).await?;
    Ok(assessed)
}

fn print_state(connector: &Connector, assessed: &Assessed, n_connectors: usize) {
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
