//! One object: fetched part by part, unpacked and cut into texts by a thread, handed over batch by batch.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::{Buf as _, Bytes};
use jiff::Timestamp;
use serde_json::{Value, json};
use skywarden_cloud::{AwsClient, OperationError, S3Address, S3Part};
use tokio::sync::{Semaphore, mpsc};

use crate::{
    About, Batch, End, RefusedText, TextKind, Texts,
    error::IngestError,
    inputs::{
        Context,
        remembered::{Remembered, id_of, keep_marks, mark},
    },
    texts,
};

/// So many objects are read at once.
const AT_ONCE: usize = 4;

/// So much of an object is fetched at once. Three parts of each are in memory.
const PART: u64 = 4 << 20;

/// A batch holds about so many bytes.
const BATCH: usize = 1 << 20;

/// What was read of an object that never came again is forgotten after 15 days, in seconds; SQS keeps messages for 14 at most.
const FORGOTTEN: i64 = 15 * 24 * 3600;

/// Streams of objects begin so.
const STREAM: &str = "s3://";

/// What reads objects, and knows which were read.
#[derive(Debug)]
pub(crate) struct Objects {
    client: AwsClient,
    context: Context,
    remembered: Mutex<Remembered>,
    /// Those that are being read: two messages may speak of one.
    busy: Mutex<BTreeSet<String>>,
    slots: Semaphore,
    is_halted: AtomicBool,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was read to its end, and is safe.
    Now,
    /// It was read before.
    Before,
    /// It is being read.
    Elsewhere,
}

/// Why an object was not read to its end.
#[derive(Debug)]
pub(crate) enum ObjectError {
    /// It is not there any more.
    Gone(String),
    /// It can't be read now.
    Failed(String),
    /// We are stopping.
    Stopped,
    /// What was read can't be handed over.
    Ingest(IngestError),
}

/// Some texts of an object.
#[derive(Debug, Default)]
struct Piece {
    texts: Texts,
    refused: Vec<RefusedText>,
    /// How many texts of the object were given with it.
    n: u64,
}

/// Parts that come from elsewhere, as one stream. An end that was not said is an error.
struct Parts {
    parts: mpsc::Receiver<Option<Bytes>>,
    part: Bytes,
    is_over: bool,
}

/// An object that is being read.
struct Claim<'o> {
    objects: &'o Objects,
    name: String,
}

impl Objects {
    pub(crate) fn open(client: AwsClient, context: &Context) -> Self {
        Objects {
            client,
            context: context.clone(),
            remembered: Mutex::new(Remembered::open(context)),
            busy: Mutex::default(),
            slots: Semaphore::new(AT_ONCE),
            is_halted: AtomicBool::new(false),
        }
    }

    /// Reads an object and hands it over, if that was not done before. It is safe then.
    pub(crate) async fn take(&self, address: &S3Address, etag: Option<&str>) -> Result<Taken, ObjectError> {
        let name = format!("{STREAM}{}/{}", address.bucket, address.key);
        let is_claimed = lock(&self.busy).insert(name.clone());
        if !is_claimed {
            return Ok(Taken::Elsewhere);
        }
        let claim = Claim { objects: self, name };
        if etag.is_some_and(|etag| self.knows(object_id(address, etag))) {
            return Ok(Taken::Before);
        }
        // Never closed.
        let _slot = self.slots.acquire().await;
        if self.is_ending() {
            return Err(ObjectError::Stopped);
        }
        let first = self.client.object_part(address, 0, PART, None).await.map_err(|error| failed(&claim.name, &error))?;
        // What is there now may not be what was told; what is read is what counts.
        let id = object_id(address, &first.etag);
        if self.knows(id) {
            return Ok(Taken::Before);
        }
        let stream = format!("{}#{}", claim.name, first.etag);
        self.read(address, &stream, first).await?;
        let done = lock(&self.remembered).add(vec![id], Timestamp::now());
        keep_marks(&self.context, vec![done, (stream, Value::Null)]).await.map_err(ObjectError::Ingest)?;
        Ok(Taken::Now)
    }

    /// Objects are read no further than what is on its way; the next run goes on there.
    pub(crate) fn halt(&self) {
        self.is_halted.store(true, Ordering::Relaxed);
    }

    fn is_ending(&self) -> bool {
        self.context.stop.is_said() || self.is_halted.load(Ordering::Relaxed)
    }

    /// Whether something was taken in.
    pub(crate) fn knows(&self, id: u64) -> bool {
        lock(&self.remembered).knows(id)
    }

    /// Tells something that can't be read in the dead letters, once. It is safe then.
    pub(crate) async fn tell(&self, id: u64, refused: RefusedText) -> Result<(), IngestError> {
        if self.knows(id) {
            return Ok(());
        }
        let told = lock(&self.remembered).add(vec![id], Timestamp::now());
        self.context.intake.keep(mark(&self.context, told, vec![refused])).await
    }

    /// Notes where a stream stands.
    pub(crate) async fn note(&self, stream: String, position: Value) -> Result<(), IngestError> {
        keep_marks(&self.context, vec![(stream, position)]).await
    }

    /// Forgets what is old.
    pub(crate) async fn tidy(&self) -> Result<(), IngestError> {
        let now = Timestamp::now();
        let mut marks = lock(&self.remembered).tidy(now);
        let busy = lock(&self.busy).clone();
        for (stream, position) in self.context.intake.positions(&self.context.id) {
            let at = position.get("at").and_then(Value::as_i64);
            let is_old = at.is_some_and(|at| at < now.as_second() - FORGOTTEN);
            let name = stream.rsplit_once('#').map_or(stream.as_str(), |(name, _)| name);
            if stream.starts_with(STREAM) && is_old && !busy.contains(name) {
                marks.push((stream, Value::Null));
            }
        }
        keep_marks(&self.context, marks).await
    }

