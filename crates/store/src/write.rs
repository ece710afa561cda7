use skywarden_model::{Connector, Exemption};

use crate::{Store, StoreError, commit::json, pool::on_pool, remembered::CHANGED, slices::RECOUNT_GRAND_TOTALS};

impl Store {
    /// Adds an exemption, or replaces that of the same id.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_exemption(&self, exemption: &Exemption) -> Result<(), StoreError> {
        on_pool!(&self.pool, pool => {
            sqlx::query("INSERT INTO exemptions (id, document) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET document = excluded.document")
                .bind(exemption.id.as_str()).bind(json(exemption)?).execute(pool).await.map_err(StoreError::statement("saving an exemption"))?;
        });
        Ok(())
    }

    /// Removes an exemption; says whether it was there.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn remove_exemption(&self, id: &str) -> Result<bool, StoreError> {
        let removed = on_pool!(&self.pool, pool => {
            sqlx::query("DELETE FROM exemptions WHERE id = $1").bind(id).execute(pool).await.map_err(StoreError::statement("removing an exemption"))?.rows_affected()
        });
        Ok(removed > 0)
    }

    /// Adds a connector, or replaces what is known of how to reach that of the same id.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_connector(&self, connector: &Connector) -> Result<(), StoreError> {
        on_pool!(&self.pool, pool => {
            sqlx::query("INSERT INTO connectors (id, document) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET document = excluded.document")
                .bind(connector.id.as_str()).bind(json(connector)?).execute(pool).await.map_err(StoreError::statement("saving a connector"))?;
        });
        self.estate_changed().await?;
        Ok(())
    }

    /// Removes a connector with everything that came through it, in one step; says whether it was there.
    ///
    /// # Errors
    /// If a statement fails; nothing is removed then.
    pub async fn remove_connector(&self, id: &str) -> Result<bool, StoreError> {
        let doing = "removing a connector";
        let removed = on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for statement in [
                "DELETE FROM assessments WHERE resource IN (SELECT id FROM resources WHERE connector = $1)",
                "DELETE FROM resources WHERE connector = $1",
                "DELETE FROM tallies WHERE slice IN (SELECT id FROM slices WHERE connector = $1)",
                "DELETE FROM totals WHERE connector = $1",
                "DELETE FROM slices WHERE connector = $1",
                "DELETE FROM transitions WHERE connector = $1",
                "DELETE FROM coverage WHERE connector = $1",
                "DELETE FROM listings WHERE connector = $1",
                "DELETE FROM scores WHERE connector = $1",
                "DELETE FROM accounts WHERE connector = $1",
                "DELETE FROM attempts WHERE connector = $1",
                "DELETE FROM compliance_points WHERE connector = $1",
                "DELETE FROM sightings WHERE connector = $1",
                "DELETE FROM policy_states WHERE connector = $1",
                "DELETE FROM policy_history WHERE connector = $1",
                "DELETE FROM policy_marks WHERE connector = $1",
                "DELETE FROM policy_seen WHERE connector = $1",
                "DELETE FROM policy_runs WHERE connector = $1",
                "DELETE FROM arm_objects WHERE connector = $1",
            ] {
                sqlx::query(statement).bind(id).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            for statement in RECOUNT_GRAND_TOTALS.iter().chain([&CHANGED]) {
                sqlx::query(*statement).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            let removed = sqlx::query("DELETE FROM connectors WHERE id = $1").bind(id).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            tx.commit().await.map_err(StoreError::statement(doing))?;
            removed.rows_affected()
        });
        Ok(removed > 0)
    }
}
