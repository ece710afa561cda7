//! What an attacker sends: each is refused, or is data and nothing else. JWT and assertions stand in identity.rs, sessions, other sites,
//! guesses and the log in people.rs, the server's own requests in `outbound`, slow clients in tests/tls.rs.

use std::io::Write as _;

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_api::{LimitSettings, ROUTES, Rate};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    common::{BEARER, JSON, Server, ask, ask_bytes, empty_within, get, post, send, server},
    roles::path_of,
};

/// Texts that end a string, a statement or a comparison in SQL, or make a pattern match all.
const SQL: [&str; 8] = [
    "'",
    "' OR '1'='1",
    "'; DROP TABLE resources; --",
    "\" OR 1=1 --",
    "1) UNION SELECT secret FROM credentials --",
    "%",
    "_",
    "\\' OR 1=1 --",
];

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

async fn is_whole(server: &Server) {
    let overview = get(server, "/api/v1/overview").await;
    assert_eq!(overview["resources"], 1, "{overview}");
}

#[tokio::test]
async fn sql_in_any_parameter_is_a_text_that_nothing_has() {
    let server = server().await;
    let names = [
        "q",
        "type",
        "status",
        "recommendation",
        "connector",
        "account",
        "location",
        "cursor",
        "id",
        "principal",
        "action",
        "target",
        "assignment",
        "resource",
        "reference",
        "category",
        "kind",
        "$filter",
        "$skiptoken",
        "$top",
    ];
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let path = path_of(&route.path, "fleet");
        // Each parameter gets another of them.
        let texts = names.iter().zip(SQL.iter().cycle());
        let query: Vec<String> = texts.map(|(name, text)| format!("{}={}", encoded(name), encoded(text))).collect();
        let (status, body) = ask(&server, "GET", &format!("{path}?{}", query.join("&")), &[BEARER], "").await;
        assert!(!status.is_server_error(), "{path}: {status} {body}");
    }
    for text in SQL {
        for list in ["resources?type", "resources?q", "assessments?recommendation", "resources?location", "resources?account"] {
            // `%` and `_` are letters to search for, not patterns.
            let answer = get(&server, &format!("/api/v1/{list}={}", encoded(text))).await;
            assert_eq!(answer["items"], json!([]), "{list} with {text}");
        }
        let (status, _) = ask(&server, "GET", &format!("/api/v1/principals/{}", encoded(text)), &[BEARER], "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{text}");
        let (status, made) = post(&server, "/api/v1/principals", &json!({ "kind": "Group", "name": text })).await;
        assert_eq!((status, &made["principal"]["name"]), (StatusCode::CREATED, &json!(text)), "it is a name like another");
    }
    is_whole(&server).await;
}

#[tokio::test]
async fn no_path_leads_out_of_the_console() {
    let server = server().await;
    for path in [
        "/../../etc/passwd",
        "/assets/../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/....//etc/passwd",
        "/assets/%252e%252e/etc/passwd",
        "/assets//etc/passwd",
        "/assets/a.js%00.png",
        "/assets/..\\..\\etc",
        "/api/v1/standards/..%2f..%2fetc%2fpasswd",
        "/api/v1/compliance/..%2fmcsb-v1",
        "/sign-in/..%2f..%2f",
    ] {
        for headers in [vec![("accept-encoding", "gzip")], vec![("accept-encoding", "gzip"), BEARER]] {
            let (status, body) = ask_bytes(&server, "GET", path, &headers, Vec::new()).await;
            let text = String::from_utf8_lossy(&body);
            assert!(!text.contains("root:"), "{path}");
            assert!(!status.is_server_error(), "{path}: {status}");
            assert_ne!(text, "script", "{path} leads to another file");
        }
    }
}

