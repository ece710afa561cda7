//! Requests of clients, at every route of the API: the input is a method and a path with what is asked, lines of headers, an empty line
//! and a body. No request makes the server fail; what is refused is told with a code and a message, in JSON.
#![no_main]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use skywarden_api::{
    AppState, Auth, AuthSettings, LimitSettings, Limits, Passwords, Rate, Scheme, SignIn, TokenKey, openapi, router,
};
use skywarden_content::Catalog;
use skywarden_model::{
    Assessment, Carried, Connector, Coverage, Environment, FactTable, ListOutcome, Resource, Scope, Status, Timestamp,
    subscription_id,
};
use skywarden_store::{Run, Store};
use skywarden_vault::SecretKey;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

static CATALOG: LazyLock<Arc<Catalog>> =
    LazyLock::new(|| Arc::new(Catalog::embedded_with_threats().expect("the content is sound")));

const HOST: &str = "127.0.0.1:8470";
const TENANT: &str = "2f5b7c1e-0000-4000-8000-000000000001";

/// A server gives way to a new one after so many requests, which may have filled its store.
const REQUESTS: u32 = 1_000;

struct Server {
    router: Router,
    _folder: tempfile::TempDir,
}

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
    static N_ASKED: Cell<u32> = const { Cell::new(0) };
}

async fn server() -> Server {
    let folder = skywarden_fuzz::folder();
    let store = Store::open_file(&folder.path().join("store.db")).await.expect("a new store");
    let auth = Auth::new(AuthSettings {
        api_token: "the-token",
        one_time: "once",
        hosts: vec![HOST.to_owned()],
        scheme: Scheme::Http,
        tenant: TENANT.to_owned(),
        key: TokenKey::from_pem(&TokenKey::generate().expect("randomness")).expect("our own key"),
    });
    let vault = store.open_vault(SecretKey::generate().expect("randomness")).await.expect("a new vault");
    commit(&store).await;
    let limit = Rate::of(1_000_000, 1_000_000);
    let state = AppState {
        logs: None,
        overviews: skywarden_store::Remembered::default(),
        store,
        catalog: Arc::clone(&CATALOG),
        vault,
        auth: Arc::new(auth),
        sign_in: Arc::new(SignIn::new(Passwords::new().expect("the settings are sound"), Vec::new())),
        limits: Arc::new(Limits::new(LimitSettings { principal: limit, stranger: limit, ..LimitSettings::default() })),
        console: None,
        azure_clouds: Arc::default(),
    };
    Server { router: router(state), _folder: folder }
}

fn scope() -> Scope {
    Scope { connector: "host".into(), account: "fleet".into(), resource_group: "machines".into() }
}

/// One machine with two verdicts.
async fn commit(store: &Store) {
    let machine = Resource {
        id: "machine-1".into(),
        type_name: "Skywarden.Host/machines".into(),
        name: "web-1".to_owned(),
        scope: scope(),
        location: None,
        tags: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
        envelope: Map::new(),
        properties: json!({ "firewall": { "active": false } }),
        unreadable: Vec::new(),
        carried: Carried::All,
    };
    let verdict = |recommendation: &str, status| Assessment {
        recommendation: recommendation.into(),
        resource: machine.id.clone(),
        status,
        cause: None,
        evidence: Arc::default(),
        findings: Box::default(),
    };
    let run = Run {
        connector: &Connector {
            id: "host".into(),
            environment: Environment::OnPremise,
            display_name: "host".to_owned(),
            sample: false,
            settings: BTreeMap::new(),
        },
        at: Timestamp::UNIX_EPOCH,
        taken_at: Timestamp::UNIX_EPOCH,
        resources: std::slice::from_ref(&machine),
        held_elsewhere: &[],
        stale: &Default::default(),
        facts: &FactTable::new(),
        coverage: &[Coverage {
            type_name: machine.type_name.clone(),
            account: "fleet".into(),
            region: "global".into(),
            outcome: ListOutcome::Complete { n_resources: 1 },
            denied: Vec::new(),
        }],
        assessments: &[verdict("machine-firewall-on", Status::Unhealthy), verdict("machine-root-login-refused", Status::Unknown)],
        transitions: &[],
        scores: &BTreeMap::new(),
        compliance: &BTreeMap::new(),
    };
    store.commit(&run).await.expect("a new store takes a run");
}

/// The request that an input is; `None` if no client could send it.
fn request(input: &[u8]) -> Option<Request<Body>> {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((input, &b""[..]), |end| (&input[..end], &input[end + 2..]));
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    let mut headers = BTreeMap::from([
        ("host".to_owned(), HOST),
        ("authorization".to_owned(), "Bearer the-token"),
        ("content-type".to_owned(), "application/json"),
    ]);
    headers.extend(lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value)));
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(Body::from(body.to_vec())).ok()
}

