//! Logs on their way into the server: inputs of the settings file, detection, the archive, and what keeps both in bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use serde::Deserialize;
use skywarden_archive::{Archive, Layout};
use skywarden_content::{Catalog, CollectorFile};
use skywarden_detect::{COLUMNS, Detect, Kinds, own_rules};
use skywarden_ingest::{
    Desk, Found, Ingest, InputFacts, Keeper, Pace, Parts, TextKind,
    inputs::{Context, InputSettings, Stop, supervise},
    intelligence::{self, FeedPace, FeedSettings, Feeds},
};
use skywarden_model::{SignedDuration, Timestamp};
use skywarden_store::{ChangePace, ScopeFilter, Store, StoreError};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::JoinHandle,
};

use crate::{connect, data_dir::DataDir};

/// Hours that are over for so long are compacted.
const SETTLED: SignedDuration = SignedDuration::from_hours(2);

/// Files of an hour are joined when there are so many.
const JOINED_FROM: usize = 8;

/// Where logs come from and how long they are kept, as `settings.toml` says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LogSettings {
    /// Where logs come from.
    #[serde(default)]
    pub(crate) inputs: Vec<InputSettings>,
    /// What is known to be bad, and where from.
    #[serde(default)]
    pub(crate) intelligence: Vec<FeedSettings>,
    /// How long things are kept.
    #[serde(default)]
    pub(crate) keep: KeepSettings,
}

impl LogSettings {
    /// Mistakes in feeds, and feeds that would be of no use.
    fn check_feeds(&self) -> anyhow::Result<()> {
        intelligence::check(&self.intelligence)?;
        anyhow::ensure!(
            self.intelligence.is_empty() || !self.inputs.is_empty(),
            "logs.intelligence of settings.toml names feeds, and no input brings events to compare with them; add one as \
             [[logs.inputs]], or remove the feeds"
        );
        Ok(())
    }
}

/// How long things are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct KeepSettings {
    /// Days for which events stay in the archive.
    event_days: u16,
    /// The same for some log sources, by their ids.
    sources: BTreeMap<String, u16>,
    /// Days for which alerts stay after their last event.
    alert_days: u16,
    /// Where the archive is; without it a folder of the data folder.
    archive: Option<PathBuf>,
}

impl Default for KeepSettings {
    /// 90 days, as Defender shows alerts.
    fn default() -> Self {
        KeepSettings { event_days: 90, sources: BTreeMap::new(), alert_days: 90, archive: None }
    }
}

impl KeepSettings {
    /// The folder of the archive.
    pub(crate) fn archive(&self, data: &Path) -> PathBuf {
        self.archive.clone().unwrap_or_else(|| data.join("archive"))
    }

    /// For how many days the events of a log source stay.
    fn days_of(&self, source: &str) -> u16 {
        self.sources.get(source).copied().unwrap_or(self.event_days)
    }

    /// Log sources that there are not, before anything is begun: their events would stay for another time than somebody believes.
    fn check(&self, catalog: &Catalog) -> anyhow::Result<()> {
        match self.sources.keys().find(|id| !catalog.log_sources.contains_key(*id)) {
            None => Ok(()),
            Some(unknown) => anyhow::bail!(
                "logs.keep.sources of settings.toml names the log source `{unknown}`; there are: {}",
                known_sources(catalog)
            ),
        }
    }
}

/// Logs are being taken in.
pub(crate) struct Logs {
    ingest: Ingest,
    stop: watch::Sender<bool>,
    inputs: Vec<JoinHandle<()>>,
    feeds: Vec<JoinHandle<()>>,
    desk: Desk,
    housekeeping: JoinHandle<()>,
}

/// Keeps alerts and what changed in the store.
struct StoreKeeper {
    store: Store,
    catalog: Arc<Catalog>,
    runtime: Handle,
    /// Told when something changed.
    changed: Arc<Notify>,
}

impl Keeper for StoreKeeper {
    fn keep(&mut self, found: &Found) -> Result<(), String> {
        let kept = async {
            if found.has_alerts() {
                let home = home(&self.store).await?;
                let incidents = (found.incidents.as_slice(), found.gone.as_slice());
                self.store.keep_found(&self.catalog, &found.alerts, incidents, (&home.0, &home.1), Timestamp::now()).await?;
            }
            if !found.changed.is_empty() {
                self.store.keep_changes(&found.changed, ChangePace::default(), Timestamp::now()).await?;
                self.changed.notify_one();
            }
            Ok(())
        };
        self.runtime.block_on(kept).map_err(|error: StoreError| error.to_string())
    }
}

