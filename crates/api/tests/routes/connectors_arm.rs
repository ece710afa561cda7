//! Security connectors as clients of ARM make, change and remove them.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::{Connector, Environment, Scope, subscription_id};
use skywarden_rbac::BuiltIn;

use crate::{
    common::{BEARER, JSON, Server, TENANT, ask, estate, get, program, server},
    objects::{delete, names, send, subscription},
};

const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/Skywarden";

/// The id of an account as a subscription.
fn of(connector: &str, account: &str) -> String {
    let scope = Scope { connector: connector.into(), account: account.into(), resource_group: "".into() };
    format!("/subscriptions/{}", subscription_id(&scope))
}

fn at(home: &str, group: &str, name: &str) -> String {
    format!("{home}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{name}")
}

fn reading(role: &str) -> Value {
    json!({ "offeringType": "CspmMonitorAws", "nativeCloudConnection": { "cloudRoleArn": role } })
}

/// A body with the offerings.
fn wanted(account: &str, offerings: Value) -> Value {
    json!({
        "location": "westeurope", "tags": { "team": "blue" },
        "properties": {
            "hierarchyIdentifier": account, "environmentName": "AWS", "offerings": offerings,
            "environmentData": { "environmentType": "AwsAccount", "regions": ["eu-central-1", "us-east-1"], "scanInterval": 4 },
        }
    })
}

fn plain(account: &str) -> Value {
    wanted(account, json!([reading(&ROLE.replace(ACCOUNT, account))]))
}

async fn put(server: &Server, path: &str, body: &Value) -> (StatusCode, Value) {
    send(server, "PUT", path, &[], body).await
}

async fn patch(server: &Server, path: &str, body: Value) -> (StatusCode, Value) {
    send(server, "PATCH", path, &[], &body).await
}

