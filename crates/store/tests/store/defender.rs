//! What Defender for Cloud said, kept until it is asked again, beside what is said here.

use std::{collections::BTreeMap, sync::Arc};

use skywarden_content::Catalog;
use skywarden_model::{DefenderRecommendation, DefenderScore, DefenderView};
use skywarden_store::{ScopeFilter, Store};

use crate::{ALL, at, commit, on_both, plain, resource};

on_both!(what_defender_said_is_kept_until_it_is_asked_again, only_what_is_seen_whole_is_compared);

fn view(title: &str) -> DefenderView {
    let told = DefenderRecommendation {
        title: title.to_owned(),
        unhealthy: ["arn:a".into()].into(),
        ..DefenderRecommendation::default()
    };
    DefenderView {
        recommendations: BTreeMap::from([("key".to_owned(), told)]),
        score: Some(DefenderScore { current: 1.0, max: 2.0, percentage: 0.5 }),
        ..DefenderView::default()
    }
}

fn views(all: &[(&str, &str)]) -> BTreeMap<Arc<str>, DefenderView> {
    all.iter().map(|(account, title)| ((*account).into(), view(title))).collect()
}

async fn what_defender_said_is_kept_until_it_is_asked_again(store: &Store) {
    commit(store, plain("c", &[resource("c", "1", "arn:a")], 0)).await;
    assert_eq!(store.defender(&ALL, "c").await.unwrap(), []);
    store.keep_defender("c", &views(&[("1", "old"), ("2", "gone")]), at(1)).await.unwrap();
    store.keep_defender("d", &views(&[("1", "another connector's")]), at(1)).await.unwrap();
    store.keep_defender("c", &views(&[("1", "it's new\u{202e}")]), at(2)).await.unwrap();
    let kept = store.defender(&ALL, "c").await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].account.as_ref(), kept[0].taken_at), ("1", at(2)));
    assert_eq!(kept[0].view, view("it's new\u{202e}"));
    store.remove_connector("c").await.unwrap();
    assert_eq!(store.defender(&ALL, "c").await.unwrap(), []);
    assert_eq!(store.defender(&ALL, "d").await.unwrap().len(), 1);
}

async fn only_what_is_seen_whole_is_compared(store: &Store) {
    let estate = [resource("c", "1", "arn:a"), resource("c", "2", "arn:b")];
    commit(store, plain("c", &estate, 0)).await;
    let catalog = Catalog::default();
    let beside = async |filter: &ScopeFilter| store.beside_defender(filter, &catalog, "c", 10, at(3)).await.unwrap();
    assert!(beside(&ALL).await.is_none(), "it was never asked");
    store.keep_defender("c", &views(&[("1", "one"), ("2", "two")]), at(2)).await.unwrap();
    let all = beside(&ALL).await.unwrap();
    assert_eq!((all.connector.as_str(), all.taken_at, all.scores.len()), ("c", at(2), 2));
    assert_eq!(all.agreement.only_ours[0].unhealthy, 2);
    let one = beside(&ScopeFilter::accounts([("c".to_owned(), "1".to_owned())])).await.unwrap();
    assert_eq!((one.scores.len(), one.scores[0].account.as_ref(), one.scores[0].ours), (1, "1", Some(0.25)));
    assert_eq!(one.scores[0].theirs.map(|own| own.percentage), Some(0.5));
    assert_eq!((one.agreement.only_ours[0].unhealthy, one.agreement.only_theirs[0].title.as_str()), (1, "one"));
    assert!(beside(&ScopeFilter::accounts([("d".to_owned(), "1".to_owned())])).await.is_none());
}
