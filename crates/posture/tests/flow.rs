//! From resources to assessments, score and compliance, over a small catalog.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_content::{BaselineRule, Catalog, CompiledRule, Recommendation};
use skywarden_model::{
    Actual, Assessment, Carried, CauseCode, Coverage, Exemption, ExemptionCategory, ExemptionScope, FactTable, ListOutcome,
    Resource, Scope, Snapshot, Status, Timestamp, Unreadable, UnreadableKind, UnreadableReason,
};
use skywarden_posture::{
    AccountScope, Assessed, ComplianceState, Known, PlanState, Plans, Standards, apply_exemptions, assess, assess_for_report,
    compliance, evaluate, not_listed, score_by_subscription, secure_score, standard_states, unlisted,
};
use skywarden_rule::{Parameters, Rule};

const BUCKET: &str = "AWS::S3::Bucket";
const MACHINE: &str = "Skywarden.Host/machines";

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (id, max_score) in [("public", 8), ("encrypt", 4), ("practice", 0)] {
        catalog.controls.push(
            serde_json::from_value(json!({ "id": id, "title": id, "description": id, "max_score": max_score, "key": id }))
                .unwrap(),
        );
    }
    let rule = |field: &str| json!({ "violated_if": { "field": field, "equals": false } });
    add(&mut catalog, "private", BUCKET, "public", rule("properties.Private"));
    add(&mut catalog, "encrypted", BUCKET, "encrypt", rule("properties.Encrypted"));
    add(&mut catalog, "named", BUCKET, "practice", rule("properties.Named"));
    let preview = json!({ "violated_if": { "field": "properties.Private", "exists": true }, "maturity": "preview" });
    add(&mut catalog, "preview", BUCKET, "public", preview);
    let deprecated = json!({ "violated_if": { "field": "type", "exists": true }, "maturity": "deprecated" });
    add(&mut catalog, "deprecated", BUCKET, "public", deprecated);
    let logs = json!({ "violated_if": { "field": "properties.Logged", "equals": false }, "applies_if": { "field": "tags.env", "equals": "prod" } });
    add(&mut catalog, "logged", BUCKET, "public", logs);
    add(&mut catalog, "baseline", MACHINE, "public", json!({ "findings_from": { "baseline": "linux" } }));
    let mut rules = BTreeMap::new();
    for id in ["ssh", "cron"] {
        let violated_if = json!({ "field": format!("properties.{id}"), "equals": "bad" });
        let applies_if = json!({ "field": format!("properties.{id}"), "notEquals": "none" });
        let file = json!({ "id": id, "title": id, "description": id, "type": MACHINE, "severity": "High",
            "compliance": { "cis": [format!("2.{id}")] }, "violated_if": violated_if, "remediation": { "steps": "x" } });
        let rule = compiled(&violated_if, Some(&applies_if));
        rules.insert(Arc::from(id), BaselineRule { file: serde_json::from_value(file).unwrap(), rule });
    }
    catalog.baselines.insert("linux".to_owned(), rules);
    let standard = json!({ "id": "cis", "title": "C", "description": "C", "version": "1", "environments": ["aws"], "controls": [
        { "id": "1", "title": "Storage", "controls": [
            { "id": "1.private", "title": "p" }, { "id": "1.encrypted", "title": "e" }, { "id": "1.logged", "title": "l" },
            { "id": "1.9", "title": "by hand", "manual": "ask" } ] },
        { "id": "2", "title": "Machines", "controls": [{ "id": "2.ssh", "title": "s" }, { "id": "2.cron", "title": "c" }] } ] });
    catalog.standards.insert("cis".to_owned(), serde_json::from_value(standard).unwrap());
    catalog
}

fn add(catalog: &mut Catalog, id: &str, type_name: &str, control: &str, more: Value) {
    let mut file = json!({ "id": id, "title": id, "description": id, "type": type_name, "severity": "High", "control": control,
        "categories": [], "threats": [], "effort": "Low", "user_impact": "Low", "remediation": { "steps": "x" },
        "compliance": { "cis": [format!("1.{id}")] } });
    let members = file.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let rule = members.get("violated_if").map(|violated_if| compiled(violated_if, members.get("applies_if")));
    let recommendation = Recommendation { file: serde_json::from_value(file).unwrap(), key: id.to_owned(), rule };
    catalog.recommendations.insert(Arc::from(id), recommendation);
}

fn compiled(violated_if: &Value, applies_if: Option<&Value>) -> CompiledRule {
    let rule = |source: &Value| Rule::compile(source, &BTreeSet::new()).unwrap();
    CompiledRule {
        applies_if: applies_if.map(rule),
        violated_if: rule(violated_if),
        unknown_if: Vec::new(),
        parameters: Parameters::new(),
    }
}

fn resource(type_name: &str, id: &str, properties: Value) -> Resource {
    Resource {
        id: id.into(),
        type_name: type_name.into(),
        name: id.to_owned(),
        scope: Scope { connector: "c".into(), account: "1".into(), resource_group: "eu-west-1".into() },
        location: Some("eu-west-1".to_owned()),
        tags: BTreeMap::new(),
        envelope: serde_json::Map::new(),
        properties,
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}

fn bucket(id: &str, private: bool, encrypted: bool) -> Resource {
    resource(BUCKET, id, json!({ "Private": private, "Encrypted": encrypted, "Named": true }))
}

fn reason() -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: "s3:ListBuckets".to_owned(),
        permission: Some("s3:ListAllMyBuckets".to_owned()),
        code: "AccessDenied".to_owned(),
        message: String::new(),
    })
}

fn refuse(resource: &mut Resource, field: &str) {
    resource.unreadable.push(Unreadable { field: format!("properties.{field}").parse().unwrap(), reason: reason() });
    resource.properties.as_object_mut().unwrap().remove(field);
}

fn refused_listing(type_name: &str, region: &str) -> Coverage {
    let outcome = ListOutcome::Failed { reason: reason() };
    Coverage { type_name: type_name.into(), account: "1".into(), region: region.into(), outcome, denied: Vec::new() }
}

fn judge(resources: &[Resource]) -> Vec<Assessment> {
    evaluate(&catalog(), &Plans::default(), resources, &FactTable::new(), Timestamp::UNIX_EPOCH)
}

fn status(assessments: &[Assessment], resource: &str, recommendation: &str) -> (Status, Option<CauseCode>) {
    let found = assessments.iter().find(|one| one.resource.as_str() == resource && &*one.recommendation == recommendation);
    let found = found.unwrap_or_else(|| panic!("{recommendation} on {resource} is missing"));
    (found.status, found.cause.as_ref().map(|cause| cause.code))
}

fn exemption(recommendation: &str, category: ExemptionCategory, scope: ExemptionScope) -> Exemption {
    Exemption {
        id: format!("{category:?}"),
        recommendation: recommendation.to_owned(),
        finding: None,
        scope,
        category,
        reason: "accepted".to_owned(),
        expires_at: None,
        created_at: Timestamp::UNIX_EPOCH,
        created_by: "someone".to_owned(),
    }
}

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
