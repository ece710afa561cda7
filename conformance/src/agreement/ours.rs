use std::{fs, path::Path};

use anyhow::Context as _;
use serde_json::Value;
use skywarden_content::{RecommendationFile, Source};

use crate::corpus;

/// A recommendation with its conditions as they are written.
#[derive(Debug)]
pub struct Ours {
    /// Its file.
    pub file: RecommendationFile,
}

impl Ours {
    /// Its conditions in one: what it reads.
    pub fn conditions(&self) -> Value {
        let own = [&self.file.applies_if, &self.file.violated_if].into_iter().flatten();
        own.chain(self.file.unknown_if.iter().map(|unknown| &unknown.when)).cloned().collect()
    }
}

/// The recommendations below a folder that name built-in policies, in order of their paths.
///
/// # Errors
/// If a file can't be read or is none.
pub fn load(folder: &Path) -> anyhow::Result<Vec<Ours>> {
    let mut all = Vec::new();
    for path in corpus::files(folder, "yaml")? {
        let told = || path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", told()))?;
        let source = Source::parse(&text).map_err(|error| anyhow::anyhow!("{}:{}: {}", told(), error.line, error.message))?;
        let file: RecommendationFile =
            serde_json::from_value(source.value).with_context(|| format!("{} is no recommendation", told()))?;
        if !file.azure_policies.is_empty() {
            all.push(Ours { file });
        }
    }
    Ok(all)
}