/// The account of this machine: what no connected account owns belongs to it.
async fn home(store: &Store) -> Result<(String, String), StoreError> {
    let host = connect::host().id.to_string();
    let accounts = store.accounts(&ScopeFilter::All).await?;
    Ok(accounts.into_iter().find(|(connector, _)| *connector == host).unwrap_or((host, String::new())))
}

/// The columns of the archive.
pub(crate) fn layout() -> anyhow::Result<Layout> {
    Ok(Layout::new(COLUMNS.map(|(name, _)| name))?)
}

impl Logs {
    /// Begins to take in logs, if the settings name any; `changed` is told when they say that a resource changed.
    pub(crate) async fn start(
        store: &Store,
        catalog: &Arc<Catalog>,
        data: &DataDir,
        settings: &LogSettings,
        changed: Arc<Notify>,
    ) -> anyhow::Result<Option<Self>> {
        settings.keep.check(catalog)?;
        settings.check_feeds()?;
        if settings.inputs.is_empty() {
            return Ok(None);
        }
        check(&settings.inputs, catalog)?;
        let (rules, mut refused) = own_rules(catalog);
        // What no input brings takes no memory.
        let mut used = Catalog::default();
        for id in settings.inputs.iter().flat_map(InputSettings::sources) {
            used.log_sources.extend(catalog.log_sources.get(id).map(|file| (id.to_owned(), file.clone())));
        }
        let has_ids = used.log_sources.values().any(|file| file.changes.as_ref().is_some_and(|changes| changes.by_id.is_some()));
        let tells_of_changes =
            |(_, collector): &(&String, &CollectorFile)| collector.changes.is_some() || (has_ids && collector.azure.is_some());
        let told = catalog.collectors.iter().filter(tells_of_changes);
        used.collectors.extend(told.map(|(name, collector)| (name.clone(), collector.clone())));
        let (detect, refused_here) = Detect::with_rows(&used, rules, &Default::default());
        refused.extend(refused_here);
        for refused in &refused {
            tracing::warn!(rule = refused.rule, reason = refused.reason, "a detection can't be used");
        }
        let folder = settings.keep.archive(data.path());
        let archive = Archive::in_folder(&folder, layout()?)?;
        let keeper = StoreKeeper { store: store.clone(), catalog: Arc::clone(catalog), runtime: Handle::current(), changed };
        // Before what the last process left unfinished is looked at, which should meet the same indicators.
        let feeds = open_feeds(settings.intelligence.clone(), data.path().join("intelligence")).await?;
        let detect = Arc::new(detect);
        let parts = Parts {
            folder: data.path().join("ingest"),
            detect: Arc::clone(&detect),
            known: feeds.in_force(),
            kinds: Kinds::new(catalog.incidents.values()),
            archive: archive.clone(),
            keeper: Box::new(keeper),
            pace: Pace::default(),
        };
        let ingest = Ingest::start(parts).await.context("logs can't be taken in")?;
        let (stop, listener) = Stop::new();
        let (mut inputs, mut shown) = (Vec::new(), Vec::new());
        for input in &settings.inputs {
            let Some(source) = detect.source(&input.source) else {
                anyhow::bail!(
                    "the log source {} of the input `{}` can't be used; the reason stands above",
                    input.source,
                    input.id
                );
            };
            let context = Context {
                id: input.id.as_str().into(),
                source: Arc::clone(&source.id),
                kind: TextKind::of(source),
                intake: ingest.intake().clone(),
                stop: listener.clone(),
            };
            let facts = InputFacts { id: context.id.clone(), source: context.source.clone(), kind: input.from.name() };
            shown.push((facts, context.clone()));
            inputs.push(tokio::spawn(supervise(input.from.open(), context)));
        }
        let desk = Desk::new(&data.path().join("ingest"), ingest.statuses().clone(), shown, feeds.statuses());
        let feeds = feeds.watch(&listener);
        let housekeeping = tokio::spawn(keep_house(archive, store.clone(), ingest.checkpoints(), settings.keep.clone()));
        Ok(Some(Logs { ingest, stop, inputs, feeds, desk, housekeeping }))
    }

