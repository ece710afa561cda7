use std::collections::BTreeMap;

use serde_json::{Value, json};
use skywarden_content::{AzureAnswer, CollectorFile, FieldType};
use skywarden_model::{FieldPath, Segment};

use crate::leaves::member;

/// A type below another whose objects stand whole inside `properties`.
#[derive(Debug, Clone)]
pub struct Child {
    /// Its type: `Microsoft.Sql/servers/auditingSettings`.
    pub type_name: String,
    /// Where it stands, from the resource: `properties.auditingSettings`, `properties.firewallRules[*]`.
    pub path: FieldPath,
    /// What its id adds to that of the resource: `/auditingSettings/default`; for a list without the name.
    below: String,
}

/// Aliases of a child that name it once more before its own properties: `Microsoft.Web/sites/config/web.minTlsVersion`.
const NAMED_TWICE: [(&str, &str); 2] =
    [("Microsoft.Web/sites/config", "web"), ("Microsoft.Sql/servers/auditingSettings", "auditingSettings")];

/// The extensions of a scale set, which stand deep inside its model.
const SCALE_SETS: (&str, &str) =
    ("Microsoft.Compute/virtualMachineScaleSets", "virtualMachineProfile.extensionProfile.extensions");

/// What stands inside resources of a type: what is read or joined below them, and lists of whole child objects that are their own.
pub fn children(type_name: &str, collector: Option<&CollectorFile>) -> Vec<Child> {
    let mut all = Vec::new();
    let Some(collector) = collector else { return all };
    let own = collector.azure.iter();
    for read in own.clone().flat_map(|azure| &azure.reads) {
        let (Some(kind), Some(below)) = (&read.type_name, read.get.strip_prefix("{id}")) else { continue };
        let below = below.split('?').next().unwrap_or_default();
        all.extend(Child::new(kind, &read.into, read.answers == AzureAnswer::List, below.to_owned()));
    }
    for children in own.flat_map(|azure| &azure.children) {
        let last = children.type_name.rsplit('/').next().unwrap_or_default();
        all.extend(Child::new(&children.type_name, &children.into, true, format!("/{last}")));
    }
    let (scale_sets, extensions) = SCALE_SETS;
    if type_name == scale_sets {
        all.extend(Child::new(&format!("{scale_sets}/extensions"), extensions, true, "/extensions".to_owned()));
    }
    for name in whole_lists(&collector.fields) {
        let kind = format!("{type_name}/{name}");
        if !all.iter().any(|child| child.type_name.eq_ignore_ascii_case(&kind)) {
            all.extend(Child::new(&kind, name, true, format!("/{name}")));
        }
    }
    all
}

/// Lists of objects that have `properties` of their own.
fn whole_lists(fields: &BTreeMap<String, FieldType>) -> impl Iterator<Item = &String> {
    fields.iter().filter_map(|(name, kind)| match kind {
        FieldType::List(elements) => match elements.first() {
            Some(FieldType::Object(members)) if members.contains_key("properties") => Some(name),
            _ => None,
        },
        _ => None,
    })
}

impl Child {
    fn new(type_name: &str, into: &str, is_list: bool, below: String) -> Option<Self> {
        let path = format!("properties.{into}{}", if is_list { "[*]" } else { "" });
        Some(Self { type_name: type_name.to_owned(), path: path.parse().ok()?, below })
    }

    fn is_list(&self) -> bool {
        self.path.segments().last() == Some(&Segment::Each)
    }

    /// The place of a child's own field in the resource; `None` for its id and its type, which follow from where it is.
    pub fn field(&self, own: &FieldPath) -> Option<FieldPath> {
        let is_given = |name: &str| ["id", "type", "fullName"].iter().any(|given| name.eq_ignore_ascii_case(given));
        match own.segments() {
            [Segment::Key(name)] if is_given(name) => None,
            [properties, Segment::Key(again), rest @ ..] if self.named_twice().is_some_and(|twice| **again == *twice) => {
                let own = [std::slice::from_ref(properties), rest].concat();
                Some(FieldPath::from_segments([self.path.segments(), &own].concat()))
            }
            steps => Some(FieldPath::from_segments([self.path.segments(), steps].concat())),
        }
    }

