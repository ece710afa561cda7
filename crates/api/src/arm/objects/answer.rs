//! Objects as they are answered.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};
use skywarden_store::{ArmObject, HIDDEN};

use crate::auth::hex_digest;

use super::{
    kind::{Field, Kind, Need, is_before},
    target::Target,
};

/// An object as it stands: kept, or what holds while nobody wrote it.
pub(super) struct Shown {
    pub(super) name: String,
    /// The member `kind` beside `properties`.
    pub(super) kind: Option<&'static str>,
    /// In the newest api-version.
    pub(super) properties: Map<String, Value>,
    /// What is kept of it.
    pub(super) kept: Option<ArmObject>,
    /// What stands before the collection in its id, if it lies elsewhere than where it is asked for.
    pub(super) prefix: Option<String>,
}

impl Shown {
    /// An object of which all is kept.
    pub(super) fn kept(object: ArmObject, kind: Option<&'static str>) -> Self {
        let mut properties = object.document.as_object().cloned().unwrap_or_default();
        properties.remove(HIDDEN);
        Self { name: object.name.clone(), kind, properties, kept: Some(object), prefix: None }
    }

    /// The hash of what is kept; of what holds otherwise if nothing is.
    pub(super) fn etag(&self) -> String {
        match &self.kept {
            Some(kept) => kept.etag.clone(),
            None => {
                let text = Value::Object(self.properties.clone()).to_string();
                hex_digest(&text).chars().take(32).collect()
            }
        }
    }

    /// The object in the shape of an api-version; `None` is the newest.
    pub(super) fn value(&self, kind: &Kind, target: &Target, version: Option<&str>) -> Value {
        let properties = match kind.older_of(version) {
            Some(older) => (older.write)(self.properties.clone()),
            None => of_version(kind.fields, self.properties.clone(), version),
        };
        let type_name = kind.type_name();
        let mut value = json!({
            "id": format!("{}/{}/{}", self.prefix.as_ref().unwrap_or(&target.prefix), kind.collection, self.name),
            "name": self.name,
            "type": type_name,
            "etag": quoted(&self.etag()),
            "properties": properties,
        });
        if let (Some(members), Some(own)) = (value.as_object_mut(), self.kind) {
            members.insert("kind".to_owned(), own.into());
        }
        value
    }

    /// The answer to a request about this one object.
    pub(super) fn answer(&self, status: StatusCode, kind: &Kind, target: &Target, version: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Ok(etag) = HeaderValue::from_str(&quoted(&self.etag())) {
            headers.insert(header::ETAG, etag);
        }
        (status, headers, Json(self.value(kind, target, version))).into_response()
    }
}

/// Says with an answer to a change what the change does not do.
pub(super) fn with_note(kind: &Kind, mut answer: Response) -> Response {
    let note = kind.without_effect.and_then(|note| HeaderValue::from_str(&format!("299 skywarden \"{note}\"")).ok());
    if let Some(note) = note {
        answer.headers_mut().insert(header::WARNING, note);
    }
    answer
}

fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// Without the members that came after an api-version.
fn of_version(fields: &[Field], mut properties: Map<String, Value>, version: Option<&str>) -> Map<String, Value> {
    let Some(version) = version else { return properties };
    for field in fields.iter().filter(|field| field.since.is_some_and(|since| is_before(version, since))) {
        properties.remove(field.name);
    }
    properties
}

/// Without what the server says itself.
pub(super) fn writable(fields: &[Field], mut properties: Map<String, Value>) -> Map<String, Value> {
    for field in fields.iter().filter(|field| field.need == Need::ReadOnly) {
        properties.remove(field.name);
    }
    properties
}
