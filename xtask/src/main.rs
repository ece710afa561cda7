//! The one door for developers' commands: `cargo xtask NAME`.

mod brokers;
mod conformance;
mod console;
mod docs;
mod flow;
mod fuzz;
mod layers;
mod licences;
mod new;
mod ocsf;
mod process;
mod report;
mod soak;
mod test;
mod tidy;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developers' commands of Skywarden")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests need and run all of them.
    Test {
        /// Only tests whose name contains this.
        filter: Option<String>,
    },
    /// Everything that CI checks, in its order.
    Ci,
    /// Lint every file under content/ and run the tests inside.
    Content,
    /// Generate docs/reference.
    Docs {
        /// Fail if a generated file differs from the committed one, and write nothing.
        #[arg(long)]
        check: bool,
    },
    /// Layers, licences, file sizes, dependency notes.
    Tidy,
    /// Acceptance over a real AWS emulator: the scripts of tests/lab.
    Flow {
        /// One of them; all if absent.
        name: Option<String>,
    },
    /// Hold what is written and known against what others publish: schemas, policies, a second engine.
    Conformance {
        /// Only this part; all but `speed`, which measures and holds nothing, if absent.
        #[arg(value_parser = ["ocsf", "aws", "policy", "agreement", "recordings", "sigma", "threats", "evtx", "speed"])]
        part: Option<String>,
        /// Where they are; a part whose schema is absent is skipped and said so.
        #[arg(long, default_value = "../shared/data")]
        data: PathBuf,
    },
    /// Open the HTML report in Chromium and use it; `test` does so too.
    Report,
    /// A long run: `rescan` judges and stores an unchanged estate again and again; `ingest` takes in a million events and is killed ten
    /// times; `store` fills a store with a million resources and measures how a server over it answers.
    Soak {
        /// Which.
        #[arg(value_parser = ["rescan", "ingest", "store"])]
        name: String,
    },
    /// Fuzz a parser of outside input, or one after the other.
    Fuzz {
        /// Which: a file of fuzz/fuzz_targets.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// All of them.
        #[arg(long)]
        all: bool,
        /// For how long each.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Write the skeleton of a content file; it fails lint until it is filled in.
    New {
        #[command(subcommand)]
        kind: new::Kind,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Test { filter } => test::run(filter.as_deref()),
        Command::Ci => process::run("bash", &[".ci/run"]),
        Command::Content => {
            process::skywarden(&["content", "lint", "content"])?;
            process::skywarden(&["content", "test"])
        }
        Command::Docs { check: true } => docs::check(),
        Command::Docs { check: false } => docs::generate(&process::root()?.join("docs/reference")),
        Command::Tidy => tidy::run(),
        Command::Flow { name } => flow::run(name.as_deref()),
        Command::Conformance { part, data } => conformance::run(part.as_deref(), &data),
        Command::Report => report::test(),
        Command::Soak { name } => soak::run(&name),
        Command::Fuzz { name, all: _, seconds } => fuzz::run(&name.map_or(fuzz::Targets::All, fuzz::Targets::One), seconds),
        Command::New { kind } => new::run(&kind),
    }
}
