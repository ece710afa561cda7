//! Logs that come while the process that takes them in is killed again and again: every event is archived once, every alert raised once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use skywarden_archive::{Archive, Layout};
use skywarden_content::Catalog;
use skywarden_detect::{BadRecord, COLUMNS, Clock, Detect, Kinds, Run, own_rules};
use skywarden_ingest::{
    Found, Ingest, Keeper, Pace, Parts, TextKind,
    inputs::{Context, FileSettings, InputKind, Start, Stop, supervise},
};
use skywarden_model::Timestamp;
use skywarden_store::{AlertQuery, ScopeFilter, Store};
use tokio::runtime::Handle;

use crate::measure::{cpu_seconds, peak_mb};

/// Events of the whole soak; the test takes a twentieth of them.
pub(crate) const EVENTS: u64 = 1_000_000;

/// How often the process is killed.
const KILLS: u64 = 10;

/// The log source.
const SOURCE: &str = "aws-cloudtrail";

/// One event in so many is an attack: less than one in a hundred.
const ATTACK_EVERY: u64 = 500;

/// One event in so many is written twice.
const TWICE_EVERY: u64 = 97;

/// The file that says that no more is written.
const DONE: &str = "done";

/// So long may the last process take for what is left.
const PATIENCE: Duration = Duration::from_secs(1_200);

/// Writes events to a file that rotates while `soak ingest-worker` takes them in and is killed with SIGKILL, then compares.
pub(crate) async fn run(n_events: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("could not make a folder for the soak")?;
    let logs = folder.path().join("logs");
    std::fs::create_dir_all(&logs)?;
    let per_kill = n_events / (KILLS + 1);
    let began = Instant::now();
    let mut worker = start(folder.path())?;
    let mut log = Log::open(&logs)?;
    let mut n_kills = 0;
    for n in 0..n_events {
        log.write(n)?;
        if n % TWICE_EVERY == 0 {
            log.write(n)?;
        }
        // Five rotations between two kills, so that a kill falls anywhere.
        if n % (per_kill / 5).max(1) == 0 {
            log.rotate(&logs)?;
        }
        if n_kills < KILLS && n == per_kill * (n_kills + 1) {
            log.out.flush()?;
            // Somewhere in what it is doing: how far it is differs from kill to kill.
            tokio::time::sleep(Duration::from_millis(200 + 150 * n_kills)).await;
            worker.kill().context("could not kill the worker")?;
            worker.wait()?;
            n_kills += 1;
            worker = start(folder.path())?;
        }
    }
    log.out.flush()?;
    std::fs::write(folder.path().join(DONE), "")?;
    let status = wait(&mut worker).await?;
    ensure!(status.success(), "the last worker ended with {status}");
    compare(folder.path(), n_events, n_kills, began.elapsed()).await
}

/// Takes in the logs of a folder until `done` lies there and nothing is left. A process of its own, to be killed.
pub(crate) async fn work(folder: &Path) -> anyhow::Result<()> {
    let (detect, archive) = (Arc::new(detect()?), archive(folder)?);
    let store = Store::open_file(&folder.join("skywarden.db")).await?;
    let keeper = Box::new(StoreKeeper { store, runtime: Handle::current() });
    let catalog = catalog()?;
    let parts = Parts {
        folder: folder.join("ingest"),
        detect: Arc::clone(&detect),
        known: Default::default(),
        kinds: Kinds::new(catalog.incidents.values()),
        archive,
        keeper,
        pace: Pace::default(),
    };
    drop(catalog);
    let ingest = Ingest::start(parts).await?;
    let (stop, listener) = Stop::new();
    let source = detect.source(SOURCE).with_context(|| format!("there is no log source {SOURCE}"))?;
    let context = Context {
        id: "soak".into(),
        source: Arc::clone(&source.id),
        kind: TextKind::of(source),
        intake: ingest.intake().clone(),
        stop: listener,
    };
    let paths = vec![folder.join("logs/trail.log*").display().to_string()];
    let settings = FileSettings { look_every: 50, ..FileSettings::following(paths, Start::Beginning) };
    let input = tokio::spawn(supervise(InputKind::File(settings).open(), context));
    let mut n_idle = 0;
    while n_idle < 40 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ensure!(!ingest.has_ended(), "detection ended");
        let status = ingest.statuses().all().remove("soak").unwrap_or_default();
        let is_idle = folder.join(DONE).exists() && status.behind == Some(0);
        n_idle = if is_idle { n_idle + 1 } else { 0 };
    }
    let status = ingest.statuses().all().remove("soak").unwrap_or_default();
    stop.send_replace(true);
    input.await?;
    ingest.stop().await?;
    let rate = f64::from(u32::try_from(status.n_events).unwrap_or(u32::MAX)) / cpu_seconds();
    println!(
        "worker: {} events, {} repeated, {:.1} s CPU, {rate:.0} events a second of CPU with start and end, {} MB at most",
        status.n_events,
        status.n_repeated,
        cpu_seconds(),
        peak_mb()?
    );
    Ok(())
}

