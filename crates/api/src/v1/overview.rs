use std::collections::BTreeMap;

use axum::Json;
use serde::Serialize;
use serde_json::{Value, json};
use skywarden_model::{Coverage, ListOutcome, SecureScore, Status, Timestamp};
use skywarden_posture::overall_score;
use skywarden_store::{ResourceQuery, ScorePoint};

use super::{Answer, rounds::rounds};
use crate::{error::ApiError, scoped::Scoped};

/// Listings by how they went, and reads that were refused.
#[derive(Debug, Default, Serialize)]
pub(super) struct CoverageCounts {
    complete: u64,
    partial: u64,
    failed: u64,
    skipped: u64,
    denied: u64,
}

/// The score over everything that is connected.
pub(crate) async fn total_score(state: &Scoped) -> Result<SecureScore, ApiError> {
    let latest = state.latest_scores(&state.filter).await?;
    Ok(overall_score(latest.iter().map(|point| &point.score)))
}

pub(crate) async fn overview(state: Scoped) -> Answer {
    let told = state.overviews.get(&state.store, &state.filter, told(&state)).await?;
    Ok(Json(Value::clone(&told)))
}

async fn told(state: &Scoped) -> Result<Value, ApiError> {
    let latest = state.latest_scores(&state.filter).await?;
    let score = overall_score(latest.iter().map(|point| &point.score));
    let subscriptions: Vec<Value> = latest
        .iter()
        .map(|point| json!({ "connector": point.connector, "account": point.account, "at": point.at, "score": headline(&point.score) }))
        .collect();
    let connectors: Vec<Value> = state
        .store
        .connectors(&state.filter)
        .await?
        .iter()
        .map(|connector| {
            json!({ "id": connector.id, "displayName": connector.display_name, "environment": connector.environment,
                    "sample": connector.sample })
        })
        .collect();
    let unhealthy = ResourceQuery { status: Some(Status::Unhealthy), ..ResourceQuery::default() };
    let statuses = state.store.status_counts(&state.filter).await?;
    let statuses: BTreeMap<String, u64> = statuses.into_iter().map(|(status, count)| (status.to_string(), count)).collect();
    let history = state.store.scores(&state.filter, Timestamp::UNIX_EPOCH).await?;
    Ok(json!({
        "secureScore": score,
        "subscriptions": subscriptions,
        "connectors": connectors,
        "assessments": statuses,
        "resources": state.store.resource_count(&state.filter, &ResourceQuery::default()).await?,
        "unhealthyResources": state.store.resource_count(&state.filter, &unhealthy).await?,
        "trend": trend(&history),
        "withoutHistory": state.without_history(&state.filter).await?,
        "coverage": coverage_counts(&state.store.coverage(&state.filter).await?),
    }))
}

fn headline(score: &SecureScore) -> Value {
    json!({ "current": score.current, "max": score.max, "percentage": score.percentage, "weight": score.weight,
            "coverage": score.coverage, "range": score.range })
}

/// The whole after each round of assessments: every subscription with its newest score until then.
fn trend(history: &[ScorePoint]) -> Vec<Value> {
    let mut newest: BTreeMap<(&str, &str), &SecureScore> = BTreeMap::new();
    let mut points = history.iter().peekable();
    let mut trend = Vec::new();
    for at in rounds(history.iter().map(|point| point.at.as_str())) {
        while let Some(point) = points.next_if(|point| point.at.as_str() <= at) {
            newest.insert((&point.connector, &point.account), &point.score);
        }
        let score = overall_score(newest.values().copied());
        trend.push(json!({ "at": at, "percentage": score.percentage, "range": score.range, "coverage": score.coverage }));
    }
    trend
}

pub(super) fn coverage_counts(coverage: &[Coverage]) -> CoverageCounts {
    let mut counts = CoverageCounts::default();
    for entry in coverage {
        match entry.outcome {
            ListOutcome::Complete { .. } => counts.complete += 1,
            ListOutcome::Partial { .. } => counts.partial += 1,
            ListOutcome::Failed { .. } => counts.failed += 1,
            ListOutcome::Skipped { .. } => counts.skipped += 1,
        }
        counts.denied += entry.denied.len() as u64;
    }
    counts
}
