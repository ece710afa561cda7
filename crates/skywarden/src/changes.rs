//! Follows what logs and providers say has changed: reads it again through the login of its connector, and judges anew what rests on
//! it.

mod logins;
mod poll;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use skywarden_collect::{AgainOptions, AzureOptions, Transport, read_again, read_azure_again};
use skywarden_content::Catalog;
use skywarden_model::{ChangeSet, Changed, Connector, Environment, Reread, RereadOutcome, SignedDuration, Timestamp, TypeName};
use skywarden_store::{PendingChange, ScopeFilter, Store};
use tokio::sync::Notify;

pub(crate) use self::{logins::Logins, poll::poll};
use crate::{
    connect::{self, Readers},
    told::told,
};

/// How long to wait for changes that somebody else may have made due.
const IDLE: Duration = Duration::from_secs(5);

/// Changes that are read at once, at most.
const MOST: u32 = 5_000;

/// After so many tries a change is left to the next scan.
const TRIES: u32 = 4;

/// Before the second try; each further one waits twice as long.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(2);

/// After judging, so many times as long as it took nothing is judged again; at most so long.
const REST_FACTOR: u32 = 4;
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Calls under way at once for what changed in one account.
const CALLS_AT_ONCE: usize = 8;

/// Pages of one list, after which it counts as cut off.
const PAGE_LIMIT: usize = 1000;

/// Whether changes may come before the first is looked for, so that it need not wait for a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Logs come in: logins are opened at once.
    AtOnce,
    /// Logins are opened when they are needed.
    Later,
}

/// Follows changes for as long as the server runs; `woken` tells that there are new ones.
pub(crate) async fn follow(readers: Readers, catalog: Arc<Catalog>, logins: Arc<Logins>, woken: Arc<Notify>, expected: Expected) {
    let follower = Follower { store: readers.store, catalog, logins };
    if expected == Expected::AtOnce {
        follower.open_logins().await;
    }
    loop {
        let wait = match follower.round().await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(error = told(&error), "what changed could not be looked for; it is tried again");
                Wait { rest: IDLE, more: Duration::ZERO }
            }
        };
        tokio::time::sleep(wait.rest).await;
        // Time that is over is no failure.
        let _ = tokio::time::timeout(wait.more, woken.notified()).await;
    }
}

/// How long to wait for the next round.
struct Wait {
    /// Whatever comes.
    rest: Duration,
    /// Then until something comes.
    more: Duration,
}

/// Reads and judges.
struct Follower {
    store: Store,
    catalog: Arc<Catalog>,
    logins: Arc<Logins>,
}

impl Follower {
    async fn open_logins(&self) {
        match holders(&self.store).await {
            Ok(holders) => {
                let connectors: BTreeMap<&str, &Connector> = holders.values().map(|own| (own.id.as_str(), own)).collect();
                for connector in connectors.into_values() {
                    // Why not is told when something of it changes, and by its scans.
                    let _ = self.logins.get(&self.catalog, connector).await;
                }
            }
            Err(error) => tracing::warn!(error = told(&error), "connectors could not be read"),
        }
    }

    /// Reads what is due, and says how long to wait.
    async fn round(&self) -> anyhow::Result<Wait> {
        let due = self.store.due_changes(Timestamp::now(), MOST).await?;
        let mut judged = Duration::ZERO;
        if !due.is_empty() {
            let holders = holders(&self.store).await?;
            self.store.forget_changes_but_of(&holders.keys().cloned().collect()).await?;
            // All of a connector at once: it is judged as a whole.
            let mut connectors: BTreeMap<&str, (&Connector, Vec<PendingChange>)> = BTreeMap::new();
            for pending in due {
                if let Some(connector) = holders.get(&pending.changed.account) {
                    connectors.entry(connector.id.as_str()).or_insert((connector, Vec::new())).1.push(pending);
                }
            }
            for (connector, pending) in connectors.into_values() {
                judged += self.read(connector, pending).await?;
            }
        }
        let next = self.store.next_change().await?;
        let until = next.and_then(|next| Duration::try_from(next.duration_since(Timestamp::now())).ok());
        let more = match next {
            None => IDLE,
            Some(_) => until.unwrap_or_default().min(IDLE),
        };
        Ok(Wait { rest: (judged * REST_FACTOR).min(LONGEST_REST), more })
    }