fn start(folder: &Path) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("this program has no path")?;
    Command::new(program).args(["soak", "ingest-worker"]).arg(folder).spawn().context("could not start the worker")
}

async fn wait(worker: &mut Child) -> anyhow::Result<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(status) = worker.try_wait()? {
            return Ok(status);
        }
        if began.elapsed() > PATIENCE {
            worker.kill()?;
            anyhow::bail!("the worker was not done after {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A file that rotates: `trail.log` is renamed to `trail.log.N` and begun anew.
struct Log {
    out: BufWriter<File>,
    n_rotations: u64,
}

impl Log {
    fn open(logs: &Path) -> anyhow::Result<Self> {
        Ok(Log { out: BufWriter::new(File::create(logs.join("trail.log"))?), n_rotations: 0 })
    }

    fn write(&mut self, n: u64) -> anyhow::Result<()> {
        writeln!(self.out, "{}", event(n)).context("could not write the log")
    }

    fn rotate(&mut self, logs: &Path) -> anyhow::Result<()> {
        self.out.flush()?;
        std::fs::rename(logs.join("trail.log"), logs.join(format!("trail.log.{}", self.n_rotations)))?;
        self.out = BufWriter::new(File::create(logs.join("trail.log"))?);
        self.n_rotations += 1;
        Ok(())
    }
}

/// A record of CloudTrail of about 1,200 bytes. One in 500 stops a trail, by somebody of their own.
fn event(n: u64) -> String {
    let is_attack = n % ATTACK_EVERY == 7;
    let (service, name, read_only) = if is_attack {
        ("cloudtrail", "StopLogging", false)
    } else {
        match n % 4 {
            0 => ("ec2", "DescribeInstances", true),
            1 => ("s3", "GetBucketLocation", true),
            2 => ("sts", "GetCallerIdentity", true),
            _ => ("dynamodb", "DescribeTable", true),
        }
    };
    let user = if is_attack { format!("attacker{n:08}") } else { format!("service{:03}", n % 400) };
    let (hour, minute, second) = (n / 3_600 % 24, n / 60 % 60, n % 60);
    let day = 1 + n / 86_400;
    let parameters = if is_attack { r#"{"name":"main-trail"}"# } else { "null" };
    format!(
        r#"{{"eventVersion":"1.10","userIdentity":{{"type":"IAMUser","principalId":"AIDA{n:016}","arn":"arn:aws:iam::111122223333:user/{user}","accountId":"111122223333","accessKeyId":"AKIA{n:016}","userName":"{user}","sessionContext":{{"attributes":{{"mfaAuthenticated":"true","creationDate":"2026-03-{day:02}T00:00:00Z"}}}}}},"eventTime":"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}Z","eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"10.{}.{}.{}","userAgent":"aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21.5 md/GOOS#linux md/GOARCH#amd64 api/{service}#1.141.0","requestParameters":{parameters},"responseElements":null,"requestID":"5c0f6d3e-{:04x}-4a3b-9d1e-{n:012x}","eventID":"0e7c1a52-{:04x}-4c1d-8f2a-{n:012x}","readOnly":{read_only},"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{service}.eu-central-1.amazonaws.com"}},"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","bytesTransferredOut":{n}}}}}"#,
        n % 250,
        n / 250 % 250,
        n % 200 + 1,
        n % 65_536,
        n % 65_536,
    )
}

fn catalog() -> anyhow::Result<Catalog> {
    Catalog::embedded_with_threats().map_err(|problems| anyhow::anyhow!("{problems:?}"))
}

/// The log source with all our detections of it.
fn detect() -> anyhow::Result<Detect> {
    let mut catalog = catalog()?;
    catalog.log_sources.retain(|id, _| id == SOURCE);
    let (rules, _) = own_rules(&catalog);
    let (detect, refused) = Detect::with_rows(&catalog, rules, &Default::default());
    ensure!(refused.is_empty(), "{refused:?}");
    Ok(detect)
}

fn archive(folder: &Path) -> anyhow::Result<Archive> {
    Ok(Archive::in_folder(&folder.join("archive"), Layout::new(COLUMNS.map(|(name, _)| name))?)?)
}

struct StoreKeeper {
    store: Store,
    runtime: Handle,
}

impl Keeper for StoreKeeper {
    fn keep(&mut self, found: &Found) -> Result<(), String> {
        let catalog = Catalog::default();
        let incidents = (found.incidents.as_slice(), found.gone.as_slice());
        let kept = self.store.keep_found(&catalog, &found.alerts, incidents, ("host", "soak"), Timestamp::now());
        self.runtime.block_on(kept).map_err(|error| error.to_string())
    }
}

/// Compares what is there with what must be there.
async fn compare(folder: &Path, n_events: u64, n_kills: u64, took: Duration) -> anyhow::Result<()> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut each = |event: skywarden_archive::ArchivedEvent| {
        *seen.entry(event.event_id).or_default() += 1;
        true
    };
    archive(folder)?.replay(None, i64::MIN..i64::MAX, &mut each).await?;
    let wanted: BTreeSet<String> = (0..n_events).map(|n| format!("0e7c1a52-{:04x}-4c1d-8f2a-{n:012x}", n % 65_536)).collect();
    let missing = wanted.iter().filter(|id| !seen.contains_key(*id)).count();
    let twice = seen.values().filter(|n| **n > 1).count();
    let foreign = seen.keys().filter(|id| !wanted.contains(*id)).count();

    // What one process finds that nobody kills.
    let detect = detect()?;
    let mut run = Run::default();
    let mut input = detect.input(SOURCE).context("the log source is gone")?;
    let mut n_bad = 0;
    for n in 0..n_events {
        detect.feed(&mut run, &mut input, &event(n), Clock::OfRecords(Timestamp::now()), &mut |_: BadRecord| n_bad += 1);
    }
    let expected: BTreeMap<String, u64> = run.alerts.all().into_iter().map(|alert| (alert.id.clone(), alert.n_events)).collect();
    let found = alerts(&folder.join("skywarden.db")).await?;
    let lost = expected.keys().filter(|id| !found.contains_key(*id)).count();
    let more = found.keys().filter(|id| !expected.contains_key(*id)).count();
    let other = expected.iter().filter(|(id, n)| found.get(*id).is_some_and(|found| found != *n)).count();
    println!(
        "{n_events} events, {n_kills} kills, {:.0} s: {missing} events missing, {twice} archived twice, {foreign} unknown; {} alerts, {lost} missing, \
         {more} too many, {other} with other events",
        took.as_secs_f64(),
        found.len()
    );
    ensure!(n_bad == 0, "{n_bad} events could not be read");
    ensure!(expected.len() as u64 >= n_events / ATTACK_EVERY, "only {} alerts were expected", expected.len());
    ensure!([missing, twice, foreign, lost, more, other] == [0; 6], "what is there is not what must be there");
    Ok(())
}

/// Alerts of the store with how many events each has.
async fn alerts(file: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let store = Store::open_file(file).await?;
    let mut found = BTreeMap::new();
    let mut cursor = None;
    loop {
        let query = AlertQuery { limit: 1_000, cursor, ..AlertQuery::default() };
        let page = store.alert_page(&ScopeFilter::All, &query).await?;
        found.extend(page.items.into_iter().map(|kept| (kept.alert.id, kept.alert.n_events)));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}
