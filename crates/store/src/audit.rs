//! Who did what, in lines of which each holds the hash of the one before.

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use sha2::{Digest as _, Sha256};
use skywarden_model::Timestamp;

use crate::{
    Store, StoreError,
    commit::{instant, json, parse, storable},
    pool::{POSTGRES_AUDIT_LOCK, on_pool},
};

/// What somebody did or tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// By whom: a principal's id.
    pub principal: String,
    /// The principal's name at that time.
    pub principal_name: String,
    /// What: `Microsoft.Security/pricings/write`.
    pub action: String,
    /// To what: a scope or the id of an object.
    pub target: String,
    /// How it went.
    pub outcome: String,
    /// Where it was asked from.
    pub address: String,
    /// What else is worth keeping.
    pub details: Value,
}

/// A line of the audit log.
///
/// Its hash is the SHA-256, in hex, of the JSON array
/// `[number, at, principal, principalName, action, target, outcome, address, details, previous]` in UTF-8 without blanks, where `at`
/// has six decimals and the keys of every object in `details` are sorted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditLine {
    /// 1, 2, 3 and so on, without gaps.
    pub number: u64,
    /// What was done or tried; its time is kept to the microsecond.
    #[serde(flatten)]
    pub entry: AuditEntry,
    /// The hash of the line before; 64 zeros in the first.
    pub previous: String,
    /// The hash of this line.
    pub hash: String,
}

/// Which lines to list.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only lines with a lower number: where the last page ended.
    pub before: Option<u64>,
    /// Only of this principal, by its id.
    pub principal: Option<String>,
    /// Only actions that hold this text, in any case of ASCII.
    pub action: Option<String>,
    /// Only targets that hold this text, in any case of ASCII.
    pub target: Option<String>,
    /// Lines at most; at most 500.
    pub limit: u32,
}

/// An unbroken log. That lines are missing at its end shows only beside an older proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditProof {
    /// How many lines there are.
    pub n_lines: u64,
    /// The hash of the newest; 64 zeros without any.
    pub newest: String,
}

/// Where the log is broken first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditBreak {
    /// The line's number.
    pub number: u64,
    /// What is wrong there.
    pub why: String,
}

/// What stands for the hash before the first line.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Lines that are verified at once.
const BATCH: u32 = 500;

/// A line as it is kept; every field that is hashed is text.
#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    at: String,
    principal: String,
    principal_name: String,
    action: String,
    action_key: String,
    target: String,
    target_key: String,
    outcome: String,
    address: String,
    details: String,
    previous: String,
    hash: String,
}

impl Store {
    /// Adds a line to the audit log: of several that are added at once, each follows another.
    ///
    /// # Errors
    /// If a statement fails; nothing is added then.
    pub async fn append_audit(&self, entry: &AuditEntry) -> Result<AuditLine, StoreError> {
        let doing = "adding to the audit log";
        let (begin, lock) = self.pool.exclusive();
        let mut row = Row::new(entry)?;
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin_with(begin).await.map_err(StoreError::statement(doing))?;
            sqlx::query(lock).bind(POSTGRES_AUDIT_LOCK).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let last: Option<(i64, String)> = sqlx::query_as("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
                .fetch_optional(&mut *tx).await.map_err(StoreError::statement(doing))?;
            row.follow(last)?;
            sqlx::query(
                "INSERT INTO audit (number, at, principal, principal_name, action, action_key, target, target_key, outcome, address,
                    details, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
                .bind(row.number).bind(row.at.as_str()).bind(row.principal.as_str()).bind(row.principal_name.as_str())
                .bind(row.action.as_str()).bind(row.action_key.as_str()).bind(row.target.as_str()).bind(row.target_key.as_str())
                .bind(row.outcome.as_str()).bind(row.address.as_str()).bind(row.details.as_str()).bind(row.previous.as_str())
                .bind(row.hash.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        row.line()
    }

    /// Lines of the audit log, the newest first.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditLine>, StoreError> {
        let before = query.before.map_or(i64::MAX, signed);
        let part = |text: &Option<String>| text.as_deref().map(key).unwrap_or_default();
        let (action, target) = (part(&query.action), part(&query.target));
        let found: Vec<Row> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::QueryBuilder::new("SELECT * FROM audit WHERE number < ");
            select.push_bind(before);
            if let Some(principal) = &query.principal {
                select.push(" AND principal = ").push_bind(principal.as_str());
            }
            for (column, part) in [("action_key", action.as_str()), ("target_key", target.as_str())] {
                if !part.is_empty() {
                    // The way to say it that both databases have.
                    select.push(format!(" AND REPLACE({column}, ")).push_bind(part).push(format!(", '') <> {column}"));
                }
            }
            select.push(" ORDER BY number DESC LIMIT ").push_bind(i64::from(crate::read::page_size(query.limit)));
            select.build_query_as().fetch_all(pool).await.map_err(StoreError::statement("reading the audit log"))?
        });
        found.into_iter().map(Row::line).collect()
    }

