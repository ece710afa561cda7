use serde_json::json;

use super::*;
use crate::{
    Secret,
    azure::{
        AzureCloud, AzureLogin,
        fake::{Fake, answer, token},
    },
};

/// A client whose both interfaces are one service, logged in by another.
async fn client(service: &Fake, tokens: &Fake) -> AzureClient {
    let http = http_client().build().unwrap();
    let at = |audience: &str| Service { base: service.url.clone(), audience: audience.to_owned() };
    let endpoints = Endpoints {
        authority: tokens.url.clone(),
        arm: at("https://management.lab.example"),
        graph: Some(at("https://graph.lab.example")),
        is_loopback: true,
    };
    let secret = AzureLogin::ClientSecret { client_id: "app".into(), secret: Secret::new("s3cret") };
    let options = AzureOptions { login: secret, tenant: Some("t".into()), ..AzureOptions::default() };
    let login = Login::new(&options, &endpoints, &http).unwrap();
    let mut client = AzureClient::with(http, endpoints, login);
    client.retry.base = Duration::from_millis(1);
    client.max_body = 1000;
    client
}

async fn tokens() -> Fake {
    Fake::start(vec![token("one", 3600), token("two", 3600), token("three", 3600)]).await
}

fn request() -> AzureRequest {
    AzureRequest {
        plane: AzurePlane::Arm,
        method: "GET".into(),
        path: "/subscriptions".into(),
        query: vec![("api-version".into(), "2022-12-01".into())],
        headers: Vec::new(),
        body: None,
        rate_key: RateKey { account: "t".into(), region: "".into(), service: "ResourceGraph".into(), per_second: 0.0 },
    }
}

fn denied() -> String {
    answer(403, "", r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#)
}

#[tokio::test]
async fn a_cloud_that_is_given_by_url_serves_from_its_first_word_to_its_last() {
    let cloud = Fake::start_with(|url| {
        let authentication = json!({ "loginEndpoint": url, "audiences": ["https://management.lab.example/"] });
        let metadata = json!({ "authentication": authentication, "resourceManager": url });
        let page = json!({ "value": [{ "id": "/subscriptions/s" }], "nextLink": format!("{url}/subscriptions?page=2") });
        vec![answer(200, "", &metadata.to_string()), token("t0ken", 3600), answer(200, "", &page.to_string())]
    });
    let cloud = cloud.await;
    let secret = AzureLogin::ClientSecret { client_id: "app".into(), secret: Secret::new("s3cret") };
    let options = AzureOptions { login: secret, tenant: Some("t".into()), cloud: AzureCloud::by_name(&cloud.url).unwrap() };
    let client = AzureClient::new(&options).await.unwrap();
    let page = AzureError::check(&client.send(&request()).await.unwrap()).unwrap();
    let next = AzureRequest { path: page["nextLink"].as_str().unwrap().to_owned(), query: Vec::new(), ..request() };
    client.send(&next).await.unwrap();
    let asked = cloud.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.lines().next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "GET /metadata/endpoints?api-version=2022-09-01 HTTP/1.1",
            "POST /t/oauth2/v2.0/token HTTP/1.1",
            "GET /subscriptions?api-version=2022-12-01 HTTP/1.1",
            "GET /subscriptions?page=2 HTTP/1.1"
        ]
    );
    assert_eq!(cloud.form(1)["scope"], "https://management.lab.example//.default", "as the cloud spells it");
    let shown = format!("{client:?} {options:?}");
    assert!(client.arm_url() == cloud.url && !shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
}

