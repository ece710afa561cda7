use std::{
    io::Write as _,
    sync::{Arc, Mutex},
};

use jsonwebtoken::{DecodingKey, Validation};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// Made for these tests; no account knows it.
const PRIVATE: &str = include_str!("testdata/key.pem");
const PUBLIC: &str = include_str!("testdata/key.pub.pem");

/// Answers the n-th request with the n-th status and body, the last one for ever; keeps what was asked.
async fn service(answers: Vec<(u16, String)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut seen, mut part) = (String::new(), vec![0; 16384]);
            loop {
                let n = stream.read(&mut part).await.unwrap_or_default();
                seen.push_str(&String::from_utf8_lossy(&part[..n]));
                let (head, body) = seen.split_once("\r\n\r\n").unwrap_or((&seen, ""));
                let length =
                    head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                if n == 0 || (seen.contains("\r\n\r\n") && body.len() >= length.map_or(0, |length| length.parse().unwrap())) {
                    break;
                }
            }
            let number = {
                let mut log = log.lock().unwrap();
                log.push(seen);
                log.len() - 1
            };
            let (status, body) = &answers[number.min(answers.len() - 1)];
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    (address, asked)
}

fn key_file(token_uri: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let key = json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k1", "private_key": PRIVATE,
        "client_email": "logs@p.iam.gserviceaccount.com", "client_id": "1", "token_uri": token_uri,
    });
    file.write_all(key.to_string().as_bytes()).unwrap();
    file
}

fn login(file: Option<&Path>) -> Login {
    Login::new(file.map(Path::to_owned), crate::client::http_client().build().unwrap())
}

fn token(text: &str, seconds: u64) -> (u16, String) {
    (200, json!({ "access_token": text, "expires_in": seconds, "token_type": "Bearer" }).to_string())
}

#[tokio::test]
async fn a_key_asks_for_a_token_in_its_own_name_and_keeps_it() {
    let (address, asked) = service(vec![token("one", 3600), token("two", 3600)]).await;
    let uri = format!("http://{address}/token");
    let file = key_file(&uri);
    let login = login(Some(file.path()));
    assert_eq!(login.token().await.unwrap(), "one");
    assert_eq!(login.token().await.unwrap(), "one");
    let request = asked.lock().unwrap()[0].clone();
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let form: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(form[0], ("grant_type".to_owned(), "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()));
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[&uri]);
    let public = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).unwrap();
    let said = jsonwebtoken::decode::<serde_json::Value>(&form[1].1, &public, &validation).unwrap();
    assert_eq!(said.header.kid.as_deref(), Some("k1"));
    assert_eq!(said.claims["iss"], "logs@p.iam.gserviceaccount.com");
    assert_eq!(said.claims["exp"].as_i64().unwrap() - said.claims["iat"].as_i64().unwrap(), 3600);
    login.forget("another");
    assert_eq!(login.token().await.unwrap(), "one");
    login.forget("one");
    assert_eq!(login.token().await.unwrap(), "two");
}

#[tokio::test]
async fn a_token_that_soon_ends_is_asked_for_again() {
    let (address, _) = service(vec![token("short", 200), token("long", 3600)]).await;
    let file = key_file(&format!("http://{address}/token"));
    let login = login(Some(file.path()));
    assert_eq!((login.token().await.unwrap(), login.token().await.unwrap()), ("short".to_owned(), "long".to_owned()));
}

#[tokio::test]
async fn a_machine_gives_its_own() {
    let (address, asked) = service(vec![token("m", 3600)]).await;
    let login = Login { metadata: format!("http://{address}"), ..login(None) };
    assert_eq!(login.token().await.unwrap(), "m");
    let request = asked.lock().unwrap()[0].to_ascii_lowercase();
    assert!(request.starts_with("get /computemetadata/v1/instance/service-accounts/default/token "), "{request}");
    assert!(request.contains("metadata-flavor: google"), "{request}");
}

#[tokio::test]
async fn what_is_wrong_is_told_without_the_key() {
    let refused = (400, json!({ "error": "invalid_grant", "error_description": "Account deleted" }).to_string());
    let (address, _) = service(vec![refused]).await;
    let file = key_file(&format!("http://{address}/token"));
    let error = login(Some(file.path())).token().await.unwrap_err().to_string();
    assert!(error.contains("invalid_grant Account deleted"), "{error}");
    for (content, reason) in [
        (json!({ "type": "authorized_user" }).to_string(), "`authorized_user`"),
        (json!({ "type": "service_account", "token_uri": "http://evil.example/token" }).to_string(), "https"),
        (json!({ "type": "service_account", "token_uri": "https://x/", "private_key": "secret" }).to_string(), "PEM"),
        ("secret".to_owned(), "no JSON"),
        ("x".repeat(70_000), "70000 bytes"),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let error = login(Some(file.path())).token().await.unwrap_err().to_string();
        assert!(error.contains(reason) && !error.contains("secret"), "{error}");
    }
    let error = login(Some(Path::new("/nowhere/key.json"))).token().await.unwrap_err().to_string();
    assert!(error.contains("/nowhere/key.json"), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_a_denial_names_the_permission() {
    use crate::gcp::{Endpoint, GcpClient, RetryPolicy, Subscription};

    let denied = json!({ "error": { "code": 403, "message": "User not authorized", "status": "PERMISSION_DENIED" } });
    let messages =
        json!({ "receivedMessages": [{ "ackId": "a", "message": { "data": "eA==", "messageId": "1" }, "deliveryAttempt": 1 }] });
    let answers = vec![
        (401, "{}".to_owned()),
        (503, String::new()),
        (200, messages.to_string()),
        (403, denied.to_string()),
        (200, "{}".to_owned()),
        (504, "{}".to_owned()),
    ];
    let (pubsub, asked) = service(answers).await;
    let (tokens, _) = service(vec![token("one", 3600), token("two", 3600)]).await;
    let http = crate::client::http_client().build().unwrap();
    let file = key_file(&format!("http://{tokens}/token"));
    let login = Login::new(Some(file.path().to_owned()), http.clone());
    let retry = RetryPolicy { base: Duration::from_millis(1), max_tries: 3, ..RetryPolicy::STANDARD };
    let endpoint = Endpoint::parse(&format!("http://{pubsub}")).unwrap();
    let client = GcpClient { http, login: Some(Arc::new(login)), endpoint: Some(endpoint), retry };
    let shown = format!("{client:?}");
    let subscription = Subscription::new(client, "projects/p/subscriptions/s").unwrap();
    let pulled = subscription.pull(10).await.unwrap();
    assert_eq!((pulled[0].ack_id.as_str(), pulled[0].id.as_str(), pulled[0].data.as_str()), ("a", "1", "eA=="));
    let error = subscription.acknowledge(&["a".to_owned()]).await.unwrap_err();
    assert!(error.is_denied() && error.to_string().contains("pubsub.subscriptions.acknowledge"), "{error}");
    subscription.extend(&["a".to_owned()], 60).await.unwrap();
    assert_eq!(subscription.pull(10).await.unwrap(), [], "there was nothing for as long as it waited");
    let asked = asked.lock().unwrap().clone();
    let bearers: Vec<bool> = asked.iter().take(4).map(|asked| asked.contains("authorization: Bearer two")).collect();
    assert_eq!(bearers, [false, true, true, true]);
    assert!(
        asked[0].starts_with("POST /v1/projects/p/subscriptions/s:pull ") && asked[0].contains(r#"{"maxMessages":10}"#),
        "{}",
        asked[0]
    );
    assert!(!shown.contains("one") && !shown.contains("PRIVATE"), "{shown}");
}
