use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::access::Data;

/// Where the master key is. Without any of these: in the environment's SKYWARDEN_KEY, or else in the data folder's file `master-key`, which
/// is made.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Master key")]
pub(crate) struct KeySource {
    /// A file that holds the key under which secrets are kept: 32 random bytes in base64url.
    #[arg(long, env = "SKYWARDEN_KEY_FILE", value_name = "FILE", conflicts_with = "key_command")]
    pub(crate) key_file: Option<PathBuf>,
    /// A command of a shell that prints the key, such as one that asks a key vault.
    #[arg(long, env = "SKYWARDEN_KEY_COMMAND", value_name = "COMMAND")]
    pub(crate) key_command: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// The keys under which secrets are sealed, and how many secrets each seals.
    List {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        source: KeySource,
    },
    /// Make a new key and seal every secret under it; a server that runs goes on and follows.
    Rotate {
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        source: KeySource,
    },
    /// Change the master key. Without --new-key-file or --new-key-command a new one is made in the data folder.
    ChangeMaster {
        /// The file that holds the new key.
        #[arg(long, value_name = "FILE", conflicts_with = "new_key_command")]
        new_key_file: Option<PathBuf>,
        /// A command of a shell that prints the new key.
        #[arg(long, value_name = "COMMAND")]
        new_key_command: Option<String>,
        #[command(flatten)]
        data: Data,
        #[command(flatten)]
        source: KeySource,
    },
    /// Print a new key, for a file or a vault of your own.
    New,
}
