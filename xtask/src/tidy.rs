use std::{fs, path::Path};

use anyhow::{Context as _, bail};

use crate::{layers, licences, process};

/// No file of Rust or TypeScript may be longer.
const MAX_LINES: usize = 800;

/// Layers, licences, file sizes, dependency notes, forbidden marks.
pub(crate) fn run() -> anyhow::Result<()> {
    layers::check()?;
    licences::check()?;
    let root = process::root()?;
    let mut problems = Vec::new();
    check_sources(&root, &mut problems)?;
    check_dependency_notes(&root, &mut problems)?;
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    println!("tidy: layers, licences, file sizes and dependency notes hold");
    Ok(())
}

fn check_sources(root: &Path, problems: &mut Vec<String>) -> anyhow::Result<()> {
    for file in process::output("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?.lines() {
        let path = root.join(file);
        let is_source = [".rs", ".ts", ".tsx"].iter().any(|ending| file.ends_with(ending));
        if !is_source || !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {file}"))?;
        let n_lines = text.lines().count();
        if n_lines > MAX_LINES {
            problems.push(format!("{file}: {n_lines} lines; split it by meaning (at most {MAX_LINES})"));
        }
        for (number, line) in text.lines().enumerate() {
            if line.contains("#[ignore") && !file.starts_with("xtask/") {
                problems.push(format!("{file}:{}: a test is ignored; assert today's behaviour instead", number + 1));
            }
        }
    }
    Ok(())
}

/// Every direct dependency has a line in docs/dependencies.md.
fn check_dependency_notes(root: &Path, problems: &mut Vec<String>) -> anyhow::Result<()> {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).context("could not read Cargo.toml")?;
    let manifest: toml::Table = manifest.parse().context("Cargo.toml is no TOML")?;
    let notes = fs::read_to_string(root.join("docs/dependencies.md")).context("could not read docs/dependencies.md")?;
    let dependencies = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(|dependencies| dependencies.as_table())
        .context("Cargo.toml has no [workspace.dependencies]")?;
    for name in dependencies.keys().filter(|name| !name.starts_with("skywarden-")) {
        if !notes.contains(&format!("| {name} |")) {
            problems.push(format!("docs/dependencies.md has no line for {name}: why, licence, build cost"));
        }
    }
    Ok(())
}
