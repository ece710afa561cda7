use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Evidence, ResourceId, Unreadable};

/// What was computed about one resource from it and its neighbours; rules read it under `facts.`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FactSheet {
    /// Fact values by name: `exposure` -> `{"internet": true, ...}`.
    pub values: Map<String, Value>,
    /// Facts that could not be computed because something that they rest on could not be read; fields begin with `facts.`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// For each fact (`exposure`), the chain of observations that it rests on, in order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, Vec<Evidence>>,
}

/// The facts of a snapshot's resources; a resource without facts has no entry.
pub type FactTable = BTreeMap<ResourceId, FactSheet>;
