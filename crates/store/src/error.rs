/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store could not be opened.
    #[error("could not open the store {place}: {source}; check that the folder exists, is writable and has space")]
    Open {
        /// The file, or the server without credentials.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The file of the store could not be made.
    #[error("could not create the store {place}: {source}; choose a folder that you may write to with --data")]
    Create {
        /// The file.
        place: String,
        /// Why.
        source: std::io::Error,
    },
    /// It was written by a newer version.
    #[error(
        "the store was written by a newer version (schema {found}, this program knows {known}); use that version or restore a backup"
    )]
    Newer {
        /// The schema's version in the store.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// A statement failed.
    #[error("the store failed while {doing}: {source}")]
    Statement {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// A stored document could not be read back.
    #[error("a stored {what} is damaged: {source}")]
    Damaged {
        /// What it is.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// A cursor did not come from this store.
    #[error("`{0}` is no cursor of this list; begin again without a cursor")]
    Cursor(String),
}

impl StoreError {
    pub(crate) fn statement(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Statement { doing, source }
    }

    pub(crate) fn damaged(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Damaged { what, source }
    }
}
