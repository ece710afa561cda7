//! Fuzz targets of fuzz/, by libFuzzer on stable Rust.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::process;

/// What libFuzzer steers by; `cargo fuzz` uses the same, with sanitizers that need a nightly compiler.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// An input is at most so long, in bytes. One that takes longer than two seconds is kept, one that takes longer than ten or asks for
/// more than 512 MiB at once is a failure. Two GiB together hold the content and the corpus of the largest target.
const LIMITS: [&str; 5] = ["-max_len=4096", "-report_slow_units=2", "-timeout=10", "-malloc_limit_mb=512", "-rss_limit_mb=2048"];

/// The folder for first inputs, as the targets know it.
const SEEDS: &str = "SKYWARDEN_FUZZ_SEEDS";

/// The target that needs the whole server, which takes many minutes to build.
const OF_SERVER: &str = "requests";

/// Which targets run.
pub(crate) enum Targets {
    /// One, by name; what the fuzzer says is shown.
    One(String),
    /// One after the other.
    All,
}

/// What came of a target.
#[derive(Debug, Default)]
struct Outcome {
    n_runs: u64,
    seconds: u64,
    coverage: u64,
    features: u64,
    peak_mb: u64,
    /// How long the slowest input took, in seconds.
    slowest: u64,
    /// Why it failed.
    failure: Option<String>,
}

/// Runs targets for some seconds each, from what the project has as first inputs; what they find is kept in fuzz/corpus/NAME, a crash in
/// fuzz/artifacts.
pub(crate) fn run(targets: &Targets, seconds: u64) -> anyhow::Result<()> {
    let root = process::root()?;
    let known = known(&root.join("fuzz/fuzz_targets"))?;
    let wanted = match targets {
        Targets::All => known,
        Targets::One(name) if known.contains(name) => vec![name.clone()],
        Targets::One(name) => bail!("there is no target {name}; there are: {}", known.join(", ")),
    };
    let binaries = build(&root, &wanted)?;
    let mut rows = Vec::new();
    for name in &wanted {
        if matches!(targets, Targets::All) {
            println!("{name} runs for {seconds} seconds");
        }
        let outcome = fuzz(&root, &binaries.join(name), name, seconds, targets)?;
        rows.push((name, outcome));
    }
    println!(
        "{:<16} {:>10} {:>7} {:>8} {:>8} {:>6} {:>7}  outcome",
        "target", "runs", "seconds", "coverage", "features", "MB", "slowest"
    );
    for (name, own) in &rows {
        println!(
            "{name:<16} {:>10} {:>7} {:>8} {:>8} {:>6} {:>6}s  {}",
            own.n_runs,
            own.seconds,
            own.coverage,
            own.features,
            own.peak_mb,
            own.slowest,
            own.failure.as_deref().unwrap_or("nothing found")
        );
    }
    let failed: Vec<&str> = rows.iter().filter(|(_, own)| own.failure.is_some()).map(|(name, _)| name.as_str()).collect();
    if !failed.is_empty() {
        bail!("failed: {}; the inputs are in fuzz/artifacts", failed.join(", "));
    }
    Ok(())
}

/// Builds the targets; the folder of what they became.
fn build(root: &Path, wanted: &[String]) -> anyhow::Result<PathBuf> {
    // With a target named, cargo keeps the flags from build scripts, which link no fuzzer.
    let target = process::output("rustc", &["--print", "host-tuple"])?;
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--target", target.trim()]);
    command.args(["--target-dir", "target/fuzz"]);
    if wanted.iter().any(|name| name == OF_SERVER) {
        command.args(["--features", "server"]);
    }
    for name in wanted {
        command.args(["--bin", name]);
    }
    let status = command.env("RUSTFLAGS", FLAGS).env_remove("CARGO_TARGET_DIR").current_dir(root).stdin(Stdio::null()).status();
    let status = status.context("could not start cargo")?;
    if !status.success() {
        bail!("the fuzz targets could not be built: cargo ended with {status}");
    }
    Ok(root.join("target/fuzz").join(target.trim()).join("release"))
}

fn fuzz(root: &Path, binary: &Path, name: &str, seconds: u64, targets: &Targets) -> anyhow::Result<Outcome> {
    let corpus = root.join("fuzz/corpus").join(name);
    let artifacts = root.join("fuzz/artifacts").join(name);
    let seeds = root.join("target/fuzz/seeds").join(name);
    if seeds.exists() {
        std::fs::remove_dir_all(&seeds).with_context(|| format!("could not remove {}", seeds.display()))?;
    }
    for folder in [&corpus, &artifacts, &seeds] {
        std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    }
    let mut child = Command::new(binary)
        .arg(format!("-max_total_time={seconds}"))
        .args(LIMITS)
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args([&corpus, &seeds])
        .env(SEEDS, &seeds)
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {}", binary.display()))?;
    let mut outcome = Outcome::default();
    let said = child.stderr.take().context("the fuzzer has no standard error")?;
    for line in BufReader::new(said).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        outcome.note(&line);
        if matches!(targets, Targets::One(_)) {
            eprintln!("{line}");
        }
    }
    let status = child.wait()?;
    if !status.success() {
        outcome.failure.get_or_insert_with(|| format!("it ended with {status}"));
    }
    Ok(outcome)
}

impl Outcome {
    /// Takes in a line of what libFuzzer says.
    fn note(&mut self, line: &str) {
        let after = |what: &str| line.split_once(what).and_then(|(_, rest)| rest.split_ascii_whitespace().next()?.parse().ok());
        let notes = [
            (&mut self.coverage, after(" cov: ")),
            (&mut self.features, after(" ft: ")),
            (&mut self.seconds, after(" runs in ")),
            (&mut self.n_runs, after("stat::number_of_executed_units: ")),
            (&mut self.peak_mb, after("stat::peak_rss_mb: ")),
            (&mut self.slowest, after("stat::slowest_unit_time_sec: ")),
        ];
        for (own, number) in notes {
            *own = number.unwrap_or(*own);
        }
        let signs = [" panicked at ", "ERROR: libFuzzer: "];
        if self.failure.is_none() && signs.iter().any(|sign| line.contains(sign)) {
            self.failure = Some(line.trim().to_owned());
        }
    }
}

/// The names of all targets, in order.
fn known(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("could not list {}", folder.display()))? {
        let file = entry?.path();
        names.extend(file.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn what_the_fuzzer_says_becomes_a_row() {
        let mut outcome = Outcome::default();
        let said = "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 35Mb\n#9\tDONE   cov: 20 ft: 31 corp: 3/9b\n\
                    Done 9 runs in 61 second(s)\nstat::number_of_executed_units: 9\nstat::slowest_unit_time_sec:    1\nstat::peak_rss_mb:              35";
        said.lines().for_each(|line| outcome.note(line));
        assert_eq!((outcome.n_runs, outcome.seconds, outcome.coverage, outcome.features), (9, 61, 20, 31));
        assert_eq!((outcome.peak_mb, outcome.slowest, outcome.failure.is_none()), (35, 1, true));
        outcome.note("thread '<unnamed>' (7) panicked at crates/x/src/lib.rs:1:2:");
        assert!(outcome.failure.unwrap().ends_with("lib.rs:1:2:"));
    }
}
