//! That the OpenAPI document is whole, and that what the routes answer is what it says.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use jsonschema::Validator;
use serde_json::{Value, json};
use skywarden_api::{OPEN_ROUTES, ROUTES, openapi};
use skywarden_model::{ArmId, Connector, Environment, Scope, Timestamp, subscription_id};
use skywarden_rbac::BuiltIn;

use crate::{
    common::{BEARER, CATALOG, JSON, Server, TENANT, estate, estate_of, get, machine, program, send},
    connectors_defender, governance,
    policy_arm::{at, owner},
    samples,
};

/// Where the estate lies.
const PLACES: [(&str, &str); 2] = [("host", "fleet"), ("other", "ships")];
const DEFINITION: &str = "/providers/Microsoft.Authorization/policyDefinitions/own";
const ROLE: &str = "00000000-0000-4000-8000-00000000000a";
const ASSIGNMENT: &str = "00000000-0000-4000-8000-00000000000b";

/// `GET` routes of which the estate has nothing, or that a token can't ask.
const NOTHING_THERE: [(&str, &str); 7] = [
    ("/api/v1/device", "is for people in a browser"),
    ("/identity/token", "asks for another header"),
    ("/sign-in/{provider}", "there is no identity provider"),
    ("/sign-in/{provider}/callback", "there is no identity provider"),
    (
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments/{assessment}/subAssessments/{finding}",
        "no assessment has findings",
    ),
    (
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{resource_type}/{resource}/providers/Microsoft.Authorization/policyAssignments/{name}",
        "there is nothing of Azure",
    ),
    (
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{resource_type}/{resource}/providers/Microsoft.Authorization/policyExemptions/{name}",
        "there is nothing of Azure",
    ),
];

/// Lists at resources of Azure's own are not found for the same reason.
fn is_at_azures(path: &str) -> bool {
    path.contains("/{resource_type}/")
}

/// An answer with what it was asked by.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

/// The document, by which answers are judged.
pub(crate) struct Contract {
    document: &'static Value,
}

impl Contract {
    pub(crate) fn new() -> Self {
        Self { document: &openapi().document }
    }

    fn operation(&self, method: &str, template: &str) -> &'static Value {
        let own = self.document["paths"].get(template).and_then(|own| own.get(method.to_lowercase()));
        own.unwrap_or_else(|| panic!("{method} {template} is not in the document"))
    }

    /// What is wrong with an answer.
    fn judge(&self, method: &str, template: &str, status: StatusCode, media: &str, body: &[u8]) -> Result<Value, String> {
        let responses = &self.operation(method, template)["responses"];
        let mut response = responses.get(status.as_str()).ok_or_else(|| format!("the status {status} is not documented"))?;
        if let Some(name) = response["$ref"].as_str() {
            response = self.document.pointer(name.trim_start_matches('#')).ok_or("the response is not there")?;
        }
        let Some(content) = response.get("content") else {
            return if body.is_empty() { Ok(Value::Null) } else { Err(format!("{status} is documented without a body")) };
        };
        let media = media.split(';').next().unwrap_or_default();
        let own = content.get(media).ok_or_else(|| format!("the media type `{media}` is not documented"))?;
        if media != "application/json" {
            return Ok(Value::Null);
        }
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let errors: Vec<String> = self
            .validator(&own["schema"])
            .iter_errors(&body)
            .map(|error| format!("{} at {}", error.to_string().chars().take(400).collect::<String>(), error.instance_path()))
            .collect();
        if errors.is_empty() { Ok(body) } else { Err(errors.join("\n  ")) }
    }

    fn validator(&self, schema: &Value) -> Validator {
        let whole = json!({ "allOf": [schema], "components": self.document["components"] });
        jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
    }

    /// Asks, and holds the answer against the document.
    pub(crate) async fn ask(
        &self,
        server: &Server,
        (method, template): (&str, &str),
        path: &str,
        bearer: &str,
        sent: &Value,
    ) -> Answer {
        let body = if sent.is_null() { Vec::new() } else { sent.to_string().into_bytes() };
        let response = send(server, method, path, &[("authorization", bearer), JSON], body).await;
        let status = response.status();
        let media = response.headers().get("content-type").map_or("", |own| own.to_str().unwrap()).to_owned();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 26).await.unwrap();
        match self.judge(method, template, status, &media, &bytes) {
            Ok(body) => Answer { status, body },
            Err(wrong) => {
                let text: String = String::from_utf8_lossy(&bytes).chars().take(600).collect();
                panic!("{method} {path} answers what its description does not say:\n  {wrong}\n{status} {text}")
            }
        }
    }
}

