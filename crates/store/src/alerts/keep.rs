use std::collections::BTreeMap;

use skywarden_content::{AlertLevel, Catalog};
use skywarden_detect::{
    AdoptedAlert, Alert, Incident,
    defender::{SuppressionRule, entity},
};
use skywarden_model::{FactSheet, Resource, Status, Timestamp};

use super::{AlertStatus, SUPPRESSION_RULES, severity_number};
use crate::{
    ScopeFilter, Store, StoreError,
    commit::{instant, json, key, storable},
    pool::on_pool,
};

/// Most letters of an alert that a search looks through.
const MAX_SEARCHED: usize = 4_000;

/// Who changed the status of an alert that was changed at Defender for Cloud.
const DEFENDER: &str = "Defender for Cloud";

/// Where an alert belongs: connector, account, group as it is compared, resource.
#[derive(Debug, Clone, Default)]
struct Place {
    connector: String,
    account: String,
    group: String,
    resource: String,
    /// What makes what happens to the resource matter more, one a line.
    raised: String,
    /// What might and could not be judged, one a line.
    unknown: String,
}

const UPSERT: &str = "INSERT INTO alerts (id, connector, account, group_key, resource, detection, plan, title, severity, status,
        suppressed_by, started, ended, n_events, kept_at, status_changed_at, status_changed_by, searched, raised, unknown, document)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, '', $16, $17, $18, $19)
    ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, started = excluded.started, ended = excluded.ended,
        n_events = excluded.n_events, searched = excluded.searched, raised = excluded.raised, unknown = excluded.unknown,
        document = excluded.document";

const UPSERT_INCIDENT: &str =
    "INSERT INTO incidents (id, kind, severity, status, started, ended, merged_into, kept_at, status_changed_at,
        status_changed_by, document)
    VALUES ($1, $2, $3, $4, $5, $6, '', $7, $7, '', $8)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, severity = excluded.severity, started = excluded.started,
        ended = excluded.ended, merged_into = '', document = excluded.document";

