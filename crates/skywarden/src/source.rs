//! Where resources come from: this machine, a directory tree, AWS, a recording.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use anyhow::Context as _;
use skywarden_cloud::{AwsClient, AwsOptions};
use skywarden_collect::{CollectOptions, Live, Progress, Recording, Replay, Transport, collect_aws};
use skywarden_content::Catalog;
use skywarden_host::{HostRoot, WalkLimits};
use skywarden_model::{ConnectorId, Snapshot, Timestamp};

use crate::arguments::AwsLogin;

/// The connector of the machine that this program runs on.
pub(crate) const HOST: &str = "host";
/// The connector of the sample estate.
pub(crate) const SAMPLE: &str = "sample";

/// A source as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// `host`: the machine that this program runs on.
    Host,
    /// `dir:ROOT`: the files of a machine that does not run: a mounted disk, an unpacked image.
    Tree(PathBuf),
    /// `aws`: the account that the login leads to.
    Aws,
    /// `azure`: the subscriptions that the login leads to.
    Azure,
    /// `replay:DIR`: answers that were recorded.
    Replay(PathBuf),
    /// `file:FILE`: a snapshot of AWS Config, or a folder of them; what was exported from Azure.
    File(PathBuf),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.split_once(':')) {
            ("host", _) => Ok(Self::Host),
            ("aws", _) => Ok(Self::Aws),
            ("azure", _) => Ok(Self::Azure),
            (_, Some(("dir", folder))) if !folder.is_empty() => Ok(Self::Tree(folder.into())),
            (_, Some(("replay", folder))) if !folder.is_empty() => Ok(Self::Replay(folder.into())),
            (_, Some(("file", file))) if !file.is_empty() => Ok(Self::File(file.into())),
            _ => Err("expected host, dir:ROOT, aws, azure, replay:DIR or file:FILE".to_owned()),
        }
    }
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
    read_machine(&HostRoot::live(), HOST.into(), now, walk)
}

/// Reads the machine whose files are below a folder. Its connector is its own, or two trees would share one score.
pub(crate) fn read_tree(folder: &Path, now: Timestamp, walk: Walk) -> anyhow::Result<Snapshot> {
    let folder = folder.canonicalize().with_context(|| format!("could not find {}", folder.display()))?;
    anyhow::ensure!(folder.is_dir(), "{} is no folder", folder.display());
    let connector = ConnectorId::from(format!("dir:{}", folder.display()).as_str());
    Ok(read_machine(&HostRoot::tree(folder), connector, now, walk))
}

fn read_machine(root: &HostRoot, connector: ConnectorId, now: Timestamp, walk: Walk) -> Snapshot {
    let mut snapshot = skywarden_host::collect(root, now, connector);
    if walk == Walk::Files {
        let result = skywarden_host::walk(root, &WalkLimits::default(), &mut |_| {});
        for resource in &mut snapshot.resources {
            result.apply(resource, now);
        }
    }
    snapshot
}

/// AWS itself, answering to a login.
pub(crate) async fn live(login: &AwsLogin) -> anyhow::Result<Arc<dyn Transport>> {
    let options = AwsOptions {
        profile: login.profile.clone(),
        role_arn: login.role.clone(),
        external_id: login.external_id.clone(),
        endpoint_url: login.endpoint_url.clone(),
        home_region: None,
        credentials_file: None,
    };
    Ok(Arc::new(Live::new(AwsClient::new(options).await?)))
}

/// What was recorded in a folder.
pub(crate) fn replay(folder: &Path) -> anyhow::Result<Arc<Replay>> {
    Ok(Arc::new(Replay::open(folder)?))
}

/// Passes calls on and records them.
pub(crate) fn recording(inner: Arc<dyn Transport>, folder: &Path, now: Timestamp) -> anyhow::Result<Arc<dyn Transport>> {
    Ok(Arc::new(Recording::new(inner, folder, now)?))
}

/// Collects an AWS account; no regions means all that the account has switched on.
pub(crate) async fn read_aws(
    catalog: &Catalog,
    transport: Arc<dyn Transport>,
    connector: ConnectorId,
    regions: &[String],
    progress: &dyn Progress,
    now: Timestamp,
) -> anyhow::Result<Snapshot> {
    let mut options = CollectOptions::new(connector);
    options.regions = (!regions.is_empty()).then(|| regions.to_vec());
    collect_aws(catalog, transport, options, progress, now).await.context("could not read AWS")
}
