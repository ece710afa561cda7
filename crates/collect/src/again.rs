//! Reads again what a log says has changed, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value};
use skywarden_cloud::partition_of_region;
use skywarden_content::{Again, AwsRequest, CollectorFile};
use skywarden_model::{Changed, ConnectorId, FieldPath, Reread, RereadOutcome, Resource, Segment, UnreadableReason};

use crate::{
    Specs, Transport,
    batch::complete_batches,
    collector::{Collector, is_global},
    document::{AnswerPath, Document},
    listing::{Listed, take_items},
    normalise::resource,
    pages::{End, Operation, Run, is_absence},
    reads::{Failure, Item, Which, complete},
    reason::Tried,
    request::Place,
    withhold::Secrets,
};

/// Resources that are read at once.
const AT_ONCE: usize = 16;

/// Whose resources are read again, and how.
#[derive(Debug, Clone)]
pub struct AgainOptions {
    /// The connector that the resources belong to.
    pub connector: ConnectorId,
    /// The account that the transport leads to; it is not asked which that is.
    pub account: String,
    /// Calls under way at once.
    pub max_concurrency: usize,
    /// Pages of one list, after which it counts as cut off.
    pub page_limit: usize,
}

/// Reads again what changed. `known` are the resources as they were read last: fields that a change does not touch stay as they are.
///
/// Nothing that fails ends the others; what could not be listed is told in its outcome, what could not be read on the resource.
pub async fn read_again<'a>(
    specs: impl Into<Specs<'a>>,
    transport: Arc<dyn Transport>,
    options: &AgainOptions,
    wanted: &[Changed],
    known: &[Resource],
) -> Vec<Reread> {
    let specs = specs.into();
    let partition = partition_of_region(&transport.home_region());
    let mut run = Run::new(&*transport, partition, options.max_concurrency, options.page_limit);
    run.account = options.account.as_str().into();
    run.secrets = Secrets::new(specs.secrets.values());
    let mut places: BTreeMap<(&str, &str), Vec<&Changed>> = BTreeMap::new();
    for changed in wanted {
        places.entry((changed.type_name.as_str(), &changed.region)).or_default().push(changed);
    }
    let mut jobs = Vec::with_capacity(places.len());
    for ((type_name, region), changes) in places {
        jobs.push(place(&run, specs, &options.connector, (type_name, region), changes, known));
    }
    let mut rereads = Vec::with_capacity(wanted.len());
    let mut jobs = stream::iter(jobs).buffer_unordered(options.max_concurrency.clamp(1, 1000));
    while let Some(part) = jobs.next().await {
        rereads.extend(part);
    }
    drop(jobs);
    rereads.sort_by(|one, other| one.changed.cmp(&other.changed));
    rereads
}

/// Reads again what changed of a type in a place.
async fn place(
    run: &Run<'_>,
    specs: Specs<'_>,
    connector: &ConnectorId,
    (type_name, region): (&str, &str),
    changes: Vec<&Changed>,
    known: &[Resource],
) -> Vec<Reread> {
    let unmade = |message: &str| {
        let reason = run.share(Tried { service: "", operation: "", permission: "" }.unmade(message));
        changes.iter().map(|changed| reread(changed, Err(UnreadableReason::clone(&reason)), run)).collect()
    };
    let collector = match specs.collectors.get(type_name).and_then(|file| Collector::prepare(file, specs)) {
        None => return unmade(&format!("no collector lists {type_name}")),
        Some(Err(message)) => return unmade(&message),
        Some(Ok(collector)) => collector,
    };
    let region = if is_global(collector.file) { run.partition.home_region } else { region };
    let reading = Reading { run, connector, collector: &collector, region, known };
    let (mut rereads, mut to_list) = (Vec::with_capacity(changes.len()), Vec::new());
    for changed in changes {
        match reading.without_list(changed).await {
            Some(resources) => rereads.push(reread(changed, Ok(resources), run)),
            None => to_list.push(changed),
        }
    }
    for (changed, found) in reading.with_list(&to_list).await {
        rereads.push(reread(changed, found, run));
    }
    rereads
}

fn reread(changed: &Changed, found: Result<Vec<Resource>, UnreadableReason>, run: &Run<'_>) -> Reread {
    let outcome = match found {
        Ok(resources) => RereadOutcome::Found(resources),
        Err(reason) => RereadOutcome::Failed(run.share(reason)),
    };
    Reread { changed: changed.clone(), outcome }
}

