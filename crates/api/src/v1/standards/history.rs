//! How the controls of a standard stood over time.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query},
};
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_posture::JudgedControls;
use skywarden_store::CompliancePoint;

use crate::{
    error::ApiError,
    scoped::Scoped,
    v1::{Answer, rounds::rounds, scope::ScopeQuery},
};

pub(crate) async fn history(state: Scoped, Path(id): Path<String>, Query(scope): Query<ScopeQuery>) -> Answer {
    let filter = scope.filter(&state).await?;
    let own = state.store.own_standards(&filter).await?;
    if own.with(&state.catalog, Timestamp::now()).get(&id).is_none() {
        return Err(ApiError::not_found("such standard"));
    }
    let filter = own.narrowed(&filter, &state.catalog, &id, Timestamp::now()).unwrap_or(filter);
    let points = state.store.compliance_points(&filter, &id).await?;
    let assessed = state.store.assessed(&filter).await?;
    let whole = assessed.iter().filter(|own| filter.allows(&own.connector, &own.account));
    let newest = whole.map(|own| own.at.as_str()).max();
    Ok(Json(json!({ "items": series(&points, newest), "withoutHistory": state.without_history(&filter).await? })))
}

/// The whole after each round of assessments. A point is written only when something changed, so the last one holds until the
/// newest assessment.
fn series(points: &[CompliancePoint], newest: Option<&str>) -> Vec<Value> {
    let mut known: BTreeMap<(&str, &str), &JudgedControls> = BTreeMap::new();
    let mut left = points.iter().peekable();
    let mut series: Vec<(String, JudgedControls)> = Vec::new();
    for at in rounds(points.iter().map(|point| point.at.as_str())) {
        while let Some(point) = left.next_if(|point| point.at.as_str() <= at) {
            known.insert((&point.connector, &point.account), &point.controls);
        }
        series.push((at.to_owned(), JudgedControls::of_all(known.values().copied())));
    }
    if let (Some(newest), Some((at, last))) = (newest, series.last().cloned())
        && newest > at.as_str()
    {
        series.push((newest.to_owned(), last));
    }
    series.iter().map(|(at, controls)| point(at, controls)).collect()
}

fn point(at: &str, controls: &JudgedControls) -> Value {
    let (passed, failed) = (controls.passed.len(), controls.failed.len());
    let judged = passed + failed;
    let percentage = (judged > 0).then(|| passed as f64 / judged as f64);
    json!({ "at": at, "passed": passed, "failed": failed, "unknown": controls.unknown.len(), "percentage": percentage })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(account: &str, second: u32, passed: &[&str], failed: &[&str]) -> CompliancePoint {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        CompliancePoint {
            connector: "c".to_owned(),
            account: account.to_owned(),
            at: format!("2026-11-25T0{second}:00:00.000000Z"),
            controls: JudgedControls { passed: set(passed), failed: set(failed), ..JudgedControls::default() },
        }
    }

    #[test]
    fn accounts_add_up_and_the_last_point_holds_until_now() {
        let points = [at("1", 1, &["a", "b"], &[]), at("2", 2, &["c"], &["a"]), at("2", 3, &["a", "c"], &[])];
        let series = series(&points, Some("2026-11-25T09:00:00.000000Z"));
        let counts: Vec<(u64, u64)> =
            series.iter().map(|point| (point["passed"].as_u64().unwrap(), point["failed"].as_u64().unwrap())).collect();
        assert_eq!(counts, [(2, 0), (2, 1), (3, 0), (3, 0)]);
        assert_eq!(series.last().unwrap()["at"], "2026-11-25T09:00:00.000000Z");
        assert!(super::series(&[], Some("2026-11-25T09:00:00.000000Z")).is_empty());
    }
}
