//! Readers of resource groups and of single resources: what every read gives them is compared with a slow reference.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;
use skywarden_model::{
    ArmId, Exemption, ExemptionCategory, ExemptionScope, FactTable, Resource, Scope as Place, Status, Transition, TransitionKind,
    subscription_id,
};
use skywarden_policy::{PolicyObject, Scope};
use skywarden_store::{AssessmentQuery, Facet, PolicyStateQuery, ResourceQuery, Run, ScopeFilter, ScorePoint, Store};

use crate::{ALL, assessment, at, common, connector, on_both, resource, score};

on_both!(many_thousand_scopes_are_one_question, whoever_sees_a_part_sees_no_history_of_the_whole);

const AZURE: &str = "6f0b9a52-0000-4000-8000-0000000000aa";
const GROUP: &str = "/providers/Microsoft.Management/managementGroups/corp";
const RECOMMENDATIONS: [&str; 2] = ["r", "s"];

/// (connector, account, resource group, id); the last of each account is gone after the first run.
fn places() -> Vec<(&'static str, &'static str, &'static str, String)> {
    let azure = |group: &str, rest: &str| format!("/subscriptions/{AZURE}/resourceGroups/{group}/providers/Microsoft.Sql/{rest}");
    vec![
        ("c", "1", "eu-west-1", "arn:aws:s3:::Own".to_owned()),
        ("c", "1", "eu-west-1", "arn:aws:s3:::Own/below".to_owned()),
        ("c", "1", "global", "arn:aws:iam::1:role/x".to_owned()),
        ("c", "1", "eu-west-1", "arn:aws:s3:::gone".to_owned()),
        ("c", "2", "eu-west-1", "arn:aws:s3:::other".to_owned()),
        ("c", "2", "us-east-1", "arn:aws:s3:::third".to_owned()),
        ("c", "2", "us-east-1", "arn:aws:s3:::gone-too".to_owned()),
        // Another connector with an account of the same name.
        ("d", "1", "eu-west-1", "//storage.googleapis.com/b'_%".to_owned()),
        ("d", "1", "eu-west-1", "//storage.googleapis.com/gone".to_owned()),
        ("z", AZURE, "Web-RG", azure("Web-RG", "servers/S1")),
        ("z", AZURE, "Web-RG", azure("Web-RG", "servers/S1/databases/D1")),
        ("z", AZURE, "Web-RG", azure("Web-RG", "servers/S10")),
        ("z", AZURE, "Data", azure("Data", "servers/S1")),
        ("z", AZURE, "Data", azure("Data", "servers/gone")),
    ]
}

fn is_gone(id: &str) -> bool {
    id.contains("gone")
}

fn estate() -> Vec<Resource> {
    let mut estate = Vec::new();
    for (connector, account, group, id) in places() {
        let scope = Place { connector: connector.into(), account: account.into(), resource_group: group.into() };
        let type_name = if group == "global" { "AWS::IAM::Role" } else { "AWS::S3::Bucket" };
        estate.push(Resource { scope, type_name: type_name.into(), ..resource(connector, account, &id) });
    }
    estate
}

fn status(number: usize, recommendation: usize) -> Status {
    [Status::Unhealthy, Status::Healthy, Status::Unknown, Status::NotApplicable][(number + recommendation * 3) % 4]
}

/// Everything that a role is assigned at: each kind of scope, under each of its names, and what is nowhere.
fn scopes() -> Vec<String> {
    let mut scopes: BTreeSet<String> =
        ["/", GROUP, "/subscriptions/none", "/subscriptions/1/resourceGroups/none", "arn:none"].map(str::to_owned).into();
    for resource in estate() {
        let (place, id) = (&resource.scope, resource.id.as_str());
        for name in [place.account.to_string(), subscription_id(place).to_string()] {
            scopes.insert(format!("/subscriptions/{name}"));
            scopes.insert(format!("/subscriptions/{name}/resourceGroups/{}", place.resource_group));
        }
        let arm = ArmId::of(&resource).to_string();
        scopes.extend(arm.split_once("/securityEntityData/").map(|(connector, _)| connector.to_owned()));
        scopes.extend([id.to_owned(), arm]);
    }
    scopes.into_iter().collect()
}

