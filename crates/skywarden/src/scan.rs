use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use futures_util::{StreamExt as _, stream};
use skywarden_collect::{Transport, organization, read_config_snapshot};
use skywarden_content::Catalog;
use skywarden_model::{ConnectorId, Snapshot, Status, Timestamp};
use skywarden_posture::{Assessed, Known, assess, overall_score};

use crate::{
    Ending,
    arguments::{Format, Scan},
    content,
    organization::member_login,
    output,
    progress::Bar,
    source::{self, Source, Walk},
};

/// `skywarden scan`: assess once and print.
pub(crate) fn run(scan: &Scan, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let is_recordable = scan.sources.iter().any(|source| matches!(source, Source::Aws | Source::Replay(_)));
    anyhow::ensure!(scan.record.is_none() || is_recordable, "--record needs a source that has calls to record: aws");
    let catalog = content::catalog(overlay)?;
    let now = Timestamp::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut parts = Vec::with_capacity(scan.sources.len());
    for (index, source) in scan.sources.iter().enumerate() {
        anyhow::ensure!(!scan.sources.iter().take(index).any(|earlier| earlier == source), "a source is named twice");
        if *source == Source::Aws && scan.organization.organization {
            parts.extend(runtime.block_on(read_organization(&catalog, scan, now))?);
            continue;
        }
        let snapshot = runtime.block_on(read(&catalog, scan, source, now))?;
        parts.push(assess(&catalog, snapshot, &Known::default(), now));
    }
    let assessed = together(parts);
    let mut text = Vec::new();
    match scan.format {
        Format::Table => output::write_table(&catalog, &assessed, &mut text)?,
        Format::Json => output::write_json(&catalog, &assessed, &mut text)?,
        Format::Csv => output::write_csv(&catalog, &assessed, &mut text)?,
    }
    match &scan.out {
        Some(file) => {
            let handle = File::create(file).with_context(|| format!("could not create {}", file.display()))?;
            let mut writer = BufWriter::new(handle);
            writer
                .write_all(&text)
                .and_then(|()| writer.flush())
                .with_context(|| format!("could not write {}", file.display()))?;
        }
        None => std::io::stdout().write_all(&text).context("could not write to standard output")?,
    }
    Ok(if hits_threshold(scan, &catalog, &assessed) { Ending::Threshold } else { Ending::Done })
}

async fn read(catalog: &Catalog, scan: &Scan, source: &Source, now: Timestamp) -> anyhow::Result<Snapshot> {
    let (connector, transport) = match source {
        Source::Host => return Ok(source::read_host(now, Walk::from_flag(scan.walk))),
        Source::File(path) => return Ok(read_config_snapshot(catalog, path, &"file".into(), now)?),
        Source::Aws => ("aws", source::live(&scan.aws).await?),
        Source::Replay(folder) => ("replay", source::replay(folder)?),
    };
    let transport = match &scan.record {
        Some(folder) => {
            eprintln!(
                "recording AWS's answers in {} as they come: they may hold secrets, the files are yours alone",
                folder.display()
            );
            source::recording(transport, folder, now)?
        }
        None => transport,
    };
    read_account(catalog, connector.into(), transport, &scan.aws.regions, now).await
}

/// Accounts of an organisation that are read at once.
const ACCOUNTS_AT_ONCE: usize = 4;

/// Every account of an organisation that can be entered; the others are told, and never stop these.
///
/// # Errors
/// If the accounts can't be listed, or none could be entered.
async fn read_organization(catalog: &Catalog, scan: &Scan, now: Timestamp) -> anyhow::Result<Vec<Assessed>> {
    anyhow::ensure!(scan.record.is_none(), "--record takes one account; record them one by one with --role");
    let found = organization(catalog, source::live(&scan.aws).await?).await?;
    let except = &scan.organization.except_accounts;
    let accounts = found.accounts.iter().filter(|account| account.is_active && !except.contains(&account.id));
    let mut runs = Vec::new();
    for account in accounts {
        let login = member_login(&scan.aws, &found, &account.id, &scan.organization.member_role);
        runs.push(async move {
            let transport = source::live(&login).await?;
            let connector = format!("aws-{}", account.id).as_str().into();
            let snapshot = read_account(catalog, connector, transport, &login.regions, now).await;
            let snapshot = snapshot.with_context(|| format!("the account {} ({})", account.id, account.name))?;
            anyhow::Ok(assess(catalog, snapshot, &Known::default(), now))
        });
    }
    let n_accounts = runs.len();
    let mut parts = Vec::with_capacity(n_accounts);
    let mut runs = stream::iter(runs).buffer_unordered(ACCOUNTS_AT_ONCE);
    while let Some(result) = runs.next().await {
        match result {
            Ok(part) => parts.push(part),
            Err(error) => eprintln!("skywarden: {error:#}"),
        }
    }
    anyhow::ensure!(!parts.is_empty(), "none of the {n_accounts} accounts could be read");
    eprintln!("{} of {n_accounts} accounts of the organisation were read", parts.len());
    parts.sort_by(|one, other| one.scores.keys().cmp(other.scores.keys()));
    Ok(parts)
}

/// Reads an AWS account with a bar on the terminal.
pub(crate) async fn read_account(
    catalog: &Catalog,
    connector: ConnectorId,
    transport: Arc<dyn Transport>,
    regions: &[String],
    now: Timestamp,
) -> anyhow::Result<Snapshot> {
    let bar = Bar::new(connector.as_str());
    let snapshot = source::read_aws(catalog, transport, connector, regions, &bar, now).await;
    bar.finish();
    snapshot
}

/// Several environments in one report.
fn together(parts: Vec<Assessed>) -> Assessed {
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else {
        return Assessed {
            taken_at: Timestamp::UNIX_EPOCH,
            resources: Vec::new(),
            stale: Default::default(),
            coverage: Vec::new(),
            facts: Default::default(),
            assessments: Vec::new(),
            scores: Default::default(),
            score: overall_score([]),
        };
    };
    for part in parts {
        whole.resources.extend(part.resources);
        whole.stale.extend(part.stale);
        whole.coverage.extend(part.coverage);
        whole.facts.extend(part.facts);
        whole.assessments.extend(part.assessments);
        whole.scores.extend(part.scores);
    }
    whole.score = overall_score(whole.scores.values());
    whole
}

fn hits_threshold(scan: &Scan, catalog: &Catalog, assessed: &Assessed) -> bool {
    let Some(threshold) = scan.fail_on else { return false };
    assessed.assessments.iter().filter(|assessment| assessment.status == Status::Unhealthy).any(|assessment| {
        let recommendation = catalog.recommendations.get(&assessment.recommendation);
        recommendation.is_some_and(|recommendation| recommendation.file.severity >= threshold)
    })
}
