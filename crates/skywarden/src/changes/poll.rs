//! Asks Azure between scans what has changed, so that it is seen without a log.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use skywarden_collect::{AzureChange, AzureOptions, azure_changes};
use skywarden_content::{AzureIds, Catalog};
use skywarden_model::{Changed, Connector, Environment, SignedDuration, Timestamp, setting};
use skywarden_store::{ChangePace, ChangePoll, ScopeFilter, Store};
use tokio::sync::Notify;

use super::Logins;
use crate::{connect, told::told};

/// How often a connector is asked if its settings do not say.
const EVERY: Duration = Duration::from_secs(300);

/// How often connectors are looked for that are to be asked.
const LOOK: Duration = Duration::from_secs(1);

/// Azure tells changes late and not in their order: each query goes back so far, and passes over what was seen.
const OVERLAP: SignedDuration = SignedDuration::from_mins(15);

/// Pages of a thousand changes, after which a query counts as cut off.
const PAGE_LIMIT: usize = 50;

/// Asks for as long as the server runs; `woken` is told when something has changed.
pub(crate) async fn poll(store: Store, catalog: Arc<Catalog>, logins: Arc<Logins>, woken: Arc<Notify>) {
    let ids = AzureIds::of(catalog.collectors.values());
    let mut poller = Poller { store, catalog, logins, woken, ids, asked: BTreeMap::new() };
    loop {
        if let Err(error) = poller.round().await {
            tracing::warn!(error = told(&error), "connectors could not be looked for; it is tried again");
        }
        tokio::time::sleep(LOOK).await;
    }
}

struct Poller {
    store: Store,
    catalog: Arc<Catalog>,
    logins: Arc<Logins>,
    woken: Arc<Notify>,
    ids: AzureIds,
    /// When each connector was asked last.
    asked: BTreeMap<String, Instant>,
}

impl Poller {
    async fn round(&mut self) -> anyhow::Result<()> {
        let connectors = self.store.connectors(&ScopeFilter::All).await?;
        let is_asked = |own: &&Connector| own.environment == Environment::Azure && !own.sample;
        for connector in connectors.iter().filter(is_asked) {
            let Some(every) = every(connector) else { continue };
            let is_due = self.asked.get(connector.id.as_str()).is_none_or(|asked| asked.elapsed() >= every);
            if is_due {
                self.asked.insert(connector.id.to_string(), Instant::now());
                self.ask(connector).await?;
            }
        }
        Ok(())
    }

    /// Asks for one connector; that it was refused is kept, and the next poll begins where this one did.
    async fn ask(&self, connector: &Connector) -> anyhow::Result<()> {
        let id = connector.id.as_str();
        let own = self.store.accounts(&ScopeFilter::All).await?.into_iter().filter(|(holder, _)| holder == id);
        let subscriptions: BTreeSet<String> =
            own.map(|(_, account)| account).filter(|account| connector.account() != Some(account.as_str())).collect();
        // Before its first scan all is new.
        if subscriptions.is_empty() {
            return Ok(());
        }
        let now = Timestamp::now();
        let before = self.store.change_polls(&ScopeFilter::All).await?.remove(id);
        let was_refused = before.as_ref().is_some_and(|own| own.error.is_some());
        let mut poll = before.unwrap_or_else(|| ChangePoll { at: now, seen_up_to: now, recent: BTreeMap::new(), error: None });
        poll.at = now;
        match self.told(connector, subscriptions, back(poll.seen_up_to)).await {
            Ok(changes) => {
                poll.error = None;
                self.keep(&mut poll, changes, now).await?;
            }
            Err(error) => {
                let reason = told(&error);
                if !was_refused {
                    tracing::warn!(connector = id, reason, "Azure could not be asked what has changed; the next scan sees it");
                }
                poll.error = Some(reason);
                self.logins.forget(connector).await;
            }
        }
        // Somebody may have removed it meanwhile.
        if connect::is_connected(&self.store, connector).await? {
            self.store.put_change_poll(id, &poll).await?;
        }
        Ok(())
    }