/// Whether a scope covers a resource: it is one of the paths that lead to it.
fn covers(scope: &str, resource: &Resource) -> bool {
    let (scope, place) = (scope.to_lowercase(), &resource.scope);
    if scope == "/" {
        return true;
    }
    if scope == GROUP.to_lowercase() {
        return *place.account == *"2" || *place.account == *AZURE;
    }
    let own = format!("/subscriptions/{}/resourceGroups/{}/x", place.account, place.resource_group);
    let paths = [own, ArmId::of(resource).to_string(), resource.id.to_string()].map(|path| path.to_lowercase());
    paths.iter().any(|path| *path == scope || (path.starts_with("/subscriptions/") && path.starts_with(&format!("{scope}/"))))
}

/// Whether a scope covers the place in which a resource lies.
fn covers_place(scope: &str, resource: &Resource) -> bool {
    let beside = Resource { id: "arn:beside".into(), ..resource.clone() };
    covers(scope, &beside)
}

async fn fill(store: &Store) {
    let hierarchy = [
        json!({ "id": GROUP, "type": "Microsoft.Management/managementGroups", "name": "corp", "properties": {} }),
        json!({ "id": format!("{GROUP}/subscriptions/2"), "type": "Microsoft.Management/managementGroups/subscriptions", "name": "2", "properties": {} }),
        json!({ "id": format!("{GROUP}/subscriptions/{AZURE}"), "type": "Microsoft.Management/managementGroups/subscriptions", "name": AZURE, "properties": {} }),
        json!({ "id": "/providers/Microsoft.Authorization/policyDefinitions/any", "properties": { "policyRule": {
            "if": { "field": "name", "exists": true }, "then": { "effect": "audit" } } } }),
        json!({ "id": "/providers/Microsoft.Authorization/policyAssignments/all", "properties": {
            "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/any" } }),
    ];
    let objects: Vec<_> = hierarchy.iter().map(|document| (PolicyObject::parse(document).unwrap(), document.clone())).collect();
    store.put_policies(&objects).await.unwrap();
    for second in [0, 1] {
        let all = estate();
        let numbered: Vec<(usize, &Resource)> =
            all.iter().enumerate().filter(|(_, own)| second == 0 || !is_gone(own.id.as_str())).collect();
        for name in ["c", "d", "z"] {
            let own: Vec<(usize, &Resource)> =
                numbered.iter().filter(|(_, own)| own.scope.connector.as_str() == name).copied().collect();
            let mut assessments = Vec::new();
            for (number, resource) in &own {
                for (place, recommendation) in RECOMMENDATIONS.iter().enumerate() {
                    let verdict = assessment(resource, status(*number, place));
                    assessments.push(skywarden_model::Assessment { recommendation: (*recommendation).into(), ..verdict });
                }
            }
            let kind = if second == 0 { TransitionKind::Opened } else { TransitionKind::Gone };
            let moved =
                all.iter().filter(|own| own.scope.connector.as_str() == name && (second == 0 || is_gone(own.id.as_str())));
            let transitions: Vec<Transition> = moved
                .map(|own| Transition {
                    recommendation: "r".into(),
                    resource: own.id.clone(),
                    from: None,
                    to: None,
                    kind,
                    at: at(second),
                })
                .collect();
            let resources: Vec<Resource> = own.iter().map(|(_, own)| (*own).clone()).collect();
            let accounts: BTreeSet<String> = resources.iter().map(|own| own.scope.account.to_string()).collect();
            let run = Run {
                connector: &connector(name),
                at: at(second),
                taken_at: at(second),
                resources: &resources,
                held_elsewhere: &[],
                stale: &BTreeSet::new(),
                facts: &FactTable::new(),
                coverage: &[],
                assessments: &assessments,
                transitions: &transitions,
                scores: &accounts.into_iter().map(|account| (account, score())).collect(),
                compliance: &BTreeMap::new(),
            };
            store.commit(&run).await.unwrap();
            store.judge_policies(name, at(second)).await.unwrap();
        }
    }
    for (number, resource) in estate().iter().enumerate() {
        let account = resource.scope.account.to_string();
        let scopes = [
            ExemptionScope::Resource { id: resource.id.clone() },
            ExemptionScope::ResourceGroup { account, resource_group: resource.scope.resource_group.to_string() },
        ];
        for (kind, scope) in scopes.into_iter().enumerate() {
            let exemption = Exemption {
                id: format!("{kind} {number:02}"),
                recommendation: "r".to_owned(),
                finding: None,
                scope,
                category: ExemptionCategory::Waiver,
                reason: "known".to_owned(),
                expires_at: None,
                created_at: at(0),
                created_by: String::new(),
            };
            store.put_exemption(&exemption).await.unwrap();
        }
    }
}

