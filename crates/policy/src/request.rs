//! What people ask to be made, as a resource: ARM JSON, a Terraform plan, objects of Kubernetes.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};
use skywarden_model::{Carried, ENVELOPE, FieldPath, Resource, Scope, Segment, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_rule::CompileError;

use crate::{arm, reader::Reader};

/// Reads what is to be made: one ARM resource or a list or template of them, `terraform show -json PLAN`, or one object of
/// Kubernetes or a list of them.
///
/// What a plan does not know yet is unreadable in the resource, as `NotYetKnown`; what it deletes or leaves alone is left out.
///
/// # Errors
/// Every mistake found, each with its place.
pub fn requested(document: &Value) -> Result<Vec<Resource>, Vec<CompileError>> {
    let mut reader = Reader::default();
    let mut resources = Vec::new();
    read(&mut reader, document, "", &mut resources);
    if reader.errors.is_empty() { Ok(resources) } else { Err(reader.errors) }
}

fn read(reader: &mut Reader, document: &Value, pointer: &str, resources: &mut Vec<Resource>) {
    let has = |name: &str| document.get(name).is_some();
    let lists = [("resource_changes", "format_version"), ("items", "kind"), ("resources", "$schema")];
    for (list, mark) in lists {
        if !(has(list) && has(mark)) {
            continue;
        }
        let Some((elements, place)) = reader.list(document, list, pointer) else { return };
        for (position, element) in elements.iter().enumerate() {
            let place = format!("{place}/{position}");
            match list {
                "resource_changes" => resources.extend(planned(reader, element, &place)),
                _ => read(reader, element, &place, resources),
            }
        }
        return;
    }
    match document {
        Value::Array(elements) => {
            for (position, element) in elements.iter().enumerate() {
                read(reader, element, &format!("{pointer}/{position}"), resources);
            }
        }
        Value::Object(_) if has("apiVersion") && has("kind") && has("metadata") => {
            resources.extend(object(reader, document, pointer));
        }
        Value::Object(_) => resources.extend(arm(reader, document, pointer)),
        _ => {
            let help = "an ARM resource, `terraform show -json PLAN`, or an object of Kubernetes".to_owned();
            reader.error::<()>(pointer, "it is no resource", Some(help));
        }
    }
}

fn arm(reader: &mut Reader, document: &Value, pointer: &str) -> Option<Resource> {
    let (type_name, _) = reader.required_text(document, "type", pointer)?;
    let (name, _) = reader.required_text(document, "name", pointer)?;
    let id = reader.text(document, "id", pointer).map(|(id, _)| id.to_owned());
    let location = reader.text(document, "location", pointer).map(|(location, _)| location.to_owned());
    let properties = reader.object(document, "properties", pointer).map(|(members, _)| Value::Object(members.clone()));
    let envelope = ENVELOPE.iter().filter_map(|own| {
        let (value, _) = reader.member(document, own, pointer)?;
        Some(((*own).to_owned(), value.clone()))
    });
    let envelope: Map<String, Value> = envelope.collect();
    Some(Resource {
        scope: arm::scope(id.as_deref().unwrap_or_default()),
        id: id.unwrap_or_else(|| name.to_owned()).as_str().into(),
        type_name: type_name.into(),
        name: name.to_owned(),
        location,
        tags: tags(document.get("tags")),
        envelope,
        properties: properties.unwrap_or_else(|| Value::Object(Map::new())),
        unreadable: Vec::new(),
        carried: Carried::All,
    })
}

/// An object of Kubernetes is its own `properties`; `apps/v1/Deployment` is its type, labels are its tags.
fn object(reader: &mut Reader, document: &Value, pointer: &str) -> Option<Resource> {
    let (version, _) = reader.required_text(document, "apiVersion", pointer)?;
    let (kind, _) = reader.required_text(document, "kind", pointer)?;
    let Some((metadata, place)) = reader.member(document, "metadata", pointer) else {
        return reader.error(pointer, "`metadata` is missing", None);
    };
    let name = reader.text(metadata, "name", &place).or_else(|| reader.text(metadata, "generateName", &place));
    let Some((name, _)) = name else { return reader.error(&place, "`name` is missing", None) };
    let namespace = reader.text(metadata, "namespace", &place).map(|(namespace, _)| namespace.to_owned());
    Some(Resource {
        id: format!("{version}/{kind}/{}/{name}", namespace.as_deref().unwrap_or("-")).as_str().into(),
        type_name: format!("{version}/{kind}").as_str().into(),
        name: name.to_owned(),
        scope: scope(None, namespace),
        location: None,
        tags: tags(metadata.get("labels")),
        envelope: Map::from_iter([("kind".to_owned(), Value::String(kind.to_owned()))]),
        properties: document.clone(),
        unreadable: Vec::new(),
        carried: Carried::All,
    })
}

/// A change of a Terraform plan. `azapi_resource` is what it stands for: an ARM resource; any other type is Terraform's own.
fn planned(reader: &mut Reader, change: &Value, pointer: &str) -> Option<Resource> {
    let (address, _) = reader.required_text(change, "address", pointer)?;
    let (type_name, _) = reader.required_text(change, "type", pointer)?;
    let Some((own, place)) = reader.member(change, "change", pointer) else {
        return reader.error(pointer, "`change` is missing", None);
    };
    let actions = reader.texts(own, "actions", &place);
    let is_made = actions.iter().any(|action| action == "create" || action == "update");
    if !is_made || change.get("mode").is_some_and(|mode| mode == "data") {
        return None;
    }
    let after = own.get("after").cloned().unwrap_or_default();
    let mut hidden = Vec::new();
    if let Some(unknown) = own.get("after_unknown") {
        unknown_fields(unknown, &mut vec![Segment::Key("properties".into())], &mut hidden);
    }
    let text = |name: &str| after.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut resource = Resource {
        id: address.into(),
        type_name: type_name.into(),
        name: text("name").unwrap_or_else(|| address.to_owned()),
        scope: scope(None, text("resource_group_name")),
        location: text("location").or_else(|| text("region")),
        tags: tags(after.get("tags")),
        envelope: Map::new(),
        properties: after.clone(),
        unreadable: Vec::new(),
        carried: Carried::All,
    };
    if type_name == "azapi_resource" {
        stand_for(reader, &mut resource, &after, &mut hidden, &place)?;
    }
    let reason = Arc::new(UnreadableReason {
        kind: UnreadableKind::NotYetKnown,
        operation: format!("read {address} of the plan"),
        permission: None,
        code: String::new(),
        message: "known after apply".to_owned(),
    });
    resource.unreadable = hidden
        .into_iter()
        .map(|path| Unreadable { field: FieldPath::from_segments(path), reason: Arc::clone(&reason) })
        .collect();
    Some(resource)
}

/// Turns an `azapi_resource` into the ARM resource that its `type` and `body` describe.
fn stand_for(
    reader: &mut Reader,
    resource: &mut Resource,
    after: &Value,
    hidden: &mut [Vec<Segment>],
    pointer: &str,
) -> Option<()> {
    if let Some(kind) = after.get("type").and_then(Value::as_str) {
        resource.type_name = kind.split('@').next().unwrap_or(kind).into();
    }
    let body = match after.get("body") {
        // Older versions of the provider hold the body as text.
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(body) => body,
            Err(error) => return reader.error(&format!("{pointer}/after/body"), format!("the body is no JSON: {error}"), None),
        },
        other => other.cloned().unwrap_or_default(),
    };
    for own in ENVELOPE {
        if let Some(value) = body.get(own).or_else(|| after.get(own)).filter(|value| !value.is_null()) {
            resource.envelope.insert(own.to_owned(), value.clone());
        }
    }
    resource.properties = body.get("properties").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    for path in hidden {
        // `properties.body.properties.x` of the plan is `properties.x` of the resource; a body that is unknown hides all.
        if path.get(1) == Some(&Segment::Key("body".into())) {
            path.drain(..path.len().min(2));
            if path.is_empty() {
                path.push(Segment::Key("properties".into()));
            }
        }
    }
    Some(())
}

/// The paths at which a plan's `after_unknown` says true.
fn unknown_fields(unknown: &Value, path: &mut Vec<Segment>, hidden: &mut Vec<Vec<Segment>>) {
    match unknown {
        Value::Bool(true) if !hidden.contains(path) => hidden.push(path.clone()),
        Value::Array(elements) => {
            path.push(Segment::Each);
            for element in elements {
                unknown_fields(element, path, hidden);
            }
            path.pop();
        }
        Value::Object(members) => {
            for (name, member) in members {
                path.push(Segment::Key(name.as_str().into()));
                unknown_fields(member, path, hidden);
                path.pop();
            }
        }
        _ => {}
    }
}

fn scope(account: Option<String>, resource_group: Option<String>) -> Scope {
    Scope {
        connector: "request".into(),
        account: account.unwrap_or_default().into(),
        resource_group: resource_group.unwrap_or_default().into(),
    }
}

fn tags(source: Option<&Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let members = source.and_then(Value::as_object).into_iter().flatten();
    members.filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), text(value))).collect()
}