#[tokio::test]
async fn each_interface_is_asked_with_its_own_token() {
    let (service, tokens) = (Fake::start(vec![answer(200, "", "{}")]).await, tokens().await);
    let client = client(&service, &tokens).await;
    client.send(&request()).await.unwrap();
    let post = AzureRequest {
        plane: AzurePlane::Graph,
        method: "POST".into(),
        path: "/v1.0/$batch".into(),
        query: Vec::new(),
        headers: vec![("consistencylevel".into(), "eventual".into())],
        body: Some(json!({ "requests": [] })),
        ..request()
    };
    client.send(&post).await.unwrap();
    client.send(&request()).await.unwrap();
    let asked = service.asked();
    assert!(asked[0].starts_with("GET /subscriptions?api-version=2022-12-01 HTTP/1.1"), "{}", asked[0]);
    let bearers: Vec<&str> = asked.iter().map(|asked| if asked.contains("Bearer one") { "one" } else { "two" }).collect();
    assert_eq!(bearers, ["one", "two", "one"]);
    assert!(asked[0].to_ascii_lowercase().contains("accept-encoding: gzip"), "{}", asked[0]);
    for part in ["POST /v1.0/$batch ", "consistencylevel: eventual", "content-type: application/json", r#"{"requests":[]}"#] {
        assert!(asked[1].contains(part), "{part} is not in {}", asked[1]);
    }
    let scopes: Vec<String> = (0..2).map(|number| tokens.form(number)["scope"].clone()).collect();
    assert_eq!(scopes, ["https://management.lab.example/.default", "https://graph.lab.example/.default"]);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let service = Fake::start(vec![answer(401, "", "{}"), answer(200, "", "{}"), answer(401, "", "{}")]).await;
    let tokens = tokens().await;
    let client = client(&service, &tokens).await;
    assert_eq!(client.send(&request()).await.unwrap().status, 200);
    assert!(service.asked()[0].contains("Bearer one") && service.asked()[1].contains("Bearer two"));
    assert_eq!(client.send(&request()).await.unwrap().status, 401);
    assert_eq!((service.n_asked(), tokens.n_asked()), (4, 3));
}

#[tokio::test]
async fn a_login_that_must_be_made_anew_is_told() {
    let challenge = "www-authenticate: Bearer realm=\"\", authorization_uri=\"https://login.lab.example\", error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\"\r\n";
    let service = Fake::start(vec![answer(401, challenge, "{}")]).await;
    let error = client(&service, &tokens().await).await.send(&request()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, CallError::AzureLogin { .. }) && text.contains("no longer accepts") && !text.contains("eyJ"),
        "{text}"
    );
    assert_eq!(service.n_asked(), 2);
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let past = "retry-after: Mon, 01 Jan 2001 00:00:00 GMT\r\n";
    let throttled = r#"{"error":{"code":"TooManyRequests","message":"slow"}}"#;
    let answers = vec![
        answer(429, "retry-after: 0\r\n", throttled),
        answer(429, past, throttled),
        answer(429, "x-ms-retry-after-ms: 1\r\nretry-after: 3600\r\n", throttled),
        answer(503, "", "<html><title>busy</title></html>"),
        "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"value\":[".to_owned(),
        answer(200, "", r#"{"value":[]}"#),
    ];
    let service = Fake::start(answers).await;
    let response = client(&service, &tokens().await).await.send(&request()).await.unwrap();
    assert_eq!(AzureError::check(&response).unwrap(), json!({ "value": [] }));
    assert_eq!(service.n_asked(), 6);
    for status in [408, 500, 502, 504] {
        let service = Fake::start(vec![answer(status, "", ""), answer(200, "", "{}")]).await;
        assert_eq!(client(&service, &tokens().await).await.send(&request()).await.unwrap().status, 200, "{status}");
    }
}

#[tokio::test]
async fn what_does_not_pass_stays_what_it_is() {
    let service = Fake::start(vec![denied()]).await;
    let response = client(&service, &tokens().await).await.send(&request()).await.unwrap();
    let error = AzureError::check(&response).unwrap_err();
    assert!(error.is_denied() && !error.is_throttled(), "{error}");
    assert_eq!(service.n_asked(), 1);

    let endless = Fake::start(vec![answer(429, "x-ms-retry-after-ms: 1\r\n", "{}")]).await;
    let response = client(&endless, &tokens().await).await.send(&request()).await.unwrap();
    assert!(AzureError::of(&response).is_throttled() && !AzureError::of(&response).is_denied());
    assert_eq!(endless.n_asked(), 6);

    let tomorrow = Fake::start(vec![answer(503, "retry-after: 86400\r\n", "{}")]).await;
    assert_eq!(client(&tomorrow, &tokens().await).await.send(&request()).await.unwrap().status, 503);
    assert_eq!(tomorrow.n_asked(), 1);
}

