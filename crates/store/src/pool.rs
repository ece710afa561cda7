use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    Store, StoreError,
    commit::json,
    listings::{SPLIT_ON_POSTGRES, SPLIT_ON_SQLITE},
    scores::write_parts,
    verdicts::writing,
};

/// Ids of one question: SQLite takes 32,766 values.
pub(crate) const IDS_AT_ONCE: usize = 1000;

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

/// Reads every row of a statement that was put together here, with values for its first placeholders and, behind them, those of a
/// [`crate::filter::Condition`].
macro_rules! rows_of {
    ($store:expr, $doing:expr, $statement:expr, [$($value:expr),*], $condition:expr) => {
        $crate::pool::on_pool!(&$store.pool, pool => {
            let mut select = sqlx::query_as(sqlx::AssertSqlSafe($statement))$(.bind($value))*;
            for value in $condition.values {
                select = select.bind(value);
            }
            select.fetch_all(pool).await.map_err($crate::StoreError::statement($doing))?
        })
    };
}
pub(crate) use rows_of;

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
    // Columns that end in `_key` hold what is compared: names in lower case, a digest of what is too long for an index.
    &[
        "CREATE TABLE principals (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, name_key TEXT NOT NULL, state TEXT NOT NULL, document TEXT NOT NULL,
            UNIQUE (kind, name_key))",
        "CREATE TABLE memberships (principal TEXT NOT NULL, group_id TEXT NOT NULL, PRIMARY KEY (principal, group_id))",
        "CREATE INDEX memberships_by_group ON memberships (group_id)",
        "CREATE TABLE credentials (
            id TEXT PRIMARY KEY, principal TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, secret TEXT NOT NULL,
            secret_key TEXT NOT NULL, scope TEXT, created_at TEXT NOT NULL, expires_at TEXT, last_used_at TEXT)",
        "CREATE INDEX credentials_by_principal ON credentials (principal)",
        "CREATE INDEX credentials_by_secret ON credentials (kind, secret_key)",
        "CREATE TABLE failed_sign_ins (principal TEXT PRIMARY KEY, n_failed BIGINT NOT NULL, last_at TEXT NOT NULL)",
        "CREATE TABLE roles (id TEXT PRIMARY KEY, name_key TEXT NOT NULL UNIQUE, document TEXT NOT NULL)",
        "CREATE TABLE role_assignments (
            id TEXT PRIMARY KEY, principal TEXT NOT NULL, principal_kind TEXT NOT NULL, role TEXT NOT NULL, scope TEXT NOT NULL,
            created_at TEXT NOT NULL, created_by TEXT NOT NULL, UNIQUE (principal, role, scope))",
        "CREATE INDEX role_assignments_by_role ON role_assignments (role)",
        "CREATE TABLE sessions (
            digest TEXT PRIMARY KEY, principal TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL,
            last_seen_at TEXT NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL)",
        "CREATE INDEX sessions_by_principal ON sessions (principal)",
        "CREATE TABLE once (
            kind TEXT NOT NULL, digest TEXT NOT NULL, document TEXT NOT NULL, expires_at TEXT NOT NULL, PRIMARY KEY (kind, digest))",
        "CREATE TABLE installation (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        "CREATE TABLE audit (
            number BIGINT PRIMARY KEY, at TEXT NOT NULL, principal TEXT NOT NULL, principal_name TEXT NOT NULL, action TEXT NOT NULL,
            action_key TEXT NOT NULL, target TEXT NOT NULL, target_key TEXT NOT NULL, outcome TEXT NOT NULL, address TEXT NOT NULL,
            details TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL)",
        "CREATE INDEX audit_by_principal ON audit (principal, number)",
    ],
    &[
        "CREATE TABLE secret_keys (id TEXT PRIMARY KEY, sealed TEXT NOT NULL, created_at TEXT NOT NULL)",
        "CREATE TABLE secrets (name TEXT PRIMARY KEY, sealed TEXT NOT NULL)",
        "CREATE TABLE sign_ins (principal TEXT PRIMARY KEY, at TEXT NOT NULL)",
    ],
    // What lies in no account has an empty one.
    &[
        "CREATE TABLE arm_objects (
            kind TEXT NOT NULL, scope_key TEXT NOT NULL, name_key TEXT NOT NULL, scope TEXT NOT NULL, connector TEXT NOT NULL,
            account TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, etag TEXT NOT NULL, changed_at TEXT NOT NULL,
            PRIMARY KEY (kind, scope_key, name_key))",
        "CREATE INDEX arm_objects_by_account ON arm_objects (connector, account, kind)",
    ],
    // What readers of a part are found by: accounts under both of their names, resource groups in small letters, ids in small
    // letters, and verdicts without their documents.
    &[
        "CREATE TABLE accounts (
            connector TEXT NOT NULL, account TEXT NOT NULL, account_key TEXT NOT NULL, subscription TEXT NOT NULL,
            PRIMARY KEY (connector, account))",
        "INSERT INTO accounts SELECT DISTINCT connector, account, '', '' FROM scores",
        "CREATE INDEX accounts_by_key ON accounts (account_key)",
        "CREATE INDEX accounts_by_subscription ON accounts (subscription)",
        "ALTER TABLE resources ADD COLUMN group_key TEXT NOT NULL DEFAULT ''",
        "UPDATE resources SET group_key = LOWER(resource_group)",
        "CREATE INDEX resources_by_group ON resources (connector, account, group_key, id)",
        "CREATE INDEX resources_by_small_id ON resources (LOWER(id))",
        "CREATE INDEX assessments_by_resource ON assessments (resource, status, recommendation)",
        "ALTER TABLE transitions ADD COLUMN group_key TEXT NOT NULL DEFAULT ''",
        "UPDATE transitions SET group_key =
            COALESCE((SELECT r.group_key FROM resources r WHERE r.id = transitions.resource), '')",
        "CREATE INDEX transitions_by_group ON transitions (connector, account, group_key, at)",
        "CREATE INDEX transitions_by_resource ON transitions (resource, at)",
        "ALTER TABLE policy_seen ADD COLUMN group_key TEXT NOT NULL DEFAULT ''",
        "UPDATE policy_seen SET group_key =
            COALESCE((SELECT r.group_key FROM resources r WHERE r.id = policy_seen.resource), '')",
        "ALTER TABLE policy_history ADD COLUMN group_key TEXT NOT NULL DEFAULT ''",
        "UPDATE policy_history SET group_key =
            COALESCE((SELECT r.group_key FROM resources r WHERE r.id = policy_history.resource), '')",
        "CREATE INDEX policy_history_by_group ON policy_history (connector, account, group_key, at)",
        "CREATE INDEX policy_history_by_resource ON policy_history (resource, at)",
    ],
    // What pages and counts of a large estate are served from (see `slices.rs`), and the newest score of each account.
    &[
        "CREATE TABLE slices (
            id BIGINT PRIMARY KEY, connector TEXT NOT NULL, account TEXT NOT NULL, resource_group TEXT NOT NULL, group_key TEXT NOT NULL,
            type_name TEXT NOT NULL, n_resources BIGINT NOT NULL, n_healthy BIGINT NOT NULL, n_unhealthy BIGINT NOT NULL,
            n_unknown BIGINT NOT NULL, n_not_applicable BIGINT NOT NULL, UNIQUE (connector, account, resource_group, type_name))",
        "INSERT INTO slices
            SELECT ROW_NUMBER() OVER (ORDER BY r.connector, r.account, r.resource_group, r.type_name), r.connector, r.account,
                r.resource_group, r.group_key, r.type_name, COUNT(*), SUM(CASE WHEN EXISTS
                    (SELECT 1 FROM assessments a WHERE a.resource = r.id AND a.status = 'Healthy') THEN 1 ELSE 0 END),
                SUM(CASE WHEN EXISTS
                    (SELECT 1 FROM assessments a WHERE a.resource = r.id AND a.status = 'Unhealthy') THEN 1 ELSE 0 END),
                SUM(CASE WHEN EXISTS
                    (SELECT 1 FROM assessments a WHERE a.resource = r.id AND a.status = 'Unknown') THEN 1 ELSE 0 END),
                SUM(CASE WHEN EXISTS
                    (SELECT 1 FROM assessments a WHERE a.resource = r.id AND a.status = 'NotApplicable') THEN 1 ELSE 0 END)
            FROM resources r GROUP BY r.connector, r.account, r.resource_group, r.group_key, r.type_name",
        "CREATE INDEX slices_by_group ON slices (connector, account, group_key)",
        "CREATE INDEX slices_by_account ON slices (account)",
        "CREATE INDEX slices_by_type ON slices (type_name, resource_group)",
        "ALTER TABLE resources ADD COLUMN slice BIGINT NOT NULL DEFAULT 0",
        "UPDATE resources SET slice = (SELECT s.id FROM slices s WHERE s.connector = resources.connector
            AND s.account = resources.account AND s.resource_group = resources.resource_group AND s.type_name = resources.type_name)",
        "CREATE INDEX resources_by_slice ON resources (slice, id, name)",
        "ALTER TABLE assessments ADD COLUMN slice BIGINT NOT NULL DEFAULT 0",
        "UPDATE assessments SET slice = COALESCE((SELECT r.slice FROM resources r WHERE r.id = assessments.resource), 0)",
        "DROP INDEX assessments_by_recommendation",
        "DROP INDEX assessments_by_resource",
        "CREATE INDEX assessments_in_order ON assessments (status, recommendation, slice, resource)",
        "CREATE TABLE tallies (
            slice BIGINT NOT NULL, recommendation TEXT NOT NULL, status TEXT NOT NULL, n BIGINT NOT NULL,
            PRIMARY KEY (slice, recommendation, status))",
        "INSERT INTO tallies SELECT slice, recommendation, status, COUNT(*) FROM assessments GROUP BY slice, recommendation, status",
        "CREATE TABLE totals (
            recommendation TEXT NOT NULL, status TEXT NOT NULL, type_name TEXT NOT NULL, connector TEXT NOT NULL, n BIGINT NOT NULL,
            PRIMARY KEY (recommendation, status, type_name, connector))",
        "INSERT INTO totals SELECT t.recommendation, t.status, s.type_name, s.connector, CAST(SUM(t.n) AS BIGINT)
            FROM slices s JOIN tallies t ON t.slice = s.id GROUP BY t.recommendation, t.status, s.type_name, s.connector",
        "CREATE INDEX totals_by_connector ON totals (connector)",
        "CREATE TABLE grand_totals (
            recommendation TEXT NOT NULL, status TEXT NOT NULL, type_name TEXT NOT NULL, n BIGINT NOT NULL,
            PRIMARY KEY (recommendation, status, type_name))",
        "INSERT INTO grand_totals SELECT recommendation, status, type_name, CAST(SUM(n) AS BIGINT) FROM totals
            GROUP BY recommendation, status, type_name",
        "CREATE TABLE estate_version (version BIGINT NOT NULL)",
        "INSERT INTO estate_version (version) VALUES (0)",
        "ALTER TABLE accounts ADD COLUMN scored_at TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE accounts ADD COLUMN score TEXT NOT NULL DEFAULT ''",
        "UPDATE accounts SET scored_at = COALESCE((SELECT MAX(p.at) FROM scores p
            WHERE p.connector = accounts.connector AND p.account = accounts.account), '')",
        "UPDATE accounts SET score = COALESCE((SELECT p.document FROM scores p WHERE p.connector = accounts.connector
            AND p.account = accounts.account AND p.at = accounts.scored_at), '')",
    ],
    // What a client said of an assessment that it wrote; NULL in what a run gives.
    &[
        "ALTER TABLE assessments ADD COLUMN written TEXT",
        "CREATE INDEX assessments_written ON assessments (resource) WHERE written IS NOT NULL",
    ],
    // The listings of each account, and what stands for a recommendation in the verdicts of a resource (see `verdicts.rs`).
    &[
        "CREATE TABLE listings (
            connector TEXT NOT NULL, account TEXT NOT NULL, n_complete BIGINT NOT NULL, n_partial BIGINT NOT NULL,
            n_failed BIGINT NOT NULL, n_skipped BIGINT NOT NULL, n_denied BIGINT NOT NULL, document TEXT NOT NULL,
            PRIMARY KEY (connector, account))",
        "CREATE TABLE recommendation_numbers (number BIGINT PRIMARY KEY, recommendation TEXT NOT NULL UNIQUE)",
        "INSERT INTO recommendation_numbers (number, recommendation)
            SELECT ROW_NUMBER() OVER (ORDER BY recommendation), recommendation FROM (SELECT DISTINCT recommendation FROM assessments) a",
    ],
    // What is told of accounts without reading their slices, scores and listings (see `scores.rs` and `slices.rs`).
    &[
        "CREATE TABLE score_parts (
            connector TEXT NOT NULL, account TEXT NOT NULL, at TEXT NOT NULL, part TEXT NOT NULL, PRIMARY KEY (connector, account, at))",
        "CREATE TABLE account_counts (
            connector TEXT NOT NULL, account TEXT NOT NULL, n_resources BIGINT NOT NULL, n_healthy BIGINT NOT NULL,
            n_unhealthy BIGINT NOT NULL, n_unknown BIGINT NOT NULL, n_not_applicable BIGINT NOT NULL, PRIMARY KEY (connector, account))",
        "INSERT INTO account_counts SELECT connector, account, CAST(SUM(n_resources) AS BIGINT), CAST(SUM(n_healthy) AS BIGINT),
            CAST(SUM(n_unhealthy) AS BIGINT), CAST(SUM(n_unknown) AS BIGINT), CAST(SUM(n_not_applicable) AS BIGINT)
            FROM slices GROUP BY connector, account",
        "CREATE INDEX slices_counted ON slices (type_name, id, n_resources, n_healthy, n_unhealthy, n_unknown, n_not_applicable)",
        "CREATE INDEX listings_counted ON listings (connector, account, n_complete, n_partial, n_failed, n_skipped, n_denied)",
    ],
    &[
        "CREATE TABLE alerts (
            id TEXT PRIMARY KEY, connector TEXT NOT NULL, account TEXT NOT NULL, group_key TEXT NOT NULL, resource TEXT NOT NULL,
            detection TEXT NOT NULL, plan TEXT NOT NULL, title TEXT NOT NULL, severity BIGINT NOT NULL, status TEXT NOT NULL,
            suppressed_by TEXT NOT NULL, incident TEXT NOT NULL DEFAULT '', started BIGINT NOT NULL, ended BIGINT NOT NULL,
            n_events BIGINT NOT NULL, kept_at TEXT NOT NULL, status_changed_at TEXT NOT NULL, status_changed_by TEXT NOT NULL,
            searched TEXT NOT NULL, document TEXT NOT NULL)",
        "CREATE INDEX alerts_in_order ON alerts (ended, id)",
        "CREATE INDEX alerts_by_account ON alerts (connector, account, ended)",
        "CREATE INDEX alerts_by_incident ON alerts (incident, ended)",
        "CREATE INDEX alerts_counted ON alerts (ended, plan, severity, status)",
        "CREATE TABLE incidents (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, severity BIGINT NOT NULL, status TEXT NOT NULL, started BIGINT NOT NULL,
            ended BIGINT NOT NULL, merged_into TEXT NOT NULL, kept_at TEXT NOT NULL, status_changed_at TEXT NOT NULL,
            status_changed_by TEXT NOT NULL, document TEXT NOT NULL)",
        "CREATE INDEX incidents_in_order ON incidents (ended, id)",
    ],
    &["ALTER TABLE alerts ADD COLUMN raised TEXT NOT NULL DEFAULT ''"],
    // What logs say has changed and is to be read again (see `changes.rs`).
    &[
        "CREATE TABLE changes (
            id TEXT PRIMARY KEY, account TEXT NOT NULL, document TEXT NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL,
            due_at TEXT, n_tries BIGINT NOT NULL, read_at TEXT)",
        "CREATE INDEX changes_due ON changes (due_at)",
    ],
    &["ALTER TABLE alerts ADD COLUMN unknown TEXT NOT NULL DEFAULT ''"],
    // What Defender for Cloud said of each subscription when it was last asked.
    &[
        "CREATE TABLE defender_views (
            connector TEXT NOT NULL, account TEXT NOT NULL, taken_at TEXT NOT NULL, document TEXT NOT NULL,
            PRIMARY KEY (connector, account))",
    ],
    // How far a provider's own list of changes was looked at (see `polls.rs`).
    &["CREATE TABLE change_polls (connector TEXT PRIMARY KEY, document TEXT NOT NULL)"],
];

