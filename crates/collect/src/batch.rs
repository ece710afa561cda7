//! Reads that ask about many resources in one call.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value};
use skywarden_content::{Batch, Missing};

use crate::{
    collector::{Collector, Read},
    document::Document,
    pages::{End, Operation, Run},
    reads::{Failure, Item, has, put},
    request::Place,
};

/// Calls of one batched read that are under way at once.
const CALLS_AT_ONCE: usize = 4;

/// What one call found: by what stands for a resource, its value or why it has none.
type Answers = BTreeMap<String, Result<Option<Value>, Failure>>;

/// Makes the batched reads of a collector for all its listed items.
pub(crate) async fn complete_batches(run: &Run<'_>, collector: &Collector<'_>, region: &str, mut items: Vec<Item>) -> Vec<Item> {
    for read in &collector.reads {
        let Some(batch) = &read.call.batch else { continue };
        let place = Place { partition: run.partition, account: &run.account, region };
        let names: Vec<Option<String>> = items
            .iter()
            .map(|item| {
                let item = Value::Object(item.properties.clone());
                let is_wanted = read.call.only_if.as_ref().is_none_or(|field| has(&item, field));
                is_wanted.then(|| place.variables(&item).text(&batch.value).ok()).flatten()
            })
            .collect();
        let asked: Vec<String> = names.iter().flatten().cloned().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        let mut calls = Vec::new();
        for names in asked.chunks(batch.size.max(1)) {
            calls.push(one_call(run, read, batch, region, names));
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

async fn one_call(run: &Run<'_>, read: &Read<'_>, batch: &Batch, region: &str, names: &[String]) -> Answers {
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
                    answers.insert(name, Err(failure(tried.misfit(message))));
                    continue;
                }
                let value = if read.call.into.is_empty() {
                    element.retain(|member, _| *member != batch.key || read.call.fills.contains(member));
                    Some(Value::Object(element))
                } else {
                    element.remove(taken_member(read, batch))
                };
                answers.insert(name, Ok(value));
            }
        };
        run.pages(&operation, region, &Value::Null, &mut sink).await
    };
    for name in names {
        match &end {
            End::Broken { reason, .. } => {
                answers.insert(name.clone(), Err(failure(reason.clone())));
            }
            End::Absent => {
                answers.insert(name.clone(), Ok(None));
            }
            End::Complete if !answers.contains_key(name) => {
                let answer = match batch.missing {
                    Missing::Absent => Ok(None),
                    Missing::Unreadable => Err(failure(tried.misfit("the answer does not speak of the resource"))),
                };
                answers.insert(name.clone(), answer);
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
