use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use futures_util::{StreamExt as _, stream};
use skywarden_collect::{
    AzureExportError, ConfigSnapshotError, Transport, organization, read_azure_export, read_config_snapshot,
};
use skywarden_content::{Catalog, RecommendationFile};
use skywarden_inventory::Resources;
use skywarden_model::{ConnectorId, Environment, Placed, ResourceHead, ResourceId, Snapshot, Status, Timestamp};
use skywarden_posture::{Assessed, Known, Reported, Standards, assess_for_report, overall_score};

use crate::{
    Ending,
    arguments::{Scan, ScanFormat},
    azure, content,
    organization::member_login,
    output,
    progress::Bar,
    source::{self, Source, Walk},
    standards,
    told::told,
};

/// `skywarden scan`: assess once and print.
pub(crate) fn run(scan: &Scan, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let is_recordable = scan.sources.iter().any(|source| matches!(source, Source::Aws | Source::Azure | Source::Replay(_)));
    anyhow::ensure!(scan.record.is_none() || is_recordable, "--record needs a source that has calls to record: aws, azure");
    let mut catalog = content::catalog(overlay)?;
    if let Some(standard) = &scan.standard {
        standards::found(&Standards::of(&catalog), standard)?;
        keep_standard(&mut catalog, standard);
    }
    let now = Timestamp::now();
    // What is read waits for the provider; threads that wake each other for every answer would cost as much as the answers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut parts = Vec::with_capacity(scan.sources.len());
    for (index, source) in scan.sources.iter().enumerate() {
        anyhow::ensure!(!scan.sources.iter().take(index).any(|earlier| earlier == source), "a source is named twice");
        if *source == Source::Aws && scan.organization.organization {
            parts.extend(runtime.block_on(read_organization(&catalog, scan, now))?);
            continue;
        }
        let snapshot = runtime.block_on(read(&catalog, scan, source, now))?;
        parts.push(assess_for_report(&catalog, snapshot, &Known::default(), now));
    }
    tell_shared_once(&catalog, &mut parts);
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
    let named: BTreeSet<String> = Standards::of(catalog).checks_of(standard).into_iter().map(str::to_owned).collect();
    let covers = |id: &str, compliance: &BTreeMap<String, Vec<String>>| compliance.contains_key(standard) || named.contains(id);
    let baseline_of = |file: &RecommendationFile| file.findings_from.as_ref().map(|from| from.baseline.clone());
    let recommendations = catalog.recommendations.values();
    // A recommendation that covers the standard by itself rests on every rule of its baseline.
    let whole: Vec<String> = recommendations
        .filter(|recommendation| covers(&recommendation.file.id, &recommendation.file.compliance))
        .filter_map(|recommendation| baseline_of(&recommendation.file))
        .collect();
    for (platform, rules) in &mut catalog.baselines {
        rules.retain(|_, rule| whole.contains(platform) || covers(&rule.file.id, &rule.file.compliance));
    }
    let baselines = &catalog.baselines;
    catalog.recommendations.retain(|_, recommendation| {
        let rules = baseline_of(&recommendation.file).and_then(|platform| baselines.get(&platform));
        covers(&recommendation.file.id, &recommendation.file.compliance) || rules.is_some_and(|rules| !rules.is_empty())
    });
    catalog.standards.retain(|id, _| id == standard);
}

async fn read(catalog: &Catalog, scan: &Scan, source: &Source, now: Timestamp) -> anyhow::Result<Snapshot<Resources>> {
    let (cloud, connector, transport): (_, _, Arc<dyn Transport>) = match source {
        Source::Host => return Ok(source::read_host(now, Walk::from_flag(scan.walk)).with(Into::into)),
        Source::File(path) => return Ok(read_file(catalog, path, now)?.with(Into::into)),
        Source::Tree(folder) => return Ok(source::read_tree(folder, now, Walk::from_flag(scan.walk))?.with(Into::into)),
        Source::Aws => (Environment::Aws, "aws", source::live(&scan.aws).await?),
        Source::Azure => {
            let secret = azure::secret_of(&scan.azure)?;
            (Environment::Azure, "azure", azure::live(&scan.azure, secret).await?)
        }
        Source::Replay(folder) => {
            let replay = source::replay(folder)?;
            let cloud = if replay.is_of_azure() { Environment::Azure } else { Environment::Aws };
            (cloud, "replay", replay)
        }
    };
    let transport = match &scan.record {
        Some(folder) => {
            eprintln!(
                "recording the cloud's answers in {} as they come: they may hold secrets, the files are yours alone",
                folder.display()
            );
            source::recording(transport, folder, now)?
        }
        None => transport,
    };
    match cloud {
        Environment::Azure => {
            let options = azure::what_to_look_at(&scan.azure, connector.into(), BTreeMap::new());
            Ok(azure::read_tenant(catalog, transport, options, now).await?.with(Into::into))
        }
        _ => Ok(read_account(catalog, connector.into(), transport, &scan.aws.regions, now).await?.with(Into::into)),
    }
}

/// A snapshot of AWS Config, or what was exported from Azure.
fn read_file(catalog: &Catalog, path: &Path, now: Timestamp) -> anyhow::Result<Snapshot> {
    let connector = "file".into();
    let no_snapshot = match read_config_snapshot(catalog, path, &connector, now) {
        Err(error @ ConfigSnapshotError::Format { .. }) => error,
        read => return Ok(read?),
    };
    match read_azure_export(catalog, path, &connector, now) {
        Err(error @ AzureExportError::Format { .. }) => anyhow::bail!("{error}; {no_snapshot}"),
        read => Ok(read?),
    }
}

