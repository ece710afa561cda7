//! The software of machines, and what is answered where it is not known.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use skywarden_model::{ArmId, Connector, Coverage, Environment, FactTable, ListOutcome, Resource, Timestamp};
use skywarden_store::Run;

use crate::{
    common::{self, BEARER, CATALOG, Server, ask, empty, get, machine},
    objects::own,
};

fn with_packages(name: &str, packages: Value) -> Resource {
    Resource {
        id: name.into(),
        name: name.to_owned(),
        properties: json!({ "os": { "id": "debian" }, "packages": packages }),
        ..machine()
    }
}

fn unread(name: &str) -> Resource {
    let reason = json!({ "kind": "denied", "operation": "open /var/lib/dpkg/status", "permission": "root", "code": "EACCES", "message": "" });
    let unreadable = serde_json::from_value(json!([{ "field": "properties.packages", "reason": reason }])).unwrap();
    Resource { id: name.into(), name: name.to_owned(), properties: json!({}), unreadable, ..machine() }
}

fn bash() -> Value {
    json!([{ "name": "bash", "version": "5.2-1", "arch": "amd64" }, { "name": "libc6", "version": "2.36-9+b1", "arch": "amd64" },
           { "name": "libc6", "version": "2.36-9+b1", "arch": "i386" }])
}

async fn serve(resources: &[Resource]) -> Server {
    let server = empty().await;
    let connector = Connector {
        id: "host".into(),
        environment: Environment::OnPremise,
        display_name: "This machine".to_owned(),
        sample: false,
        settings: Default::default(),
    };
    let coverage = [Coverage {
        type_name: "Skywarden.Host/machines".into(),
        account: "fleet".into(),
        region: "machines".into(),
        outcome: ListOutcome::Complete { n_resources: resources.len() as u64 },
        denied: Vec::new(),
    }];
    let run = Run {
        connector: &connector,
        at: Timestamp::UNIX_EPOCH,
        taken_at: Timestamp::UNIX_EPOCH,
        resources,
        held_elsewhere: &[],
        stale: &Default::default(),
        facts: &FactTable::new(),
        coverage: &coverage,
        assessments: &[],
        transitions: &[],
        scores: &[("fleet".to_owned(), skywarden_posture::secure_score(&CATALOG, &[], &coverage))].into(),
        compliance: &Default::default(),
    };
    server.store.commit(&run).await.unwrap();
    server
}

fn at(resource: &Resource) -> String {
    format!("{}/providers/Microsoft.Security/softwareInventories", ArmId::of(resource))
}

async fn refusal(server: &Server, path: &str) -> (StatusCode, Value) {
    let (status, body) = ask(server, "GET", path, &[BEARER], "").await;
    (status, serde_json::from_str::<Value>(&body).unwrap()["error"].clone())
}

#[tokio::test]
async fn packages_are_listed_per_machine_and_subscription() {
    let (first, second) = (with_packages("m1", bash()), with_packages("m2", json!([{ "name": "bash", "version": "1" }])));
    let server = serve(&[first.clone(), second]).await;
    let all = get(&server, &own("softwareInventories")).await;
    let told: Vec<(&str, &str)> = all["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["properties"]["deviceId"].as_str().unwrap(), row["name"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("m1", "bash_5.2-1"), ("m1", "libc6_2.36-9+b1"), ("m2", "bash_1")]);
    let list = get(&server, &at(&first)).await;
    assert_eq!(list["value"].as_array().unwrap(), &all["value"].as_array().unwrap()[..2]);
    let one = &list["value"][1];
    assert_eq!(
        one["properties"],
        json!({ "deviceId": "m1", "osPlatform": "debian", "softwareName": "libc6", "version": "2.36-9+b1" })
    );
    assert_eq!(&get(&server, one["id"].as_str().unwrap()).await, one);
    assert_eq!(refusal(&server, &format!("{}/none_1", at(&first))).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_could_not_be_read_is_no_empty_list() {
    let (read, not_read) = (with_packages("m1", bash()), unread("m2"));
    let server = serve(&[read, not_read.clone()]).await;
    let (status, error) = refusal(&server, &at(&not_read)).await;
    assert_eq!((status, error["code"].as_str()), (StatusCode::NOT_FOUND, Some("SoftwareNotRead")));
    assert!(error["message"].as_str().unwrap().contains("open /var/lib/dpkg/status: EACCES; missing permission root"), "{error}");
    let answer = common::send(&server, "GET", &own("softwareInventories"), &[BEARER], Vec::new()).await;
    assert!(answer.headers()[header::WARNING].to_str().unwrap().contains("m2"));
    // Nor is one that was read before packages were.
    let (status, error) = refusal(&serve(&[unread("m2"), machine()]).await, &own("softwareInventories")).await;
    assert_eq!((status, error["code"].as_str()), (StatusCode::NOT_FOUND, Some("SoftwareNotRead")), "{error}");
}

#[tokio::test]
async fn where_no_software_is_read_it_is_not_available() {
    let bucket = Resource { id: "arn:aws:s3:::a".into(), type_name: "AWS::S3::Bucket".into(), ..machine() };
    let server = serve(std::slice::from_ref(&bucket)).await;
    for path in [own("softwareInventories"), at(&bucket)] {
        assert_eq!(refusal(&server, &path).await.1["code"], "FeatureNotAvailable", "{path}");
    }
}

#[tokio::test]
async fn pages_hold_every_machine_once() {
    let many: Vec<Resource> =
        (0..21).map(|number| with_packages(&format!("m{number:02}"), json!([{ "name": "a", "version": "1" }]))).collect();
    let server = serve(&many).await;
    let first = get(&server, &own("softwareInventories")).await;
    assert_eq!(first["value"].as_array().unwrap().len(), 20);
    let second = get(&server, first["nextLink"].as_str().unwrap().split_once("8470").unwrap().1).await;
    assert_eq!((second["value"].as_array().unwrap().len(), &second["value"][0]["properties"]["deviceId"]), (1, &json!("m20")));
}
