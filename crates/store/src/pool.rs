use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use sqlx::{
    PgPool, SqlitePool,
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
    let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(30)).connect_with(options).await;
    pool.map(Pool::Postgres).map_err(|source| StoreError::Open { place, source })
}

/// The version of the tables below.
const SCHEMA: i64 = 1;

/// Both databases take these as they stand.
const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS connectors (id TEXT PRIMARY KEY, document TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS resources (
        id TEXT PRIMARY KEY, type_name TEXT NOT NULL, name TEXT NOT NULL, connector TEXT NOT NULL, account TEXT NOT NULL,
        resource_group TEXT NOT NULL, hash TEXT NOT NULL, document TEXT NOT NULL, facts TEXT NOT NULL,
        first_seen_at TEXT NOT NULL, stale_since TEXT)",
    "CREATE INDEX IF NOT EXISTS resources_by_scope ON resources (connector, account, type_name)",
    "CREATE TABLE IF NOT EXISTS assessments (
        resource TEXT NOT NULL, recommendation TEXT NOT NULL, status TEXT NOT NULL, hash TEXT NOT NULL, document TEXT NOT NULL,
        was_resolved BIGINT NOT NULL, last_known TEXT, first_evaluated_at TEXT NOT NULL, status_changed_at TEXT NOT NULL,
        PRIMARY KEY (resource, recommendation))",
    "CREATE INDEX IF NOT EXISTS assessments_by_recommendation ON assessments (recommendation, status)",
    "CREATE TABLE IF NOT EXISTS transitions (
        at TEXT NOT NULL, resource TEXT NOT NULL, recommendation TEXT NOT NULL, connector TEXT NOT NULL, account TEXT NOT NULL,
        document TEXT NOT NULL, PRIMARY KEY (at, resource, recommendation))",
    "CREATE TABLE IF NOT EXISTS coverage (connector TEXT PRIMARY KEY, hash TEXT NOT NULL, document TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS scores (
        connector TEXT NOT NULL, account TEXT NOT NULL, at TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (connector, account, at))",
    "CREATE TABLE IF NOT EXISTS exemptions (id TEXT PRIMARY KEY, document TEXT NOT NULL)",
];

impl Store {
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        on_pool!(&self.pool, pool => {
            for statement in TABLES {
                sqlx::query(*statement).execute(pool).await.map_err(StoreError::statement("creating the tables"))?;
            }
            let found: Option<i64> = sqlx::query_scalar("SELECT MAX(version) FROM schema_version")
                .fetch_one(pool)
                .await
                .map_err(StoreError::statement("reading the version of the tables"))?;
            match found {
                Some(found) if found > SCHEMA => Err(StoreError::Newer { found, known: SCHEMA }),
                Some(_) => Ok(()),
                None => sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
                    .bind(SCHEMA)
                    .execute(pool)
                    .await
                    .map(drop)
                    .map_err(StoreError::statement("noting the version of the tables")),
            }
        })
    }
}
