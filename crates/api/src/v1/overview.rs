use std::collections::BTreeMap;

use axum::Json;
use serde_json::{Value, json};
use skywarden_model::{SecureScore, SignedDuration, Status, Timestamp};
use skywarden_posture::{ScorePart, outline, overall_score};
use skywarden_store::{ResourceQuery, ScorePoint};

use super::{Answer, rounds::rounds};
use crate::{error::ApiError, scoped::Scoped};

/// How far back scores are shown.
const SHOWN: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How far back each is shown; of a day before that the last.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

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
    let now = Timestamp::now();
    let back = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let (store, filter) = (&state.store, &state.filter);
    let (everything, unhealthy) =
        (ResourceQuery::default(), ResourceQuery { status: Some(Status::Unhealthy), ..ResourceQuery::default() });
    let (history, parts, connectors, statuses, n_resources, n_unhealthy, coverage) = tokio::try_join!(
        store.scores(filter, back(SHOWN), back(RECENT)),
        store.scores_of_parts(&state.catalog, filter),
        store.connectors(filter),
        store.status_counts(filter),
        store.resource_count(filter, &everything),
        store.resource_count(filter, &unhealthy),
        store.coverage_counts(filter),
    )?;
    let mut latest: BTreeMap<(&str, &str), &ScorePoint> = BTreeMap::new();
    for point in history.iter().chain(parts.iter()) {
        latest.insert((&point.connector, &point.account), point);
    }
    let score = overall_score(latest.values().map(|point| &point.score));
    let subscriptions: Vec<Value> = latest
        .values()
        .map(|point| json!({ "connector": point.connector, "account": point.account, "at": point.at, "score": headline(&point.score) }))
        .collect();
    let connectors: Vec<Value> = connectors
        .iter()
        .map(|connector| {
            json!({ "id": connector.id, "displayName": connector.display_name, "environment": connector.environment,
                    "sample": connector.sample })
        })
        .collect();
    let statuses: BTreeMap<String, u64> = statuses.into_iter().map(|(status, count)| (status.to_string(), count)).collect();
    Ok(json!({
        "secureScore": score,
        "subscriptions": subscriptions,
        "connectors": connectors,
        "assessments": statuses,
        "resources": n_resources,
        "unhealthyResources": n_unhealthy,
        "trend": trend(&history, &back(SHOWN).to_string()),
        "withoutHistory": state.without_history(&state.filter).await?,
        "coverage": coverage,
    }))
}

fn headline(score: &SecureScore) -> Value {
    json!({ "current": score.current, "max": score.max, "percentage": score.percentage, "weight": score.weight,
            "coverage": score.coverage, "range": score.range })
}

/// The whole after each round of assessments since an instant: every subscription with its newest score until then.
fn trend(history: &[ScorePoint], since: &str) -> Vec<Value> {
    let mut newest: BTreeMap<(&str, &str), ScorePart> = BTreeMap::new();
    let mut points = history.iter().peekable();
    let mut trend = Vec::new();
    let newest_at = history.last().map_or("", |point| point.at.as_str());
    let shown = history.iter().map(|point| point.at.as_str()).filter(|at| *at >= since || *at == newest_at);
    for at in rounds(shown) {
        while let Some(point) = points.next_if(|point| point.at.as_str() <= at) {
            newest.insert((&point.connector, &point.account), ScorePart::of(&point.score));
        }
        let score = outline(newest.values());
        trend.push(json!({ "at": at, "percentage": score.percentage, "range": score.range, "coverage": score.coverage }));
    }
    trend
}
