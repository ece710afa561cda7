use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::{Value, json};
use skywarden_inventory::Packs;
use skywarden_model::{Changed, ConnectorId, ListOutcome, RereadOutcome, UnreadableKind};

use super::*;
use crate::{Answer, Call, CallFailure, NoProgress, WireRequest, test_specs::answer};

const ONE: &str = "aaaaaaaa-0000-0000-0000-000000000001";
const TWO: &str = "aaaaaaaa-0000-0000-0000-000000000002";
const TENANT: &str = "cccccccc-0000-0000-0000-000000000000";

/// A tenant: answers by address without api-version; queries by `TABLE`, further pages by `TABLE TOKEN`. What is not told fails.
struct Tenant {
    answers: BTreeMap<String, (u16, Value)>,
    asked: Mutex<Vec<String>>,
}

impl Tenant {
    fn new() -> Self {
        let mut tenant = Self { answers: BTreeMap::new(), asked: Mutex::default() };
        tenant.subscriptions(&[ONE]);
        tenant.may(ONE, json!(["*"]), json!([]));
        tenant
    }

    fn subscriptions(&mut self, ids: &[&str]) {
        let own = |id: &&str| json!({ "id": format!("/subscriptions/{id}"), "subscriptionId": id, "tenantId": TENANT });
        self.tells("/subscriptions", json!({ "value": ids.iter().map(own).collect::<Vec<_>>() }));
    }

    fn may(&mut self, subscription: &str, actions: Value, not_actions: Value) {
        let address = format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/permissions");
        self.tells(&address, json!({ "value": [{ "actions": actions, "notActions": not_actions }] }));
    }

    fn tells(&mut self, address: &str, body: Value) {
        self.answers.insert(address.to_owned(), (200, body));
    }

    fn refuses(&mut self, address: &str, status: u16, code: &str) {
        self.answers.insert(address.to_owned(), (status, json!({ "error": { "code": code, "message": "m" } })));
    }

    fn rows(&mut self, rows: Value) {
        self.tells("resources", json!({ "data": rows, "resultTruncated": "false" }));
    }

    fn run(self, specs: Value) -> (Snapshot, Vec<String>) {
        self.run_with(specs, |_| {})
    }

    fn run_with(self, specs: Value, change: impl Fn(&mut AzureOptions)) -> (Snapshot, Vec<String>) {
        let collectors: Vec<CollectorFile> = serde_json::from_value(specs).unwrap();
        let collectors = collectors.into_iter().map(|file| (file.type_name.clone(), file)).collect();
        let specs = Specs { collectors: &collectors, services: &BTreeMap::new(), secrets: &BTreeMap::new() };
        let mut options = AzureOptions { page_limit: 5, ..AzureOptions::new(ConnectorId::from("azure")) };
        change(&mut options);
        let tenant = Arc::new(self);
        let transport: Arc<dyn Transport> = Arc::<Self>::clone(&tenant);
        let collected = collect_azure(specs, transport, options, &NoProgress, Timestamp::UNIX_EPOCH);
        let snapshot = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(collected).unwrap();
        let asked = tenant.asked.lock().unwrap().clone();
        (snapshot.with(Packs::into_resources), asked)
    }
}

#[async_trait]
impl Transport for Tenant {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let WireRequest::Azure(request) = &call.request else { panic!("a call of Azure goes to Azure") };
        let key = match &request.body {
            Some(body) => {
                let table = body["query"].as_str().unwrap().split(' ').next().unwrap();
                body["options"]["$skipToken"].as_str().map_or(table.to_owned(), |token| format!("{table} {token}"))
            }
            None => {
                let (path, query) = request.address.split_once('?').unwrap_or((&request.address, ""));
                let rest: Vec<&str> =
                    query.split('&').filter(|own| !own.starts_with("api-version=") && !own.is_empty()).collect();
                if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) }
            }
        };
        self.asked.lock().unwrap().push(key.clone());
        match self.answers.get(&key) {
            Some((status, body)) => Ok(answer(*status, body.to_string())),
            None => Err(CallFailure { code: "ConnectionFailed".to_owned(), message: format!("nobody answers {key}") }),
        }
    }

    fn home_region(&self) -> String {
        String::new()
    }
}

