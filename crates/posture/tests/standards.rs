//! Standards outside the catalog, checks that are no recommendations, and attestations.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use skywarden_content::{Catalog, Recommendation, StandardFile};
use skywarden_model::{
    Assessment, Attestation, AttestationScope, AttestedEvidence, AttestedState, Connector, Environment, Severity, Status,
    Timestamp,
};
use skywarden_posture::{
    AccountScope, ComplianceState, OtherCheck, Standards, check_counts, compliance, compliance_by_account, standard_states,
};

const BUCKET: &str = "AWS::S3::Bucket";
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (id, maturity, aliases) in
        [("private", "stable", json!(["shut"])), ("preview", "preview", json!([])), ("off", "deprecated", json!([]))]
    {
        let file = json!({ "id": id, "title": id, "description": id, "type": BUCKET, "severity": "High", "control": "c",
            "categories": [], "threats": [], "effort": "Low", "user_impact": "Low", "remediation": { "steps": "x" },
            "maturity": maturity, "aliases": aliases, "compliance": { "own": ["by itself"] } });
        let file = serde_json::from_value(file).unwrap();
        catalog.recommendations.insert(id.into(), Recommendation { file, key: id.to_owned(), rule: None });
    }
    catalog
}

fn standard(controls: Value) -> StandardFile {
    let file =
        json!({ "id": "own", "title": "O", "description": "", "version": "1", "environments": ["aws"], "controls": controls });
    serde_json::from_value(file).unwrap()
}

fn assessment(recommendation: &str, resource: &str, status: Status) -> Assessment {
    Assessment {
        recommendation: recommendation.into(),
        resource: resource.into(),
        status,
        cause: None,
        evidence: [].into(),
        findings: Box::default(),
    }
}

/// The states of the lowest-level controls, by both ways, which must agree.
fn states(standards: &Standards<'_>, assessments: &[Assessment]) -> BTreeMap<String, ComplianceState> {
    let whole = compliance(standards, "own", assessments, &[]).unwrap();
    let in_short = standard_states(standards, assessments, &[]).remove("own").unwrap();
    assert_eq!(in_short.state, whole.state);
    let short: BTreeMap<String, ComplianceState> =
        in_short.controls.into_iter().map(|(id, state)| (id.to_owned(), state)).collect();
    let long: BTreeMap<String, ComplianceState> =
        whole.controls.iter().map(|control| (control.id.clone(), control.state)).collect();
    assert_eq!(short, long);
    long
}

#[test]
fn a_control_names_its_checks_or_is_named_by_them() {
    let catalog = catalog();
    let file = standard(json!([
        { "id": "by itself", "title": "t" },
        { "id": "named", "title": "t", "checks": ["private"] },
        { "id": "former name", "title": "t", "checks": ["shut"] },
        { "id": "preview", "title": "t", "checks": ["preview"] },
        { "id": "switched off", "title": "t", "checks": ["off"] },
        { "id": "gone", "title": "t", "checks": ["private", "vanished"] },
        { "id": "nothing", "title": "t" },
    ]));
    let standards = Standards::of(&catalog).with_files([&file]);
    let healthy = [assessment("private", "b", Status::Healthy), assessment("preview", "b", Status::Unhealthy)];
    let found = states(&standards, &healthy);
    let expected = [
        ("by itself", ComplianceState::Passed),
        ("former name", ComplianceState::Passed),
        ("gone", ComplianceState::Unknown),
        ("named", ComplianceState::Passed),
        ("nothing", ComplianceState::Manual),
        ("preview", ComplianceState::Failed),
        ("switched off", ComplianceState::Manual),
    ];
    assert_eq!(found, expected.map(|(id, state)| (id.to_owned(), state)).into());
    let failed = states(&standards, &[assessment("private", "b", Status::Unhealthy)]);
    assert_eq!((failed["named"], failed["gone"]), (ComplianceState::Failed, ComplianceState::Failed));
    assert_eq!(standards.attestable("own", "nothing"), Ok(()));
    let refused = |standard: &str, control: &str| standards.attestable(standard, control).unwrap_err().to_string();
    assert!(refused("own", "named").contains("judged automatically by private"), "{}", refused("own", "named"));
    assert!(refused("own", "no such").contains("no control `no such`"));
    assert!(refused("others", "named").contains("no standard `others`"));
    assert_eq!(standards.checks_of("own"), BTreeSet::from(["preview", "private", "vanished"]));
}

#[test]
fn verdicts_of_other_checks_roll_up_as_those_of_recommendations_do() {
    let catalog = catalog();
    let file = standard(
        json!([{ "id": "both", "title": "t", "checks": ["private", "policy"] }, { "id": "policy", "title": "t", "checks": ["policy"] }]),
    );
    let mut policy = OtherCheck::new("policy", "Of an initiative", Severity::Medium);
    policy.judge(BUCKET, "a".into(), Status::Healthy);
    policy.judge(BUCKET, "b".into(), Status::Unhealthy);
    let standards = Standards::of(&catalog).with_files([&file]).with_checks([&policy]);
    let verdicts = [assessment("private", "a", Status::Healthy), assessment("private", "b", Status::Healthy)];
    let result = compliance(&standards, "own", &verdicts, &[]).unwrap();
    let counts: Vec<(u64, u64)> = result.controls.iter().map(|control| (control.passed, control.failed)).collect();
    assert_eq!(counts, [(1, 1), (1, 1)]);
    assert_eq!(states(&standards, &verdicts)["both"], ComplianceState::Failed);
    assert_eq!(check_counts(&standards, &verdicts)["policy"].unhealthy, 1);

    let owners = BTreeMap::from([("a", "1"), ("b", "2")]);
    let judged = compliance_by_account(&standards, &connector(), &owners, &verdicts, &[]);
    let of = |account: &str| judged[&(account.to_owned(), "own".to_owned())].clone();
    assert_eq!((of("1").passed.len(), of("1").failed.len()), (2, 0));
    assert_eq!((of("2").passed.len(), of("2").failed.len()), (0, 2));
}

