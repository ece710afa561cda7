//! Exemptions of many resources at once: all of them, or none.

use skywarden_model::Exemption;

use crate::{Store, StoreError, commit::json, pool::on_pool};

/// Rows of one statement; PostgreSQL takes 65,535 values, SQLite 32,766.
const BATCH: usize = 500;

impl Store {
    /// Adds exemptions in one step, or replaces those of the same ids.
    ///
    /// # Errors
    /// If a statement fails; none is added then.
    pub async fn put_exemptions(&self, exemptions: &[Exemption]) -> Result<(), StoreError> {
        let doing = "saving exemptions";
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for batch in exemptions.chunks(BATCH) {
                let mut rows = Vec::with_capacity(batch.len());
                for exemption in batch {
                    rows.push((exemption.id.as_str(), json(exemption)?));
                }
                let mut insert = sqlx::QueryBuilder::new("INSERT INTO exemptions (id, document) ");
                insert.push_values(rows, |mut row, (id, document)| {
                    row.push_bind(id).push_bind(document);
                });
                insert.push(" ON CONFLICT (id) DO UPDATE SET document = excluded.document");
                insert.build().execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(())
    }

    /// Removes exemptions in one step; if one of them is not there, none is removed and its id comes back.
    ///
    /// # Errors
    /// If a statement fails; none is removed then.
    pub async fn remove_exemptions(&self, ids: &[String]) -> Result<Option<String>, StoreError> {
        let doing = "removing exemptions";
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for id in ids {
                let removed = sqlx::query("DELETE FROM exemptions WHERE id = $1")
                    .bind(id.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                if removed.rows_affected() == 0 {
                    tx.rollback().await.map_err(StoreError::statement(doing))?;
                    return Ok(Some(id.clone()));
                }
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(None)
    }
}