fn vault(subscription: &str, name: &str) -> Value {
    json!({ "id": format!("/subscriptions/{subscription}/resourceGroups/G/providers/Microsoft.KeyVault/vaults/{name}"),
            "name": name, "type": "microsoft.keyvault/vaults", "properties": {} })
}

fn vaults() -> Value {
    json!([{ "type": "Microsoft.KeyVault/vaults", "description": "d", "fields": { "diagnosticSettings": "json" },
             "azure": { "table": "resources", "list": "/subscriptions/{subscription}/providers/Microsoft.KeyVault/vaults", "api_version": "1" } }])
}

fn vaults_with_reads() -> Value {
    let mut specs = vaults();
    specs[0]["azure"]["reads"] = json!([{ "get": "{id}/diagnosticSettings", "api_version": "1", "permission": "D/read", "answers": "list", "into": "diagnosticSettings" }]);
    specs
}

fn keys() -> Value {
    let mut specs = vaults();
    specs.as_array_mut().unwrap().push(json!({
        "type": "Microsoft.KeyVault/vaults/keys", "description": "d", "fields": {},
        "azure": { "below": { "type": "Microsoft.KeyVault/vaults" }, "list": "{id}/keys", "api_version": "1" } }));
    specs
}

fn outcome<'s>(snapshot: &'s Snapshot, type_name: &str, account: &str) -> &'s ListOutcome {
    let is_own = |entry: &&skywarden_model::Coverage| entry.type_name.as_str() == type_name && &*entry.account == account;
    &snapshot.coverage.iter().find(is_own).unwrap_or_else(|| panic!("nothing is told of {type_name} in {account}")).outcome
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.resources.iter().map(|resource| resource.name.as_str()).collect()
}

#[test]
fn pages_are_followed_and_every_type_is_told_for_every_subscription() {
    let mut tenant = Tenant::new();
    tenant.subscriptions(&[ONE, TWO]);
    tenant.may(TWO, json!(["*/read"]), json!([]));
    tenant.tells("resources", json!({ "data": [vault(ONE, "a")], "$skipToken": "T", "resultTruncated": "true" }));
    tenant.tells("resources T", json!({ "data": [vault(ONE, "b")], "resultTruncated": "false" }));
    let (snapshot, _) = tenant.run(vaults());
    assert_eq!(names(&snapshot), ["a", "b"]);
    assert_eq!(outcome(&snapshot, "Microsoft.KeyVault/vaults", ONE), &ListOutcome::Complete { n_resources: 2 });
    assert_eq!(outcome(&snapshot, "Microsoft.KeyVault/vaults", TWO), &ListOutcome::Complete { n_resources: 0 });
}

#[test]
fn what_resource_graph_leaves_out_for_want_of_a_right_is_not_taken_for_nothing() {
    let mut tenant = Tenant::new();
    tenant.may(ONE, json!(["*"]), json!(["Microsoft.KeyVault/*"]));
    tenant.rows(json!([]));
    let list = format!("/subscriptions/{ONE}/providers/Microsoft.KeyVault/vaults");
    tenant.refuses(&list, 403, "AuthorizationFailed");
    let (snapshot, asked) = tenant.run(vaults());
    assert!(asked.contains(&list), "the list is asked, whose refusal is the authority");
    let ListOutcome::Failed { reason } = outcome(&snapshot, "Microsoft.KeyVault/vaults", ONE) else { panic!() };
    assert_eq!((reason.kind, reason.permission.as_deref()), (UnreadableKind::Denied, Some("Microsoft.KeyVault/vaults/read")));
}

#[test]
fn a_query_that_breaks_off_gives_way_to_lists() {
    let mut tenant = Tenant::new();
    tenant.tells("resources", json!({ "data": [vault(ONE, "a")], "$skipToken": "T", "resultTruncated": "true" }));
    tenant.refuses("resources T", 429, "RateLimiting");
    let list = format!("/subscriptions/{ONE}/providers/Microsoft.KeyVault/vaults");
    tenant.tells(&list, json!({ "value": [vault(ONE, "a")], "nextLink": format!("{list}?page=2") }));
    tenant.tells(&format!("{list}?page=2"), json!({ "value": [vault(ONE, "b")] }));
    let (snapshot, _) = tenant.run(vaults());
    assert_eq!(names(&snapshot), ["a", "b"], "each once");
    assert_eq!(outcome(&snapshot, "Microsoft.KeyVault/vaults", ONE), &ListOutcome::Complete { n_resources: 2 });
}

