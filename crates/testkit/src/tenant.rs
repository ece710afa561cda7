//! A tenant of Azure that is made up: resources of the types that the policies name, with what the policies read by turns as they want it
//! and not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use skywarden_model::{Carried, FieldPath, Resource, Scope, Segment};
use skywarden_policy::{Definition, Details};

/// Subscriptions of the tenant.
pub const SUBSCRIPTIONS: usize = 40;

/// Resource groups of a subscription.
const GROUPS: usize = 25;

/// What resources of each type may hold, and which of them lie below others.
pub struct Mix {
    types: Vec<(String, Vec<FieldPath>)>,
    /// Types that policies look for beside a resource, with a name if they ask for one.
    related: Vec<(String, Option<String>, Vec<FieldPath>)>,
}

/// Numbers that look random and are the same with each run.
pub struct Dice(u64);

impl Dice {
    /// Dice that begin with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below an end, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % end.max(1)
    }

    /// One of several; `None` of none.
    pub fn pick<'t, T>(&mut self, of: &'t [T]) -> Option<&'t T> {
        of.get(self.below(of.len()))
    }
}

impl Mix {
    /// The types that the definitions' conditions name, from their documents, with the fields that they read.
    pub fn new(definitions: &[(Definition, Value)]) -> Self {
        let mut types: BTreeMap<String, BTreeSet<FieldPath>> = BTreeMap::new();
        let mut related: BTreeMap<(String, Option<String>), BTreeSet<FieldPath>> = BTreeMap::new();
        for (definition, document) in definitions {
            if definition.elsewhere.is_some() {
                continue;
            }
            let mut named = BTreeSet::new();
            named_types(document.pointer("/properties/policyRule/if").unwrap_or(&Value::Null), &mut named);
            for name in named.iter().filter(|name| name.contains('/') && !name.contains(['*', '['])) {
                let fields = types.entry(name.clone()).or_default();
                fields.extend(definition.rule.condition.fields().iter().map(|field| field.path.clone()));
            }
            if let Details::Existence(existence) = &definition.rule.details {
                let name = existence.name.as_ref().and_then(|name| name.literal()).and_then(Value::as_str).map(str::to_owned);
                let fields = related.entry((existence.type_name.clone(), name)).or_default();
                let read = existence.condition.iter().flat_map(|condition| condition.fields());
                fields.extend(read.map(|field| field.path.clone()));
            }
        }
        let listed = |fields: BTreeSet<FieldPath>| fields.into_iter().collect();
        Self {
            types: types.into_iter().map(|(name, fields)| (name, listed(fields))).collect(),
            related: related.into_iter().map(|((kind, name), fields)| (kind, name, listed(fields))).collect(),
        }
    }

    /// How many types there are.
    pub fn n_types(&self) -> usize {
        self.types.len() + self.related.len()
    }

    /// Their names.
    pub fn type_names(&self) -> BTreeSet<&str> {
        let own = self.types.iter().map(|(name, _)| name.as_str());
        own.chain(self.related.iter().map(|(name, _, _)| name.as_str())).collect()
    }

    /// The resources of one subscription; of three, one lies beside or below another.
    pub fn subscription(&self, subscription: usize, n_resources: usize) -> Vec<Resource> {
        let mut dice = Dice::new(subscription as u64 + 1);
        let mut resources: Vec<Resource> = Vec::with_capacity(n_resources);
        while resources.len() < n_resources {
            let place = resources.len();
            let parent = if place % 3 == 2 { resources.get(place - 1) } else { None };
            let made = match (parent, dice.pick(&self.related)) {
                (Some(parent), Some((kind, name, fields))) => {
                    related(parent, kind, name.as_deref().unwrap_or("default"), fields, &mut dice)
                }
                _ => match dice.pick(&self.types) {
                    Some((kind, fields)) => own(subscription, place, kind, fields, &mut dice),
                    None => return resources,
                },
            };
            resources.push(made);
        }
        resources
    }
}

