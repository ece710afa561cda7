//! A server over a small estate.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, Response, StatusCode},
};
use serde_json::{Value, json};
use skywarden_api::{
    API_TOKEN_PREFIX, AppState, Auth, AuthSettings, IdentityProvider, LimitSettings, Limits, Passwords, Rate, Route, Scheme,
    SignIn, StaticFile, TokenKey, hex_digest, router,
};
use skywarden_content::Catalog;
use skywarden_ingest::Desk;
use skywarden_model::{
    Assessment, Carried, Connector, Coverage, Environment, Exemption, ExemptionCategory, ExemptionScope, FactTable, ListOutcome,
    Resource, Scope, Status, Timestamp,
};
use skywarden_policy::Scope as At;
use skywarden_rbac::{BuiltIn, Principal, PrincipalKind, PrincipalState, RoleAssignment};
use skywarden_store::{Credential, CredentialKind, Run, Store, Vault};
use skywarden_vault::SecretKey;
use tempfile::TempDir;
use tower::ServiceExt as _;

const HOST: &str = "127.0.0.1:8470";
const TOKEN: &str = "the-token";
pub(crate) const TENANT: &str = "2f5b7c1e-0000-4000-8000-000000000001";

/// A console of two files.
fn console(path: &str) -> Option<StaticFile> {
    let file = |content_type, gzip| Some(StaticFile { content_type, gzip });
    match path {
        "index.html" => file("text/html", b"page"),
        "assets/a.js" => file("text/javascript", b"script"),
        _ => None,
    }
}