/// What a reader of some scopes sees, worked out resource by resource.
struct Reference {
    /// With their places in the estate, in order of ids.
    visible: Vec<(usize, Resource)>,
    held: Vec<String>,
}

impl Reference {
    fn of(held: &[String]) -> Self {
        let is_seen = |own: &Resource| !is_gone(own.id.as_str()) && held.iter().any(|scope| covers(scope, own));
        let mut visible: Vec<(usize, Resource)> = estate().into_iter().enumerate().filter(|(_, own)| is_seen(own)).collect();
        visible.sort_by(|(_, left), (_, right)| left.id.cmp(&right.id));
        Self { visible, held: held.to_vec() }
    }

    fn ids(&self) -> Vec<String> {
        self.visible.iter().map(|(_, own)| own.id.to_string()).collect()
    }

    fn facet(&self, of: impl Fn(&Resource) -> String) -> BTreeMap<String, u64> {
        count(self.visible.iter().map(|(_, own)| of(own)))
    }

    /// (status, resource, recommendation)
    fn verdicts(&self) -> Vec<(Status, String, String)> {
        let mut verdicts = Vec::new();
        for (number, resource) in &self.visible {
            for (place, recommendation) in RECOMMENDATIONS.iter().enumerate() {
                verdicts.push((status(*number, place), resource.id.to_string(), (*recommendation).to_owned()));
            }
        }
        verdicts
    }

    fn is_told_of(&self, resource: &Resource) -> bool {
        let scopes = || self.held.iter();
        if is_gone(resource.id.as_str()) {
            scopes().any(|scope| covers_place(scope, resource))
        } else {
            scopes().any(|scope| covers(scope, resource))
        }
    }
}

fn count<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    let mut counts = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}

/// The order in which ids come out of either database is its own: sets are compared where pages are not.
fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    items.into_iter().collect()
}

/// What a list is narrowed to: type, connector, account, resource group, text.
const NARROWED: [[Option<&str>; 5]; 9] = [
    [Some("AWS::IAM::Role"), None, None, None, None],
    [None, Some("c"), None, None, None],
    [None, None, Some("1"), None, None],
    [None, None, None, Some("eu-west-1"), None],
    [Some("AWS::S3::Bucket"), Some("c"), Some("2"), Some("us-east-1"), None],
    [None, None, None, None, Some("Other")],
    [None, None, None, None, Some("a")],
    [None, None, Some("1"), None, Some("::OWN")],
    [Some("none"), None, None, None, None],
];

