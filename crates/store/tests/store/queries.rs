//! What pages of many rows need: counts, targets, exemptions of many, points of standards.

use std::collections::BTreeMap;

use skywarden_model::{Exemption, ExemptionCategory, ExemptionScope, Status};
use skywarden_posture::JudgedControls;
use skywarden_store::{AssessmentQuery, ScopeFilter, Store};

use crate::{ALL, Given, at, commit, on_both, plain, resource};

on_both!(
    exemptions_of_many_are_kept_and_removed_together,
    a_query_has_targets_and_counts,
    what_each_connector_has_is_told_apart,
    standards_are_written_only_where_something_changed,
    a_filter_hides_the_standards_of_other_accounts,
);

fn own() -> ScopeFilter {
    ScopeFilter::accounts([("c".to_owned(), "1".to_owned())])
}

async fn two_accounts(store: &Store) {
    let buckets = |connector: &str, account: &str, n: usize| -> Vec<_> {
        (0..n).map(|number| resource(connector, account, &format!("arn:{connector}:{number}_%"))).collect()
    };
    commit(store, plain("c", &buckets("c", "1", 3), 0)).await;
    commit(store, Given { status: Status::Unknown, ..plain("d", &buckets("d", "2", 2), 0) }).await;
}

async fn exemptions_of_many_are_kept_and_removed_together(store: &Store) {
    let exemptions: Vec<Exemption> = (0..1200)
        .map(|number| Exemption {
            id: format!("{number:04}"),
            recommendation: "r".to_owned(),
            finding: None,
            scope: ExemptionScope::Resource { id: format!("arn:'; DROP TABLE exemptions; --{number}").as_str().into() },
            category: ExemptionCategory::Waiver,
            reason: "accepted \u{202e}".to_owned(),
            expires_at: None,
            created_at: at(0),
            created_by: "someone".to_owned(),
        })
        .collect();
    store.put_exemptions(&exemptions).await.unwrap();
    assert_eq!(store.exemptions(&ALL).await.unwrap(), exemptions);
    let ids = |ids: &[&str]| -> Vec<String> { ids.iter().map(|id| (*id).to_owned()).collect() };
    let missing = store.remove_exemptions(&ids(&["0000", "9999", "0001"])).await.unwrap();
    assert_eq!(missing.as_deref(), Some("9999"));
    assert_eq!(store.exemptions(&ALL).await.unwrap().len(), 1200);
    assert_eq!(store.remove_exemptions(&ids(&["0000", "0001"])).await.unwrap(), None);
    assert_eq!(store.exemptions(&ALL).await.unwrap().len(), 1198);
    store.put_exemptions(&[]).await.unwrap();
}

async fn a_query_has_targets_and_counts(store: &Store) {
    two_accounts(store).await;
    let query =
        |status, text: Option<&str>| AssessmentQuery { status, text: text.map(str::to_owned), ..AssessmentQuery::default() };
    let counts = store.assessment_counts(&ALL, &query(None, None)).await.unwrap();
    assert_eq!(counts, BTreeMap::from([(Status::Unhealthy, 3), (Status::Unknown, 2)]));
    let targets = store.assessment_targets(&ALL, &query(None, Some("1_%"))).await.unwrap();
    let told: Vec<_> =
        targets.iter().map(|target| (target.resource.as_str(), target.connector.as_str(), target.status)).collect();
    assert_eq!(told, [("arn:c:1_%", "c", Status::Unhealthy), ("arn:d:1_%", "d", Status::Unknown)]);
    assert_eq!(store.assessment_targets(&own(), &query(None, None)).await.unwrap().len(), 3);
    assert_eq!(store.assessment_targets(&own(), &query(Some(Status::Unknown), None)).await.unwrap(), []);
    assert!(store.assessment_counts(&own(), &query(Some(Status::Unknown), None)).await.unwrap().is_empty());
}

async fn what_each_connector_has_is_told_apart(store: &Store) {
    two_accounts(store).await;
    let coverage = store.connector_coverage(&ALL).await.unwrap();
    assert_eq!(coverage.keys().collect::<Vec<_>>(), ["c", "d"]);
    assert_eq!((coverage["c"].taken_at, coverage["c"].entries.len()), (Some(at(0)), 1));
    assert_eq!(store.connector_coverage(&own()).await.unwrap().len(), 1);
    let counts = store.account_counts(&ALL).await.unwrap();
    let told: Vec<_> = counts.iter().map(|count| (count.connector.as_str(), count.account.as_str(), count.n_resources)).collect();
    assert_eq!(told, [("c", "1", 3), ("d", "2", 2)]);
    assert_eq!(store.account_counts(&own()).await.unwrap().len(), 1);
    let unknown = store.unknown_assessments(&ALL).await.unwrap();
    assert_eq!((unknown.len(), unknown[0].connector.as_str(), unknown[0].cause.as_ref()), (2, "d", None));
    assert_eq!(store.unknown_assessments(&own()).await.unwrap(), []);
}

fn judged(passed: &[&str], failed: &[&str]) -> JudgedControls {
    let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    JudgedControls { passed: set(passed), failed: set(failed), ..JudgedControls::default() }
}

fn of(account: &str, standard: &str, controls: JudgedControls) -> BTreeMap<(String, String), JudgedControls> {
    BTreeMap::from([((account.to_owned(), standard.to_owned()), controls)])
}

async fn standards_are_written_only_where_something_changed(store: &Store) {
    let estate = [resource("c", "1", "arn:a")];
    let first = of("1", "cis", judged(&["1.1"], &["1.2"]));
    let changed = of("1", "cis", judged(&["1.1", "1.2"], &[]));
    let nothing = of("1", "cis", judged(&[], &[]));
    let gone = BTreeMap::new();
    // The point of the score is written each time.
    for (second, compliance, n_written) in
        [(0, &nothing, 3), (1, &first, 2), (2, &first, 1), (3, &changed, 2), (4, &changed, 1), (5, &gone, 2), (6, &gone, 1)]
    {
        let stats = commit(store, Given { compliance, ..plain("c", &estate, second) }).await;
        assert_eq!(stats.n_written, n_written, "second {second}");
    }
    let points = store.compliance_points(&ALL, "cis").await.unwrap();
    let told: Vec<_> = points.iter().map(|point| (point.at.get(17..19).unwrap(), &point.controls)).collect();
    assert_eq!(told, [("01", &judged(&["1.1"], &["1.2"])), ("03", &judged(&["1.1", "1.2"], &[])), ("05", &judged(&[], &[]))]);
    assert!(store.compliance_points(&ALL, "other").await.unwrap().is_empty());
}

async fn a_filter_hides_the_standards_of_other_accounts(store: &Store) {
    for (connector, account) in [("c", "1"), ("d", "2")] {
        let estate = [resource(connector, account, &format!("arn:{connector}"))];
        let compliance = of(account, "cis", judged(&["1.1"], &[]));
        commit(store, Given { compliance: &compliance, ..plain(connector, &estate, 0) }).await;
    }
    assert_eq!(store.compliance_points(&ALL, "cis").await.unwrap().len(), 2);
    let visible = store.compliance_points(&own(), "cis").await.unwrap();
    assert_eq!(visible.iter().map(|point| point.account.as_str()).collect::<Vec<_>>(), ["1"]);
    store.remove_connector("c").await.unwrap();
    assert!(store.compliance_points(&own(), "cis").await.unwrap().is_empty());
}
