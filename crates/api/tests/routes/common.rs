//! A server over a small estate.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};
use skywarden_api::{AppState, Auth, StaticFile, router};
use skywarden_content::Catalog;
use skywarden_model::{
    Assessment, Carried, Connector, Coverage, Environment, FactTable, ListOutcome, Resource, Scope, Status, Timestamp,
};
use skywarden_store::{Run, Store};
use tempfile::TempDir;
use tower::ServiceExt as _;

const HOST: &str = "127.0.0.1:8470";
const TOKEN: &str = "the-token";

/// A console of two files.
fn console(path: &str) -> Option<StaticFile> {
    let file = |content_type, gzip| Some(StaticFile { content_type, gzip });
    match path {
        "index.html" => file("text/html", b"page"),
        "assets/a.js" => file("text/javascript", b"script"),
        _ => None,
    }
}

pub(crate) struct Server {
    router: Router,
    pub(crate) store: Store,
    _folder: TempDir,
}

pub(crate) async fn server() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("store.db")).await.unwrap();
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let machine = machine();
    let assessment = |recommendation: &str, status| Assessment {
        recommendation: recommendation.into(),
        resource: machine.id.clone(),
        status,
        cause: None,
        evidence: Box::default(),
        findings: Box::default(),
    };
    let assessments = [
        assessment("machine-firewall-on", Status::Unhealthy),
        assessment("machine-root-login-refused", Status::Unknown),
        assessment("machine-system-updates-installed", Status::Healthy),
    ];
    let connector = Connector {
        id: "host".into(),
        environment: Environment::OnPremise,
        display_name: "<b>".to_owned(),
        sample: false,
        settings: BTreeMap::new(),
    };
    let coverage = [Coverage {
        type_name: machine.type_name.clone(),
        account: "fleet".into(),
        region: "global".into(),
        outcome: ListOutcome::Complete { n_resources: 1 },
        denied: Vec::new(),
    }];
    let score = skywarden_posture::secure_score(&catalog, &assessments, &coverage);
    let run = Run {
        connector: &connector,
        at: Timestamp::UNIX_EPOCH,
        taken_at: Timestamp::UNIX_EPOCH,
        resources: std::slice::from_ref(&machine),
        held_elsewhere: &[],
        stale: &Default::default(),
        facts: &FactTable::new(),
        coverage: &coverage,
        assessments: &assessments,
        transitions: &[],
        scores: &BTreeMap::from([("fleet".to_owned(), score)]),
        compliance: &BTreeMap::new(),
    };
    store.commit(&run).await.unwrap();
    let auth = Arc::new(Auth::new(TOKEN, "once", vec![HOST.to_owned()]));
    let state = AppState { store: store.clone(), catalog, auth, console: Some(console) };
    Server { router: router(state), store, _folder: folder }
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
    let (status, bytes) = answer(server, method, path, headers, body).await;
    (status, String::from_utf8(bytes).unwrap())
}

/// What is no text.
pub(crate) async fn ask_bytes(server: &Server, path: &str) -> (StatusCode, Vec<u8>) {
    answer(server, "GET", path, &[BEARER], "").await
}

async fn answer(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (StatusCode, Vec<u8>) {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    let is_given = headers.iter().any(|(name, _)| *name == "host");
    if !is_given {
        request = request.header("host", HOST);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = server.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
    (status, bytes.to_vec())
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
