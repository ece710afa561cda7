//! What Defender for Cloud said, beside what is said here: what is answered, and to whom.

use std::{collections::BTreeMap, sync::Arc};

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::{
    DefenderExempted, DefenderExemption, DefenderPart, DefenderRecommendation, DefenderScore, DefenderView, ExemptionCategory,
    Timestamp, UnreadableKind, UnreadableReason,
};
use skywarden_rbac::BuiltIn;

use crate::{
    common::{BEARER, Server, ask, estate, program},
    openapi::Contract,
};

const PATH: &str = "/api/v1/connectors/cloud/defender";
const TEMPLATE: (&str, &str) = ("GET", "/api/v1/connectors/{id}/defender");
const JIT: &str = "805651bc-6ecd-4c73-9b55-97a19d0582d0";

pub(crate) fn view(account: &str) -> DefenderView {
    let told = DefenderRecommendation {
        title: "Management ports".to_owned(),
        unhealthy: [format!("cloud-{account}").as_str().into()].into(),
        ..DefenderRecommendation::default()
    };
    let scope = format!("/subscriptions/{account}");
    let exemption = DefenderExemption {
        id: format!("{scope}/providers/microsoft.authorization/policyexemptions/e"),
        scope,
        reason: "<b>Old tills</b>".to_owned(),
        category: ExemptionCategory::Waiver,
        expires_at: None,
        covers: DefenderExempted::Assessment { key: JIT.to_owned() },
    };
    DefenderView {
        recommendations: BTreeMap::from([(JIT.to_owned(), told.clone()), ("none-here".to_owned(), told)]),
        score: Some(DefenderScore { current: 21.47, max: 58.0, percentage: 0.3702 }),
        exemptions: vec![exemption],
        unread: BTreeMap::new(),
    }
}

async fn asked() -> Server {
    let server = estate(&[("cloud", "s1"), ("cloud", "s2"), ("other", "s3")]).await;
    let denied = UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: "x".to_owned(),
        permission: Some("Microsoft.Security/alerts/read".to_owned()),
        code: "AuthorizationFailed".to_owned(),
        message: String::new(),
    };
    let mut second = view("s2");
    second.unread.insert(DefenderPart::Alerts, Arc::new(denied));
    let views = BTreeMap::from([("s1".into(), view("s1")), ("s2".into(), second)]);
    server.store.keep_defender("cloud", &views, Timestamp::UNIX_EPOCH).await.unwrap();
    server
}

#[tokio::test]
async fn agreement_scores_exemptions_and_what_is_unread_are_answered_as_described() {
    let server = asked().await;
    let contract = Contract::new();
    let answer = contract.ask(&server, TEMPLATE, PATH, BEARER.1, &Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.body;
    let jit = &body["agreement"]["compared"][0];
    assert_eq!((&jit["key"], &jit["matchedBy"], &jit["resources"]), (&json!(JIT), &json!("key"), &json!(2)));
    assert_eq!(jit["differences"][0]["theirs"], "Unhealthy");
    assert_eq!(body["agreement"]["onlyTheirs"][0]["id"], "none-here");
    assert_eq!(body["scores"][0]["theirs"]["max"], 58.0);
    assert!(body["scores"][0]["ours"].is_number() && body["takenAt"] == "1970-01-01T00:00:00Z");
    assert_eq!((body["exemptions"].as_array().unwrap().len(), &body["hiddenExemptions"]), (2, &json!(0)));
    assert_eq!(body["exemptions"][0]["ours"][0]["recommendation"], "azure-compute-vm-jit-access");
    let titles = body["titles"].as_object().unwrap();
    assert!(titles.len() == 1 && titles["azure-compute-vm-jit-access"].as_str().unwrap().contains("just-in-time"), "{titles:?}");
    assert!(body["unread"]["s2"]["alerts"].as_str().unwrap().contains("Microsoft.Security/alerts/read"));
    for path in ["/api/v1/connectors/other/defender", "/api/v1/connectors/nobody/defender"] {
        let answer = contract.ask(&server, TEMPLATE, path, BEARER.1, &Value::Null).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: never asked, or not there");
    }
}

#[tokio::test]
async fn everybody_sees_only_the_subscriptions_that_are_theirs() {
    let server = asked().await;
    let part = program(&server, "part", BuiltIn::SecurityReader, "/subscriptions/s1").await;
    let stranger = program(&server, "stranger", BuiltIn::SecurityReader, "/subscriptions/s3").await;
    let (status, text) = ask(&server, "GET", PATH, &[("authorization", &part)], "").await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(text.contains("cloud-s1") && !text.contains("s2"), "{text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((body["scores"].as_array().unwrap().len(), body["exemptions"].as_array().unwrap().len()), (1, 1));
    assert_eq!(ask(&server, "GET", PATH, &[("authorization", &stranger)], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&server, "GET", PATH, &[], "").await.0, StatusCode::UNAUTHORIZED);
}
