//! What is read about single resources.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use serde_json::{Value, json};
use skywarden_content::{AzureAnswer, AzurePlane, AzureRead};
use skywarden_model::{FieldPath, ListOutcome, Resource, Segment, Unreadable, UnreadableKind, UnreadableReason};

use super::{
    Found, Spec, Work,
    joins::join_lists,
    listing::{is_of_kind, value_of, with_version},
    normalise::is_all_listed,
    run::{Asked, is_absence},
};
use crate::{
    reads::Failure,
    template::{Missing, fill},
};

/// What one call about a resource gave.
struct Read<'a> {
    into: &'a str,
    value: Result<Option<Value>, UnreadableReason>,
}

/// Makes all reads and joins, then takes out what may be secret.
pub(super) async fn complete(work: &Work<'_>, found: &mut Found) {
    join_lists(work, found).await;
    group_children(work, found);
    read_all(work, found).await;
}

/// Makes the reads about what was found, then takes out what may be secret.
pub(super) async fn read_all(work: &Work<'_>, found: &mut Found) {
    let to_read = in_turns(work, found);
    work.progress.planned(to_read.len() as u64);
    // Opened as they are read: a hundred thousand that wait would take more memory than what they read.
    let at_once = work.options.max_concurrency.clamp(1, 1000) * 2;
    let mut running = FuturesUnordered::new();
    let mut waiting = to_read.into_iter();
    loop {
        while running.len() < at_once
            && let Some(place) = waiting.next()
        {
            let Some(resource) = found.resources.open(place) else { continue };
            running.push(async move { (place, read(work, resource).await) });
        }
        let Some((place, (mut resource, failures))) = running.next().await else { break };
        work.progress.done(resource.type_name.as_str(), 0);
        found.note(&resource, &failures);
        finish(work, &mut resource);
        found.resources.replace(place, &resource);
    }
    for place in 0..found.resources.len() {
        let is_unfinished = |spec: Spec<'_>| spec.azure.reads.is_empty() && !is_all_listed(spec.azure);
        if !spec_at(work, found, place).is_some_and(is_unfinished) {
            continue;
        }
        if let Some(mut resource) = found.resources.open(place) {
            finish(work, &mut resource);
            found.resources.replace(place, &resource);
        }
    }
}

/// Where those stand of which something is read, of each account one after the other: every account has its own limit of reads.
fn in_turns(work: &Work<'_>, found: &Found) -> Vec<usize> {
    let mut n_of: BTreeMap<&str, usize> = BTreeMap::new();
    let mut turns = Vec::new();
    for place in 0..found.resources.len() {
        let is_read = spec_at(work, found, place).is_some_and(|spec| !spec.azure.reads.is_empty());
        if let Some(account) = found.resources.account(place).filter(|_| is_read) {
            let n = n_of.entry(account).or_default();
            turns.push((*n, place));
            *n += 1;
        }
    }
    turns.sort_unstable();
    turns.into_iter().map(|(_, place)| place).collect()
}

fn finish(work: &Work<'_>, resource: &mut Resource) {
    if let Some(spec) = spec_of(work, resource) {
        work.common.withhold(spec.file, resource);
    }
    resource.unreadable.sort_by(|one, other| one.field.cmp(&other.field));
}

fn spec_at<'a>(work: &Work<'a>, found: &Found, place: usize) -> Option<Spec<'a>> {
    work.specs.get(&found.resources.type_name(place)?.as_str().to_lowercase()).copied()
}

fn spec_of<'a>(work: &Work<'a>, resource: &Resource) -> Option<Spec<'a>> {
    work.specs.get(&resource.type_name.as_str().to_lowercase()).copied()
}

/// A resource with what was read about it, and what could not be.
async fn read(work: &Work<'_>, mut resource: Resource) -> (Resource, Vec<Failure>) {
    let Some(spec) = spec_of(work, &resource) else { return (resource, Vec::new()) };
    let wanted = spec.azure.reads.iter().filter(|read| {
        let has = |field: &str| value_of(work, &resource, field).is_some();
        is_of_kind(&resource, &read.kinds) && read.only_if.as_deref().is_none_or(has)
    });
    let mut reads = Vec::with_capacity(spec.azure.reads.len());
    for read in wanted {
        reads.push(one(work, read, &resource));
    }
    let results = join_all(reads).await;
    let mut failures = Vec::new();
    for Read { into, value } in results {
        match value {
            Ok(value) => put(&mut resource, into, value),
            Err(reason) => failures.push(fail(work, &mut resource, into, reason)),
        }
    }
    (resource, failures)
}

