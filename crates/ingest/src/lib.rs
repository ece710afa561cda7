//! Logs on their way in. Inputs read files, queues, buckets and sockets and [offer](Intake::offer) [batches](Batch) of texts; each is
//! written to the journal before its source may forget it. One thread takes batches from there in their order: records that were
//! seen before are passed over, the others go to the archive and to detections. A checkpoint makes the archive's files, alerts, what
//! detections remember and where each stream stands safe together; a process that is killed begins again at the last one and
//! finds the same (ADR 24).

mod batch;
mod dead_letters;
mod desk;
mod error;
mod in_force;
pub mod inputs;
mod intake;
pub mod intelligence;
mod journal;
mod pipeline;
mod places;
mod seen;
mod server;
mod state;
mod status;
mod text;
mod wide;

pub use batch::{About, Batch, End, RefusedText, Texts};
pub use dead_letters::DeadLetter;
pub use desk::{Desk, InputFacts, TakenIn};
pub use error::IngestError;
pub use in_force::InForce;
pub use intake::{Intake, Receipt};
pub use journal::{Journal, JournalBatch};
pub use pipeline::{Found, Keeper, Pace};
pub use server::{Ingest, Parts};
pub use status::{InputStatus, Problem, Rate, Statuses};
pub use text::{MAX_LINE, TextKind, texts, unpacked};
