/// Why the archive can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The object storage.
    #[error("could not {what} {path} of the archive: {error}")]
    Storage {
        /// What was tried.
        what: &'static str,
        /// On which object.
        path: String,
        /// Why it failed.
        error: object_store::Error,
    },
    /// A file is no Parquet, or not of this layout.
    #[error("{path} of the archive can't be read: {reason}. Restore it from a copy, or move it away to go on without its events")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Rows can't be written as Parquet.
    #[error("events could not be packed for the archive: {0}")]
    Packing(#[from] parquet::errors::ParquetError),
    /// The folder of the archive.
    #[error("the archive's folder {path} can't be used: {error}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        error: std::io::Error,
    },
}

impl ArchiveError {
    pub(crate) fn storage(what: &'static str, path: &object_store::path::Path) -> impl FnOnce(object_store::Error) -> Self {
        let path = path.to_string();
        move |error| ArchiveError::Storage { what, path, error }
    }

    pub(crate) fn unreadable(path: &object_store::path::Path, reason: impl ToString) -> Self {
        ArchiveError::Unreadable { path: path.to_string(), reason: reason.to_string() }
    }
}
