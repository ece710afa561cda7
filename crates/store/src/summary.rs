//! Counts of assessments, from what each commit counts (see `slices.rs`) and not from the assessments.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use skywarden_model::{Scope, Status};
use sqlx::AssertSqlSafe;

use crate::{
    AssessmentRow, ScopeFilter, Store, StoreError,
    commit::parse,
    conditions::{Conditions, Narrowed},
    pool::{on_pool, rows_of},
    read::{ASSESSMENT_COLUMNS, AssessmentColumns, assessment_row},
};

/// How the resources of a recommendation stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecommendationCount {
    /// The recommendation.
    pub recommendation: String,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AssessmentQuery {
    /// Only of these recommendations.
    pub recommendations: Option<BTreeSet<String>>,
    /// Only with this verdict.
    pub status: Option<Status>,
    /// Only on resources of this type.
    pub type_name: Option<String>,
    /// Only on resources that came through this connector.
    pub connector: Option<String>,
    /// Only on resources of this account.
    pub account: Option<String>,
    /// Only on resources of this region or resource group.
    pub location: Option<String>,
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

/// Recommendation, verdict, and how many there are.
type Tally = (String, String, i64);

/// Verdicts in the order of lists.
pub(crate) const RANKED: [Status; 4] = [Status::Unhealthy, Status::Unknown, Status::Healthy, Status::NotApplicable];

/// Recommendation and verdict of `tallies t` that are found by their slices, and of `assessments a` that are found by their resources.
/// Written so that no index serves them: SQLite would take the one that begins with the verdict, and read half of all there are.
pub(crate) const BY_SLICE: [&str; 2] = ["(t.recommendation || '')", "(t.status || '')"];
pub(crate) const BY_RESOURCE: [&str; 2] = ["(a.recommendation || '')", "(a.status || '')"];

impl AssessmentQuery {
    /// The assessments of one recommendation.
    #[must_use]
    pub fn of(recommendation: &str) -> Self {
        Self { recommendations: Some([recommendation.to_owned()].into()), ..Self::default() }
    }

    /// The text that is looked for, if there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref().filter(|text| !text.is_empty())
    }

    /// Whether the query is about a part of the estate that only slices tell apart.
    pub(crate) fn is_of_slices(&self) -> bool {
        self.account.is_some() || self.location.is_some()
    }

    /// The conditions over columns of recommendations and verdicts.
    pub(crate) fn on_verdicts(
        &self,
        [recommendation, status]: [&str; 2],
        conditions: &mut Conditions<'_>,
    ) -> Result<(), StoreError> {
        conditions.is_in(recommendation, self.recommendations.as_ref())?;
        conditions.equal(status, self.status.map(|status| status.to_string()).as_deref());
        Ok(())
    }

    /// Where what is asked for has to be.
    pub(crate) fn places(&self) -> Narrowed<'_> {
        Narrowed {
            type_name: self.type_name.as_deref(),
            connector: self.connector.as_deref(),
            account: self.account.as_deref(),
            location: self.location.as_deref(),
        }
    }
}

