use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use skywarden_cloud::{partition_by_name, partition_of_region};
use skywarden_content::{AwsRequest, AwsService, CollectorFile};
use skywarden_model::{ConnectorId, Coverage, ListOutcome, Snapshot, Timestamp, TypeName, UnreadableReason};

use crate::{
    Specs, Transport,
    collector::{Collector, is_global},
    coverage::{FailedReads, coverage},
    document::{AnswerPath, Document},
    listing::{Listing, ListingRun},
    normalise::GLOBAL,
    pages::{End, Operation, Run},
    shape::Shape,
    withhold::Secrets,
};

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
    /// It is not known which accounts belong to the organisation.
    #[error("could not list the accounts of the organisation: {}; log in to its management account or a delegated administrator", reason.sentence())]
    Organization {
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
    let listing_run = ListingRun { run: &run, connector: &options.connector, collectors: &collectors, progress };
    progress.planned(listings.iter().map(|listing| listing_run.n_planned(listing)).sum());
    let mut jobs = Vec::with_capacity(listings.len());
    for listing in listings {
        jobs.push(listing_run.collect(listing));
    }
    let mut results = stream::iter(jobs).buffer_unordered(options.max_concurrency.clamp(1, 1000));
    while let Some(parts) = results.next().await {
        for (resources, coverage) in parts {
            snapshot.resources.extend(resources);
            snapshot.coverage.push(coverage);
        }
    }
    // Two listings may tell of the same thing; which of them is kept must not hang on which came first.
    snapshot.resources.sort_by(|one, other| {
        let key = (&one.id, &one.type_name, &one.scope.resource_group);
        key.cmp(&(&other.id, &other.type_name, &other.scope.resource_group))
    });
    snapshot.resources.dedup_by(|one, other| one.id == other.id && one.type_name == other.type_name);
    snapshot.resources.shrink_to_fit();
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

pub(crate) async fn identity(run: &Run<'_>, specs: Specs<'_>, home: &str) -> Result<(Arc<str>, String), CollectError> {
    let service = own_service(specs, "sts")?;
    let request = own_request("GetCallerIdentity", "sts:GetCallerIdentity", json!({}));
    let operation = Operation { service, request: &request, paging: None, absent_on: &[], extra: None };
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
    let operation = Operation { service, request: &request, paging: None, absent_on: &[], extra: None };
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

pub(crate) fn own_service<'a>(specs: Specs<'a>, service: &'static str) -> Result<&'a AwsService, CollectError> {
    specs.services.get(service).ok_or(CollectError::NoService { service })
}

pub(crate) fn own_request(operation: &str, permission: &str, input: Value) -> AwsRequest {
    AwsRequest {
        operation: operation.to_owned(),
        permission: permission.to_owned(),
        on: None,
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
        told_elsewhere(run, collector, regions, told);
        if collector.file.parent.is_some() {
            continue;
        }
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.shares_list_with(collector))) {
            Some(group) => group.push(collector),
            None => groups.push(vec![collector]),
        }
    }
    let mut listings = Vec::new();
    for group in groups {
        let Some(first) = group.first() else { continue };
        for place in places(first.file, regions) {
            if place != GLOBAL && !first.is_offered_in(place) {
                continue;
            }
            let region = if place == GLOBAL { run.partition.home_region } else { place };
            listings.push(Listing { collectors: group.clone(), region: region.to_owned(), place: place.to_owned() });
        }
    }
    listings
}

/// Tells the coverage of places where a collector lists nothing.
fn told_elsewhere(run: &Run<'_>, collector: &Collector<'_>, regions: &Regions, told: &mut Vec<Coverage>) {
    if is_global(collector.file) {
        return;
    }
    let mut skipped = |region: &str, reason: String| {
        let outcome = ListOutcome::Skipped { reason };
        told.push(coverage(&collector.type_name, &run.account, region, outcome, FailedReads::default()));
    };
    for region in &regions.off {
        skipped(region, format!("the region {region} is not switched on in this account (ec2:DescribeRegions does not name it)"));
    }
    for region in regions.listed.iter().filter(|region| !collector.is_offered_in(region)) {
        skipped(region, format!("{} is not offered in {region}", collector.list.service.id));
    }
    if let Some(reason) = &regions.unknown {
        told.push(failed(run, &collector.type_name, ALL_REGIONS, reason.clone()));
    }
}

#[cfg(test)]
mod tests;