/// Accounts of an organisation that are read at once.
const ACCOUNTS_AT_ONCE: usize = 4;

/// Every account of an organisation that can be entered; the others are told, and never stop these.
///
/// # Errors
/// If the accounts can't be listed, or none could be entered.
async fn read_organization(catalog: &Catalog, scan: &Scan, now: Timestamp) -> anyhow::Result<Vec<Reported>> {
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
            anyhow::Ok(assess_for_report(catalog, snapshot.with(Into::into), &Known::default(), now))
        });
    }
    let n_accounts = runs.len();
    let mut parts = Vec::with_capacity(n_accounts);
    let mut runs = stream::iter(runs).buffer_unordered(ACCOUNTS_AT_ONCE);
    while let Some(result) = runs.next().await {
        match result {
            Ok(part) => parts.push(part),
            Err(error) => eprintln!("skywarden: {}", told(&error)),
        }
    }
    anyhow::ensure!(!parts.is_empty(), "none of the {n_accounts} accounts could be read");
    eprintln!("{} of {n_accounts} accounts of the organisation were read", parts.len());
    parts.sort_by(|one, other| one.scores.keys().cmp(other.scores.keys()));
    Ok(parts)
}

/// Leaves what several accounts see to the account that owns it, or to the first of them if that was not read.
fn tell_shared_once(catalog: &Catalog, parts: &mut [Reported]) {
    let foreign = |resource: &&ResourceHead| resource.foreign_owner().is_some();
    let shared: BTreeSet<ResourceId> =
        parts.iter().flat_map(|part| &part.resources).filter(foreign).map(|resource| resource.id.clone()).collect();
    let mut teller: BTreeMap<ResourceId, usize> = BTreeMap::new();
    for is_foreign in [false, true] {
        for (index, part) in parts.iter().enumerate() {
            for resource in part.resources.iter().filter(|own| foreign(own) == is_foreign && shared.contains(&own.id)) {
                teller.entry(resource.id.clone()).or_insert(index);
            }
        }
    }
    for (index, part) in parts.iter_mut().enumerate() {
        let told_elsewhere = teller.iter().filter(|(_, own)| **own != index).map(|(id, _)| id.clone()).collect();
        part.leave_out(catalog, &told_elsewhere);
    }
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
fn together(parts: Vec<Reported>) -> Reported {
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else {
        return Assessed {
            taken_at: Timestamp::UNIX_EPOCH,
            resources: Vec::new(),
            held_elsewhere: Vec::new(),
            stale: Default::default(),
            coverage: Vec::new(),
            facts: Default::default(),
            assessments: Default::default(),
            scores: Default::default(),
            score: overall_score([]),
            plans: Default::default(),
        };
    };
    for part in parts {
        whole.resources.extend(part.resources);
        whole.stale.extend(part.stale);
        whole.coverage.extend(part.coverage);
        whole.assessments.extend(part.assessments);
        whole.scores.extend(part.scores);
    }
    whole.score = overall_score(whole.scores.values());
    whole
}

fn hits_threshold(scan: &Scan, catalog: &Catalog, assessed: &Reported) -> bool {
    let Some(threshold) = scan.fail_on else { return false };
    assessed.assessments.iter().filter(|assessment| assessment.status == Status::Unhealthy).any(|assessment| {
        let recommendation = catalog.recommendations.get(assessment.recommendation);
        recommendation.is_some_and(|recommendation| recommendation.file.severity >= threshold)
    })
}

#[cfg(test)]
mod tests {
    use skywarden_model::{Carried, Resource, Scope};

    use super::*;

    fn part(account: &str, ids: &[&str]) -> Reported {
        let connector: ConnectorId = format!("aws-{account}").as_str().into();
        let resource = |id: &&str| Resource {
            id: (*id).into(),
            type_name: "AWS::Organizations::Root".into(),
            name: String::new(),
            scope: Scope { connector: connector.clone(), account: account.into(), resource_group: "global".into() },
            location: None,
            tags: BTreeMap::new(),
            envelope: Default::default(),
            properties: serde_json::json!({}),
            unreadable: Vec::new(),
            carried: Carried::All,
        };
        let resources: Vec<Resource> = ids.iter().map(resource).collect();
        let snapshot =
            Snapshot { connector: connector.clone(), taken_at: Timestamp::UNIX_EPOCH, resources, coverage: Vec::new() };
        assess_for_report(&Catalog::default(), snapshot.with(Into::into), &Known::default(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_accounts_share_is_told_by_its_owner_or_by_the_first() {
        let (root, subnet) = ("arn:aws:organizations::2:root/o/r", "arn:aws:ec2:eu-west-1:9:subnet/s");
        let mut parts =
            [part("1", &[root, "arn:aws:s3:::one"]), part("2", &[root, subnet]), part("3", &[root, subnet, "arn:aws:sqs:x:3:q"])];
        tell_shared_once(&Catalog::default(), &mut parts);
        let told = parts.each_ref().map(|part| part.resources.iter().map(|own| own.id.to_string()).collect::<Vec<_>>());
        assert_eq!(told, [vec!["arn:aws:s3:::one"], vec![subnet, root], vec!["arn:aws:sqs:x:3:q"]]);
    }
}