/// The version that gives each resource the text of its verdicts, which is written then.
const WITH_VERDICTS: usize = 15;

/// The version that keeps the parts of scores, which are written then.
const WITH_PARTS: usize = 16;

/// What a version adds on one database alone, after what it adds on both.
struct OwnMigration {
    version: usize,
    sqlite: &'static [&'static str],
    postgres: &'static [&'static str],
}

const OWN_MIGRATIONS: &[OwnMigration] = &[OwnMigration {
    version: 9,
    sqlite: &[
        "CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
            BEGIN SELECT RAISE(ABORT, 'lines of the audit log are never changed'); END",
        "CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
            BEGIN SELECT RAISE(ABORT, 'lines of the audit log are never removed'); END",
        // `INSERT OR REPLACE` removes a row without the trigger on removals.
        "CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number)
            BEGIN SELECT RAISE(ABORT, 'lines of the audit log are never replaced'); END",
    ],
    postgres: &[
        "CREATE OR REPLACE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'lines of the audit log are never changed or removed'; END $$",
        "CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
            FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept()",
    ],
}, OwnMigration {
    version: 13,
    // Texts of three letters and more are found by their trigrams. What SQLite calls a row may change its number in a `VACUUM`, so that
    // resources get numbers of their own.
    sqlite: &[
        "CREATE TABLE resource_numbers (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE)",
        "CREATE VIRTUAL TABLE resource_texts USING fts5(id, name, content='', contentless_delete=1, tokenize='trigram')",
        "CREATE TRIGGER resource_is_found AFTER INSERT ON resources BEGIN
            INSERT INTO resource_numbers (id) VALUES (NEW.id);
            INSERT INTO resource_texts (rowid, id, name)
                SELECT n.number, NEW.id, NEW.name FROM resource_numbers n WHERE n.id = NEW.id; END",
        "CREATE TRIGGER resource_is_named AFTER UPDATE OF name ON resources WHEN OLD.name <> NEW.name BEGIN
            UPDATE resource_texts SET id = NEW.id, name = NEW.name
                WHERE rowid = (SELECT n.number FROM resource_numbers n WHERE n.id = NEW.id); END",
        "CREATE TRIGGER resource_is_gone AFTER DELETE ON resources BEGIN
            DELETE FROM resource_texts WHERE rowid = (SELECT n.number FROM resource_numbers n WHERE n.id = OLD.id);
            DELETE FROM resource_numbers WHERE id = OLD.id; END",
        "INSERT INTO resource_numbers (id) SELECT id FROM resources",
        "INSERT INTO resource_texts (rowid, id, name)
            SELECT n.number, r.id, r.name FROM resource_numbers n JOIN resources r ON r.id = n.id",
    ],
    // Without the extension, which comes with PostgreSQL, every resource is looked at.
    postgres: &[
        "DO $$ BEGIN
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
            CREATE INDEX IF NOT EXISTS resources_by_text ON resources USING gin (LOWER(id) gin_trgm_ops, LOWER(name) gin_trgm_ops);
        EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'searching without pg_trgm: %', SQLERRM; END $$",
    ],
}, OwnMigration {
    version: WITH_VERDICTS,
    sqlite: &[
        "ALTER TABLE resource_numbers ADD COLUMN slice BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE resource_numbers ADD COLUMN verdicts TEXT NOT NULL DEFAULT ''",
        SPLIT_ON_SQLITE,
        "ALTER TABLE coverage DROP COLUMN document",
        "ALTER TABLE coverage DROP COLUMN hash",
    ],
    postgres: &[
        "CREATE TABLE resource_numbers (
            number BIGINT GENERATED BY DEFAULT AS IDENTITY UNIQUE, id TEXT PRIMARY KEY REFERENCES resources (id) ON DELETE CASCADE,
            slice BIGINT NOT NULL DEFAULT 0, verdicts TEXT NOT NULL DEFAULT '')",
        SPLIT_ON_POSTGRES,
        "ALTER TABLE coverage DROP COLUMN document",
        "ALTER TABLE coverage DROP COLUMN hash",
    ],
}];

