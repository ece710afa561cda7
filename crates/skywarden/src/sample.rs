//! The sample estate: answers of an AWS account that the project made up and recorded, packed into the program.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;
use skywarden_collect::Replay;
use skywarden_content::Catalog;
use skywarden_model::{Connector, Environment, Snapshot, Timestamp};

use crate::source::{self, SAMPLE};

/// A recording of `testkit/estate`, packed by build.rs: one line per answer.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/sample.jsonl.zst"));

/// The connector of the sample; marked as such wherever it is shown.
pub(crate) fn connector() -> Connector {
    Connector {
        id: SAMPLE.into(),
        environment: Environment::Aws,
        display_name: "Sample AWS account".to_owned(),
        sample: true,
        settings: BTreeMap::new(),
    }
}

/// Runs the collectors over the recorded answers, as over AWS.
pub(crate) async fn read(catalog: &Catalog, now: Timestamp) -> anyhow::Result<Snapshot> {
    let lines = zstd::decode_all(PACKED).context("the built-in sample could not be unpacked")?;
    let replay = Arc::new(Replay::from_lines(lines)?);
    source::read_aws(catalog, replay, SAMPLE.into(), &[], &skywarden_collect::NoProgress, now).await
}
