use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use skywarden_cloud::{partition_by_name, partition_of_region};
use skywarden_content::{AwsRequest, AwsService, CollectorFile};
use skywarden_model::{ConnectorId, Coverage, ListOutcome, Resource, Segment, Snapshot, Timestamp, TypeName, UnreadableReason};

use crate::{
    Specs, Transport,
    collector::{Collector, is_global},
    coverage::{FailedReads, coverage},
    document::{AnswerPath, Document},
    normalise::{GLOBAL, resource},
    pages::{End, Operation, Run},
    reads::{Failure, Item, complete},
    shape::Shape,
    withhold::Secrets,
};

/// Resources of one listing that are read at once.
const RESOURCES_AT_ONCE: usize = 16;
/// Where coverage is told if the account's regions are not known.
const ALL_REGIONS: &str = "*";

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct CollectOptions {
    /// The connector that the resources belong to.
    pub connector: ConnectorId,
    /// The regions to look at; absent: every one that the account has switched on. Global services are always looked at.
    pub regions: Option<Vec<String>>,
    /// Calls under way at once.
    pub max_concurrency: usize,
    /// Pages of one list, after which it counts as cut off.
    pub page_limit: usize,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// It is not known whose resources these would be.
    #[error("could not find out which AWS account this is: {}; see whether `aws sts get-caller-identity` works with the same profile", reason.sentence())]
    Identity {
        /// Why.
        reason: Box<UnreadableReason>,
    },
    /// The content lacks what the engine itself calls.
    #[error("the content has no collectors/aws/services/{service}.yaml, without which nothing can be collected")]
    NoService {
        /// The service's id.
        service: &'static str,
    },
}

/// Hears how a run goes on.
pub trait Progress: Send + Sync {
    /// So many listings will be made.
    fn planned(&self, n: u64);
    /// One of them is done, with its reads.
    fn done(&self, label: &str, n_resources: u64);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn planned(&self, _n: u64) {}
    fn done(&self, _label: &str, _n_resources: u64) {}
}

impl CollectOptions {
    /// All regions, 16 calls at once, lists of up to 1,000 pages.
    pub fn new(connector: ConnectorId) -> Self {
        Self { connector, regions: None, max_concurrency: 16, page_limit: 1000 }
    }
}

/// Collects an AWS account: list, read, normalise, cover, for every collector in every region.
///
/// Nothing that fails ends the run; it is told in the coverage and on the resources.
///
/// # Errors
/// If the account can't be told.
pub async fn collect_aws<'a>(
    specs: impl Into<Specs<'a>>,
    transport: Arc<dyn Transport>,
    options: CollectOptions,
    progress: &dyn Progress,
    now: Timestamp,
) -> Result<Snapshot, CollectError> {
    let specs = specs.into();
    let home = transport.home_region();
    let mut run = Run::new(&*transport, partition_of_region(&home), options.max_concurrency, options.page_limit);
    let (account, partition) = identity(&run, specs, &home).await?;
    run.account = account;
    run.secrets = Secrets::new(specs.secrets.values());
    if let Some(partition) = partition_by_name(&partition) {
        run.partition = partition;
    }
    let wanted = options.regions.or_else(|| transport.regions());
    let regions = regions(&run, specs, &home, wanted.as_deref()).await?;
    let mut snapshot = Snapshot {
        connector: options.connector.clone(),
        taken_at: transport.taken_at().unwrap_or(now),
        resources: Vec::new(),
        coverage: Vec::new(),
    };
    let collectors = prepare(&run, specs, &regions, &mut snapshot.coverage);
    let listings = listings(&run, &collectors, &regions, &mut snapshot.coverage);
    progress.planned(listings.iter().map(|listing| listing.collectors.len() as u64).sum());
    let mut jobs = Vec::with_capacity(listings.len());
    for listing in listings {
        jobs.push(collect_listing(&run, &options.connector, listing, progress));
    }
    let mut results = stream::iter(jobs).buffer_unordered(options.max_concurrency.clamp(1, 1000));
    while let Some(parts) = results.next().await {
        for (resources, coverage) in parts {
            snapshot.resources.extend(resources);
            snapshot.coverage.push(coverage);
        }
    }
    snapshot.resources.sort_by(|one, other| (&one.id, &one.type_name).cmp(&(&other.id, &other.type_name)));
    snapshot.resources.dedup_by(|one, other| one.id == other.id && one.type_name == other.type_name);
    snapshot.coverage.sort_by(|one, other| (&one.type_name, &one.region).cmp(&(&other.type_name, &other.region)));
    Ok(snapshot)
}

