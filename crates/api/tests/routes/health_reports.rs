//! Health reports: what could not be read is never healthy, and says why and what to do.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::{
    ArmId, Connector, Coverage, Environment, FactTable, Resource, Scope, Timestamp, Unreadable, subscription_id,
};
use skywarden_rbac::BuiltIn;
use skywarden_store::Run;

use crate::common::{BEARER, CATALOG, Server, ask, empty, get, machine, program};

const ACCOUNT: &str = "111122223333";

fn reason(operation: &str, kind: &str) -> Value {
    json!({ "kind": kind, "operation": operation, "permission": operation, "code": "AccessDenied", "message": "no" })
}

fn bucket(name: &str, group: &str, unreadable: &[Value]) -> Resource {
    let unreadable: Vec<Unreadable> = unreadable.iter().map(|own| serde_json::from_value(own.clone()).unwrap()).collect();
    let scope = Scope { connector: "aws-1".into(), account: ACCOUNT.into(), resource_group: group.into() };
    Resource {
        id: format!("arn:aws:s3:::{name}").into(),
        type_name: "AWS::S3::Bucket".into(),
        name: name.to_owned(),
        scope,
        unreadable,
        ..machine()
    }
}

fn listing(type_name: &str, region: &str, outcome: Value, denied: Value) -> Coverage {
    serde_json::from_value(
        json!({ "type": type_name, "account": ACCOUNT, "region": region, "outcome": outcome, "denied": denied }),
    )
    .unwrap()
}

async fn serve(resources: &[Resource], stale: &[&str], coverage: &[Coverage]) -> Server {
    let server = empty().await;
    let connector = Connector {
        id: "aws-1".into(),
        environment: Environment::Aws,
        display_name: format!("AWS account {ACCOUNT}"),
        sample: false,
        settings: BTreeMap::new(),
    };
    let run = Run {
        connector: &connector,
        at: Timestamp::UNIX_EPOCH,
        taken_at: Timestamp::UNIX_EPOCH,
        resources,
        held_elsewhere: &[],
        stale: &stale.iter().map(|id| (*id).to_owned()).collect(),
        facts: &FactTable::new(),
        coverage,
        assessments: &[],
        transitions: &[],
        scores: &BTreeMap::from([(ACCOUNT.to_owned(), skywarden_posture::secure_score(&CATALOG, &[], coverage))]),
        compliance: &BTreeMap::new(),
    };
    server.store.commit(&run).await.unwrap();
    server
}

fn subscription() -> String {
    format!("/subscriptions/{}", subscription_id(&bucket("x", "eu", &[]).scope))
}

fn reports(scope: &str) -> String {
    format!("{scope}/providers/Microsoft.Security/healthReports")
}

fn complete(n: usize) -> Value {
    json!({ "state": "complete", "nResources": n })
}

/// Code by the id of the resource that it is about.
fn codes(list: &Value) -> Vec<(&str, &str)> {
    let rows = list["value"].as_array().unwrap().iter();
    let code = |own: &'_ Value| own.pointer("/properties/status/code").and_then(Value::as_str).map(str::to_owned);
    let known = ["Healthy", "NotHealthy", "NotApplicable"];
    rows.map(|own| {
        let id = own.pointer("/properties/environmentDetails/nativeResourceId").and_then(Value::as_str).unwrap();
        (id, *known.iter().find(|word| code(own).as_deref() == Some(**word)).unwrap())
    })
    .collect()
}

