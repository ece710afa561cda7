//! Policies through the API: brought in, looked at, asked before something is made.

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::Resource;
use skywarden_policy::ObjectKind;
use skywarden_rbac::BuiltIn;

use crate::common::{BEARER, Server, ask, ask_bytes, estate_of, get, machine, post, program, server};

const DEFINITION: &str = "/providers/Microsoft.Authorization/policyDefinitions/owner";
const SET: &str = "/providers/Microsoft.Authorization/policySetDefinitions/house-rules";
const ASSIGNMENT: &str = "/providers/Microsoft.Authorization/policyAssignments/house";

fn bundle() -> Vec<Value> {
    vec![
        json!({ "id": DEFINITION, "name": "owner", "properties": {
            "displayName": "Machines have an owner", "metadata": { "category": "Tags" },
            "parameters": {
                "effect": { "type": "String", "defaultValue": "Audit", "allowedValues": ["Audit", "Deny", "Disabled"] },
                "tag": { "type": "String", "defaultValue": "owner" } },
            "policyRule": {
                "if": { "allOf": [
                    { "field": "type", "equals": "Skywarden.Host/machines" },
                    { "field": "[concat('tags[', parameters('tag'), ']')]", "exists": false } ] },
                "then": { "effect": "[parameters('effect')]" } } } }),
        json!({ "id": "/providers/Microsoft.Authorization/policyDefinitions/regions", "name": "regions", "properties": {
            "displayName": "Allowed regions",
            "policyRule": { "if": { "field": "location", "notIn": ["home", "cellar"] }, "then": { "effect": "deny" } } } }),
        json!({ "id": SET, "name": "house-rules", "properties": {
            "displayName": "House rules", "version": "1.0.0",
            "parameters": { "effect": { "type": "String", "defaultValue": "Deny" } },
            "policyDefinitionGroups": [
                { "name": "H-1", "displayName": "Somebody answers for it", "category": "Order" },
                { "name": "H-2", "displayName": "It stands where it should", "category": "Place" } ],
            "policyDefinitions": [
                { "policyDefinitionId": DEFINITION, "policyDefinitionReferenceId": "owner", "groupNames": ["H-1"],
                  "parameters": { "effect": { "value": "[parameters('effect')]" } } },
                { "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/regions",
                  "policyDefinitionReferenceId": "regions", "groupNames": ["H-2"] } ] } }),
        json!({ "id": ASSIGNMENT, "name": "house", "properties": {
            "displayName": "House rules everywhere", "policyDefinitionId": SET,
            "nonComplianceMessages": [{ "message": "see the house rules" }] } }),
    ]
}

