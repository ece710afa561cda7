//! Standards of an installation's own, and what people attested.

use serde_json::json;
use skywarden_content::Catalog;
use skywarden_model::{
    Attestation, AttestationScope, AttestedEvidence, AttestedState, Coverage, ListOutcome, Snapshot, Withdrawal,
};
use skywarden_store::{CustomStandard, ScopeFilter, Store};

use crate::{ALL, at, connector, on_both, resource};

on_both!(
    a_standard_is_kept_replaced_and_removed_with_its_history,
    attestations_are_a_record_that_only_grows,
    what_is_saved_is_rolled_up_at_once,
);

fn standard(title: &str) -> CustomStandard {
    let file = json!({ "id": "own", "title": title, "description": "", "version": "1", "environments": ["aws"],
                       "controls": [{ "id": "1", "title": "t", "manual": "Look." }] });
    CustomStandard { file: serde_json::from_value(file).unwrap(), changed_at: at(0), changed_by: "someone \0".to_owned() }
}

fn attestation(id: &str, account: &str, second: i64) -> Attestation {
    Attestation {
        id: id.to_owned(),
        standard: "own".to_owned(),
        control: "1".to_owned(),
        scope: AttestationScope::Subscription { connector: "c".to_owned(), account: account.to_owned() },
        state: AttestedState::Passed,
        evidence: AttestedEvidence { text: "geprüft \0 見た".to_owned(), links: vec!["https://wiki.example".to_owned()] },
        assessed_on: "2026-11-25".parse().unwrap(),
        expires_at: Some(at(100)),
        created_at: at(second),
        created_by: "someone".to_owned(),
        withdrawn: None,
    }
}

async fn judge(store: &Store, second: i64) {
    let snapshot = Snapshot {
        connector: "c".into(),
        taken_at: at(second),
        resources: vec![resource("c", "1", "arn:a")],
        coverage: vec![Coverage {
            type_name: "AWS::S3::Bucket".into(),
            account: "1".into(),
            region: "eu-west-1".into(),
            outcome: ListOutcome::Complete { n_resources: 1 },
            denied: Vec::new(),
        }],
    };
    store.assess(&Catalog::default(), &connector("c"), snapshot, at(second)).await.unwrap();
}

async fn a_standard_is_kept_replaced_and_removed_with_its_history(store: &Store) {
    store.put_standard(&standard("Old")).await.unwrap();
    store.put_standard(&standard("New")).await.unwrap();
    assert_eq!(store.own_standards(&ALL).await.unwrap().custom, [standard("New")]);
    store.add_attestation(&attestation("1", "1", 0)).await.unwrap();
    judge(store, 1).await;
    assert_eq!(store.compliance_points(&ALL, "own").await.unwrap().len(), 1);
    assert!(store.remove_standard("own").await.unwrap());
    assert!(!store.remove_standard("own").await.unwrap());
    let left = store.own_standards(&ALL).await.unwrap();
    assert_eq!((left.custom.len(), left.attestations.len()), (0, 1));
    assert!(store.compliance_points(&ALL, "own").await.unwrap().is_empty());
}

async fn attestations_are_a_record_that_only_grows(store: &Store) {
    let (old, new) = (attestation("1", "1", 0), attestation("2", "2", 1));
    store.add_attestation(&old).await.unwrap();
    store.add_attestation(&new).await.unwrap();
    assert!(store.add_attestation(&Attestation { created_by: "else".to_owned(), ..old.clone() }).await.is_err());
    assert_eq!(store.attestations(&ALL).await.unwrap(), [new.clone(), old.clone()]);
    let one = ScopeFilter::accounts([("c".to_owned(), "1".to_owned())]);
    assert_eq!(store.attestations(&one).await.unwrap(), std::slice::from_ref(&old));
    let withdrawal = |by: &str| Withdrawal { at: at(5), by: by.to_owned() };
    assert!(store.withdraw_attestation("1", &withdrawal("first")).await.unwrap());
    assert!(!store.withdraw_attestation("1", &withdrawal("second")).await.unwrap());
    assert!(!store.withdraw_attestation("3", &withdrawal("first")).await.unwrap());
    let kept = store.attestations(&one).await.unwrap();
    assert_eq!(kept, [Attestation { withdrawn: Some(withdrawal("first")), ..old }]);
}

async fn what_is_saved_is_rolled_up_at_once(store: &Store) {
    judge(store, 0).await;
    store.put_standard(&standard("Ours")).await.unwrap();
    store.add_attestation(&attestation("1", "1", 1)).await.unwrap();
    store.roll_up(&Catalog::default(), at(2)).await.unwrap();
    let points = store.compliance_points(&ALL, "own").await.unwrap();
    let passed: Vec<usize> = points.iter().map(|point| point.controls.passed.len()).collect();
    assert_eq!(passed, [1]);
    store.roll_up(&Catalog::default(), at(3)).await.unwrap();
    assert_eq!(store.compliance_points(&ALL, "own").await.unwrap(), points, "what did not change is not written");
    // It has expired when the next run judges.
    judge(store, 100).await;
    let points = store.compliance_points(&ALL, "own").await.unwrap();
    assert_eq!(points.last().unwrap().controls, Default::default());
}
