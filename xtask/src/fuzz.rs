//! Fuzz targets of fuzz/, by libFuzzer on stable Rust.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::process;

/// What libFuzzer steers by; `cargo fuzz` uses the same, with sanitizers that need a nightly compiler.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Runs a target for some seconds; what it finds is kept in fuzz/corpus/NAME, a crash in fuzz/artifacts.
pub(crate) fn run(name: &str, seconds: u64) -> anyhow::Result<()> {
    let root = process::root()?;
    let known = targets(&root.join("fuzz/fuzz_targets"))?;
    if !known.iter().any(|known| known == name) {
        bail!("there is no target {name}; there are: {}", known.join(", "));
    }
    let corpus = root.join("fuzz/corpus").join(name);
    let artifacts = root.join("fuzz/artifacts");
    for folder in [&corpus, &artifacts] {
        std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    }
    // With a target named, cargo keeps the flags from build scripts, which link no fuzzer.
    let target = process::output("rustc", &["--print", "host-tuple"])?;
    let status = Command::new("cargo")
        .args([
            "run",
            "--release",
            "--quiet",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--target",
            target.trim(),
            "--target-dir",
            "target/fuzz",
            "--bin",
            name,
            "--",
        ])
        .arg(format!("-max_total_time={seconds}"))
        .arg("-rss_limit_mb=2048")
        .arg("-max_len=4096")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(&corpus)
        .env("RUSTFLAGS", FLAGS)
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(&root)
        .stdin(Stdio::null())
        .status()
        .context("could not start cargo")?;
    if !status.success() {
        bail!("the target {name} failed with {status}; the input is in fuzz/artifacts");
    }
    Ok(())
}

/// The names of all targets, in order.
fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("could not list {}", folder.display()))? {
        let file = entry?.path();
        names.extend(file.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