/// The id of a subscription.
pub fn account(subscription: usize) -> String {
    format!("00000000-0000-0000-0000-{subscription:012}")
}

fn own(subscription: usize, place: usize, kind: &str, fields: &[FieldPath], dice: &mut Dice) -> Resource {
    let (account, group) = (account(subscription), format!("group{:02}", dice.below(GROUPS)));
    let name = format!("resource{place:05}");
    let id = format!("/subscriptions/{account}/resourceGroups/{group}/providers/{kind}/{name}");
    let scope = Scope { connector: "azure".into(), account: account.into(), resource_group: group.into() };
    made(id, kind, name, scope, fields, dice)
}

fn related(parent: &Resource, kind: &str, name: &str, fields: &[FieldPath], dice: &mut Dice) -> Resource {
    let parent_type = parent.type_name.as_str();
    let below = kind.get(..parent_type.len()).filter(|start| start.eq_ignore_ascii_case(parent_type));
    let id = match below.and(kind.get(parent_type.len()..)) {
        Some(rest) if rest.starts_with('/') => format!("{}{rest}/{name}", parent.id),
        _ => format!("{}/providers/{kind}/{name}", parent.id),
    };
    made(id, kind, name.to_owned(), parent.scope.clone(), fields, dice)
}

fn made(id: String, kind: &str, name: String, scope: Scope, fields: &[FieldPath], dice: &mut Dice) -> Resource {
    const LOCATIONS: [&str; 4] = ["westeurope", "northeurope", "eastus", "global"];
    let mut resource = Resource {
        id: id.into(),
        type_name: kind.into(),
        name,
        scope,
        location: dice.pick(&LOCATIONS).map(|location| (*location).to_owned()),
        tags: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        envelope: Map::new(),
        properties: Value::Object(Map::new()),
        unreadable: Vec::new(),
        carried: Carried::All,
    };
    for field in fields {
        let Some((Segment::Key(first), rest)) = field.segments().split_first() else { continue };
        if !first.eq_ignore_ascii_case("properties") || dice.below(4) == 0 {
            continue;
        }
        put(&mut resource.properties, rest, dice);
    }
    resource
}

/// Puts a value of some kind at a path.
fn put(at: &mut Value, path: &[Segment], dice: &mut Dice) {
    const TEXTS: [&str; 7] = ["Enabled", "Disabled", "TLS1_2", "SystemAssigned", "Deny", "Allow", "Approved"];
    match path.split_first() {
        None => {
            *at = match dice.below(4) {
                0 => Value::from(dice.below(400)),
                1 => Value::Bool(dice.below(2) == 0),
                _ => Value::from(dice.pick(&TEXTS).copied().unwrap_or_default()),
            };
        }
        Some((Segment::Key(key), rest)) => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            if let Value::Object(members) = at {
                put(members.entry(key.to_string()).or_insert(Value::Null), rest, dice);
            }
        }
        Some((Segment::Each, rest)) => {
            if !at.is_array() {
                *at = Value::Array(vec![Value::Null; 1 + dice.below(2)]);
            }
            for element in at.as_array_mut().into_iter().flatten() {
                put(element, rest, dice);
            }
        }
    }
}

/// The texts that conditions on the type expect.
fn named_types(condition: &Value, named: &mut BTreeSet<String>) {
    match condition {
        Value::Array(parts) => parts.iter().for_each(|part| named_types(part, named)),
        Value::Object(members) => {
            if members.get("field").and_then(Value::as_str).is_some_and(|field| field.eq_ignore_ascii_case("type")) {
                let expected = members.iter().filter(|(key, _)| ["equals", "in", "Equals"].contains(&key.as_str()));
                for value in expected.map(|(_, value)| value) {
                    let texts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    named.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned));
                }
            }
            members.values().for_each(|part| named_types(part, named));
        }
        _ => {}
    }
}
