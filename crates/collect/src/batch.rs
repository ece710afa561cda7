//! Reads that ask about many resources in one call.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value};
use skywarden_content::{Batch, Missing};

use crate::{
    collector::{Collector, Read},
    document::Document,
    pages::{End, Operation, Run},
    reads::{Failure, Item, Which, has, put},
    request::Place,
};

/// Calls of one batched read that are under way at once.
const CALLS_AT_ONCE: usize = 4;

/// What calls found: by the rest of the input and what stands for a resource, its value or why it has none.
type Answers = BTreeMap<(String, String), Result<Option<Value>, Failure>>;

/// Makes the batched reads of a collector for all its listed items.
pub(crate) async fn complete_batches(
    run: &Run<'_>,
    collector: &Collector<'_>,
    region: &str,
    mut items: Vec<Item>,
    which: Which<'_>,
) -> Vec<Item> {
    for read in collector.reads.iter().filter(|read| which.has(read)) {
        let Some(batch) = &read.call.batch else { continue };
        let place = Place { partition: run.partition, account: &run.account, region };
        let mut names = Vec::with_capacity(items.len());
        // By the rest of the input, which may differ: the cluster of services.
        let mut groups: BTreeMap<String, (Value, BTreeSet<String>)> = BTreeMap::new();
        for item in &items {
            let item = Value::Object(item.properties.clone());
            let variables = place.variables(&item);
            let is_wanted = read.call.only_if.as_ref().is_none_or(|field| has(&item, field));
            let name = is_wanted.then(|| variables.text(&batch.value).ok()).flatten();
            let input = Value::Object(read.call.request.input.clone());
            let rest = read.call.request.rest.as_ref().map(|rest| variables.text(&rest.0));
            let key = variables.value_of(&input).map(|input| format!("{input}{rest:?}")).unwrap_or_default();
            if let Some(name) = &name {
                groups.entry(key.clone()).or_insert_with(|| (item, BTreeSet::new())).1.insert(name.clone());
            }
            names.push(name.map(|name| (key, name)));
        }
        let mut calls = Vec::new();
        for (key, (item, names)) in groups {
            let names: Vec<String> = names.into_iter().collect();
            for names in names.chunks(batch.size.max(1)) {
                calls.push(one_call(run, read, batch, region, (key.clone(), item.clone()), names.to_vec()));
            }
        }
        let mut answers = Answers::new();
        let mut calls = stream::iter(calls).buffered(CALLS_AT_ONCE);
        while let Some(part) = calls.next().await {
            answers.extend(part);
        }
        for (item, name) in items.iter_mut().zip(names) {
            match name.and_then(|name| answers.get(&name)) {
                Some(Ok(Some(value))) => put(&mut item.properties, read, vec![value.clone()]),
                Some(Ok(None)) | None => {}
                Some(Err(failure)) => item.failures.push(failure.clone()),
            }
        }
    }
    items
}

async fn one_call(
    run: &Run<'_>,
    read: &Read<'_>,
    batch: &Batch,
    region: &str,
    (key, item): (String, Value),
    names: Vec<String>,
) -> Answers {
    let list = names.iter().cloned().map(Value::String).collect();
    let extra = Map::from_iter([(batch.input.clone(), Value::Array(list))]);
    let operation = Operation { extra: Some(&extra), ..read.operation };
    let tried = operation.tried();
    let failure = |reason| Failure { fields: read.fields.clone(), reason: run.share(reason) };
    let mut answers = Answers::new();
    let end = {
        let mut sink = |document: &Document| {
            for (element, decoder) in document.items(&read.select, &read.shape, &read.place()) {
                let Some(Value::Object(mut element)) = element else { continue };
                let Some(Value::String(name)) = element.get(&batch.key).cloned() else { continue };
                if let Some((_, message)) = decoder.problems.first() {
                    answers.insert((key.clone(), name), Err(failure(tried.misfit(message))));
                    continue;
                }
                let value = if read.call.into.is_empty() {
                    element.retain(|member, _| *member != batch.key || read.call.fills.contains(member));
                    Some(Value::Object(element))
                } else {
                    element.remove(taken_member(read, batch))
                };
                answers.insert((key.clone(), name), Ok(value));
            }
        };
        run.pages(&operation, region, &item, &mut sink).await
    };
    for name in names {
        let place = (key.clone(), name);
        match &end {
            End::Broken { reason, .. } => {
                answers.insert(place, Err(failure(reason.clone())));
            }
            End::Absent => {
                answers.insert(place, Ok(None));
            }
            End::Complete if !answers.contains_key(&place) => {
                let answer = match batch.missing {
                    Missing::Absent => Ok(None),
                    Missing::Unreadable => Err(failure(tried.misfit("the answer does not speak of the resource"))),
                };
                answers.insert(place, answer);
            }
            End::Complete => {}
        }
    }
    answers
}

/// The member of an element that fills the field.
pub(crate) fn taken_member<'a>(read: &'a Read<'_>, batch: &'a Batch) -> &'a str {
    member_name(&read.call.into, batch)
}

/// The same by the field's path.
pub(crate) fn member_name<'a>(into: &'a str, batch: &'a Batch) -> &'a str {
    batch.take.as_deref().unwrap_or_else(|| into.rsplit('.').next().unwrap_or(into))
}
