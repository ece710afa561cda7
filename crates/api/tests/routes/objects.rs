//! Objects that clients write: every kind there and back, who may, what a wrong body is told, and what plans do.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use skywarden_model::{Connector, Environment, subscription_id};
use skywarden_rbac::BuiltIn;

use crate::common::{self, BEARER, JSON, Server, ask, estate, get, machine, program, server};

pub(crate) fn subscription() -> String {
    format!("/subscriptions/{}", subscription_id(&machine().scope))
}

/// The path of something of the machine's subscription.
pub(crate) fn own(rest: &str) -> String {
    format!("{}/providers/Microsoft.Security/{rest}", subscription())
}

pub(crate) async fn send(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> (StatusCode, Value) {
    let headers: Vec<(&str, &str)> = [BEARER, JSON].into_iter().chain(headers.iter().copied()).collect();
    let (status, body) = ask(server, method, path, &headers, &body.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

pub(crate) async fn put(server: &Server, path: &str, properties: Value) -> (StatusCode, Value) {
    send(server, "PUT", path, &[], &json!({ "properties": properties })).await
}

pub(crate) async fn delete(server: &Server, path: &str) -> StatusCode {
    send(server, "DELETE", path, &[], &Value::Null).await.0
}

pub(crate) fn names(list: &Value) -> Vec<&str> {
    let rows = list.get("value").and_then(Value::as_array).unwrap();
    rows.iter().map(|own| own.get("name").and_then(Value::as_str).unwrap()).collect()
}

#[tokio::test]
async fn each_kind_goes_there_and_back() {
    let server = server().await;
    let conditions = json!([{ "conditions": [{ "property": "$.AssessmentKey", "value": "x", "operator": "Equals" }] }]);
    for (path, properties, created, deleted) in [
        (
            "applications/shop",
            json!({ "displayName": "Shop", "sourceResourceType": "Assessments", "conditionSets": conditions }),
            201,
            Some(200),
        ),
        ("autoProvisioningSettings/default", json!({ "autoProvision": "On" }), 200, None),
        ("settings/MCAS", json!({ "enabled": true }), 200, None),
        ("settings/Sentinel", json!({ "enabled": true }), 200, None),
        (
            "securityContacts/default",
            json!({ "emails": "a@b.example;c@d.example", "phone": "1", "isEnabled": true,
                    "notificationsByRole": { "state": "On", "roles": ["Owner"] },
                    "notificationsSources": [{ "sourceType": "Alert", "minimalSeverity": "Low" }] }),
            201,
            Some(200),
        ),
        ("workspaceSettings/default", json!({ "workspaceId": "/w", "scope": subscription() }), 200, Some(204)),
    ] {
        let (collection, name) = path.split_once('/').unwrap();
        let path = own(path);
        let (status, made) = put(&server, &path, properties.clone()).await;
        assert_eq!(status.as_u16(), created, "{path}: {made}");
        assert_eq!((&made["properties"], made["name"].as_str()), (&properties, Some(name)), "{path}");
        assert_eq!(
            (made["id"].as_str(), made["type"].as_str()),
            (Some(path.as_str()), Some(&*format!("Microsoft.Security/{collection}")))
        );
        assert_eq!(get(&server, &path).await, made);
        let listed = get(&server, &own(collection)).await;
        assert!(listed["value"].as_array().unwrap().contains(&made), "{path}: {listed}");
        // The same again changes nothing.
        let again = send(&server, "PUT", &path, &[], &made).await;
        assert_eq!(again, (StatusCode::OK, made.clone()), "what is answered can be sent back");
        assert_eq!(get(&server, &path.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions")).await["etag"], made["etag"]);
        if let Some(deleted) = deleted {
            assert_eq!(delete(&server, &path).await.as_u16(), deleted, "{path}");
            assert_eq!(delete(&server, &path).await, StatusCode::NO_CONTENT, "{path}");
            assert_eq!(ask(&server, "GET", &path, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
            assert!(!get(&server, &own(collection)).await["value"].as_array().unwrap().contains(&made));
        }
    }
    let settings = get(&server, &own("settings")).await;
    assert_eq!(names(&settings), ["MCAS", "Sentinel", "WDATP", "WDATP_EXCLUDE_LINUX_PUBLIC_PREVIEW", "WDATP_UNIFIED_SOLUTION"]);
    assert_eq!(
        (&settings["value"][1]["kind"], &settings["value"][2]["kind"]),
        (&json!("AlertSyncSettings"), &json!("DataExportSettings"))
    );
    assert_eq!(settings["value"][2]["properties"], json!({ "enabled": false }));
}

#[tokio::test]
async fn an_answer_to_a_change_says_what_does_nothing_yet() {
    let server = server().await;
    let body = json!({ "properties": { "emails": "a@b.example" } }).to_string().into_bytes();
    let answer = common::send(&server, "PUT", &own("securityContacts/default"), &[BEARER, JSON], body).await;
    let note = answer.headers()[header::WARNING].to_str().unwrap();
    assert!(note.contains("no mail is sent"), "{note}");
    let body = json!({ "properties": { "pricingTier": "Standard" } }).to_string().into_bytes();
    let answer = common::send(&server, "PUT", &own("pricings/Api"), &[BEARER, JSON], body).await;
    assert!(!answer.headers().contains_key(header::WARNING) && answer.headers().contains_key(header::ETAG));
}

#[tokio::test]
async fn whoever_expects_something_else_gets_a_conflict() {
    let server = server().await;
    let path = own("workspaceSettings/default");
    let body = |id: &str| json!({ "properties": { "workspaceId": id, "scope": "/s" } });
    let change =
        async |method: &str, name: &str, value: &str, body: Value| send(&server, method, &path, &[(name, value)], &body).await;
    assert_eq!(change("PUT", "if-match", "*", body("a")).await.0, StatusCode::PRECONDITION_FAILED);
    let (_, first) = change("PUT", "if-none-match", "*", body("a")).await;
    assert_eq!(change("PUT", "if-none-match", "*", body("b")).await.0, StatusCode::PRECONDITION_FAILED);
    let etag = first["etag"].as_str().unwrap();
    let (status, second) = change("PATCH", "if-match", etag, json!({ "properties": { "workspaceId": "b" } })).await;
    assert_eq!((status, &second["properties"]), (StatusCode::OK, &body("b")["properties"]));
    let (status, refused) = change("PUT", "if-match", etag, body("c")).await;
    assert_eq!((status, &refused["error"]["code"]), (StatusCode::PRECONDITION_FAILED, &json!("PreconditionFailed")));
    assert_eq!(change("DELETE", "if-match", etag, Value::Null).await.0, StatusCode::PRECONDITION_FAILED);
    assert_eq!(get(&server, &path).await["etag"], second["etag"]);
    assert_eq!(change("DELETE", "if-match", second["etag"].as_str().unwrap(), Value::Null).await.0, StatusCode::NO_CONTENT);
    // What holds while nobody wrote it has an etag too.
    let path = own("settings/WDATP");
    let etag = get(&server, &path).await["etag"].as_str().unwrap().to_owned();
    let on = json!({ "properties": { "enabled": true } });
    assert_eq!(send(&server, "PUT", &path, &[("if-match", &etag)], &on).await.0, StatusCode::OK);
    assert_eq!(send(&server, "PUT", &path, &[("if-match", &etag)], &on).await.0, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn of_many_who_write_at_once_each_change_is_made_or_refused() {
    let server = server().await;
    let path = own("applications/counter");
    let body = |count: usize| json!({ "properties": { "displayName": count.to_string(), "sourceResourceType": "Assessments", "conditionSets": [] } });
    let expected = [("if-none-match", "*")];
    let (a, b, c) = (body(1), body(2), body(3));
    let (one, two, three) = tokio::join!(
        send(&server, "PUT", &path, &expected, &a),
        send(&server, "PUT", &path, &expected, &b),
        send(&server, "PUT", &path, &expected, &c)
    );
    let made: Vec<&Value> =
        [&one, &two, &three].into_iter().filter(|own| own.0 == StatusCode::CREATED).map(|own| &own.1).collect();
    let [made] = made.as_slice() else { panic!("{one:?} {two:?} {three:?}") };
    assert_eq!(&get(&server, &path).await, *made);
}

#[tokio::test]
async fn a_wrong_body_is_told_its_member_and_what_is_allowed() {
    let server = server().await;
    for (path, properties, target, allowed) in [
        ("pricings/VirtualMachines", json!({ "pricingTier": "Gold" }), "properties.pricingTier", "Free, Standard"),
        ("pricings/VirtualMachines", json!({}), "properties.pricingTier", "missing"),
        ("pricings/VirtualMachines", json!({ "pricingTier": "Standard", "subPlan": "P9" }), "properties.subPlan", "P1, P2"),
        (
            "pricings/VirtualMachines",
            json!({ "pricingTier": "Standard", "extensions": [{ "name": "Nothing", "isEnabled": "True" }] }),
            "properties.extensions[0].name",
            "AgentlessVmScanning",
        ),
        (
            "pricings/VirtualMachines",
            json!({ "pricingTier": "Standard", "extensions": [{ "name": "AgentlessVmScanning", "isEnabled": "True", "additionalExtensionProperties": { "x": 1 } }] }),
            "properties.extensions[0].additionalExtensionProperties.x",
            "ExclusionTags",
        ),
        ("pricings/KeyVaults", json!({ "pricingTier": "Standard", "tier": 1 }), "properties.tier", "pricingTier, subPlan"),
        ("settings/MCAS", json!({ "enabled": "yes" }), "properties.enabled", "true or false"),
        ("securityContacts/default", json!({ "emails": "nobody" }), "properties.emails", "e-mail addresses"),
        ("applications/x", json!({ "sourceResourceType": "Assessments" }), "properties.conditionSets", "missing"),
    ] {
        let (status, answer) = put(&server, &own(path), properties).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {answer}");
        assert_eq!(answer["error"]["target"], target, "{path}: {answer}");
        assert_eq!(answer["error"]["details"][0]["target"], target);
        assert!(answer["error"]["message"].as_str().unwrap().contains(allowed), "{path}: {answer}");
    }
    for (body, code) in [("[]", 400), ("{", 400), ("\"x\"", 400), ("{\"properties\":[]}", 400)] {
        assert_eq!(ask(&server, "PUT", &own("settings/MCAS"), &[BEARER, JSON], body).await.0.as_u16(), code, "{body}");
    }
    for path in ["settings/Nothing", "pricings/Nothing", "securityContacts/other"] {
        assert_eq!(put(&server, &own(path), json!({})).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(put(&server, &own("applications/a%5Cb"), json!({})).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn contacts_have_the_shape_of_the_version_that_is_asked_for() {
    let server = server().await;
    let path = own("securityContacts/default");
    let (old, new) = (format!("{path}?api-version=2020-01-01-preview"), format!("{path}?api-version=2023-12-01-preview"));
    let older = json!({ "emails": "a@b.example", "alertNotifications": { "state": "On", "minimalSeverity": "High" } });
    let (status, made) = put(&server, &old, older.clone()).await;
    assert_eq!((status, &made["properties"]), (StatusCode::CREATED, &older));
    assert_eq!(
        get(&server, &new).await["properties"],
        json!({ "emails": "a@b.example", "isEnabled": true, "notificationsSources": [{ "sourceType": "Alert", "minimalSeverity": "High" }] })
    );
    let path_source = json!({ "sourceType": "AttackPath", "minimalRiskLevel": "Critical" });
    let sources = json!([{ "sourceType": "Alert", "minimalSeverity": "Low" }, path_source]);
    let patch = json!({ "properties": { "notificationsSources": sources } });
    assert_eq!(send(&server, "PATCH", &new, &[], &patch).await.0, StatusCode::OK);
    assert_eq!(get(&server, &old).await["properties"]["alertNotifications"], json!({ "state": "On", "minimalSeverity": "Low" }));
    // The older shape has no word for attack paths, so it does not touch them.
    assert_eq!(
        put(&server, &old, json!({ "emails": "c@d.example", "alertNotifications": { "state": "Off" } })).await.0,
        StatusCode::OK
    );
    let now = get(&server, &new).await;
    assert_eq!(now["properties"]["notificationsSources"], json!([{ "sourceType": "Alert" }, path_source]));
    assert_eq!(now["properties"]["isEnabled"], false);
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let server = server().await;
    for name in ["e", "A", "c", "B", "d"] {
        let (status, answer) = put(
            &server,
            &own(&format!("applications/{name}")),
            json!({ "sourceResourceType": "assessments", "conditionSets": [] }),
        )
        .await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }
    for (collection, filter, wanted) in [
        ("applications", "", vec!["A", "B", "c", "d", "e"]),
        ("settings", "", vec!["MCAS", "Sentinel", "WDATP", "WDATP_EXCLUDE_LINUX_PUBLIC_PREVIEW", "WDATP_UNIFIED_SOLUTION"]),
        ("applications", "&$filter=name%20eq%20%27C%27", vec!["c"]),
        ("pricings", "&$filter=name%20in%20(keyvaults,%20%27Api%27,AI)", vec!["AI", "Api", "KeyVaults"]),
    ] {
        let (mut found, mut path) = (Vec::new(), own(&format!("{collection}?api-version=2024-01-01&$top=2{filter}")));
        loop {
            let page = get(&server, &path).await;
            assert!(page["value"].as_array().unwrap().len() <= 2);
            found.extend(names(&page).into_iter().map(str::to_owned));
            let Some(next) = page["nextLink"].as_str() else { break };
            path = next.split_once("8470").unwrap().1.to_owned();
        }
        assert_eq!(found, wanted, "{collection} {filter}");
    }
    let (status, answer) = ask(&server, "GET", &own("pricings?$filter=tier%20eq%201"), &[BEARER], "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
}

#[tokio::test]
async fn whoever_may_not_see_a_place_finds_nothing_and_whoever_may_only_see_it_changes_nothing() {
    let server = estate(&[("alpha", "a1"), ("beta", "b1")]).await;
    let of = |(connector, account): (&str, &str)| {
        let scope = skywarden_model::Scope { connector: connector.into(), account: account.into(), resource_group: "".into() };
        format!("/subscriptions/{}", subscription_id(&scope))
    };
    let (alpha, beta) = (of(("alpha", "a1")), of(("beta", "b1")));
    let admin = program(&server, "admin", BuiltIn::SecurityAdmin, &alpha).await;
    let reader = program(&server, "reader", BuiltIn::SecurityReader, "/").await;
    let both = program(&server, "both", BuiltIn::SecurityAdmin, &alpha).await;
    let principal = server.store.principals().await.unwrap().into_iter().find(|own| own.name == "both").unwrap();
    crate::common::assign(&server, &principal, BuiltIn::Reader, &beta).await;
    let change = async |bearer: &str, scope: &str, rest: &str, properties: Value| {
        let path = format!("{scope}/providers/Microsoft.Security/{rest}");
        let body = json!({ "properties": properties }).to_string();
        ask(&server, "PUT", &path, &[("authorization", bearer), JSON], &body).await.0
    };
    for (rest, properties) in [
        ("pricings/Containers", json!({ "pricingTier": "Free" })),
        ("securityContacts/default", json!({ "emails": "a@b.example" })),
        ("settings/WDATP", json!({ "enabled": true })),
        ("applications/x", json!({ "sourceResourceType": "Assessments", "conditionSets": [] })),
    ] {
        assert!(change(&admin, &alpha, rest, properties.clone()).await.is_success(), "{rest}");
        assert_eq!(change(&admin, &beta, rest, properties.clone()).await, StatusCode::NOT_FOUND, "{rest}");
        assert_eq!(change(&both, &beta, rest, properties.clone()).await, StatusCode::FORBIDDEN, "{rest}");
        assert_eq!(change(&reader, &alpha, rest, properties).await, StatusCode::FORBIDDEN, "{rest}");
        let read = async |bearer: &str, scope: &str| {
            ask(&server, "GET", &format!("{scope}/providers/Microsoft.Security/{rest}"), &[("authorization", bearer)], "").await.0
        };
        assert_eq!(read(&reader, &alpha).await, StatusCode::OK, "{rest}");
        assert_eq!(read(&admin, &beta).await, StatusCode::NOT_FOUND, "{rest}");
    }
    let (_, plans) = ask(&server, "GET", "/api/v1/plans", &[("authorization", &admin)], "").await;
    let plans: Value = serde_json::from_str(&plans).unwrap();
    let seen: Vec<&str> =
        plans["subscriptions"].as_array().unwrap().iter().map(|own| own["connector"].as_str().unwrap()).collect();
    assert_eq!(seen, ["alpha"]);
}

#[tokio::test]
async fn applications_lie_at_connectors_too() {
    let server = estate(&[("alpha", "a1")]).await;
    let connector = Connector {
        id: "alpha".into(),
        environment: Environment::Aws,
        display_name: "alpha".to_owned(),
        sample: false,
        settings: Default::default(),
    };
    server.store.put_connector(&connector).await.unwrap();
    let scope = skywarden_model::Scope { connector: "alpha".into(), account: "a1".into(), resource_group: "".into() };
    let subscription = format!("/subscriptions/{}", subscription_id(&scope));
    let at = format!("{subscription}/resourceGroups/skywarden/providers/Microsoft.Security/securityConnectors/alpha");
    let list = format!("{at}/providers/Microsoft.Security/applications");
    let properties = json!({ "sourceResourceType": "Assessments", "conditionSets": [] });
    let (status, made) = put(&server, &format!("{list}/x"), properties.clone()).await;
    assert_eq!((status, made["id"].as_str()), (StatusCode::CREATED, Some(&*format!("{list}/x"))));
    assert_eq!(names(&get(&server, &list).await), ["x"]);
    assert!(names(&get(&server, &format!("{subscription}/providers/Microsoft.Security/applications")).await).is_empty());
    let elsewhere = list.replace("/securityConnectors/alpha", "/securityConnectors/beta");
    assert_eq!(put(&server, &format!("{elsewhere}/x"), properties).await.0, StatusCode::NOT_FOUND);
}