/// Recommendations with what is found of them.
type Statuses = [(&'static str, Status); 3];

pub(crate) struct Server {
    router: Router,
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    _folder: TempDir,
}

/// The embedded content, which takes a while to read.
pub(crate) static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(Catalog::embedded_with_threats().unwrap()));

/// A server that knows one machine.
pub(crate) async fn server() -> Server {
    let machine = machine();
    let statuses = [
        ("machine-firewall-on", Status::Unhealthy),
        ("machine-root-login-refused", Status::Unknown),
        ("machine-system-updates-installed", Status::Healthy),
    ];
    let server = empty().await;
    commit(&server, "host", &[(machine, &statuses)]).await;
    server
}

/// A server that knows a machine in each of some accounts (connector, account), each in another state; the same for each server.
pub(crate) async fn estate(places: &[(&str, &str)]) -> Server {
    estate_of(places, &machine()).await
}

/// The same with machines that are otherwise like one.
pub(crate) async fn estate_of(places: &[(&str, &str)], like: &Resource) -> Server {
    const STATUSES: [Statuses; 3] = [
        [
            ("machine-firewall-on", Status::Unhealthy),
            ("machine-root-login-refused", Status::Unknown),
            ("machine-system-updates-installed", Status::Healthy),
        ],
        [
            ("machine-firewall-on", Status::Healthy),
            ("machine-root-login-refused", Status::Healthy),
            ("machine-system-updates-installed", Status::Unhealthy),
        ],
        [
            ("machine-firewall-on", Status::Unknown),
            ("machine-root-login-refused", Status::NotApplicable),
            ("machine-system-updates-installed", Status::Healthy),
        ],
    ];
    let server = empty().await;
    let mut connectors: BTreeMap<&str, Vec<(Resource, &Statuses)>> = BTreeMap::new();
    for (connector, account) in places {
        let name = format!("{connector}-{account}");
        let number: usize = account.bytes().map(usize::from).sum();
        let scope = Scope { connector: (*connector).into(), account: (*account).into(), resource_group: "machines".into() };
        let machine = Resource { id: name.as_str().into(), name, scope, ..like.clone() };
        connectors.entry(connector).or_default().push((machine, STATUSES.get(number % STATUSES.len()).unwrap()));
    }
    for (connector, machines) in connectors {
        commit(&server, connector, &machines).await;
        for (machine, _) in &machines {
            let account = machine.scope.account.to_string();
            exempt(&server, &format!("of {}", machine.name), ExemptionScope::Resource { id: machine.id.clone() }).await;
            exempt(&server, &format!("in {}", machine.name), ExemptionScope::Subscription { account }).await;
        }
    }
    exempt(&server, "everywhere", ExemptionScope::Tenant).await;
    server
}

pub(crate) async fn exempt(server: &Server, id: &str, scope: ExemptionScope) {
    let exemption = Exemption {
        id: id.to_owned(),
        recommendation: "machine-firewall-on".to_owned(),
        finding: None,
        scope,
        category: ExemptionCategory::Waiver,
        reason: "known".to_owned(),
        expires_at: None,
        created_at: Timestamp::UNIX_EPOCH,
        created_by: String::new(),
    };
    server.store.put_exemption(&exemption).await.unwrap();
}

pub(crate) async fn empty() -> Server {
    empty_with(Vec::new()).await
}

/// A server of nothing at which one can sign in at some identity providers too.
pub(crate) async fn empty_with(providers: Vec<IdentityProvider>) -> Server {
    empty_within(providers, unlimited()).await
}

/// A server of nothing that takes in logs.
pub(crate) async fn empty_taking(logs: Desk) -> Server {
    empty_of(Vec::new(), unlimited(), Some(logs)).await
}

/// The walks ask more than anybody does.
fn unlimited() -> LimitSettings {
    let limit = Rate::of(1_000_000, 1_000_000);
    LimitSettings { principal: limit, stranger: limit, ..LimitSettings::default() }
}

/// The same with limits of its own.
pub(crate) async fn empty_within(providers: Vec<IdentityProvider>, limits: LimitSettings) -> Server {
    empty_of(providers, limits, None).await
}

async fn empty_of(providers: Vec<IdentityProvider>, limits: LimitSettings, logs: Option<Desk>) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("store.db")).await.unwrap();
    let auth = Arc::new(Auth::new(AuthSettings {
        api_token: TOKEN,
        one_time: "once",
        hosts: vec![HOST.to_owned()],
        scheme: Scheme::Http,
        tenant: TENANT.to_owned(),
        key: TokenKey::from_pem(&TokenKey::generate().unwrap()).unwrap(),
    }));
    let vault = store.open_vault(SecretKey::generate().unwrap()).await.unwrap();
    let state = AppState {
        logs,
        overviews: skywarden_store::Remembered::default(),
        store: store.clone(),
        catalog: Arc::clone(&CATALOG),
        vault: vault.clone(),
        auth,
        sign_in: Arc::new(SignIn::new(Passwords::new().unwrap(), providers)),
        limits: Arc::new(Limits::new(limits)),
        console: Some(console),
        azure_clouds: Arc::default(),
    };
    Server { router: router(state), store, vault, _folder: folder }
}

/// What one run of a connector found: machines with their assessments.
async fn commit(server: &Server, connector: &str, machines: &[(Resource, &Statuses)]) {
    let connector = Connector {
        id: connector.into(),
        environment: Environment::OnPremise,
        display_name: "<b>".to_owned(),
        sample: false,
        settings: BTreeMap::new(),
    };
    let (mut resources, mut assessments, mut coverage, mut scores) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
    for (machine, statuses) in machines {
        let own: Vec<Assessment> = statuses
            .iter()
            .map(|(recommendation, status)| Assessment {
                recommendation: (*recommendation).into(),
                resource: machine.id.clone(),
                status: *status,
                cause: None,
                evidence: [].into(),
                findings: Box::default(),
            })
            .collect();
        let listed = Coverage {
            type_name: machine.type_name.clone(),
            account: machine.scope.account.clone(),
            region: "global".into(),
            outcome: ListOutcome::Complete { n_resources: 1 },
            denied: Vec::new(),
        };
        let score = skywarden_posture::secure_score(&CATALOG, &own, std::slice::from_ref(&listed));
        scores.insert(machine.scope.account.to_string(), score);
        resources.push(machine.clone());
        assessments.extend(own);
        coverage.push(listed);
    }
    let run = Run {
        connector: &connector,
        at: Timestamp::UNIX_EPOCH,
        taken_at: Timestamp::UNIX_EPOCH,
        resources: &resources,
        held_elsewhere: &[],
        stale: &Default::default(),
        facts: &FactTable::new(),
        coverage: &coverage,
        assessments: &assessments,
        transitions: &[],
        scores: &scores,
        compliance: &BTreeMap::new(),
    };
    server.store.commit(&run).await.unwrap();
}

