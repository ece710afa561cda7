use std::collections::BTreeSet;

use serde::Serialize;
use skywarden_content::AlertLevel;
use skywarden_model::Timestamp;
use sqlx::AssertSqlSafe;

use super::{AlertStatus, KeptAlert, severity_number, severity_of, status_of};
use crate::{
    Page, ScopeFilter, Store, StoreError,
    commit::{json, parse},
    conditions::Conditions,
    filter::Condition,
    pool::on_pool,
    read::pattern,
};

/// Which alerts are wanted, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertQuery {
    /// Their status.
    pub status: Option<BTreeSet<AlertStatus>>,
    /// Their severity.
    pub severity: Option<BTreeSet<AlertLevel>>,
    /// The plan of their detection.
    pub plan: Option<String>,
    /// Their detection.
    pub detection: Option<String>,
    /// The incident that they are part of.
    pub incident: Option<String>,
    /// The connector of their account.
    pub connector: Option<String>,
    /// Their account.
    pub account: Option<String>,
    /// Their resource group (region), in any case.
    pub group: Option<String>,
    /// The resource that they are about.
    pub resource: Option<String>,
    /// A text that title, compromised entity or an entity holds.
    pub text: Option<String>,
    /// Those of which the last event is no older.
    pub since: Option<Timestamp>,
    /// Those of which the last event is older.
    pub until: Option<Timestamp>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Rows of a page.
    pub limit: u32,
}

/// How many alerts have all of this in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertCount {
    /// The plan; empty for detections of others.
    pub plan: String,
    /// The severity.
    pub severity: AlertLevel,
    /// The status.
    pub status: AlertStatus,
    /// The day of their last event: days since 1970, in UTC.
    pub day: i64,
    /// How many.
    pub count: u64,
}

const COLUMNS: &[&str] = &[
    "id",
    "connector",
    "account",
    "group_key",
    "resource",
    "detection",
    "plan",
    "title",
    "severity",
    "status",
    "suppressed_by",
    "incident",
    "started",
    "ended",
    "kept_at",
    "status_changed_at",
    "status_changed_by",
    "searched",
    "raised",
    "unknown",
    "document",
];

/// id, connector, account, group, resource, status, suppressed_by, incident, ended, kept_at, status_changed_at, status_changed_by,
/// severity, raised, unknown, document
type Row =
    (String, String, String, String, String, String, String, String, i64, String, String, String, i64, String, String, String);

const READ: &str =
    "SELECT t.id, t.connector, t.account, t.group_key, t.resource, t.status, t.suppressed_by, t.incident, t.ended, t.kept_at,
    t.status_changed_at, t.status_changed_by, t.severity, t.raised, t.unknown, t.document FROM ";

