//! Connectors as people write them, and accounts of which nothing was read yet.

use std::collections::{BTreeMap, BTreeSet};

use skywarden_content::Catalog;
use skywarden_model::{Connector, Resource, Scope, setting, subscription_id};
use skywarden_policy::Scope as At;
use skywarden_store::{ConnectorWritten, ScopeFilter, Store};

use crate::{ALL, at, commit, connector, on_both, plain, resource};

on_both!(
    an_account_is_there_from_its_connection_on,
    a_connector_is_written_by_who_knows_what_is_there,
    one_account_has_one_connector,
    of_those_who_write_at_once_one_wins,
    a_run_leaves_the_settings_alone,
    what_was_never_read_is_not_judged_anew,
    accounts_are_called_as_they_call_themselves,
);

fn of_account(id: &str, account: &str) -> Connector {
    Connector { settings: BTreeMap::from([(setting::ACCOUNT.to_owned(), account.to_owned())]), ..connector(id) }
}

async fn an_account_is_there_from_its_connection_on(store: &Store) {
    let own = of_account("c", "1");
    store.put_connector(&own).await.unwrap();
    store.put_connector(&own).await.unwrap();
    let pair = ("c".to_owned(), "1".to_owned());
    assert_eq!(store.accounts(&ALL).await.unwrap(), std::slice::from_ref(&pair));
    let scope = Scope { connector: "c".into(), account: "1".into(), resource_group: "".into() };
    let subscription = subscription_id(&scope).to_string();
    assert_eq!(store.account_named(&ALL, &subscription).await.unwrap(), Some(pair.clone()));
    // Roles can be held there.
    let role = At::Subscription(subscription);
    let filter = store.filter_of(&BTreeSet::from([&role])).await.unwrap();
    assert_eq!(filter, ScopeFilter::accounts([pair]));
    assert_eq!(store.connectors(&filter).await.unwrap(), [own]);
    assert!(store.latest_scores(&ALL).await.unwrap().is_empty() && store.assessed(&ALL).await.unwrap().is_empty());
    commit(store, plain("c", &[resource("c", "1", "arn:a")], 0)).await;
    assert_eq!((store.latest_scores(&ALL).await.unwrap().len(), store.accounts(&ALL).await.unwrap().len()), (1, 1));
    // What leads to an organisation has nothing of its own.
    let mut organization = of_account("organization-2", "2");
    organization.settings.insert(setting::MEMBER_ROLE.to_owned(), "Reader".to_owned());
    store.put_connector(&organization).await.unwrap();
    assert_eq!(store.accounts(&ALL).await.unwrap().len(), 1);
    store.remove_connector("c").await.unwrap();
    assert!(store.accounts(&ALL).await.unwrap().is_empty());
}

async fn a_connector_is_written_by_who_knows_what_is_there(store: &Store) {
    let (first, second) = (of_account("c", "1"), Connector { display_name: "renamed".to_owned(), ..of_account("c", "1") });
    assert_eq!(store.write_connector(&first, None).await.unwrap(), ConnectorWritten::Done);
    assert_eq!(store.write_connector(&second, None).await.unwrap(), ConnectorWritten::Conflict, "there is one");
    assert_eq!(store.write_connector(&of_account("C", "9"), None).await.unwrap(), ConnectorWritten::Conflict, "in any case");
    assert_eq!(store.write_connector(&second, Some(&first)).await.unwrap(), ConnectorWritten::Done);
    assert_eq!(store.write_connector(&first, Some(&first)).await.unwrap(), ConnectorWritten::Conflict, "it was renamed");
    assert_eq!(store.connectors(&ALL).await.unwrap(), std::slice::from_ref(&second));
    store.remove_connector("c").await.unwrap();
    assert_eq!(store.write_connector(&first, Some(&second)).await.unwrap(), ConnectorWritten::Conflict, "it is gone");
    assert!(store.connectors(&ALL).await.unwrap().is_empty() && store.accounts(&ALL).await.unwrap().is_empty());
}

