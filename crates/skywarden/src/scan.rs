use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use skywarden_collect::Transport;
use skywarden_content::Catalog;
use skywarden_model::{ConnectorId, Snapshot, Status, Timestamp};
use skywarden_posture::{Assessed, Known, assess, overall_score};

use crate::{
    Ending,
    arguments::{Format, Scan},
    content, output,
    progress::Bar,
    source::{self, Source, Walk},
};

/// `skywarden scan`: assess once and print.
pub(crate) fn run(scan: &Scan, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let is_recordable = scan.sources.iter().any(|source| !matches!(source, Source::Host | Source::Tree(_)));
    anyhow::ensure!(scan.record.is_none() || is_recordable, "--record needs a source that has calls to record: aws");
    let catalog = content::catalog(overlay)?;
    let now = Timestamp::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut parts = Vec::with_capacity(scan.sources.len());
    for (index, source) in scan.sources.iter().enumerate() {
        anyhow::ensure!(!scan.sources.iter().take(index).any(|earlier| earlier == source), "a source is named twice");
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
        Source::Tree(folder) => return source::read_tree(folder, now, Walk::from_flag(scan.walk)),
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