async fn one<'a>(work: &Work<'_>, read: &'a AzureRead, resource: &Resource) -> Read<'a> {
    let into = read.into.as_str();
    let asked =
        |address| Asked { plane: read.plane, address, permission: read.permission.as_str(), account: &resource.scope.account };
    let path = match fill(&read.get, |name| value_of(work, resource, name)) {
        Ok(path) => path,
        Err(Missing(name)) => {
            let reason = asked("").unmade(&format!("the read names `{{{name}}}`, which has no value here"));
            return Read { into, value: Err(reason) };
        }
    };
    let address = with_version(&path, read.api_version.as_deref());
    let asked = asked(address.as_str());
    let value = match read.answers {
        AzureAnswer::Object => work.run.get(asked).await.map(Some),
        AzureAnswer::List => {
            let mut all = Vec::new();
            work.run.list(asked, &mut |page| all.extend(page)).await.map(|()| Some(Value::Array(all)))
        }
    };
    let value = match value {
        Ok(Some(Value::Object(_) | Value::Array(_))) | Ok(None) => value,
        Ok(Some(_)) => Err(asked.malformed("it is no object")),
        Err(reason) if is_absence(&read.absent_on, &reason) => {
            Ok((read.answers == AzureAnswer::List).then(|| Value::Array(Vec::new())))
        }
        // Half a list is worse than none: rules would take it for the whole.
        Err(reason) => Err(reason),
    };
    Read { into, value }
}

pub(super) fn put(resource: &mut Resource, into: &str, value: Option<Value>) {
    if let (Value::Object(properties), Some(value)) = (&mut resource.properties, value) {
        properties.insert(into.to_owned(), value);
    }
}

pub(super) fn fail(work: &Work<'_>, resource: &mut Resource, into: &str, reason: UnreadableReason) -> Failure {
    let field = FieldPath::from_segments(["properties", into].map(|step| Segment::Key(step.into())).to_vec());
    let reason = work.run.share(reason);
    resource.unreadable.push(Unreadable { field: field.clone(), reason: Arc::clone(&reason) });
    Failure { fields: vec![field], reason }
}

/// Puts what lies below resources, and was listed anyway, beside what they say themselves.
fn group_children(work: &Work<'_>, found: &mut Found) {
    for spec in work.specs.values() {
        for children in &spec.azure.children {
            let mut by_parent: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            // Resource Graph and a list may both have told of one.
            let mut told = BTreeSet::new();
            for place in found.places_of(&children.type_name) {
                if !found.resources.id(place).is_some_and(|id| told.insert(id)) {
                    continue;
                }
                // Above a child's id ends its parent's: `.../virtualmachines/web` of `.../virtualmachines/web/extensions/aad`.
                let id = found.resources.id(place).map_or("", |id| id.as_str());
                let parent = id.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned();
                by_parent.entry(parent).or_default().push(place);
            }
            let mut failures = Vec::new();
            for place in found.places_of(&spec.file.type_name) {
                let Some(mut resource) = found.resources.open(place) else { continue };
                let key = (children.type_name.as_str().into(), Arc::clone(&resource.scope.account));
                match found.listings.get(&key) {
                    Some(ListOutcome::Complete { .. }) => {
                        let own = by_parent.remove(resource.id.as_str()).unwrap_or_default();
                        let own = own.into_iter().filter_map(|child| found.resources.open(child));
                        let own = own.map(|child| json!({ "name": child.name, "properties": child.properties })).collect();
                        put(&mut resource, &children.into, Some(Value::Array(own)));
                    }
                    other => {
                        let reason = match other {
                            Some(ListOutcome::Partial { reason, .. } | ListOutcome::Failed { reason }) => (**reason).clone(),
                            _ => not_listed(&children.type_name, &resource.scope.account),
                        };
                        let failure = fail(work, &mut resource, &children.into, reason);
                        failures.push(((resource.type_name.clone(), Arc::clone(&resource.scope.account)), failure));
                    }
                }
                found.resources.replace(place, &resource);
            }
            for (key, failure) in failures {
                found.failed.entry(key).or_default().add(std::slice::from_ref(&failure));
            }
        }
    }
}

fn not_listed(type_name: &str, account: &str) -> UnreadableReason {
    let permission = format!("{type_name}/read");
    let asked = Asked { plane: AzurePlane::Arm, address: "", permission: &permission, account };
    asked.reason(UnreadableKind::Failed, "NotListed", "no collector lists them")
}
