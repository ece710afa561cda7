//! What is read about single resources, and lists that say something about many.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use serde_json::{Value, json};
use skywarden_content::{AzureAnswer, AzureJoin, AzurePlane, AzureRead, JoinCount};
use skywarden_model::{FieldPath, ListOutcome, Resource, Segment, Unreadable, UnreadableKind, UnreadableReason};

use super::{
    Found, Spec, Work,
    listing::{is_of_kind, value_of, with_version},
    run::{Asked, is_absence},
};
use crate::{
    reads::Failure,
    template::{Missing, fill, member, scalar},
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
    let resources = std::mem::take(&mut found.resources);
    let (to_read, mut done): (Vec<Resource>, Vec<Resource>) =
        resources.into_iter().partition(|resource| spec_of(work, resource).is_some_and(|spec| !spec.azure.reads.is_empty()));
    work.progress.planned(to_read.len() as u64);
    done.reserve(to_read.len());
    // Made as they are needed: a hundred thousand that wait would take more memory than what they read.
    let at_once = work.options.max_concurrency.clamp(1, 1000) * 2;
    let mut running = FuturesUnordered::new();
    let mut waiting = to_read.into_iter();
    loop {
        while running.len() < at_once
            && let Some(resource) = waiting.next()
        {
            running.push(read(work, resource));
        }
        let Some((resource, failures)) = running.next().await else { break };
        work.progress.done(resource.type_name.as_str(), 0);
        found.note(&resource, &failures);
        done.push(resource);
    }
    drop(running);
    for resource in &mut done {
        if let Some(spec) = spec_of(work, resource) {
            work.common.withhold(spec.file, resource);
        }
        resource.unreadable.sort_by(|one, other| one.field.cmp(&other.field));
    }
    found.resources = done;
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
            let is_child = |resource: &&Resource| resource.type_name.as_str().eq_ignore_ascii_case(&children.type_name);
            let mut by_parent: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            // Resource Graph and a list may both have told of one.
            let mut told = BTreeSet::new();
            for child in found.resources.iter().filter(is_child).filter(|child| told.insert(&child.id)) {
                // Above a child's id ends its parent's: `.../virtualmachines/web` of `.../virtualmachines/web/extensions/aad`.
                let parent = child.id.as_str().rsplitn(3, '/').nth(2).unwrap_or_default().to_owned();
                by_parent.entry(parent).or_default().push(json!({ "name": child.name, "properties": child.properties }));
            }
            let mut failures = Vec::new();
            for resource in found.resources.iter_mut().filter(|own| own.type_name.as_str() == spec.file.type_name) {
                let key = (children.type_name.as_str().into(), Arc::clone(&resource.scope.account));
                match found.listings.get(&key) {
                    Some(ListOutcome::Complete { .. }) => {
                        let own = by_parent.remove(resource.id.as_str()).unwrap_or_default();
                        put(resource, &children.into, Some(Value::Array(own)));
                    }
                    other => {
                        let reason = match other {
                            Some(ListOutcome::Partial { reason, .. } | ListOutcome::Failed { reason }) => (**reason).clone(),
                            _ => not_listed(&children.type_name, &resource.scope.account),
                        };
                        let failure = fail(work, resource, &children.into, reason);
                        failures.push(((resource.type_name.clone(), Arc::clone(&resource.scope.account)), failure));
                    }
                }
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

/// Lists that say something about each resource of a type: made once for each account that has such resources.
async fn join_lists(work: &Work<'_>, found: &mut Found) {
    for spec in work.specs.values() {
        for join in &spec.azure.joins {
            for account in work.accounts(spec) {
                let is_listed = found.listings.get(&(spec.type_name(), Arc::clone(&account)));
                if matches!(is_listed, None | Some(ListOutcome::Failed { .. })) {
                    continue;
                }
                let listed = join_list(work, join, &account).await;
                attach(work, found, spec, join, &account, listed);
            }
        }
    }
}

/// The elements of a joined list by what they name, without case.
async fn join_list(
    work: &Work<'_>,
    join: &AzureJoin,
    account: &Arc<str>,
) -> Result<BTreeMap<String, Vec<Value>>, UnreadableReason> {
    let asked = |address| Asked { plane: join.plane, address, permission: join.permission.as_str(), account };
    let value = |name: &str| match name {
        "subscription" => Some(account.to_string()),
        "tenant" => Some(work.estate.tenant.to_string()),
        _ => None,
    };
    let path = fill(&join.list, value)
        .map_err(|Missing(name)| asked("").unmade(&format!("the list names `{{{name}}}`, which has no value here")))?;
    let address = with_version(&path, join.api_version.as_deref());
    let mut by_name: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut sink = |page: Vec<Value>| {
        for element in page {
            if let Some(name) = join.theirs.split('.').try_fold(&element, member).and_then(scalar) {
                by_name.entry(name.to_lowercase()).or_default().push(element);
            }
        }
    };
    match work.run.list(asked(&address), &mut sink).await {
        Ok(()) => Ok(by_name),
        Err(reason) if by_name.is_empty() && is_absence(&join.absent_on, &reason) => Ok(by_name),
        Err(reason) => Err(reason),
    }
}

fn attach(
    work: &Work<'_>,
    found: &mut Found,
    spec: &Spec<'_>,
    join: &AzureJoin,
    account: &Arc<str>,
    listed: Result<BTreeMap<String, Vec<Value>>, UnreadableReason>,
) {
    let mut failures = Vec::new();
    let is_own = |resource: &Resource| resource.type_name.as_str() == spec.file.type_name && resource.scope.account == *account;
    for resource in found.resources.iter_mut().filter(|resource| is_own(resource)) {
        let by_name = match &listed {
            Ok(by_name) => by_name,
            Err(reason) => {
                failures.push(fail(work, resource, &join.into, reason.clone()));
                continue;
            }
        };
        let ours = value_of(work, resource, &join.ours);
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
        put(resource, &join.into, value);
    }
    for failure in failures {
        found.failed.entry((spec.type_name(), Arc::clone(account))).or_default().add(std::slice::from_ref(&failure));
    }
}
