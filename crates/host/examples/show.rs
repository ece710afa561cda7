//! Prints what the crate reads of this machine as JSON; with `--walk` the walk of all files too.

use std::io::Write;

use skywarden_host::{HostRoot, WalkLimits, collect, walk};

fn main() -> std::io::Result<()> {
    let root = HostRoot::live();
    let started = std::time::Instant::now();
    let mut snapshot = collect(&root, skywarden_model::Timestamp::now(), "host".into());
    writeln!(std::io::stderr(), "read in {:?}", started.elapsed())?;
    if std::env::args().any(|argument| argument == "--walk") {
        let started = std::time::Instant::now();
        let result = walk(&root, &WalkLimits::default(), &mut |_| {});
        writeln!(std::io::stderr(), "walked {} files in {:?}", result.scanned_files, started.elapsed())?;
        snapshot.resources.iter_mut().for_each(|machine| result.apply(machine, skywarden_model::Timestamp::now()));
    }
    serde_json::to_writer_pretty(std::io::stdout().lock(), &snapshot)?;
    writeln!(std::io::stdout())
}
