//! `Microsoft.Security/locations` and `tasks`, api-version 2015-06-01-preview: an unhealthy assessment is a task.

use axum::{
    Json,
    extract::{OriginalUri, Path, Query},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::Status;
use skywarden_store::{AssessmentQuery, AssessmentRow};

use super::{
    Answer,
    assessments::{PAGE, Paging, arm_id, id_by_key},
    descriptions::Descriptions,
    ground::{account, group_of, id_of},
    next_link,
};
use crate::{error::ApiError, scoped::Scoped};

const VERSION: &str = "2015-06-01-preview";

/// The one place where this installation keeps what it knows: what ARM calls a subscription's home region.
pub(super) const HOME: &str = "local";

/// A path with a location, perhaps in a resource group, and below it a task.
#[derive(Deserialize)]
pub(crate) struct LocationPath {
    subscription: String,
    group: Option<String>,
    location: String,
    #[serde(default)]
    task: String,
}

pub(crate) async fn locations(state: Scoped, Path(id): Path<String>) -> Answer {
    let (connector, account) = account(&state, &id).await?;
    Ok(Json(json!({ "value": [location(&id_of(&connector, &account))] })))
}

pub(crate) async fn one_location(state: Scoped, Path(path): Path<LocationPath>) -> Answer {
    Ok(Json(location(&at_home(&state, &path).await?)))
}

/// The tasks of a subscription, a page at a time.
pub(crate) async fn list(
    state: Scoped,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
    OriginalUri(uri): OriginalUri,
) -> Answer {
    page(&state, &id, None, paging, uri.path()).await
}

pub(crate) async fn list_at(
    state: Scoped,
    Path(path): Path<LocationPath>,
    Query(paging): Query<Paging>,
    OriginalUri(uri): OriginalUri,
) -> Answer {
    at_home(&state, &path).await?;
    page(&state, &path.subscription, path.group.as_deref(), paging, uri.path()).await
}

pub(crate) async fn one(state: Scoped, Path(path): Path<LocationPath>) -> Answer {
    let subscription = at_home(&state, &path).await?;
    let missing = || ApiError::not_found("such task");
    let (key, entity) = path.task.split_once('.').ok_or_else(missing)?;
    // The entity alone names the resource: the rest of an ARM id says where it lies.
    let arm = format!("/subscriptions/{subscription}/securityEntityData/{entity}");
    let native = skywarden_model::native_id_of(&arm).map_err(|_| missing())?;
    let row = state.store.assessment(&state.filter, native.as_str(), &id_by_key(&state, key)).await?.ok_or_else(missing)?;
    let is_in_group = path.group.as_deref().is_none_or(|group| row.location.eq_ignore_ascii_case(group));
    let is_own = id_of(&row.connector, &row.account) == subscription && row.assessment.status == Status::Unhealthy && is_in_group;
    let descriptions = Descriptions::of_rows(&state, std::slice::from_ref(&row)).await?;
    task(&state, &descriptions, &subscription, &row).filter(|_| is_own).map(Json).ok_or_else(missing)
}

/// Tasks of a subscription, or of one of its resource groups.
async fn page(state: &Scoped, id: &str, group: Option<&str>, paging: Paging, path: &str) -> Answer {
    let (connector, account) = account(state, id).await?;
    let subscription = id_of(&connector, &account);
    let location = match group {
        Some(group) => Some(group_of(state, &connector, &account, group).await?),
        None => None,
    };
    let filter = state.filter.narrowed([(connector, account)]);
    let query = AssessmentQuery {
        status: Some(Status::Unhealthy),
        location,
        cursor: paging.skip_token,
        limit: PAGE,
        ..AssessmentQuery::default()
    };
    let page = state.store.assessment_page(&filter, &query).await?;
    let descriptions = Descriptions::of_rows(state, &page.items).await?;
    let value: Vec<Value> = page.items.iter().filter_map(|row| task(state, &descriptions, &subscription, row)).collect();
    Ok(Json(next_link(state, path, VERSION, &[], value, page.next)))
}

/// The subscription of a path whose location is the one that there is.
async fn at_home(state: &Scoped, path: &LocationPath) -> Result<String, ApiError> {
    let (connector, account) = account(state, &path.subscription).await?;
    if !path.location.eq_ignore_ascii_case(HOME) {
        return Err(ApiError::not_found(&format!("such location; the one of this installation is `{HOME}`")));
    }
    Ok(id_of(&connector, &account))
}

fn location(subscription: &str) -> Value {
    json!({ "id": format!("/subscriptions/{subscription}/providers/Microsoft.Security/locations/{HOME}"), "name": HOME,
            "type": "Microsoft.Security/locations", "properties": { "homeRegionName": HOME } })
}

/// An unhealthy assessment as a task; its name is the assessment's key and the resource, so that it can be found again.
fn task(state: &Scoped, descriptions: &Descriptions, subscription: &str, row: &AssessmentRow) -> Option<Value> {
    let described = descriptions.of(&state.catalog, row)?;
    let resource = arm_id(row);
    let entity = resource.as_str().rsplit('/').next().unwrap_or_default();
    let name = format!("{}.{entity}", described.key);
    Some(json!({
        "id": format!("/subscriptions/{subscription}/providers/Microsoft.Security/locations/{HOME}/tasks/{name}"),
        "name": name,
        "type": "Microsoft.Security/locations/tasks",
        "properties": {
            "state": "Active",
            "subState": "NA",
            "creationTimeUtc": row.first_evaluated_at,
            "lastStateChangeTimeUtc": row.status_changed_at,
            "securityTaskParameters": {
                "name": described.title,
                "assessmentKey": described.key,
                "severity": described.severity,
                "resourceId": resource.as_str(),
                "resourceName": row.name,
                "resourceType": row.type_name,
            },
        }
    }))
}
