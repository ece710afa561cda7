//! The console's tests: its units, then a walk through the real pages in a real browser, hostile names among them.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::{process, test::install};

const BROWSER: &str = "/usr/bin/chromium";

/// The input to which the walk posts the log of an attack.
const LOG_INPUT: &str = "[[logs.inputs]]\nid = \"walk\"\nsource = \"linux-auth\"\nfrom.kind = \"http\"\n";

/// Runs the units by Vitest, then `tests/walk.mjs`, `tests/walk-connect.mjs` and `tests/walk-people.mjs` against `skywarden up --sample` in Chromium.
pub(crate) fn test() -> anyhow::Result<()> {
    if !Path::new(BROWSER).exists() {
        install("chromium", "the console's test walks through its pages in a browser")?;
    }
    npm(&["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"])?;
    npm(&["test", "--silent"])?;
    process::run("cargo", &["build", "--package", "skywarden"])?;
    let data = process::root()?.join("target/console-test");
    if data.exists() {
        std::fs::remove_dir_all(&data).with_context(|| format!("could not empty {}", data.display()))?;
    }
    std::fs::create_dir_all(&data).with_context(|| format!("could not create {}", data.display()))?;
    let settings = data.join("settings.toml");
    std::fs::write(&settings, LOG_INPUT).with_context(|| format!("could not write {}", settings.display()))?;
    let store = data.join("skywarden.db").display().to_string();
    process::run("cargo", &["run", "--quiet", "--package", "skywarden-testkit", "--bin", "hostile", "--", &store])?;
    process::run("cargo", &["build", "--package", "skywarden-testkit", "--bin", "arm-server"])?;
    let [skywarden, arm_server] = [process::built("debug", "skywarden")?, process::built("debug", "arm-server")?];
    // The address works once, so each walk has a start of its own; the last makes the first account.
    for walk in ["tests/walk.mjs", "tests/walk-connect.mjs", "tests/walk-people.mjs"] {
        let server = Server::start(&data)?;
        let mut node = Command::new("node");
        node.arg(walk).env("SKYWARDEN_URL", &server.url).env("ARM_SERVER", &arm_server);
        node.env("SKYWARDEN", &skywarden).env("SKYWARDEN_DATA", &data);
        run_in_console(&mut node)?;
    }
    Ok(())
}

fn npm(arguments: &[&str]) -> anyhow::Result<()> {
    run_in_console(Command::new("npm").args(arguments))
}

fn run_in_console(command: &mut Command) -> anyhow::Result<()> {
    let status =
        command.current_dir(process::root()?.join("console")).stdin(Stdio::null()).status().with_context(|| {
            format!("could not start {}; the console needs Node.js 20 or later", command.get_program().display())
        })?;
    if !status.success() {
        bail!("{} in console/ failed with {status}", command.get_program().display());
    }
    Ok(())
}

/// A server of the test's own, which ends with it.
struct Server {
    process: Child,
    /// Kept open: the server goes on printing.
    _output: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn start(data: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new("cargo")
            .args(["run", "--quiet", "--package", "skywarden", "--", "up", "--sample", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .current_dir(process::root()?)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start skywarden")?;
        let mut output = BufReader::new(process.stdout.take().context("skywarden has no output")?);
        let mut line = String::new();
        loop {
            line.clear();
            if output.read_line(&mut line).context("could not read what skywarden prints")? == 0 {
                bail!("skywarden ended before it printed its address");
            }
            if let Some(url) = line.strip_prefix("Open ") {
                let url = url.trim().to_owned();
                return Ok(Self { process, _output: output, url });
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // `cargo run` replaces itself by the server, so this ends the server itself. It may have ended by itself.
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }
}
