//! Objects as Azure answers them, whatever form they were written in.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use skywarden_policy::{CompileError, Library, ObjectKind};

use crate::{error::ApiError, v1::policy_type};

/// A member in any case; `null` counts as absent.
pub(super) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let members = value.as_object()?;
    let found = members.get(name).or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, own)| own));
    found.filter(|own| !own.is_null())
}

/// An object as Azure answers it: `{id, name, type, properties}` with the defaults filled in. `None` if it is not there.
pub(super) fn shaped(library: &Library, kind: ObjectKind, id: &str) -> Option<Value> {
    let document = library.document(id)?;
    let governance = &library.governance;
    let mut properties = properties_of(document);
    let own_id = match kind {
        ObjectKind::Definition => {
            let own = governance.definition(id)?;
            fill(&mut properties, "policyType", json!(policy_type(own.policy_type)));
            fill(&mut properties, "mode", json!("All"));
            of_definition(&mut properties, own.version.as_deref(), &own.display_name);
            &own.id
        }
        ObjectKind::Initiative => {
            let own = governance.initiative(id)?;
            fill(&mut properties, "policyType", json!(policy_type(own.policy_type)));
            of_definition(&mut properties, own.version.as_deref(), &own.display_name);
            &own.id
        }
        ObjectKind::Assignment => {
            let own = governance.assignment(id)?;
            properties.insert("scope".to_owned(), json!(scope_of(&own.id)));
            fill(&mut properties, "displayName", json!(own.display_name));
            for (key, value) in [
                ("enforcementMode", json!("Default")),
                ("notScopes", json!([])),
                ("parameters", json!({})),
                ("metadata", json!({})),
            ] {
                fill(&mut properties, key, value);
            }
            &own.id
        }
        ObjectKind::Exemption => {
            let own = governance.exemption(id)?;
            fill(&mut properties, "displayName", json!(own.display_name));
            fill(&mut properties, "metadata", json!({}));
            &own.id
        }
        ObjectKind::Attestation | ObjectKind::ManagementGroup => return None,
    };
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(own_id));
    object.insert("name".to_owned(), json!(own_id.rsplit('/').next()));
    object.insert("type".to_owned(), json!(kind.type_name()));
    for key in ["location", "identity", "systemData"] {
        if let Some(value) = member(document, key) {
            object.insert(key.to_owned(), value.clone());
        }
    }
    object.insert("properties".to_owned(), Value::Object(properties));
    Some(Value::Object(object))
}

/// The properties of a document, with or without the member around them.
fn properties_of(document: &Value) -> Map<String, Value> {
    if let Some(Value::Object(own)) = member(document, "properties") {
        return own.clone();
    }
    let envelope = ["id", "name", "type", "location", "identity", "systemData"];
    let members = document.as_object().into_iter().flatten();
    let is_own = |key: &&String| !envelope.iter().any(|name| name.eq_ignore_ascii_case(key));
    members.filter(|(key, _)| is_own(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn of_definition(properties: &mut Map<String, Value>, version: Option<&str>, title: &str) {
    fill(properties, "displayName", json!(title));
    fill(properties, "metadata", json!({}));
    fill(properties, "parameters", json!({}));
    fill(properties, "version", json!(version.unwrap_or("1.0.0")));
}

/// Sets what is not there.
fn fill(properties: &mut Map<String, Value>, key: &str, value: Value) {
    let known = properties.keys().find(|own| own.eq_ignore_ascii_case(key)).cloned();
    match known {
        Some(own) if properties.get(&own).is_some_and(|there| !there.is_null()) => {}
        _ => {
            properties.insert(key.to_owned(), value);
        }
    }
}

/// The scope that an id begins with, in the id's own spelling.
fn scope_of(id: &str) -> &str {
    let end = id.to_ascii_lowercase().rfind("/providers/microsoft.authorization/");
    let scope = end.and_then(|end| id.get(..end)).unwrap_or_default();
    if scope.is_empty() { "/" } else { scope }
}

/// A refusal that tells every mistake with its place.
pub(in crate::arm) fn refused(code: &'static str, what: &str, errors: &[CompileError]) -> ApiError {
    let line = |error: &CompileError| {
        let place = if error.pointer.is_empty() { String::new() } else { format!("{}: ", error.pointer) };
        let help = error.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{place}{}{help}", error.message)
    };
    let lines: Vec<String> = errors.iter().take(10).map(line).collect();
    let details: Vec<Value> =
        errors.iter().map(|error| json!({ "code": code, "target": error.pointer, "message": error.message })).collect();
    let message = format!("{what} is refused: {}", lines.join("; "));
    ApiError::new(StatusCode::BAD_REQUEST, code, message).with_details(details)
}
