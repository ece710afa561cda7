//! `Microsoft.Security/securityConnectors`, api-version 2023-10-01-preview: what is connected beside Azure itself.

use axum::{Json, extract::Path};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::{Connector, Environment};

use super::{
    Answer,
    ground::{account, id_of},
};
use crate::{error::ApiError, scoped::Scoped};

/// The resource group under which connectors are shown: ARM wants one.
const GROUP: &str = "skywarden";

/// A path of connectors below a resource group.
#[derive(Deserialize)]
pub(crate) struct ConnectorPath {
    subscription: String,
    group: String,
    #[serde(default)]
    connector: String,
}

pub(crate) async fn list(state: Scoped, Path(id): Path<String>) -> Answer {
    Ok(Json(json!({ "value": connectors(&state, &id).await? })))
}

pub(crate) async fn list_in_group(state: Scoped, Path(path): Path<ConnectorPath>) -> Answer {
    let own = connectors(&state, &path.subscription).await?;
    let is_own = path.group.eq_ignore_ascii_case(GROUP);
    Ok(Json(json!({ "value": own.into_iter().filter(|_| is_own).collect::<Vec<_>>() })))
}

pub(crate) async fn one(state: Scoped, Path(path): Path<ConnectorPath>) -> Answer {
    let known = connectors(&state, &path.subscription).await?;
    let is_meant =
        |own: &Value| own.get("name").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case(&path.connector));
    let found = known.into_iter().find(|own| path.group.eq_ignore_ascii_case(GROUP) && is_meant(own));
    found.map(Json).ok_or_else(|| ApiError::not_found("such security connector"))
}

/// The id of a connector that a path names.
pub(super) async fn id(state: &Scoped, subscription: &str, group: &str, connector: &str) -> Result<String, ApiError> {
    let known = connectors(state, subscription).await?;
    let is_meant = |own: &Value| own.get("name").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case(connector));
    let found = known.into_iter().find(|own| group.eq_ignore_ascii_case(GROUP) && is_meant(own));
    let id = found.and_then(|own| own.get("id").and_then(Value::as_str).map(str::to_owned));
    id.ok_or_else(|| ApiError::not_found("such security connector"))
}

/// The connector of a subscription; none for what is no other cloud, as one's own machines.
async fn connectors(state: &Scoped, id: &str) -> Result<Vec<Value>, ApiError> {
    let (connector, account) = account(state, id).await?;
    let known = state.store.connectors(&state.filter).await?;
    let own = known.iter().filter(|own| own.id.as_str() == connector);
    Ok(own.filter_map(|own| object(own, &account)).collect())
}

/// The id under which an account of a connector is shown among connectors; none for what is no other cloud.
pub(super) fn arm_id_of(own: &Connector, account: &str) -> Option<String> {
    let is_shown = matches!(own.environment, Environment::Aws | Environment::Gcp);
    let subscription = id_of(own.id.as_str(), account);
    let id = || {
        format!("/subscriptions/{subscription}/resourceGroups/{GROUP}/providers/Microsoft.Security/securityConnectors/{}", own.id)
    };
    is_shown.then(id)
}

fn object(own: &Connector, account: &str) -> Option<Value> {
    let (name, kind, offering) = match own.environment {
        Environment::Aws => ("AWS", "AwsAccount", "CspmMonitorAws"),
        Environment::Gcp => ("GCP", "GcpProject", "CspmMonitorGcp"),
        Environment::Azure | Environment::Kubernetes | Environment::OnPremise => return None,
    };
    Some(json!({
        "id": arm_id_of(own, account)?,
        "name": own.id,
        "type": "Microsoft.Security/securityConnectors",
        "location": "local",
        "tags": {},
        "properties": {
            "hierarchyIdentifier": account,
            "environmentName": name,
            "environmentData": { "environmentType": kind, "accountName": own.display_name },
            "offerings": [{ "offeringType": offering }],
        }
    }))
}
