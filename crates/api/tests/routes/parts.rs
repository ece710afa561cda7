//! That whoever holds roles anywhere, down to one resource, gets from every route what a server of what they see alone would answer.
//!
//! A random estate is served whole to a reader with random roles, and in part, to its owner: only the resources that the roles cover,
//! worked out one by one. What was computed over more than the reader sees, the history of accounts of which they see a part, is
//! compared with a server of the accounts that they see whole.

mod answers;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use skywarden_api::ROUTES;
use skywarden_model::{
    ArmId, Assessment, Connector, Coverage, Environment, ExemptionScope, FactTable, Resource, Scope, Status, Timestamp,
    Transition, TransitionKind, subscription_id,
};
use skywarden_policy::PolicyObject;
use skywarden_posture::{JudgedControls, PlanState, Plans, score_in};
use skywarden_rbac::BuiltIn;
use skywarden_store::{ASSESSMENT_METADATA, ArmScope, Expected, PRICINGS, Run, Written, WrittenDetails};

use self::answers::{difference, is_of_account, past, read};
use crate::{
    common::{CATALOG, Server, assign, empty, exempt, is_of_installation, machine, program},
    roles::path_of,
};

const AZURE: &str = "6f0b9a52-0000-4000-8000-0000000000aa";

/// Two accounts of one connector, one whose name another connector's account has too, an Azure subscription.
const ACCOUNTS: [(&str, &str); 4] = [("alpha", "a1"), ("alpha", "a2"), ("beta", "a1"), ("sky", AZURE)];
const GROUPS: [&str; 3] = ["Eu-West-1", "us", "global"];
const READING: [BuiltIn; 3] = [BuiltIn::Reader, BuiltIn::SecurityReader, BuiltIn::Owner];
const STANDARD: &str = "mcsb-v1";

/// Types with recommendations on them.
const TYPES: [(&str, [&str; 2]); 2] = [
    ("Skywarden.Host/machines", ["machine-firewall-on", "machine-root-login-refused"]),
    ("AWS::S3::Bucket", ["aws-s3-bucket-acl-disabled", "aws-s3-bucket-encryption"]),
];

#[derive(Debug, Clone)]
struct Given {
    account: usize,
    group: usize,
    kind: usize,
    /// One for each recommendation: a status, or one that is mitigated.
    verdicts: [u8; 2],
    /// Whether the second run does not find it any more.
    is_gone: bool,
    /// Whether it lies in the resource before it, where ids nest.
    is_nested: bool,
}

#[derive(Debug, Clone)]
struct Case {
    resources: Vec<Given>,
    /// How the listing of (account, type, region) went: complete, partly, not at all.
    listings: Vec<u8>,
    /// Places in the list of scopes.
    held: Vec<(prop::sample::Index, usize)>,
}

fn case() -> impl Strategy<Value = Case> {
    let given = (0..ACCOUNTS.len(), 0..GROUPS.len(), 0..TYPES.len(), any::<[u8; 2]>(), prop::bool::weighted(0.2), any::<bool>())
        .prop_map(|(account, group, kind, verdicts, is_gone, is_nested)| Given {
            account,
            group,
            kind,
            verdicts,
            is_gone,
            is_nested,
        });
    let held = (any::<prop::sample::Index>(), 0..READING.len());
    (prop::collection::vec(given, 1..9), prop::collection::vec(0..3_u8, 24), prop::collection::vec(held, 0..4))
        .prop_map(|(resources, listings, held)| Case { resources, listings, held })
}

/// What a server holds.
struct Estate {
    resources: Vec<(Given, Resource)>,
    accounts: BTreeSet<(&'static str, &'static str)>,
    coverage: BTreeMap<&'static str, Vec<Coverage>>,
    /// (id, what it covers)
    exemptions: Vec<(String, ExemptionScope)>,
    /// Scopes of assignments of a policy.
    policies: Vec<String>,
    /// The accounts of which there are standards' histories.
    past: BTreeSet<(&'static str, &'static str)>,
}

