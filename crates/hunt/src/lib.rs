//! SQL over the archive of events: read only, in bounded memory, while others write.
//!
//! [`Hunt::open`] looks at what an archive holds, [`Hunt::query`] answers one `SELECT` (or `EXPLAIN`, `DESCRIBE`, `SHOW TABLES`) as an
//! [`Answer`] that gives its rows batch by batch. Tables are `events` and one for each log source (`aws_cloudtrail`).

mod answer;
mod error;
mod hunt;
mod near;
mod prune;
mod table;
mod value;

pub use answer::{Answer, Column, Rows};
pub use error::HuntError;
pub use hunt::{Hunt, Table};
