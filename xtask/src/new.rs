use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;

use crate::process;

/// What to write a skeleton of.
#[derive(Subcommand)]
pub(crate) enum Kind {
    /// `cargo xtask new recommendation aws/s3/s3-bucket-has-lifecycle --type AWS::S3::Bucket`
    Recommendation {
        /// CLOUD/SERVICE/ID.
        path: String,
        /// The resource type that it judges.
        #[arg(long = "type")]
        type_name: String,
    },
    /// `cargo xtask new baseline linux/sshd-limits-auth-tries`
    Baseline {
        /// PLATFORM/ID.
        path: String,
    },
}

/// Writes the skeleton; its FIXME marks fail lint until they are filled in.
pub(crate) fn run(kind: &Kind) -> anyhow::Result<()> {
    let (folder, path, type_name) = match kind {
        Kind::Recommendation { path, type_name } => ("recommendations", path, type_name.as_str()),
        Kind::Baseline { path } => ("baselines", path, "Skywarden.Host/machines"),
    };
    let id = path.rsplit('/').next().unwrap_or(path);
    let file: PathBuf = process::root()?.join("content").join(folder).join(format!("{path}.yaml"));
    if file.exists() {
        bail!("{} exists already", file.display());
    }
    let mut text = format!(
        "id: {id}\ntitle: FIXME the desired state in a sentence\ndescription: FIXME what can happen if it is not so\ntype: {type_name}\nseverity: Medium\n"
    );
    if matches!(kind, Kind::Recommendation { .. }) {
        text.push_str("control: FIXME\ncategories: [Compute]\nthreats: [missingCoverage]\neffort: Low\nuser_impact: Low\n");
    }
    text.push_str("compliance: { mcsb-v1: [FIXME] }\nviolated_if: { field: properties.FIXME, notEquals: true }\nremediation:\n  steps: FIXME\ntests:\n");
    for verdict in ["Healthy", "Unhealthy", "Unknown"] {
        text.push_str(&format!("  - name: FIXME the situation\n    given: {{}}\n    expect: {verdict}\n"));
    }
    let parent = file.parent().context("the file has no folder")?;
    fs::create_dir_all(parent).with_context(|| format!("could not create {}", parent.display()))?;
    fs::write(&file, text).with_context(|| format!("could not write {}", file.display()))?;
    println!("{}", file.display());
    Ok(())
}
