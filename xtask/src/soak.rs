//! Long runs: what grows, and how a server over a large store answers under load.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::process;

/// The load tool, from crates.io.
const OHA: &str = "1.16.0";

/// `cargo xtask soak NAME`.
pub(crate) fn run(name: &str) -> anyhow::Result<()> {
    match name {
        "store" => store(),
        _ => bench(&["soak", name]),
    }
}

/// Fills a store with a million resources and ten million assessments, 16 GB under `target/soak`, and asks a server over it.
fn store() -> anyhow::Result<()> {
    let folder = process::root()?.join("target/soak/store");
    let folder = folder.to_str().context("the path of the checkout is no UTF-8")?;
    let oha = oha()?;
    let oha = oha.to_str().context("the path of the home folder is no UTF-8")?;
    bench(&["soak", "store", folder])?;
    process::run("cargo", &["build", "--release", "--quiet", "--package", "skywarden", "--no-default-features"])?;
    let skywarden = process::built("release", "skywarden")?;
    let skywarden = skywarden.to_str().context("the path of the checkout is no UTF-8")?;
    process::run("python3", &["tests/clients/load.py", "--skywarden", skywarden, "--data", folder, "--oha", oha])
}

fn bench(arguments: &[&str]) -> anyhow::Result<()> {
    let mut all = vec!["run", "--release", "--quiet", "--package", "skywarden-bench", "--"];
    all.extend(arguments);
    process::run("cargo", &all)
}

/// Where `oha` is; installed on first use.
fn oha() -> anyhow::Result<PathBuf> {
    let home = std::env::home_dir().context("there is no home folder")?;
    let folder = home.join(".cache/skywarden/oha");
    let program = folder.join("bin/oha");
    if !program.exists() {
        let folder = folder.to_str().context("the path of the home folder is no UTF-8")?;
        let arguments = ["--no-default-features", "--features", "rustls", "--root", folder];
        let mut all = vec!["install", "oha", "--version", OHA, "--locked"];
        all.extend(arguments);
        process::run("cargo", &all)?;
    }
    Ok(program)
}
