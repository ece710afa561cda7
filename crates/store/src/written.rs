//! Assessments that clients write on resources, beside those that scans give: a scan leaves them alone, and they go with their resource.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skywarden_model::{Assessment, ResourceId, Status, Timestamp, TrackedState, Transition, TransitionKind};

use crate::{
    ArmObject, ScopeFilter, Store, StoreError,
    commit::{Stood, hash, instant, json, state},
    pool::on_pool,
    slices::recount_recommendation,
    verdicts::write_verdicts,
};

/// What a client said of an assessment that it wrote, beyond the verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenDetails {
    /// A word for why the verdict is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whatever the client wants to find again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub additional_data: BTreeMap<String, String>,
}

/// What became of an assessment that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenAssessment {
    /// There was none.
    Created,
    /// It took the place of one that a client wrote.
    Replaced,
    /// Nothing was written: the resource is not there, or a scan gives this verdict.
    Refused,
}

/// The kind of [`crate::ArmObject`] that describes assessments of clients' own; its objects lie at subscriptions.
pub const ASSESSMENT_METADATA: &str = "assessmentMetadata";

/// Where a resource lies: connector, account, group in small letters, slice.
type Lying = (String, String, String, i64);

/// The resource that an assessment is removed of, with where it lies and how it stood.
type Removed = (String, String, String, String, i64, String);

const WRITING: &str = "saving an assessment";
const REMOVING: &str = "removing an assessment";

