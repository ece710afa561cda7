use std::path::Path;

use anyhow::{Context as _, bail};

use crate::{brokers, console, process, report};

/// Installs what the tests need and runs all of them; with a filter, only those of Rust.
pub(crate) fn run(filter: Option<&str>) -> anyhow::Result<()> {
    install_postgresql()?;
    if !Path::new("/lib/systemd/systemd-journald").exists() {
        install("systemd", "the tests of log inputs run a systemd-journald of their own")?;
    }
    install_identity_provider()?;
    brokers::install()?;
    install_clouds()?;
    install_python("duckdb", "tests/clients/duckdb_requirements.txt")?;
    install_python("taxii", "crates/ingest/tests/taxii/requirements.txt")?;
    // The console is built once, by its own tests: Rust's need none of it.
    let mut arguments =
        vec!["test", "--workspace", "--exclude", "skywarden-console", "--no-default-features", "--features", "skywarden/hunt"];
    arguments.extend(filter);
    process::run("cargo", &arguments)?;
    if filter.is_none() {
        console::test()?;
        report::test()?;
    }
    Ok(())
}

/// The tests of signing in start an identity provider from npm.
fn install_identity_provider() -> anyhow::Result<()> {
    let folder = process::root()?.join("crates/api/tests/oidc");
    let mut npm = std::process::Command::new("npm");
    npm.args(["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    let status = npm.current_dir(&folder).status().context("could not start npm; the tests need Node.js 20 or later")?;
    if !status.success() {
        bail!("`npm ci` in {} failed with {status}", folder.display());
    }
    Ok(())
}

/// The tests of log inputs start emulators of AWS and Pub/Sub from PyPI.
fn install_clouds() -> anyhow::Result<()> {
    let root = process::root()?;
    let wanted = root.join("crates/ingest/tests/clouds/requirements.txt");
    let wanted = std::fs::read_to_string(&wanted).with_context(|| format!("could not read {}", wanted.display()))?;
    let folder = root.join("target/clouds");
    let installed = folder.join("requirements.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing emulators of clouds in {}", folder.display());
    let text = folder.to_str().context("the path of the checkout is no UTF-8")?;
    process::run("python3", &["-m", "venv", "--clear", text]).context("the tests need Python 3.11 or later with venv")?;
    let pip = format!("{text}/bin/pip");
    process::run(&pip, &["install", "--quiet", "--requirement", "crates/ingest/tests/clouds/requirements.txt"])?;
    // It asks for Python 3.14 and for what its other services need; serve.py runs its Pub/Sub without either.
    process::run(&pip, &["install", "--quiet", "--no-deps", "--ignore-requires-python", "cloudbox==0.2.3"])?;
    std::fs::write(&installed, wanted).with_context(|| format!("could not write {}", installed.display()))
}

/// Installs what a list of PyPI's packages names in a virtual environment below `target`: DuckDB, against which the test of hunting holds
/// the archive; a TAXII server, which the test of threat intelligence starts.
fn install_python(name: &str, requirements: &str) -> anyhow::Result<()> {
    let root = process::root()?;
    let wanted = std::fs::read_to_string(root.join(requirements)).with_context(|| format!("could not read {requirements}"))?;
    let folder = root.join("target").join(name);
    let installed = folder.join("requirements.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing {name} in {}", folder.display());
    let text = folder.to_str().context("the path of the checkout is no UTF-8")?;
    process::run("python3", &["-m", "venv", "--clear", text]).context("the tests need Python 3.11 or later with venv")?;
    process::run(&format!("{text}/bin/pip"), &["install", "--quiet", "--requirement", requirements])?;
    std::fs::write(&installed, wanted).with_context(|| format!("could not write {}", installed.display()))
}

/// The tests of the store and of ingest start PostgreSQL servers of their own and need its programs.
fn install_postgresql() -> anyhow::Result<()> {
    if has_postgresql()? {
        return Ok(());
    }
    install("postgresql", "tests start PostgreSQL servers of their own (initdb, pg_ctl)")
}

/// Installs a Debian package as root; says what to do to anyone else.
pub(crate) fn install(package: &str, why: &str) -> anyhow::Result<()> {
    let is_root = process::output("id", &["-u"])?.trim() == "0";
    if !is_root {
        bail!("{why}: run `sudo apt-get install {package}` and try again");
    }
    println!("installing {package}: {why}");
    process::run("apt-get", &["update", "-qq"])?;
    process::run("apt-get", &["install", "-y", "-qq", "--no-install-recommends", package])
}

fn has_postgresql() -> anyhow::Result<bool> {
    let versions = Path::new("/usr/lib/postgresql");
    if !versions.is_dir() {
        return Ok(false);
    }
    let entries = versions.read_dir().with_context(|| format!("could not list {}", versions.display()))?;
    for entry in entries {
        if entry?.path().join("bin/initdb").is_file() {
            return Ok(true);
        }
    }
    Ok(false)
}