pub(crate) fn machine() -> Resource {
    Resource {
        id: "machine-1".into(),
        type_name: "Skywarden.Host/machines".into(),
        name: "<script>alert(1)</script>".to_owned(),
        scope: Scope { connector: "host".into(), account: "fleet".into(), resource_group: "machines".into() },
        location: None,
        tags: BTreeMap::new(),
        envelope: serde_json::Map::new(),
        properties: json!({ "collection": { "container": false }, "firewall": { "backend": "none", "active": false } }),
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}

pub(crate) async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, String) {
    let (status, bytes) = ask_bytes(server, method, path, headers, body.as_bytes().to_vec()).await;
    // An archive is no text.
    (status, String::from_utf8(bytes).unwrap_or_else(|error| format!("{:?}", error.into_bytes())))
}

pub(crate) async fn ask_bytes(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (StatusCode, Vec<u8>) {
    let response = send(server, method, path, headers, body).await;
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
    (status, bytes.to_vec())
}

/// Sends a request and gives the answer with its headers.
pub(crate) async fn send(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Response<Body> {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    let is_given = headers.iter().any(|(name, _)| *name == "host");
    if !is_given {
        request = request.header("host", HOST);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

pub(crate) const BEARER: (&str, &str) = ("authorization", "Bearer the-token");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

pub(crate) async fn get(server: &Server, path: &str) -> Value {
    let (status, body) = ask(server, "GET", path, &[BEARER], "").await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

pub(crate) async fn post(server: &Server, path: &str, body: &Value) -> (StatusCode, Value) {
    let (status, body) = ask(server, "POST", path, &[BEARER, JSON], &body.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// Makes a program that holds a role at a scope, and gives the value of its `Authorization` header.
pub(crate) async fn program(server: &Server, name: &str, role: BuiltIn, scope: &str) -> String {
    let token = format!("{API_TOKEN_PREFIX}{name}");
    let id = uuid::Uuid::new_v4().to_string();
    let principal = Principal {
        id: id.clone(),
        kind: PrincipalKind::ServicePrincipal,
        name: name.to_owned(),
        display_name: name.to_owned(),
        state: PrincipalState::Enabled,
        created_at: Timestamp::UNIX_EPOCH,
        provider: None,
    };
    server.store.put_principal(&principal).await.unwrap();
    for (kind, secret) in [(CredentialKind::Token, token.as_str()), (CredentialKind::Secret, "the-secret")] {
        let credential = Credential {
            id: uuid::Uuid::new_v4().to_string(),
            principal: id.clone(),
            kind,
            name: String::new(),
            secret: hex_digest(secret),
            scope: None,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            last_used_at: None,
        };
        server.store.put_credential(&credential).await.unwrap();
    }
    assign(server, &principal, role, scope).await;
    format!("Bearer {token}")
}

/// Gives a principal a role at a scope.
pub(crate) async fn assign(server: &Server, principal: &Principal, role: BuiltIn, scope: &str) {
    let assignment = RoleAssignment {
        id: uuid::Uuid::new_v4().to_string(),
        principal: principal.id.clone(),
        principal_kind: principal.kind,
        role: role.id().to_owned(),
        scope: At::parse(scope).unwrap(),
        created_at: Timestamp::UNIX_EPOCH,
        created_by: String::new(),
    };
    server.store.put_role_assignment(&assignment).await.unwrap();
}

/// Whether a route tells of people and roles, of who asks, or of where logs come from: these are the installation's, whoever sees how
/// much of the estate.
pub(crate) fn is_of_installation(route: &Route) -> bool {
    let own = [
        "Skywarden.Account/",
        "Microsoft.Authorization/principals/",
        "Microsoft.Authorization/auditLog/",
        "Microsoft.Security/logInputs/",
    ];
    route.path.contains("/Microsoft.Authorization/role") || own.iter().any(|action| route.action.starts_with(action))
}
