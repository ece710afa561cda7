use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use sqlx::{
    Connection as _, PgConnection, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{Store, StoreError};

/// One of the two databases.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same code on whichever database is open: `$pool` is the typed pool.
macro_rules! on_pool {
    ($self:expr, $pool:ident => $code:expr) => {
        match $self {
            $crate::pool::Pool::Sqlite($pool) => $code,
            $crate::pool::Pool::Postgres($pool) => $code,
        }
    };
}
pub(crate) use on_pool;

pub(crate) async fn open_sqlite(file: &Path) -> Result<Pool, StoreError> {
    let place = file.display().to_string();
    // SQLite would create it readable by all.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)
        .map_err(|source| StoreError::Create { place: place.clone(), source })?;
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(30));
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await;
    pool.map(Pool::Sqlite).map_err(|source| StoreError::Open { place, source })
}

pub(crate) async fn open_postgres(url: &str) -> Result<Pool, StoreError> {
    let options: PgConnectOptions =
        url.parse().map_err(|source| StoreError::Open { place: "given by the PostgreSQL address".to_owned(), source })?;
    let place = format!("{}:{}", options.get_host(), options.get_port());
    // The pool would try a server that refuses again and again until its time is up.
    let first = PgConnection::connect_with(&options).await.map_err(|source| StoreError::Open { place: place.clone(), source })?;
    first.close().await.map_err(|source| StoreError::Open { place, source })?;
    let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(30)).connect_lazy_with(options);
    Ok(Pool::Postgres(pool))
}

/// What each version of the tables adds to the one before; both databases take these as they stand. What is here never
/// changes: a store of any version gets what it lacks.
const MIGRATIONS: &[&[&str]] = &[
    &[
        "CREATE TABLE IF NOT EXISTS connectors (id TEXT PRIMARY KEY, document TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS resources (
            id TEXT PRIMARY KEY, type_name TEXT NOT NULL, name TEXT NOT NULL, connector TEXT NOT NULL, account TEXT NOT NULL,
            resource_group TEXT NOT NULL, hash TEXT NOT NULL, document TEXT NOT NULL, facts TEXT NOT NULL,
            first_seen_at TEXT NOT NULL, stale_since TEXT)",
        "CREATE INDEX IF NOT EXISTS resources_by_scope ON resources (connector, account, type_name)",
        "CREATE TABLE IF NOT EXISTS assessments (
            resource TEXT NOT NULL, recommendation TEXT NOT NULL, status TEXT NOT NULL, hash TEXT NOT NULL, document TEXT NOT NULL,
            was_resolved BIGINT NOT NULL, first_evaluated_at TEXT NOT NULL, status_changed_at TEXT NOT NULL,
            PRIMARY KEY (resource, recommendation))",
        "CREATE INDEX IF NOT EXISTS assessments_by_recommendation ON assessments (recommendation, status)",
        "CREATE TABLE IF NOT EXISTS transitions (
            at TEXT NOT NULL, resource TEXT NOT NULL, recommendation TEXT NOT NULL, connector TEXT NOT NULL, account TEXT NOT NULL,
            document TEXT NOT NULL, PRIMARY KEY (at, resource, recommendation))",
        "CREATE TABLE IF NOT EXISTS coverage (connector TEXT PRIMARY KEY, hash TEXT NOT NULL, document TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS scores (
            connector TEXT NOT NULL, account TEXT NOT NULL, at TEXT NOT NULL, document TEXT NOT NULL,
            PRIMARY KEY (connector, account, at))",
        "CREATE TABLE IF NOT EXISTS exemptions (id TEXT PRIMARY KEY, document TEXT NOT NULL)",
    ],
    // Made anew and not altered: stores of version 1 exist with and without the column, and SQLite can't add one if it is missing.
    &[
        "DROP INDEX assessments_by_recommendation",
        "ALTER TABLE assessments RENAME TO assessments_1",
        "CREATE TABLE assessments (
            resource TEXT NOT NULL, recommendation TEXT NOT NULL, status TEXT NOT NULL, last_known TEXT, hash TEXT NOT NULL,
            document TEXT NOT NULL, was_resolved BIGINT NOT NULL, first_evaluated_at TEXT NOT NULL, status_changed_at TEXT NOT NULL,
            PRIMARY KEY (resource, recommendation))",
        "INSERT INTO assessments
            SELECT resource, recommendation, status, CASE WHEN status <> 'Unknown' THEN status END, hash, document, was_resolved,
                first_evaluated_at, status_changed_at FROM assessments_1",
        "DROP TABLE assessments_1",
        "CREATE INDEX assessments_by_recommendation ON assessments (recommendation, status)",
    ],
    &["ALTER TABLE coverage ADD COLUMN taken_at TEXT"],
    &["CREATE TABLE attempts (connector TEXT PRIMARY KEY, at TEXT NOT NULL, succeeded_at TEXT, error TEXT)"],
    &["CREATE TABLE compliance_points (
        connector TEXT NOT NULL, account TEXT NOT NULL, standard TEXT NOT NULL, at TEXT NOT NULL, passed BIGINT NOT NULL,
        failed BIGINT NOT NULL, unknown BIGINT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (standard, connector, account, at))"],
    &["CREATE TABLE sightings (connector TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (connector, id))"],
    &[
        "CREATE TABLE policy_version (version BIGINT NOT NULL)",
        "INSERT INTO policy_version (version) VALUES (0)",
        "CREATE TABLE policy_objects (id TEXT PRIMARY KEY, kind TEXT NOT NULL, document TEXT NOT NULL, version BIGINT NOT NULL)",
        // The state is the rank of `ComplianceState`: the lowest of several prevails.
        "CREATE TABLE policy_states (
            resource TEXT NOT NULL, assignment TEXT NOT NULL, reference TEXT NOT NULL, connector TEXT NOT NULL, account TEXT NOT NULL,
            definition TEXT NOT NULL, state BIGINT NOT NULL, effect TEXT NOT NULL, hash TEXT NOT NULL, document TEXT NOT NULL,
            first_evaluated_at TEXT NOT NULL, state_changed_at TEXT NOT NULL, PRIMARY KEY (resource, assignment, reference))",
        "CREATE INDEX policy_states_by_assignment ON policy_states (assignment, reference, state)",
        "CREATE INDEX policy_states_by_scope ON policy_states (connector, account)",
        "CREATE TABLE policy_history (
            at TEXT NOT NULL, resource TEXT NOT NULL, assignment TEXT NOT NULL, reference TEXT NOT NULL, connector TEXT NOT NULL,
            account TEXT NOT NULL, state_before BIGINT, state_after BIGINT, PRIMARY KEY (at, resource, assignment, reference))",
        "CREATE TABLE policy_marks (
            connector TEXT NOT NULL, assignment TEXT NOT NULL, mark TEXT NOT NULL, PRIMARY KEY (connector, assignment))",
        "CREATE TABLE policy_seen (
            resource TEXT PRIMARY KEY, connector TEXT NOT NULL, account TEXT NOT NULL, type_name TEXT NOT NULL, hash TEXT NOT NULL)",
        "CREATE TABLE policy_runs (connector TEXT PRIMARY KEY, at TEXT NOT NULL)",
    ],
    &[
        "CREATE TABLE standards (id TEXT PRIMARY KEY, document TEXT NOT NULL)",
        "CREATE TABLE attestations (id TEXT PRIMARY KEY, at TEXT NOT NULL, document TEXT NOT NULL)",
    ],
];

