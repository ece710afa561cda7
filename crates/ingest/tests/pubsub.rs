//! Messages of a subscription come once each: over cloudbox's Pub/Sub.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod clouds;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clouds::{Door, Emulator, Running, archived, dead_letters, expected, lines, record};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SUBSCRIPTION: &str = "projects/p/subscriptions/logs";

async fn ask(emulator: &Emulator, method: &str, path: &str, body: Value) -> Value {
    let host = emulator.url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let body = body.to_string();
    let head = format!(
        "{method} /v1/{path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 200 "), "{method} {path}: {answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A topic, and a subscription that gives again after two seconds what is not acknowledged.
async fn start() -> Emulator {
    let emulator = Emulator::start("pubsub");
    ask(&emulator, "PUT", "projects/p/topics/logs", json!({})).await;
    let subscription = json!({ "name": SUBSCRIPTION, "topic": "projects/p/topics/logs", "ackDeadlineSeconds": 2 });
    ask(&emulator, "PUT", SUBSCRIPTION, subscription).await;
    emulator
}

async fn publish(emulator: &Emulator, texts: impl IntoIterator<Item = String>) {
    let messages: Vec<Value> = texts.into_iter().map(|text| json!({ "data": STANDARD.encode(text) })).collect();
    ask(emulator, "POST", "projects/p/topics/logs:publish", json!({ "messages": messages })).await;
}

fn settings(url: &str) -> Value {
    json!({ "id": "test", "source": "calls", "from": { "kind": "pubsub", "subscription": SUBSCRIPTION, "endpointUrl": url } })
}

/// Whether nothing comes again once the deadline is over: there is no other way to see what was not acknowledged.
async fn is_empty(emulator: &Emulator) -> bool {
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    let pulled = ask(emulator, "POST", &format!("{SUBSCRIPTION}:pull"), json!({ "maxMessages": 10 })).await;
    pulled["receivedMessages"].as_array().is_none_or(Vec::is_empty)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_once_and_bad_ones_are_told() {
    let emulator = start().await;
    publish(&emulator, (0..2_500).map(|n| record("many", n))).await;
    let running = Running::start(tempfile::tempdir().unwrap(), settings(&emulator.url)).await;
    running.until_texts(2_500).await;
    let only_attributes = json!({ "messages": [{ "attributes": { "a": "b" }, "data": "" }] });
    ask(&emulator, "POST", "projects/p/topics/logs:publish", only_attributes).await;
    publish(&emulator, ["no json".to_owned(), record("last", 0)]).await;
    running.until_texts(2_502).await;
    running.until("two that are bad", |status| status.n_bad == 2).await;
    let folder = running.stop().await;
    assert!(is_empty(&emulator).await, "all was acknowledged");
    assert!(archived(folder.path()).await == expected(&[("many", 2_500), ("last", 1)]), "each record once");
    let told = dead_letters(folder.path());
    assert!(told.iter().any(|(reason, _)| reason.contains("it has no data")), "{told:?}");
    assert!(told.len() == 2 && told.iter().any(|(_, start)| start == "no json"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_acknowledged_when_the_process_was_killed_comes_once() {
    let emulator = start().await;
    let door = Door::before(&emulator).await;
    publish(&emulator, lines("killed", 500).lines().map(str::to_owned)).await;
    // One pull passes, and no acknowledgement.
    door.close_after(1);
    let running = Running::start(tempfile::tempdir().unwrap(), settings(&door.url)).await;
    running.until_texts(500).await;
    let problem = running.until("a problem", |status| status.problem.is_some()).await.problem.unwrap().reason;
    assert!(problem.contains("pubsub.subscriptions."), "{problem}");
    let folder = running.kill().await;
    door.open();
    publish(&emulator, [record("later", 0)]).await;
    let running = Running::start(folder, settings(&door.url)).await;
    // Those that are given again are acknowledged and passed over. The journal's own 500 are looked at again.
    running.until_texts(501).await;
    let mut is_done = false;
    for _ in 0..10 {
        is_done = is_done || is_empty(&emulator).await;
    }
    assert!(is_done, "what was kept before is acknowledged");
    assert_eq!(running.status().n_texts, 501);
    let folder = running.stop().await;
    assert_eq!(archived(folder.path()).await, expected(&[("killed", 500), ("later", 1)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_goes_away_and_comes_back_loses_nothing() {
    let emulator = start().await;
    let door = Door::before(&emulator).await;
    publish(&emulator, (0..10).map(|n| record("before", n))).await;
    let running = Running::start(tempfile::tempdir().unwrap(), settings(&door.url)).await;
    running.until_texts(10).await;
    door.close_after(0);
    publish(&emulator, (0..10).map(|n| record("meanwhile", n))).await;
    running.until("a problem", |status| status.problem.is_some()).await;
    door.open();
    running.until_texts(20).await;
    running.until("no problem", |status| status.problem.is_none()).await;
    let folder = running.stop().await;
    assert_eq!(archived(folder.path()).await, expected(&[("before", 10), ("meanwhile", 10)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_is_not_there_is_told() {
    let emulator = Emulator::start("pubsub");
    let running = Running::start(tempfile::tempdir().unwrap(), settings(&emulator.url)).await;
    let problem = running.until("a problem", |status| status.problem.is_some()).await.problem.unwrap().reason;
    assert!(problem.contains(SUBSCRIPTION) && problem.contains("check its name"), "{problem}");
    running.stop().await;
}
