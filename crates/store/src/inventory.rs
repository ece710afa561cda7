//! Lists of resources with their counts, for estates that do not fit on a page.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use skywarden_model::{Resource, Status};

use crate::{
    Page, ScopeFilter, Store, StoreError,
    commit::json,
    conditions::{Conditions, Narrowed},
    pages::{FOUND, Source, has_trigrams, phrase},
    pool::{IDS_AT_ONCE, Pool, on_pool, rows_of},
    read::{documents, page_size, position},
    slices::{column_of, counted_in},
    verdicts::{letter, verdicts},
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

/// Where a resource stands in the order of lists.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Position {
    source: Source,
    slice: i64,
    id: String,
}

/// Type, connector, account, resource group, and how many resources have them.
type Group = (String, String, String, String, i64);

impl ResourceQuery {
    fn text(&self) -> Option<&str> {
        self.text.as_deref().filter(|text| !text.is_empty())
    }

    /// Where what is asked for has to be.
    fn places(&self) -> Narrowed<'_> {
        Narrowed {
            type_name: self.type_name.as_deref(),
            connector: self.connector.as_deref(),
            account: self.account.as_deref(),
            location: self.location.as_deref(),
        }
    }

    /// The conditions over `resources r` that its slice does not tell.
    fn on_resources(&self, conditions: &mut Conditions<'_>) {
        conditions.contains(["r.id", "r.name"], self.text());
        if let Some(status) = self.status {
            conditions.add(&has_verdict(status));
        }
    }

    /// Whether it matters which slice a resource lies in.
    fn is_of_slices(&self) -> bool {
        self.type_name.is_some()
            || self.connector.is_some()
            || self.account.is_some()
            || self.location.is_some()
            || self.status.is_some()
    }
}

impl Store {
    /// A page of resources, in the order of [`Store::resource_rows`].
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn resources(&self, filter: &ScopeFilter, query: &ResourceQuery) -> Result<Page<Resource>, StoreError> {
        let Page { items, next } = self.resource_page(filter, query).await?;
        Ok(Page { items: items.into_iter().map(|(resource, _)| resource).collect(), next })
    }

    /// A page of resources with how they stand: by account, resource group and type as they were first seen, then in order of their ids;
    /// what is seen one by one comes last.
    ///
    /// # Errors
    /// If the cursor is none of this list's, a statement fails or a row is damaged.
    pub async fn resource_rows(&self, filter: &ScopeFilter, query: &ResourceQuery) -> Result<Page<ResourceRow>, StoreError> {
        let Page { items, next } = self.resource_page(filter, query).await?;
        let mut wanted = Conditions::new(&self.pool);
        let ids = wanted.rows(items.iter().map(|(resource, _)| resource.id.as_str()), "id")?;
        let statement = format!("SELECT n.id, n.verdicts FROM {ids} w JOIN resource_numbers n ON n.id = w.id");
        let found: Vec<(String, String)> = rows_of!(self, "counting assessments", statement, [], wanted);
        let found: BTreeMap<String, String> = found.into_iter().collect();
        let mut rows = Vec::with_capacity(items.len());
        for (resource, is_stale) in items {
            let mut row = ResourceRow { resource, is_stale, healthy: 0, unhealthy: 0, unknown: 0 };
            for verdict in verdicts(found.get(row.resource.id.as_str()).map_or("", String::as_str)) {
                match verdict?.0 {
                    Status::Healthy => row.healthy += 1,
                    Status::Unhealthy => row.unhealthy += 1,
                    Status::Unknown => row.unknown += 1,
                    Status::NotApplicable => {}
                }
            }
            rows.push(row);
        }
        Ok(Page { items: rows, next })
    }

