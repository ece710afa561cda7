use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use skywarden_model::{
    Assessment, Connector, Coverage, FactTable, Resource, SecureScore, Status, Timestamp, TrackedState, Transition,
    TransitionKind,
};

use skywarden_posture::JudgedControls;

use crate::{
    Store, StoreError,
    compliance::write_compliance,
    listings::write_listings,
    pool::{IDS_AT_ONCE, on_pool},
    remembered::CHANGED,
    scores::write_score,
    sightings::write_sightings,
    slices::{Census, recount_slices, slice_of, write_slices, write_tallies},
    verdicts::write_verdicts,
    visible::names,
};

/// What one run of one connector found.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The connector that was read.
    pub connector: &'a Connector,
    /// When the run began.
    pub at: Timestamp,
    /// When the resources were read: before `at` if they come from a recording.
    pub taken_at: Timestamp,
    /// Every resource that the connector has now: those seen, and those of failed listings that stay.
    pub resources: &'a [Resource],
    /// What it saw and another connector holds, whose it is.
    pub held_elsewhere: &'a [Resource],
    /// Ids of those that stay without having been seen.
    pub stale: &'a BTreeSet<String>,
    /// Their facts.
    pub facts: &'a FactTable,
    /// One entry per listing.
    pub coverage: &'a [Coverage],
    /// Their assessments.
    pub assessments: &'a [Assessment],
    /// What changed since the last run.
    pub transitions: &'a [Transition],
    /// The score of each account of the connector.
    pub scores: &'a BTreeMap<String, SecureScore>,
    /// What is judged of each standard, by (account, standard).
    pub compliance: &'a BTreeMap<(String, String), JudgedControls>,
}

/// How much a commit wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteStats {
    /// Rows inserted, changed or deleted.
    pub n_written: u64,
    /// Rows that the connector has.
    pub n_rows: u64,
}

/// Rows that one statement inserts: SQLite takes 32,766 values, and every statement costs more than a row.
const BATCH: usize = 200;

/// A row of `resources` that is new or changed.
struct ResourceValues<'a> {
    resource: &'a Resource,
    hash: String,
    document: String,
    facts: String,
    is_stale: bool,
    slice: i64,
}

/// What was known of a resource.
struct Before {
    hash: String,
    account: String,
    group_key: String,
    slice: i64,
}

/// A row of `assessments` that is new or changed.
struct AssessmentValues<'a> {
    assessment: &'a Assessment,
    hash: String,
    document: String,
    was_resolved: i64,
    slice: i64,
}

