use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::ocsf::Class;

/// A record in the words of OCSF.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What tells it from all others: the log's own id, or a hash of the record.
    pub id: String,
    /// The log source.
    pub source: Arc<str>,
    /// When it happened, if the record says so.
    pub time: Option<Timestamp>,
    /// Whose log it is.
    pub account: Option<String>,
    /// The resource that something happened to.
    pub resource: Option<String>,
    /// What kind of event it is.
    pub class: Class,
    /// OCSF field, with dots -> value.
    pub fields: BTreeMap<String, Value>,
    /// The record as it was read.
    pub raw: String,
}

impl Event {
    /// The text of a field.
    pub fn text(&self, field: &str) -> Option<String> {
        self.fields.get(field).and_then(text_of)
    }

    /// The event as an object of OCSF.
    pub fn to_ocsf(&self) -> Value {
        let mut event = Map::new();
        for (path, value) in &self.fields {
            insert(&mut event, path, value.clone());
        }
        let activity = self.fields.get("activity_id").and_then(Value::as_u64).unwrap_or_default();
        let mut put = |path: &str, value: Value| insert(&mut event, path, value);
        put("class_uid", self.class.uid.into());
        put("category_uid", self.class.category().into());
        put("activity_id", activity.into());
        put("type_uid", (u64::from(self.class.uid) * 100 + activity).into());
        put("severity_id", 1.into());
        put(
            "metadata",
            json!({
                "version": "1.9.0",
                "uid": self.id,
                "log_name": self.source.as_ref(),
                "product": { "name": "Skywarden", "vendor_name": "Skywarden" },
            }),
        );
        if let Some(time) = self.time {
            put("time", time.as_millisecond().into());
        }
        if let Some(account) = &self.account
            && !self.fields.contains_key("cloud.account.uid")
        {
            put("cloud.account.uid", account.as_str().into());
        }
        if let Some(resource) = &self.resource {
            put("resources", json!([{ "uid": resource }]));
        }
        put("raw_data", self.raw.as_str().into());
        Value::Object(event)
    }
}

/// The text of a scalar, or of the first in a list.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Array(values) => values.iter().find_map(text_of),
        Value::Null | Value::Object(_) => None,
    }
}

fn insert(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = object.entry(first.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                // A scalar stood where an object goes on: its own name says what it is.
                *inner = json!({ "name": inner });
            }
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
