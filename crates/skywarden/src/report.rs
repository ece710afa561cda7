use std::{io::IsTerminal as _, path::Path};

use anyhow::Context as _;
use skywarden_model::{Assessment, Timestamp};
use skywarden_report::{Cover, standard_report};
use skywarden_store::ScopeFilter;

use crate::{
    Ending,
    arguments::{Report, ReportFormat},
    content,
    estate::with_store,
    output, standards,
};

/// `skywarden report`: a standard's controls, from what the store holds.
pub(crate) fn run(report: &Report, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let is_shown = report.out.is_none() && std::io::stdout().is_terminal();
    anyhow::ensure!(report.format != ReportFormat::Pdf || !is_shown, "a PDF is nothing for a terminal; name a file with --out");
    let catalog = content::catalog(overlay)?;
    let everything = ScopeFilter::All;
    let (own, rows, coverage, scores) = with_store(report.data.as_deref(), async |store| {
        let mut own = store.own_standards(&everything).await?;
        let narrowed = own.narrowed(&everything, &catalog, &report.standard, Timestamp::now());
        if let Some(narrowed) = &narrowed {
            own = store.own_standards(narrowed).await?;
        }
        let filter = narrowed.unwrap_or(everything);
        let scores = store.latest_scores(&filter).await?;
        Ok((own, store.assessments(&filter).await?, store.coverage(&filter).await?, scores))
    })?;
    let known = own.with(&catalog, Timestamp::now());
    standards::found(&known, &report.standard)?;
    let assessments: Vec<Assessment> = rows.into_iter().map(|row| row.assessment).collect();
    let found = standard_report(&known, &report.standard, &assessments, &coverage);
    let found = found.with_context(|| format!("the standard `{}` could not be rolled up", report.standard))?;
    // The report is as old as the oldest run that it rests on.
    let mut at: Option<Timestamp> = None;
    for point in &scores {
        let own: Timestamp = point.at.parse()?;
        at = Some(at.map_or(own, |oldest| oldest.min(own)));
    }
    output::write_to(report.out.as_deref(), |out| match report.format {
        ReportFormat::Html => output::write_standard_html(&found, at, out),
        ReportFormat::Csv => Ok(out.write_all(&skywarden_report::csv(&found)?)?),
        ReportFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &found)?;
            Ok(writeln!(out)?)
        }
        ReportFormat::Pdf => {
            let cover = Cover { scope: "Whole installation", at };
            Ok(out.write_all(&skywarden_report::pdf(&found, cover)?)?)
        }
    })?;
    Ok(Ending::Done)
}
