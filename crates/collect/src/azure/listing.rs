//! Lists of Azure Resource Manager and Microsoft Graph.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use skywarden_content::AzureAnswer;
use skywarden_model::{ListOutcome, Resource, UnreadableReason};

use super::{
    Found, Spec, Work,
    run::{Asked, is_absence},
};
use crate::template::{Missing, fill, member, scalar};

/// What a list gave.
pub(crate) struct Listed {
    pub(crate) resources: Vec<Resource>,
    pub(crate) outcome: ListOutcome,
}

/// Lists a type in a subscription, or in the tenant.
pub(super) async fn list_type(work: &Work<'_>, spec: Spec<'_>, account: &Arc<str>) -> Listed {
    let template = spec.azure.list.as_deref().unwrap_or_default();
    let value = |name: &str| match name {
        "subscription" => Some(account.to_string()),
        "tenant" => Some(work.estate.tenant.to_string()),
        _ => None,
    };
    let address = fill(template, value);
    let end = list(work, spec, account, address).await;
    let n_resources = end.resources.len() as u64;
    let outcome = match end.failure {
        None => ListOutcome::Complete { n_resources },
        Some(reason) if n_resources == 0 => ListOutcome::Failed { reason: work.run.share(reason) },
        Some(reason) => ListOutcome::Partial { n_resources, reason: work.run.share(reason) },
    };
    Listed { resources: end.resources, outcome }
}

/// Lists a type below each resource of another, in every account.
pub(super) async fn list_below(work: &Work<'_>, spec: Spec<'_>, found: &mut Found) {
    let Some(parent) = &spec.azure.below else { return };
    let mut parents: Vec<(Arc<str>, Result<String, Missing>)> = Vec::new();
    for place in found.places_of(&parent.type_name) {
        let Some(resource) = found.resources.open(place).filter(|own| is_of_kind(own, &parent.kinds)) else { continue };
        let value = |name: &str| value_of(work, &resource, name);
        let address = fill(spec.azure.list.as_deref().unwrap_or_default(), value);
        parents.push((Arc::clone(&resource.scope.account), address));
    }
    work.progress.planned(parents.len() as u64);
    let mut runs = Vec::with_capacity(parents.len());
    for (account, address) in parents {
        runs.push(async move {
            let ended = list(work, spec, &account, address).await;
            work.progress.done(&spec.file.type_name, ended.resources.len() as u64);
            (account, ended)
        });
    }
    let mut results = stream::iter(runs).buffer_unordered(work.options.max_concurrency.clamp(1, 1000));
    let mut by_account: BTreeMap<Arc<str>, (u64, Option<UnreadableReason>)> = BTreeMap::new();
    while let Some((account, ended)) = results.next().await {
        let (n_resources, failure) = by_account.entry(account).or_default();
        *n_resources += ended.resources.len() as u64;
        ended.resources.iter().for_each(|resource| found.resources.push(resource));
        // Lists end in any order; the same failures are to give the same coverage.
        *failure = match (failure.take(), ended.failure) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    for account in work.accounts(&spec) {
        let (n_resources, failure) = by_account.remove(&account).unwrap_or_default();
        let above = found.listings.get(&(parent.type_name.as_str().into(), Arc::clone(&account)));
        let above = match above {
            Some(ListOutcome::Failed { reason } | ListOutcome::Partial { reason, .. }) => Some(Arc::clone(reason)),
            _ => None,
        };
        let outcome = match failure.map(|reason| work.run.share(reason)).or(above) {
            None => ListOutcome::Complete { n_resources },
            Some(reason) if n_resources == 0 => ListOutcome::Failed { reason },
            Some(reason) => ListOutcome::Partial { n_resources, reason },
        };
        found.listed(&spec.type_name(), &account, outcome);
    }
}

/// What a template may name of a resource.
pub(super) fn value_of(work: &Work<'_>, resource: &Resource, name: &str) -> Option<String> {
    match name {
        "id" => Some(resource.id.to_string()),
        "name" => Some(resource.name.clone()),
        "subscription" => Some(resource.scope.account.to_string()),
        "tenant" => Some(work.estate.tenant.to_string()),
        path => {
            let path = path.strip_prefix("properties.")?;
            scalar(path.split('.').try_fold(&resource.properties, member)?)
        }
    }
}

/// Whether a resource is of one of some kinds, as far as these go: `functionapp,linux` is of `functionapp`.
pub(super) fn is_of_kind(resource: &Resource, kinds: &[String]) -> bool {
    if kinds.is_empty() {
        return true;
    }
    let own = resource.envelope.get("kind").and_then(Value::as_str).unwrap_or_default();
    kinds.iter().any(|kind| own.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind)))
}

/// How one list ended.
#[derive(Default)]
struct Ended {
    resources: Vec<Resource>,
    failure: Option<UnreadableReason>,
}

async fn list(work: &Work<'_>, spec: Spec<'_>, account: &Arc<str>, path: Result<String, Missing>) -> Ended {
    let permission = spec.azure.permission(&spec.file.type_name);
    let asked = |address| Asked { plane: spec.azure.plane, address, permission: &permission, account };
    let path = match path {
        Ok(path) => path,
        Err(Missing(name)) => {
            let reason = asked("").unmade(&format!("the list names `{{{name}}}`, which has no value here"));
            return Ended { resources: Vec::new(), failure: Some(reason) };
        }
    };
    let address = with_version(&path, spec.azure.api_version.as_deref());
    let mut resources = Vec::new();
    let mut misfit = None;
    let mut sink = |page: Vec<Value>| {
        for element in page {
            match work.common.resource(Some(spec.file), element) {
                Ok(resource) => resources.push(resource),
                Err(problem) => misfit = Some(problem),
            }
        }
    };
    let end = match spec.azure.answers {
        Some(AzureAnswer::Object) => work.run.get(asked(&address)).await.map(|object| sink(vec![object])),
        Some(AzureAnswer::List) | None => work.run.list(asked(&address), &mut sink).await,
    };
    let failure = match end {
        Ok(()) => misfit.map(|problem| asked(&address).malformed(&problem)),
        Err(reason) if resources.is_empty() && is_absence(&spec.azure.absent_on, &reason) => None,
        Err(reason) => Some(reason),
    };
    Ended { resources, failure }
}

/// A path with its api-version in the query.
pub(super) fn with_version(path: &str, version: Option<&str>) -> String {
    match version {
        None => path.to_owned(),
        Some(version) => format!("{path}{}api-version={version}", if path.contains('?') { '&' } else { '?' }),
    }
}
