//! What each connector has, and what it lacks.

use std::collections::BTreeMap;

use serde::Deserialize;
use skywarden_model::{Cause, Coverage, Timestamp};
use sqlx::AssertSqlSafe;

use crate::{ScopeFilter, Store, StoreError, commit::parse, pool::on_pool};

/// What the last run of a connector could and could not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorCoverage {
    /// When it was read; `None` if a version wrote it that did not keep it.
    pub taken_at: Option<Timestamp>,
    /// One entry per listing that may be seen.
    pub entries: Vec<Coverage>,
}

/// An account of a connector, with how many resources it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCount {
    /// The connector.
    pub connector: String,
    /// The account.
    pub account: String,
    /// Its resources.
    pub n_resources: u64,
}

/// An assessment of which it could not be found out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAssessment {
    /// The connector of the resource.
    pub connector: String,
    /// The resource.
    pub resource: String,
    /// The recommendation.
    pub recommendation: String,
    /// Why it is unknown.
    pub cause: Option<Cause>,
}

/// The one member of an assessment's document that is wanted; evidence may be long.
#[derive(Deserialize)]
struct OnlyCause {
    #[serde(default)]
    cause: Option<Cause>,
}

impl Store {
    /// What the last run of each connector could and could not list, by the connector's id.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn connector_coverage(&self, filter: &ScopeFilter) -> Result<BTreeMap<String, ConnectorCoverage>, StoreError> {
        let rows: Vec<(String, String, Option<String>)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT connector, document, taken_at FROM coverage ORDER BY connector")
                .fetch_all(pool).await.map_err(StoreError::statement("reading coverage"))?
        });
        let mut found = BTreeMap::new();
        for (connector, document, taken_at) in rows {
            if !filter.allows_connector(&connector) {
                continue;
            }
            let mut entries: Vec<Coverage> = serde_json::from_str(&document).map_err(StoreError::damaged("coverage"))?;
            entries.retain(|entry| filter.allows(&connector, &entry.account));
            let taken_at = taken_at.map(|text| parse(&text, "time")).transpose()?;
            found.insert(connector, ConnectorCoverage { taken_at, entries });
        }
        Ok(found)
    }

    /// Connector and account of everything that was ever assessed, in order.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn accounts(&self, filter: &ScopeFilter) -> Result<Vec<(String, String)>, StoreError> {
        let rows: Vec<(String, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT DISTINCT connector, account FROM scores ORDER BY connector, account")
                .fetch_all(pool).await.map_err(StoreError::statement("listing accounts"))?
        });
        Ok(rows.into_iter().filter(|(connector, account)| filter.allows(connector, account)).collect())
    }

    /// The resource groups (regions) of an account in which there are resources, in order.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn resource_groups(&self, filter: &ScopeFilter, connector: &str, account: &str) -> Result<Vec<String>, StoreError> {
        if !filter.allows(connector, account) {
            return Ok(Vec::new());
        }
        let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
            sqlx::query_as(
                "SELECT DISTINCT resource_group FROM resources WHERE connector = $1 AND account = $2 AND resource_group <> '' ORDER BY resource_group",
            )
            .bind(connector).bind(account).fetch_all(pool).await.map_err(StoreError::statement("listing resource groups"))?
        });
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }

    /// The accounts that have resources, in order.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn account_counts(&self, filter: &ScopeFilter) -> Result<Vec<AccountCount>, StoreError> {
        let rows: Vec<(String, String, i64)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT connector, account, COUNT(*) FROM resources GROUP BY connector, account ORDER BY connector, account")
                .fetch_all(pool).await.map_err(StoreError::statement("counting resources"))?
        });
        let visible = rows.into_iter().filter(|(connector, account, _)| filter.allows(connector, account));
        let count = |(connector, account, n): (String, String, i64)| AccountCount {
            connector,
            account,
            n_resources: u64::try_from(n).unwrap_or(0),
        };
        Ok(visible.map(count).collect())
    }

    /// Every assessment of which it could not be found out, in order of resource and recommendation.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn unknown_assessments(&self, filter: &ScopeFilter) -> Result<Vec<UnknownAssessment>, StoreError> {
        let statement = format!(
            "SELECT r.connector, a.resource, a.recommendation, a.document FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE a.status = 'Unknown'{} ORDER BY a.resource, a.recommendation",
            filter.condition("r.connector, r.account", 1)
        );
        let rows: Vec<(String, String, String, String)> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_as(AssertSqlSafe(statement));
            for value in filter.values() {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("reading assessments"))?
        });
        let mut unknown = Vec::with_capacity(rows.len());
        for (connector, resource, recommendation, document) in rows {
            let OnlyCause { cause } = serde_json::from_str(&document).map_err(StoreError::damaged("assessment"))?;
            unknown.push(UnknownAssessment { connector, resource, recommendation, cause });
        }
        Ok(unknown)
    }
}
