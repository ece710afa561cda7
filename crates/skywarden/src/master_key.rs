//! The master key, from where the operator keeps it.

use std::{
    env::VarError,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context as _;
use skywarden_vault::SecretKey;

use crate::{arguments::KeySource, data_dir::DataDir};

/// The environment's name for the key itself.
const KEY: &str = "SKYWARDEN_KEY";

/// The key from its source; the data folder's own is made the first time.
pub(crate) fn read(source: &KeySource, data: &DataDir) -> anyhow::Result<SecretKey> {
    if let Some(file) = &source.key_file {
        return of_file(file);
    }
    if let Some(command) = &source.key_command {
        return of_command(command);
    }
    match std::env::var(KEY) {
        Ok(text) => SecretKey::from_text(&text).context("SKYWARDEN_KEY holds no key; `skywarden keys new` prints one"),
        Err(VarError::NotPresent) => data.master_key(),
        Err(error) => Err(error).context("SKYWARDEN_KEY can't be read; `skywarden keys new` prints a key"),
    }
}

/// Whether the key is the data folder's own.
pub(crate) fn is_own(source: &KeySource) -> bool {
    source.key_file.is_none() && source.key_command.is_none() && std::env::var_os(KEY).is_none()
}

pub(crate) fn of_file(file: &Path) -> anyhow::Result<SecretKey> {
    let text = fs::read_to_string(file).with_context(|| format!("could not read the master key in {}", file.display()))?;
    SecretKey::from_text(&text).with_context(|| format!("{} holds no key; `skywarden keys new` prints one", file.display()))
}

pub(crate) fn of_command(command: &str) -> anyhow::Result<SecretKey> {
    let asked = || format!("could not get the master key from the command `{command}`");
    let output = Command::new("sh").args(["-c", command]).stderr(Stdio::inherit()).output().with_context(asked)?;
    anyhow::ensure!(output.status.success(), "{}: it ended with {}", asked(), output.status);
    // What it printed stays out of the error: it may be most of a key.
    SecretKey::from_text(&String::from_utf8_lossy(&output.stdout)).with_context(asked)
}
