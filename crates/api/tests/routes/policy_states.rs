//! States through `Microsoft.PolicyInsights`: the same as the console's, filtered, sorted, grouped and summed up.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::ArmId;
use skywarden_rbac::BuiltIn;

use crate::{
    common::{self, BEARER, Server, ask, estate, get, machine, program, server},
    policy_arm::{assigned, at, form_query, owner, put, send, subscription},
};

const STATES: &str = "providers/Microsoft.PolicyInsights/policyStates/latest";

/// A set of two definitions at the machine's subscription: one is violated, of the other it can't be known.
async fn governed() -> Server {
    let server = server().await;
    let own = subscription();
    let unknown = json!({ "properties": { "displayName": "Unreadable", "policyRule": {
        "if": { "field": "location", "equals": "[substring(field('name'), 500)]" }, "then": { "effect": "audit" } } } });
    for (name, body) in [("owner", owner()), ("unknown", unknown)] {
        let (status, made) = put(&server, &at(&own, "policyDefinitions", name), &body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
    }
    let set = json!({ "properties": {
        "policyDefinitionGroups": [{ "name": "G" }],
        "policyDefinitions": [
            { "policyDefinitionId": at(&own, "policyDefinitions", "owner"), "policyDefinitionReferenceId": "owner", "groupNames": ["G"] },
            { "policyDefinitionId": at(&own, "policyDefinitions", "unknown"), "policyDefinitionReferenceId": "unknown" }] } });
    let (status, made) = put(&server, &at(&own, "policySetDefinitions", "set"), &set).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (status, made) =
        put(&server, &at(&own, "policyAssignments", "house"), &assigned(&at(&own, "policySetDefinitions", "set"))).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    server
}

async fn ask_states(server: &Server, scope: &str, options: &[(&str, &str)]) -> (StatusCode, Value) {
    send(server, BEARER.1, "POST", &format!("{scope}/{STATES}/queryResults?{}", form_query(options)), &json!({})).await
}

async fn states(server: &Server, scope: &str, options: &[(&str, &str)]) -> Vec<Value> {
    let (status, answer) = ask_states(server, scope, options).await;
    assert_eq!(status, StatusCode::OK, "{scope} {options:?}: {answer}");
    let value = answer.get("value").and_then(Value::as_array).unwrap();
    assert_eq!(answer.get("@odata.count"), Some(&json!(value.len())));
    value.clone()
}

#[tokio::test]
async fn states_are_those_that_the_console_shows() {
    let server = governed().await;
    let own = subscription();
    let shown = get(&server, "/api/v1/policy/states").await;
    let of_console: BTreeSet<(String, String, String)> = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let state = row["state"].as_str().unwrap().replace("Unread", "Unknown");
            (row["resource"].to_string(), row["reference"].to_string(), state)
        })
        .collect();
    let of_arm = |rows: &[Value]| -> BTreeSet<(String, String, String)> {
        let line = |row: &Value| {
            let state = row["complianceState"].as_str().unwrap().to_owned();
            (row["nativeResourceId"].to_string(), row["policyDefinitionReferenceId"].to_string(), state)
        };
        rows.iter().map(line).collect()
    };
    assert_eq!(of_console.len(), 2, "{shown}");
    let resource = ArmId::of(&machine()).as_str().to_owned();
    put(&server, "/providers/Microsoft.Management/managementGroups/corp", &json!({ "properties": {} })).await;
    put(&server, &format!("/providers/Microsoft.Management/managementGroups/corp{own}"), &json!({})).await;
    for scope in [
        own.clone(),
        "/subscriptions/fleet".to_owned(),
        format!("{own}/resourceGroups/machines"),
        "/providers/Microsoft.Management/managementGroups/corp".to_owned(),
        resource.clone(),
        at(&own, "policySetDefinitions", "set"),
        at(&own, "policyAssignments", "house"),
    ] {
        assert_eq!(of_arm(&states(&server, &scope, &[]).await), of_console, "{scope}");
    }
    let rows = states(&server, &at(&own, "policyDefinitions", "unknown"), &[]).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&row["complianceState"], &row["isCompliant"]), (&json!("Unknown"), &json!(false)));
    assert_eq!(row["complianceReasonCode"], "RuleFailed", "{row}");
    assert!(row["complianceReason"].as_str().is_some_and(|text| !text.is_empty()), "what is not known says why: {row}");
    assert_eq!((&row["resourceId"], &row["managementGroupIds"]), (&json!(resource), &json!("corp")));
    for (scope, code) in [
        (at(&own, "policyDefinitions", "none"), "PolicyDefinitionNotFound"),
        (format!("{own}/resourceGroups/none"), "ResourceGroupNotFound"),
        ("/subscriptions/none".to_owned(), "SubscriptionNotFound"),
    ] {
        let (status, answer) = ask_states(&server, &scope, &[]).await;
        assert_eq!((status, &answer["error"]["code"]), (StatusCode::NOT_FOUND, &json!(code)));
    }
}