#[tokio::test]
async fn answers_that_are_cut_too_long_or_no_json_are_told() {
    let cut = Fake::start(vec!["HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"value\":[".to_owned()]).await;
    let error = client(&cut, &tokens().await).await.send(&request()).await.unwrap_err();
    assert!(matches!(error, CallError::Connection { n_tries: 6, .. }), "{error}");
    let long = Fake::start(vec![answer(200, "", &"x".repeat(1001))]).await;
    let error = client(&long, &tokens().await).await.send(&request()).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { limit: 1000, .. }), "{error}");
    let page = Fake::start(vec![answer(200, "content-type: text/html\r\n", "<html><title>Sign in</title></html>")]).await;
    let response = client(&page, &tokens().await).await.send(&request()).await.unwrap();
    assert!(AzureError::check(&response).unwrap_err().message.contains("Sign in"));
}

#[tokio::test]
async fn redirects_are_not_followed_and_links_lead_nowhere_else() {
    let elsewhere = Fake::start(vec![answer(200, "", "{}")]).await;
    let service = Fake::start(vec![answer(302, &format!("location: {}/\r\n", elsewhere.url), ""), answer(200, "", "{}")]).await;
    let client = client(&service, &tokens().await).await;
    let response = client.send(&request()).await.unwrap();
    assert_eq!(AzureError::check(&response).unwrap_err().status, 302);
    let foreign = AzureRequest { path: format!("{}/subscriptions?$skiptoken=x", elsewhere.url), ..request() };
    let error = client.send(&foreign).await.unwrap_err().to_string();
    assert!(error.contains("nothing is sent there"), "{error}");
    assert_eq!((service.n_asked(), elsewhere.n_asked()), (1, 0));
    let own = AzureRequest { path: format!("{}/subscriptions?$skiptoken=x%2By", service.url), query: Vec::new(), ..request() };
    assert_eq!(client.send(&own).await.unwrap().status, 200);
    assert!(service.asked()[1].starts_with("GET /subscriptions?$skiptoken=x%2By "), "{}", service.asked()[1]);
}

#[tokio::test]
async fn a_quota_that_an_answer_tells_is_waited_for_before_the_next_call() {
    let headers = "x-ms-user-quota-remaining: 0\r\nx-ms-user-quota-resets-after: 00:00:05\r\n\
                   x-ms-ratelimit-remaining-subscription-reads: 249\r\n";
    let service = Fake::start(vec![answer(200, headers, "{}")]).await;
    let client = client(&service, &tokens().await).await;
    client.send(&request()).await.unwrap();
    tokio::time::pause();
    let other = RateKey { service: "Microsoft.Storage".into(), ..request().rate_key };
    let begin = tokio::time::Instant::now();
    client.wait(&other).await;
    assert!(begin.elapsed() < Duration::from_millis(10), "another key is free");
    client.wait(&request().rate_key).await;
    assert!(begin.elapsed() > Duration::from_secs(4) && begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_cloud_without_microsoft_graph_says_so() {
    let service = Fake::start(vec![answer(200, "", "{}")]).await;
    let mut client = client(&service, &tokens().await).await;
    let endpoints = Endpoints { graph: None, ..(*client.endpoints).clone() };
    client.endpoints = Arc::new(endpoints);
    let error = client.send(&AzureRequest { plane: AzurePlane::Graph, ..request() }).await.unwrap_err().to_string();
    assert!(error.contains("no Microsoft Graph") && !client.has_graph(), "{error}");
}