/// Which account the transport leads to, by its number.
///
/// # Errors
/// If it can't be told.
pub async fn identify<'a>(specs: impl Into<Specs<'a>>, transport: Arc<dyn Transport>) -> Result<String, CollectError> {
    let home = transport.home_region();
    let run = Run::new(&*transport, partition_of_region(&home), 1, 1);
    let (account, _) = identity(&run, specs.into(), &home).await?;
    Ok(account.to_string())
}

/// The regions of a run.
struct Regions {
    /// To be listed.
    listed: Vec<String>,
    /// Asked for, but not switched on in the account.
    off: Vec<String>,
    /// Why the account's regions are not known; then only some are listed.
    unknown: Option<UnreadableReason>,
}

/// One sequence of list calls, with all collectors that it feeds.
struct Listing<'a> {
    collectors: Vec<&'a Collector<'a>>,
    /// The region that is called.
    region: String,
    /// The region of its coverage.
    place: String,
}

/// What is known of an item when its listing is done, for one collector.
#[derive(Default)]
struct Listed {
    items: Vec<Item>,
    /// Why the list is not whole although all pages came.
    lost: Option<UnreadableReason>,
}

async fn identity(run: &Run<'_>, specs: Specs<'_>, home: &str) -> Result<(Arc<str>, String), CollectError> {
    let service = own_service(specs, "sts")?;
    let request = own_request("GetCallerIdentity", "sts:GetCallerIdentity", json!({}));
    let operation = Operation { service, request: &request, paging: None, absent_on: &[] };
    let mut found = None;
    let shape = Shape::of_texts(&["Account", "Arn"]);
    let end = {
        let mut sink = |document: &Document| found = document.value(&AnswerPath::default(), &shape, &[]).0;
        run.pages(&operation, home, &Value::Null, &mut sink).await
    };
    let fail = |reason| CollectError::Identity { reason: Box::new(reason) };
    if let End::Broken { reason, .. } = end {
        return Err(fail(reason));
    }
    let text = |name: &str| found.as_ref().and_then(|found| found.get(name)).and_then(Value::as_str).unwrap_or_default();
    if text("Account").is_empty() {
        return Err(fail(operation.tried().misfit("the answer names no account")));
    }
    let partition = text("Arn").split(':').nth(1).unwrap_or_default();
    Ok((text("Account").into(), partition.to_owned()))
}

