//! Secrets are sealed at rest, under keys that can be changed while others read and write.

use skywarden_store::{Store, StoreError, StoreUrl};
use skywarden_vault::SecretKey;

use crate::{at, audit::run, on_both};

on_both!(
    a_secret_comes_back_to_who_has_the_master_key,
    the_first_of_two_stays,
    rotation_loses_nothing_and_other_processes_follow,
    the_master_key_changes_without_the_secrets,
);

fn key() -> SecretKey {
    SecretKey::generate().unwrap()
}

fn same(key: &SecretKey) -> SecretKey {
    SecretKey::from_text(&key.to_text()).unwrap()
}

async fn a_secret_comes_back_to_who_has_the_master_key(store: &Store) {
    let master = key();
    let vault = store.open_vault(same(&master)).await.unwrap();
    vault.put("a", b"\0secret\xff").await.unwrap();
    assert_eq!(store.open_vault(same(&master)).await.unwrap().get("a").await.unwrap().unwrap(), b"\0secret\xff");
    assert_eq!(vault.get("b").await.unwrap(), None);
    let error = store.open_vault(key()).await.unwrap_err();
    assert!(matches!(error, StoreError::MasterKey { .. }), "{error}");
    assert!(error.to_string().contains(master.id()), "it says which key is needed: {error}");
    assert!(vault.remove("a").await.unwrap());
    assert!(!vault.remove("a").await.unwrap());
}

async fn the_first_of_two_stays(store: &Store) {
    let vault = store.open_vault(key()).await.unwrap();
    assert_eq!(vault.put_once("a", b"1").await.unwrap(), b"1");
    assert_eq!(vault.put_once("a", b"2").await.unwrap(), b"1");
    vault.put("a", b"3").await.unwrap();
    assert_eq!(vault.get("a").await.unwrap().unwrap(), b"3");
}

async fn rotation_loses_nothing_and_other_processes_follow(store: &Store) {
    let master = key();
    let (one, other) = (store.open_vault(same(&master)).await.unwrap(), store.open_vault(same(&master)).await.unwrap());
    one.put("a", b"1").await.unwrap();
    other.put("b", b"2").await.unwrap();
    let rotated = one.rotate(at(4_000_000_000)).await.unwrap();
    assert_eq!(rotated.n_sealed, 2);
    other.put("c", b"3").await.unwrap();
    for (name, secret) in [("a", b"1"), ("b", b"2"), ("c", b"3")] {
        assert_eq!(other.get(name).await.unwrap().unwrap(), secret);
        assert_eq!(one.get(name).await.unwrap().unwrap(), secret);
    }
    let keys = one.keys().await.unwrap();
    assert_eq!(keys.iter().map(|(_, _, count)| *count).collect::<Vec<_>>(), [0, 3], "all are sealed under the new key");
    assert_eq!(keys.last().unwrap().0, rotated.key);
}

async fn the_master_key_changes_without_the_secrets(store: &Store) {
    let (old, new) = (key(), key());
    let vault = store.open_vault(same(&old)).await.unwrap();
    let running = store.open_vault(same(&old)).await.unwrap();
    vault.put("a", b"1").await.unwrap();
    vault.change_master(same(&new)).await.unwrap();
    assert!(matches!(store.open_vault(old).await.unwrap_err(), StoreError::MasterKey { .. }));
    assert_eq!(store.open_vault(new).await.unwrap().get("a").await.unwrap().unwrap(), b"1");
    assert_eq!(running.get("a").await.unwrap().unwrap(), b"1", "a server that runs goes on");
    running.put("b", b"2").await.unwrap();
    assert_eq!(vault.get("b").await.unwrap().unwrap(), b"2");
    vault.rotate(at(4_000_000_000)).await.unwrap();
    assert_eq!(vault.get("a").await.unwrap().unwrap(), b"1");
}

#[tokio::test]
async fn a_secret_moved_to_another_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let store = Store::open_file(&file).await.unwrap();
    let vault = store.open_vault(key()).await.unwrap();
    vault.put("totp/ann", b"of ann").await.unwrap();
    vault.put("totp/bob", b"of bob").await.unwrap();
    let moved = "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'totp/ann') WHERE name = 'totp/bob'";
    run(&StoreUrl::Sqlite(file), &[moved]).await.unwrap();
    let error = vault.get("totp/bob").await.unwrap_err();
    assert!(matches!(&error, StoreError::Secret { name, .. } if name == "totp/bob"), "{error}");
    assert_eq!(vault.get("totp/ann").await.unwrap().unwrap(), b"of ann");
}
