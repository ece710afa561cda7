use std::collections::BTreeMap;

use skywarden_model::Timestamp;

use super::judge::Work;
use crate::{
    Store, StoreError,
    commit::instant,
    pool::{IDS_AT_ONCE, on_pool},
};

/// Rows that one statement writes.
const BATCH: usize = 200;

/// A state by (resource, assignment in lower case, reference).
pub(crate) type Key = (String, String, String);

/// A state that is there.
#[derive(Debug)]
pub(crate) struct KnownState {
    pub(crate) state: i64,
    pub(crate) hash: String,
}

/// A state that was found.
pub(crate) struct StateValues {
    pub(crate) resource: String,
    pub(crate) assignment: String,
    pub(crate) reference: String,
    pub(crate) definition: String,
    pub(crate) state: i64,
    pub(crate) effect: String,
    pub(crate) hash: String,
    pub(crate) document: String,
}

/// What an evaluation found in an account.
pub(crate) struct Found<'a> {
    /// What is new or other than before, with the state before.
    pub(crate) values: Vec<(Option<i64>, StateValues)>,
    /// What no longer is.
    pub(crate) ended: Vec<(Key, KnownState)>,
    /// Resources as they were judged: id, resource group in small letters, type, hash.
    pub(crate) seen: Vec<(&'a str, String, &'a str, String)>,
    /// Resources that are gone.
    pub(crate) gone: &'a [&'a str],
}

