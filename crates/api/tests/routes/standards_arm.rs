//! Standards, their assignments and custom recommendations through ARM: there and back, and what they do.

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::{ArmId, subscription_id};
use skywarden_rbac::BuiltIn;

use crate::{
    common::{BEARER, CATALOG, JSON, Server, ask, estate, get, machine, post, program, server},
    objects::{delete, names, own, put, send, subscription},
};

const GROUP: &str = "/providers/Microsoft.Management/managementGroups/corp";
const SECURITY: &str = "providers/Microsoft.Security";

fn key(recommendation: &str) -> &'static str {
    &CATALOG.recommendations.get(recommendation).unwrap().key
}

fn of(recommendations: &[&str]) -> Value {
    let assessments: Vec<Value> = recommendations.iter().map(|own| json!({ "assessmentKey": key(own) })).collect();
    json!({ "displayName": "House rules", "description": "Ours.", "assessments": assessments })
}

fn audit(standard: &str) -> Value {
    json!({ "displayName": "in force", "effect": "Audit", "assignedStandard": { "id": standard } })
}

fn rule() -> Value {
    json!({ "if": { "allOf": [{ "field": "type", "equals": "Skywarden.Host/machines" }, { "field": "tags.owner", "exists": false }] },
            "then": { "effect": "audit" } })
}

fn recommendation(query: &str) -> Value {
    json!({ "displayName": "Machines have an owner", "description": "Somebody answers for each.", "severity": "High",
            "remediationDescription": "Tag it.", "securityIssue": "BestPractices", "query": query })
}

