//! What is read about one resource after it was listed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Map, Value};
use skywarden_content::Preparation;
use skywarden_model::{FieldPath, UnreadableReason};

use crate::{
    collector::{Collector, Read},
    document::{AnswerPath, Document},
    pages::{End, Operation, Run},
    request::Place,
    template::member,
};

/// How often a prepared answer is asked for, and how long between.
const MAX_ATTEMPTS: u32 = 30;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(2);

/// A resource as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Item {
    pub(crate) properties: Map<String, Value>,
    /// What could not be read: one entry for each failed call or unfit value.
    pub(crate) failures: Vec<Failure>,
    /// Fields that stand as they were read and withheld before.
    pub(crate) kept: Vec<FieldPath>,
}

/// Which of a collector's reads are made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which<'a> {
    All,
    /// Those of these operations.
    Of(&'a BTreeSet<String>),
}

impl Which<'_> {
    pub(crate) fn has(&self, read: &Read<'_>) -> bool {
        match self {
            Which::All => true,
            Which::Of(operations) => operations.contains(&read.operation.request.operation),
        }
    }
}

/// Fields that could not be read, and why.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) fields: Vec<FieldPath>,
    pub(crate) reason: Arc<UnreadableReason>,
}

/// What one read found.
struct Found<'a> {
    read: &'a Read<'a>,
    values: Vec<Value>,
    failures: Vec<Failure>,
}

/// Makes the reads of a collector for one listed item.
pub(crate) async fn complete(run: &Run<'_>, collector: &Collector<'_>, region: &str, listed: Item, which: Which<'_>) -> Item {
    let item = Value::Object(listed.properties);
    let is_wanted = |read: &&Read<'_>| {
        read.call.batch.is_none() && which.has(read) && read.call.only_if.as_ref().is_none_or(|field| has(&item, field))
    };
    let wanted = collector.reads.iter().filter(is_wanted);
    let mut reads = Vec::with_capacity(collector.reads.len());
    for read in wanted {
        reads.push(one(run, read, region, &item));
    }
    let results = join_all(reads).await;
    let Value::Object(mut properties) = item else { return Item::default() };
    let mut failures = listed.failures;
    for found in results {
        failures.extend(found.failures);
        put(&mut properties, found.read, found.values);
    }
    Item { properties, failures, kept: listed.kept }
}

async fn one<'a>(run: &Run<'_>, read: &'a Read<'a>, region: &str, item: &Value) -> Found<'a> {
    let tried = read.operation.tried();
    let failed = |reason: UnreadableReason| Found {
        read,
        values: Vec::new(),
        failures: vec![Failure { fields: read.fields.clone(), reason: run.share(reason) }],
    };
    let place = Place { partition: run.partition, account: &run.account, region };
    // Where the item does not say its region, the listing's own is asked; S3 then says where to go.
    let region = match &read.operation.request.region {
        Some(template) => place.variables(item).text(template).unwrap_or_else(|_| region.to_owned()),
        None => region.to_owned(),
    };
    if let Some(preparation) = &read.call.first
        && let Err(reason) = prepare(run, read, preparation, &region, item).await
    {
        return failed(reason);
    }
    let mut values = Vec::new();
    let mut misfits = Vec::new();
    let end = {
        let mut sink = |document: &Document| {
            let (value, decoder) = document.value(&read.select, &read.shape, &read.place());
            values.extend(value);
            misfits.extend(decoder.problems);
        };
        run.pages(&read.operation, &region, item, &mut sink).await
    };
    match end {
        End::Complete => {
            let failures = misfits
                .into_iter()
                .map(|(field, message)| Failure { fields: vec![field], reason: run.share(tried.misfit(&message)) })
                .collect();
            Found { read, values, failures }
        }
        End::Absent => Found { read, values: Vec::new(), failures: Vec::new() },
        // Half a list is worse than none: rules would take it for the whole.
        End::Broken { reason, .. } => failed(reason),
    }
}

/// Calls until the answer is said to be ready.
async fn prepare(
    run: &Run<'_>,
    read: &Read<'_>,
    preparation: &Preparation,
    region: &str,
    item: &Value,
) -> Result<(), UnreadableReason> {
    let operation = Operation { request: &preparation.request, paging: None, absent_on: &[], extra: None, ..read.operation };
    for attempt in 0..MAX_ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        let mut is_ready = false;
        let end = {
            let mut sink = |document: &Document| {
                let has = |(path, wanted): (&String, &String)| document.text(&AnswerPath::parse(path)).as_ref() == Some(wanted);
                is_ready = preparation.until.iter().all(has);
            };
            run.pages(&operation, region, item, &mut sink).await
        };
        match end {
            End::Broken { reason, .. } => return Err(reason),
            End::Complete | End::Absent if is_ready => return Ok(()),
            End::Complete | End::Absent => {}
        }
    }
    let seconds = BETWEEN_ATTEMPTS.as_secs() * u64::from(MAX_ATTEMPTS);
    Err(operation.tried().truncated(&format!("it was not ready after {seconds} seconds")))
}

/// Puts what a read found into the properties; pages of lists are joined.
pub(crate) fn put(properties: &mut Map<String, Value>, read: &Read<'_>, values: Vec<Value>) {
    let Some(value) = values.into_iter().reduce(join) else { return };
    let mut names = read.call.into.split('.').filter(|name| !name.is_empty()).peekable();
    let mut target = properties;
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            target.insert(name.to_owned(), value);
            return;
        }
        let below = target.entry(name.to_owned()).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(below) = below else { return };
        target = below;
    }
    if let Value::Object(members) = value {
        target.extend(members);
    }
}

fn join(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Array(mut items), Value::Array(more)) => {
            items.extend(more);
            Value::Array(items)
        }
        (Value::Object(mut members), Value::Object(more)) => {
            for (name, value) in more {
                let joined = match members.remove(&name) {
                    Some(before) => join(before, value),
                    None => value,
                };
                members.insert(name, joined);
            }
            Value::Object(members)
        }
        (_, last) => last,
    }
}

/// Whether an item has a value at a path.
pub(crate) fn has(item: &Value, field: &str) -> bool {
    field.split('.').try_fold(item, member).is_some_and(|value| !value.is_null())
}
