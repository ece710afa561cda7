//! Pages of assessments, read from where they stand in the index: no page costs more the later it comes or the larger the estate is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::{
    AssessmentQuery, AssessmentRow, Page, ScopeFilter, Store, StoreError,
    commit::json,
    conditions::Conditions,
    pool::{Pool, on_pool, rows_of},
    read::{ASSESSMENT_COLUMNS, AssessmentColumns, assessment_row, page_size, position},
    summary::{BY_RESOURCE, BY_SLICE, RANKED},
};

/// Resources whose names contain a text, of which so many at most are looked at one by one.
const FEW: usize = 500;

/// What lists are read from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Source {
    /// Slices.
    #[default]
    Slices,
    /// Resources one by one.
    Singles,
    /// Resources that have a text, in order of their numbers.
    Numbers,
}

/// Where a row stands in the order of lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The verdict's place in [`RANKED`].
    pub(crate) rank: usize,
    pub(crate) source: Source,
    pub(crate) recommendation: String,
    /// The resource's slice; its number where rows are found by numbers.
    pub(crate) slice: i64,
    pub(crate) resource: String,
}

/// The assessments with one verdict on one recommendation, of all slices or of one.
struct Range {
    recommendation: String,
    slice: Option<i64>,
    /// How many there are.
    n: usize,
}

impl Store {
    /// A page of assessments, Unhealthy first, then Unknown, Healthy and NotApplicable; within that by recommendation, then by account,
    /// resource group and type as they were first seen, then in order of resources. What is seen one by one comes last of each verdict.
    ///
    /// # Errors
    /// If the cursor is none of this list's, a statement fails or a row is damaged.
    pub async fn assessment_page(
        &self,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
    ) -> Result<Page<AssessmentRow>, StoreError> {
        let size = usize::try_from(page_size(query.limit)).unwrap_or(usize::MAX);
        let after: Option<Position> = position(query.cursor.as_deref())?;
        let found = match query.text() {
            Some(text) => self.resources_with(filter, text).await?,
            None => None,
        };
        if found.is_none() && query.text().is_some() {
            let found = self.found(filter, query).await?;
            return page_of(self.rows_of_found(&found).await?, size);
        }
        let singles = found.as_ref().map_or_else(|| filter.singles(), |found| found.iter().map(String::as_str).collect());
        let mut rows: Vec<(Position, AssessmentRow)> = Vec::new();
        for (rank, status) in RANKED.into_iter().enumerate() {
            let is_behind = after.as_ref().is_some_and(|after| rank < after.rank);
            if rows.len() > size || is_behind || query.status.is_some_and(|wanted| wanted != status) {
                continue;
            }
            let query = AssessmentQuery { status: Some(status), ..query.clone() };
            let after = after.as_ref().filter(|after| after.rank == rank);
            let in_slices = found.is_none() && after.is_none_or(|after| after.source == Source::Slices);
            if in_slices {
                self.add_from_slices(&mut rows, filter, &query, (rank, after), size + 1).await?;
            }
            // A text that many had when the list began.
            let after = after.filter(|after| after.source == Source::Singles || found.is_some());
            self.add_singles(&mut rows, &singles, &query, (rank, after), size + 1).await?;
        }
        page_of(rows, size)
    }

