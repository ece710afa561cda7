//! Estates for tests and benchmarks: the recorded sample, and as many copies of it as wanted. Development only.

pub mod azure;
pub mod published;
pub mod tenant;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use serde_json::Value;
use skywarden_collect::{CollectOptions, NoProgress, Replay, collect_aws};
use skywarden_content::Catalog;
use skywarden_model::{Coverage, Resource, ResourceId, Snapshot, Timestamp};

/// Where the sample estate's answers are.
pub fn recording() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testkit/estate/recording"))
}

/// The sample estate, collected from its recording.
///
/// # Errors
/// If the recording can't be read or replayed.
pub fn sample(catalog: &Catalog) -> anyhow::Result<Snapshot> {
    let folder = recording();
    let replay = Replay::open(&folder).with_context(|| format!("could not replay {}", folder.display()))?;
    let options = CollectOptions::new("sample".into());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let snapshot = runtime.block_on(collect_aws(catalog, Arc::new(replay), options, &NoProgress, Timestamp::now()))?;
    Ok(snapshot)
}

/// A snapshot of at least `n` resources: copies of a snapshot, each in an account of its own, so that the type mix stays.
///
/// The account's number is replaced wherever it stands in ids and properties, so that copies refer to themselves.
///
/// # Errors
/// If the snapshot is empty, or a resource does not survive the way through JSON.
pub fn copies(snapshot: &Snapshot, n: usize) -> anyhow::Result<Snapshot> {
    let account = snapshot.resources.first().map(|resource| resource.scope.account.to_string());
    let account = account.context("an empty snapshot can't be copied")?;
    let mut many = Snapshot { resources: Vec::with_capacity(n), coverage: Vec::new(), ..snapshot.clone() };
    let mut number = 0u64;
    while many.resources.len() < n {
        let own = format!("{:012}", 100_000_000_000 + number);
        for resource in &snapshot.resources {
            many.resources.push(moved(resource, &account, &own)?);
        }
        many.coverage.extend(snapshot.coverage.iter().map(|entry| Coverage { account: own.as_str().into(), ..entry.clone() }));
        number += 1;
    }
    Ok(many)
}

/// How many resources of each type a snapshot has.
pub fn type_mix(snapshot: &Snapshot) -> BTreeMap<String, usize> {
    let mut mix = BTreeMap::new();
    for resource in &snapshot.resources {
        *mix.entry(resource.type_name.to_string()).or_default() += 1;
    }
    mix
}

/// A copy of a resource of one account in another, with an id of its own; wherever the account's number stands it is the other's.
///
/// # Errors
/// If the resource does not survive the way through JSON.
pub fn moved(resource: &Resource, account: &str, own: &str) -> anyhow::Result<Resource> {
    let mut copy = resource.clone();
    let id = resource.id.as_str();
    // Ids without an account (of buckets) must differ too.
    copy.id = if id.contains(account) { id.replace(account, own).into() } else { ResourceId::from(format!("{id}-{own}")) };
    copy.scope.account = own.into();
    let mut properties = Value::clone(&resource.properties);
    rename(&mut properties, account, own);
    copy.properties = properties;
    Ok(copy)
}

fn rename(value: &mut Value, account: &str, own: &str) {
    match value {
        Value::String(text) if text.contains(account) => *text = text.replace(account, own),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, account, own)),
        Value::Object(members) => members.values_mut().for_each(|member| rename(member, account, own)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn copies_are_resources_of_their_own() {
        let sample = sample(&Catalog::embedded().unwrap()).unwrap();
        let many = copies(&sample, 400).unwrap();
        assert!(many.resources.len() >= 400);
        let ids: BTreeSet<&str> = many.resources.iter().map(|resource| resource.id.as_str()).collect();
        assert_eq!(ids.len(), many.resources.len());
        assert!(!many.resources.iter().any(|resource| resource.properties.to_string().contains("123456789012")));
    }
}
