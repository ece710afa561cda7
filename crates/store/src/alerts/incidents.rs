use std::collections::{BTreeMap, BTreeSet};

use skywarden_content::AlertLevel;
use skywarden_detect::Incident;
use skywarden_model::Timestamp;
use sqlx::AssertSqlSafe;

use super::{AlertStatus, severity_number, status_of};
use crate::{
    Page, ScopeFilter, Store, StoreError,
    commit::{instant, json, parse, storable},
    conditions::Conditions,
    pool::on_pool,
};

/// An incident with what became of it, as far as its alerts may be seen.
#[derive(Debug, Clone)]
pub struct KeptIncident {
    /// What happened. Of alerts that may not be seen it tells nothing.
    pub incident: Incident,
    /// How many of its alerts may not be seen.
    pub n_hidden: usize,
    /// What people did with it.
    pub status: AlertStatus,
    /// The incident that it became part of.
    pub merged_into: Option<String>,
    /// When it was first kept.
    pub kept_at: Timestamp,
    /// When its status last changed.
    pub status_changed_at: Timestamp,
    /// Who changed it.
    pub status_changed_by: Option<String>,
}

/// Which incidents are wanted, those that grew last first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentQuery {
    /// Their status.
    pub status: Option<BTreeSet<AlertStatus>>,
    /// Their severity.
    pub severity: Option<BTreeSet<AlertLevel>>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Rows of a page.
    pub limit: u32,
}

/// id, status, ended, merged_into, kept_at, status_changed_at, status_changed_by, document
type Row = (String, String, i64, String, String, String, String, String);

