//! `Microsoft.Security/securityConnectors`, api-version 2023-10-01-preview: what is connected beside Azure itself. ADR 22.

mod body;
mod change;
mod kept;
mod offerings;
mod placed;
mod shown;

use axum::{
    Json,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, ground::account};
use crate::{error::ApiError, scoped::Scoped};

pub(crate) use change::{change, check_member, delete, put};
pub(super) use placed::{at, home_of, is_shown};

use placed::{Placed, all_at};
use shown::Shown;

/// A path of connectors below a resource group.
#[derive(Deserialize)]
pub(crate) struct ConnectorPath {
    subscription: String,
    group: String,
    #[serde(default)]
    connector: String,
}

pub(crate) async fn list(state: Scoped, Path(id): Path<String>) -> Answer {
    let mut value: Vec<Value> = Vec::new();
    for own in visible(&state, &id).await? {
        value.push(Shown::of(&state, &own).await?.value());
    }
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn list_in_group(state: Scoped, Path(path): Path<ConnectorPath>) -> Answer {
    let mut value: Vec<Value> = Vec::new();
    for own in visible(&state, &path.subscription).await?.iter().filter(|own| own.home.is_group(&path.group)) {
        value.push(Shown::of(&state, own).await?.value());
    }
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn one(state: Scoped, Path(path): Path<ConnectorPath>) -> Result<Response, ApiError> {
    let known = visible(&state, &path.subscription).await?;
    let found = known.iter().find(|own| own.home.is_group(&path.group) && own.is_called(&path.connector));
    let found = found.ok_or_else(|| ApiError::not_found("such security connector"))?;
    let shown = Shown::of(&state, found).await?;
    Ok((StatusCode::OK, shown.headers(), Json(shown.value())).into_response())
}

/// The connectors under a subscription that the caller may see: those that have no other home with what can be seen of their account.
async fn visible(state: &Scoped, subscription: &str) -> Result<Vec<Placed>, ApiError> {
    let pair = account(state, subscription).await?;
    let mut all = all_at(state, &pair).await?;
    all.retain(|own| own.is_of(&pair) || state.filter.allows_group(&pair.0, &pair.1, &own.home.group));
    Ok(all)
}
