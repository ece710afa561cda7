//! Where logs come from: how inputs are doing, and what is posted to them, over a real intake.

use std::{path::Path, sync::Arc};

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_archive::{Archive, Layout};
use skywarden_content::Catalog;
use skywarden_detect::{COLUMNS, Detect, Kinds};
use skywarden_ingest::{
    Desk, Found, Ingest, InputFacts, Keeper, Pace, Parts, TextKind,
    inputs::{Context, HttpSettings, InputKind, Stop, supervise},
    intelligence::{FeedPace, Feeds},
};
use skywarden_rbac::BuiltIn;
use tempfile::TempDir;

use crate::common::{BEARER, CATALOG, Server, ask, ask_bytes, empty, empty_taking, get, program};

/// Forgets alerts: the store's are tested elsewhere.
struct Nobody;

impl Keeper for Nobody {
    fn keep(&mut self, _: &Found) -> Result<(), String> {
        Ok(())
    }
}

/// A server with an input to post to and one of files.
struct Taking {
    server: Server,
    desk: Desk,
    ingest: Ingest,
    folder: TempDir,
}

impl Taking {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut used = Catalog::default();
        for id in ["kubernetes-audit", "linux-auth"] {
            used.log_sources.insert(id.to_owned(), CATALOG.log_sources[id].clone());
        }
        let (detect, refused) = Detect::with_rows(&used, Vec::new(), &Default::default());
        assert!(refused.is_empty());
        let feeds = feeds(folder.path());
        let parts = Parts {
            folder: folder.path().join("ingest"),
            detect: Arc::new(detect),
            known: feeds.in_force(),
            kinds: Kinds::default(),
            archive: Archive::in_folder(&folder.path().join("archive"), Layout::new(COLUMNS.map(|(name, _)| name)).unwrap())
                .unwrap(),
            keeper: Box::new(Nobody),
            pace: Pace::default(),
        };
        let ingest = Ingest::start(parts).await.unwrap();
        let input = |id: &str, source: &str, kind, text_kind| {
            let facts = InputFacts { id: id.into(), source: source.into(), kind };
            let stop = Stop::new().1;
            (facts, Context { id: id.into(), source: source.into(), kind: text_kind, intake: ingest.intake().clone(), stop })
        };
        let inputs = vec![
            input("cluster", "kubernetes-audit", InputKind::Http(HttpSettings {}).name(), TextKind::Json),
            input("auth", "linux-auth", "file", TextKind::Lines),
        ];
        let desk = Desk::new(&folder.path().join("ingest"), ingest.statuses().clone(), inputs, feeds.statuses());
        Taking { server: empty_taking(desk.clone()).await, desk, ingest, folder }
    }

    async fn post(&self, input: &str, bearer: &str, content_type: &str, body: &[u8]) -> (StatusCode, Value) {
        let headers = [("authorization", bearer), ("content-type", content_type)];
        let path = format!("/api/v1/logInputs/{input}/events");
        let (status, body) = ask_bytes(&self.server, "POST", &path, &headers, body.to_vec()).await;
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Makes safe what was taken in; nothing is taken after that.
    async fn end(self) -> (Server, TempDir) {
        self.desk.close();
        let Taking { server, ingest, folder, .. } = self;
        ingest.stop().await.unwrap();
        (server, folder)
    }
}

/// A feed of a file that is there, of one that is not, and of a server that nobody has asked yet.
fn feeds(folder: &Path) -> Feeds {
    let list = folder.join("list.txt");
    std::fs::write(&list, "198.51.100.7\n198.51.100.0/24\nbad.example\n10.0.0.1\n").unwrap();
    let settings = serde_json::from_value::<Vec<_>>(json!([
        { "id": "own", "from": { "kind": "files", "paths": [list] } },
        { "id": "missing", "from": { "kind": "files", "paths": [folder.join("missing.txt")] } },
        { "id": "asked", "from": { "kind": "taxii", "url": "https://taxii.example/api/collections/1/" } },
    ]));
    Feeds::open(&settings.unwrap(), &folder.join("intelligence"), FeedPace::default()).unwrap()
}

fn event(id: &str, time: &str) -> Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": id, "stage": "ResponseComplete",
        "requestURI": "/api/v1/secrets", "verb": "list", "user": { "username": "jane", "groups": ["system:authenticated"] },
        "sourceIPs": ["10.0.0.7"], "objectRef": { "resource": "secrets", "apiVersion": "v1" },
        "responseStatus": { "metadata": {}, "code": 200 }, "requestReceivedTimestamp": time, "stageTimestamp": time,
    })
}

