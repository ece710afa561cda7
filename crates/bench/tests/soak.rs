//! A twentieth of the soaks that kill processes.

use std::process::Command;

#[test]
fn a_twentieth_of_the_events() {
    let status = Command::new(env!("CARGO_BIN_EXE_skywarden-bench")).args(["soak", "ingest", "50000"]).status().unwrap();
    assert!(status.success());
}