impl Case {
    fn resources(&self) -> Vec<(Given, Resource)> {
        let mut found: Vec<(Given, Resource)> = Vec::new();
        for (number, given) in self.resources.iter().enumerate() {
            let (connector, account) = ACCOUNTS[given.account];
            let group = GROUPS[given.group];
            let above =
                found.last().map(|(_, own)| own.id.as_str()).filter(|id| given.is_nested && id.starts_with("/subscriptions/"));
            let id = match (above, account == AZURE) {
                (Some(above), true) => format!("{above}/parts/P{number}"),
                (None, true) => {
                    format!("/subscriptions/{AZURE}/resourceGroups/{group}/providers/Microsoft.Sql/servers/S{number}")
                }
                _ if given.kind == 1 => format!("arn:aws:s3:::Bucket-{number}"),
                _ => format!("machine-{number}"),
            };
            // What lies in another lies in its group.
            let above = above.and(found.last()).filter(|_| account == AZURE);
            let group = above.map_or(group, |(own, _)| GROUPS[own.group]);
            let place = GROUPS.iter().position(|own| *own == group).unwrap();
            let scope = Scope { connector: connector.into(), account: account.into(), resource_group: group.into() };
            let resource =
                Resource { name: id.clone(), id: id.into(), type_name: TYPES[given.kind].0.into(), scope, ..machine() };
            found.push((Given { group: place, ..given.clone() }, resource));
        }
        found
    }

    /// Every listing of an account: of machines in each region, of buckets once.
    fn coverage(&self, resources: &[(Given, Resource)], account: usize) -> Vec<Coverage> {
        let mut listings = Vec::new();
        for (place, group) in GROUPS.iter().enumerate() {
            let n =
                resources.iter().filter(|(own, _)| !own.is_gone && own.account == account && own.kind == 0 && own.group == place);
            listings.push(listing(0, account, group, self.listings[account * 6 + place], n.count()));
        }
        let buckets = resources.iter().filter(|(own, _)| !own.is_gone && own.account == account && own.kind == 1);
        listings.push(listing(1, account, "global", self.listings[account * 6 + 3], buckets.count()));
        listings
    }

    /// Every scope at which roles may be assigned, and some that are nowhere.
    fn scopes(&self) -> Vec<String> {
        let mut scopes = vec!["/subscriptions/none".to_owned(), "arn:none".to_owned(), "/".to_owned()];
        for (connector, account) in ACCOUNTS {
            for name in [account.to_owned(), subscription(connector, account)] {
                scopes.push(format!("/subscriptions/{name}"));
                scopes.extend(GROUPS.map(|group| format!("/subscriptions/{name}/resourceGroups/{group}")));
            }
        }
        for (_, resource) in self.resources() {
            // Twice: what is most is what is to be found.
            scopes.extend(std::iter::repeat_n(ArmId::of(&resource).to_string(), 2));
            scopes.extend([resource.id.to_string()].into_iter().filter(|id| !id.starts_with("machine")));
        }
        scopes
    }

    fn held(&self) -> Vec<String> {
        let scopes = self.scopes();
        self.held.iter().map(|(index, _)| index.get(&scopes).clone()).collect()
    }
}

fn listing(kind: usize, account: usize, region: &str, outcome: u8, n: usize) -> Coverage {
    let reason =
        json!({ "kind": "denied", "operation": "s3:List", "permission": "s3:List", "code": "AccessDenied", "message": "" });
    let outcome = match outcome {
        0 => json!({ "state": "complete", "nResources": n }),
        1 => json!({ "state": "partial", "nResources": n, "reason": reason }),
        _ => json!({ "state": "failed", "reason": reason }),
    };
    let denied = json!([{ "fields": ["properties.x"], "nResources": 1, "reason": reason }]);
    let (connector_account, denied) = (ACCOUNTS[account].1, if n > 0 { denied } else { json!([]) });
    let whole =
        json!({ "type": TYPES[kind].0, "account": connector_account, "region": region, "outcome": outcome, "denied": denied });
    serde_json::from_value(whole).unwrap()
}

fn subscription(connector: &str, account: &str) -> String {
    subscription_id(&Scope { connector: connector.into(), account: account.into(), resource_group: "".into() }).to_string()
}