/// What is read of one type in one place.
struct Reading<'a> {
    run: &'a Run<'a>,
    connector: &'a ConnectorId,
    collector: &'a Collector<'a>,
    region: &'a str,
    known: &'a [Resource],
}

/// A list call that is made, for some of the changes.
struct ListAgain<'c> {
    request: AwsRequest,
    extra: Map<String, Value>,
    items: AnswerPath,
    changes: Vec<&'c Changed>,
}

type Found<'c> = (&'c Changed, Result<Vec<Resource>, UnreadableReason>);

impl Reading<'_> {
    fn file(&self) -> &CollectorFile {
        self.collector.file
    }

    fn again(&self) -> Option<&Again> {
        self.file().changes.as_ref()?.again.as_ref()
    }

    /// Makes only the reads whose answers a change touches. `None` if the list has to say what there is: nothing is known of the
    /// resource, the list's own answer may be another, or a read failed, as it does if the resource is gone.
    async fn without_list(&self, changed: &Changed) -> Option<Vec<Resource>> {
        if changed.calls.is_empty() || changed.calls.contains(&self.collector.list.request.operation) {
            return None;
        }
        let mut resources = Vec::new();
        for known in self.known.iter().filter(|known| changed.speaks_of(known)) {
            let fresh = self.fields_of(|operation| changed.calls.contains(operation));
            let mut item = kept_of(known, |field| !fresh.iter().any(|own| own.covers(field) || field.covers(own)));
            for field in &fresh {
                remove(&mut item.properties, field);
            }
            let n_failures = item.failures.len();
            let item = self.completed(item, Which::Of(&changed.calls)).await;
            if item.failures.len() > n_failures {
                return None;
            }
            resources.push(self.resource(item).ok()?);
        }
        if resources.is_empty() { None } else { Some(resources) }
    }

    /// Lists what changed, then reads about it.
    async fn with_list<'c>(&self, changes: &[&'c Changed]) -> Vec<Found<'c>> {
        if changes.is_empty() {
            return Vec::new();
        }
        let is_whole = changes.iter().any(|changed| changed.fields.is_empty());
        if is_whole && self.file().parent.is_some() {
            let reason = self.collector.list.tried().unmade("what lies below other resources is not listed as a whole again");
            return changes.iter().map(|changed| (*changed, Err(reason.clone()))).collect();
        }
        let mut found = Vec::with_capacity(changes.len());
        if let Some((with, again)) = self.again().filter(|_| !is_whole).and_then(|again| Some((again.with.as_deref()?, again))) {
            for changed in changes {
                found.push((*changed, self.known_by_fields(changed, with, again).await));
            }
            return found;
        }
        for list in self.lists(changes, self.again().filter(|_| !is_whole)) {
            let listed = self.listed(&list).await;
            for changed in &list.changes {
                let result = match &listed {
                    Err(reason) => Err(reason.clone()),
                    Ok(listed) => self.found(changed, listed).await,
                };
                found.push((*changed, result));
            }
        }
        found
    }

    /// A resource that is what a read says about its fields.
    async fn known_by_fields(&self, changed: &Changed, with: &str, again: &Again) -> Result<Vec<Resource>, UnreadableReason> {
        let item = self.completed(Item { properties: map_of(&changed.fields), ..Item::default() }, Which::All).await;
        let own = item.failures.iter().find(|failure| failure.reason.operation.rsplit(':').next() == Some(with));
        match own {
            Some(failure) if again.gone_on.iter().any(|code| is_absence(code, &failure.reason)) => Ok(Vec::new()),
            Some(failure) => Err(UnreadableReason::clone(&failure.reason)),
            None => Ok(vec![self.resource(item)?]),
        }
    }

    /// The list calls to make.
    fn lists<'c>(&self, changes: &[&'c Changed], again: Option<&Again>) -> Vec<ListAgain<'c>> {
        let own = self.collector.list.request;
        let Some(again) = again else {
            // What lies below others is listed below each of them.
            let names: Vec<&String> = self.file().parent.iter().flat_map(|parent| parent.take.keys()).collect();
            let mut below: BTreeMap<Vec<Option<&String>>, Vec<&'c Changed>> = BTreeMap::new();
            for changed in changes {
                below.entry(names.iter().map(|name| changed.fields.get(*name)).collect()).or_default().push(changed);
            }
            let list =
                |changes| ListAgain { request: own.clone(), extra: Map::new(), items: self.collector.items.clone(), changes };
            return below.into_values().map(list).collect();
        };
        let mut request = own.clone();
        request.operation = again.operation.clone().unwrap_or(request.operation);
        request.permission = again.permission.clone().unwrap_or(request.permission);
        request.rest = again.rest.clone().or(request.rest);
        if again.operation.is_some() {
            request.input = Map::new();
        }
        let items =
            again.items.as_ref().map_or_else(|| self.collector.items.clone(), |items| AnswerPath::parse(items).into_list());
        let place = Place { partition: self.run.partition, account: &self.run.account, region: self.region };
        let template = Value::Object(again.input.clone());
        let (mut made, mut unmade) = (Vec::with_capacity(changes.len()), Vec::new());
        for changed in changes {
            match place.variables(&Value::Object(map_of(&changed.fields))).value_of(&template) {
                Ok(input) => made.push((*changed, input)),
                // Missing from a list that was narrowed to others it would be taken for gone: the whole list says what there is.
                Err(_) => unmade.push(*changed),
            }
        }
        let mut lists = self.lists(&unmade, None);
        for chunk in made.chunks(again.many.max(1)) {
            if let Some(Value::Object(extra)) = chunk.iter().map(|(_, input)| input.clone()).reduce(united) {
                let changes = chunk.iter().map(|(changed, _)| *changed).collect();
                lists.push(ListAgain { request: request.clone(), extra, items: items.clone(), changes });
            }
        }
        lists
    }

    async fn listed(&self, list: &ListAgain<'_>) -> Result<Listed, UnreadableReason> {
        let own = self.collector.list;
        let mut absent_on = own.absent_on.to_vec();
        absent_on.extend(self.again().iter().flat_map(|again| again.gone_on.iter().cloned()));
        let paging = own.paging.filter(|_| list.request.operation == own.request.operation);
        let operation = Operation { request: &list.request, paging, absent_on: &absent_on, extra: Some(&list.extra), ..own };
        let fields = list.changes.first().map(|changed| map_of(&changed.fields)).unwrap_or_default();
        let mut taken = fields.clone();
        taken.retain(|name, _| self.file().parent.iter().any(|parent| parent.take.contains_key(name)));
        let mut listed = Listed::default();
        let end = {
            let mut sink = |document: &Document| take_items(self.run, self.collector, &list.items, document, &mut listed, &taken);
            let region = own.request.region.as_deref().filter(|region| !region.contains('{')).unwrap_or(self.region);
            self.run.pages(&operation, region, &Value::Object(fields), &mut sink).await
        };
        match (end, listed.lost.take()) {
            (End::Broken { reason, .. }, _) | (_, Some(reason)) => Err(reason),
            (End::Complete | End::Absent, None) => Ok(listed),
        }
    }

    /// What there is of a change among what was listed.
    async fn found(&self, changed: &Changed, listed: &Listed) -> Result<Vec<Resource>, UnreadableReason> {
        let own: Vec<&Item> =
            listed.items.iter().filter(|item| changed.has_fields(&Value::Object(item.properties.clone()))).collect();
        let mut known = self.known.iter().filter(|known| changed.speaks_of(known));
        let before = match (own.as_slice(), known.next(), known.next()) {
            ([_], Some(known), None) if !changed.calls.is_empty() => Some(known),
            _ => None,
        };
        let which = if before.is_some() { Which::Of(&changed.calls) } else { Which::All };
        let mut items = Vec::with_capacity(own.len());
        for item in own {
            let mut item = Item { properties: item.properties.clone(), failures: item.failures.clone(), kept: Vec::new() };
            if let Some(before) = before {
                let stay = self.fields_of(|operation| !changed.calls.contains(operation));
                let kept = kept_of(before, |field| stay.iter().any(|own| own.covers(field) || field.covers(own)));
                item.failures.extend(kept.failures);
                for field in stay {
                    copy(&kept.properties, &mut item.properties, &field);
                    item.kept.push(field);
                }
            }
            items.push(item);
        }
        let items = complete_batches(self.run, self.collector, self.region, items, which).await;
        let mut reads = Vec::with_capacity(items.len());
        for item in items {
            reads.push(complete(self.run, self.collector, self.region, item, which));
        }
        let mut resources = BTreeMap::new();
        let mut items = stream::iter(reads).buffer_unordered(AT_ONCE);
        while let Some(item) = items.next().await {
            let found = self.resource(item)?;
            resources.insert(found.id.clone(), found);
        }
        Ok(resources.into_values().collect())
    }

    /// Makes the reads about one item.
    async fn completed(&self, item: Item, which: Which<'_>) -> Item {
        let items = complete_batches(self.run, self.collector, self.region, vec![item], which).await;
        let item = items.into_iter().next().unwrap_or_default();
        complete(self.run, self.collector, self.region, item, which).await
    }

    fn resource(&self, item: Item) -> Result<Resource, UnreadableReason> {
        resource(self.run, self.connector, self.collector, self.region, item)
    }

    /// The fields that reads of some operations fill.
    fn fields_of(&self, is_meant: impl Fn(&String) -> bool) -> Vec<FieldPath> {
        let reads = self.collector.reads.iter().filter(|read| is_meant(&read.operation.request.operation));
        let fields: BTreeSet<FieldPath> = reads.flat_map(|read| read.fields.iter().cloned()).collect();
        fields.into_iter().collect()
    }
}

