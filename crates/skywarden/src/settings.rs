//! The server's settings file, `settings.toml` in the data folder.

use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use skywarden_api::{IdentityProvider, ProviderSettings};

use crate::logs::LogSettings;

/// What an operator sets in a file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where people may sign in beside the installation's own accounts.
    #[serde(default)]
    identity_providers: Vec<ProviderSettings>,
    /// Where logs come from.
    #[serde(default)]
    pub(crate) logs: LogSettings,
    /// URLs of Azure Resource Managers, beside those of the three public clouds, that clients may connect with a secret.
    #[serde(default)]
    pub(crate) azure_clouds: Vec<String>,
}

impl Settings {
    /// Reads the file; without one nothing is set.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("could not read {}", file.display())),
        };
        toml::from_str(&text).with_context(|| format!("{} is no settings file", file.display()))
    }

    /// The identity providers, ready to be asked.
    pub(crate) fn identity_providers(self) -> anyhow::Result<Vec<IdentityProvider>> {
        let mut providers: Vec<IdentityProvider> = Vec::with_capacity(self.identity_providers.len());
        for settings in self.identity_providers {
            anyhow::ensure!(
                !providers.iter().any(|own| own.id() == settings.id),
                "two identity providers have the id `{}`; give each one of its own",
                settings.id
            );
            providers.push(IdentityProvider::new(settings)?);
        }
        Ok(providers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a guide shows must be what is read.
    #[test]
    fn the_settings_in_the_guide_to_log_inputs_are_read() {
        let guide = include_str!("../../../docs/guide/log-inputs.md");
        let blocks: Vec<&str> = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(blocks.len() >= 5, "{}", blocks.len());
        for block in blocks {
            let settings: Settings = toml::from_str(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
            assert_eq!(settings.logs.inputs.len(), 1, "{block}");
        }
    }
}
