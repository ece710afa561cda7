//! Lists of resources with their counts, for estates that do not fit on a page.

use std::collections::BTreeMap;

use serde::Serialize;
use skywarden_model::{Resource, Status};
use sqlx::AssertSqlSafe;

use crate::{
    Page, ScopeFilter, Store, StoreError,
    pool::{on_pool, rows_of},
    read::{documents, page_size, pattern},
};

/// Which resources to list.
#[derive(Debug, Clone, Default)]
pub struct ResourceQuery {
    /// Only of this type.
    pub type_name: Option<String>,
    /// Only those that came through this connector.
    pub connector: Option<String>,
    /// Only of this account.
    pub account: Option<String>,
    /// Only of this region or resource group.
    pub location: Option<String>,
    /// Only those with an assessment of this verdict.
    pub status: Option<Status>,
    /// Only those whose id or name contains this text, without case.
    pub text: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Rows of the page; at most 500.
    pub limit: u32,
}

/// A resource with how it stands.
#[derive(Debug, Clone)]
pub struct ResourceRow {
    /// The resource.
    pub resource: Resource,
    /// Whether the last run did not see it, although nothing says that it is gone.
    pub is_stale: bool,
    /// Its Healthy assessments.
    pub healthy: u64,
    /// Its Unhealthy assessments.
    pub unhealthy: u64,
    /// Its Unknown assessments.
    pub unknown: u64,
}

/// A value that resources can be filtered by, with how many have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// The value.
    pub value: String,
    /// Resources that have it.
    pub count: u64,
}

/// What resources can be filtered by, each list in order of its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// Types.
    pub types: Vec<Facet>,
    /// Connectors.
    pub connectors: Vec<Facet>,
    /// Accounts.
    pub accounts: Vec<Facet>,
    /// Regions and resource groups.
    pub locations: Vec<Facet>,
}

/// The conditions of a [`ResourceQuery`] but its cursor and limit, on placeholders 1 to 7; a filter's begin at 8.
const CONDITIONS: &str = "(r.type_name = $1 OR $1 = '') AND (r.connector = $2 OR $2 = '') AND (r.account = $3 OR $3 = '')
    AND (r.resource_group = $4 OR $4 = '')
    AND ($5 = '' OR EXISTS (SELECT 1 FROM assessments a WHERE a.resource = r.id AND a.status = $5))
    AND ($6 = '' OR LOWER(r.id) LIKE $7 ESCAPE '\\' OR LOWER(r.name) LIKE $7 ESCAPE '\\')";

/// Binds what [`CONDITIONS`] and the filter's condition take.
macro_rules! bind_conditions {
    ($select:expr, $query:expr, $visible:expr) => {{
        let text = $query.text.as_deref().unwrap_or_default().to_lowercase();
        let pattern = pattern(&text);
        let mut select = $select
            .bind($query.type_name.clone().unwrap_or_default())
            .bind($query.connector.clone().unwrap_or_default())
            .bind($query.account.clone().unwrap_or_default())
            .bind($query.location.clone().unwrap_or_default())
            .bind($query.status.map(|status| status.to_string()).unwrap_or_default())
            .bind(text)
            .bind(pattern);
        for value in $visible.values {
            select = select.bind(value);
        }
        select
    }};
}