    /// The ids of the resources whose id or name contains a text, without case; `None` if they are more than a few.
    pub(crate) async fn resources_with(&self, filter: &ScopeFilter, text: &str) -> Result<Option<Vec<String>>, StoreError> {
        let doing = "looking for resources";
        let mut wanted = Conditions::new(&self.pool);
        let limit = FEW + 1;
        let mut rows: Vec<(String,)> = match (filter, &self.pool) {
            (ScopeFilter::All, Pool::Sqlite(_)) if has_trigrams(text) => {
                let phrase = wanted.bind(&phrase(text));
                let statement = format!("SELECT n.id FROM {FOUND} WHERE resource_texts MATCH ${phrase} LIMIT {limit}");
                rows_of!(self, doing, statement, [], wanted)
            }
            (ScopeFilter::All, _) => {
                wanted.contains(["r.id", "r.name"], Some(text));
                let statement = format!("SELECT r.id FROM resources r WHERE 1 = 1{} LIMIT {limit}", wanted.sql);
                rows_of!(self, doing, statement, [], wanted)
            }
            (ScopeFilter::Part(_), _) => {
                // The index of slices holds all that this reads.
                wanted.contains(["r.id", "r.name"], Some(text));
                wanted.and(filter.slices(&self.pool, "r.slice", wanted.next())?);
                let statement = format!("SELECT r.id FROM resources r WHERE 1 = 1{} LIMIT {limit}", wanted.sql);
                rows_of!(self, doing, statement, [], wanted)
            }
        };
        let singles = filter.singles();
        if !singles.is_empty() {
            let mut wanted = Conditions::new(&self.pool);
            let ids = wanted.rows(singles.into_iter(), "id")?;
            wanted.contains(["r.id", "r.name"], Some(text));
            let statement =
                format!("SELECT r.id FROM {ids} w JOIN resources r ON r.id = w.id WHERE 1 = 1{} LIMIT {limit}", wanted.sql);
            let found: Vec<(String,)> = rows_of!(self, doing, statement, [], wanted);
            rows.extend(found);
        }
        Ok((rows.len() <= FEW).then(|| rows.into_iter().map(|(id,)| id).collect()))
    }

    /// Adds assessments of slices that are seen whole until there are `n`.
    async fn add_from_slices(
        &self,
        rows: &mut Vec<(Position, AssessmentRow)>,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
        (rank, after): (usize, Option<&Position>),
        n: usize,
    ) -> Result<(), StoreError> {
        let mut ranges = self.ranges(filter, query, after, n).await?.into_iter().peekable();
        let begun = |range: &Range| {
            let is_in = |after: &&Position| {
                after.recommendation == range.recommendation && range.slice.is_none_or(|slice| slice == after.slice)
            };
            after.filter(is_in)
        };
        while rows.len() < n {
            let missing = n - rows.len();
            // Ranges of which all is wanted are read together.
            let (mut whole, mut n_rows) = (Vec::new(), 0);
            let is_whole = |range: &Range| range.slice.is_some() && begun(range).is_none();
            while let Some(range) = ranges.next_if(|range| is_whole(range) && n_rows + range.n <= missing) {
                n_rows += range.n;
                whole.push(range);
            }
            if !whole.is_empty() {
                rows.extend(self.rows_of_ranges(query, &whole, rank).await?);
                continue;
            }
            let Some(range) = ranges.next() else { break };
            rows.extend(self.rows_of_range(query, &range, begun(&range), rank, missing).await?);
        }
        Ok(())
    }

    /// The ranges that hold what a query with a verdict matches, in order, from that of a position on; as many as `n` rows may need.
    async fn ranges(
        &self,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
        after: Option<&Position>,
        n: usize,
    ) -> Result<Vec<Range>, StoreError> {
        // Every range has a row at least, and that of the position may have none that is left.
        let limit = format!(" LIMIT {}", n + 1);
        let mut wanted = Conditions::new(&self.pool);
        if *filter == ScopeFilter::All && !query.is_of_slices() && query.connector.is_none() {
            query.on_verdicts(["t.recommendation", "t.status"], &mut wanted)?;
            query.places().on("t", &mut wanted);
            if let Some(after) = after {
                let from = wanted.bind(&after.recommendation);
                wanted.add(&format!("t.recommendation >= ${from}"));
            }
            let statement = format!(
                "SELECT t.recommendation FROM grand_totals t WHERE 1 = 1{} GROUP BY t.recommendation ORDER BY t.recommendation{limit}",
                wanted.sql
            );
            let rows: Vec<(String,)> = rows_of!(self, "listing assessments", statement, [], wanted);
            return Ok(rows.into_iter().map(|(recommendation,)| Range { recommendation, slice: None, n: usize::MAX }).collect());
        }
        query.on_verdicts(BY_SLICE, &mut wanted)?;
        query.places().on_slices(filter, &mut wanted);
        wanted.and(filter.slices(&self.pool, "s.id", wanted.next())?);
        if let Some(after) = after {
            let from = wanted.bind(&after.recommendation);
            wanted.add(&format!("(t.recommendation, t.slice) >= (${from}, {})", after.slice));
        }
        let statement = format!(
            "SELECT t.recommendation, t.slice, t.n FROM slices s CROSS JOIN tallies t WHERE t.slice = s.id{}
             ORDER BY t.recommendation, t.slice{limit}",
            wanted.sql
        );
        let rows: Vec<(String, i64, i64)> = rows_of!(self, "listing assessments", statement, [], wanted);
        let range = |(recommendation, slice, n)| Range { recommendation, slice: Some(slice), n: usize::try_from(n).unwrap_or(0) };
        Ok(rows.into_iter().map(range).collect())
    }

