use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use skywarden_model::{
    Assessment, Cause, CauseCode, Connector, Coverage, DeniedRead, Environment, FactTable, ListOutcome, Resource, Scope, Status,
    Timestamp, UnreadableKind, UnreadableReason,
};
use skywarden_store::{ChangePoll, Run};

use crate::common::{Server, get, machine, server};

const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{202e}";

fn denied(permission: &str) -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: permission.to_owned(),
        permission: Some(permission.to_owned()),
        code: "AccessDenied".to_owned(),
        message: HOSTILE.to_owned(),
    })
}

fn coverage(type_name: &str, outcome: ListOutcome, reads: Vec<DeniedRead>) -> Coverage {
    Coverage { type_name: type_name.into(), account: "1".into(), region: "eu-west-1".into(), outcome, denied: reads }
}

/// An account of an organisation: three buckets of which the policy can't be read, one of them not its versioning either, and keys
/// that can't be listed.
async fn member(server: &Server) {
    let connector = |id: &str, settings: &[(&str, &str)]| Connector {
        id: id.into(),
        environment: Environment::Aws,
        display_name: HOSTILE.to_owned(),
        sample: false,
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    server.store.put_connector(&connector("org", &[("memberRole", "Reader")])).await.unwrap();
    let scope = Scope { connector: "aws-1".into(), account: "1".into(), resource_group: "eu-west-1".into() };
    let bucket = |id: &str| Resource { id: id.into(), type_name: "AWS::S3::Bucket".into(), scope: scope.clone(), ..machine() };
    let resources = ["a", "b", "c"].map(bucket);
    let unknown = |resource: &Resource, recommendation: &str, permissions: &[&str]| Assessment {
        recommendation: recommendation.into(),
        resource: resource.id.clone(),
        status: Status::Unknown,
        cause: Some(Arc::new(Cause {
            code: CauseCode::Unreadable,
            message: String::new(),
            permissions: permissions.iter().map(|permission| (*permission).to_owned()).collect(),
        })),
        evidence: [].into(),
        findings: Box::default(),
    };
    let assessments = [
        unknown(&resources[0], "aws-s3-bucket-public", &["s3:GetBucketPolicy"]),
        unknown(&resources[1], "aws-s3-bucket-public", &["s3:GetBucketPolicy", "s3:GetBucketVersioning"]),
    ];
    let read = |permission: &str, field: &str, n_resources| DeniedRead {
        fields: vec![field.parse().unwrap()],
        n_resources,
        reason: denied(permission),
    };
    let coverage = [
        coverage(
            "AWS::S3::Bucket",
            ListOutcome::Complete { n_resources: 3 },
            vec![
                read("s3:GetBucketPolicy", "properties.Policy", 3),
                read("s3:GetBucketVersioning", "properties.VersioningConfiguration", 1),
            ],
        ),
        coverage("AWS::KMS::Key", ListOutcome::Failed { reason: denied("kms:ListKeys") }, Vec::new()),
        coverage("AWS::RDS::DBInstance", ListOutcome::Skipped { reason: "the region is not enabled".to_owned() }, Vec::new()),
    ];
    let run = Run {
        connector: &connector("aws-1", &[("memberOf", "org"), ("account", "1")]),
        at: Timestamp::UNIX_EPOCH,
        taken_at: Timestamp::UNIX_EPOCH,
        resources: &resources,
        held_elsewhere: &[],
        stale: &Default::default(),
        facts: &FactTable::new(),
        coverage: &coverage,
        assessments: &assessments,
        transitions: &[],
        scores: &BTreeMap::new(),
        compliance: &BTreeMap::new(),
    };
    server.store.commit(&run).await.unwrap();
    server.store.put_attempt("aws-1", Timestamp::UNIX_EPOCH, Some("no such role")).await.unwrap();
    let poll = ChangePoll {
        at: Timestamp::UNIX_EPOCH,
        seen_up_to: Timestamp::UNIX_EPOCH,
        recent: BTreeMap::new(),
        error: Some("refused".to_owned()),
    };
    server.store.put_change_poll("aws-1", &poll).await.unwrap();
}

#[tokio::test]
async fn a_connector_says_how_it_is_and_what_it_lacks() {
    let server = server().await;
    member(&server).await;
    let items = get(&server, "/api/v1/connectors").await["items"].clone();
    let of = |id: &str| items.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone();
    let own = of("aws-1");
    assert_eq!((&own["memberOf"], &own["organization"], &own["displayName"]), (&json!("org"), &json!(false), &json!(HOSTILE)));
    assert_eq!(own["coverage"], json!({ "complete": 1, "partial": 0, "failed": 1, "skipped": 1, "denied": 2 }));
    assert_eq!(own["attempt"], json!({ "at": "1970-01-01T00:00:00Z", "succeededAt": null, "error": "no such role" }));
    assert_eq!(own["poll"], json!({ "at": "1970-01-01T00:00:00Z", "error": "refused" }));
    assert_eq!((&own["accounts"][0]["resources"], &own["takenAt"]), (&json!(3), &json!("1970-01-01T00:00:00Z")));
    assert_eq!((&own["missingPermissions"], &own["failures"][0]["count"]), (&json!(3), &json!(3)));
    assert_eq!(of("org")["organization"], true);
    let host = of("host");
    assert_eq!((&host["attempt"], &host["missingPermissions"], &host["failures"]), (&Value::Null, &json!(0), &json!([])));
}

#[tokio::test]
async fn missing_permissions_say_what_they_would_unlock_the_most_first() {
    let server = server().await;
    member(&server).await;
    let items = get(&server, "/api/v1/missing-permissions").await["items"].clone();
    let row = |number: usize| {
        let own = &items[number];
        (
            own["permission"].as_str().unwrap(),
            ["assessments", "alone", "resources", "fields", "listings"].map(|name| own[name].as_u64().unwrap()),
        )
    };
    assert_eq!(row(0), ("s3:GetBucketPolicy", [2, 1, 3, 1, 0]));
    assert_eq!(row(1), ("s3:GetBucketVersioning", [1, 0, 1, 1, 0]));
    assert_eq!(row(2), ("kms:ListKeys", [0, 0, 0, 0, 1]));
    assert_eq!((items.as_array().unwrap().len(), &items[0]["connectors"]), (3, &json!(["aws-1"])));
    // A list that failed hides resources, so whatever judges the type waits for it.
    assert!(items[2]["recommendations"].as_array().unwrap().contains(&json!("aws-kms-key-rotation")), "{}", items[2]);
}
