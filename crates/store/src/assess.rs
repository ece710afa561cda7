//! A run over the store: what is known is read, the snapshot judged, what changed committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use skywarden_content::Catalog;
use skywarden_model::{Connector, Coverage, Reread, Resource, Snapshot, Timestamp, Transition};
use skywarden_posture::{Assessed, Estate, Known, assess, compliance_by_account};

use sqlx::AssertSqlSafe;

use crate::{Run, RunLock, ScopeFilter, Store, StoreError, WriteStats, commit::parse, pool::on_pool};

/// How long a run waits for another to commit; commits take seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

impl Store {
    /// Judges what a connector's collection saw, compares it with the last run, and commits.
    ///
    /// # Errors
    /// If another process goes on writing to the store, or a statement fails; the store then shows the run before.
    pub async fn assess(
        &self,
        catalog: &Catalog,
        connector: &Connector,
        snapshot: Snapshot,
        now: Timestamp,
    ) -> Result<(Assessed, WriteStats), StoreError> {
        let lock = self.wait_for_run().await?;
        let everything = ScopeFilter::All;
        let seen = snapshot.resources.iter().map(|resource| resource.id.as_str()).collect();
        let known = Known {
            resources: self.resources_but(connector.id.as_str(), &seen).await?,
            exemptions: self.exemptions(&everything).await?,
            held_elsewhere: self.held_elsewhere(&snapshot.resources, connector.id.as_str()).await?,
            plans: self.plans(&everything).await?,
        };
        let result = self.judge(catalog, connector, snapshot, known, now).await;
        lock.release().await;
        result
    }

    /// Judges what the store holds of a connector anew, without collecting: after an exemption, or with new content. `None`, and nothing is
    /// written, if it was never read: there is nothing to judge, and that nothing is there is not known.
    ///
    /// # Errors
    /// As [`Store::assess`].
    pub async fn reassess(
        &self,
        catalog: &Catalog,
        connector: &Connector,
        now: Timestamp,
    ) -> Result<Option<(Assessed, WriteStats)>, StoreError> {
        self.assess_again(catalog, connector, Vec::new(), now).await
    }

    /// The same after some of it was read again: that takes the place of what was known, and all that rests on it is judged anew. Ages
    /// are those of the last whole reading.
    ///
    /// # Errors
    /// As [`Store::assess`].
    pub async fn assess_again(
        &self,
        catalog: &Catalog,
        connector: &Connector,
        rereads: Vec<Reread>,
        now: Timestamp,
    ) -> Result<Option<(Assessed, WriteStats)>, StoreError> {
        let lock = self.wait_for_run().await?;
        let everything = ScopeFilter::All;
        let id = connector.id.as_str();
        if !self.was_read(id).await? {
            lock.release().await;
            return Ok(None);
        }
        let stale = self.stale_of(&everything, id).await?;
        let resources = self.resources_of(&everything, id).await?;
        let (stale, mut seen): (Vec<Resource>, Vec<Resource>) =
            resources.into_iter().partition(|resource| stale.contains(resource.id.as_str()));
        seen.extend(self.sightings_of(id).await?);
        let mut estate = Estate { seen, stale, coverage: self.coverage_of(&everything, id).await? };
        estate.take(catalog, rereads);
        let snapshot = Snapshot {
            connector: connector.id.clone(),
            taken_at: self.taken_at(id).await?.unwrap_or(now),
            resources: estate.seen,
            coverage: estate.coverage,
        };
        let known = Known {
            resources: estate.stale,
            exemptions: self.exemptions(&everything).await?,
            held_elsewhere: self.held_elsewhere(&snapshot.resources, id).await?,
            plans: self.plans(&everything).await?,
        };
        let result = self.judge(catalog, connector, snapshot, known, now).await;
        lock.release().await;
        result.map(Some)
    }

