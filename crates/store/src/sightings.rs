//! What a connector sees of other accounts: its facts rest on that, whoever holds it.

use std::collections::BTreeSet;

use skywarden_model::Placed;
use skywarden_model::{Resource, ResourceId};

use crate::{
    Store, StoreError,
    pool::{IDS_AT_ONCE, on_pool},
    read::documents,
};

/// Writes what a run saw of other accounts, held by the connector or elsewhere, within the transaction `$tx` of either database.
macro_rules! write_sightings {
    ($tx:ident, $run:ident, $stats:ident, $doing:ident) => {
        let connector = $run.connector.id.as_str();
        let before: Vec<(String, String)> = sqlx::query_as("SELECT id, document FROM sightings WHERE connector = $1")
            .bind(connector)
            .fetch_all(&mut *$tx)
            .await
            .map_err(StoreError::statement($doing))?;
        let mut before: BTreeMap<String, String> = before.into_iter().collect();
        let own = $run.resources.iter().filter(|resource| !$run.stale.contains(resource.id.as_str()));
        for resource in
            own.chain($run.held_elsewhere).filter(|resource| skywarden_model::Placed::foreign_owner(*resource).is_some())
        {
            let document = json(resource)?;
            if before.remove(resource.id.as_str()).as_ref() == Some(&document) {
                continue;
            }
            $stats.n_written += 1;
            sqlx::query(
                "INSERT INTO sightings (connector, id, document) VALUES ($1, $2, $3)
                 ON CONFLICT (connector, id) DO UPDATE SET document = excluded.document",
            )
            .bind(connector)
            .bind(resource.id.as_str())
            .bind(document)
            .execute(&mut *$tx)
            .await
            .map_err(StoreError::statement($doing))?;
        }
        for id in before.keys() {
            $stats.n_written += 1;
            sqlx::query("DELETE FROM sightings WHERE connector = $1 AND id = $2")
                .bind(connector)
                .bind(id.as_str())
                .execute(&mut *$tx)
                .await
                .map_err(StoreError::statement($doing))?;
        }
    };
}
pub(crate) use write_sightings;

impl Store {
    /// What a connector's last run saw of other accounts, whoever holds it.
    pub(crate) async fn sightings_of(&self, connector: &str) -> Result<Vec<Resource>, StoreError> {
        let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT document FROM sightings WHERE connector = $1 ORDER BY id")
                .bind(connector).fetch_all(pool).await.map_err(StoreError::statement("reading shared resources"))?
        });
        documents(rows, "resource")
    }

    /// Ids of those of the resources that belong to another account than the connector's and that another connector saw in its
    /// last run.
    pub(crate) async fn held_elsewhere(
        &self,
        resources: &[Resource],
        connector: &str,
    ) -> Result<BTreeSet<ResourceId>, StoreError> {
        let foreign: Vec<&Resource> = resources.iter().filter(|resource| resource.foreign_owner().is_some()).collect();
        let mut held = BTreeSet::new();
        for batch in foreign.chunks(IDS_AT_ONCE) {
            let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
                let mut select = sqlx::QueryBuilder::new("SELECT id FROM resources WHERE stale_since IS NULL AND connector <> ");
                select.push_bind(connector).push(" AND id IN (");
                let mut ids = select.separated(", ");
                for resource in batch {
                    ids.push_bind(resource.id.as_str());
                }
                select.push(")");
                select.build_query_as().fetch_all(pool).await.map_err(StoreError::statement("looking for shared resources"))?
            });
            held.extend(rows.into_iter().map(|(id,)| ResourceId::from(id)));
        }
        Ok(held)
    }
}
