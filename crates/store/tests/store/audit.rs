//! The audit log: its chain, and what breaks it.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use skywarden_store::{AuditEntry, AuditLine, AuditQuery, Store, StoreUrl};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::task::JoinSet;

use crate::{at, on_both};

on_both!(
    lines_come_back_as_they_were_added,
    the_hash_is_the_documented_one,
    lines_are_found_by_who_what_and_where,
    a_long_log_is_verified_to_its_end,
);

/// Makes each function a test that opens its store by an address.
macro_rules! by_address {
    ($($name:ident),* $(,)?) => {
        mod sqlite_by_address {
            $(#[tokio::test] async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(skywarden_store::StoreUrl::Sqlite(folder.path().join("store.db"))).await;
            })*
        }
        mod postgres_by_address {
            $(#[tokio::test] async fn $name() {
                super::$name(skywarden_store::StoreUrl::Postgres(crate::common::postgres_url())).await;
            })*
        }
    };
}

by_address!(
    several_processes_add_to_one_chain,
    a_line_can_not_be_changed_or_removed,
    a_changed_field_is_found,
    a_line_with_a_new_hash_is_found,
    a_removed_line_is_found,
    a_swapped_pair_is_found,
    a_wrong_number_is_found,
);

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const UNGUARDED_SQLITE: [&str; 3] =
    ["DROP TRIGGER audit_is_not_changed", "DROP TRIGGER audit_is_not_removed", "DROP TRIGGER audit_is_not_replaced"];
const UNGUARDED_POSTGRES: [&str; 1] = ["DROP TRIGGER audit_is_kept ON audit"];

fn entry(second: i64, principal: &str, action: &str, target: &str) -> AuditEntry {
    AuditEntry {
        at: at(second),
        principal: principal.to_owned(),
        principal_name: format!("{principal}@example"),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome: "Succeeded".to_owned(),
        address: "192.0.2.1".to_owned(),
        details: json!({ "zone": [1, 2.5, null], "after": { "b": "ü\u{0}", "a": "\"" } }),
    }
}

async fn add(store: &Store, n_lines: i64) {
    for second in 0..n_lines {
        let added = store.append_audit(&entry(second, "p", "Microsoft.Security/pricings/write", "/subscriptions/1")).await;
        added.unwrap();
    }
}

