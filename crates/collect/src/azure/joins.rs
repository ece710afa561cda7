//! Lists that say something about each of many resources.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use skywarden_content::{AzureJoin, AzurePlane, JoinCount};
use skywarden_model::{ListOutcome, UnreadableReason};

use super::{
    Found, Spec, Work,
    complete::{fail, put},
    listing::{value_of, with_version},
    run::{Asked, is_absence},
};
use crate::template::{Missing, fill, member, scalar};

/// What tells one list from another.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    account: Arc<str>,
    list: &'a str,
    api_version: Option<&'a str>,
    plane: AzurePlane,
    theirs: &'a str,
}

/// The resources of one type and account that a list may speak of.
struct Asker<'a> {
    spec: Spec<'a>,
    join: &'a AzureJoin,
    places: Vec<usize>,
}

/// A list to be made, for all who ask for it.
struct Job<'a> {
    account: Arc<str>,
    askers: Vec<Asker<'a>>,
    /// What the resources are named in it, in lower case: no more of it is kept.
    names: BTreeSet<String>,
}

type ByName = BTreeMap<String, Vec<Value>>;

/// Makes each list once for each account that has resources of which it may speak, and puts the elements beside what these say
/// themselves.
pub(super) async fn join_lists(work: &Work<'_>, found: &mut Found) {
    let jobs = jobs(work, found);
    work.progress.planned(jobs.len() as u64);
    let mut runs = Vec::with_capacity(jobs.len());
    for job in jobs {
        runs.push(async move {
            let listed = match job.askers.first() {
                Some(asker) => list(work, asker.join, &job).await,
                None => Ok(ByName::new()),
            };
            (job, listed)
        });
    }
    let mut results = stream::iter(runs).buffer_unordered(work.options.max_concurrency.clamp(1, 1000));
    while let Some((job, listed)) = results.next().await {
        work.progress.done(job.askers.first().map_or("", |asker| &asker.spec.file.type_name), 0);
        for asker in &job.askers {
            attach(work, found, asker, &job.account, &listed);
        }
    }
}

fn jobs<'a>(work: &Work<'a>, found: &Found) -> Vec<Job<'a>> {
    let mut jobs: BTreeMap<Key<'a>, Job<'a>> = BTreeMap::new();
    for spec in work.specs.values().filter(|spec| !spec.azure.joins.is_empty()) {
        let mut by_account: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
        for place in found.places_of(&spec.file.type_name) {
            if let Some(account) = found.resources.account(place) {
                by_account.entry(Arc::clone(account)).or_default().push(place);
            }
        }
        for (account, places) in by_account {
            let is_listed = found.listings.get(&(spec.type_name(), Arc::clone(&account)));
            if matches!(is_listed, None | Some(ListOutcome::Failed { .. })) {
                continue;
            }
            for join in &spec.azure.joins {
                let AzureJoin { list, api_version, plane, theirs, .. } = join;
                let key = Key { account: Arc::clone(&account), list, api_version: api_version.as_deref(), plane: *plane, theirs };
                let new = || Job { account: Arc::clone(&account), askers: Vec::new(), names: BTreeSet::new() };
                let job = jobs.entry(key).or_insert_with(new);
                if join.ours == "id" {
                    let ids = places.iter().filter_map(|place| found.resources.id(*place));
                    job.names.extend(ids.map(|id| id.as_str().to_lowercase()));
                } else {
                    let opened = places.iter().filter_map(|place| found.resources.open(*place));
                    job.names.extend(opened.filter_map(|own| Some(value_of(work, &own, &join.ours)?.to_lowercase())));
                }
                job.askers.push(Asker { spec: *spec, join, places: places.clone() });
            }
        }
    }
    jobs.into_values().collect()
}

/// The elements of a list by what they name, without case.
async fn list(work: &Work<'_>, join: &AzureJoin, job: &Job<'_>) -> Result<ByName, UnreadableReason> {
    let account = &job.account;
    let asked = |address| Asked { plane: join.plane, address, permission: join.permission.as_str(), account };
    let value = |name: &str| match name {
        "subscription" => Some(account.to_string()),
        "tenant" => Some(work.estate.tenant.to_string()),
        _ => None,
    };
    let path = fill(&join.list, value)
        .map_err(|Missing(name)| asked("").unmade(&format!("the list names `{{{name}}}`, which has no value here")))?;
    let address = with_version(&path, join.api_version.as_deref());
    let mut by_name = ByName::new();
    let mut is_empty = true;
    let mut sink = |page: Vec<Value>| {
        is_empty &= page.is_empty();
        for element in page {
            let name = join.theirs.split('.').try_fold(&element, member).and_then(scalar).map(|name| name.to_lowercase());
            if let Some(name) = name.filter(|name| job.names.contains(name)) {
                by_name.entry(name).or_default().push(element);
            }
        }
    };
    match work.run.list(asked(&address), &mut sink).await {
        Ok(()) => Ok(by_name),
        Err(reason) if is_empty && is_absence(&join.absent_on, &reason) => Ok(by_name),
        Err(reason) => Err(reason),
    }
}

fn attach(work: &Work<'_>, found: &mut Found, asker: &Asker<'_>, account: &Arc<str>, listed: &Result<ByName, UnreadableReason>) {
    let Asker { spec, join, places } = asker;
    let mut failures = Vec::new();
    for place in places {
        let Some(mut resource) = found.resources.open(*place) else { continue };
        match listed {
            Err(reason) => failures.push(fail(work, &mut resource, &join.into, reason.clone())),
            Ok(by_name) => {
                let ours = value_of(work, &resource, &join.ours);
                let named = ours.and_then(|ours| by_name.get(&ours.to_lowercase()));
                let taken = |element: &Value| match &join.take {
                    None => Some(element.clone()),
                    Some(path) => path.split('.').try_fold(element, member).filter(|own| !own.is_null()).cloned(),
                };
                let elements: Vec<Value> = named.into_iter().flatten().filter_map(taken).collect();
                let value = match join.many {
                    JoinCount::List => Some(Value::Array(elements)),
                    JoinCount::One => elements.into_iter().next(),
                };
                put(&mut resource, &join.into, value);
            }
        }
        found.resources.replace(*place, &resource);
    }
    for failure in failures {
        found.failed.entry((spec.type_name(), Arc::clone(account))).or_default().add(std::slice::from_ref(&failure));
    }
}