    /// How inputs are doing, and where something is posted to them.
    pub(crate) fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Waits until detection ends, which it does only if something is broken.
    pub(crate) async fn broken(&self) {
        while !self.ingest.has_ended() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Takes in nothing more and makes safe what was taken in.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.housekeeping.abort();
        self.desk.close();
        // Nobody listens any more if all inputs have ended.
        let _ = self.stop.send(true);
        for task in self.inputs.into_iter().chain(self.feeds) {
            let _ = task.await;
        }
        self.ingest.stop().await.context("what was taken in last is not looked at yet; the next start does that")
    }
}

/// Reads feeds of threat intelligence for the first time.
async fn open_feeds(settings: Vec<FeedSettings>, folder: PathBuf) -> anyhow::Result<Feeds> {
    let feeds = tokio::task::spawn_blocking(move || Feeds::open(&settings, &folder, FeedPace::default()));
    Ok(feeds.await.context("reading threat intelligence ended early")??)
}

/// Mistakes of the settings, before anything is begun.
fn check(inputs: &[InputSettings], catalog: &Catalog) -> anyhow::Result<()> {
    let mut ids = BTreeSet::new();
    for input in inputs {
        anyhow::ensure!(!input.id.trim().is_empty(), "an input of settings.toml has an empty id");
        anyhow::ensure!(
            ids.insert(&input.id),
            "two inputs of settings.toml have the id `{}`; give each one of its own",
            input.id
        );
        if let Some(unknown) = input.sources().into_iter().find(|id| !catalog.log_sources.contains_key(*id)) {
            let known = known_sources(catalog);
            anyhow::bail!("the input `{}` of settings.toml names the log source `{unknown}`; there are: {known}", input.id);
        }
    }
    Ok(())
}

fn known_sources(catalog: &Catalog) -> String {
    catalog.log_sources.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Joins small files of the archive and removes what is old, every hour.
async fn keep_house(archive: Archive, store: Store, checkpoints: watch::Receiver<u64>, keep: KeepSettings) {
    loop {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let now = Timestamp::now();
        let days = |days: u16| now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
        let settled = now.checked_sub(SETTLED).unwrap_or(Timestamp::MIN).as_millisecond();
        let up_to = *checkpoints.borrow();
        let kept = async {
            archive.remove_before(|source| days(keep.days_of(source)).as_millisecond()).await?;
            archive.compact(settled, up_to, JOINED_FROM).await?;
            store.remove_alerts_before(days(keep.alert_days)).await?;
            anyhow::Ok(())
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, "the archive could not be tidied; it is tried again in an hour");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_source_may_be_kept_for_another_time_if_there_is_one() {
        let keep: KeepSettings = toml::from_str("eventDays = 30\nsources = { \"aws-vpc-flow\" = 14 }").unwrap();
        assert_eq!((keep.days_of("aws-vpc-flow"), keep.days_of("aws-cloudtrail")), (14, 30));
        let catalog = Catalog::embedded_with_threats().unwrap();
        keep.check(&catalog).unwrap();
        let keep: KeepSettings = toml::from_str("sources = { \"aws-vpc\" = 14 }").unwrap();
        let error = keep.check(&catalog).unwrap_err().to_string();
        assert!(error.contains("`aws-vpc`") && error.contains("aws-vpc-flow"), "{error}");
    }

    #[test]
    fn feeds_are_checked_and_of_no_use_without_an_input() {
        let feed = "[[intelligence]]\nid = \"own\"\nfrom.kind = \"files\"\n";
        let input = "[[inputs]]\nid = \"i\"\nsource = \"linux-auth\"\nfrom.kind = \"http\"\n";
        for (text, part) in [
            (format!("{feed}from.paths = [\"/srv/bad.txt\"]\n"), "add one as [[logs.inputs]]"),
            (format!("{input}{feed}from.paths = [\"bad.txt\"]\n"), "the feed `own` in logs.intelligence of settings.toml"),
        ] {
            let settings: LogSettings = toml::from_str(&text).unwrap();
            let error = settings.check_feeds().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let good = format!("{input}{feed}from.paths = [\"/srv/bad.txt\"]\n");
        toml::from_str::<LogSettings>(&good).unwrap().check_feeds().unwrap();
    }
}