/// `SKYWARDE` in ASCII: the key of PostgreSQL's advisory lock on migrations; the next one is that on runs.
const POSTGRES_LOCK: i64 = 0x534b_5957_4152_4445;

/// The key of PostgreSQL's advisory lock on runs.
pub(crate) const POSTGRES_RUN_LOCK: i64 = POSTGRES_LOCK + 1;

/// The key of PostgreSQL's advisory lock on who may do what.
pub(crate) const POSTGRES_IDENTITY_LOCK: i64 = POSTGRES_LOCK + 2;

/// The key of PostgreSQL's advisory lock on the end of the audit log.
pub(crate) const POSTGRES_AUDIT_LOCK: i64 = POSTGRES_LOCK + 3;

impl Pool {
    /// How a transaction begins that no other of its kind may overlap, and its first statement, which takes the lock's key.
    pub(crate) fn exclusive(&self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite(_) => ("BEGIN IMMEDIATE", "SELECT CAST($1 AS BIGINT)"),
            Self::Postgres(_) => ("BEGIN", "SELECT pg_advisory_xact_lock($1)"),
        }
    }

    /// A table of the rows of a JSON array that is bound to a placeholder: each row an array of texts, one for each column. However
    /// many there are, it is one value: SQLite takes 32,766 of them.
    pub(crate) fn rows(&self, placeholder: usize, columns: &[&str]) -> String {
        let own: Vec<String> =
            columns.iter().enumerate().map(|(place, column)| format!("value ->> {place} AS {column}")).collect();
        let own = own.join(", ");
        match self {
            Self::Sqlite(_) => format!("(SELECT {own} FROM JSON_EACH(${placeholder}))"),
            Self::Postgres(_) => format!("(SELECT {own} FROM JSONB_ARRAY_ELEMENTS(CAST(${placeholder} AS JSONB)))"),
        }
    }

    /// What a version adds on this database alone.
    fn own_migration(&self, version: usize) -> &'static [&'static str] {
        let own = OWN_MIGRATIONS.iter().find(|own| own.version == version);
        own.map_or(&[], |own| match self {
            Self::Sqlite(_) => own.sqlite,
            Self::Postgres(_) => own.postgres,
        })
    }
}

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
        let (begin, lock) = self.pool.exclusive();
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
            let missing = MIGRATIONS.iter().zip(1..).skip(usize::try_from(found).unwrap_or(0));
            for (shared, version) in missing {
                for statement in shared.iter().chain(self.pool.own_migration(version)) {
                    sqlx::query(*statement).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                }
                if version == WITH_VERDICTS {
                    sqlx::query(AssertSqlSafe(writing(None))).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                }
                if version == WITH_PARTS {
                    write_parts!(tx, doing);
                }
            }
            for statement in ["DELETE FROM schema_version WHERE version <= $1", "INSERT INTO schema_version (version) VALUES ($1)"] {
                sqlx::query(statement).bind(known).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))
        })
    }
}

const VERSION: &str = "SELECT MAX(version) FROM schema_version";
