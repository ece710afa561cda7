use std::sync::Arc;

use serde_json::{Value, json};
use skywarden_model::{Actual, Carried, Evidence, Resource, Segment, UnreadableKind};

use super::endpoints::Unguarded;
use crate::read::{self, Why};

/// What comes through a public address or a load balancer where no network security group is: basic ones are open, all others
/// closed.
pub(crate) fn unguarded(resource: &Resource) -> Unguarded {
    match name(resource) {
        Ok(name) if name.eq_ignore_ascii_case("Basic") => Unguarded::Open(vec![Evidence {
            field: "sku.name".into(),
            expected: "basic, which is open where no network security group is".into(),
            actual: Actual::Value(json!(name)),
            source: Some(resource.id.as_str().into()),
        }]),
        Ok(_) => Unguarded::Closed,
        Err(why) => Unguarded::Unknown(why),
    }
}

/// The name of the SKU, which stands beside the properties.
pub(crate) fn name(resource: &Resource) -> Result<&str, Why> {
    let is_sku = |segment: Option<&Segment>| matches!(segment, Some(Segment::Key(key)) if key.eq_ignore_ascii_case("sku"));
    if let Some(entry) = resource.unreadable.iter().find(|entry| is_sku(entry.field.segments().first())) {
        return Err(Arc::clone(&entry.reason));
    }
    let name = resource.envelope.get("sku").and_then(|sku| sku.get("name")).and_then(Value::as_str);
    name.ok_or_else(|| {
        let kind = if resource.carried == Carried::All { UnreadableKind::NotYetKnown } else { UnreadableKind::NotCarried };
        read::why(kind, &format!("read the SKU of {}", resource.id), "it has no value")
    })
}
