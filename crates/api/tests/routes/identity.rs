//! How programs log in: what a client of Azure asks first, tokens, and what is refused.

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_api::OPEN_ROUTES;
use skywarden_model::subscription_id;
use skywarden_rbac::{BuiltIn, Principal, PrincipalState};

use crate::common::{Server, TENANT, ask, machine, program, server};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const BASE: &str = "http://127.0.0.1:8470";

async fn open(server: &Server, path: &str) -> (StatusCode, Value) {
    let (status, body) = ask(server, "GET", path, &[], "").await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

async fn token(server: &Server, form: &str) -> (StatusCode, Value) {
    let (status, body) = ask(server, "POST", &format!("/{TENANT}/oauth2/v2.0/token"), &[FORM], form).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

async fn id_of(server: &Server, name: &str) -> String {
    server.store.principals().await.unwrap().into_iter().find(|own| own.name == name).unwrap().id
}

#[tokio::test]
async fn a_client_finds_everything_here_and_nothing_elsewhere() {
    let server = server().await;
    let (_, endpoints) = open(&server, "/metadata/endpoints?api-version=2022-09-01").await;
    assert_eq!((&endpoints["resourceManager"], &endpoints["authentication"]["audiences"]), (&json!(BASE), &json!([BASE])));
    let (_, configuration) = open(&server, &format!("/{TENANT}/v2.0/.well-known/openid-configuration")).await;
    assert_eq!(configuration["issuer"], format!("{BASE}/{TENANT}/v2.0"));
    for document in [&endpoints, &configuration] {
        let text = document.to_string();
        assert_eq!(text.matches("http").count(), text.matches(BASE).count(), "an address elsewhere in {text}");
    }
    let (_, keys) = open(&server, &format!("/{TENANT}/discovery/v2.0/keys")).await;
    assert_eq!((&keys["keys"][0]["alg"], &keys["keys"][0]["d"]), (&json!("ES256"), &Value::Null), "the public half only");
    assert_eq!(open(&server, "/organizations/v2.0/.well-known/openid-configuration").await.0, StatusCode::OK);
    assert_eq!(open(&server, "/another/v2.0/.well-known/openid-configuration").await.0, StatusCode::NOT_FOUND);
    for (method, path) in OPEN_ROUTES.iter().copied().flatten() {
        let path = path.replace("{tenant}", TENANT);
        let (status, _) = ask(&server, method, &path, &[("host", "evil.example"), FORM], "grant_type=x").await;
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{path} under another host");
    }
}

#[tokio::test]
async fn a_program_gets_a_token_for_its_secret_and_asks_with_it() {
    let server = server().await;
    program(&server, "reporter", BuiltIn::SecurityReader, "/subscriptions/fleet").await;
    let id = id_of(&server, "reporter").await;
    let form = |more: &str| format!("grant_type=client_credentials&client_id={id}&client_info=1&{more}");
    let scope = "scope=http%3A%2F%2F127.0.0.1%3A8470%2F.default";
    let (status, answer) = token(&server, &form(&format!("client_secret=the-secret&{scope}"))).await;
    assert_eq!((status, &answer["token_type"]), (StatusCode::OK, &json!("Bearer")), "{answer}");
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let (status, body) = ask(&server, "GET", "/subscriptions?api-version=2022-12-01", &[("authorization", &bearer)], "").await;
    let listed: Value = serde_json::from_str(&body).unwrap();
    let own = subscription_id(&machine().scope).to_string();
    assert_eq!(
        (status, &listed["value"][0]["subscriptionId"], &listed["value"][0]["tenantId"]),
        (StatusCode::OK, &json!(own), &json!(TENANT))
    );
    let (_, body) = ask(&server, "GET", &format!("/subscriptions/{own}/resources"), &[("authorization", &bearer)], "").await;
    assert!(body.contains("machine-1"), "{body}");
    for (filter, code, shows) in [
        ("", StatusCode::OK, true),
        ("resourceType%20eq%20%27Skywarden.Host%2Fmachines%27", StatusCode::OK, true),
        ("resourceType%20eq%20%27Other%2Fthings%27", StatusCode::OK, false),
        ("name%20eq%20%27x%27", StatusCode::BAD_REQUEST, false),
    ] {
        let path = format!("/subscriptions/{own}/resources?$filter={filter}");
        let (status, body) = ask(&server, "GET", &path, &[("authorization", &bearer)], "").await;
        assert_eq!((status, body.contains("machine-1")), (code, shows), "{filter}: {body}");
    }
    let scores = format!("/%2Fsubscriptions%2F{own}/providers/microsoft.security/SECURESCORES");
    assert_eq!(ask(&server, "GET", &scores, &[("authorization", &bearer)], "").await.0, StatusCode::OK, "as clients spell it");

    // What was issued to it is void once it is switched off.
    let principal = server.store.principal(&id).await.unwrap().unwrap();
    server.store.put_principal(&Principal { state: PrincipalState::Disabled, ..principal }).await.unwrap();
    assert_eq!(ask(&server, "GET", "/subscriptions", &[("authorization", &bearer)], "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(token(&server, &form(&format!("client_secret=the-secret&{scope}"))).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_wrong_with_a_token_request_is_said_in_oauths_words() {
    let server = server().await;
    program(&server, "reporter", BuiltIn::SecurityReader, "/").await;
    let id = id_of(&server, "reporter").await;
    let of = |id: &str, secret: &str| format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    for (form, error) in [
        (of(&id, "wrong"), "invalid_client"),
        (of("00000000-0000-4000-8000-000000000009", "the-secret"), "invalid_client"),
        (format!("grant_type=client_credentials&client_id={id}"), "invalid_request"),
        (format!("grant_type=password&client_id={id}&username=a&password=b"), "unsupported_grant_type"),
        (format!("{}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default", of(&id, "the-secret")), "invalid_scope"),
        ("x".to_owned(), "invalid_request"),
    ] {
        let (status, answer) = token(&server, &form).await;
        assert!(status.is_client_error() && answer["error"] == error, "{form}: {status} {answer}");
    }
    let (_, wrong) = token(&server, &of(&id, "wrong")).await;
    let (_, unknown) = token(&server, &of("00000000-0000-4000-8000-000000000009", "the-secret")).await;
    assert_eq!(wrong, unknown, "the answer does not tell whether there is such a program");
}