#[tokio::test]
async fn what_is_posted_is_taken_in_once_and_told() {
    let taking = Taking::start().await;
    let sender = program(&taking.server, "api-server", BuiltIn::LogSender, "/").await;
    let list = json!({ "kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": [
        event("a", "2026-11-01T10:00:00Z"), event("b", "2026-11-01T10:00:01Z")] });
    let posted = taking.post("cluster", &sender, "application/json", list.to_string().as_bytes()).await;
    assert_eq!(posted, (StatusCode::OK, json!({ "taken": 1, "refused": 0 })));
    let lines = format!("{}\n{}\nno JSON\n", event("b", "2026-11-01T10:00:01Z"), event("c", "2026-11-01T10:00:02Z"));
    let posted = taking.post("cluster", &sender, "application/x-ndjson", lines.as_bytes()).await;
    assert_eq!(posted, (StatusCode::OK, json!({ "taken": 3, "refused": 0 })));
    let cloud = json!([
        { "specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": event("d", "2026-11-01T10:00:03Z") },
        { "specversion": "1.0", "id": "2", "source": "s", "type": "t" }]);
    let posted = taking.post("cluster", &sender, "application/cloudevents-batch+json", cloud.to_string().as_bytes()).await;
    assert_eq!(posted, (StatusCode::OK, json!({ "taken": 1, "refused": 1 })));
    let (status, wrong) = taking.post("cluster", &sender, "application/cloudevents+json", b"{").await;
    assert_eq!((status, &wrong["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("InvalidRequest")));
    let (server, _folder) = taking.end().await;
    let shown = get(&server, "/api/v1/logInputs").await;
    let [cluster, auth] = shown["items"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    let counted = ["nTexts", "nEvents", "nRepeated", "nBad"].map(|name| cluster[name].as_u64().unwrap());
    assert_eq!(counted, [5, 4, 1, 2], "{cluster}");
    assert_eq!((&cluster["state"], &cluster["from"]), (&json!("Reading"), &json!("http")));
    assert_eq!(cluster["lastEvent"], "2026-11-01T10:00:03Z");
    assert!(cluster["perSecond"].as_f64().unwrap() > 0.0 && cluster["lagSeconds"].as_i64().unwrap() > 0);
    let reasons: Vec<&str> =
        cluster["badLines"].as_array().unwrap().iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons.contains(&"the event 2 has no `data`"), "{reasons:?}");
    assert_eq!((&auth["state"], &auth["takesPosts"], &auth["lastEvent"]), (&json!("NothingYet"), &json!(false), &Value::Null));
    let (status, _) = ask(&server, "POST", "/api/v1/logInputs/cluster/events", &[BEARER], "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "a server that is stopping promises nothing");
}

#[tokio::test]
async fn what_is_known_of_feeds_is_told_to_who_may_read_everywhere() {
    let taking = Taking::start().await;
    let shown = get(&taking.server, "/api/v1/intelligence").await;
    let [own, missing, asked] = shown["items"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!([&own["id"], &own["kind"], &own["state"]], ["own", "files", "Current"]);
    let counted = ["nAddresses", "nDomains", "nUrls", "nHashes", "nUnusable"].map(|name| own[name].as_u64());
    assert_eq!(counted, [2, 1, 0, 0, 1].map(Some), "{own}");
    assert!(own["unusable"][0]["place"].as_str().unwrap().ends_with("list.txt, line 4") && own["lastRead"].is_string());
    assert_eq!((&missing["state"], &missing["nFailures"]), (&json!("Failing"), &json!(1)));
    assert!(missing["problem"]["reason"].as_str().unwrap().contains("missing.txt") && missing["problem"]["since"].is_string());
    assert_eq!([&asked["kind"], &asked["state"]], ["taxii", "NothingYet"]);
    assert_eq!((&asked["nDomains"], &asked["lastRead"]), (&Value::Null, &Value::Null), "not read is not none");
    let part = program(&taking.server, "part", BuiltIn::Owner, "/subscriptions/fleet").await;
    let (status, _) = ask(&taking.server, "GET", "/api/v1/intelligence", &[("authorization", &part)], "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    taking.end().await;
    assert_eq!(get(&empty().await, "/api/v1/intelligence").await, json!({ "items": [] }));
}

#[tokio::test]
async fn who_may_post_may_do_nothing_else_and_the_others_may_not_post() {
    let taking = Taking::start().await;
    let server = &taking.server;
    let sender = program(server, "sender", BuiltIn::LogSender, "/").await;
    let reader = program(server, "reader", BuiltIn::SecurityReader, "/").await;
    let part = program(server, "part", BuiltIn::Owner, "/subscriptions/fleet").await;
    let line = event("a", "2026-11-01T10:00:00Z").to_string();
    for (who, posts, reads) in
        [(&sender, StatusCode::OK, false), (&reader, StatusCode::FORBIDDEN, true), (&part, StatusCode::FORBIDDEN, false)]
    {
        assert_eq!(taking.post("cluster", who, "application/json", line.as_bytes()).await.0, posts, "{who}");
        let (status, _) = ask(server, "GET", "/api/v1/logInputs", &[("authorization", who)], "").await;
        assert_eq!(status == StatusCode::OK, reads, "{who}: {status}");
        assert!(status == StatusCode::OK || status == StatusCode::FORBIDDEN);
    }
    for input in ["auth", "nowhere"] {
        assert_eq!(taking.post(input, &sender, "application/json", line.as_bytes()).await.0, StatusCode::NOT_FOUND, "{input}");
    }
    let (status, alerts) = ask(server, "GET", "/api/v1/alerts", &[("authorization", &sender)], "").await;
    assert_eq!((status, alerts.contains("\"items\":[]")), (StatusCode::OK, true));
    taking.end().await;
}

#[tokio::test]
async fn a_server_without_inputs_says_so() {
    let server = empty().await;
    assert_eq!(get(&server, "/api/v1/logInputs").await["items"], json!([]));
    let (status, _) = ask(&server, "POST", "/api/v1/logInputs/cluster/events", &[BEARER], "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_input_to_post_to_waits_until_it_is_told_to_stop() {
    let taking = Taking::start().await;
    let (say, stop) = Stop::new();
    let context =
        Context { id: "x".into(), source: "s".into(), kind: TextKind::Json, intake: taking.ingest.intake().clone(), stop };
    let input = tokio::spawn(supervise(InputKind::Http(HttpSettings {}).open(), context));
    tokio::task::yield_now().await;
    assert!(!input.is_finished());
    say.send(true).unwrap();
    input.await.unwrap();
    taking.end().await;
}
