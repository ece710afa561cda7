//! Connecting Azure over the API, against a server that speaks its protocol.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_rbac::BuiltIn;
use skywarden_store::ScopeFilter;
use skywarden_testkit::azure::{Estate, Server as Azure, ServerOptions};

use crate::{
    common::{JSON, Server, ask, empty, estate, get, program},
    objects::send,
};

const PROBE: &str = "/api/v1/connectors/azure/probe";

fn put_path(name: &str) -> String {
    format!("/api/v1/connectors/azure/{name}")
}

async fn azure() -> (Azure, Estate) {
    let estate = Estate::sample().unwrap();
    (Azure::start(estate.clone(), ServerOptions::default()).await.unwrap(), estate)
}

/// The login of a program of the estate.
fn login(azure: &(Azure, Estate), name: &str) -> Value {
    let program = azure.1.program(name).unwrap();
    json!({
        "cloud": azure.0.url(), "tenant": azure.1.tenant(), "login": "client-secret",
        "clientId": program.client_id, "clientSecret": program.secret.unwrap(),
    })
}

async fn post(server: &Server, body: &Value) -> (StatusCode, Value) {
    send(server, "POST", PROBE, &[], body).await
}

async fn put(server: &Server, name: &str, body: &Value) -> (StatusCode, Value) {
    send(server, "PUT", &put_path(name), &[], body).await
}

fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

