//! Scores of accounts: the whole of each, and beside it the small part that several together and lines over time are made of.

use serde::{Deserialize, Serialize};
use skywarden_model::{SecureScore, Timestamp};
use skywarden_posture::{ControlPart, ControlSums, ScorePart};

use crate::{ScopeFilter, Store, StoreError, commit::instant, pool::rows_of};

/// The score of an account at an instant, or what of it is wanted.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScorePoint<S = SecureScore> {
    /// The connector.
    pub connector: String,
    /// Its account.
    pub account: String,
    /// When the run began.
    pub at: String,
    /// The score.
    pub score: S,
}

/// The members of a score's document that sums are made of.
#[derive(Deserialize)]
struct OnlyControls<'d> {
    #[serde(borrow)]
    controls: Vec<ControlPart<'d>>,
}

/// Connector, account, instant, document.
type Columns = (String, String, String, String);

impl Store {
    /// The newest score of each account that is seen whole; those of the others are [`Store::scores_of_parts`].
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn latest_scores(&self, filter: &ScopeFilter) -> Result<Vec<ScorePoint>, StoreError> {
        let whole = filter.whole_accounts(&self.pool, "connector, account", 1)?;
        let statement = format!(
            "SELECT connector, account, scored_at, score FROM accounts WHERE score <> ''{} ORDER BY connector, account",
            whole.sql
        );
        let rows: Vec<Columns> = rows_of!(self, "reading scores", statement, [], whole);
        let mut points = Vec::with_capacity(rows.len());
        for (connector, account, at, document) in rows {
            let score = serde_json::from_str(&document).map_err(StoreError::damaged("score"))?;
            points.push(ScorePoint { connector, account, at, score });
        }
        Ok(points)
    }

    /// The controls of [`Store::latest_scores`], added up.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn control_sums(&self, filter: &ScopeFilter) -> Result<ControlSums, StoreError> {
        let whole = filter.whole_accounts(&self.pool, "connector, account", 1)?;
        let statement = format!("SELECT score FROM accounts WHERE score <> ''{} ORDER BY connector, account", whole.sql);
        let rows: Vec<(String,)> = rows_of!(self, "reading scores", statement, [], whole);
        let mut sums = ControlSums::default();
        for (document,) in &rows {
            let OnlyControls { controls } = serde_json::from_str(document).map_err(StoreError::damaged("score"))?;
            controls.iter().for_each(|control| sums.add(control));
        }
        Ok(sums)
    }

    /// What the scores of every account that is seen whole add to several together, oldest first: all since `recent`, the last of each day
    /// since `since`, and the last before that. Those of the other accounts were computed over more than the reader sees, and what of it
    /// they saw then is not known.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn score_parts(
        &self,
        filter: &ScopeFilter,
        since: Timestamp,
        recent: Timestamp,
    ) -> Result<Vec<ScorePoint<ScorePart>>, StoreError> {
        let whole = filter.whole_accounts(&self.pool, "connector, account", 3)?;
        // Instants are of one length, and begin with their day.
        let statement = format!(
            "SELECT s.connector, s.account, s.at, s.part FROM (
                 SELECT connector, account, MAX(at) AS newest FROM score_parts WHERE 1 = 1{}
                 GROUP BY connector, account, SUBSTR(at, 1, CASE WHEN at >= $2 THEN {} WHEN at >= $1 THEN {} ELSE 0 END)) n
             JOIN score_parts s ON s.connector = n.connector AND s.account = n.account AND s.at = n.newest
             ORDER BY s.at, s.connector, s.account",
            whole.sql,
            "2027-01-15T08:00:01.000000Z".len(),
            "2027-01-15".len()
        );
        let rows: Vec<Columns> = rows_of!(self, "reading scores", statement, [instant(since), instant(recent)], whole);
        let mut points = Vec::with_capacity(rows.len());
        for (connector, account, at, part) in rows {
            let score = serde_json::from_str(&part).map_err(StoreError::damaged("part of a score"))?;
            points.push(ScorePoint { connector, account, at, score });
        }
        Ok(points)
    }
}

/// Writes the score of an account, within the transaction `$tx` of either database.
macro_rules! write_score {
    ($tx:ident, $connector:expr, $account:expr, $at:expr, $score:ident, $doing:ident) => {
        let document = json($score)?;
        sqlx::query(
            "INSERT INTO scores (connector, account, at, document) VALUES ($1, $2, $3, $4)
             ON CONFLICT (connector, account, at) DO UPDATE SET document = excluded.document")
            .bind($connector).bind($account).bind($at).bind(document.as_str())
            .execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        sqlx::query($crate::scores::WRITE_PART)
            .bind($connector).bind($account).bind($at).bind(json(&skywarden_posture::ScorePart::of($score))?)
            .execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        let [account_key, subscription] = names($connector, $account);
        sqlx::query(
            "INSERT INTO accounts (connector, account, account_key, subscription, scored_at, score) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (connector, account) DO UPDATE SET scored_at = excluded.scored_at, score = excluded.score
             WHERE accounts.scored_at <= excluded.scored_at")
            .bind($connector).bind($account).bind(account_key).bind(subscription).bind($at).bind(document)
            .execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
    };
}
pub(crate) use write_score;

/// Writes the parts of all scores that there are, within the transaction `$tx` of either database.
macro_rules! write_parts {
    ($tx:ident, $doing:ident) => {
        let mut last = (String::new(), String::new(), String::new());
        loop {
            let rows: Vec<(String, String, String, String)> = sqlx::query_as(
                "SELECT connector, account, at, document FROM scores WHERE (connector, account, at) > ($1, $2, $3)
                 ORDER BY connector, account, at LIMIT 1000",
            )
            .bind(&last.0)
            .bind(&last.1)
            .bind(&last.2)
            .fetch_all(&mut *$tx)
            .await
            .map_err(StoreError::statement($doing))?;
            for (connector, account, at, document) in &rows {
                let score: skywarden_model::SecureScore = serde_json::from_str(document).map_err(StoreError::damaged("score"))?;
                sqlx::query($crate::scores::WRITE_PART)
                    .bind(connector)
                    .bind(account)
                    .bind(at)
                    .bind(json(&skywarden_posture::ScorePart::of(&score))?)
                    .execute(&mut *$tx)
                    .await
                    .map_err(StoreError::statement($doing))?;
            }
            let Some((connector, account, at, _)) = rows.into_iter().next_back() else { break };
            last = (connector, account, at);
        }
    };
}
pub(crate) use write_parts;

/// Writes the part of a score: connector, account, instant, part.
pub(crate) const WRITE_PART: &str = "INSERT INTO score_parts (connector, account, at, part) VALUES ($1, $2, $3, $4)
    ON CONFLICT (connector, account, at) DO UPDATE SET part = excluded.part";
