//! Who may do what: the walk over every route, and what callers with roles see.

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_api::{OPEN_ROUTES, ROUTES};
use skywarden_model::{ArmId, Scope, subscription_id};
use skywarden_rbac::{BuiltIn, built_in_roles};
use skywarden_store::{AuditQuery, ScopeFilter};

use crate::common::{BEARER, JSON, Server, ask, estate, machine, program, server};

/// A path of the table with something in place of its parameters: the machine's subscription and ids that exist where they can.
pub(crate) fn path_of(pattern: &str, subscription: &str) -> String {
    let path = pattern.replace("{subscription}", subscription).replace("/compliance/{id}", "/compliance/mcsb-v1");
    let mut filled = String::new();
    let mut rest = path.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (_, after) = after.split_once('}').unwrap();
        filled.push_str(before);
        filled.push_str("00000000-0000-4000-8000-000000000009");
        rest = after;
    }
    filled + rest
}

const DEFINITION: &str = r#"{ "id": "/providers/Microsoft.Authorization/policyDefinitions/d", "name": "d",
    "properties": { "policyRule": { "if": { "field": "name", "equals": "x" }, "then": { "effect": "audit" } } } }"#;

/// What the actions begin with that need no role, since they touch one's own account only.
const OWN: &str = "Skywarden.Account/";

/// What a program is told that asks for what only people in a browser have.
fn is_own_refusal(body: &Value) -> bool {
    body.pointer("/error/code").is_some_and(|code| code == "SessionNeeded")
}