/// Inserts and empties a batch of states and of their history.
macro_rules! insert_states {
    ($tx:ident, $connector:ident, $account:ident, $at:ident, $batch:ident, $doing:ident) => {
        let mut insert = sqlx::QueryBuilder::new(
            "INSERT INTO policy_states (resource, assignment, reference, connector, account, definition, state, effect, hash, document, first_evaluated_at, state_changed_at) ");
        insert.push_values($batch, |mut row, (_, value): &(Option<i64>, StateValues)| {
            row.push_bind(value.resource.as_str()).push_bind(value.assignment.as_str()).push_bind(value.reference.as_str())
                .push_bind($connector).push_bind($account).push_bind(value.definition.as_str()).push_bind(value.state)
                .push_bind(value.effect.as_str()).push_bind(value.hash.as_str()).push_bind(value.document.as_str())
                .push_bind($at.as_str()).push_bind($at.as_str());
        });
        insert.push(
            " ON CONFLICT (resource, assignment, reference) DO UPDATE SET connector = excluded.connector, account = excluded.account,
                definition = excluded.definition, effect = excluded.effect, hash = excluded.hash, document = excluded.document,
                state_changed_at = CASE WHEN policy_states.state = excluded.state THEN policy_states.state_changed_at ELSE excluded.state_changed_at END,
                state = excluded.state");
        insert.build().execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
    };
}

/// Inserts what changed: (resource, assignment, reference, before, after).
macro_rules! insert_history {
    ($tx:ident, $connector:ident, $account:ident, $at:ident, $batch:ident, $doing:ident) => {
        let mut insert = sqlx::QueryBuilder::new(
            "INSERT INTO policy_history (at, resource, assignment, reference, connector, account, state_before, state_after) ",
        );
        insert.push_values($batch, |mut row, (key, before, after): &(&Key, Option<i64>, Option<i64>)| {
            row.push_bind($at.as_str())
                .push_bind(key.0.as_str())
                .push_bind(key.1.as_str())
                .push_bind(key.2.as_str())
                .push_bind($connector)
                .push_bind($account)
                .push_bind(*before)
                .push_bind(*after);
        });
        insert.push(" ON CONFLICT (at, resource, assignment, reference) DO UPDATE SET state_after = excluded.state_after");
        insert.build().execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
    };
}

impl Store {
    /// Writes what an evaluation found in an account, in one step.
    pub(crate) async fn write_states(
        &self,
        connector: &str,
        account: &str,
        at: Timestamp,
        found: &Found<'_>,
    ) -> Result<(), StoreError> {
        let doing = "saving the states of policies";
        let at = instant(at);
        // The first verdict of a resource is no change unless it is one to look at.
        let keys: Vec<(Key, Option<i64>, Option<i64>)> = found
            .values
            .iter()
            .filter(|(before, value)| before.map_or(value.state == NON_COMPLIANT, |before| before != value.state))
            .map(|(before, value)| {
                let key = (value.resource.clone(), value.assignment.clone(), value.reference.clone());
                (key, *before, Some(value.state))
            })
            .collect();
        let ended = found.ended.iter().map(|(key, known)| (key, Some(known.state), None));
        let history: Vec<(&Key, Option<i64>, Option<i64>)> =
            keys.iter().map(|(key, before, after)| (key, *before, *after)).chain(ended).collect();
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for batch in found.values.chunks(BATCH) {
                insert_states!(tx, connector, account, at, batch, doing);
            }
            for batch in history.chunks(BATCH) {
                insert_history!(tx, connector, account, at, batch, doing);
            }
            for ((resource, assignment, reference), _) in &found.ended {
                sqlx::query("DELETE FROM policy_states WHERE resource = $1 AND assignment = $2 AND reference = $3")
                    .bind(resource.as_str()).bind(assignment.as_str()).bind(reference.as_str())
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            for batch in found.seen.chunks(BATCH) {
                let mut insert = sqlx::QueryBuilder::new("INSERT INTO policy_seen (resource, connector, account, group_key, type_name, hash) ");
                insert.push_values(batch, |mut row, (resource, group, type_name, hash)| {
                    row.push_bind(*resource).push_bind(connector).push_bind(account).push_bind(group.as_str()).push_bind(*type_name).push_bind(hash.as_str());
                });
                insert.push(" ON CONFLICT (resource) DO UPDATE SET connector = excluded.connector, account = excluded.account,
                    group_key = excluded.group_key, type_name = excluded.type_name, hash = excluded.hash");
                insert.build().execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            // What is gone is told of where it was judged last.
            sqlx::query(
                "UPDATE policy_history SET group_key = COALESCE((SELECT s.group_key FROM policy_seen s WHERE s.resource = policy_history.resource), '')
                 WHERE at = $1 AND connector = $2 AND account = $3")
                .bind(at.as_str()).bind(connector).bind(account).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            for resource in found.gone {
                sqlx::query("DELETE FROM policy_seen WHERE resource = $1").bind(*resource)
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(())
    }

    /// The states of an account that an evaluation may change.
    pub(crate) async fn known_states(
        &self,
        connector: &str,
        account: &str,
        work: &Work<'_>,
    ) -> Result<BTreeMap<Key, KnownState>, StoreError> {
        type Columns = (String, String, String, i64, String);
        const SELECT: &str = "SELECT resource, assignment, reference, state, hash FROM policy_states WHERE connector = ";
        let doing = "reading the states of policies";
        let ids = work.resource_ids();
        let by_id = work.assignments.is_empty() && ids.len() <= IDS_AT_ONCE;
        let rows: Vec<Columns> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::QueryBuilder::new(SELECT);
            select.push_bind(connector).push(" AND account = ").push_bind(account);
            if by_id {
                select.push(" AND resource IN (");
                let mut list = select.separated(", ");
                for id in &ids {
                    list.push_bind(*id);
                }
                select.push(")");
            }
            if by_id && ids.is_empty() {
                Vec::new()
            } else {
                select.build_query_as().fetch_all(pool).await.map_err(StoreError::statement(doing))?
            }
        });
        let known = |(resource, assignment, reference, state, hash): Columns| {
            ((resource, assignment, reference), KnownState { state, hash })
        };
        Ok(rows.into_iter().map(known).collect())
    }

    /// What each assignment's states rested on at the last evaluation, by its id in lower case.
    pub(crate) async fn policy_marks(&self, connector: &str) -> Result<BTreeMap<String, String>, StoreError> {
        let rows: Vec<(String, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT assignment, mark FROM policy_marks WHERE connector = $1")
                .bind(connector).fetch_all(pool).await.map_err(StoreError::statement("reading the last evaluation of policies"))?
        });
        Ok(rows.into_iter().collect())
    }

    /// Resources as they were judged last: account, type, hash.
    pub(crate) async fn policy_seen(&self, connector: &str) -> Result<BTreeMap<String, (String, String, String)>, StoreError> {
        let rows: Vec<(String, String, String, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT resource, account, type_name, hash FROM policy_seen WHERE connector = $1")
                .bind(connector).fetch_all(pool).await.map_err(StoreError::statement("reading the last evaluation of policies"))?
        });
        Ok(rows.into_iter().map(|(resource, account, type_name, hash)| (resource, (account, type_name, hash))).collect())
    }

    /// Ends an evaluation: `marks` are given if all assignments were looked at.
    pub(crate) async fn end_policy_run(
        &self,
        connector: &str,
        at: Timestamp,
        marks: Option<&BTreeMap<String, String>>,
    ) -> Result<(), StoreError> {
        let doing = "ending an evaluation of policies";
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            if let Some(marks) = marks {
                sqlx::query("DELETE FROM policy_marks WHERE connector = $1").bind(connector)
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                for (assignment, mark) in marks {
                    sqlx::query("INSERT INTO policy_marks (connector, assignment, mark) VALUES ($1, $2, $3)")
                        .bind(connector).bind(assignment.as_str()).bind(mark.as_str())
                        .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                }
            }
            sqlx::query("INSERT INTO policy_runs (connector, at) VALUES ($1, $2) ON CONFLICT (connector) DO UPDATE SET at = excluded.at")
                .bind(connector).bind(instant(at)).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(())
    }
}

/// The rank of `ComplianceState::NonCompliant`.
const NON_COMPLIANT: i64 = 0;
