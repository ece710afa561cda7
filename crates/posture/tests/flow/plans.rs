//! What plans that are off leave out.

use serde_json::json;
use skywarden_content::Catalog;
use skywarden_model::{Snapshot, Timestamp};
use skywarden_posture::{AccountScope, Assessed, ComplianceState, Known, PlanState, Plans, Standards, assess, standard_states};

use crate::fixtures::{MACHINE, bucket, catalog, refused_listing, resource};

/// The catalog with a baseline of which a plan's bigger size is asked.
fn catalog_with_plan() -> Catalog {
    let mut catalog = catalog();
    let need = json!({ "id": "Servers", "sub_plans": ["P2"] });
    catalog.recommendations.get_mut("baseline").unwrap().file.plan = Some(serde_json::from_value(need).unwrap());
    catalog
}

#[test]
fn a_plan_that_is_off_does_none_of_its_work() {
    let catalog = catalog_with_plan();
    let snapshot = || Snapshot {
        connector: "c".into(),
        taken_at: Timestamp::UNIX_EPOCH,
        resources: vec![
            resource(MACHINE, "m", json!({ "ssh": "bad", "cron": "good" })),
            resource(MACHINE, "n", json!({ "ssh": "good", "cron": "good" })),
            bucket("a", true, true),
        ],
        coverage: vec![refused_listing(MACHINE, "us-east-1")],
    };
    let judged = |plans: &Plans| {
        let gone = resource(MACHINE, "gone", json!({}));
        let known = Known { plans: plans.clone(), resources: vec![gone], ..Known::default() };
        assess(&catalog, snapshot(), &known, Timestamp::UNIX_EPOCH)
    };
    let on_machines = |assessed: &Assessed| {
        let own = assessed.assessments.iter().filter(|one| &*one.recommendation == "baseline");
        own.map(|one| one.resource.to_string()).collect::<Vec<_>>()
    };
    let public = |assessed: &Assessed| {
        let control = assessed.score.controls.iter().find(|control| &*control.id == "public").unwrap();
        (control.healthy, control.unhealthy, control.unknown)
    };
    let all = judged(&Plans::default());
    assert_eq!(on_machines(&all), ["gone", "m", "n"]);
    assert_eq!(public(&all), (2, 1, 2));
    for state in [PlanState::Off, PlanState::On { sub_plan: Some("P1".to_owned()) }] {
        let mut plans = Plans::default();
        plans.set_in_account("c", "1", "Servers", state);
        plans.set_in_account("c", "2", "Servers", PlanState::On { sub_plan: None });
        let off = judged(&plans);
        assert!(on_machines(&off).is_empty());
        // Neither what failed to be listed nor what stays from an earlier run counts.
        assert_eq!(public(&off), (1, 0, 0));
        assert!(off.assessments.iter().any(|one| one.resource.as_str() == "a"), "what needs no plan is judged");
        plans.set_on_resource("c", "1", "m", "Servers", PlanState::On { sub_plan: Some("P2".to_owned()) });
        assert_eq!(on_machines(&judged(&plans)), ["m"]);
    }
    let mut plans = Plans::default();
    plans.set_on_resource("c", "1", "m", "Servers", PlanState::Off);
    plans.set_in_account("c", "1", "Other", PlanState::Off);
    assert_eq!(on_machines(&judged(&plans)), ["gone", "n"]);
}

#[test]
fn nobody_covers_what_the_checks_of_a_plan_that_is_off_would() {
    let catalog = catalog_with_plan();
    let account = |account: &str| AccountScope {
        connector: "c".to_owned(),
        account: account.to_owned(),
        environment: skywarden_model::Environment::Aws,
    };
    let mut plans = Plans::default();
    plans.set_in_account("c", "1", "Servers", PlanState::Off);
    let state = |accounts: Vec<AccountScope>| {
        let standards = Standards::of(&catalog).with_attestations([], accounts, Timestamp::UNIX_EPOCH).with_plans(&plans);
        standard_states(&standards, &[], &[])["cis"].controls["2.ssh"]
    };
    assert_eq!(state(vec![account("1")]), ComplianceState::Manual);
    assert_eq!(state(vec![account("1"), account("2")]), ComplianceState::NotApplicable);
}

#[test]
fn a_standard_that_needs_a_plan_is_where_one_is_on() {
    let mut catalog = catalog_with_plan();
    catalog.standards.get_mut("cis").unwrap().any_plan = true;
    for (id, replaced_by) in [("Servers", json!([])), ("Storage", json!([])), ("Old", json!(["Servers"]))] {
        let plan = json!({ "id": id, "title": id, "description": id, "brings": [], "replaced_by": replaced_by });
        catalog.plans.insert(id.to_owned(), serde_json::from_value(plan).unwrap());
    }
    let account = |account: &str| AccountScope {
        connector: "c".to_owned(),
        account: account.to_owned(),
        environment: skywarden_model::Environment::Aws,
    };
    let mut plans = Plans::default();
    let there = |plans: &Plans, accounts: Vec<AccountScope>| {
        let standards = Standards::of(&catalog).with_attestations([], accounts, Timestamp::UNIX_EPOCH).with_plans(plans);
        let part = standards.accounts_of("cis").map(|own| own.into_iter().map(|own| own.account).collect::<Vec<_>>());
        (standards.get("cis").is_some(), standards.files().count(), part)
    };
    plans.set_in_account("c", "1", "Servers", PlanState::Off);
    assert_eq!(there(&plans, vec![account("1")]), (true, 1, None), "another plan is on");
    plans.set_in_account("c", "1", "Storage", PlanState::Off);
    assert_eq!(there(&plans, vec![account("1")]), (false, 0, Some(vec![])));
    assert_eq!(there(&plans, vec![account("1"), account("2")]), (true, 1, Some(vec!["2".to_owned()])));
    assert_eq!(there(&plans, vec![account("2")]), (true, 1, None));
}
