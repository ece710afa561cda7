//! Alerts: as `Microsoft.Security/alerts` has them, and as the console asks for them.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use skywarden_rbac::BuiltIn;

use crate::common::{BEARER, CATALOG, JSON, Server, ask, get, post, program, send, server};

/// A server with one machine, and the path of its subscription.
async fn with_samples(bundles: &[&str]) -> (Server, String) {
    let server = server().await;
    let subscriptions = get(&server, "/subscriptions").await;
    let subscription = subscriptions["value"][0]["id"].as_str().unwrap().to_owned();
    let body = json!({ "properties": { "kind": "Bundles", "bundles": bundles } });
    let path = format!("{}/default/simulate", at(&subscription));
    let answer = send(&server, "POST", &path, &[BEARER, JSON], body.to_string().into_bytes()).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    // Clients ask there until the answer is no 202.
    let location = answer.headers()[header::LOCATION].to_str().unwrap().split_once("8470").unwrap().1.to_owned();
    assert_eq!(location, format!("{}?api-version=2022-01-01", at(&subscription)));
    assert!(!get(&server, &location).await["value"].as_array().unwrap().is_empty());
    (server, subscription)
}

fn at(subscription: &str) -> String {
    format!("{subscription}/providers/Microsoft.Security/locations/local/alerts")
}

#[tokio::test]
async fn samples_of_each_bundle_are_listed_as_clients_know_alerts() {
    let (server, subscription) = with_samples(&["KeyVaults", "DNS", "VirtualMachines"]).await;
    let listed = get(&server, &format!("{subscription}/providers/Microsoft.Security/alerts?api-version=2022-01-01")).await;
    let value = listed["value"].as_array().unwrap();
    assert_eq!(value.len(), 9);
    let plans: std::collections::BTreeSet<&str> =
        value.iter().map(|alert| alert["properties"]["productComponentName"].as_str().unwrap()).collect();
    assert_eq!(plans.into_iter().collect::<Vec<_>>(), ["Dns", "KeyVaults", "VirtualMachines"]);
    for alert in value {
        let properties = &alert["properties"];
        assert!(properties["alertDisplayName"].as_str().unwrap().starts_with("[SAMPLE ALERT] "));
        assert_eq!(properties["status"], "Active");
        assert!(!properties["entities"].as_array().unwrap().is_empty(), "{alert}");
        assert!(!properties["remediationSteps"].as_array().unwrap().is_empty(), "{alert}");
        let id = alert["id"].as_str().unwrap();
        assert_eq!(get(&server, id).await, *alert, "found by its id");
    }
    let (mut seen, mut next) = (0, Some(format!("{}?$top=4", at(&subscription))));
    while let Some(link) = next {
        let page = get(&server, link.trim_start_matches("https://127.0.0.1:8470")).await;
        seen += page["value"].as_array().unwrap().len();
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, 9);
}

