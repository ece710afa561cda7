//! How far what a provider says of changes by itself was looked at, for each connector that is asked between scans.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skywarden_model::Timestamp;

use crate::{
    ScopeFilter, Store, StoreError,
    commit::{json, storable},
    pool::on_pool,
};

/// How the last poll of a connector went, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangePoll {
    /// When it was tried last.
    pub at: Timestamp,
    /// Changes up to this time were seen.
    pub seen_up_to: Timestamp,
    /// The ids of those among them that a later poll may meet again, with their times.
    pub recent: BTreeMap<String, Timestamp>,
    /// Why the last one failed, in words for a person; `None` if it did not.
    pub error: Option<String>,
}

impl Store {
    /// Keeps how far a connector was looked at.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn put_change_poll(&self, connector: &str, poll: &ChangePoll) -> Result<(), StoreError> {
        on_pool!(&self.pool, pool => {
            sqlx::query("INSERT INTO change_polls (connector, document) VALUES ($1, $2)
                         ON CONFLICT (connector) DO UPDATE SET document = excluded.document")
                .bind(connector).bind(storable(&json(poll)?))
                .execute(pool).await.map_err(StoreError::statement("saving how far changes were looked at"))?;
        });
        Ok(())
    }

    /// How the last poll of each connector went, by the connector's id.
    ///
    /// # Errors
    /// If the statement fails or a row is damaged.
    pub async fn change_polls(&self, filter: &ScopeFilter) -> Result<BTreeMap<String, ChangePoll>, StoreError> {
        let rows: Vec<(String, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT connector, document FROM change_polls ORDER BY connector")
                .fetch_all(pool).await.map_err(StoreError::statement("reading how far changes were looked at"))?
        });
        let seen = rows.into_iter().filter(|(connector, _)| filter.allows_connector(connector));
        let poll = |(connector, document): (String, String)| {
            Ok((connector, serde_json::from_str(&document).map_err(StoreError::damaged("poll"))?))
        };
        seen.map(poll).collect()
    }
}
