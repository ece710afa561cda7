use std::{collections::BTreeMap, path::Path, sync::Arc};

use skywarden_collect::Transport;
use skywarden_content::{Catalog, RecommendationFile};
use skywarden_model::{ConnectorId, Snapshot, Status, Timestamp};
use skywarden_posture::{Assessed, Known, assess, overall_score};

use crate::{
    Ending,
    arguments::{Scan, ScanFormat},
    content, output,
    progress::Bar,
    source::{self, Source, Walk},
};

/// `skywarden scan`: assess once and print.
pub(crate) fn run(scan: &Scan, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let is_recordable = scan.sources.iter().any(|source| *source != Source::Host);
    anyhow::ensure!(scan.record.is_none() || is_recordable, "--record needs a source that has calls to record: aws");
    let mut catalog = content::catalog(overlay)?;
    if let Some(standard) = &scan.standard {
        output::standard_file(&catalog, standard)?;
        keep_standard(&mut catalog, standard);
    }
    let now = Timestamp::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut parts = Vec::with_capacity(scan.sources.len());
    for (index, source) in scan.sources.iter().enumerate() {
        anyhow::ensure!(!scan.sources.iter().take(index).any(|earlier| earlier == source), "a source is named twice");
        let snapshot = runtime.block_on(read(&catalog, scan, source, now))?;
        parts.push(assess(&catalog, snapshot, &Known::default(), now));
    }
    let assessed = together(parts);
    output::write_to(scan.out.as_deref(), |out| match scan.format {
        ScanFormat::Table => output::write_table(&catalog, &assessed, out),
        ScanFormat::Json => output::write_json(&catalog, &assessed, out),
        ScanFormat::Csv => output::write_csv(&catalog, &assessed, out),
        ScanFormat::Sarif => output::write_sarif(&catalog, &assessed, out),
        ScanFormat::Ocsf => output::write_ocsf(&catalog, &assessed, out),
        ScanFormat::Html => output::write_html(&catalog, &assessed, out),
    })?;
    Ok(if hits_threshold(scan, &catalog, &assessed) { Ending::Threshold } else { Ending::Done })
}

/// Leaves in the catalog what covers a control of a standard, so that score, counts and reports speak of nothing else.
fn keep_standard(catalog: &mut Catalog, standard: &str) {
    let covers = |compliance: &BTreeMap<String, Vec<String>>| compliance.contains_key(standard);
    let baseline_of = |file: &RecommendationFile| file.findings_from.as_ref().map(|from| from.baseline.clone());
    let recommendations = catalog.recommendations.values();
    // A recommendation that covers the standard by itself rests on every rule of its baseline.
    let whole: Vec<String> = recommendations
        .filter(|recommendation| covers(&recommendation.file.compliance))
        .filter_map(|recommendation| baseline_of(&recommendation.file))
        .collect();
    for (platform, rules) in &mut catalog.baselines {
        rules.retain(|_, rule| whole.contains(platform) || covers(&rule.file.compliance));
    }
    let baselines = &catalog.baselines;
    catalog.recommendations.retain(|_, recommendation| {
        let rules = baseline_of(&recommendation.file).and_then(|platform| baselines.get(&platform));
        covers(&recommendation.file.compliance) || rules.is_some_and(|rules| !rules.is_empty())
    });
    catalog.standards.retain(|id, _| id == standard);
}

async fn read(catalog: &Catalog, scan: &Scan, source: &Source, now: Timestamp) -> anyhow::Result<Snapshot> {
    let (connector, transport) = match source {
        Source::Host => return Ok(source::read_host(now, Walk::from_flag(scan.walk))),
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
