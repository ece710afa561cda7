//! What the store keeps, on SQLite and on PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod alerts;
mod arm_objects;
mod audit;
mod changes;
mod common;
mod connectors;
mod defender;
mod grants;
mod identity;
mod lists;
mod parts;
mod policies;
mod queries;
mod secrets;
mod shared;
mod standards;
mod survival;
mod written;

use std::collections::BTreeMap;

use serde_json::json;
use skywarden_model::{
    Assessment, Carried, Connector, ControlScore, Coverage, Environment, Exemption, ExemptionCategory, ExemptionScope, FactTable,
    ListOutcome, Resource, Scope, SecureScore, Status, Timestamp, Transition, TransitionKind,
};
use skywarden_posture::JudgedControls;
use skywarden_store::{ResourceQuery, Run, ScopeFilter, Store, WriteStats};

const ALL: ScopeFilter = ScopeFilter::All;

/// Makes each function a test on either database.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { let (store, _folder) = crate::common::sqlite().await; super::$name(&store).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { let store = crate::common::postgres().await; super::$name(&store).await; })*
        }
    };
}
use on_both;

on_both!(
    an_unchanged_estate_is_not_written_again,
    verdicts_are_followed_over_time,
    what_is_gone_is_gone_and_what_is_stale_stays,
    pages_hold_every_resource_once,
    hostile_names_come_back_as_they_were,
    a_filter_hides_other_accounts_everywhere,
    removing_a_connector_removes_all_of_it,
    exemptions_are_kept_and_removed,
);

fn connector(id: &str) -> Connector {
    Connector {
        id: id.into(),
        environment: Environment::Aws,
        display_name: id.to_owned(),
        sample: false,
        settings: BTreeMap::new(),
    }
}

