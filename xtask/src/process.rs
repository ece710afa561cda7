use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

/// The root of the checkout.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    // At run time, as cargo tells it: a target folder may serve several checkouts.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let manifest = PathBuf::from(manifest);
    Ok(manifest.parent().context("xtask has no parent folder")?.to_path_buf())
}

/// The path of a program of ours that `cargo build` has made; the folder of the profile is `debug` or `release`.
pub(crate) fn built(profile: &str, name: &str) -> anyhow::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Ok(root()?.join(target).join(profile).join(name))
}

/// Runs a program in the root of the checkout, showing its output.
pub(crate) fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root()?)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("could not start {program}"))?;
    if !status.success() {
        bail!("{program} {} failed with {status}", arguments.join(" "));
    }
    Ok(())
}

/// Runs our own binary, built in the dev profile.
pub(crate) fn skywarden(arguments: &[&str]) -> anyhow::Result<()> {
    let mut all = vec!["run", "--quiet", "--package", "skywarden", "--no-default-features", "--"];
    all.extend(arguments);
    run("cargo", &all)
}

/// Runs a program and returns what it printed.
pub(crate) fn output(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root()?)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start {program}"))?;
    if !output.status.success() {
        bail!("{program} {} failed with {}", arguments.join(" "), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed no UTF-8"))
}