#[test]
fn every_route_is_described_and_nothing_else() {
    assert!(openapi().problems.is_empty(), "{}", openapi().problems.join("\n"));
    let open =
        OPEN_ROUTES.iter().flat_map(|routes| routes.iter()).map(|(method, path)| (method.to_lowercase(), (*path).to_owned()));
    let listed = ROUTES.iter().map(|route| (route.method.to_lowercase(), route.path.clone()));
    let wanted: BTreeSet<(String, String)> = listed.chain(open).collect();
    let mut found = BTreeSet::new();
    for (path, methods) in openapi().document["paths"].as_object().unwrap() {
        found.extend(methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
    }
    assert_eq!(found, wanted);
}

#[test]
fn the_document_is_openapi() {
    let document = &openapi().document;
    assert_eq!(document["openapi"], "3.1.0");
    let components = &document["components"];
    for (name, schema) in components["schemas"].as_object().unwrap() {
        assert!(jsonschema::meta::validate(schema).is_ok(), "{name}");
        assert!(name.chars().all(|letter| letter.is_ascii_alphanumeric()), "{name}");
    }
    let tags: BTreeSet<&str> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{place}: the id is not its own");
            assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{place}");
            assert!(operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(tag.as_str().unwrap())), "{place}");
            let own = |kind: &str| -> Vec<&str> {
                let all = operation["parameters"].as_array().unwrap().iter().filter(|own| own["in"] == kind);
                all.map(|own| own["name"].as_str().unwrap()).collect()
            };
            let in_path: Vec<&str> = path.split('/').filter_map(|step| step.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(own("path"), in_path, "{place}");
            assert_eq!(own("query").len(), own("query").into_iter().collect::<BTreeSet<_>>().len(), "{place}: a parameter twice");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2') || status.starts_with('3')), "{place} never succeeds");
            for (status, response) in responses {
                let name = response["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/responses/"));
                assert!(
                    name.map_or(response["description"].is_string(), |name| components["responses"][name].is_object()),
                    "{place} {status}"
                );
            }
            let is_open =
                OPEN_ROUTES.iter().any(|routes| routes.iter().any(|(own, at)| own.to_lowercase() == *method && at == path));
            assert_eq!(operation["security"] == json!([]), is_open, "{place}");
            assert_eq!(operation["x-skywarden-action"].is_string(), !is_open, "{place}");
        }
    }
}