fn covers(scope: &str, resource: &Resource) -> bool {
    let (scope, place) = (scope.to_lowercase(), &resource.scope);
    let own = format!("/subscriptions/{}/resourceGroups/{}/x", place.account, place.resource_group);
    let paths = [own, ArmId::of(resource).to_string(), resource.id.to_string()].map(|path| path.to_lowercase());
    let is_below = |path: &String| path.starts_with("/subscriptions/") && path.starts_with(&format!("{scope}/"));
    scope == "/" || paths.iter().any(|path| *path == scope || is_below(path))
}

fn beside(account: usize, group: &str) -> Resource {
    let (connector, account) = ACCOUNTS[account];
    let scope = Scope { connector: connector.into(), account: account.into(), resource_group: group.into() };
    Resource { id: "beside".into(), scope, ..machine() }
}

/// Which accounts and groups some scopes cover, and what is to be seen of the others.
struct Sight<'a> {
    held: &'a [String],
}

impl Sight<'_> {
    fn of_group(&self, account: usize, group: &str) -> bool {
        self.held.iter().any(|scope| covers(scope, &beside(account, group)))
    }

    fn of_account(&self, account: usize) -> bool {
        self.of_group(account, "anywhere else")
    }

    fn of_resource(&self, given: &Given, resource: &Resource) -> bool {
        if given.is_gone {
            return self.of_group(given.account, GROUPS[given.group]);
        }
        self.held.iter().any(|scope| covers(scope, resource))
    }
}

fn whole(case: &Case) -> Estate {
    let resources = case.resources();
    let mut coverage: BTreeMap<&str, Vec<Coverage>> = BTreeMap::new();
    let mut exemptions = vec![("everywhere".to_owned(), ExemptionScope::Tenant)];
    let mut policies = vec![String::new()];
    for (number, (connector, account)) in ACCOUNTS.into_iter().enumerate() {
        coverage.entry(connector).or_default().extend(case.coverage(&resources, number));
        exemptions.push((format!("in {account}"), ExemptionScope::Subscription { account: account.to_owned() }));
        policies.push(format!("/subscriptions/{account}"));
        for group in GROUPS {
            let scope = ExemptionScope::ResourceGroup { account: account.to_owned(), resource_group: group.to_owned() };
            exemptions.push((format!("in {account} {group}"), scope));
            policies.push(format!("/subscriptions/{account}/resourceGroups/{group}"));
        }
    }
    for (_, own) in resources.iter().filter(|(given, _)| !given.is_gone) {
        exemptions.push((format!("of {}", own.id), ExemptionScope::Resource { id: own.id.clone() }));
    }
    policies.dedup();
    Estate { resources, accounts: ACCOUNTS.into(), coverage, exemptions, policies, past: ACCOUNTS.into() }
}

/// What of an estate is seen, thing by thing.
fn part(case: &Case, held: &[String]) -> Estate {
    let sight = Sight { held };
    let all = whole(case);
    let resources: Vec<(Given, Resource)> =
        all.resources.iter().filter(|(given, own)| sight.of_resource(given, own)).cloned().collect();
    let present = || resources.iter().filter(|(given, _)| !given.is_gone);
    let mut accounts = BTreeSet::new();
    let mut coverage: BTreeMap<&str, Vec<Coverage>> = BTreeMap::new();
    let mut past = BTreeSet::new();
    for (number, pair) in ACCOUNTS.into_iter().enumerate() {
        // A group that holds nothing is there for whoever holds a role at it.
        let has_group = GROUPS.iter().any(|group| sight.of_group(number, group));
        if has_group || present().any(|(given, _)| given.account == number) {
            accounts.insert(pair);
        }
        if sight.of_account(number) {
            past.insert(pair);
        }
        for (place, listing) in case.coverage(&all.resources, number).into_iter().enumerate() {
            let told = if sight.of_account(number) { Some(listing) } else { of_part(&sight, number, place, listing, &resources) };
            coverage.entry(pair.0).or_default().extend(told);
        }
    }
    let names: BTreeSet<&str> = accounts.iter().map(|(_, account)| *account).collect();
    let sees_group = |account: &str, group: &str| {
        let holds = |number: usize| ACCOUNTS[number].1 == account && sight.of_group(number, group);
        (0..ACCOUNTS.len()).any(holds)
            || present().any(|(_, own)| *own.scope.account == *account && *own.scope.resource_group == *group)
    };
    let exemptions = all.exemptions.into_iter().filter(|(_, scope)| match scope {
        ExemptionScope::Tenant => true,
        ExemptionScope::Subscription { account } => names.contains(account.as_str()),
        ExemptionScope::ResourceGroup { account, resource_group } => sees_group(account, resource_group),
        ExemptionScope::Resource { id } => present().any(|(_, own)| own.id == *id),
    });
    // What is assigned above a scope at which a role is held concerns whoever holds it, be there something or not.
    let is_above_held = |scope: &str| {
        let start = format!("{}/", scope.to_lowercase());
        held.iter().any(|own| own.to_lowercase().starts_with(&start))
    };
    let policies = all.policies.into_iter().filter(|scope| {
        let steps: Vec<&str> = scope.split('/').collect();
        match steps.as_slice() {
            ["", "subscriptions", account] => names.contains(account) || is_above_held(scope),
            ["", "subscriptions", account, _, group] => sees_group(account, group) || is_above_held(scope),
            _ => true,
        }
    });
    let (exemptions, policies) = (exemptions.collect(), policies.collect());
    Estate { resources, accounts, coverage, exemptions, policies, past }
}