#[tokio::test]
async fn an_alert_goes_through_its_states() {
    let (server, subscription) = with_samples(&["KeyVaults"]).await;
    let listed = get(&server, &at(&subscription)).await;
    let id = listed["value"][0]["id"].as_str().unwrap();
    for (verb, status) in
        [("inProgress", "InProgress"), ("resolve", "Resolved"), ("dismiss", "Dismissed"), ("activate", "Active")]
    {
        let (code, _) = ask(&server, "POST", &format!("{id}/{verb}"), &[BEARER], "").await;
        assert_eq!(code, StatusCode::NO_CONTENT);
        assert_eq!(get(&server, id).await["properties"]["status"], status);
    }
    let (code, _) = ask(
        &server,
        "POST",
        &format!("{}/639079200000000000_01234567-89ab-cdef-0123-456789abcdef/dismiss", at(&subscription)),
        &[BEARER],
        "",
    )
    .await;
    assert_eq!(code, StatusCode::NOT_FOUND);
    let (code, _) = ask(&server, "GET", &id.replace("/local/", "/westeurope/"), &[BEARER], "").await;
    assert_eq!(code, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told() {
    let (server, subscription) = with_samples(&["DNS"]).await;
    let path = format!("{}/default/simulate", at(&subscription));
    for (body, target) in [
        (json!({ "properties": { "kind": "Other", "bundles": ["DNS"] } }), "properties.kind"),
        (json!({ "properties": { "kind": "Bundles", "bundles": ["Printers"] } }), "properties.bundles"),
        (json!({ "properties": { "kind": "Bundles" } }), "properties.bundles"),
    ] {
        let (code, answer) = post(&server, &path, &body).await;
        assert_eq!((code, &answer["error"]["target"]), (StatusCode::BAD_REQUEST, &json!(target)), "{answer}");
    }
    for path in
        ["/api/v1/alerts?status=Open", "/api/v1/alerts?severity=Critical", "/api/v1/alerts?cursor=x", "/api/v1/alerts?colour=red"]
    {
        assert_eq!(ask(&server, "GET", path, &[BEARER], "").await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    let many = json!({ "ids": vec!["x"; 1_001], "status": "Dismissed" });
    assert_eq!(post(&server, "/api/v1/alerts/status", &many).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_console_filters_counts_and_changes_many_at_once() {
    let (server, subscription) = with_samples(&["KeyVaults", "DNS"]).await;
    let all = get(&server, "/api/v1/alerts").await;
    assert_eq!(format!("/subscriptions/{}", all["items"][0]["subscription"].as_str().unwrap()), subscription);
    assert_eq!(all["items"].as_array().unwrap().len(), 6);
    let vaults = get(&server, "/api/v1/alerts?plan=KeyVaults&days=1").await;
    let ids: Vec<&Value> = vaults["items"].as_array().unwrap().iter().map(|alert| &alert["id"]).collect();
    assert_eq!(ids.len(), 3);
    let (code, answer) = post(&server, "/api/v1/alerts/status", &json!({ "ids": ids, "status": "dismissed" })).await;
    assert_eq!((code, &answer["changed"]), (StatusCode::OK, &json!(3)));
    let counts = get(&server, "/api/v1/alerts/counts").await;
    assert_eq!(counts["total"], 6);
    assert_eq!(counts["status"], json!({ "Active": 3, "Dismissed": 3 }));
    assert_eq!(counts["plan"], json!({ "Dns": 3, "KeyVaults": 3 }));
    assert_eq!(counts["days"].as_array().unwrap().len(), 1);
    assert_eq!(get(&server, "/api/v1/alerts?status=Dismissed,Resolved").await["items"].as_array().unwrap().len(), 3);
    assert_eq!(get(&server, "/api/v1/alerts?q=sample%20alert").await["items"].as_array().unwrap().len(), 6);
    let one = get(&server, &format!("/api/v1/alerts/{}", ids[0].as_str().unwrap())).await;
    assert_eq!((&one["status"], &one["statusChangedBy"]), (&json!("Dismissed"), &json!("administrator")));
    assert!(one["firstEvent"]["class_uid"].is_u64() && !one["raw"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_suppression_rule_dismisses_what_it_fits() {
    let (server, subscription) = with_samples(&["DNS"]).await;
    let listed = get(&server, &at(&subscription)).await;
    let detection = listed["value"][0]["properties"]["alertType"].as_str().unwrap();
    let rule = format!("{subscription}/providers/Microsoft.Security/alertsSuppressionRules/known");
    let body = json!({ "properties": { "alertType": detection, "reason": "Other", "state": "Enabled", "comment": "a test" } });
    let (code, answer) = ask(&server, "PUT", &rule, &[BEARER, ("content-type", "application/json")], &body.to_string()).await;
    assert_eq!(code, StatusCode::OK, "{answer}");
    let body = json!({ "properties": { "kind": "Bundles", "bundles": ["DNS"] } });
    post(&server, &format!("{}/default/simulate", at(&subscription)), &body).await;
    let dismissed = get(&server, "/api/v1/alerts?status=Dismissed").await;
    let [alert] = dismissed["items"].as_array().unwrap().as_slice() else { panic!("{dismissed}") };
    assert_eq!((&alert["detection"], &alert["suppressedBy"]), (&json!(detection), &json!("known")));
}

#[tokio::test]
async fn a_reader_sees_alerts_and_changes_none() {
    let (server, subscription) = with_samples(&["KeyVaults"]).await;
    let bearer = program(&server, "reader", BuiltIn::SecurityReader, &subscription).await;
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let (code, text) = ask(&server, "GET", &at(&subscription), &headers, "").await;
    assert_eq!(code, StatusCode::OK);
    let listed: Value = serde_json::from_str(&text).unwrap();
    let id = listed["value"][0]["id"].as_str().unwrap();
    assert_eq!(ask(&server, "POST", &format!("{id}/dismiss"), &headers, "").await.0, StatusCode::FORBIDDEN);
    let body = json!({ "ids": [], "status": "Active" }).to_string();
    assert_eq!(ask(&server, "POST", "/api/v1/alerts/status", &headers, &body).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_incident_is_an_alert_of_several_in_the_lists_of_clients() {
    let (server, subscription) = with_samples(&["KeyVaults"]).await;
    let alerts = get(&server, "/api/v1/alerts").await;
    let ids: Vec<&str> = alerts["items"].as_array().unwrap().iter().map(|alert| alert["id"].as_str().unwrap()).collect();
    let (time, id) = ("2026-11-01T10:00:00Z", "0123456789abcdef0123456789abcdef");
    let timeline: Vec<Value> =
        ids.iter().map(|alert| json!({ "time": time, "alert": alert, "intent": "Impact", "text": "it happened" })).collect();
    let story: skywarden_detect::Incident = serde_json::from_value(json!({
        "id": id, "kind": "azure-toolkit", "title": "a story", "severity": "high", "alerts": ids, "n_left_out": 0, "intents": ["Impact"],
        "shared": [{ "type": "ip", "id": "203.0.113.9" }], "start": time, "end": time, "merged": [], "timeline": timeline,
    }))
    .unwrap();
    server.store.keep_found(&CATALOG, &[], (&[story], &[]), ("", ""), skywarden_model::Timestamp::now()).await.unwrap();
    let (mut listed, mut next) = (Vec::new(), Some(format!("{}?$top=1", at(&subscription))));
    while let Some(link) = next {
        let page = get(&server, link.trim_start_matches("https://127.0.0.1:8470")).await;
        listed.extend(page["value"].as_array().unwrap().clone());
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    let all = get(&server, &at(&subscription)).await;
    assert_eq!(*all["value"].as_array().unwrap(), listed, "pages of one and one page hold the same");
    let [story] = listed.iter().filter(|own| own["properties"]["isIncident"] == true).collect::<Vec<_>>()[..] else {
        panic!("{listed:?}")
    };
    assert_eq!(listed.len(), ids.len() + 1);
    let properties = &story["properties"];
    assert_eq!((&properties["alertDisplayName"], &properties["correlationKey"]), (&json!("a story"), &json!(id)));
    assert_eq!(properties["entities"], json!([{ "type": "ip", "address": "203.0.113.9" }]));
    assert!(properties["alertUri"].as_str().unwrap().ends_with(&format!("/incidents/{id}")));
    let name = story["id"].as_str().unwrap();
    assert_eq!(get(&server, name).await, *story);
    let (code, _) = ask(&server, "POST", &format!("{name}/resolve"), &[BEARER], "").await;
    assert_eq!(code, StatusCode::NO_CONTENT);
    let resolved = get(&server, "/api/v1/alerts?status=Resolved").await;
    assert_eq!(resolved["items"].as_array().unwrap().len(), ids.len(), "its alerts are resolved with it");
    assert_eq!(get(&server, name).await["properties"]["status"], "Resolved");
}
