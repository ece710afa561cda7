//! Who gets in, and what the routes answer.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod alerts;
mod attacks;
mod common;
mod compliance;
mod connectors;
mod connectors_arm;
mod connectors_azure;
mod custom_assessments;
mod exemptions;
mod governance;
mod health_reports;
mod identity;
mod log_inputs;
mod objects;
mod openapi;
mod parts;
mod people;
mod plans;
mod policy;
mod policy_arm;
mod policy_states;
mod provider;
mod roles;
mod samples;
mod software;
mod standards;
mod standards_arm;
mod visibility;
mod walk;

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_api::{ROUTES, Route};
use skywarden_model::subscription_id;

use common::{BEARER, ask, get, machine, server};

#[tokio::test]
async fn no_route_answers_without_a_login_or_under_another_host() {
    let server = server().await;
    let unknown = [
        ("POST", "/nothing/here"),
        ("GET", "/tenants/x"),
        ("GET", "/metadata/x"),
        ("POST", "/api/v1/overview"),
        ("GET", "/api/v2"),
        ("GET", "/Subscriptions/x"),
    ];
    let listed = ROUTES.iter().map(|route| (route.method, route.path.as_str()));
    for (method, path) in listed.chain(unknown) {
        let path = path.replace("{id}", "x").replace("{subscription}", "x");
        let (status, body) = ask(&server, method, &path, &[], "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}: {body}");
        let (status, _) = ask(&server, method, &path, &[("authorization", "Bearer wrong")], "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path} with a wrong token");
        let (status, _) = ask(&server, method, &path, &[BEARER, ("host", "evil.example")], "").await;
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{method} {path} under another host");
    }
}

