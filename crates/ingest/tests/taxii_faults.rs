//! What servers of TAXII do that the one from PyPI does not: break off between pages, name no pages, ask for time, answer with something
//! else. The answers here are written by the specification.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use skywarden_content::IndicatorKind;
use skywarden_ingest::{
    inputs::Stop,
    intelligence::{FeedPace, FeedStatus, FeedStatuses, Feeds},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
};

/// What was asked, and when.
type Asked = Arc<Mutex<Vec<(String, Instant)>>>;

/// Gives answers one after the other, the last one for ever.
async fn server(answers: Vec<String>) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/feed/collections/1/", listener.local_addr().unwrap());
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut answers = answers.into_iter().peekable();
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(connection.read_u8().await.unwrap());
            }
            noted.lock().unwrap().push((String::from_utf8(head).unwrap().to_lowercase(), Instant::now()));
            let answer = answers.next().unwrap();
            if answers.peek().is_none() {
                answers = vec![answer.clone()].into_iter().peekable();
            }
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn page(last: &str, names: &[&str], more: Value) -> String {
    let objects: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({
                "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{name}"), "pattern_type": "stix",
                "modified": "2026-01-01T00:00:00Z", "valid_from": "2026-01-01T00:00:00Z",
                "pattern": format!("[domain-name:value = '{name}.example']"),
            })
        })
        .collect();
    let mut body = json!({ "objects": objects });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let headers = format!("content-type: application/taxii+json;version=2.1\r\nx-taxii-date-added-last: {last}\r\n");
    answer("200 OK", &headers, &body.to_string())
}

fn nothing() -> String {
    answer("200 OK", "content-type: application/taxii+json;version=2.1\r\n", "{}")
}

struct Running {
    statuses: FeedStatuses,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    fn start(folder: &Path, url: &str, more: Value) -> Self {
        let mut from = json!({ "kind": "taxii", "url": url, "everyMinutes": 1 });
        from.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let settings = serde_json::from_value::<Vec<_>>(json!([{ "id": "made", "from": from }]));
        let quick = Duration::from_millis(30);
        let pace = FeedPace { files: quick, minute: quick, first_retry: quick, ..FeedPace::default() };
        let feeds = Feeds::open(&settings.unwrap(), folder, pace).unwrap();
        let (stop, listener) = Stop::new();
        Running { statuses: feeds.statuses(), stop, tasks: feeds.watch(&listener) }
    }

