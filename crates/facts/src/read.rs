use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use skywarden_model::{Carried, Coverage, FieldPath, Resource, Segment, UnreadableKind, UnreadableReason};

/// Why something is not known.
pub(crate) type Why = Arc<UnreadableReason>;

/// Listings that failed wholly or partly, and what was listed at all.
pub(crate) struct Failures<'a> {
    /// By type, account and region.
    failed: BTreeMap<(&'a str, &'a str, &'a str), &'a Why>,
    /// Type and account.
    listed: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Failures<'a> {
    pub(crate) fn new(coverage: &'a [Coverage]) -> Self {
        let failed = coverage.iter().filter_map(|entry| {
            entry.list_failure().map(|why| ((entry.type_name.as_str(), &*entry.account, &*entry.region), why))
        });
        let listed = coverage.iter().map(|entry| (entry.type_name.as_str(), &*entry.account));
        Self { failed: failed.collect(), listed: listed.collect() }
    }

    /// Whether it was tried to list resources of a type.
    pub(crate) fn is_listed(&self, type_name: &str, account: &str) -> bool {
        self.listed.contains(&(type_name, account))
    }

    /// Why there may be resources of a type somewhere in an account that were not seen.
    pub(crate) fn anywhere(&self, type_name: &str, account: &str) -> Option<Why> {
        let of_type = self.failed.range((type_name, account, "")..);
        let mut near = of_type.take_while(|((own_type, own_account, _), _)| (*own_type, *own_account) == (type_name, account));
        near.next().map(|(_, why)| Arc::clone(why))
    }

    /// Why a neighbour of `near` of that type may exist although it was not seen.
    pub(crate) fn near(&self, type_name: &str, near: &Resource) -> Option<Why> {
        let account = &*near.scope.account;
        [&*near.scope.resource_group, "global"]
            .into_iter()
            .find_map(|region| self.failed.get(&(type_name, account, region)))
            .map(|why| Arc::clone(why))
    }
}

/// The value below `properties`; `None` when it is known to be absent.
pub(crate) fn get<'a>(resource: &'a Resource, path: &[&str]) -> Result<Option<&'a Value>, Why> {
    if let Some(entry) = resource.unreadable.iter().find(|entry| overlaps(&entry.field, path)) {
        return Err(Arc::clone(&entry.reason));
    }
    let value = path.iter().try_fold(&resource.properties, |value, key| value.get(key)).filter(|value| !value.is_null());
    if value.is_none()
        && let Carried::Only(carried) = &resource.carried
        && !carried.iter().any(|field| field.segments().len() <= path.len() + 1 && overlaps(field, path))
    {
        return Err(why(UnreadableKind::NotCarried, &path.join("."), "the source does not carry this field"));
    }
    Ok(value)
}

/// The list below `properties`; empty when it is known to be absent.
pub(crate) fn list<'a>(resource: &'a Resource, path: &[&str]) -> Result<&'a [Value], Why> {
    match get(resource, path)? {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(malformed(resource, &path.join("."), "it is not a list")),
    }
}

/// The text below `properties`.
pub(crate) fn text<'a>(resource: &'a Resource, path: &[&str]) -> Result<Option<&'a str>, Why> {
    match get(resource, path)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(malformed(resource, &path.join("."), "it is not a text")),
    }
}

/// The text members named `key` of a list of objects.
pub(crate) fn column<'a>(items: &'a [Value], key: &str) -> Vec<&'a str> {
    items.iter().filter_map(|item| item.get(key).and_then(Value::as_str)).collect()
}

/// The texts (and numbers, as texts) at a path below `properties`, which may go through lists: `Attachments[*].InstanceId`.
pub(crate) fn texts(resource: &Resource, path: &str) -> Result<Vec<String>, Why> {
    let (head, tail) = path.split_once("[*]").map_or((path, None), |(head, tail)| (head, Some(tail)));
    let names: Vec<&str> = head.split('.').collect();
    let Some(value) = get(resource, &names)? else { return Ok(Vec::new()) };
    let mut texts = Vec::new();
    match tail {
        None if value.is_array() => texts_below(value, "", &mut texts),
        None => texts.extend(text_of(value)),
        Some(tail) => texts_below(value, tail, &mut texts),
    }
    Ok(texts)
}

/// Below each element of a list: `.Ebs.VolumeId`, with further `[*]`.
fn texts_below(list: &Value, path: &str, texts: &mut Vec<String>) {
    let (head, rest) = path.split_once("[*]").map_or((path, None), |(head, rest)| (head, Some(rest)));
    for item in list.as_array().into_iter().flatten() {
        let found = head.split('.').filter(|name| !name.is_empty()).try_fold(item, |value, name| value.get(name));
        match (found, rest) {
            (Some(value), None) => texts.extend(text_of(value)),
            (Some(value), Some(rest)) => texts_below(value, rest, texts),
            (None, _) => {}
        }
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(crate) fn why(kind: UnreadableKind, operation: &str, message: &str) -> Why {
    Arc::new(UnreadableReason {
        kind,
        operation: operation.to_owned(),
        permission: None,
        code: String::new(),
        message: message.chars().take(300).collect(),
    })
}

pub(crate) fn malformed(resource: &Resource, field: &str, problem: &str) -> Why {
    why(UnreadableKind::Failed, &format!("parse {field} of {}", resource.id), problem)
}

fn overlaps(field: &FieldPath, path: &[&str]) -> bool {
    let asked = std::iter::once("properties").chain(path.iter().copied());
    field.segments().iter().zip(asked).all(|(step, name)| match step {
        Segment::Key(key) => key.eq_ignore_ascii_case(name),
        Segment::Each => false,
    })
}