    async fn told(
        &self,
        connector: &Connector,
        subscriptions: BTreeSet<String>,
        since: Timestamp,
    ) -> anyhow::Result<Vec<AzureChange>> {
        let transport = self.logins.get(&self.catalog, connector).await?;
        let options = AzureOptions {
            tenant: connector.account().map(str::to_owned),
            subscriptions,
            page_limit: PAGE_LIMIT,
            ..AzureOptions::new(connector.id.clone())
        };
        azure_changes(transport, &options, since).await.map_err(|reason| anyhow::anyhow!("{}", reason.sentence()))
    }

    /// Puts what is new into the queue, then moves the position: a process that ends between the two reads some again.
    async fn keep(&self, poll: &mut ChangePoll, changes: Vec<AzureChange>, now: Timestamp) -> anyhow::Result<()> {
        let mut changed: BTreeSet<Changed> = BTreeSet::new();
        for change in changes {
            poll.seen_up_to = poll.seen_up_to.max(change.at);
            if poll.recent.insert(change.id, change.at).is_none() {
                changed.extend(self.ids.changes(&change.resource, None));
            }
        }
        let oldest = back(poll.seen_up_to);
        poll.recent.retain(|_, at| *at >= oldest);
        if !changed.is_empty() {
            let changed: Vec<Changed> = changed.into_iter().collect();
            self.store.keep_changes(&changed, ChangePace::default(), now).await?;
            self.woken.notify_one();
        }
        Ok(())
    }
}

/// How often a connector is asked; `None`: never.
fn every(connector: &Connector) -> Option<Duration> {
    let seconds = connector.setting(setting::POLL_SECONDS).and_then(|text| text.parse().ok());
    Some(seconds.map_or(EVERY, Duration::from_secs)).filter(|every| !every.is_zero())
}

fn back(time: Timestamp) -> Timestamp {
    time.checked_sub(OVERLAP).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use skywarden_vault::SecretKey;

    use super::*;
    use crate::connect::Readers;

    const NET: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn change(id: &str, second: i64) -> AzureChange {
        AzureChange { id: id.to_owned(), at: at(second), resource: NET.to_owned() }
    }

    #[tokio::test]
    async fn what_was_seen_is_passed_over_and_what_comes_late_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_file(&folder.path().join("store.db")).await.unwrap();
        let catalog = Arc::new(Catalog::embedded().unwrap());
        let ids = AzureIds::of(catalog.collectors.values());
        let vault = store.open_vault(SecretKey::generate().unwrap()).await.unwrap();
        let logins = Arc::new(Logins::new(Readers { store: store.clone(), vault }));
        let poller = Poller { store: store.clone(), catalog, logins, woken: Arc::default(), ids, asked: BTreeMap::new() };
        let mut poll = ChangePoll { at: at(0), seen_up_to: at(10_000), recent: BTreeMap::new(), error: None };
        let n_waiting = async || {
            let waiting = store.due_changes(at(1_000_000), 10).await.unwrap();
            store.settle_changes(&waiting, at(1_000_000)).await.unwrap();
            waiting.len()
        };
        poller.keep(&mut poll, vec![change("a", 10_001)], at(20_000)).await.unwrap();
        assert_eq!((n_waiting().await, poll.seen_up_to), (1, at(10_001)));
        poller.keep(&mut poll, vec![change("a", 10_001)], at(20_001)).await.unwrap();
        assert_eq!(n_waiting().await, 0, "it was seen");
        poller.keep(&mut poll, vec![change("late", 9_800)], at(20_002)).await.unwrap();
        assert_eq!((n_waiting().await, poll.seen_up_to), (1, at(10_001)), "it happened before, and was told after");
        poller.keep(&mut poll, vec![change("b", 30_000)], at(40_000)).await.unwrap();
        assert_eq!((n_waiting().await, poll.recent.len()), (1, 1), "what no query meets again is forgotten");
    }

    #[test]
    fn a_connector_is_asked_every_five_minutes_unless_it_says_otherwise() {
        let connector = |seconds: Option<&str>| Connector {
            settings: seconds.map(|seconds| (setting::POLL_SECONDS.to_owned(), seconds.to_owned())).into_iter().collect(),
            ..connect::host()
        };
        assert_eq!(every(&connector(None)), Some(EVERY));
        assert_eq!(every(&connector(Some("60"))), Some(Duration::from_secs(60)));
        assert_eq!(every(&connector(Some("0"))), None);
    }
}
