//! One operation of the document.

use serde_json::{Map, Value, json};

use super::{
    data::{Entry, File, Query},
    errors::{self, Body},
    schema,
    table::Described,
};

/// The route that is described.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// The action that it takes; `None` where it needs no login.
    pub(super) action: Option<&'a str>,
}

/// An operation in OpenAPI's words.
pub(super) fn operation(files: &[File], described: &Described<'_>, place: Place<'_>, problems: &mut Vec<String>) -> Value {
    let entry = &described.entry;
    let mut parameters = in_path(files, place, problems);
    parameters.extend(in_query(files, entry, place, problems));
    for (name, written) in &entry.headers {
        parameters.push(parameter(name, "header", schema::of(written, problems), false.into()));
    }
    let mut made = json!({
        "operationId": id(place),
        "summary": entry.summary,
        "tags": [described.tag],
        "parameters": parameters,
        "responses": responses(entry, place, problems),
    });
    if let Some(members) = made.as_object_mut() {
        match place.action {
            Some(action) => members.insert("x-skywarden-action".to_owned(), json!(action)),
            None => members.insert("security".to_owned(), json!([])),
        };
        if let Some(about) = entry.about {
            members.insert("description".to_owned(), json!(about));
        }
        if let Some(body) = body(entry, problems) {
            members.insert("requestBody".to_owned(), json!({ "required": entry.optional_body.is_none(), "content": body }));
        }
    }
    made
}

/// `get_api_v1_resources_facets`: method and path.
fn id(place: Place<'_>) -> String {
    let letters = place.path.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect::<String>();
    let words: Vec<&str> = letters.split('_').filter(|word| !word.is_empty()).collect();
    format!("{}_{}", place.method.to_lowercase(), words.join("_"))
}

fn in_path(files: &[File], place: Place<'_>, problems: &mut Vec<String>) -> Vec<Value> {
    let mut found = Vec::new();
    let names = place.path.split('/').filter_map(|step| step.strip_prefix('{').and_then(|step| step.strip_suffix('}')));
    for name in names {
        let Some(written) = files.iter().find_map(|file| file.parameters.get(name)) else {
            problems.push(format!("the parameter {{{name}}} of {} is not described", place.path));
            continue;
        };
        found.push(parameter(name, "path", schema::of(written, problems), true.into()));
    }
    found
}

fn in_query(files: &[File], entry: &Entry, place: Place<'_>, problems: &mut Vec<String>) -> Vec<Value> {
    let is_arm = place.action.is_some() && !place.path.starts_with("/api/");
    let arm = is_arm.then(|| Query::Named("arm".to_owned()));
    let mut found = Vec::new();
    for query in arm.iter().chain(&entry.query) {
        let own = match query {
            Query::Own(own) => own,
            Query::Named(name) => match files.iter().find_map(|file| file.queries.get(name)) {
                Some(own) => own,
                None => {
                    problems.push(format!("there are no query parameters `{name}`, which {} has", place.path));
                    continue;
                }
            },
        };
        for (name, written) in own {
            let plain = name.strip_suffix('!');
            let required = Value::Bool(plain.is_some());
            found.push(parameter(plain.unwrap_or(name), "query", schema::of(written, problems), required));
        }
    }
    found
}

/// A parameter; its description is moved out of its schema.
fn parameter(name: &str, place: &str, mut schema: Value, required: Value) -> Value {
    let about = schema.as_object_mut().and_then(|own| own.remove("description"));
    let mut made = json!({ "name": name, "in": place, "required": required, "schema": schema });
    if let (Some(own), Some(about)) = (made.as_object_mut(), about) {
        own.insert("description".to_owned(), about);
    }
    made
}

fn body(entry: &Entry, problems: &mut Vec<String>) -> Option<Map<String, Value>> {
    let mut content = Map::new();
    let json = entry.body.as_ref().or(entry.optional_body.as_ref());
    for (media, written) in [("application/json", json), ("application/x-www-form-urlencoded", entry.form.as_ref())] {
        if let Some(written) = written {
            content.insert(media.to_owned(), json!({ "schema": schema::of(written, problems) }));
        }
    }
    for media in &entry.sends {
        content.insert(media.clone(), json!({ "schema": plain(media) }));
    }
    (!content.is_empty()).then_some(content)
}

/// The schema of what is written whole, not member by member.
fn plain(media: &str) -> Value {
    // What can be read as a value is none of one kind.
    let is_value = ["application/json", "application/yaml"].contains(&media);
    if is_value { json!({}) } else { json!({ "type": "string" }) }
}

fn responses(entry: &Entry, place: Place<'_>, problems: &mut Vec<String>) -> Map<String, Value> {
    let bodies = [&entry.body, &entry.optional_body, &entry.form];
    let takes_body = bodies.iter().any(|own| own.is_some()) || !entry.sends.is_empty();
    if let Some(wrong) = entry.errors.iter().find(|status| !errors::is_known(**status)) {
        problems.push(format!("{} {} has the error {wrong}, of which nothing is known", place.method, place.path));
    }
    let mut responses = errors::of(if takes_body { Body::Taken } else { Body::None }, &entry.errors);
    if let Some(name) = &entry.refusal {
        for status in ["400", "401"] {
            let both = json!({ "anyOf": [schema::of(&json!(name), problems), schema::of(&json!("Error"), problems)] });
            let refusal =
                json!({ "description": "The request is refused.", "content": { "application/json": { "schema": both } } });
            responses.insert(status.to_owned(), refusal);
        }
    }
    let written =
        [("200", "It is so.", &entry.ok), ("201", "It was made.", &entry.created), ("202", "It goes on.", &entry.accepted)];
    for (status, about, written) in written {
        if let Some(written) = written {
            responses.insert(status.to_owned(), response(about, written, problems));
        }
    }
    if !entry.media.is_empty() {
        let own = responses.entry("200").or_insert_with(|| json!({ "description": "It is so.", "content": {} }));
        if let Some(content) = own.get_mut("content").and_then(Value::as_object_mut) {
            content.extend(entry.media.iter().map(|media| (media.clone(), json!({ "schema": plain(media) }))));
        }
    }
    if entry.empty {
        responses.insert("204".to_owned(), json!({ "description": "It is done." }));
    }
    if entry.redirect {
        responses.insert("303".to_owned(), json!({ "description": "It goes on elsewhere." }));
    }
    responses
}

/// A response of a type; `true`: without a body.
fn response(about: &str, written: &Value, problems: &mut Vec<String>) -> Value {
    if *written == Value::Bool(true) {
        return json!({ "description": about });
    }
    json!({ "description": about, "content": { "application/json": { "schema": schema::of(written, problems) } } })
}
