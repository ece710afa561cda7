//! Arguments of the commands over standards of one's own and attestations.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use skywarden_model::{Date, Timestamp};

use crate::arguments::Read;

#[derive(Subcommand)]
pub(crate) enum Standard {
    /// Keep a standard in the store, or replace the one of the same id; it is judged at once.
    Import(Import),
    /// The standards of the content and of the store.
    List(Read),
    /// Remove a standard from the store with its history.
    Remove(Named),
    /// Print a standard as YAML.
    Export(Named),
}

#[derive(Args)]
pub(crate) struct Import {
    /// A file as content/standards/ID.yaml, in YAML or JSON; its controls name recommendations and baseline rules under `checks`.
    pub(crate) file: PathBuf,
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Named {
    /// The standard's id.
    pub(crate) id: String,
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Attest {
    /// The standard's id.
    pub(crate) standard: String,
    /// The control's id.
    pub(crate) control: String,
    /// What was found.
    #[arg(long, value_enum)]
    pub(crate) state: AttestState,
    /// What it rests on: a text, or an https address; may be given several times.
    #[arg(long, required = true, value_name = "TEXT")]
    pub(crate) evidence: Vec<String>,
    /// The day on which somebody looked (2026-11-25); today if absent.
    #[arg(long, value_name = "DATE")]
    pub(crate) date: Option<Date>,
    /// Until when, RFC 3339 (2027-03-31T00:00:00Z); until it is withdrawn if absent.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Timestamp>,
    /// For one account only; for the whole installation if absent.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// The connector of the account, where several have it.
    #[arg(long, value_name = "NAME", requires = "account")]
    pub(crate) connector: Option<String>,
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Withdraw {
    /// The attestation's id, as `skywarden attestations` shows it.
    pub(crate) id: String,
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum AttestState {
    /// The control is met.
    Passed,
    /// It is not.
    Failed,
    /// It concerns nothing here.
    NotApplicable,
}
