//! A store as large companies have: a thousand accounts, a million resources, ten million assessments.

use std::{collections::BTreeMap, path::Path, time::Instant};

use anyhow::{Context as _, ensure};
use skywarden_content::Catalog;
use skywarden_model::{Connector, Environment, Resource, ResourceId, Snapshot, Timestamp};
use skywarden_posture::{Known, assess};
use skywarden_store::Store;

/// Accounts of the whole store.
pub(crate) const ACCOUNTS: usize = 1000;
/// Resources of an account, about.
const RESOURCES: usize = 1000;
/// Assessments of a resource, on average.
const ASSESSMENTS: usize = 10;
/// Accounts that one connector reads, as an organisation's would be.
const OF_CONNECTOR: usize = 10;

/// Fills the store of a data folder through the same judging and committing that a scan uses.
///
/// Each account holds the sample estate once, and then copies of its resources until there are enough: of all of them, or of those
/// that many recommendations judge, whichever brings the average nearer to ten. A folder that has a store stays as it is.
pub(crate) async fn fill(folder: &Path, n_accounts: usize) -> anyhow::Result<()> {
    let file = folder.join("skywarden.db");
    if file.exists() {
        println!("{} is there already; remove it to make it anew", file.display());
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    let catalog = Catalog::embedded().map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let sample = sample(&catalog)?;
    let account = Account::of(&catalog, &sample)?;
    // Made under another name: one that was broken off is not taken for a whole one.
    let unfinished = folder.join("unfinished.db");
    for name in ["unfinished.db", "unfinished.db-wal", "unfinished.db-shm"] {
        let part = folder.join(name);
        if part.exists() {
            std::fs::remove_file(&part).with_context(|| format!("could not remove {}", part.display()))?;
        }
    }
    let store = Store::open_file(&unfinished).await?;
    let begin = Instant::now();
    let (mut n_resources, mut n_assessments) = (0, 0);
    for (number, first) in (0..n_accounts).step_by(OF_CONNECTOR).enumerate() {
        let connector = connector(number);
        let mut snapshot =
            Snapshot { connector: connector.id.clone(), resources: Vec::new(), coverage: Vec::new(), ..sample.clone() };
        for own in first..n_accounts.min(first + OF_CONNECTOR) {
            account.add_to(&mut snapshot, own)?;
        }
        let (assessed, _) = store.assess(&catalog, &connector, snapshot, Timestamp::now()).await?;
        n_resources += assessed.resources.len();
        n_assessments += assessed.assessments.len();
        println!(
            "{n_resources} resources, {n_assessments} assessments, {:.0} s, {} MB",
            begin.elapsed().as_secs_f64(),
            crate::measure::memory_mb()?
        );
    }
    store.close().await;
    std::fs::rename(&unfinished, &file).with_context(|| format!("could not name {}", file.display()))?;
    Ok(())
}

/// Reads an account of a recorded estate; the replay has a runtime of its own.
fn sample(catalog: &Catalog) -> anyhow::Result<Snapshot> {
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| skywarden_testkit::sample(catalog));
            reading.join().map_err(|_| anyhow::anyhow!("the sample could not be read"))
        })
    })?
}

/// A connector that leads nowhere: a server that is started over the store keeps what is known of it.
fn connector(number: usize) -> Connector {
    Connector {
        id: format!("organization-{number:03}").into(),
        environment: Environment::Aws,
        display_name: format!("Organisation {number}"),
        sample: false,
        settings: BTreeMap::from([("endpointUrl".to_owned(), "http://127.0.0.1:9".to_owned())]),
    }
}

/// What every account holds.
struct Account<'s> {
    sample: &'s Snapshot,
    name: String,
    /// What is copied, in turn, after the whole sample.
    more: Vec<&'s Resource>,
}

impl<'s> Account<'s> {
    fn of(catalog: &Catalog, sample: &'s Snapshot) -> anyhow::Result<Self> {
        let name = sample.resources.first().context("the sample has no resources")?.scope.account.to_string();
        let assessed = assess(catalog, sample.clone(), &Known::default(), Timestamp::now());
        let mut judged: BTreeMap<&str, usize> = BTreeMap::new();
        for assessment in &assessed.assessments {
            *judged.entry(assessment.resource.as_str()).or_default() += 1;
        }
        let n_of = |resource: &Resource| judged.get(resource.id.as_str()).copied().unwrap_or_default();
        let rich: Vec<&Resource> = sample.resources.iter().filter(|own| n_of(own) > ASSESSMENTS).collect();
        ensure!(!rich.is_empty(), "no resource of the sample has more than {ASSESSMENTS} assessments");
        let (mut of_all, mut of_rich) = (sample.resources.iter().cycle(), rich.into_iter().cycle());
        let mut more = Vec::new();
        let (mut n_resources, mut n_assessments) = (sample.resources.len(), assessed.assessments.len());
        while n_resources < RESOURCES {
            let is_poor = n_assessments < n_resources * ASSESSMENTS;
            let Some(next) = (if is_poor { of_rich.next() } else { of_all.next() }) else { break };
            n_resources += 1;
            n_assessments += n_of(next);
            more.push(next);
        }
        Ok(Self { sample, name, more })
    }

    /// Adds the account of a number.
    fn add_to(&self, snapshot: &mut Snapshot, number: usize) -> anyhow::Result<()> {
        let own = format!("{:012}", 100_000_000_000 + number);
        for resource in &self.sample.resources {
            snapshot.resources.push(self.moved(resource, &own, snapshot)?);
        }
        for (place, resource) in self.more.iter().enumerate() {
            let mut copy = self.moved(resource, &own, snapshot)?;
            copy.id = ResourceId::from(format!("{}-{place}", copy.id));
            copy.name = format!("{}-{place}", copy.name);
            snapshot.resources.push(copy);
        }
        let of_account =
            |entry: &skywarden_model::Coverage| skywarden_model::Coverage { account: own.as_str().into(), ..entry.clone() };
        snapshot.coverage.extend(self.sample.coverage.iter().map(of_account));
        Ok(())
    }

    fn moved(&self, resource: &Resource, own: &str, snapshot: &Snapshot) -> anyhow::Result<Resource> {
        let mut copy = skywarden_testkit::moved(resource, &self.name, own)?;
        copy.scope.connector = snapshot.connector.clone();
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    use skywarden_store::{ResourceQuery, ScopeFilter};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_small_store_is_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), 2).await.unwrap();
        let store = Store::open_file(&folder.path().join("skywarden.db")).await.unwrap();
        let n_resources = store.resource_count(&ScopeFilter::All, &ResourceQuery::default()).await.unwrap();
        let n_assessments: u64 = store.status_counts(&ScopeFilter::All).await.unwrap().values().sum();
        assert_eq!(n_resources, 2 * RESOURCES as u64);
        assert!(n_assessments.abs_diff(n_resources * ASSESSMENTS as u64) < 100, "{n_assessments}");
        assert_eq!(store.accounts(&ScopeFilter::All).await.unwrap().len(), 2);
    }
}
