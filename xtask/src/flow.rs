//! Acceptance over a real AWS emulator: the scripts of tests/lab.

use anyhow::{Context as _, bail};

use crate::process;

/// What is run, in order; `measure.py` prints figures and asserts nothing.
const SCRIPTS: [&str; 8] = ["compare_ids", "flaws", "repair", "denials", "changes", "logs", "three", "measure"];

/// The port of the emulator.
const PORT: &str = "5790";

/// Runs one script of tests/lab, or all of them, with a release build.
pub(crate) fn run(name: Option<&str>) -> anyhow::Result<()> {
    let chosen: Vec<&str> = SCRIPTS.into_iter().filter(|script| name.is_none_or(|name| name == *script)).collect();
    if chosen.is_empty() {
        bail!("there is no such flow; there are {}", SCRIPTS.join(", "));
    }
    let lab = process::root()?.join("../shared/tools/aws-lab");
    if !lab.exists() {
        bail!("the flows need the AWS emulator {}, which stands beside the checkout", lab.display());
    }
    process::run("cargo", &["build", "--release", "--no-default-features", "--package", "skywarden"])?;
    let binary = built("skywarden")?;
    let python = python(lab.to_str().context("the path of the lab is no UTF-8")?)?;
    for script in chosen {
        println!("== {script}");
        let script_file = format!("tests/lab/{script}.py");
        let mut command = vec![script_file.as_str(), "--skywarden", &binary, "--port", PORT];
        let azure;
        if script == "three" {
            process::run("cargo", &["build", "--release", "--package", "skywarden-testkit", "--bin", "arm-server"])?;
            azure = built("arm-server")?;
            command.extend(["--arm-server", &azure]);
        }
        process::run(&python, &command)?;
    }
    Ok(())
}

/// The path of a program of the release build.
fn built(name: &str) -> anyhow::Result<String> {
    process::built("release", name)?.into_os_string().into_string().ok().context("the path of the target folder is no UTF-8")
}

/// The emulator's own Python, which has the SDK; starting the emulator installs it.
fn python(lab: &str) -> anyhow::Result<String> {
    let home = std::env::var("HOME").context("HOME is not set, under which the emulator keeps its Python")?;
    let python = format!("{home}/.cache/aws-lab/venv/bin/python");
    if !std::path::Path::new(&python).exists() {
        process::run("bash", &[lab, "start", PORT, "0"])?;
        process::run("bash", &[lab, "stop", PORT])?;
    }
    Ok(python)
}
