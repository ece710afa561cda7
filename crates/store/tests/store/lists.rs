//! Pages, counts and what a restricted reader gets of them.

use std::collections::{BTreeMap, BTreeSet};

use skywarden_model::{Assessment, Resource, Scope, Status, TransitionKind};
use skywarden_store::{
    AssessmentQuery, ChangePoll, RecommendationCount, ResourceQuery, ScopeFilter, Store, StoreError, WrittenDetails,
};

use crate::{ALL, Given, assessment, at, commit, on_both, plain, resource, transition};

on_both!(
    counts_are_those_of_what_may_be_seen,
    resources_are_found_by_what_they_have,
    pages_of_assessments_hold_each_once,
    a_foreign_cursor_is_refused,
    texts_are_found_wherever_they_stand,
    a_text_that_very_many_have_is_counted_and_paged_too,
    verdicts_of_very_many_are_those_of_their_assessments,
    what_is_remembered_is_forgotten_when_the_estate_changes,
    a_restricted_reader_finds_his_changes_among_many_others,
    what_is_gone_is_shown_to_those_who_could_see_it,
    a_filter_of_many_accounts_works,
    an_empty_filter_shows_nothing,
    a_failed_reading_leaves_the_time_of_the_last_success,
    polls_go_with_their_connector,
);

fn only(pairs: &[(&str, &str)]) -> ScopeFilter {
    ScopeFilter::accounts(pairs.iter().map(|(connector, account)| ((*connector).to_owned(), (*account).to_owned())))
}

fn buckets(connector: &str, account: &str, n_buckets: usize) -> Vec<Resource> {
    (0..n_buckets).map(|number| resource(connector, account, &format!("arn:{connector}:{account}:{number:03}"))).collect()
}

/// Two accounts: 7 Unhealthy in c/1, 3 Unknown in d/2.
async fn two_accounts(store: &Store) {
    commit(store, plain("c", &buckets("c", "1", 7), 0)).await;
    commit(store, Given { status: Status::Unknown, ..plain("d", &buckets("d", "2", 3), 0) }).await;
}

async fn counts_are_those_of_what_may_be_seen(store: &Store) {
    two_accounts(store).await;
    let count = |unhealthy, unknown| {
        let recommendation = "r".to_owned();
        RecommendationCount { recommendation, unhealthy, unknown, ..RecommendationCount::default() }
    };
    let any = AssessmentQuery::default;
    let counts = async |filter: &ScopeFilter, query: AssessmentQuery| store.recommendation_counts(filter, &query).await.unwrap();
    assert_eq!(counts(&ALL, any()).await, [count(7, 3)]);
    assert_eq!(counts(&only(&[("c", "1")]), any()).await, [count(7, 0)]);
    assert_eq!(counts(&only(&[("c", "2")]), any()).await, []);
    assert_eq!(counts(&ALL, AssessmentQuery { connector: Some("d".to_owned()), ..any() }).await, [count(0, 3)]);
    assert_eq!(counts(&ALL, AssessmentQuery { account: Some("1".to_owned()), ..any() }).await, [count(7, 0)]);
    assert_eq!(counts(&ALL, AssessmentQuery { location: Some("nowhere".to_owned()), ..any() }).await, []);
    assert_eq!(counts(&ALL, AssessmentQuery::of("other")).await, []);
}

