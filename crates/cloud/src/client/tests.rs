use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError, future};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// Answers the n-th request with the n-th text, the last one for ever; hangs up after each.
struct Fake {
    url: String,
    n_requests: Arc<AtomicUsize>,
    requests: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Fake {
    async fn start(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let n_requests = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (counter, log) = (Arc::clone(&n_requests), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut seen = vec![0; 16384];
                let length = stream.read(&mut seen).await.unwrap_or_default();
                log.lock().unwrap().push(String::from_utf8_lossy(&seen[..length]).into_owned());
                let position = counter.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                let _ = stream.write_all(answers[position].as_bytes()).await;
            }
        });
        Self { url, n_requests, requests }
    }

    fn client(&self, login: Arc<Login>) -> AwsClient {
        let mut client = AwsClient::with_login(login, Some(Endpoint::parse(&self.url).unwrap()), "eu-west-1".into()).unwrap();
        client.retry.base = Duration::from_millis(1);
        client.max_body = 1000;
        client
    }

    fn n_requests(&self) -> usize {
        self.n_requests.load(Ordering::SeqCst)
    }
}

/// A new key id for each time that it is asked.
#[derive(Debug)]
struct Keys(AtomicUsize);

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let credentials = Credentials::new(format!("KEY{number}"), "very-secret", Some("token".to_owned()), None, "test");
        future::ProvideCredentials::ready(Ok(credentials))
    }
}

fn login() -> Arc<Login> {
    Login::with(Keys(AtomicUsize::new(0)))
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

fn error(status: &str, code: &str, headers: &str) -> String {
    answer(status, headers, &format!("<Error><Code>{code}</Code><Message>m</Message></Error>"))
}

fn request() -> AwsHttpRequest {
    AwsHttpRequest {
        signing_name: "s3".into(),
        region: "eu-west-1".into(),
        host: "s3.eu-west-1.amazonaws.com".into(),
        method: "GET".into(),
        path: "/bucket%20x".into(),
        query: "policy".into(),
        headers: vec![("x-extra".into(), "1".into())],
        body: Bytes::new(),
        rate_key: RateKey { account: "1".into(), region: "eu-west-1".into(), service: "s3".into(), per_second: 1.0 },
    }
}

#[tokio::test]
async fn a_request_arrives_signed() {
    let fake = Fake::start(vec![answer("200 OK", "x-amzn-requestid: 7\r\n", "hello")]).await;
    let response = fake.client(login()).send(&request()).await.unwrap();
    assert_eq!((response.status, response.body.as_ref(), response.header("x-amzn-requestid")), (200, &b"hello"[..], Some("7")));
    let seen = fake.requests.lock().unwrap()[0].to_ascii_lowercase();
    assert!(seen.starts_with("get /bucket%20x?policy http/1.1"), "{seen}");
    for part in [
        "authorization: aws4-hmac-sha256 credential=key0/",
        "/eu-west-1/s3/aws4_request",
        "x-amz-security-token: token",
        ";x-extra,",
    ] {
        assert!(seen.contains(part), "{part} is not in {seen}");
    }
}

#[tokio::test]
async fn throttling_server_errors_and_cut_answers_are_tried_again() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n<List".to_owned();
    let fake = Fake::start(vec![
        error("503 Slow Down", "SlowDown", "retry-after: 0\r\n"),
        error("400 Bad Request", "ThrottlingException", ""),
        error("500 Oops", "InternalError", ""),
        cut,
        answer("200 OK", "", "whole"),
    ])
    .await;
    let response = fake.client(login()).send(&request()).await.unwrap();
    assert_eq!(response.body.as_ref(), b"whole");
    assert_eq!(fake.n_requests(), 5);
}

#[tokio::test]
async fn endless_throttling_ends_with_the_service_s_own_answer() {
    let fake = Fake::start(vec![error("400 Bad Request", "Throttling", "")]).await;
    let response = fake.client(login()).send(&request()).await.unwrap();
    assert_eq!(error_of(None, &response.body).code, "Throttling");
    assert_eq!(fake.n_requests(), 6);
}

