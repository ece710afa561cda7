//! Assessments that clients write: they stand beside those of scans, outlive them, and go with their resource.

use skywarden_content::Catalog;
use skywarden_model::{Assessment, Coverage, ListOutcome, Resource, Snapshot, Status, TransitionKind};
use skywarden_store::{AssessmentQuery, ResourceQuery, ScopeFilter, Store, WrittenAssessment, WrittenDetails};

use crate::{ALL, at, commit, connector, on_both, plain, resource};

on_both!(
    what_a_client_writes_stands_beside_what_a_scan_gives,
    a_scan_leaves_it_and_a_resource_takes_it_along,
    it_opens_resolves_and_is_gone,
    a_verdict_of_a_scan_is_not_written_over,
    a_filter_hides_what_was_written_elsewhere,
    all_of_a_recommendation_go_in_one_account,
    it_goes_with_its_resource_to_another_connector,
);

const CUSTOM: &str = "0b9e4a52-0000-4000-8000-000000000001";

fn details() -> WrittenDetails {
    WrittenDetails {
        cause: Some("Audit".to_owned()),
        description: Some("seen by \u{202e}hand\u{0}".to_owned()),
        additional_data: [("ticket".to_owned(), "42".to_owned())].into(),
    }
}

async fn write(store: &Store, resource: &Resource, status: Status, second: i64) -> WrittenAssessment {
    let assessment = Assessment { recommendation: CUSTOM.into(), ..crate::assessment(resource, status) };
    store.write_assessment(&assessment, &details(), at(second)).await.unwrap()
}

async fn what_a_client_writes_stands_beside_what_a_scan_gives(store: &Store) {
    let own = resource("c", "1", "arn:a");
    assert_eq!(write(store, &own, Status::Healthy, 0).await, WrittenAssessment::Refused, "the resource is not there");
    commit(store, plain("c", std::slice::from_ref(&own), 0)).await;
    assert_eq!(write(store, &own, Status::Unhealthy, 1).await, WrittenAssessment::Created);
    assert_eq!(write(store, &own, Status::Healthy, 2).await, WrittenAssessment::Replaced);
    let row = store.assessment(&ALL, "arn:a", CUSTOM).await.unwrap().unwrap();
    assert_eq!((row.assessment.status, row.written), (Status::Healthy, Some(details())));
    assert_eq!(
        (row.first_evaluated_at.as_str(), row.status_changed_at.as_str()),
        ("2027-01-15T08:00:01.000000Z", "2027-01-15T08:00:02.000000Z")
    );
    assert_eq!(store.status_counts(&ALL).await.unwrap()[&Status::Healthy], 1);
    let counts = store.recommendation_counts(&ALL, &AssessmentQuery::default()).await.unwrap();
    assert_eq!(counts.iter().map(|own| own.recommendation.as_str()).collect::<Vec<_>>(), [CUSTOM, "r"]);
    let page = store.assessment_page(&ALL, &AssessmentQuery { limit: 10, ..AssessmentQuery::default() }).await.unwrap();
    let written: Vec<bool> = page.items.iter().map(|own| own.written.is_some()).collect();
    assert_eq!(written, [false, true], "Unhealthy comes first");
}

async fn a_scan_leaves_it_and_a_resource_takes_it_along(store: &Store) {
    let catalog = Catalog::default();
    let both = [resource("c", "1", "arn:a"), resource("c", "1", "arn:b")];
    let listed = |resources: &[Resource]| Snapshot {
        connector: "c".into(),
        taken_at: at(0),
        resources: resources.to_vec(),
        coverage: vec![Coverage {
            type_name: "AWS::S3::Bucket".into(),
            account: "1".into(),
            region: "eu-west-1".into(),
            outcome: ListOutcome::Complete { n_resources: resources.len() as u64 },
            denied: Vec::new(),
        }],
    };
    let scan = async |resources: &[Resource], second: i64| {
        store.assess(&catalog, &connector("c"), listed(resources), at(second)).await.unwrap();
    };
    scan(&both, 0).await;
    write(store, &both[0], Status::Healthy, 1).await;
    write(store, &both[1], Status::Unhealthy, 1).await;
    scan(&both, 2).await;
    let kept = store.assessments(&ALL).await.unwrap();
    assert_eq!(kept.iter().map(|own| own.assessment.status).collect::<Vec<_>>(), [Status::Healthy, Status::Unhealthy]);
    assert!(kept.iter().all(|own| own.written == Some(details())));
    assert!(store.transitions(&ALL, at(2)).await.unwrap().is_empty());
    scan(&both[..1], 3).await;
    let left = store.assessments(&ALL).await.unwrap();
    assert_eq!(left.iter().map(|own| own.assessment.resource.as_str()).collect::<Vec<_>>(), ["arn:a"]);
    let gone = store.transitions(&ALL, at(3)).await.unwrap();
    assert_eq!(gone.iter().map(|own| (own.resource.as_str(), own.kind)).collect::<Vec<_>>(), [("arn:b", TransitionKind::Gone)]);
    scan(&both, 4).await;
    assert_eq!(store.assessments(&ALL).await.unwrap().len(), 1, "what comes back comes without");
}

