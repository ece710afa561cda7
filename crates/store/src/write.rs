use skywarden_model::{Connector, ConnectorId, Exemption};

use crate::{
    Store, StoreError,
    commit::{json, key},
    pool::on_pool,
    read::documents,
    remembered::CHANGED,
    slices::RECOUNT_GRAND_TOTALS,
    visible::names,
};

/// What became of a connector that was to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectorWritten {
    /// It is so now.
    Done,
    /// Nothing was written: what is there under its id, in any case of letters, is not what the writer took to be there.
    Conflict,
    /// Nothing was written: its account is that of this other connector.
    AccountTaken(ConnectorId),
}

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

    /// Adds a connector, or replaces what is known of how to reach that of the same id. Its account is one of [`Store::accounts`] from now
    /// on, without a score until it is read.
    ///
    /// # Errors
    /// If a statement fails; nothing is written then.
    pub async fn put_connector(&self, connector: &Connector) -> Result<(), StoreError> {
        self.save_connector(connector, None).await?;
        Ok(())
    }

    /// The same, if what is there is what the writer takes to be there (`None`: nothing) and no other connector has its account. Of two
    /// who write at once, the second is held against what the first wrote.
    ///
    /// # Errors
    /// As [`Store::put_connector`].
    pub async fn write_connector(
        &self,
        connector: &Connector,
        before: Option<&Connector>,
    ) -> Result<ConnectorWritten, StoreError> {
        self.save_connector(connector, Some(before)).await
    }

    /// `expected` is what has to be there; without it, whatever is.
    async fn save_connector(
        &self,
        connector: &Connector,
        expected: Option<Option<&Connector>>,
    ) -> Result<ConnectorWritten, StoreError> {
        let doing = "saving a connector";
        let id = connector.id.as_str();
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            // First: the row is held to the end, so that connectors are written one after the other.
            sqlx::query(CHANGED).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            if let Some(before) = expected {
                let rows: Vec<(String,)> = sqlx::query_as("SELECT document FROM connectors ORDER BY id")
                    .fetch_all(&mut *tx).await.map_err(StoreError::statement(doing))?;
                if let Some(refusal) = refusal(&documents(rows, "connector")?, connector, before) {
                    tx.rollback().await.map_err(StoreError::statement(doing))?;
                    return Ok(refusal);
                }
            }
            sqlx::query("INSERT INTO connectors (id, document) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET document = excluded.document")
                .bind(id).bind(json(connector)?).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            if let Some(account) = connector.account() {
                let [account_key, subscription] = names(id, account);
                sqlx::query(
                    "INSERT INTO accounts (connector, account, account_key, subscription) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (connector, account) DO NOTHING")
                    .bind(id).bind(account).bind(account_key).bind(subscription)
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(ConnectorWritten::Done)
    }

    /// Removes a connector with everything that came through it, and those of an organisation's accounts with it, in one step; says
    /// whether it was there.
    ///
    /// # Errors
    /// If a statement fails; nothing is removed then.
    pub async fn remove_connector(&self, id: &str) -> Result<bool, StoreError> {
        let doing = "removing a connector";
        let was_there = on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            // First, as whoever writes a connector does: two that wait for each other would both fail.
            sqlx::query(CHANGED).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let known: Vec<(String,)> = sqlx::query_as("SELECT document FROM connectors")
                .fetch_all(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let known: Vec<Connector> = documents(known, "connector")?;
            let members = known.iter().filter(|own| own.is_member_of(id)).map(|own| own.id.as_str());
            let all: Vec<&str> = members.chain([id]).collect();
            for statement in [
                "DELETE FROM assessments WHERE resource IN (SELECT id FROM resources WHERE connector = $1)",
                "DELETE FROM resources WHERE connector = $1",
                "DELETE FROM tallies WHERE slice IN (SELECT id FROM slices WHERE connector = $1)",
                "DELETE FROM totals WHERE connector = $1",
                "DELETE FROM slices WHERE connector = $1",
                "DELETE FROM account_counts WHERE connector = $1",
                "DELETE FROM transitions WHERE connector = $1",
                "DELETE FROM alerts WHERE connector = $1",
                "DELETE FROM defender_views WHERE connector = $1",
                "DELETE FROM coverage WHERE connector = $1",
                "DELETE FROM listings WHERE connector = $1",
                "DELETE FROM scores WHERE connector = $1",
                "DELETE FROM score_parts WHERE connector = $1",
                "DELETE FROM accounts WHERE connector = $1",
                "DELETE FROM attempts WHERE connector = $1",
                "DELETE FROM change_polls WHERE connector = $1",
                "DELETE FROM compliance_points WHERE connector = $1",
                "DELETE FROM sightings WHERE connector = $1",
                "DELETE FROM policy_states WHERE connector = $1",
                "DELETE FROM policy_history WHERE connector = $1",
                "DELETE FROM policy_marks WHERE connector = $1",
                "DELETE FROM policy_seen WHERE connector = $1",
                "DELETE FROM policy_runs WHERE connector = $1",
                "DELETE FROM arm_objects WHERE connector = $1",
                "DELETE FROM secrets WHERE name = 'connector/' || $1 || '/client-secret'",
                "DELETE FROM connectors WHERE id = $1",
            ] {
                for own in &all {
                    sqlx::query(statement).bind(*own).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                }
            }
            for statement in RECOUNT_GRAND_TOTALS {
                sqlx::query(*statement).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
            known.iter().any(|own| own.id.as_str() == id)
        });
        Ok(was_there)
    }
}

/// Why a connector can't be written beside those that are known.
fn refusal(known: &[Connector], connector: &Connector, before: Option<&Connector>) -> Option<ConnectorWritten> {
    let is_same_id = |other: &Connector| key(other.id.as_str()) == key(connector.id.as_str());
    if known.iter().find(|other| is_same_id(other)) != before {
        return Some(ConnectorWritten::Conflict);
    }
    let account = connector.account()?;
    let taken = known.iter().find(|other| !is_same_id(other) && other.account() == Some(account))?;
    Some(ConnectorWritten::AccountTaken(taken.id.clone()))
}
