//! `skywarden hunt`: SQL over the archive of events.

#[cfg(feature = "hunt")]
mod output;

use std::path::{Path, PathBuf};

use crate::{Ending, arguments::HuntArguments};

/// `skywarden hunt SQL`.
#[cfg(not(feature = "hunt"))]
pub(crate) fn run(arguments: &HuntArguments, _content: Option<&Path>) -> anyhow::Result<Ending> {
    let folder = archive_folder(arguments)?;
    anyhow::bail!(
        "this skywarden was built without hunting, so {} can't be asked; build it with `--features hunt`, or ask the Parquet files \
         there with DuckDB (docs/guide/hunting.md)",
        folder.display()
    )
}

/// `skywarden hunt SQL`.
#[cfg(feature = "hunt")]
pub(crate) fn run(arguments: &HuntArguments, content: Option<&Path>) -> anyhow::Result<Ending> {
    let folder = archive_folder(arguments)?;
    let archive = skywarden_archive::Archive::in_existing_folder(&folder, crate::logs::layout()?)?;
    let known = || Ok(crate::content::catalog_with_threats(content)?.log_sources.into_keys().collect());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let asked = runtime.block_on(async {
        tokio::select! {
            asked = output::ask(arguments, &archive, known) => asked,
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                anyhow::bail!("stopped before the end: what was printed is not all")
            }
        }
    });
    // What still works for a query that was stopped ends with the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    asked.map(|()| Ending::Done)
}

/// Where the archive is: as named, else as the settings of the data folder say.
fn archive_folder(arguments: &HuntArguments) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &arguments.archive {
        return Ok(folder.clone());
    }
    if let Some(data) = &arguments.data {
        anyhow::ensure!(data.is_dir(), "there is no data folder {}; name the server's with --data", data.display());
    }
    let data = crate::data_dir::DataDir::open(arguments.data.as_deref())?;
    let settings = crate::settings::Settings::read(&data.settings())?;
    Ok(settings.logs.keep.archive(data.path()))
}
