use serde::{Deserialize, Serialize};
use skywarden_model::{Evidence, Unreadable};
use skywarden_policy::ComplianceState;
use sqlx::AssertSqlSafe;

use crate::{
    Page, ScopeFilter, Store, StoreError,
    pool::on_pool,
    read::{page_size, pattern},
};

/// What a state rests on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateDetails {
    /// The state without exemptions.
    pub own: String,
    /// The initiative through which it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiative: Option<String>,
    /// The groups of the initiative that the definition belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The exemption that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<String>,
    /// The attestation that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<String>,
    /// What the assignment tells the owner of what is not compliant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// Why a template function failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What one definition of one assignment says of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyStateRow {
    /// The resource's id.
    pub resource: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub type_name: String,
    /// The connector that it came through.
    pub connector: String,
    /// Its account.
    pub account: String,
    /// Its region or resource group.
    pub resource_group: String,
    /// The assignment's id in lower case.
    pub assignment: String,
    /// The definition's reference id in the initiative; empty without one.
    pub reference: String,
    /// The definition's id.
    pub definition: String,
    /// The state.
    pub state: ComplianceState,
    /// The effect, after overrides.
    pub effect: String,
    /// When it was first evaluated.
    pub first_evaluated_at: String,
    /// Since when it has the state.
    pub state_changed_at: String,
    /// What it rests on.
    pub details: StateDetails,
}

/// Which states to list.
#[derive(Debug, Clone, Default)]
pub struct PolicyStateQuery {
    /// Only under this assignment, by its id.
    pub assignment: Option<String>,
    /// Only of this definition of the initiative.
    pub reference: Option<String>,
    /// Only of this resource.
    pub resource: Option<String>,
    /// Only this state.
    pub state: Option<ComplianceState>,
    /// Only of resources whose id or name contains this text, without case.
    pub text: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Rows of the page; at most 500.
    pub limit: u32,
}

/// A change of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEvent {
    /// When.
    pub at: String,
    /// The resource's id.
    pub resource: String,
    /// The assignment's id in lower case.
    pub assignment: String,
    /// The definition's reference id.
    pub reference: String,
    /// `None`: it was not judged before.
    pub before: Option<ComplianceState>,
    /// `None`: it is not judged any more.
    pub after: Option<ComplianceState>,
}

/// How many have a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCount {
    /// The assignment's id in lower case; empty in counts over all of them.
    pub assignment: String,
    /// The definition's reference id; empty in counts of resources.
    pub reference: String,
    /// The state.
    pub state: ComplianceState,
    /// How many.
    pub count: u64,
}

/// The conditions of a [`PolicyStateQuery`] on placeholders 1 to 6; a filter's begin at 7.
const CONDITIONS: &str = "(s.assignment = $1 OR $1 = '') AND (s.reference = $2 OR $2 = '') AND (s.resource = $3 OR $3 = '')
    AND (s.state = $4 OR $4 < 0) AND ($5 = '' OR LOWER(s.resource) LIKE $6 ESCAPE '\\' OR LOWER(r.name) LIKE $6 ESCAPE '\\')";

/// Binds what [`CONDITIONS`] and the filter's condition take.
macro_rules! bind_conditions {
    ($select:expr, $query:expr, $visible:expr) => {{
        let text = $query.text.as_deref().unwrap_or_default().to_lowercase();
        let pattern = pattern(&text);
        let mut select = $select
            .bind($query.assignment.as_deref().unwrap_or_default().to_lowercase())
            .bind($query.reference.clone().unwrap_or_default())
            .bind($query.resource.clone().unwrap_or_default())
            .bind($query.state.map_or(-1, ComplianceState::rank))
            .bind(text)
            .bind(pattern);
        for value in $visible.values {
            select = select.bind(value);
        }
        select
    }};
}

/// Separates the parts of a cursor; no id holds it.
const BETWEEN: char = '\u{1f}';