fn resource(connector: &str, account: &str, id: &str) -> Resource {
    Resource {
        id: id.into(),
        type_name: "AWS::S3::Bucket".into(),
        name: id.to_owned(),
        scope: Scope { connector: connector.into(), account: account.into(), resource_group: "eu-west-1".into() },
        location: Some("eu-west-1".to_owned()),
        tags: BTreeMap::new(),
        envelope: serde_json::Map::new(),
        properties: json!({ "Name": id }),
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}

fn assessment(resource: &Resource, status: Status) -> Assessment {
    Assessment {
        recommendation: "r".into(),
        resource: resource.id.clone(),
        status,
        cause: None,
        evidence: [].into(),
        findings: Box::default(),
    }
}

fn score() -> SecureScore {
    SecureScore {
        current: 1.0,
        max: 4.0,
        percentage: 0.25,
        weight: 1,
        range_weight: 1,
        coverage: 1.0,
        range: [0.25, 0.25],
        controls: vec![ControlScore {
            id: "mfa".into(),
            title: "Enable MFA".into(),
            max: 4.0,
            current: 1.0,
            percentage: 0.25,
            range: [1.0, 1.0],
            potential_increase: 3.0,
            healthy: 1,
            unhealthy: 3,
            unknown: 0,
            unlisted: 0,
            not_applicable: 0,
        }],
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn transition(resource: &Resource, kind: TransitionKind, at: Timestamp) -> Transition {
    Transition { recommendation: "r".into(), resource: resource.id.clone(), from: None, to: None, kind, at }
}

struct Given<'a> {
    connector: &'a str,
    resources: &'a [Resource],
    stale: &'a [&'a str],
    status: Status,
    transitions: &'a [Transition],
    compliance: &'a BTreeMap<(String, String), JudgedControls>,
    second: i64,
}

static NO_STANDARD: BTreeMap<(String, String), JudgedControls> = BTreeMap::new();

async fn commit(store: &Store, given: Given<'_>) -> WriteStats {
    let assessments: Vec<Assessment> = given.resources.iter().map(|resource| assessment(resource, given.status)).collect();
    let account = given.resources.first().map_or("1", |resource| resource.scope.account.as_ref());
    let coverage = [Coverage {
        type_name: "AWS::S3::Bucket".into(),
        account: account.into(),
        region: "eu-west-1".into(),
        outcome: ListOutcome::Complete { n_resources: given.resources.len() as u64 },
        denied: Vec::new(),
    }];
    let run = Run {
        connector: &connector(given.connector),
        at: at(given.second),
        taken_at: at(given.second),
        resources: given.resources,
        held_elsewhere: &[],
        stale: &given.stale.iter().map(|id| (*id).to_owned()).collect(),
        facts: &FactTable::new(),
        coverage: &coverage,
        assessments: &assessments,
        transitions: given.transitions,
        scores: &BTreeMap::from([(account.to_owned(), score())]),
        compliance: given.compliance,
    };
    store.commit(&run).await.unwrap()
}

fn plain<'a>(connector: &'a str, resources: &'a [Resource], second: i64) -> Given<'a> {
    Given { connector, resources, stale: &[], status: Status::Unhealthy, transitions: &[], compliance: &NO_STANDARD, second }
}

async fn an_unchanged_estate_is_not_written_again(store: &Store) {
    let estate: Vec<Resource> = (0..150).map(|number| resource("c", "1", &format!("arn:{number:03}"))).collect();
    let first = commit(store, plain("c", &estate, 0)).await;
    assert_eq!((first.n_written, first.n_rows), (301, 300));
    let second = commit(store, plain("c", &estate, 1)).await;
    // The point of the score's history is the only new row.
    assert_eq!((second.n_written, second.n_rows), (1, 300));
}

async fn verdicts_are_followed_over_time(store: &Store) {
    let estate = [resource("c", "1", "arn:a")];
    commit(store, plain("c", &estate, 0)).await;
    let resolved = [transition(&estate[0], TransitionKind::Resolved, at(1))];
    commit(store, Given { status: Status::Healthy, transitions: &resolved, ..plain("c", &estate, 1) }).await;
    let states = store.tracked("c").await.unwrap();
    assert_eq!((states[0].status, states[0].was_resolved), (Status::Healthy, true));
    assert_eq!((states[0].first_evaluated_at, states[0].status_changed_at), (at(0), at(1)));
    commit(store, plain("c", &estate, 2)).await;
    let states = store.tracked("c").await.unwrap();
    assert_eq!((states[0].status, states[0].was_resolved, states[0].status_changed_at), (Status::Unhealthy, true, at(2)));
    commit(store, Given { status: Status::Unknown, ..plain("c", &estate, 3) }).await;
    let states = store.tracked("c").await.unwrap();
    assert_eq!(
        (states[0].status, states[0].last_known, states[0].was_resolved),
        (Status::Unknown, Some(Status::Unhealthy), true)
    );
    assert_eq!(store.transitions(&ALL, at(1)).await.unwrap().len(), 1);
    assert_eq!(store.transitions(&ALL, at(2)).await.unwrap().len(), 0);
    let seconds = async |since, recent| {
        let points = store.score_parts(&ALL, since, recent).await.unwrap();
        points.into_iter().map(|own| own.at.chars().nth(18).unwrap()).collect::<String>()
    };
    assert_eq!(seconds(at(0), at(0)).await, "0123");
    assert_eq!(seconds(at(2), at(2)).await, "123", "what stood before it is told");
    assert_eq!(seconds(at(0), at(3)).await, "23", "the last of a day stands for it");
    assert_eq!(seconds(at(9), at(9)).await, "3");
    assert_eq!(store.latest_scores(&ALL).await.unwrap()[0].at, "2027-01-15T08:00:03.000000Z");
}

async fn what_is_gone_is_gone_and_what_is_stale_stays(store: &Store) {
    let both = [resource("c", "1", "arn:a"), resource("c", "1", "arn:b")];
    commit(store, plain("c", &both, 0)).await;
    commit(store, Given { stale: &["arn:b"], ..plain("c", &both, 1) }).await;
    assert_eq!(store.resources_of(&ALL, "c").await.unwrap().len(), 2);
    commit(store, plain("c", &both[..1], 2)).await;
    let left = store.resources_of(&ALL, "c").await.unwrap();
    assert_eq!(left.iter().map(|resource| resource.id.as_str()).collect::<Vec<_>>(), ["arn:a"]);
    assert_eq!(store.assessments(&ALL).await.unwrap().len(), 1);
}

async fn pages_hold_every_resource_once(store: &Store) {
    let estate: Vec<Resource> = (0..23).map(|number| resource("c", "1", &format!("arn:{number:02}_%"))).collect();
    commit(store, plain("c", &estate, 0)).await;
    let mut query = ResourceQuery { limit: 5, ..ResourceQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.resources(&ALL, &query).await.unwrap();
        assert!(page.items.len() <= 5);
        seen.extend(page.items.into_iter().map(|resource| resource.id.to_string()));
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, estate.iter().map(|resource| resource.id.to_string()).collect::<Vec<_>>());
    let found = store
        .resources(&ALL, &ResourceQuery { text: Some("07_%".to_owned()), limit: 50, ..ResourceQuery::default() })
        .await
        .unwrap();
    assert_eq!(found.items.len(), 1);
}

async fn hostile_names_come_back_as_they_were(store: &Store) {
    let mut hostile = resource("c", "1", "arn:'; DROP TABLE resources; --\u{202e}<script>");
    hostile.name = "\u{1b}[31m\"'\n\t<b>é\u{fffd}".to_owned();
    hostile.tags = BTreeMap::from([("k".repeat(65_536), "v\u{0}v".repeat(20_000))]);
    commit(store, plain("c", std::slice::from_ref(&hostile), 0)).await;
    let (found, _) = store.resource(&ALL, hostile.id.as_str()).await.unwrap().unwrap();
    assert_eq!(found, hostile);
}

async fn a_filter_hides_other_accounts_everywhere(store: &Store) {
    let (own, other) = ([resource("c", "1", "arn:own")], [resource("d", "2", "arn:other")]);
    let opened = [transition(&own[0], TransitionKind::Opened, at(0))];
    commit(store, Given { transitions: &opened, ..plain("c", &own, 0) }).await;
    let opened = [transition(&other[0], TransitionKind::Opened, at(0))];
    commit(store, Given { transitions: &opened, ..plain("d", &other, 0) }).await;
    let filter = ScopeFilter::accounts([("c".to_owned(), "1".to_owned())]);
    let query = ResourceQuery { limit: 50, ..ResourceQuery::default() };
    assert_eq!(store.resources(&filter, &query).await.unwrap().items.len(), 1);
    assert_eq!(store.connectors(&filter).await.unwrap().len(), 1);
    assert_eq!(store.assessments(&filter).await.unwrap().len(), 1);
    assert_eq!(store.coverage(&filter).await.unwrap().len(), 1);
    assert_eq!(store.score_parts(&filter, at(0), at(0)).await.unwrap().len(), 1);
    assert_eq!(store.transitions(&filter, at(0)).await.unwrap().len(), 1);
    assert!(store.resource(&filter, "arn:other").await.unwrap().is_none());
    assert!(store.resource(&filter, "arn:own").await.unwrap().is_some());
    assert!(store.assessments_on(&filter, "arn:other").await.unwrap().is_empty());
    assert!(store.resources_of(&filter, "d").await.unwrap().is_empty());
}

async fn removing_a_connector_removes_all_of_it(store: &Store) {
    let (kept, removed) = ([resource("c", "1", "arn:kept")], [resource("sample", "9", "arn:sample")]);
    commit(store, plain("c", &kept, 0)).await;
    commit(store, plain("sample", &removed, 0)).await;
    assert!(store.remove_connector("sample").await.unwrap());
    assert!(!store.remove_connector("sample").await.unwrap());
    assert_eq!(store.connectors(&ALL).await.unwrap().len(), 1);
    assert_eq!(store.assessments(&ALL).await.unwrap().len(), 1);
    assert_eq!(store.score_parts(&ALL, at(0), at(0)).await.unwrap().len(), 1);
    assert_eq!(store.coverage(&ALL).await.unwrap().len(), 1);
}

async fn exemptions_are_kept_and_removed(store: &Store) {
    let exemption = Exemption {
        id: "1".to_owned(),
        recommendation: "r".to_owned(),
        finding: None,
        scope: ExemptionScope::Resource { id: "arn:a".into() },
        category: ExemptionCategory::Waiver,
        reason: "accepted".to_owned(),
        expires_at: Some(at(9)),
        created_at: at(0),
        created_by: "someone".to_owned(),
    };
    store.put_exemption(&exemption).await.unwrap();
    assert_eq!(store.exemptions(&ALL).await.unwrap(), [exemption]);
    assert!(store.remove_exemption("1").await.unwrap());
    assert!(store.exemptions(&ALL).await.unwrap().is_empty());
}