pub(crate) async fn status(server: &Server, method: &str, path: &str, bearer: &str) -> (StatusCode, Value) {
    // An import of nothing changes nothing, so nobody is refused it.
    let sent = if path.ends_with("/import") { DEFINITION } else { "{}" };
    let (status, body) = ask(server, method, path, &[("authorization", bearer), JSON], sent).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

fn own_subscription() -> String {
    subscription_id(&machine().scope).to_string()
}

#[tokio::test]
async fn whoever_holds_no_role_reads_nothing_and_changes_nothing() {
    let server = server().await;
    let elsewhere = program(&server, "elsewhere", BuiltIn::Owner, "/subscriptions/00000000-0000-4000-8000-00000000000a").await;
    let own = own_subscription();
    let whole = |value: &Value| value.to_string();
    for route in ROUTES.iter() {
        let path = path_of(&route.path, &own);
        let (code, body) = status(&server, route.method, &path, &elsewhere).await;
        assert!(!whole(&body).contains("machine-1"), "{} {path} shows what lies elsewhere: {body}", route.method);
        assert!(!code.is_server_error(), "{} {path}: {body}", route.method);
        assert_ne!(body["error"]["code"], "RouteNotListed", "{} {path}", route.method);
        // What names the subscription is not found; lists over everything are empty.
        if route.path.contains("{subscription}") {
            assert!(matches!(code, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST), "{} {path}: {code} {body}", route.method);
        }
        // Whoever signs out without a session has nothing to end.
        let is_sign_out = route.method == "DELETE" && route.path == "/api/v1/session";
        if route.method != "GET" && route.path.starts_with("/api/v1/") && !route.path.ends_with("/try") && !is_sign_out {
            assert!(code.is_client_error(), "{} {path}: {code} {body}", route.method);
        }
    }
    let (_, overview) = status(&server, "GET", "/api/v1/overview", &elsewhere).await;
    assert_eq!(
        (&overview["resources"], &overview["connectors"], &overview["subscriptions"]),
        (&json!(0), &json!([]), &json!([]))
    );
    let (_, subscriptions) = status(&server, "GET", "/subscriptions", &elsewhere).await;
    assert_eq!(subscriptions["value"], json!([]));
}

#[tokio::test]
async fn a_reader_reads_everything_and_changes_nothing() {
    let server = server().await;
    let reader = program(&server, "reader", BuiltIn::Reader, "/").await;
    let own = own_subscription();
    for route in ROUTES.iter() {
        let path = path_of(&route.path, &own);
        let (code, body) = status(&server, route.method, &path, &reader).await;
        if route.action.ends_with("/read") || route.action.starts_with(OWN) {
            assert!(is_own_refusal(&body) || code != StatusCode::FORBIDDEN, "{} {path}: {body}", route.method);
        } else {
            assert_eq!(
                (code, &body["error"]["code"]),
                (StatusCode::FORBIDDEN, &json!("AuthorizationFailed")),
                "{} {path}",
                route.method
            );
        }
    }
    let (_, overview) = status(&server, "GET", "/api/v1/overview", &reader).await;
    assert_eq!(overview["resources"], 1);
    // Each refused change is in the log.
    let log = server.store.audit(&AuditQuery { limit: 500, ..AuditQuery::default() }).await.unwrap();
    let n_changes = ROUTES.iter().filter(|route| !route.action.ends_with("/read") && !route.action.starts_with(OWN)).count();
    assert_eq!(
        log.iter()
            .filter(|line| line.entry.outcome == "Failed (403)"
                && line.entry.principal_name == "reader"
                && !line.entry.action.starts_with(OWN))
            .count(),
        n_changes
    );
    assert!(server.store.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_role_at_a_group_or_a_resource_changes_what_lies_there_only() {
    let server = estate(&[("alpha", "a1"), ("alpha", "a2")]).await;
    let at_group = program(&server, "group", BuiltIn::SecurityAdmin, "/subscriptions/a1/resourceGroups/Machines").await;
    let scope = Scope { connector: "alpha".into(), account: "a2".into(), resource_group: "machines".into() };
    let own = ArmId::of_parts(&"alpha-a2".into(), &scope);
    let at_resource = program(&server, "resource", BuiltIn::SecurityAdmin, own.as_str()).await;
    let exempt = async |bearer: &str, scope: Value| {
        let body = json!({ "recommendation": "machine-firewall-on", "scope": scope, "category": "Waiver", "reason": "new" });
        ask(&server, "POST", "/api/v1/exemptions", &[("authorization", bearer), JSON], &body.to_string()).await.0.as_u16()
    };
    let group = |account: &str, name: &str| json!({ "kind": "resourceGroup", "account": account, "resourceGroup": name });
    let resource = |id: &str| json!({ "kind": "resource", "id": id });
    for (scope, of_group, of_resource) in [
        (json!({ "kind": "tenant" }), 403, 403),
        (json!({ "kind": "subscription", "account": "a1" }), 403, 404),
        (json!({ "kind": "subscription", "account": "a2" }), 404, 403),
        (group("a1", "machines"), 201, 404),
        (group("a1", "other"), 404, 404),
        (group("a2", "machines"), 404, 404),
        (resource("alpha-a1"), 201, 400),
        (resource("alpha-a2"), 400, 201),
    ] {
        assert_eq!(exempt(&at_group, scope.clone()).await, of_group, "{scope}");
        assert_eq!(exempt(&at_resource, scope.clone()).await, of_resource, "{scope}");
    }
    for bearer in [&at_group, &at_resource] {
        let (code, body) = status(&server, "DELETE", "/api/v1/connectors/alpha", bearer).await;
        assert!(code.is_client_error(), "{code} {body}");
    }
}

#[tokio::test]
async fn a_role_at_a_subscription_holds_there_only() {
    let server = server().await;
    let admin = program(&server, "admin", BuiltIn::SecurityAdmin, "/subscriptions/fleet").await;
    let (_, overview) = status(&server, "GET", "/api/v1/overview", &admin).await;
    assert_eq!(overview["resources"], 1, "an account has two names, its own and the one that ARM has for it");
    let exemption = |scope: Value| {
        json!({ "recommendation": "machine-firewall-on", "scope": scope, "category": "Waiver", "reason": "known" }).to_string()
    };
    let post = async |scope: Value| {
        let headers = [("authorization", admin.as_str()), JSON];
        ask(&server, "POST", "/api/v1/exemptions", &headers, &exemption(scope)).await
    };
    let (code, body) = post(json!({ "kind": "tenant" })).await;
    assert_eq!(code, StatusCode::FORBIDDEN, "{body}");
    let (code, body) = post(json!({ "kind": "resource", "id": "machine-1" })).await;
    assert_eq!(code, StatusCode::CREATED, "{body}");
    assert!(body.contains("\"createdBy\":\"admin\""), "{body}");
    let (code, _) = post(json!({ "kind": "resource", "id": "machine-2" })).await;
    assert_eq!(code, StatusCode::BAD_REQUEST);
    let standard = ask(&server, "PUT", "/api/v1/standards/own", &[("authorization", &admin)], "x").await;
    assert_eq!(standard.0, StatusCode::FORBIDDEN, "standards are the whole installation's");
}

#[tokio::test]
async fn what_lies_elsewhere_is_not_lifted_beside_what_is_ones_own() {
    let server = estate(&[("alpha", "a1"), ("beta", "b1")]).await;
    let own = program(&server, "own", BuiltIn::SecurityAdmin, "/subscriptions/a1").await;
    let other = program(&server, "other", BuiltIn::SecurityAdmin, "/subscriptions/b1").await;
    let exempt = async |bearer: &str, id: &str| {
        let body = json!({ "recommendation": "machine-firewall-on", "scope": { "kind": "resource", "id": id },
                           "category": "Waiver", "reason": "looked at" });
        let (code, made) =
            ask(&server, "POST", "/api/v1/exemptions", &[("authorization", bearer), JSON], &body.to_string()).await;
        assert_eq!(code, StatusCode::CREATED, "{made}");
        serde_json::from_str::<Value>(&made).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (mine, theirs) = (exempt(&own, "alpha-a1").await, exempt(&other, "beta-b1").await);
    let lift = async |bearer: &str, ids: &[&String]| {
        let body = json!({ "ids": ids }).to_string();
        ask(&server, "POST", "/api/v1/exemptions/lift", &[("authorization", bearer), JSON], &body).await.0
    };
    assert_eq!(lift(&own, &[&mine, &theirs]).await, StatusCode::NOT_FOUND);
    assert_eq!(lift(&own, &[&theirs]).await, StatusCode::NOT_FOUND);
    let path = format!("/api/v1/exemptions/{theirs}");
    assert_eq!(ask(&server, "DELETE", &path, &[("authorization", &own)], "").await.0, StatusCode::NOT_FOUND);
    let kept = server.store.exemptions(&ScopeFilter::All).await.unwrap();
    assert!([&mine, &theirs].iter().all(|id| kept.iter().any(|own| own.id == **id)), "all of them, or none");
    assert_eq!(lift(&own, &[&mine]).await, StatusCode::OK);
}

#[tokio::test]
async fn nobody_takes_a_subscription_by_putting_it_below_a_group_of_theirs() {
    let server = server().await;
    let group = "/providers/Microsoft.Management/managementGroups/mine";
    let taker = program(&server, "taker", BuiltIn::Owner, group).await;
    let body = json!({ "id": group, "name": "mine", "type": "Microsoft.Management/managementGroups", "properties": {
        "displayName": "mine", "children": [{ "id": "/subscriptions/fleet", "type": "/subscriptions", "name": "fleet" }] } });
    let import = async |bearer: &str| {
        let (code, body) =
            ask(&server, "POST", "/api/v1/policy/import", &[("authorization", bearer), JSON], &body.to_string()).await;
        (code, serde_json::from_str::<Value>(&body).unwrap())
    };
    let (code, refused) = import(&taker).await;
    assert_eq!((code, &refused["error"]["code"]), (StatusCode::FORBIDDEN, &json!("AuthorizationFailed")), "{refused}");
    assert_eq!(status(&server, "GET", "/api/v1/overview", &taker).await.1["resources"], 0);
    let owner = program(&server, "owner", BuiltIn::Owner, "/").await;
    let (code, taken) = import(&owner).await;
    assert_eq!((code, &taken["problemCount"]), (StatusCode::OK, &json!(0)), "{taken}");
    assert_eq!(status(&server, "GET", "/api/v1/overview", &taker).await.1["resources"], 1, "once it lies there");
    let object = format!("/api/v1/policy/object?id={group}");
    assert_eq!(status(&server, "DELETE", &object, &taker).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_change_is_in_the_log_even_if_the_client_hangs_up() {
    let server = server().await;
    for cut in 0..60_u64 {
        let body = json!({ "recommendation": "machine-firewall-on", "scope": { "kind": "resource", "id": "machine-1" },
                           "category": "Waiver", "reason": format!("number {cut}") });
        let headers = [BEARER, JSON];
        let text = body.to_string();
        let request = ask(&server, "POST", "/api/v1/exemptions", &headers, &text);
        let _ = tokio::time::timeout(std::time::Duration::from_micros(500 * cut), request).await;
    }
    // What was begun may still be going on: until both agree, or for long enough.
    let query = AuditQuery { limit: 500, ..AuditQuery::default() };
    let agree = async {
        loop {
            let n_logged = server.store.audit(&query).await.unwrap().len();
            if n_logged > 0 && server.store.exemptions(&ScopeFilter::All).await.unwrap().len() == n_logged {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), agree).await.expect("changes that are not in the log");
}

#[tokio::test]
async fn roles_are_given_and_taken_back_as_azure_does() {
    let server = server().await;
    let owner = program(&server, "owner", BuiltIn::Owner, "/subscriptions/fleet").await;
    let other = program(&server, "other", BuiltIn::Reader, "/subscriptions/none").await;
    let principals = server.store.principals().await.unwrap();
    let other_id = &principals.iter().find(|own| own.name == "other").unwrap().id;
    let reader = BuiltIn::Reader.id();
    let at = |scope: &str, name: &str| format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
    let body = json!({ "properties": { "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{reader}"),
                                       "principalId": other_id } });
    let put = async |bearer: &str, path: &str| {
        let (status, answer) = ask(&server, "PUT", path, &[("authorization", bearer), JSON], &body.to_string()).await;
        (status, serde_json::from_str::<Value>(&answer).unwrap())
    };
    let (first, second) = ("11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002");
    assert_eq!(status(&server, "GET", "/api/v1/overview", &other).await.1["resources"], 0);
    assert_eq!(put(&other, &at("/subscriptions/fleet", first)).await.0, StatusCode::FORBIDDEN, "a reader gives no roles");
    assert_eq!(put(&owner, &at("", first)).await.0, StatusCode::FORBIDDEN, "nor an owner of a part over the whole");
    assert_eq!(put(&owner, &at("/subscriptions/fleet", "no-guid")).await.0, StatusCode::BAD_REQUEST);
    let (code, made) = put(&owner, &at("/subscriptions/fleet", first)).await;
    assert_eq!((code, &made["properties"]["principalType"]), (StatusCode::CREATED, &json!("ServicePrincipal")), "{made}");
    assert_eq!(put(&owner, &at("/subscriptions/fleet", first)).await.0, StatusCode::OK, "the same again");
    let (code, refused) = put(&owner, &at("/subscriptions/fleet", second)).await;
    assert_eq!((code, &refused["error"]["code"]), (StatusCode::CONFLICT, &json!("RoleAssignmentExists")));
    assert_eq!(status(&server, "GET", "/api/v1/overview", &other).await.1["resources"], 1);
    let (_, listed) =
        status(&server, "GET", "/subscriptions/fleet/providers/Microsoft.Authorization/roleAssignments", &owner).await;
    assert_eq!(listed["value"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(status(&server, "DELETE", &at("/subscriptions/fleet", first), &owner).await.0, StatusCode::OK);
    assert_eq!(status(&server, "GET", "/api/v1/overview", &other).await.1["resources"], 0);
    assert_eq!(status(&server, "DELETE", &at("/subscriptions/fleet", first), &owner).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_installation_has_roles_of_its_own() {
    let server = server().await;
    let owner = program(&server, "owner", BuiltIn::Owner, "/").await;
    let part = program(&server, "part", BuiltIn::Owner, "/subscriptions/fleet").await;
    let id = "22222222-0000-4000-8000-000000000001";
    let path = format!("/providers/Microsoft.Authorization/roleDefinitions/{id}");
    let role = |name: &str, scope: &str| {
        json!({ "properties": { "roleName": name, "description": "", "assignableScopes": [scope],
                                "permissions": [{ "actions": ["Microsoft.Security/secureScores/read"], "notActions": [] }] } })
    };
    let put = async |bearer: &str, path: &str, role: Value| {
        let (status, answer) = ask(&server, "PUT", path, &[("authorization", bearer), JSON], &role.to_string()).await;
        (status, serde_json::from_str::<Value>(&answer).unwrap())
    };
    assert_eq!(put(&part, &path, role("Scores", "/")).await.0, StatusCode::FORBIDDEN, "it would count outside the part");
    assert_eq!(put(&part, &path, role("Scores", "/subscriptions/fleet")).await.0, StatusCode::CREATED);
    assert_eq!(put(&owner, &path, role("Scores", "/")).await.0, StatusCode::OK);
    assert_eq!(
        put(&part, &path, role("Scores", "/subscriptions/fleet")).await.0,
        StatusCode::FORBIDDEN,
        "nor does it shrink from there"
    );
    let (code, taken) = put(&owner, &path.replace("001", "002"), role("scores", "/")).await;
    assert_eq!((code, &taken["error"]["code"]), (StatusCode::CONFLICT, &json!("NameTaken")));
    let (code, wrong) =
        put(&owner, &path, json!({ "properties": { "roleName": "x", "permissions": [], "assignableScopes": [] } })).await;
    assert!(code == StatusCode::BAD_REQUEST && wrong.to_string().contains("nowhere"), "{wrong}");
    let reader = format!("/providers/Microsoft.Authorization/roleDefinitions/{}", BuiltIn::Reader.id());
    assert_eq!(status(&server, "DELETE", &reader, &owner).await.0, StatusCode::CONFLICT);
    assert_eq!(put(&owner, &reader, role("Reader 2", "/")).await.0, StatusCode::CONFLICT);

    // Whoever holds it may do that and nothing else.
    let holder = program(&server, "holder", BuiltIn::Reader, "/subscriptions/none").await;
    let principal = server.store.principals().await.unwrap().into_iter().find(|own| own.name == "holder").unwrap();
    let assignment =
        "/subscriptions/fleet/providers/Microsoft.Authorization/roleAssignments/33333333-0000-4000-8000-000000000001";
    let body = json!({ "properties": { "roleDefinitionId": path, "principalId": principal.id } });
    assert_eq!(put(&owner, assignment, body).await.0, StatusCode::CREATED);
    let (_, overview) = status(&server, "GET", "/api/v1/overview", &holder).await;
    assert_eq!(overview["subscriptions"].as_array().unwrap().len(), 1);
    assert_eq!(status(&server, "GET", "/api/v1/resources", &holder).await.1["total"], 0);
    let (code, used) = status(&server, "DELETE", &path, &owner).await;
    assert_eq!((code, &used["error"]["code"]), (StatusCode::CONFLICT, &json!("RoleDefinitionHasAssignments")));
    assert_eq!(status(&server, "DELETE", assignment, &owner).await.0, StatusCode::OK);
    assert_eq!(status(&server, "DELETE", &path, &owner).await.0, StatusCode::OK);
}

#[tokio::test]
async fn every_action_of_the_table_is_one_that_a_built_in_role_allows_and_reads_are_reads() {
    let allowed = |role: BuiltIn, action: &str| built_in_roles().iter().any(|own| own.id == role.id() && own.allows(action));
    for route in ROUTES.iter() {
        assert!(allowed(BuiltIn::Owner, &route.action), "{}", route.action);
        let is_read = route.action.ends_with("/read");
        assert_eq!(allowed(BuiltIn::Reader, &route.action), is_read, "{}", route.action);
        let is_of_access = route.action.starts_with("Microsoft.Authorization/principals/") && !is_read;
        assert!(
            !is_of_access || !allowed(BuiltIn::Contributor, &route.action),
            "{}: who contributes makes no accounts",
            route.action
        );
        let questions = ["/try", "/checkPolicyRestrictions", "/queryResults", "/summarize"];
        let is_question = questions.iter().any(|end| route.path.ends_with(end));
        assert_eq!(is_read, route.method == "GET" || is_question, "{} {}", route.method, route.path);
    }
    let twice =
        |one: &&skywarden_api::Route| ROUTES.iter().filter(|own| own.method == one.method && own.path == one.path).count() > 1;
    assert!(!ROUTES.iter().any(|route| twice(&route)));
    let n_open: usize = OPEN_ROUTES.iter().map(|table| table.len()).sum();
    assert_eq!(n_open, 11, "whoever opens a route more says why here");
}
