//! What several accounts see and one owns.

use skywarden_content::Catalog;
use skywarden_model::{Coverage, ListOutcome, Resource, Snapshot};
use skywarden_store::{ResourceQuery, Store};

use crate::{ALL, at, connector, on_both, resource};

on_both!(
    what_an_account_owns_is_its_own_whoever_sees_it_last,
    what_nobody_connected_owns_stays_with_the_first_who_sees_it,
    what_its_owner_lost_sight_of_is_held_by_who_sees_it,
    judging_anew_rests_on_what_was_seen_of_other_accounts,
);

const ROOT: &str = "arn:aws:organizations::1:root/o-1/r-1";

/// Reads an account's listing of one type.
async fn scan(store: &Store, account: &str, ids: &[&str], outcome: ListOutcome, second: i64) {
    let id = format!("aws-{account}");
    let snapshot = Snapshot {
        connector: id.as_str().into(),
        taken_at: at(second),
        resources: ids.iter().map(|own| resource(&id, account, own)).collect(),
        coverage: vec![Coverage {
            type_name: "AWS::S3::Bucket".into(),
            account: account.into(),
            region: "eu-west-1".into(),
            outcome,
            denied: Vec::new(),
        }],
    };
    store.assess(&Catalog::default(), &connector(&id), snapshot, at(second)).await.unwrap();
}

async fn sees(store: &Store, account: &str, ids: &[&str], second: i64) {
    scan(store, account, ids, ListOutcome::Complete { n_resources: ids.len() as u64 }, second).await;
}

/// (account, id) of everything that is held, in order of ids.
async fn held(store: &Store) -> Vec<(String, String)> {
    let page = store.resources(&ALL, &ResourceQuery { limit: 100, ..ResourceQuery::default() }).await.unwrap();
    let mut held: Vec<(String, String)> =
        page.items.iter().map(|own: &Resource| (own.scope.account.to_string(), own.id.to_string())).collect();
    held.sort_by(|(_, left), (_, right)| left.cmp(right));
    let counts = store.account_counts(&ALL).await.unwrap();
    for own in &counts {
        let n_held = held.iter().filter(|(account, _)| *account == own.account).count();
        assert_eq!(own.n_resources, n_held as u64, "account {}", own.account);
    }
    assert_eq!(counts.iter().map(|own| own.n_resources).sum::<u64>(), held.len() as u64);
    held
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(account, id)| ((*account).to_owned(), (*id).to_owned())).collect()
}

async fn what_an_account_owns_is_its_own_whoever_sees_it_last(store: &Store) {
    sees(store, "2", &[ROOT, "arn:aws:sqs:eu-west-1:2:jobs"], 0).await;
    assert_eq!(held(store).await, pairs(&[("2", ROOT), ("2", "arn:aws:sqs:eu-west-1:2:jobs")]));
    sees(store, "1", &[ROOT], 1).await;
    for second in 2..4 {
        sees(store, "2", &[ROOT, "arn:aws:sqs:eu-west-1:2:jobs"], second).await;
        assert_eq!(held(store).await, pairs(&[("1", ROOT), ("2", "arn:aws:sqs:eu-west-1:2:jobs")]));
    }
}

async fn what_nobody_connected_owns_stays_with_the_first_who_sees_it(store: &Store) {
    sees(store, "3", &[ROOT], 0).await;
    sees(store, "2", &[ROOT], 1).await;
    assert_eq!(held(store).await, pairs(&[("3", ROOT)]));
    sees(store, "3", &[], 2).await;
    sees(store, "2", &[ROOT], 3).await;
    assert_eq!(held(store).await, pairs(&[("2", ROOT)]));
}

async fn what_its_owner_lost_sight_of_is_held_by_who_sees_it(store: &Store) {
    sees(store, "1", &[ROOT], 0).await;
    let reason = serde_json::from_value(serde_json::json!({
        "kind": "denied", "operation": "organizations:ListRoots", "code": "AccessDenied", "message": ""
    }));
    scan(store, "1", &[], ListOutcome::Failed { reason: std::sync::Arc::new(reason.unwrap()) }, 1).await;
    assert_eq!(held(store).await, pairs(&[("1", ROOT)]));
    sees(store, "2", &[ROOT], 2).await;
    assert_eq!(held(store).await, pairs(&[("2", ROOT)]));
}

async fn judging_anew_rests_on_what_was_seen_of_other_accounts(store: &Store) {
    /// Judges account 2 anew; ids of what it rests on and others hold.
    async fn elsewhere(store: &Store, second: i64) -> Vec<String> {
        let (assessed, _) = store.reassess(&Catalog::default(), &connector("aws-2"), at(second)).await.unwrap().unwrap();
        assessed.held_elsewhere.iter().map(|own| own.id.to_string()).collect()
    }
    sees(store, "2", &[ROOT], 0).await;
    sees(store, "1", &[ROOT], 1).await;
    for second in 2..4 {
        assert_eq!(elsewhere(store, second).await, [ROOT]);
        assert_eq!(held(store).await, pairs(&[("1", ROOT)]));
    }
    store.remove_connector("aws-1").await.unwrap();
    assert_eq!(elsewhere(store, 4).await, [""; 0]);
    assert_eq!(held(store).await, pairs(&[("2", ROOT)]));
    sees(store, "1", &[ROOT], 5).await;
    sees(store, "2", &[], 6).await;
    assert_eq!(elsewhere(store, 7).await, [""; 0]);
    assert_eq!(held(store).await, pairs(&[("1", ROOT)]));
}
