//! Governance rules and what they assign.

use std::time::Duration;

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use skywarden_model::{ArmId, subscription_id};
use skywarden_rbac::BuiltIn;

use crate::common::{BEARER, JSON, Server, ask, ask_bytes, get, machine, program, send, server};

/// The GUID under which ARM shows a recommendation.
async fn key(server: &Server, recommendation: &str) -> String {
    let one = get(server, &format!("/api/v1/recommendations/{recommendation}")).await;
    one.get("key").and_then(Value::as_str).unwrap().to_owned()
}

fn rules() -> String {
    format!("/subscriptions/{}/providers/Microsoft.Security/governanceRules", subscription_id(&machine().scope))
}

async fn put(server: &Server, path: &str, properties: &Value) -> (StatusCode, Value) {
    let body = json!({ "properties": properties }).to_string();
    let (status, body) = ask(server, "PUT", path, &[BEARER, JSON], &body).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

pub(crate) fn rule(priority: i64, property: &str, values: &[&str]) -> Value {
    json!({
        "displayName": "Ours", "remediationTimeframe": "7.00:00:00", "rulePriority": priority, "ruleType": "Integrated",
        "sourceResourceType": "Assessments", "isGracePeriod": true,
        "ownerSource": { "type": "Manually", "value": "ann@house.example" },
        "conditionSets": [{ "conditions": [{ "property": property, "operator": "In", "value": json!(values).to_string() }] }],
    })
}

/// Carries a rule out, waits for its result, and gives the number of assignments that it wrote.
pub(crate) async fn execute(server: &Server, rule: &str, replaces: bool) -> Value {
    result(server, rule, replaces).await.pointer("/properties/assigned").unwrap().clone()
}

/// Carries a rule out and waits for its result.
pub(crate) async fn result(server: &Server, rule: &str, replaces: bool) -> Value {
    let body = json!({ "override": replaces }).to_string().into_bytes();
    let answer = send(server, "POST", &format!("{rule}/execute"), &[BEARER, JSON], body).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let location = answer.headers()[header::LOCATION].to_str().unwrap().split_once("8470").unwrap().1.to_owned();
    let ended = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let (status, body) = ask_bytes(server, "GET", &location, &[BEARER], Vec::new()).await;
            match status {
                StatusCode::ACCEPTED => tokio::task::yield_now().await,
                status => return (status, serde_json::from_slice(&body).unwrap_or(Value::Null)),
            }
        }
    });
    let (status, result): (StatusCode, Value) = ended.await.unwrap();
    assert_eq!((status, result.get("status")), (StatusCode::OK, Some(&json!("Succeeded"))), "{result}");
    assert_eq!(
        ask(server, "GET", &location.replace("operationResults/", "operationResults/x"), &[BEARER], "").await.0,
        StatusCode::NOT_FOUND
    );
    result
}

async fn assignments(server: &Server, recommendation: &str) -> Vec<Value> {
    let key = key(server, recommendation).await;
    let path = format!("{}/providers/Microsoft.Security/assessments/{key}/governanceAssignments", ArmId::of(&machine()));
    get(server, &path).await.get("value").and_then(Value::as_array).unwrap().clone()
}