const READ: &str =
    "SELECT i.id, i.status, i.ended, i.merged_into, i.kept_at, i.status_changed_at, i.status_changed_by, i.document
    FROM incidents i WHERE i.id IN (SELECT t.incident FROM ";

impl Store {
    /// A page of incidents of which any alert may be seen, those that grew last first. Those that became part of another are left out.
    ///
    /// # Errors
    /// If a statement fails, a row is damaged or the cursor is none.
    pub async fn incident_page(&self, filter: &ScopeFilter, query: &IncidentQuery) -> Result<Page<KeptIncident>, StoreError> {
        let visible = filter.history(&self.pool, "alerts", &["id", "incident"], 1)?;
        let mut conditions = Conditions::new(&self.pool);
        conditions.values.extend(visible.values);
        let statuses: Option<BTreeSet<String>> =
            query.status.as_ref().map(|wanted| wanted.iter().map(|status| status.text().to_owned()).collect());
        conditions.is_in("i.status", statuses.as_ref())?;
        if let Some(wanted) = &query.severity {
            let numbers: Vec<String> = wanted.iter().map(|severity| severity_number(*severity).to_string()).collect();
            conditions.add(&if numbers.is_empty() {
                "1 = 0".to_owned()
            } else {
                format!("i.severity IN ({})", numbers.join(", "))
            });
        }
        if let Some(cursor) = &query.cursor {
            let broken = || StoreError::Cursor(cursor.clone());
            let (ended, id) = cursor.split_once('.').ok_or_else(broken)?;
            let ended: i64 = ended.parse().map_err(|_| broken())?;
            let place = conditions.bind(id);
            conditions.add(&format!("(i.ended < {ended} OR i.ended = {ended} AND i.id < ${place})"));
        }
        let limit = query.limit.max(1);
        let statement = format!(
            "{READ}{}) AND i.merged_into = ''{} ORDER BY i.ended DESC, i.id DESC LIMIT {}",
            visible.sql,
            conditions.sql,
            u64::from(limit) + 1
        );
        let mut rows = self.incident_rows(statement, conditions.values).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|row| format!("{}.{}", row.2, row.0));
        Ok(Page { items: self.seen(filter, rows).await?, next })
    }

    /// An incident by its id, if any of its alerts may be seen; be it one that became part of another.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn incident(&self, filter: &ScopeFilter, id: &str) -> Result<Option<KeptIncident>, StoreError> {
        let visible = filter.history(&self.pool, "alerts", &["id", "incident"], 2)?;
        // The alerts of one that became part of another are those of the other.
        let statement = format!(
            "{READ}{}) AND i.id = $1 UNION ALL
             SELECT i.id, i.status, i.ended, i.merged_into, i.kept_at, i.status_changed_at, i.status_changed_by, i.document
             FROM incidents i WHERE i.id = $1 AND i.merged_into <> '' AND i.merged_into IN (SELECT t.incident FROM {})",
            visible.sql, visible.sql
        );
        let mut values = vec![id.to_owned()];
        values.extend(visible.values);
        let rows = self.incident_rows(statement, values).await?;
        Ok(self.seen(filter, rows).await?.pop())
    }

    /// Changes what people did with incidents of which any alert may be seen, and with those alerts. How many incidents there were.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn set_incident_status(
        &self,
        filter: &ScopeFilter,
        ids: &[String],
        status: AlertStatus,
        by: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let doing = "changing the status of incidents";
        let mut n = 0;
        for id in ids {
            let Some(found) = self.incident(filter, id).await? else { continue };
            self.set_alert_status(filter, &found.incident.alerts, status, by, now).await?;
            on_pool!(&self.pool, pool => {
                sqlx::query("UPDATE incidents SET status = $1, status_changed_at = $2, status_changed_by = $3 WHERE id = $4")
                    .bind(status.text()).bind(instant(now)).bind(storable(by)).bind(id.as_str())
                    .execute(pool).await.map_err(StoreError::statement(doing))?;
            });
            n += 1;
        }
        Ok(n)
    }

    /// What may be seen of incidents.
    async fn seen(&self, filter: &ScopeFilter, rows: Vec<Row>) -> Result<Vec<KeptIncident>, StoreError> {
        let ids: Vec<[&str; 1]> = rows.iter().map(|(id, ..)| [id.as_str()]).collect();
        let visible = filter.history(&self.pool, "alerts", &["id", "incident"], 2)?;
        let wanted = self.pool.rows(1, &["id"]);
        let statement = format!("SELECT t.incident, t.id FROM {} WHERE t.incident IN (SELECT w.id FROM {wanted} w)", visible.sql);
        let ids = json(&ids)?;
        let found: Vec<(String, String)> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_as(AssertSqlSafe(statement)).bind(ids);
            for value in visible.values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("finding the alerts of incidents"))?
        });
        let mut alerts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (incident, alert) in found {
            alerts.entry(incident).or_default().insert(alert);
        }
        let mut kept = Vec::with_capacity(rows.len());
        for (id, status, _, merged_into, kept_at, changed_at, changed_by, document) in rows {
            let mut incident: Incident = serde_json::from_str(&document).map_err(StoreError::damaged("incident"))?;
            let n_alerts = incident.alerts.len();
            let own = alerts.remove(&id).unwrap_or_default();
            let is_merged = !merged_into.is_empty();
            incident.alerts.retain(|alert| own.contains(alert));
            incident.timeline.retain(|moment| own.contains(&moment.alert));
            let n_hidden = if is_merged { 0 } else { n_alerts - incident.alerts.len() };
            if is_merged {
                incident.title = "Security incident that became part of another".to_owned();
                incident.shared.clear();
            } else if n_hidden > 0 {
                // Its words may name somebody of an alert that is hidden.
                incident.title =
                    format!("Security incident of which {} of {n_alerts} alerts are visible to you", incident.alerts.len());
                incident.shared.clear();
            }
            kept.push(KeptIncident {
                incident,
                n_hidden,
                status: status_of(&status)?,
                merged_into: Some(merged_into).filter(|_| is_merged),
                kept_at: parse(&kept_at, "time")?,
                status_changed_at: parse(&changed_at, "time")?,
                status_changed_by: Some(changed_by).filter(|by| !by.is_empty()),
            });
        }
        Ok(kept)
    }

    async fn incident_rows(&self, statement: String, values: Vec<String>) -> Result<Vec<Row>, StoreError> {
        Ok(on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_as(AssertSqlSafe(statement));
            for value in values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("reading incidents"))?
        }))
    }
}
