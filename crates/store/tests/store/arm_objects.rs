//! Objects of ARM that clients write, and what switching a plan does.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};
use skywarden_content::{Catalog, Recommendation};
use skywarden_model::{ArmId, Coverage, ListOutcome, Snapshot};
use skywarden_store::{ArmScope, AssessmentQuery, Expected, PRICINGS, ScopeFilter, Store, Written};

use crate::{ALL, at, connector, on_both, resource};

on_both!(
    an_object_is_written_once_by_whoever_expects_what_is_there,
    objects_of_a_scope_have_pages,
    a_filter_hides_objects_of_other_accounts,
    objects_go_with_their_connector,
    hostile_names_and_documents_come_back,
    a_plan_that_is_off_is_not_judged_until_it_is_on_again,
);

const KIND: &str = "applications";

fn own() -> ArmScope {
    ArmScope::subscription("c", "1")
}

async fn put(store: &Store, scope: &ArmScope, name: &str, document: &Value) -> Written {
    store.put_arm_object(KIND, scope, name, document, Expected::Anything, at(0)).await.unwrap()
}

async fn an_object_is_written_once_by_whoever_expects_what_is_there(store: &Store) {
    let write = async |text: &str, expected: Expected<'_>| {
        store.put_arm_object(KIND, &own(), "App", &json!({ "displayName": text }), expected, at(1)).await.unwrap()
    };
    assert_eq!(write("a", Expected::Etag("none")).await, Written::Conflict);
    let Written::Created(first) = write("a", Expected::Absent).await else { panic!("it was not there") };
    assert_eq!(write("b", Expected::Absent).await, Written::Conflict);
    let Written::Replaced(second) = write("b", Expected::Etag(&first.etag)).await else { panic!("nobody wrote in between") };
    assert_ne!(first.etag, second.etag);
    assert_eq!(write("c", Expected::Etag(&first.etag)).await, Written::Conflict);
    assert_eq!(store.arm_object(&ALL, KIND, &own(), "APP").await.unwrap(), Some(second.clone()));
    let Written::Replaced(third) = write("a", Expected::Anything).await else { panic!("it was there") };
    assert_eq!(third.etag, first.etag, "what says the same has the same etag");
    assert!(!store.remove_arm_object(KIND, &own(), "app", Some(&second.etag)).await.unwrap());
    assert!(!store.remove_arm_object("settings", &own(), "app", None).await.unwrap());
    assert!(store.remove_arm_object(KIND, &own(), "app", Some(&third.etag)).await.unwrap());
    assert_eq!(store.arm_object(&ALL, KIND, &own(), "App").await.unwrap(), None);
}

async fn objects_of_a_scope_have_pages(store: &Store) {
    for name in ["d", "B", "a", "C", "e"] {
        put(store, &own(), name, &json!({})).await;
    }
    put(store, &ArmScope::within("c", "1", "/subscriptions/x/resourceGroups/g"), "z", &json!({})).await;
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = store.arm_objects_at(&ALL, KIND, &own(), after.as_deref(), 2).await.unwrap();
        names.push(page.items.iter().map(|own| own.name.clone()).collect::<Vec<_>>().join(""));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["aB", "Cd", "e"]);
    assert_eq!(store.count_arm_objects(KIND, &own()).await.unwrap(), 5);
}

async fn a_filter_hides_objects_of_other_accounts(store: &Store) {
    let (other, tenant, group) = (ArmScope::subscription("c", "2"), ArmScope::tenant(), ArmScope::management_group("Corp"));
    for scope in [&own(), &other, &tenant, &group] {
        put(store, scope, "x", &json!({ "at": scope.path() })).await;
    }
    let filter = ScopeFilter::accounts([("c".to_owned(), "1".to_owned())]);
    let seen: BTreeSet<ArmScope> = store.arm_objects(&filter, KIND).await.unwrap().into_iter().map(|own| own.scope).collect();
    assert_eq!(seen, BTreeSet::from([own(), tenant, group]));
    assert_eq!(store.arm_objects(&ALL, KIND).await.unwrap().len(), 4);
    assert!(store.arm_object(&filter, KIND, &other, "x").await.unwrap().is_none());
    assert!(store.arm_objects_at(&filter, KIND, &other, None, 10).await.unwrap().items.is_empty());
    let nothing = ScopeFilter::accounts([]);
    assert_eq!(store.arm_objects(&nothing, KIND).await.unwrap().len(), 2);
}

async fn objects_go_with_their_connector(store: &Store) {
    put(store, &own(), "x", &json!({})).await;
    put(store, &ArmScope::subscription("d", "1"), "x", &json!({})).await;
    store.remove_connector("c").await.unwrap();
    let left = store.arm_objects(&ALL, KIND).await.unwrap();
    assert_eq!(left.iter().map(|own| own.scope.account()).collect::<Vec<_>>(), [Some(("d", "1"))]);
}