/// A resource as it was read last, with what could not be read of the fields that stay.
fn kept_of(known: &Resource, stays: impl Fn(&FieldPath) -> bool) -> Item {
    let properties = known.properties.as_object().cloned().unwrap_or_default();
    let is_field = |field: &FieldPath| field.segments().len() > 1;
    let failures = known
        .unreadable
        .iter()
        .filter(|entry| is_field(&entry.field) && stays(&entry.field))
        .map(|entry| Failure { fields: vec![entry.field.clone()], reason: Arc::clone(&entry.reason) })
        .collect();
    let own =
        |name: &String| FieldPath::from_segments(vec![Segment::Key("properties".into()), Segment::Key(name.as_str().into())]);
    let kept = properties.keys().map(own).filter(|field| stays(field)).collect();
    Item { properties, failures, kept }
}

fn map_of(fields: &BTreeMap<String, String>) -> Map<String, Value> {
    fields.iter().map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect()
}

/// The names of a field's path below `properties`.
fn names(field: &FieldPath) -> Vec<&str> {
    let own = field.segments().iter().skip(1);
    own.filter_map(|segment| if let Segment::Key(name) = segment { Some(name.as_ref()) } else { None }).collect()
}

fn remove(properties: &mut Map<String, Value>, field: &FieldPath) {
    let names = names(field);
    let Some((last, above)) = names.split_last() else { return };
    let mut members = properties;
    for name in above {
        let Some(Value::Object(below)) = members.get_mut(*name) else { return };
        members = below;
    }
    members.remove(*last);
}

