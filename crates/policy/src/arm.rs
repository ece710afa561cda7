//! One ARM resource straight from its text, without a document in between.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock},
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};
use skywarden_model::{Carried, ConnectorId, ENVELOPE, Resource, Scope};
use skywarden_rule::{CompileError, is_not_plain};

use crate::request::requested;

static CONNECTOR: LazyLock<ConnectorId> = LazyLock::new(|| "request".into());

/// Reads the text of one resource; the same as [`requested`] of its document, for a fraction of the time.
///
/// # Errors
/// Every mistake found, each with its place.
pub fn requested_one(text: &str) -> Result<Resource, Vec<CompileError>> {
    if let Ok(Plain(resource)) = serde_json::from_str(text) {
        return Ok(resource);
    }
    let mistake = |message: String| vec![CompileError { pointer: String::new(), message, help: None }];
    let document: Value = serde_json::from_str(text).map_err(|error| mistake(format!("it is no JSON: {error}")))?;
    let mut resources = requested(&document)?.into_iter();
    match (resources.next(), resources.next()) {
        (Some(resource), None) => Ok(resource),
        _ => Err(mistake("it is not one resource".to_owned())),
    }
}

/// A resource as ARM writes it; whatever is written otherwise is an error here and left to [`requested`].
struct Plain(Resource);

struct PlainVisitor;

/// Tags that are all text.
struct Tags(BTreeMap<String, String>);

struct TagsVisitor;

/// A member's name.
enum Member {
    Id,
    Type,
    Named,
    Location,
    Tags,
    Properties,
    Envelope(&'static str),
    Other,
}

struct MemberVisitor;

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_map(PlainVisitor)
    }
}

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an ARM resource")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Plain, A::Error> {
        let (mut id, mut type_name, mut name, mut location) = (None, None, None, None);
        let (mut tags, mut properties, mut envelope) = (BTreeMap::new(), Value::Null, Map::new());
        while let Some(member) = members.next_key()? {
            match member {
                Member::Id => id = Some(members.next_value::<&str>()?),
                Member::Type => type_name = Some(members.next_value::<&str>()?),
                Member::Named => name = Some(members.next_value::<String>()?),
                Member::Location => location = members.next_value::<Option<String>>()?,
                Member::Tags => Tags(tags) = members.next_value()?,
                Member::Properties => properties = members.next_value()?,
                Member::Envelope(own) => match members.next_value()? {
                    Value::Null => drop(envelope.remove(own)),
                    value => drop(envelope.insert(own.to_owned(), value)),
                },
                Member::Other => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        let (Some(id), Some(type_name), Some(name)) = (id, type_name, name) else {
            return Err(A::Error::custom("`id`, `type` or `name` is missing"));
        };
        let properties = match properties {
            Value::Object(members) => Value::Object(members),
            Value::Null => Value::Object(Map::new()),
            _ => return Err(A::Error::custom("`properties` is an object")),
        };
        Ok(Plain(Resource {
            id: id.into(),
            type_name: type_name.into(),
            name,
            scope: scope(id),
            location,
            tags,
            envelope,
            properties,
            unreadable: Vec::new(),
            carried: Carried::All,
        }))
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_map(TagsVisitor)
    }
}

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = Tags;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("tags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tags, A::Error> {
        let mut tags = BTreeMap::new();
        while let Some((key, value)) = members.next_entry()? {
            tags.insert(key, value);
        }
        Ok(Tags(tags))
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_identifier(MemberVisitor)
    }
}

impl Visitor<'_> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a member of an ARM resource")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Member, E> {
        Ok(match name {
            "id" => Member::Id,
            "type" => Member::Type,
            "name" => Member::Named,
            "location" => Member::Location,
            "tags" => Member::Tags,
            "properties" => Member::Properties,
            _ => match ENVELOPE.iter().find(|own| **own == name) {
                Some(own) => Member::Envelope(own),
                None if is_not_plain(name) => {
                    return Err(E::custom("it is not written plainly"));
                }
                None => Member::Other,
            },
        })
    }
}

/// Where the id says that the resource lies.
pub(crate) fn scope(id: &str) -> Scope {
    let (mut account, mut resource_group) = (None, None);
    let mut steps = id.split('/').skip(1).peekable();
    while let Some(step) = steps.next() {
        let place = if step.eq_ignore_ascii_case("subscriptions") {
            &mut account
        } else if step.eq_ignore_ascii_case("resourceGroups") {
            &mut resource_group
        } else {
            continue;
        };
        if place.is_none() {
            *place = steps.peek().copied();
        }
        if account.is_some() && resource_group.is_some() {
            break;
        }
    }
    Scope { connector: CONNECTOR.clone(), account: folded(account), resource_group: folded(resource_group) }
}

fn folded(step: Option<&str>) -> Arc<str> {
    let step = step.unwrap_or_default();
    if step.bytes().any(|byte| byte.is_ascii_uppercase()) { step.to_ascii_lowercase().into() } else { step.into() }
}
