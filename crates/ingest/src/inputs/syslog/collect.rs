use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{drops::Drops, routes::Route, routes::source};
use crate::{
    About, Batch, End, RefusedText, Texts,
    error::IngestError,
    inputs::{Context, InputError},
    status::Problem,
};

/// A batch holds about so many bytes.
const BATCH: usize = 1 << 20;

/// Or what came within so long.
const WITHIN: Duration = Duration::from_millis(200);

/// So many reads (at most 64 KiB each, but for one long message) may wait to be put into a batch.
const WAITING: usize = 64;

/// How often the kernel is asked what it dropped.
const EVERY: Duration = Duration::from_secs(1);

/// So long after the last time something that went wrong is no problem of now any more.
const TOLD_FOR: Duration = Duration::from_secs(3_600);

/// Between attempts to keep a batch that can't be kept.
const RETRY: Duration = Duration::from_secs(1);

/// What came at once.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) messages: Vec<String>,
    pub(crate) refused: Vec<RefusedText>,
}

/// Where what came goes, and how much waits there.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    sender: mpsc::Sender<Received>,
    n_waiting: Arc<AtomicU64>,
}

/// Things that went wrong within the last hour, by what went wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<Mutex<BTreeMap<&'static str, Mishap>>>);

/// Something that went wrong, perhaps often.
#[derive(Debug)]
struct Mishap {
    n: u64,
    since: Timestamp,
    last: Instant,
    /// Of the last time, or what to do.
    detail: String,
}

/// Makes batches of what comes.
pub(crate) struct Collector<'c> {
    context: &'c Context,
    routes: &'c [Route],
    receiver: mpsc::Receiver<Received>,
    n_waiting: Arc<AtomicU64>,
    told: Told,
    drops: Option<Drops>,
    n_dropped: u64,
    looked: Instant,
}

/// Batches that are being filled, by log source.
#[derive(Default)]
struct Filling {
    texts: BTreeMap<Arc<str>, Texts>,
    refused: Vec<RefusedText>,
    n_bytes: usize,
    n_messages: u64,
}

impl Sender {
    /// Hands over what came; waits while too much waits.
    pub(crate) async fn send(&self, received: Received) {
        if received.messages.is_empty() && received.refused.is_empty() {
            return;
        }
        let n = u64::try_from(received.messages.len()).unwrap_or_default();
        self.n_waiting.fetch_add(n, Ordering::Relaxed);
        // The collector ends before its senders only if everything ends.
        let _ = self.sender.send(received).await;
    }
}

impl Told {
    /// Notes that something went wrong so many times more.
    pub(crate) fn add(&self, what: &'static str, n: u64, detail: String) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mishap = told.entry(what).or_insert_with(|| Mishap {
            n: 0,
            since: Timestamp::now(),
            last: Instant::now(),
            detail: String::new(),
        });
        mishap.n += n;
        mishap.last = Instant::now();
        mishap.detail = detail;
    }

    /// That it is well again.
    pub(crate) fn clear(&self, what: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }

    fn problem(&self) -> Option<Problem> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, mishap| mishap.last.elapsed() < TOLD_FOR);
        let since = told.values().map(|mishap| mishap.since).min()?;
        let reason = told.iter().map(|(what, Mishap { n, since, detail, .. })| format!("{n} {what} since {since}{detail}"));
        Some(Problem { reason: reason.collect::<Vec<_>>().join("; "), since })
    }
}

