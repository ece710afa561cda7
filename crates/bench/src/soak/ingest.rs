//! Logs that come while the process that takes them in is killed again and again: every event is archived once, every alert raised once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use skywarden_detect::{BadRecord, Clock, Run};
use skywarden_model::Timestamp;
use skywarden_store::{AlertQuery, ScopeFilter, Store};

use crate::{
    logs::{self, ATTACK_EVERY, DONE, Events, SOURCE, archive, detect},
    measure::{cpu_seconds, peak_mb},
};

/// Events of the whole soak; the test takes a twentieth of them.
pub(crate) const EVENTS: u64 = 1_000_000;

/// How often the process is killed.
const KILLS: u64 = 10;

/// One event in so many is written twice.
const TWICE_EVERY: u64 = 97;

/// Four hundred users, each event with a key and from an address of its own: what is remembered grows all the time.
const COMPANY: Events = Events { n_users: 400, n_keys: u64::MAX };

/// So long may the last process take for what is left.
const PATIENCE: Duration = Duration::from_secs(1_200);

/// Writes events to a file that rotates while `soak ingest-worker` takes them in and is killed with SIGKILL, then compares.
pub(crate) async fn run(n_events: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("could not make a folder for the soak")?;
    let logs = logs::logs(folder.path());
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
    let (detect, kinds) = detect(1)?;
    let status = logs::take_in(folder, detect, kinds).await?.status;
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
        writeln!(self.out, "{}", COMPANY.event(n)).context("could not write the log")
    }

    fn rotate(&mut self, logs: &Path) -> anyhow::Result<()> {
        self.out.flush()?;
        std::fs::rename(logs.join("trail.log"), logs.join(format!("trail.log.{}", self.n_rotations)))?;
        self.out = BufWriter::new(File::create(logs.join("trail.log"))?);
        self.n_rotations += 1;
        Ok(())
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
    let wanted: BTreeSet<String> = (0..n_events).map(logs::id).collect();
    let missing = wanted.iter().filter(|id| !seen.contains_key(*id)).count();
    let twice = seen.values().filter(|n| **n > 1).count();
    let foreign = seen.keys().filter(|id| !wanted.contains(*id)).count();

    // What one process finds that nobody kills.
    let (detect, _) = detect(1)?;
    let mut run = Run::default();
    let mut input = detect.input(SOURCE).context("the log source is gone")?;
    let mut n_bad = 0;
    for n in 0..n_events {
        detect.feed(&mut run, &mut input, &COMPANY.event(n), Clock::OfRecords(Timestamp::now()), &mut |_: BadRecord| n_bad += 1);
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
