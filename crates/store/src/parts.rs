//! Scores and dates of accounts for readers who may see only parts of some.

use std::{collections::BTreeMap, sync::Arc};

use skywarden_content::Catalog;
use skywarden_model::{Assessment, Status};
use skywarden_posture::score_in;

use crate::{ScopeFilter, ScorePoint, Store, StoreError, commit::parse, pool::rows_of};

/// An account that was assessed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssessedAccount {
    /// The connector.
    pub connector: String,
    /// Its account.
    pub account: String,
    /// When the newest run began.
    pub at: String,
}

/// Connector, account, resource, recommendation, status, the document of what does not apply.
type Columns = (String, String, String, String, String, String);

impl Store {
    /// The accounts of which anything may be seen, in order.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn assessed(&self, filter: &ScopeFilter) -> Result<Vec<AssessedAccount>, StoreError> {
        let shown = filter.any_accounts(&self.pool, "connector, account", 1)?;
        let statement = format!(
            "SELECT connector, account, scored_at FROM accounts WHERE scored_at <> ''{} ORDER BY connector, account",
            shown.sql
        );
        let rows: Vec<(String, String, String)> = rows_of!(self, "listing accounts", statement, [], shown);
        Ok(rows.into_iter().map(|(connector, account, at)| AssessedAccount { connector, account, at }).collect())
    }

    /// The score of each account of which only a part may be seen: computed over the verdicts on what is seen of it, and the listings
    /// that may hide more of that.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn scores_of_parts(&self, catalog: &Catalog, filter: &ScopeFilter) -> Result<Arc<Vec<ScorePoint>>, StoreError> {
        let parts = filter.of_parts();
        self.parts.get(self, &parts, self.judged_parts(catalog, &parts)).await
    }

    async fn judged_parts(&self, catalog: &Catalog, parts: &ScopeFilter) -> Result<Vec<ScorePoint>, StoreError> {
        let accounts = self.assessed(parts).await?;
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let visible = parts.resources(&self.pool, "a.resource", 1)?;
        // Of what does not apply the cause counts: what is mitigated is healthy.
        let statement = format!(
            "SELECT r.connector, r.account, a.resource, a.recommendation, a.status,
                 CASE WHEN a.status = '{}' THEN a.document ELSE '' END
             FROM assessments a JOIN resources r ON r.id = a.resource WHERE 1 = 1{}",
            Status::NotApplicable,
            visible.sql
        );
        let rows: Vec<Columns> = rows_of!(self, "reading assessments", statement, [], visible);
        let mut assessments: BTreeMap<(String, String), Vec<Assessment>> = BTreeMap::new();
        for (connector, account, resource, recommendation, status, document) in rows {
            let assessment = if document.is_empty() {
                Assessment {
                    recommendation: recommendation.into(),
                    resource: resource.into(),
                    status: parse(&status, "status")?,
                    cause: None,
                    evidence: Arc::default(),
                    findings: Box::default(),
                }
            } else {
                serde_json::from_str(&document).map_err(StoreError::damaged("assessment"))?
            };
            assessments.entry((connector, account)).or_default().push(assessment);
        }
        let coverage = self.connector_coverage(parts).await?;
        let plans = self.plans(parts).await?;
        let mut points = Vec::with_capacity(accounts.len());
        for AssessedAccount { connector, account, at } in accounts {
            let entries = coverage.get(&connector).map(|own| own.entries.as_slice()).unwrap_or_default();
            let own = entries.iter().filter(|entry| *entry.account == *account);
            let verdicts = assessments.remove(&(connector.clone(), account.clone())).unwrap_or_default();
            let score = score_in(catalog, &plans, (&connector, &account), &verdicts, own);
            points.push(ScorePoint { connector, account, at, score });
        }
        Ok(points)
    }
}