    /// Lines of the audit log from a number on, the oldest first; at most 500.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn audit_from(&self, number: u64, limit: u32) -> Result<Vec<AuditLine>, StoreError> {
        self.audit_rows(signed(number), crate::read::page_size(limit)).await?.into_iter().map(Row::line).collect()
    }

    /// Computes the hashes of the audit log anew, from its first line to its last; gives where it is broken first.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn verify_audit(&self) -> Result<Result<AuditProof, AuditBreak>, StoreError> {
        let mut proof = AuditProof { n_lines: 0, newest: NO_HASH.to_owned() };
        let mut from = i64::MIN;
        loop {
            let rows = self.audit_rows(from, BATCH).await?;
            let Some(last) = rows.last() else { return Ok(Ok(proof)) };
            from = last.number.saturating_add(1);
            for row in rows {
                if let Err(why) = row.follows(&proof) {
                    return Ok(Err(AuditBreak { number: proof.n_lines + 1, why }));
                }
                proof = AuditProof { n_lines: proof.n_lines + 1, newest: row.hash };
            }
        }
    }

    async fn audit_rows(&self, from: i64, limit: u32) -> Result<Vec<Row>, StoreError> {
        Ok(on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT * FROM audit WHERE number >= $1 ORDER BY number LIMIT $2")
                .bind(from).bind(i64::from(limit)).fetch_all(pool).await.map_err(StoreError::statement("reading the audit log"))?
        }))
    }
}

impl Row {
    /// An entry without its place in the log.
    fn new(entry: &AuditEntry) -> Result<Self, StoreError> {
        let mut details = entry.details.clone();
        details.sort_all_objects();
        Ok(Self {
            number: 0,
            at: instant(entry.at),
            principal: storable(&entry.principal),
            principal_name: storable(&entry.principal_name),
            action: storable(&entry.action),
            action_key: key(&entry.action),
            target: storable(&entry.target),
            target_key: key(&entry.target),
            outcome: storable(&entry.outcome),
            address: storable(&entry.address),
            details: json(&details)?,
            previous: String::new(),
            hash: String::new(),
        })
    }

    /// Puts it behind the last line.
    fn follow(&mut self, last: Option<(i64, String)>) -> Result<(), StoreError> {
        let (number, hash) = last.unwrap_or_else(|| (0, NO_HASH.to_owned()));
        self.number = number.saturating_add(1);
        self.previous = hash;
        self.hash = self.computed_hash().map_err(StoreError::damaged("line of the audit log"))?;
        Ok(())
    }

    /// What is wrong with it as the line that comes next.
    fn follows(&self, proof: &AuditProof) -> Result<(), String> {
        let expected = signed(proof.n_lines.saturating_add(1));
        if self.number != expected {
            return Err(format!(
                "line {} stands where line {expected} should be: it was removed or has another number",
                self.number
            ));
        }
        if self.previous != proof.newest {
            return Err("it does not follow the line before: one of them was changed".to_owned());
        }
        if self.computed_hash().ok().as_deref() != Some(self.hash.as_str()) {
            return Err("its hash is not that of what it says: it was changed".to_owned());
        }
        if self.action_key != key(&self.action) || self.target_key != key(&self.target) {
            return Err("it would not be found by its action or target: it was changed".to_owned());
        }
        Ok(())
    }

    fn computed_hash(&self) -> Result<String, serde_json::Error> {
        let details: &RawValue = serde_json::from_str(&self.details)?;
        let text = serde_json::to_string(&(
            self.number,
            &self.at,
            &self.principal,
            &self.principal_name,
            &self.action,
            &self.target,
            &self.outcome,
            &self.address,
            details,
            &self.previous,
        ))?;
        Ok(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn line(self) -> Result<AuditLine, StoreError> {
        Ok(AuditLine {
            number: self.number.unsigned_abs(),
            entry: AuditEntry {
                at: parse(&self.at, "time")?,
                principal: self.principal,
                principal_name: self.principal_name,
                action: self.action,
                target: self.target,
                outcome: self.outcome,
                address: self.address,
                details: serde_json::from_str(&self.details).map_err(StoreError::damaged("line of the audit log"))?,
            },
            previous: self.previous,
            hash: self.hash,
        })
    }
}

/// A text as it is compared: with ASCII's letters in lower case, which no later version of Unicode changes.
fn key(text: &str) -> String {
    storable(&text.to_ascii_lowercase())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
