use axum::{Json, extract::Query};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::Status;
use skywarden_store::ResourceQuery;

use super::{Answer, DEFAULT_LIMIT};
use crate::{error::ApiError, scoped::Scoped};

/// Texts of tags longer than this are cut in lists; the resource itself has them whole.
const MAX_TAG: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourcesQuery {
    #[serde(rename = "type")]
    type_name: Option<String>,
    connector: Option<String>,
    account: Option<String>,
    location: Option<String>,
    status: Option<Status>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn resources(state: Scoped, Query(query): Query<ResourcesQuery>) -> Answer {
    let query = ResourceQuery {
        type_name: query.type_name,
        connector: query.connector,
        account: query.account,
        location: query.location,
        status: query.status,
        text: query.q,
        cursor: query.cursor,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = state.store.resource_rows(&state.filter, &query).await?;
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|row| {
            let resource = &row.resource;
            let tags: serde_json::Map<String, Value> =
                resource.tags.iter().map(|(key, value)| (cut(key), Value::String(cut(value)))).collect();
            json!({ "id": resource.id, "type": resource.type_name, "name": resource.name,
                    "connector": resource.scope.connector, "account": resource.scope.account,
                    "location": resource.scope.resource_group, "tags": tags, "stale": row.is_stale,
                    "healthy": row.healthy, "unhealthy": row.unhealthy, "unknown": row.unknown })
        })
        .collect();
    let total = state.store.resource_count(&state.filter, &query).await?;
    let mut answer = json!({ "items": items, "total": total });
    if let (Some(next), Some(members)) = (page.next, answer.as_object_mut()) {
        members.insert("next".to_owned(), Value::String(next));
    }
    Ok(Json(answer))
}

fn cut(text: &str) -> String {
    let mut letters = text.chars();
    let mut short: String = letters.by_ref().take(MAX_TAG).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

pub(crate) async fn facets(state: Scoped) -> Answer {
    Ok(Json(json!(*state.store.facets(&state.filter).await?)))
}

#[derive(Deserialize)]
pub(crate) struct ResourceId {
    id: String,
}

pub(crate) async fn resource(state: Scoped, Query(query): Query<ResourceId>) -> Answer {
    let found = state.store.resource(&state.filter, &query.id).await?;
    let (resource, facts) = found.ok_or_else(|| ApiError::not_found("such resource"))?;
    let assessments = state.store.assessments_on(&state.filter, &query.id).await?;
    Ok(Json(json!({ "resource": resource, "facts": facts, "assessments": assessments })))
}
