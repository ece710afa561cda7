//! Lists and counts of assessments that the database works out itself, for estates that do not fit on a page.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use skywarden_model::{Scope, Status};
use sqlx::AssertSqlSafe;

use crate::{
    AssessmentRow, Page, ScopeFilter, ScorePoint, Store, StoreError,
    commit::{json, parse},
    pool::{on_pool, rows_of},
    read::{ASSESSMENT_COLUMNS, AssessmentColumns, assessment_row, page_size, pattern, score_point},
};

/// How the resources of a recommendation stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecommendationCount {
    /// The recommendation.
    pub recommendation: String,
    /// The connectors that the resources came through.
    pub connectors: BTreeSet<String>,
    /// Resources that are as they should be.
    pub healthy: u64,
    /// Resources that are not.
    pub unhealthy: u64,
    /// Resources of which it could not be found out.
    pub unknown: u64,
    /// Resources that it does not concern, or that are exempt.
    pub not_applicable: u64,
}

/// Which assessments to list.
#[derive(Debug, Clone, Default)]
pub struct AssessmentQuery {
    /// Only of this recommendation.
    pub recommendation: Option<String>,
    /// Only with this verdict.
    pub status: Option<Status>,
    /// Only on resources whose id or name contains this text, without case.
    pub text: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Rows of the page; at most 500.
    pub limit: u32,
}

/// What an exemption of an assessment has to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssessmentTarget {
    /// The resource.
    pub resource: String,
    /// The connector that it came through.
    pub connector: String,
    /// The verdict.
    pub status: Status,
}

/// The conditions of an [`AssessmentQuery`] but its cursor and limit, on placeholders 1 to 4.
///
/// Whoever sees everything is served from the index of recommendations. To whoever sees a part that would be the way through all that
/// they do not see: for them the condition is written so that no index can serve it.
fn conditions(filter: &ScopeFilter, query: &AssessmentQuery) -> String {
    let is_asked = query.recommendation.as_deref().is_some_and(|text| !text.is_empty());
    let by_index = is_asked && *filter == ScopeFilter::All;
    let recommendation = if by_index { "a.recommendation = $1" } else { "(a.recommendation = $1 OR $1 = '')" };
    let status = if query.status.is_some() { "a.status = $2" } else { "$2 = ''" };
    format!("{recommendation} AND {status} AND ($3 = '' OR LOWER(r.id) LIKE $4 ESCAPE '\\' OR LOWER(r.name) LIKE $4 ESCAPE '\\')")
}

/// Binds what [`conditions`] takes.
macro_rules! bind_conditions {
    ($select:expr, $query:expr) => {{
        let text = $query.text.as_deref().unwrap_or_default().to_lowercase();
        $select
            .bind($query.recommendation.clone().unwrap_or_default())
            .bind($query.status.map(|status| status.to_string()).unwrap_or_default())
            .bind(text.clone())
            .bind(pattern(&text))
    }};
}

/// Verdicts in the order of lists.
const RANKED: [Status; 4] = [Status::Unhealthy, Status::Unknown, Status::Healthy, Status::NotApplicable];

/// The place of a verdict in a list.
fn rank(status: Status) -> i64 {
    RANKED.iter().zip(0..).find(|(own, _)| **own == status).map_or(0, |(_, place)| place)
}