    fn named_twice(&self) -> Option<&'static str> {
        NAMED_TWICE.iter().find(|(kind, _)| self.type_name.eq_ignore_ascii_case(kind)).map(|(_, name)| *name)
    }

    /// The name that the only object of its kind has.
    pub fn only_name(&self) -> Option<&str> {
        self.below.rsplit('/').next().filter(|_| !self.is_list())
    }

    /// The objects inside a resource, in ARM's shape.
    pub fn of(&self, resource: &Value) -> Vec<Value> {
        let mut place = Some(resource);
        for step in self.path.segments() {
            if let Segment::Key(key) = step {
                place = place.and_then(|value| member(value, key));
            }
        }
        let found: Vec<&Value> = match place {
            Some(Value::Array(elements)) if self.is_list() => elements.iter().collect(),
            Some(object @ Value::Object(_)) if !self.is_list() => vec![object],
            _ => Vec::new(),
        };
        let parent = resource.get("id").and_then(Value::as_str).unwrap_or_default();
        found.into_iter().enumerate().map(|(number, object)| self.whole(object, parent, number)).collect()
    }

    fn whole(&self, object: &Value, parent: &str, number: usize) -> Value {
        let mut whole = if object.is_object() { object.clone() } else { json!({}) };
        let name = match (object.get("name").and_then(Value::as_str), self.only_name()) {
            (Some(name), _) | (None, Some(name)) => name.to_owned(),
            (None, None) => format!("child-{number}"),
        };
        let below = if self.is_list() { format!("{}/{name}", self.below) } else { self.below.clone() };
        if let Value::Object(members) = &mut whole {
            members.insert("id".to_owned(), json!(format!("{parent}{below}")));
            members.insert("type".to_owned(), json!(self.type_name));
            members.insert("name".to_owned(), json!(name));
            if !members.get("properties").is_some_and(Value::is_object) {
                members.insert("properties".to_owned(), json!({}));
            }
            if let (Some(again), Some(Value::Object(properties))) = (self.named_twice(), members.get_mut("properties")) {
                let own = Value::Object(properties.clone());
                properties.insert(again.to_owned(), own);
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(type_name: &str, into: &str, is_list: bool, below: &str) -> Child {
        Child::new(type_name, into, is_list, below.to_owned()).unwrap()
    }

    #[test]
    fn children_are_whole_resources_below_their_parent() {
        let resource = json!({ "id": "/p", "properties": {
            "rules": [{ "name": "one", "properties": { "a": 1 } }, {}],
            "auditing": { "properties": { "state": "Enabled" } },
        }});
        let rules = child("Microsoft.A/b/rules", "rules", true, "/rules").of(&resource);
        assert_eq!(
            rules[0],
            json!({ "id": "/p/rules/one", "type": "Microsoft.A/b/rules", "name": "one", "properties": { "a": 1 } })
        );
        assert_eq!(rules[1]["id"], "/p/rules/child-1");
        let auditing = child("Microsoft.A/b/auditing", "auditing", false, "/auditing/default");
        assert_eq!(auditing.of(&resource)[0]["name"], "default");
        assert!(auditing.of(&json!({ "properties": {} })).is_empty());
    }

    #[test]
    fn a_field_of_a_child_stands_inside_the_resource() {
        let config = child("Microsoft.Web/sites/config", "config", false, "/config/web");
        let place = |own: &str| config.field(&own.parse().unwrap()).map(|path| path.to_string());
        assert_eq!(place("properties.ftpsState").unwrap(), "properties.config.properties.ftpsState");
        assert_eq!(place("properties.web.ftpsState").unwrap(), "properties.config.properties.ftpsState");
        assert_eq!(place("type"), None);
    }
}