impl<'c> Collector<'c> {
    pub(crate) fn new(context: &'c Context, routes: &'c [Route], drops: Option<Drops>) -> (Self, Sender, Told) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let (n_waiting, told) = (Arc::new(AtomicU64::new(0)), Told::default());
        let sender = Sender { sender, n_waiting: Arc::clone(&n_waiting) };
        let looked = Instant::now();
        let collector = Collector { context, routes, receiver, n_waiting, told: told.clone(), drops, n_dropped: 0, looked };
        (collector, sender, told)
    }

    /// Keeps what comes until nobody sends any more.
    pub(crate) async fn run(mut self) -> Result<(), InputError> {
        loop {
            self.look().await?;
            let received = match timeout_at(Instant::now() + EVERY, self.receiver.recv()).await {
                Ok(Some(received)) => received,
                Ok(None) => return self.look().await,
                Err(_) => continue,
            };
            let mut filling = Filling::default();
            filling.add(received, self.routes, &self.context.source);
            let until = Instant::now() + WITHIN;
            while filling.n_bytes < BATCH
                && let Ok(Some(received)) = timeout_at(until, self.receiver.recv()).await
            {
                filling.add(received, self.routes, &self.context.source);
            }
            self.keep(filling).await?;
        }
    }

    async fn keep(&mut self, filling: Filling) -> Result<(), InputError> {
        let Filling { mut texts, mut refused, n_messages, .. } = filling;
        if !refused.is_empty() {
            texts.entry(Arc::clone(&self.context.source)).or_default();
        }
        for (source, texts) in texts {
            let is_own = source == self.context.source;
            let about = About {
                input: Arc::clone(&self.context.id),
                // What a reader remembers belongs to one log source.
                stream: if is_own { String::new() } else { source.to_string() },
                source,
                received: Timestamp::now(),
                position: None,
                end: End::Open,
                refused: if is_own { std::mem::take(&mut refused) } else { Vec::new() },
            };
            let batch = Batch { about, texts };
            while let Err(error) = self.context.intake.keep(batch.clone()).await {
                if matches!(error, IngestError::Stopped) {
                    return Err(error.into());
                }
                // Nobody sends it again, so it is held until it can be kept; meanwhile TCP waits and UDP drops.
                self.context.intake.statuses.change(&self.context.id, |status| status.fail(error.to_string()));
                tokio::time::sleep(RETRY).await;
            }
        }
        self.n_waiting.fetch_sub(n_messages, Ordering::Relaxed);
        Ok(())
    }

    /// Says how it goes; what the kernel dropped is told among what could not be read too.
    async fn look(&mut self) -> Result<(), InputError> {
        let mut refused = Vec::new();
        let is_due = self.n_dropped == 0 || self.looked.elapsed() >= EVERY / 2;
        if let Some(drops) = self.drops.as_ref().filter(|_| is_due) {
            self.looked = Instant::now();
            match drops.count() {
                Ok(n) => {
                    if n > self.n_dropped {
                        let advice = "; raise `receiveBuffer` (and net.core.rmem_max), or send over TCP".to_owned();
                        let n_new = n - self.n_dropped;
                        let reason = format!("{n_new} datagrams were dropped by the kernel{advice}");
                        refused.push(RefusedText { reason, start: String::new() });
                        self.told.add("datagrams were dropped by the kernel", n_new, advice);
                        tracing::warn!(input = %self.context.id, n_dropped = n, "datagrams of syslog were dropped by the kernel");
                    }
                    self.n_dropped = n;
                }
                Err(error) => {
                    self.told.add(
                        "attempts to count what the kernel drops failed",
                        1,
                        format!("; could not read /proc/net/udp: {error}"),
                    );
                }
            }
        }
        let behind = self.n_waiting.load(Ordering::Relaxed);
        let problem = self.told.problem();
        self.context.intake.statuses.change(&self.context.id, |status| {
            status.behind = Some(behind);
            if problem.is_some() && status.problem != problem {
                status.n_failures += 1;
            }
            status.problem = problem;
        });
        if refused.is_empty() {
            return Ok(());
        }
        self.keep(Filling { refused, ..Filling::default() }).await
    }
}

impl Filling {
    fn add(&mut self, received: Received, routes: &[Route], own: &Arc<str>) {
        for message in &received.messages {
            let texts = self.texts.entry(Arc::clone(source(routes, message).unwrap_or(own))).or_default();
            texts.push(message);
            self.n_bytes += message.len();
        }
        self.n_messages += u64::try_from(received.messages.len()).unwrap_or_default();
        self.n_bytes += received.refused.iter().map(|refused| refused.start.len() + refused.reason.len()).sum::<usize>();
        self.refused.extend(received.refused);
    }
}