impl PolicyStateRow {
    /// The cursor of a page that ends with this row.
    pub fn cursor(&self) -> String {
        format!("{}{BETWEEN}{}{BETWEEN}{}", self.resource, self.assignment, self.reference)
    }
}

impl Store {
    /// A page of states in order of (resource, assignment, reference).
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn policy_states(
        &self,
        filter: &ScopeFilter,
        query: &PolicyStateQuery,
    ) -> Result<Page<PolicyStateRow>, StoreError> {
        let limit = page_size(query.limit);
        let visible = filter.resources(&self.pool, "s.resource", 7)?;
        let n_bound = visible.values.len();
        let statement = format!(
            "SELECT s.resource, COALESCE(r.name, ''), COALESCE(r.type_name, ''), s.connector, s.account, COALESCE(r.resource_group, ''), s.assignment,
                 s.reference, s.definition, s.state, s.effect, s.first_evaluated_at, s.state_changed_at, s.document
             FROM policy_states s LEFT JOIN resources r ON r.id = s.resource
             WHERE {CONDITIONS}{} AND (s.resource, s.assignment, s.reference) > (${}, ${}, ${})
             ORDER BY s.resource, s.assignment, s.reference LIMIT ${}",
            visible.sql,
            7 + n_bound,
            8 + n_bound,
            9 + n_bound,
            10 + n_bound,
        );
        let cursor = query.cursor.clone().unwrap_or_default();
        let mut parts = cursor.split(BETWEEN).map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (resource, assignment, reference) = (part(), part(), part());
        let rows: Vec<Columns> = on_pool!(&self.pool, pool => {
            bind_conditions!(sqlx::query_as(AssertSqlSafe(statement)), query, visible)
                .bind(resource).bind(assignment).bind(reference).bind(i64::from(limit) + 1)
                .fetch_all(pool).await.map_err(StoreError::statement("listing the states of policies"))?
        });
        let size = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > size;
        let items: Vec<PolicyStateRow> = rows.into_iter().take(size).map(PolicyStateRow::try_from).collect::<Result<_, _>>()?;
        let next = items.last().filter(|_| has_more).map(PolicyStateRow::cursor);
        Ok(Page { items, next })
    }

