use std::{collections::BTreeMap, sync::Arc};

use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Evidence, ResourceId, Unreadable};

/// The fields of one fact: `internet` -> `true`.
///
/// There are several for each resource, of few fields each: a vector in order takes a fifth of the memory of a tree.
pub type Fact = LiteMap<Arc<str>, Value>;

/// What was computed about one resource from it and its neighbours; rules read it under `facts.`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FactSheet {
    /// Facts by name: `exposure` -> `{"internet": true, ...}`.
    pub values: LiteMap<Arc<str>, Fact>,
    /// Facts that could not be computed because something that they rest on could not be read; fields begin with `facts.`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// For each fact (`exposure`), the chain of observations that it rests on, in order.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub evidence: LiteMap<Arc<str>, Vec<Evidence>>,
}

/// The facts of a snapshot's resources; a resource without facts has no entry.
pub type FactTable = BTreeMap<ResourceId, FactSheet>;

impl FactSheet {
    /// One field of one fact; `None` if it has no such value or could not be computed.
    pub fn field(&self, fact: &str, field: &str) -> Option<&Value> {
        self.values.get(fact)?.get(field)
    }

    /// Gives back the room that was kept for more: there is a sheet for most resources, and none grows once it is computed.
    pub fn shrink_to_fit(&mut self) {
        for (_, fact) in self.values.iter_mut() {
            shrink(fact);
        }
        shrink(&mut self.values);
        shrink(&mut self.evidence);
        for (_, chain) in self.evidence.iter_mut() {
            chain.shrink_to_fit();
        }
        self.unreadable.shrink_to_fit();
    }
}

fn shrink<K: Ord, V>(map: &mut LiteMap<K, V>) {
    let mut entries = std::mem::take(map).into_tuple_vec();
    entries.shrink_to_fit();
    *map = LiteMap::from_sorted_store_unchecked(entries);
}

/// A fact as a JSON object.
pub fn fact_object(fact: &Fact) -> Value {
    Value::Object(fact.iter().map(|(field, value)| (field.to_string(), value.clone())).collect::<Map<_, _>>())
}
