use std::io::Write;

use serde::Serialize;
use skywarden_content::Catalog;
use skywarden_model::{Coverage, ResourceHead, SecureScore, Severity};
use skywarden_posture::{Assessments, Reported};

/// The report of `scan --format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    resources: Vec<ResourceEntry<'a>>,
    recommendations: Vec<RecommendationEntry<'a>>,
    assessments: &'a Assessments,
    /// All subscriptions together.
    secure_score: &'a SecureScore,
    subscriptions: Vec<SubscriptionEntry<'a>>,
    coverage: &'a [Coverage],
}

/// A resource without its properties, which can be large; `inventory` and the API have them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceEntry<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    name: &'a str,
    arm_id: String,
    scope: &'a skywarden_model::Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    tags: &'a std::collections::BTreeMap<String, String>,
}

/// The score of one account.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionEntry<'a> {
    connector: &'a str,
    account: &'a str,
    secure_score: &'a SecureScore,
}

/// What is needed to recompute the score from the report alone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecommendationEntry<'a> {
    id: &'a str,
    key: &'a str,
    title: &'a str,
    #[serde(rename = "type")]
    type_name: &'a str,
    severity: Severity,
    control: &'a str,
    maturity: skywarden_content::Maturity,
}

/// Writes the report as one JSON document.
pub(crate) fn write(catalog: &Catalog, assessed: &Reported, out: &mut dyn Write) -> anyhow::Result<()> {
    let report = Report {
        resources: assessed.resources.iter().map(entry).collect(),
        recommendations: catalog
            .recommendations
            .values()
            .map(|recommendation| RecommendationEntry {
                id: &recommendation.file.id,
                key: &recommendation.key,
                title: &recommendation.file.title,
                type_name: &recommendation.file.type_name,
                severity: recommendation.file.severity,
                control: &recommendation.file.control,
                maturity: recommendation.file.maturity,
            })
            .collect(),
        assessments: &assessed.assessments,
        secure_score: &assessed.score,
        subscriptions: assessed
            .scores
            .iter()
            .map(|((connector, account), secure_score)| SubscriptionEntry { connector, account, secure_score })
            .collect(),
        coverage: &assessed.coverage,
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)?;
    Ok(())
}

fn entry(resource: &ResourceHead) -> ResourceEntry<'_> {
    ResourceEntry {
        id: resource.id.as_str(),
        type_name: resource.type_name.as_str(),
        name: &resource.name,
        arm_id: skywarden_model::ArmId::of(resource).to_string(),
        scope: &resource.scope,
        location: resource.location.as_deref(),
        tags: &resource.tags,
    }
}
