use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_store::ScopeFilter;

use crate::common::{BEARER, Server, ask, ask_bytes, get, server};

/// Judges the estate as a run does, so that there is a history.
async fn judge(server: &Server) {
    let connector = server.store.connectors(&ScopeFilter::All).await.unwrap().remove(0);
    let catalog = skywarden_content::Catalog::embedded().unwrap();
    server.store.reassess(&catalog, &connector, Timestamp::now()).await.unwrap();
}

fn leaves(controls: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for control in controls.as_array().unwrap() {
        match control.get("controls") {
            Some(below) => found.extend(leaves(below)),
            None => found.push(control),
        }
    }
    found
}

#[tokio::test]
async fn the_list_says_of_every_standard_what_its_tree_does() {
    let server = server().await;
    let list = get(&server, "/api/v1/compliance").await;
    let rows = list["items"].as_array().unwrap();
    assert!(rows.len() >= 10, "{} standards", rows.len());
    for row in rows {
        let tree = get(&server, &format!("/api/v1/compliance/{}", row["id"].as_str().unwrap())).await;
        for member in ["id", "title", "state", "controlsByState", "percentage"] {
            assert_eq!(tree[member], row[member], "{member} of {}", row["id"]);
        }
        let counted: u64 = row["controlsByState"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(leaves(&tree["controls"]).len() as u64, counted);
    }
}

#[tokio::test]
async fn what_is_unknown_is_in_no_percentage_and_what_nobody_checks_is_not_manual() {
    let server = server().await;
    let tree = get(&server, "/api/v1/compliance/mcsb-v1").await;
    let states = &tree["controlsByState"];
    let count = |state: &str| states[state].as_f64().unwrap_or(0.0);
    assert!(count("Failed") > 0.0 && count("Unknown") > 0.0, "{states}");
    assert_eq!(tree["percentage"].as_f64().unwrap(), count("Passed") / (count("Passed") + count("Failed")));
    for control in leaves(&tree["controls"]) {
        assert_eq!(control["state"] == "Manual", control.get("manual").is_some() && control["checks"] == json!([]), "{control}");
        for check in control["checks"].as_array().unwrap() {
            assert!(tree["checks"][check.as_str().unwrap()]["title"].is_string(), "{check}");
        }
    }
    assert_eq!(tree["checks"]["machine-firewall-on"]["unhealthy"], 1);
    assert_eq!(tree["checks"]["machine-firewall-on"]["recommendation"], "machine-firewall-on");
}

#[tokio::test]
async fn a_scope_that_holds_nothing_is_an_error_and_not_a_clean_standard() {
    let server = server().await;
    let whole = get(&server, "/api/v1/compliance/mcsb-v1").await;
    assert_eq!(get(&server, "/api/v1/compliance/mcsb-v1?connector=host&account=fleet").await, whole);
    assert_eq!(get(&server, "/api/v1/compliance/mcsb-v1?connector=&account=").await, whole);
    for path in
        ["/api/v1/compliance", "/api/v1/compliance/mcsb-v1", "/api/v1/compliance/mcsb-v1/history", "/api/v1/missing-permissions"]
    {
        let (status, _) = ask(&server, "GET", &format!("{path}?connector=host&account=other"), &[BEARER], "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        let (status, _) = ask(&server, "GET", &format!("{path}?conector=host"), &[BEARER], "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: a scope that is misspelt must not be ignored");
    }
}

#[tokio::test]
async fn the_history_ends_with_what_the_tree_says() {
    let server = server().await;
    assert_eq!(get(&server, "/api/v1/compliance/mcsb-v1/history").await, json!({ "items": [], "withoutHistory": [] }));
    judge(&server).await;
    let history = get(&server, "/api/v1/compliance/mcsb-v1/history").await;
    let tree = get(&server, "/api/v1/compliance/mcsb-v1").await;
    let last = history["items"].as_array().unwrap().last().unwrap();
    for (state, name) in [("Passed", "passed"), ("Failed", "failed"), ("Unknown", "unknown")] {
        assert_eq!(last[name].as_u64(), tree["controlsByState"][state].as_u64().or(Some(0)), "{state}: {last}");
    }
    assert_eq!(last["percentage"], tree["percentage"]);
}

#[tokio::test]
async fn a_report_is_a_spreadsheet_to_download() {
    let server = server().await;
    let (status, body) = ask(&server, "GET", "/api/v1/compliance/mcsb-v1/report?format=csv", &[BEARER], "").await;
    assert_eq!(status, StatusCode::OK);
    let mut lines = body.lines();
    assert_eq!(
        lines.next().unwrap(),
        "kind,standard,control,title,state,severity,passed,failed,unknown,not applicable,check,manual,assessed on,attested by,expires,evidence"
    );
    assert!(
        body.lines().any(|line| line.starts_with("check,mcsb-v1,") && line.contains(",0,1,0,0,machine-firewall-on,")),
        "{body}"
    );
    let tree = get(&server, "/api/v1/compliance/mcsb-v1").await;
    let n_controls = lines.filter(|line| line.starts_with("control,")).count();
    assert_eq!(n_controls, leaves(&tree["controls"]).len());
    let (status, head) = ask_bytes(
        &server,
        "GET",
        "/api/v1/compliance/mcsb-v1/report?format=pdf&connector=host&account=fleet",
        &[BEARER],
        Vec::new(),
    )
    .await;
    assert!(status == StatusCode::OK && head.starts_with(b"%PDF-"), "{status}");
    let (status, body) = ask(&server, "GET", "/api/v1/compliance/mcsb-v1/report?format=html", &[BEARER], "").await;
    assert!(status == StatusCode::NOT_FOUND && body.contains("FeatureNotAvailable"), "{status} {body}");
    let (status, _) = ask(&server, "GET", "/api/v1/compliance/none/report", &[BEARER], "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