/// Status and code of a refusal.
fn code((status, body): (StatusCode, Value)) -> (u16, String) {
    (status.as_u16(), body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn status_as(server: &Server, bearer: &str, method: &str, path: &str, body: &Value) -> u16 {
    ask(server, method, path, &[("authorization", bearer), JSON], &body.to_string()).await.0.as_u16()
}

fn connector(id: &str, settings: BTreeMap<String, String>) -> Connector {
    Connector {
        id: id.into(),
        environment: Environment::Aws,
        display_name: format!("AWS account {ACCOUNT}"),
        sample: false,
        settings,
    }
}

async fn kept(server: &Server, id: &str) -> Option<Connector> {
    let all = server.store.connectors(&skywarden_store::ScopeFilter::All).await.unwrap();
    all.into_iter().find(|own| own.id.as_str() == id)
}

#[tokio::test]
async fn a_connector_is_made_read_changed_and_removed() {
    let server = server().await;
    let path = at(&subscription(), "Security", "prod");
    let (status, made) = put(&server, &path, &plain(ACCOUNT)).await;
    assert_eq!((status, made["id"].as_str()), (StatusCode::CREATED, Some(path.as_str())), "{made}");
    assert_eq!(made["properties"]["offerings"], json!([reading(ROLE)]));
    assert_eq!(made["properties"]["environmentData"]["regions"], json!(["eu-central-1", "us-east-1"]));
    assert_eq!((&made["tags"], &made["location"]), (&json!({ "team": "blue" }), &json!("westeurope")));
    assert_eq!(get(&server, &path.to_lowercase()).await, made, "paths compare without case");
    let provider = format!("{}/providers/Microsoft.Security/securityConnectors", subscription());
    assert_eq!(get(&server, &provider).await["value"], json!([made]));
    let group = path.strip_suffix("/prod").unwrap();
    assert_eq!(names(&get(&server, &group.to_uppercase()).await), ["prod"]);
    assert!(names(&get(&server, &group.replace("/Security/", "/other/")).await).is_empty());
    // It is read by the role alone, and the trust of that may ask for the tenant.
    let settings = kept(&server, "prod").await.unwrap().settings;
    let login = |name: &str| settings.get(name).map(String::as_str);
    assert_eq!([login("role"), login("externalId"), login("account")], [Some(ROLE), Some(TENANT), Some(ACCOUNT)]);
    assert_eq!([login("profile"), login("endpointUrl")], [None, None]);

    let etag = made["etag"].as_str().unwrap();
    let change = json!({ "tags": { "team": null, "cost": "7" }, "properties": { "environmentData": { "regions": null } } });
    let (status, changed) = send(&server, "PATCH", &path, &[("if-match", etag)], &change).await;
    assert_eq!((status, &changed["tags"]), (StatusCode::OK, &json!({ "cost": "7" })), "{changed}");
    let data = &changed["properties"]["environmentData"];
    assert_eq!((&data["regions"], &data["scanInterval"]), (&Value::Null, &json!(4)));
    assert_eq!(code(send(&server, "PATCH", &path, &[("if-match", etag)], &change).await), refused(412, "PreconditionFailed"));
    assert_eq!(
        code(send(&server, "PUT", &path, &[("if-none-match", "*")], &plain(ACCOUNT)).await),
        refused(412, "PreconditionFailed")
    );
    assert_eq!(
        code(send(&server, "DELETE", &path, &[("if-match", etag)], &Value::Null).await),
        refused(412, "PreconditionFailed")
    );
    // What is answered can be sent back.
    assert_eq!(put(&server, &path, &changed).await, (StatusCode::OK, changed));
    let (status, replaced) = put(&server, &path, &plain(ACCOUNT)).await;
    assert_eq!((status, &replaced["tags"], replaced["etag"].as_str()), (StatusCode::OK, &json!({ "team": "blue" }), Some(etag)));

    assert_eq!(delete(&server, &path).await, StatusCode::OK);
    assert_eq!(delete(&server, &path).await, StatusCode::NO_CONTENT);
    assert_eq!(get(&server, "/subscriptions").await["value"].as_array().unwrap().len(), 1);
    assert_eq!(code(patch(&server, &path, json!({})).await), refused(404, "ResourceNotFound"));
    let query = skywarden_store::AuditQuery { target: Some(path.clone()), limit: 500, ..Default::default() };
    let lines = server.store.audit(&query).await.unwrap();
    let told = |line: &skywarden_store::AuditLine| (line.entry.details["method"].clone(), line.entry.outcome.clone());
    assert_eq!(told(lines.last().unwrap()), (json!("PUT"), "Succeeded".to_owned()));
    assert_eq!(lines.len(), 10, "every change and every refused one has its line: {lines:?}");
}

#[tokio::test]
async fn what_was_never_read_is_neither_fine_nor_bad() {
    let server = server().await;
    let score = get(&server, "/api/v1/overview").await["secureScore"].clone();
    put(&server, &at(&subscription(), "g", "prod"), &plain(ACCOUNT)).await;
    let own = of("prod", ACCOUNT);
    let subscriptions = get(&server, "/subscriptions").await;
    let found = subscriptions["value"].as_array().unwrap().iter().find(|row| row["id"] == own).unwrap();
    assert_eq!(found["displayName"], format!("AWS account {ACCOUNT}"));
    for list in ["secureScores", "secureScoreControls", "assessments", "regulatoryComplianceStandards", "tasks"] {
        assert_eq!(get(&server, &format!("{own}/providers/Microsoft.Security/{list}")).await["value"], json!([]), "{list}");
    }
    for one in ["secureScores/ascScore", "regulatoryComplianceStandards/mcsb-v1"] {
        let (status, body) = ask(&server, "GET", &format!("{own}/providers/Microsoft.Security/{one}"), &[BEARER], "").await;
        assert!(status == StatusCode::NOT_FOUND && body.contains("nothing was assessed"), "{one}: {status} {body}");
    }
    let rows = get(&server, "/api/v1/connectors").await["items"].clone();
    let row = rows.as_array().unwrap().iter().find(|row| row["id"] == "prod").unwrap().clone();
    assert_eq!((&row["accounts"], &row["attempt"], &row["takenAt"]), (&json!([]), &Value::Null, &Value::Null));
    assert_eq!(get(&server, "/api/v1/overview").await["secureScore"], score, "it counts for nothing");
    // Nor after something that judges anew what is known.
    let pricing = format!("{own}/providers/Microsoft.Security/pricings/Containers");
    assert!(put(&server, &pricing, &json!({ "properties": { "pricingTier": "Standard" } })).await.0.is_success());
    let exemption = json!({ "recommendation": "machine-firewall-on", "scope": { "kind": "tenant" }, "category": "Waiver", "reason": "known" });
    assert_eq!(send(&server, "POST", "/api/v1/exemptions", &[], &exemption).await.0, StatusCode::CREATED);
    let rows = get(&server, "/api/v1/connectors").await["items"].clone();
    assert_eq!(rows.as_array().unwrap().iter().find(|own| own["id"] == "prod"), Some(&row));
    let after = get(&server, "/api/v1/overview").await;
    assert_eq!(after["subscriptions"].as_array().unwrap().len(), 1, "no score is no score of nothing");
    assert_eq!(ask(&server, "GET", "/api/v1/compliance?connector=prod", &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn offerings_and_plans_tell_the_same() {
    let server = server().await;
    let path = at(&subscription(), "g", "prod");
    put(&server, &path, &plain(ACCOUNT)).await;
    let pricing = async |plan: &str| {
        let found = get(&server, &format!("{}/providers/Microsoft.Security/pricings/{plan}", of("prod", ACCOUNT))).await;
        (found["properties"]["pricingTier"].as_str().unwrap().to_owned(), found["properties"]["subPlan"].clone())
    };
    for plan in ["VirtualMachines", "Containers", "CloudPosture", "OpenSourceRelationalDatabases", "SqlServerVirtualMachines"] {
        assert_eq!(pricing(plan).await.0, "Free", "{plan}");
    }
    assert_eq!(pricing("StorageAccounts").await.0, "Standard", "no offering stands for it");
    let servers =
        json!({ "offeringType": "DefenderForServersAws", "subPlan": { "type": "P1" }, "vmScanners": { "enabled": false } });
    let (status, changed) = patch(&server, &path, json!({ "properties": { "offerings": [reading(ROLE), servers] } })).await;
    assert_eq!((status, &changed["properties"]["offerings"]), (StatusCode::OK, &json!([reading(ROLE), servers])), "{changed}");
    assert_eq!(pricing("VirtualMachines").await, ("Standard".to_owned(), json!("P1")));
    // The other way round.
    let containers = format!("{}/providers/Microsoft.Security/pricings/Containers", of("prod", ACCOUNT));
    put(&server, &containers, &json!({ "properties": { "pricingTier": "Standard" } })).await;
    let shown = get(&server, &path).await;
    assert_eq!(shown["properties"]["offerings"], json!([reading(ROLE), servers, { "offeringType": "DefenderForContainersAws" }]));
    let before = get(&server, &containers).await;
    assert_eq!(put(&server, &path, &shown).await.0, StatusCode::OK);
    assert_eq!(get(&server, &containers).await["etag"], before["etag"], "what is there already is not written");
    let (_, changed) = put(&server, &path, &plain(ACCOUNT)).await;
    assert_eq!(changed["properties"]["offerings"], json!([reading(ROLE)]));
    assert_eq!((pricing("Containers").await.0, pricing("VirtualMachines").await.0), ("Free".to_owned(), "Free".to_owned()));
    // Plans go with the connector.
    delete(&server, &path).await;
    let all = wanted(ACCOUNT, json!([reading(ROLE), { "offeringType": "defenderforcontainersaws" }]));
    let (_, made) = put(&server, &path, &all).await;
    assert_eq!(made["properties"]["offerings"][1], json!({ "offeringType": "DefenderForContainersAws" }));
}

#[tokio::test]
async fn what_cannot_be_connected_is_refused_with_its_place() {
    let server = server().await;
    let changed = |pointer: &str, value: Value| {
        let mut body = plain(ACCOUNT);
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[member] = value;
        body
    };
    let elsewhere = "arn:aws:iam::210987654321:role/R";
    let data = |more: Value| {
        let mut data = json!({ "environmentType": "AwsAccount" });
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        changed("/properties/environmentData", data)
    };
    let organization =
        |kind: &str, more: &str| data(json!({ "organizationalData": { "organizationMembershipType": kind, more: "x" } }));
    let offered = |more: Value| wanted(ACCOUNT, json!([reading(ROLE), more]));
    for (body, code, target) in [
        (json!({}), "InvalidRequestContent", "properties.hierarchyIdentifier"),
        (changed("/properties/hierarchyIdentifier", json!("12")), "InvalidRequestContent", "properties.hierarchyIdentifier"),
        (changed("/properties/environmentName", json!("GCP")), "EnvironmentNotSupported", "properties.environmentName"),
        (changed("/properties/environmentName", json!("Oracle")), "InvalidRequestContent", "properties.environmentName"),
        (
            data(json!({ "endpointUrl": "https://evil.example" })),
            "InvalidRequestContent",
            "properties.environmentData.endpointUrl",
        ),
        (data(json!({ "profile": "root" })), "InvalidRequestContent", "properties.environmentData.profile"),
        (
            data(json!({ "regions": ["eu-central-1,profile=x"] })),
            "InvalidRequestContent",
            "properties.environmentData.regions[0]",
        ),
        (data(json!({ "scanInterval": 0 })), "InvalidRequestContent", "properties.environmentData.scanInterval"),
        (
            organization("Organization", "stacksetName"),
            "OrganizationNotSupported",
            "properties.environmentData.organizationalData",
        ),
        (
            organization("Member", "stacksetName"),
            "InvalidRequestContent",
            "properties.environmentData.organizationalData.stacksetName",
        ),
        (wanted(ACCOUNT, json!([])), "InvalidRequestContent", "properties.offerings"),
        (wanted(ACCOUNT, json!([{ "offeringType": "CspmMonitorAws" }])), "InvalidRequestContent", "properties.offerings"),
        (
            wanted(ACCOUNT, json!([reading(elsewhere)])),
            "InvalidRequestContent",
            "properties.offerings[0].nativeCloudConnection.cloudRoleArn",
        ),
        (
            offered(json!({ "offeringType": "DefenderCspmAws", "ciem": { "ciemDiscovery": { "cloudRoleArn": elsewhere } } })),
            "InvalidRequestContent",
            "properties.offerings[1].ciem.ciemDiscovery.cloudRoleArn",
        ),
        (offered(json!({ "offeringType": "CspmMonitorGcp" })), "InvalidRequestContent", "properties.offerings[1].offeringType"),
        (offered(reading(ROLE)), "InvalidRequestContent", "properties.offerings[1]"),
        (offered(json!({ "offeringType": "DefenderCspmAws", "x": 1 })), "InvalidRequestContent", "properties.offerings[1].x"),
        (changed("/tags", json!({ "a": 1 })), "InvalidRequestContent", "tags.a"),
        (
            offered(json!({ "offeringType": "DefenderCspmAws", "ciem": { "x": "y".repeat(70_000) } })),
            "InvalidRequestContent",
            "properties.offerings",
        ),
    ] {
        let (status, answer) = put(&server, &at(&subscription(), "g", "prod"), &body).await;
        let told = (status.as_u16(), answer["error"]["code"].as_str(), answer["error"]["target"].as_str());
        assert_eq!(told, (400, Some(code), Some(target)), "{body:.2000}\n{answer}");
    }
    assert_eq!(kept(&server, "prod").await, None);
    // A member of an organisation is an account like others.
    let member =
        data(json!({ "organizationalData": { "organizationMembershipType": "Member", "parentHierarchyId": "210987654321" } }));
    let (status, made) = put(&server, &at(&subscription(), "g", "prod"), &member).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let said = &member["properties"]["environmentData"]["organizationalData"];
    assert_eq!(&made["properties"]["environmentData"]["organizationalData"], said);
}

#[tokio::test]
async fn names_and_accounts_are_unique_over_the_installation() {
    let server = estate(&[("alpha", "a1"), ("beta", "b1")]).await;
    let (alpha, beta) = (of("alpha", "a1"), of("beta", "b1"));
    assert_eq!(put(&server, &at(&alpha, "g", "prod"), &plain(ACCOUNT)).await.0, StatusCode::CREATED);
    let other = "210987654321";
    for path in [at(&beta, "g", "prod"), at(&alpha, "h", "PROD")] {
        assert_eq!(code(put(&server, &path, &plain(other)).await), refused(409, "ConnectorNameTaken"), "{path}");
    }
    assert_eq!(code(put(&server, &at(&alpha, "g", "alpha"), &plain(other)).await), refused(409, "ConnectorNameTaken"));
    assert_eq!(code(put(&server, &at(&beta, "g", "second"), &plain(ACCOUNT)).await), refused(409, "AccountConnected"));
    assert_eq!(code(put(&server, &at(&alpha, "g", "prod"), &plain(other)).await), refused(409, "HierarchyIdentifierFixed"));
    for name in ["host", "Sample", "aws-123456789012", "organization-1"] {
        assert_eq!(
            code(put(&server, &at(&alpha, "g", name), &plain(other)).await),
            refused(409, "ConnectorNameReserved"),
            "{name}"
        );
    }
    for name in ["a%20b", "a:b", "end.", "x".repeat(65).as_str()] {
        assert_eq!(code(put(&server, &at(&alpha, "g", name), &plain(other)).await).0, 400, "{name}");
    }
    assert_eq!(put(&server, &at(&alpha, "g", "aws-210987654321"), &plain(other)).await.0, StatusCode::CREATED);
    assert_eq!(put(&server, &at(&alpha, "g", "PROD"), &plain(ACCOUNT)).await.0, StatusCode::OK, "the one that is there");
    assert_eq!(names(&get(&server, &format!("{alpha}/providers/Microsoft.Security/securityConnectors")).await).len(), 2);
}

#[tokio::test]
async fn what_the_command_line_chose_is_changed_there() {
    let server = server().await;
    let settings = [("account", ACCOUNT), ("profile", "audit"), ("role", ROLE), ("endpointUrl", "http://127.0.0.1:9")];
    let settings: BTreeMap<String, String> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    server.store.put_connector(&connector("mine", settings.clone())).await.unwrap();
    let path = at(&of("mine", ACCOUNT), "skywarden", "mine");
    let shown = get(&server, &path).await;
    assert_eq!(shown["properties"]["offerings"].as_array().unwrap().len(), 5, "every plan is on: {shown}");
    assert!(!shown.to_string().contains("audit") && !shown.to_string().contains("127.0.0.1"), "{shown}");
    let (status, changed) = patch(&server, &path, json!({ "tags": { "a": "b" } })).await;
    assert_eq!((status, &changed["tags"]), (StatusCode::OK, &json!({ "a": "b" })), "{changed}");
    let other = reading(&format!("arn:aws:iam::{ACCOUNT}:role/Admin"));
    assert_eq!(code(patch(&server, &path, json!({ "properties": { "offerings": [other] } })).await), refused(409, "LoginFixed"));
    let kept = kept(&server, "mine").await.unwrap().settings;
    assert!(settings.iter().all(|(name, value)| kept.get(name) == Some(value)), "{kept:?}");
    // One that came with an organisation is written by that.
    let leading = [("account", ACCOUNT), ("memberRole", "Reader")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    server.store.put_connector(&connector("org", leading.into())).await.unwrap();
    let member = [("account", "210987654321"), ("memberOf", "org")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    server.store.put_connector(&connector("aws-210987654321", member.into())).await.unwrap();
    let path = at(&of("aws-210987654321", "210987654321"), "skywarden", "aws-210987654321");
    let membership = &get(&server, &path).await["properties"]["environmentData"]["organizationalData"];
    assert_eq!(membership["organizationMembershipType"], "Member");
    for method in ["PATCH", "DELETE"] {
        assert_eq!(
            code(send(&server, method, &path, &[], &json!({})).await),
            refused(409, "ConnectorOfOrganization"),
            "{method}"
        );
    }
}

#[tokio::test]
async fn what_came_with_an_organisation_goes_with_it() {
    let server = server().await;
    let own = |pairs: [(&str, &str); 2]| pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let member = connector("aws-210987654321", own([("account", "210987654321"), ("memberOf", "org")]));
    server.store.put_connector(&connector("org", own([("account", ACCOUNT), ("memberRole", "Reader")]))).await.unwrap();
    server.store.put_connector(&member).await.unwrap();
    let remove = async |id: &str| send(&server, "DELETE", &format!("/api/v1/connectors/{id}"), &[], &Value::Null).await;
    assert_eq!(code(remove("aws-210987654321").await), refused(409, "ConnectorOfOrganization"));
    assert_eq!(remove("org").await.0, StatusCode::NO_CONTENT);
    assert!(kept(&server, "org").await.is_none() && kept(&server, "aws-210987654321").await.is_none());
    // One whose organisation is gone goes alone.
    server.store.put_connector(&member).await.unwrap();
    assert_eq!(remove("aws-210987654321").await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn rights_over_the_home_are_none_over_the_account() {
    let server = estate(&[("alpha", "a1"), ("beta", "b1")]).await;
    let (alpha, beta) = (of("alpha", "a1"), of("beta", "b1"));
    let admin = program(&server, "admin", BuiltIn::SecurityAdmin, &alpha).await;
    let of_group = program(&server, "of-group", BuiltIn::SecurityAdmin, &format!("{alpha}/resourceGroups/g")).await;
    let reader = program(&server, "reader", BuiltIn::SecurityReader, &alpha).await;
    let stranger = program(&server, "stranger", BuiltIn::SecurityReader, &beta).await;
    let path = at(&alpha, "g", "prod");
    assert_eq!(status_as(&server, &admin, "PUT", &at(&beta, "g", "prod"), &plain(ACCOUNT)).await, 404);
    assert_eq!(status_as(&server, &of_group, "PUT", &at(&alpha, "h", "prod"), &plain(ACCOUNT)).await, 404);
    assert_eq!(status_as(&server, &reader, "PUT", &path, &plain(ACCOUNT)).await, 403);
    assert_eq!(status_as(&server, &of_group, "PUT", &path, &plain(ACCOUNT)).await, 201);
    for (bearer, wanted) in [(&admin, 200), (&of_group, 200), (&reader, 200), (&stranger, 404)] {
        assert_eq!(status_as(&server, bearer, "GET", &path, &Value::Null).await, wanted);
    }
    // The account is nobody's but the installation's.
    let own = of("prod", ACCOUNT);
    for bearer in [&admin, &of_group, &reader, &stranger] {
        assert_eq!(status_as(&server, bearer, "GET", &own, &Value::Null).await, 404);
    }
    let tagged = json!({ "tags": { "a": "b" } });
    assert_eq!(status_as(&server, &of_group, "PATCH", &path, &tagged).await, 200);
    let containers = json!({ "properties": { "offerings": [reading(ROLE), { "offeringType": "DefenderForContainersAws" }] } });
    assert_eq!(status_as(&server, &admin, "PATCH", &path, &containers).await, 403);
    assert_eq!(status_as(&server, &admin, "DELETE", &path, &Value::Null).await, 403);
    assert!(kept(&server, "prod").await.is_some());
    let principal = server.store.principals().await.unwrap().into_iter().find(|own| own.name == "admin").unwrap();
    crate::common::assign(&server, &principal, BuiltIn::SecurityAdmin, &own).await;
    assert_eq!(status_as(&server, &admin, "PATCH", &path, &containers).await, 200);
    assert_eq!(status_as(&server, &stranger, "DELETE", &path, &Value::Null).await, 403, "who may delete nothing is told so");
    assert_eq!(status_as(&server, &admin, "DELETE", &path, &Value::Null).await, 200);
    assert_eq!(kept(&server, "prod").await, None);
}

#[tokio::test]
async fn what_lies_at_a_connector_is_its_accounts_and_a_home_that_is_gone_is_none() {
    let server = estate(&[("alpha", "a1"), ("beta", "b1")]).await;
    let alpha = of("alpha", "a1");
    let path = at(&alpha, "g", "prod");
    put(&server, &path, &plain(ACCOUNT)).await;
    let applications = format!("{path}/providers/Microsoft.Security/applications");
    let application = json!({ "properties": { "sourceResourceType": "Assessments", "conditionSets": [] } });
    let admin = program(&server, "admin", BuiltIn::SecurityAdmin, &alpha).await;
    assert_eq!(status_as(&server, &admin, "PUT", &format!("{applications}/x"), &application).await, 404);
    assert_eq!(put(&server, &format!("{applications}/x"), &application).await.0, StatusCode::CREATED);
    assert_eq!(delete(&server, &path).await, StatusCode::OK);
    put(&server, &path, &plain(ACCOUNT)).await;
    assert!(names(&get(&server, &applications).await).is_empty(), "it went with the connector");

    assert_eq!(delete(&server, "/api/v1/connectors/alpha").await, StatusCode::NO_CONTENT);
    assert_eq!(send(&server, "GET", &path, &[], &Value::Null).await.0, StatusCode::NOT_FOUND);
    let own = at(&of("prod", ACCOUNT), "skywarden", "prod");
    assert_eq!(get(&server, &own).await["id"], own);
    assert_eq!(patch(&server, &own, json!({ "tags": { "a": "b" } })).await.0, StatusCode::OK);
    assert_eq!(delete(&server, &own).await, StatusCode::OK);
}
