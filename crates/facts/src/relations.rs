//! Which resources belong together, as `related` of a fact's file says.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use serde_json::{Map, Value, json};
use skywarden_content::{FactFile, Related, Within};
use skywarden_inventory::Inventory;
use skywarden_model::{Fact, FactSheet, FieldPath, Resource, ResourceId, Segment, Unreadable, UnreadableKind, fact_object};

use crate::{
    Facts, Knowledge,
    lately::Lately,
    read::{self, Failures, Why},
    sheet::seen_of,
};

const GLOBAL: &str = "global";
/// Related resources of which the evidence speaks.
const MAX_EVIDENCE: usize = 5;

/// The relations that the content knows.
pub(crate) fn relations<'a>(inventory: Inventory<'a>, knowledge: &Knowledge<'a>) -> Vec<Relation<'a>> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, type_name) in inventory.places() {
        places.entry(type_name).or_default().push(place);
    }
    let known = knowledge.relations.iter().filter_map(|file| Some((*file, file.related.as_ref()?)));
    let index = |related: &Related| {
        // Without anybody whom it leads from, nobody asks where it leads.
        Index::new(related, inventory, places.get(related.to.as_str()).map_or(&[], Vec::as_slice))
    };
    known
        .filter(|(file, _)| file.types.iter().any(|own| places.contains_key(own.as_str())))
        .map(|(file, related)| Relation { file, related, index: index(related), others: Lately::default() })
        .collect()
}

/// One relation, with those to whom it leads.
pub(crate) struct Relation<'a> {
    file: &'a FactFile,
    related: &'a Related,
    index: Index<'a>,
    /// Those to whom it led last.
    others: Lately<Other>,
}

/// One to whom a relation leads.
struct Other {
    id: ResourceId,
    region: String,
    /// What the fact carries of it, once that is asked.
    told: OnceCell<Told>,
}

/// What a fact carries of one related resource.
struct Told {
    element: Value,
    unreadable: BTreeMap<FieldPath, Why>,
}

/// The resources that a relation leads to, by what they are found by.
struct Index<'a> {
    /// By account and value: places.
    by_value: BTreeMap<(&'a str, String), Vec<usize>>,
    /// By account: those of which it could not be read where they point.
    hidden: BTreeMap<&'a str, Vec<Hidden>>,
}

/// One of which it could not be read where it points.
struct Hidden {
    region: String,
    why: Why,
}

impl<'a> Index<'a> {
    fn new(related: &Related, inventory: Inventory<'a>, places: &[usize]) -> Self {
        let mut index = Self { by_value: BTreeMap::new(), hidden: BTreeMap::new() };
        let Some(first) = related.on.first() else { return index };
        for place in places {
            let (Some(account), Some(resource)) = (inventory.account(*place), inventory.open(*place)) else { continue };
            match values(&resource, &first.theirs) {
                Ok(values) => {
                    for value in values {
                        index.by_value.entry((account, value)).or_default().push(*place);
                    }
                }
                Err(why) => {
                    let hidden = Hidden { region: region(&resource).to_owned(), why };
                    index.hidden.entry(account).or_default().push(hidden);
                }
            }
        }
        index
    }
}

impl Relation<'_> {
    /// Whether it leads somewhere from a resource.
    pub(crate) fn is_of(&self, resource: &Resource) -> bool {
        self.file.types.iter().any(|own| own == resource.type_name.as_str())
    }

    /// The fact of a resource from which it leads.
    pub(crate) fn sheet(&self, resource: &Resource, facts: &Facts<'_>) -> FactSheet {
        let (inventory, related, index) = (facts.inventory, self.related, &self.index);
        let account: &str = &resource.scope.account;
        let mut found: BTreeMap<ResourceId, (usize, Rc<Other>)> = BTreeMap::new();
        let mut doubt = facts.failures.about(&related.to, resource, related.within);
        if let Some(first) = related.on.first() {
            match values(resource, &first.ours) {
                Err(why) => doubt = doubt.or(Some(why)),
                Ok(values) => {
                    for value in values {
                        for place in index.by_value.get(&(account, value)).into_iter().flatten() {
                            let other = self.others.of(*place, || inventory.open(*place).as_deref().map(Other::of));
                            let Some(other) = other.filter(|other| is_near(related, resource, &other.region)) else { continue };
                            let agrees = match related.on.len() {
                                1 => Ok(true),
                                _ => inventory.open(*place).map_or(Ok(false), |other| agrees(related, resource, &other)),
                            };
                            match agrees {
                                Ok(true) => drop(found.insert(other.id.clone(), (*place, other))),
                                Ok(false) => {}
                                Err(why) => doubt = doubt.or(Some(why)),
                            }
                        }
                    }
                    let may_point_here = |hidden: &&Hidden| is_near(related, resource, &hidden.region);
                    let hidden = index.hidden.get(account).map_or(&[] as &[_], Vec::as_slice);
                    doubt = doubt.or_else(|| hidden.iter().find(may_point_here).map(|hidden| Arc::clone(&hidden.why)));
                }
            }
        }
        told(self, resource, found.into_values(), doubt, facts)
    }
}

impl Other {
    fn of(resource: &Resource) -> Self {
        Self { id: resource.id.clone(), region: region(resource).to_owned(), told: OnceCell::new() }
    }
}

/// The fact with what was found.
fn told(
    relation: &Relation<'_>,
    resource: &Resource,
    found: impl ExactSizeIterator<Item = (usize, Rc<Other>)>,
    doubt: Option<Why>,
    facts: &Facts<'_>,
) -> FactSheet {
    let Relation { file, related, .. } = relation;
    let mut sheet = FactSheet::default();
    let mut unreadable: BTreeMap<FieldPath, Why> = BTreeMap::new();
    let mut elements = Vec::with_capacity(found.len());
    let mut evidence = Vec::new();
    for (place, other) in found {
        let told = other.told.get_or_init(|| {
            let mut unreadable = BTreeMap::new();
            let open = facts.inventory.open(place);
            let element = open.map(|open| element(file, related, &open, facts, &mut unreadable)).unwrap_or_default();
            Told { element, unreadable }
        });
        elements.push(told.element.clone());
        unreadable.extend(told.unreadable.iter().map(|(field, why)| (field.clone(), Arc::clone(why))));
        if evidence.len() < MAX_EVIDENCE {
            let pair = related.on.first().map(|pair| pair.theirs.clone()).unwrap_or_default();
            evidence.push(seen_of(&other.id, pair, "a related resource", json!(resource.id.as_str())));
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
    facts: &Facts<'_>,
    unreadable: &mut BTreeMap<FieldPath, Why>,
) -> Value {
    let takes_facts = related.take.iter().any(|path| path.starts_with("facts."));
    let own = takes_facts.then(|| facts.without_relations(other)).flatten();
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
            let Some(own) = &own else { continue };
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

/// Whether a relation leads to another resource of the account, by where that lies.
fn is_near(related: &Related, resource: &Resource, its: &str) -> bool {
    let own = region(resource);
    related.within == Within::Account || own == its || own == GLOBAL || its == GLOBAL
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