#[tokio::test]
async fn the_console_needs_no_login_and_its_addresses_are_pages() {
    let server = server().await;
    let gzip = ("accept-encoding", "gzip");
    for (path, body) in [
        ("/", "page"),
        ("/recommendations/x", "page"),
        ("/compliance/cis-aws-5.0", "page"),
        ("/index.html", "page"),
        ("/assets/a.js", "script"),
    ] {
        assert_eq!(ask(&server, "GET", path, &[gzip], "").await, (StatusCode::OK, body.to_owned()), "{path}");
        let elsewhere = ask(&server, "GET", path, &[gzip, ("host", "evil.example")], "").await;
        assert_eq!(elsewhere.0, StatusCode::MISDIRECTED_REQUEST, "{path}");
        assert_eq!(ask(&server, "POST", path, &[gzip], "").await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(ask(&server, "GET", "/assets/b.js", &[gzip], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&server, "GET", "/", &[], "").await.0, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn every_route_of_the_table_exists() {
    let server = server().await;
    for Route { method, path, .. } in ROUTES.iter() {
        let path = path.replace("{id}", "x").replace("{subscription}", "x");
        let (status, body) = ask(&server, method, &path, &[BEARER], "").await;
        assert!(
            status != StatusCode::METHOD_NOT_ALLOWED && !body.contains("\"code\":\"FeatureNotAvailable\""),
            "{method} {path}: {status} {body}"
        );
    }
    let (status, body) = ask(&server, "GET", "/providers/Microsoft.Security/alerts", &[BEARER], "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body.contains("FeatureNotAvailable"), "{body}");
    // So does a change of what can only be read.
    let score = "/subscriptions/x/providers/Microsoft.Security/secureScores/ascScore";
    for method in ["PUT", "PATCH", "DELETE"] {
        let (status, body) = ask(&server, method, score, &[BEARER], "{}").await;
        assert!(status == StatusCode::NOT_FOUND && body.contains("FeatureNotAvailable"), "{method}: {status} {body}");
    }
}

#[tokio::test]
async fn the_login_address_works_once() {
    let server = server().await;
    assert_eq!(ask(&server, "GET", "/login?token=guess", &[], "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&server, "GET", "/login?token=once", &[], "").await.0, StatusCode::SEE_OTHER);
    assert_eq!(ask(&server, "GET", "/login?token=once", &[], "").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn unknown_is_shown_and_counted() {
    let server = server().await;
    let overview = get(&server, "/api/v1/overview").await;
    assert_eq!(overview["assessments"], json!({ "Healthy": 1, "NotApplicable": 0, "Unhealthy": 1, "Unknown": 1 }));
    assert_eq!((&overview["resources"], &overview["unhealthyResources"]), (&json!(1), &json!(1)));
    assert_eq!(overview["coverage"]["complete"], 1);
    assert_eq!(overview["trend"].as_array().unwrap().len(), 1);
    let score = &overview["secureScore"];
    assert!(
        score["range"][0].as_f64() < score["percentage"].as_f64() && score["percentage"].as_f64() < score["range"][1].as_f64()
    );
    let rows = get(&server, "/api/v1/recommendations").await;
    let row = rows["items"].as_array().unwrap().iter().find(|row| row["id"] == "machine-root-login-refused").unwrap();
    assert_eq!((&row["unknown"], &row["healthy"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn the_arm_face_has_the_same_numbers_and_no_status_of_its_own() {
    let server = server().await;
    let subscription = format!("/subscriptions/{}/providers/Microsoft.Security", subscription_id(&machine().scope));
    let score = get(&server, &format!("{subscription}/secureScores/ascScore")).await;
    let overview = get(&server, "/api/v1/overview").await;
    assert_eq!(score["properties"]["score"]["percentage"], overview["secureScore"]["percentage"]);
    let assessments = get(&server, &format!("{subscription}/assessments")).await;
    let codes: Vec<&str> = assessments["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["properties"]["status"]["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["Unhealthy", "NotApplicable", "Healthy"]);
    for row in assessments["value"].as_array().unwrap() {
        let own = get(&server, row["id"].as_str().unwrap()).await;
        assert_eq!(&own, row);
        let (of_resource, _) = row["id"].as_str().unwrap().rsplit_once('/').unwrap();
        assert_eq!(get(&server, of_resource).await["value"].as_array().unwrap().len(), 3);
    }
    assert_eq!(assessments["value"][1]["properties"]["additionalData"]["verdict"], "Unknown");
    assert_eq!(get(&server, &format!("{subscription}/secureScoreControls")).await["value"].as_array().unwrap().len(), 2);
    let (status, _) = ask(
        &server,
        "GET",
        "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Security/secureScores",
        &[BEARER],
        "",
    )
    .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn unhealthy_assessments_are_tasks() {
    let server = server().await;
    let subscription = format!("/subscriptions/{}/providers/Microsoft.Security", subscription_id(&machine().scope));
    let location = &get(&server, &format!("{subscription}/locations")).await["value"][0];
    let tasks = get(&server, &format!("{subscription}/tasks")).await;
    let [task] = tasks["value"].as_array().unwrap().as_slice() else { panic!("{tasks}") };
    assert_eq!(task["properties"]["securityTaskParameters"]["resourceName"], machine().name);
    assert_eq!(&get(&server, task["id"].as_str().unwrap()).await, task);
    assert_eq!(get(&server, &format!("{}/tasks", location["id"].as_str().unwrap())).await["value"], tasks["value"]);
    let in_group = |group: &str| {
        let at = subscription.replace("/providers/", &format!("/resourceGroups/{group}/providers/"));
        format!("{at}/locations/local/tasks")
    };
    assert_eq!(get(&server, &in_group("MACHINES")).await["value"], tasks["value"]);
    let name = task["name"].as_str().unwrap();
    assert_eq!(&get(&server, &format!("{}/{name}", in_group("machines"))).await, task);
    let elsewhere = [in_group("others"), format!("{}/{name}", in_group("others"))];
    let healthy = task["id"].as_str().unwrap().replace(task["name"].as_str().unwrap().split('.').next().unwrap(), "x");
    for path in [healthy, format!("{subscription}/locations/elsewhere/tasks")].into_iter().chain(elsewhere) {
        assert_eq!(ask(&server, "GET", &path, &[BEARER], "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(get(&server, &format!("{subscription}/securityConnectors")).await["value"], json!([]), "machines are none");
}

#[tokio::test]
async fn a_connector_goes_with_all_that_came_of_it() {
    let server = server().await;
    assert_eq!(ask(&server, "DELETE", "/api/v1/connectors/none", &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&server, "DELETE", "/api/v1/connectors/host", &[BEARER], "").await.0, StatusCode::NO_CONTENT);
    let overview = get(&server, "/api/v1/overview").await;
    assert_eq!((&overview["resources"], &overview["connectors"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn standards_have_their_controls_and_checks_in_arm() {
    let server = server().await;
    let subscription = format!("/subscriptions/{}/providers/Microsoft.Security", subscription_id(&machine().scope));
    let standards = get(&server, &format!("{subscription}/regulatoryComplianceStandards")).await;
    let own = standards["value"].as_array().unwrap().iter().find(|row| row["name"] == "mcsb-v1").unwrap();
    assert_eq!(own["properties"]["state"], "Failed");
    let controls = get(&server, &format!("{}/regulatoryComplianceControls", own["id"].as_str().unwrap())).await;
    let failed = controls["value"].as_array().unwrap().iter().find(|row| row["properties"]["state"] == "Failed").unwrap();
    assert_eq!(&get(&server, failed["id"].as_str().unwrap()).await, failed);
    let checks = get(&server, &format!("{}/regulatoryComplianceAssessments", failed["id"].as_str().unwrap())).await;
    let states: Vec<&str> =
        checks["value"].as_array().unwrap().iter().map(|row| row["properties"]["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"Failed"), "{states:?}");
}

#[tokio::test]
async fn resources_recommendations_and_standards_have_pages() {
    let server = server().await;
    assert_eq!(get(&server, "/api/v1/resources?q=machine&limit=1").await["items"][0]["id"], "machine-1");
    assert_eq!(get(&server, "/api/v1/resource?id=machine-1").await["assessments"].as_array().unwrap().len(), 3);
    let row = &get(&server, "/api/v1/resources?status=Unhealthy").await;
    assert_eq!((&row["total"], &row["items"][0]["unhealthy"], &row["items"][0]["stale"]), (&json!(1), &json!(1), &json!(false)));
    assert_eq!(get(&server, "/api/v1/resources?status=NotApplicable").await["total"], 0);
    let types = &get(&server, "/api/v1/resources/facets").await["types"];
    assert_eq!(*types, json!([{ "value": "Skywarden.Host/machines", "count": 1 }]));
    let one = get(&server, "/api/v1/recommendations/machine-firewall-on").await;
    assert_eq!((&one["counts"]["Unhealthy"], &one["recommendation"]["tests"]), (&json!(1), &Value::Null));
    let page = get(&server, "/api/v1/assessments?recommendation=machine-firewall-on").await;
    assert_eq!((&page["items"][0]["type"], &page["next"]), (&json!("Skywarden.Host/machines"), &Value::Null));
    assert_eq!(ask(&server, "GET", "/api/v1/assessments?cursor=x", &[BEARER], "").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(get(&server, "/api/v1/compliance/mcsb-v1").await["id"], "mcsb-v1");
    assert_eq!(ask(&server, "GET", "/api/v1/compliance/none", &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&server, "GET", "/api/v1/resource?id=none", &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}