#[tokio::test]
async fn what_was_read_is_healthy() {
    let server = serve(&[bucket("a", "eu", &[])], &[], &[listing("AWS::S3::Bucket", "global", complete(1), json!([]))]).await;
    let list = get(&server, &reports(&subscription())).await;
    assert_eq!(codes(&list), [(ACCOUNT, "Healthy"), ("arn:aws:s3:::a", "Healthy")]);
    let own = &list["value"][0];
    assert_eq!(own["properties"]["issues"], json!([]));
    assert_eq!(own["properties"]["status"]["lastScannedDate"], "1970-01-01T00:00:00Z");
    assert_eq!(own["properties"]["resourceDetails"]["source"], "Aws");
    for report in list["value"].as_array().unwrap() {
        assert_eq!(&get(&server, report["id"].as_str().unwrap()).await, report);
    }
    let connector = own["properties"]["resourceDetails"]["connectorId"].as_str().unwrap();
    assert_eq!(get(&server, connector).await["id"], connector);
    let missing = format!("{}/00000000-0000-4000-8000-000000000009", reports(&subscription()));
    assert_eq!(ask(&server, "GET", &missing, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_refused_is_not_healthy_with_its_cause_and_its_remedy() {
    let policy = json!({ "field": "properties.Policy", "reason": reason("s3:GetBucketPolicy", "denied") });
    let denied = json!([{ "fields": ["properties.Policy"], "nResources": 1, "reason": reason("s3:GetBucketPolicy", "denied") }]);
    let failed = json!({ "state": "failed", "reason": reason("ec2:DescribeInstances", "denied") });
    let coverage = [
        listing("AWS::S3::Bucket", "global", complete(2), denied),
        listing("AWS::EC2::Instance", "eu", failed.clone(), json!([])),
        listing("AWS::EC2::Instance", "us", failed, json!([])),
        listing("AWS::Lambda::Function", "us", json!({ "state": "skipped", "reason": "the region is off" }), json!([])),
    ];
    let server = serve(&[bucket("a", "eu", &[]), bucket("b", "us", &[policy])], &["arn:aws:s3:::a"], &coverage).await;
    let list = get(&server, &reports(&subscription())).await;
    assert_eq!(codes(&list), [(ACCOUNT, "NotHealthy"), ("arn:aws:s3:::a", "NotHealthy"), ("arn:aws:s3:::b", "NotHealthy")]);
    let issues = &list["value"][0]["properties"]["issues"];
    assert_eq!(issues.as_array().unwrap().len(), 2, "{issues}");
    let (read, listed) = (&issues[0], &issues[1]);
    assert_eq!(read["issueName"], "fields could not be read with s3:GetBucketPolicy (AccessDenied)");
    assert_eq!(listed["issueAdditionalData"], json!({ "types": "AWS::EC2::Instance", "regions": "eu, us" }));
    assert!(listed["remediationSteps"].as_str().unwrap().contains("`ec2:DescribeInstances`"), "{listed}");
    assert!(!listed["securityValues"].as_array().unwrap().is_empty(), "what is judged of instances can't be said: {listed}");
    // One that was not listed says so, and not when it was read.
    let stale = &list["value"][1]["properties"];
    assert!(stale["status"]["reason"].as_str().unwrap().contains("AWS::S3::Bucket"), "{stale}");
    assert_eq!(stale["status"].get("lastScannedDate"), None);
    let field = &list["value"][2]["properties"]["issues"][0];
    assert_eq!(field["issueAdditionalData"], json!({ "fields": "properties.Policy" }));
    // A group has its resources alone, whatever its spelling.
    let group = get(&server, &reports(&format!("{}/resourceGroups/US", subscription()))).await;
    assert_eq!(codes(&group), [("arn:aws:s3:::b", "NotHealthy")]);
    let none = reports(&format!("{}/resourceGroups/none", subscription()));
    assert_eq!(ask(&server, "GET", &none, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    let one = get(&server, &reports(ArmId::of(&bucket("b", "us", &[])).as_str())).await;
    assert_eq!(one["value"][0], list["value"][2]);
}

#[tokio::test]
async fn a_reading_that_failed_as_a_whole_and_one_that_never_was_are_not_healthy() {
    let server = serve(&[], &[], &[]).await;
    let list = get(&server, &reports(&subscription())).await;
    assert_eq!(codes(&list), [(ACCOUNT, "NotApplicable")], "nothing is known");
    server.store.put_attempt("aws-1", Timestamp::UNIX_EPOCH, Some("the role can't be assumed")).await.unwrap();
    let list = get(&server, &reports(&subscription())).await;
    assert_eq!(codes(&list), [(ACCOUNT, "NotHealthy")]);
    let reason = list["value"][0]["properties"]["status"]["reason"].as_str().unwrap();
    assert!(reason.contains("the role can't be assumed"), "{reason}");
}

#[tokio::test]
async fn pages_hold_every_report_once() {
    let many: Vec<Resource> = (0..501).map(|number| bucket(&format!("b{number:04}"), "eu", &[])).collect();
    let server = serve(&many, &[], &[listing("AWS::S3::Bucket", "global", complete(501), json!([]))]).await;
    let first = get(&server, &reports(&subscription())).await;
    assert_eq!(codes(&first).len(), 501, "the account's and those of 500 resources");
    let next = first["nextLink"].as_str().unwrap().split_once("8470").unwrap().1;
    let second = get(&server, next).await;
    assert_eq!(codes(&second), [("arn:aws:s3:::b0500", "Healthy")]);
    assert_eq!(second.get("nextLink"), None);
}

#[tokio::test]
async fn a_reader_of_a_resource_is_told_of_that_alone() {
    let failed = json!({ "state": "failed", "reason": reason("ec2:DescribeInstances", "denied") });
    let coverage =
        [listing("AWS::S3::Bucket", "global", complete(2), json!([])), listing("AWS::EC2::Instance", "eu", failed, json!([]))];
    let (own, other) = (bucket("a", "eu", &[]), bucket("b", "us", &[]));
    let server = serve(&[own.clone(), other.clone()], &[], &coverage).await;
    let reader = program(&server, "reader", BuiltIn::SecurityReader, ArmId::of(&own).as_str()).await;
    let read = async |path: &str| {
        let (status, body) = ask(&server, "GET", path, &[("authorization", reader.as_str())], "").await;
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let (_, list) = read(&reports(&subscription())).await;
    assert_eq!(codes(&list), [(ACCOUNT, "NotApplicable"), ("arn:aws:s3:::a", "Healthy")]);
    assert_eq!(read(&reports(ArmId::of(&other).as_str())).await.0, StatusCode::NOT_FOUND);
}
