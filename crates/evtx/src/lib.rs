//! Windows event log files. [`Reader`] takes a file from anything that can be read, holds one chunk of 64 KiB at a time, and gives each
//! record as the JSON text that `evtx_dump -o jsonl` writes. What can't be read is told with its chunk and its place in the file, and
//! reading goes on behind it. Whatever a file holds, a chunk costs at most a fixed amount of work and memory (ADR 26).
//!
//! A record is BinXML: tokens of XML, most of them in a *template* that the chunk holds once, with *holes*; the record names the template
//! and gives the values of its holes.

mod binxml;
mod bytes;
mod chunk;
mod error;
mod limits;
mod reader;
mod render;
mod value;
#[cfg(feature = "writer")]
pub mod writer;

pub use error::{EvtxError, Place};
pub use reader::{Head, Reader, Record, is_event_log};