async fn import(server: &Server, documents: &Value) -> Value {
    let (status, body) = ask(server, "POST", "/api/v1/policy/import", &[BEARER], &documents.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn an_account_is_one_scope_with_the_name_of_its_subscription() {
    let server = server().await;
    let subscription = get(&server, "/subscriptions?api-version=2022-12-01").await["value"][0].clone();
    let id = subscription["id"].as_str().unwrap();
    let scopes = async || {
        let overview = get(&server, "/api/v1/policy").await;
        let scopes = overview["scopes"].as_array().unwrap().iter().skip(1).map(|own| (own["id"].clone(), own["name"].clone()));
        scopes.collect::<Vec<_>>()
    };
    let name = &subscription["displayName"];
    assert_eq!(scopes().await, [(json!("/subscriptions/fleet"), name.clone())]);
    let mut documents = bundle();
    documents.push(json!({ "id": format!("{id}/providers/Microsoft.Authorization/policyAssignments/by-id"),
        "type": "Microsoft.Authorization/policyAssignments", "name": "by-id", "properties": { "policyDefinitionId": SET } }));
    import(&server, &json!(documents)).await;
    assert_eq!(scopes().await, [(json!(id), name.clone())]);
}

#[tokio::test]
async fn a_subscription_is_called_as_its_environment_calls_it_wherever_it_is_named() {
    let subscription = Resource { type_name: "Microsoft.Resources/subscriptions".into(), ..machine() };
    let server = estate_of(&[("fern", "a1"), ("fern", "b2")], &subscription).await;
    let texts = |list: &Value, member: &str| -> Vec<String> {
        list.as_array().unwrap().iter().map(|own| own[member].as_str().unwrap_or_default().to_owned()).collect()
    };
    let subscriptions = get(&server, "/subscriptions?api-version=2022-12-01").await;
    assert_eq!(texts(&subscriptions["value"], "displayName"), ["fern-a1", "fern-b2"]);
    assert_eq!(texts(&get(&server, "/api/v1/overview").await["subscriptions"], "name"), ["fern-a1", "fern-b2"]);
    assert_eq!(texts(&get(&server, "/api/v1/plans").await["subscriptions"], "displayName"), ["fern-a1", "fern-b2"]);
    let scopes = get(&server, "/api/v1/policy").await["scopes"].clone();
    assert_eq!(texts(&scopes, "name").into_iter().skip(1).collect::<Vec<_>>(), ["fern-a1", "fern-b2"]);
    let one = subscriptions["value"][0]["id"].as_str().unwrap();
    let reader = program(&server, "reader", BuiltIn::Reader, one).await;
    for path in ["/subscriptions?api-version=2022-12-01", "/api/v1/overview", "/api/v1/policy"] {
        let (status, body) = ask(&server, "GET", path, &[("authorization", &reader)], "").await;
        assert!(status == StatusCode::OK && body.contains("fern-a1") && !body.contains("fern-b2"), "{path}: {body}");
    }
}

#[tokio::test]
async fn what_is_imported_is_in_force_and_told() {
    let server = server().await;
    assert_eq!(get(&server, "/api/v1/policy").await["total"], json!({ "counts": {}, "compliant": null }));
    let mut documents = json!(bundle());
    documents
        .as_array_mut()
        .unwrap()
        .push(json!({ "policyRule": { "if": { "field": "type", "equls": 1 }, "then": { "effect": "x" } } }));
    let (_, dry) = post(&server, "/api/v1/policy/import?dryRun=true", &documents).await;
    assert_eq!(dry["read"], json!({ "definition": 2, "initiative": 1, "assignment": 1 }));
    assert!(dry["judged"].is_null());
    assert_eq!(dry["problemCount"], 2, "{dry}");
    let helps: Vec<&Value> = dry["problems"].as_array().unwrap().iter().map(|problem| &problem["help"]).collect();
    assert!(helps.contains(&&json!("did you mean `equals`?")), "{helps:?}");
    assert_eq!(get(&server, "/api/v1/policy").await["assignments"], json!([]));

    let done = import(&server, &documents).await;
    assert_eq!(done["change"], json!({ "added": 4, "changed": 0, "same": 0 }));
    assert_eq!(done["judged"], json!({ "resources": 1, "states": 2, "changed": 2 }));
    let overview = get(&server, "/api/v1/policy").await;
    assert_eq!(overview["total"], json!({ "counts": { "NonCompliant": 1 }, "compliant": 0.0 }));
    let assignment = &overview["assignments"][0];
    assert_eq!((&assignment["definitionName"], &assignment["definitions"]), (&json!("House rules"), &json!(2)));
    let scopes: Vec<&str> = overview["scopes"].as_array().unwrap().iter().map(|scope| scope["id"].as_str().unwrap()).collect();
    assert_eq!(scopes, ["/", "/subscriptions/fleet"]);

    let one = get(&server, &format!("/api/v1/policy/assignment?id={}", ASSIGNMENT.to_uppercase())).await;
    let owner = &one["settings"][0];
    assert_eq!((&owner["effect"], &owner["effectFrom"]), (&json!("deny"), &json!("initiativeDefault")));
    assert_eq!(owner["parameters"]["tag"], json!({ "value": "owner", "from": "definitionDefault" }));
    assert_eq!(owner["counts"], json!({ "NonCompliant": 1 }));
    assert_eq!(one["groups"][1]["displayName"], "It stands where it should");

    let states = get(&server, "/api/v1/policy/states?state=NonCompliant&limit=1").await;
    assert_eq!(states["total"], 2);
    assert!(states["next"].is_string());
    assert_eq!(states["items"][0]["message"], "see the house rules");
    let (status, _) = ask(&server, "GET", "/api/v1/policy/states?state=Splendid", &[BEARER], "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(get(&server, "/api/v1/policy/history").await["items"].as_array().unwrap().len(), 2);

    let definition = get(&server, &format!("/api/v1/policy/definition?id={DEFINITION}")).await;
    assert_eq!(definition["effect"], json!({ "parameter": "effect", "default": "Audit" }));
    assert_eq!(definition["initiatives"][0]["displayName"], "House rules");
    assert_eq!(definition["states"]["counts"], json!({ "NonCompliant": 1 }));
    assert!(definition["policyRule"]["if"].is_object());
    let set = get(&server, &format!("/api/v1/policy/definition?id={SET}")).await;
    assert_eq!(set["members"][1]["displayName"], "Allowed regions");
    let found = get(&server, "/api/v1/policy/definitions?q=owner").await;
    assert_eq!((&found["total"], &found["items"][0]["id"]), (&json!(1), &json!(DEFINITION)));

    let scope = get(&server, "/api/v1/policy/scope?id=/subscriptions/fleet").await;
    assert_eq!(scope["assignments"][0]["inherited"], true);
    assert_eq!(scope["above"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_initiative_with_groups_is_a_standard() {
    let server = server().await;
    import(&server, &json!(bundle())).await;
    let list = get(&server, "/api/v1/compliance").await;
    let own = list["items"].as_array().unwrap().iter().find(|item| item["id"] == "policy-house-rules").unwrap();
    assert_eq!((&own["title"], &own["state"]), (&json!("House rules"), &json!("Failed")));
    let tree = get(&server, "/api/v1/compliance/policy-house-rules").await;
    let controls = tree["controls"].as_array().unwrap();
    assert_eq!(controls.len(), 2, "a section for each category: {tree}");
    assert_eq!(controls[0]["controls"][0]["title"], "Somebody answers for it");
    assert_eq!((&controls[0]["controls"][0]["failed"], &controls[1]["controls"][0]["failed"]), (&json!(1), &json!(1)));
    assert_eq!(tree["custom"], false, "it changes with the initiative");
    let path = "/api/v1/standards/policy-house-rules";
    let (status, body) = ask(&server, "DELETE", path, &[BEARER], "").await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    // What a person sets aside counts as the standard counts it.
    import(
        &server,
        &json!({ "id": "/subscriptions/fleet/providers/Microsoft.Authorization/policyExemptions/old", "properties": {
        "policyAssignmentId": ASSIGNMENT, "exemptionCategory": "Mitigated", "policyDefinitionReferenceIds": ["owner"] } }),
    )
    .await;
    let tree = get(&server, "/api/v1/compliance/policy-house-rules").await;
    assert_eq!(tree["controls"][0]["controls"][0]["state"], "Passed");
    assert_eq!(tree["controls"][1]["controls"][0]["state"], "Failed");
    let history = get(&server, "/api/v1/compliance/policy-house-rules/history").await;
    assert!(!history["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn an_archive_goes_out_and_comes_back() {
    let server = server().await;
    import(&server, &json!(bundle())).await;
    let (status, archive) = ask_bytes(&server, "GET", "/api/v1/policy/export", &[BEARER], Vec::new()).await;
    assert_eq!(status, StatusCode::OK);
    let files = skywarden_bundle::unpack(&archive).unwrap();
    assert_eq!(files.len(), 4);
    let path = format!("/api/v1/policy/object?id={ASSIGNMENT}");
    let (status, _) = ask(&server, "DELETE", &path, &[BEARER], "").await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = ask(&server, "DELETE", &path, &[BEARER], "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(get(&server, "/api/v1/policy/states").await["total"], 0);
    let (status, body) = ask_bytes(&server, "POST", "/api/v1/policy/import", &[BEARER], archive).await;
    let done: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &done["change"]), (StatusCode::OK, &json!({ "added": 1, "changed": 0, "same": 3 })));
    assert_eq!(get(&server, "/api/v1/policy/states").await["total"], 2);
    let kept = server.store.policy_library().await.unwrap();
    assert_eq!(kept.library.documents().filter(|(_, kind, _)| *kind == ObjectKind::Definition).count(), 2);
    // Longer than other requests may be, and told for what it is.
    let long = json!({ "padding": "x".repeat(2 << 20) });
    assert_eq!(import(&server, &long).await["ignored"], json!(["request.json"]));
    let (status, answer) = post(&server, "/api/v1/policy/try", &long).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(answer.to_string().contains("limit"), "{answer}");
    let (status, body) = ask(&server, "POST", "/api/v1/policy/import", &[BEARER], "PK\u{3}\u{4} nothing").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
}

#[tokio::test]
async fn a_definition_is_tried_on_what_is_pasted() {
    let server = server().await;
    import(&server, &json!(bundle())).await;
    let resource = "type: Skywarden.Host/machines\nname: web\nlocation: home\ntags: {}\n";
    let (_, tried) = post(&server, "/api/v1/policy/try", &json!({ "definitionId": DEFINITION, "resource": resource })).await;
    assert_eq!(tried["problems"], json!([]));
    let result = &tried["results"][0];
    assert_eq!((&result["state"], &result["door"]), (&json!("NonCompliant"), &json!("marked")), "{result}");
    assert!(!result["evidence"].as_array().unwrap().is_empty());
    let body = json!({ "definitionId": DEFINITION, "resource": resource, "parameters": "effect: Deny" });
    assert_eq!(post(&server, "/api/v1/policy/try", &body).await.1["results"][0]["door"], "denied");

    let wrong = "policyRule:\n  if: { field: type, equls: x }\n  then: { effect: audit }\n";
    let (_, tried) = post(&server, "/api/v1/policy/try", &json!({ "definition": wrong, "resource": "{" })).await;
    let places: Vec<(&Value, &Value)> =
        tried["problems"].as_array().unwrap().iter().map(|problem| (&problem["in"], &problem["line"])).collect();
    assert_eq!(places[0], (&json!("definition"), &json!(2)), "{tried}");
    assert_eq!(places[1].0, &json!("resource"));
    let body = json!({ "definitionId": DEFINITION, "resource": resource, "parameters": "nobody: 1" });
    assert_eq!(post(&server, "/api/v1/policy/try", &body).await.1["problems"][0]["in"], "parameters");
    assert_eq!(post(&server, "/api/v1/policy/try", &json!({ "resource": "" })).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn restrictions_are_told_before_something_is_made() {
    let server = server().await;
    import(&server, &json!(bundle())).await;
    let check = "providers/Microsoft.PolicyInsights/checkPolicyRestrictions?api-version=2023-03-01";
    let machine = json!({ "type": "Skywarden.Host/machines", "name": "web", "location": "moon", "tags": { "owner": "ada" } });
    let body = json!({ "resourceDetails": { "resourceContent": machine, "apiVersion": "2021-04-01" },
                       "pendingFields": [{ "field": "tags" }, { "field": "location", "values": ["home", "moon"] }] });
    for path in ["/subscriptions/fleet", "/subscriptions/fleet/resourceGroups/machines"] {
        let (status, answer) = post(&server, &format!("{path}/{check}"), &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let restrictions = &answer["fieldRestrictions"];
        assert_eq!(restrictions[0]["restrictions"][0]["result"], "Required", "without tags it has no owner: {answer}");
        assert_eq!(restrictions[1]["field"], "location", "{answer}");
        let limit = &restrictions[1]["restrictions"][0];
        assert_eq!((&limit["result"], &limit["values"]), (&json!("Deny"), &json!(["moon"])));
        assert_eq!(limit["policy"]["policySetDefinitionId"], SET);
        assert_eq!(limit["policy"]["policyDefinitionReferenceId"], "regions");
    }
    let body = json!({ "resourceDetails": { "resourceContent": { "type": "Skywarden.Host/machines", "name": "web", "location": "moon" } },
                       "pendingFields": [] });
    let (_, answer) = post(&server, &format!("/subscriptions/fleet/{check}"), &body).await;
    let evaluations = answer["contentEvaluationResult"]["policyEvaluations"].as_array().unwrap();
    assert_eq!(evaluations.len(), 2, "{answer}");
    let regions = &evaluations[1]["evaluationDetails"]["evaluatedExpressions"][0];
    assert_eq!((&regions["expression"], &regions["expressionValue"]), (&json!("location"), &json!("moon")));
    assert_eq!((&regions["operator"], &regions["targetValue"]), (&json!("notIn"), &json!(["home", "cellar"])));
    let group = format!("/providers/Microsoft.Management/managementGroups/corp/{check}");
    let (status, answer) = post(&server, &group, &json!({ "pendingFields": [{ "field": "type" }] })).await;
    assert_eq!((status, &answer["contentEvaluationResult"]["policyEvaluations"]), (StatusCode::OK, &json!([])), "{answer}");
    assert_eq!(answer["fieldRestrictions"], json!([]));
    let types = json!({ "policyRule": { "if": { "field": "type", "in": ["Microsoft.Classic/things", "Microsoft.Old/stuff"] },
                                        "then": { "effect": "deny" } }, "name": "types" });
    let at = "/providers/Microsoft.Management/managementGroups/corp/providers/Microsoft.Authorization/policyAssignments/types";
    let own =
        json!({ "id": at, "properties": { "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/types" } });
    import(&server, &json!([types, own])).await;
    let (_, answer) = post(&server, &group, &json!({ "pendingFields": [{ "field": "type" }] })).await;
    let limit = &answer["fieldRestrictions"][0]["restrictions"][0];
    assert_eq!(
        (&limit["result"], &limit["values"]),
        (&json!("Deny"), &json!(["Microsoft.Classic/things", "Microsoft.Old/stuff"]))
    );
    assert_eq!(post(&server, &group, &json!({ "pendingFields": [{ "field": "location" }] })).await.0, StatusCode::BAD_REQUEST);
    let path = format!("/subscriptions/fleet/{check}");
    assert_eq!(post(&server, &path, &json!({ "pendingFields": [] })).await.0, StatusCode::BAD_REQUEST);
    let two = json!({ "resourceDetails": { "resourceContent": [machine, machine] } });
    assert_eq!(post(&server, &path, &two).await.0, StatusCode::BAD_REQUEST);
}
