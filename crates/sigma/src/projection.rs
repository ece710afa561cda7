use std::{borrow::Cow, collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustc_hash::FxHashMap;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use smallvec::SmallVec;

use crate::{Record, Slot, Value};

/// Paths of more members than this are found as objects within objects, and with one key with dots at the end; not in all ways.
const MAX_JOINED: usize = 5;

/// Which fields are taken out of a JSON text, in one pass over it and without building what nobody asked for.
///
/// A path is dotted: `userIdentity.arn`. It goes through objects, through lists (any element), through texts that are JSON
/// themselves, and is also found where a key itself has the dots. What is not asked for is skipped, which costs an eighth of
/// building it.
#[derive(Debug, Clone)]
pub struct Projection {
    nodes: Vec<Node>,
    n_slots: u32,
    /// The first path of each slot.
    names: FxHashMap<Slot, String>,
    /// The slot that every text of the event goes to, if somebody looks for words anywhere in it.
    everything: Option<Slot>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    children: FxHashMap<Box<str>, usize>,
    /// Who wants what lies here, and how high up on their list this place is.
    wanted: SmallVec<[(Slot, u8); 2]>,
}

impl Default for Projection {
    fn default() -> Self {
        Projection { nodes: vec![Node::default()], n_slots: 0, names: FxHashMap::default(), everything: None }
    }
}

impl Projection {
    /// A new slot, which nothing goes to yet.
    pub fn slot(&mut self) -> Slot {
        let slot = Slot(self.n_slots);
        self.n_slots += 1;
        slot
    }

    /// How many slots there are.
    pub fn n_slots(&self) -> usize {
        self.n_slots as usize
    }

    /// Sends what lies at `path` to a slot; `rank` says how high up it is among the slot's places, 0 first.
    pub fn take(&mut self, slot: Slot, rank: u8, path: &str) {
        self.names.entry(slot).or_insert_with(|| path.to_owned());
        let members: Vec<&str> = path.split('.').collect();
        for joined in joinings(&members) {
            let node = self.node(&joined);
            if let Some(node) = self.nodes.get_mut(node)
                && !node.wanted.contains(&(slot, rank))
            {
                node.wanted.push((slot, rank));
            }
        }
    }

    /// The first so many slots only: what nobody else asks for is skipped.
    #[must_use]
    pub fn first(&self, n_slots: usize) -> Self {
        let is_wanted = |slot: Slot| slot.index() < n_slots;
        let everything = self.everything.filter(|slot| is_wanted(*slot));
        let n_slots = u32::try_from(n_slots).unwrap_or(u32::MAX);
        let mut few = Projection { n_slots, names: FxHashMap::default(), everything, ..Projection::default() };
        few.copy(self, 0, 0, &is_wanted);
        few
    }

    /// Copies what is wanted at and below a node of another projection; whether there was anything.
    fn copy(&mut self, from: &Self, source: usize, target: usize, is_wanted: &dyn Fn(Slot) -> bool) -> bool {
        let Some(node) = from.nodes.get(source) else { return false };
        let wanted: SmallVec<[(Slot, u8); 2]> = node.wanted.iter().filter(|(slot, _)| is_wanted(*slot)).copied().collect();
        let mut is_needed = !wanted.is_empty();
        let ordered: BTreeMap<&Box<str>, &usize> = node.children.iter().collect();
        for (name, child) in ordered {
            let next = self.nodes.len();
            self.nodes.push(Node::default());
            if self.copy(from, *child, next, is_wanted) {
                is_needed = true;
                if let Some(node) = self.nodes.get_mut(target) {
                    node.children.insert(name.clone(), next);
                }
            } else {
                self.nodes.truncate(next);
            }
        }
        if let Some(node) = self.nodes.get_mut(target) {
            node.wanted = wanted;
        }
        is_needed
    }

    /// The first path that goes to a slot.
    pub fn name_of(&self, slot: Slot) -> Option<&str> {
        self.names.get(&slot).map(String::as_str)
    }

    /// The slot that every text of the event goes to.
    pub fn everything(&mut self) -> Slot {
        if let Some(slot) = self.everything {
            return slot;
        }
        let slot = self.slot();
        self.everything = Some(slot);
        slot
    }

    /// The node at a path of members, made if it is not there.
    fn node(&mut self, members: &[String]) -> usize {
        let mut at = 0;
        for member in members {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return at };
            at = *node.children.entry(member.as_str().into()).or_insert(next);
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        at
    }

    /// Reads one JSON text.
    ///
    /// # Errors
    /// If it is no JSON, is nested deeper than 128 levels, or something follows it.
    pub fn read<'a>(&self, json: &'a str) -> Result<Record<'a>, serde_json::Error> {
        let mut record = Record::new(self.n_slots());
        let mut deserializer = serde_json::Deserializer::from_str(json);
        At { projection: self, node: 0, record: &mut record }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(record)
    }

    /// Takes the fields out of a value that is built already.
    pub fn read_value<'a>(&self, value: &'a Json) -> Record<'a> {
        let mut record = Record::new(self.n_slots());
        self.walk(0, value, &mut record, &|text| Cow::Borrowed(text));
        record
    }

    /// A record of named texts, as logs of lines have them.
    pub fn read_pairs<'a>(&self, pairs: impl IntoIterator<Item = (&'a str, Cow<'a, str>)>) -> Record<'a> {
        let mut record = Record::new(self.n_slots());
        let Some(root) = self.nodes.first() else { return record };
        for (name, text) in pairs {
            self.put_anywhere(|| text.clone(), &mut record);
            if let Some(node) = root.children.get(name) {
                self.put_text(*node, text, &mut record);
            }
        }
        record
    }

    fn walk<'v, 'a>(&self, at: usize, value: &'v Json, record: &mut Record<'a>, text: &impl Fn(&'v str) -> Cow<'a, str>) {
        let Some(node) = self.nodes.get(at) else { return };
        match value {
            Json::Object(_) => {
                node.put(record, || Value::Object);
                self.walk_members(node, value, record, text);
            }
            Json::Array(values) => {
                if values.is_empty() {
                    node.put(record, || Value::List(Vec::new()));
                }
                for value in values {
                    self.walk(at, value, record, text);
                }
            }
            Json::String(string) => {
                self.put_anywhere(|| text(string), record);
                self.put_text(at, text(string), record);
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => node.put(record, || owned_scalar(value)),
        }
    }

    /// Takes what lies below an object, or below the objects of a list.
    fn walk_members<'v, 'a>(
        &self,
        node: &Node,
        value: &'v Json,
        record: &mut Record<'a>,
        text: &impl Fn(&'v str) -> Cow<'a, str>,
    ) {
        match value {
            Json::Object(members) => {
                for (name, member) in members {
                    match node.children.get(name.as_str()) {
                        Some(child) => self.walk(*child, member, record, text),
                        None if self.everything.is_some() => self.walk_texts(member, record, text),
                        None => {}
                    }
                }
            }
            Json::Array(values) => values.iter().for_each(|value| self.walk_members(node, value, record, text)),
            _ => {}
        }
    }

    /// Sends all texts below a value that nobody asked for to the slot of everything.
    fn walk_texts<'v, 'a>(&self, value: &'v Json, record: &mut Record<'a>, text: &impl Fn(&'v str) -> Cow<'a, str>) {
        match (value, self.everything) {
            (Json::String(string), Some(_)) => self.put_anywhere(|| text(string), record),
            (Json::Object(members), Some(_)) => members.values().for_each(|member| self.walk_texts(member, record, text)),
            (Json::Array(values), Some(_)) => values.iter().for_each(|value| self.walk_texts(value, record, text)),
            _ => {}
        }
    }

    /// Takes a document in a text apart: logs have JSON in texts of JSON, also in Base64.
    fn put_document(&self, node: &Node, text: &str, record: &mut Record<'_>) {
        let text = text.trim();
        let document: Option<Json> = if text.starts_with(['{', '[']) {
            serde_json::from_str(text).ok()
        } else if text.starts_with("ey") {
            STANDARD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
        } else {
            None
        };
        if let Some(document) = document {
            self.walk_members(node, &document, record, &|text| Cow::Owned(text.to_owned()));
        }
    }

    fn put_text<'a>(&self, at: usize, text: Cow<'a, str>, record: &mut Record<'a>) {
        let Some(node) = self.nodes.get(at) else { return };
        if !node.children.is_empty() {
            self.put_document(node, &text, record);
        }
        match node.wanted.as_slice() {
            [] => {}
            [(slot, rank)] => record.found(*slot, *rank, Value::Text(text)),
            several => several.iter().for_each(|(slot, rank)| record.found(*slot, *rank, Value::Text(text.clone()))),
        }
    }

    /// Sends a text to the slot of everything, if there is one.
    fn put_anywhere<'a>(&self, text: impl FnOnce() -> Cow<'a, str>, record: &mut Record<'a>) {
        if let Some(everything) = self.everything {
            record.found(everything, 0, Value::Text(text()));
        }
    }
}

/// A scalar that borrows nothing.
fn owned_scalar<'a>(value: &Json) -> Value<'a> {
    match value {
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(_) => match Value::from(value) {
            Value::Int(whole) => Value::Int(whole),
            Value::Float(number) => Value::Float(number),
            other => other.text().map_or(Value::Null, |text| Value::Text(Cow::Owned(text.into_owned()))),
        },
        _ => Value::Null,
    }
}

/// All ways to read a path whose keys may have dots themselves.
fn joinings(members: &[&str]) -> Vec<Vec<String>> {
    if members.len() > MAX_JOINED {
        let apart = |members: &[&str]| members.iter().map(|member| (*member).to_owned()).collect::<Vec<String>>();
        let mut all = vec![apart(members)];
        for n_apart in 0..members.len() - 1 {
            let (before, after) = members.split_at(n_apart);
            all.push(apart(before).into_iter().chain([after.join(".")]).collect());
        }
        return all;
    }
    let Some((first, rest)) = members.split_first() else { return Vec::new() };
    if rest.is_empty() {
        return vec![vec![(*first).to_owned()]];
    }
    let mut all = Vec::new();
    for tail in joinings(rest) {
        let mut apart = vec![(*first).to_owned()];
        apart.extend(tail.iter().cloned());
        all.push(apart);
        let mut joined = tail;
        if let Some(next) = joined.first_mut() {
            *next = format!("{first}.{next}");
        }
        all.push(joined);
    }
    all
}

impl Node {
    fn put<'a>(&self, record: &mut Record<'a>, value: impl Fn() -> Value<'a>) {
        for (slot, rank) in &self.wanted {
            record.found(*slot, *rank, value());
        }
    }
}

