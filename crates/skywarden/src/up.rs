use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use skywarden_content::Catalog;
use skywarden_model::{Connector, Environment, Snapshot, Status, Timestamp};
use skywarden_store::{Run, ScopeFilter, Store};

use crate::{
    Ending,
    arguments::Up,
    assess::{Assessed, Known, assess},
    content,
    data_dir::DataDir,
    output, scan, serve,
};

/// `skywarden up`: store, assessment of this machine, server, schedule.
pub(crate) fn run(up: &Up, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = Arc::new(content::catalog(overlay)?);
    let data = DataDir::open(up.data.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_file(&data.store()).await?;
        let assessed = run_once(&store, &catalog, scan::Walk::Nothing).await?;
        print_state(&assessed);
        if up.once {
            return Ok(Ending::Done);
        }
        let server = serve::Server::bind(up.listen).await?;
        println!("\nOpen {}", server.login_url());
        println!(
            "The API token for scripts is in {}; state is kept in {}",
            data.path().join("api-token").display(),
            data.path().display()
        );
        let schedule =
            tokio::spawn(keep_assessing(store.clone(), Arc::clone(&catalog), Duration::from_secs(up.every.saturating_mul(60))));
        let result = server.run(store, catalog, &data.api_token()?).await;
        schedule.abort();
        result.map(|()| Ending::Done)
    })
}

/// The first background run walks the files; later ones follow the schedule.
async fn keep_assessing(store: Store, catalog: Arc<Catalog>, every: Duration) {
    loop {
        match run_once(&store, &catalog, scan::Walk::Files).await {
            Ok(assessed) => {
                for line in output::score_lines(&assessed.score) {
                    println!("{line}");
                }
            }
            Err(error) => eprintln!("skywarden: this assessment failed, the last one stays: {error:#}"),
        }
        tokio::time::sleep(every).await;
    }
}

fn print_state(assessed: &Assessed) {
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
            println!("  and {} more; `skywarden scan host` shows all", problems.len() - 12);
        }
    }
}

/// Reads this machine, judges it and commits the run.
async fn run_once(store: &Store, catalog: &Arc<Catalog>, walk: scan::Walk) -> anyhow::Result<Assessed> {
    let now = Timestamp::now();
    let snapshot = tokio::task::spawn_blocking(move || scan::read_host(now, walk)).await?;
    let connector = Connector {
        id: scan::HOST.into(),
        environment: Environment::OnPremise,
        display_name: "This machine".to_owned(),
        sample: false,
        settings: BTreeMap::new(),
    };
    commit(store, catalog, &connector, snapshot, now).await
}

/// Compares a snapshot with what the store remembers and commits the result.
async fn commit(
    store: &Store,
    catalog: &Catalog,
    connector: &Connector,
    snapshot: Snapshot,
    now: Timestamp,
) -> anyhow::Result<Assessed> {
    let everything = ScopeFilter::All;
    let lock = store.begin_run().await?;
    let known = Known {
        resources: store.resources_of(&everything, connector.id.as_str()).await?,
        exemptions: store.exemptions(&everything).await?,
    };
    let assessed = assess(catalog, snapshot, &known, now);
    let tracked = store.tracked(connector.id.as_str()).await?;
    let transitions = skywarden_posture::transitions(&tracked, &assessed.assessments, now);
    let by_subscription =
        skywarden_posture::score_by_subscription(catalog, &assessed.resources, &assessed.assessments, &assessed.coverage);
    let scores = by_subscription.into_iter().map(|((_, account), score)| (account, score)).collect();
    let run = Run {
        connector,
        at: now,
        resources: &assessed.resources,
        stale: &assessed.stale,
        facts: &assessed.facts,
        coverage: &assessed.coverage,
        assessments: &assessed.assessments,
        transitions: &transitions,
        scores: &scores,
    };
    store.commit(&run).await?;
    lock.release().await;
    Ok(assessed)
}