async fn regions(run: &Run<'_>, specs: Specs<'_>, home: &str, wanted: Option<&[String]>) -> Result<Regions, CollectError> {
    let service = own_service(specs, "ec2")?;
    let request = own_request("DescribeRegions", "ec2:DescribeRegions", json!({ "AllRegions": false }));
    let operation = Operation { service, request: &request, paging: None, absent_on: &[] };
    let shape = Shape::of_texts(&["RegionName", "OptInStatus"]);
    let mut enabled: Vec<String> = Vec::new();
    let end = {
        let mut sink = |document: &Document| {
            for (item, _) in document.items(&AnswerPath::parse("Regions").into_list(), &shape, &[]) {
                let is_on = |item: &Value| item.get("OptInStatus").and_then(Value::as_str) != Some("not-opted-in");
                enabled.extend(item.filter(is_on).and_then(|item| item.get("RegionName")?.as_str().map(str::to_owned)));
            }
        };
        run.pages(&operation, home, &Value::Null, &mut sink).await
    };
    enabled.sort();
    let mut unknown = match end {
        End::Broken { reason, .. } => Some(reason),
        End::Complete | End::Absent => None,
    };
    if unknown.is_none() && enabled.is_empty() {
        unknown = Some(operation.tried().misfit("the answer names no region"));
    }
    let mut regions = match (wanted, unknown) {
        (None, None) => Regions { listed: enabled, off: Vec::new(), unknown: None },
        (None, Some(reason)) => Regions { listed: vec![home.to_owned()], off: Vec::new(), unknown: Some(reason) },
        // Whoever names the regions need not allow that they are listed; one that is off then fails by itself.
        (Some(wanted), Some(_)) => Regions { listed: wanted.to_vec(), off: Vec::new(), unknown: None },
        (Some(wanted), None) => {
            let (listed, off) = wanted.iter().cloned().partition(|region| enabled.contains(region));
            Regions { listed, off, unknown: None }
        }
    };
    regions.listed.sort();
    regions.listed.dedup();
    Ok(regions)
}

fn own_service<'a>(specs: Specs<'a>, service: &'static str) -> Result<&'a AwsService, CollectError> {
    specs.services.get(service).ok_or(CollectError::NoService { service })
}

fn own_request(operation: &str, permission: &str, input: Value) -> AwsRequest {
    AwsRequest {
        operation: operation.to_owned(),
        permission: permission.to_owned(),
        service: None,
        input: if let Value::Object(input) = input { input } else { serde_json::Map::new() },
        rest: None,
        region: None,
    }
}

/// Links the collectors; one that can't be linked is told in the coverage of every place where it would have listed.
fn prepare<'a>(run: &Run<'_>, specs: Specs<'a>, regions: &Regions, told: &mut Vec<Coverage>) -> Vec<Collector<'a>> {
    let mut collectors = Vec::new();
    for file in specs.collectors.values() {
        match Collector::prepare(file, specs) {
            None => {}
            Some(Ok(collector)) => collectors.push(collector),
            Some(Err(message)) => {
                let reason = broken_spec(file, &message);
                for region in places(file, regions) {
                    told.push(failed(run, &TypeName::from(file.type_name.as_str()), region, reason.clone()));
                }
            }
        }
    }
    collectors
}

fn places<'a>(file: &CollectorFile, regions: &'a Regions) -> Vec<&'a str> {
    if is_global(file) { vec![GLOBAL] } else { regions.listed.iter().map(String::as_str).collect() }
}

fn broken_spec(file: &CollectorFile, message: &str) -> UnreadableReason {
    let list = file.list.as_ref().map(|list| &list.request);
    crate::reason::Tried {
        service: file.service.as_deref().unwrap_or_default(),
        operation: list.map(|list| list.operation.as_str()).unwrap_or_default(),
        permission: list.map(|list| list.permission.as_str()).unwrap_or_default(),
    }
    .unmade(message)
}

fn failed(run: &Run<'_>, type_name: &TypeName, region: &str, reason: UnreadableReason) -> Coverage {
    let outcome = ListOutcome::Failed { reason: run.share(reason) };
    coverage(type_name, &run.account, region, outcome, FailedReads::default())
}