/// Reads what lies at a node.
struct At<'p, 'r, 'a> {
    projection: &'p Projection,
    node: usize,
    record: &'r mut Record<'a>,
}

impl<'de: 'a, 'a> At<'_, '_, 'a> {
    fn put(&mut self, value: impl Fn() -> Value<'a>) {
        if let Some(node) = self.projection.nodes.get(self.node) {
            node.put(self.record, value);
        }
    }

    fn put_text(self, text: Cow<'de, str>) {
        self.projection.put_anywhere(|| text.clone(), self.record);
        self.projection.put_text(self.node, text, self.record);
    }
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for At<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for At<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON")
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<(), E> {
        self.put(|| Value::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<(), E> {
        self.put(|| Value::Int(value));
        Ok(())
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<(), E> {
        self.put(|| i64::try_from(value).map_or_else(|_| Value::Text(Cow::Owned(value.to_string())), Value::Int));
        Ok(())
    }

    fn visit_f64<E>(mut self, value: f64) -> Result<(), E> {
        self.put(|| Value::Float(value));
        Ok(())
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.put(|| Value::Null);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.put_text(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.put_text(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let At { projection, node, record } = self;
        let mut n = 0;
        while list.next_element_seed(At { projection, node, record: &mut *record })?.is_some() {
            n += 1;
        }
        if n == 0
            && let Some(node) = projection.nodes.get(node)
        {
            node.put(record, || Value::List(Vec::new()));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let At { projection, node, record } = self;
        let node = projection.nodes.get(node).ok_or_else(|| A::Error::custom("a node that is not there"))?;
        node.put(record, || Value::Object);
        while let Some(child) = map.next_key_seed(Key(node))? {
            match (child, projection.everything) {
                (Some(child), _) => map.next_value_seed(At { projection, node: child, record: &mut *record })?,
                (None, None) => {
                    map.next_value::<IgnoredAny>()?;
                }
                // No node has this number, so only the texts below are taken.
                (None, Some(_)) => map.next_value_seed(Texts { projection, record: &mut *record })?,
            }
        }
        Ok(())
    }
}

/// Finds the child that a key leads to.
struct Key<'n>(&'n Node);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.children.get(key).copied())
    }
}

/// Takes all texts below a place that nobody asked for.
struct Texts<'p, 'r, 'a> {
    projection: &'p Projection,
    record: &'r mut Record<'a>,
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Texts<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Texts<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.projection.put_anywhere(|| Cow::Owned(text.to_owned()), self.record);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.projection.put_anywhere(|| Cow::Borrowed(text), self.record);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Texts { projection, record } = self;
        while list.next_element_seed(Texts { projection, record: &mut *record })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Texts { projection, record } = self;
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Texts { projection, record: &mut *record })?;
        }
        Ok(())
    }
}
