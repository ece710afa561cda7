//! Which resources belong together, as `related` of a fact's file says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value, json};
use skywarden_content::{FactFile, Related, Within};
use skywarden_model::{
    Fact, FactSheet, FactTable, FieldPath, Resource, ResourceId, Segment, Unreadable, UnreadableKind, fact_object,
};

use crate::{
    Knowledge,
    read::{self, Failures, Why},
    sheet::seen,
};

const GLOBAL: &str = "global";
/// Related resources of which the evidence speaks.
const MAX_EVIDENCE: usize = 5;

/// The relations of every resource that has some.
pub(crate) fn relations<'a>(
    resources: &'a [Resource],
    failures: &Failures<'_>,
    knowledge: &Knowledge<'_>,
    facts: &FactTable,
) -> Vec<(ResourceId, FactSheet)> {
    let mut by_type: BTreeMap<&str, Vec<&'a Resource>> = BTreeMap::new();
    for resource in resources {
        by_type.entry(resource.type_name.as_str()).or_default().push(resource);
    }
    let of_type = |name: &str| by_type.get(name).map_or(&[] as &[&Resource], Vec::as_slice);
    let mut sheets = Vec::new();
    for file in &knowledge.relations {
        let Some(related) = &file.related else { continue };
        let index = Index::new(related, of_type(&related.to));
        for resource in file.types.iter().flat_map(|own| of_type(own)) {
            sheets.push((resource.id.clone(), sheet(file, related, resource, &index, failures, facts)));
        }
    }
    sheets
}

/// The resources that a relation leads to, by what they are found by.
struct Index<'a> {
    by_value: BTreeMap<(&'a str, String), Vec<&'a Resource>>,
    /// By account: those of which it could not be read where they point.
    hidden: BTreeMap<&'a str, Vec<(&'a Resource, Why)>>,
}

impl<'a> Index<'a> {
    fn new(related: &Related, resources: &[&'a Resource]) -> Self {
        let mut index = Self { by_value: BTreeMap::new(), hidden: BTreeMap::new() };
        let Some(first) = related.on.first() else { return index };
        for resource in resources.iter().copied() {
            match values(resource, &first.theirs) {
                Ok(values) => {
                    for value in values {
                        index.by_value.entry((&resource.scope.account, value)).or_default().push(resource);
                    }
                }
                Err(why) => index.hidden.entry(&resource.scope.account).or_default().push((resource, why)),
            }
        }
        index
    }
}

fn sheet(
    file: &FactFile,
    related: &Related,
    resource: &Resource,
    index: &Index<'_>,
    failures: &Failures<'_>,
    facts: &FactTable,
) -> FactSheet {
    let mut found: BTreeMap<&ResourceId, &Resource> = BTreeMap::new();
    let mut doubt = failures.about(&related.to, resource, related.within);
    if let Some(first) = related.on.first() {
        match values(resource, &first.ours) {
            Err(why) => doubt = doubt.or(Some(why)),
            Ok(values) => {
                for value in values {
                    for other in index.by_value.get(&(&*resource.scope.account, value)).into_iter().flatten().copied() {
                        match is_near(related, resource, other).then(|| agrees(related, resource, other)) {
                            Some(Ok(true)) => {
                                found.insert(&other.id, other);
                            }
                            Some(Err(why)) => doubt = doubt.or(Some(why)),
                            Some(Ok(false)) | None => {}
                        }
                    }
                }
                let may_point_here = |(other, _): &&(&Resource, Why)| is_near(related, resource, other);
                let hidden = index.hidden.get(&*resource.scope.account).map_or(&[] as &[_], Vec::as_slice);
                doubt = doubt.or_else(|| hidden.iter().find(may_point_here).map(|(_, why)| Arc::clone(why)));
            }
        }
    }
    let mut sheet = FactSheet::default();
    let mut unreadable: BTreeMap<FieldPath, Why> = BTreeMap::new();
    let mut elements = Vec::with_capacity(found.len());
    let mut evidence = Vec::new();
    for other in found.values() {
        elements.push(element(file, related, other, facts, &mut unreadable));
        if evidence.len() < MAX_EVIDENCE {
            let pair = related.on.first().map(|pair| pair.theirs.clone()).unwrap_or_default();
            evidence.push(seen(other, pair, "a related resource", json!(&*resource.id.to_string())));
        }
    }
    let mut fact = Fact::new();
    let path = |name: &str| field_path(&file.id, &[name]);
    match doubt {
        None => {
            fact.insert("any".into(), json!(!elements.is_empty()));
            fact.insert("n".into(), json!(elements.len()));
            fact.insert("resources".into(), Value::Array(elements));
        }
        Some(why) => {
            // One that was found is enough to know that there is one; how many there are is open.
            if elements.is_empty() {
                unreadable.insert(path("any"), Arc::clone(&why));
            } else {
                fact.insert("any".into(), json!(true));
            }
            unreadable.insert(path("n"), Arc::clone(&why));
            unreadable.insert(path("resources"), why);
        }
    }
    sheet.values.insert(Arc::clone(&file.id), fact);
    sheet.unreadable = unreadable.into_iter().map(|(field, reason)| Unreadable { field, reason }).collect();
    if !evidence.is_empty() {
        sheet.evidence.insert(Arc::clone(&file.id), evidence);
    }
    sheet
}

/// What the fact carries of one related resource.
fn element(
    file: &FactFile,
    related: &Related,
    other: &Resource,
    facts: &FactTable,
    unreadable: &mut BTreeMap<FieldPath, Why>,
) -> Value {
    let mut members = Map::new();
    members.insert("id".to_owned(), json!(other.id.to_string()));
    members.insert("name".to_owned(), json!(other.name));
    for path in &related.take {
        let names: Vec<&str> = path.split('.').collect();
        let mut hide = |names: &[&str], why: &Why| {
            let whole: Vec<&str> = std::iter::once("*").chain(names.iter().copied()).collect();
            unreadable.insert(element_path(&file.id, whole.get(1..).unwrap_or_default()), Arc::clone(why));
        };
        if let ["facts", name] = names.as_slice() {
            let Some(own) = facts.get(&other.id) else { continue };
            if let Some(value) = own.values.get(*name) {
                put(&mut members, &names, fact_object(value));
            }
            for entry in &own.unreadable {
                let keys: Vec<&str> = entry.field.segments().iter().filter_map(key).collect();
                if keys.get(1) == Some(name) {
                    hide(&keys, &entry.reason);
                }
            }
            continue;
        }
        match read::get(other, &names) {
            Ok(None) => {}
            Ok(Some(value)) => put(&mut members, &names, value.clone()),
            Err(why) => hide(&names, &why),
        }
    }
    Value::Object(members)
}

fn key(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Key(key) => Some(key),
        Segment::Each => None,
    }
}