impl Store {
    /// Keeps alerts that are new or grew, but those of plans that are off where they belong; then incidents (those that are new or grew, and those that are none any more, each with the one
    /// that it became part of). Both may be given again.
    ///
    /// # Errors
    /// If a statement fails; what was kept by then is kept again by the next attempt.
    pub async fn keep_found(
        &self,
        catalog: &Catalog,
        alerts: &[Alert],
        (incidents, gone): (&[Incident], &[(String, Option<String>)]),
        home: (&str, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut placed = Vec::with_capacity(alerts.len());
        let plans = self.plans(&ScopeFilter::All).await?;
        for alert in alerts {
            let place = self.place_of(alert, home).await?;
            let resource = Some(place.resource.as_str()).filter(|resource| !resource.is_empty());
            let at = (place.connector.as_str(), place.account.as_str());
            if !alert.plan.as_deref().is_some_and(|plan| plans.is_off(catalog, plan, at, resource)) {
                placed.push((alert, place));
            }
        }
        self.keep_placed(catalog, placed, now).await?;
        let doing = "keeping incidents";
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for (id, into) in gone {
                sqlx::query("UPDATE alerts SET incident = '' WHERE incident = $1")
                    .bind(id.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                let statement = if into.is_some() {
                    "UPDATE incidents SET merged_into = $2 WHERE id = $1"
                } else {
                    "DELETE FROM incidents WHERE id = $1 AND $2 = ''"
                };
                sqlx::query(statement).bind(id.as_str()).bind(into.as_deref().unwrap_or_default())
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            for incident in incidents {
                sqlx::query(UPSERT_INCIDENT)
                    .bind(incident.id.as_str()).bind(incident.kind.as_deref().unwrap_or_default())
                    .bind(severity_number(incident.severity)).bind(AlertStatus::Active.text())
                    .bind(incident.start.as_millisecond()).bind(incident.end.as_millisecond()).bind(instant(now))
                    .bind(storable(&json(incident)?))
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                sqlx::query("UPDATE alerts SET incident = '' WHERE incident = $1")
                    .bind(incident.id.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                for alert in &incident.alerts {
                    sqlx::query("UPDATE alerts SET incident = $1 WHERE id = $2")
                        .bind(incident.id.as_str()).bind(alert.as_str())
                        .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                }
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(())
    }

    /// Keeps alerts that are new or grew; what people did with those that are known stays. A new one that a suppression rule of its account
    /// fits is dismissed. Alerts of no account that is known belong to `home` (connector, account). On a resource that has any of the
    /// catalog's risk factors they are one step more severe; of which of these it is not known is kept with those that one more would
    /// raise: of a resource that is not in the inventory, nothing is.
    ///
    /// # Errors
    /// If a statement fails; none is kept then.
    pub async fn keep_alerts(
        &self,
        catalog: &Catalog,
        alerts: &[Alert],
        home: (&str, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut placed = Vec::with_capacity(alerts.len());
        for alert in alerts {
            placed.push((alert, self.place_of(alert, home).await?));
        }
        self.keep_placed(catalog, placed, now).await
    }

    /// Keeps alerts that Defender for Cloud raised, as [`Store::keep_alerts`] does. What people did with one there counts until
    /// somebody does something with it here; one that is suppressed here stays so.
    ///
    /// # Errors
    /// If a statement fails; what was kept by then is kept again by the next attempt.
    pub async fn keep_adopted_alerts(
        &self,
        catalog: &Catalog,
        adopted: &[AdoptedAlert],
        home: (&str, &str),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut placed = Vec::with_capacity(adopted.len());
        for own in adopted {
            placed.push((&own.alert, self.place_of(&own.alert, home).await?));
        }
        self.keep_placed(catalog, placed, now).await?;
        let doing = "keeping what became of Defender's alerts";
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for own in adopted {
                let Some(status) = own.status.as_deref().and_then(AlertStatus::named) else { continue };
                sqlx::query(
                    "UPDATE alerts SET status = $1, status_changed_at = $2, status_changed_by = $3
                     WHERE id = $4 AND status <> $1 AND suppressed_by = '' AND status_changed_by IN ('', $3)")
                    .bind(status.text()).bind(instant(now)).bind(DEFENDER).bind(own.alert.id.as_str())
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(())
    }

    async fn keep_placed(&self, catalog: &Catalog, mut placed: Vec<(&Alert, Place)>, now: Timestamp) -> Result<(), StoreError> {
        let doing = "keeping alerts";
        let rules = self.suppression_rules().await?;
        for (alert, place) in &mut placed {
            let resource = match place.resource.as_str() {
                "" => None,
                id => self.resource(&ScopeFilter::All, id).await?,
            };
            if let Some((resource, facts)) = resource {
                (place.raised, place.unknown) = raising(catalog, &resource, facts.as_ref(), now);
            } else if !place.resource.is_empty() || alert.first.resource.is_some() {
                place.unknown = titles_of_all(catalog);
            }
            if !place.raised.is_empty() || raised(alert.severity) == alert.severity {
                place.unknown.clear();
            }
        }
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for (alert, place) in &placed {
                let of_account = rules.get(&(place.connector.clone(), place.account.clone()));
                let suppressed_by = of_account.into_iter().flatten().find(|(_, rule)| rule.suppresses(alert, now)).map(|(name, _)| name);
                let status = if suppressed_by.is_some() { AlertStatus::Dismissed } else { AlertStatus::Active };
                sqlx::query(UPSERT)
                    .bind(alert.id.as_str()).bind(place.connector.as_str()).bind(place.account.as_str()).bind(place.group.as_str())
                    .bind(place.resource.as_str()).bind(alert.detection.as_ref()).bind(alert.plan.as_deref().unwrap_or_default())
                    .bind(storable(&alert.title)).bind(severity_number(severity_at(alert.severity, place))).bind(status.text())
                    .bind(suppressed_by.map_or("", String::as_str)).bind(alert.start.as_millisecond()).bind(alert.end.as_millisecond())
                    .bind(i64::try_from(alert.n_events).unwrap_or(i64::MAX)).bind(instant(now)).bind(searched(alert))
                    .bind(storable(&place.raised)).bind(storable(&place.unknown))
                    .bind(storable(&json(alert)?))
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(())
    }

    /// Changes what people did with alerts that may be seen. How many there were.
    ///
    /// # Errors
    /// If a statement fails; none is changed then.
    pub async fn set_alert_status(
        &self,
        filter: &ScopeFilter,
        ids: &[String],
        status: AlertStatus,
        by: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let doing = "changing the status of alerts";
        let seen = self.alerts_seen(filter, ids).await?;
        let mut n = 0;
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for id in &seen {
                let changed = sqlx::query(
                    "UPDATE alerts SET status = $1, suppressed_by = '', status_changed_at = $2, status_changed_by = $3 WHERE id = $4")
                    .bind(status.text()).bind(instant(now)).bind(storable(by)).bind(id.as_str())
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                n += changed.rows_affected();
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(n)
    }

    /// Removes alerts and incidents that ended before an instant. How many alerts there were.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn remove_alerts_before(&self, before: Timestamp) -> Result<u64, StoreError> {
        let removed = on_pool!(&self.pool, pool => {
            sqlx::query("DELETE FROM incidents WHERE ended < $1")
                .bind(before.as_millisecond()).execute(pool).await.map_err(StoreError::statement("removing old incidents"))?;
            sqlx::query("DELETE FROM alerts WHERE ended < $1")
                .bind(before.as_millisecond()).execute(pool).await.map_err(StoreError::statement("removing old alerts"))?.rows_affected()
        });
        Ok(removed)
    }

    /// The rules that suppress alerts, with their names, by (connector, account).
    async fn suppression_rules(&self) -> Result<BTreeMap<(String, String), Vec<(String, SuppressionRule)>>, StoreError> {
        let mut rules: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for object in self.arm_objects(&ScopeFilter::All, SUPPRESSION_RULES).await? {
            let Some((connector, account)) = object.scope.account() else { continue };
            let rule = serde_json::from_value(object.document.clone()).map_err(StoreError::damaged("suppression rule"))?;
            rules.entry((connector.to_owned(), account.to_owned())).or_default().push((object.name, rule));
        }
        Ok(rules)
    }

    /// Where an alert belongs: to its resource if that is in the inventory, else to its account if that is connected, else home.
    async fn place_of(&self, alert: &Alert, home: (&str, &str)) -> Result<Place, StoreError> {
        let doing = "finding where an alert belongs";
        let resources = alert.first.resource.iter().chain(&alert.compromised);
        for resource in resources {
            let found: Option<(String, String, String, String)> = on_pool!(&self.pool, pool => {
                sqlx::query_as("SELECT connector, account, group_key, id FROM resources WHERE id = $1")
                    .bind(storable(resource)).fetch_optional(pool).await.map_err(StoreError::statement(doing))?
            });
            if let Some((connector, account, group, resource)) = found {
                return Ok(Place { connector, account, group, resource, ..Place::default() });
            }
        }
        if let Some(account) = &alert.account {
            let found: Option<(String, String)> = on_pool!(&self.pool, pool => {
                sqlx::query_as("SELECT connector, account FROM accounts WHERE LOWER(account) = $1 ORDER BY connector LIMIT 1")
                    .bind(key(account)).fetch_optional(pool).await.map_err(StoreError::statement(doing))?
            });
            if let Some((connector, account)) = found {
                return Ok(Place { connector, account, ..Place::default() });
            }
        }
        Ok(Place { connector: home.0.to_owned(), account: home.1.to_owned(), ..Place::default() })
    }
}

/// The risk factors that a resource has, as clauses about it, and the titles of those of which it is not known; one a line.
fn raising(catalog: &Catalog, resource: &Resource, facts: Option<&FactSheet>, now: Timestamp) -> (String, String) {
    let (mut raised, mut unknown) = (Vec::new(), Vec::new());
    for factor in catalog.risk_factors.values() {
        match factor.verdict(resource, facts, now) {
            Status::Unhealthy => raised.push(factor.file.because.as_str()),
            Status::Unknown => unknown.push(factor.file.title.as_str()),
            _ => {}
        }
    }
    (raised.join("\n"), unknown.join("\n"))
}

/// What is not known of a resource that is not in the inventory.
fn titles_of_all(catalog: &Catalog) -> String {
    catalog.risk_factors.values().map(|factor| factor.file.title.as_str()).collect::<Vec<_>>().join("\n")
}

/// How severe an alert is at a place.
fn severity_at(own: AlertLevel, place: &Place) -> AlertLevel {
    if place.raised.is_empty() { own } else { raised(own) }
}

/// One step more. What only informs does so everywhere.
fn raised(own: AlertLevel) -> AlertLevel {
    match own {
        AlertLevel::Low => AlertLevel::Medium,
        AlertLevel::Medium => AlertLevel::High,
        AlertLevel::Informational | AlertLevel::High | AlertLevel::Critical => own,
    }
}

/// What a search looks through: title, compromised entity and entities, in small letters.
fn searched(alert: &Alert) -> String {
    let mut text = format!("{}\n{}", alert.title, alert.compromised.as_deref().unwrap_or_default());
    for own in &alert.entities {
        if text.len() > MAX_SEARCHED {
            break;
        }
        let members = entity(own);
        let texts = members.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str());
        for part in texts {
            text.push('\n');
            text.extend(part.chars().take(500));
        }
    }
    key(&text)
}
