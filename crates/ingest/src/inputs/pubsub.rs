//! Subscriptions of Google Cloud's Pub/Sub, pulled over REST. A message is acknowledged when it is safe; which came is remembered, since a
//! message may come more than once. How many are waiting is not told: Pub/Sub has no call for that, only Cloud Monitoring has.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use skywarden_cloud::{
    OperationError,
    gcp::{GcpClient, GcpOptions, PulledMessage, Subscription},
};
use tokio::task::{JoinError, JoinSet};

use super::{
    Context, InputError, LogInput,
    remembered::{Remembered, id_of, keep_marks, marked, start_of},
};
use crate::{Batch, RefusedText, Texts};

/// So many messages are pulled at once.
const MESSAGES: usize = 1_000;

/// So many pulls may be on their way to the disk.
const UNDER_WAY: usize = 4;

/// A batch holds about so many bytes.
const BATCH: usize = 1 << 20;

/// So many are acknowledged with one request, which may have 512 KiB.
const ACKNOWLEDGED: usize = 1_000;

/// Messages that are not safe after so long are kept from coming again; the least deadline of a subscription is ten seconds.
const EXTEND_EVERY: Duration = Duration::from_secs(5);

/// And so for so many seconds.
const EXTENDED: u32 = 60;

/// Between pulls that gave nothing at once: twice as long each time, up to the last. The service itself waits; an emulator does not.
const PAUSE: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// How often what is old is forgotten, in pulls that gave something.
const TIDY_EVERY: u64 = 100;

/// The variable by which Google's own libraries find an emulator: `HOST:PORT`.
const EMULATOR: &str = "PUBSUB_EMULATOR_HOST";

/// A subscription of Pub/Sub. Each message is a text: what Cloud Logging's sinks export is one entry each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PubSubSettings {
    /// Its full name: `projects/PROJECT/subscriptions/NAME`. It pulls; one that pushes can't be read.
    pub subscription: String,
    /// A service account's key (JSON); absent: the machine's own service account (Compute Engine, GKE, Cloud Run).
    pub key_file: Option<PathBuf>,
    /// Where Pub/Sub is, instead of `https://pubsub.googleapis.com`: a regional endpoint. Nobody logs in over `http://`: that is an emulator, as is
    /// what the environment variable `PUBSUB_EMULATOR_HOST` names.
    pub endpoint_url: Option<String>,
}

/// What reads a subscription.
#[derive(Debug)]
pub(crate) struct PubSub {
    settings: PubSubSettings,
}

/// What was pulled and is not safe yet.
#[derive(Debug, Clone, Default)]
struct Coming(Arc<Mutex<FxHashSet<u64>>>);

/// Messages of one pull.
#[derive(Debug, Default)]
struct Pulled {
    batches: Vec<Batch>,
    ack_ids: Vec<String>,
    ids: Vec<u64>,
}

impl PubSub {
    pub(crate) fn new(settings: PubSubSettings) -> Self {
        PubSub { settings }
    }

    fn subscription(&self) -> Result<Subscription, InputError> {
        let emulator = std::env::var(EMULATOR).ok().filter(|host| !host.is_empty()).map(|host| format!("http://{host}"));
        let options = GcpOptions {
            key_file: self.settings.key_file.clone(),
            endpoint_url: self.settings.endpoint_url.clone().or(emulator),
        };
        let client = GcpClient::new(&options).map_err(|error| InputError::Failed(error.to_string()))?;
        Subscription::new(client, &self.settings.subscription).map_err(|error| InputError::Failed(error.to_string()))
    }
}

#[async_trait]
impl LogInput for PubSub {
    async fn run(&mut self, context: &Context) -> Result<(), InputError> {
        let subscription = self.subscription()?;
        let mut tasks = JoinSet::new();
        let outcome = go(&subscription, &mut tasks, context).await;
        while let Some(ended) = tasks.join_next().await {
            let ended = settle(ended);
            if outcome.is_ok() {
                ended?;
            }
        }
        outcome
    }
}

async fn go(
    subscription: &Subscription,
    tasks: &mut JoinSet<Result<(), InputError>>,
    context: &Context,
) -> Result<(), InputError> {
    let mut stop = context.stop.clone();
    let mut remembered = Remembered::open(context);
    let coming = Coming::default();
    let [mut pause, longest] = PAUSE;
    let mut n_pulls = 0_u64;
    loop {
        while let Some(ended) = tasks.try_join_next() {
            settle(ended)?;
        }
        if tasks.len() >= UNDER_WAY
            && let Some(ended) = tasks.join_next().await
        {
            settle(ended)?;
        }
        let messages = tokio::select! {
            biased;
            () = stop.said() => return Ok(()),
            messages = subscription.pull(MESSAGES) => messages.map_err(|error| failed(subscription, &error))?,
        };
        context.intake.statuses.change(&context.id, |status| status.problem = None);
        if messages.is_empty() {
            if stop.within(pause).await {
                return Ok(());
            }
            pause = (pause * 2).min(longest);
            continue;
        }
        [pause, _] = PAUSE;
        let pulled = sort(messages, &mut remembered, &coming, context);
        let (subscription, of_task, coming) = (subscription.clone(), context.clone(), coming.clone());
        tasks.spawn(async move { keep(pulled, &subscription, &coming, &of_task).await });
        n_pulls += 1;
        if n_pulls.is_multiple_of(TIDY_EVERY) {
            keep_marks(context, remembered.tidy(Timestamp::now())).await?;
        }
    }
}