/// What a reader of a part of an account is told of a listing.
fn of_part(sight: &Sight<'_>, account: usize, place: usize, whole: Coverage, seen: &[(Given, Resource)]) -> Option<Coverage> {
    let has_group = GROUPS.iter().any(|group| sight.of_group(account, group));
    if place < GROUPS.len() {
        return sight.of_group(account, GROUPS[place]).then_some(whole);
    }
    let n = seen.iter().filter(|(own, _)| !own.is_gone && own.account == account && own.kind == 1).count() as u64;
    let is_global_seen = sight.of_group(account, "global");
    if !has_group {
        return None;
    }
    let mut told = serde_json::to_value(&whole).unwrap();
    let total = told["outcome"]["nResources"].as_u64();
    if total.is_some() {
        told["outcome"]["nResources"] = n.into();
    }
    let is_all = total.map_or(is_global_seen, |total| total == n);
    if !is_all {
        told["denied"] = json!([]);
    }
    let concerns = is_global_seen || n > 0 || whole.list_failure().is_some();
    concerns.then(|| serde_json::from_value(told).unwrap())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn assessments(given: &Given, resource: &Resource) -> Vec<Assessment> {
    let of = |(recommendation, seed): (&&str, u8)| {
        let statuses = [Status::Healthy, Status::Unhealthy, Status::Unknown, Status::NotApplicable, Status::NotApplicable];
        let place = usize::from(seed) % statuses.len();
        let is_mitigated = place == 4;
        let finding = json!([{ "id": "f", "title": "t", "severity": "High", "status": "Unhealthy" }]);
        let cause = json!({ "code": "ExemptMitigated", "message": "elsewhere" });
        let own = json!({ "recommendation": recommendation, "resource": resource.id, "status": statuses[place],
            "cause": if is_mitigated { cause } else { Value::Null }, "evidence": [], "findings": if place == 1 { finding } else { json!([]) } });
        serde_json::from_value(own).unwrap()
    };
    TYPES[given.kind].1.iter().zip(given.verdicts).map(of).collect()
}

/// A plan that is off everywhere.
const OFF: &str = "VirtualMachines";

async fn serve(estate: &Estate) -> Server {
    let server = empty().await;
    let policy = |scope: &String| {
        json!({ "id": format!("{scope}/providers/Microsoft.Authorization/policyAssignments/own"), "properties": {
            "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/any" } })
    };
    let definition = json!({ "id": "/providers/Microsoft.Authorization/policyDefinitions/any", "properties": {
        "displayName": "any", "policyRule": { "if": { "field": "name", "like": "*1" }, "then": { "effect": "audit" } } } });
    let documents: Vec<Value> = std::iter::once(definition).chain(estate.policies.iter().map(policy)).collect();
    let objects: Vec<_> = documents.into_iter().map(|own| (PolicyObject::parse(&own).unwrap(), own)).collect();
    server.store.put_policies(&objects).await.unwrap();
    for (connector, account) in &estate.accounts {
        let (at_account, free) = (ArmScope::subscription(connector, account), json!({ "pricingTier": "Free" }));
        let written = server.store.put_arm_object(PRICINGS, &at_account, OFF, &free, Expected::Absent, at(0)).await.unwrap();
        assert!(matches!(written, Written::Created(_)));
    }
    let connectors: BTreeSet<&str> = estate.accounts.iter().map(|(connector, _)| *connector).collect();
    for name in connectors {
        for second in [0, 3600] {
            commit(&server, estate, name, second).await;
            server.store.judge_policies(name, at(second)).await.unwrap();
        }
        server.store.put_attempt(name, at(3600), None).await.unwrap();
    }
    write_custom(&server, estate).await;
    for (id, scope) in &estate.exemptions {
        exempt(&server, id, scope.clone()).await;
    }
    server
}

/// The key of an assessment that a client writes on some resources.
const CUSTOM: &str = "ca039e75-a276-4175-aebc-bcd41e4b14b7";

/// Describes the assessment in each account, and writes it on every second resource.
async fn write_custom(server: &Server, estate: &Estate) {
    for (connector, account) in &estate.accounts {
        let own = json!({ "displayName": format!("of {connector} {account}"), "severity": "High", "assessmentType": "CustomerManaged" });
        let scope = ArmScope::subscription(connector, account);
        server.store.put_arm_object(ASSESSMENT_METADATA, &scope, CUSTOM, &own, Expected::Absent, at(0)).await.unwrap();
    }
    for (given, own) in estate.resources.iter().filter(|(given, _)| !given.is_gone && given.verdicts[1] % 2 == 0) {
        let status = if given.verdicts[0] % 2 == 0 { Status::Healthy } else { Status::Unhealthy };
        let assessment = Assessment { recommendation: CUSTOM.into(), status, cause: None, ..assessments(given, own).remove(0) };
        server.store.write_assessment(&assessment, &WrittenDetails::default(), at(4000)).await.unwrap();
    }
}

async fn commit(server: &Server, estate: &Estate, name: &str, second: i64) {
    let connector = Connector {
        id: name.into(),
        environment: Environment::Aws,
        display_name: name.to_owned(),
        sample: false,
        settings: BTreeMap::new(),
    };
    let own: Vec<&(Given, Resource)> = estate.resources.iter().filter(|(_, own)| own.scope.connector.as_str() == name).collect();
    let present: Vec<&(Given, Resource)> = own.iter().filter(|(given, _)| second == 0 || !given.is_gone).copied().collect();
    let verdicts = |account: &str| -> Vec<Assessment> {
        let here = present.iter().filter(|(_, own)| account.is_empty() || *own.scope.account == *account);
        here.flat_map(|(given, own)| assessments(given, own)).collect()
    };
    let coverage = estate.coverage.get(name).cloned().unwrap_or_default();
    let mut scores = BTreeMap::new();
    let mut compliance = BTreeMap::new();
    let mut plans = Plans::default();
    for (connector, account) in &estate.accounts {
        plans.set_in_account(connector, account, OFF, PlanState::Off);
    }
    for (_, account) in estate.accounts.iter().filter(|(connector, _)| *connector == name) {
        let listings: Vec<Coverage> = coverage.iter().filter(|own| *own.account == **account).cloned().collect();
        scores.insert((*account).to_owned(), score_in(&CATALOG, &plans, (name, account), &verdicts(account), &listings));
        if estate.past.contains(&(name, *account)) {
            let passed = BTreeSet::from([format!("{account} {second}")]);
            compliance
                .insert(((*account).to_owned(), STANDARD.to_owned()), JudgedControls { passed, ..JudgedControls::default() });
        }
    }
    let moved = own.iter().filter(|(given, _)| second == 0 || given.is_gone);
    let transitions: Vec<Transition> = moved
        .map(|(given, own)| Transition {
            recommendation: TYPES[given.kind].1[0].into(),
            resource: own.id.clone(),
            from: None,
            to: None,
            kind: if second == 0 { TransitionKind::Opened } else { TransitionKind::Gone },
            at: at(second),
        })
        .collect();
    let resources: Vec<Resource> = present.iter().map(|(_, own)| own.clone()).collect();
    let run = Run {
        connector: &connector,
        at: at(second),
        taken_at: at(second),
        resources: &resources,
        held_elsewhere: &[],
        stale: &BTreeSet::new(),
        facts: &FactTable::new(),
        coverage: &coverage,
        assessments: &verdicts(""),
        transitions: &transitions,
        scores: &scores,
        compliance: &compliance,
    };
    server.store.commit(&run).await.unwrap();
}

/// Every read of the API, about everything that there is in the whole estate.
fn paths(case: &Case) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        // Who holds which role is another matter, and an owner of everything may ask about scopes that are nowhere.
        if is_of_installation(route) {
            continue;
        }
        for (connector, account) in ACCOUNTS {
            paths.insert(path_of(&route.path, &subscription(connector, account)));
        }
    }
    paths.insert("/api/v1/assessments/export?format=csv".to_owned());
    paths.insert("/api/v1/assessments?severity=High&limit=1".to_owned());
    for (connector, account) in ACCOUNTS {
        paths.insert(format!("/api/v1/assessments?connector={connector}&account={account}"));
    }
    paths.insert(format!("/api/v1/recommendations/{CUSTOM}"));
    paths.insert(format!("/api/v1/assessments?recommendation={CUSTOM}&limit=1"));
    for (connector, account) in ACCOUNTS {
        let id = subscription(connector, account);
        paths.insert(format!("/subscriptions/{id}/providers/Microsoft.Security/assessmentMetadata/{CUSTOM}"));
        for group in GROUPS {
            paths.insert(format!("/subscriptions/{id}/resourceGroups/{group}"));
            paths.insert(format!("/subscriptions/{id}/resourceGroups/{group}/resources"));
            paths.insert(format!("/subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.Security/healthReports"));
            paths
                .insert(format!("/subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.Security/locations/local/tasks"));
            paths.insert(format!("/subscriptions/{id}/resources?$filter=resourceGroup%20eq%20'{group}'&$top=2"));
            paths.insert(format!("/api/v1/resources?location={group}&limit=1"));
        }
        paths.insert(format!("/subscriptions/{id}/resources?$top=1"));
        paths.insert(format!("/api/v1/compliance/{STANDARD}/report?format=csv&account={account}&connector={connector}"));
        paths.insert(format!("/api/v1/missing-permissions?account={account}"));
    }
    for status in ["Healthy", "Unhealthy", "Unknown", "NotApplicable"] {
        paths.insert(format!("/api/v1/assessments?status={status}&limit=2"));
        paths.insert(format!("/api/v1/resources?status={status}&limit=2"));
    }
    for (kind, recommendations) in TYPES {
        paths.insert(format!("/api/v1/resources?type={kind}"));
        for recommendation in recommendations {
            paths.insert(format!("/api/v1/recommendations/{recommendation}"));
            paths.insert(format!("/api/v1/assessments?recommendation={recommendation}&q=1"));
        }
    }
    paths.insert("/api/v1/policy/assignment?id=/providers/Microsoft.Authorization/policyAssignments/own".to_owned());
    paths.insert("/api/v1/policy/definition?id=/providers/Microsoft.Authorization/policyDefinitions/any".to_owned());
    for (given, resource) in case.resources() {
        paths.insert(format!("/api/v1/resource?id={}", resource.id));
        paths.insert(format!("/api/v1/policy/states?resource={}", resource.id));
        paths.insert(format!("/api/v1/policy/history?resource={}", resource.id));
        let arm = ArmId::of(&resource);
        paths.insert(format!("{arm}/providers/Microsoft.Security/assessments"));
        paths.insert(format!("{arm}/providers/Microsoft.Security/assessments/{CUSTOM}"));
        paths.insert(format!("{arm}/providers/Microsoft.Security/healthReports"));
        paths.insert(format!("{arm}/providers/Microsoft.Security/softwareInventories"));
        for recommendation in TYPES[given.kind].1 {
            let key = &CATALOG.recommendations.get(recommendation).unwrap().key;
            paths.insert(format!("{arm}/providers/Microsoft.Security/assessments/{key}"));
            paths.insert(format!("{arm}/providers/Microsoft.Security/assessments/{key}/subAssessments"));
            let (of, entity) =
                (subscription(resource.scope.connector.as_str(), &resource.scope.account), arm.as_str().rsplit('/').next());
            let entity = entity.unwrap_or_default();
            paths.insert(format!("/subscriptions/{of}/providers/Microsoft.Security/locations/local/tasks/{key}.{entity}"));
        }
    }
    paths
}

