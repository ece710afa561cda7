//! Azure's published definitions, read from a folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::Value;

/// A file with a policy definition in it.
#[derive(Debug)]
pub struct Document {
    /// Where it lies below the folder.
    pub path: String,
    /// What it says.
    pub json: Value,
}

/// Every policy definition below a folder, in order of its path.
///
/// # Errors
/// If a file can't be read or is no JSON.
pub fn load(folder: &Path) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for path in files(folder, "json")? {
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        let json: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .with_context(|| format!("{} is no JSON", path.display()))?;
        if json.pointer("/properties/policyRule").is_some() {
            let path = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            documents.push(Document { path, json });
        }
    }
    Ok(documents)
}

/// Every file below a folder whose name ends so, in order.
pub(crate) fn files(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("could not read {}", folder.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
