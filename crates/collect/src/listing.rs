//! One listing: its pages, the reads about each item, then what lies below what was found.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use serde_json::{Map, Value};
use skywarden_model::{ConnectorId, Coverage, ListOutcome, Resource, Segment, UnreadableReason};

use crate::{
    Progress,
    batch::complete_batches,
    collector::Collector,
    coverage::{FailedReads, coverage},
    document::{AnswerPath, Document},
    normalise::resource,
    pages::{End, Run},
    reads::{Failure, Item, Which, complete},
    request::Place,
    template::member,
};

/// Resources of one listing that are read at once.
const RESOURCES_AT_ONCE: usize = 16;

/// One sequence of list calls, with all collectors that it feeds.
pub(crate) struct Listing<'a> {
    pub(crate) collectors: Vec<&'a Collector<'a>>,
    /// The region that is called.
    pub(crate) region: String,
    /// The region of its coverage.
    pub(crate) place: String,
}

/// What all listings of a run share.
#[derive(Clone, Copy)]
pub(crate) struct ListingRun<'a> {
    pub(crate) run: &'a Run<'a>,
    pub(crate) connector: &'a ConnectorId,
    pub(crate) collectors: &'a [Collector<'a>],
    pub(crate) progress: &'a dyn Progress,
}

/// The resources of one type in one place.
type Part = (Vec<Resource>, Coverage);

/// What is known of the items when their listing is done, for one collector.
#[derive(Default)]
pub(crate) struct Listed {
    pub(crate) items: Vec<Item>,
    /// Why the list is not whole although all pages came.
    pub(crate) lost: Option<UnreadableReason>,
}

/// How a list ended, all its calls together.
enum Ended {
    Complete,
    /// Some part of it is missing.
    Partial(UnreadableReason),
    /// Nothing is known.
    Failed(UnreadableReason),
}

impl<'a> ListingRun<'a> {
    /// The listings that one leads to, with those below it.
    pub(crate) fn n_planned(&self, listing: &Listing<'_>) -> u64 {
        listing.collectors.iter().map(|collector| 1 + self.n_below(collector)).sum()
    }

    fn n_below(&self, collector: &Collector<'_>) -> u64 {
        self.children(collector).map(|child| 1 + self.n_below(child)).sum()
    }

    fn children<'b>(&'b self, parent: &'b Collector<'_>) -> impl Iterator<Item = &'a Collector<'a>> + 'b {
        self.collectors
            .iter()
            .filter(|child| child.file.parent.as_ref().is_some_and(|own| own.type_name == parent.file.type_name))
    }

    /// Lists, reads, and lists what lies below; a part for each type.
    pub(crate) async fn collect(self, listing: Listing<'a>) -> Vec<Part> {
        let Some(first) = listing.collectors.first() else { return Vec::new() };
        let mut listed: Vec<Listed> = listing.collectors.iter().map(|_| Listed::default()).collect();
        let end = {
            let mut sink = |document: &Document| {
                for (collector, listed) in listing.collectors.iter().zip(&mut listed) {
                    take_page(self.run, collector, document, listed, &Map::new());
                }
            };
            // A global service may be asked elsewhere than in the home region.
            let region = first.list.request.region.as_deref().unwrap_or(&listing.region);
            self.run.pages(&first.list, region, &Value::Null, &mut sink).await
        };
        let mut parts = Vec::with_capacity(listed.len());
        for (collector, listed) in listing.collectors.iter().zip(listed) {
            let ended = match &end {
                End::Broken { n_pages: 0, reason } => Ended::Failed(reason.clone()),
                End::Broken { reason, .. } => Ended::Partial(reason.clone()),
                End::Complete | End::Absent => Ended::Complete,
            };
            self.finish(collector, listed, ended, &listing.region, &listing.place, &mut parts).await;
        }
        parts
    }

    /// Makes the reads, then goes on below.
    async fn finish(
        &self,
        collector: &'a Collector<'a>,
        listed: Listed,
        ended: Ended,
        region: &str,
        place: &str,
        parts: &mut Vec<Part>,
    ) {
        let items = complete_batches(self.run, collector, region, listed.items, Which::All).await;
        let mut reads = Vec::with_capacity(items.len());
        for item in items {
            reads.push(complete(self.run, collector, region, item, Which::All));
        }
        let mut lost = listed.lost;
        let mut failed_reads = FailedReads::default();
        let mut resources = BTreeMap::new();
        let mut items = stream::iter(reads).buffer_unordered(RESOURCES_AT_ONCE);
        while let Some(item) = items.next().await {
            let failures = item.failures.clone();
            match resource(self.run, self.connector, collector, region, item) {
                Ok(found) => {
                    // Pages may overlap when something is made or deleted meanwhile.
                    if resources.insert(found.id.clone(), found).is_none() {
                        failed_reads.add(&failures);
                    }
                }
                Err(reason) => {
                    lost.get_or_insert(reason);
                }
            }
        }
        drop(items);
        let n_resources = resources.len() as u64;
        let outcome = match (ended, lost) {
            (Ended::Failed(reason), _) => ListOutcome::Failed { reason: self.run.share(reason) },
            (Ended::Partial(reason), _) | (Ended::Complete, Some(reason)) => {
                ListOutcome::Partial { n_resources, reason: self.run.share(reason) }
            }
            (Ended::Complete, None) => ListOutcome::Complete { n_resources },
        };
        let coverage = coverage(&collector.type_name, &self.run.account, place, outcome, failed_reads);
        let resources: Vec<Resource> = resources.into_values().collect();
        self.progress.done(&format!("{} {place}", collector.type_name), n_resources);
        for child in self.children(collector) {
            parts.extend(self.below(child, &resources, &coverage, region, place).await);
        }
        parts.push((resources, coverage));
    }

    /// Lists one type below each resource of another; boxed, since there may be types below that.
    fn below<'b>(
        &'b self,
        child: &'a Collector<'a>,
        parents: &'b [Resource],
        above: &'b Coverage,
        region: &'b str,
        place: &'b str,
    ) -> BoxFuture<'b, Vec<Part>> {
        async move {
            let mut listed = Listed::default();
            let mut broken = above.list_failure().map(|reason| UnreadableReason::clone(reason));
            let is_blind = matches!(above.outcome, ListOutcome::Failed { .. });
            let mut lists = Vec::with_capacity(parents.len());
            for parent in parents {
                lists.push(self.list_below(child, parent, region));
            }
            let mut lists = stream::iter(lists).buffered(RESOURCES_AT_ONCE);
            while let Some((part, problem)) = lists.next().await {
                listed.items.extend(part.items);
                listed.lost = listed.lost.or(part.lost);
                broken = broken.or(problem);
            }
            drop(lists);
            let ended = match broken {
                Some(reason) if is_blind => Ended::Failed(reason),
                Some(reason) => Ended::Partial(reason),
                None => Ended::Complete,
            };
            let mut parts = Vec::new();
            self.finish(child, listed, ended, region, place, &mut parts).await;
            parts
        }
        .boxed()
    }

    /// What lies below one resource, and why that may not be all.
    async fn list_below(&self, child: &Collector<'_>, parent: &Resource, region: &str) -> (Listed, Option<UnreadableReason>) {
        let mut listed = Listed::default();
        let taken = match taken(child, parent) {
            Ok(Some(taken)) => taken,
            Ok(None) => return (listed, None),
            Err(reason) => return (listed, Some(UnreadableReason::clone(&reason))),
        };
        let item = Value::Object(taken.clone());
        let place = Place { partition: self.run.partition, account: &self.run.account, region };
        let own_region = child.list.request.region.as_ref().and_then(|template| place.variables(&item).text(template).ok());
        let end = {
            let mut sink = |document: &Document| take_page(self.run, child, document, &mut listed, &taken);
            self.run.pages(&child.list, own_region.as_deref().unwrap_or(region), &item, &mut sink).await
        };
        match end {
            End::Complete | End::Absent => (listed, None),
            End::Broken { reason, .. } => (listed, Some(reason)),
        }
    }
}

