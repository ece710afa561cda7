//! How the controls of standards stood over time. A point is written only when something changed.

use skywarden_posture::JudgedControls;

use crate::{ScopeFilter, Store, StoreError, pool::rows_of};

/// What was judged of a standard in an account from an instant on, until the next point of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompliancePoint {
    /// The connector.
    pub connector: String,
    /// Its account.
    pub account: String,
    /// When the run began.
    pub at: String,
    /// The lowest-level controls by state.
    pub controls: JudgedControls,
}

/// Writes what changed since the last points of a connector, inside a commit; an account that is gone has nothing judged any more.
macro_rules! write_compliance {
    ($tx:ident, $run:ident, $at:ident, $stats:ident, $doing:ident) => {
        let connector = $run.connector.id.as_str();
        let before: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT p.account, p.standard, p.document FROM compliance_points p
             JOIN (SELECT account, standard, MAX(at) AS newest FROM compliance_points WHERE connector = $1 GROUP BY account, standard) n
               ON n.account = p.account AND n.standard = p.standard AND n.newest = p.at
             WHERE p.connector = $1")
            .bind(connector).fetch_all(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        let before: BTreeMap<(String, String), String> =
            before.into_iter().map(|(account, standard, document)| ((account, standard), document)).collect();
        let nothing = skywarden_posture::JudgedControls::default();
        let gone = before.keys().filter(|key| !$run.compliance.contains_key(key)).map(|key| (key, &nothing));
        let empty = json(&nothing)?;
        for ((account, standard), controls) in $run.compliance.iter().chain(gone) {
            let document = json(controls)?;
            let known = before.get(&(account.clone(), standard.clone())).unwrap_or(&empty);
            if *known == document {
                continue;
            }
            $stats.n_written += 1;
            let count = |ids: &BTreeSet<String>| i64::try_from(ids.len()).unwrap_or(i64::MAX);
            sqlx::query(
                "INSERT INTO compliance_points (connector, account, standard, at, passed, failed, unknown, document)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (standard, connector, account, at) DO UPDATE SET passed = excluded.passed, failed = excluded.failed,
                     unknown = excluded.unknown, document = excluded.document")
                .bind(connector).bind(account.as_str()).bind(standard.as_str()).bind($at.as_str())
                .bind(count(&controls.passed)).bind(count(&controls.failed)).bind(count(&controls.unknown)).bind(document)
                .execute(&mut *$tx).await.map_err(StoreError::statement($doing))?;
        }
    };
}
pub(crate) use write_compliance;

impl Store {
    /// The points of a standard in accounts that are seen whole, oldest first: the others were computed over more than the reader sees.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn compliance_points(&self, filter: &ScopeFilter, standard: &str) -> Result<Vec<CompliancePoint>, StoreError> {
        let whole = filter.whole_accounts(&self.pool, "connector, account", 2)?;
        let statement = format!(
            "SELECT connector, account, at, document FROM compliance_points WHERE standard = $1{} ORDER BY at, connector, account",
            whole.sql
        );
        let rows: Vec<(String, String, String, String)> =
            rows_of!(self, "reading the history of a standard", statement, [standard], whole);
        let mut points = Vec::with_capacity(rows.len());
        for (connector, account, at, document) in rows {
            let controls = serde_json::from_str(&document).map_err(StoreError::damaged("history of a standard"))?;
            points.push(CompliancePoint { connector, account, at, controls });
        }
        Ok(points)
    }
}