/// Makes batches of what is new. What is known is acknowledged with it; what is on its way is left to come again, since it is not safe yet.
fn sort(messages: Vec<PulledMessage>, remembered: &mut Remembered, coming: &Coming, context: &Context) -> Pulled {
    let mut pulled = Pulled::default();
    let (mut texts, mut refused, mut ids) = (Texts::default(), Vec::new(), Vec::new());
    // What comes twice in one pull is acknowledged twice when it is safe.
    let mut new = FxHashSet::default();
    for message in messages {
        let id = id_of(&[&message.id]);
        if coming.has(id) {
            continue;
        }
        pulled.ack_ids.push(message.ack_id.clone());
        if remembered.knows(id) || !new.insert(id) {
            continue;
        }
        match message_text(&message.data) {
            Ok(text) => texts.push(&text),
            Err(reason) => {
                let reason = format!("the message {}: {reason}", message.id);
                refused.push(RefusedText { reason, start: start_of(&message.data) });
            }
        }
        ids.push(id);
        if texts.n_bytes() >= BATCH {
            let mark = remembered.add(std::mem::take(&mut ids), Timestamp::now());
            pulled.batches.push(marked(context, mark, std::mem::take(&mut texts), std::mem::take(&mut refused)));
        }
    }
    if !ids.is_empty() {
        let mark = remembered.add(ids, Timestamp::now());
        pulled.batches.push(marked(context, mark, texts, refused));
    }
    pulled.ids = new.into_iter().collect();
    coming.add(&pulled.ids);
    pulled
}

/// The text that the data of a message stands for.
///
/// # Errors
/// If there is none, or it is no base64.
pub fn message_text(data: &str) -> Result<String, String> {
    if data.is_empty() {
        return Err("it has no data".to_owned());
    }
    let bytes = STANDARD.decode(data).map_err(|error| format!("its data is no base64: {error}"))?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Hands messages over and acknowledges them when they are safe; they do not come again meanwhile.
async fn keep(pulled: Pulled, subscription: &Subscription, coming: &Coming, context: &Context) -> Result<(), InputError> {
    let Pulled { batches, ack_ids, ids } = pulled;
    let keeping = async {
        let mut receipts = Vec::with_capacity(batches.len());
        for batch in batches {
            receipts.push(context.intake.offer(batch).await?);
        }
        for receipt in receipts {
            receipt.kept().await?;
        }
        Ok(())
    };
    let extending = async {
        loop {
            tokio::time::sleep(EXTEND_EVERY).await;
            for some in ack_ids.chunks(ACKNOWLEDGED) {
                if let Err(error) = subscription.extend(some, EXTENDED).await {
                    tracing::debug!(%error, "messages may come again");
                }
            }
        }
    };
    let kept: Result<(), InputError> = tokio::select! {
        kept = keeping => kept,
        never = extending => never,
    };
    kept?;
    coming.remove(&ids);
    for some in ack_ids.chunks(ACKNOWLEDGED) {
        subscription.acknowledge(some).await.map_err(|error| failed(subscription, &error))?;
    }
    Ok(())
}

fn settle(ended: Result<Result<(), InputError>, JoinError>) -> Result<(), InputError> {
    ended.map_err(|error| InputError::Failed(format!("keeping messages ended: {error}")))?
}

fn failed(subscription: &Subscription, error: &OperationError) -> InputError {
    let advice = match error.code() {
        "PERMISSION_DENIED" => "; give the service account the role roles/pubsub.subscriber on it",
        "NOT_FOUND" => "; check its name",
        "FAILED_PRECONDITION" | "INVALID_ARGUMENT" => "; it has to be one that is pulled, not one that pushes",
        _ => "",
    };
    InputError::Failed(format!("the subscription {} can't be read: {error}{advice}", subscription.name()))
}

impl Coming {
    fn has(&self, id: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    fn add(&self, ids: &[u64]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
    }

    fn remove(&self, ids: &[u64]) {
        let mut coming = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            coming.remove(id);
        }
    }
}