async fn one_account_has_one_connector(store: &Store) {
    let first = of_account("c", "1");
    store.write_connector(&first, None).await.unwrap();
    let taken = store.write_connector(&of_account("d", "1"), None).await.unwrap();
    assert_eq!(taken, ConnectorWritten::AccountTaken("c".into()));
    assert_eq!(store.connectors(&ALL).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(store.write_connector(&first, Some(&first)).await.unwrap(), ConnectorWritten::Done, "its own is no other's");
    // The connector of an organisation may name the account that it logs in to.
    let mut organization = of_account("e", "3");
    organization.settings.insert(setting::MEMBER_ROLE.to_owned(), "Reader".to_owned());
    store.put_connector(&organization).await.unwrap();
    assert_eq!(store.write_connector(&of_account("f", "3"), None).await.unwrap(), ConnectorWritten::Done);
}

async fn of_those_who_write_at_once_one_wins(store: &Store) {
    let names: Vec<String> = (0..8).map(|number| format!("c{number}")).collect();
    let writes = names.iter().map(|name| {
        let (store, own) = (store.clone(), of_account(name, "1"));
        tokio::spawn(async move { store.write_connector(&own, None).await.unwrap() })
    });
    let mut written = Vec::new();
    for write in writes.collect::<Vec<_>>() {
        written.push(write.await.unwrap());
    }
    let known = store.connectors(&ALL).await.unwrap();
    assert_eq!((known.len(), store.accounts(&ALL).await.unwrap().len()), (1, 1));
    let taken = ConnectorWritten::AccountTaken(known[0].id.clone());
    assert_eq!(written.iter().filter(|own| **own == taken).count(), names.len() - 1, "{written:?}");
}

async fn a_run_leaves_the_settings_alone(store: &Store) {
    let own = of_account("c", "1");
    store.put_connector(&own).await.unwrap();
    // The run of the helper knows no settings, as one that began before they were written.
    commit(store, plain("c", &[resource("c", "1", "arn:a")], 0)).await;
    assert_eq!(store.connectors(&ALL).await.unwrap(), [own]);
}

async fn what_was_never_read_is_not_judged_anew(store: &Store) {
    let own = of_account("c", "1");
    store.put_connector(&own).await.unwrap();
    assert!(store.reassess(&Catalog::default(), &own, at(5)).await.unwrap().is_none());
    assert!(store.connector_coverage(&ALL).await.unwrap().is_empty(), "nobody looked");
    assert!(store.assessed(&ALL).await.unwrap().is_empty());
    commit(store, plain("c", &[resource("c", "1", "arn:a")], 6)).await;
    assert!(store.reassess(&Catalog::default(), &own, at(7)).await.unwrap().is_some());
}

async fn accounts_are_called_as_they_call_themselves(store: &Store) {
    const SUBSCRIPTION: &str = "Microsoft.Resources/subscriptions";
    let called = |connector: &str, account: &str, name: &str| Resource {
        type_name: SUBSCRIPTION.into(),
        name: name.to_owned(),
        ..resource(connector, account, &format!("/subscriptions/{account}"))
    };
    commit(store, plain("c", &[called("c", "1", "Shop"), called("c", "2", ""), resource("c", "3", "arn:b")], 0)).await;
    commit(store, plain("d", &[called("d", "4", "Bank")], 0)).await;
    let names = async |filter: &ScopeFilter, types: &[&str]| {
        let names = store.account_names(filter, types).await.unwrap();
        names.into_iter().map(|((connector, account), name)| format!("{connector}/{account} {name}")).collect::<Vec<_>>()
    };
    assert_eq!(names(&ALL, &[SUBSCRIPTION]).await, ["c/1 Shop", "d/4 Bank"]);
    assert_eq!(names(&ALL, &["Other", SUBSCRIPTION]).await, ["c/1 Shop", "d/4 Bank"]);
    assert_eq!(names(&ALL, &[]).await, Vec::<String>::new());
    let one = ScopeFilter::accounts([("d".to_owned(), "4".to_owned())]);
    assert_eq!(names(&one, &[SUBSCRIPTION]).await, ["d/4 Bank"]);
}