async fn hostile_names_and_documents_come_back(store: &Store) {
    let long = format!("/subscriptions/x/{}", "É/".repeat(4000));
    let scope = ArmScope::within("c", "1", &long);
    for name in ["'; DROP TABLE arm_objects; --", "%_\\", "見た", "\u{1f600}"] {
        let document = json!({ name: [name, null, 1.5], "nul": "a\u{0}b" });
        put(store, &scope, name, &document).await;
        let found = store.arm_object(&ALL, KIND, &scope, name).await.unwrap().unwrap();
        assert_eq!((found.name.as_str(), &found.document[name]), (name, &document[name]));
    }
    assert_eq!(store.count_arm_objects(KIND, &scope).await.unwrap(), 4);
}

/// One recommendation over buckets that belongs to a plan, and one that belongs to none.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let control = json!({ "id": "c", "title": "c", "description": "c", "max_score": 4, "key": "c" });
    catalog.controls.push(serde_json::from_value(control).unwrap());
    for (id, plan) in [("free", Value::Null), ("planned", json!({ "id": "Storage", "sub_plans": ["V2"] }))] {
        let violated_if = json!({ "field": "properties.Name", "equals": if id == "free" { "none" } else { "arn:a" } });
        let file = json!({ "id": id, "title": id, "description": id, "type": "AWS::S3::Bucket", "severity": "High", "control": "c",
            "categories": [], "threats": [], "effort": "Low", "user_impact": "Low", "remediation": { "steps": "x" }, "plan": plan });
        let rule = skywarden_content::CompiledRule {
            applies_if: None,
            violated_if: skywarden_rule::Rule::compile(&violated_if, &BTreeSet::new()).unwrap(),
            unknown_if: Vec::new(),
            parameters: skywarden_rule::Parameters::new(),
        };
        let recommendation = Recommendation { file: serde_json::from_value(file).unwrap(), key: id.to_owned(), rule: Some(rule) };
        catalog.recommendations.insert(Arc::from(id), recommendation);
    }
    catalog
}

async fn a_plan_that_is_off_is_not_judged_until_it_is_on_again(store: &Store) {
    let catalog = catalog();
    let snapshot = Snapshot {
        connector: "c".into(),
        taken_at: at(0),
        resources: vec![resource("c", "1", "arn:a"), resource("c", "1", "arn:b")],
        coverage: vec![Coverage {
            type_name: "AWS::S3::Bucket".into(),
            account: "1".into(),
            region: "eu-west-1".into(),
            outcome: ListOutcome::Complete { n_resources: 2 },
            denied: Vec::new(),
        }],
    };
    store.assess(&catalog, &connector("c"), snapshot, at(0)).await.unwrap();
    let standing = async || {
        let counts = store.recommendation_counts(&ALL, &AssessmentQuery::default()).await.unwrap();
        let of = |id: &str| counts.iter().find(|own| own.recommendation == id).map(|own| (own.healthy, own.unhealthy));
        let score = store.latest_scores(&ALL).await.unwrap().remove(0).score;
        (of("planned"), score.percentage)
    };
    let set = async |scope: &ArmScope, document: Value, second: i64| {
        store.put_arm_object(PRICINGS, scope, "Storage", &document, Expected::Anything, at(second)).await.unwrap();
        store.reassess(&catalog, &connector("c"), at(second)).await.unwrap();
    };
    assert_eq!(standing().await, (Some((1, 1)), 0.5));
    set(&own(), json!({ "pricingTier": "Free" }), 1).await;
    assert_eq!(standing().await, (None, 1.0));
    set(&ArmScope::subscription("c", "2"), json!({ "pricingTier": "Standard" }), 2).await;
    assert_eq!(standing().await, (None, 1.0), "that is another account's");
    let bucket = ArmScope::within("c", "1", ArmId::of(&resource("c", "1", "arn:a")).as_str());
    set(&bucket, json!({ "pricingTier": "Standard", "subPlan": "V2" }), 3).await;
    assert_eq!(standing().await, (Some((0, 1)), 0.5), "the resource differs from its account");
    set(&own(), json!({ "pricingTier": "Free", "enforce": "True" }), 4).await;
    assert_eq!(standing().await, (None, 1.0), "it may not differ any more");
    set(&own(), json!({ "pricingTier": "Standard", "subPlan": "V1" }), 5).await;
    assert_eq!(standing().await, (Some((0, 1)), 0.5), "the account has the smaller size");
    set(&own(), json!({ "pricingTier": "Standard", "subPlan": "V2" }), 6).await;
    assert_eq!(standing().await, (Some((1, 1)), 0.5));
}
