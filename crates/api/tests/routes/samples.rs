//! A body for every kind of object that clients write, made of its schema in the OpenAPI document.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Map, Value, json};
use skywarden_api::openapi;

use crate::common::CATALOG;

/// The name of an assessment that a client writes, and of what describes it.
pub(crate) const OWN_ASSESSMENT: &str = "ca039e75-a276-4175-aebc-bcd41e4b14b7";

/// The paths at which objects of such kinds are written. Where resources of Azure's own are meant, the estate has none.
pub(crate) fn written() -> Vec<&'static str> {
    let is_written =
        |item: &'static Value| schema_of(item).and_then(|own| own["$ref"].as_str()).is_some_and(|own| own.ends_with("Written"));
    let paths = openapi().document["paths"].as_object().unwrap().iter();
    let written = paths.filter(|(path, item)| is_written(item) && !path.contains("/{resource_type}/"));
    written.map(|(path, _)| path.as_str()).collect()
}

/// What can be written there.
pub(crate) fn body(template: &str) -> Value {
    let mut body = value("", schema_of(&openapi().document["paths"][template]).unwrap());
    let properties = body["properties"].as_object_mut().unwrap();
    match collection(template) {
        "pricings" => return json!({ "properties": { "pricingTier": "Free" } }),
        "standardAssignments" => return json!({ "properties": standard_assignment(template) }),
        // A standard is judged by assessments or by an initiative.
        "securityStandards" => drop(properties.remove("policySetDefinitionId")),
        "customRecommendations" => drop(properties.insert("query".to_owned(), json!(rule().to_string()))),
        "assessments" => {
            properties["status"]["code"] = json!("Unhealthy");
            properties["additionalData"] = json!({ "ticket": "42" });
        }
        _ => {}
    }
    body
}

/// The name of an object at a path `.../COLLECTION/{name}`: the first that is given for the kind, if names are.
pub(crate) fn name(template: &str) -> &'static str {
    match collection(template) {
        "pricings" => return "VirtualMachines",
        "assessmentMetadata" => return OWN_ASSESSMENT,
        _ => {}
    }
    let Some((item, _)) = template.split_once("/{name}") else { return "own" };
    let answered = &openapi().document["paths"][&format!("{item}/{{name}}")]["get"]["responses"]["200"];
    let name = &resolved(&answered["content"]["application/json"]["schema"])["properties"]["name"];
    name["enum"][0].as_str().unwrap_or("own")
}

/// An assignment that its place has room for: standards with assessments are judged over accounts, and exempted is in accounts only.
fn standard_assignment(template: &str) -> Value {
    if let Some(group) = template.strip_prefix("/providers/Microsoft.Management/managementGroups/{management_group}") {
        let standard = format!("/providers/Microsoft.Management/managementGroups/corp{group}");
        let standard = standard.replace("standardAssignments/{name}", "securityStandards/own");
        return json!({ "displayName": "x", "effect": "Audit", "assignedStandard": { "id": standard } });
    }
    let exempted = json!({ "exemptionCategory": "waiver", "assignedAssessment": { "assessmentKey": key() } });
    json!({ "displayName": "x", "description": "It is known.", "effect": "Exempt", "expiresOn": "2030-01-01T00:00:00Z", "exemptionData": exempted })
}

fn rule() -> Value {
    json!({ "if": { "field": "type", "equals": "Skywarden.Host/machines" }, "then": { "effect": "audit" } })
}

/// The key of an assessment of the catalog.
fn key() -> &'static str {
    &CATALOG.recommendations["machine-root-login-refused"].key
}

/// What stands before the last parameter.
fn collection(template: &str) -> &str {
    let (before, _) = template.rsplit_once("/{").unwrap();
    before.rsplit('/').next().unwrap()
}

fn schema_of(item: &'static Value) -> Option<&'static Value> {
    item.pointer("/put/requestBody/content/application~1json/schema")
}

fn resolved(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(name) => openapi().document.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// What fits a schema; where the server wants more of a member than its schema says, that.
fn value(member: &str, schema: &'static Value) -> Value {
    let schema = resolved(schema);
    if let Some(first) = schema["anyOf"].get(0).or_else(|| schema["oneOf"].get(0)) {
        return value(member, first);
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("boolean") => json!(member != "isDisabled"),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("array") => json!([value(member, &schema["items"])]),
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            let written = members.filter(|(_, own)| own["readOnly"] != json!(true));
            Value::Object(written.map(|(name, own)| (name.clone(), value(name, own))).collect::<Map<_, _>>())
        }
        Some("string") if schema["format"] == "date-time" => json!("2030-01-01T00:00:00Z"),
        _ => json!(match member {
            "assessmentKey" | "key" => key(),
            "emails" => "a@house.example",
            "excludedScopes" => "/subscriptions/x",
            "property" => "$.Severity",
            "remediationTimeframe" => "7.00:00:00",
            _ => "x",
        }),
    }
}