#[tokio::test]
async fn states_are_filtered_chosen_sorted_and_grouped() {
    let server = governed().await;
    let own = subscription();
    let house = at(&own, "policyAssignments", "house");
    let resource = ArmId::of(&machine()).as_str().to_uppercase();
    for (filter, n_found) in [
        ("complianceState eq 'NonCompliant'".to_owned(), 1),
        ("ComplianceState eq 'Unknown'".to_owned(), 1),
        ("complianceState ne 'NonCompliant'".to_owned(), 1),
        ("not (complianceState eq 'NonCompliant' or complianceState eq 'Unknown')".to_owned(), 0),
        (format!("policyAssignmentId eq '{}' and isCompliant eq false", house.to_lowercase()), 2),
        (format!("resourceId eq '{resource}' and policyDefinitionReferenceId eq 'owner'"), 1),
        ("resourceId eq '/subscriptions/x/y'".to_owned(), 0),
        ("resourceType eq 'Skywarden.Host/machines' and contains(policyDefinitionId, 'Owner')".to_owned(), 1),
        ("timestamp gt 2020-01-01T00:00:00Z".to_owned(), 2),
        ("timestamp gt 2999-01-01T00:00:00Z".to_owned(), 0),
    ] {
        assert_eq!(states(&server, &own, &[("$filter", &filter)]).await.len(), n_found, "{filter}");
    }
    assert_eq!(states(&server, &own, &[("$from", "2999-01-01T00:00:00Z")]).await.len(), 0);
    let chosen = states(
        &server,
        &own,
        &[("$select", "policyDefinitionReferenceId, complianceState"), ("$orderby", "policyDefinitionReferenceId desc")],
    )
    .await;
    let line = |reference: &str, state: &str| json!({ "@odata.id": null, "@odata.context": null, "policyDefinitionReferenceId": reference, "complianceState": state });
    assert_eq!(chosen, [line("unknown", "Unknown"), line("owner", "NonCompliant")]);
    let grouped = states(
        &server,
        &own,
        &[("$apply", "groupby((complianceState), aggregate($count as N))"), ("$orderby", "complianceState")],
    )
    .await;
    assert_eq!((&grouped[0]["complianceState"], &grouped[0]["N"], grouped.len()), (&json!("NonCompliant"), &json!(1), 2));
    let detailed =
        states(&server, &own, &[("$expand", "PolicyEvaluationDetails"), ("$filter", "complianceState eq 'NonCompliant'")]).await;
    assert!(!detailed[0]["policyEvaluationDetails"]["evaluatedExpressions"].as_array().unwrap().is_empty());
    for (name, value) in [
        ("$filter", "colour eq 'x'"),
        ("$filter", "complianceState eq NonCompliant"),
        ("$select", "colour"),
        ("$orderby", "timestamp sideways"),
        ("$apply", "compute(x)"),
        ("$expand", "everything"),
        ("$from", "yesterday"),
    ] {
        let (status, answer) = ask_states(&server, &own, &[(name, value)]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}={value}: {answer}");
    }
    // A page has what is asked for; as many as are asked for are all.
    for order in ["", "resourceId"] {
        let (_, first) = ask_states(&server, &own, &[("$top", "1"), ("$orderby", order)]).await;
        assert_eq!((first["value"].as_array().unwrap().len(), &first["@odata.nextLink"]), (1, &Value::Null), "{first}");
    }
}

