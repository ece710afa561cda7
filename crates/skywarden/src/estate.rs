//! Commands over the store: score, recommendations, inventory, changes, exempt.

use std::{collections::BTreeMap, path::Path};

use skywarden_model::{Exemption, ExemptionCategory, ExemptionScope, ResourceId, Status, Timestamp};
use skywarden_store::{AssessmentQuery, ResourceQuery, ScopeFilter, Store};

use crate::{
    Ending,
    arguments::{Category, Exempt, Format, Read},
    content,
    data_dir::DataDir,
    output::{self, new_table, text_for_terminal},
};

const EVERYTHING: ScopeFilter = ScopeFilter::All;

/// As many changes as the store gives at once.
const MAX_CHANGES: usize = 500;

/// `skywarden score`.
pub(crate) fn score(read: &Read) -> anyhow::Result<Ending> {
    let latest = with_store(read.data.as_deref(), async |store| Ok(store.latest_scores(&EVERYTHING).await?))?;
    let score = skywarden_posture::overall_score(latest.iter().map(|point| &point.score));
    let header = ["Security control", "Score", "Healthy", "Unhealthy", "Unknown"];
    let rows: Vec<Vec<String>> = score
        .controls
        .iter()
        .map(|control| {
            vec![
                control.title.to_string(),
                format!("{:.2} / {:.0}", control.current, control.max),
                control.healthy.to_string(),
                control.unhealthy.to_string(),
                control.unknown.to_string(),
            ]
        })
        .collect();
    if read.format == Format::Json {
        println!("{}", serde_json::to_string_pretty(&score)?);
        return Ok(Ending::Done);
    }
    if read.format == Format::Table {
        for line in output::score_lines(&score) {
            println!("{line}");
        }
    }
    print_rows(read, &header, rows)
}

/// `skywarden recommendations`.
pub(crate) fn recommendations(read: &Read, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    let (counts, custom) = with_store(read.data.as_deref(), async |store| {
        Ok((
            store.recommendation_counts(&EVERYTHING, &AssessmentQuery::default()).await?,
            store.custom_metadata(&EVERYTHING).await?,
        ))
    })?;
    let said = |id: &str, name: &str| {
        let own = custom.iter().find(|own| own.name.eq_ignore_ascii_case(id));
        own.and_then(|own| own.document.get(name)?.as_str().map(str::to_owned))
    };
    let mut rows = Vec::new();
    for count in counts {
        let known = catalog.recommendations.get(count.recommendation.as_str()).map(|known| &known.file);
        let described = match known {
            Some(file) => Some((file.severity.to_string(), file.title.clone())),
            None => said(&count.recommendation, "severity").zip(said(&count.recommendation, "displayName")),
        };
        let Some((severity, title)) = described else { continue };
        rows.push(vec![
            severity,
            count.recommendation,
            title,
            count.healthy.to_string(),
            count.unhealthy.to_string(),
            count.unknown.to_string(),
            count.not_applicable.to_string(),
        ]);
    }
    print_rows(read, &["Severity", "Id", "Recommendation", "Healthy", "Unhealthy", "Unknown", "Not applicable"], rows)
}

/// `skywarden inventory`.
pub(crate) fn inventory(read: &Read) -> anyhow::Result<Ending> {
    let rows = with_store(read.data.as_deref(), async |store| {
        let mut query = ResourceQuery { text: read.text.clone(), limit: 500, ..ResourceQuery::default() };
        let mut rows = Vec::new();
        loop {
            let page = store.resources(&EVERYTHING, &query).await?;
            for resource in page.items {
                rows.push(vec![
                    resource.type_name.to_string(),
                    resource.name,
                    resource.scope.account.to_string(),
                    resource.scope.resource_group.to_string(),
                    resource.id.to_string(),
                ]);
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(rows),
            }
        }
    })?;
    print_rows(read, &["Type", "Name", "Account", "Region", "Id"], rows)
}