async fn it_opens_resolves_and_is_gone(store: &Store) {
    let own = resource("c", "1", "arn:a");
    commit(store, plain("c", std::slice::from_ref(&own), 0)).await;
    for (second, status) in [(1, Status::Unhealthy), (2, Status::Unhealthy), (3, Status::Healthy), (4, Status::Unhealthy)] {
        write(store, &own, status, second).await;
    }
    assert!(store.remove_written_assessment(&own.id, CUSTOM, at(5)).await.unwrap());
    assert!(!store.remove_written_assessment(&own.id, CUSTOM, at(6)).await.unwrap());
    let mut kinds: Vec<TransitionKind> = store.transitions(&ALL, at(1)).await.unwrap().iter().map(|own| own.kind).collect();
    kinds.reverse();
    assert_eq!(kinds, [TransitionKind::Opened, TransitionKind::Resolved, TransitionKind::Reopened, TransitionKind::Gone]);
    assert_eq!(store.assessments(&ALL).await.unwrap().len(), 1);
}

async fn a_verdict_of_a_scan_is_not_written_over(store: &Store) {
    let own = resource("c", "1", "arn:a");
    commit(store, plain("c", std::slice::from_ref(&own), 0)).await;
    let of_scan = crate::assessment(&own, Status::Healthy);
    assert_eq!(store.write_assessment(&of_scan, &details(), at(1)).await.unwrap(), WrittenAssessment::Refused);
    assert!(!store.remove_written_assessment(&own.id, "r", at(1)).await.unwrap());
    let row = store.assessment(&ALL, "arn:a", "r").await.unwrap().unwrap();
    assert_eq!((row.assessment.status, row.written), (Status::Unhealthy, None));
    assert!(store.transitions(&ALL, at(1)).await.unwrap().is_empty());
}

async fn a_filter_hides_what_was_written_elsewhere(store: &Store) {
    let (own, other) = (resource("c", "1", "arn:own"), resource("d", "2", "arn:other"));
    commit(store, plain("c", std::slice::from_ref(&own), 0)).await;
    commit(store, plain("d", std::slice::from_ref(&other), 0)).await;
    write(store, &other, Status::Unhealthy, 1).await;
    let filter = ScopeFilter::accounts([("c".to_owned(), "1".to_owned())]);
    assert!(store.assessment(&filter, "arn:other", CUSTOM).await.unwrap().is_none());
    assert!(store.assessments_by(&filter, CUSTOM).await.unwrap().is_empty());
    assert!(store.transitions(&filter, at(1)).await.unwrap().is_empty());
    assert_eq!(store.recommendation_counts(&filter, &AssessmentQuery::default()).await.unwrap().len(), 1);
    assert_eq!(store.assessments_by(&ALL, CUSTOM).await.unwrap().len(), 1);
}

async fn all_of_a_recommendation_go_in_one_account(store: &Store) {
    let own = [resource("c", "1", "arn:a"), resource("c", "1", "arn:b")];
    let other = [resource("c", "2", "arn:c")];
    commit(store, plain("c", &[own.as_slice(), &other].concat(), 0)).await;
    for resource in own.iter().chain(&other) {
        write(store, resource, Status::Unhealthy, 1).await;
    }
    assert_eq!(store.remove_written_assessments_in("c", "1", CUSTOM, at(2)).await.unwrap(), 2);
    assert_eq!(store.remove_written_assessments_in("c", "1", CUSTOM, at(3)).await.unwrap(), 0);
    let left = store.assessments_by(&ALL, CUSTOM).await.unwrap();
    assert_eq!(left.iter().map(|own| own.assessment.resource.as_str()).collect::<Vec<_>>(), ["arn:c"]);
    assert_eq!(store.assessments_by(&ALL, "r").await.unwrap().len(), 3);
}

async fn it_goes_with_its_resource_to_another_connector(store: &Store) {
    let (before, after) = (resource("d", "2", "arn:a"), resource("c", "1", "arn:a"));
    commit(store, plain("d", &[before.clone(), resource("d", "2", "arn:b")], 0)).await;
    assert_eq!(write(store, &before, Status::Healthy, 1).await, WrittenAssessment::Created);
    commit(store, plain("c", &[after], 2)).await;
    let account = |connector: &str, account: &str| ScopeFilter::accounts([(connector.to_owned(), account.to_owned())]);
    for (filter, healthy, unhealthy) in [(account("c", "1"), 1, 1), (account("d", "2"), 0, 1), (ALL, 1, 2)] {
        let counts = store.status_counts(&filter).await.unwrap();
        assert_eq!((counts[&Status::Healthy], counts[&Status::Unhealthy]), (healthy, unhealthy), "{filter:?}");
        let query = AssessmentQuery { limit: 10, ..AssessmentQuery::default() };
        let page = store.assessment_page(&filter, &query).await.unwrap();
        assert_eq!(page.items.len() as u64, healthy + unhealthy);
        let with = ResourceQuery { status: Some(Status::Healthy), ..ResourceQuery::default() };
        assert_eq!(store.resource_count(&filter, &with).await.unwrap(), healthy, "{filter:?}");
        let custom = store.recommendation_counts(&filter, &AssessmentQuery::of(CUSTOM)).await.unwrap();
        assert_eq!(custom.iter().map(|own| own.healthy).sum::<u64>(), healthy);
    }
}
