//! How the last reading of each connector went.

use std::collections::BTreeMap;

use skywarden_model::Timestamp;

use crate::{ScopeFilter, Store, StoreError, commit::parse, pool::on_pool};

/// The last reading of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it was tried.
    pub at: Timestamp,
    /// When one last succeeded; `None` if none ever has.
    pub succeeded_at: Option<Timestamp>,
    /// Why the last one failed, in words for a person; `None` if it did not.
    pub error: Option<String>,
}

type Row = (String, String, Option<String>, Option<String>);

impl Store {
    /// Keeps how the reading of a connector went; a failure leaves the time of the last success.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_attempt(&self, connector: &str, at: Timestamp, error: Option<&str>) -> Result<(), StoreError> {
        let succeeded_at = error.is_none().then(|| at.to_string());
        on_pool!(&self.pool, pool => {
            sqlx::query("INSERT INTO attempts (connector, at, succeeded_at, error) VALUES ($1, $2, $3, $4)
                         ON CONFLICT (connector) DO UPDATE SET at = excluded.at, error = excluded.error,
                             succeeded_at = COALESCE(excluded.succeeded_at, attempts.succeeded_at)")
                .bind(connector).bind(at.to_string()).bind(succeeded_at).bind(error)
                .execute(pool).await.map_err(StoreError::statement("saving how a reading went"))?;
        });
        Ok(())
    }

    /// How the last reading of each connector went, by the connector's id.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn attempts(&self, filter: &ScopeFilter) -> Result<BTreeMap<String, Attempt>, StoreError> {
        let rows: Vec<Row> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT connector, at, succeeded_at, error FROM attempts ORDER BY connector")
                .fetch_all(pool).await.map_err(StoreError::statement("reading how readings went"))?
        });
        let mut attempts = BTreeMap::new();
        for (connector, at, succeeded_at, error) in rows {
            if !filter.allows_connector(&connector) {
                continue;
            }
            let succeeded_at = succeeded_at.map(|text| parse(&text, "time")).transpose()?;
            attempts.insert(connector, Attempt { at: parse(&at, "time")?, succeeded_at, error });
        }
        Ok(attempts)
    }
}
