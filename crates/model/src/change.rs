use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Resource, TypeName, UnreadableReason};

/// The region of types that are listed once for an account.
const GLOBAL: &str = "global";

/// What a log says has changed: the resources of one type in one place that have these fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The provider's account.
    pub account: String,
    /// The type.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// The region, or `global` for types that are listed once.
    pub region: String,
    /// Top-level fields of the properties with their texts, or [`Changed::ID`] with the resource's id; empty: everything of the type
    /// there.
    pub fields: BTreeMap<String, String>,
    /// The operations whose answers may be others now; empty: all that are known of such a resource.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub calls: BTreeSet<String>,
}

/// What was read again of something that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Reread {
    /// What was asked for.
    pub changed: Changed,
    /// What came of it.
    pub outcome: RereadOutcome,
}

/// What came of reading something again.
#[derive(Debug, Clone, PartialEq)]
pub enum RereadOutcome {
    /// All that there is; what is known and not among these is gone.
    Found(Vec<Resource>),
    /// It is not known what there is.
    Failed(Arc<UnreadableReason>),
}

/// Changes, each once, of which none is lost: very many of a type in a place become one of the whole type.
#[derive(Debug, Default)]
pub struct ChangeSet {
    places: BTreeMap<(String, TypeName, String), Place>,
}

/// The changes of a type in a place: by fields, the operations.
type Place = BTreeMap<BTreeMap<String, String>, BTreeSet<String>>;

impl Changed {
    /// Stands among the fields for the id of the resource, where records name that; no provider has a field of this name.
    pub const ID: &str = "$id";

    /// The one resource with an id, of a type that is listed once for an account.
    pub fn of_id(account: &str, type_name: TypeName, id: &str) -> Self {
        let fields = BTreeMap::from([(Self::ID.to_owned(), id.to_owned())]);
        Changed { account: account.to_owned(), type_name, region: GLOBAL.to_owned(), fields, calls: BTreeSet::new() }
    }

    /// The id, if the change names its resource by that.
    pub fn id(&self) -> Option<&str> {
        self.fields.get(Self::ID).map(String::as_str)
    }

    /// Whether a resource is one of those that changed.
    pub fn speaks_of(&self, resource: &Resource) -> bool {
        self.is_place_of(resource)
            && match self.id() {
                Some(id) => resource.id.as_str() == id,
                None => self.has_fields(&resource.properties),
            }
    }

    /// Whether a resource is of the type and lies in the place, whatever its fields.
    pub fn is_place_of(&self, resource: &Resource) -> bool {
        resource.type_name == self.type_name
            && *resource.scope.account == *self.account
            && (self.region == GLOBAL
                || *resource.scope.resource_group == *self.region
                || resource.location.as_deref() == Some(self.region.as_str()))
    }

    /// Whether properties have the fields.
    pub fn has_fields(&self, properties: &Value) -> bool {
        self.fields.iter().all(|(name, text)| match properties.get(name) {
            Some(Value::String(own)) => own == text,
            Some(Value::Number(own)) => own.to_string() == *text,
            _ => false,
        })
    }

    /// The same without fields: everything of the type in the place.
    pub fn of_whole_type(&self) -> Self {
        Changed { fields: BTreeMap::new(), calls: BTreeSet::new(), ..self.clone() }
    }
}

impl ChangeSet {
    /// So many of a type in a place are kept one by one.
    pub const MOST: usize = 50;

    /// Adds a change; what is there already is joined with it.
    pub fn add(&mut self, changed: Changed) {
        let place = self.places.entry((changed.account, changed.type_name, changed.region)).or_default();
        if let Some(calls) = place.get_mut(&BTreeMap::new()) {
            // The whole type is read anyway.
            if !changed.fields.is_empty() {
                return;
            }
            join(calls, changed.calls);
            return;
        }
        let is_full = place.len() >= Self::MOST;
        match place.get_mut(&changed.fields) {
            Some(calls) => join(calls, changed.calls),
            None if changed.fields.is_empty() => *place = Place::from([(changed.fields, changed.calls)]),
            None if is_full => *place = Place::from([(BTreeMap::new(), BTreeSet::new())]),
            None => drop(place.insert(changed.fields, changed.calls)),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All of them in order.
    pub fn into_changes(self) -> Vec<Changed> {
        let of_place = |((account, type_name, region), place): ((String, TypeName, String), Place)| {
            place.into_iter().map(move |(fields, calls)| Changed {
                account: account.clone(),
                type_name: type_name.clone(),
                region: region.clone(),
                fields,
                calls,
            })
        };
        self.places.into_iter().flat_map(of_place).collect()
    }
}

impl FromIterator<Changed> for ChangeSet {
    fn from_iter<I: IntoIterator<Item = Changed>>(changes: I) -> Self {
        let mut set = Self::default();
        changes.into_iter().for_each(|changed| set.add(changed));
        set
    }
}

/// No operations are all of them.
fn join(calls: &mut BTreeSet<String>, more: BTreeSet<String>) {
    if calls.is_empty() || more.is_empty() {
        calls.clear();
    } else {
        calls.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(name: &str, calls: &[&str]) -> Changed {
        let fields = if name.is_empty() { BTreeMap::new() } else { BTreeMap::from([("Name".to_owned(), name.to_owned())]) };
        let calls = calls.iter().map(|call| (*call).to_owned()).collect();
        Changed { account: "1".to_owned(), type_name: "T".into(), region: "r".to_owned(), fields, calls }
    }

    #[test]
    fn a_burst_about_one_resource_is_one_change() {
        let set: ChangeSet = (0..1000).map(|_| changed("a", &["One"])).chain([changed("a", &["Two"])]).collect();
        assert_eq!(set.into_changes(), [changed("a", &["One", "Two"])]);
        let set: ChangeSet = [changed("a", &["One"]), changed("a", &[]), changed("a", &["Two"])].into_iter().collect();
        assert_eq!(set.into_changes(), [changed("a", &[])], "all its calls are more than two of them");
    }

    #[test]
    fn a_storm_is_the_whole_type() {
        let set: ChangeSet = (0..1000).map(|n| changed(&n.to_string(), &["One"])).collect();
        assert_eq!(set.into_changes(), [changed("", &[])]);
        let set: ChangeSet = (0..ChangeSet::MOST).map(|n| changed(&n.to_string(), &[])).collect();
        assert_eq!(set.into_changes().len(), ChangeSet::MOST);
        let set: ChangeSet = [changed("a", &[]), changed("", &["One"]), changed("b", &[])].into_iter().collect();
        assert_eq!(set.into_changes().len(), 1);
    }
}