#[tokio::test]
async fn a_server_error_that_is_not_aws_s_is_tried_once_more() {
    let fake = Fake::start(vec![answer("500 Oops", "content-type: text/html\r\n", "<html>oops</html>")]).await;
    assert_eq!(fake.client(login()).send(&request()).await.unwrap().status, 500);
    assert_eq!(fake.n_requests(), 2);
    let mended = Fake::start(vec![answer("502 Bad Gateway", "", ""), answer("200 OK", "", "ok")]).await;
    assert_eq!(mended.client(login()).send(&request()).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_wait_that_would_take_too_long_is_not_begun() {
    let fake = Fake::start(vec![error("503 Later", "SlowDown", "retry-after: 3600\r\n")]).await;
    assert_eq!(fake.client(login()).send(&request()).await.unwrap().status, 503);
    assert_eq!(fake.n_requests(), 1);
}

#[tokio::test]
async fn denials_are_not_tried_again() {
    let fake = Fake::start(vec![error("403 Forbidden", "AccessDenied", "")]).await;
    assert_eq!(fake.client(login()).send(&request()).await.unwrap().status, 403);
    assert_eq!(fake.n_requests(), 1);
}

#[tokio::test]
async fn expired_credentials_are_renewed_once() {
    let fake = Fake::start(vec![error("400 Bad Request", "ExpiredToken", ""), answer("200 OK", "", "ok")]).await;
    let client = fake.client(login());
    assert_eq!(client.send(&request()).await.unwrap().status, 200);
    {
        let requests = fake.requests.lock().unwrap();
        assert!(requests[0].contains("Credential=KEY0/") && requests[1].contains("Credential=KEY1/"), "{requests:?}");
    }
    assert_eq!(client.send(&request()).await.unwrap().status, 200);
    assert!(fake.requests.lock().unwrap()[2].contains("Credential=KEY1/"), "fresh credentials are kept");

    let hopeless = Fake::start(vec![error("400 Bad Request", "ExpiredToken", "")]).await;
    assert_eq!(hopeless.client(login()).send(&request()).await.unwrap().status, 400);
    assert_eq!(hopeless.n_requests(), 2);
}

#[tokio::test]
async fn a_cut_answer_stays_an_error() {
    let fake = Fake::start(vec!["HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n<List".to_owned()]).await;
    let error = fake.client(login()).send(&request()).await.unwrap_err();
    assert!(matches!(error, CallError::Connection { n_tries: 6, .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_refused() {
    let fake = Fake::start(vec![answer("200 OK", "", &"x".repeat(1001))]).await;
    let error = fake.client(login()).send(&request()).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { limit: 1000, .. }), "{error}");
    assert_eq!(fake.n_requests(), 1);
}

#[tokio::test]
async fn without_credentials_the_error_says_what_to_do() {
    #[derive(Debug)]
    struct Nobody;
    impl ProvideCredentials for Nobody {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("the SSO session has ended")))
        }
    }
    let fake = Fake::start(vec![answer("200 OK", "", "")]).await;
    let error = fake.client(Login::with(Nobody)).send(&request()).await.unwrap_err().to_string();
    assert!(error.contains("the SSO session has ended") && error.contains("aws sso login"), "{error}");
    assert_eq!(fake.n_requests(), 0);
}

fn object() -> crate::S3Address {
    crate::S3Address { region: "eu-west-1".into(), bucket: "logs".into(), key: "a b/c+d.gz".into() }
}

#[tokio::test]
async fn a_part_of_an_object_is_asked_for_as_it_was_stored() {
    let headers = "content-range: bytes 5-9/1000\r\netag: \"0c\"\r\ncontent-encoding: gzip\r\n";
    let fake = Fake::start(vec![answer("206 Partial Content", headers, "bytes")]).await;
    let part = fake.client(login()).object_part(&object(), 5, 5, Some("0c")).await.unwrap();
    assert_eq!((part.bytes.as_ref(), part.total, part.etag.as_str()), (&b"bytes"[..], 1000, "0c"));
    let seen = fake.requests.lock().unwrap()[0].to_ascii_lowercase();
    for wanted in ["get /logs/a%20b/c%2bd.gz http/1.1", "range: bytes=5-9", "if-match: \"0c\""] {
        assert!(seen.contains(wanted), "{wanted} is not in {seen}");
    }
}

#[tokio::test]
async fn objects_that_are_empty_changed_or_not_to_be_named_are_told_apart() {
    let fake = Fake::start(vec![error("416 Range", "InvalidRange", ""), error("412 Changed", "PreconditionFailed", "")]).await;
    let client = fake.client(login());
    let empty = client.object_part(&object(), 0, 10, None).await.unwrap();
    assert_eq!((empty.total, empty.bytes.len()), (0, 0));
    let changed = client.object_part(&object(), 10, 10, Some("0c")).await.unwrap_err();
    assert_eq!((changed.status(), changed.code()), (Some(412), "PreconditionFailed"));
    let unnamed = crate::S3Address { key: "a/../b".into(), ..object() };
    assert!(client.object_part(&unnamed, 0, 10, None).await.unwrap_err().to_string().contains("a/../b"));
    let elsewhere = crate::S3Address { region: "evil.example/".into(), ..object() };
    assert!(client.object_part(&elsewhere, 0, 10, None).await.unwrap_err().to_string().contains("no region"));
    assert_eq!(fake.n_requests(), 2);
}

#[tokio::test]
async fn a_bucket_of_another_region_is_found_once() {
    let moved = error("301 Moved", "PermanentRedirect", "x-amz-bucket-region: us-west-2\r\n");
    let fake = Fake::start(vec![moved, answer("206 Partial Content", "content-range: bytes 0-1/2\r\n", "ab")]).await;
    let client = fake.client(login());
    client.object_part(&object(), 0, 2, None).await.unwrap();
    client.object_part(&object(), 0, 2, None).await.unwrap();
    let regions: Vec<bool> =
        fake.requests.lock().unwrap().iter().map(|seen| seen.contains("/us-west-2/s3/aws4_request")).collect();
    assert_eq!(regions, [false, true, true]);
    let elsewhere = error("301 Moved", "PermanentRedirect", "x-amz-bucket-region: evil.example/\r\n");
    let fake = Fake::start(vec![elsewhere]).await;
    assert!(fake.client(login()).object_part(&object(), 0, 2, None).await.is_err());
    assert_eq!(fake.n_requests(), 1);
}

#[tokio::test]
async fn messages_of_a_queue_are_received_deleted_and_kept_hidden() {
    let message =
        r#"{"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":"b","Attributes":{"ApproximateReceiveCount":"3"}}]}"#;
    let gone = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"m"}"#;
    let fake = Fake::start(vec![
        answer("200 OK", "", message),
        answer("200 OK", "", "{}"),
        answer("200 OK", "", r#"{"Failed":[{"Id":"0","Code":"ReceiptHandleIsInvalid","Message":"m","SenderFault":true}]}"#),
        answer("200 OK", "", ""),
        answer("200 OK", "", r#"{"Attributes":{"ApproximateNumberOfMessages":"42"}}"#),
        answer("400 Bad Request", "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n", gone),
    ])
    .await;
    let queue = fake.client(login()).queue("https://sqs.eu-west-1.amazonaws.com/1/logs", None).unwrap();
    let received = queue.receive(50, 60, 30).await.unwrap();
    let expected = crate::SqsMessage { id: "1".into(), receipt: "r".into(), body: "b".into(), n_received: 3 };
    assert_eq!(received, [expected]);
    assert_eq!(queue.receive(10, 20, 30).await.unwrap(), []);
    assert_eq!(queue.delete(&["r".to_owned()]).await.unwrap(), ["ReceiptHandleIsInvalid m"]);
    queue.hide("r", 60).await.unwrap();
    assert_eq!(queue.n_waiting().await.unwrap(), 42);
    assert_eq!(queue.n_waiting().await.unwrap_err().code(), "QueueDoesNotExist");
    let requests = fake.requests.lock().unwrap().clone();
    let first = requests[0].to_ascii_lowercase();
    assert!(first.contains("x-amz-target: amazonsqs.receivemessage") && first.contains("/eu-west-1/sqs/aws4_request"), "{first}");
    assert!(first.contains(r#""maxnumberofmessages":10"#) && first.contains(r#""waittimeseconds":20"#), "{first}");
}

#[tokio::test]
async fn queues_have_a_region_and_https() {
    let options = AwsOptions { credentials_file: Some("/nowhere".into()), ..AwsOptions::default() };
    let client = AwsClient::new(options).await.unwrap();
    assert!(client.queue("https://sqs.example.com/1/logs", None).unwrap_err().to_string().contains("region"));
    assert_eq!(client.queue("https://sqs.example.com/1/logs", Some("eu-west-1")).unwrap().region(), "eu-west-1");
    assert!(client.queue("http://sqs.eu-west-1.amazonaws.com/1/logs", None).unwrap_err().to_string().contains("https"));
    assert!(client.queue("logs", None).is_err() && client.queue("https://sqs.x@y.amazonaws.com/1/q", None).is_err());
    let missing = client.send(&request()).await.unwrap_err().to_string();
    assert!(missing.contains("credentials"), "{missing}");
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let fake = Fake::start(vec![answer("200 OK", "", "")]).await;
    let client = fake.client(login());
    client.send(&request()).await.unwrap();
    let shown = format!("{client:?}");
    assert!(!shown.contains("secret") && !shown.contains("KEY0") && !shown.contains("token"), "{shown}");
}

#[test]
fn endpoints_are_urls_of_hosts() {
    let endpoint = Endpoint::parse("http://127.0.0.1:5000/base/").unwrap();
    assert_eq!(
        (endpoint.base.as_str(), endpoint.authority.as_str(), endpoint.is_loopback),
        ("http://127.0.0.1:5000/base", "127.0.0.1:5000", true)
    );
    assert!(!Endpoint::parse("https://proxy.example").unwrap().is_loopback);
    for text in ["127.0.0.1:5000", "ftp://x", "", "file:///x"] {
        assert!(Endpoint::parse(text).is_err(), "{text}");
    }
}