async fn compare(case: Case) -> Result<(), TestCaseError> {
    let held = case.held();
    let seen = part(&case, &held);
    let (server, alone) = (serve(&whole(&case)).await, serve(&seen).await);
    let of_whole_accounts: Vec<String> = ACCOUNTS
        .into_iter()
        .filter(|own| seen.past.contains(own))
        .map(|(connector, account)| format!("/subscriptions/{}", subscription(connector, account)))
        .collect();
    let before = serve(&part(&case, &of_whole_accounts)).await;
    let reader = program(&server, "reader", BuiltIn::Reader, "/subscriptions/nowhere").await;
    let principal = server.store.principals().await.unwrap().into_iter().find(|own| own.name == "reader").unwrap();
    let mut assigned = BTreeSet::new();
    for (scope, (_, role)) in held.iter().zip(&case.held) {
        if assigned.insert((scope.to_lowercase(), *role)) {
            assign(&server, &principal, READING[*role], scope).await;
        }
    }
    let owner = program(&alone, "owner", BuiltIn::Owner, "/").await;
    let owner_before = program(&before, "owner", BuiltIn::Owner, "/").await;
    let parts: Vec<Value> = seen
        .accounts
        .difference(&seen.past)
        .map(|(connector, account)| json!({ "connector": connector, "account": account }))
        .collect();
    for path in paths(&case) {
        let mut left = read(&server, &path, &reader).await;
        let mut right = read(&alone, &path, &owner).await;
        // What is set for a whole account is whole readers' to see, as in Azure.
        let is_in_part = |(connector, account): &(&str, &str)| path.contains(&subscription(connector, account));
        if is_of_account(&path) && seen.accounts.difference(&seen.past).any(is_in_part) {
            let is_refused = matches!(left.0, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
            prop_assert!(is_refused, "{} to one who holds {:?}: {}", path, held, left.1);
            continue;
        }
        // How plans are set is told of whole accounts only.
        if path == "/api/v1/plans" {
            let expected = read(&before, &path, &owner_before).await;
            prop_assert_eq!(&left, &expected, "{} to one who holds {:?}", path, held);
            continue;
        }
        // Of an account of which nothing is seen there is nothing, although a role at what is gone from it meets its policies.
        let is_unseen = |own: &(&str, &str)| path.contains(&subscription(own.0, own.1)) && !seen.accounts.contains(own);
        if ACCOUNTS.iter().any(is_unseen) && left.0 == StatusCode::NOT_FOUND {
            continue;
        }
        prop_assert_eq!(left.0, right.0, "{} to one who holds {:?}: {} {}", path, held, left.1, right.1);
        if !left.0.is_success() {
            continue;
        }
        if path == "/api/v1/overview" || path.ends_with("/history") && path.contains("/compliance/") {
            let (told, without) = past(&mut left.1);
            past(&mut right.1);
            let mut expected = read(&before, &path, &owner_before).await;
            prop_assert_eq!((told, without), (past(&mut expected.1).0, json!(parts)), "{} to one who holds {:?}", path, held);
        }
        let apart = difference(&left.1, &right.1);
        prop_assert!(apart.is_none(), "{} to one who holds {:?}: {}", path, held, apart.unwrap_or_default());
    }
    Ok(())
}

#[test]
fn whoever_holds_roles_anywhere_gets_what_a_server_of_what_they_see_would_answer() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = std::env::var("SKYWARDEN_TEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(16);
    let config = ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 10, ..ProptestConfig::default() };
    let checked = TestRunner::new(config).run(&case(), |case| runtime.block_on(compare(case)));
    assert!(checked.is_ok(), "{}", checked.unwrap_err());
}