#[tokio::test]
async fn states_go_on_where_a_page_ended() {
    // Each of 11 machines under each of 100 assignments.
    let accounts: Vec<String> = (0..11).map(|number| format!("a{number}")).collect();
    let places: Vec<(&str, &str)> = accounts.iter().map(|account| ("big", account.as_str())).collect();
    let server = estate(&places).await;
    let definition = at("", "policyDefinitions", "owner");
    assert_eq!(put(&server, &definition, &owner()).await.0, StatusCode::CREATED);
    let assignments: Vec<Value> = (0..100)
        .map(|number| json!({ "id": at("", "policyAssignments", &format!("n{number}")), "properties": assigned(&definition)["properties"] }))
        .collect();
    let (status, body) = ask(&server, "POST", "/api/v1/policy/import", &[BEARER], &json!(assignments).to_string()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let root = format!("/providers/Microsoft.Management/managementGroups/{}", crate::common::TENANT);
    for (options, wanted) in [(vec![], 1100), (vec![("$orderby", "resourceId desc")], 1100), (vec![("$top", "1003")], 1003)] {
        let mut next = format!("{root}/{STATES}/queryResults?{}", form_query(&options));
        let mut seen = BTreeSet::new();
        let mut n_pages = 0;
        loop {
            let (status, page) = send(&server, BEARER.1, "POST", &next, &json!({})).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            n_pages += 1;
            for row in page["value"].as_array().unwrap() {
                assert!(seen.insert((row["resourceId"].to_string(), row["policyAssignmentId"].to_string())), "twice: {row}");
            }
            let Some(link) = page["@odata.nextLink"].as_str() else { break };
            next = link.split_once("127.0.0.1:8470").unwrap().1.to_owned();
        }
        assert_eq!((seen.len(), n_pages), (wanted, 2), "{options:?}");
    }
}

#[tokio::test]
async fn a_summary_counts_resources_and_definitions() {
    let server = governed().await;
    let own = subscription();
    let (status, summary) = send(&server, BEARER.1, "POST", &format!("{own}/{STATES}/summarize"), &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{summary}");
    let results = &summary["value"][0]["results"];
    assert_eq!((&results["nonCompliantResources"], &results["nonCompliantPolicies"]), (&json!(1), &json!(1)));
    assert_eq!(results["resourceDetails"], json!([{ "complianceState": "noncompliant", "count": 1 }]));
    assert_eq!(
        results["policyDetails"],
        json!([{ "complianceState": "noncompliant", "count": 1 }, { "complianceState": "unknown", "count": 1 }])
    );
    let assignment = &summary["value"][0]["policyAssignments"][0];
    assert_eq!(assignment["policyAssignmentId"], at(&own, "policyAssignments", "house"));
    assert_eq!(
        (assignment["policyDefinitions"].as_array().unwrap().len(), &assignment["policyGroups"][0]["policyGroupName"]),
        (2, &json!("G"))
    );
    // The address of a number leads to what was counted.
    let uri = assignment["policyDefinitions"][0]["results"]["queryResultsUri"].as_str().unwrap();
    let (_, behind) = send(&server, BEARER.1, "POST", uri.split_once("127.0.0.1:8470").unwrap().1, &json!({})).await;
    assert_eq!((&behind["@odata.count"], &behind["value"][0]["policyDefinitionReferenceId"]), (&json!(1), &json!("owner")));
}

#[tokio::test]
async fn an_exemption_of_a_resource_holds_under_the_id_that_arm_has() {
    let server = governed().await;
    let own = subscription();
    let resource = ArmId::of(&machine()).as_str().to_owned();
    let body = json!({ "properties": { "policyAssignmentId": at(&own, "policyAssignments", "house"), "exemptionCategory": "Waiver",
                                       "policyDefinitionReferenceIds": ["owner"] } });
    let (status, made) = put(&server, &at(&resource, "policyExemptions", "known"), &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let rows = states(&server, &own, &[("$filter", "policyDefinitionReferenceId eq 'owner'")]).await;
    assert_eq!((&rows[0]["complianceState"], &rows[0]["policyExemptionIds"][0]), (&json!("Exempt"), &made["id"]));
}

#[tokio::test]
async fn an_evaluation_is_asked_for_and_waited_for() {
    let server = governed().await;
    let own = subscription();
    let reader = program(&server, "reader", BuiltIn::Reader, "/subscriptions/fleet").await;
    for scope in [own.clone(), format!("{own}/resourceGroups/machines")] {
        let path = format!("{scope}/{STATES}/triggerEvaluation?api-version=2019-10-01");
        assert_eq!(send(&server, &reader, "POST", &path, &json!({})).await.0, StatusCode::FORBIDDEN);
        let (status, address) = begun(&server, &path).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        let waited = async {
            loop {
                let (status, body) = send(&server, BEARER.1, "GET", &address, &json!({})).await;
                match status {
                    StatusCode::OK => return,
                    StatusCode::ACCEPTED => tokio::task::yield_now().await,
                    other => panic!("{other} {body}"),
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), waited).await.expect("the evaluation does not end");
    }
    for name in ["x", "99999999999999999"] {
        let path = format!("{own}/providers/Microsoft.PolicyInsights/asyncOperationResults/{name}");
        assert_eq!(send(&server, BEARER.1, "GET", &path, &json!({})).await.0, StatusCode::NOT_FOUND, "{name}");
    }
}

/// What starts, with the address where its end is told.
async fn begun(server: &Server, path: &str) -> (StatusCode, String) {
    let response = common::send(server, "POST", path, &[BEARER], Vec::new()).await;
    let address = response.headers()["location"].to_str().unwrap();
    (response.status(), address.split_once("127.0.0.1:8470").unwrap().1.to_owned())
}