/// The hash as the documentation of `AuditLine` has it, where `details` holds no object with unsorted keys.
fn documented_hash(line: &AuditLine) -> String {
    let instant = format!("{:.6}", line.entry.at);
    let fields = json!([
        line.number,
        instant,
        line.entry.principal,
        line.entry.principal_name,
        line.entry.action,
        line.entry.target,
        line.entry.outcome,
        line.entry.address,
        line.entry.details,
        line.previous
    ]);
    Sha256::digest(fields.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs statements past the store; each statement in a connection of its own.
pub(crate) async fn run(place: &StoreUrl, statements: &[&str]) -> Result<(), sqlx::Error> {
    for statement in statements.iter().map(|own| AssertSqlSafe((*own).to_owned())) {
        match place {
            StoreUrl::Sqlite(file) => {
                let options = SqliteConnectOptions::new().filename(file);
                let mut database = SqliteConnection::connect_with(&options).await?;
                sqlx::query(statement).execute(&mut database).await?;
            }
            StoreUrl::Postgres(url) => {
                let mut database = PgConnection::connect(url).await?;
                sqlx::query(statement).execute(&mut database).await?;
            }
        }
    }
    Ok(())
}

/// A store with ten lines whose guards are gone, as one who holds the database can make it.
async fn unguarded(place: &StoreUrl) -> Store {
    let store = Store::open(place).await.unwrap();
    add(&store, 10).await;
    let guards: &[&str] = if matches!(place, StoreUrl::Sqlite(_)) { &UNGUARDED_SQLITE } else { &UNGUARDED_POSTGRES };
    run(place, guards).await.unwrap();
    assert_eq!(broken_at(&store).await, None);
    store
}

async fn broken_at(store: &Store) -> Option<u64> {
    store.verify_audit().await.unwrap().err().map(|found| found.number)
}

async fn lines_come_back_as_they_were_added(store: &Store) {
    assert_eq!(store.verify_audit().await.unwrap().unwrap().newest, ZEROS);
    let given = AuditEntry { at: "2027-01-15T08:00:00.123456789Z".parse().unwrap(), ..entry(0, "p", "A.B/c/write", "/") };
    let first = store.append_audit(&given).await.unwrap();
    assert_eq!((first.number, first.previous.as_str()), (1, ZEROS));
    assert_eq!(first.entry.at.to_string(), "2027-01-15T08:00:00.123456Z");
    assert_eq!((&first.entry.details, &first.entry.target), (&given.details, &given.target));
    let hostile = AuditEntry { principal_name: "\u{0}'; DROP TABLE audit; --\u{202e}".to_owned(), ..entry(1, "q", "x", "y") };
    let second = store.append_audit(&hostile).await.unwrap();
    assert_eq!((second.number, &second.previous), (2, &first.hash));
    assert_eq!(second.entry.principal_name, "\u{fffd}'; DROP TABLE audit; --\u{202e}");
    assert_eq!(store.audit_from(1, 500).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.audit_from(2, 500).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(store.audit_from(1, 1).await.unwrap(), [first]);
    let proof = store.verify_audit().await.unwrap().unwrap();
    assert_eq!((proof.n_lines, proof.newest), (2, second.hash));
}

async fn the_hash_is_the_documented_one(store: &Store) {
    let mut given = entry(0, "p", "A.B/c/write", "/");
    let sorted = json!({ "after": { "a": "\"", "b": "ü\u{0}" }, "zone": [1, 2.5, null] });
    let one = store.append_audit(&given).await.unwrap();
    assert_eq!(
        documented_hash(&AuditLine { entry: AuditEntry { details: sorted, ..one.entry.clone() }, ..one.clone() }),
        one.hash
    );
    given.details = Value::Null;
    let two = store.append_audit(&given).await.unwrap();
    assert_eq!(documented_hash(&two), two.hash);
    assert_ne!(one.hash, two.hash);
}

async fn lines_are_found_by_who_what_and_where(store: &Store) {
    for (second, (principal, action, target)) in [
        ("p", "Microsoft.Security/pricings/write", "/subscriptions/1"),
        ("q", "Microsoft.Security/pricings/delete", "/subscriptions/1/resourceGroups/G"),
        ("p", "Microsoft.Authorization/roleAssignments/write", "/subscriptions/2"),
        ("p", "Microsoft.Security/alerts/write", "/Subscriptions/11"),
        ("r", "100%_x", "É"),
    ]
    .into_iter()
    .enumerate()
    {
        store.append_audit(&entry(i64::try_from(second).unwrap(), principal, action, target)).await.unwrap();
    }
    let all = AuditQuery { limit: 100, ..AuditQuery::default() };
    let numbers = async |query: AuditQuery| -> Vec<u64> {
        store.audit(&query).await.unwrap().into_iter().map(|line| line.number).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(numbers(all.clone()).await, [5, 4, 3, 2, 1]);
    assert_eq!(numbers(AuditQuery { limit: 2, ..all.clone() }).await, [5, 4]);
    assert_eq!(numbers(AuditQuery { limit: 2, before: Some(4), ..all.clone() }).await, [3, 2]);
    assert!(numbers(AuditQuery { before: Some(1), ..all.clone() }).await.is_empty());
    assert_eq!(numbers(AuditQuery { principal: text("p"), ..all.clone() }).await, [4, 3, 1]);
    assert_eq!(numbers(AuditQuery { action: text("microsoft.SECURITY/"), ..all.clone() }).await, [4, 2, 1]);
    assert_eq!(numbers(AuditQuery { action: text("SECURITY/"), ..all.clone() }).await, [4, 2, 1], "within the text too");
    assert!(numbers(AuditQuery { action: text("microsoft.security//"), ..all.clone() }).await.is_empty());
    assert_eq!(numbers(AuditQuery { action: text("100%_"), ..all.clone() }).await, [5]);
    assert_eq!(numbers(AuditQuery { action: text("%"), ..all.clone() }).await, [5], "no letter stands for others");
    assert_eq!(numbers(AuditQuery { target: text("/subscriptions/1"), ..all.clone() }).await, [4, 2, 1]);
    assert_eq!(numbers(AuditQuery { target: text("/subscriptions/1/"), ..all.clone() }).await, [2]);
    assert_eq!(numbers(AuditQuery { target: text("É"), ..all.clone() }).await, [5]);
    let both = AuditQuery { principal: text("p"), action: text("Microsoft.Security"), target: text("/subscriptions/1"), ..all };
    assert_eq!(numbers(AuditQuery { before: Some(4), ..both.clone() }).await, [1]);
    assert_eq!(numbers(both).await, [4, 1]);
}

async fn a_long_log_is_verified_to_its_end(store: &Store) {
    add(store, 1001).await;
    let proof = store.verify_audit().await.unwrap().unwrap();
    assert_eq!(proof.n_lines, 1001);
    assert_eq!(proof.newest, store.audit_from(1001, 1).await.unwrap()[0].hash);
    assert_eq!(store.audit_from(1, u32::MAX).await.unwrap().len(), 500);
}

async fn several_processes_add_to_one_chain(place: StoreUrl) {
    let stores = [Store::open(&place).await.unwrap(), Store::open(&place).await.unwrap()];
    let mut tasks = JoinSet::new();
    for number in 0..8_usize {
        let store = stores[number % 2].clone();
        tasks.spawn(async move {
            for second in 0..25 {
                store.append_audit(&entry(second, &number.to_string(), "A.B/c/write", "/")).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let lines = stores[0].audit_from(1, 500).await.unwrap();
    assert_eq!(lines.len(), 200);
    let mut previous = ZEROS.to_owned();
    for (line, number) in lines.iter().zip(1..) {
        assert_eq!((line.number, &line.previous, documented_hash(line)), (number, &previous, line.hash.clone()));
        previous.clone_from(&line.hash);
    }
    for number in 0..8 {
        assert_eq!(lines.iter().filter(|line| line.entry.principal == number.to_string()).count(), 25);
    }
    assert_eq!(stores[1].verify_audit().await.unwrap().unwrap().newest, previous);
}

async fn a_line_can_not_be_changed_or_removed(place: StoreUrl) {
    let store = Store::open(&place).await.unwrap();
    add(&store, 3).await;
    let before = store.audit_from(1, 500).await.unwrap();
    let mut statements = vec!["UPDATE audit SET outcome = 'Failed' WHERE number = 2", "DELETE FROM audit WHERE number = 3"];
    match place {
        StoreUrl::Sqlite(_) => statements.push("INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE number = 2"),
        StoreUrl::Postgres(_) => statements.push("TRUNCATE audit"),
    }
    for statement in statements {
        let refused = run(&place, &[statement]).await.unwrap_err().to_string();
        assert!(refused.contains("lines of the audit log are never"), "{statement}: {refused}");
    }
    assert_eq!(store.audit_from(1, 500).await.unwrap(), before);
}

async fn a_changed_field_is_found(place: StoreUrl) {
    let store = unguarded(&place).await;
    run(&place, &["CREATE TABLE before AS SELECT * FROM audit"]).await.unwrap();
    for column in [
        "at",
        "principal",
        "principal_name",
        "action",
        "action_key",
        "target",
        "target_key",
        "outcome",
        "address",
        "details",
        "previous",
        "hash",
    ] {
        for value in ["'2027-01-15T08:00:00.000000Z'", "'{}'", "'{},0'", "''"] {
            run(&place, &[&format!("UPDATE audit SET {column} = {value} WHERE number = 4")]).await.unwrap();
            assert_eq!(broken_at(&store).await, Some(4), "{column} {value}");
            let back = format!("UPDATE audit SET {column} = (SELECT {column} FROM before WHERE number = 4) WHERE number = 4");
            run(&place, &[&back]).await.unwrap();
            assert_eq!(broken_at(&store).await, None, "{column}");
        }
    }
    // What moves from one field to the next stays no longer the same.
    run(&place, &["UPDATE audit SET principal = 'pp', principal_name = '@example' WHERE number = 10"]).await.unwrap();
    assert_eq!(broken_at(&store).await, Some(10));
}

async fn a_line_with_a_new_hash_is_found(place: StoreUrl) {
    let store = unguarded(&place).await;
    let mut line = store.audit_from(4, 1).await.unwrap().remove(0);
    line.entry.outcome = "Failed".to_owned();
    line.entry.details = json!({});
    let hash = documented_hash(&line);
    let change = format!("UPDATE audit SET outcome = 'Failed', details = '{{}}', hash = '{hash}' WHERE number = 4");
    run(&place, &[&change]).await.unwrap();
    assert_eq!(broken_at(&store).await, Some(5));
    let newer = format!("UPDATE audit SET previous = '{hash}' WHERE number = 5");
    run(&place, &[&newer]).await.unwrap();
    assert_eq!(broken_at(&store).await, Some(5));
}

async fn a_removed_line_is_found(place: StoreUrl) {
    let store = unguarded(&place).await;
    run(&place, &["DELETE FROM audit WHERE number = 7"]).await.unwrap();
    let found = store.verify_audit().await.unwrap().unwrap_err();
    assert_eq!(found.number, 7);
    assert!(found.why.contains("line 8 stands where line 7 should be"), "{}", found.why);
    run(&place, &["DELETE FROM audit WHERE number = 1"]).await.unwrap();
    assert_eq!(broken_at(&store).await, Some(1));
    run(&place, &["DELETE FROM audit WHERE number < 10"]).await.unwrap();
    assert_eq!(broken_at(&store).await, Some(1));
}

async fn a_swapped_pair_is_found(place: StoreUrl) {
    let store = unguarded(&place).await;
    let swap = [
        "UPDATE audit SET number = 99 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 4",
        "UPDATE audit SET number = 4 WHERE number = 99",
    ];
    run(&place, &swap).await.unwrap();
    assert_eq!(broken_at(&store).await, Some(3));
    // Also where each is made to point to the one before.
    let chain = [
        "UPDATE audit SET previous = (SELECT hash FROM audit WHERE number = 2) WHERE number = 3",
        "UPDATE audit SET previous = (SELECT hash FROM audit WHERE number = 3) WHERE number = 4",
        "UPDATE audit SET previous = (SELECT hash FROM audit WHERE number = 4) WHERE number = 5",
    ];
    run(&place, &chain).await.unwrap();
    assert_eq!(broken_at(&store).await, Some(3));
}

async fn a_wrong_number_is_found(place: StoreUrl) {
    let store = unguarded(&place).await;
    for (own, other, broken) in [(10, 12, 10), (5, 50, 5), (1, 0, 1), (1, -3, 1)] {
        run(&place, &[&format!("UPDATE audit SET number = {other} WHERE number = {own}")]).await.unwrap();
        assert_eq!(broken_at(&store).await, Some(broken), "{own} as {other}");
        run(&place, &[&format!("UPDATE audit SET number = {own} WHERE number = {other}")]).await.unwrap();
        assert_eq!(broken_at(&store).await, None);
    }
}