/// Lists and counts that are narrowed are the same as the whole list without what they leave out.
async fn compare_narrowed(store: &Store, filter: &ScopeFilter, reference: &Reference) -> Result<(), TestCaseError> {
    let own = |text: Option<&str>| text.map(str::to_owned);
    for [type_name, connector, account, location, text] in NARROWED {
        let is_meant = |resource: &Resource| {
            let scope = &resource.scope;
            let id = resource.id.as_str().to_lowercase();
            let name = resource.name.to_lowercase();
            type_name.is_none_or(|own| resource.type_name.as_str() == own)
                && connector.is_none_or(|own| scope.connector.as_str() == own)
                && account.is_none_or(|own| *scope.account == *own)
                && location.is_none_or(|own| *scope.resource_group == *own)
                && text.is_none_or(|own| id.contains(&own.to_lowercase()) || name.contains(&own.to_lowercase()))
        };
        let visible: Vec<&(usize, Resource)> = reference.visible.iter().filter(|(_, own)| is_meant(own)).collect();
        for status in [None, Some(Status::Unhealthy), Some(Status::Unknown)] {
            let verdict = |number: usize, place: usize| self::status(number, place);
            let has = |number: usize| status.is_none_or(|wanted| (0..2).any(|place| verdict(number, place) == wanted));
            let expected = set(visible.iter().filter(|(number, _)| has(*number)).map(|(_, own)| own.id.to_string()));
            let mut query = ResourceQuery {
                type_name: own(type_name),
                connector: own(connector),
                account: own(account),
                location: own(location),
                text: own(text),
                status,
                cursor: None,
                limit: 2,
            };
            let mut seen = Vec::new();
            loop {
                let page = store.resource_rows(filter, &query).await.unwrap();
                seen.extend(page.items.iter().map(|row| row.resource.id.to_string()));
                query.cursor = page.next;
                if query.cursor.is_none() {
                    break;
                }
            }
            prop_assert_eq!((seen.len(), set(seen)), (expected.len(), expected.clone()), "{:?}", query);
            prop_assert_eq!(store.resource_count(filter, &query).await.unwrap(), expected.len() as u64, "{:?}", query);
            for recommendations in [None, Some("s")] {
                let mut query = AssessmentQuery {
                    recommendations: recommendations.map(|own| [own.to_owned()].into()),
                    status,
                    type_name: own(type_name),
                    connector: own(connector),
                    account: own(account),
                    location: own(location),
                    text: own(text),
                    cursor: None,
                    limit: 2,
                };
                let mut expected = BTreeSet::new();
                for (number, resource) in &visible {
                    for (place, recommendation) in RECOMMENDATIONS.iter().enumerate() {
                        let verdict = verdict(*number, place);
                        if status.is_none_or(|own| own == verdict) && recommendations.is_none_or(|own| own == *recommendation) {
                            expected.insert((verdict, resource.id.to_string(), (*recommendation).to_owned()));
                        }
                    }
                }
                let mut seen = Vec::new();
                loop {
                    let page = store.assessment_page(filter, &query).await.unwrap();
                    seen.extend(page.items.iter().map(|row| {
                        let own = &row.assessment;
                        (own.status, own.resource.to_string(), own.recommendation.to_string())
                    }));
                    query.cursor = page.next;
                    if query.cursor.is_none() {
                        break;
                    }
                }
                prop_assert_eq!((seen.len(), set(seen)), (expected.len(), expected.clone()), "{:?}", query);
                let counts = count(expected.iter().map(|(status, ..)| *status));
                prop_assert_eq!(store.assessment_counts(filter, &query).await.unwrap(), counts, "{:?}", query);
                prop_assert_eq!(store.assessment_targets(filter, &query).await.unwrap().len(), expected.len(), "{:?}", query);
            }
        }
    }
    Ok(())
}

