//! From resources to assessments, score and compliance, over a small catalog.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod compliance;
mod fixtures;
mod plans;
mod report;

use proptest::prelude::*;
use serde_json::json;
use skywarden_model::{
    Actual, CauseCode, Coverage, Exemption, ExemptionCategory, ExemptionScope, FactTable, ListOutcome, Resource, Snapshot,
    Status, Timestamp,
};
use skywarden_posture::{
    Known, Plans, apply_exemptions, assess, evaluate, not_listed, score_by_subscription, secure_score, unlisted,
};

use fixtures::{BUCKET, MACHINE, add, bucket, catalog, exemption, judge, refuse, refused_listing, resource, status};

#[test]
fn every_recommendation_of_the_type_judges_in_order_and_deprecated_ones_do_not() {
    let mut secret = bucket("b", true, true);
    refuse(&mut secret, "Encrypted");
    let assessments = judge(&[secret, bucket("a", false, true), resource("Other", "o", json!({}))]);
    let order: Vec<(&str, &str)> = assessments.iter().map(|one| (one.resource.as_str(), &*one.recommendation)).collect();
    let ids = ["encrypted", "logged", "named", "preview", "private"];
    assert_eq!(order, ["a", "b"].iter().flat_map(|resource| ids.map(|id| (*resource, id))).collect::<Vec<_>>());
    assert_eq!(status(&assessments, "a", "private"), (Status::Unhealthy, None));
    assert_eq!(status(&assessments, "a", "encrypted"), (Status::Healthy, None));
    assert_eq!(status(&assessments, "a", "logged"), (Status::NotApplicable, Some(CauseCode::DoesNotApply)));
    assert_eq!(status(&assessments, "b", "encrypted"), (Status::Unknown, Some(CauseCode::Unreadable)));
    let unknown = assessments.iter().find(|one| one.status == Status::Unknown).unwrap();
    assert_eq!(unknown.cause.as_ref().unwrap().permissions, ["s3:ListAllMyBuckets"]);
    assert!(matches!(unknown.evidence.first().unwrap().actual, Actual::Unreadable(_)));
    let violated = assessments.iter().find(|one| &*one.recommendation == "private").unwrap();
    assert_eq!(violated.evidence.first().unwrap().actual, Actual::Value(json!(false)));
}

#[test]
fn a_baseline_is_as_bad_as_its_worst_finding() {
    let verdict = |ssh: &str, cron: Option<&str>| {
        let mut machine = resource(MACHINE, "m", json!({ "ssh": ssh, "cron": cron.unwrap_or_default() }));
        if cron.is_none() {
            refuse(&mut machine, "cron");
        }
        let mut assessments = judge(&[machine]);
        assert_eq!(assessments.len(), 1);
        let assessment = assessments.pop().unwrap();
        assert_eq!(assessment.findings.len(), 2);
        assessment
    };
    assert_eq!(verdict("bad", None).status, Status::Unhealthy);
    assert_eq!(verdict("good", Some("good")).status, Status::Healthy);
    assert_eq!(verdict("good", Some("none")).status, Status::Healthy);
    assert_eq!(verdict("none", Some("none")).cause.unwrap().code, CauseCode::DoesNotApply);
    let unknown = verdict("good", None);
    assert_eq!(unknown.status, Status::Unknown);
    let cause = unknown.cause.unwrap();
    assert_eq!((cause.code, cause.permissions.clone()), (CauseCode::Unreadable, vec!["s3:ListAllMyBuckets".to_owned()]));
    assert!(unknown.findings.iter().all(|finding| finding.evidence.is_empty() == (finding.status == Status::Healthy)));
}

#[test]
fn a_refused_read_never_makes_a_resource_healthy() {
    let mut catalog = catalog();
    let rule = json!({ "applies_if": { "field": "properties.Login", "equals": true },
                       "violated_if": { "field": "properties.Mfa", "equals": false } });
    add(&mut catalog, "mfa", BUCKET, "access", rule);
    // Without a login the rule does not apply; whether there is one could not be read.
    let mut user = resource(BUCKET, "user", json!({ "Login": false, "Mfa": true }));
    let verdict = |user: &Resource| {
        let assessments =
            evaluate(&catalog, &Plans::default(), std::slice::from_ref(user), &FactTable::new(), Timestamp::UNIX_EPOCH);
        status(&assessments, "user", "mfa").0
    };
    assert_eq!(verdict(&user), Status::NotApplicable);
    refuse(&mut user, "Login");
    assert_eq!(verdict(&user), Status::Unknown);
}