impl Store {
    /// How the resources of each recommendation stand, in order of the recommendations' ids.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn recommendation_counts(&self, filter: &ScopeFilter) -> Result<Vec<RecommendationCount>, StoreError> {
        let visible = filter.resources(&self.pool, "a.resource", 1)?;
        let statement = format!(
            "SELECT a.recommendation, r.connector, a.status, COUNT(*) FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE 1 = 1{} GROUP BY a.recommendation, r.connector, a.status",
            visible.sql
        );
        let rows: Vec<(String, String, String, i64)> = rows_of!(self, "counting assessments", statement, [], visible);
        let mut counts: BTreeMap<String, RecommendationCount> = BTreeMap::new();
        for (recommendation, connector, status, n_resources) in rows {
            let count = counts
                .entry(recommendation)
                .or_insert_with_key(|id| RecommendationCount { recommendation: id.clone(), ..RecommendationCount::default() });
            count.connectors.insert(connector);
            let n_resources = u64::try_from(n_resources).unwrap_or(0);
            match parse::<Status>(&status, "status")? {
                Status::Healthy => count.healthy += n_resources,
                Status::Unhealthy => count.unhealthy += n_resources,
                Status::Unknown => count.unknown += n_resources,
                Status::NotApplicable => count.not_applicable += n_resources,
            }
        }
        Ok(counts.into_values().collect())
    }

    /// A page of assessments, Unhealthy first, then Unknown, Healthy and NotApplicable; within that in order of resource and
    /// recommendation.
    ///
    /// # Errors
    /// If the cursor is none of this list's, a statement fails or a row is damaged.
    pub async fn assessment_page(
        &self,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
    ) -> Result<Page<AssessmentRow>, StoreError> {
        let limit = page_size(query.limit);
        let (after, resource, recommendation): (i64, String, String) = match &query.cursor {
            None => (-1, String::new(), String::new()),
            Some(cursor) => serde_json::from_str(cursor).map_err(|_| StoreError::Cursor(cursor.clone()))?,
        };
        // One verdict after the other: each list is in the order of an index, which is read no further than the page goes.
        let mut items: Vec<AssessmentRow> = Vec::new();
        for status in RANKED {
            let n_missing = i64::from(limit) + 1 - i64::try_from(items.len()).unwrap_or(i64::MAX);
            if rank(status) < after || n_missing <= 0 || query.status.is_some_and(|wanted| wanted != status) {
                continue;
            }
            let from = if rank(status) == after { (resource.as_str(), recommendation.as_str()) } else { ("", "") };
            items.extend(self.assessments_from(filter, query, status, from, n_missing).await?);
        }
        let size = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = items.len() > size;
        items.truncate(size);
        let last = items.last().filter(|_| has_more).map(|row| {
            let assessment = &row.assessment;
            (rank(assessment.status), &assessment.resource, &assessment.recommendation)
        });
        let next = last.map(|key| json(&key)).transpose()?;
        Ok(Page { items, next })
    }

    /// The assessments of one verdict behind a (resource, recommendation), in this order.
    async fn assessments_from(
        &self,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
        status: Status,
        (resource, recommendation): (&str, &str),
        limit: i64,
    ) -> Result<Vec<AssessmentRow>, StoreError> {
        let query = AssessmentQuery { status: Some(status), ..query.clone() };
        let visible = filter.resources(&self.pool, "a.resource", 8)?;
        let statement = format!(
            "SELECT {ASSESSMENT_COLUMNS} FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE {} AND (a.resource, a.recommendation) > ($5, $6){}
             ORDER BY a.resource, a.recommendation LIMIT $7",
            conditions(filter, &query),
            visible.sql
        );
        let rows: Vec<AssessmentColumns> = on_pool!(&self.pool, pool => {
            let mut select =
                bind_conditions!(sqlx::query_as(AssertSqlSafe(statement)), query).bind(resource).bind(recommendation).bind(limit);
            for value in visible.values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("listing assessments"))?
        });
        rows.into_iter().map(assessment_row).collect()
    }

    /// Everything that a query matches, whatever its cursor and limit, in order of the resources' ids.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn assessment_targets(
        &self,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
    ) -> Result<Vec<AssessmentTarget>, StoreError> {
        let visible = filter.resources(&self.pool, "a.resource", 5)?;
        let statement = format!(
            "SELECT a.resource, r.connector, a.status FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE {}{} ORDER BY a.resource, a.recommendation",
            conditions(filter, query),
            visible.sql
        );
        let rows: Vec<(String, String, String)> = on_pool!(&self.pool, pool => {
            let mut select = bind_conditions!(sqlx::query_as(AssertSqlSafe(statement)), query);
            for value in visible.values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("listing assessments"))?
        });
        let mut targets = Vec::with_capacity(rows.len());
        for (resource, connector, status) in rows {
            targets.push(AssessmentTarget { resource, connector, status: parse(&status, "status")? });
        }
        Ok(targets)
    }

    /// How many assessments of each verdict a query matches, whatever its cursor and limit.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn assessment_counts(
        &self,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
    ) -> Result<BTreeMap<Status, u64>, StoreError> {
        let visible = filter.resources(&self.pool, "a.resource", 5)?;
        let statement = format!(
            "SELECT a.status, COUNT(*) FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE {}{} GROUP BY a.status",
            conditions(filter, query),
            visible.sql
        );
        let rows: Vec<(String, i64)> = on_pool!(&self.pool, pool => {
            let mut select = bind_conditions!(sqlx::query_as(AssertSqlSafe(statement)), query);
            for value in visible.values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("counting assessments"))?
        });
        let mut counts = BTreeMap::new();
        for (status, n) in rows {
            counts.insert(parse(&status, "status")?, u64::try_from(n).unwrap_or(0));
        }
        Ok(counts)
    }

    /// Assessments by verdict.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn status_counts(&self, filter: &ScopeFilter) -> Result<BTreeMap<Status, u64>, StoreError> {
        let visible = filter.resources(&self.pool, "resource", 1)?;
        let statement = format!("SELECT status, COUNT(*) FROM assessments WHERE 1 = 1{} GROUP BY status", visible.sql);
        let rows: Vec<(String, i64)> = rows_of!(self, "counting assessments", statement, [], visible);
        let mut counts = BTreeMap::new();
        for (status, n) in rows {
            counts.insert(parse::<Status>(&status, "status")?, u64::try_from(n).unwrap_or(0));
        }
        // Whoever sees anything is told of each verdict how often there is none.
        if !counts.is_empty() {
            for status in RANKED {
                counts.entry(status).or_default();
            }
        }
        Ok(counts)
    }

    /// One assessment.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn assessment(
        &self,
        filter: &ScopeFilter,
        resource: &str,
        recommendation: &str,
    ) -> Result<Option<AssessmentRow>, StoreError> {
        let statement = format!(
            "SELECT {ASSESSMENT_COLUMNS} FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE a.resource = $1 AND a.recommendation = $2"
        );
        let row: Option<AssessmentColumns> = on_pool!(&self.pool, pool => {
            sqlx::query_as(AssertSqlSafe(statement)).bind(resource).bind(recommendation).fetch_optional(pool).await.map_err(StoreError::statement("reading an assessment"))?
        });
        let Some(row) = row.map(assessment_row).transpose()? else { return Ok(None) };
        let scope = Scope {
            connector: row.connector.as_str().into(),
            account: row.account.as_str().into(),
            resource_group: row.location.as_str().into(),
        };
        Ok(filter.allows_in(&scope, resource).then_some(row))
    }

    /// The newest score of each account that is seen whole; those of the others are [`Store::scores_of_parts`].
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn latest_scores(&self, filter: &ScopeFilter) -> Result<Vec<ScorePoint>, StoreError> {
        let whole = filter.whole_accounts(&self.pool, "connector, account", 1)?;
        let statement = format!(
            "SELECT s.connector, s.account, s.at, s.document FROM scores s
             JOIN (SELECT connector, account, MAX(at) AS newest FROM scores WHERE 1 = 1{} GROUP BY connector, account) n
               ON n.connector = s.connector AND n.account = s.account AND n.newest = s.at
             ORDER BY s.connector, s.account",
            whole.sql
        );
        let rows: Vec<(String, String, String, String)> = rows_of!(self, "reading scores", statement, [], whole);
        rows.into_iter().map(score_point).collect()
    }
}