impl Store {
    /// A page of resources in order of their ids.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn resources(&self, filter: &ScopeFilter, query: &ResourceQuery) -> Result<Page<Resource>, StoreError> {
        let Page { items, next } = self.resource_rows(filter, query).await?;
        Ok(Page { items: items.into_iter().map(|row| row.resource).collect(), next })
    }

    /// A page of resources with how they stand, in order of their ids.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn resource_rows(&self, filter: &ScopeFilter, query: &ResourceQuery) -> Result<Page<ResourceRow>, StoreError> {
        let limit = page_size(query.limit);
        let with =
            |status: Status| format!("(SELECT COUNT(*) FROM assessments a WHERE a.resource = r.id AND a.status = '{status}')");
        let visible = filter.resources(&self.pool, "r.id", 8)?;
        let n_bound = visible.values.len();
        let statement = format!(
            "SELECT r.document, r.stale_since, {}, {}, {} FROM resources r WHERE {CONDITIONS}{} AND r.id > ${} ORDER BY r.id LIMIT ${}",
            with(Status::Healthy),
            with(Status::Unhealthy),
            with(Status::Unknown),
            visible.sql,
            8 + n_bound,
            9 + n_bound,
        );
        type Row = (String, Option<String>, i64, i64, i64);
        let rows: Vec<Row> = on_pool!(&self.pool, pool => {
            bind_conditions!(sqlx::query_as(AssertSqlSafe(statement)), query, visible)
                .bind(query.cursor.clone().unwrap_or_default())
                .bind(i64::from(limit) + 1)
                .fetch_all(pool).await.map_err(StoreError::statement("listing resources"))?
        });
        let size = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > size;
        let mut items = Vec::with_capacity(rows.len().min(size));
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        for (document, stale_since, healthy, unhealthy, unknown) in rows.into_iter().take(size) {
            items.push(ResourceRow {
                resource: serde_json::from_str(&document).map_err(StoreError::damaged("resource"))?,
                is_stale: stale_since.is_some(),
                healthy: count(healthy),
                unhealthy: count(unhealthy),
                unknown: count(unknown),
            });
        }
        let next = items.last().filter(|_| has_more).map(|row| row.resource.id.to_string());
        Ok(Page { items, next })
    }

    /// How many resources a query finds, whatever its cursor and limit.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn resource_count(&self, filter: &ScopeFilter, query: &ResourceQuery) -> Result<u64, StoreError> {
        let visible = filter.resources(&self.pool, "r.id", 8)?;
        let statement = format!("SELECT COUNT(*) FROM resources r WHERE {CONDITIONS}{}", visible.sql);
        let count: i64 = on_pool!(&self.pool, pool => {
            bind_conditions!(sqlx::query_scalar(AssertSqlSafe(statement)), query, visible)
                .fetch_one(pool).await.map_err(StoreError::statement("counting resources"))?
        });
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// What resources can be filtered by.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn facets(&self, filter: &ScopeFilter) -> Result<Facets, StoreError> {
        let visible = filter.resources(&self.pool, "id", 1)?;
        let statement = format!(
            "SELECT type_name, connector, account, resource_group, COUNT(*) FROM resources WHERE 1 = 1{}
             GROUP BY type_name, connector, account, resource_group",
            visible.sql
        );
        let rows: Vec<(String, String, String, String, i64)> = rows_of!(self, "counting resources", statement, [], visible);
        let [mut types, mut connectors, mut accounts, mut locations] = [const { BTreeMap::<String, u64>::new() }; 4];
        for (type_name, connector, account, location, n) in rows {
            let n = u64::try_from(n).unwrap_or(0);
            for (counts, value) in
                [(&mut types, type_name), (&mut connectors, connector), (&mut accounts, account), (&mut locations, location)]
            {
                *counts.entry(value).or_default() += n;
            }
        }
        let facet = |counts: BTreeMap<String, u64>| counts.into_iter().map(|(value, count)| Facet { value, count }).collect();
        Ok(Facets { types: facet(types), connectors: facet(connectors), accounts: facet(accounts), locations: facet(locations) })
    }

    /// All resources of a connector: what a run starts from.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn resources_of(&self, filter: &ScopeFilter, connector: &str) -> Result<Vec<Resource>, StoreError> {
        let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT document FROM resources WHERE connector = $1 ORDER BY id")
                .bind(connector).fetch_all(pool).await.map_err(StoreError::statement("reading resources"))?
        });
        let mut resources: Vec<Resource> = documents(rows, "resource")?;
        resources.retain(|resource| filter.allows_resource(resource));
        Ok(resources)
    }
}
