use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, bail};

use crate::process;

/// Writes every generated file of docs/reference into a folder.
pub(crate) fn generate(folder: &Path) -> anyhow::Result<()> {
    let folder = folder.to_str().context("the path of docs/reference is no UTF-8")?;
    process::skywarden(&["content", "docs", "--out", folder])
}

/// Compares what would be generated with what is committed.
pub(crate) fn check() -> anyhow::Result<()> {
    let root = process::root()?;
    let fresh = root.join("target/docs-reference");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).with_context(|| format!("could not empty {}", fresh.display()))?;
    }
    fs::create_dir_all(&fresh).with_context(|| format!("could not create {}", fresh.display()))?;
    generate(&fresh)?;
    let (expected, committed) = (read_tree(&fresh)?, read_tree(&root.join("docs/reference"))?);
    let differing: Vec<&str> = expected
        .keys()
        .chain(committed.keys())
        .filter(|name| expected.get(*name) != committed.get(*name))
        .map(String::as_str)
        .collect();
    if !differing.is_empty() {
        bail!("docs/reference is not what the code generates: {}; run `cargo xtask docs` and commit", differing.join(", "));
    }
    println!("docs: {} generated files are current", expected.len());
    Ok(())
}

fn read_tree(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.with_context(|| format!("could not list {}", folder.display()))?;
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(folder)?.display().to_string();
            let bytes = fs::read(entry.path()).with_context(|| format!("could not read {}", entry.path().display()))?;
            files.insert(name, bytes);
        }
    }
    Ok(files)
}
