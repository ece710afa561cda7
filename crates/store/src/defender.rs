//! What Defender for Cloud said of a tenant's subscriptions when it was last asked, and our verdicts to compare it with.

use std::{collections::BTreeMap, sync::Arc};

use skywarden_content::Catalog;
use skywarden_model::{DefenderView, Timestamp};
use skywarden_posture::{BesideDefender, OwnVerdict, beside_defender};

use crate::{
    ScopeFilter, Store, StoreError,
    commit::{instant, json, parse},
    connectors::OnlyCause,
    pool::{on_pool, rows_of},
};

/// What Defender said of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptDefenderView {
    /// The subscription.
    pub account: Arc<str>,
    /// When it was asked.
    pub taken_at: Timestamp,
    /// What it said.
    pub view: DefenderView,
}

/// Connector, account, resource, recommendation, status, document where that tells a cause.
type Columns = (String, String, String, String, String);

impl Store {
    /// Keeps what Defender said of the subscriptions of a connector, in the place of all that it said before.
    ///
    /// # Errors
    /// If a statement fails; what it said before stays then.
    pub async fn keep_defender(
        &self,
        connector: &str,
        views: &BTreeMap<Arc<str>, DefenderView>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "keeping what Defender says";
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            sqlx::query("DELETE FROM defender_views WHERE connector = $1")
                .bind(connector).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            for (account, view) in views {
                sqlx::query("INSERT INTO defender_views (connector, account, taken_at, document) VALUES ($1, $2, $3, $4)")
                    .bind(connector).bind(account.as_ref()).bind(instant(now)).bind(json(view)?)
                    .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(())
    }

    /// What Defender said of the subscriptions of a connector that are seen whole, in order; nothing if it was never asked.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn defender(&self, filter: &ScopeFilter, connector: &str) -> Result<Vec<KeptDefenderView>, StoreError> {
        let whole = filter.whole_accounts(&self.pool, "connector, account", 2)?;
        let statement =
            format!("SELECT account, taken_at, document FROM defender_views WHERE connector = $1{} ORDER BY account", whole.sql);
        let rows: Vec<(String, String, String)> = rows_of!(self, "reading what Defender said", statement, [connector], whole);
        let mut views = Vec::with_capacity(rows.len());
        for (account, taken_at, document) in rows {
            let view = serde_json::from_str(&document).map_err(StoreError::damaged("view of Defender"))?;
            views.push(KeptDefenderView { account: account.into(), taken_at: parse(&taken_at, "time")?, view });
        }
        Ok(views)
    }

    /// What Defender said of the subscriptions of a connector that are seen whole, beside our verdicts and scores at an instant; at most `most`
    /// differences of each recommendation are named. `None` if it was never asked.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn beside_defender(
        &self,
        filter: &ScopeFilter,
        catalog: &Catalog,
        connector: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<Option<BesideDefender>, StoreError> {
        let kept = self.defender(filter, connector).await?;
        let Some(taken_at) = kept.iter().map(|own| own.taken_at).max() else { return Ok(None) };
        let views: BTreeMap<Arc<str>, DefenderView> = kept.into_iter().map(|own| (own.account, own.view)).collect();
        let verdicts = self.own_verdicts(filter, connector).await?;
        let scores = self.latest_scores(filter).await?.into_iter().filter(|own| own.connector == connector);
        let scores = scores.map(|own| (own.account.into(), (own.score.percentage, own.score.range))).collect();
        Ok(Some(beside_defender(catalog, (connector, taken_at), &views, &verdicts, &scores, most, now)))
    }

    /// Our verdicts on the resources of a connector, of the subscriptions that are seen whole; without those that clients wrote.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn own_verdicts(&self, filter: &ScopeFilter, connector: &str) -> Result<Vec<OwnVerdict>, StoreError> {
        let whole = filter.whole_accounts(&self.pool, "r.connector, r.account", 2)?;
        let statement = format!(
            "SELECT r.account, a.resource, a.recommendation, a.status,
                 CASE WHEN a.status IN ('Unknown', 'NotApplicable') THEN a.document ELSE '' END
             FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE r.connector = $1 AND a.written IS NULL{} ORDER BY a.recommendation, a.resource",
            whole.sql
        );
        let rows: Vec<Columns> = rows_of!(self, "reading verdicts", statement, [connector], whole);
        let mut verdicts: Vec<OwnVerdict> = Vec::with_capacity(rows.len());
        for (account, resource, recommendation, status, document) in rows {
            let cause = match document.as_str() {
                "" => None,
                document => {
                    let only: OnlyCause = serde_json::from_str(document).map_err(StoreError::damaged("assessment"))?;
                    only.cause.map(Arc::new)
                }
            };
            // Very many verdicts are of few recommendations, which follow each other.
            let recommendation = match verdicts.last() {
                Some(last) if *last.recommendation == *recommendation => Arc::clone(&last.recommendation),
                _ => recommendation.into(),
            };
            let status = parse(&status, "status")?;
            verdicts.push(OwnVerdict { account: account.into(), resource: resource.into(), recommendation, status, cause });
        }
        Ok(verdicts)
    }
}
