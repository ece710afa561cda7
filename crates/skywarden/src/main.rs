//! The `skywarden` binary: command line and server. Wiring only; what it wires is in the other crates.

mod arguments;
mod assess;
mod content;
mod content_docs;
mod data_dir;
mod estate;
mod output;
mod scan;
mod serve;
mod up;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};

/// What a command ends with; errors are separate and exit with 1.
pub(crate) enum Ending {
    /// Done, whatever the findings.
    Done,
    /// A check that was asked for did not pass (content tests, lint).
    Failed,
    /// A `--fail-on` threshold was hit.
    Threshold,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("SKYWARDEN_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(arguments) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Failed) => ExitCode::from(1),
        Ok(Ending::Threshold) => ExitCode::from(3),
        Err(error) => {
            eprintln!("skywarden: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Ending> {
    let content = arguments.content.as_deref();
    match &arguments.command {
        Command::Up(up) => up::run(up, content),
        Command::Scan(scan) => scan::run(scan, content),
        Command::Content { command } => content::run(command, content),
        Command::Score(read) => estate::score(read, content),
        Command::Recommendations(read) => estate::recommendations(read, content),
        Command::Inventory(read) => estate::inventory(read, content),
        Command::Exempt(exempt) => estate::exempt(exempt, content),
    }
}
