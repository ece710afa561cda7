//! Commands over the store: score, recommendations, inventory, exempt.

use std::{collections::BTreeMap, path::Path};

use skywarden_model::{Assessment, Exemption, ExemptionCategory, ExemptionScope, ResourceId, Status, Timestamp};
use skywarden_store::{ResourceQuery, ScopeFilter, Store};

use crate::{
    Ending,
    arguments::{Category, Exempt, Format, Read},
    content,
    data_dir::DataDir,
    output::{self, cell_for_spreadsheet, new_table, text_for_terminal},
};

const EVERYTHING: ScopeFilter = ScopeFilter::All;

/// `skywarden score`.
pub(crate) fn score(read: &Read, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    let (assessments, coverage) = with_store(read.data.as_deref(), async |store| {
        let rows = store.assessments(&EVERYTHING).await?;
        let assessments: Vec<Assessment> = rows.into_iter().map(|row| row.assessment).collect();
        Ok((assessments, store.coverage(&EVERYTHING).await?))
    })?;
    let score = skywarden_posture::secure_score(&catalog, &assessments, &coverage);
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
    print_rows(read.format, &header, &rows)
}

/// `skywarden recommendations`.
pub(crate) fn recommendations(read: &Read, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    let rows = with_store(read.data.as_deref(), async |store| Ok(store.assessments(&EVERYTHING).await?))?;
    let mut counts: BTreeMap<String, BTreeMap<Status, u64>> = BTreeMap::new();
    for row in rows {
        let statuses = counts.entry(row.assessment.recommendation.to_string()).or_default();
        *statuses.entry(row.assessment.status).or_default() += 1;
    }
    let mut table = Vec::new();
    for (id, statuses) in counts {
        let Some(recommendation) = catalog.recommendations.get(id.as_str()) else { continue };
        let count = |status| statuses.get(&status).copied().unwrap_or_default().to_string();
        let row = vec![
            recommendation.file.severity.to_string(),
            id,
            recommendation.file.title.clone(),
            count(Status::Healthy),
            count(Status::Unhealthy),
            count(Status::Unknown),
            count(Status::NotApplicable),
        ];
        if matches(read, &row) {
            table.push(row);
        }
    }
    print_rows(read.format, &["Severity", "Id", "Recommendation", "Healthy", "Unhealthy", "Unknown", "Not applicable"], &table)
}

/// `skywarden inventory`.
pub(crate) fn inventory(read: &Read, _overlay: Option<&Path>) -> anyhow::Result<Ending> {
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
    print_rows(read.format, &["Type", "Name", "Account", "Region", "Id"], &rows)
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
    with_store(exempt.data.as_deref(), async |store| Ok(store.put_exemption(&exemption).await?))?;
    println!("exemption {} holds from the next assessment on", exemption.id);
    Ok(Ending::Done)
}

fn with_store<T>(data: Option<&Path>, work: impl AsyncFnOnce(&Store) -> anyhow::Result<T>) -> anyhow::Result<T> {
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

fn matches(read: &Read, row: &[String]) -> bool {
    let Some(text) = &read.text else { return true };
    row.iter().any(|cell| cell.to_lowercase().contains(&text.to_lowercase()))
}

fn print_rows(format: Format, header: &[&str], rows: &[Vec<String>]) -> anyhow::Result<Ending> {
    match format {
        Format::Table => {
            let mut table = new_table(header);
            for row in rows {
                table.add_row(row.iter().map(|cell| text_for_terminal(cell, 200)));
            }
            println!("{table}\n{} rows", rows.len());
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(std::io::stdout());
            writer.write_record(header)?;
            for row in rows {
                writer.write_record(row.iter().map(|cell| cell_for_spreadsheet(cell)))?;
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