#[tokio::test]
async fn deep_and_long_bodies_are_refused() {
    let server = server().await;
    let deep = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    let bombs = [deep("[", "]", 50_000), deep("{\"a\":", "}", 50_000)];
    for route in ROUTES.iter().filter(|route| matches!(route.method, "POST" | "PUT" | "PATCH")) {
        let path = path_of(&route.path, "fleet");
        for bomb in &bombs {
            let (status, body) = ask(&server, route.method, &path, &[BEARER, JSON], bomb).await;
            // What takes no body does not read it.
            assert!(!status.is_server_error(), "{} {path}: {status} {body}", route.method);
        }
    }
    for path in ["/api/v1/sign-in", "/api/v1/password"] {
        for bomb in &bombs {
            let status = ask(&server, "POST", path, &[JSON], bomb).await.0;
            assert!(status.is_client_error(), "{path}: {status}");
        }
    }
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    let (status, _) = ask(&server, "POST", "/api/v1/principals", &[BEARER, JSON], &long).await;
    assert!(matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::BAD_REQUEST), "{status}");
    is_whole(&server).await;
}

#[tokio::test]
async fn limits_are_those_that_were_set() {
    let slow = Rate::of(1, 3);
    let settings = LimitSettings { principal: slow, stranger: slow, body: 1 << 10, ..LimitSettings::default() };
    let server = empty_within(Vec::new(), settings).await;
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 10));
    let (status, body) = ask(&server, "POST", "/api/v1/principals", &[BEARER, JSON], &long).await;
    assert!(matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::BAD_REQUEST), "{status} {body}");
    assert!(body.contains("limit"), "{body}");
    let mut statuses = Vec::new();
    // A second may begin while these are asked.
    for _ in 0..8 {
        statuses.push(ask(&server, "GET", "/api/v1/session", &[BEARER], "").await.0);
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}

#[tokio::test]
async fn an_archive_that_unpacks_to_gigabytes_is_refused() {
    let server = server().await;
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let zeros = vec![b' '; 16 << 20];
    for number in 0..80 {
        archive.start_file(format!("{number}.json"), SimpleFileOptions::default()).unwrap();
        archive.write_all(&zeros).unwrap();
    }
    let packed = archive.finish().unwrap().into_inner();
    assert!(packed.len() < 2 << 20, "{} bytes", packed.len());
    let (status, body) = ask_bytes(&server, "POST", "/api/v1/policy/import", &[BEARER], packed).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{}", String::from_utf8_lossy(&body));
    is_whole(&server).await;
}

#[tokio::test]
async fn nothing_that_is_sent_makes_a_header() {
    let server = server().await;
    let split = "x%0d%0aset-cookie:%20planted=1";
    for path in [
        format!("/sign-in/{split}"),
        format!("/login?token={split}"),
        format!("/sign-in/corp/callback?error={split}&state=x"),
        format!("/api/v1/compliance/{split}/report?format=csv"),
        format!("/api/v1/compliance/mcsb-v1/report?format=csv&account={split}"),
        format!("/subscriptions/{split}/providers/Microsoft.Security/secureScores"),
        format!("/identity/token?resource={split}"),
    ] {
        let answer = send(&server, "GET", &path, &[BEARER], Vec::new()).await;
        let planted =
            answer.headers().get_all("set-cookie").iter().any(|set| set.to_str().is_ok_and(|set| set.contains("planted")));
        assert!(!planted, "{path}: {:?}", answer.headers());
        for (name, value) in answer.headers() {
            assert!(!value.as_bytes().iter().any(|byte| *byte == b'\r' || *byte == b'\n'), "{path}: {name}");
        }
        assert!(!answer.status().is_server_error(), "{path}: {}", answer.status());
    }
    // The host decides where a client is sent: none that is not ours is believed.
    for name in ["x-forwarded-host", "x-original-host", "forwarded"] {
        let body = get_with(&server, "/metadata/endpoints", (name, "evil.example")).await;
        assert!(!body.to_string().contains("evil"), "{name}: {body}");
    }
}

async fn get_with(server: &Server, path: &str, header: (&str, &str)) -> Value {
    let (_, body) = ask(server, "GET", path, &[header], "").await;
    serde_json::from_str(&body).unwrap()
}
