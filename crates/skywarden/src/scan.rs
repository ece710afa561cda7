use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::Context as _;
use skywarden_model::{Snapshot, Status, Timestamp};

use crate::{
    Ending,
    arguments::{Format, Scan, Source},
    assess::{Assessed, Known, assess},
    content, output,
};

/// The connector of the machine that this program runs on.
pub(crate) const HOST: &str = "host";

/// `skywarden scan`: assess once and print.
pub(crate) fn run(scan: &Scan, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    let now = Timestamp::now();
    let snapshot = match scan.source {
        Source::Host => read_host(now, Walk::from_flag(scan.walk)),
    };
    let assessed = assess(&catalog, snapshot, &Known::default(), now);
    let mut text = Vec::new();
    match scan.format {
        Format::Table => output::write_table(&catalog, &assessed, &mut text)?,
        Format::Json => output::write_json(&catalog, &assessed, &mut text)?,
        Format::Csv => output::write_csv(&catalog, &assessed, &mut text)?,
    }
    match &scan.out {
        Some(file) => {
            let handle = File::create(file).with_context(|| format!("could not create {}", file.display()))?;
            let mut writer = BufWriter::new(handle);
            writer
                .write_all(&text)
                .and_then(|()| writer.flush())
                .with_context(|| format!("could not write {}", file.display()))?;
        }
        None => std::io::stdout().write_all(&text).context("could not write to standard output")?,
    }
    Ok(if hits_threshold(scan, &catalog, &assessed) { Ending::Threshold } else { Ending::Done })
}

/// Whether to go over every file of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walk {
    Files,
    Nothing,
}

impl Walk {
    pub(crate) fn from_flag(flag: bool) -> Self {
        if flag { Self::Files } else { Self::Nothing }
    }
}

/// Reads this machine, on request with all its files.
pub(crate) fn read_host(now: Timestamp, walk: Walk) -> Snapshot {
    let root = skywarden_host::HostRoot::live();
    let mut snapshot = skywarden_host::collect(&root, now, HOST.into());
    if walk == Walk::Files {
        let result = skywarden_host::walk(&root, &skywarden_host::WalkLimits::default(), &mut |_| {});
        for resource in &mut snapshot.resources {
            result.apply(resource, now);
        }
    }
    snapshot
}

fn hits_threshold(scan: &Scan, catalog: &skywarden_content::Catalog, assessed: &Assessed) -> bool {
    let Some(threshold) = scan.fail_on else { return false };
    assessed.assessments.iter().filter(|assessment| assessment.status == Status::Unhealthy).any(|assessment| {
        let recommendation = catalog.recommendations.get(&assessment.recommendation);
        recommendation.is_some_and(|recommendation| recommendation.file.severity >= threshold)
    })
}