#[test]
fn without_query_and_list_what_was_seen_stays_and_the_reason_is_told() {
    let mut tenant = Tenant::new();
    tenant.tells("resources", json!({ "data": [vault(ONE, "a")], "$skipToken": "T", "resultTruncated": "true" }));
    tenant.refuses("resources T", 429, "RateLimiting");
    let (snapshot, _) = tenant.run(vaults());
    assert_eq!(names(&snapshot), ["a"]);
    let ListOutcome::Partial { n_resources: 1, reason } = outcome(&snapshot, "Microsoft.KeyVault/vaults", ONE) else { panic!() };
    assert_eq!(reason.code, "ConnectionFailed");
}

#[test]
fn rows_that_are_cut_off_without_a_token_are_not_all() {
    let mut tenant = Tenant::new();
    tenant.tells("resources", json!({ "data": [vault(ONE, "a")], "resultTruncated": "true" }));
    let (snapshot, _) = tenant.run(
        json!([{ "type": "Microsoft.KeyVault/vaults", "description": "d", "fields": {}, "azure": { "table": "resources" } }]),
    );
    let ListOutcome::Partial { reason, .. } = outcome(&snapshot, "Microsoft.KeyVault/vaults", ONE) else { panic!() };
    assert_eq!(reason.kind, UnreadableKind::Truncated);
}

#[test]
fn a_namespace_that_is_not_registered_has_nothing() {
    let mut tenant = Tenant::new();
    tenant.refuses(&format!("/subscriptions/{ONE}/providers/X"), 409, "MissingSubscriptionRegistration");
    let spec = json!([{ "type": "Microsoft.X/ys", "description": "d", "fields": {},
                        "azure": { "list": "/subscriptions/{subscription}/providers/X", "api_version": "1" } }]);
    let (snapshot, _) = tenant.run(spec);
    assert_eq!(outcome(&snapshot, "Microsoft.X/ys", ONE), &ListOutcome::Complete { n_resources: 0 });
}

