//! A queue that tells which objects are new. A message is deleted when all its objects are safe.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use skywarden_cloud::{OperationError, S3Address, SqsMessage, SqsQueue};
use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};

use super::{
    Filter,
    notice::{Notice, notices},
    object::{ObjectError, SharedObjects, Taken},
};
use crate::{
    RefusedText,
    error::IngestError,
    inputs::{
        Context, InputError,
        remembered::{id_of, start_of},
    },
};

/// No more are received while so many messages are worked on.
const MESSAGES: usize = 16;

/// A receive waits so many seconds for a message.
const WAIT: u32 = 20;

/// A message that failed comes again after 5 seconds, twice as many each time, 15 minutes at most.
const AGAIN: [u32; 2] = [5, 900];

/// How often it is asked how many messages are waiting.
const ASK_EVERY: Duration = Duration::from_secs(30);

/// How often what is old is forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// So many messages that failed are kept in mind, each for an hour: then it has gone to the queue's own dead letters, or comes again.
const FAILING: (usize, Duration) = (1_000, Duration::from_secs(3600));

/// A queue and what its messages are worked on with.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) queue: SqsQueue,
    /// Seconds.
    pub(crate) hidden_for: u32,
    pub(crate) objects: SharedObjects,
    pub(crate) filter: Arc<Filter>,
}

/// A message that was worked on.
struct Worked {
    message: SqsMessage,
    how: How,
}

/// How it went.
enum How {
    /// All that it says is safe.
    Done,
    /// It should come again after so many seconds.
    Again(u32),
    /// The same, since something is wrong.
    Failed(String),
    /// Nothing can be handed over.
    Ingest(IngestError),
}

/// What the loop keeps in mind.
#[derive(Default)]
struct Going {
    tasks: JoinSet<Worked>,
    /// By id: since when.
    failing: BTreeMap<String, Instant>,
    asked: Option<Instant>,
    tidied: Option<Instant>,
    /// Nothing more is received: whatever is done now, not all is well.
    is_ending: bool,
}

impl Queue {
    pub(crate) async fn run(self, context: &Context) -> Result<(), InputError> {
        let mut going = Going::default();
        let outcome = self.go(&mut going, context).await;
        // What is being worked on ends soon; what is done need not come again.
        self.objects.halt();
        going.is_ending = true;
        while let Some(worked) = going.tasks.join_next().await {
            let settled = self.settle(worked, &mut going, context).await;
            if outcome.is_ok() {
                settled?;
            }
        }
        outcome
    }

