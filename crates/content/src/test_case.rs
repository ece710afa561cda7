use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One test inside a content file: a resource and the verdict that it must get.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// The situation, not the expectation: `never configured (the API said so, which is a fact)`.
    pub name: String,
    /// The resource's `properties`; only what the test is about.
    #[serde(default)]
    pub given: Map<String, Value>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its facts, read by the rule under `facts.`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Map<String, Value>>,
    /// Fields that could not be read: `properties.PublicAccessBlock`, `facts.exposure`.
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

/// The verdict that a test expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the four words of DESIGN section 2")]
pub enum Expectation {
    Healthy,
    Unhealthy,
    NotApplicable,
    Unknown,
}