impl Store {
    /// A page of alerts, newest first.
    ///
    /// # Errors
    /// If a statement fails, a row is damaged or the cursor is none.
    pub async fn alert_page(&self, filter: &ScopeFilter, query: &AlertQuery) -> Result<Page<KeptAlert>, StoreError> {
        let (from, mut conditions) = self.asked(filter, query)?;
        if let Some(cursor) = &query.cursor {
            let (ended, id) = cursor.split_once('.').ok_or(StoreError::Cursor(cursor.clone()))?;
            let ended: i64 = ended.parse().map_err(|_| StoreError::Cursor(cursor.clone()))?;
            let place = conditions.bind(id);
            conditions.add(&format!("(t.ended < {ended} OR t.ended = {ended} AND t.id < ${place})"));
        }
        let limit = query.limit.max(1);
        let statement =
            format!("{READ}{from} WHERE 1 = 1{} ORDER BY t.ended DESC, t.id DESC LIMIT {}", conditions.sql, u64::from(limit) + 1);
        let mut rows = self.alert_rows(statement, conditions.values).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|row| format!("{}.{}", row.8, row.0));
        let items = rows.into_iter().map(kept).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// How many alerts there are, by plan, severity, status and day; `cursor` and `limit` are of no meaning.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn alert_counts(&self, filter: &ScopeFilter, query: &AlertQuery) -> Result<Vec<AlertCount>, StoreError> {
        let (from, conditions) = self.asked(filter, query)?;
        let statement = format!(
            "SELECT t.plan, t.severity, t.status, t.ended / 86400000 AS day, COUNT(*) FROM {from} WHERE 1 = 1{}
             GROUP BY t.plan, t.severity, t.status, t.ended / 86400000 ORDER BY 4, 1, 2, 3",
            conditions.sql
        );
        let rows: Vec<(String, i64, String, i64, i64)> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_as(AssertSqlSafe(statement));
            for value in conditions.values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("counting alerts"))?
        });
        let count = |(plan, severity, status, day, n): (String, i64, String, i64, i64)| {
            let (status, count) = (status_of(&status)?, u64::try_from(n).unwrap_or_default());
            Ok(AlertCount { plan, severity: severity_of(severity), status, day, count })
        };
        rows.into_iter().map(count).collect()
    }

    /// An alert by its id, if it may be seen.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn alert(&self, filter: &ScopeFilter, id: &str) -> Result<Option<KeptAlert>, StoreError> {
        let visible = filter.history(&self.pool, "alerts", COLUMNS, 2)?;
        let statement = format!("{READ}{} WHERE t.id = $1", visible.sql);
        let mut values = vec![id.to_owned()];
        values.extend(visible.values);
        self.alert_rows(statement, values).await?.pop().map(kept).transpose()
    }

    /// Those of some ids whose alerts may be seen.
    pub(super) async fn alerts_seen(&self, filter: &ScopeFilter, ids: &[String]) -> Result<Vec<String>, StoreError> {
        let visible = filter.history(&self.pool, "alerts", &["id"], 2)?;
        let rows: Vec<[&str; 1]> = ids.iter().map(|id| [id.as_str()]).collect();
        let statement =
            format!("SELECT t.id FROM {} WHERE t.id IN (SELECT w.id FROM {} w)", visible.sql, self.pool.rows(1, &["id"]));
        let rows = json(&rows)?;
        let found: Vec<(String,)> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_as(AssertSqlSafe(statement)).bind(rows);
            for value in visible.values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("finding alerts"))?
        });
        Ok(found.into_iter().map(|(id,)| id).collect())
    }

    /// What stands behind FROM, and the conditions.
    fn asked(&self, filter: &ScopeFilter, query: &AlertQuery) -> Result<(String, Conditions<'_>), StoreError> {
        let mut conditions = Conditions::new(&self.pool);
        let Condition { sql: from, values } = filter.history(&self.pool, "alerts", COLUMNS, 1)?;
        conditions.values.extend(values);
        let statuses: Option<BTreeSet<String>> =
            query.status.as_ref().map(|wanted| wanted.iter().map(|status| status.text().to_owned()).collect());
        conditions.is_in("t.status", statuses.as_ref())?;
        if let Some(wanted) = &query.severity {
            let numbers: Vec<String> = wanted.iter().map(|severity| severity_number(*severity).to_string()).collect();
            conditions.add(&if numbers.is_empty() {
                "1 = 0".to_owned()
            } else {
                format!("t.severity IN ({})", numbers.join(", "))
            });
        }
        let group = query.group.as_deref().map(crate::commit::key);
        let equal = [
            ("t.plan", &query.plan),
            ("t.detection", &query.detection),
            ("t.incident", &query.incident),
            ("t.connector", &query.connector),
            ("t.account", &query.account),
            ("t.group_key", &group),
            ("t.resource", &query.resource),
        ];
        for (column, value) in equal {
            conditions.equal(column, value.as_deref());
        }
        if let Some(text) = &query.text {
            let placeholder = conditions.bind(&pattern(&text.to_lowercase()));
            conditions.add(&format!("t.searched LIKE ${placeholder} ESCAPE '\\'"));
        }
        for (comparison, time) in [(">=", query.since), ("<", query.until)] {
            if let Some(time) = time {
                conditions.add(&format!("t.ended {comparison} {}", time.as_millisecond()));
            }
        }
        Ok((from, conditions))
    }

    async fn alert_rows(&self, statement: String, values: Vec<String>) -> Result<Vec<Row>, StoreError> {
        Ok(on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_as(AssertSqlSafe(statement));
            for value in values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("reading alerts"))?
        }))
    }
}

fn kept(row: Row) -> Result<KeptAlert, StoreError> {
    let (
        _,
        connector,
        account,
        group,
        resource,
        status,
        suppressed_by,
        incident,
        _,
        kept_at,
        changed_at,
        changed_by,
        severity,
        raised,
        unknown,
        document,
    ) = row;
    let there = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(KeptAlert {
        alert: serde_json::from_str(&document).map_err(StoreError::damaged("alert"))?,
        connector,
        account,
        group,
        resource: there(resource),
        severity: severity_of(severity),
        raised: raised.lines().map(str::to_owned).collect(),
        unknown: unknown.lines().map(str::to_owned).collect(),
        status: status_of(&status)?,
        suppressed_by: there(suppressed_by),
        incident: there(incident),
        kept_at: parse(&kept_at, "time")?,
        status_changed_at: parse(&changed_at, "time")?,
        status_changed_by: there(changed_by),
    })
}
