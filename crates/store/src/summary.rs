//! Lists and counts of assessments that the database works out itself, for estates that do not fit on a page.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use skywarden_model::Status;
use sqlx::AssertSqlSafe;

use crate::{
    AssessmentRow, Page, ScopeFilter, ScorePoint, Store, StoreError,
    commit::{json, parse},
    pool::on_pool,
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
const CONDITIONS: &str = "(a.recommendation = $1 OR $1 = '') AND (a.status = $2 OR $2 = '')
    AND ($3 = '' OR LOWER(r.id) LIKE $4 ESCAPE '\\' OR LOWER(r.name) LIKE $4 ESCAPE '\\')";

/// Binds what [`CONDITIONS`] takes.
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

/// The place of a verdict in a list, in SQL and in Rust.
const RANK: &str = "CASE a.status WHEN 'Unhealthy' THEN 0 WHEN 'Unknown' THEN 1 WHEN 'Healthy' THEN 2 ELSE 3 END";

fn rank(status: Status) -> i64 {
    match status {
        Status::Unhealthy => 0,
        Status::Unknown => 1,
        Status::Healthy => 2,
        Status::NotApplicable => 3,
    }
}

impl Store {
    /// How the resources of each recommendation stand, in order of the recommendations' ids.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn recommendation_counts(&self, filter: &ScopeFilter) -> Result<Vec<RecommendationCount>, StoreError> {
        let statement = format!(
            "SELECT a.recommendation, r.connector, a.status, COUNT(*) FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE 1 = 1{} GROUP BY a.recommendation, r.connector, a.status",
            filter.condition("r.connector, r.account", 1)
        );
        let rows: Vec<(String, String, String, i64)> = on_pool!(&self.pool, pool => {
            let mut query = sqlx::query_as(AssertSqlSafe(statement));
            for value in filter.values() {
                query = query.bind(value);
            }
            query.fetch_all(pool).await.map_err(StoreError::statement("counting assessments"))?
        });
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
        let statement = format!(
            "SELECT {ASSESSMENT_COLUMNS} FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE {CONDITIONS} AND ({RANK}, a.resource, a.recommendation) > ($5, $6, $7){}
             ORDER BY {RANK}, a.resource, a.recommendation LIMIT $8",
            filter.condition("r.connector, r.account", 9)
        );
        let rows: Vec<AssessmentColumns> = on_pool!(&self.pool, pool => {
            let mut select = bind_conditions!(sqlx::query_as(AssertSqlSafe(statement)), query)
                .bind(after)
                .bind(resource.as_str())
                .bind(recommendation.as_str())
                .bind(i64::from(limit) + 1);
            for value in filter.values() {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("listing assessments"))?
        });
        let mut items = rows.into_iter().map(assessment_row).collect::<Result<Vec<_>, _>>()?;
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

    /// Everything that a query matches, whatever its cursor and limit, in order of the resources' ids.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn assessment_targets(
        &self,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
    ) -> Result<Vec<AssessmentTarget>, StoreError> {
        let statement = format!(
            "SELECT a.resource, r.connector, a.status FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE {CONDITIONS}{} ORDER BY a.resource, a.recommendation",
            filter.condition("r.connector, r.account", 5)
        );
        let rows: Vec<(String, String, String)> = on_pool!(&self.pool, pool => {
            let mut select = bind_conditions!(sqlx::query_as(AssertSqlSafe(statement)), query);
            for value in filter.values() {
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
        let statement = format!(
            "SELECT a.status, COUNT(*) FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE {CONDITIONS}{} GROUP BY a.status",
            filter.condition("r.connector, r.account", 5)
        );
        let rows: Vec<(String, i64)> = on_pool!(&self.pool, pool => {
            let mut select = bind_conditions!(sqlx::query_as(AssertSqlSafe(statement)), query);
            for value in filter.values() {
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
        let mut counts = BTreeMap::new();
        for count in self.recommendation_counts(filter).await? {
            for (status, n) in [
                (Status::Healthy, count.healthy),
                (Status::Unhealthy, count.unhealthy),
                (Status::Unknown, count.unknown),
                (Status::NotApplicable, count.not_applicable),
            ] {
                *counts.entry(status).or_default() += n;
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
        row.filter(|(connector, account, ..)| filter.allows(connector, account)).map(assessment_row).transpose()
    }

    /// The newest score of each account.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn latest_scores(&self, filter: &ScopeFilter) -> Result<Vec<ScorePoint>, StoreError> {
        let rows: Vec<(String, String, String, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as(
                "SELECT s.connector, s.account, s.at, s.document FROM scores s
                 JOIN (SELECT connector, account, MAX(at) AS newest FROM scores GROUP BY connector, account) n
                   ON n.connector = s.connector AND n.account = s.account AND n.newest = s.at
                 ORDER BY s.connector, s.account")
                .fetch_all(pool).await.map_err(StoreError::statement("reading scores"))?
        });
        rows.into_iter().filter(|(connector, account, ..)| filter.allows(connector, account)).map(score_point).collect()
    }
}
