//! Assessments of clients' own: what describes them, who may write them where, and that they are in every list and count.

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::{ArmId, Connector, Resource, Scope, Timestamp};
use skywarden_rbac::BuiltIn;

use crate::{
    common::{BEARER, CATALOG, JSON, Server, ask, estate, get, machine, program, server},
    governance,
    objects::{delete, names, own, put, send},
};

const KEY: &str = "ca039e75-a276-4175-aebc-bcd41e4b14b7";

fn metadata() -> Value {
    json!({ "displayName": "Machines are in the asset list", "description": "Every machine has an owner there.",
            "remediationDescription": "Enter it.", "categories": ["Compute"], "severity": "High", "userImpact": "Low",
            "implementationEffort": "Moderate", "threats": ["missingCoverage"], "preview": false, "assessmentType": "CustomerManaged" })
}

fn verdict(code: &str) -> Value {
    json!({ "status": { "code": code, "cause": "Audit", "description": "asked the owner" },
            "resourceDetails": { "source": "Azure" }, "additionalData": { "ticket": "42" } })
}

fn at(resource: &Resource, key: &str) -> String {
    format!("{}/providers/Microsoft.Security/assessments/{key}", ArmId::of(resource))
}

fn on_machine() -> String {
    at(&machine(), KEY)
}

async fn described() -> Server {
    let server = server().await;
    let (status, made) = put(&server, &own(&format!("assessmentMetadata/{KEY}")), metadata()).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    server
}

fn code(answer: &Value) -> &str {
    answer.pointer("/error/code").and_then(Value::as_str).unwrap_or_default()
}

fn row<'a>(list: &'a Value, member: &str, name: &str) -> Option<&'a Value> {
    list[member].as_array().unwrap().iter().find(|own| own["name"] == name || own["id"] == name)
}

async fn host(server: &Server) -> Connector {
    server.store.connectors(&skywarden_store::ScopeFilter::All).await.unwrap().remove(0)
}