    /// Hands over all texts of an object behind those that were given; they are safe then.
    async fn read(&self, address: &S3Address, stream: &str, first: S3Part) -> Result<(), ObjectError> {
        let known = self.context.intake.position(&self.context.id, stream);
        let given = known.and_then(|position| position.get("texts").and_then(Value::as_u64)).unwrap_or_default();
        let (parts_in, parts) = mpsc::channel(1);
        let (pieces_in, pieces) = mpsc::channel(1);
        let kind = self.context.kind;
        let reading = tokio::task::spawn_blocking(move || {
            let parts = Parts { parts, part: Bytes::new(), is_over: false };
            cut(parts, kind, given, &pieces_in)
        });
        let (fetched, handed, read) = tokio::join!(self.fetch(address, first, parts_in), self.hand_over(stream, pieces), reading);
        handed.map_err(ObjectError::Ingest)?;
        fetched?;
        let ended = read.map_err(|error| ObjectError::Failed(format!("reading {stream} ended: {error}")))?;
        let Err((n, error)) = ended else { return Ok(()) };
        // All of it came, and it is damaged: it will not get better.
        let reason = format!("reading stopped behind {n} texts: {error}; what was before is looked at");
        let piece = Piece { texts: Texts::default(), refused: vec![RefusedText { reason, start: String::new() }], n };
        self.context.intake.keep(self.batch(stream, piece)).await.map_err(ObjectError::Ingest)
    }

    async fn fetch(&self, address: &S3Address, first: S3Part, parts: mpsc::Sender<Option<Bytes>>) -> Result<(), ObjectError> {
        let S3Part { bytes, total, etag } = first;
        let mut at = length(&bytes);
        let mut next = bytes;
        loop {
            // Who reads may have found that the object is damaged.
            if parts.send(Some(next)).await.is_err() {
                return Ok(());
            }
            if at >= total {
                let _ = parts.send(None).await;
                return Ok(());
            }
            if self.is_ending() {
                return Err(ObjectError::Stopped);
            }
            let wanted = Some(etag.as_str()).filter(|etag| !etag.is_empty());
            let name = format!("{STREAM}{}/{}", address.bucket, address.key);
            let part = self.client.object_part(address, at, PART, wanted).await.map_err(|error| failed(&name, &error))?;
            if part.bytes.is_empty() {
                return Err(ObjectError::Failed(format!("{name} ends at byte {at} of {total}")));
            }
            at += length(&part.bytes);
            next = part.bytes;
        }
    }

    async fn hand_over(&self, stream: &str, mut pieces: mpsc::Receiver<Piece>) -> Result<(), IngestError> {
        while let Some(piece) = pieces.recv().await {
            // One after the other: if one can't be kept, no later one may say that the object was read so far.
            self.context.intake.keep(self.batch(stream, piece)).await?;
        }
        Ok(())
    }

    fn batch(&self, stream: &str, piece: Piece) -> Batch {
        let received = Timestamp::now();
        let about = About {
            input: self.context.id.clone(),
            stream: stream.to_owned(),
            source: self.context.source.clone(),
            received,
            position: Some(json!({ "texts": piece.n, "at": received.as_second() })),
            end: End::Open,
            refused: piece.refused,
        };
        Batch { about, texts: piece.texts }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        lock(&self.objects.busy).remove(&self.name);
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() && !self.is_over {
            match self.parts.blocking_recv() {
                Some(Some(part)) => self.part = part,
                Some(None) => self.is_over = true,
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the object could not be fetched to its end")),
            }
        }
        let n = buffer.len().min(self.part.len());
        if let Some(buffer) = buffer.get_mut(..n) {
            self.part.copy_to_slice(buffer);
        }
        Ok(n)
    }
}

/// What stands for what an object holds: the same content under the same key is the same.
fn object_id(address: &S3Address, etag: &str) -> u64 {
    id_of(&[&address.bucket, &address.key, etag])
}

/// Cuts an object into texts and gives those behind the first `given`. If it stops before the end: behind how many, and why.
fn cut(parts: Parts, kind: TextKind, given: u64, pieces: &mpsc::Sender<Piece>) -> Result<(), (u64, io::Error)> {
    let mut piece = Piece::default();
    let mut n = 0;
    let read = texts(parts, kind, &mut |text| {
        n += 1;
        if n <= given {
            return;
        }
        match text {
            Ok(text) => piece.texts.push(text.trim_end_matches(['\r', '\n'])),
            Err(reason) => piece.refused.push(RefusedText { reason, start: String::new() }),
        }
        piece.n = n;
        if piece.texts.n_bytes() >= BATCH {
            // Nobody takes any more only if the whole object fails.
            let _ = pieces.blocking_send(std::mem::take(&mut piece));
        }
    });
    if !piece.texts.is_empty() || !piece.refused.is_empty() {
        let _ = pieces.blocking_send(piece);
    }
    read.map_err(|error| (n, error))
}

/// What an error of S3 means for an object.
fn failed(name: &str, error: &OperationError) -> ObjectError {
    if error.status() == Some(404) {
        return ObjectError::Gone(format!("{name} is not there any more ({})", error.code()));
    }
    let advice = match error.code() {
        "InvalidObjectState" => "; it is archived: restore it",
        _ if error.is_denied() => {
            "; give the role s3:GetObject on it, and kms:Decrypt on the key that it is encrypted with. Without s3:ListBucket on the bucket S3 \
             says the same of an object that is not there any more"
        }
        _ => "",
    };
    ObjectError::Failed(format!("could not read {name}: {error}{advice}"))
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shared by all that read.
pub(crate) type SharedObjects = Arc<Objects>;
