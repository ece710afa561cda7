use serde_json::{Value, json};

use super::*;
use crate::azure::fake::{Fake, answer};

fn metadata(arm: &str) -> Value {
    json!({
        "name": "AzureLab", "portal": "https://portal.lab.example", "resourceManager": format!("{arm}/"),
        "authentication": {
            "loginEndpoint": format!("{arm}/login/"), "tenant": "common", "identityProvider": "AAD",
            "audiences": ["https://management.lab.example/", arm],
        },
        "microsoftGraphResourceId": format!("{arm}/graph/"), "suffixes": { "storage": "core.lab.example" },
    })
}

async fn asked(url: &str) -> Result<Endpoints, ConnectError> {
    let http = crate::client::http_client().build().unwrap();
    Endpoints::of(&AzureCloud::by_name(url).unwrap(), &http).await
}

/// What a cloud at `https://arm.lab.example` comes to if it says this of itself.
fn parsed(metadata: Value) -> Result<Endpoints, String> {
    let arm = "https://arm.lab.example";
    Endpoints::parse(own_metadata(metadata.to_string().as_bytes(), arm)?, arm.to_owned())
}

#[test]
fn clouds_have_names() {
    for (name, cloud) in [
        ("AzureCloud", AzureCloud::Public),
        ("public", AzureCloud::Public),
        ("AzureUSGovernment", AzureCloud::Government),
        ("AzureChinaCloud", AzureCloud::China),
        ("https://management.lab.example/", AzureCloud::Other("https://management.lab.example/".into())),
    ] {
        assert_eq!(AzureCloud::by_name(name), Some(cloud));
    }
    assert_eq!(AzureCloud::by_name("AzureGermanCloud"), None);
}

#[tokio::test]
async fn known_clouds_are_not_asked_and_keep_to_themselves() {
    let http = crate::client::http_client().build().unwrap();
    let china = Endpoints::of(&AzureCloud::China, &http).await.unwrap();
    let all = [&china.authority, &china.arm.base, &china.arm.audience, &china.graph.as_ref().unwrap().base];
    assert!(all.iter().all(|url| url.starts_with("https://") && url.ends_with(".cn")), "{china:?}");
}

#[tokio::test]
async fn any_other_is_asked_where_its_services_are() {
    let busy = answer(503, "retry-after: 0\r\n", "");
    let fake = Fake::start_with(|url| vec![busy, answer(200, "", &metadata(url).to_string())]).await;
    let endpoints = asked(&format!("{}/", fake.url)).await.unwrap();
    assert!(fake.asked()[0].starts_with("GET /metadata/endpoints?api-version=2022-09-01 "), "{:?}", fake.asked());
    assert_eq!(endpoints.arm.base, fake.url);
    assert!(endpoints.authority == format!("{}/login", fake.url) && endpoints.is_loopback, "{endpoints:?}");
    assert!(endpoints.graph.unwrap().base.ends_with("/graph"));
}

#[tokio::test]
async fn a_cloud_that_does_not_tell_is_named() {
    let wrong = [
        (answer(404, "", "{}"), "status 404"),
        (answer(200, "", "<html>Sign in</html>"), "is it an Azure Resource Manager"),
        (answer(302, "location: https://evil.example/\r\n", ""), "status 302"),
        (answer(200, "", &json!({ "authentication": {} }).to_string()), "authentication.loginEndpoint"),
    ];
    for (said, reason) in wrong {
        let fake = Fake::start(vec![said]).await;
        let error = asked(&fake.url).await.unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains(&fake.url), "{error}");
    }
    for url in ["http://management.lab.example", "https://user:word@management.lab.example", "https://management.lab.example?x=1"]
    {
        let error = asked(url).await.unwrap_err();
        assert!(matches!(error, ConnectError::Endpoint { .. }), "{error}");
    }
}

#[test]
fn the_audience_of_the_resource_manager_itself_is_preferred_and_kept_as_spelled() {
    let arm = "https://arm.lab.example";
    let mut said = metadata(arm);
    assert_eq!(parsed(said.clone()).unwrap().arm.audience, arm);
    said["authentication"]["audiences"] = json!(["https://management.core.lab.example/"]);
    assert_eq!(parsed(said).unwrap().arm.audience, "https://management.core.lab.example/");
}

#[test]
fn of_several_clouds_the_one_that_was_asked_is_taken() {
    let mut other = metadata("https://arm.lab.example");
    other["resourceManager"] = json!("https://arm.other.example");
    other["authentication"]["loginEndpoint"] = json!("https://login.other.example");
    let both = json!([other.clone(), metadata("https://arm.lab.example")]);
    assert_eq!(parsed(both).unwrap().authority, "https://arm.lab.example/login");
    assert!(parsed(json!([other])).unwrap_err().contains("none of the clouds"));
}

#[test]
fn no_secret_is_sent_where_it_can_be_read() {
    for (pointer, url) in [
        ("/authentication/loginEndpoint", "http://login.lab.example"),
        ("/authentication/loginEndpoint", "http://127.0.0.1:9999"),
        ("/authentication/loginEndpoint", "ftp://login.lab.example"),
        ("/microsoftGraphResourceId", "http://127.0.0.1:9999"),
        ("/authentication/audiences/1", "x"),
    ] {
        let mut said = metadata("https://arm.lab.example");
        *said.pointer_mut(pointer).unwrap() = json!(url);
        if pointer.contains("audiences") {
            said["authentication"]["audiences"] = json!([url]);
        }
        assert!(parsed(said).is_err(), "{pointer} {url}");
    }
    let mut said = metadata("https://arm.lab.example");
    said["microsoftGraphResourceId"] = json!(null);
    assert!(parsed(said).unwrap().graph.is_none());
}
