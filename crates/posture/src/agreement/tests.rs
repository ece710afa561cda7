use skywarden_model::{CauseCode, ExemptionCategory};

use super::*;

const ACCOUNT: &str = "aaaaaaaa-0000-0000-0000-000000000001";
const JIT: &str = "805651bc-6ecd-4c73-9b55-97a19d0582d0";

fn vm(name: &str) -> ResourceId {
    format!("/subscriptions/{ACCOUNT}/resourcegroups/g/providers/microsoft.compute/virtualmachines/{name}").as_str().into()
}

fn own(recommendation: &str, name: &str, status: Status) -> OwnVerdict {
    let cause = Cause { code: CauseCode::Unreadable, message: "no right".to_owned(), permissions: Vec::new() };
    let cause = (status == Status::Unknown).then(|| Arc::new(cause));
    OwnVerdict { account: ACCOUNT.into(), resource: vm(name), recommendation: recommendation.into(), status, cause }
}

fn views(view: DefenderView) -> BTreeMap<Arc<str>, DefenderView> {
    BTreeMap::from([(ACCOUNT.into(), view)])
}

fn said() -> DefenderView {
    let jit = DefenderRecommendation {
        title: "Ports".to_owned(),
        policy: None,
        healthy: BTreeSet::from([vm("same"), vm("contrary"), vm("unknown"), vm("gone")]),
        unhealthy: BTreeSet::from([format!("/subscriptions/{ACCOUNT}").as_str().into(), vm("missed")]),
        not_applicable: BTreeMap::from([(vm("exempt"), "Exempt".to_owned())]),
    };
    let other = DefenderRecommendation { title: "Nobody else says it".to_owned(), ..DefenderRecommendation::default() };
    let recommendations = BTreeMap::from([(JIT.to_owned(), jit), ("k".to_owned(), other)]);
    DefenderView { recommendations, ..DefenderView::default() }
}

#[test]
fn each_difference_has_its_reason() {
    let catalog = Catalog::embedded().unwrap();
    let jit = "azure-compute-vm-jit-access";
    let verdicts = [
        own(jit, "same", Status::Healthy),
        own(jit, "contrary", Status::Unhealthy),
        own(jit, "missed", Status::Healthy),
        own(jit, "unknown", Status::Unknown),
        own(jit, "exempt", Status::Unhealthy),
        own(jit, "new", Status::Healthy),
        own(jit, "beside", Status::NotApplicable),
    ];
    let found = agreement(&catalog, &views(said()), &verdicts, 10);
    let own = &found.compared[0];
    assert_eq!((own.matched_by, own.same, own.resources, own.agreement), (MatchedBy::Key, 1, 8, 0.125));
    let each = [
        Why::UnhealthyThere,
        Why::UnhealthyHere,
        Why::OursUnknown,
        Why::TheirsNotApplicable,
        Why::NotInTheirs,
        Why::NotInOurs,
        Why::OtherType,
    ];
    assert_eq!(own.why, each.map(|why| (why, 1)).into());
    let cause = |why| own.differences.iter().find(|own| own.why == why).and_then(|own| own.cause.as_deref());
    assert_eq!((cause(Why::OursUnknown), cause(Why::TheirsNotApplicable)), (Some("no right"), Some("Exempt")));
    assert_eq!(found.only_theirs[0].title, "Nobody else says it");
    assert!(found.only_ours.is_empty());
    assert_eq!(agreement(&catalog, &views(said()), &verdicts, 2).compared[0].differences.len(), 2);
}

#[test]
fn what_could_not_be_read_is_not_compared() {
    let reason = skywarden_model::UnreadableReason {
        kind: skywarden_model::UnreadableKind::Denied,
        operation: "x".to_owned(),
        permission: None,
        code: String::new(),
        message: String::new(),
    };
    let view =
        DefenderView { unread: BTreeMap::from([(DefenderPart::Assessments, Arc::new(reason))]), ..DefenderView::default() };
    let verdicts = [own("azure-compute-vm-jit-access", "a", Status::Healthy)];
    let found = agreement(&Catalog::embedded().unwrap(), &views(view), &verdicts, 10);
    assert_eq!(found, Agreement::default());
}

#[test]
fn titles_and_policies_are_counterparts_too() {
    let catalog = Catalog::embedded().unwrap();
    let index = Index::of(&catalog);
    let told = |title: &str, policy: Option<&str>| DefenderRecommendation {
        title: title.to_owned(),
        policy: policy.map(str::to_owned),
        ..DefenderRecommendation::default()
    };
    let by = |own: &DefenderRecommendation| index.counterparts("none", own).map(|(by, _)| by);
    assert_eq!(by(&told("auditing on SQL server should be enabled", None)), Some(MatchedBy::Title));
    assert_eq!(by(&told("x", Some("dc921057-6b28-4fbe-9b83-f7bec05db6c2"))), Some(MatchedBy::Policy));
    assert_eq!(by(&told("x", None)), None);
}

#[test]
fn exemptions_become_ours_with_reason_and_end_or_say_why_not() {
    let policies = |name: &str| DefenderExempted::Policies { policies: BTreeSet::from([name.to_owned()]) };
    let end: Timestamp = "2027-01-31T00:00:00Z".parse().unwrap();
    let theirs = |scope: &str, covers| DefenderExemption {
        id: format!("{scope}/providers/microsoft.authorization/policyexemptions/e"),
        scope: scope.to_owned(),
        reason: "Old tills".to_owned(),
        category: ExemptionCategory::Waiver,
        expires_at: Some(end),
        covers,
    };
    let group = format!("/subscriptions/{ACCOUNT}/resourcegroups/g");
    let view = DefenderView {
        exemptions: vec![
            theirs(&group, policies("dc921057-6b28-4fbe-9b83-f7bec05db6c2")),
            theirs(&group, DefenderExempted::Assessment { key: JIT.to_owned() }),
            theirs(&group, policies("none")),
            theirs("/providers/microsoft.management/managementgroups/m", DefenderExempted::Assessment { key: JIT.to_owned() }),
        ],
        ..DefenderView::default()
    };
    let catalog = Catalog::embedded().unwrap();
    let found = take_over(&catalog, &view, Timestamp::UNIX_EPOCH);
    let one = &found[0].ours[0];
    assert_eq!(
        (one.recommendation.as_str(), one.reason.as_str(), one.expires_at),
        ("azure-acr-admin-account", "Old tills", Some(end))
    );
    let scope = ExemptionScope::ResourceGroup { account: ACCOUNT.to_owned(), resource_group: "g".to_owned() };
    assert_eq!(one.scope, scope);
    assert_eq!(found[1].ours[0].recommendation, "azure-compute-vm-jit-access");
    assert!(found[2].why_not.as_ref().unwrap().contains("nothing here"));
    assert!(found[3].why_not.as_ref().unwrap().contains("management group"));
    assert!(take_over(&catalog, &view, end).iter().all(|own| own.ours.is_empty()), "they have ended");
}
