use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, KeySource};

#[derive(Subcommand)]
pub(crate) enum Adopt {
    /// Ask Defender for Cloud of a connected tenant what it says, keep it, and show it beside ours.
    Azure(AdoptAzure),
}

#[derive(Args)]
pub(crate) struct AdoptAzure {
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The connector's name, as `skywarden connectors` shows it; may be left out if only one leads to Azure.
    #[arg(long, value_name = "NAME")]
    pub(crate) connector: Option<String>,
    /// Compare with what was kept the last time, without asking Azure.
    #[arg(long)]
    pub(crate) kept: bool,
    /// Write Azure's exemptions as ours, with their reason and end.
    #[arg(long)]
    pub(crate) take_exemptions: bool,
    /// For people or for machines.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) key: KeySource,
}
