//! The `skywarden` binary: command line and server. Wiring only; what it wires is in the other crates.

mod access;
mod adopt;
mod arguments;
mod attest;
mod azure;
mod certificates;
mod changes;
mod command_docs;
mod connect;
mod content;
mod content_docs;
mod data_dir;
mod detect;
mod estate;
mod hunt;
mod keys;
mod logs;
mod master_key;
mod organization;
mod output;
mod policy;
mod progress;
mod report;
mod sample;
mod scan;
mod serve;
mod settings;
mod source;
mod standard_arguments;
mod standards;
mod told;
mod up;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Cloud, Command};

/// Millions of small allocations are most of a run: two thirds of the time per verdict of the system's allocator, and a tenth less
/// memory. `.cargo/config.toml` says when it gives memory back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    if !matches!(arguments.command, Command::Up(_)) {
        // A reader that has seen enough (`| head`) ends us quietly. A server must outlive its terminal's pipes.
        sigpipe::reset();
    }
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("SKYWARDEN_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,aws_config=error")),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(arguments) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Failed) => ExitCode::from(1),
        Ok(Ending::Threshold) => ExitCode::from(3),
        Err(error) => {
            eprintln!("skywarden: {}", told::told(&error));
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
        Command::Detect(arguments) => detect::run(arguments, content),
        Command::Hunt(arguments) => hunt::run(arguments, content),
        Command::Policy { command } => policy::run(command, content),
        Command::Access { command } => access::run(command),
        Command::Adopt { command } => adopt::run(command, content),
        Command::Audit { command } => access::audit(command),
        Command::Keys { command } => keys::run(command),
        Command::Connect { command } => connect::connect(command, content),
        Command::Disconnect(disconnect) => connect::disconnect(disconnect),
        Command::Connectors(read) => connect::list(read),
        Command::Permissions { cloud: Cloud::Azure, scopes } => azure::print_permissions(&content::catalog(content)?, scopes),
        Command::Permissions { cloud: Cloud::Aws, .. } => {
            println!("{}", serde_json::to_string_pretty(&skywarden_collect::permissions(&content::catalog(content)?))?);
            Ok(Ending::Done)
        }
        Command::Score(read) => estate::score(read),
        Command::Recommendations(read) => estate::recommendations(read, content),
        Command::Inventory(read) => estate::inventory(read),
        Command::Changes(read) => estate::changes(read),
        Command::Exempt(exempt) => estate::exempt(exempt, content),
        Command::Standard { command } => standards::run(command, content),
        Command::Attest(attest) => attest::attest(attest, content),
        Command::Attestations(read) => attest::list(read, content),
        Command::Withdraw(withdraw) => attest::withdraw(withdraw, content),
        Command::Report(report) => report::run(report, content),
        Command::Completions { shell } => command_docs::completions(*shell),
        Command::Man { out } => command_docs::man(out.as_deref()),
    }
}
