//! What logs say has changed, until it was read again; and for a while after, since a scan that began before may have seen it as it
//! was.

use std::collections::BTreeSet;

use skywarden_model::{ChangeSet, Changed, Resource, SignedDuration, Timestamp, TypeName};

use crate::{
    ScopeFilter, Store, StoreError,
    commit::{hash, instant, json, parse, storable},
    pool::on_pool,
    read::documents,
};

/// How long changes wait, so that a burst of them is read once.
#[derive(Debug, Clone, Copy)]
pub struct ChangePace {
    /// After the last record about the same.
    pub quiet: SignedDuration,
    /// After the first one, whatever comes.
    pub most: SignedDuration,
}

impl Default for ChangePace {
    /// One second, at most ten.
    fn default() -> Self {
        ChangePace { quiet: SignedDuration::from_secs(1), most: SignedDuration::from_secs(10) }
    }
}

/// A change that is to be read again.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingChange {
    /// What changed.
    pub changed: Changed,
    /// When it was first told.
    pub first_at: Timestamp,
    /// How often reading it has failed.
    pub n_tries: u32,
    /// When it was last told: what is told later is not settled with it.
    last_at: String,
}

type Row = (String, String, String, i64);
type Known = (String, String, Option<String>);

impl Store {
    /// Keeps changes; one that is there already is joined with it and waits again. Repeating the same changes nothing that matters.
    ///
    /// # Errors
    /// If a statement fails; then none is kept.
    pub async fn keep_changes(&self, changes: &[Changed], pace: ChangePace, now: Timestamp) -> Result<(), StoreError> {
        let doing = "keeping what changed";
        let at = instant(now);
        let after = |first: Timestamp| {
            let quiet = now.checked_add(pace.quiet).unwrap_or(now);
            let most = first.checked_add(pace.most).unwrap_or(now);
            instant(quiet.min(most))
        };
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for changed in changes {
                let id = id_of(changed)?;
                let known: Option<Known> = sqlx::query_as("SELECT document, first_at, due_at FROM changes WHERE id = $1")
                    .bind(&id).fetch_optional(&mut *tx).await.map_err(StoreError::statement(doing))?;
                // One that was read already begins anew.
                let waiting = known.filter(|(_, _, due)| due.is_some());
                let (changed, first) = match waiting {
                    None => (changed.clone(), now),
                    Some((document, first, _)) => {
                        let before: Changed = serde_json::from_str(&document).map_err(StoreError::damaged("change"))?;
                        let both: ChangeSet = [before, changed.clone()].into_iter().collect();
                        (both.into_changes().pop().unwrap_or_else(|| changed.clone()), parse::<Timestamp>(&first, "time")?)
                    }
                };
                sqlx::query(
                    "INSERT INTO changes (id, account, document, first_at, last_at, due_at, n_tries, read_at)
                     VALUES ($1, $2, $3, $4, $5, $6, 0, NULL)
                     ON CONFLICT (id) DO UPDATE SET document = excluded.document, first_at = excluded.first_at,
                         last_at = excluded.last_at, due_at = excluded.due_at, n_tries = 0, read_at = NULL")
                    .bind(&id).bind(storable(&changed.account)).bind(storable(&json(&changed)?)).bind(instant(first)).bind(&at)
                    .bind(after(first)).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))
        })
    }

    /// What is to be read now, the oldest first, at most `most`.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn due_changes(&self, now: Timestamp, most: u32) -> Result<Vec<PendingChange>, StoreError> {
        let rows: Vec<Row> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT document, first_at, last_at, n_tries FROM changes WHERE due_at <= $1 ORDER BY first_at, id LIMIT $2")
                .bind(instant(now)).bind(i64::from(most)).fetch_all(pool).await.map_err(StoreError::statement("reading what changed"))?
        });
        let pending = |(document, first, last_at, n_tries): Row| {
            Ok(PendingChange {
                changed: serde_json::from_str(&document).map_err(StoreError::damaged("change"))?,
                first_at: parse(&first, "time")?,
                n_tries: u32::try_from(n_tries).unwrap_or(u32::MAX),
                last_at,
            })
        };
        rows.into_iter().map(pending).collect()
    }

    /// When the next change is to be read; `None` if none waits.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn next_change(&self) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<String> = on_pool!(&self.pool, pool => {
            sqlx::query_scalar("SELECT MIN(due_at) FROM changes")
                .fetch_one(pool).await.map_err(StoreError::statement("reading what changed"))?
        });
        due.map(|due| parse(&due, "time")).transpose()
    }

    /// Changes were read at `now`; one that was told again meanwhile stays to be read.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn settle_changes(&self, changes: &[PendingChange], now: Timestamp) -> Result<(), StoreError> {
        let doing = "settling what was read again";
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for pending in changes {
                sqlx::query("UPDATE changes SET due_at = NULL, read_at = $1 WHERE id = $2 AND last_at = $3")
                    .bind(instant(now)).bind(id_of(&pending.changed)?).bind(&pending.last_at)
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))
        })
    }

    /// Reading a change failed and is tried again at `due`.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn postpone_change(&self, pending: &PendingChange, due: Timestamp) -> Result<(), StoreError> {
        on_pool!(&self.pool, pool => {
            sqlx::query("UPDATE changes SET due_at = $1, n_tries = n_tries + 1 WHERE id = $2 AND last_at = $3")
                .bind(instant(due)).bind(id_of(&pending.changed)?).bind(&pending.last_at)
                .execute(pool).await.map_err(StoreError::statement("postponing what changed"))?;
        });
        Ok(())
    }

    /// A scan of an account that began at `begin` has been committed: what was read since then is to be read once more, and what was
    /// read before is forgotten.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn scanned_since(&self, account: &str, begin: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let doing = "looking for what changed during a scan";
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            sqlx::query("DELETE FROM changes WHERE account = $1 AND read_at < $2")
                .bind(storable(account)).bind(instant(begin)).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            sqlx::query("UPDATE changes SET due_at = $1, first_at = $1, n_tries = 0, read_at = NULL WHERE account = $2 AND read_at >= $3")
                .bind(instant(now)).bind(storable(account)).bind(instant(begin))
                .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            tx.commit().await.map_err(StoreError::statement(doing))
        })
    }

    /// The resources of some types that the last run of a connector saw.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn seen_of_types(
        &self,
        filter: &ScopeFilter,
        connector: &str,
        types: &BTreeSet<TypeName>,
    ) -> Result<Vec<Resource>, StoreError> {
        let mut resources = Vec::new();
        for type_name in types {
            let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
                sqlx::query_as(
                    "SELECT document FROM resources WHERE connector = $1 AND type_name = $2 AND stale_since IS NULL ORDER BY id")
                    .bind(connector).bind(type_name.as_str())
                    .fetch_all(pool).await.map_err(StoreError::statement("reading resources"))?
            });
            resources.extend(documents::<Resource>(rows, "resource")?);
        }
        resources.retain(|resource| filter.allows_resource(resource));
        Ok(resources)
    }

    /// Forgets the changes of accounts that are none of these: nobody reads them.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn forget_changes_but_of(&self, accounts: &BTreeSet<String>) -> Result<(), StoreError> {
        let doing = "forgetting changes of accounts that are not connected";
        on_pool!(&self.pool, pool => {
            let known: Vec<String> = sqlx::query_scalar("SELECT DISTINCT account FROM changes")
                .fetch_all(pool).await.map_err(StoreError::statement(doing))?;
            for account in known.iter().filter(|account| !accounts.contains(*account)) {
                sqlx::query("DELETE FROM changes WHERE account = $1").bind(account)
                    .execute(pool).await.map_err(StoreError::statement(doing))?;
            }
        });
        Ok(())
    }
}

/// The same for changes that differ in their calls alone.
fn id_of(changed: &Changed) -> Result<String, StoreError> {
    let fields = json(&changed.fields)?;
    Ok(hash(&[&changed.account, changed.type_name.as_str(), &changed.region, &fields]))
}
