//! Incidents: alerts of one attack as one story.

use axum::{
    Json,
    extract::{Path, Query, rejection::JsonRejection},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_detect::defender;
use skywarden_model::Timestamp;
use skywarden_store::{AlertQuery, AlertStatus, IncidentQuery, KeptIncident};

use super::{
    Answer, DEFAULT_LIMIT,
    alerts::{MAX_LIMIT, Turn, page_of, row as alert, severity, words},
};
use crate::{error::ApiError, scoped::Scoped};

/// What of them is wanted; all that is given must hold. `status` and `severity` take several words with commas.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    status: Option<String>,
    severity: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn list(state: Scoped, Query(asked): Query<Asked>) -> Answer {
    let query = IncidentQuery {
        status: words(asked.status.as_deref(), "status", AlertStatus::named)?,
        severity: words(asked.severity.as_deref(), "severity", severity)?,
        cursor: asked.cursor,
        limit: asked.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT),
    };
    let page = state.store.incident_page(&state.filter, &query).await?;
    Ok(page_of(page.items.iter().map(row).collect(), page.next))
}

/// One with its time line and its alerts.
pub(crate) async fn one(state: Scoped, Path(id): Path<String>) -> Answer {
    let kept = state.store.incident(&state.filter, &id).await?.ok_or_else(|| ApiError::not_found("such incident"))?;
    let query = AlertQuery { incident: Some(id), limit: MAX_LIMIT, ..AlertQuery::default() };
    let alerts = state.store.alert_page(&state.filter, &query).await?;
    let kind = kept.incident.kind.as_ref().and_then(|kind| state.catalog.incidents.get(kind));
    let mut answer = row(&kept);
    if let Some(members) = answer.as_object_mut() {
        members.insert("description".to_owned(), kind.map_or(Value::Null, |kind| kind.description.as_str().into()));
        members.insert("remediation".to_owned(), kind.map_or_else(|| json!([]), |kind| json!(kind.remediation)));
        let moment = |own: &skywarden_detect::Moment| json!({ "time": own.time, "alert": own.alert, "intent": own.intent, "text": own.text });
        members.insert("timeline".to_owned(), kept.incident.timeline.iter().map(moment).collect());
        members.insert("alerts".to_owned(), alerts.items.iter().map(alert).collect());
    }
    Ok(Json(answer))
}

/// Turns incidents and their alerts to a status, as many of them as may be seen.
pub(crate) async fn turn(state: Scoped, asked: Result<Json<Turn>, JsonRejection>) -> Answer {
    let (ids, status) = asked?.0.checked()?;
    let by = state.caller.login_name.clone();
    let changed = state.store.set_incident_status(&state.filter, &ids, status, &by, Timestamp::now()).await?;
    Ok(Json(json!({ "changed": changed })))
}

/// An incident in a list.
fn row(kept: &KeptIncident) -> Value {
    let incident = &kept.incident;
    json!({
        "id": incident.id,
        "kind": incident.kind,
        "title": incident.title,
        "severity": defender::severity_text(incident.severity),
        "status": kept.status,
        "start": incident.start,
        "end": incident.end,
        "nAlerts": incident.alerts.len(),
        "nHidden": kept.n_hidden,
        "intents": incident.intents,
        "shared": incident.shared,
        "mergedInto": kept.merged_into,
        "keptAt": kept.kept_at,
        "statusChangedAt": kept.status_changed_at,
        "statusChangedBy": kept.status_changed_by,
    })
}