fn copy(from: &Map<String, Value>, to: &mut Map<String, Value>, field: &FieldPath) {
    let names = names(field);
    let Some((last, above)) = names.split_last() else { return };
    let (mut from, mut to) = (from, to);
    for name in above {
        let Some(Value::Object(source)) = from.get(*name) else { return };
        from = source;
        let Value::Object(target) = to.entry((*name).to_owned()).or_insert_with(|| Value::Object(Map::new())) else { return };
        to = target;
    }
    if let Some(value) = from.get(*last) {
        to.insert((*last).to_owned(), value.clone());
    }
}

/// Two inputs of the same shape in one: lists of texts have those of both.
fn united(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut members), Value::Object(more)) => {
            for (name, value) in more {
                let both = match members.remove(&name) {
                    Some(own) => united(own, value),
                    None => value,
                };
                members.insert(name, both);
            }
            Value::Object(members)
        }
        (Value::Array(items), Value::Array(more)) if items.iter().all(Value::is_object) => {
            Value::Array(items.into_iter().zip(more).map(|(one, other)| united(one, other)).collect())
        }
        (Value::Array(mut items), Value::Array(more)) => {
            for item in more {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            Value::Array(items)
        }
        (one, _) => one,
    }
}

#[cfg(test)]
mod tests;
