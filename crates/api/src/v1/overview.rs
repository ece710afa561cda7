use std::collections::BTreeMap;

use axum::Json;
use serde_json::{Value, json};
use skywarden_model::{SignedDuration, Status, Timestamp};
use skywarden_posture::{ScorePart, outline};
use skywarden_store::{ResourceQuery, ScorePoint};

use super::{Answer, rounds::rounds};
use crate::{arm::AccountNames, error::ApiError, scoped::Scoped};

/// How far back scores are shown.
const SHOWN: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How far back each is shown; of a day before that the last.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

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
    let estate = async {
        let told = tokio::try_join!(
            store.connectors(filter),
            store.status_counts(filter),
            store.resource_count(filter, &everything),
            store.resource_count(filter, &unhealthy),
            store.coverage_counts(filter),
        )?;
        Ok(told)
    };
    let (scores, (connectors, statuses, n_resources, n_unhealthy, coverage), names) =
        tokio::try_join!(state.score_parts(back(SHOWN), back(RECENT)), estate, AccountNames::of(state))?;
    let subscriptions: Vec<Value> = scores.latest.iter().map(|point| subscription(point, &names)).collect();
    let connectors: Vec<Value> = connectors
        .iter()
        .map(|connector| {
            json!({ "id": connector.id, "displayName": connector.display_name, "environment": connector.environment,
                    "sample": connector.sample })
        })
        .collect();
    let statuses: BTreeMap<String, u64> = statuses.into_iter().map(|(status, count)| (status.to_string(), count)).collect();
    Ok(json!({
        "secureScore": scores.overall(),
        "subscriptions": subscriptions,
        "connectors": connectors,
        "assessments": statuses,
        "resources": n_resources,
        "unhealthyResources": n_unhealthy,
        "trend": trend(&scores.history, &back(SHOWN).to_string()),
        "withoutHistory": state.without_history(&state.filter).await?,
        "coverage": coverage,
    }))
}

fn subscription(point: &ScorePoint<ScorePart>, names: &AccountNames) -> Value {
    let score = &point.score;
    let own = score.outline;
    let headline = json!({ "current": score.current, "max": score.max, "percentage": own.percentage, "weight": score.weight,
                           "coverage": own.coverage, "range": own.range });
    let name = names.own(&point.connector, &point.account);
    json!({ "connector": point.connector, "account": point.account, "name": name, "at": point.at, "score": headline })
}

/// The whole after each round of assessments since an instant: every subscription with its newest score until then.
fn trend(history: &[ScorePoint<ScorePart>], since: &str) -> Vec<Value> {
    let mut newest: BTreeMap<(&str, &str), &ScorePart> = BTreeMap::new();
    let mut points = history.iter().peekable();
    let mut trend = Vec::new();
    let newest_at = history.last().map_or("", |point| point.at.as_str());
    let shown = history.iter().map(|point| point.at.as_str()).filter(|at| *at >= since || *at == newest_at);
    for at in rounds(shown) {
        while let Some(point) = points.next_if(|point| point.at.as_str() <= at) {
            newest.insert((&point.connector, &point.account), &point.score);
        }
        let score = outline(newest.values().copied());
        trend.push(json!({ "at": at, "percentage": score.percentage, "range": score.range, "coverage": score.coverage }));
    }
    trend
}