    /// How many states a query finds, whatever its cursor and limit.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn policy_state_count(&self, filter: &ScopeFilter, query: &PolicyStateQuery) -> Result<u64, StoreError> {
        let visible = filter.resources(&self.pool, "s.resource", 7)?;
        let statement = format!(
            "SELECT COUNT(*) FROM policy_states s LEFT JOIN resources r ON r.id = s.resource WHERE {CONDITIONS}{}",
            visible.sql
        );
        let count: i64 = on_pool!(&self.pool, pool => {
            bind_conditions!(sqlx::query_scalar(AssertSqlSafe(statement)), query, visible)
                .fetch_one(pool).await.map_err(StoreError::statement("counting the states of policies"))?
        });
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// How many resources have each state under each definition of each assignment.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn policy_counts(&self, filter: &ScopeFilter) -> Result<Vec<StateCount>, StoreError> {
        let visible = filter.resources(&self.pool, "resource", 1)?;
        let statement = format!(
            "SELECT assignment, reference, state, COUNT(*) FROM policy_states WHERE 1 = 1{}
             GROUP BY assignment, reference, state ORDER BY assignment, reference, state",
            visible.sql
        );
        self.state_counts(statement, visible.values).await
    }

    /// How many resources have each state under each assignment, each with the state that prevails among its definitions.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn policy_resource_counts(&self, filter: &ScopeFilter) -> Result<Vec<StateCount>, StoreError> {
        let visible = filter.resources(&self.pool, "resource", 1)?;
        let statement = format!(
            "SELECT assignment, '', worst, COUNT(*) FROM
                 (SELECT assignment, resource, MIN(state) AS worst FROM policy_states WHERE 1 = 1{} GROUP BY assignment, resource) w
             GROUP BY assignment, worst ORDER BY assignment, worst",
            visible.sql
        );
        self.state_counts(statement, visible.values).await
    }

    /// The same over all assignments: each resource counts once.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn policy_total(&self, filter: &ScopeFilter) -> Result<Vec<StateCount>, StoreError> {
        let visible = filter.resources(&self.pool, "resource", 1)?;
        let statement = format!(
            "SELECT '', '', worst, COUNT(*) FROM
                 (SELECT resource, MIN(state) AS worst FROM policy_states WHERE 1 = 1{} GROUP BY resource) w
             GROUP BY worst ORDER BY worst",
            visible.sql
        );
        self.state_counts(statement, visible.values).await
    }

    async fn state_counts(&self, statement: String, values: Vec<String>) -> Result<Vec<StateCount>, StoreError> {
        let rows: Vec<(String, String, i64, i64)> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_as(AssertSqlSafe(statement));
            for value in values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("counting the states of policies"))?
        });
        let mut counts = Vec::with_capacity(rows.len());
        for (assignment, reference, state, count) in rows {
            counts.push(StateCount { assignment, reference, state: of_rank(state)?, count: u64::try_from(count).unwrap_or(0) });
        }
        Ok(counts)
    }

    /// What changed, newest first, at most 500; of one assignment or resource if given.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn policy_history(
        &self,
        filter: &ScopeFilter,
        assignment: Option<&str>,
        resource: Option<&str>,
    ) -> Result<Vec<PolicyEvent>, StoreError> {
        let columns = ["at", "resource", "assignment", "reference", "state_before", "state_after"];
        let visible = filter.history(&self.pool, "policy_history", &columns, 3)?;
        let statement = format!(
            "SELECT t.at, t.resource, t.assignment, t.reference, t.state_before, t.state_after FROM {}
             WHERE (t.assignment = $1 OR $1 = '') AND (t.resource = $2 OR $2 = '')
             ORDER BY t.at DESC, t.resource, t.assignment, t.reference LIMIT 500",
            visible.sql
        );
        type Columns = (String, String, String, String, Option<i64>, Option<i64>);
        let rows: Vec<Columns> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_as(AssertSqlSafe(statement))
                .bind(assignment.unwrap_or_default().to_lowercase()).bind(resource.unwrap_or_default().to_owned());
            for value in visible.values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("reading the history of policies"))?
        });
        let mut events = Vec::with_capacity(rows.len());
        for (at, resource, assignment, reference, before, after) in rows {
            let (before, after) = (before.map(of_rank).transpose()?, after.map(of_rank).transpose()?);
            events.push(PolicyEvent { at, resource, assignment, reference, before, after });
        }
        Ok(events)
    }
}

type Columns = (String, String, String, String, String, String, String, String, String, i64, String, String, String, String);

impl TryFrom<Columns> for PolicyStateRow {
    type Error = StoreError;

    fn try_from(row: Columns) -> Result<Self, StoreError> {
        let (
            resource,
            name,
            type_name,
            connector,
            account,
            resource_group,
            assignment,
            reference,
            definition,
            state,
            effect,
            first,
            changed,
            document,
        ) = row;
        Ok(Self {
            resource,
            name,
            type_name,
            connector,
            account,
            resource_group,
            assignment,
            reference,
            definition,
            state: of_rank(state)?,
            effect,
            first_evaluated_at: first,
            state_changed_at: changed,
            details: serde_json::from_str(&document).map_err(StoreError::damaged("state of a policy"))?,
        })
    }
}

pub(super) fn of_rank(rank: i64) -> Result<ComplianceState, StoreError> {
    ComplianceState::from_rank(rank).ok_or_else(|| {
        let error = serde::de::Error::custom(format!("{rank} is no state"));
        StoreError::damaged("state of a policy")(error)
    })
}