fn put(members: &mut Map<String, Value>, names: &[&str], value: Value) {
    match names {
        [] => {}
        [last] => {
            members.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let below = members.entry((*first).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                put(below, rest, value);
            }
        }
    }
}

fn field_path(fact: &str, names: &[&str]) -> FieldPath {
    let names = ["facts", fact].into_iter().chain(names.iter().copied());
    FieldPath::from_segments(names.map(|name| Segment::Key(name.into())).collect())
}

fn element_path(fact: &str, names: &[&str]) -> FieldPath {
    let head = ["facts", fact, "resources"].map(|name| Segment::Key(name.into()));
    let tail = names.iter().map(|name| Segment::Key((*name).into()));
    FieldPath::from_segments(head.into_iter().chain([Segment::Each]).chain(tail).collect())
}

fn is_near(related: &Related, resource: &Resource, other: &Resource) -> bool {
    let (own, its) = (region(resource), region(other));
    resource.scope.account == other.scope.account
        && (related.within == Within::Account || own == its || own == GLOBAL || its == GLOBAL)
}

/// Whether the pairs after the first, by which it was found, agree.
fn agrees(related: &Related, resource: &Resource, other: &Resource) -> Result<bool, Why> {
    for pair in related.on.iter().skip(1) {
        let ours: BTreeSet<String> = values(resource, &pair.ours)?.into_iter().collect();
        if !values(other, &pair.theirs)?.iter().any(|value| ours.contains(value)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The texts of one side of a pair.
fn values(resource: &Resource, side: &str) -> Result<Vec<String>, Why> {
    if !side.contains('{') {
        return path_values(resource, side);
    }
    let mut filled = String::with_capacity(side.len() + 32);
    let mut rest = side;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        let (path, mark) = name.split_once("|after:").map_or((name, None), |(path, mark)| (path, Some(mark)));
        let Some(value) = path_values(resource, path)?.into_iter().next() else { return Ok(Vec::new()) };
        filled.push_str(before);
        filled.push_str(mark.and_then(|mark| value.rsplit_once(mark)).map_or(value.as_str(), |(_, tail)| tail));
        rest = tail;
    }
    filled.push_str(rest);
    Ok(vec![filled])
}

fn path_values(resource: &Resource, path: &str) -> Result<Vec<String>, Why> {
    match path {
        "id" => return Ok(vec![resource.id.to_string()]),
        "name" => return Ok(vec![resource.name.clone()]),
        "account" => return Ok(vec![resource.scope.account.to_string()]),
        "partition" => return Ok(resource.id.as_str().split(':').nth(1).map(str::to_owned).into_iter().collect()),
        "region" => return Ok(vec![region(resource).to_owned()]),
        _ => {}
    }
    Ok(read::texts(resource, path)?.into_iter().map(folded).collect())
}

/// ARM compares ids without case, and its own sources spell one id differently; ids of resources are in lower case.
fn folded(text: String) -> String {
    let is_arm = |start: &str| text.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start));
    if is_arm("/subscriptions/") || is_arm("/providers/") { text.to_lowercase() } else { text }
}

/// Where a resource lies: in Azure its location, for resource groups say nothing of that.
fn region(resource: &Resource) -> &str {
    match &resource.location {
        Some(location) if resource.id.as_str().starts_with('/') => location,
        None if resource.id.as_str().starts_with('/') => GLOBAL,
        _ => &resource.scope.resource_group,
    }
}

impl Failures<'_> {
    /// Why there may be more resources of a type near one than were seen.
    fn about(&self, type_name: &str, near: &Resource, within: Within) -> Option<Why> {
        let account = &*near.scope.account;
        if !self.is_listed(type_name, account) {
            let message = format!("the source has no list of {type_name}");
            return Some(read::why(UnreadableKind::NotCarried, type_name, &message));
        }
        match within {
            Within::Region if region(near) != GLOBAL => self.near(type_name, near),
            Within::Region | Within::Account => self.anywhere(type_name, account),
        }
    }
}
