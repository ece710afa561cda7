//! Slices, and what is counted of them at each commit, so that no count and no page is worked out over the whole estate.
//!
//! A slice is the resources of one type in one resource group of an account. What a reader may see is made of whole slices, save for
//! single resources, and so is what a list is narrowed to. Five tables hold the counts: `slices` of their resources, `account_counts` of
//! the same over whole accounts, `tallies` of each slice's assessments by recommendation and verdict, `totals` of a connector's by recommendation, verdict and type, and `grand_totals` of
//! all connectors'. They are worked out anew from each run and written where they differ, so that no mistake adds up over time.

use std::collections::BTreeMap;

use skywarden_model::{Resource, Status};

use crate::{Run, ScopeFilter};

/// Account, resource group and type of a slice of the connector at hand.
pub(crate) type SliceKey<'r> = (&'r str, &'r str, &'r str);

/// How many resources a slice has, and how many of them have an assessment that is Healthy, Unhealthy, Unknown or NotApplicable.
pub(crate) type SliceCounts = [i64; 5];

/// The verdicts in the order of [`SliceCounts`].
const STATUSES: [Status; 4] = [Status::Healthy, Status::Unhealthy, Status::Unknown, Status::NotApplicable];

/// What is counted of a run.
#[derive(Debug, Default)]
pub(crate) struct Census<'r> {
    pub(crate) slices: BTreeMap<SliceKey<'r>, SliceCounts>,
    /// By slice, recommendation and verdict.
    pub(crate) tallies: BTreeMap<(SliceKey<'r>, &'r str, Status), i64>,
}

/// The slice that a resource lies in.
pub(crate) fn slice_of(resource: &Resource) -> SliceKey<'_> {
    (&resource.scope.account, &resource.scope.resource_group, resource.type_name.as_str())
}

/// The table in which resources are counted by some columns of `slices s`, over what a filter lets through: by account where that tells.
pub(crate) fn counted_in<'c>(filter: &ScopeFilter, columns: impl IntoIterator<Item = &'c str>) -> &'static str {
    let is_of_accounts = columns.into_iter().all(|column| ["connector", "account"].contains(&column));
    if *filter == ScopeFilter::All && is_of_accounts { "account_counts" } else { "slices" }
}

/// The column of `slices` that counts the resources with an assessment of a verdict.
pub(crate) fn column_of(status: Status) -> &'static str {
    match status {
        Status::Healthy => "n_healthy",
        Status::Unhealthy => "n_unhealthy",
        Status::Unknown => "n_unknown",
        Status::NotApplicable => "n_not_applicable",
    }
}

