//! Alerts, by page, by count and one by one.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Path, Query, rejection::JsonRejection},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_content::AlertLevel;
use skywarden_detect::defender;
use skywarden_model::{SignedDuration, Timestamp};
use skywarden_store::{AlertQuery, AlertStatus, KeptAlert};

use super::{Answer, DEFAULT_LIMIT};
use crate::{
    arm::{id_of, raised, unknown},
    error::ApiError,
    scoped::Scoped,
};

/// Rows of a page at most.
pub(super) const MAX_LIMIT: u32 = 500;

/// Alerts whose state is changed by one request at most.
const MAX_CHANGED: usize = 1_000;

/// What of them is wanted; all that is given must hold. `status` and `severity` take several words with commas.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    status: Option<String>,
    severity: Option<String>,
    plan: Option<String>,
    detection: Option<String>,
    incident: Option<String>,
    connector: Option<String>,
    account: Option<String>,
    resource: Option<String>,
    q: Option<String>,
    /// Days back from now.
    days: Option<u16>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// Alerts to turn to a status.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turn {
    ids: Vec<String>,
    status: String,
}

impl Turn {
    pub(super) fn checked(self) -> Result<(Vec<String>, AlertStatus), ApiError> {
        let status = AlertStatus::named(&self.status)
            .ok_or_else(|| ApiError::bad_request(format!("`{}` is no status", self.status)).with_target("status".to_owned()))?;
        if self.ids.len() > MAX_CHANGED {
            return Err(ApiError::bad_request(format!("at most {MAX_CHANGED} at once")).with_target("ids".to_owned()));
        }
        Ok((self.ids, status))
    }
}

impl Asked {
    fn query(self) -> Result<AlertQuery, ApiError> {
        let since = |days| Timestamp::now().checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok();
        Ok(AlertQuery {
            status: words(self.status.as_deref(), "status", AlertStatus::named)?,
            severity: words(self.severity.as_deref(), "severity", severity)?,
            plan: self.plan,
            detection: self.detection,
            incident: self.incident,
            connector: self.connector,
            account: self.account,
            group: None,
            resource: self.resource,
            text: self.q.filter(|text| !text.is_empty()),
            since: self.days.and_then(since),
            until: None,
            cursor: self.cursor,
            limit: self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT),
        })
    }
}

pub(super) fn severity(word: &str) -> Option<AlertLevel> {
    let all = [AlertLevel::Informational, AlertLevel::Low, AlertLevel::Medium, AlertLevel::High];
    all.into_iter().find(|level| defender::severity_text(*level).eq_ignore_ascii_case(word))
}

pub(super) fn words<T: Ord>(text: Option<&str>, name: &str, of: fn(&str) -> Option<T>) -> Result<Option<BTreeSet<T>>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let mut found = BTreeSet::new();
    for word in text.split(',') {
        let word = word.trim();
        let known =
            of(word).ok_or_else(|| ApiError::bad_request(format!("`{word}` is no {name}")).with_target(name.to_owned()))?;
        found.insert(known);
    }
    Ok(Some(found))
}

pub(crate) async fn list(state: Scoped, Query(asked): Query<Asked>) -> Answer {
    let page = state.store.alert_page(&state.filter, &asked.query()?).await?;
    Ok(page_of(page.items.iter().map(row).collect(), page.next))
}

/// A page, with where the next begins if there is one.
pub(super) fn page_of(items: Vec<Value>, next: Option<String>) -> Json<Value> {
    Json(match next {
        Some(next) => json!({ "items": items, "next": next }),
        None => json!({ "items": items }),
    })
}

/// How many there are: in all, by severity, status, plan, and by day.
pub(crate) async fn counts(state: Scoped, Query(asked): Query<Asked>) -> Answer {
    let counts = state.store.alert_counts(&state.filter, &asked.query()?).await?;
    let mut by: [BTreeMap<String, u64>; 3] = Default::default();
    let mut days: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    let mut total = 0;
    for own in &counts {
        total += own.count;
        let severity = defender::severity_text(own.severity);
        let keys = [severity, own.status.text(), own.plan.as_str()];
        for (counted, key) in by.iter_mut().zip(keys) {
            *counted.entry(key.to_owned()).or_default() += own.count;
        }
        let day = Timestamp::from_second(own.day.saturating_mul(86_400)).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        let day = day.split('T').next().unwrap_or_default().to_owned();
        *days.entry(day).or_default().entry(severity).or_default() += own.count;
    }
    let [severity, status, plan] = by;
    let days: Vec<Value> = days.into_iter().map(|(day, counts)| json!({ "day": day, "counts": counts })).collect();
    Ok(Json(json!({ "total": total, "severity": severity, "status": status, "plan": plan, "days": days })))
}

pub(crate) async fn one(state: Scoped, Path(id): Path<String>) -> Answer {
    let kept = state.store.alert(&state.filter, &id).await?.ok_or_else(|| ApiError::not_found("such alert"))?;
    let mut answer = row(&kept);
    let alert = &kept.alert;
    if let Some(members) = answer.as_object_mut() {
        members.insert("remediation".to_owned(), json!(alert.remediation));
        members.insert("evidence".to_owned(), json!(alert.evidence));
        members.insert("entities".to_owned(), alert.entities.iter().map(defender::entity).collect());
        members.insert("events".to_owned(), json!(alert.events));
        members.insert("firstEvent".to_owned(), alert.first.to_ocsf());
        members.insert("raw".to_owned(), alert.first.raw.as_str().into());
    }
    Ok(Json(answer))
}

/// Turns alerts to a status, as many of them as may be seen.
pub(crate) async fn turn(state: Scoped, asked: Result<Json<Turn>, JsonRejection>) -> Answer {
    let (ids, status) = asked?.0.checked()?;
    let by = state.caller.login_name.clone();
    let changed = state.store.set_alert_status(&state.filter, &ids, status, &by, Timestamp::now()).await?;
    Ok(Json(json!({ "changed": changed })))
}

/// An alert in a list.
pub(super) fn row(kept: &KeptAlert) -> Value {
    let alert = &kept.alert;
    json!({
        "id": alert.id,
        "name": defender::alert_name(&alert.id, alert.start),
        "detection": alert.detection,
        "title": alert.title,
        "description": alert.description,
        "severity": defender::severity_text(kept.severity),
        "severityRaised": raised(kept),
        "severityUnknown": unknown(kept),
        "status": kept.status,
        "plan": alert.plan,
        "intents": alert.intents,
        "techniques": alert.techniques,
        "start": alert.start,
        "end": alert.end,
        "nEvents": alert.n_events,
        "compromised": alert.compromised,
        "why": alert.why,
        "sources": alert.sources,
        "connector": kept.connector,
        "account": kept.account,
        "subscription": id_of(&kept.connector, &kept.account),
        "resource": kept.resource,
        "incident": kept.incident,
        "suppressedBy": kept.suppressed_by,
        "keptAt": kept.kept_at,
        "statusChangedAt": kept.status_changed_at,
        "statusChangedBy": kept.status_changed_by,
    })
}
