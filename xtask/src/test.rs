use std::path::Path;

use anyhow::{Context as _, bail};

use crate::process;

/// Installs what the tests need and runs all of them.
pub(crate) fn run(filter: Option<&str>) -> anyhow::Result<()> {
    install_postgresql()?;
    let mut arguments = vec!["test", "--workspace"];
    arguments.extend(filter);
    process::run("cargo", &arguments)
}

/// The store's tests start a PostgreSQL server of their own and need its programs.
fn install_postgresql() -> anyhow::Result<()> {
    if has_postgresql()? {
        return Ok(());
    }
    let is_root = process::output("id", &["-u"])?.trim() == "0";
    if !is_root {
        bail!(
            "the tests need PostgreSQL's server programs (initdb, pg_ctl): run `sudo apt-get install postgresql` and try again"
        );
    }
    println!("installing postgresql for the store's tests");
    process::run("apt-get", &["update", "-qq"])?;
    process::run("apt-get", &["install", "-y", "-qq", "--no-install-recommends", "postgresql"])
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
