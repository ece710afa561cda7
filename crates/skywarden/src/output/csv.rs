use std::io::Write;

use skywarden_content::Catalog;

use skywarden_posture::Reported;

/// Writes one line per assessment, and one per finding inside it.
pub(crate) fn write(catalog: &Catalog, assessed: &Reported, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "status",
        "severity",
        "recommendation",
        "title",
        "finding",
        "resource",
        "cause",
        "permissions",
        "evidence",
        "remediation",
    ])?;
    for assessment in &assessed.assessments {
        let Some(recommendation) = catalog.recommendations.get(assessment.recommendation) else { continue };
        let file = &recommendation.file;
        let mut line = |status: String,
                        severity: String,
                        title: &str,
                        finding: &str,
                        cause: Option<&skywarden_model::Cause>,
                        evidence: &[skywarden_model::Evidence],
                        remediation: &str|
         -> anyhow::Result<()> {
            let cells = [
                status,
                severity,
                file.id.clone(),
                title.to_owned(),
                finding.to_owned(),
                assessment.resource.to_string(),
                cause.map(|cause| cause.message.clone()).unwrap_or_default(),
                cause.map(|cause| cause.permissions.join(" ")).unwrap_or_default(),
                serde_json::to_string(evidence)?,
                remediation.to_owned(),
            ];
            Ok(writer.write_record(cells.map(|cell| skywarden_report::cell(&cell)))?)
        };
        line(
            assessment.status.to_string(),
            file.severity.to_string(),
            &file.title,
            "",
            assessment.cause,
            assessment.evidence,
            &file.remediation.steps,
        )?;
        for finding in assessment.findings {
            let rule = catalog.baselines.values().find_map(|rules| rules.get(&finding.id));
            line(
                finding.status.to_string(),
                finding.severity.to_string(),
                &finding.title,
                &finding.id,
                finding.cause.as_deref(),
                &finding.evidence,
                rule.map_or("", |rule| &rule.file.remediation.steps),
            )?;
        }
    }
    writer.flush()?;
    Ok(())
}