async fn resources_are_found_by_what_they_have(store: &Store) {
    two_accounts(store).await;
    let count = async |filter: &ScopeFilter, query: ResourceQuery| store.resource_count(filter, &query).await.unwrap();
    let any = ResourceQuery::default;
    assert_eq!(count(&ALL, any()).await, 10);
    assert_eq!(count(&only(&[("d", "2")]), any()).await, 3);
    assert_eq!(count(&ALL, ResourceQuery { connector: Some("c".to_owned()), ..any() }).await, 7);
    assert_eq!(count(&ALL, ResourceQuery { account: Some("2".to_owned()), ..any() }).await, 3);
    assert_eq!(count(&ALL, ResourceQuery { status: Some(Status::Unknown), ..any() }).await, 3);
    assert_eq!(count(&ALL, ResourceQuery { text: Some("C:1:00".to_owned()), ..any() }).await, 7);
    assert_eq!(count(&ALL, ResourceQuery { location: Some("nowhere".to_owned()), ..any() }).await, 0);
    let query = ResourceQuery { status: Some(Status::Unknown), limit: 2, ..any() };
    let page = store.resource_rows(&ALL, &query).await.unwrap();
    assert_eq!(page.items.iter().map(|row| (row.unknown, row.unhealthy, row.is_stale)).collect::<Vec<_>>(), [(1, 0, false); 2]);
    let page = store.resource_rows(&ALL, &ResourceQuery { cursor: page.next, ..query }).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
    let facets = store.facets(&ALL).await.unwrap();
    assert_eq!(
        facets.connectors.iter().map(|facet| (facet.value.as_str(), facet.count)).collect::<Vec<_>>(),
        [("c", 7), ("d", 3)]
    );
    assert_eq!(store.facets(&only(&[("c", "1")])).await.unwrap().accounts.len(), 1);
}

async fn pages_of_assessments_hold_each_once(store: &Store) {
    two_accounts(store).await;
    let pages = async |filter: &ScopeFilter, mut query: AssessmentQuery| {
        let mut seen = BTreeSet::new();
        loop {
            let page = store.assessment_page(filter, &query).await.unwrap();
            assert!(page.items.len() <= 2);
            for row in page.items {
                assert!(seen.insert(row.assessment.resource.to_string()), "twice");
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return seen.len(),
            }
        }
    };
    let query = || AssessmentQuery { limit: 2, ..AssessmentQuery::default() };
    assert_eq!(pages(&ALL, query()).await, 10);
    assert_eq!(pages(&only(&[("d", "2")]), query()).await, 3);
    let first = store.assessment_page(&ALL, &AssessmentQuery { limit: 8, ..query() }).await.unwrap().items;
    let statuses: Vec<Status> = first.iter().map(|row| row.assessment.status).collect();
    assert_eq!(statuses[..7], [Status::Unhealthy; 7]);
    assert_eq!((statuses[7], first[7].connector.as_str(), first[7].account.as_str()), (Status::Unknown, "d", "2"));
    assert_eq!(pages(&ALL, AssessmentQuery { status: Some(Status::Unknown), ..query() }).await, 3);
    assert_eq!(pages(&ALL, AssessmentQuery { limit: 2, ..AssessmentQuery::of("other") }).await, 0);
    assert_eq!(pages(&ALL, AssessmentQuery { text: Some("C:1:00".to_owned()), ..query() }).await, 7);
    let own = store.assessment(&only(&[("d", "2")]), "arn:d:2:000", "r").await.unwrap().unwrap();
    assert_eq!(own.assessment.status, Status::Unknown);
    assert!(store.assessment(&only(&[("c", "1")]), "arn:d:2:000", "r").await.unwrap().is_none());
    assert!(store.assessment(&ALL, "arn:d:2:000", "other").await.unwrap().is_none());
}

