//! Standards of one's own, and attestations.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{BEARER, Server, ask, get, post, server};

const HOUSE: &str = r#"id: house
title: House rules
description: Ours.
version: "1"
environments: [host]
controls:
  - id: "1"
    title: Machines
    controls:
      - { id: "1.1", title: A firewall is on, checks: [machine-firewall-on] }
      - { id: "1.2", title: Updates are installed, checks: [machine-system-updates-installed] }
      - { id: "1.3", title: Leavers lose access, manual: Compare the lists. }
"#;

async fn put(server: &Server, id: &str, text: &str) -> (StatusCode, Value) {
    let (status, body) = ask(server, "PUT", &format!("/api/v1/standards/{id}"), &[BEARER], text).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_standard_of_ones_own_is_one_like_any_other() {
    let server = server().await;
    assert_eq!(put(&server, "house", HOUSE).await.0, StatusCode::CREATED);
    let list = get(&server, "/api/v1/compliance").await;
    let row = list["items"].as_array().unwrap().iter().find(|row| row["id"] == "house").unwrap();
    assert_eq!(row["controlsByState"], json!({ "Passed": 1, "Failed": 1, "Manual": 1 }));
    assert_eq!((&row["custom"], &row["percentage"]), (&json!(true), &json!(0.5)));
    assert_eq!(list["items"][0]["custom"], false);
    let tree = get(&server, "/api/v1/compliance/house").await;
    assert_eq!(tree["controls"][0]["controls"][0]["failed"], 1);
    assert_eq!(tree["checks"]["machine-firewall-on"]["recommendation"], "machine-firewall-on");
    // It was judged when it was saved.
    let history = get(&server, "/api/v1/compliance/house/history").await;
    let last = history["items"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["passed"], &last["failed"]), (&json!(1), &json!(1)));
    let (status, csv) = ask(&server, "GET", "/api/v1/compliance/house/report", &[BEARER], "").await;
    assert!(status == StatusCode::OK && csv.contains("control,house,1.3,Leavers lose access,manual,"), "{csv}");
    let machine = crate::common::machine();
    let subscription = skywarden_model::subscription_id(&machine.scope);
    let arm = format!("/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/house");
    assert_eq!(get(&server, &arm).await["properties"]["failedControls"], 1);

    // As JSON it is what was given, as YAML what can be given again.
    let mut kept = get(&server, "/api/v1/standards/house").await;
    assert_eq!((&kept["custom"], &kept["changedBy"]), (&json!(true), &json!("administrator")));
    let (_, yaml) = ask(&server, "GET", "/api/v1/standards/house?format=yaml", &[BEARER], "").await;
    assert_eq!(put(&server, "house", &yaml).await.0, StatusCode::OK);
    kept["standard"]["controls"][0]["controls"].as_array_mut().unwrap().remove(0);
    assert_eq!(put(&server, "house", &kept["standard"].to_string()).await.0, StatusCode::OK);
    assert_eq!(get(&server, "/api/v1/compliance/house").await["controlsByState"], json!({ "Passed": 1, "Manual": 1 }));

    assert_eq!(ask(&server, "DELETE", "/api/v1/standards/house", &[BEARER], "").await.0, StatusCode::NO_CONTENT);
    for path in ["/api/v1/compliance/house", "/api/v1/compliance/house/history", "/api/v1/standards/house"] {
        assert_eq!(ask(&server, "GET", path, &[BEARER], "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_standard_that_is_wrong_is_told_with_line_and_column_and_not_kept() {
    let server = server().await;
    let wrong = HOUSE.replace("machine-firewall-on", "machine-firewall-of").replace("title: Machines", "title: ' '");
    let (status, body) = put(&server, "house", &wrong).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let error = &body["error"];
    assert!(error["message"].as_str().unwrap().contains("line 8, column 5: this text is empty (and 1 more)"), "{error}");
    let second = &error["details"][1];
    assert_eq!((&second["line"], &second["column"]), (&json!(10), &json!(56)), "{second}");
    assert_eq!(second["help"], "did you mean `machine-firewall-on`?");
    for text in ["", "[", "{}", "id: house\nnonsense: 1\n", &HOUSE.replace("id: house", "id: other")] {
        assert_eq!(put(&server, "house", text).await.0, StatusCode::BAD_REQUEST, "{text}");
    }
    let (status, body) = put(&server, "mcsb-v1", &HOUSE.replace("id: house", "id: mcsb-v1")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("is that of a standard of the content"), "{body}");
    assert_eq!(ask(&server, "DELETE", "/api/v1/standards/mcsb-v1", &[BEARER], "").await.0, StatusCode::CONFLICT);
    assert_eq!(ask(&server, "DELETE", "/api/v1/standards/house", &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&server, "/api/v1/standards/mcsb-v1").await["custom"], false);
}

#[tokio::test]
async fn the_list_of_checks_has_recommendations_and_rules() {
    let server = server().await;
    let checks = get(&server, "/api/v1/checks").await;
    let kinds = |kind: &str| checks["items"].as_array().unwrap().iter().filter(|check| check["kind"] == kind).count();
    assert!(kinds("recommendation") > 100 && kinds("rule") > 100);
}

fn attestation(control: &str) -> Value {
    json!({ "control": control, "state": "Passed", "assessedOn": "2026-01-31",
            "evidence": { "text": "All were checked.", "links": ["https://wiki.example/leavers"] } })
}

#[tokio::test]
async fn an_attestation_settles_a_manual_control_until_it_is_withdrawn() {
    let server = server().await;
    put(&server, "house", HOUSE).await;
    let path = "/api/v1/compliance/house/attestations";
    let (status, made) = post(&server, path, &attestation("1.3")).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let again = post(&server, path, &attestation("1.3")).await;
    assert_eq!(again, (StatusCode::OK, made.clone()), "a request sent twice makes one attestation");
    let tree = get(&server, "/api/v1/compliance/house").await;
    let control = &tree["controls"][0]["controls"][2];
    assert_eq!((&control["state"], &control["attested"]), (&json!("Passed"), &json!(true)));
    assert_eq!(control["attestations"][0]["evidence"]["links"][0], "https://wiki.example/leavers");
    assert_eq!(tree["controlsByState"], json!({ "Passed": 2, "Failed": 1 }));
    let (_, csv) = ask(&server, "GET", "/api/v1/compliance/house/report", &[BEARER], "").await;
    assert!(csv.contains("2026-01-31,administrator,,\"All were checked.\nhttps://wiki.example/leavers\""), "{csv}");
    let history = get(&server, "/api/v1/compliance/house/history").await;
    assert_eq!(history["items"].as_array().unwrap().last().unwrap()["passed"], 2);

    let mut failed = attestation("1.3");
    failed["state"] = json!("Failed");
    failed["scope"] = json!({ "kind": "subscription", "connector": "host", "account": "fleet" });
    assert_eq!(post(&server, path, &failed).await.0, StatusCode::CREATED);
    assert_eq!(get(&server, "/api/v1/compliance/house").await["controlsByState"], json!({ "Passed": 1, "Failed": 2 }));
    let record = get(&server, path).await;
    let standings: Vec<&Value> = record["items"].as_array().unwrap().iter().map(|row| &row["standing"]).collect();
    assert_eq!(standings, ["holds", "holds"]);

    for row in record["items"].as_array().unwrap() {
        let own = format!("{path}/{}", row["id"].as_str().unwrap());
        assert_eq!(ask(&server, "DELETE", &own, &[BEARER], "").await.0, StatusCode::NO_CONTENT);
        assert_eq!(ask(&server, "DELETE", &own, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    }
    let record = get(&server, path).await;
    assert_eq!(record["items"].as_array().unwrap().len(), 2, "the record keeps them");
    assert!(record["items"][0]["withdrawn"]["by"] == "administrator" && record["items"][0]["standing"] == "withdrawn");
    assert_eq!(get(&server, "/api/v1/compliance/house").await["controls"][0]["controls"][2]["state"], "Manual");
}

#[tokio::test]
async fn what_cannot_be_attested_is_refused_with_the_reason() {
    let server = server().await;
    put(&server, "house", HOUSE).await;
    let path = "/api/v1/compliance/house/attestations";
    let (status, body) = post(&server, path, &attestation("1.1")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("judged automatically by machine-firewall-on") && message.contains("exempt"), "{message}");
    let with = |member: &str, value: Value| {
        let mut body = attestation("1.3");
        body[member] = value;
        body
    };
    for wrong in [
        with("control", json!("1")),
        with("control", json!("9")),
        with("evidence", json!({ "text": " " })),
        with("evidence", json!({ "links": ["http://wiki.example"] })),
        with("evidence", json!({ "text": "x", "file": "y" })),
        with("assessedOn", json!("2099-01-01")),
        with("assessedOn", json!("yesterday")),
        with("expiresAt", json!("2001-01-01T00:00:00Z")),
        with("state", json!("Unknown")),
        with("scope", json!({ "kind": "subscription", "connector": "host", "account": "none" })),
    ] {
        let (status, answer) = post(&server, path, &wrong).await;
        assert!(status.is_client_error() && status != StatusCode::NOT_FOUND, "{wrong}: {status} {answer}");
    }
    assert_eq!(post(&server, "/api/v1/compliance/none/attestations", &attestation("1")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&server, path).await["items"], json!([]));
}