    /// Reads what changed of a connector and judges it; how long judging took.
    async fn read(&self, connector: &Connector, pending: Vec<PendingChange>) -> anyhow::Result<Duration> {
        // Azure has none among its settings.
        let regions = connect::login(&connector.settings).regions;
        let is_looked_at =
            |changed: &Changed| regions.is_empty() || changed.region == "global" || regions.contains(&changed.region);
        let wanted: ChangeSet = pending.iter().map(|own| own.changed.clone()).filter(is_looked_at).collect();
        if wanted.is_empty() {
            self.store.settle_changes(&pending, Timestamp::now()).await?;
            return Ok(Duration::ZERO);
        }
        let wanted = wanted.into_changes();
        let begin = Timestamp::now();
        let transport = match self.logins.get(&self.catalog, connector).await {
            Ok(transport) => transport,
            Err(error) => {
                let reason = told(&error);
                for own in &pending {
                    self.failed(connector, own, &reason).await?;
                }
                return Ok(Duration::ZERO);
            }
        };
        let rereads = self.reread(connector, transport, &wanted).await?;
        let (rereads, settled) = self.sort_out(connector, rereads, pending).await?;
        // Somebody may have removed it meanwhile.
        if !connect::is_connected(&self.store, connector).await? {
            return Ok(Duration::ZERO);
        }
        for reread in &rereads {
            tell(connector, reread, &settled);
        }
        let judging = Instant::now();
        if !rereads.is_empty() {
            let now = Timestamp::now();
            self.store.assess_again(&self.catalog, connector, rereads, now).await?;
            self.store.judge_policies_of(&self.catalog, &[connector.id.to_string()], now).await?;
        }
        // A scan that began after they were read has seen them.
        self.store.settle_changes(&settled, begin).await?;
        Ok(judging.elapsed())
    }

    async fn reread(
        &self,
        connector: &Connector,
        transport: Arc<dyn Transport>,
        wanted: &[Changed],
    ) -> anyhow::Result<Vec<Reread>> {
        let mut types: BTreeSet<TypeName> = wanted.iter().map(|changed| changed.type_name.clone()).collect();
        // What lies below is part of what is told of a resource of Azure.
        let collectors = &self.catalog.collectors;
        let azure = wanted.iter().filter_map(|changed| collectors.get(changed.type_name.as_str())?.azure.as_ref());
        types.extend(azure.flat_map(|azure| &azure.children).map(|children| children.type_name.as_str().into()));
        let known = self.store.seen_of_types(&ScopeFilter::All, connector.id.as_str(), &types).await?;
        if connector.environment == Environment::Azure {
            let options = AzureOptions {
                tenant: connector.account().map(str::to_owned),
                max_concurrency: CALLS_AT_ONCE,
                page_limit: PAGE_LIMIT,
                ..AzureOptions::new(connector.id.clone())
            };
            return Ok(read_azure_again(&*self.catalog, transport, &options, wanted, &known).await);
        }
        let options = AgainOptions {
            connector: connector.id.clone(),
            account: connector.account().unwrap_or_default().to_owned(),
            max_concurrency: CALLS_AT_ONCE,
            page_limit: PAGE_LIMIT,
        };
        Ok(read_again(&*self.catalog, transport, &options, wanted, &known).await)
    }

