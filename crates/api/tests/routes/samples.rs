//! A body for every kind of object that clients write, made of its schema in the OpenAPI document.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Map, Value, json};
use skywarden_api::openapi;

/// The paths at which objects of such kinds are written.
pub(crate) fn written() -> Vec<&'static str> {
    let is_written =
        |item: &'static Value| schema_of(item).and_then(|own| own["$ref"].as_str()).is_some_and(|own| own.ends_with("Written"));
    let paths = openapi().document["paths"].as_object().unwrap().iter();
    paths.filter(|(_, item)| is_written(item)).map(|(path, _)| path.as_str()).collect()
}

/// What can be written there.
pub(crate) fn body(template: &str) -> Value {
    if collection(template) == Some("pricings") {
        return json!({ "properties": { "pricingTier": "Free" } });
    }
    value("", schema_of(&openapi().document["paths"][template]).unwrap())
}

/// The name of an object at a path `.../COLLECTION/{name}`: the first that is given for the kind, if names are.
pub(crate) fn name(template: &str) -> &'static str {
    if collection(template) == Some("pricings") {
        return "VirtualMachines";
    }
    let (item, _) = template.split_once("/{name}").unwrap();
    let answered = &openapi().document["paths"][&format!("{item}/{{name}}")]["get"]["responses"]["200"];
    let name = &resolved(&answered["content"]["application/json"]["schema"])["properties"]["name"];
    name["enum"][0].as_str().unwrap_or("own")
}

fn collection(template: &str) -> Option<&str> {
    template.split("/{name}").next().and_then(|before| before.rsplit('/').next())
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
            "emails" => "a@house.example",
            "excludedScopes" => "/subscriptions/x",
            "property" => "$.Severity",
            "remediationTimeframe" => "7.00:00:00",
            _ => "x",
        }),
    }
}