/// `SKYWARDE` in ASCII: the key of PostgreSQL's advisory lock on migrations; the next one is that on runs.
const POSTGRES_LOCK: i64 = 0x534b_5957_4152_4445;

/// The key of PostgreSQL's advisory lock on runs.
pub(crate) const POSTGRES_RUN_LOCK: i64 = POSTGRES_LOCK + 1;

impl Store {
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let doing = "bringing the tables up to date";
        let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        // Readers must not wait for a writer: only a store that lacks something is locked.
        let found: Option<i64> = on_pool!(&self.pool, pool => {
            sqlx::query_scalar(VERSION).fetch_one(pool).await.ok().flatten()
        });
        if found == Some(known) {
            return Ok(());
        }
        // Two processes may open a new store at once.
        let (begin, lock) = match &self.pool {
            Pool::Sqlite(_) => ("BEGIN IMMEDIATE", "SELECT CAST($1 AS BIGINT)"),
            Pool::Postgres(_) => ("BEGIN", "SELECT pg_advisory_xact_lock($1)"),
        };
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin_with(begin).await.map_err(StoreError::statement(doing))?;
            sqlx::query(lock).bind(POSTGRES_LOCK).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
                .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let found: Option<i64> = sqlx::query_scalar(VERSION).fetch_one(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let found = found.unwrap_or(0);
            if found > known {
                return Err(StoreError::Newer { found, known });
            }
            let missing = MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0));
            for statement in missing.copied().flatten() {
                sqlx::query(*statement).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            for statement in ["DELETE FROM schema_version WHERE version <= $1", "INSERT INTO schema_version (version) VALUES ($1)"] {
                sqlx::query(statement).bind(known).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))
        })
    }
}

const VERSION: &str = "SELECT MAX(version) FROM schema_version";
