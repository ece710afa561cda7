use axum::{Json, extract::Query};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_policy::{ComplianceState, Library};
use skywarden_store::{PolicyStateQuery, PolicyStateRow};

use crate::{
    error::ApiError,
    scoped::Scoped,
    v1::{Answer, DEFAULT_LIMIT},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatesQuery {
    assignment: Option<String>,
    reference: Option<String>,
    resource: Option<String>,
    state: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// The state of each resource under each definition that concerns it.
pub(crate) async fn list(state: Scoped, Query(query): Query<StatesQuery>) -> Answer {
    let wanted = match query.state.as_deref().filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(
            ComplianceState::from_name(text).ok_or_else(|| ApiError::bad_request(format!("`{text}` is no compliance state")))?,
        ),
    };
    let query = PolicyStateQuery {
        assignment: query.assignment,
        reference: query.reference,
        resource: query.resource,
        state: wanted,
        text: query.q,
        cursor: query.cursor,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let kept = state.store.policy_library().await?;
    let page = state.store.policy_states(&state.filter, &query).await?;
    let total = state.store.policy_state_count(&state.filter, &query).await?;
    let items: Vec<Value> = page.items.iter().map(|row| item(&kept.library, row)).collect();
    Ok(Json(json!({ "items": items, "total": total, "next": page.next })))
}

fn item(library: &Library, row: &PolicyStateRow) -> Value {
    let governance = &library.governance;
    let assignment = governance.assignment(&row.assignment);
    let details = &row.details;
    let unreadable: Vec<String> =
        details.unreadable.iter().map(|own| format!("{}: {}", own.field, own.reason.sentence())).collect();
    let exemption = details.exemption.as_ref().map(|id| {
        let own = governance.exemptions().find(|own| own.id.eq_ignore_ascii_case(id));
        json!({ "id": id, "displayName": own.map(|own| own.display_name.as_str()), "category": own.map(|own| own.category),
                "expiresOn": own.and_then(|own| own.expires_on) })
    });
    let attestation = details.attestation.as_ref().map(|id| {
        let own = governance.attestations().find(|own| own.id.eq_ignore_ascii_case(id));
        json!({ "id": id, "owner": own.map(|own| own.owner.as_str()), "comments": own.map(|own| own.comments.as_str()),
                "assessedAt": own.and_then(|own| own.assessed_at), "expiresOn": own.and_then(|own| own.expires_on) })
    });
    json!({
        "resource": row.resource, "name": row.name, "type": row.type_name, "connector": row.connector, "account": row.account,
        "assignment": assignment.map_or(row.assignment.as_str(), |own| own.id.as_str()),
        "assignmentName": assignment.map(|own| own.display_name.as_str()),
        "reference": row.reference,
        "definition": row.definition,
        "definitionName": governance.definition(&row.definition).map(|own| own.display_name.as_str()),
        "state": row.state.name(), "withoutExemption": details.own, "effect": row.effect,
        "firstEvaluatedAt": row.first_evaluated_at, "stateChangedAt": row.state_changed_at,
        "message": details.message, "exemption": exemption, "attestation": attestation,
        "evidence": details.evidence, "unreadable": unreadable, "error": details.error, "groups": details.groups,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    assignment: Option<String>,
    resource: Option<String>,
}

/// What changed, newest first.
pub(crate) async fn history(state: Scoped, Query(query): Query<HistoryQuery>) -> Answer {
    let kept = state.store.policy_library().await?;
    let events = state.store.policy_history(&state.filter, query.assignment.as_deref(), query.resource.as_deref()).await?;
    let items: Vec<Value> = events
        .iter()
        .map(|event| {
            let assignment = kept.library.governance.assignment(&event.assignment);
            json!({ "at": event.at, "resource": event.resource, "reference": event.reference,
                    "assignment": assignment.map_or(event.assignment.as_str(), |own| own.id.as_str()),
                    "assignmentName": assignment.map(|own| own.display_name.as_str()),
                    "from": event.before.map(ComplianceState::name), "to": event.after.map(ComplianceState::name) })
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}