async fn ask(router: &Router, request: Request<Body>) {
    let told = format!("{} {}", request.method(), request.uri());
    let is_read = request.method() != "HEAD";
    let response = router.clone().oneshot(request).await.expect("a router always answers");
    let status = response.status();
    let is_json = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let body = axum::body::to_bytes(response.into_body(), 1 << 26).await.expect("an answer ends");
    assert!(
        !status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED,
        "{told}: {status} {}",
        String::from_utf8_lossy(&body)
    );
    if is_json && is_read {
        let answer: Value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{told}: {error}"));
        if let Some(error) = answer.get("error").and_then(Value::as_object).filter(|_| status.is_client_error()) {
            let is_told = |member: &str| error.get(member).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            assert!(is_told("code") && is_told("message"), "{told}: {answer}");
        }
    }
}

/// What fits a schema of the OpenAPI document.
fn fitting(schema: &Value, depth: u32) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let found = openapi().document.pointer(name.trim_start_matches('#')).unwrap_or(&Value::Null);
        return if depth > 8 { Value::Null } else { fitting(found, depth + 1) };
    }
    if let Some(first) = schema["anyOf"].get(0).or_else(|| schema["oneOf"].get(0)) {
        return fitting(first, depth + 1);
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(1),
        Some("array") => json!([fitting(&schema["items"], depth + 1)]),
        Some("object") if depth < 8 => {
            let members = schema["properties"].as_object().into_iter().flatten();
            Value::Object(members.map(|(name, own)| (name.clone(), fitting(own, depth + 1))).collect())
        }
        Some("string") if schema["format"] == "date-time" => json!("2030-01-01T00:00:00Z"),
        Some("string") => json!("x"),
        _ => json!({}),
    }
}