#[tokio::test]
async fn a_rule_goes_there_and_back_and_a_priority_is_taken_once() {
    let server = server().await;
    let path = format!("{}/r1", rules());
    let (status, made) = put(&server, &path, &rule(1, "$.AssessmentKey", &["x"])).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert!(made["properties"]["tenantId"].is_string() && made["properties"]["metadata"]["createdBy"].is_string());
    assert_eq!(get(&server, &path).await, made);
    let (status, again) = put(&server, &path, &made["properties"]).await;
    assert_eq!((status, &again), (StatusCode::OK, &made), "the same again changes nothing");
    let mut changed = made["properties"].clone();
    changed["isDisabled"] = true.into();
    let (_, changed) = put(&server, &path, &changed).await;
    assert_eq!(changed["properties"]["metadata"]["createdOn"], made["properties"]["metadata"]["createdOn"]);
    assert_ne!(changed["etag"], made["etag"]);
    let other = format!("{}/r2", rules());
    let (status, answer) = put(&server, &other, &rule(1, "$.Severity", &["High"])).await;
    assert_eq!((status, &answer["error"]["target"]), (StatusCode::CONFLICT, &json!("properties.rulePriority")));
    assert_eq!(put(&server, &other, &rule(2, "$.Severity", &["High"])).await.0, StatusCode::CREATED);
    for (wrong, target) in [
        (rule(3, "$.Colour", &["x"]), "properties.conditionSets[0].conditions[0].property"),
        (rule(1001, "$.Severity", &["x"]), "properties.rulePriority"),
    ] {
        let (status, answer) = put(&server, &format!("{}/r3", rules()), &wrong).await;
        assert_eq!((status, &answer["error"]["target"]), (StatusCode::BAD_REQUEST, &json!(target)), "{answer}");
    }
    let disabled = ask(&server, "POST", &format!("{path}/execute"), &[BEARER], "").await;
    assert!(disabled.0 == StatusCode::CONFLICT && disabled.1.contains("RuleDisabled"), "{disabled:?}");
    assert_eq!(ask(&server, "DELETE", &other, &[BEARER], "").await.0, StatusCode::OK);
    assert_eq!(ask(&server, "POST", &format!("{other}/execute"), &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_rule_gives_what_is_unhealthy_an_owner_and_a_day() {
    const FIREWALL: &str = "machine-firewall-on";
    let server = server().await;
    let path = format!("{}/ours", rules());
    let keys = [key(&server, FIREWALL).await, key(&server, "machine-system-updates-installed").await];
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(put(&server, &path, &rule(5, "$.AssessmentKey", &keys)).await.0, StatusCode::CREATED);
    assert_eq!(execute(&server, &path, false).await, 1, "what is healthy needs nobody");
    let [own] = assignments(&server, FIREWALL).await.try_into().unwrap();
    assert_eq!((&own["properties"]["owner"], &own["properties"]["isGracePeriod"]), (&json!("ann@house.example"), &json!(true)));
    assert_eq!(own["type"], "Microsoft.Security/assessments/governanceAssignments");
    assert_eq!(get(&server, own["id"].as_str().unwrap()).await, own);
    assert!(assignments(&server, "machine-system-updates-installed").await.is_empty());
    // Another owner takes over only if that is asked for.
    let mut other = rule(5, "$.AssessmentKey", &keys);
    other["ownerSource"]["value"] = "bob@house.example".into();
    put(&server, &path, &other).await;
    assert_eq!(execute(&server, &path, false).await, 0);
    assert_eq!(assignments(&server, FIREWALL).await, std::slice::from_ref(&own));
    assert_eq!(execute(&server, &path, true).await, 1);
    let [after] = assignments(&server, FIREWALL).await.try_into().unwrap();
    assert_eq!((&after["name"], &after["properties"]["owner"]), (&own["name"], &json!("bob@house.example")));
    // A person can change it, and take it away.
    let mut properties = after["properties"].clone();
    properties["remediationEta"] = json!({ "eta": "2027-01-01T00:00:00Z", "justification": "holidays" });
    let id = after["id"].as_str().unwrap();
    assert_eq!(put(&server, id, &properties).await.0, StatusCode::OK);
    let (status, answer) = put(&server, id, &json!({ "remediationDueDate": "tomorrow" })).await;
    assert_eq!((status, &answer["error"]["target"]), (StatusCode::BAD_REQUEST, &json!("properties.remediationDueDate")));
    assert_eq!(ask(&server, "DELETE", id, &[BEARER], "").await.0, StatusCode::OK);
    // Neither an excluded scope nor what a rule that comes first speaks of.
    other["excludedScopes"] = json!([format!("/subscriptions/{}", subscription_id(&machine().scope))]);
    put(&server, &path, &other).await;
    assert_eq!(execute(&server, &path, true).await, 0);
    other["excludedScopes"] = json!([]);
    put(&server, &path, &other).await;
    put(&server, &format!("{}/first", rules()), &rule(1, "$.AssessmentKey", &keys)).await;
    assert_eq!(execute(&server, &path, true).await, 0);
    assert!(assignments(&server, FIREWALL).await.is_empty());
}

#[tokio::test]
async fn a_rule_of_a_management_group_reaches_what_lies_below_it() {
    let server = server().await;
    let group = "/providers/Microsoft.Management/managementGroups/mine";
    let own = subscription_id(&machine().scope).to_string();
    let body = json!({ "id": group, "name": "mine", "type": "Microsoft.Management/managementGroups", "properties": {
        "children": [{ "id": format!("/subscriptions/{own}"), "type": "/subscriptions", "name": own }] } });
    let list = format!("{group}/providers/Microsoft.Security/governanceRules");
    let path = format!("{list}/all");
    assert_eq!(put(&server, &path, &rule(1, "Severity", &["High"])).await.0, StatusCode::NOT_FOUND, "there is no such group yet");
    let (status, answer) = ask(&server, "POST", "/api/v1/policy/import", &[BEARER, JSON], &body.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, made) = put(&server, &path, &rule(1, "Severity", &["Low", "Medium", "High"])).await;
    assert_eq!((status, made["id"].as_str()), (StatusCode::CREATED, Some(path.as_str())));
    assert_eq!(execute(&server, &path, false).await, 1);
    let reader = program(&server, "reader", BuiltIn::Reader, "/").await;
    let admin = program(&server, "admin", BuiltIn::SecurityAdmin, &format!("/subscriptions/{own}")).await;
    let outsider =
        program(&server, "outsider", BuiltIn::SecurityAdmin, "/subscriptions/00000000-0000-4000-8000-00000000000a").await;
    let status = async |method: &str, bearer: &str| {
        let body = json!({ "properties": rule(1, "Severity", &["Low"]) }).to_string();
        ask(&server, method, &path, &[("authorization", bearer), JSON], &body).await.0
    };
    assert_eq!((status("GET", &reader).await, status("PUT", &reader).await), (StatusCode::OK, StatusCode::FORBIDDEN));
    assert_eq!((status("GET", &admin).await, status("PUT", &admin).await), (StatusCode::OK, StatusCode::NOT_FOUND));
    assert_eq!((status("GET", &outsider).await, status("PUT", &outsider).await), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
}
