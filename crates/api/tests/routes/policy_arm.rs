//! Policy objects through ARM: made, listed, found again and removed at each scope, by who may.

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::{ArmId, subscription_id};
use skywarden_rbac::BuiltIn;

use crate::common::{BEARER, JSON, Server, TENANT, ask, get, machine, program, server};

const GROUPS: &str = "/providers/Microsoft.Management/managementGroups";

pub(crate) fn subscription() -> String {
    format!("/subscriptions/{}", subscription_id(&machine().scope))
}

pub(crate) fn at(scope: &str, kind: &str, name: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/{kind}/{name}")
}

pub(crate) async fn send(server: &Server, bearer: &str, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let (status, text) = ask(server, method, path, &[("authorization", bearer), JSON], &body.to_string()).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(crate) async fn put(server: &Server, path: &str, body: &Value) -> (StatusCode, Value) {
    send(server, BEARER.1, "PUT", path, body).await
}

/// Every machine has an owner.
pub(crate) fn owner() -> Value {
    json!({ "properties": {
        "displayName": "Machines have an owner", "mode": "All", "metadata": { "category": "Tags" },
        "parameters": { "effect": { "type": "String", "defaultValue": "Audit", "allowedValues": ["Audit", "Deny"] } },
        "policyRule": {
            "if": { "allOf": [{ "field": "type", "equals": "Skywarden.Host/machines" }, { "field": "tags.owner", "exists": false }] },
            "then": { "effect": "[parameters('effect')]" } } } })
}

pub(crate) fn assigned(definition: &str) -> Value {
    json!({ "properties": { "policyDefinitionId": definition, "displayName": "assigned" } })
}

async fn names(server: &Server, path: &str) -> Vec<String> {
    let page = get(server, path).await;
    let name = |own: &Value| own.get("name").and_then(Value::as_str).unwrap().to_owned();
    page.get("value").and_then(Value::as_array).unwrap().iter().map(name).collect()
}

/// The query of a list with a filter.
pub(crate) fn filtered(filter: &str) -> String {
    form_query(&[("api-version", "2023-04-01"), ("$filter", filter)])
}

pub(crate) fn form_query(pairs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| -> String {
        text.bytes()
            .map(|own| if own.is_ascii_alphanumeric() { char::from(own).to_string() } else { format!("%{own:02X}") })
            .collect()
    };
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

async fn make_group(server: &Server, name: &str, parent: Option<&str>) -> Value {
    let parent = parent.map(|parent| json!({ "parent": { "id": format!("{GROUPS}/{parent}") } }));
    let body = json!({ "name": name, "properties": { "displayName": name.to_uppercase(), "details": parent } });
    let (status, made) = put(server, &format!("{GROUPS}/{name}"), &body).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    made
}

#[tokio::test]
async fn what_is_made_at_a_scope_is_listed_there_found_and_removed() {
    let server = server().await;
    make_group(&server, "corp", None).await;
    let own = subscription();
    let (status, moved) = put(&server, &format!("{GROUPS}/corp{own}"), &json!({})).await;
    assert_eq!((status, &moved["properties"]["parent"]["id"]), (StatusCode::OK, &json!(format!("{GROUPS}/corp"))), "{moved}");
    let group = format!("{own}/resourceGroups/machines");
    let resource = ArmId::of(&machine()).as_str().to_owned();
    let corp = format!("{GROUPS}/corp");
    for (kind, scopes) in [
        ("policyDefinitions", vec!["", corp.as_str(), own.as_str()]),
        ("policySetDefinitions", vec!["", corp.as_str(), own.as_str()]),
        ("policyAssignments", vec!["", corp.as_str(), own.as_str(), group.as_str(), resource.as_str()]),
        ("policyExemptions", vec!["", corp.as_str(), own.as_str(), group.as_str(), resource.as_str()]),
    ] {
        let (base, house) = (at("", "policyDefinitions", "base"), at("", "policyAssignments", "house"));
        assert_eq!(put(&server, &base, &owner()).await.0, StatusCode::CREATED);
        assert_eq!(put(&server, &house, &assigned(&base)).await.0, StatusCode::CREATED);
        let body = match kind {
            "policyDefinitions" => owner(),
            "policySetDefinitions" => json!({ "properties": { "policyDefinitions": [{ "policyDefinitionId": base }] } }),
            "policyAssignments" => assigned(&base),
            _ => json!({ "properties": { "policyAssignmentId": house, "exemptionCategory": "Waiver" } }),
        };
        for scope in scopes {
            let path = at(scope, kind, "Own");
            let (status, made) = put(&server, &path, &body).await;
            assert_eq!((status, &made["id"], &made["name"]), (StatusCode::CREATED, &json!(path), &json!("Own")), "{made}");
            assert_eq!(made["type"], format!("Microsoft.Authorization/{kind}"));
            assert_eq!(get(&server, &path.to_lowercase()).await, made, "in any case");
            let list = format!("{scope}/providers/Microsoft.Authorization/{kind}");
            let listed = get(&server, &list).await;
            assert!(listed["value"].as_array().unwrap().contains(&made), "{list}: {listed}");
            let exact = names(&server, &format!("{list}?{}", filtered("atExactScope()"))).await;
            let others = usize::from(scope.is_empty() && ["policyDefinitions", "policyAssignments"].contains(&kind));
            assert_eq!(exact.len(), 1 + others, "{list}: {exact:?}");
            let again = put(&server, &path, &body).await;
            assert_eq!(again.1["properties"]["metadata"]["updatedOn"], Value::Null, "the same again is no change");
            assert_eq!(send(&server, BEARER.1, "DELETE", &path, &json!({})).await, (StatusCode::OK, made));
            assert_eq!(send(&server, BEARER.1, "DELETE", &path, &json!({})).await.0, StatusCode::NO_CONTENT);
            let (status, gone) = send(&server, BEARER.1, "GET", &path, &json!({})).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
            assert!(gone["error"]["code"].as_str().unwrap().ends_with("NotFound"), "{gone}");
        }
    }
}

#[tokio::test]
async fn lists_hold_what_a_filter_says_page_by_page() {
    let server = server().await;
    let own = subscription();
    let group = format!("{own}/resourceGroups/machines");
    let (built_in, custom) = (at("", "policyDefinitions", "given"), at(&own, "policyDefinitions", "own"));
    let mut given = owner();
    given["properties"]["policyType"] = json!("BuiltIn");
    assert_eq!(put(&server, &built_in, &given).await.0, StatusCode::CREATED);
    let (status, refused) = put(&server, &custom, &given).await;
    assert_eq!((status, &refused["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("InvalidPolicyType")));
    assert_eq!(put(&server, &custom, &owner()).await.0, StatusCode::CREATED);
    let list =
        |scope: &str, kind: &str, filter: &str| format!("{scope}/providers/Microsoft.Authorization/{kind}?{}", filtered(filter));
    for (filter, wanted) in [
        ("policyType eq 'Custom'", vec!["own"]),
        ("policyType -eq 'BuiltIn'", vec!["given"]),
        ("category eq 'tags'", vec!["given", "own"]),
        ("category eq 'other'", vec![]),
        ("atExactScope() and not policyType eq 'BuiltIn'", vec!["own"]),
    ] {
        assert_eq!(names(&server, &list(&own, "policyDefinitions", filter)).await, wanted, "{filter}");
    }
    for (scope, definition) in [("", &built_in), (own.as_str(), &custom), (group.as_str(), &custom)] {
        let name = if scope.is_empty() {
            "above"
        } else if scope == own {
            "here"
        } else {
            "below"
        };
        let (status, made) = put(&server, &at(scope, "policyAssignments", name), &assigned(definition)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
    }
    let of_definition = format!("policyDefinitionId eq '{}'", custom.to_uppercase());
    for (filter, wanted) in [
        ("", vec!["above", "below", "here"]),
        ("atScope()", vec!["above", "here"]),
        ("atExactScope()", vec!["here"]),
        ("atScopeAndBelow()", vec!["above", "below", "here"]),
        (of_definition.as_str(), vec!["below", "here"]),
    ] {
        let mut found = names(&server, &list(&own, "policyAssignments", filter)).await;
        found.sort();
        assert_eq!(found, wanted, "{filter}");
    }
    for (scope, wanted) in [(group.as_str(), 3), ("", 3), ("/subscriptions/fleet", 3)] {
        assert_eq!(names(&server, &list(scope, "policyAssignments", "")).await.len(), wanted, "{scope}");
    }
    for (name, end) in [("old", "2020-01-01T00:00:00Z"), ("new", "2999-01-01T00:00:00Z")] {
        let body = json!({ "properties": { "policyAssignmentId": at(&own, "policyAssignments", "here"), "exemptionCategory": "Waiver",
                                           "expiresOn": end } });
        assert_eq!(put(&server, &at(&own, "policyExemptions", name), &body).await.0, StatusCode::CREATED);
    }
    assert_eq!(names(&server, &list(&own, "policyExemptions", "excludeExpired()")).await, ["new"]);
    assert_eq!(names(&server, &list(&own, "policyExemptions", "")).await, ["new", "old"]);
    for wrong in ["colour eq 'x'", "atMoon()", "policyDefinitionId eq", "excludeExpired()"] {
        let (status, body) = send(&server, BEARER.1, "GET", &list(&own, "policyAssignments", wrong), &json!({})).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("InvalidFilterInQueryString")), "{wrong}");
    }
    // One by one, as a client follows them.
    let mut next = format!(
        "{own}/providers/Microsoft.Authorization/policyAssignments?{}",
        form_query(&[("$top", "1"), ("$filter", "atScope()")])
    );
    let mut seen = Vec::new();
    loop {
        let page = get(&server, &next).await;
        let value = page["value"].as_array().unwrap();
        assert_eq!(value.len(), 1);
        seen.push(value[0]["name"].as_str().unwrap().to_owned());
        let Some(link) = page["nextLink"].as_str() else { break };
        next = link.split_once("127.0.0.1:8470").unwrap().1.to_owned();
    }
    assert_eq!(seen, ["above", "here"]);
}

#[tokio::test]
async fn what_has_a_mistake_or_does_not_fit_is_refused_with_azures_code() {
    let server = server().await;
    let own = subscription();
    let definition = at(&own, "policyDefinitions", "owner");
    let code = async |path: &str, body: Value| {
        let (status, answer) = put(&server, path, &body).await;
        (status.as_u16(), answer["error"]["code"].as_str().unwrap_or_default().to_owned(), answer["error"]["message"].to_string())
    };
    let wrong =
        json!({ "properties": { "policyRule": { "if": { "field": "type", "equls": "x" }, "then": { "effect": "audit" } } } });
    let (status, found, message) = code(&definition, wrong).await;
    assert_eq!((status, found.as_str()), (400, "InvalidPolicyRule"));
    assert!(message.contains("/properties/policyRule/if") && message.contains("did you mean `equals`?"), "{message}");
    assert_eq!(code(&definition, json!({})).await.1, "InvalidRequestContent");
    let house = at(&own, "policyAssignments", "house");
    assert_eq!(code(&house, assigned(&definition)).await.1, "PolicyDefinitionNotFound");
    assert_eq!(put(&server, &definition, &owner()).await.0, StatusCode::CREATED);
    let out = at("", "policyAssignments", "house");
    assert_eq!(code(&out, assigned(&definition)).await.1, "InvalidCreatePolicyAssignmentRequest", "it does not lie above");
    let with = |name: &str, value: &str| {
        let mut body = assigned(&definition);
        body["properties"]["parameters"] = json!({ name: { "value": value } });
        body
    };
    assert_eq!(code(&house, with("efect", "Deny")).await.1, "UndefinedPolicyParameter");
    assert_eq!(code(&house, with("effect", "Explode")).await.1, "InvalidPolicyParameters");
    assert_eq!(put(&server, &house, &with("effect", "Deny")).await.0, StatusCode::CREATED);
    let mut changed = owner();
    changed["properties"]["parameters"]["effect"]["allowedValues"] = json!(["Audit"]);
    assert_eq!(code(&definition, changed).await.1, "InvalidPolicyParameterUpdate", "its assignment would be no longer");
    let mut needy = owner();
    needy["properties"]["parameters"]["team"] = json!({ "type": "String" });
    let other = at(&own, "policyDefinitions", "needy");
    assert_eq!(put(&server, &other, &needy).await.0, StatusCode::CREATED);
    assert_eq!(code(&house, assigned(&other)).await.1, "MissingPolicyParameter");
    let set = at(&own, "policySetDefinitions", "set");
    let of = |id: &str| json!({ "properties": { "policyDefinitions": [{ "policyDefinitionId": id, "policyDefinitionReferenceId": "r" }] } });
    assert_eq!(code(&set, of(&at(&own, "policyDefinitions", "none"))).await.1, "PolicyDefinitionNotFound");
    assert_eq!(code(&set, of(&other)).await.1, "MissingPolicyParameter");
    assert_eq!(put(&server, &set, &of(&definition)).await.0, StatusCode::CREATED);
    let exemption = |assignment: &str, references: Value| json!({ "properties": { "policyAssignmentId": assignment, "exemptionCategory": "Waiver", "policyDefinitionReferenceIds": references } });
    let exempt = at(&own, "policyExemptions", "e");
    assert_eq!(code(&exempt, exemption(&at(&own, "policyAssignments", "no"), json!([]))).await.1, "PolicyAssignmentNotFound");
    assert_eq!(code(&exempt, exemption(&house, json!(["x"]))).await.1, "InvalidPolicyDefinitionReferenceId");
    for (path, wanted) in [(&definition, "PolicyDefinitionInUse"), (&set, "")] {
        let (status, body) = send(&server, BEARER.1, "DELETE", path, &json!({})).await;
        assert_eq!(body["error"]["code"].as_str().unwrap_or_default(), wanted, "{status} {body}");
    }
    assert_eq!(put(&server, &set, &of(&definition)).await.0, StatusCode::CREATED);
    assert_eq!(put(&server, &house, &assigned(&set)).await.0, StatusCode::CREATED);
    let (status, body) = send(&server, BEARER.1, "DELETE", &set, &json!({})).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::CONFLICT, &json!("PolicySetDefinitionInUse")));
    // A patch of an exemption changes what Azure's does.
    assert_eq!(put(&server, &exempt, &exemption(&house, json!(["r"]))).await.0, StatusCode::CREATED);
    let selectors = json!([{ "name": "s", "selectors": [{ "kind": "resourceLocation", "in": ["home"] }] }]);
    let patch = json!({ "properties": { "resourceSelectors": selectors } });
    let (status, patched) = send(&server, BEARER.1, "PATCH", &exempt, &patch).await;
    assert_eq!((status, &patched["properties"]["resourceSelectors"]), (StatusCode::OK, &selectors), "{patched}");
    assert_eq!(patched["properties"]["exemptionCategory"], "Waiver");
    let (status, _) = send(&server, BEARER.1, "PATCH", &exempt, &json!({ "properties": { "displayName": "x" } })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_does_not_see_a_scope_finds_none_and_who_only_reads_changes_nothing() {
    let server = server().await;
    let own = subscription();
    let definition = at(&own, "policyDefinitions", "owner");
    let reader = program(&server, "reader", BuiltIn::Reader, "/subscriptions/fleet").await;
    let admin = program(&server, "admin", BuiltIn::SecurityAdmin, "/subscriptions/fleet").await;
    let foreign = program(&server, "foreign", BuiltIn::Owner, "/subscriptions/00000000-0000-4000-8000-00000000000a").await;
    let (status, made) = send(&server, &admin, "PUT", &definition, &owner()).await;
    assert_eq!(status, StatusCode::CREATED, "an account has two names: {made}");
    assert_eq!(send(&server, &reader, "GET", &definition, &json!({})).await, (StatusCode::OK, made));
    for (bearer, status) in [(&reader, StatusCode::FORBIDDEN), (&foreign, StatusCode::NOT_FOUND)] {
        for (method, body) in [("PUT", owner()), ("DELETE", json!({}))] {
            assert_eq!(send(&server, bearer, method, &definition, &body).await.0, status, "{method}");
        }
    }
    for path in [&definition, &format!("{own}/providers/Microsoft.Authorization/policyAssignments")] {
        let (status, unseen) = send(&server, &foreign, "GET", path, &json!({})).await;
        let nowhere = path.replace(&own, "/subscriptions/00000000-0000-4000-8000-00000000000b");
        assert_eq!((status, unseen), send(&server, &foreign, "GET", &nowhere, &json!({})).await, "as if it were not there");
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    assert_eq!(put(&server, &at(&own, "policyAssignments", "here"), &assigned(&definition)).await.0, StatusCode::CREATED);
    let list = "/providers/Microsoft.Authorization/policyAssignments";
    for (bearer, n_seen) in [(&reader, 1), (&foreign, 0)] {
        let (_, listed) = send(&server, bearer, "GET", list, &json!({})).await;
        assert_eq!(listed["value"].as_array().unwrap().len(), n_seen, "{listed}");
    }
    assert_eq!(send(&server, &admin, "PUT", &at("", "policyDefinitions", "x"), &owner()).await.0, StatusCode::FORBIDDEN);
    let group = format!("{GROUPS}/mine");
    let body = json!({ "properties": { "displayName": "mine" } });
    let taker = program(&server, "taker", BuiltIn::Owner, &group).await;
    assert_eq!(send(&server, &taker, "PUT", &group, &body).await.0, StatusCode::FORBIDDEN);
    assert_eq!(put(&server, &group, &body).await.0, StatusCode::OK);
    assert_eq!(send(&server, &taker, "PUT", &format!("{group}{own}"), &body).await.0, StatusCode::FORBIDDEN);
    let (_, listed) = send(&server, &reader, "GET", GROUPS, &json!({})).await;
    assert_eq!(listed["value"].as_array().unwrap().len(), 1, "the tenant's only: {listed}");
}

#[tokio::test]
async fn management_groups_are_made_moved_and_removed() {
    let server = server().await;
    let own = subscription();
    for (name, parent) in [("a", None), ("b", Some("a")), ("c", Some("b")), ("d", None)] {
        make_group(&server, name, parent).await;
    }
    let id = |name: &str| format!("{GROUPS}/{name}");
    assert_eq!(put(&server, &format!("{}{own}", id("b")), &json!({})).await.0, StatusCode::OK);
    let whole = get(&server, &format!("{}?{}", id(TENANT), form_query(&[("$expand", "children"), ("$recurse", "true")]))).await;
    let a = &whole["properties"]["children"][0];
    assert_eq!((&a["name"], &a["displayName"]), (&json!("a"), &json!("A")), "{whole}");
    let in_b: Vec<&str> =
        a["children"][0]["children"].as_array().unwrap().iter().map(|own| own["id"].as_str().unwrap()).collect();
    assert_eq!(in_b, [id("c").as_str(), own.as_str()]);
    let flat = get(&server, &format!("{}?{}", id("a"), form_query(&[("$expand", "children")]))).await;
    assert_eq!(flat["properties"]["children"][0]["children"], Value::Null);
    assert_eq!(flat["properties"]["details"]["parent"]["name"], TENANT);
    let move_to = |parent: &str| json!({ "properties": { "details": { "parent": { "id": id(parent) } } } });
    let (status, refused) = put(&server, &id("a"), &move_to("c")).await;
    assert_eq!((status, &refused["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("InvalidParentManagementGroup")));
    assert_eq!(put(&server, &id("b"), &move_to("nowhere")).await.0, StatusCode::NOT_FOUND);
    let (status, moved) = put(&server, &id("b"), &move_to("d")).await;
    assert_eq!((status, &moved["properties"]["details"]["parent"]["id"]), (StatusCode::OK, &json!(id("d"))));
    assert_eq!(moved["properties"]["displayName"], "B", "what is not said stays");
    let patch = json!({ "displayName": "Bee", "parentGroupId": id("a") });
    let (status, patched) = send(&server, BEARER.1, "PATCH", &id("b"), &patch).await;
    assert_eq!((status, &patched["properties"]["details"]["parent"]["name"]), (StatusCode::OK, &json!("a")));
    assert_eq!(send(&server, BEARER.1, "DELETE", &id("b"), &json!({})).await.0, StatusCode::CONFLICT, "something lies in it");
    assert_eq!(put(&server, &format!("{}{own}", id("d")), &json!({})).await.0, StatusCode::OK);
    assert_eq!(get(&server, &format!("{}/subscriptions", id("b"))).await["value"], json!([]));
    assert_eq!(get(&server, &format!("{}/subscriptions", id("d"))).await["value"][0]["name"], own.rsplit('/').next().unwrap());
    let of_d = format!("{}{own}", id("d"));
    assert_eq!(send(&server, BEARER.1, "DELETE", &of_d, &json!({})).await.0, StatusCode::OK);
    assert_eq!(send(&server, BEARER.1, "DELETE", &of_d, &json!({})).await.0, StatusCode::NO_CONTENT);
    for name in ["c", "b", "a", "d"] {
        assert_eq!(send(&server, BEARER.1, "DELETE", &id(name), &json!({})).await.0, StatusCode::NO_CONTENT, "{name}");
    }
    let left = get(&server, GROUPS).await;
    assert_eq!(left["value"].as_array().unwrap().len(), 1, "{left}");
    // What a group of an import lists is moved with what lies below it.
    let import = json!([{ "id": id("x"), "type": "Microsoft.Management/managementGroups", "properties": { "children": [
        { "id": id("y"), "type": "Microsoft.Management/managementGroups", "children": [{ "id": id("z"), "type": "x" }] }] } }]);
    let (status, _) = ask(&server, "POST", "/api/v1/policy/import", &[BEARER], &import.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    make_group(&server, "w", None).await;
    assert_eq!(put(&server, &id("y"), &move_to("w")).await.0, StatusCode::OK);
    let z = get(&server, &id("z")).await;
    assert_eq!(z["properties"]["details"]["managementGroupAncestors"], json!(["y", "w", TENANT]), "{z}");
}

#[tokio::test]
async fn an_exemption_takes_leave_where_its_assignment_lies() {
    let server = server().await;
    let own = subscription();
    let (base, corp) = (at("", "policyDefinitions", "base"), at("", "policyAssignments", "corp"));
    assert_eq!(put(&server, &base, &owner()).await.0, StatusCode::CREATED);
    assert_eq!(put(&server, &corp, &assigned(&base)).await.0, StatusCode::CREATED);
    let below = at(&own, "policyAssignments", "below");
    assert_eq!(put(&server, &below, &assigned(&base)).await.0, StatusCode::CREATED);
    let admin = program(&server, "admin", BuiltIn::SecurityAdmin, &own).await;
    let exemption = |id: &str, assignment: &str| json!({ "id": id, "properties": { "policyAssignmentId": assignment, "exemptionCategory": "Waiver" } });
    let exempt = at(&own, "policyExemptions", "e");
    let (status, body) = send(&server, &admin, "PUT", &exempt, &exemption(&exempt, &corp)).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::FORBIDDEN, &json!("AuthorizationFailed")), "{body}");
    let (status, _) = send(&server, &admin, "POST", "/api/v1/policy/import", &exemption(&exempt, &corp)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "the console's import is no way around it");
    let (status, body) = send(&server, &admin, "PUT", &exempt, &exemption(&exempt, &below)).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
}