/// Every operation of the document, and what clients ask of lists and send beside it.
fn seeds() {
    let subscription = subscription_id(&scope()).to_string();
    let resource = format!("subscriptions/{subscription}/resourceGroups/machines/providers/Skywarden.Host/machines/machine-1");
    let mut seeds = Vec::new();
    for (path, methods) in openapi().document["paths"].as_object().into_iter().flatten() {
        let mut asked = path
            .replace("{subscriptionId}", &subscription)
            .replace("{subscription}", &subscription)
            .replace("{states}", "latest");
        for scope in ["{resourceId}", "{scope}", "{scopeId}"] {
            asked = asked.replacen(&format!("/{scope}/"), &format!("/{resource}/"), 1);
        }
        let steps: Vec<&str> = asked.split('/').map(|step| if step.starts_with('{') { "own" } else { step }).collect();
        let asked = steps.join("/");
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let schema = operation.pointer("/requestBody/content/application~1json/schema");
            let body = schema.map(|schema| format!("\n\n{}", fitting(schema, 0))).unwrap_or_default();
            seeds.push(format!("{} {asked}{body}", method.to_uppercase()));
        }
    }
    let security = format!("/subscriptions/{subscription}/providers/Microsoft.Security");
    let policy = format!("/subscriptions/{subscription}/providers/Microsoft.Authorization");
    let insights = format!("/subscriptions/{subscription}/providers/Microsoft.PolicyInsights");
    let definition = r#"{ "properties": { "displayName": "x", "mode": "All", "parameters": { "p": { "type": "Array", "defaultValue": ["a"] } },
        "policyRule": { "if": { "allOf": [{ "field": "type", "in": "[parameters('p')]" }, { "not": { "field": "name", "like": "x*" } }] },
        "then": { "effect": "audit" } } } }"#;
    seeds.extend([
        format!("GET {security}/alerts?$filter=properties/severity%20eq%20'High'%20and%20not%20(contains(name,'x'))&$top=5"),
        format!("GET {policy}/policyDefinitions?$filter=policyType%20eq%20'Custom'%20or%20category%20in%20('a','b')&$top=1&$skiptoken=1"),
        format!("GET {policy}/roleAssignments?$filter=atScope()%20and%20assignedTo('x')"),
        format!("POST {insights}/policyStates/latest/queryResults?$filter=isCompliant%20eq%20false&$orderby=timestamp%20desc&$apply=groupby((policyAssignmentId),aggregate($count%20as%20n))&$select=resourceId"),
        format!("GET {security}/assessments?$expand=metadata&$skipToken=eyJhIjoxfQ&api-version=2020-01-01"),
        format!("PUT {policy}/policyDefinitions/d\n\n{definition}"),
        format!("PUT {policy}/policyAssignments/a\n\n{{\"properties\":{{\"policyDefinitionId\":\"{policy}/policyDefinitions/d\",\"parameters\":{{\"p\":{{\"value\":[\"b\"]}}}},\"notScopes\":[],\"resourceSelectors\":[{{\"name\":\"s\",\"selectors\":[{{\"kind\":\"resourceType\",\"in\":[\"A.B/c\"]}}]}}]}}}}"),
        format!("PUT {security}/alertsSuppressionRules/known\n\n{{\"properties\":{{\"alertType\":\"x\",\"reason\":\"Other\",\"state\":\"Enabled\",\"comment\":\"c\",\"expirationDateUtc\":\"2030-01-01T00:00:00Z\",\"suppressionAlertsScope\":{{\"allOf\":[{{\"field\":\"entities.ip.address\",\"in\":[\"1.1.1.1\"]}}]}}}}}}"),
        format!("POST {security}/locations/local/alerts/default/simulate\n\n{{\"properties\":{{\"kind\":\"Bundles\",\"bundles\":[\"DNS\"]}}}}"),
        format!("PATCH {security}/pricings/VirtualMachines\nif-match: \"x\"\n\n{{\"properties\":{{\"pricingTier\":\"Standard\",\"subPlan\":\"P1\"}}}}"),
        format!("PUT /subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Security/securityConnectors/c\n\n{{\"location\":\"x\",\"tags\":{{\"a\":\"b\"}},\"properties\":{{\"hierarchyIdentifier\":\"123456789012\",\"environmentName\":\"AWS\",\"environmentData\":{{\"environmentType\":\"AwsAccount\",\"regions\":[\"us-east-1\"],\"scanInterval\":4}},\"offerings\":[{{\"offeringType\":\"CspmMonitorAws\",\"nativeCloudConnection\":{{\"cloudRoleArn\":\"arn:aws:iam::123456789012:role/x\"}}}}]}}}}"),
        "PUT /api/v1/standards/own\ncontent-type: application/yaml\n\nid: own\ntitle: Own\ndescription: d\ncontrols:\n  - { id: a, title: A, checks: [machine-firewall-on] }\n".to_owned(),
        "POST /api/v1/policy/import?file=a.yaml\ncontent-type: application/yaml\n\nid: /providers/Microsoft.Authorization/policyDefinitions/d\nname: d\nproperties: { policyRule: { if: { field: name, equals: x }, then: { effect: audit } } }\n".to_owned(),
        format!("POST /api/v1/policy/try\n\n{{\"definition\":{definition},\"resource\":\"machine-1\"}}"),
        "POST /api/v1/exemptions\n\n{\"recommendation\":\"machine-firewall-on\",\"scope\":{\"kind\":\"tenant\"},\"category\":\"Waiver\",\"reason\":\"known\"}".to_owned(),
        "POST /api/v1/exemptions/bulk\n\n{\"recommendation\":\"machine-firewall-on\",\"resources\":[\"machine-1\"],\"category\":\"Mitigated\",\"reason\":\"r\",\"expiresAt\":\"2030-01-01T00:00:00Z\"}".to_owned(),
        "POST /api/v1/alerts/status\n\n{\"ids\":[\"a\"],\"status\":\"Dismissed\"}".to_owned(),
        "GET /api/v1/assessments?status=Unhealthy&severity=high&search=x&sort=-severity&limit=2&cursor=eyJhIjoxfQ".to_owned(),
        "GET /api/v1/resources?type=Skywarden.Host/machines&tag=team=blue&limit=1&cursor=machine-1".to_owned(),
        "GET /api/v1/changes?since=2020-01-01T00:00:00Z&until=x&limit=1000000".to_owned(),
        "GET /api/v1/compliance/cis-aws-5.0/report?format=csv&scope=tenant".to_owned(),
        format!("POST /{TENANT}/oauth2/v2.0/token\ncontent-type: application/x-www-form-urlencoded\n\ngrant_type=client_credentials&client_id=x&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.AA&scope=http%3A%2F%2F127.0.0.1%3A8470%2F.default"),
        format!("POST /{TENANT}/oauth2/v2.0/token\ncontent-type: application/x-www-form-urlencoded\nauthorization: Basic eDp5\n\ngrant_type=client_credentials"),
        "GET /api/v1/overview\nauthorization: Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJ4IiwiYXVkIjoieCJ9.AAAA".to_owned(),
        format!("GET /SUBSCRIPTIONS/{subscription}/Providers/microsoft.security/./assessments/?a=%zz&b"),
        "GET /%2e%2e/%00/api//v1/overview\ncookie: skywarden_session=x; a=b\nx-forwarded-for: 1.1.1.1".to_owned(),
    ]);
    seeds.sort();
    skywarden_fuzz::seeds(seeds);
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Some(request) = request(input) else { return };
    RUNTIME.with(|runtime| {
        let n_asked = N_ASKED.get();
        N_ASKED.set(n_asked + 1);
        SERVER.with_borrow_mut(|held| {
            runtime.block_on(async {
                if n_asked.is_multiple_of(REQUESTS) {
                    *held = None;
                }
                let server = match held {
                    Some(server) => server,
                    None => held.insert(server().await),
                };
                ask(&server.router, request).await;
            });
        });
    });
});
