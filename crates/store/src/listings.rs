//! The listings of each account, with what is counted of them.

use std::collections::BTreeMap;

use serde::Serialize;
use skywarden_model::{Coverage, ListOutcome};

use crate::{ScopeFilter, Store, StoreError, coverage::visible, pool::rows_of};

/// Listings by how they went, and reads that were refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CoverageCounts {
    /// Listings of which every page was read.
    pub complete: u64,
    /// Listings of which some pages were read.
    pub partial: u64,
    /// Listings of which nothing could be read.
    pub failed: u64,
    /// Listings that were left out on purpose.
    pub skipped: u64,
    /// Reads of fields that were refused.
    pub denied: u64,
}

/// Complete, partial, failed, skipped, denied.
type Columns = (i64, i64, i64, i64, i64);

impl CoverageCounts {
    /// Counts some listings.
    pub fn of<'c>(coverage: impl IntoIterator<Item = &'c Coverage>) -> Self {
        let mut counts = Self::default();
        for entry in coverage {
            match entry.outcome {
                ListOutcome::Complete { .. } => counts.complete += 1,
                ListOutcome::Partial { .. } => counts.partial += 1,
                ListOutcome::Failed { .. } => counts.failed += 1,
                ListOutcome::Skipped { .. } => counts.skipped += 1,
            }
            counts.denied += entry.denied.len() as u64;
        }
        counts
    }

    pub(crate) fn columns(&self) -> [i64; 5] {
        [self.complete, self.partial, self.failed, self.skipped, self.denied].map(|n| i64::try_from(n).unwrap_or(i64::MAX))
    }
}

/// Makes the listings of a connector those of a run, within the transaction `$tx` of either database.
macro_rules! write_listings {
    ($tx:ident, $run:ident, $doing:ident) => {
        let connector = $run.connector.id.as_str();
        let mut accounts: BTreeMap<&str, Vec<&Coverage>> = BTreeMap::new();
        for entry in $run.coverage {
            accounts.entry(&*entry.account).or_default().push(entry);
        }
        let before: Vec<(String,)> = sqlx::query_as("SELECT account FROM listings WHERE connector = $1")
            .bind(connector).fetch_all(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        for (account,) in before.iter().filter(|(account,)| !accounts.contains_key(account.as_str())) {
            sqlx::query("DELETE FROM listings WHERE connector = $1 AND account = $2")
                .bind(connector).bind(account.as_str()).execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
        for (account, entries) in &accounts {
            let mut insert = sqlx::query(
                "INSERT INTO listings (connector, account, document, n_complete, n_partial, n_failed, n_skipped, n_denied)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (connector, account) DO UPDATE SET document = excluded.document, n_complete = excluded.n_complete,
                     n_partial = excluded.n_partial, n_failed = excluded.n_failed, n_skipped = excluded.n_skipped,
                     n_denied = excluded.n_denied WHERE listings.document <> excluded.document")
                .bind(connector).bind(*account).bind(json(entries)?);
            for count in $crate::listings::CoverageCounts::of(entries.iter().copied()).columns() {
                insert = insert.bind(count);
            }
            insert.execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
    };
}
pub(crate) use write_listings;

impl Store {
    /// The listings of accounts of which anything may be seen, as far as they may, by connector.
    pub(crate) async fn listings(
        &self,
        filter: &ScopeFilter,
        connector: Option<&str>,
    ) -> Result<BTreeMap<String, Vec<Coverage>>, StoreError> {
        let shown = filter.any_accounts(&self.pool, "connector, account", 2)?;
        let statement = format!(
            "SELECT connector, document FROM listings WHERE (connector = $1 OR $1 = ''){} ORDER BY connector, account",
            shown.sql
        );
        let rows: Vec<(String, String)> = rows_of!(self, "reading coverage", statement, [connector.unwrap_or_default()], shown);
        let seen = self.seen_resources(filter).await?;
        let mut found: BTreeMap<String, Vec<Coverage>> = BTreeMap::new();
        for (connector, document) in rows {
            let entries: Vec<Coverage> = serde_json::from_str(&document).map_err(StoreError::damaged("coverage"))?;
            let entries = visible(filter, &connector, entries, &seen);
            found.entry(connector).or_default().extend(entries);
        }
        Ok(found)
    }

    /// How the listings went that may be seen.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn coverage_counts(&self, filter: &ScopeFilter) -> Result<CoverageCounts, StoreError> {
        let whole = filter.whole_accounts(&self.pool, "connector, account", 1)?;
        let sum = |column: &str| format!("CAST(COALESCE(SUM({column}), 0) AS BIGINT)");
        let sums = ["n_complete", "n_partial", "n_failed", "n_skipped", "n_denied"].map(sum).join(", ");
        let statement = format!("SELECT {sums} FROM listings WHERE 1 = 1{}", whole.sql);
        let rows: Vec<Columns> = rows_of!(self, "counting listings", statement, [], whole);
        let parts = filter.of_parts();
        let mut counts = CoverageCounts::default();
        if !filter.parts().is_empty() {
            counts = CoverageCounts::of(self.listings(&parts, None).await?.values().flatten());
        }
        for (complete, partial, failed, skipped, denied) in rows {
            let n = |n: i64| u64::try_from(n).unwrap_or(0);
            counts.complete += n(complete);
            counts.partial += n(partial);
            counts.failed += n(failed);
            counts.skipped += n(skipped);
            counts.denied += n(denied);
        }
        Ok(counts)
    }
}

/// Fills the table from documents of whole connectors.
pub(crate) const SPLIT_ON_SQLITE: &str =
    "INSERT INTO listings (connector, account, document, n_complete, n_partial, n_failed, n_skipped, n_denied)
    SELECT c.connector, e.value ->> '$.account', JSON_GROUP_ARRAY(JSON(e.value)), SUM(e.value ->> '$.outcome.state' = 'complete'),
        SUM(e.value ->> '$.outcome.state' = 'partial'), SUM(e.value ->> '$.outcome.state' = 'failed'),
        SUM(e.value ->> '$.outcome.state' = 'skipped'), SUM(COALESCE(JSON_ARRAY_LENGTH(e.value, '$.denied'), 0))
    FROM coverage c, JSON_EACH(c.document) e GROUP BY c.connector, e.value ->> '$.account'";

/// See [`SPLIT_ON_SQLITE`].
pub(crate) const SPLIT_ON_POSTGRES: &str =
    "INSERT INTO listings (connector, account, document, n_complete, n_partial, n_failed, n_skipped, n_denied)
    SELECT c.connector, e.value ->> 'account', CAST(JSONB_AGG(e.value ORDER BY e.place) AS TEXT),
        COUNT(*) FILTER (WHERE e.value -> 'outcome' ->> 'state' = 'complete'),
        COUNT(*) FILTER (WHERE e.value -> 'outcome' ->> 'state' = 'partial'),
        COUNT(*) FILTER (WHERE e.value -> 'outcome' ->> 'state' = 'failed'),
        COUNT(*) FILTER (WHERE e.value -> 'outcome' ->> 'state' = 'skipped'),
        CAST(SUM(COALESCE(JSONB_ARRAY_LENGTH(e.value -> 'denied'), 0)) AS BIGINT)
    FROM coverage c, JSONB_ARRAY_ELEMENTS(CAST(c.document AS JSONB)) WITH ORDINALITY e (value, place)
    GROUP BY c.connector, e.value ->> 'account'";