async fn as_one(server: &Server, bearer: &str, method: &str, path: &str, properties: &Value) -> (u16, Value) {
    let body = json!({ "properties": properties }).to_string();
    let (status, text) = ask(server, method, path, &[("authorization", bearer), JSON], &body).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// The standards that regulatory compliance shows whose names begin so.
async fn shown(server: &Server, scope: &str, start: &str) -> Vec<Value> {
    let list = get(server, &format!("{scope}/{SECURITY}/regulatoryComplianceStandards")).await;
    let rows = list["value"].as_array().unwrap().iter();
    rows.filter(|row| row["name"].as_str().unwrap().starts_with(start)).cloned().collect()
}

async fn put_group(server: &Server, subscription: &str) {
    for path in [GROUP.to_owned(), format!("{GROUP}{subscription}")] {
        let (status, body) = send(server, "PUT", &path, &[], &json!({ "properties": {} })).await;
        assert!(status.is_success(), "{path}: {body}");
    }
}

fn code(answer: &(StatusCode, Value)) -> (u16, &str) {
    (answer.0.as_u16(), answer.1["error"]["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_standard_is_judged_where_it_is_assigned_and_nowhere_else() {
    let server = estate(&[("alpha", "a1"), ("alpha", "a2")]).await;
    let account = |name: &str| {
        let scope = skywarden_model::Scope { connector: "alpha".into(), account: name.into(), resource_group: "".into() };
        format!("/subscriptions/{}", subscription_id(&scope))
    };
    let (one, two) = (account("a1"), account("a2"));
    let path = format!("{one}/{SECURITY}/securityStandards/House");
    let body = of(&["machine-firewall-on", "machine-system-updates-installed"]);
    let (status, made) = put(&server, &path, body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((&made["id"], &made["properties"]["standardType"]), (&json!(path), &json!("Custom")));
    assert_eq!(made["properties"]["metadata"]["createdBy"], "administrator");
    assert!(made["properties"].get("skywarden").is_none());
    let again = send(&server, "PUT", &path, &[], &made).await;
    assert_eq!(again, (StatusCode::OK, made.clone()), "the same again changes nothing");
    assert!(get(&server, &format!("{one}/{SECURITY}/securityStandards")).await["value"].as_array().unwrap().contains(&made));
    assert_eq!(shown(&server, &one, "house").await, Vec::<Value>::new(), "nobody assigned it");

    let assignment = format!("{one}/{SECURITY}/standardAssignments/first");
    let (status, assigned) = put(&server, &assignment, audit(&path)).await;
    assert_eq!(status, StatusCode::CREATED, "{assigned}");
    let rows = shown(&server, &one, "house-").await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    let counts = |row: &Value| (row["properties"]["passedControls"].clone(), row["properties"]["failedControls"].clone());
    // "a1" is one that has a firewall problem or not by its name; both machines have verdicts on both.
    let (passed, failed) = counts(row);
    assert_eq!(
        passed.as_u64().unwrap() + failed.as_u64().unwrap() + row["properties"]["unsupportedControls"].as_u64().unwrap(),
        2
    );
    assert_eq!(shown(&server, &two, "house").await, Vec::<Value>::new(), "it is assigned in the other one only");
    let listed = get(&server, "/api/v1/compliance").await;
    let own = listed["items"].as_array().unwrap().iter().find(|own| own["id"] == row["name"]).unwrap();
    assert_eq!((&own["title"], &own["custom"]), (&json!("House rules"), &json!(false)));
    let total: u64 = own["controlsByState"].as_object().unwrap().values().map(|own| own.as_u64().unwrap()).sum();
    assert_eq!(total, 2);
    let checks = format!(
        "{}/regulatoryComplianceControls/machine-firewall-on/regulatoryComplianceAssessments",
        row["id"].as_str().unwrap()
    );
    assert_eq!(names(&get(&server, &checks).await), [key("machine-firewall-on")]);
    // It is changed where it was written.
    let v1 = format!("/api/v1/standards/{}", row["name"].as_str().unwrap());
    assert_eq!(ask(&server, "DELETE", &v1, &[BEARER], "").await.0, StatusCode::CONFLICT);

    // A management group has it for what lies below, and leaves out what it says.
    put_group(&server, &one).await;
    put_group(&server, &two).await;
    let in_group = format!("{GROUP}/{SECURITY}/securityStandards/Group");
    assert_eq!(put(&server, &in_group, of(&["machine-firewall-on"])).await.0, StatusCode::CREATED);
    let of_group = format!("{GROUP}/{SECURITY}/standardAssignments/all");
    assert_eq!(put(&server, &of_group, audit(&in_group)).await.0, StatusCode::CREATED);
    assert_eq!((shown(&server, &one, "group-").await.len(), shown(&server, &two, "group-").await.len()), (1, 1));
    let mut without = audit(&in_group);
    without["excludedScopes"] = json!([two]);
    assert_eq!(put(&server, &of_group, without).await.0, StatusCode::OK);
    assert_eq!((shown(&server, &one, "group-").await.len(), shown(&server, &two, "group-").await.len()), (1, 0));
    let inherited = get(&server, &format!("{one}/{SECURITY}/standardAssignments")).await;
    let is_listed = |id: &str| inherited["value"].as_array().unwrap().iter().any(|own| own["id"] == id);
    assert!(is_listed(&of_group) && is_listed(&assignment), "{inherited}");

    let refused = send(&server, "DELETE", &path, &[], &Value::Null).await;
    assert_eq!(code(&refused), (409, "StandardInUse"), "{refused:?}");
    assert_eq!(
        (delete(&server, &assignment).await, delete(&server, &assignment).await),
        (StatusCode::OK, StatusCode::NO_CONTENT)
    );
    assert_eq!(shown(&server, &one, "house").await, Vec::<Value>::new());
    assert_eq!((delete(&server, &path).await, delete(&server, &path).await), (StatusCode::OK, StatusCode::NO_CONTENT));
    assert_eq!(ask(&server, "GET", &path, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_built_in_is_listed_everywhere_and_stays() {
    let server = server().await;
    for path in [format!("/{SECURITY}/securityStandards"), own("securityStandards")] {
        let list = get(&server, &path).await;
        let row = list["value"].as_array().unwrap().iter().find(|own| own["name"] == "mcsb-v1").unwrap().clone();
        assert_eq!(row["properties"]["standardType"], "Default", "{path}");
        let keys = row["properties"]["assessments"].as_array().unwrap();
        assert!(keys.contains(&json!({ "assessmentKey": key("machine-firewall-on") })), "{path}");
        assert_eq!(get(&server, row["id"].as_str().unwrap()).await, row, "its id is one that can be asked for");
    }
    assert_eq!(code(&put(&server, &own("securityStandards/MCSB-v1"), of(&["machine-firewall-on"])).await), (409, "BuiltIn"));
    let removed = send(&server, "DELETE", &own("securityStandards/mcsb-v1"), &[], &Value::Null).await;
    assert_eq!(code(&removed), (409, "BuiltIn"));
    let by_itself = get(&server, &own("standardAssignments/mcsb-v1")).await;
    assert_eq!(by_itself["properties"]["effect"], "Audit");
    assert_eq!(get(&server, by_itself["properties"]["assignedStandard"]["id"].as_str().unwrap()).await["name"], "mcsb-v1");
    let removed = send(&server, "DELETE", &own("standardAssignments/mcsb-v1"), &[], &Value::Null).await;
    assert_eq!(code(&removed), (409, "BuiltIn"));
    let twice = put(&server, &own("standardAssignments/again"), audit(&format!("/{SECURITY}/securityStandards/mcsb-v1"))).await;
    assert_eq!(code(&twice), (400, "FeatureNotAvailable"));
    // Pages and filters are those of every kind.
    put(&server, &own("securityStandards/zz"), of(&["machine-firewall-on"])).await;
    let all = get(&server, &own("securityStandards")).await;
    let mut paged = Vec::new();
    let mut next = Some(format!("{}?$top=2&api-version=2024-08-01", own("securityStandards")));
    while let Some(path) = next {
        let page = get(&server, path.split_once("127.0.0.1:8470").map_or(path.as_str(), |(_, path)| path)).await;
        assert!(page["value"].as_array().unwrap().len() <= 2);
        paged.extend(page["value"].as_array().unwrap().clone());
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(json!(paged), all["value"]);
    assert_eq!(names(&get(&server, &format!("{}?$filter=name%20eq%20'zz'", own("securityStandards"))).await), ["zz"]);
}

#[tokio::test]
async fn the_older_version_has_its_places_and_its_members() {
    let server = server().await;
    let in_group = |rest: &str| format!("{}/resourceGroups/machines/{SECURITY}/standards{rest}", subscription());
    let body = json!({ "displayName": "Older", "category": "House", "supportedClouds": ["AWS"],
                       "components": [{ "key": key("machine-firewall-on") }] });
    let (status, made) = put(&server, &in_group("/old"), body.clone()).await;
    assert_eq!((status, &made["id"]), (StatusCode::CREATED, &json!(in_group("/old"))), "{made}");
    for (member, value) in body.as_object().unwrap() {
        assert_eq!(&made["properties"][member], value);
    }
    assert_eq!(get(&server, &in_group("/old")).await, made);
    for path in [in_group(""), own("standards")] {
        let list = get(&server, &path).await;
        assert!(list["value"].as_array().unwrap().contains(&made), "{path}: {list}");
        let own = list["value"].as_array().unwrap().iter().find(|own| own["name"] == "mcsb-v1").unwrap();
        assert!(own["properties"]["components"].as_array().is_some_and(|keys| !keys.is_empty()));
    }
    // It is for AWS, and this is a machine of one's own.
    let assignment = own("standardAssignments/old");
    assert_eq!(put(&server, &assignment, audit(&in_group("/old"))).await.0, StatusCode::CREATED);
    assert_eq!(shown(&server, &subscription(), "old").await, Vec::<Value>::new());
    let mut everywhere = body;
    everywhere.as_object_mut().unwrap().remove("supportedClouds");
    assert_eq!(put(&server, &in_group("/old"), everywhere).await.0, StatusCode::OK);
    assert_eq!(shown(&server, &subscription(), "old-").await[0]["properties"]["failedControls"], 1);
    let nowhere = format!("{}/resourceGroups/nowhere/{SECURITY}/standards", subscription());
    assert_eq!(ask(&server, "GET", &nowhere, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!((delete(&server, &assignment).await, delete(&server, &in_group("/old")).await), (StatusCode::OK, StatusCode::OK));
}

#[tokio::test]
async fn what_is_wrong_in_a_standard_is_told_with_its_place() {
    let server = server().await;
    let path = own("securityStandards/wrong");
    let known = key("machine-firewall-on");
    for (body, target) in [
        (json!({}), "properties.displayName"),
        (json!({ "displayName": " ", "assessments": [{ "assessmentKey": known }] }), "properties.displayName"),
        (json!({ "displayName": "x" }), "properties.assessments"),
        (
            json!({ "displayName": "x", "assessments": [{ "assessmentKey": known }, { "assessmentKey": "none" }] }),
            "properties.assessments[1].assessmentKey",
        ),
        (
            json!({ "displayName": "x", "assessments": [{ "assessmentKey": known }, { "assessmentKey": known }] }),
            "properties.assessments[1].assessmentKey",
        ),
        (json!({ "displayName": "x", "assessments": [{}] }), "properties.assessments[0].assessmentKey"),
        (json!({ "displayName": "x", "cloudProviders": ["Oracle"], "assessments": [] }), "properties.cloudProviders[0]"),
        (json!({ "displayName": "x", "policySetDefinitionId": "/none" }), "properties.policySetDefinitionId"),
        (
            json!({ "displayName": "x", "policySetDefinitionId": "/x", "assessments": [{ "assessmentKey": known }] }),
            "properties.policySetDefinitionId",
        ),
    ] {
        let (status, answer) = put(&server, &path, body.clone()).await;
        assert_eq!((status, &answer["error"]["target"]), (StatusCode::BAD_REQUEST, &json!(target)), "{body}: {answer}");
    }
    let standard = own("securityStandards/right");
    put(&server, &standard, of(&["machine-firewall-on"])).await;
    let mut past = audit(&standard);
    past["expiresOn"] = json!("2001-01-01T00:00:00Z");
    let mut part = audit(&standard);
    part["excludedScopes"] = json!([format!("{}/resourceGroups/machines", subscription())]);
    let mut data = audit(&standard);
    data["exemptionData"] = json!({ "exemptionCategory": "waiver", "assignedAssessment": { "assessmentKey": known } });
    for (body, target) in [
        (json!({ "effect": "Audit" }), "properties.assignedStandard"),
        (audit(&own("securityStandards/none")), "properties.assignedStandard.id"),
        (audit(&format!("/subscriptions/other/{SECURITY}/securityStandards/right")), "properties.assignedStandard.id"),
        (audit("nonsense"), "properties.assignedStandard.id"),
        (past, "properties.expiresOn"),
        (part, "properties.excludedScopes[0]"),
        (data, "properties.exemptionData"),
        (json!({ "effect": "Exempt" }), "properties.exemptionData"),
        (json!({ "effect": "Attest", "assignedStandard": { "id": standard } }), "properties.attestationData"),
        (json!({ "effect": "Ignore" }), "properties.effect"),
    ] {
        let (status, answer) = put(&server, &own("standardAssignments/wrong"), body.clone()).await;
        assert_eq!((status, &answer["error"]["target"]), (StatusCode::BAD_REQUEST, &json!(target)), "{body}: {answer}");
    }
    assert_eq!(ask(&server, "GET", &own("standardAssignments/wrong"), &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_assignment_exempts_with_an_exemption_of_the_other_face() {
    let server = server().await;
    let resource = format!("{}/{SECURITY}/standardAssignments/waived", ArmId::of(&machine()));
    let exempt = |category: &str, recommendation: &str| {
        json!({ "displayName": "known", "description": "It is known.", "effect": "Exempt",
                "assignedStandard": { "id": format!("/{SECURITY}/securityStandards/mcsb-v1") },
                "exemptionData": { "exemptionCategory": category, "assignedAssessment": { "assessmentKey": key(recommendation) } } })
    };
    let verdict = async |server: &Server| {
        let path = format!("{}/{SECURITY}/assessments/{}", ArmId::of(&machine()), key("machine-firewall-on"));
        get(server, &path).await["properties"]["status"].clone()
    };
    assert_eq!(verdict(&server).await["code"], "Unhealthy");
    let (status, made) = put(&server, &resource, exempt("waiver", "machine-firewall-on")).await;
    assert_eq!((status, &made["id"]), (StatusCode::CREATED, &json!(resource)), "{made}");
    assert_eq!(verdict(&server).await["code"], "NotApplicable");
    let exemptions = get(&server, "/api/v1/exemptions").await;
    let [exemption] = exemptions["items"].as_array().unwrap().as_slice() else { panic!("{exemptions}") };
    assert_eq!(
        (&exemption["reason"], &exemption["category"], &exemption["scope"]),
        (&json!("It is known."), &json!("Waiver"), &json!({ "kind": "resource", "id": "machine-1" }))
    );
    assert_eq!(send(&server, "PUT", &resource, &[], &made).await, (StatusCode::OK, made.clone()));
    // A change changes the exemption, and does not make another.
    assert_eq!(put(&server, &resource, exempt("mitigated", "machine-firewall-on")).await.0, StatusCode::OK);
    let changed = get(&server, "/api/v1/exemptions").await;
    assert_eq!((changed["items"].as_array().unwrap().len(), &changed["items"][0]["category"]), (1, &json!("Mitigated")));
    // What the other face takes back is gone here, and can be made again.
    let id = changed["items"][0]["id"].as_str().unwrap();
    assert_eq!(ask(&server, "DELETE", &format!("/api/v1/exemptions/{id}"), &[BEARER], "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(&server, "GET", &resource, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(delete(&server, &resource).await, StatusCode::NO_CONTENT);
    assert_eq!(put(&server, &resource, exempt("waiver", "machine-firewall-on")).await.0, StatusCode::CREATED);
    assert_eq!(verdict(&server).await["code"], "NotApplicable");
    assert_eq!(delete(&server, &resource).await, StatusCode::OK);
    assert_eq!(
        (&get(&server, "/api/v1/exemptions").await["items"], &verdict(&server).await["code"]),
        (&json!([]), &json!("Unhealthy"))
    );
    // At the group and the subscription as well; not at a management group.
    let group = format!("{}/resourceGroups/Machines/{SECURITY}/standardAssignments/waived", subscription());
    assert_eq!(put(&server, &group, exempt("waiver", "machine-firewall-on")).await.0, StatusCode::CREATED);
    assert_eq!(get(&server, "/api/v1/exemptions").await["items"][0]["scope"]["resourceGroup"], "machines");
    assert_eq!(delete(&server, &group).await, StatusCode::OK);
    put_group(&server, &subscription()).await;
    let at_group =
        put(&server, &format!("{GROUP}/{SECURITY}/standardAssignments/x"), exempt("waiver", "machine-firewall-on")).await;
    assert_eq!(code(&at_group), (400, "FeatureNotAvailable"));
    let other = CATALOG.recommendations.keys().find(|id| id.starts_with("aws-s3")).unwrap();
    put(&server, &own("securityStandards/one"), of(&["machine-firewall-on"])).await;
    let mut foreign = exempt("waiver", other);
    foreign["assignedStandard"]["id"] = json!(own("securityStandards/one"));
    put(&server, &own("standardAssignments/one"), audit(&own("securityStandards/one"))).await;
    let (status, answer) = put(&server, &own("standardAssignments/foreign"), foreign).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("no assessment of the standard"), "{answer}");
}

#[tokio::test]
async fn an_assignment_attests_with_an_attestation_of_the_other_face() {
    let server = server().await;
    let house = "id: house\ntitle: House\ndescription: Ours.\nversion: '1'\nenvironments: [host]\ncontrols:\n\
                 - { id: '1', title: Firewall, checks: [machine-firewall-on] }\n- { id: '2', title: Leavers, manual: Compare. }\n";
    assert_eq!(ask(&server, "PUT", "/api/v1/standards/house", &[BEARER], house).await.0, StatusCode::CREATED);
    let attest = |state: &str, control: &str| {
        json!({ "displayName": "looked", "effect": "Attest",
                "assignedStandard": { "id": format!("/{SECURITY}/securityStandards/house") },
                "attestationData": { "complianceState": state, "assignedAssessment": { "assessmentKey": control },
                                     "evidence": [{ "description": "All were compared.", "sourceUrl": "https://wiki.example/x" }] } })
    };
    let state = async |server: &Server| get(server, "/api/v1/compliance/house").await["controls"][1]["state"].clone();
    let path = own("standardAssignments/leavers");
    assert_eq!(state(&server).await, "Manual");
    let (status, made) = put(&server, &path, attest("compliant", "2")).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert!(made["properties"]["attestationData"]["complianceDate"].is_string());
    assert_eq!(state(&server).await, "Passed");
    assert_eq!(send(&server, "PUT", &path, &[], &made).await, (StatusCode::OK, made.clone()));
    let record =
        async |server: &Server| get(server, "/api/v1/compliance/house/attestations").await["items"].as_array().unwrap().clone();
    assert_eq!(record(&server).await.len(), 1);
    assert_eq!(
        record(&server).await[0]["evidence"],
        json!({ "text": "All were compared.", "links": ["https://wiki.example/x"] })
    );
    // Another finding takes the place of the first, which stays in the record.
    assert_eq!(put(&server, &path, attest("nonCompliant", "2")).await.0, StatusCode::OK);
    assert_eq!(state(&server).await, "Failed");
    let standings: Vec<Value> = record(&server).await.iter().map(|own| own["standing"].clone()).collect();
    assert_eq!(standings, ["holds", "withdrawn"]);
    assert_eq!(delete(&server, &path).await, StatusCode::OK);
    assert_eq!((state(&server).await, record(&server).await.len()), (json!("Manual"), 2));

    assert_eq!(put(&server, &path, attest("compliant", "1")).await.0, StatusCode::CONFLICT, "checks judge it");
    assert_eq!(put(&server, &path, attest("compliant", "9")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(code(&put(&server, &path, attest("unknown", "2")).await), (400, "FeatureNotAvailable"));
    let mut bare = attest("compliant", "2");
    bare["attestationData"]["evidence"] = json!([]);
    let (status, answer) = put(&server, &path, bare).await;
    assert_eq!((status, &answer["error"]["target"]), (StatusCode::BAD_REQUEST, &json!("properties.attestationData.evidence")));
    assert_eq!(ask(&server, "GET", &path, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_initiative_with_groups_is_a_standard_that_an_assignment_puts_in_force() {
    let server = server().await;
    let definition = format!("{}/providers/Microsoft.Authorization/policyDefinitions/owned", subscription());
    let body = json!({ "properties": { "displayName": "owned", "mode": "All", "policyRule": rule() } });
    assert_eq!(send(&server, "PUT", &definition, &[], &body).await.0, StatusCode::CREATED);
    let initiative = format!("{}/providers/Microsoft.Authorization/policySetDefinitions/book", subscription());
    let body = json!({ "properties": { "displayName": "The book",
        "policyDefinitionGroups": [{ "name": "g1", "displayName": "Owners" }],
        "policyDefinitions": [{ "policyDefinitionId": definition, "policyDefinitionReferenceId": "a", "groupNames": ["g1"] }] } });
    let (status, answer) = send(&server, "PUT", &initiative, &[], &body).await;
    assert!(status.is_success(), "{answer}");
    let listed = get(&server, &own("securityStandards/policy-book")).await;
    assert_eq!(listed["properties"]["policySetDefinitionId"], json!(initiative));
    let own_standard = own("securityStandards/mine");
    let body = json!({ "displayName": "Mine", "policySetDefinitionId": initiative });
    assert_eq!(put(&server, &own_standard, body).await.0, StatusCode::CREATED);
    assert_eq!(shown(&server, &subscription(), "policy-").await, Vec::<Value>::new());
    let path = own("standardAssignments/book");
    let (status, made) = put(&server, &path, audit(&own_standard)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(shown(&server, &subscription(), "policy-book").await[0]["properties"]["failedControls"], 1);
    let assignments = get(&server, &format!("{}/providers/Microsoft.Authorization/policyAssignments", subscription())).await;
    let [assignment] = assignments["value"].as_array().unwrap().as_slice() else { panic!("{assignments}") };
    assert_eq!(assignment["properties"]["policyDefinitionId"], json!(initiative));
    let list = get(&server, &own("standardAssignments")).await;
    let of_book = names(&list).into_iter().filter(|own| *own != "mcsb-v1" && !CATALOG.standards.contains_key(*own));
    assert_eq!(of_book.collect::<Vec<_>>(), ["book"], "it is listed once");
    assert_eq!(delete(&server, &path).await, StatusCode::OK);
    assert_eq!(shown(&server, &subscription(), "policy-").await, Vec::<Value>::new());
    // One that Microsoft.Authorization assigns is told too, and stays its.
    let theirs = format!("{}/providers/Microsoft.Authorization/policyAssignments/theirs", subscription());
    let body = json!({ "properties": { "policyDefinitionId": initiative, "displayName": "theirs" } });
    assert_eq!(send(&server, "PUT", &theirs, &[], &body).await.0, StatusCode::CREATED);
    let told = get(&server, &own("standardAssignments/theirs")).await;
    assert_eq!(told["properties"]["displayName"], "theirs");
    assert_eq!(code(&send(&server, "DELETE", &own("standardAssignments/theirs"), &[], &Value::Null).await), (409, "BuiltIn"));
    let bare = format!("{}/providers/Microsoft.Authorization/policySetDefinitions/bare", subscription());
    let body = json!({ "properties": { "displayName": "bare", "policyDefinitions": [{ "policyDefinitionId": definition }] } });
    assert!(send(&server, "PUT", &bare, &[], &body).await.0.is_success());
    let refused =
        put(&server, &own("securityStandards/bare"), json!({ "displayName": "x", "policySetDefinitionId": bare })).await;
    assert_eq!(code(&refused), (400, "FeatureNotAvailable"));
}

#[tokio::test]
async fn a_custom_recommendation_is_a_policy_and_can_stand_in_a_standard() {
    let server = server().await;
    let path = own("customRecommendations/owners");
    let (status, made) = put(&server, &path, recommendation(&rule().to_string())).await;
    assert_eq!((status, &made["id"]), (StatusCode::CREATED, &json!(path)), "{made}");
    let own_key = made["properties"]["assessmentKey"].as_str().unwrap().to_owned();
    assert_eq!(get(&server, &path).await, made);
    assert_eq!(names(&get(&server, &own("customRecommendations")).await), ["owners"]);
    assert_eq!(send(&server, "PUT", &path, &[], &made).await, (StatusCode::OK, made.clone()));
    let states = async |server: &Server| {
        let path = format!("{}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults", subscription());
        let (status, answer) = post(server, &path, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let rows = answer["value"].as_array().unwrap().iter();
        rows.map(|own| (own["policyDefinitionName"].clone(), own["complianceState"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(states(&server).await, [(json!(own_key), json!("NonCompliant"))]);

    let standard = own("securityStandards/ours");
    let body = json!({ "displayName": "Ours", "assessments": [{ "assessmentKey": own_key }] });
    assert_eq!(put(&server, &standard, body).await.0, StatusCode::CREATED);
    assert_eq!(put(&server, &own("standardAssignments/ours"), audit(&standard)).await.0, StatusCode::CREATED);
    let rows = shown(&server, &subscription(), "ours-").await;
    assert_eq!(rows[0]["properties"]["failedControls"], 1, "{rows:?}");
    let checks =
        format!("{}/regulatoryComplianceControls/{own_key}/regulatoryComplianceAssessments", rows[0]["id"].as_str().unwrap());
    let checks = get(&server, &checks).await;
    assert_eq!((&checks["value"][0]["name"], &checks["value"][0]["properties"]["failedResources"]), (&json!(own_key), &json!(1)));
    let tree = get(&server, &format!("/api/v1/compliance/{}", rows[0]["name"].as_str().unwrap())).await;
    assert_eq!(tree["controls"][0]["state"], "Failed");

    // Another rule, given as a whole definition, is judged at once.
    let mut other = rule();
    other["if"]["allOf"][1] = json!({ "field": "tags.owner", "exists": true });
    let whole = json!({ "properties": { "mode": "All", "policyRule": other } }).to_string();
    assert_eq!(put(&server, &path, recommendation(&whole)).await.0, StatusCode::OK);
    assert_eq!(states(&server).await, [(json!(own_key), json!("Compliant"))]);
    assert_eq!(shown(&server, &subscription(), "ours-").await[0]["properties"]["passedControls"], 1);
    // One for a cloud says nothing of machines of one's own.
    let mut of_cloud = recommendation(&rule().to_string());
    of_cloud["cloudProviders"] = json!(["AWS"]);
    assert_eq!(put(&server, &path, of_cloud).await.0, StatusCode::OK);
    assert_eq!(states(&server).await, []);
    // What Microsoft.Authorization takes away is gone here.
    let assignment = format!("{}/providers/Microsoft.Authorization/policyAssignments/{own_key}", subscription());
    assert!(delete(&server, &assignment).await.is_success());
    assert_eq!(ask(&server, "GET", &path, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(put(&server, &path, recommendation(&rule().to_string())).await.0, StatusCode::CREATED);
    assert_eq!(states(&server).await, [(json!(own_key), json!("NonCompliant"))]);
    let exempt = json!({ "description": "known", "effect": "Exempt",
        "exemptionData": { "exemptionCategory": "waiver", "assignedAssessment": { "assessmentKey": own_key } } });
    assert_eq!(code(&put(&server, &own("standardAssignments/x"), exempt).await), (400, "FeatureNotAvailable"));
    assert_eq!((delete(&server, &path).await, delete(&server, &path).await), (StatusCode::OK, StatusCode::NO_CONTENT));
    assert_eq!(states(&server).await, []);
    let definition = format!("{}/providers/Microsoft.Authorization/policyDefinitions/{own_key}", subscription());
    assert_eq!(ask(&server, "GET", &definition, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_with_its_place() {
    let server = server().await;
    let path = own("customRecommendations/wrong");
    let kql = put(&server, &path, recommendation("RawEntityMetadata | project Id")).await;
    assert_eq!(code(&kql), (400, "FeatureNotAvailable"));
    assert!(kql.1["error"]["message"].as_str().unwrap().contains("Azure Policy rule"), "{kql:?}");
    let mut misspelled = rule();
    misspelled["if"]["allOf"][1] = json!({ "field": "tags.owner", "exist": false });
    let mut denied = rule();
    denied["then"]["effect"] = json!("deny");
    for (query, part) in [
        ("{ \"if\": ".to_owned(), "line 1"),
        ("{}".to_owned(), "no `if` and `then`"),
        (misspelled.to_string(), "`/if/allOf/1"),
        (json!({ "policyRule": misspelled }).to_string(), "`/policyRule/if/allOf/1"),
        (denied.to_string(), "`deny`"),
    ] {
        for clouds in [json!([]), json!(["AWS"])] {
            let mut body = recommendation(&query);
            body["cloudProviders"] = clouds;
            let (status, answer) = put(&server, &path, body).await;
            let message = answer["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert!(status == StatusCode::BAD_REQUEST && message.contains(part), "{query}: {answer}");
            assert!(answer["error"]["target"].as_str().unwrap().starts_with("properties.query"), "{answer}");
        }
    }
    assert_eq!(get(&server, &own("customRecommendations")).await["value"], json!([]));
}

#[tokio::test]
async fn who_may_do_it_is_who_may_do_it_on_the_other_face() {
    let server = estate(&[("alpha", "a1"), ("alpha", "a2")]).await;
    let scope =
        |name: &str| skywarden_model::Scope { connector: "alpha".into(), account: name.into(), resource_group: "".into() };
    let at = |name: &str, rest: &str| format!("/subscriptions/{}/{SECURITY}/{rest}", subscription_id(&scope(name)));
    let admin = program(&server, "admin", BuiltIn::SecurityAdmin, "/subscriptions/a1").await;
    let reader = program(&server, "reader", BuiltIn::SecurityReader, "/subscriptions/a1").await;
    let standard = of(&["machine-firewall-on"]);
    let exempt = json!({ "description": "known", "effect": "Exempt", "exemptionData": { "exemptionCategory": "waiver",
        "assignedAssessment": { "assessmentKey": key("machine-firewall-on") } } });
    for (rest, body) in [
        ("securityStandards/s", &standard),
        ("standardAssignments/e", &exempt),
        ("customRecommendations/c", &recommendation(&rule().to_string())),
    ] {
        let (collection, _) = rest.split_once('/').unwrap();
        assert_eq!(as_one(&server, &reader, "PUT", &at("a1", rest), body).await.0, 403, "{rest}");
        assert_eq!(as_one(&server, &admin, "PUT", &at("a2", rest), body).await.0, 404, "{rest}");
        assert_eq!(as_one(&server, &reader, "GET", &at("a2", collection), &Value::Null).await.0, 404, "{rest}");
        let (status, made) = as_one(&server, &admin, "PUT", &at("a1", rest), body).await;
        assert_eq!(status, 201, "{rest}: {made}");
        assert_eq!(as_one(&server, &reader, "GET", &at("a1", rest), &Value::Null).await, (200, made.clone()), "{rest}");
        let etag = made["etag"].as_str().unwrap();
        let headers = [("authorization", admin.as_str()), JSON, ("if-match", "\"other\"")];
        assert_eq!(ask(&server, "DELETE", &at("a1", rest), &headers, "").await.0, StatusCode::PRECONDITION_FAILED, "{rest}");
        assert_eq!(as_one(&server, &reader, "DELETE", &at("a1", rest), &Value::Null).await.0, 403, "{rest}");
        let headers = [("authorization", admin.as_str()), JSON, ("if-match", etag)];
        assert_eq!(ask(&server, "DELETE", &at("a1", rest), &headers, "").await.0, StatusCode::OK, "{rest}");
    }
    // Whoever may write assignments and nothing else exempts nothing.
    let role = json!({ "properties": { "roleName": "Assigner", "assignableScopes": ["/"],
        "permissions": [{ "actions": ["Microsoft.Security/*/read", "Microsoft.Security/standardAssignments/*",
                                      "Microsoft.Security/customRecommendations/*"], "notActions": [] }] } });
    let id = "7d1e4f1c-0000-4000-8000-000000000001";
    let path = format!("/providers/Microsoft.Authorization/roleDefinitions/{id}");
    let (status, answer) = send(&server, "PUT", &path, &[], &role).await;
    assert!(status.is_success(), "{answer}");
    let assigner = program(&server, "assigner", BuiltIn::SecurityReader, "/subscriptions/a1").await;
    let principal = server.store.principals().await.unwrap().into_iter().find(|own| own.name == "assigner").unwrap();
    let assignment = json!({ "properties": { "principalId": principal.id, "roleDefinitionId": path } });
    let at_account = format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleAssignments/{}",
        subscription_id(&scope("a1")),
        "7d1e4f1c-0000-4000-8000-000000000002"
    );
    let (status, answer) = send(&server, "PUT", &at_account, &[], &assignment).await;
    assert!(status.is_success(), "{answer}");
    for (rest, body) in [("standardAssignments/e", &exempt), ("customRecommendations/c", &recommendation(&rule().to_string()))] {
        let (status, answer) = as_one(&server, &assigner, "PUT", &at("a1", rest), body).await;
        assert_eq!((status, &answer["error"]["code"]), (403, &json!("AuthorizationFailed")), "{rest}: {answer}");
    }
}
