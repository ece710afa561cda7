//! What logs say has changed, from being told to being read.

use std::collections::{BTreeMap, BTreeSet};

use skywarden_model::Changed;
use skywarden_store::{ChangePace, Store};

use crate::{at, on_both};

on_both!(
    changes_wait_for_quiet_but_not_for_ever,
    what_is_told_again_while_it_is_read_is_read_again,
    what_a_scan_may_have_seen_as_it_was_is_read_once_more,
    what_fails_is_put_off,
);

fn changed(account: &str, name: &str, calls: &[&str]) -> Changed {
    Changed {
        account: account.to_owned(),
        type_name: "AWS::S3::Bucket".into(),
        region: "global".to_owned(),
        fields: BTreeMap::from([("Name".to_owned(), name.to_owned())]),
        calls: calls.iter().map(|call| (*call).to_owned()).collect(),
    }
}

async fn keep(store: &Store, changes: &[Changed], second: i64) {
    store.keep_changes(changes, ChangePace::default(), at(second)).await.unwrap();
}

async fn due(store: &Store, second: i64) -> Vec<Changed> {
    store.due_changes(at(second), 100).await.unwrap().into_iter().map(|pending| pending.changed).collect()
}

async fn changes_wait_for_quiet_but_not_for_ever(store: &Store) {
    keep(store, &[changed("1", "a", &["One"]), changed("1", "b\0", &[])], 0).await;
    assert_eq!(due(store, 0).await, []);
    assert_eq!(store.next_change().await.unwrap(), Some(at(1)));
    assert_eq!(due(store, 1).await.len(), 2);
    for second in 1..=9 {
        keep(store, &[changed("1", "a", &["Two"])], second).await;
    }
    assert_eq!(due(store, 9).await.len(), 1, "the other one");
    assert!(due(store, 10).await.contains(&changed("1", "a", &["One", "Two"])));
}

async fn what_is_told_again_while_it_is_read_is_read_again(store: &Store) {
    keep(store, &[changed("1", "a", &[])], 0).await;
    let pending = store.due_changes(at(1), 100).await.unwrap();
    keep(store, &[changed("1", "a", &[])], 2).await;
    store.settle_changes(&pending, at(3)).await.unwrap();
    assert_eq!(due(store, 5).await.len(), 1);
    let pending = store.due_changes(at(5), 100).await.unwrap();
    store.settle_changes(&pending, at(6)).await.unwrap();
    assert_eq!(due(store, 100).await, []);
    keep(store, &[changed("1", "a", &["One"])], 101).await;
    assert_eq!(due(store, 102).await, [changed("1", "a", &["One"])], "what was read already is not joined with");
}

async fn what_a_scan_may_have_seen_as_it_was_is_read_once_more(store: &Store) {
    keep(store, &[changed("1", "early", &[]), changed("2", "other", &[])], 0).await;
    store.settle_changes(&store.due_changes(at(1), 100).await.unwrap(), at(1)).await.unwrap();
    keep(store, &[changed("1", "late", &[])], 10).await;
    store.settle_changes(&store.due_changes(at(11), 100).await.unwrap(), at(12)).await.unwrap();
    store.scanned_since("1", at(11), at(20)).await.unwrap();
    assert_eq!(due(store, 20).await, [changed("1", "late", &[])]);
    store.settle_changes(&store.due_changes(at(20), 100).await.unwrap(), at(21)).await.unwrap();
    store.scanned_since("1", at(30), at(40)).await.unwrap();
    assert_eq!(due(store, 100).await, []);
    keep(store, &[changed("3", "gone", &[])], 50).await;
    store.forget_changes_but_of(&BTreeSet::from(["1".to_owned()])).await.unwrap();
    assert_eq!(store.next_change().await.unwrap(), None);
}

async fn what_fails_is_put_off(store: &Store) {
    keep(store, &[changed("1", "a", &[])], 0).await;
    let pending = store.due_changes(at(1), 100).await.unwrap();
    store.postpone_change(&pending[0], at(30)).await.unwrap();
    assert_eq!(due(store, 29).await, []);
    let again = store.due_changes(at(30), 100).await.unwrap();
    assert_eq!((again[0].n_tries, &again[0].changed), (1, &pending[0].changed));
}
