//! A report comes to what the store keeps, by its own way.

use std::collections::BTreeSet;

use skywarden_model::{CauseCode, ExemptionCategory, ExemptionScope, Snapshot, Status, Timestamp};
use skywarden_posture::{Known, assess, assess_for_report};

use crate::fixtures::{BUCKET, bucket, catalog, exemption, refused_listing};

#[test]
fn what_another_connector_holds_is_judged_there_alone() {
    let estate = vec![bucket("a", true, true), bucket("b", false, false)];
    let snapshot = Snapshot { connector: "c".into(), taken_at: Timestamp::UNIX_EPOCH, resources: estate, coverage: Vec::new() };
    let known = Known { held_elsewhere: BTreeSet::from(["b".into()]), ..Known::default() };
    let kept = assess(&catalog(), snapshot.clone(), &known, Timestamp::UNIX_EPOCH);
    let report = assess_for_report(&catalog(), snapshot.clone().with(Into::into), &Known::default(), Timestamp::UNIX_EPOCH);
    let whole = assess(&catalog(), snapshot.clone(), &Known::default(), Timestamp::UNIX_EPOCH);
    assert_eq!(whole.score.percentage, 0.5);
    assert_eq!((&report.assessments, &report.scores), (&whole.assessments.into_iter().collect(), &whole.scores));
    let packed = snapshot.clone().with(|resources| resources.into_iter().collect::<skywarden_inventory::Packs>().into());
    let packed = assess_for_report(&catalog(), packed, &Known::default(), Timestamp::UNIX_EPOCH);
    assert_eq!(
        (&packed.assessments, &packed.scores, &packed.resources),
        (&report.assessments, &report.scores, &report.resources)
    );
    assert!(report.facts.is_empty() && report.resources.iter().map(|own| own.id.as_str()).eq(["a", "b"]));
    assert_eq!(kept.resources, [bucket("a", true, true)]);
    assert_eq!(kept.held_elsewhere, [bucket("b", false, false)]);
    assert_eq!((kept.score.percentage, kept.scores.len()), (1.0, 1));
    let judged = assess_for_report(&catalog(), snapshot.with(Into::into), &known, Timestamp::UNIX_EPOCH);
    let mut left = report;
    left.leave_out(&catalog(), &known.held_elsewhere);
    for report in [&judged, &left] {
        assert!(report.resources.iter().map(|own| own.id.as_str()).eq(["a"]));
        assert_eq!((&report.assessments, &report.scores), (&kept.assessments.iter().cloned().collect(), &kept.scores));
    }
    assert!(left.held_elsewhere.iter().map(|own| own.id.as_str()).eq(["b"]));
    assert!(!kept.assessments.is_empty() && kept.assessments.iter().all(|own| own.resource.as_str() == "a"));
}

/// A report sets verdicts aside one by one as they come, a stored assessment all of them at the end.
#[test]
fn a_report_and_the_store_set_aside_the_same() {
    let estate = vec![bucket("a", false, true), bucket("b", false, false)];
    let gone = bucket("c", false, true);
    let coverage = vec![refused_listing(BUCKET, "global")];
    let snapshot = Snapshot { connector: "c".into(), taken_at: Timestamp::UNIX_EPOCH, resources: estate, coverage };
    let all = assess(&catalog(), snapshot.clone(), &Known::default(), Timestamp::UNIX_EPOCH).assessments;
    let rule = all.iter().find(|own| own.status == Status::Unhealthy).unwrap().recommendation.to_string();
    for scope in
        [ExemptionScope::Tenant, ExemptionScope::Resource { id: "a".into() }, ExemptionScope::Resource { id: "c".into() }]
    {
        let exemptions = vec![exemption(&rule, ExemptionCategory::Waiver, scope.clone())];
        let known = Known { exemptions, resources: vec![gone.clone()], ..Known::default() };
        let stored = assess(&catalog(), snapshot.clone(), &known, Timestamp::UNIX_EPOCH);
        let report = assess_for_report(&catalog(), snapshot.clone().with(Into::into), &known, Timestamp::UNIX_EPOCH);
        let set_aside =
            stored.assessments.iter().filter(|own| own.cause.as_ref().is_some_and(|cause| cause.code == CauseCode::Exempt));
        assert!(set_aside.count() > 0, "{scope:?}");
        assert_eq!((report.assessments, report.scores), (stored.assessments.into_iter().collect(), stored.scores), "{scope:?}");
    }
}
