//! Scores as one caller may see them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skywarden_model::{SecureScore, Timestamp};
use skywarden_posture::{ControlSums, ScorePart, overall_of};
use skywarden_store::{ScopeFilter, ScorePoint};

use crate::{error::ApiError, scoped::Scoped};

/// What the scores of accounts add to that of all together.
pub(crate) struct ScoreParts {
    /// As [`skywarden_store::Store::score_parts`] has them.
    pub(crate) history: Vec<ScorePoint<ScorePart>>,
    /// The newest of each account, in order; of accounts that are seen in part, of that part.
    pub(crate) latest: Vec<ScorePoint<ScorePart>>,
    /// The controls of the newest.
    controls: ControlSums,
}

impl ScoreParts {
    /// The score over everything that is connected.
    pub(crate) fn overall(&self) -> SecureScore {
        overall_of(self.latest.iter().map(|point| &point.score), &self.controls)
    }
}

impl Scoped {
    /// The newest score of each account that a filter of the caller's lets through, in order; of those that are seen in part, of that part.
    pub(crate) async fn latest_scores(&self, filter: &ScopeFilter) -> Result<Vec<ScorePoint>, ApiError> {
        let mut points = self.store.latest_scores(filter).await?;
        points.extend(self.store.scores_of_parts(&self.catalog, filter).await?.iter().cloned());
        points.sort_by(|left, right| (&left.connector, &left.account).cmp(&(&right.connector, &right.account)));
        Ok(points)
    }

    /// What the scores of the caller's accounts add to that of all together: all since `recent`, the last of each day since `since`.
    pub(crate) async fn score_parts(&self, since: Timestamp, recent: Timestamp) -> Result<ScoreParts, ApiError> {
        let (history, mut controls, parts) = tokio::try_join!(
            self.store.score_parts(&self.filter, since, recent),
            self.store.control_sums(&self.filter),
            self.store.scores_of_parts(&self.catalog, &self.filter),
        )?;
        let mut latest: BTreeMap<(String, String), (String, ScorePart)> = BTreeMap::new();
        for point in &history {
            latest.insert((point.connector.clone(), point.account.clone()), (point.at.clone(), point.score.clone()));
        }
        for point in parts.iter() {
            controls.add_all(&point.score);
            let own = (point.at.clone(), ScorePart::of(&point.score));
            latest.insert((point.connector.clone(), point.account.clone()), own);
        }
        let point = |((connector, account), (at, score))| ScorePoint { connector, account, at, score };
        Ok(ScoreParts { history, latest: latest.into_iter().map(point).collect(), controls })
    }

    /// The accounts of which a history would tell more than the caller sees: they are in none.
    pub(crate) async fn without_history(&self, filter: &ScopeFilter) -> Result<Vec<Value>, ApiError> {
        if *filter == ScopeFilter::All {
            return Ok(Vec::new());
        }
        let shown = self.store.assessed(filter).await?;
        let parts = shown.iter().filter(|own| !filter.allows(&own.connector, &own.account));
        Ok(parts.map(|own| json!({ "connector": own.connector, "account": own.account })).collect())
    }
}
