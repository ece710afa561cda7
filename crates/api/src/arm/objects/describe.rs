//! What is told of a kind in the API's description: JSON Schemas that follow from its fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    check::{MAX_ELEMENTS, words},
    kind::{Field, Kind, Names, Need, Shape},
};

/// Whose members are described.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The server's: what is answered, in whichever api-version.
    Answered,
    /// A client's that writes the whole: `null` is as good as nothing.
    Whole,
    /// A client's that changes a part: what it does not name stays, `null` takes it away.
    Part,
}

impl Kind {
    /// The words of its name: `governance rules`.
    pub(crate) fn words(&self) -> String {
        let split = |letter: char| match letter.is_uppercase() {
            true => format!(" {}", letter.to_lowercase()),
            false => letter.to_string(),
        };
        self.collection.chars().map(split).collect()
    }

    /// An object as it is answered.
    pub(crate) fn answered(&self) -> Value {
        let mut name = json!({ "type": "string" });
        let mut required = vec!["id", "name", "type", "etag", "properties"];
        let mut members = Map::new();
        if let Names::Fixed(fixed) = &self.names {
            let names: Vec<&str> = fixed.iter().map(|own| own.name).collect();
            name = json!({ "type": "string", "enum": names });
            let kinds: BTreeSet<&str> = fixed.iter().filter_map(|own| own.kind).collect();
            if !kinds.is_empty() {
                members.insert("kind".to_owned(), json!({ "type": "string", "enum": kinds }));
            }
            if fixed.iter().all(|own| own.kind.is_some()) {
                required.push("kind");
            }
        }
        members.insert("id".to_owned(), json!({ "type": "string" }));
        members.insert("name".to_owned(), name);
        members.insert("type".to_owned(), json!({ "type": "string", "const": self.type_name() }));
        members.insert("etag".to_owned(), json!({ "type": "string" }));
        members.insert("properties".to_owned(), self.properties(Side::Answered));
        json!({ "type": "object", "properties": members, "required": required, "additionalProperties": false })
    }

    /// What `PUT` takes. Members beside `properties` are passed over: clients send back what they were answered.
    pub(crate) fn written(&self) -> Value {
        let has_required = |fields: &[Field]| fields.iter().any(|own| own.need == Need::Required);
        let is_required = has_required(self.fields) && self.older.as_ref().is_none_or(|older| has_required(older.fields));
        let required: &[&str] = if is_required { &["properties"] } else { &[] };
        json!({ "type": "object", "properties": { "properties": self.properties(Side::Whole) }, "required": required })
    }

    /// What `PATCH` takes.
    pub(crate) fn changed(&self) -> Value {
        json!({ "type": "object", "properties": { "properties": self.properties(Side::Part) } })
    }

    fn properties(&self, side: Side) -> Value {
        let newest = object(self.fields, side);
        match &self.older {
            Some(older) => {
                let mut before = object(older.fields, side);
                if let Some(members) = before.as_object_mut() {
                    members.insert("description".to_owned(), json!(format!("Before the api-version {}.", older.before)));
                }
                json!({ "anyOf": [newest, before] })
            }
            None => newest,
        }
    }
}

/// The body of a `PUT` whose `properties` have some members, of which at least one is required.
pub(crate) fn body(fields: &[Field]) -> Value {
    json!({ "type": "object", "properties": { "properties": object(fields, Side::Whole) }, "required": ["properties"] })
}

fn object(fields: &[Field], side: Side) -> Value {
    let (mut members, mut required) = (Map::new(), Vec::new());
    for field in fields {
        let mut made = match (field.need, side) {
            (Need::ReadOnly, Side::Answered) => read_only(&field.shape),
            (Need::ReadOnly, Side::Whole | Side::Part) => json!({}),
            (_, Side::Answered) | (Need::Required, Side::Whole) => value(&field.shape, side),
            (Need::Optional, Side::Whole) | (_, Side::Part) => {
                json!({ "anyOf": [value(&field.shape, side), { "type": "null" }] })
            }
        };
        if let Some(own) = made.as_object_mut() {
            if field.need == Need::ReadOnly {
                own.insert("readOnly".to_owned(), true.into());
            }
            if let Some(since) = field.since {
                own.insert("description".to_owned(), json!(format!("From the api-version {since} on.")));
            }
        }
        let is_always_there = side == Side::Whole || (side == Side::Answered && field.since.is_none());
        if field.need == Need::Required && is_always_there {
            required.push(field.name);
        }
        members.insert(field.name.to_owned(), made);
    }
    json!({ "type": "object", "properties": members, "required": required, "additionalProperties": false })
}

/// What the server says itself; a shape that nobody wrote down may be anything.
fn read_only(shape: &Shape) -> Value {
    if matches!(shape, Shape::Free) { json!({}) } else { value(shape, Side::Answered) }
}

fn value(shape: &Shape, side: Side) -> Value {
    match shape {
        Shape::Text(max) => json!({ "type": "string", "maxLength": max, "description": words(shape) }),
        Shape::Addresses => json!({ "type": "string", "description": words(shape) }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Whole(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Shape::Instant => json!({ "type": "string", "format": "date-time" }),
        Shape::OneOf(allowed) => json!({ "type": "string", "enum": allowed }),
        Shape::Object(fields) => object(fields, side),
        Shape::List(element) => {
            // A list is replaced as a whole, whatever becomes of what it stands in.
            let side = if side == Side::Part { Side::Whole } else { side };
            json!({ "type": "array", "items": value(element, side), "maxItems": MAX_ELEMENTS })
        }
        Shape::Free => json!({ "type": "object" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::objects::KINDS;

    fn kind(collection: &str) -> &'static Kind {
        KINDS.iter().find(|kind| kind.collection == collection).unwrap()
    }

    #[test]
    fn what_is_answered_has_what_is_required_and_what_the_server_says() {
        let properties = &kind("pricings").answered()["properties"]["properties"];
        assert_eq!(properties["required"], json!(["pricingTier"]));
        assert_eq!(properties["properties"]["deprecated"], json!({ "type": "boolean", "readOnly": true }));
        assert_eq!(properties["properties"]["enforce"]["enum"], json!(["True", "False"]));
        let settings = kind("settings").answered();
        assert_eq!(settings["properties"]["kind"]["enum"], json!(["AlertSyncSettings", "DataExportSettings"]));
        assert!(settings["required"].as_array().unwrap().contains(&json!("kind")));
    }

    #[test]
    fn a_part_asks_for_nothing_but_within_its_lists() {
        let contacts = kind("securityContacts").changed();
        let versions = contacts["properties"]["properties"]["anyOf"].as_array().unwrap();
        assert_eq!(versions.len(), 2);
        assert!(versions.iter().all(|own| own["required"] == json!([])));
        let sources = &versions[0]["properties"]["notificationsSources"]["anyOf"][0];
        assert_eq!((&sources["maxItems"], &sources["items"]["required"]), (&json!(MAX_ELEMENTS), &json!(["sourceType"])));
    }

    #[test]
    fn a_whole_asks_for_what_is_required() {
        assert_eq!(kind("applications").written()["required"], json!(["properties"]));
        assert_eq!(kind("securityContacts").written()["required"], json!([]));
        assert_eq!(kind("governanceRules").words(), "governance rules");
    }
}
