//! Resources to judge.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use skywarden_model::{Carried, Resource, Scope};

/// A resource that was read whole; its name, account and group are those of the id.
pub(crate) fn resource(id: &str, type_name: &str, properties: Value) -> Resource {
    let step = |place: usize| id.split('/').nth(place).unwrap_or_default();
    let group = if step(3).eq_ignore_ascii_case("resourceGroups") { step(4) } else { "" };
    Resource {
        id: id.into(),
        type_name: type_name.into(),
        name: id.rsplit('/').next().unwrap_or_default().to_owned(),
        scope: Scope { connector: "azure".into(), account: step(2).into(), resource_group: group.into() },
        location: Some("westeurope".to_owned()),
        tags: BTreeMap::new(),
        envelope: Map::new(),
        properties,
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}

/// The resource `x` of type `A.B/c`.
pub(crate) fn plain(properties: Value) -> Resource {
    resource("/subscriptions/s1/resourceGroups/rg1/providers/A.B/c/x", "A.B/c", properties)
}