#[test]
fn exemptions_hold_on_their_scope_until_they_expire() {
    let estate = [bucket("a", false, true), bucket("b", false, true)];
    let after = |scope, now: i64| {
        let mut assessments = judge(&estate);
        let expires_at = Some(Timestamp::from_second(100).unwrap());
        let waiver = Exemption { expires_at, ..exemption("private", ExemptionCategory::Waiver, scope) };
        apply_exemptions(&mut assessments, &estate, &[waiver], Timestamp::from_second(now).unwrap());
        ["a", "b"].map(|id| status(&assessments, id, "private").1 == Some(CauseCode::Exempt))
    };
    let (account, other) = ("1".to_owned(), "2".to_owned());
    let group = |resource_group: &str| ExemptionScope::ResourceGroup {
        account: "1".to_owned(),
        resource_group: resource_group.to_owned(),
    };
    assert_eq!(after(ExemptionScope::Tenant, 99), [true, true]);
    assert_eq!(after(ExemptionScope::Tenant, 100), [false, false]);
    assert_eq!(after(ExemptionScope::Subscription { account }, 0), [true, true]);
    assert_eq!(after(ExemptionScope::Subscription { account: other }, 0), [false, false]);
    assert_eq!(after(group("eu-west-1"), 0), [true, true]);
    assert_eq!(after(group("eu-west-2"), 0), [false, false]);
    assert_eq!(after(ExemptionScope::Resource { id: "b".into() }, 0), [false, true]);
}

#[test]
fn a_waiver_leaves_the_resource_out_of_the_score_and_a_mitigation_counts_it_healthy() {
    let estate = [bucket("a", false, true), bucket("b", true, true), bucket("c", false, true)];
    let points = |exemptions: &[Exemption]| {
        let mut assessments = judge(&estate);
        apply_exemptions(&mut assessments, &estate, exemptions, Timestamp::UNIX_EPOCH);
        let score = secure_score(&catalog(), &assessments, &[]);
        let control = score.controls.iter().find(|control| &*control.id == "public").unwrap();
        (control.healthy, control.unhealthy, control.not_applicable)
    };
    let on_a = || ExemptionScope::Resource { id: "a".into() };
    let waiver = exemption("private", ExemptionCategory::Waiver, on_a());
    let mitigated = exemption("private", ExemptionCategory::Mitigated, on_a());
    assert_eq!(points(&[]), (1, 2, 0));
    assert_eq!(points(std::slice::from_ref(&waiver)), (1, 1, 1));
    assert_eq!(points(std::slice::from_ref(&mitigated)), (2, 1, 0));
    // Where both cover a resource, the one that gives no points holds, whatever their order.
    assert_eq!(points(&[mitigated.clone(), waiver.clone()]), (1, 1, 1));
    assert_eq!(points(&[waiver, mitigated]), (1, 1, 1));
}

#[test]
fn a_mitigation_gives_no_points_where_the_recommendation_does_not_apply() {
    let estate = [bucket("a", false, true)];
    let mut assessments = judge(&estate);
    let tenant_wide = exemption("logged", ExemptionCategory::Mitigated, ExemptionScope::Tenant);
    apply_exemptions(&mut assessments, &estate, &[tenant_wide], Timestamp::UNIX_EPOCH);
    assert_eq!(status(&assessments, "a", "logged"), (Status::NotApplicable, Some(CauseCode::DoesNotApply)));
}

#[test]
fn an_exempted_finding_leaves_the_verdict_to_the_others() {
    let machine = [resource(MACHINE, "m", json!({ "ssh": "bad", "cron": "good" }))];
    let only = [resource(MACHINE, "m", json!({ "ssh": "bad", "cron": "none" }))];
    let after = |estate: &[Resource], category| {
        let mut assessments = judge(estate);
        let of_ssh = Exemption { finding: Some("ssh".to_owned()), ..exemption("baseline", category, ExemptionScope::Tenant) };
        apply_exemptions(&mut assessments, estate, &[of_ssh], Timestamp::UNIX_EPOCH);
        status(&assessments, "m", "baseline")
    };
    assert_eq!(after(&machine, ExemptionCategory::Waiver), (Status::Healthy, None));
    assert_eq!(after(&only, ExemptionCategory::Waiver), (Status::NotApplicable, Some(CauseCode::Exempt)));
    assert_eq!(after(&only, ExemptionCategory::Mitigated), (Status::NotApplicable, Some(CauseCode::ExemptMitigated)));
}

#[test]
fn an_exemption_of_a_former_id_holds_for_what_has_its_place() {
    let mut catalog = catalog();
    for id in ["ssh", "cron"] {
        catalog.baselines.get_mut("linux").unwrap().get_mut(id).unwrap().file.aliases = vec!["services".to_owned()];
    }
    catalog.recommendations.get_mut("baseline").unwrap().file.aliases = vec!["machine-rules".to_owned()];
    let split = Exemption {
        finding: Some("services".to_owned()),
        ..exemption("machine-rules", ExemptionCategory::Waiver, ExemptionScope::Tenant)
    };
    let snapshot = Snapshot {
        connector: "c".into(),
        taken_at: Timestamp::UNIX_EPOCH,
        resources: vec![resource(MACHINE, "m", json!({ "ssh": "bad", "cron": "bad" }))],
        coverage: Vec::new(),
    };
    let known = Known { exemptions: vec![split], ..Known::default() };
    let assessed = assess(&catalog, snapshot, &known, Timestamp::UNIX_EPOCH);
    assert_eq!(status(&assessed.assessments, "m", "baseline"), (Status::NotApplicable, Some(CauseCode::Exempt)));
}