#[tokio::test]
async fn metadata_stand_beside_those_of_the_catalog_and_can_be_sent_back() {
    let server = described().await;
    let path = own(&format!("assessmentMetadata/{KEY}"));
    let made = get(&server, &path).await;
    assert_eq!((&made["properties"], made["name"].as_str()), (&metadata(), Some(KEY)));
    assert_eq!(made["id"].as_str(), Some(path.as_str()));
    assert_eq!(get(&server, &path.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions")).await, made);
    let listed = get(&server, &own("assessmentMetadata")).await;
    assert_eq!(row(&listed, "value", KEY), Some(&made));
    assert_eq!(listed["value"].as_array().unwrap().len(), CATALOG.recommendations.len() + 1);
    assert_eq!(send(&server, "PUT", &path, &[], &made).await, (StatusCode::OK, made));
    // The tenant has those of the catalog alone.
    let of_tenant = get(&server, "/providers/Microsoft.Security/assessmentMetadata").await;
    assert_eq!(row(&of_tenant, "value", KEY), None);
    let one = format!("/providers/Microsoft.Security/assessmentMetadata/{KEY}");
    assert_eq!(ask(&server, "GET", &one, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_built_in_cannot_be_written_or_removed() {
    let server = described().await;
    let key = &CATALOG.recommendations["machine-firewall-on"].key;
    let paths = [own(&format!("assessmentMetadata/{}", key.to_uppercase())), at(&machine(), key)];
    for (path, body) in paths.iter().zip([metadata(), verdict("Healthy")]) {
        for method in ["PUT", "DELETE"] {
            let (status, answer) = send(&server, method, path, &[], &json!({ "properties": body })).await;
            assert_eq!((status, code(&answer)), (StatusCode::CONFLICT, "BuiltInAssessment"), "{method} {path}: {answer}");
        }
    }
    assert_eq!(get(&server, &paths[1]).await["properties"]["status"]["code"], "Unhealthy");
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    let server = described().await;
    let without = |name: &str| {
        let mut own = metadata();
        own.as_object_mut().unwrap().remove(name);
        own
    };
    let with = |name: &str, value: Value| {
        let mut own = metadata();
        own[name] = value;
        own
    };
    for (body, target) in [
        (without("displayName"), "properties.displayName"),
        (without("severity"), "properties.severity"),
        (with("assessmentType", json!("BuiltIn")), "properties.assessmentType"),
        (with("threats", json!(["rain"])), "properties.threats[0]"),
        (with("colour", json!("red")), "properties.colour"),
    ] {
        let (status, answer) = put(&server, &own(&format!("assessmentMetadata/{KEY}")), body).await;
        assert_eq!((status, answer["error"]["target"].as_str()), (StatusCode::BAD_REQUEST, Some(target)), "{answer}");
    }
    assert_eq!(put(&server, &own("assessmentMetadata/mine"), metadata()).await.0, StatusCode::BAD_REQUEST);
    let wrong = |change: Value| {
        let mut own = verdict("Healthy");
        own.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        own
    };
    for (body, target) in [
        (json!({}), "properties.status"),
        (verdict("Unknown"), "properties.status.code"),
        (wrong(json!({ "additionalData": { "n": 1 } })), "properties.additionalData"),
        (wrong(json!({ "resourceDetails": { "source": "Azure", "id": "/subscriptions/x" } })), "properties.resourceDetails.id"),
    ] {
        let (status, answer) = put(&server, &on_machine(), body).await;
        assert_eq!((status, answer["error"]["target"].as_str()), (StatusCode::BAD_REQUEST, Some(target)), "{answer}");
    }
    let other = on_machine().replace(KEY, "ca039e75-0000-4000-8000-000000000002");
    let (status, answer) = put(&server, &other, verdict("Healthy")).await;
    assert_eq!((status, answer["error"]["target"].as_str()), (StatusCode::BAD_REQUEST, Some("properties.metadata")), "{answer}");
    assert_eq!(put(&server, &at(&machine(), "mine"), verdict("Healthy")).await.0, StatusCode::BAD_REQUEST);
    let elsewhere = Resource { id: "machine-2".into(), ..machine() };
    assert_eq!(put(&server, &at(&elsewhere, KEY), verdict("Healthy")).await.0, StatusCode::NOT_FOUND);
    let moved = Resource { scope: Scope { resource_group: "other".into(), ..machine().scope }, ..machine() };
    assert_eq!(put(&server, &at(&moved, KEY), verdict("Healthy")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&server, "/api/v1/overview").await["assessments"]["Healthy"], 1, "nothing was written");
}

#[tokio::test]
async fn what_is_written_is_in_every_list_and_count() {
    let server = described().await;
    let before = get(&server, "/api/v1/overview").await;
    let score = get(&server, &own("secureScores/ascScore")).await;
    let (status, made) = put(&server, &on_machine(), verdict("Unhealthy")).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let said = &made["properties"];
    assert_eq!((&made["id"], &made["name"]), (&json!(on_machine()), &json!(KEY)));
    assert_eq!(said["displayName"], metadata()["displayName"]);
    assert_eq!((&said["status"]["code"], &said["status"]["cause"]), (&json!("Unhealthy"), &json!("Audit")));
    assert_eq!(
        (&said["status"]["description"], &said["additionalData"]),
        (&json!("asked the owner"), &json!({ "ticket": "42" }))
    );
    assert_eq!(get(&server, &on_machine()).await, made);
    for list in [own("assessments"), format!("{}/providers/Microsoft.Security/assessments", ArmId::of(&machine()))] {
        assert_eq!(row(&get(&server, &list).await, "value", KEY), Some(&made), "{list}");
    }
    let after = get(&server, "/api/v1/overview").await;
    assert_eq!(after["assessments"]["Unhealthy"].as_u64(), before["assessments"]["Unhealthy"].as_u64().map(|n| n + 1));
    assert_eq!(get(&server, &own("secureScores/ascScore")).await, score, "it counts in no control");
    let recommendations = get(&server, "/api/v1/recommendations").await;
    let own_row = row(&recommendations, "items", KEY).unwrap();
    assert_eq!((&own_row["title"], &own_row["severity"]), (&metadata()["displayName"], &json!("High")));
    assert_eq!(
        (&own_row["unhealthy"], &own_row["custom"], &own_row["environment"]),
        (&json!(1), &json!(true), &json!("OnPremise"))
    );
    let one = get(&server, &format!("/api/v1/recommendations/{KEY}")).await;
    assert_eq!((&one["recommendation"]["remediation"]["steps"], &one["counts"]["Unhealthy"]), (&json!("Enter it."), &json!(1)));
    let rows = get(&server, &format!("/api/v1/assessments?recommendation={KEY}")).await;
    assert_eq!((&rows["counts"]["Unhealthy"], &rows["items"][0]["written"]["cause"]), (&json!(1), &json!("Audit")));
    assert_eq!(rows["items"][0]["evidence"][0]["source"], "Microsoft.Security/assessments/write");
    let task = get(&server, &own("tasks")).await;
    let task =
        task["value"].as_array().unwrap().iter().find(|own| own["name"].as_str().unwrap().starts_with(KEY)).unwrap().clone();
    assert_eq!(task["properties"]["securityTaskParameters"]["severity"], "High");
    assert_eq!(get(&server, task["id"].as_str().unwrap()).await, task);
    assert_eq!(get(&server, "/api/v1/changes").await["items"][0]["kind"], "Opened");
    // The same with another verdict.
    let (status, changed) = put(&server, &on_machine(), made["properties"].clone()).await;
    assert_eq!((status, &changed), (StatusCode::OK, &made), "what is answered can be sent back");
    let (_, healthy) = put(&server, &on_machine(), json!({ "status": { "code": "healthy" } })).await;
    assert_eq!(healthy["properties"]["status"]["firstEvaluationDate"], made["properties"]["status"]["firstEvaluationDate"]);
    assert_eq!(
        (&healthy["properties"]["status"]["code"], &healthy["properties"]["additionalData"]),
        (&json!("Healthy"), &json!({}))
    );
    assert_eq!(healthy["properties"]["status"].get("cause"), None);
    assert_eq!(get(&server, "/api/v1/overview").await["assessments"]["Unhealthy"], before["assessments"]["Unhealthy"]);
    assert_eq!(delete(&server, &on_machine()).await, StatusCode::OK);
    assert_eq!(delete(&server, &on_machine()).await, StatusCode::NO_CONTENT);
    assert_eq!(ask(&server, "GET", &on_machine(), &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&server, "/api/v1/overview").await["assessments"], before["assessments"]);
}

#[tokio::test]
async fn judging_anew_leaves_it_and_its_metadata_take_it_along() {
    let server = described().await;
    put(&server, &on_machine(), verdict("NotApplicable")).await;
    let made = get(&server, &on_machine()).await;
    let connector = host(&server).await;
    server.store.reassess(&CATALOG, &connector, Timestamp::now()).await.unwrap();
    assert_eq!(get(&server, &on_machine()).await, made);
    // What they are called is what their metadata say now.
    let mut renamed = metadata();
    renamed["displayName"] = json!("Renamed");
    put(&server, &own(&format!("assessmentMetadata/{KEY}")), renamed).await;
    assert_eq!(get(&server, &on_machine()).await["properties"]["displayName"], "Renamed");
    assert_eq!(delete(&server, &own(&format!("assessmentMetadata/{KEY}"))).await, StatusCode::OK);
    assert_eq!(ask(&server, "GET", &on_machine(), &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(row(&get(&server, &own("assessments")).await, "value", KEY), None);
    assert_eq!(delete(&server, &own(&format!("assessmentMetadata/{KEY}"))).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn metadata_may_come_with_the_first_assessment() {
    let server = server().await;
    let with = |metadata: Value| {
        let mut own = verdict("Healthy");
        own["metadata"] = metadata;
        own
    };
    assert_eq!(put(&server, &on_machine(), with(json!({ "displayName": "x" }))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(put(&server, &on_machine(), with(metadata())).await.0, StatusCode::CREATED);
    assert_eq!(get(&server, &own(&format!("assessmentMetadata/{KEY}"))).await["properties"], metadata());
    assert_eq!(put(&server, &on_machine(), with(metadata())).await.0, StatusCode::OK);
    let mut other = metadata();
    other["severity"] = json!("Low");
    let (status, answer) = put(&server, &on_machine(), with(other)).await;
    assert_eq!((status, code(&answer)), (StatusCode::CONFLICT, "Conflict"), "{answer}");
}

#[tokio::test]
async fn only_who_may_write_at_the_resource_writes() {
    let server = estate(&[("alpha", "a1"), ("beta", "b1")]).await;
    let resource = |connector: &str, account: &str| {
        let scope = Scope { connector: connector.into(), account: account.into(), resource_group: "machines".into() };
        Resource { id: format!("{connector}-{account}").into(), scope, ..machine() }
    };
    let (own, other) = (resource("alpha", "a1"), resource("beta", "b1"));
    let account = |resource: &Resource| format!("/subscriptions/{}", skywarden_model::subscription_id(&resource.scope));
    let sent = async |method: &str, path: &str, bearer: &str, properties: &Value| {
        let body = json!({ "properties": properties }).to_string();
        let (status, answer) = ask(&server, method, path, &[("authorization", bearer), JSON], &body).await;
        (status, serde_json::from_str::<Value>(&answer).unwrap_or(Value::Null))
    };
    let of_resource = program(&server, "contributor", BuiltIn::SecurityAdmin, ArmId::of(&own).as_str()).await;
    let of_account = program(&server, "admin", BuiltIn::SecurityAdmin, &account(&own)).await;
    let reader = program(&server, "reader", BuiltIn::SecurityReader, "/").await;
    let described = format!("{}/providers/Microsoft.Security/assessmentMetadata/{KEY}", account(&own));
    let mut with_metadata = verdict("Unhealthy");
    with_metadata["metadata"] = metadata();
    for (bearer, path, body, wanted) in [
        (&reader, &described, metadata(), StatusCode::FORBIDDEN),
        (&reader, &at(&own, KEY), verdict("Healthy"), StatusCode::FORBIDDEN),
        // Whoever holds a resource describes nothing for the whole account.
        (&of_resource, &described, metadata(), StatusCode::FORBIDDEN),
        (&of_resource, &at(&own, KEY), with_metadata, StatusCode::FORBIDDEN),
        (&of_account, &described, metadata(), StatusCode::OK),
        (&of_resource, &at(&own, KEY), verdict("Unhealthy"), StatusCode::CREATED),
        (&of_account, &at(&other, KEY), verdict("Healthy"), StatusCode::NOT_FOUND),
    ] {
        let (status, answer) = sent("PUT", path, bearer, &body).await;
        assert_eq!(status, wanted, "{path}: {answer}");
    }
    // A reader of everything sees it; one who holds the other account does not.
    assert_eq!(sent("GET", &at(&own, KEY), &reader, &Value::Null).await.0, StatusCode::OK);
    let elsewhere = program(&server, "elsewhere", BuiltIn::SecurityAdmin, &account(&other)).await;
    for path in [described, at(&own, KEY), format!("/api/v1/recommendations/{KEY}")] {
        assert_eq!(sent("GET", &path, &elsewhere, &Value::Null).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(sent("DELETE", &at(&own, KEY), &elsewhere, &Value::Null).await.0, StatusCode::NOT_FOUND);
    assert_eq!(sent("DELETE", &at(&own, KEY), &reader, &Value::Null).await.0, StatusCode::FORBIDDEN);
    assert_eq!(sent("DELETE", &at(&own, KEY), &of_resource, &Value::Null).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_governance_rule_assigns_it_too() {
    let server = described().await;
    put(&server, &on_machine(), verdict("Unhealthy")).await;
    let path = own("governanceRules/ad9a8e26-29d9-4829-bb30-e597a58cdbb8");
    assert_eq!(put(&server, &path, governance::rule(5, "$.AssessmentKey", &[KEY])).await.0, StatusCode::CREATED);
    assert_eq!(governance::execute(&server, &path, false).await, 1);
    let assigned = get(&server, &format!("{}/governanceAssignments", on_machine())).await;
    assert_eq!(names(&assigned).len(), 1, "{assigned}");
}