fn connector() -> Connector {
    Connector {
        id: "c".into(),
        environment: Environment::Aws,
        display_name: "c".to_owned(),
        sample: false,
        settings: BTreeMap::new(),
    }
}

fn attestation(control: &str, account: Option<&str>, state: AttestedState, second: i64) -> Attestation {
    let scope = match account {
        Some(account) => AttestationScope::Subscription { connector: "c".to_owned(), account: account.to_owned() },
        None => AttestationScope::Tenant,
    };
    Attestation {
        id: format!("{second}"),
        standard: "own".to_owned(),
        control: control.to_owned(),
        scope,
        state,
        evidence: AttestedEvidence { text: "seen".to_owned(), links: Vec::new() },
        assessed_on: "1970-01-01".parse().unwrap(),
        expires_at: None,
        created_at: Timestamp::from_second(second).unwrap(),
        created_by: "me".to_owned(),
        withdrawn: None,
    }
}

fn accounts(numbers: &[&str]) -> Vec<AccountScope> {
    let account = |environment, number: &str| AccountScope { connector: "c".to_owned(), account: number.to_owned(), environment };
    let machine = account(Environment::OnPremise, "machine");
    numbers.iter().map(|number| account(Environment::Aws, number)).chain([machine]).collect()
}

/// The state of the control `manual` in accounts 1 and 2 and on a machine that the standard is not for, in total and by history.
fn attested(attestations: &[Attestation]) -> (ComplianceState, usize) {
    let catalog = catalog();
    let file = standard(
        json!([{ "id": "manual", "title": "t", "manual": "look" }, { "id": "named", "title": "t", "checks": ["private"] }]),
    );
    let standards = Standards::of(&catalog).with_files([&file]).with_attestations(attestations, accounts(&["1", "2"]), NOW);
    let result = compliance(&standards, "own", &[], &[]).unwrap();
    let [control, automatic] = result.controls.as_slice() else { unreachable!("two controls") };
    assert_eq!(automatic.state, ComplianceState::NotApplicable, "an attestation does not change what checks say");
    assert_eq!(automatic.attestations, []);
    assert_eq!(states(&standards, &[])["manual"], control.state);
    let judged = compliance_by_account(
        &standards,
        &connector(),
        &BTreeMap::from([("a", "1"), ("b", "2")]),
        &[assessment("preview", "a", Status::Healthy), assessment("preview", "b", Status::Healthy)],
        &[],
    );
    let all = skywarden_posture::JudgedControls::of_all(judged.values());
    assert_eq!(all.passed.contains("manual"), control.state == ComplianceState::Passed);
    assert_eq!(all.failed.contains("manual"), control.state == ComplianceState::Failed);
    (control.state, control.attestations.len())
}

#[test]
fn an_attestation_answers_a_manual_control_until_it_ends() {
    use AttestedState::{Failed, NotApplicable, Passed};
    assert_eq!(attested(&[]), (ComplianceState::Manual, 0));
    assert_eq!(attested(&[attestation("manual", None, Passed, 1)]), (ComplianceState::Passed, 1));
    assert_eq!(attested(&[attestation("manual", None, NotApplicable, 1)]), (ComplianceState::NotApplicable, 1));
    assert_eq!(attested(&[attestation("named", None, Passed, 1)]), (ComplianceState::Manual, 0));
    let expired = Attestation { expires_at: Some(NOW), ..attestation("manual", None, Passed, -9) };
    assert_eq!(attested(std::slice::from_ref(&expired)), (ComplianceState::Manual, 0));
    let later = [attestation("manual", None, Passed, 1), attestation("manual", None, Failed, 2), expired];
    assert_eq!(attested(&later), (ComplianceState::Failed, 1));
}

#[test]
fn one_account_that_nobody_looked_at_keeps_a_control_from_passing() {
    use AttestedState::{Failed, NotApplicable, Passed};
    let one = attestation("manual", Some("1"), Passed, 1);
    assert_eq!(attested(std::slice::from_ref(&one)), (ComplianceState::Manual, 1));
    let two = |state| [one.clone(), attestation("manual", Some("2"), state, 2)];
    assert_eq!(attested(&two(Passed)), (ComplianceState::Passed, 2));
    assert_eq!(attested(&two(NotApplicable)), (ComplianceState::Passed, 2));
    assert_eq!(attested(&two(Failed)), (ComplianceState::Failed, 2));
    // What was said of one account goes before what was said of all.
    let whole = [attestation("manual", Some("1"), Failed, 1), attestation("manual", None, Passed, 2)];
    assert_eq!(attested(&whole), (ComplianceState::Failed, 2));
    assert_eq!(attested(&[attestation("manual", Some("elsewhere"), Passed, 1)]), (ComplianceState::Manual, 0));
}
