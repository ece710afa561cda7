//! Events as Parquet on object storage: `source=ID/date=YYYY-MM-DD/hour=HH/NUMBER.parquet`, by log source and hour of the event (UTC), so
//! that every reader of Hive partitions finds its way (DuckDB, DataFusion, Trino, Spark).
//!
//! A [`Batch`] collects rows and packs them; [`Archive::put`] writes them under one number. Writing a number again replaces what
//! was written under it, so that who failed in between writes it again. [`Archive::compact`] joins the files of an hour,
//! [`Archive::remove_before`] ends what is kept for long enough, [`Archive::replay`] gives events in the order in which they arrived.

mod batch;
mod columns;
mod error;
mod files;
mod keep;
mod opened;
mod replay;
mod schema;

pub use batch::{Batch, Packed};
pub use error::ArchiveError;
pub use files::{Archive, FileName, Hour, StoredFile};
pub use keep::Compacted;
pub use replay::ArchivedEvent;
pub use schema::{Layout, Row};
