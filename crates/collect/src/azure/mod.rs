//! Collects Azure: Resource Graph first, lists of Azure Resource Manager where it lacks something, reads about single resources,
//! Microsoft Graph for the directory. Which calls are made is in `content/collectors/azure`.

mod again;
mod changes;
mod complete;
mod defender;
mod estate;
mod export;
mod joins;
mod listing;
mod normalise;
mod probe;
mod run;
mod spec_tests;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use skywarden_content::{AzureCollector, AzureLevel, CollectorFile};
use skywarden_inventory::Packs;
use skywarden_model::{ConnectorId, ListOutcome, Resource, Snapshot, Timestamp, TypeName, UnreadableReason};

pub use self::again::read_azure_again;
pub use self::changes::{AzureChange, azure_changes};
pub use self::defender::{DefenderRead, read_defender};
pub use self::export::{AzureExportError, read_azure_export};
pub use self::probe::{AzureNeeds, AzureProbe, AzureRights, probe_azure};
pub(crate) use self::spec_tests::run_spec_test;
use self::{
    complete::complete,
    estate::{Estate, estate},
    listing::{Listed, list_below, list_type},
    normalise::Common,
    run::Run,
    tables::tables,
};
use crate::{
    Progress, Specs, Transport,
    coverage::{FailedReads, coverage},
    normalise::GLOBAL,
    reads::Failure,
    withhold::Secrets,
};

/// Types that lie below each other at most.
const MAX_DEPTH: usize = 8;

/// How a run over a tenant of Azure goes about it.
#[derive(Debug, Clone)]
pub struct AzureOptions {
    /// The connector that the resources belong to.
    pub connector: ConnectorId,
    /// The tenant's id; absent: that of the subscriptions that the login sees.
    pub tenant: Option<String>,
    /// The subscriptions to look at; with `management_group` empty too: all that the login sees, new ones as they come.
    pub subscriptions: BTreeSet<String>,
    /// The management group of which all subscriptions are looked at.
    pub management_group: Option<String>,
    /// What earlier runs of the connector saw, by subscription: so that one which can't be seen any more is told, and types of
    /// which nothing is left are known to be empty.
    pub known: BTreeMap<Arc<str>, BTreeSet<TypeName>>,
    /// Calls under way at once.
    pub max_concurrency: usize,
    /// Pages of one list, after which it counts as cut off.
    pub page_limit: usize,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum AzureError {
    /// It is not known which subscriptions there are.
    #[error("could not list the subscriptions: {}; see whether `az account list` works with the same login", reason.sentence())]
    Subscriptions {
        /// Why.
        reason: Box<UnreadableReason>,
    },
    /// The login sees none.
    #[error(
        "the login sees no subscription; assign it the role Reader on a subscription or management group, then wait some minutes"
    )]
    NoSubscriptions,
}

impl AzureOptions {
    /// All subscriptions that the login sees, 16 calls at once, lists of up to 10,000 pages.
    pub fn new(connector: ConnectorId) -> Self {
        Self {
            connector,
            tenant: None,
            subscriptions: BTreeSet::new(),
            management_group: None,
            known: BTreeMap::new(),
            max_concurrency: 16,
            page_limit: 10_000,
        }
    }
}

/// Collects the subscriptions of a tenant and its directory. What is read is packed at once: a hundred thousand resources take some
/// fifty megabytes.
///
/// Nothing that fails ends the run; it is told in the coverage and on the resources.
///
/// # Errors
/// If it can't be told which subscriptions there are, or there is none.
pub async fn collect_azure<'a>(
    specs: impl Into<Specs<'a>>,
    transport: Arc<dyn Transport>,
    options: AzureOptions,
    progress: &dyn Progress,
    now: Timestamp,
) -> Result<Snapshot<Packs>, AzureError> {
    let specs = specs.into();
    let run = Run::new(&*transport, Secrets::new(specs.secrets.values()), options.max_concurrency, options.page_limit);
    let estate = estate(&run, &options).await?;
    let spec_of: BTreeMap<String, Spec<'_>> =
        specs.collectors.values().filter_map(Spec::of).map(|spec| (spec.file.type_name.to_lowercase(), spec)).collect();
    let common = Common { connector: &options.connector, tenant: Arc::clone(&estate.tenant), secrets: &run.secrets };
    let work = Work { run: &run, common, estate: &estate, specs: &spec_of, options: &options, progress };

    let mut found = Found::default();
    tables(&work, &mut found).await;
    found.resources.settle();
    work.lists(&mut found).await;
    complete(&work, &mut found).await;
    work.not_seen(&mut found);

    let Found { mut resources, mut listings, mut failed } = found;
    resources.sort();
    resources.settle();
    let mut told = Vec::with_capacity(listings.len());
    while let Some(((type_name, account), outcome)) = listings.pop_first() {
        let reads = failed.remove(&(type_name.clone(), Arc::clone(&account))).unwrap_or_default();
        told.push(coverage(&type_name, &account, GLOBAL, outcome, reads));
    }
    let taken_at = transport.taken_at().unwrap_or(now);
    Ok(Snapshot { connector: options.connector, taken_at, resources, coverage: told })
}

/// A collector of Azure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec<'a> {
    pub(crate) file: &'a CollectorFile,
    pub(crate) azure: &'a AzureCollector,
}

impl<'a> Spec<'a> {
    fn of(file: &'a CollectorFile) -> Option<Self> {
        Some(Self { file, azure: file.azure.as_ref()? })
    }

