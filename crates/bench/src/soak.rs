//! Long runs that look for what grows.

pub(crate) mod ingest;
pub(crate) mod store;

use std::path::Path;

use anyhow::{Context as _, ensure};
use skywarden_content::Catalog;
use skywarden_model::{Connector, Environment, Timestamp};
use skywarden_store::Store;

/// Runs of the whole soak; the test makes a twentieth of them.
pub(crate) const RESCANS: u64 = 2000;

/// Rescans an unchanged estate: every run but the first writes its score and nothing else, and memory and the store's file stay
/// within what the history of scores needs.
pub(crate) async fn rescan(n_runs: u64) -> anyhow::Result<()> {
    let catalog = Catalog::embedded().map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let snapshot = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            scope
                .spawn(|| skywarden_testkit::sample(&catalog))
                .join()
                .map_err(|_| anyhow::anyhow!("the sample could not be read"))
        })
    })??;
    let folder = tempfile::tempdir().context("could not make a folder for the store")?;
    let file = folder.path().join("soak.db");
    let mut store = Store::open_file(&file).await?;
    let connector = Connector {
        id: "sample".into(),
        environment: Environment::Aws,
        display_name: "soak".to_owned(),
        sample: true,
        settings: Default::default(),
    };
    let (mut size, mut memory) = (0, 0);
    let warm_up = (n_runs / 10).max(2);
    for run in 0..n_runs {
        let (_, stats) = store.assess(&catalog, &connector, snapshot.clone(), Timestamp::now()).await?;
        ensure!(run == 0 || stats.n_written <= 1, "run {run} wrote {} rows of an unchanged estate", stats.n_written);
        if run == warm_up {
            store.close().await;
            (size, memory) = (bytes(&file)?, crate::measure::memory_mb()?);
            store = Store::open_file(&file).await?;
        }
    }
    store.close().await;
    let grown = bytes(&file)?.saturating_sub(size);
    let per_run = grown / n_runs.saturating_sub(warm_up).max(1);
    println!(
        "{n_runs} runs: the store grew by {grown} bytes ({per_run} a run), memory {memory} MB -> {} MB",
        crate::measure::memory_mb()?
    );
    ensure!(per_run < 16 * 1024, "the store grows by {per_run} bytes a run, which is more than a score");
    ensure!(crate::measure::memory_mb()? < memory + 64, "memory grew from {memory} MB to {} MB", crate::measure::memory_mb()?);
    Ok(())
}

/// The size of a store that is closed: until then SQLite keeps some megabytes of it in its write-ahead log.
fn bytes(file: &Path) -> anyhow::Result<u64> {
    Ok(std::fs::metadata(file).with_context(|| format!("could not look at {}", file.display()))?.len())
}

#[cfg(test)]
mod tests {
    #[tokio::test(flavor = "multi_thread")]
    async fn a_twentieth_of_the_rescans() {
        super::rescan(super::RESCANS / 20).await.unwrap();
    }
}
