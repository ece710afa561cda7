//! What clients say of a connector beyond how to reach it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use skywarden_model::{Connector, setting};

use crate::error::ApiError;

/// The setting [`setting::ARM`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Kept {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tags: BTreeMap<String, String>,
    /// Hours between readings, as somebody wished them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scan_interval: Option<i64>,
    /// The members of `environmentData.organizationalData`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organizational_data: Option<Map<String, Value>>,
    /// What was said of each offering, whether it is on by now or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) offerings: Vec<Map<String, Value>>,
}

impl Kept {
    /// What is kept of a connector; nothing of one that ARM never wrote.
    pub(super) fn of(connector: &Connector) -> Result<Self, ApiError> {
        let Some(text) = connector.setting(setting::ARM) else { return Ok(Self::default()) };
        serde_json::from_str(text).map_err(|error| damaged(connector.id.as_str(), &error))
    }

    /// As it is kept.
    pub(super) fn text(&self, connector: &str) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(|error| damaged(connector, &error))
    }
}

fn damaged(connector: &str, error: &serde_json::Error) -> ApiError {
    tracing::error!(%error, connector, "what clients said of a connector can't be read or written");
    let message = format!("what is kept of the connector `{connector}` is damaged; see the server's log");
    ApiError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "StoreFailed", message)
}
