use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `skywarden hunt`.
#[derive(Args)]
pub(crate) struct HuntArguments {
    /// What to ask, in SQL: `SELECT operation, count(*) FROM aws_cloudtrail GROUP BY operation`.
    #[arg(required_unless_present = "schema", value_name = "SQL")]
    pub(crate) sql: Option<String>,
    /// Print the tables and columns that can be asked.
    #[arg(long, conflicts_with = "sql")]
    pub(crate) schema: bool,
    /// The data folder of the server whose archive is asked.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The archive itself, wherever it is.
    #[arg(long, conflicts_with = "data", value_name = "FOLDER")]
    pub(crate) archive: Option<PathBuf>,
    /// How to print what is found.
    #[arg(long, value_enum, default_value_t = HuntFormat::Table)]
    pub(crate) format: HuntFormat,
    /// Print at most so many rows; without it a table has at most 100 and other formats all.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// How rows are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HuntFormat {
    /// For people.
    Table,
    /// One JSON object a line.
    Json,
    /// Comma-separated values with a header.
    Csv,
}