    /// The first rows of a range, behind a position in it.
    async fn rows_of_range(
        &self,
        query: &AssessmentQuery,
        range: &Range,
        after: Option<&Position>,
        rank: usize,
        n: usize,
    ) -> Result<Vec<(Position, AssessmentRow)>, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        wanted.equal("a.status", query.status.map(|status| status.to_string()).as_deref());
        wanted.equal("a.recommendation", Some(&range.recommendation));
        if let Some(slice) = range.slice {
            wanted.add(&format!("a.slice = {slice}"));
        } else {
            query.places().on("r", &mut wanted);
        }
        if let Some(after) = after {
            let resource = wanted.bind(&after.resource);
            wanted.add(&format!("(a.slice, a.resource) > ({}, ${resource})", after.slice));
        }
        let statement = format!(
            "SELECT a.slice, {ASSESSMENT_COLUMNS} FROM assessments a JOIN resources r ON r.id = a.resource WHERE 1 = 1{}
             ORDER BY a.slice, a.resource LIMIT {n}",
            wanted.sql
        );
        let rows: Vec<Row> = rows_of!(self, "listing assessments", statement, [], wanted);
        positioned(rows, rank)
    }

    /// All rows of some ranges of single slices, in their order.
    async fn rows_of_ranges(
        &self,
        query: &AssessmentQuery,
        ranges: &[Range],
        rank: usize,
    ) -> Result<Vec<(Position, AssessmentRow)>, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        let mut rows = Vec::with_capacity(ranges.len());
        for (place, range) in ranges.iter().enumerate() {
            rows.push([place.to_string(), range.recommendation.clone(), range.slice.unwrap_or_default().to_string()]);
        }
        let first = wanted.bind(&json(&rows)?);
        let table = self.pool.rows(first, &["place", "recommendation", "slice"]);
        wanted.equal("a.status", query.status.map(|status| status.to_string()).as_deref());
        let statement = format!(
            "SELECT a.slice, {ASSESSMENT_COLUMNS} FROM {table} w CROSS JOIN assessments a JOIN resources r ON r.id = a.resource
             WHERE a.recommendation = w.recommendation AND a.slice = CAST(w.slice AS BIGINT){}
             ORDER BY CAST(w.place AS BIGINT), a.resource",
            wanted.sql
        );
        let rows: Vec<Row> = rows_of!(self, "listing assessments", statement, [], wanted);
        positioned(rows, rank)
    }

    /// Adds assessments on some resources until there are `n`, in order of recommendation and resource.
    async fn add_singles(
        &self,
        rows: &mut Vec<(Position, AssessmentRow)>,
        resources: &[&str],
        query: &AssessmentQuery,
        (rank, after): (usize, Option<&Position>),
        n: usize,
    ) -> Result<(), StoreError> {
        let missing = n.saturating_sub(rows.len());
        if resources.is_empty() || missing == 0 {
            return Ok(());
        }
        let mut wanted = Conditions::new(&self.pool);
        let ids = wanted.rows(resources.iter().copied(), "id")?;
        query.on_verdicts(BY_RESOURCE, &mut wanted)?;
        query.places().on("r", &mut wanted);
        let statement = format!(
            "SELECT a.recommendation, a.resource FROM {ids} w JOIN resources r ON r.id = w.id
             JOIN assessments a ON a.resource = r.id WHERE 1 = 1{}",
            wanted.sql
        );
        let mut keys: Vec<(String, String)> = rows_of!(self, "listing assessments", statement, [], wanted);
        // In Rust's order, which is the same over either database.
        keys.sort_unstable();
        let is_left = |(recommendation, resource): &(String, String)| {
            after.is_none_or(|after| {
                (recommendation.as_str(), resource.as_str()) > (after.recommendation.as_str(), after.resource.as_str())
            })
        };
        let keys: Vec<(String, String)> = keys.into_iter().filter(is_left).take(missing).collect();
        let mut found = self.assessments_at(&keys).await?;
        for (recommendation, resource) in keys {
            // Gone since the keys were read.
            let Some(row) = found.remove(&(recommendation.clone(), resource.clone())) else { continue };
            rows.push((Position { rank, source: Source::Singles, recommendation, slice: 0, resource }, row));
        }
        Ok(())
    }

    /// The assessments of some (recommendation, resource).
    pub(crate) async fn assessments_at(
        &self,
        keys: &[(String, String)],
    ) -> Result<BTreeMap<(String, String), AssessmentRow>, StoreError> {
        let wanted = self.pool.rows(1, &["recommendation", "resource"]);
        let statement = format!(
            "SELECT {ASSESSMENT_COLUMNS} FROM {wanted} w JOIN assessments a ON a.resource = w.resource
                 AND a.recommendation = w.recommendation JOIN resources r ON r.id = a.resource"
        );
        let rows: Vec<AssessmentColumns> = on_pool!(&self.pool, pool => {
            sqlx::query_as(AssertSqlSafe(statement)).bind(json(keys)?)
                .fetch_all(pool).await.map_err(StoreError::statement("listing assessments"))?
        });
        let mut found = BTreeMap::new();
        for row in rows {
            let row = assessment_row(row)?;
            found.insert((row.assessment.recommendation.to_string(), row.assessment.resource.to_string()), row);
        }
        Ok(found)
    }
}

