//! What each connector has, and what it lacks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use skywarden_model::{Cause, Coverage, Timestamp};

use crate::{
    ScopeFilter, Store, StoreError,
    commit::parse,
    pool::{on_pool, rows_of},
    slices::counted_in,
};

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
pub(crate) struct OnlyCause {
    #[serde(default)]
    pub(crate) cause: Option<Cause>,
}

impl Store {
    /// What the last run of each connector could and could not list, by the connector's id.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn connector_coverage(&self, filter: &ScopeFilter) -> Result<BTreeMap<String, ConnectorCoverage>, StoreError> {
        let rows: Vec<(String, Option<String>)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT connector, taken_at FROM coverage ORDER BY connector")
                .fetch_all(pool).await.map_err(StoreError::statement("reading coverage"))?
        });
        let mut listings = self.listings(filter, None).await?;
        let mut found = BTreeMap::new();
        for (connector, taken_at) in rows {
            if !filter.allows_connector(&connector) {
                continue;
            }
            let entries = listings.remove(&connector).unwrap_or_default();
            let taken_at = taken_at.map(|text| parse(&text, "time")).transpose()?;
            found.insert(connector, ConnectorCoverage { taken_at, entries });
        }
        Ok(found)
    }

    /// Connector and account of everything that was ever assessed and of which anything may be seen, in order.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn accounts(&self, filter: &ScopeFilter) -> Result<Vec<(String, String)>, StoreError> {
        let shown = filter.any_accounts(&self.pool, "connector, account", 1)?;
        let statement = format!("SELECT connector, account FROM accounts WHERE 1 = 1{} ORDER BY connector, account", shown.sql);
        let rows: Vec<(String, String)> = rows_of!(self, "listing accounts", statement, [], shown);
        Ok(rows)
    }

    /// What accounts of which anything may be seen call themselves: the names of resources of these types, by (connector, account).
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn account_names(
        &self,
        filter: &ScopeFilter,
        types: &[&str],
    ) -> Result<BTreeMap<(String, String), String>, StoreError> {
        let mut names = BTreeMap::new();
        for type_name in types {
            let rows: Vec<(String, String, String)> = on_pool!(&self.pool, pool => {
                sqlx::query_as(
                    "SELECT r.connector, r.account, r.name FROM slices s JOIN resources r ON r.slice = s.id
                     WHERE s.type_name = $1 AND r.name <> ''")
                    .bind(*type_name).fetch_all(pool).await.map_err(StoreError::statement("reading names of accounts"))?
            });
            let shown = rows.into_iter().filter(|(connector, account, _)| filter.share(connector, account).is_some());
            names.extend(shown.map(|(connector, account, name)| ((connector, account), name)));
        }
        Ok(names)
    }

    /// The accounts of which all goes with a connector: its own, and those of an organisation's accounts.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn accounts_with(&self, connector: &str) -> Result<Vec<(String, String)>, StoreError> {
        let known = self.connectors(&ScopeFilter::All).await?;
        let members: BTreeSet<&str> = known.iter().filter(|own| own.is_member_of(connector)).map(|own| own.id.as_str()).collect();
        let mut accounts = self.accounts(&ScopeFilter::All).await?;
        accounts.retain(|(own, _)| own == connector || members.contains(own.as_str()));
        Ok(accounts)
    }

    /// The resource groups (regions) of an account in which there are resources that may be seen, in order.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn resource_groups(&self, filter: &ScopeFilter, connector: &str, account: &str) -> Result<Vec<String>, StoreError> {
        let own = filter.narrowed([(connector.to_owned(), account.to_owned())]);
        let visible = own.slices(&self.pool, "s.id", 1)?;
        let statement = format!("SELECT DISTINCT s.resource_group FROM slices s WHERE s.resource_group <> ''{}", visible.sql);
        let rows: Vec<(String,)> = rows_of!(self, "listing resource groups", statement, [], visible);
        let mut groups: BTreeSet<String> = rows.into_iter().map(|(name,)| name).collect();
        let singles = self.singles_grouped(&own).await?;
        groups.extend(singles.into_iter().map(|(_, _, _, group, _)| group).filter(|group| !group.is_empty()));
        Ok(groups.into_iter().collect())
    }

    /// The accounts that have resources that may be seen, in order.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn account_counts(&self, filter: &ScopeFilter) -> Result<Vec<AccountCount>, StoreError> {
        let visible = filter.slices(&self.pool, "s.id", 1)?;
        let table = counted_in(filter, ["connector", "account"]);
        let statement = format!(
            "SELECT s.connector, s.account, CAST(SUM(s.n_resources) AS BIGINT) FROM {table} s WHERE 1 = 1{}
             GROUP BY s.connector, s.account",
            visible.sql
        );
        let rows: Vec<(String, String, i64)> = rows_of!(self, "counting resources", statement, [], visible);
        let singles = self.singles_grouped(filter).await?;
        let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
        let singles = singles.into_iter().map(|(_, connector, account, _, n)| (connector, account, n));
        for (connector, account, n) in rows.into_iter().chain(singles) {
            *counts.entry((connector, account)).or_default() += u64::try_from(n).unwrap_or(0);
        }
        let count = |((connector, account), n_resources)| AccountCount { connector, account, n_resources };
        Ok(counts.into_iter().map(count).collect())
    }

    /// Every assessment of which it could not be found out, in order of resource and recommendation.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn unknown_assessments(&self, filter: &ScopeFilter) -> Result<Vec<UnknownAssessment>, StoreError> {
        let visible = filter.resources(&self.pool, "a.resource", 1)?;
        let statement = format!(
            "SELECT r.connector, a.resource, a.recommendation, a.document FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE a.status = 'Unknown'{} ORDER BY a.resource, a.recommendation",
            visible.sql
        );
        let rows: Vec<(String, String, String, String)> = rows_of!(self, "reading assessments", statement, [], visible);
        let mut unknown = Vec::with_capacity(rows.len());
        for (connector, resource, recommendation, document) in rows {
            let OnlyCause { cause } = serde_json::from_str(&document).map_err(StoreError::damaged("assessment"))?;
            unknown.push(UnknownAssessment { connector, resource, recommendation, cause });
        }
        Ok(unknown)
    }
}
