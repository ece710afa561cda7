//! Threat intelligence for what comes in: feeds of files and of TAXII servers, read again while detection runs. A feed that fails keeps
//! what it gave last.

mod client;
mod feeds;
mod files;
mod kept;
mod settings;
mod status;
mod taxii;

use std::time::Duration;

use jiff::Timestamp;
use skywarden_detect::{Intelligence, indicators::Loaded};

pub use feeds::Feeds;
pub use settings::{BadFeed, FeedKind, FeedSettings, FilesSettings, TaxiiSettings, check};
pub use status::{FeedFacts, FeedStatus, FeedStatuses};

/// How often feeds are looked at.
#[derive(Debug, Clone, Copy)]
pub struct FeedPace {
    /// Files are looked at so often.
    pub files: Duration,
    /// A minute of `everyMinutes`; shorter in tests.
    pub minute: Duration,
    /// After the first failure of a server it is asked again after so long, then after twice as long each time, up to its usual time.
    pub first_retry: Duration,
    /// After so long all that a server has is fetched anew, so that what it removed goes.
    pub whole: Duration,
}

impl Default for FeedPace {
    /// A minute, a minute, thirty seconds, a day.
    fn default() -> Self {
        FeedPace {
            files: Duration::from_secs(60),
            minute: Duration::from_secs(60),
            first_retry: Duration::from_secs(30),
            whole: Duration::from_secs(24 * 3_600),
        }
    }
}

/// What looking at a feed came to.
struct Look {
    /// What it holds, if that is to be in force from now on.
    reading: Option<Reading>,
    /// What is wrong, for people. What was in force stays unless there is a reading.
    problem: Option<String>,
    /// When to look again.
    wait: Duration,
}

/// What a feed holds.
struct Reading {
    known: Intelligence,
    loaded: Loaded,
    /// As of when.
    at: Timestamp,
}

impl Look {
    fn unchanged(wait: Duration) -> Self {
        Look { reading: None, problem: None, wait }
    }

    fn failed(problem: String, wait: Duration) -> Self {
        Look { reading: None, problem: Some(problem), wait }
    }
}