async fn texts_are_found_wherever_they_stand(store: &Store) {
    let named = |id: &str, name: &str| Resource { name: name.to_owned(), ..resource("c", "1", id) };
    let before = [named("arn:x:1", "Pay-Roll \"old\""), named("arn:x:2", "50%_off"), named("arn:x:3", "plain")];
    commit(store, plain("c", &before, 0)).await;
    let found = async |filter: &ScopeFilter, text: &str| {
        let query = ResourceQuery { text: Some(text.to_owned()), limit: 10, ..ResourceQuery::default() };
        let page = store.resource_rows(filter, &query).await.unwrap();
        assert_eq!(store.resource_count(filter, &query).await.unwrap(), page.items.len() as u64, "{text}");
        let of_assessments = AssessmentQuery { text: Some(text.to_owned()), limit: 10, ..AssessmentQuery::default() };
        assert_eq!(store.assessment_page(filter, &of_assessments).await.unwrap().items.len(), page.items.len(), "{text}");
        page.items.into_iter().map(|row| row.resource.id.to_string()).collect::<Vec<_>>()
    };
    for filter in [ALL, only(&[("c", "1")])] {
        assert_eq!(found(&filter, "pay-ROLL").await, ["arn:x:1"]);
        assert_eq!(found(&filter, "\"old\"").await, ["arn:x:1"]);
        assert_eq!(found(&filter, "%_of").await, ["arn:x:2"]);
        assert_eq!(found(&filter, "X:").await.len(), 3);
        assert_eq!(found(&filter, "a").await.len(), 3);
        assert_eq!(found(&filter, "roll OR plain").await.len(), 0);
    }
    assert_eq!(found(&only(&[("c", "2")]), "arn").await.len(), 0);
    commit(store, plain("c", &[named("arn:x:1", "other"), named("arn:x:3", "plain")], 1)).await;
    assert_eq!((found(&ALL, "pay-roll").await.len(), found(&ALL, "50%").await.len()), (0, 0));
    assert_eq!((found(&ALL, "other").await, found(&ALL, "arn:").await.len()), (vec!["arn:x:1".to_owned()], 2));
}

async fn a_text_that_very_many_have_is_counted_and_paged_too(store: &Store) {
    commit(store, plain("c", &buckets("c", "1", 2105), 0)).await;
    commit(store, Given { status: Status::Unknown, ..plain("d", &buckets("d", "2", 5), 0) }).await;
    for (filter, n_all) in [(ALL, 2110), (only(&[("c", "1")]), 2105)] {
        let query = ResourceQuery { text: Some("ARN:".to_owned()), limit: 500, ..ResourceQuery::default() };
        assert_eq!(store.resource_count(&filter, &query).await.unwrap(), n_all);
        let of_account = ResourceQuery { account: Some("1".to_owned()), ..query.clone() };
        assert_eq!(store.resource_count(&filter, &of_account).await.unwrap(), 2105);
        let unhealthy = ResourceQuery { status: Some(Status::Unhealthy), ..query.clone() };
        assert_eq!(store.resource_count(&filter, &unhealthy).await.unwrap(), 2105);
        let mut query = AssessmentQuery { text: Some("ARN:".to_owned()), limit: 500, ..AssessmentQuery::default() };
        let counts = store.assessment_counts(&filter, &query).await.unwrap();
        assert_eq!((counts[&Status::Unhealthy], counts.values().sum::<u64>()), (2105, n_all));
        let mut seen = BTreeSet::new();
        loop {
            let page = store.assessment_page(&filter, &query).await.unwrap();
            seen.extend(page.items.iter().map(|row| row.assessment.resource.to_string()));
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len() as u64, n_all);
    }
}

async fn verdicts_of_very_many_are_those_of_their_assessments(store: &Store) {
    let moved = |resource: &Resource| {
        let scope = Scope { resource_group: "us-east-1".into(), ..resource.scope.clone() };
        Resource { type_name: "AWS::IAM::Role".into(), scope, ..resource.clone() }
    };
    let first = buckets("c", "1", 2200);
    commit(store, plain("c", &first, 0)).await;
    commit(store, Given { status: Status::Unknown, ..plain("d", &buckets("d", "2", 30), 0) }).await;
    compare_with_targets(store).await;
    // One is gone, one moved, and a client judges.
    let mut second = first[1..].to_vec();
    second[4] = moved(&second[4]);
    let written =
        |recommendation: &str, status| Assessment { recommendation: recommendation.into(), ..assessment(&second[7], status) };
    for (recommendation, status) in [("w", Status::Unhealthy), ("x", Status::NotApplicable)] {
        store.write_assessment(&written(recommendation, status), &WrittenDetails::default(), at(1)).await.unwrap();
    }
    compare_with_targets(store).await;
    store.remove_written_assessment(&second[7].id, "x", at(2)).await.unwrap();
    commit(store, Given { status: Status::Healthy, ..plain("c", &second, 3) }).await;
    compare_with_targets(store).await;
    // What stays as it is but for its place takes its verdict along.
    second[5] = moved(&second[5]);
    commit(store, Given { status: Status::Healthy, ..plain("c", &second, 4) }).await;
    compare_with_targets(store).await;
}

