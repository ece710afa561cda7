use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FieldType;

/// `content/facts/ID.yaml`: what a fact that Rust computes looks like, so that rules over it can be checked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactFile {
    /// Equals the file's name without `.yaml`; rules read it as `facts.ID`.
    pub id: String,
    /// What it says, how it is computed, in a few sentences.
    pub description: String,
    /// The types that have it.
    pub types: Vec<String>,
    /// Its fields.
    pub fields: BTreeMap<String, FieldType>,
}
