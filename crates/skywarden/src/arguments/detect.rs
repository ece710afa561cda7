use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use skywarden_model::Timestamp;

/// `skywarden detect`.
#[derive(Args)]
pub(crate) struct DetectArguments {
    /// Files and folders of logs: plain, gzip or zstd; `-` reads the standard input.
    #[arg(required_unless_present = "archive", conflicts_with = "archive", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What kind of log they are: aws-cloudtrail, azure-activity, linux-auth...; `skywarden content list` shows all. Of an archive,
    /// only the events of this log source.
    #[arg(long, required_unless_present = "archive", value_name = "NAME")]
    source: Option<String>,
    /// Look once more through the events in the archive of a server, in the order in which they arrived.
    #[arg(long, value_name = "FOLDER")]
    archive: Option<PathBuf>,
    /// Only events from this time on, as 2026-11-29T10:00:00Z.
    #[arg(long, requires = "archive", value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only events before this time.
    #[arg(long, requires = "archive", value_name = "TIME")]
    until: Option<Timestamp>,
    /// How to print the alerts.
    #[arg(long, value_enum, default_value_t = DetectFormat::Table)]
    pub(crate) format: DetectFormat,
    /// Rules of your own in Sigma: files and folders, looked at beside the built-in detections.
    #[arg(long, value_name = "PATH")]
    pub(crate) rules: Vec<PathBuf>,
    /// Look at the rules of --rules only.
    #[arg(long, requires = "rules")]
    pub(crate) only_rules: bool,
    /// Threat intelligence: files and folders of STIX 2.1, MISP, lists or comma-separated values, known by what is in them.
    /// `LABELS=PATH` says what all that a list names is, as in `tor=exits.txt`.
    #[arg(long, value_name = "[LABELS=]PATH")]
    pub(crate) indicators: Vec<PathBuf>,
    /// Leave out indicators that their origin is less sure of, from 0 to 100; those that say nothing of it are kept.
    #[arg(long, value_name = "CONFIDENCE", requires = "indicators", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) min_confidence: u8,
    /// Only alerts of at least this severity: informational, low, medium, high.
    #[arg(long, value_name = "SEVERITY", default_value = "informational", value_parser = severity)]
    pub(crate) min_severity: skywarden_content::AlertLevel,
    /// Exit with 3 if there is an alert of at least this severity.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) fail_on: Option<skywarden_content::AlertLevel>,
    /// Write what could not be read to this file, one JSON line each, with the reason.
    #[arg(long, value_name = "FILE")]
    pub(crate) dead_letter: Option<PathBuf>,
}

/// Where the events are that are looked at.
pub(crate) enum Place<'a> {
    /// Files of one log source.
    Files(&'a [PathBuf], &'a str),
    /// An archive: the folder, the log source if only one, since when and until when.
    Archive(&'a Path, Option<&'a str>, Option<Timestamp>, Option<Timestamp>),
}

impl DetectArguments {
    /// Where the events are.
    pub(crate) fn place(&self) -> Place<'_> {
        match &self.archive {
            Some(folder) => Place::Archive(folder, self.source.as_deref(), self.since, self.until),
            None => Place::Files(&self.files, self.source.as_deref().unwrap_or_default()),
        }
    }
}

/// How alerts are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DetectFormat {
    /// For people.
    Table,
    /// One JSON line an alert.
    Json,
    /// One detection finding of OCSF a line.
    Ocsf,
}

fn severity(text: &str) -> Result<skywarden_content::AlertLevel, String> {
    use skywarden_content::AlertLevel::{High, Informational, Low, Medium};
    match text.to_lowercase().as_str() {
        "informational" => Ok(Informational),
        "low" => Ok(Low),
        "medium" => Ok(Medium),
        "high" => Ok(High),
        _ => Err("informational, low, medium or high".to_owned()),
    }
}
