//! What verdicts make of a standard.

use std::collections::BTreeMap;

use serde_json::json;
use skywarden_model::{Assessment, Coverage, ExemptionCategory, ExemptionScope, Timestamp};
use skywarden_posture::{ComplianceState, Plans, Standards, apply_exemptions, compliance, standard_states, unlisted};

use crate::fixtures::{BUCKET, MACHINE, bucket, catalog, exemption, judge, refused_listing, resource};

fn states(assessments: &[Assessment], coverage: &[Coverage]) -> BTreeMap<String, ComplianceState> {
    let known = catalog();
    let result = compliance(&Standards::of(&known), "cis", assessments, coverage).unwrap();
    let parents = result.controls.iter().map(|control| (control.id.clone(), control.state));
    let leaves = result.controls.iter().flat_map(|control| &control.controls).map(|control| (control.id.clone(), control.state));
    let states: BTreeMap<String, ComplianceState> = parents.chain(leaves).collect();
    // The short way, which keeps no counts, must come to the same.
    let in_short = standard_states(&Standards::of(&known), assessments, coverage).remove("cis").unwrap();
    assert_eq!(in_short.state, result.state);
    assert_eq!(in_short.controls.len() as u64, result.controls_by_state.values().sum::<u64>());
    for (control, state) in in_short.controls {
        assert_eq!(states.get(control), Some(&state), "{control}");
    }
    states
}

#[test]
fn compliance_rolls_up_from_checks_and_baseline_rules() {
    let machine = resource(MACHINE, "m", json!({ "ssh": "bad", "cron": "good" }));
    let states = states(&judge(&[bucket("a", true, true), bucket("b", true, false), machine]), &[]);
    let expected = [
        ("1", ComplianceState::Failed),
        ("1.9", ComplianceState::Manual),
        ("1.encrypted", ComplianceState::Failed),
        ("1.logged", ComplianceState::NotApplicable),
        ("1.private", ComplianceState::Passed),
        ("2", ComplianceState::Failed),
        ("2.cron", ComplianceState::Passed),
        ("2.ssh", ComplianceState::Failed),
    ];
    assert_eq!(states, expected.map(|(id, state)| (id.to_owned(), state)).into());
    assert!(compliance(&Standards::of(&catalog()), "no-such", &[], &[]).is_none());
}

#[test]
fn compliance_never_passes_what_could_not_be_read() {
    let machine = resource(MACHINE, "m", json!({}));
    let stale = states(&unlisted(&catalog(), &Plans::default(), &[machine], &[]), &[]);
    assert_eq!((stale["2.ssh"], stale["2"]), (ComplianceState::Unknown, ComplianceState::Unknown));
    assert_eq!(stale["1.private"], ComplianceState::NotApplicable);
    let refused = states(&judge(&[bucket("a", true, true)]), &[refused_listing(BUCKET, "us-east-1")]);
    assert_eq!((refused["1.private"], refused["1"]), (ComplianceState::Unknown, ComplianceState::Unknown));
}

#[test]
fn an_exempted_baseline_takes_its_rules_with_it() {
    let estate = [resource(MACHINE, "m", json!({ "ssh": "bad", "cron": "good" }))];
    let after = |category| {
        let mut assessments = judge(&estate);
        apply_exemptions(
            &mut assessments,
            &estate,
            &[exemption("baseline", category, ExemptionScope::Tenant)],
            Timestamp::UNIX_EPOCH,
        );
        states(&assessments, &[])["2.ssh"]
    };
    assert_eq!(after(ExemptionCategory::Waiver), ComplianceState::NotApplicable);
    assert_eq!(after(ExemptionCategory::Mitigated), ComplianceState::Passed);
}
