//! Objects that clients write: every kind there and back, who may, what a wrong body is told, and what plans do.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use skywarden_model::{ArmId, Connector, Environment, subscription_id};
use skywarden_rbac::BuiltIn;

use crate::common::{BEARER, JSON, Server, ask, estate, get, machine, program, respond, server};

fn subscription() -> String {
    format!("/subscriptions/{}", subscription_id(&machine().scope))
}

/// The path of something of the machine's subscription.
fn own(rest: &str) -> String {
    format!("{}/providers/Microsoft.Security/{rest}", subscription())
}

/// The path of something of the machine itself.
fn of_machine(rest: &str) -> String {
    format!("{}/providers/Microsoft.Security/{rest}", ArmId::of(&machine()))
}

async fn send(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> (StatusCode, Value) {
    let headers: Vec<(&str, &str)> = [BEARER, JSON].into_iter().chain(headers.iter().copied()).collect();
    let (status, body) = ask(server, method, path, &headers, &body.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

async fn put(server: &Server, path: &str, properties: Value) -> (StatusCode, Value) {
    send(server, "PUT", path, &[], &json!({ "properties": properties })).await
}

async fn delete(server: &Server, path: &str) -> StatusCode {
    send(server, "DELETE", path, &[], &Value::Null).await.0
}

fn names(list: &Value) -> Vec<&str> {
    list["value"].as_array().unwrap().iter().map(|own| own["name"].as_str().unwrap()).collect()
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
    let answer = respond(&server, "PUT", &own("securityContacts/default"), &[BEARER, JSON], body).await;
    let note = answer.headers()[header::WARNING].to_str().unwrap();
    assert!(note.contains("no mail is sent"), "{note}");
    let body = json!({ "properties": { "pricingTier": "Standard" } }).to_string().into_bytes();
    let answer = respond(&server, "PUT", &own("pricings/Api"), &[BEARER, JSON], body).await;
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

#[tokio::test]
async fn every_plan_is_on_until_somebody_decides() {
    let server = server().await;
    let list = get(&server, &own("pricings?api-version=2024-01-01")).await;
    assert!(list.get("nextLink").is_none());
    let of = |name: &str| list["value"].as_array().unwrap().iter().find(|own| own["name"] == name).unwrap()["properties"].clone();
    let machines = of("VirtualMachines");
    assert_eq!(
        (
            &machines["pricingTier"],
            &machines["subPlan"],
            &machines["inherited"],
            &machines["inheritedFrom"],
            &machines["enforce"]
        ),
        (&json!("Standard"), &json!("P2"), &json!("True"), &json!("/"), &json!("False"))
    );
    assert_eq!(
        (&machines["freeTrialRemainingTime"], &machines["resourcesCoverageStatus"]),
        (&json!("PT0S"), &json!("FullyCovered"))
    );
    assert_eq!((&of("Dns")["pricingTier"], &of("Dns")["replacedBy"]), (&json!("Free"), &json!(["VirtualMachines"])));
    let path = own("pricings/virtualmachines");
    let (status, set) = put(&server, &path, json!({ "pricingTier": "Standard", "subPlan": "p1",
        "extensions": [{ "name": "AgentlessVmScanning", "isEnabled": "True", "additionalExtensionProperties": { "ExclusionTags": "[]" } }] })).await;
    assert_eq!(
        (status, set["name"].as_str(), &set["properties"]["subPlan"]),
        (StatusCode::OK, Some("VirtualMachines"), &json!("P1"))
    );
    assert_eq!(set["properties"]["inherited"], "False");
    assert_eq!(set["properties"]["extensions"][0]["operationStatus"]["code"], "Failed", "nobody has built it");
    assert_eq!(set["properties"]["extensions"][1], json!({ "name": "MdeDesignatedSubscription", "isEnabled": "False" }));
    let left = set["properties"]["freeTrialRemainingTime"].as_str().unwrap();
    assert!(left.starts_with("P29DT23H59M") || left == "P30DT0H0M0S", "{left}");
    // Who sets it again does not begin the trial anew, and what is not named stays.
    let (_, again) = put(&server, &path, json!({ "pricingTier": "Standard" })).await;
    assert_eq!(again["properties"]["enablementTime"], set["properties"]["enablementTime"]);
    assert_eq!((&again["etag"], &again["properties"]["subPlan"]), (&set["etag"], &json!("P1")));
    let (_, off) = put(&server, &path, json!({ "pricingTier": "Free", "subPlan": "P1" })).await;
    let off = &off["properties"];
    assert_eq!(
        (&off["subPlan"], &off["enablementTime"], &off["freeTrialRemainingTime"]),
        (&Value::Null, &Value::Null, &json!("PT0S"))
    );
    assert_eq!((&off["resourcesCoverageStatus"], &off["extensions"][0]["isEnabled"]), (&json!("NotCovered"), &json!("False")));
    let older = get(&server, &format!("{path}?api-version=2023-01-01")).await;
    for member in ["enforce", "inherited", "inheritedFrom", "resourcesCoverageStatus"] {
        assert!(older["properties"].get(member).is_none(), "{member} came later");
    }
    assert_eq!(older["properties"]["pricingTier"], "Free");
}

#[tokio::test]
async fn a_resource_takes_what_its_subscription_has_unless_it_differs() {
    let server = server().await;
    let (above, here) = (own("pricings/VirtualMachines"), of_machine("pricings/VirtualMachines"));
    assert_eq!(names(&get(&server, &of_machine("pricings")).await), ["VirtualMachines"]);
    let inherited = get(&server, &here).await;
    assert_eq!(
        (&inherited["properties"]["inherited"], inherited["properties"]["inheritedFrom"].as_str()),
        (&json!("True"), Some(&*subscription()))
    );
    let (status, answer) = put(&server, &here, json!({ "pricingTier": "Standard", "subPlan": "P2" })).await;
    assert_eq!((status, &answer["error"]["target"]), (StatusCode::BAD_REQUEST, &json!("properties.subPlan")), "{answer}");
    assert_eq!(put(&server, &here, json!({ "pricingTier": "Free", "enforce": "True" })).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        put(&server, &of_machine("pricings/KeyVaults"), json!({ "pricingTier": "Free" })).await.0,
        StatusCode::BAD_REQUEST
    );
    let (status, off) = put(&server, &here, json!({ "pricingTier": "Free" })).await;
    assert_eq!((status, &off["properties"]["inherited"]), (StatusCode::OK, &json!("False")));
    assert!(off["properties"].get("inheritedFrom").is_none() && off["properties"].get("enforce").is_none());
    assert_eq!(get(&server, &above).await["properties"]["resourcesCoverageStatus"], "PartiallyCovered");
    assert_eq!(delete(&server, &here).await, StatusCode::OK);
    assert_eq!(delete(&server, &here).await, StatusCode::NO_CONTENT);
    assert_eq!(get(&server, &here).await, inherited);
    assert_eq!(put(&server, &here, json!({ "pricingTier": "Free" })).await.0, StatusCode::OK);
    assert_eq!(put(&server, &above, json!({ "pricingTier": "Standard", "enforce": "true" })).await.0, StatusCode::OK);
    let (status, answer) = put(&server, &here, json!({ "pricingTier": "Free" })).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::CONFLICT, &json!("PricingEnforced")));
    let here = get(&server, &here).await;
    assert_eq!((&here["properties"]["pricingTier"], &here["properties"]["inherited"]), (&json!("Standard"), &json!("True")));
    assert_eq!(get(&server, &above).await["properties"]["resourcesCoverageStatus"], "FullyCovered");
}

#[tokio::test]
async fn a_plan_that_is_off_is_in_no_count_and_the_recommendation_says_why() {
    const BASELINE: &str = "machine-security-configuration-met";
    let server = server().await;
    let path = own("pricings/VirtualMachines");
    let set = async |tier: &str| {
        let (status, answer) = put(&server, &path, json!({ "pricingTier": tier })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let rows = get(&server, "/api/v1/recommendations").await;
        let is_listed = rows["items"].as_array().unwrap().iter().any(|row| row["id"] == BASELINE);
        let one = get(&server, &format!("/api/v1/recommendations/{BASELINE}")).await;
        let of_machine = get(&server, &of_machine("assessments")).await["value"].as_array().unwrap().len();
        let overview = get(&server, "/api/v1/overview").await;
        let controls: Vec<Value> =
            overview["secureScore"]["controls"].as_array().unwrap().iter().map(|own| own["id"].clone()).collect();
        (is_listed, one["plan"].clone(), of_machine, controls.contains(&json!("remediate-security-configurations")))
    };
    let plan = |off: Value| json!({ "name": "VirtualMachines", "title": "Servers", "subPlans": ["P2"], "offIn": off });
    let (is_listed, of, n_all, counts) = set("Standard").await;
    assert!(is_listed && counts);
    assert_eq!(of, plan(json!([])));
    let (is_listed, of, n_without, counts) = set("Free").await;
    assert!(!is_listed && !counts);
    assert_eq!(of, plan(json!([{ "connector": "host", "account": "fleet" }])));
    assert_eq!(n_without, n_all - 1, "everything else is judged as before");
    assert_eq!(set("Standard").await, (true, plan(json!([])), n_all, true));
    assert_eq!(get(&server, "/api/v1/recommendations/machine-firewall-on").await["plan"], Value::Null);
}

#[tokio::test]
async fn the_console_gets_every_plan_with_how_it_is_set() {
    let server = server().await;
    put(&server, &own("pricings/Containers"), json!({ "pricingTier": "Free", "enforce": "True" })).await;
    let plans = get(&server, "/api/v1/plans").await;
    let servers = plans["plans"].as_array().unwrap().iter().find(|own| own["name"] == "VirtualMachines").unwrap();
    assert_eq!((&servers["title"], &servers["subPlans"]), (&json!("Servers"), &json!(["P1", "P2"])));
    assert_eq!(
        servers["brings"][0],
        json!({ "title": "Rules of the operating system's baseline", "built": true, "subPlans": ["P2"] })
    );
    let [subscription] = plans["subscriptions"].as_array().unwrap().as_slice() else { panic!("{plans}") };
    assert_eq!(
        (&subscription["connector"], subscription["id"].as_str()),
        (&json!("host"), Some(&*subscription_id(&machine().scope).to_string()))
    );
    let of = |plan: &str| subscription["pricings"].as_array().unwrap().iter().find(|own| own["plan"] == plan).unwrap();
    assert_eq!(
        (&of("Containers")["tier"], &of("Containers")["enforce"], &of("Containers")["inherited"]),
        (&json!("Free"), &json!(true), &json!(false))
    );
    assert_eq!(
        (&of("Api")["tier"], &of("Api")["subPlan"], &of("Api")["inheritedFrom"]),
        (&json!("Standard"), &json!("P1"), &json!("/"))
    );
    assert_eq!(of("AI")["extensions"][0], json!({ "name": "AIPromptEvidence", "isEnabled": false }));
}
