use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{BEARER, JSON, ask, get, post, server};

#[tokio::test]
async fn exemptions_need_a_reason_and_a_known_recommendation() {
    let server = server().await;
    let new = |recommendation: &str, reason: &str| {
        json!({ "recommendation": recommendation, "scope": { "kind": "tenant" }, "category": "Waiver", "reason": reason })
            .to_string()
    };
    for wrong in [new("nothing", "x"), new("machine-firewall-on", " "), "{}".to_owned(), "[".to_owned()] {
        let (status, body) = ask(&server, "POST", "/api/v1/exemptions", &[BEARER, JSON], &wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {body}");
    }
    let somewhere = json!({ "recommendation": "machine-firewall-on", "scope": { "kind": "resource", "id": "nothing" },
                            "category": "Waiver", "reason": "x" });
    assert_eq!(
        ask(&server, "POST", "/api/v1/exemptions", &[BEARER, JSON], &somewhere.to_string()).await.0,
        StatusCode::BAD_REQUEST
    );
    let (status, body) =
        ask(&server, "POST", "/api/v1/exemptions", &[BEARER, JSON], &new("machine-firewall-on", "elsewhere")).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let created: Value = serde_json::from_str(&body).unwrap();
    let again = ask(&server, "POST", "/api/v1/exemptions", &[BEARER, JSON], &new("machine-firewall-on", "elsewhere")).await;
    assert_eq!(again, (StatusCode::OK, body), "a request sent twice makes one decision");
    assert_eq!(get(&server, "/api/v1/exemptions").await["items"].as_array().unwrap().len(), 1);
    // It is judged anew at once, from what the store holds.
    let judged = get(&server, "/api/v1/assessments?recommendation=machine-firewall-on").await;
    assert_eq!(
        (&judged["items"][0]["status"], &judged["items"][0]["cause"]["code"]),
        (&json!("NotApplicable"), &json!("Exempt"))
    );
    let path = format!("/api/v1/exemptions/{}", created["id"].as_str().unwrap());
    assert_eq!(ask(&server, "DELETE", &path, &[BEARER], "").await.0, StatusCode::NO_CONTENT);
    let judged = get(&server, "/api/v1/assessments?recommendation=machine-firewall-on").await;
    assert_ne!(judged["items"][0]["cause"]["code"], "Exempt");
    assert_eq!(ask(&server, "DELETE", &path, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

const FIREWALL: &str = "machine-firewall-on";

async fn verdict(server: &crate::common::Server) -> (Value, Value) {
    let judged = get(server, "/api/v1/assessments?recommendation=machine-firewall-on").await;
    let member = |path: &str| judged.pointer(path).cloned().unwrap_or_default();
    (member("/items/0/status"), member("/items/0/cause/code"))
}

#[tokio::test]
async fn many_resources_are_exempted_together_and_lifted_together() {
    let server = server().await;
    let new = json!({ "recommendation": FIREWALL, "resources": ["machine-1"], "category": "Waiver", "reason": "built anew in May",
                      "expiresAt": "2099-01-01T00:00:00Z" });
    let (status, answer) = post(&server, "/api/v1/exemptions/bulk", &new).await;
    assert_eq!((status, &answer["created"], &answer["notApplicable"]), (StatusCode::CREATED, &json!(1), &json!(0)), "{answer}");
    assert_eq!(verdict(&server).await, (json!("NotApplicable"), json!("Exempt")));
    let kept = get(&server, "/api/v1/exemptions").await;
    assert_eq!(kept["items"][0]["expiresAt"], "2099-01-01T00:00:00Z");
    // What is exempt already is not exempted again.
    let (_, answer) = post(&server, "/api/v1/exemptions/bulk", &new).await;
    assert_eq!((&answer["created"], &answer["notApplicable"]), (&json!(0), &json!(1)));

    let ids = json!({ "ids": [kept["items"][0]["id"], "nothing"] });
    assert_eq!(post(&server, "/api/v1/exemptions/lift", &ids).await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&server, "/api/v1/exemptions").await["items"].as_array().unwrap().len(), 1, "all or nothing");
    let ids = json!({ "ids": [kept["items"][0]["id"]] });
    let lifted = post(&server, "/api/v1/exemptions/lift", &ids).await;
    assert_eq!(lifted, (StatusCode::OK, json!({ "lifted": 1 })));
    assert_ne!(verdict(&server).await.1, "Exempt");
}

#[tokio::test]
async fn all_that_a_filter_shows_are_exempted_only_if_they_are_still_as_many() {
    let server = server().await;
    let new = |q: &str, expected: u64| {
        json!({ "recommendation": FIREWALL, "matching": { "status": "Unhealthy", "q": q, "expected": expected },
                "category": "Mitigated", "reason": "behind a firewall of its own" })
    };
    assert_eq!(post(&server, "/api/v1/exemptions/bulk", &new("", 2)).await.0, StatusCode::CONFLICT);
    assert_eq!(verdict(&server).await.0, "Unhealthy");
    let (status, answer) = post(&server, "/api/v1/exemptions/bulk", &new("nothing", 0)).await;
    assert_eq!((status, &answer["created"]), (StatusCode::CREATED, &json!(0)));
    let (status, answer) = post(&server, "/api/v1/exemptions/bulk", &new("MACHINE", 1)).await;
    assert_eq!((status, &answer["created"]), (StatusCode::CREATED, &json!(1)), "{answer}");
    assert_eq!(verdict(&server).await, (json!("NotApplicable"), json!("ExemptMitigated")));
}

#[tokio::test]
async fn a_bulk_exemption_that_is_wrong_in_one_place_changes_nothing() {
    let server = server().await;
    let good = json!({ "recommendation": FIREWALL, "resources": ["machine-1"], "category": "Waiver", "reason": "x" });
    let with = |changes: Value| {
        let mut body = good.clone();
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    for changes in [
        json!({ "resources": ["machine-1", "nothing"] }),
        json!({ "resources": [] }),
        json!({ "matching": { "expected": 1 } }),
        json!({ "resources": null }),
        json!({ "recommendation": "nothing" }),
        json!({ "reason": " " }),
        json!({ "expiresAt": "2001-01-01T00:00:00Z" }),
        json!({ "finding": "x" }),
        json!({ "resources": (0..5001).map(|n| n.to_string()).collect::<Vec<_>>() }),
    ] {
        let (status, answer) = post(&server, "/api/v1/exemptions/bulk", &with(changes.clone())).await;
        assert!(status.is_client_error(), "{changes}: {status} {answer}");
    }
    assert!(get(&server, "/api/v1/exemptions").await["items"].as_array().unwrap().is_empty());
    assert_eq!(verdict(&server).await.0, "Unhealthy");
}