/// Compares what a text finds that very many have with the assessments themselves.
async fn compare_with_targets(store: &Store) {
    let scopes =
        ["/subscriptions/1/resourceGroups/eu-west-1", "arn:d:2:003"].map(|text| skywarden_policy::Scope::parse(text).unwrap());
    let part = store.filter_of(&scopes.iter().collect()).await.unwrap();
    let text = |text: &str| AssessmentQuery { text: Some(text.to_owned()), limit: 500, ..AssessmentQuery::default() };
    for filter in [ALL, only(&[("c", "1")]), part] {
        for query in [
            text("ARN:"),
            text("rn"),
            AssessmentQuery { status: Some(Status::Unhealthy), ..text("arn:") },
            AssessmentQuery { recommendations: Some(["w".to_owned(), "x".to_owned()].into()), ..text("arn:") },
            AssessmentQuery { type_name: Some("AWS::IAM::Role".to_owned()), ..text("arn:") },
            AssessmentQuery { account: Some("2".to_owned()), ..text("arn:") },
        ] {
            let targets = store.assessment_targets(&filter, &query).await.unwrap();
            let mut expected: BTreeMap<Status, u64> = BTreeMap::new();
            targets.iter().for_each(|own| *expected.entry(own.status).or_default() += 1);
            assert_eq!(store.assessment_counts(&filter, &query).await.unwrap(), expected, "{query:?}");
            let (mut query, mut seen) = (query, Vec::new());
            loop {
                let page = store.assessment_page(&filter, &query).await.unwrap();
                seen.extend(page.items.iter().map(|row| (row.assessment.resource.to_string(), row.assessment.status)));
                query.cursor = page.next;
                if query.cursor.is_none() {
                    break;
                }
            }
            let place = |(_, status): &(String, Status)| match status {
                Status::Unhealthy => 0,
                Status::Unknown => 1,
                Status::Healthy => 2,
                Status::NotApplicable => 3,
            };
            assert!(seen.is_sorted_by_key(place), "{query:?}");
            seen.sort();
            let mut targets: Vec<(String, Status)> = targets.into_iter().map(|own| (own.resource, own.status)).collect();
            targets.sort();
            assert_eq!(seen, targets, "{query:?}");
        }
    }
}

async fn what_is_remembered_is_forgotten_when_the_estate_changes(store: &Store) {
    two_accounts(store).await;
    let count = async || store.facets(&ALL).await.unwrap().connectors.iter().map(|own| own.count).sum::<u64>();
    assert_eq!((count().await, count().await), (10, 10));
    commit(store, plain("c", &buckets("c", "1", 2), 1)).await;
    assert_eq!(count().await, 5);
    assert_eq!(store.facets(&only(&[("c", "1")])).await.unwrap().accounts[0].count, 2);
    store.remove_connector("d").await.unwrap();
    assert_eq!(count().await, 2);
}

async fn a_foreign_cursor_is_refused(store: &Store) {
    let query = AssessmentQuery { cursor: Some("nonsense".to_owned()), limit: 5, ..AssessmentQuery::default() };
    assert!(matches!(store.assessment_page(&ALL, &query).await, Err(StoreError::Cursor(_))));
}

async fn a_restricted_reader_finds_his_changes_among_many_others(store: &Store) {
    let (own, others) = (buckets("c", "1", 1), buckets("d", "2", 600));
    let opened = [transition(&own[0], TransitionKind::Opened, at(0))];
    commit(store, Given { transitions: &opened, ..plain("c", &own, 0) }).await;
    let opened: Vec<_> = others.iter().map(|other| transition(other, TransitionKind::Opened, at(1))).collect();
    commit(store, Given { transitions: &opened, ..plain("d", &others, 1) }).await;
    assert_eq!(store.transitions(&only(&[("c", "1")]), at(0)).await.unwrap().len(), 1);
    assert_eq!(store.transitions(&ALL, at(0)).await.unwrap().len(), 500);
    let page = store.resources(&only(&[("c", "1")]), &ResourceQuery { limit: 5, ..ResourceQuery::default() }).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
}