    async fn judge(
        &self,
        catalog: &Catalog,
        connector: &Connector,
        snapshot: Snapshot,
        known: Known,
        now: Timestamp,
    ) -> Result<(Assessed, WriteStats), StoreError> {
        let assessed = assess(catalog, snapshot, &known, now);
        let tracked = self.tracked(connector.id.as_str()).await?;
        let mut transitions = skywarden_posture::transitions(&tracked, &assessed.assessments, now);
        transitions.extend(self.written_and_gone(connector, &assessed, now).await?);
        let scores: BTreeMap<String, _> =
            assessed.scores.iter().map(|((_, account), score)| (account.clone(), score.clone())).collect();
        let own = self.own_standards(&ScopeFilter::All).await?;
        let owners = assessed.resources.iter().map(|own| (own.id.as_str(), own.scope.account.as_ref())).collect();
        let compliance =
            compliance_by_account(&own.with(catalog, now), connector, &owners, &assessed.assessments, &assessed.coverage);
        let run = Run {
            connector,
            at: now,
            taken_at: assessed.taken_at,
            resources: &assessed.resources,
            held_elsewhere: &assessed.held_elsewhere,
            stale: &assessed.stale,
            facts: &assessed.facts,
            coverage: &assessed.coverage,
            assessments: &assessed.assessments,
            transitions: &transitions,
            scores: &scores,
            compliance: &compliance,
        };
        let stats = self.commit(&run).await?;
        Ok((assessed, stats))
    }

    /// What changes for the assessments that clients wrote: they go with their resources.
    async fn written_and_gone(
        &self,
        connector: &Connector,
        assessed: &Assessed,
        now: Timestamp,
    ) -> Result<Vec<Transition>, StoreError> {
        let mut written = self.tracked_written(connector.id.as_str()).await?;
        if written.is_empty() {
            return Ok(Vec::new());
        }
        let present: BTreeSet<&str> = assessed.resources.iter().map(|own| own.id.as_str()).collect();
        written.retain(|own| !present.contains(own.resource.as_str()));
        Ok(skywarden_posture::transitions(&written, &[], now))
    }

    /// [`Store::begin_run`] that lets a run which is being committed end first.
    pub(crate) async fn wait_for_run(&self) -> Result<RunLock, StoreError> {
        let begin = Instant::now();
        loop {
            match self.begin_run().await {
                Err(StoreError::RunInProgress { .. }) if begin.elapsed() < PATIENCE => tokio::time::sleep(BETWEEN_TRIES).await,
                result => return result,
            }
        }
    }

    /// Ids of a connector's resources that the last run did not see although nothing says that they are gone.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn stale_of(&self, filter: &ScopeFilter, connector: &str) -> Result<BTreeSet<String>, StoreError> {
        let visible = filter.resources(&self.pool, "id", 2)?;
        let statement = format!("SELECT id FROM resources WHERE connector = $1 AND stale_since IS NOT NULL{}", visible.sql);
        let ids: Vec<String> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_scalar(AssertSqlSafe(statement)).bind(connector);
            for value in visible.values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err(StoreError::statement("reading resources"))?
        });
        Ok(ids.into_iter().collect())
    }

    /// Whether a run of a connector was ever committed.
    async fn was_read(&self, connector: &str) -> Result<bool, StoreError> {
        let runs: i64 = on_pool!(&self.pool, pool => {
            sqlx::query_scalar("SELECT COUNT(*) FROM coverage WHERE connector = $1")
                .bind(connector).fetch_one(pool).await.map_err(StoreError::statement("reading coverage"))?
        });
        Ok(runs > 0)
    }

    /// When what the store holds of a connector was read; `None` if nothing was, or by a version that did not keep it.
    async fn taken_at(&self, connector: &str) -> Result<Option<Timestamp>, StoreError> {
        let text: Option<Option<String>> = on_pool!(&self.pool, pool => {
            sqlx::query_scalar("SELECT taken_at FROM coverage WHERE connector = $1")
                .bind(connector).fetch_optional(pool).await.map_err(StoreError::statement("reading coverage"))?
        });
        text.flatten().map(|text| parse(&text, "time")).transpose()
    }

    /// What the last run of a connector could and could not list.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn coverage_of(&self, filter: &ScopeFilter, connector: &str) -> Result<Vec<Coverage>, StoreError> {
        Ok(self.listings(filter, Some(connector)).await?.remove(connector).unwrap_or_default())
    }
}