    fn type_name(&self) -> TypeName {
        self.file.type_name.as_str().into()
    }
}

/// What all parts of a run share.
pub(crate) struct Work<'a> {
    run: &'a Run<'a>,
    common: Common<'a>,
    estate: &'a Estate,
    /// By type in lower case.
    specs: &'a BTreeMap<String, Spec<'a>>,
    options: &'a AzureOptions,
    progress: &'a dyn Progress,
}

/// What was found so far.
#[derive(Default)]
pub(crate) struct Found {
    resources: Packs,
    /// How each (type, account) was listed.
    listings: BTreeMap<(TypeName, Arc<str>), ListOutcome>,
    failed: BTreeMap<(TypeName, Arc<str>), FailedReads>,
}

impl Found {
    /// Takes what a list gave; what was listed twice counts by the better.
    fn take(&mut self, type_name: &TypeName, account: &Arc<str>, listed: Listed) {
        listed.resources.iter().for_each(|resource| self.resources.push(resource));
        self.listed(type_name, account, listed.outcome);
    }

    fn listed(&mut self, type_name: &TypeName, account: &Arc<str>, outcome: ListOutcome) {
        let key = (type_name.clone(), Arc::clone(account));
        let outcome = match (self.listings.remove(&key), outcome) {
            (Some(complete @ ListOutcome::Complete { .. }), _) => complete,
            (Some(ListOutcome::Partial { n_resources, .. }), ListOutcome::Failed { reason }) => {
                ListOutcome::Partial { n_resources, reason }
            }
            (_, outcome) => outcome,
        };
        self.listings.insert(key, outcome);
    }

    /// Where the resources of a type stand.
    fn places_of(&self, type_name: &str) -> Vec<usize> {
        let is_such =
            |place: &usize| self.resources.type_name(*place).is_some_and(|own| own.as_str().eq_ignore_ascii_case(type_name));
        (0..self.resources.len()).filter(is_such).collect()
    }

    fn note(&mut self, resource: &Resource, failures: &[Failure]) {
        if !failures.is_empty() {
            let key = (resource.type_name.clone(), Arc::clone(&resource.scope.account));
            self.failed.entry(key).or_default().add(failures);
        }
    }
}

impl Work<'_> {
    /// Types that Resource Graph lacks, or could not tell about; then, level by level, what lies below what was found.
    async fn lists(&self, found: &mut Found) {
        let mut jobs = Vec::new();
        for spec in self.specs.values().filter(|spec| spec.azure.list.is_some() && spec.azure.below.is_none()) {
            for account in self.accounts(spec) {
                let is_known =
                    matches!(found.listings.get(&(spec.type_name(), Arc::clone(&account))), Some(ListOutcome::Complete { .. }));
                if !is_known {
                    jobs.push((*spec, account));
                }
            }
        }
        self.progress.planned(jobs.len() as u64);
        let mut runs = Vec::with_capacity(jobs.len());
        for (spec, account) in jobs {
            runs.push(async move {
                let listed = list_type(self, spec, &account).await;
                self.progress.done(&spec.file.type_name, listed.resources.len() as u64);
                (spec, account, listed)
            });
        }
        let mut results = stream::iter(runs).buffer_unordered(self.options.max_concurrency.clamp(1, 1000));
        while let Some((spec, account, listed)) = results.next().await {
            found.take(&spec.type_name(), &account, listed);
        }
        let mut below: Vec<(usize, Spec<'_>)> = self.specs.values().filter_map(|spec| Some((self.depth(spec)?, *spec))).collect();
        below.sort_by_key(|(depth, _)| *depth);
        for (_, spec) in below {
            list_below(self, spec, found).await;
        }
    }

    /// How many types lie above one; nothing for one that lies below none, or below itself.
    fn depth(&self, spec: &Spec<'_>) -> Option<usize> {
        let mut above = spec.azure.below.as_ref()?;
        for depth in 1..=MAX_DEPTH {
            match self.specs.get(&above.type_name.to_lowercase()).and_then(|spec| spec.azure.below.as_ref()) {
                None => return Some(depth),
                Some(next) => above = next,
            }
        }
        None
    }

    /// The accounts in which a type may lie.
    fn accounts(&self, spec: &Spec<'_>) -> Vec<Arc<str>> {
        match spec.azure.level {
            AzureLevel::Subscription => self.estate.subscriptions.keys().cloned().collect(),
            AzureLevel::Tenant => vec![Arc::clone(&self.estate.tenant)],
        }
    }

    /// Subscriptions that are gone have nothing any more; of those that can't be seen nothing is known.
    fn not_seen(&self, found: &mut Found) {
        let none = self.estate.gone.iter().map(|id| (id, ListOutcome::Complete { n_resources: 0 }));
        let unseen = self.estate.unseen.iter().map(|(id, reason)| {
            let reason = self.run.share(reason.clone());
            (id, ListOutcome::Failed { reason })
        });
        for (id, outcome) in none.chain(unseen) {
            let own = self.specs.values().filter(|spec| spec.azure.level == AzureLevel::Subscription).map(Spec::type_name);
            let before = self.options.known.get(id).into_iter().flatten().cloned();
            for type_name in own.chain(before) {
                found.listings.entry((type_name, Arc::clone(id))).or_insert_with(|| outcome.clone());
            }
        }
    }
}