/// An estate in which most routes find something.
async fn furnished(contract: &Contract) -> Server {
    let mut like = machine();
    like.properties["packages"] = json!([{ "name": "bash", "version": "5.2-1", "arch": "amd64" }]);
    let server = estate_of(&PLACES, &like).await;
    let connector = Connector {
        id: PLACES[1].0.into(),
        environment: Environment::Aws,
        display_name: "ships".to_owned(),
        sample: false,
        settings: BTreeMap::new(),
    };
    server.store.put_connector(&connector).await.unwrap();
    let mut alerts = skywarden_detect::samples(&CATALOG, "KeyVaults", Timestamp::now(), 1, PLACES[0].1).unwrap();
    // One that lies in the machine's resource group.
    alerts[0].compromised = Some("host-fleet".to_owned());
    alerts[0].first.resource = None;
    let incident: skywarden_detect::Incident = serde_json::from_value(json!({
        "id": "story", "kind": null, "title": "a story", "severity": "high", "alerts": [alerts[0].id], "n_left_out": 0, "intents": ["Impact"],
        "shared": [{ "type": "ip", "id": "203.0.113.9" }], "start": alerts[0].start, "end": alerts[0].end, "merged": [],
        "timeline": [{ "time": alerts[0].start, "alert": alerts[0].id, "intent": "Impact", "text": "it happened" }],
    }))
    .unwrap();
    server.store.keep_found(&CATALOG, &alerts, (&[incident], &[]), PLACES[0], Timestamp::now()).await.unwrap();
    let own = subscription();
    let group = format!("{own}/resourceGroups/machines");
    let entity = entity();
    let made = async |template: &str, path: &str, method: &str, body: &Value| {
        let answer = contract.ask(&server, (method, template), path, BEARER.1, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
        answer.body
    };
    let corp = "/providers/Microsoft.Management/managementGroups/corp";
    let groups = "/providers/Microsoft.Management/managementGroups/{management_group}";
    made(groups, corp, "PUT", &json!({ "properties": { "displayName": "Corp" } })).await;
    made(groups, corp, "PATCH", &json!({ "displayName": "Company" })).await;
    made(&format!("{groups}/subscriptions/{{name}}"), &format!("{corp}{own}"), "PUT", &json!({})).await;
    let scopes = scopes(&own, &group, &entity);
    for (kind, body) in [
        ("policyDefinitions", owner()),
        ("policySetDefinitions", json!({ "properties": { "policyDefinitions": [{ "policyDefinitionId": DEFINITION }] } })),
        ("policyAssignments", json!({ "properties": { "policyDefinitionId": DEFINITION, "displayName": "assigned" } })),
        (
            "policyExemptions",
            json!({ "properties": { "policyAssignmentId": at("", "policyAssignments", "own"), "exemptionCategory": "Waiver" } }),
        ),
    ] {
        let is_low = !kind.ends_with("efinitions");
        for (pattern, scope) in scopes.iter().filter(|(pattern, _)| is_low || !pattern.contains("{group}")) {
            let template = format!("{pattern}/providers/Microsoft.Authorization/{kind}/{{name}}");
            made(&template, &at(scope, kind, "own"), "PUT", &body).await;
        }
    }
    let states = "/providers/Microsoft.PolicyInsights/policyStates";
    for rest in ["queryResults", "summarize"] {
        let template = format!("/subscriptions/{{subscription}}{states}/{{states}}/{rest}");
        made(&template, &format!("{own}{states}/latest/{rest}"), "POST", &Value::Null).await;
    }
    let check = "providers/Microsoft.PolicyInsights/checkPolicyRestrictions";
    let asked = json!({ "resourceDetails": { "resourceContent": { "type": "Skywarden.Host/machines", "name": "x" } },
                        "pendingFields": [{ "field": "tags.owner" }], "includeAuditEffect": true });
    made(&format!("/subscriptions/{{subscription}}/{check}"), &format!("{own}/{check}"), "POST", &asked).await;
    let role = json!({ "properties": { "roleName": "Own", "description": "", "assignableScopes": ["/"],
                                       "permissions": [{ "actions": ["Microsoft.Security/*/read"], "notActions": [] }] } });
    for (pattern, scope) in scopes.iter().take(4) {
        let template = format!("{pattern}/providers/Microsoft.Authorization/roleDefinitions/{{name}}");
        made(&template, &at(scope, "roleDefinitions", ROLE), "PUT", &role).await;
    }
    let group_of_people =
        made("/api/v1/principals", "/api/v1/principals", "POST", &json!({ "kind": "Group", "name": "crew" })).await;
    let principal = group_of_people["principal"]["id"].as_str().unwrap().to_owned();
    for ((pattern, scope), number) in scopes.iter().take(4).zip('b'..) {
        let template = format!("{pattern}/providers/Microsoft.Authorization/roleAssignments/{{name}}");
        let body = json!({ "properties": { "roleDefinitionId": ROLE, "principalId": principal } });
        made(&template, &at(scope, "roleAssignments", &assignment(number)), "PUT", &body).await;
    }
    let standard = json!({ "id": "house", "title": "House", "description": "Ours.", "version": "1", "environments": ["host"], "controls": [
        { "id": "1", "title": "A firewall is on", "checks": ["machine-firewall-on"] },
        { "id": "2", "title": "Leavers lose access", "manual": "Compare." }] });
    made("/api/v1/standards/{id}", "/api/v1/standards/house", "PUT", &standard).await;
    let attested = json!({ "control": "2", "state": "Passed", "evidence": { "text": "seen" }, "assessedOn": "2026-11-01" });
    made("/api/v1/compliance/{id}/attestations", "/api/v1/compliance/house/attestations", "POST", &attested).await;
    let decision = json!({ "recommendation": "machine-firewall-on", "scope": { "kind": "tenant" }, "category": "Mitigated", "reason": "known" });
    let exemption = made("/api/v1/exemptions", "/api/v1/exemptions", "POST", &decision).await;
    let lifted = json!({ "ids": [exemption["id"]] });
    made("/api/v1/exemptions/lift", "/api/v1/exemptions/lift", "POST", &lifted).await;
    let trial = json!({ "definitionId": DEFINITION, "resource": r#"{ "type": "Skywarden.Host/machines", "name": "x" }"# });
    let tried = made("/api/v1/policy/try", "/api/v1/policy/try", "POST", &trial).await;
    assert_eq!(tried["results"].as_array().unwrap().len(), 1, "{tried}");
    made(
        "/api/v1/policy/import",
        "/api/v1/policy/import?dryRun=false",
        "POST",
        &json!({ "id": DEFINITION, "name": "own", "properties": owner()["properties"] }),
    )
    .await;
    let connectors =
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}";
    let path = format!("{group}/providers/Microsoft.Security/securityConnectors/own");
    let connector = json!({ "tags": { "a": "b" }, "properties": {
        "hierarchyIdentifier": "123456789012", "environmentName": "AWS",
        "environmentData": { "environmentType": "AwsAccount", "scanInterval": 4,
                             "organizationalData": { "organizationMembershipType": "Member", "parentHierarchyId": "210987654321" } },
        "offerings": [{ "offeringType": "CspmMonitorAws", "nativeCloudConnection": { "cloudRoleArn": "arn:aws:iam::123456789012:role/R" } },
                      { "offeringType": "DefenderForServersAws", "subPlan": { "type": "P2" } }] } });
    for _ in 0..2 {
        made(connectors, &path, "PUT", &connector).await;
    }
    made(connectors, &path, "PATCH", &json!({ "properties": { "environmentData": { "regions": ["eu-central-1"] } } })).await;
    let key = key();
    for template in samples::written() {
        let key = if template.ends_with("/{assessment}") { samples::OWN_ASSESSMENT } else { &key };
        let path = at_scope(template).replace("{assessment}", key).replace("{name}", samples::name(template));
        made(template, &path, "PUT", &samples::body(template)).await;
    }
    server
}

/// Scopes as paths of the table begin, each with the one of the estate.
fn scopes(own: &str, group: &str, entity: &str) -> Vec<(String, String)> {
    let group_pattern = "/subscriptions/{subscription}/resourceGroups/{group}";
    vec![
        (String::new(), String::new()),
        (
            "/providers/Microsoft.Management/managementGroups/{management_group}".to_owned(),
            "/providers/Microsoft.Management/managementGroups/corp".to_owned(),
        ),
        ("/subscriptions/{subscription}".to_owned(), own.to_owned()),
        (group_pattern.to_owned(), group.to_owned()),
        (
            format!(
                "{group_pattern}/providers/Microsoft.Security/securityConnectors/{{connector}}/securityEntityData/{{entity}}"
            ),
            entity.to_owned(),
        ),
    ]
}

/// The scope of connectors, likewise.
fn connector_scope() -> (String, String) {
    let at = "resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}";
    let (connector, account) = PLACES[1];
    let scope = Scope { connector: connector.into(), account: account.into(), resource_group: "".into() };
    let own = at.replace("{group}", "skywarden").replace("{connector}", connector);
    (format!("/subscriptions/{{subscription}}/{at}"), format!("/subscriptions/{}/{own}", subscription_id(&scope)))
}

/// A path of the table with the scope of the estate in place of its own: the longest beginning that is one.
fn at_scope(template: &str) -> String {
    let own = subscription();
    let mut known = scopes(&own, &format!("{own}/resourceGroups/machines"), &entity());
    known.push(connector_scope());
    let meant = known.iter().filter(|(pattern, _)| template.starts_with(pattern.as_str()));
    let (pattern, scope) = meant.max_by_key(|(pattern, _)| pattern.len()).unwrap();
    template.replacen(pattern.as_str(), scope, usize::from(!pattern.is_empty()))
}

/// The key of what was assessed.
fn key() -> String {
    CATALOG.recommendations["machine-firewall-on"].key.clone()
}

fn assignment(number: char) -> String {
    let (all_but_last, _) = ASSIGNMENT.split_at(ASSIGNMENT.len() - 1);
    format!("{all_but_last}{number}")
}

fn subscription() -> String {
    format!("/subscriptions/{}", subscription_id(&machine().scope))
}

/// The machine of the first place in ARM.
fn entity() -> String {
    let own = skywarden_model::Resource { id: "host-fleet".into(), ..machine() };
    ArmId::of(&own).as_str().to_owned()
}

/// What the estate has that is only known once it is there.
struct Found {
    /// A principal's id.
    principal: String,
    /// The key of what was assessed.
    key: String,
    /// The name of a task.
    task: String,
    /// An alert's name in ARM and its id.
    alert: [String; 2],
    /// The names of the health reports of the subscription and of the machine.
    reports: [String; 2],
    /// The ids of operations by the path of what carried them out.
    operations: BTreeMap<String, String>,
}

impl Found {
    async fn of(server: &Server) -> Self {
        let principals = get(server, "/api/v1/principals").await;
        let tasks = get(server, &format!("{}/providers/Microsoft.Security/tasks", subscription())).await;
        let task = tasks["value"][0]["name"].as_str().unwrap().to_owned();
        let alerts = get(server, "/api/v1/alerts").await;
        let alert = ["name", "id"].map(|member| alerts["items"][0][member].as_str().unwrap().to_owned());
        let report = async |scope: String| {
            let own = get(server, &format!("{scope}/providers/Microsoft.Security/healthReports")).await;
            own["value"][0]["name"].as_str().unwrap().to_owned()
        };
        let reports = [report(subscription()).await, report(entity()).await];
        let mut operations = BTreeMap::new();
        for template in ROUTES.iter().filter_map(|route| route.path.strip_suffix("/{name}/execute")) {
            let rule = format!("{}/own", at_scope(template));
            let id = governance::result(server, &rule, false).await["name"].as_str().unwrap().to_owned();
            operations.insert(rule, id);
        }
        Self {
            principal: principals["items"][0]["id"].as_str().unwrap().to_owned(),
            key: key(),
            task,
            alert,
            reports,
            operations,
        }
    }
}

/// A path of the estate for one of the table.
fn path_of(found: &Found, template: &str) -> String {
    let mut path = at_scope(template);
    let own = subscription();
    let known = scopes(&own, "", "");
    let meant = known.iter().zip('b'..).filter(|((pattern, _), _)| template.starts_with(pattern.as_str()));
    let (_, number) = meant.max_by_key(|((pattern, _), _)| pattern.len()).unwrap();
    let role_assignment = assignment(number);
    let name = match path.split("/{name}").next().and_then(|before| before.rsplit('/').next()) {
        Some("roleDefinitions") => ROLE,
        Some("roleAssignments") => &role_assignment,
        Some("asyncOperationResults") => "1",
        Some("subscriptions") => own.rsplit('/').next().unwrap(),
        Some("assessmentMetadata") if !template.starts_with("/subscriptions") => &found.key,
        Some("securityStandards") if template.starts_with("/providers/Microsoft.Security/") => "mcsb-v1",
        Some(_) if template.contains("{name}") => samples::name(template),
        _ => "own",
    };
    let id = match path.split("/{id}").next().and_then(|before| before.rsplit('/').next()) {
        Some("recommendations") => "machine-firewall-on",
        Some("compliance" | "standards") => "house",
        Some("principals") => &found.principal,
        Some("connectors") => "host",
        _ => "x",
    };
    for (parameter, value) in [
        ("{name}", name),
        ("{id}", id),
        ("{assessment}", &found.key),
        ("{check}", &found.key),
        ("{control}", "1"),
        ("{standard}", "house"),
        ("{score}", "ascScore"),
        ("{location}", "local"),
        ("{states}", "latest"),
        ("{tenant}", TENANT),
        ("{task}", &found.task),
        ("{incident}", "story"),
        ("{alert}", &found.alert[usize::from(template.starts_with("/api/v1"))]),
        ("{report}", &found.reports[usize::from(template.contains("{entity}"))]),
        ("{software}", "bash_5.2-1"),
        ("{namespace}", "Microsoft.Security"),
    ] {
        path = path.replace(parameter, value);
    }
    if let Some((rule, _)) = path.split_once("/operationResults/") {
        path = path.replace("{operation}", &found.operations[rule]);
    }
    let path = path.replace(['{', '}'], "");
    match template {
        "/api/v1/resource" => path + "?id=host-fleet",
        "/api/v1/policy/definition" => format!("{path}?id={DEFINITION}"),
        "/api/v1/policy/assignment" => format!("{path}?id={}", at("", "policyAssignments", "own")),
        "/api/v1/policy/scope" => format!("{path}?id={own}"),
        _ => path,
    }
}

#[tokio::test]
async fn what_is_read_is_what_the_document_says() {
    let contract = Contract::new();
    let server = furnished(&contract).await;
    let said = BTreeMap::from([("fleet".into(), connectors_defender::view("fleet"))]);
    server.store.keep_defender("host", &said, Timestamp::UNIX_EPOCH).await.unwrap();
    let nobody = program(&server, "nobody", BuiltIn::Reader, "/subscriptions/00000000-0000-0000-0000-000000000000").await;
    let open = OPEN_ROUTES.iter().flat_map(|routes| routes.iter()).map(|(method, path)| (*method, *path));
    let listed = ROUTES.iter().map(|route| (route.method, route.path.as_str()));
    let found = Found::of(&server).await;
    let mut nothing: BTreeMap<&str, Value> = BTreeMap::new();
    for (method, template) in listed.chain(open).filter(|(method, _)| *method == "GET") {
        let path = path_of(&found, template);
        let answer = contract.ask(&server, (method, template), &path, BEARER.1, &Value::Null).await;
        if answer.status != StatusCode::OK {
            nothing.insert(template, answer.body);
        }
        contract.ask(&server, (method, template), &path, &nobody, &Value::Null).await;
    }
    // What a client wrote looks otherwise than what is built in.
    let of_machine = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments/{assessment}";
    let metadata = "/subscriptions/{subscription}/providers/Microsoft.Security/assessmentMetadata/{name}";
    for (template, path) in [
        ("/api/v1/recommendations/{id}", format!("/api/v1/recommendations/{}", samples::OWN_ASSESSMENT)),
        (of_machine, at_scope(of_machine).replace("{assessment}", samples::OWN_ASSESSMENT)),
        (metadata, at_scope(metadata).replace("{name}", &found.key)),
    ] {
        let answer = contract.ask(&server, ("GET", template), &path, BEARER.1, &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    }
    let removed = at_scope(of_machine).replace("{assessment}", samples::OWN_ASSESSMENT);
    for wanted in [StatusCode::OK, StatusCode::NO_CONTENT] {
        let answer = contract.ask(&server, ("DELETE", of_machine), &removed, BEARER.1, &Value::Null).await;
        assert_eq!(answer.status, wanted, "{}", answer.body);
    }
    let known: BTreeSet<&str> = NOTHING_THERE.iter().map(|(path, _)| *path).collect();
    let surprises: Vec<_> = nothing.iter().filter(|(path, _)| !known.contains(*path) && !is_at_azures(path)).collect();
    assert!(surprises.is_empty(), "no answer to judge: {surprises:#?}");
    let surprising: Vec<_> = known.iter().filter(|path| !nothing.contains_key(*path)).collect();
    assert!(surprising.is_empty(), "these find something now: {surprising:?}");
}

#[tokio::test]
async fn a_mistake_of_a_client_is_told_in_one_shape() {
    let contract = Contract::new();
    let server = estate(&PLACES).await;
    for (method, template, path, sent, wanted) in [
        ("GET", "/api/v1/resources", "/api/v1/resources?limit=x", "", StatusCode::BAD_REQUEST),
        ("GET", "/api/v1/resource", "/api/v1/resource", "", StatusCode::BAD_REQUEST),
        ("GET", "/api/v1/recommendations/{id}", "/api/v1/recommendations/%FF", "", StatusCode::BAD_REQUEST),
        ("POST", "/api/v1/exemptions", "/api/v1/exemptions", "{", StatusCode::BAD_REQUEST),
        ("PUT", "/api/v1/standards/{id}", "/api/v1/standards/x", ":", StatusCode::BAD_REQUEST),
    ] {
        let sent = if sent.is_empty() { Value::Null } else { Value::String(sent.to_owned()) };
        let answer = contract.ask(&server, (method, template), path, BEARER.1, &sent).await;
        assert_eq!(answer.status, wanted, "{method} {path}: {}", answer.body);
        assert!(answer.body["error"]["code"].is_string(), "{method} {path}: {}", answer.body);
    }
    let response = send(&server, "PATCH", "/api/v1/overview", &[BEARER], Vec::new()).await;
    assert_eq!((response.status(), response.headers()["allow"].to_str().unwrap()), (StatusCode::METHOD_NOT_ALLOWED, "GET"));
}

#[test]
fn a_wrong_answer_is_noticed() {
    let contract = Contract::new();
    let judge = |status: u16, media: &str, body: &str| {
        contract.judge("GET", "/api/v1/checks", StatusCode::from_u16(status).unwrap(), media, body.as_bytes())
    };
    let row = r#"{"id":"a","title":"A","severity":"Low","type":"T","kind":"rule"}"#;
    let right = format!(r#"{{"items":[{row}]}}"#);
    assert!(judge(200, "application/json", &right).is_ok());
    for wrong in [right.replace("Low", "None"), right.replace(r#""id":"a","#, ""), right.replace(r#"{"id""#, r#"{"more":1,"id""#)]
    {
        assert!(judge(200, "application/json", &wrong).is_err(), "{wrong}");
    }
    assert!(judge(500, "application/json", "{}").is_err());
    assert!(judge(200, "text/plain", &right).is_err());
    assert!(judge(401, "application/json", r#"{"error":"no"}"#).is_err());
}
