use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use skywarden_model::{Carried, Fact, FactSheet, Resource, Scope, Timestamp, Unreadable, UnreadableKind, UnreadableReason};

/// What the names of facts begin with.
const FACTS: &str = "facts.";

/// One test inside a content file: a resource and the verdict that it must get.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// The situation, not the expectation: `never configured (the API said so, which is a fact)`.
    pub name: String,
    /// The resource's `properties`; only what the test is about.
    #[serde(default)]
    pub given: Map<String, Value>,
    /// ARM's other top-level members: `{ kind: functionapp, identity: { type: SystemAssigned } }`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub envelope: Map<String, Value>,
    /// Its name; absent: `test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its facts, read by the rule under `facts.`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Map<String, Value>>,
    /// Fields that could not be read: `properties.PublicAccessBlock`, `identity`, `facts.exposure`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Parameters other than the defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Value>,
    /// The instant at which the rule is evaluated (`utcNow()`), RFC 3339; absent: 2026-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// The verdict.
    pub expect: Expectation,
}

impl TestCase {
    /// The resource that the test describes.
    pub fn resource(&self, type_name: &str) -> Resource {
        Resource {
            id: "test".into(),
            type_name: type_name.into(),
            name: self.resource_name.clone().unwrap_or_else(|| "test".to_owned()),
            scope: Scope { connector: "test".into(), account: "123456789012".into(), resource_group: "test".into() },
            location: self.location.clone(),
            tags: self.tags.clone(),
            envelope: self.envelope.clone(),
            properties: Value::Object(self.given.clone()),
            unreadable: self.unreadable(|field| !field.starts_with(FACTS)),
            carried: Carried::All,
        }
    }

    /// Its facts.
    pub fn fact_sheet(&self) -> FactSheet {
        let fields = |fields: &Map<String, Value>| -> Fact {
            fields.iter().map(|(field, value)| (field.as_str().into(), value.clone())).collect()
        };
        let values = self.facts.iter().map(|(name, own)| (Arc::from(name.as_str()), fields(own))).collect();
        FactSheet { values, unreadable: self.unreadable(|field| field.starts_with(FACTS)), ..FactSheet::default() }
    }

    /// When it is judged.
    pub fn instant(&self) -> Timestamp {
        self.now.as_deref().unwrap_or("2026-01-01T00:00:00Z").parse().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn unreadable(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Unreadable> {
        let reason = Arc::new(UnreadableReason {
            kind: UnreadableKind::Denied,
            operation: "read it in the test".to_owned(),
            permission: Some("test:Read".to_owned()),
            code: "AccessDenied".to_owned(),
            message: String::new(),
        });
        let fields = self.unknown.iter().filter(|field| is_wanted(field)).filter_map(|field| field.parse().ok());
        fields.map(|field| Unreadable { field, reason: reason.clone() }).collect()
    }
}

/// The verdict that a test expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the four words of DESIGN section 2")]
pub enum Expectation {
    Healthy,
    Unhealthy,
    NotApplicable,
    Unknown,
}
