use std::path::{Path, PathBuf};

/// Why logs can't be taken in.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A file or folder of ours.
    #[error("could not {what} {}: {error}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        error: std::io::Error,
    },
    /// Files of the journal are missing.
    #[error(
        "the journal in {} lacks the batches from {from} to {until}: a file was removed. Put it back; or move the folder away, and what \
         it holds is not looked at",
        folder.display()
    )]
    Gap {
        /// The journal.
        folder: PathBuf,
        /// The first missing batch.
        from: u64,
        /// The first that is there again.
        until: u64,
    },
    /// A file of the journal is damaged before its end.
    #[error(
        "{} is damaged behind byte {at}; the journal goes on with batch {until} in the next file. Restore it from a copy; or cut it there \
         (`truncate --size {at}`) and rename the next file to go on without what is lost",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        at: u64,
        /// The first batch of the next file.
        until: u64,
    },
    /// A batch that can't be kept.
    #[error("a batch can't be kept: {0}")]
    Batch(String),
    /// What is remembered between runs.
    #[error("the state of the log inputs in {} can't be used: {reason}", path.display())]
    State {
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The archive.
    #[error(transparent)]
    Archive(#[from] skywarden_archive::ArchiveError),
    /// Who takes the alerts.
    #[error("alerts could not be kept: {0}")]
    Alerts(String),
    /// A body that somebody posted.
    #[error(transparent)]
    Post(#[from] crate::inputs::PostError),
    /// An input that is not there.
    #[error(
        "there is no input `{0}` to which anything can be posted; `settings.toml` names those there are (`from.kind = \"http\"`)"
    )]
    NoInput(String),
    /// Nothing is taken in any more.
    #[error("the server is stopping; nothing is taken in any more")]
    Stopped,
}

impl IngestError {
    /// Makes an error of what was tried on a file.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| IngestError::File { what, path, error }
    }
}