async fn compare(store: &Store, held: &[String]) -> Result<(), TestCaseError> {
    let scopes: Vec<Scope> = held.iter().map(|text| Scope::parse(text).unwrap()).collect();
    let filter = store.filter_of(&scopes.iter().collect()).await.unwrap();
    let reference = Reference::of(held);
    let expected = set(reference.ids());
    compare_narrowed(store, &filter, &reference).await?;

    let mut query = ResourceQuery { limit: 3, ..ResourceQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.resource_rows(&filter, &query).await.unwrap();
        seen.extend(page.items.iter().map(|row| row.resource.id.to_string()));
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    prop_assert_eq!((seen.len(), set(seen)), (expected.len(), expected.clone()));
    prop_assert_eq!(store.resource_count(&filter, &query).await.unwrap(), expected.len() as u64);
    let facets = store.facets(&filter).await.unwrap();
    prop_assert_eq!(set_of(&facets.types), reference.facet(|own| own.type_name.to_string()));
    prop_assert_eq!(set_of(&facets.locations), reference.facet(|own| own.scope.resource_group.to_string()));
    prop_assert_eq!(set_of(&facets.accounts), reference.facet(|own| own.scope.account.to_string()));
    prop_assert_eq!(set_of(&facets.connectors), reference.facet(|own| own.scope.connector.to_string()));

    let mut query = AssessmentQuery { limit: 3, ..AssessmentQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.assessment_page(&filter, &query).await.unwrap();
        let own = |row: &skywarden_store::AssessmentRow| {
            (row.assessment.status, row.assessment.resource.to_string(), row.assessment.recommendation.to_string())
        };
        seen.extend(page.items.iter().map(own));
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    let verdicts = reference.verdicts();
    prop_assert_eq!((seen.len(), set(seen)), (verdicts.len(), set(verdicts.clone())));
    prop_assert_eq!(store.assessments(&filter).await.unwrap().len(), verdicts.len());
    let by_status = count(verdicts.iter().map(|(status, ..)| *status));
    prop_assert_eq!(&store.assessment_counts(&filter, &query).await.unwrap(), &by_status);
    let told: BTreeMap<Status, u64> = store.status_counts(&filter).await.unwrap().into_iter().filter(|(_, n)| *n > 0).collect();
    prop_assert_eq!(&told, &by_status);
    let counts = store.recommendation_counts(&filter, &AssessmentQuery::default()).await.unwrap();
    let unhealthy = |recommendation: &str| {
        verdicts.iter().filter(|(status, _, own)| *status == Status::Unhealthy && own == recommendation).count() as u64
    };
    for own in &counts {
        prop_assert_eq!(own.unhealthy, unhealthy(&own.recommendation));
    }
    prop_assert_eq!(counts.is_empty(), verdicts.is_empty());
    prop_assert_eq!(store.assessment_targets(&filter, &query).await.unwrap().len(), verdicts.len());
    let unknown = store.unknown_assessments(&filter).await.unwrap();
    prop_assert_eq!(unknown.len() as u64, by_status.get(&Status::Unknown).copied().unwrap_or(0));

    for resource in estate() {
        let id = resource.id.as_str();
        let is_seen = expected.contains(id);
        prop_assert_eq!(store.resource(&filter, id).await.unwrap().is_some(), is_seen, "{}", id);
        prop_assert_eq!(store.assessment(&filter, id, "r").await.unwrap().is_some(), is_seen, "{}", id);
        prop_assert_eq!(store.assessments_on(&filter, id).await.unwrap().is_empty(), !is_seen, "{}", id);
        let (connector, account) = (resource.scope.connector.as_str(), &*resource.scope.account);
        let own = reference
            .visible
            .iter()
            .filter(|(_, own)| own.scope.connector.as_str() == connector && *own.scope.account == *account);
        let groups = set(own.map(|(_, own)| own.scope.resource_group.to_string()));
        prop_assert_eq!(set(store.resource_groups(&filter, connector, account).await.unwrap()), groups);
    }
    let counts = store.account_counts(&filter).await.unwrap();
    let own = reference.visible.iter().map(|(_, own)| (own.scope.connector.to_string(), own.scope.account.to_string()));
    prop_assert_eq!(
        counts.into_iter().map(|own| ((own.connector, own.account), own.n_resources)).collect::<BTreeMap<_, _>>(),
        count(own)
    );

    let all = estate();
    let told = all.iter().filter(|own| reference.is_told_of(own)).map(|own| own.id.to_string());
    let told: Vec<String> = told
        .chain(all.iter().filter(|own| is_gone(own.id.as_str()) && reference.is_told_of(own)).map(|own| own.id.to_string()))
        .collect();
    let mut changes: Vec<String> =
        store.transitions(&filter, at(0)).await.unwrap().into_iter().map(|own| own.resource.to_string()).collect();
    changes.sort();
    let mut expected_changes = told.clone();
    expected_changes.sort();
    prop_assert_eq!(changes, expected_changes.clone());
    // Whatever has a name does not comply.
    let mut history: Vec<String> =
        store.policy_history(&filter, None, None).await.unwrap().into_iter().map(|own| own.resource).collect();
    history.sort();
    prop_assert_eq!(history, expected_changes);
    let states = store.policy_states(&filter, &PolicyStateQuery { limit: 500, ..PolicyStateQuery::default() }).await.unwrap();
    prop_assert_eq!(set(states.items.into_iter().map(|own| own.resource)), expected.clone());
    let n_states = store.policy_state_count(&filter, &PolicyStateQuery::default()).await.unwrap();
    prop_assert_eq!(n_states, expected.len() as u64);
    for counts in [
        store.policy_counts(&filter).await.unwrap(),
        store.policy_resource_counts(&filter).await.unwrap(),
        store.policy_total(&filter).await.unwrap(),
    ] {
        prop_assert_eq!(counts.iter().map(|own| own.count).sum::<u64>(), expected.len() as u64);
    }

    let exemptions = set(store.exemptions(&filter).await.unwrap().into_iter().map(|own| own.id));
    let is_of_group = |one: &Resource, other: &Resource| {
        one.scope.account == other.scope.account && one.scope.resource_group == other.scope.resource_group
    };
    let mut expected_exemptions = BTreeSet::new();
    for (number, resource) in all.iter().enumerate() {
        if expected.contains(resource.id.as_str()) {
            expected_exemptions.insert(format!("0 {number:02}"));
        }
        // The account of this name of any connector may have such a group.
        let in_group = |own: &Resource| {
            let scope = Place { resource_group: resource.scope.resource_group.clone(), ..own.scope.clone() };
            Resource { scope, ..own.clone() }
        };
        let alike = || all.iter().filter(|own| own.scope.account == resource.scope.account).map(in_group);
        let covers_group = held.iter().any(|scope| alike().any(|own| covers_place(scope, &own)));
        if covers_group || reference.visible.iter().any(|(_, own)| is_of_group(own, resource)) {
            expected_exemptions.insert(format!("1 {number:02}"));
        }
    }
    if filter == ALL {
        expected_exemptions.extend((0..all.len()).map(|number| format!("0 {number:02}")));
    }
    prop_assert_eq!(exemptions, expected_exemptions);
    Ok(())
}

fn set_of(facets: &[Facet]) -> BTreeMap<String, u64> {
    facets.iter().map(|facet| (facet.value.clone(), facet.count)).collect()
}

fn parts_are_what_lies_in_them(runtime: &tokio::runtime::Runtime, store: &Store) {
    runtime.block_on(fill(store));
    // Each scope alone, then several together.
    for scope in scopes() {
        let compared = runtime.block_on(compare(store, std::slice::from_ref(&scope)));
        assert!(compared.is_ok(), "{scope}: {}", compared.unwrap_err());
    }
    let held = prop::sample::subsequence(scopes(), 0..5);
    let mut runner = TestRunner::new(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() });
    let checked = runner.run(&held, |held| runtime.block_on(compare(store, &held)));
    assert!(checked.is_ok(), "{}", checked.unwrap_err());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn parts_are_what_lies_in_them_on_sqlite() {
    let runtime = runtime();
    let (store, _folder) = runtime.block_on(common::sqlite());
    parts_are_what_lies_in_them(&runtime, &store);
}

#[test]
fn parts_are_what_lies_in_them_on_postgres() {
    let runtime = runtime();
    let store = runtime.block_on(common::postgres());
    parts_are_what_lies_in_them(&runtime, &store);
}

async fn many_thousand_scopes_are_one_question(store: &Store) {
    fill(store).await;
    let mut scopes: Vec<Scope> = Vec::new();
    for number in 0..40_000 {
        scopes.push(match number % 3 {
            0 => Scope::Subscription(format!("none-{number}")),
            1 => Scope::ResourceGroup("1".to_owned(), format!("none-{number}")),
            _ => Scope::Resource(format!("arn:none-{number}")),
        });
    }
    scopes.push(Scope::Resource("arn:aws:s3:::other".to_owned()));
    let filter = store.filter_of(&scopes.iter().collect()).await.unwrap();
    assert_eq!(store.resources(&filter, &ResourceQuery::default()).await.unwrap().items.len(), 1);
    assert_eq!(store.transitions(&filter, at(0)).await.unwrap().len(), 1);
    assert_eq!(store.accounts(&filter).await.unwrap().len(), 3, "both accounts `1` are seen for the groups that they may have");
}

async fn whoever_sees_a_part_sees_no_history_of_the_whole(store: &Store) {
    fill(store).await;
    let scopes = ["/subscriptions/1/resourceGroups/EU-West-1", "/subscriptions/2"].map(|text| Scope::parse(text).unwrap());
    let filter = store.filter_of(&scopes.iter().collect()).await.unwrap();
    fn accounts<S>(points: &[ScorePoint<S>]) -> BTreeSet<(String, String)> {
        set(points.iter().map(|own| (own.connector.clone(), own.account.clone())))
    }
    let pair = |connector: &str, account: &str| (connector.to_owned(), account.to_owned());
    assert_eq!(accounts(&store.score_parts(&filter, at(0), at(0)).await.unwrap()), set([pair("c", "2")]));
    assert_eq!(accounts(&store.latest_scores(&filter).await.unwrap()), set([pair("c", "2")]));
    let parts = store.scores_of_parts(&skywarden_content::Catalog::default(), &filter).await.unwrap();
    assert_eq!(accounts(&parts), set([pair("c", "1"), pair("d", "1")]));
    let shown = store.assessed(&filter).await.unwrap();
    assert_eq!(shown.iter().map(|own| own.account.as_str()).collect::<Vec<_>>(), ["1", "2", "1"]);
    assert_eq!(store.connectors(&filter).await.unwrap().len(), 2);
    assert!(filter != ScopeFilter::All);
}
