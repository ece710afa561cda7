use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::Event;

/// Somebody or something that an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Entity {
    /// What it is, in the words of Defender's alerts: `account`, `ip`, `host`, `process`, `file`, `dns`, `url`, `azure-resource`,
    /// `cloud-resource`, `cloud-account`, `container`, `k8s-...`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What tells it from others of its kind.
    pub id: String,
    /// What else is known of it.
    #[serde(flatten)]
    pub more: BTreeMap<&'static str, String>,
}

/// A kind, the fields of which the first that is there identifies it, and what else is taken, under which name.
type Row = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Where entities stand in events.
const ENTITIES: &[Row] = &[
    ("account", &["actor.user.uid", "actor.user.name"], &[("name", "actor.user.name"), ("accountType", "actor.user.type")]),
    ("account", &["user.uid", "user.name"], &[("name", "user.name")]),
    ("ip", &["src_endpoint.ip"], &[("country", "src_endpoint.location.country"), ("city", "src_endpoint.location.city")]),
    ("ip", &["dst_endpoint.ip"], &[("port", "dst_endpoint.port")]),
    ("host", &["device.hostname", "device.uid"], &[("deviceId", "device.uid")]),
    ("process", &["process.cmd_line", "process.path", "process.name"], &[("path", "process.path"), ("processId", "process.pid")]),
    ("process", &["actor.process.cmd_line", "actor.process.name"], &[("processId", "actor.process.pid")]),
    ("file", &["file.path", "file.name"], &[("name", "file.name"), ("hash", "file.hashes")]),
    ("dns", &["query.hostname", "dst_endpoint.hostname"], &[]),
    ("url", &["http_request.url.url_string", "http_request.url.path"], &[("userAgent", "http_request.user_agent")]),
    ("cloud-resource", &["resource.uid"], &[("name", "resource.name"), ("resourceType", "resource.type")]),
    ("container", &["container.uid", "container.name"], &[("image", "container.image.name")]),
    ("session", &["actor.session.uid"], &[]),
    // One that was made for somebody: who uses it next goes on with the story.
    ("session", &["user.credential_uid"], &[]),
];

/// The entities of an event, each once.
pub(crate) fn entities(event: &Event) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    let mut add = |entity: Entity| {
        if !found.iter().any(|known| known.kind == entity.kind && known.id == entity.id) {
            found.push(entity);
        }
    };
    for (kind, ids, more) in ENTITIES {
        let Some(id) = ids.iter().find_map(|field| event.text(field)) else { continue };
        let more = more.iter().filter_map(|(name, field)| Some((*name, event.text(field).filter(|text| *text != id)?)));
        let more = more.collect();
        add(Entity { kind, id, more });
    }
    if let Some(resource) = &event.resource {
        let kind = if resource.starts_with("/subscriptions/") { "azure-resource" } else { "cloud-resource" };
        add(Entity { kind, id: resource.clone(), more: BTreeMap::new() });
    }
    if let Some(account) = &event.account {
        add(Entity { kind: "cloud-account", id: account.clone(), more: BTreeMap::new() });
    }
    found
}

impl<'de> Deserialize<'de> for Entity {
    /// Reads an entity as it is written. What is none of this version's words is left out; an unknown kind is an error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = BTreeMap::<String, String>::deserialize(deserializer)?;
        let kind = members.remove("type").ok_or_else(|| D::Error::missing_field("type"))?;
        let id = members.remove("id").ok_or_else(|| D::Error::missing_field("id"))?;
        let more = members.into_iter().filter_map(|(name, value)| Some((word(&name)?, value))).collect();
        let kind = word(&kind).ok_or_else(|| D::Error::custom(format!("there is no kind of entity `{kind}`")))?;
        Ok(Entity { kind, id, more })
    }
}

/// The word of the table that a text is.
fn word(text: &str) -> Option<&'static str> {
    let rows = ENTITIES.iter().flat_map(|(kind, _, more)| more.iter().map(|(name, _)| *name).chain([*kind]));
    rows.chain(["azure-resource", "cloud-resource", "cloud-account"]).find(|word| *word == text)
}