#[test]
fn only_stable_recommendations_count_and_controls_without_points_are_shown() {
    let estate = [bucket("a", true, true), bucket("b", true, false)];
    let score = secure_score(&catalog(), &judge(&estate), &[]);
    let ids: Vec<(&str, f64, f64)> = score.controls.iter().map(|control| (&*control.id, control.current, control.max)).collect();
    assert_eq!(ids, [("public", 8.0, 8.0), ("encrypt", 2.0, 4.0), ("practice", 0.0, 0.0)]);
    assert_eq!((score.current, score.max, score.percentage, score.weight), (10.0, 12.0, 0.8333, 2));
}

#[test]
fn a_listing_that_failed_widens_the_range_of_the_controls_over_its_type() {
    let estate = [bucket("a", true, true), bucket("b", false, true)];
    let assessments = judge(&estate);
    let (whole, part) = (secure_score(&catalog(), &assessments, &[]), [refused_listing(BUCKET, "us-east-1")]);
    let refused = secure_score(&catalog(), &assessments, &part);
    assert_eq!(refused.percentage, whole.percentage);
    assert!(refused.range[0] < whole.range[0] && refused.range[1] > whole.range[1] && refused.coverage < 1.0);
    let elsewhere = secure_score(&catalog(), &assessments, &[refused_listing("Other", "us-east-1")]);
    assert_eq!(elsewhere, whole);
}

#[test]
fn each_account_has_the_score_of_its_own_resources() {
    let mut other = bucket("z", false, false);
    other.scope.account = "2".into();
    let estate = [bucket("a", true, true), other];
    let scores = score_by_subscription(
        &catalog(),
        &Plans::default(),
        &"c".into(),
        &estate,
        &judge(&estate),
        &[refused_listing(BUCKET, "us-east-1")],
    );
    let of = |account: &str| &scores[&("c".to_owned(), account.to_owned())];
    assert_eq!((of("1").percentage, of("2").percentage), (1.0, 0.0));
    assert!(of("1").coverage < 1.0);
    assert_eq!(of("2").coverage, 1.0);
}

#[test]
fn what_was_not_listed_is_unknown_with_the_missing_permission() {
    let assessments = unlisted(&catalog(), &Plans::default(), &[bucket("a", true, true)], &[refused_listing(BUCKET, "global")]);
    assert_eq!(assessments.len(), 5);
    for assessment in &assessments {
        let cause = assessment.cause.as_ref().unwrap();
        assert_eq!((assessment.status, cause.code), (Status::Unknown, CauseCode::NotListed));
        assert_eq!(cause.permissions, ["s3:ListAllMyBuckets"]);
    }
}

#[test]
fn only_a_complete_listing_makes_resources_disappear() {
    let previous = [bucket("seen", true, true), bucket("missing", true, true)];
    let after = |coverage: Vec<Coverage>| {
        let resources = vec![bucket("seen", true, true)];
        let snapshot = Snapshot { connector: "c".into(), taken_at: Timestamp::UNIX_EPOCH, resources, coverage };
        not_listed(&previous, &snapshot).into_iter().map(|resource| resource.id.to_string()).collect::<Vec<_>>()
    };
    let region = previous[0].scope.resource_group.clone();
    let complete =
        |region: &str| Coverage { outcome: ListOutcome::Complete { n_resources: 1 }, ..refused_listing(BUCKET, region) };
    let missing = [previous[1].id.to_string()];
    assert_eq!(after(vec![complete(&region)]), Vec::<String>::new());
    assert_eq!(after(vec![complete("global")]), Vec::<String>::new());
    assert_eq!(after(vec![refused_listing(BUCKET, &region)]), missing);
    assert_eq!(after(vec![complete("another-region")]), missing);
    assert_eq!(after(vec![]), missing);
}

proptest! {
    #[test]
    fn refusing_any_field_never_makes_the_score_look_better(
        estate in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()), 1..12),
        refused in any::<prop::sample::Index>(),
        field in prop::sample::select(vec!["Private", "Encrypted", "Named"]),
    ) {
        let mut buckets = Vec::new();
        for (position, (private, encrypted, no_private, no_encrypted)) in estate.iter().enumerate() {
            let mut one = bucket(&format!("b{position:02}"), *private, *encrypted);
            if *no_private {
                refuse(&mut one, "Private");
            }
            if *no_encrypted {
                refuse(&mut one, "Encrypted");
            }
            buckets.push(one);
        }
        let before = secure_score(&catalog(), &judge(&buckets), &[]);
        let position = refused.index(buckets.len());
        refuse(&mut buckets[position], field);
        let after = secure_score(&catalog(), &judge(&buckets), &[]);
        prop_assert!(after.range[0] <= before.range[0] && after.range[1] >= before.range[1]);
        for score in [before, after] {
            prop_assert!(score.max == 0.0 || (score.range[0] <= score.percentage && score.percentage <= score.range[1]));
        }
    }
}