impl Store {
    /// What clients wrote to describe assessments of their own, in the accounts of which anything may be seen; in order of scope and name.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn custom_metadata(&self, filter: &ScopeFilter) -> Result<Vec<ArmObject>, StoreError> {
        let mut objects = self.arm_objects(&filter.widened(), ASSESSMENT_METADATA).await?;
        objects.retain(|own| own.scope.account().is_some());
        Ok(objects)
    }

    /// Writes an assessment, or replaces the one that a client wrote before, with its transition. Waits for a run that commits.
    ///
    /// # Errors
    /// If another process goes on writing to the store, or a statement fails; nothing is written then.
    pub async fn write_assessment(
        &self,
        assessment: &Assessment,
        details: &WrittenDetails,
        now: Timestamp,
    ) -> Result<WrittenAssessment, StoreError> {
        let lock = self.wait_for_run().await?;
        let result = self.write_locked(assessment, details, now).await;
        lock.release().await;
        result
    }

    async fn write_locked(
        &self,
        assessment: &Assessment,
        details: &WrittenDetails,
        now: Timestamp,
    ) -> Result<WrittenAssessment, StoreError> {
        let (resource, recommendation) = (assessment.resource.as_str(), assessment.recommendation.as_ref());
        let (document, written, at) = (json(assessment)?, json(details)?, instant(now));
        let status = assessment.status.to_string();
        let result = on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(WRITING))?;
            let lying: Option<Lying> = sqlx::query_as("SELECT connector, account, group_key, slice FROM resources WHERE id = $1")
                .bind(resource).fetch_optional(&mut *tx).await.map_err(StoreError::statement(WRITING))?;
            let Some((connector, account, group, slice)) = lying else { return Ok(WrittenAssessment::Refused) };
            let before: Option<Stood> = sqlx::query_as(
                "SELECT resource, recommendation, status, was_resolved, first_evaluated_at, status_changed_at, last_known
                 FROM assessments WHERE resource = $1 AND recommendation = $2")
                .bind(resource).bind(recommendation).fetch_optional(&mut *tx).await.map_err(StoreError::statement(WRITING))?;
            let before: Vec<TrackedState> = before.map(state).transpose()?.into_iter().collect();
            let changes = skywarden_posture::transitions(&before, std::slice::from_ref(assessment), now);
            let was_resolved = i64::from(changes.iter().any(|change| change.kind == TransitionKind::Resolved));
            let done = sqlx::query(
                "INSERT INTO assessments (resource, recommendation, status, hash, document, was_resolved, first_evaluated_at,
                     status_changed_at, last_known, written, slice)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $3, $8, $9)
                 ON CONFLICT (resource, recommendation) DO UPDATE SET hash = excluded.hash, document = excluded.document,
                     status_changed_at = CASE WHEN assessments.status = excluded.status THEN assessments.status_changed_at ELSE excluded.status_changed_at END,
                     was_resolved = CASE WHEN excluded.was_resolved = 1 THEN 1 ELSE assessments.was_resolved END,
                     last_known = excluded.last_known, written = excluded.written, status = excluded.status
                 WHERE assessments.written IS NOT NULL")
                .bind(resource).bind(recommendation).bind(status.as_str()).bind(hash(&[&document])).bind(document.as_str())
                .bind(was_resolved).bind(at.as_str()).bind(written.as_str()).bind(slice)
                .execute(&mut *tx).await.map_err(StoreError::statement(WRITING))?.rows_affected();
            if done == 0 {
                return Ok(WrittenAssessment::Refused);
            }
            write_verdicts!(tx, &self.pool, [resource], [recommendation], WRITING);
            recount_recommendation!(tx, slice, connector.as_str(), recommendation, WRITING);
            for change in &changes {
                sqlx::query(INSERT_TRANSITION)
                    .bind(at.as_str()).bind(resource).bind(recommendation).bind(connector.as_str()).bind(account.as_str())
                    .bind(group.as_str()).bind(json(change)?).execute(&mut *tx).await.map_err(StoreError::statement(WRITING))?;
            }
            tx.commit().await.map_err(StoreError::statement(WRITING))?;
            if before.is_empty() { WrittenAssessment::Created } else { WrittenAssessment::Replaced }
        });
        Ok(result)
    }

    /// Removes an assessment that a client wrote, with its transition; says whether it was there.
    ///
    /// # Errors
    /// As [`Store::write_assessment`].
    pub async fn remove_written_assessment(
        &self,
        resource: &ResourceId,
        recommendation: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.remove_written(["", "", resource.as_str(), recommendation], now).await? > 0)
    }

    /// Removes all assessments of a recommendation that clients wrote in an account; says how many there were.
    ///
    /// # Errors
    /// As [`Store::write_assessment`].
    pub async fn remove_written_assessments_in(
        &self,
        connector: &str,
        account: &str,
        recommendation: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.remove_written([connector, account, "", recommendation], now).await
    }

    async fn remove_written(&self, wanted: [&str; 4], now: Timestamp) -> Result<u64, StoreError> {
        let lock = self.wait_for_run().await?;
        let result = self.remove_locked(wanted, now).await;
        lock.release().await;
        result
    }

    /// An empty connector, account or resource is any.
    async fn remove_locked(&self, wanted: [&str; 4], now: Timestamp) -> Result<u64, StoreError> {
        let [connector, account, resource, recommendation] = wanted;
        let at = instant(now);
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(REMOVING))?;
            let removed: Vec<Removed> = sqlx::query_as(
                "SELECT a.resource, r.connector, r.account, r.group_key, r.slice, a.status FROM assessments a JOIN resources r ON r.id = a.resource
                 WHERE a.recommendation = $4 AND a.written IS NOT NULL AND (r.connector = $1 OR $1 = '') AND (r.account = $2 OR $2 = '')
                   AND (a.resource = $3 OR $3 = '')")
                .bind(connector).bind(account).bind(resource).bind(recommendation)
                .fetch_all(&mut *tx).await.map_err(StoreError::statement(REMOVING))?;
            for (resource, connector, account, group, slice, status) in &removed {
                sqlx::query("DELETE FROM assessments WHERE resource = $1 AND recommendation = $2 AND written IS NOT NULL")
                    .bind(resource.as_str()).bind(recommendation).execute(&mut *tx).await.map_err(StoreError::statement(REMOVING))?;
                write_verdicts!(tx, &self.pool, [resource.as_str()], [recommendation], REMOVING);
                recount_recommendation!(tx, *slice, connector.as_str(), recommendation, REMOVING);
                let gone = Transition {
                    recommendation: recommendation.into(),
                    resource: resource.as_str().into(),
                    from: Some(crate::commit::parse::<Status>(status, "status")?),
                    to: None,
                    kind: TransitionKind::Gone,
                    at: now,
                };
                sqlx::query(INSERT_TRANSITION)
                    .bind(at.as_str()).bind(resource.as_str()).bind(recommendation).bind(connector.as_str()).bind(account.as_str())
                    .bind(group.as_str()).bind(json(&gone)?).execute(&mut *tx).await.map_err(StoreError::statement(REMOVING))?;
            }
            tx.commit().await.map_err(StoreError::statement(REMOVING))?;
            Ok(removed.len() as u64)
        })
    }
}

const INSERT_TRANSITION: &str = "INSERT INTO transitions (at, resource, recommendation, connector, account, group_key, document)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (at, resource, recommendation) DO UPDATE SET document = excluded.document";