/// `skywarden changes`.
pub(crate) fn changes(read: &Read) -> anyhow::Result<Ending> {
    let since = Timestamp::UNIX_EPOCH;
    let transitions = with_store(read.data.as_deref(), async |store| Ok(store.transitions(&EVERYTHING, since).await?))?;
    let word = |status: Option<Status>| status.map(|status| status.to_string()).unwrap_or_default();
    let rows = transitions
        .iter()
        .map(|change| {
            let kind = format!("{:?}", change.kind);
            let (recommendation, resource) = (change.recommendation.to_string(), change.resource.to_string());
            vec![format!("{:.0}", change.at), kind, word(change.from), word(change.to), recommendation, resource]
        })
        .collect();
    let is_cut = transitions.len() >= MAX_CHANGES;
    let ending = print_rows(read, &["At", "Kind", "From", "To", "Recommendation", "Resource"], rows)?;
    if is_cut {
        eprintln!("these are the newest {MAX_CHANGES}; older changes are not shown");
    }
    Ok(ending)
}

/// `skywarden exempt`.
pub(crate) fn exempt(exempt: &Exempt, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    anyhow::ensure!(
        catalog.recommendations.contains_key(exempt.recommendation.as_str()),
        "there is no recommendation `{}`; `skywarden recommendations` lists them",
        text_for_terminal(&exempt.recommendation, 100)
    );
    anyhow::ensure!(!exempt.reason.trim().is_empty(), "an exemption needs a reason");
    let now = Timestamp::now();
    anyhow::ensure!(exempt.expires.is_none_or(|end| end > now), "the exemption would already have expired");
    let exemption = Exemption {
        id: uuid::Uuid::new_v4().to_string(),
        recommendation: exempt.recommendation.clone(),
        finding: exempt.finding.clone(),
        scope: match &exempt.resource {
            Some(id) => ExemptionScope::Resource { id: ResourceId::from(id.as_str()) },
            None => ExemptionScope::Tenant,
        },
        category: match exempt.category {
            Category::Waiver => ExemptionCategory::Waiver,
            Category::Mitigated => ExemptionCategory::Mitigated,
        },
        reason: exempt.reason.clone(),
        expires_at: exempt.expires,
        created_at: now,
        created_by: std::env::var("USER").unwrap_or_else(|_| "command line".to_owned()),
    };
    let (before, after) = with_store(exempt.data.as_deref(), async |store| {
        let before = percentage(store).await?;
        store.put_exemption(&exemption).await?;
        for connector in store.connectors(&EVERYTHING).await? {
            store.reassess(&catalog, &connector, now).await?;
        }
        Ok((before, percentage(store).await?))
    })?;
    println!(
        "exemption {} holds; the secure score was {} and is {}",
        exemption.id,
        output::percent(before),
        output::percent(after)
    );
    Ok(Ending::Done)
}

async fn percentage(store: &Store) -> anyhow::Result<f64> {
    let latest = store.latest_scores(&EVERYTHING).await?;
    Ok(skywarden_posture::overall_score(latest.iter().map(|point| &point.score)).percentage)
}

/// Does something with the store of a data folder, which must be there.
pub(crate) fn with_store<T>(data: Option<&Path>, work: impl AsyncFnOnce(&Store) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let data = DataDir::open(data)?;
    anyhow::ensure!(
        data.store().exists(),
        "there is no store in {}; run `skywarden up` first, or name its folder with --data",
        data.path().display()
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_file(&data.store()).await?;
        work(&store).await
    })
}

/// Prints rows in the format that was asked for; only those that contain the text that was.
pub(crate) fn print_rows(read: &Read, header: &[&str], mut rows: Vec<Vec<String>>) -> anyhow::Result<Ending> {
    if let Some(text) = &read.text {
        let text = text.to_lowercase();
        rows.retain(|row| row.iter().any(|cell| cell.to_lowercase().contains(&text)));
    }
    match read.format {
        Format::Table => {
            let mut table = new_table(header);
            for row in &rows {
                table.add_row(row.iter().map(|cell| text_for_terminal(cell, 200)));
            }
            println!("{table}\n{} rows", rows.len());
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(std::io::stdout());
            writer.write_record(header)?;
            for row in &rows {
                writer.write_record(row.iter().map(|cell| skywarden_report::cell(cell)))?;
            }
            writer.flush()?;
        }
        Format::Json => {
            let objects: Vec<BTreeMap<&str, &String>> =
                rows.iter().map(|row| header.iter().copied().zip(row).collect()).collect();
            println!("{}", serde_json::to_string_pretty(&objects)?);
        }
    }
    Ok(Ending::Done)
}