/// The listings to make, collectors with the same list calls together; what will not be listed is told in the coverage.
fn listings<'a>(run: &Run<'_>, collectors: &'a [Collector<'a>], regions: &Regions, told: &mut Vec<Coverage>) -> Vec<Listing<'a>> {
    let mut groups: Vec<Vec<&Collector<'_>>> = Vec::new();
    for collector in collectors {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.shares_list_with(collector))) {
            Some(group) => group.push(collector),
            None => groups.push(vec![collector]),
        }
        if is_global(collector.file) {
            continue;
        }
        for region in &regions.off {
            let reason = format!("the region {region} is not switched on in this account (ec2:DescribeRegions does not name it)");
            let outcome = ListOutcome::Skipped { reason };
            told.push(coverage(&collector.type_name, &run.account, region, outcome, FailedReads::default()));
        }
        if let Some(reason) = &regions.unknown {
            told.push(failed(run, &collector.type_name, ALL_REGIONS, reason.clone()));
        }
    }
    let mut listings = Vec::new();
    for group in groups {
        let Some(first) = group.first() else { continue };
        for place in places(first.file, regions) {
            let region = if place == GLOBAL { run.partition.home_region } else { place };
            listings.push(Listing { collectors: group.clone(), region: region.to_owned(), place: place.to_owned() });
        }
    }
    listings
}

async fn collect_listing(
    run: &Run<'_>,
    connector: &ConnectorId,
    listing: Listing<'_>,
    progress: &dyn Progress,
) -> Vec<(Vec<Resource>, Coverage)> {
    let Some(first) = listing.collectors.first() else { return Vec::new() };
    let mut listed: Vec<Listed> = listing.collectors.iter().map(|_| Listed::default()).collect();
    let end = {
        let mut sink = |document: &Document| {
            for (collector, listed) in listing.collectors.iter().zip(&mut listed) {
                take_page(run, collector, document, listed);
            }
        };
        run.pages(&first.list, &listing.region, &Value::Null, &mut sink).await
    };
    let mut parts = Vec::with_capacity(listed.len());
    for (collector, listed) in listing.collectors.iter().zip(listed) {
        let part = finish(run, connector, collector, &listing, listed, &end).await;
        progress.done(&format!("{} {}", collector.type_name, listing.place), part.0.len() as u64);
        parts.push(part);
    }
    parts
}

fn take_page(run: &Run<'_>, collector: &Collector<'_>, document: &Document, listed: &mut Listed) {
    let tried = collector.list.tried();
    for (value, decoder) in document.items(&collector.items, &collector.shape, &[Segment::Key("properties".into())]) {
        let Some(Value::Object(properties)) = value else {
            listed.lost.get_or_insert_with(|| tried.misfit("a listed item is no object"));
            continue;
        };
        let failures = decoder
            .problems
            .into_iter()
            .map(|(field, message)| Failure { fields: vec![field], reason: run.share(tried.misfit(&message)) })
            .collect();
        listed.items.push(Item { properties, failures });
    }
}

async fn finish(
    run: &Run<'_>,
    connector: &ConnectorId,
    collector: &Collector<'_>,
    listing: &Listing<'_>,
    listed: Listed,
    end: &End,
) -> (Vec<Resource>, Coverage) {
    let mut reads = Vec::with_capacity(listed.items.len());
    for item in listed.items {
        reads.push(complete(run, collector, &listing.region, item));
    }
    let mut lost = listed.lost;
    let mut failed_reads = FailedReads::default();
    let mut resources = BTreeMap::new();
    let mut items = stream::iter(reads).buffer_unordered(RESOURCES_AT_ONCE);
    while let Some(item) = items.next().await {
        let failures = item.failures.clone();
        match resource(run, connector, collector, &listing.region, item) {
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
    let n_resources = resources.len() as u64;
    let outcome = match (end, lost) {
        (End::Broken { n_pages: 0, reason }, _) => ListOutcome::Failed { reason: run.share(reason.clone()) },
        (End::Broken { reason, .. }, _) => ListOutcome::Partial { n_resources, reason: run.share(reason.clone()) },
        (_, Some(reason)) => ListOutcome::Partial { n_resources, reason: run.share(reason) },
        (End::Complete | End::Absent, None) => ListOutcome::Complete { n_resources },
    };
    let coverage = coverage(&collector.type_name, &run.account, &listing.place, outcome, failed_reads);
    (resources.into_values().collect(), coverage)
}

#[cfg(test)]
mod tests;