#[tokio::test]
async fn a_test_tells_each_subscription_and_each_missing_permission_and_keeps_nothing() {
    let (server, azure) = (empty().await, azure().await);
    let (status, whole) = post(&server, &login(&azure, "connector")).await;
    assert_eq!(status, StatusCode::OK, "{whole}");
    assert_eq!(whole["subscriptions"].as_array().unwrap().len(), azure.1.subscriptions().len());
    let (status, part) = post(&server, &login(&azure, "partial")).await;
    assert_eq!(status, StatusCode::OK, "{part}");
    let first = &part["subscriptions"][0];
    let missing = first["missing"].as_array().unwrap();
    let vaults = missing.iter().find(|row| row["permission"] == "Microsoft.KeyVault/vaults/read").unwrap();
    assert!(
        vaults["recommendations"].as_u64().unwrap() > 0
            && first["recommendations"].as_u64() >= vaults["recommendations"].as_u64()
    );
    assert_eq!((&first["state"], &part["role"]["IsCustom"]), (&json!("incomplete"), &json!(true)));
    let scope = format!("/subscriptions/{}", first["id"].as_str().unwrap());
    assert_eq!(part["role"]["AssignableScopes"], json!([scope]));
    let command = part["commands"][1].as_str().unwrap();
    assert!(command.contains(&azure.1.program("partial").unwrap().client_id) && command.ends_with(&scope), "{command}");
    assert!(!part.to_string().contains("partial-secret"));
    assert!(server.store.connectors(&ScopeFilter::All).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_tenant_is_connected_with_gaps_and_its_secret_is_sealed_and_never_answered() {
    let (server, azure) = (empty().await, azure().await);
    let body = login(&azure, "partial");
    let (status, made) = put(&server, "cloud", &body).await;
    assert_eq!((status, &made["tenant"]), (StatusCode::CREATED, &json!(azure.1.tenant())), "{made}");
    let sealed = server.vault.get("connector/cloud/client-secret").await.unwrap().unwrap();
    assert_eq!(sealed, b"partial-secret");
    let kept = server.store.connectors(&ScopeFilter::All).await.unwrap();
    assert!(!serde_json::to_string(&kept).unwrap().contains("partial-secret"), "{kept:?}");
    assert_eq!(kept[0].setting("clientId"), body["clientId"].as_str());
    for path in ["/api/v1/connectors", "/api/v1/audit"] {
        assert!(!get(&server, path).await.to_string().contains("partial-secret"), "{path}");
    }
    assert_eq!(put(&server, "cloud", &login(&azure, "connector")).await.0, StatusCode::OK, "another login of the same tenant");
    assert_ne!(server.vault.get("connector/cloud/client-secret").await.unwrap().unwrap(), b"partial-secret");
    assert_eq!(put(&server, "other", &body).await.0, StatusCode::CONFLICT, "a tenant has one connector");
    assert!(server.vault.get("connector/other/client-secret").await.unwrap().is_none());
}

#[tokio::test]
async fn a_login_that_azure_refuses_is_told_and_not_kept() {
    let (server, azure) = (empty().await, azure().await);
    let body = with(&login(&azure, "connector"), "clientSecret", json!("wrong-secret-of-mine"));
    for (status, said) in [post(&server, &body).await, put(&server, "cloud", &body).await] {
        assert_eq!((status, &said["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("AzureNotRead")));
        let text = said.to_string();
        assert!(text.contains("AADSTS") && !text.contains("wrong-secret-of-mine"), "{text}");
    }
    assert!(server.store.connectors(&ScopeFilter::All).await.unwrap().is_empty());
    assert!(server.vault.get("connector/cloud/client-secret").await.unwrap().is_none());
}

#[tokio::test]
async fn a_secret_goes_to_no_other_cloud_and_addresses_lead_nowhere_else() {
    let (server, azure) = (empty().await, azure().await);
    let body = login(&azure, "connector");
    for (name, value, status) in [
        ("cloud", json!("https://evil.example"), StatusCode::FORBIDDEN),
        ("cloud", json!("http://127.0.0.1.evil.example"), StatusCode::FORBIDDEN),
        ("cloud", json!("moon"), StatusCode::BAD_REQUEST),
        ("tenant", json!("../evil"), StatusCode::BAD_REQUEST),
        ("managementGroup", json!("../../x"), StatusCode::BAD_REQUEST),
        ("subscriptions", json!(["x"]), StatusCode::BAD_REQUEST),
        ("clientSecret", json!(""), StatusCode::BAD_REQUEST),
        ("certificate", json!("/etc/passwd"), StatusCode::BAD_REQUEST),
        ("login", json!("az"), StatusCode::BAD_REQUEST),
    ] {
        let (own, said) = post(&server, &with(&body, name, value)).await;
        assert!(own == status || own == StatusCode::UNPROCESSABLE_ENTITY, "{name}: {own} {said}");
    }
    assert!(azure.0.calls().is_empty(), "nothing was asked");
    for name in ["host", "sample", "aws-1", "Upper", "azure-33333333-3333-3333-3333-333333333333"] {
        let (status, said) = put(&server, name, &body).await;
        assert!([StatusCode::CONFLICT, StatusCode::BAD_REQUEST].contains(&status), "{name}: {said}");
    }
}

#[tokio::test]
async fn only_who_writes_connectors_everywhere_connects_and_only_administrators_use_the_servers_own_login() {
    let (server, azure) = (estate(&[("a", "1"), ("b", "2")]).await, azure().await);
    let own = json!({ "cloud": azure.0.url(), "tenant": azure.1.tenant(), "login": "managed-identity" });
    let secret = login(&azure, "partial");
    let asked = async |login: &str, body: &Value| {
        let headers = [("authorization", login), JSON];
        let (status, text) = ask(&server, "POST", PROBE, &headers, &body.to_string()).await;
        (status, text)
    };
    let reader = program(&server, "reader", BuiltIn::SecurityReader, "/").await;
    let part = program(&server, "part", BuiltIn::Owner, "/subscriptions/1").await;
    let admin = program(&server, "admin", BuiltIn::SecurityAdmin, "/").await;
    for login in [&reader, &part] {
        assert_eq!(asked(login, &secret).await.0, StatusCode::FORBIDDEN);
    }
    let (status, text) = asked(&admin, &own).await;
    assert!(status == StatusCode::FORBIDDEN && text.contains("administrators"), "{text}");
    assert!(azure.0.calls().is_empty(), "nothing was asked");
}