async fn what_is_gone_is_shown_to_those_who_could_see_it(store: &Store) {
    let both = buckets("c", "1", 2);
    commit(store, plain("c", &both, 0)).await;
    let gone = [transition(&both[1], TransitionKind::Gone, at(1))];
    commit(store, Given { transitions: &gone, ..plain("c", &both[..1], 1) }).await;
    assert_eq!(store.transitions(&only(&[("c", "1")]), at(1)).await.unwrap(), gone);
    assert_eq!(store.transitions(&only(&[("c", "2")]), at(1)).await.unwrap(), []);
}

async fn a_filter_of_many_accounts_works(store: &Store) {
    two_accounts(store).await;
    let mut pairs: BTreeMap<String, String> = (0..2000).map(|number| (format!("x{number}"), "1".to_owned())).collect();
    pairs.insert("c".to_owned(), "1".to_owned());
    let filter = ScopeFilter::accounts(pairs);
    assert_eq!(store.assessments(&filter).await.unwrap().len(), 7);
    assert_eq!(store.recommendation_counts(&filter, &AssessmentQuery::default()).await.unwrap().len(), 1);
}

async fn an_empty_filter_shows_nothing(store: &Store) {
    two_accounts(store).await;
    let nothing = only(&[]);
    assert_eq!(store.assessments(&nothing).await.unwrap().len(), 0);
    assert_eq!(store.recommendation_counts(&nothing, &AssessmentQuery::default()).await.unwrap().len(), 0);
    assert_eq!(store.resources(&nothing, &ResourceQuery::default()).await.unwrap().items.len(), 0);
    assert_eq!(store.transitions(&nothing, at(0)).await.unwrap().len(), 0);
    assert_eq!(store.connectors(&nothing).await.unwrap().len(), 0);
}

async fn polls_go_with_their_connector(store: &Store) {
    let poll = |second, error: Option<&str>| ChangePoll {
        at: at(second),
        seen_up_to: at(1),
        recent: BTreeMap::from([("x".to_owned(), at(1))]),
        error: error.map(str::to_owned),
    };
    store.put_change_poll("p", &poll(1, None)).await.unwrap();
    store.put_change_poll("p", &poll(2, Some("refused"))).await.unwrap();
    assert_eq!(store.change_polls(&ALL).await.unwrap()["p"], poll(2, Some("refused")));
    assert!(store.change_polls(&only(&[("d", "2")])).await.unwrap().is_empty());
    store.remove_connector("p").await.unwrap();
    assert!(store.change_polls(&ALL).await.unwrap().is_empty());
}

async fn a_failed_reading_leaves_the_time_of_the_last_success(store: &Store) {
    store.put_attempt("c", at(1), None).await.unwrap();
    store.put_attempt("c", at(2), Some("the login has expired")).await.unwrap();
    store.put_attempt("d", at(1), Some("no such role")).await.unwrap();
    let attempts = store.attempts(&ALL).await.unwrap();
    let told = |connector: &str| (attempts[connector].at, attempts[connector].succeeded_at, attempts[connector].error.as_deref());
    assert_eq!(told("c"), (at(2), Some(at(1)), Some("the login has expired")));
    assert_eq!(told("d"), (at(1), None, Some("no such role")));
    store.put_attempt("c", at(3), None).await.unwrap();
    assert_eq!(store.attempts(&ALL).await.unwrap()["c"].error, None);
    let seen = store.attempts(&only(&[("d", "2")])).await.unwrap();
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["d"]);
    store.remove_connector("d").await.unwrap();
    assert!(!store.attempts(&ALL).await.unwrap().contains_key("d"));
}