/// Inserts and empties a batch of resources, on whichever database the transaction is of.
macro_rules! insert_resources {
    ($tx:ident, $changed:ident, $connector:ident, $at:ident, $doing:ident) => {
        if !$changed.is_empty() {
            let mut insert = sqlx::QueryBuilder::new(
                "INSERT INTO resources (id, type_name, name, connector, account, resource_group, group_key, hash, document, facts, first_seen_at, stale_since, slice) ");
            insert.push_values($changed.drain(..), |mut row, values: ResourceValues<'_>| {
                let resource = values.resource;
                row.push_bind(resource.id.as_str()).push_bind(resource.type_name.as_str()).push_bind(storable(&resource.name))
                    .push_bind($connector).push_bind(resource.scope.account.as_ref()).push_bind(resource.scope.resource_group.as_ref())
                    .push_bind(key(&resource.scope.resource_group)).push_bind(values.hash).push_bind(values.document).push_bind(values.facts)
                    .push_bind($at.as_str()).push_bind(values.is_stale.then_some($at.as_str())).push_bind(values.slice);
            });
            insert.push(
                " ON CONFLICT (id) DO UPDATE SET type_name = excluded.type_name, name = excluded.name, connector = excluded.connector,
                    account = excluded.account, resource_group = excluded.resource_group, group_key = excluded.group_key, hash = excluded.hash,
                    document = excluded.document, facts = excluded.facts, stale_since = excluded.stale_since, slice = excluded.slice");
            insert.build().execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
    };
}

/// Inserts and empties a batch of assessments, on whichever database the transaction is of.
macro_rules! insert_assessments {
    ($tx:ident, $changed:ident, $at:ident, $doing:ident) => {
        if !$changed.is_empty() {
            let mut insert = sqlx::QueryBuilder::new(
                "INSERT INTO assessments (resource, recommendation, status, hash, document, was_resolved, first_evaluated_at, status_changed_at, last_known, slice) ");
            insert.push_values($changed.drain(..), |mut row, values: AssessmentValues<'_>| {
                let assessment = values.assessment;
                row.push_bind(assessment.resource.as_str()).push_bind(assessment.recommendation.as_ref())
                    .push_bind(assessment.status.to_string()).push_bind(values.hash).push_bind(values.document)
                    .push_bind(values.was_resolved).push_bind($at.as_str()).push_bind($at.as_str())
                    .push_bind((assessment.status != Status::Unknown).then(|| assessment.status.to_string())).push_bind(values.slice);
            });
            insert.push(
                " ON CONFLICT (resource, recommendation) DO UPDATE SET hash = excluded.hash, document = excluded.document,
                    status_changed_at = CASE WHEN assessments.status = excluded.status THEN assessments.status_changed_at ELSE excluded.status_changed_at END,
                    was_resolved = CASE WHEN excluded.was_resolved = 1 THEN 1 ELSE assessments.was_resolved END,
                    last_known = COALESCE(excluded.last_known, assessments.last_known),
                    status = excluded.status, slice = excluded.slice, written = NULL");
            insert.build().execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
    };
}

impl Store {
    /// Writes a run in one transaction; rows that did not change are not touched.
    ///
    /// # Errors
    /// If a statement fails; the store then shows the run before.
    pub async fn commit(&self, run: &Run<'_>) -> Result<WriteStats, StoreError> {
        let doing = "committing a run";
        let mut stats = WriteStats::default();
        let at = instant(run.at);
        let connector = run.connector.id.as_str();
        let owner: BTreeMap<&str, &Resource> = run.resources.iter().map(|resource| (resource.id.as_str(), resource)).collect();
        let resolved: BTreeSet<(&str, &str)> = run
            .transitions
            .iter()
            .filter(|transition| transition.kind == TransitionKind::Resolved)
            .map(|transition| (transition.resource.as_str(), transition.recommendation.as_ref()))
            .collect();
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            let document = json(run.connector)?;
            // A run knows its connector as it was when it began to read; people may have changed it since.
            sqlx::query("INSERT INTO connectors (id, document) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
                .bind(connector).bind(document).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;

            // What clients wrote stays, but where the run judges the same.
            let written: Vec<(String, String, String)> = sqlx::query_as(
                "SELECT a.resource, a.recommendation, a.status FROM assessments a JOIN resources r ON r.id = a.resource
                 WHERE r.connector = $1 AND a.written IS NOT NULL")
                .bind(connector).fetch_all(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let mut kept_written = Vec::with_capacity(written.len());
            let judged: BTreeSet<(&str, &str)> = match written.as_slice() {
                [] => BTreeSet::new(),
                _ => run.assessments.iter().map(|own| (own.resource.as_str(), &*own.recommendation)).collect(),
            };
            for (resource, recommendation, status) in written {
                if !judged.contains(&(resource.as_str(), recommendation.as_str())) {
                    kept_written.push((resource, recommendation, parse::<Status>(&status, "status")?));
                }
            }
            let census = Census::of(run, &kept_written);
            let slices = write_slices!(tx, connector, census, doing);
            let before: Vec<(String, String, String, String, i64)> =
                sqlx::query_as("SELECT id, hash, account, group_key, slice FROM resources WHERE connector = $1")
                    .bind(connector).fetch_all(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let known = |(id, hash, account, group_key, slice)| (id, Before { hash, account, group_key, slice });
            let mut before: BTreeMap<String, Before> = before.into_iter().map(known).collect();
            // What another connector saw first, and this one owns.
            let new: Vec<&str> = owner.keys().copied().filter(|id| !before.contains_key(*id)).collect();
            let mut cut_into: BTreeSet<i64> = BTreeSet::new();
            for batch in new.chunks(IDS_AT_ONCE) {
                let mut select = sqlx::QueryBuilder::new("SELECT id, hash, account, group_key, slice FROM resources WHERE id IN (");
                let mut ids = select.separated(", ");
                for id in batch {
                    ids.push_bind(*id);
                }
                select.push(")");
                let taken: Vec<(String, String, String, String, i64)> =
                    select.build_query_as().fetch_all(&mut *tx).await.map_err(StoreError::statement(doing))?;
                for (id, hash, account, group_key, slice) in taken {
                    cut_into.insert(slice);
                    before.insert(id, Before { hash, account, group_key, slice });
                }
            }
            // Resources whose verdicts may be others.
            let mut touched: BTreeSet<&str> = BTreeSet::new();
            let mut changed = Vec::with_capacity(BATCH);
            for resource in run.resources {
                stats.n_rows += 1;
                let document = json(resource)?;
                let facts = json(&run.facts.get(&resource.id))?;
                let is_stale = run.stale.contains(resource.id.as_str());
                let hash = hash(&[&document, &facts, if is_stale { "stale" } else { "" }]);
                let slice = slices.get(&slice_of(resource)).copied().unwrap_or_default();
                let known = before.get(resource.id.as_str());
                if known.is_some_and(|known| known.hash == hash && known.slice == slice) {
                    continue;
                }
                stats.n_written += 1;
                if known.is_none_or(|known| known.slice != slice) {
                    touched.insert(resource.id.as_str());
                }
                if let Some(moved) = known.filter(|known| known.slice != slice) {
                    // What clients wrote on a resource of another connector's is not in the census.
                    if cut_into.contains(&moved.slice) {
                        cut_into.insert(slice);
                    }
                    // Assessments that stay as they are move with their resource.
                    sqlx::query("UPDATE assessments SET slice = $1 WHERE resource = $2")
                        .bind(slice).bind(resource.id.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                }
                changed.push(ResourceValues { resource, hash, document, facts, is_stale, slice });
                if changed.len() == BATCH {
                    insert_resources!(tx, changed, connector, at, doing);
                }
            }
            insert_resources!(tx, changed, connector, at, doing);
            for id in before.keys().filter(|id| !owner.contains_key(id.as_str())) {
                stats.n_written += 1;
                sqlx::query("DELETE FROM assessments WHERE resource = $1").bind(id.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                sqlx::query("DELETE FROM resources WHERE id = $1").bind(id.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }

            // A resource that is gone still belongs to its account and group: those who may see these see that it is gone.
            let gone = before;
            // What clients wrote is not the run's to judge.
            let before: Vec<(String, String, String)> = sqlx::query_as(
                "SELECT a.resource, a.recommendation, a.hash FROM assessments a JOIN resources r ON r.id = a.resource
                 WHERE r.connector = $1 AND a.written IS NULL")
                .bind(connector).fetch_all(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let before: BTreeMap<(String, String), String> = before.into_iter().map(|(resource, recommendation, hash)| ((resource, recommendation), hash)).collect();
            let mut kept = BTreeSet::new();
            let mut changed = Vec::with_capacity(BATCH);
            for assessment in run.assessments {
                stats.n_rows += 1;
                let key = (assessment.resource.to_string(), assessment.recommendation.to_string());
                let document = json(assessment)?;
                let hash = hash(&[&document]);
                if before.get(&key) != Some(&hash) {
                    stats.n_written += 1;
                    let was_resolved = i64::from(resolved.contains(&(key.0.as_str(), key.1.as_str())));
                    let resource = owner.get(key.0.as_str());
                    let slice = resource.and_then(|resource| slices.get(&slice_of(resource))).copied().unwrap_or_default();
                    touched.insert(assessment.resource.as_str());
                    changed.push(AssessmentValues { assessment, hash, document, was_resolved, slice });
                    if changed.len() == BATCH {
                        insert_assessments!(tx, changed, at, doing);
                    }
                }
                kept.insert(key);
            }
            insert_assessments!(tx, changed, at, doing);
            for (resource, recommendation) in before.keys().filter(|key| !kept.contains(*key)) {
                stats.n_written += 1;
                touched.insert(resource.as_str());
                sqlx::query("DELETE FROM assessments WHERE resource = $1 AND recommendation = $2")
                    .bind(resource.as_str()).bind(recommendation.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            let recommendations: BTreeSet<&str> = run.assessments.iter().map(|own| &*own.recommendation).collect();
            write_verdicts!(tx, &self.pool, touched, recommendations, doing);
            write_tallies!(tx, connector, census, slices, doing);
            recount_slices!(tx, cut_into, doing);

            for batch in run.transitions.chunks(BATCH) {
                let mut values = Vec::with_capacity(batch.len());
                for transition in batch {
                    let id = transition.resource.as_str();
                    let (account, group) = match (owner.get(id), gone.get(id)) {
                        (Some(own), _) => (&*own.scope.account, key(&own.scope.resource_group)),
                        (None, Some(own)) => (own.account.as_str(), own.group_key.clone()),
                        (None, None) => ("", String::new()),
                    };
                    values.push((transition, account, group, json(transition)?));
                }
                stats.n_written += values.len() as u64;
                let mut insert = sqlx::QueryBuilder::new("INSERT INTO transitions (at, resource, recommendation, connector, account, group_key, document) ");
                insert.push_values(values, |mut row, (transition, account, group, document)| {
                    row.push_bind(at.as_str()).push_bind(transition.resource.as_str()).push_bind(transition.recommendation.as_ref())
                        .push_bind(connector).push_bind(account).push_bind(group).push_bind(document);
                });
                insert.push(" ON CONFLICT (at, resource, recommendation) DO UPDATE SET document = excluded.document");
                insert.build().execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            write_listings!(tx, run, doing);
            sqlx::query(
                "INSERT INTO coverage (connector, taken_at) VALUES ($1, $2)
                 ON CONFLICT (connector) DO UPDATE SET taken_at = excluded.taken_at")
                .bind(connector).bind(instant(run.taken_at)).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            for (account, score) in run.scores {
                stats.n_written += 1;
                write_score!(tx, connector, account.as_str(), at.as_str(), score, doing);
            }
            write_compliance!(tx, run, at, stats, doing);
            write_sightings!(tx, run, stats, doing);
            sqlx::query(CHANGED).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(stats)
    }

    /// What is remembered of a connector's assessments: what the next run is compared with.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn tracked(&self, connector: &str) -> Result<Vec<TrackedState>, StoreError> {
        self.states(connector, "a.written IS NULL").await
    }

    /// The same of the assessments that clients wrote, which a run leaves as they are.
    pub(crate) async fn tracked_written(&self, connector: &str) -> Result<Vec<TrackedState>, StoreError> {
        self.states(connector, "a.written IS NOT NULL").await
    }

    async fn states(&self, connector: &str, condition: &'static str) -> Result<Vec<TrackedState>, StoreError> {
        let statement = format!(
            "SELECT a.resource, a.recommendation, a.status, a.was_resolved, a.first_evaluated_at, a.status_changed_at, a.last_known
             FROM assessments a JOIN resources r ON r.id = a.resource WHERE r.connector = $1 AND {condition}
             ORDER BY a.resource, a.recommendation"
        );
        let rows: Vec<Stood> = on_pool!(&self.pool, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(statement))
                .bind(connector).fetch_all(pool).await.map_err(StoreError::statement("reading the last run"))?
        });
        rows.into_iter().map(state).collect()
    }
}

/// Resource, recommendation, status, was resolved, first evaluated, verdict changed, last known.
pub(crate) type Stood = (String, String, String, i64, String, String, Option<String>);

pub(crate) fn state(
    (resource, recommendation, status, was_resolved, first, changed, last_known): Stood,
) -> Result<TrackedState, StoreError> {
    Ok(TrackedState {
        recommendation: recommendation.into(),
        resource: resource.into(),
        status: parse::<Status>(&status, "status")?,
        last_known: last_known.map(|status| parse::<Status>(&status, "status")).transpose()?,
        was_resolved: was_resolved != 0,
        first_evaluated_at: parse(&first, "time")?,
        status_changed_at: parse(&changed, "time")?,
    })
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(StoreError::damaged(what))
}

/// A document as JSON text. PostgreSQL's text can't hold U+0000, which JSON writes as an escape.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::damaged("document"))
}

/// Text for a column: without U+0000, which PostgreSQL refuses.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A text as it is compared: in lower case.
pub(crate) fn key(text: &str) -> String {
    storable(&text.to_lowercase())
}

pub(crate) fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// An instant as text that sorts as it should: always six decimals.
pub(crate) fn instant(at: Timestamp) -> String {
    format!("{at:.6}")
}