impl Store {
    /// How the resources of each recommendation that a query without a text matches stand, in order of the recommendations' ids.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn recommendation_counts(
        &self,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
    ) -> Result<Vec<RecommendationCount>, StoreError> {
        let mut counts: BTreeMap<String, RecommendationCount> = BTreeMap::new();
        for (recommendation, status, n_resources) in self.tallied(filter, query).await? {
            let count = counts
                .entry(recommendation)
                .or_insert_with_key(|id| RecommendationCount { recommendation: id.clone(), ..RecommendationCount::default() });
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

    /// How many assessments of each verdict a query matches, whatever its cursor and limit.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn assessment_counts(
        &self,
        filter: &ScopeFilter,
        query: &AssessmentQuery,
    ) -> Result<BTreeMap<Status, u64>, StoreError> {
        let rows = match query.text() {
            None => self.tallied(filter, query).await?,
            Some(text) => match self.resources_with(filter, text).await? {
                Some(found) => self.tallied_on(&found.iter().map(String::as_str).collect::<Vec<_>>(), query).await?,
                None => return Ok(self.found(filter, query).await?.counts.clone()),
            },
        };
        by_status(rows)
    }

    /// Assessments by verdict.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn status_counts(&self, filter: &ScopeFilter) -> Result<BTreeMap<Status, u64>, StoreError> {
        let mut counts = self.assessment_counts(filter, &AssessmentQuery::default()).await?;
        // Whoever sees anything is told of each verdict how often there is none.
        if !counts.is_empty() {
            for status in RANKED {
                counts.entry(status).or_default();
            }
        }
        Ok(counts)
    }

    /// What a query matches, whatever its text.
    async fn tallied(&self, filter: &ScopeFilter, query: &AssessmentQuery) -> Result<Vec<Tally>, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        if *filter == ScopeFilter::All && !query.is_of_slices() {
            query.on_verdicts(["t.recommendation", "t.status"], &mut wanted)?;
            query.places().on("t", &mut wanted);
            let table = if query.connector.is_some() { "totals" } else { "grand_totals" };
            let statement = format!(
                "SELECT t.recommendation, t.status, CAST(SUM(t.n) AS BIGINT) FROM {table} t WHERE 1 = 1{}
                 GROUP BY t.recommendation, t.status",
                wanted.sql
            );
            return Ok(rows_of!(self, "counting assessments", statement, [], wanted));
        }
        query.on_verdicts(BY_SLICE, &mut wanted)?;
        query.places().on_slices(filter, &mut wanted);
        wanted.and(filter.slices(&self.pool, "s.id", wanted.next())?);
        let statement = format!(
            "SELECT t.recommendation, t.status, CAST(SUM(t.n) AS BIGINT) FROM slices s CROSS JOIN tallies t
             WHERE t.slice = s.id{} GROUP BY t.recommendation, t.status",
            wanted.sql
        );
        let mut rows: Vec<Tally> = rows_of!(self, "counting assessments", statement, [], wanted);
        rows.extend(self.tallied_on(&filter.singles(), query).await?);
        Ok(rows)
    }

    /// What a query matches on some resources, whatever its text.
    async fn tallied_on(&self, resources: &[&str], query: &AssessmentQuery) -> Result<Vec<Tally>, StoreError> {
        if resources.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = Conditions::new(&self.pool);
        let ids = wanted.rows(resources.iter().copied(), "id")?;
        query.on_verdicts(BY_RESOURCE, &mut wanted)?;
        query.places().on("r", &mut wanted);
        let statement = format!(
            "SELECT a.recommendation, a.status, COUNT(*) FROM {ids} w JOIN resources r ON r.id = w.id
             JOIN assessments a ON a.resource = r.id WHERE 1 = 1{} GROUP BY a.recommendation, a.status",
            wanted.sql
        );
        Ok(rows_of!(self, "counting assessments", statement, [], wanted))
    }

    /// All conditions of a query but its cursor and limit, over `assessments a` and `resources r`.
    fn matches_of(&self, filter: &ScopeFilter, query: &AssessmentQuery) -> Result<Conditions<'_>, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        let by_verdict = ["a.recommendation", "a.status"];
        query.on_verdicts(if *filter == ScopeFilter::All { by_verdict } else { BY_RESOURCE }, &mut wanted)?;
        query.places().on("r", &mut wanted);
        wanted.contains(["r.id", "r.name"], query.text());
        wanted.and(filter.resources(&self.pool, "a.resource", wanted.next())?);
        if query.status.is_none() && *filter == ScopeFilter::All {
            wanted.add(&any_status("a.status"));
        }
        Ok(wanted)
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
        let wanted = self.matches_of(filter, query)?;
        let statement = format!(
            "SELECT a.resource, r.connector, a.status FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE 1 = 1{} ORDER BY a.resource, a.recommendation",
            wanted.sql
        );
        let rows: Vec<(String, String, String)> = rows_of!(self, "listing assessments", statement, [], wanted);
        let mut targets = Vec::with_capacity(rows.len());
        for (resource, connector, status) in rows {
            targets.push(AssessmentTarget { resource, connector, status: parse(&status, "status")? });
        }
        Ok(targets)
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
}

/// That a column is one of the verdicts that there are: an index that begins with it serves what stands behind it.
pub(crate) fn any_status(column: &str) -> String {
    format!("{column} IN ({})", RANKED.map(|status| format!("'{status}'")).join(", "))
}

fn by_status(rows: Vec<Tally>) -> Result<BTreeMap<Status, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for (_, status, n) in rows {
        *counts.entry(parse(&status, "status")?).or_default() += u64::try_from(n).unwrap_or(0);
    }
    Ok(counts)
}
