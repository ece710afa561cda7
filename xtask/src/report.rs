//! The HTML report in a real browser, of an estate of which a name is markup.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::process;

/// A security group of the sample, and what it is called here: as XML has it, in which AWS answers.
const NAME: &str = "corp-bastion";
const HOSTILE: &str =
    "&lt;img src=x onerror=&quot;window.wasRun=1&quot;&gt;&lt;/script&gt;&lt;script&gt;window.wasRun=1&lt;/script&gt;";

/// Scans and opens the report in Chromium by `crates/skywarden/tests/report.mjs`; the console's packages have to be installed.
pub(crate) fn test() -> anyhow::Result<()> {
    let root = process::root()?;
    let folder = root.join("target/report-test");
    let recording = folder.join("recording");
    fs::create_dir_all(&recording).with_context(|| format!("could not create {}", recording.display()))?;
    copy_hostile(&root.join("testkit/estate/recording"), &recording)?;
    let page = folder.join("report.html");
    let [recording, page] = [&recording, &page].map(|path| path.to_str().context("the path of the checkout is no UTF-8"));
    let (source, page) = (format!("replay:{}", recording?), page?);
    process::skywarden(&["scan", &source, "--format", "html", "--out", page])?;
    let mut browser = Command::new("node");
    browser.arg("crates/skywarden/tests/report.mjs").arg(page);
    let status = browser.current_dir(&root).stdin(Stdio::null()).status().context("could not start node")?;
    if !status.success() {
        bail!("the HTML report failed in the browser");
    }
    Ok(())
}

fn copy_hostile(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut n_renamed = 0;
    for entry in from.read_dir().with_context(|| format!("could not list {}", from.display()))? {
        let entry = entry?;
        let mut text = fs::read_to_string(entry.path()).with_context(|| format!("could not read {}", entry.path().display()))?;
        if entry.file_name() == "ec2.jsonl" {
            n_renamed = text.matches(NAME).count();
            text = text.replace(NAME, HOSTILE);
        }
        let copy = to.join(entry.file_name());
        fs::write(&copy, text).with_context(|| format!("could not write {}", copy.display()))?;
    }
    if n_renamed == 0 {
        bail!("the sample has no {NAME} any more, so no name is hostile");
    }
    Ok(())
}