impl<'r> Census<'r> {
    /// What is counted of a run, and of the (resource, recommendation, verdict) that clients wrote and the run leaves as they are.
    pub(crate) fn of(run: &Run<'r>, written: &'r [(String, String, Status)]) -> Self {
        let mut census = Self::default();
        let mut judged: BTreeMap<&str, (SliceKey<'r>, [bool; 4])> = BTreeMap::new();
        for resource in run.resources {
            let slice = slice_of(resource);
            judged.insert(resource.id.as_str(), (slice, [false; 4]));
            let [n_resources, ..] = census.slices.entry(slice).or_default();
            *n_resources += 1;
        }
        let by_run = run.assessments.iter().map(|own| (own.resource.as_str(), &*own.recommendation, own.status));
        let by_clients =
            written.iter().map(|(resource, recommendation, status)| (resource.as_str(), recommendation.as_str(), *status));
        for (resource, recommendation, verdict) in by_run.chain(by_clients) {
            let Some((slice, seen)) = judged.get_mut(resource) else { continue };
            *census.tallies.entry((*slice, recommendation, verdict)).or_default() += 1;
            for (status, is_seen) in STATUSES.iter().zip(seen) {
                *is_seen |= verdict == *status;
            }
        }
        for (slice, seen) in judged.values() {
            let Some([_, counts @ ..]) = census.slices.get_mut(slice) else { continue };
            for (count, is_seen) in counts.iter_mut().zip(seen) {
                *count += i64::from(*is_seen);
            }
        }
        census
    }

    /// By recommendation, verdict and type.
    pub(crate) fn totals(&self) -> BTreeMap<(&'r str, Status, &'r str), i64> {
        let mut totals = BTreeMap::new();
        for (((_, _, type_name), recommendation, status), n) in &self.tallies {
            *totals.entry((*recommendation, *status, *type_name)).or_default() += n;
        }
        totals
    }
}

/// Makes the slices of a connector those of a census, within the transaction `$tx` of either database; gives their ids. A slice keeps its
/// id as long as it has a resource.
macro_rules! write_slices {
    ($tx:ident, $connector:ident, $census:ident, $doing:ident) => {{
        let before: Vec<(i64, String, String, String, i64, i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT id, account, resource_group, type_name, n_resources, n_healthy, n_unhealthy, n_unknown, n_not_applicable
             FROM slices WHERE connector = $1")
            .bind($connector).fetch_all(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        let last: Option<i64> = sqlx::query_scalar("SELECT MAX(id) FROM slices")
            .fetch_one(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        let mut last = last.unwrap_or(0);
        let mut known = BTreeMap::new();
        let mut gone = Vec::new();
        for (id, account, group, type_name, n_resources, healthy, unhealthy, unknown, not_applicable) in &before {
            let slice = (account.as_str(), group.as_str(), type_name.as_str());
            if $census.slices.contains_key(&slice) {
                known.insert(slice, (*id, [*n_resources, *healthy, *unhealthy, *unknown, *not_applicable]));
            } else {
                gone.push(*id);
            }
        }
        let mut ids: BTreeMap<$crate::slices::SliceKey<'_>, i64> = BTreeMap::new();
        let mut changed = Vec::new();
        for (slice, counts) in &$census.slices {
            let (id, before) = known.get(slice).map_or((None, None), |(id, before)| (Some(*id), Some(before)));
            let id = id.unwrap_or_else(|| {
                last += 1;
                last
            });
            ids.insert(*slice, id);
            if before != Some(counts) {
                changed.push((id, slice, counts));
            }
        }
        let is_changed = !changed.is_empty() || !gone.is_empty();
        for batch in changed.chunks(BATCH) {
            let mut insert = sqlx::QueryBuilder::new(
                "INSERT INTO slices (id, connector, account, resource_group, group_key, type_name, n_resources, n_healthy, n_unhealthy,
                     n_unknown, n_not_applicable) ");
            insert.push_values(batch, |mut row, (id, (account, group, type_name), counts)| {
                row.push_bind(*id).push_bind($connector).push_bind(*account).push_bind(*group).push_bind(key(group)).push_bind(*type_name);
                for count in counts.iter() {
                    row.push_bind(*count);
                }
            });
            insert.push(
                " ON CONFLICT (id) DO UPDATE SET n_resources = excluded.n_resources, n_healthy = excluded.n_healthy,
                     n_unhealthy = excluded.n_unhealthy, n_unknown = excluded.n_unknown, n_not_applicable = excluded.n_not_applicable");
            insert.build().execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
        for id in gone {
            for statement in ["DELETE FROM tallies WHERE slice = $1", "DELETE FROM slices WHERE id = $1"] {
                sqlx::query(statement).bind(id).execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
            }
        }
        if is_changed {
            $crate::slices::recount_accounts!($tx, $connector, $doing);
        }
        ids
    }};
}
pub(crate) use write_slices;

/// Adds up the slices of a connector by account, within the transaction `$tx` of either database.
macro_rules! recount_accounts {
    ($tx:ident, $connector:expr, $doing:ident) => {
        for statement in $crate::slices::RECOUNT_ACCOUNTS {
            sqlx::query(*statement).bind($connector).execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
    };
}
pub(crate) use recount_accounts;

/// Makes the tallies and totals of a connector those of a census, within the transaction `$tx` of either database.
macro_rules! write_tallies {
    ($tx:ident, $connector:ident, $census:ident, $slices:ident, $doing:ident) => {
        let before: Vec<(i64, String, String, i64)> = sqlx::query_as(
            "SELECT t.slice, t.recommendation, t.status, t.n FROM slices s JOIN tallies t ON t.slice = s.id WHERE s.connector = $1")
            .bind($connector).fetch_all(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        let mut before: BTreeMap<(i64, String, String), i64> =
            before.into_iter().map(|(slice, recommendation, status, n)| ((slice, recommendation, status), n)).collect();
        let mut changed = Vec::new();
        for ((slice, recommendation, status), n) in &$census.tallies {
            let Some(slice) = $slices.get(slice) else { continue };
            let own = (*slice, (*recommendation).to_owned(), status.to_string());
            if before.remove(&own) != Some(*n) {
                changed.push((own, *n));
            }
        }
        for batch in changed.chunks(BATCH) {
            let mut insert = sqlx::QueryBuilder::new("INSERT INTO tallies (slice, recommendation, status, n) ");
            insert.push_values(batch, |mut row, ((slice, recommendation, status), n)| {
                row.push_bind(*slice).push_bind(recommendation.as_str()).push_bind(status.as_str()).push_bind(*n);
            });
            insert.push(" ON CONFLICT (slice, recommendation, status) DO UPDATE SET n = excluded.n");
            insert.build().execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
        for (slice, recommendation, status) in before.keys() {
            sqlx::query("DELETE FROM tallies WHERE slice = $1 AND recommendation = $2 AND status = $3")
                .bind(*slice).bind(recommendation.as_str()).bind(status.as_str())
                .execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }

        let before: Vec<(String, String, String, i64)> =
            sqlx::query_as("SELECT recommendation, status, type_name, n FROM totals WHERE connector = $1")
                .bind($connector).fetch_all(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        let mut before: BTreeMap<(String, String, String), i64> =
            before.into_iter().map(|(recommendation, status, type_name, n)| ((recommendation, status, type_name), n)).collect();
        let mut changed = Vec::new();
        for ((recommendation, status, type_name), n) in $census.totals() {
            let own = (recommendation.to_owned(), status.to_string(), type_name.to_owned());
            if before.remove(&own) != Some(n) {
                changed.push((own, n));
            }
        }
        for batch in changed.chunks(BATCH) {
            let mut insert = sqlx::QueryBuilder::new("INSERT INTO totals (recommendation, status, type_name, connector, n) ");
            insert.push_values(batch, |mut row, ((recommendation, status, type_name), n)| {
                row.push_bind(recommendation.as_str()).push_bind(status.as_str()).push_bind(type_name.as_str()).push_bind($connector)
                    .push_bind(*n);
            });
            insert.push(" ON CONFLICT (recommendation, status, type_name, connector) DO UPDATE SET n = excluded.n");
            insert.build().execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
        for (recommendation, status, type_name) in before.keys() {
            sqlx::query("DELETE FROM totals WHERE recommendation = $1 AND status = $2 AND type_name = $3 AND connector = $4")
                .bind(recommendation.as_str()).bind(status.as_str()).bind(type_name.as_str()).bind($connector)
                .execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
        for (recommendation, status, type_name) in changed.iter().map(|(own, _)| own).chain(before.keys()) {
            for statement in $crate::slices::RECOUNT_GRAND_TOTAL {
                sqlx::query(*statement)
                    .bind(recommendation.as_str()).bind(status.as_str()).bind(type_name.as_str())
                    .execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
            }
        }
    };
}
pub(crate) use write_tallies;

/// Counts slices anew from what is stored, and the totals of their connectors, within the transaction `$tx` of either database: those of
/// which another connector took resources.
macro_rules! recount_slices {
    ($tx:ident, $slices:ident, $doing:ident) => {
        let mut connectors: BTreeSet<String> = BTreeSet::new();
        for slice in &$slices {
            let owner: Option<String> = sqlx::query_scalar("SELECT connector FROM slices WHERE id = $1")
                .bind(*slice)
                .fetch_optional(&mut *$tx)
                .await
                .map_err(StoreError::statement($doing))?;
            connectors.extend(owner);
            for statement in $crate::slices::RECOUNT_SLICE {
                sqlx::query(*statement).bind(*slice).execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
            }
        }
        for connector in &connectors {
            for statement in $crate::slices::RECOUNT_TOTALS {
                sqlx::query(*statement)
                    .bind(connector.as_str())
                    .execute(&mut *$tx)
                    .await
                    .map_err(StoreError::statement($doing))?;
            }
            $crate::slices::recount_accounts!($tx, connector.as_str(), $doing);
        }
        if !connectors.is_empty() {
            for statement in $crate::slices::RECOUNT_GRAND_TOTALS {
                sqlx::query(*statement).execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
            }
        }
    };
}
pub(crate) use recount_slices;

/// Counts anew what clients wrote: a slice, and of its connector's and of all totals those of a recommendation; within the transaction `$tx`
/// of either database.
macro_rules! recount_recommendation {
    ($tx:ident, $slice:expr, $connector:expr, $recommendation:expr, $doing:ident) => {
        for statement in $crate::slices::RECOUNT_SLICE {
            sqlx::query(*statement).bind($slice).execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
        $crate::slices::recount_accounts!($tx, $connector, $doing);
        for statement in $crate::slices::RECOUNT_RECOMMENDATION {
            sqlx::query(*statement)
                .bind($recommendation)
                .bind($connector)
                .execute(&mut *$tx)
                .await
                .map_err(StoreError::statement($doing))?;
        }
        for statement in $crate::slices::RECOUNT_GRAND_TOTALS_OF {
            sqlx::query(*statement).bind($recommendation).execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
        sqlx::query($crate::remembered::CHANGED).execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
    };
}
pub(crate) use recount_recommendation;

/// Counts what a connector has of a recommendation anew.
pub(crate) const RECOUNT_RECOMMENDATION: &[&str] = &[
    "DELETE FROM totals WHERE recommendation = $1 AND connector = $2",
    "INSERT INTO totals SELECT t.recommendation, t.status, s.type_name, s.connector, CAST(SUM(t.n) AS BIGINT)
     FROM slices s JOIN tallies t ON t.slice = s.id WHERE t.recommendation = $1 AND s.connector = $2
     GROUP BY t.recommendation, t.status, s.type_name, s.connector",
];

/// Counts what all connectors have of a recommendation anew.
pub(crate) const RECOUNT_GRAND_TOTALS_OF: &[&str] = &[
    "DELETE FROM grand_totals WHERE recommendation = $1",
    "INSERT INTO grand_totals SELECT recommendation, status, type_name, CAST(SUM(n) AS BIGINT) FROM totals
     WHERE recommendation = $1 GROUP BY recommendation, status, type_name",
];

/// Counts the slice with an id anew. Of verdicts see [`crate::summary::BY_RESOURCE`].
pub(crate) const RECOUNT_SLICE: &[&str] = &[
    "UPDATE slices SET
        n_resources = (SELECT COUNT(*) FROM resources r WHERE r.slice = slices.id),
        n_healthy = (SELECT COUNT(*) FROM resources r WHERE r.slice = slices.id AND EXISTS
            (SELECT 1 FROM assessments a WHERE a.resource = r.id AND (a.status || '') = 'Healthy')),
        n_unhealthy = (SELECT COUNT(*) FROM resources r WHERE r.slice = slices.id AND EXISTS
            (SELECT 1 FROM assessments a WHERE a.resource = r.id AND (a.status || '') = 'Unhealthy')),
        n_unknown = (SELECT COUNT(*) FROM resources r WHERE r.slice = slices.id AND EXISTS
            (SELECT 1 FROM assessments a WHERE a.resource = r.id AND (a.status || '') = 'Unknown')),
        n_not_applicable = (SELECT COUNT(*) FROM resources r WHERE r.slice = slices.id AND EXISTS
            (SELECT 1 FROM assessments a WHERE a.resource = r.id AND (a.status || '') = 'NotApplicable'))
     WHERE id = $1",
    "DELETE FROM tallies WHERE slice = $1",
    "INSERT INTO tallies SELECT r.slice, a.recommendation, a.status, COUNT(*) FROM resources r JOIN assessments a ON a.resource = r.id
     WHERE r.slice = $1 GROUP BY r.slice, a.recommendation, a.status",
    "DELETE FROM slices WHERE id = $1 AND n_resources = 0",
];

/// Adds up the slices of a connector by account.
pub(crate) const RECOUNT_ACCOUNTS: &[&str] = &[
    "DELETE FROM account_counts WHERE connector = $1",
    "INSERT INTO account_counts SELECT connector, account, CAST(SUM(n_resources) AS BIGINT), CAST(SUM(n_healthy) AS BIGINT),
        CAST(SUM(n_unhealthy) AS BIGINT), CAST(SUM(n_unknown) AS BIGINT), CAST(SUM(n_not_applicable) AS BIGINT)
     FROM slices WHERE connector = $1 GROUP BY connector, account",
];

/// Counts the totals of a connector anew.
pub(crate) const RECOUNT_TOTALS: &[&str] = &[
    "DELETE FROM totals WHERE connector = $1",
    "INSERT INTO totals SELECT t.recommendation, t.status, s.type_name, s.connector, CAST(SUM(t.n) AS BIGINT)
     FROM slices s JOIN tallies t ON t.slice = s.id WHERE s.connector = $1
     GROUP BY t.recommendation, t.status, s.type_name, s.connector",
];

/// Counts what all connectors have of a recommendation, a verdict and a type anew.
pub(crate) const RECOUNT_GRAND_TOTAL: &[&str] = &[
    "DELETE FROM grand_totals WHERE recommendation = $1 AND status = $2 AND type_name = $3",
    "INSERT INTO grand_totals SELECT recommendation, status, type_name, CAST(SUM(n) AS BIGINT) FROM totals
     WHERE recommendation = $1 AND status = $2 AND type_name = $3 GROUP BY recommendation, status, type_name",
];

/// Counts what all connectors have anew.
pub(crate) const RECOUNT_GRAND_TOTALS: &[&str] = &[
    "DELETE FROM grand_totals",
    "INSERT INTO grand_totals SELECT recommendation, status, type_name, CAST(SUM(n) AS BIGINT) FROM totals
     GROUP BY recommendation, status, type_name",
];