    /// Puts off what failed and may succeed yet. The rest are the readings to be judged, and the changes that are done by them.
    async fn sort_out(
        &self,
        connector: &Connector,
        rereads: Vec<Reread>,
        pending: Vec<PendingChange>,
    ) -> anyhow::Result<(Vec<Reread>, Vec<PendingChange>)> {
        let mut kept = Vec::with_capacity(rereads.len());
        let mut open = pending;
        for reread in rereads {
            let is_own = |own: &mut PendingChange| is_part_of(&own.changed, &reread.changed);
            let own: Vec<PendingChange> = open.extract_if(.., is_own).collect();
            let mut is_over = true;
            if let RereadOutcome::Failed(reason) = &reread.outcome {
                // It may be the login.
                self.logins.forget(connector).await;
                is_over = false;
                for own in &own {
                    is_over |= self.failed(connector, own, &reason.sentence()).await?;
                }
            }
            if is_over {
                kept.push((reread, own));
            }
        }
        let (rereads, settled): (Vec<Reread>, Vec<Vec<PendingChange>>) = kept.into_iter().unzip();
        // What the connector does not look at is done without being read.
        Ok((rereads, settled.into_iter().flatten().chain(open).collect()))
    }

    /// Puts a change off. Whether it was tried often enough: then it is left to the next scan.
    async fn failed(&self, connector: &Connector, pending: &PendingChange, reason: &str) -> anyhow::Result<bool> {
        let now = Timestamp::now();
        if pending.n_tries + 1 < TRIES {
            let pause = FIRST_PAUSE * (1 << pending.n_tries.min(10));
            self.store.postpone_change(pending, now.checked_add(pause).unwrap_or(now)).await?;
            return Ok(false);
        }
        tracing::warn!(
            connector = connector.id.as_str(),
            changed = subject(&pending.changed),
            reason,
            "what is said to have changed could not be read again; the next scan reads it"
        );
        self.store.settle_changes(std::slice::from_ref(pending), now).await?;
        Ok(true)
    }
}

/// The connectors that can be read, by the accounts that they hold: of several that hold one the first by name.
async fn holders(store: &Store) -> anyhow::Result<BTreeMap<String, Connector>> {
    let known = store.connectors(&ScopeFilter::All).await?;
    let is_live = |own: &Connector| !own.sample && matches!(own.environment, Environment::Aws | Environment::Azure);
    let live: BTreeMap<String, Connector> = known.into_iter().filter(is_live).map(|own| (own.id.to_string(), own)).collect();
    let mut holders: BTreeMap<String, Connector> = BTreeMap::new();
    for connector in live.values() {
        if let Some(account) = connector.account() {
            holders.entry(account.to_owned()).or_insert_with(|| connector.clone());
        }
    }
    // A tenant has subscriptions besides, as many as its last reading saw.
    for (id, account) in store.accounts(&ScopeFilter::All).await? {
        if let Some(connector) = live.get(&id).filter(|own| own.environment == Environment::Azure) {
            holders.entry(account).or_insert_with(|| connector.clone());
        }
    }
    Ok(holders)
}

/// Whether a change was read with another, which may be one of the whole type.
fn is_part_of(own: &Changed, read: &Changed) -> bool {
    (&own.account, &own.type_name, &own.region) == (&read.account, &read.type_name, &read.region)
        && (read.fields.is_empty() || own.fields == read.fields)
}

fn tell(connector: &Connector, reread: &Reread, settled: &[PendingChange]) {
    let own = settled.iter().filter(|own| is_part_of(&own.changed, &reread.changed));
    let since = own.map(|own| own.first_at).min().map(|at| at.to_string()).unwrap_or_default();
    if let RereadOutcome::Found(found) = &reread.outcome {
        let ids: Vec<&str> = found.iter().take(3).map(|resource| resource.id.as_str()).collect();
        tracing::info!(
            connector = connector.id.as_str(),
            changed = subject(&reread.changed),
            told_at = since,
            n_found = found.len(),
            found = ids.join(" "),
            "read again, since it is said to have changed"
        );
    }
}

fn subject(changed: &Changed) -> String {
    let fields: Vec<String> = changed.fields.iter().map(|(name, text)| format!("{name}={text}")).collect();
    let which = if fields.is_empty() { "all".to_owned() } else { fields.join(" ") };
    format!("{} {} {which}", changed.type_name, changed.region)
}
