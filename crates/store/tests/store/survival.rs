//! What the store stands: being killed, two processes, full and damaged files, older and newer versions.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Child, ChildStdout, Command, Stdio},
};

use skywarden_model::{Resource, Status};
use skywarden_posture::{overall_of, overall_score};
use skywarden_store::{ResourceQuery, Store, StoreError, StoreUrl};
use sqlx::Connection as _;

use crate::{ALL, Given, at, commit, common, plain, resource};

/// Where the process that is to be killed commits.
const VICTIM: &str = "SKYWARDEN_TEST_VICTIM";
const N_FIRST: usize = 50;
const N_SECOND: usize = 20_000;

#[tokio::test]
async fn the_file_is_its_owners_alone_and_opens_again() {
    let (store, folder) = common::sqlite().await;
    commit(&store, plain("c", &[resource("c", "1", "arn:a")], 0)).await;
    drop(store);
    let file = folder.path().join("store.db");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let again = Store::open_file(&file).await.unwrap();
    assert_eq!(again.resources_of(&ALL, "c").await.unwrap().len(), 1);
}

#[tokio::test]
async fn two_processes_may_use_one_store() {
    let (store, folder) = common::sqlite().await;
    let other = Store::open_file(&folder.path().join("store.db")).await.unwrap();
    let (left, right) = ([resource("c", "1", "arn:a")], [resource("d", "2", "arn:b")]);
    tokio::join!(commit(&store, plain("c", &left, 0)), commit(&other, plain("d", &right, 0)));
    assert_eq!(store.assessments(&ALL).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named_with_what_to_do() {
    let error = Store::open_file(std::path::Path::new("/nonexistent/store.db")).await.unwrap_err().to_string();
    assert!(error.contains("/nonexistent/store.db") && error.contains("--data"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    std::fs::write(&file, "no database, only text that is long enough to be taken for the header of one; ".repeat(50)).unwrap();
    let error = Store::open_file(&file).await.unwrap_err().to_string();
    assert!(error.contains("store.db") && error.contains("not a database"), "{error}");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("no database"), "the file was changed");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named_without_its_password() {
    let url = StoreUrl::Postgres("postgres://someone:hunter2@127.0.0.1:1/none?sslmode=disable".to_owned());
    let error = Store::open(&url).await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn one_run_at_a_time_on_sqlite() {
    let (store, folder) = common::sqlite().await;
    let other = Store::open_file(&folder.path().join("store.db")).await.unwrap();
    one_run_at_a_time(&store, &other).await;
}

#[tokio::test]
async fn one_run_at_a_time_on_postgres() {
    let url = StoreUrl::Postgres(common::postgres_url());
    one_run_at_a_time(&Store::open(&url).await.unwrap(), &Store::open(&url).await.unwrap()).await;
}

async fn one_run_at_a_time(store: &Store, other: &Store) {
    let run = store.begin_run().await.unwrap();
    let refused = other.begin_run().await.unwrap_err();
    assert!(matches!(refused, StoreError::RunInProgress { .. }), "{refused}");
    run.release().await;
    other.begin_run().await.unwrap().release().await;
}

#[tokio::test]
async fn older_sqlite_stores_are_brought_up_to_date_and_newer_ones_refused() {
    let (store, folder) = common::sqlite().await;
    let file = folder.path().join("store.db");
    commit(&store, plain("c", &[resource("c", "1", "arn:a")], 0)).await;
    drop(store);
    let mut database = sqlx::SqliteConnection::connect(&file.display().to_string()).await.unwrap();
    for own in AS_VERSION_1 {
        for statement in [own].into_iter().chain(SINCE_VERSION_1_OF_SQLITE).chain(SINCE_VERSION_1) {
            sqlx::query(*statement).execute(&mut database).await.unwrap();
        }
        let store = Store::open_file(&file).await.unwrap();
        let states = store.tracked("c").await.unwrap();
        assert_eq!(states[0].last_known, Some(Status::Unhealthy));
        what_was_kept_is_found_by_its_group(&store).await;
        let query = ResourceQuery { text: Some("RN:A".to_owned()), ..ResourceQuery::default() };
        assert_eq!(store.resources(&ALL, &query).await.unwrap().items.len(), 1);
    }
    sqlx::query(AS_NEWER).execute(&mut database).await.unwrap();
    assert!(matches!(Store::open_file(&file).await, Err(StoreError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn older_postgres_stores_are_brought_up_to_date_and_newer_ones_refused() {
    let url = common::postgres_url();
    let open = async || Store::open(&StoreUrl::Postgres(url.clone())).await;
    commit(&open().await.unwrap(), plain("c", &[resource("c", "1", "arn:a")], 0)).await;
    let mut database = sqlx::PgConnection::connect(&url).await.unwrap();
    for own in AS_VERSION_1 {
        for statement in [own].into_iter().chain(SINCE_VERSION_1) {
            sqlx::query(*statement).execute(&mut database).await.unwrap();
        }
        let store = open().await.unwrap();
        let states = store.tracked("c").await.unwrap();
        assert_eq!(states[0].last_known, Some(Status::Unhealthy));
        what_was_kept_is_found_by_its_group(&store).await;
    }
    sqlx::query(AS_NEWER).execute(&mut database).await.unwrap();
    assert!(matches!(open().await, Err(StoreError::Newer { found: 99, .. })));
}

async fn what_was_kept_is_found_by_its_group(store: &Store) {
    let place = skywarden_model::Scope { connector: "c".into(), account: "1".into(), resource_group: "".into() };
    let names = ["1".to_owned(), skywarden_model::subscription_id(&place).to_string()];
    for name in names {
        let group = skywarden_policy::Scope::ResourceGroup(name, "eu-west-1".to_owned());
        let filter = store.filter_of(&[&group].into()).await.unwrap();
        assert_eq!(store.resources(&filter, &ResourceQuery::default()).await.unwrap().items.len(), 1);
    }
    let whole = overall_score(store.latest_scores(&ALL).await.unwrap().iter().map(|own| &own.score));
    let parts = store.score_parts(&ALL, at(0), at(0)).await.unwrap();
    assert_eq!(overall_of(parts.iter().map(|own| &own.score), &store.control_sums(&ALL).await.unwrap()), whole);
    assert!(whole.max > 0.0, "a score of nothing is no test");
    for (status, n) in [(None, 1), (Some(Status::Unhealthy), 1), (Some(Status::Healthy), 0)] {
        let query = ResourceQuery { status, ..ResourceQuery::default() };
        assert_eq!(store.resource_count(&ALL, &query).await.unwrap(), n, "{status:?}");
    }
}

/// What came after version 1 in SQLite alone.
const SINCE_VERSION_1_OF_SQLITE: &[&str] = &[
    "DROP TRIGGER resource_is_found",
    "DROP TRIGGER resource_is_named",
    "DROP TRIGGER resource_is_gone",
    "DROP TABLE resource_texts",
];

/// What came after version 1.
const SINCE_VERSION_1: &[&str] = &[
    "DROP TABLE defender_views",
    "DROP TABLE change_polls",
    "DROP TABLE changes",
    "DROP TABLE incidents",
    "DROP TABLE alerts",
    "DROP TABLE account_counts",
    "DROP TABLE score_parts",
    "ALTER TABLE coverage ADD COLUMN hash TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE coverage ADD COLUMN document TEXT NOT NULL DEFAULT '[]'",
    "UPDATE coverage SET document = (SELECT l.document FROM listings l WHERE l.connector = coverage.connector)",
    "DROP TABLE listings",
    "DROP TABLE resource_numbers",
    "DROP TABLE recommendation_numbers",
    "DROP INDEX assessments_written",
    "ALTER TABLE assessments DROP COLUMN written",
    "DROP TABLE estate_version",
    "DROP TABLE grand_totals",
    "DROP TABLE totals",
    "DROP TABLE tallies",
    "DROP INDEX assessments_in_order",
    "DROP INDEX resources_by_slice",
    "ALTER TABLE assessments DROP COLUMN slice",
    "ALTER TABLE resources DROP COLUMN slice",
    "DROP TABLE slices",
    "CREATE INDEX assessments_by_recommendation ON assessments (recommendation, status)",
    "DROP TABLE arm_objects",
    "DROP TABLE sign_ins",
    "DROP TABLE secrets",
    "DROP TABLE secret_keys",
    "DROP TABLE accounts",
    "DROP INDEX resources_by_small_id",
    "DROP INDEX resources_by_group",
    "DROP INDEX transitions_by_group",
    "DROP INDEX transitions_by_resource",
    "ALTER TABLE resources DROP COLUMN group_key",
    "ALTER TABLE transitions DROP COLUMN group_key",
    "DROP TABLE audit",
    "DROP TABLE installation",
    "DROP TABLE once",
    "DROP TABLE sessions",
    "DROP TABLE role_assignments",
    "DROP TABLE roles",
    "DROP TABLE failed_sign_ins",
    "DROP TABLE credentials",
    "DROP TABLE memberships",
    "DROP TABLE principals",
    "DROP TABLE attestations",
    "DROP TABLE standards",
    "DROP TABLE policy_runs",
    "DROP TABLE policy_seen",
    "DROP TABLE policy_marks",
    "DROP TABLE policy_history",
    "DROP TABLE policy_states",
    "DROP TABLE policy_objects",
    "DROP TABLE policy_version",
    "DROP TABLE sightings",
    "DROP TABLE compliance_points",
    "DROP TABLE attempts",
    "ALTER TABLE coverage DROP COLUMN taken_at",
    "UPDATE schema_version SET version = 1",
];

/// Stores of version 1 exist without and with the column.
const AS_VERSION_1: &[&str] = &["ALTER TABLE assessments DROP COLUMN last_known", "UPDATE assessments SET last_known = NULL"];
const AS_NEWER: &str = "UPDATE schema_version SET version = 99";

#[tokio::test]
async fn several_processes_may_open_a_new_postgres_store_at_once() {
    let url = StoreUrl::Postgres(common::postgres_url());
    let (a, b, c) = tokio::join!(Store::open(&url), Store::open(&url), Store::open(&url));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
}

/// The process that the tests below start and kill: commits a small run, says so, and goes on with a large one.
/// Without a store to work on it has nothing to do.
#[tokio::test]
async fn victim() {
    let Ok(place) = std::env::var(VICTIM) else { return };
    let url = if place.starts_with("postgres:") { StoreUrl::Postgres(place) } else { StoreUrl::Sqlite(place.into()) };
    let store = Store::open(&url).await.unwrap();
    commit(&store, Given { status: Status::Healthy, ..plain("c", &estate(N_FIRST), 0) }).await;
    let large = estate(N_SECOND);
    println!("\nfirst run done");
    commit(&store, plain("c", &large, 1)).await;
    println!("\nsecond run done");
}

fn estate(n_resources: usize) -> Vec<Resource> {
    (0..n_resources).map(|number| resource("c", "1", &format!("arn:{number:06}{}", "x".repeat(300)))).collect()
}

#[tokio::test]
async fn a_sqlite_commit_that_is_killed_leaves_the_run_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let (mut child, mut output) = start_victim(&file.display().to_string());
    let journal = folder.path().join("store.db-wal");
    let size = || journal.metadata().map_or(0, |metadata| metadata.len());
    let before = size();
    // The cache holds 2 MB: once the journal has grown by this, a good part of the run is in it.
    while size() < before + 3_000_000 {
        assert!(child.try_wait().unwrap().is_none(), "the process ended by itself");
        std::thread::yield_now();
    }
    kill(&mut child, &mut output);
    shows_the_first_run(&Store::open_file(&file).await.unwrap()).await;
}

#[tokio::test]
async fn a_postgres_commit_that_is_killed_leaves_the_run_before() {
    let url = common::postgres_url();
    let mut database = sqlx::PgConnection::connect(&url).await.unwrap();
    let (mut child, mut output) = start_victim(&url);
    let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let writing = format!("{others} AND backend_xid IS NOT NULL");
    while sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(writing.as_str())).fetch_one(&mut database).await.unwrap() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the process ended by itself");
    }
    kill(&mut child, &mut output);
    while sqlx::query_scalar::<_, i64>(others).fetch_one(&mut database).await.unwrap() > 0 {
        std::thread::yield_now();
    }
    shows_the_first_run(&Store::open(&StoreUrl::Postgres(url)).await.unwrap()).await;
}

fn start_victim(place: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "survival::victim", "--nocapture"])
        .env(VICTIM, place)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("first run done") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "the process ended before it committed its first run");
    }
    (child, output)
}

fn kill(child: &mut Child, output: &mut BufReader<ChildStdout>) {
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!output.lines().any(|line| line.unwrap().contains("second run done")), "it was killed too late");
}

async fn shows_the_first_run(store: &Store) {
    assert_eq!(store.resources_of(&ALL, "c").await.unwrap().len(), N_FIRST);
    let states = store.tracked("c").await.unwrap();
    assert_eq!(states.len(), N_FIRST);
    assert!(states.iter().all(|state| state.status == Status::Healthy && state.status_changed_at == at(0)));
    assert_eq!(store.latest_scores(&ALL).await.unwrap().len(), 1);
    // The store goes on from there.
    commit(store, plain("c", &estate(N_FIRST + 1), 2)).await;
    assert_eq!(store.resources_of(&ALL, "c").await.unwrap().len(), N_FIRST + 1);
    store.begin_run().await.unwrap().release().await;
}