    async fn until(&self, what: &str, condition: impl Fn(&FeedStatus) -> bool) -> FeedStatus {
        let began = Instant::now();
        loop {
            let status = self.statuses.all().first().unwrap().1.clone();
            if condition(&status) {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{what} did not come about: {status:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn problem(&self, part: &str) -> String {
        let has_it = |status: &FeedStatus| status.problem.as_ref().is_some_and(|problem| problem.reason.contains(part));
        self.until(part, has_it).await.problem.unwrap().reason
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

fn domains(status: &FeedStatus) -> Option<usize> {
    status.n_by_kind.get(&IndicatorKind::Domain).copied()
}

async fn until_asked(asked: &Asked, n: usize) -> Vec<(String, Instant)> {
    let began = Instant::now();
    while asked.lock().unwrap().len() < n {
        assert!(began.elapsed() < Duration::from_secs(60), "{n} requests did not come: {asked:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asked.lock().unwrap().clone()
}

#[tokio::test]
async fn pages_that_come_before_one_that_does_not_are_in_force_and_the_rest_is_asked_for_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let trouble = json!({ "title": "Maintenance\u{7}", "http_status": "503" }).to_string();
    let wait = "content-type: application/taxii+json;version=2.1\r\nretry-after: 1\r\n";
    let (url, asked) = server(vec![
        page("2026-02-01T00:00:00.000000Z", &["a", "b"], json!({ "more": true, "next": "p 2" })),
        answer("503 Service Unavailable", wait, &trouble),
        page("2026-02-02T00:00:00.000000Z", &["b", "c"], json!({})),
        nothing(),
    ])
    .await;
    let token = folder.path().join("token");
    std::fs::write(&token, "t0ken\n").unwrap();
    let running = Running::start(folder.path(), &url, json!({ "tokenFile": token }));
    let told = running.problem("status 503").await;
    assert!(told.contains("it says: Maintenance") && told.contains("stays in force") && !told.contains('\u{7}'), "{told}");
    assert_eq!(domains(&running.until("the first page", |status| domains(status).is_some()).await), Some(2));
    running.until("the rest", |status| domains(status) == Some(3) && status.problem.is_none()).await;
    let asked = until_asked(&asked, 5).await;
    let first_lines: Vec<&str> = asked.iter().filter_map(|(head, _)| head.lines().next()).take(5).collect();
    assert_eq!(
        first_lines,
        [
            "get /feed/collections/1/objects/?limit=1000 http/1.1",
            "get /feed/collections/1/objects/?limit=1000&next=p+2 http/1.1",
            "get /feed/collections/1/objects/?limit=1000&added_after=2026-01-31t23%3a59%3a59.999000z http/1.1",
            "get /feed/collections/1/objects/?limit=1000&added_after=2026-02-02t00%3a00%3a00.000000z http/1.1",
            "get /feed/collections/1/objects/?limit=1000&added_after=2026-02-02t00%3a00%3a00.000000z http/1.1",
        ]
    );
    for (head, _) in &asked {
        assert!(head.contains("\r\nauthorization: bearer t0ken\r\n"), "{head}");
        assert!(head.contains("\r\naccept: application/taxii+json;version=2.1\r\n"), "{head}");
    }
    let [_, refused, again, ..] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(again.1 - refused.1 >= Duration::from_secs(1), "the server asked for a second");
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_names_no_pages_goes_on_behind_the_last_object() {
    let folder = tempfile::tempdir().unwrap();
    let more = || json!({ "more": true });
    let (url, asked) = server(vec![
        page("2026-02-01T00:00:00Z", &["a", "b"], more()),
        page("2026-02-02T00:00:00Z", &["c"], json!({})),
        page("2026-02-02T00:00:00Z", &["d"], more()),
    ])
    .await;
    let running = Running::start(folder.path(), &url, json!({}));
    running.until("both pages", |status| domains(status) == Some(3)).await;
    assert!(until_asked(&asked, 2).await[1].0.contains("added_after=2026-02-01t00%3a00%3a00z"));
    let told = running.problem("more and not where").await;
    assert!(told.contains("stays in force"), "{told}");
    running.stop().await;
}

#[tokio::test]
async fn what_is_no_answer_of_taxii_is_told_and_gives_nothing() {
    let taxii = "content-type: application/taxii+json;version=2.1\r\n";
    for (answer, part) in [
        (answer("200 OK", "content-type: text/html\r\n", "<html>Sign in</html>"), "`text/html`, which is not TAXII 2.1"),
        (answer("200 OK", taxii, "{\"objects\": 7}"), "no envelope of TAXII 2.1"),
        (answer("200 OK", taxii, "{\"objects\": ["), "no envelope of TAXII 2.1"),
        (answer("302 Found", "location: https://other.example/\r\n", ""), "set `from.url` to https://other.example/"),
        (answer("403 Forbidden", taxii, "{}"), "does not let this login read the collection"),
        (answer("406 Not Acceptable", "", ""), "does not speak TAXII 2.1"),
        (answer("429 Too Many Requests", "retry-after: 100\r\n", ""), "was asked too often"),
        ("HTTP/1.1 200 OK\r\ncontent-type: application/taxii+json\r\ncontent-length: 9\r\n\r\n{".to_owned(), "breaks off"),
        ("nonsense\r\n\r\n".to_owned(), "can't be asked"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (url, _asked) = server(vec![answer]).await;
        let running = Running::start(folder.path(), &url, json!({}));
        let told = running.problem(part).await;
        assert!(told.contains("/feed/collections/1/objects/") && told.contains("nothing of it is known"), "{told}");
        running.until("no count", |status| domains(status).is_none() && status.last_read.is_none()).await;
        running.stop().await;
    }
}