    /// A page of resources, with whether the last run did not see them.
    async fn resource_page(&self, filter: &ScopeFilter, query: &ResourceQuery) -> Result<Page<(Resource, bool)>, StoreError> {
        let size = usize::try_from(page_size(query.limit)).unwrap_or(usize::MAX);
        let after: Option<Position> = position(query.cursor.as_deref())?;
        let found = match query.text() {
            Some(text) => self.resources_with(filter, text).await?,
            None => None,
        };
        let singles = found.as_ref().map_or_else(|| filter.singles(), |found| found.iter().map(String::as_str).collect());
        let mut rows: Vec<(Position, Resource, bool)> = Vec::new();
        let own = after.as_ref().filter(|after| after.source == Source::Slices);
        if found.is_none() && (own.is_some() || after.is_none()) {
            self.add_resources(&mut rows, filter, query, own, size + 1).await?;
        }
        let own = after.as_ref().filter(|after| after.source == Source::Singles);
        let mut left = self.single_ids(&singles, query).await?;
        left.retain(|id| own.is_none_or(|own| *id > own.id));
        left.truncate(size + 1 - rows.len().min(size + 1));
        rows.extend(self.resources_at(&left).await?);
        let has_more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| has_more).map(|(position, ..)| json(position)).transpose()?;
        Ok(Page { items: rows.into_iter().map(|(_, resource, is_stale)| (resource, is_stale)).collect(), next })
    }

    /// Adds resources of slices that are seen whole until there are `n`.
    async fn add_resources(
        &self,
        rows: &mut Vec<(Position, Resource, bool)>,
        filter: &ScopeFilter,
        query: &ResourceQuery,
        after: Option<&Position>,
        n: usize,
    ) -> Result<(), StoreError> {
        if *filter == ScopeFilter::All && !query.is_of_slices() {
            rows.extend(self.resources_in(query, None, after, n).await?);
            return Ok(());
        }
        let mut slices = self.slices_of(filter, query, after, n).await?.into_iter().peekable();
        while rows.len() < n {
            let missing = n - rows.len();
            // Slices of which all is wanted are read together.
            let (mut whole, mut n_rows) = (Vec::new(), 0);
            let is_whole = |slice: i64| query.text().is_none() && after.is_none_or(|after| after.slice != slice);
            while let Some((slice, own)) = slices.next_if(|(slice, own)| is_whole(*slice) && n_rows + own <= missing) {
                n_rows += own;
                whole.push(slice);
            }
            if !whole.is_empty() {
                rows.extend(self.resources_of_slices(query, &whole).await?);
                continue;
            }
            let Some((slice, _)) = slices.next() else { break };
            let begun = after.filter(|after| after.slice == slice);
            rows.extend(self.resources_in(query, Some(slice), begun, missing).await?);
        }
        Ok(())
    }

    /// The slices that hold what a query matches, in order, each with how many resources that are if its text is left out; from that of a
    /// position on, and as many as `n` rows may need.
    async fn slices_of(
        &self,
        filter: &ScopeFilter,
        query: &ResourceQuery,
        after: Option<&Position>,
        n: usize,
    ) -> Result<Vec<(i64, usize)>, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        query.places().on_slices(filter, &mut wanted);
        wanted.and(filter.slices(&self.pool, "s.id", wanted.next())?);
        let counted = query.status.map_or("n_resources", column_of);
        wanted.add(&format!("s.{counted} > 0"));
        if let Some(after) = after {
            wanted.add(&format!("s.id >= {}", after.slice));
        }
        // Every slice has a row at least, and that of the position may have none that is left.
        let limit = if query.text().is_some() { String::new() } else { format!(" LIMIT {}", n + 1) };
        let statement = format!("SELECT s.id, s.{counted} FROM slices s WHERE 1 = 1{} ORDER BY s.id{limit}", wanted.sql);
        let rows: Vec<(i64, i64)> = rows_of!(self, "listing resources", statement, [], wanted);
        Ok(rows.into_iter().map(|(id, n)| (id, usize::try_from(n).unwrap_or(0))).collect())
    }

    /// The resources of some slices that a query without a text matches, in order.
    async fn resources_of_slices(
        &self,
        query: &ResourceQuery,
        slices: &[i64],
    ) -> Result<Vec<(Position, Resource, bool)>, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        let slices: Vec<String> = slices.iter().map(ToString::to_string).collect();
        let table = wanted.rows(slices.iter().map(String::as_str), "slice")?;
        query.on_resources(&mut wanted);
        let statement = format!(
            "SELECT r.slice, r.document, r.stale_since FROM {table} w CROSS JOIN resources r
             WHERE r.slice = CAST(w.slice AS BIGINT){} ORDER BY r.slice, r.id",
            wanted.sql
        );
        let rows: Vec<(i64, String, Option<String>)> = rows_of!(self, "listing resources", statement, [], wanted);
        rows.into_iter().map(|(slice, document, stale)| placed(Source::Slices, slice, &document, stale.is_some())).collect()
    }

    /// The first resources of a slice, or of all, that a query matches, behind a position.
    async fn resources_in(
        &self,
        query: &ResourceQuery,
        slice: Option<i64>,
        after: Option<&Position>,
        n: usize,
    ) -> Result<Vec<(Position, Resource, bool)>, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        query.on_resources(&mut wanted);
        if let Some(slice) = slice {
            wanted.add(&format!("r.slice = {slice}"));
        }
        if let Some(after) = after {
            let id = wanted.bind(&after.id);
            wanted.add(&format!("(r.slice, r.id) > ({}, ${id})", after.slice));
        }
        let statement = format!(
            "SELECT r.slice, r.document, r.stale_since FROM resources r WHERE 1 = 1{} ORDER BY r.slice, r.id LIMIT {n}",
            wanted.sql
        );
        let rows: Vec<(i64, String, Option<String>)> = rows_of!(self, "listing resources", statement, [], wanted);
        rows.into_iter().map(|(slice, document, stale)| placed(Source::Slices, slice, &document, stale.is_some())).collect()
    }

    /// The ids of those of some resources that a query matches, in order, whatever its text.
    async fn single_ids(&self, resources: &[&str], query: &ResourceQuery) -> Result<Vec<String>, StoreError> {
        if resources.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = Conditions::new(&self.pool);
        let ids = wanted.rows(resources.iter().copied(), "id")?;
        query.places().on("r", &mut wanted);
        query.on_resources(&mut wanted);
        let statement = format!("SELECT r.id FROM {ids} w JOIN resources r ON r.id = w.id WHERE 1 = 1{}", wanted.sql);
        let rows: Vec<(String,)> = rows_of!(self, "listing resources", statement, [], wanted);
        let mut found: Vec<String> = rows.into_iter().map(|(id,)| id).collect();
        // In Rust's order, which is the same over either database.
        found.sort_unstable();
        Ok(found)
    }

    async fn resources_at(&self, ids: &[String]) -> Result<Vec<(Position, Resource, bool)>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = Conditions::new(&self.pool);
        let own = wanted.rows(ids.iter().map(String::as_str), "id")?;
        let statement = format!("SELECT r.document, r.stale_since FROM {own} w JOIN resources r ON r.id = w.id");
        let rows: Vec<(String, Option<String>)> = rows_of!(self, "listing resources", statement, [], wanted);
        let mut found = Vec::with_capacity(rows.len());
        for (document, stale) in rows {
            found.push(placed(Source::Singles, 0, &document, stale.is_some())?);
        }
        found.sort_unstable_by(|(left, ..), (right, ..)| left.id.cmp(&right.id));
        Ok(found)
    }

    /// How many resources a query finds, whatever its cursor and limit.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn resource_count(&self, filter: &ScopeFilter, query: &ResourceQuery) -> Result<u64, StoreError> {
        if let Some(text) = query.text() {
            return match self.resources_with(filter, text).await? {
                Some(found) => {
                    let found: Vec<&str> = found.iter().map(String::as_str).collect();
                    Ok(self.single_ids(&found, query).await?.len() as u64)
                }
                None => self.counted_one_by_one(filter, query).await,
            };
        }
        let mut wanted = Conditions::new(&self.pool);
        query.places().on_slices(filter, &mut wanted);
        wanted.and(filter.slices(&self.pool, "s.id", wanted.next())?);
        let statement = format!(
            "SELECT CAST(COALESCE(SUM(s.{}), 0) AS BIGINT) FROM {} s WHERE 1 = 1{}",
            query.status.map_or("n_resources", column_of),
            counted_in(filter, query.places().told()),
            wanted.sql
        );
        let rows: Vec<(i64,)> = rows_of!(self, "counting resources", statement, [], wanted);
        let in_slices: i64 = rows.into_iter().map(|(n,)| n).sum();
        let singles = self.single_ids(&filter.singles(), query).await?;
        Ok(u64::try_from(in_slices).unwrap_or(0) + singles.len() as u64)
    }

    /// How many resources have a text that very many have.
    async fn counted_one_by_one(&self, filter: &ScopeFilter, query: &ResourceQuery) -> Result<u64, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        let statement = match (query.text(), filter, &self.pool) {
            (Some(text), ScopeFilter::All, Pool::Sqlite(_)) if has_trigrams(text) => {
                let phrase = wanted.bind(&phrase(text));
                // The trigrams alone tell how many have the text.
                let resources = if query.is_of_slices() { "JOIN resources r ON r.id = n.id" } else { "" };
                query.places().on("r", &mut wanted);
                if let Some(status) = query.status {
                    wanted.add(&has_verdict(status));
                }
                let table = if query.is_of_slices() { FOUND } else { "resource_texts t" };
                format!("SELECT COUNT(*) FROM {table} {resources} WHERE resource_texts MATCH ${phrase}{}", wanted.sql)
            }
            _ => {
                query.places().on("r", &mut wanted);
                query.on_resources(&mut wanted);
                wanted.and(filter.resources(&self.pool, "r.id", wanted.next())?);
                format!("SELECT COUNT(*) FROM resources r WHERE 1 = 1{}", wanted.sql)
            }
        };
        let rows: Vec<(i64,)> = rows_of!(self, "counting resources", statement, [], wanted);
        Ok(rows.into_iter().map(|(n,)| u64::try_from(n).unwrap_or(0)).sum())
    }

    /// What resources can be filtered by.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn facets(&self, filter: &ScopeFilter) -> Result<Arc<Facets>, StoreError> {
        self.facets.get(self, filter, self.counted_facets(filter)).await
    }

    async fn counted_facets(&self, filter: &ScopeFilter) -> Result<Facets, StoreError> {
        let singles = self.singles_grouped(filter).await?;
        let mut found = Vec::with_capacity(4);
        for column in ["type_name", "connector", "account", "resource_group"] {
            let visible = filter.slices(&self.pool, "s.id", 1)?;
            let table = counted_in(filter, [column]);
            let statement = format!(
                "SELECT s.{column}, CAST(SUM(s.n_resources) AS BIGINT) FROM {table} s WHERE 1 = 1{} GROUP BY s.{column}",
                visible.sql
            );
            let rows: Vec<(String, i64)> = rows_of!(self, "counting resources", statement, [], visible);
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            let of_column = |(type_name, connector, account, group, n): &Group| {
                let value = match column {
                    "type_name" => type_name,
                    "connector" => connector,
                    "account" => account,
                    _ => group,
                };
                (value.clone(), *n)
            };
            for (value, n) in rows.into_iter().chain(singles.iter().map(of_column)) {
                *counts.entry(value).or_default() += u64::try_from(n).unwrap_or(0);
            }
            found.push(counts.into_iter().map(|(value, count)| Facet { value, count }).collect::<Vec<_>>());
        }
        let mut found = found.into_iter();
        let mut next = || found.next().unwrap_or_default();
        Ok(Facets { types: next(), connectors: next(), accounts: next(), locations: next() })
    }

    /// The resources that are seen one by one, by where they are.
    pub(crate) async fn singles_grouped(&self, filter: &ScopeFilter) -> Result<Vec<Group>, StoreError> {
        let singles = filter.singles();
        if singles.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = Conditions::new(&self.pool);
        let ids = wanted.rows(singles.into_iter(), "id")?;
        let statement = format!(
            "SELECT r.type_name, r.connector, r.account, r.resource_group, COUNT(*) FROM {ids} w JOIN resources r ON r.id = w.id
             GROUP BY r.type_name, r.connector, r.account, r.resource_group"
        );
        Ok(rows_of!(self, "counting resources", statement, [], wanted))
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

    /// The resources of a connector that a run did not see, in order of their ids: few, of whatever number there is.
    pub(crate) async fn resources_but(&self, connector: &str, seen: &BTreeSet<&str>) -> Result<Vec<Resource>, StoreError> {
        let doing = "reading resources";
        let mut ids: Vec<String> = on_pool!(&self.pool, pool => {
            sqlx::query_scalar("SELECT id FROM resources WHERE connector = $1 ORDER BY id")
                .bind(connector).fetch_all(pool).await.map_err(StoreError::statement(doing))?
        });
        ids.retain(|id| !seen.contains(id.as_str()));
        let mut resources = Vec::with_capacity(ids.len());
        for batch in ids.chunks(IDS_AT_ONCE) {
            let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
                let mut select = sqlx::QueryBuilder::new("SELECT document FROM resources WHERE id IN (");
                let mut list = select.separated(", ");
                for id in batch {
                    list.push_bind(id.as_str());
                }
                select.push(") ORDER BY id");
                select.build_query_as().fetch_all(pool).await.map_err(StoreError::statement(doing))?
            });
            resources.extend(documents::<Resource>(rows, "resource")?);
        }
        Ok(resources)
    }
}

/// That `resources r` have an assessment of a verdict.
fn has_verdict(status: Status) -> String {
    format!("EXISTS (SELECT 1 FROM resource_numbers n WHERE n.id = r.id AND n.verdicts LIKE '%{}%')", letter(status))
}

fn placed(source: Source, slice: i64, document: &str, is_stale: bool) -> Result<(Position, Resource, bool), StoreError> {
    let resource: Resource = serde_json::from_str(document).map_err(StoreError::damaged("resource"))?;
    Ok((Position { source, slice, id: resource.id.to_string() }, resource, is_stale))
}