/// Where SQLite finds texts, with the ids of the resources.
pub(crate) const FOUND: &str = "resource_texts t JOIN resource_numbers n ON n.number = t.rowid";

/// Whether a text is long enough to be found by its trigrams.
pub(crate) fn has_trigrams(text: &str) -> bool {
    text.chars().count() >= 3
}

/// What SQLite's `MATCH` takes for a text as it stands.
pub(crate) fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The first rows, and where the last of them stands if there are more.
fn page_of(mut rows: Vec<(Position, AssessmentRow)>, size: usize) -> Result<Page<AssessmentRow>, StoreError> {
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| has_more).map(|(position, _)| json(position)).transpose()?;
    Ok(Page { items: rows.into_iter().map(|(_, row)| row).collect(), next })
}

/// The slice, then [`AssessmentColumns`].
type Row = (i64, String, String, String, String, String, String, String, String, Option<String>);

fn positioned(rows: Vec<Row>, rank: usize) -> Result<Vec<(Position, AssessmentRow)>, StoreError> {
    let mut found = Vec::with_capacity(rows.len());
    for (slice, connector, account, group, name, type_name, document, first, changed, written) in rows {
        let row = assessment_row((connector, account, group, name, type_name, document, first, changed, written))?;
        let position = Position {
            rank,
            source: Source::Slices,
            recommendation: row.assessment.recommendation.to_string(),
            slice,
            resource: row.assessment.resource.to_string(),
        };
        found.push((position, row));
    }
    Ok(found)
}
