use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, bail};

use crate::process;

/// The crates of ARCHITECTURE.md's table. "Uses runs only upward": a crate may use only what stands above it here.
const LAYERS: &[&str] = &[
    "skywarden-model",
    "skywarden-rule",
    "skywarden-sigma",
    "skywarden-policy",
    "skywarden-rbac",
    "skywarden-vault",
    "skywarden-content",
    "skywarden-inventory",
    "skywarden-bundle",
    "skywarden-detect",
    "skywarden-facts",
    "skywarden-posture",
    "skywarden-report",
    "skywarden-host",
    "skywarden-cloud",
    "skywarden-archive",
    "skywarden-hunt",
    "skywarden-evtx",
    "skywarden-ingest",
    "skywarden-collect",
    "skywarden-store",
    "skywarden-api",
    "skywarden-console",
    "skywarden",
    "skywarden-testkit",
    "skywarden-bench",
    "xtask",
];

/// Crates that do no I/O: they link the clippy.toml that forbids it.
const PURE: &[&str] =
    &["model", "rule", "sigma", "detect", "policy", "rbac", "bundle", "inventory", "facts", "posture", "report", "evtx"];

/// What the pure crates must not depend on, with what to use instead.
const IMPURE: &[(&str, &str)] = &[
    ("tokio", "stay synchronous"),
    ("reqwest", "take the answer as an argument"),
    ("sqlx", "take the rows as an argument"),
    ("rustix", "take the reading as an argument"),
    ("walkdir", "take the list as an argument"),
];

/// Checks that crates of ours are used only upward and that pure crates stay pure.
pub(crate) fn check() -> anyhow::Result<()> {
    let root = process::root()?;
    let mut problems = Vec::new();
    let position: BTreeMap<&str, usize> = LAYERS.iter().enumerate().map(|(place, name)| (*name, place)).collect();
    for manifest in manifests()? {
        let text = fs::read_to_string(&manifest).with_context(|| format!("could not read {}", manifest.display()))?;
        let parsed: toml::Table = text.parse().with_context(|| format!("{} is no TOML", manifest.display()))?;
        let name =
            parsed.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str()).unwrap_or_default();
        let Some(own) = position.get(name) else {
            problems.push(format!("{name} is not in the table of layers (xtask/src/layers.rs and ARCHITECTURE.md)"));
            continue;
        };
        let is_pure = PURE.iter().any(|pure| format!("skywarden-{pure}") == name);
        let uses = parsed.get("dependencies").and_then(|table| table.as_table());
        for used in uses.into_iter().flat_map(|table| table.keys()) {
            if position.get(used.as_str()).is_some_and(|place| place >= own) {
                problems.push(format!("{name} uses {used}, which stands below it: use runs only upward"));
            }
            if let Some((_, instead)) = IMPURE.iter().find(|(impure, _)| is_pure && used == impure) {
                problems.push(format!("{name} is pure and must not depend on {used}: {instead}"));
            }
        }
    }
    for name in PURE {
        let link = root.join("crates").join(name).join("clippy.toml");
        if fs::read_link(&link).ok().as_deref() != Some(std::path::Path::new("../../clippy-pure.toml")) {
            problems.push(format!("{} does not link to ../../clippy-pure.toml", link.display()));
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(())
}

fn manifests() -> anyhow::Result<Vec<std::path::PathBuf>> {
    let root = process::root()?;
    let mut found = vec![root.join("xtask/Cargo.toml"), root.join("console/Cargo.toml")];
    for entry in root.join("crates").read_dir().context("could not list crates")? {
        found.push(entry?.path().join("Cargo.toml"));
    }
    found.retain(|path| path.is_file());
    found.sort();
    Ok(found)
}
