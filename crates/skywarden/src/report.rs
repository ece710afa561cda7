use std::path::Path;

use skywarden_model::{Assessment, Timestamp};
use skywarden_store::ScopeFilter;

use crate::{
    Ending,
    arguments::{Report, ReportFormat},
    content,
    estate::with_store,
    output,
};

/// `skywarden report`: a standard's controls, from what the store holds.
pub(crate) fn run(report: &Report, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    output::standard_file(&catalog, &report.standard)?;
    let everything = ScopeFilter::All;
    let (rows, coverage, scores) = with_store(report.data.as_deref(), async |store| {
        let scores = store.latest_scores(&everything).await?;
        Ok((store.assessments(&everything).await?, store.coverage(&everything).await?, scores))
    })?;
    let assessments: Vec<Assessment> = rows.into_iter().map(|row| row.assessment).collect();
    let found = output::standard_report(&catalog, &report.standard, &assessments, &coverage)?;
    // The report is as old as the oldest run that it rests on.
    let mut at: Option<Timestamp> = None;
    for point in &scores {
        let own: Timestamp = point.at.parse()?;
        at = Some(at.map_or(own, |oldest| oldest.min(own)));
    }
    output::write_to(report.out.as_deref(), |out| match report.format {
        ReportFormat::Html => output::write_standard_html(&found, at, out),
        ReportFormat::Csv => output::write_standard_csv(&found, out),
        ReportFormat::Json => output::write_standard_json(&found, out),
    })?;
    Ok(Ending::Done)
}