    async fn go(&self, going: &mut Going, context: &Context) -> Result<(), InputError> {
        let mut stop = context.stop.clone();
        let mut receiving = None;
        loop {
            if receiving.is_none() && going.tasks.len() < MESSAGES {
                receiving = Some(Box::pin(self.queue.receive(10, WAIT, self.hidden_for)));
            }
            let received = async {
                match &mut receiving {
                    Some(receiving) => receiving.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.said() => return Ok(()),
                Some(worked) = going.tasks.join_next() => self.settle(worked, going, context).await?,
                received = received => {
                    receiving = None;
                    for message in received.map_err(|error| self.failed(&error))? {
                        let queue = self.clone();
                        going.tasks.spawn(async move { queue.work(message).await });
                    }
                    self.look_after(going, context).await?;
                }
            }
        }
    }

    /// Deletes what is done, lets come again what is not.
    async fn settle(&self, worked: Result<Worked, JoinError>, going: &mut Going, context: &Context) -> Result<(), InputError> {
        let mut done = Vec::new();
        let mut next = Some(worked);
        while let Some(worked) = next {
            let Worked { message, how } =
                worked.map_err(|error| InputError::Failed(format!("reading objects ended: {error}")))?;
            match how {
                How::Done => {
                    going.failing.remove(&message.id);
                    done.push(message.receipt);
                }
                How::Again(seconds) => self.again(&message, seconds).await,
                How::Failed(reason) => {
                    tracing::warn!(input = %context.id, reason, "a message is tried again");
                    context.intake.statuses.change(&context.id, |status| status.fail(reason));
                    let exponent = u32::try_from(message.n_received.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
                    let [first, most] = AGAIN;
                    self.again(&message, first.saturating_mul(1 << exponent).min(most)).await;
                    if going.failing.len() < FAILING.0 {
                        going.failing.insert(message.id, Instant::now());
                    }
                }
                How::Ingest(error) => return Err(InputError::Ingest(error)),
            }
            next = if done.len() < 10 { going.tasks.try_join_next() } else { None };
        }
        if !done.is_empty() {
            let failed = self.queue.delete(&done).await.map_err(|error| self.failed(&error))?;
            if let Some(reason) = failed.first() {
                tracing::warn!(input = %context.id, n = failed.len(), reason, "messages could not be deleted; they come again and are passed over");
            }
        }
        if going.failing.is_empty() && !going.is_ending {
            context.intake.statuses.change(&context.id, |status| status.problem = None);
        }
        Ok(())
    }

    async fn again(&self, message: &SqsMessage, seconds: u32) {
        // If that fails, it comes again when it is no longer hidden.
        if let Err(error) = self.queue.hide(&message.receipt, seconds).await {
            tracing::debug!(%error, "a message comes again later than it should");
        }
    }

    /// What is to be done now and then.
    async fn look_after(&self, going: &mut Going, context: &Context) -> Result<(), InputError> {
        going.failing.retain(|_, since| since.elapsed() < FAILING.1);
        let is_well = going.failing.is_empty();
        let mut behind = None;
        if going.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) {
            going.asked = Some(Instant::now());
            match self.queue.n_waiting().await {
                Ok(n) => behind = Some(n),
                // Not needed for anything else.
                Err(error) => tracing::debug!(input = %context.id, %error, "how many messages are waiting is not known"),
            }
        }
        context.intake.statuses.change(&context.id, |status| {
            status.behind = behind.or(status.behind);
            if is_well {
                status.problem = None;
            }
        });
        if going.tidied.is_none_or(|tidied| tidied.elapsed() >= TIDY_EVERY) {
            going.tidied = Some(Instant::now());
            self.objects.tidy().await?;
        }
        Ok(())
    }

    /// Works on a message and keeps it hidden meanwhile.
    async fn work(&self, message: SqsMessage) -> Worked {
        let every = Duration::from_secs(u64::from(self.hidden_for).max(3)) / 3;
        // Beside the work: hiding may take long when SQS can't be reached.
        let hiding = async {
            loop {
                tokio::time::sleep(every).await;
                if let Err(error) = self.queue.hide(&message.receipt, self.hidden_for).await {
                    tracing::warn!(%error, "a message may come again while it is worked on; allow sqs:ChangeMessageVisibility");
                }
            }
        };
        let how = tokio::select! {
            how = self.objects_of(&message) => how,
            never = hiding => never,
        };
        Worked { message, how }
    }

    async fn objects_of(&self, message: &SqsMessage) -> How {
        let found = match notices(&message.body) {
            Ok(found) => found,
            Err(reason) => {
                let reason = format!("the message {} of the queue: {reason}", message.id);
                let refused = RefusedText { reason, start: start_of(&message.body) };
                return self
                    .objects
                    .tell(id_of(&["message", &message.id]), refused)
                    .await
                    .map_or_else(How::Ingest, |()| How::Done);
            }
        };
        let mut how = How::Done;
        for notice in found.into_iter().filter(|notice| self.filter.wants(&notice.key)) {
            let Notice { region, bucket, key, etag } = notice;
            let address = S3Address { region: region.unwrap_or_else(|| self.queue.region().to_owned()), bucket, key };
            match self.objects.take(&address, etag.as_deref()).await {
                Ok(Taken::Now | Taken::Before) => {}
                Ok(Taken::Elsewhere) => how = worse(how, How::Again(AGAIN[0])),
                Err(ObjectError::Gone(reason)) => {
                    let id = id_of(&["gone", &message.id, &address.bucket, &address.key]);
                    if let Err(error) = self.objects.tell(id, RefusedText { reason, start: start_of(&address.key) }).await {
                        return How::Ingest(error);
                    }
                }
                Err(ObjectError::Failed(reason)) => how = worse(how, How::Failed(reason)),
                Err(ObjectError::Stopped) => return How::Again(0),
                Err(ObjectError::Ingest(error)) => return How::Ingest(error),
            }
        }
        how
    }

    fn failed(&self, error: &OperationError) -> InputError {
        let advice = match error {
            error if error.is_denied() => {
                "; give the role sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes on the queue, and \
                 kms:Decrypt if it is encrypted with a key of yours"
            }
            OperationError::Refused { code, .. } if code.contains("NonExistentQueue") || code.contains("QueueDoesNotExist") => {
                "; check the queue's URL and region"
            }
            OperationError::Call { .. } | OperationError::Refused { .. } | OperationError::Answer { .. } => "",
        };
        InputError::Failed(format!("the queue can't be read: {error}{advice}"))
    }
}

/// Of two, what asks for more.
fn worse(one: How, other: How) -> How {
    match (&one, &other) {
        (How::Failed(_) | How::Ingest(_), _) | (How::Again(_), How::Done) => one,
        _ => other,
    }
}