/// What resources get from their parent; `None` if there are none below this one.
fn taken(child: &Collector<'_>, parent: &Resource) -> Result<Option<Map<String, Value>>, Arc<UnreadableReason>> {
    let Some(own) = &child.file.parent else { return Ok(None) };
    let value = |path: &str| match path {
        "id" => Ok(Some(Value::String(parent.id.to_string()))),
        "name" => Ok(Some(Value::String(parent.name.clone()))),
        path => {
            let field = format!("properties.{path}").parse::<skywarden_model::FieldPath>();
            let hidden = field.ok().and_then(|field| {
                parent.unreadable.iter().find(|entry| entry.field.covers(&field) || field.covers(&entry.field)).cloned()
            });
            match hidden {
                Some(entry) => Err(entry.reason),
                None => Ok(path.split('.').try_fold(&parent.properties, member).filter(|value| !value.is_null()).cloned()),
            }
        }
    };
    if let Some(field) = &own.only_if
        && value(field)?.is_none()
    {
        return Ok(None);
    }
    let mut taken = Map::new();
    for (name, path) in &own.take {
        taken.extend(value(path)?.map(|value| (name.clone(), value)));
    }
    Ok(Some(taken))
}

/// Takes the resources out of a page of the collector's list.
fn take_page(run: &Run<'_>, collector: &Collector<'_>, document: &Document, listed: &mut Listed, taken: &Map<String, Value>) {
    take_items(run, collector, &collector.items, document, listed, taken);
}

/// Takes the resources out of a page in which they lie at a path.
pub(crate) fn take_items(
    run: &Run<'_>,
    collector: &Collector<'_>,
    items: &AnswerPath,
    document: &Document,
    listed: &mut Listed,
    taken: &Map<String, Value>,
) {
    let tried = collector.list.tried();
    for (value, decoder) in document.items(items, &collector.shape, &[Segment::Key("properties".into())]) {
        let mut properties = match (value, collector.scalar()) {
            (Some(Value::Object(properties)), None) => properties,
            (Some(text @ Value::String(_)), Some(name)) => Map::from_iter([(name.to_owned(), text)]),
            _ => {
                listed.lost.get_or_insert_with(|| tried.misfit("a listed item has not the shape that the spec says"));
                continue;
            }
        };
        if !collector.wants(&properties) {
            continue;
        }
        for (name, value) in taken {
            properties.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let failures = decoder
            .problems
            .into_iter()
            .map(|(field, message)| Failure { fields: vec![field], reason: run.share(tried.misfit(&message)) })
            .collect();
        listed.items.push(Item { properties, failures, kept: Vec::new() });
    }
}
