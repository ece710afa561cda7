//! Runs collector specs over the cloud crate, replays and records answers, and reports coverage.