#[test]
fn a_subscription_that_disappears_is_gone_only_if_azure_says_so() {
    let known = |options: &mut AzureOptions| {
        options.known = BTreeMap::from([(TWO.into(), BTreeSet::from(["microsoft.old/things".into()]))]);
    };
    for (code, status) in [("SubscriptionNotFound", 404), ("AuthorizationFailed", 403)] {
        let mut tenant = Tenant::new();
        tenant.rows(json!([]));
        tenant.refuses(&format!("/subscriptions/{TWO}"), status, code);
        let (snapshot, _) = tenant.run_with(vaults(), known);
        for type_name in ["Microsoft.KeyVault/vaults", "microsoft.old/things"] {
            match outcome(&snapshot, type_name, TWO) {
                ListOutcome::Complete { n_resources: 0 } => assert_eq!(status, 404),
                ListOutcome::Failed { reason } => assert_eq!((status, reason.kind), (403, UnreadableKind::Denied)),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_read_that_fails_hides_one_field_of_one_resource() {
    let mut tenant = Tenant::new();
    tenant.rows(json!([vault(ONE, "a"), vault(ONE, "b")]));
    let id = |name: &str| {
        format!("/subscriptions/{ONE}/resourcegroups/g/providers/microsoft.keyvault/vaults/{name}/diagnosticSettings")
    };
    tenant.tells(&id("a"), json!({ "value": [{ "name": "d" }] }));
    tenant.refuses(&id("b"), 403, "AuthorizationFailed");
    let (snapshot, _) = tenant.run(vaults_with_reads());
    let [a, b] = snapshot.resources.as_slice() else { panic!() };
    assert_eq!((&a.properties["diagnosticSettings"], a.unreadable.len()), (&json!([{ "name": "d" }]), 0));
    assert_eq!(
        (b.properties.get("diagnosticSettings"), b.unreadable[0].field.to_string().as_str()),
        (None, "properties.diagnosticSettings")
    );
    let denied = &snapshot.coverage[0].denied[0];
    assert_eq!((denied.n_resources, denied.reason.permission.as_deref()), (1, Some("D/read")));
}

#[test]
fn what_lies_below_is_listed_for_each_parent_and_whole_only_if_all_are() {
    let mut tenant = Tenant::new();
    tenant.rows(json!([vault(ONE, "a"), vault(ONE, "b")]));
    let keys_of = |name: &str| format!("/subscriptions/{ONE}/resourcegroups/g/providers/microsoft.keyvault/vaults/{name}/keys");
    let key =
        json!({ "id": format!("{}/k", keys_of("a")), "name": "k", "type": "Microsoft.KeyVault/vaults/keys", "properties": {} });
    tenant.tells(&keys_of("a"), json!({ "value": [key] }));
    tenant.refuses(&keys_of("b"), 403, "AuthorizationFailed");
    let (snapshot, _) = tenant.run(keys());
    assert_eq!(names(&snapshot), ["a", "k", "b"]);
    let ListOutcome::Partial { n_resources: 1, reason } = outcome(&snapshot, "Microsoft.KeyVault/vaults/keys", ONE) else {
        panic!()
    };
    assert_eq!(reason.permission.as_deref(), Some("Microsoft.KeyVault/vaults/keys/read"));
}

#[test]
fn below_what_could_not_be_listed_nothing_is_known() {
    let (snapshot, _) = Tenant::new().run(keys());
    for type_name in ["Microsoft.KeyVault/vaults", "Microsoft.KeyVault/vaults/keys"] {
        assert!(matches!(outcome(&snapshot, type_name, ONE), ListOutcome::Failed { .. }), "{type_name}");
    }
}

#[test]
fn joined_lists_and_children_are_put_beside_what_a_resource_says_itself() {
    let specs = json!([
        { "type": "Microsoft.Graph/users", "description": "d", "fields": {},
          "azure": { "list": "/v1.0/users", "plane": "graph", "level": "tenant", "word": "users",
                     "joins": [{ "list": "/v1.0/registered", "plane": "graph", "permission": "R", "theirs": "id", "ours": "properties.id", "into": "registration" },
                               { "list": "/v1.0/signed", "plane": "graph", "permission": "R", "theirs": "id", "ours": "properties.id", "take": "activity.last", "into": "lastUse" }] } },
        { "type": "Microsoft.Graph/defaults", "description": "d", "fields": {},
          "azure": { "list": "/v1.0/defaults", "plane": "graph", "level": "tenant", "word": "defaults", "answers": "object" } },
        { "type": "A.B/machines", "description": "d", "fields": {},
          "azure": { "table": "resources", "children": [{ "type": "A.B/machines/extensions", "into": "extensions" }] } },
        { "type": "A.B/machines/extensions", "description": "d", "fields": {}, "azure": { "table": "resources" } },
    ]);
    let mut tenant = Tenant::new();
    tenant.tells("/v1.0/users", json!({ "value": [{ "id": "U1" }, { "id": "U2" }] }));
    tenant.tells("/v1.0/registered", json!({ "value": [{ "id": "u1", "isMfaRegistered": true }] }));
    tenant.tells(
        "/v1.0/signed",
        json!({ "value": [{ "id": "u1", "activity": { "last": "today" } }, { "id": "u2", "activity": null }] }),
    );
    tenant.tells("/v1.0/defaults", json!({ "id": "5", "isEnabled": true }));
    let id = format!("/subscriptions/{ONE}/resourceGroups/g/providers/A.B/machines/m");
    tenant.rows(json!([
        { "id": id, "name": "m", "type": "a.b/machines", "properties": {} },
        { "id": format!("{id}/extensions/aad"), "name": "aad", "type": "a.b/machines/extensions", "properties": { "x": 1 } },
    ]));
    let (snapshot, _) = tenant.run(specs);
    let of = |name: &str| snapshot.resources.iter().find(|resource| resource.id.as_str().ends_with(name)).unwrap();
    assert_eq!(of("machines/m").properties["extensions"], json!([{ "name": "aad", "properties": { "x": 1 } }]));
    assert_eq!(of("users/u1").properties["registration"]["isMfaRegistered"], true);
    assert_eq!(of("users/u2").properties.get("registration"), None);
    assert_eq!((&of("users/u1").properties["lastUse"], of("users/u2").properties.get("lastUse")), (&json!("today"), None));
    assert_eq!(of("defaults/5").properties["isEnabled"], true, "what there is once is one object");
    assert_eq!(outcome(&snapshot, "Microsoft.Graph/users", TENANT), &ListOutcome::Complete { n_resources: 2 });
}

#[test]
fn a_list_that_speaks_of_several_types_is_made_once_and_only_where_there_is_somebody_to_speak_of() {
    let join = json!({ "list": "/subscriptions/{subscription}/providers/S/verdicts", "api_version": "1", "permission": "S/read",
                       "theirs": "properties.about", "ours": "id", "into": "verdicts", "many": "list" });
    let of_type = |name: &str| json!({ "type": name, "description": "d", "fields": {}, "azure": { "table": "resources", "joins": [join.clone()] } });
    let mut tenant = Tenant::new();
    tenant.subscriptions(&[ONE, TWO]);
    let id = |name: &str| format!("/subscriptions/{ONE}/resourceGroups/g/providers/A.B/{name}/x");
    tenant.rows(json!([
        { "id": id("machines"), "name": "x", "type": "a.b/machines", "properties": {} },
        { "id": id("sites"), "name": "x", "type": "a.b/sites", "properties": {} },
    ]));
    let about = |name: &str, n: usize| json!({ "name": n.to_string(), "properties": { "about": id(name).to_uppercase() } });
    tenant.tells(
        &format!("/subscriptions/{ONE}/providers/S/verdicts"),
        json!({ "value": [about("machines", 1), about("sites", 2), about("others", 3), about("machines", 4)] }),
    );
    let (snapshot, asked) = tenant.run(json!([of_type("A.B/machines"), of_type("A.B/sites"), of_type("A.B/vaults")]));
    let names = |name: &str| -> Vec<String> {
        let own = snapshot.resources.iter().find(|own| own.type_name.as_str() == name).unwrap();
        own.properties["verdicts"].as_array().unwrap().iter().map(|own| own["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names("A.B/machines"), names("A.B/sites")), (vec!["1".to_owned(), "4".to_owned()], vec!["2".to_owned()]));
    assert_eq!(asked.iter().filter(|address| address.contains("/verdicts")).count(), 1, "{asked:?}");
}

#[test]
fn a_joined_list_that_may_not_be_read_hides_its_field_on_all() {
    let specs = json!([
        { "type": "Microsoft.Graph/users", "description": "d", "fields": {},
          "azure": { "list": "/v1.0/users", "plane": "graph", "level": "tenant", "word": "users",
                     "joins": [{ "list": "/v1.0/registered", "plane": "graph", "permission": "AuditLog.Read.All", "theirs": "id", "ours": "properties.id", "into": "registration" }] } }]);
    let mut tenant = Tenant::new();
    tenant.tells("/v1.0/users", json!({ "value": [{ "id": "U1" }, { "id": "U2" }] }));
    tenant.refuses("/v1.0/registered", 403, "Authorization_RequestDenied");
    let (snapshot, _) = tenant.run(specs);
    assert!(snapshot.resources.iter().all(|user| user.unreadable[0].field.to_string() == "properties.registration"));
    assert_eq!(snapshot.coverage[0].denied[0].n_resources, 2);
}

#[test]
fn a_list_that_never_ends_is_broken_off() {
    let list = format!("/subscriptions/{ONE}/providers/Microsoft.KeyVault/vaults");
    let mut tenant = Tenant::new();
    tenant.tells(&list, json!({ "value": [vault(ONE, "a")], "nextLink": list }));
    let (snapshot, asked) = tenant.run(vaults());
    assert!(asked.len() < 10, "{asked:?}");
    let ListOutcome::Partial { reason, .. } = outcome(&snapshot, "Microsoft.KeyVault/vaults", ONE) else { panic!() };
    assert_eq!(reason.kind, UnreadableKind::Truncated);
}

#[test]
fn what_no_collector_knows_is_kept_and_disappears_when_it_is_gone() {
    let mut tenant = Tenant::new();
    tenant.rows(json!([{ "id": format!("/subscriptions/{ONE}/resourceGroups/g/providers/My.Own/things/t"), "name": "t", "type": "my.own/things", "properties": { "p": 1 } }]));
    let known = |options: &mut AzureOptions| {
        options.known = BTreeMap::from([(ONE.into(), BTreeSet::from(["my.old/things".into()]))]);
    };
    let (snapshot, _) = tenant.run_with(vaults(), known);
    assert_eq!(snapshot.resources[0].properties, json!({ "p": 1 }));
    assert_eq!(outcome(&snapshot, "my.own/things", ONE), &ListOutcome::Complete { n_resources: 1 });
    assert_eq!(outcome(&snapshot, "my.old/things", ONE), &ListOutcome::Complete { n_resources: 0 });
}

#[test]
fn a_login_that_sees_no_subscription_is_told_so() {
    let mut tenant = Tenant::new();
    tenant.subscriptions(&[]);
    let catalog = BTreeMap::new();
    let specs = Specs { collectors: &catalog, services: &BTreeMap::new(), secrets: &BTreeMap::new() };
    let collected = collect_azure(specs, Arc::new(tenant), AzureOptions::new("azure".into()), &NoProgress, Timestamp::UNIX_EPOCH);
    let error = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(collected).unwrap_err().to_string();
    assert!(error.contains("sees no subscription") && error.contains("Reader"), "{error}");
}

const VAULT: &str = "Microsoft.KeyVault/vaults";

fn id_of(name: &str) -> String {
    format!("/subscriptions/{ONE}/resourcegroups/g/providers/microsoft.keyvault/vaults/{name}")
}

/// What comes of reading one resource again, and what was asked for it.
fn again(tenant: Tenant, specs: Value, changed: Changed, known: &[Resource]) -> (RereadOutcome, Vec<String>) {
    let collectors: Vec<CollectorFile> = serde_json::from_value(specs).unwrap();
    let collectors = collectors.into_iter().map(|file| (file.type_name.clone(), file)).collect();
    let specs = Specs { collectors: &collectors, services: &BTreeMap::new(), secrets: &BTreeMap::new() };
    let mut options = AzureOptions::new(ConnectorId::from("azure"));
    options.tenant = Some(TENANT.to_owned());
    let tenant = Arc::new(tenant);
    let transport: Arc<dyn Transport> = Arc::<Tenant>::clone(&tenant);
    let wanted = [changed];
    let read = read_azure_again(specs, transport, &options, &wanted, known);
    let mut rereads = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(read);
    let asked = tenant.asked.lock().unwrap().clone();
    assert_eq!((rereads.len(), &rereads[0].changed), (1, &wanted[0]));
    (rereads.remove(0).outcome, asked)
}

#[test]
fn what_changed_is_one_call_and_the_reads_about_it() {
    let mut tenant = Tenant::new();
    tenant.tells(&id_of("a"), vault(ONE, "A"));
    tenant.tells(&format!("{}/diagnosticSettings", id_of("a")), json!({ "value": [{ "name": "d" }] }));
    let (outcome, asked) = again(tenant, vaults_with_reads(), Changed::of_id(ONE, VAULT.into(), &id_of("a")), &[]);
    let RereadOutcome::Found(found) = outcome else { panic!("{outcome:?}") };
    assert_eq!((found[0].id.as_str(), &found[0].properties["diagnosticSettings"][0]["name"]), (id_of("a").as_str(), &json!("d")));
    assert_eq!(asked.len(), 2, "{asked:?}");
}

#[test]
fn only_a_404_of_azures_own_means_gone() {
    let gone = [(404, "ResourceNotFound", true), (404, "ResourceGroupNotFound", true)];
    let kept =
        [(404, "InvalidResourceType", false), (403, "AuthorizationFailed", false), (429, "Throttled", false), (404, "", false)];
    for (status, code, is_gone) in gone.into_iter().chain(kept) {
        let mut tenant = Tenant::new();
        tenant.refuses(&id_of("a"), status, code);
        let (outcome, _) = again(tenant, vaults(), Changed::of_id(ONE, VAULT.into(), &id_of("a")), &[]);
        match outcome {
            RereadOutcome::Found(found) => assert!(is_gone && found.is_empty(), "{status} {code}"),
            RereadOutcome::Failed(_) => assert!(!is_gone, "{status} {code}"),
        }
    }
}

#[test]
fn what_lies_below_is_kept_beside_what_is_read_again() {
    let specs = json!([
        { "type": "A.B/machines", "description": "d", "fields": {},
          "azure": { "table": "resources", "api_version": "1", "children": [{ "type": "A.B/machines/extensions", "into": "extensions" }] } },
        { "type": "A.B/machines/extensions", "description": "d", "fields": {}, "azure": { "table": "resources" } },
    ]);
    let id = format!("/subscriptions/{ONE}/resourcegroups/g/providers/a.b/machines/m");
    let machine = json!({ "id": id, "name": "m", "type": "a.b/machines", "properties": {} });
    let mut before = Tenant::new();
    before.rows(json!([machine, { "id": format!("{id}/extensions/x"), "name": "x", "type": "a.b/machines/extensions", "properties": { "p": 1 } }]));
    let (snapshot, _) = before.run(specs.clone());
    let mut tenant = Tenant::new();
    tenant.tells(&id, machine);
    let (outcome, _) = again(tenant, specs, Changed::of_id(ONE, "A.B/machines".into(), &id), &snapshot.resources);
    let scanned = snapshot.resources.into_iter().filter(|own| own.id.as_str() == id).collect();
    assert_eq!(outcome, RereadOutcome::Found(scanned), "as a scan reads it");
}

#[test]
fn what_can_not_be_read_by_an_id_is_told() {
    let graph = json!([{ "type": VAULT, "description": "d", "fields": {}, "azure": { "table": "resources" } }]);
    let whole = Changed::of_id(ONE, VAULT.into(), &id_of("a")).of_whole_type();
    for (specs, changed) in [(graph.clone(), Changed::of_id(ONE, VAULT.into(), &id_of("a"))), (graph.clone(), whole)] {
        let (outcome, asked) = again(Tenant::new(), specs, changed, &[]);
        assert!(matches!(outcome, RereadOutcome::Failed(_)) && asked.is_empty(), "{outcome:?}");
    }
}

#[test]
fn what_resource_graph_alone_has_stays_as_it_was() {
    let specs = json!([{ "type": "A.B/machines", "description": "d", "fields": { "extended": {} },
                         "azure": { "table": "resources", "api_version": "1" } }]);
    let id = format!("/subscriptions/{ONE}/resourcegroups/g/providers/a.b/machines/m");
    let mut before = Tenant::new();
    before.rows(json!([{ "id": id, "name": "m", "type": "a.b/machines", "properties": { "extended": { "x": 1 }, "p": 1 } }]));
    let (snapshot, _) = before.run(specs.clone());
    for (known, is_known) in [(snapshot.resources.as_slice(), true), (&[], false)] {
        let mut tenant = Tenant::new();
        tenant.tells(&id, json!({ "id": id, "name": "m", "type": "a.b/machines", "properties": { "p": 2 } }));
        let (outcome, _) = again(tenant, specs.clone(), Changed::of_id(ONE, "A.B/machines".into(), &id), known);
        let RereadOutcome::Found(found) = outcome else { panic!("{outcome:?}") };
        assert_eq!(found[0].properties["p"], 2);
        assert_eq!(found[0].properties.get("extended").is_some(), is_known);
        assert_eq!(found[0].unreadable.is_empty(), is_known);
    }
}

#[test]
fn very_many_of_a_type_are_listed() {
    let mut tenant = Tenant::new();
    tenant.tells(
        &format!("/subscriptions/{ONE}/providers/Microsoft.KeyVault/vaults"),
        json!({ "value": [vault(ONE, "a"), vault(ONE, "b")] }),
    );
    let whole = Changed::of_id(ONE, VAULT.into(), &id_of("a")).of_whole_type();
    let (outcome, asked) = again(tenant, vaults(), whole, &[]);
    let RereadOutcome::Found(found) = outcome else { panic!("{outcome:?}") };
    assert_eq!((found.len(), asked.len()), (2, 1), "{asked:?}");
}
