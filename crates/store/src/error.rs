/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store could not be opened.
    #[error("could not open the store {place}: {source}; check that it is a store, exists, is writable and has space")]
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
    #[error("the store failed while {doing}: {source}{advice}")]
    Statement {
        /// What was being done.
        doing: &'static str,
        /// What to do about it, after a semicolon; empty where nothing is known.
        advice: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// Another process commits to the same store.
    #[error("another skywarden process is writing to the store {place}; wait until it is done, or stop it")]
    RunInProgress {
        /// The lock's file, or the server.
        place: String,
    },
    /// The lock that keeps runs apart could not be had.
    #[error("could not lock {place} against other skywarden processes: {source}; check that the folder is writable")]
    Lock {
        /// The lock's file.
        place: String,
        /// Why.
        source: std::io::Error,
    },
    /// A stored document could not be read back.
    #[error("a stored {what} is damaged: {source}")]
    Damaged {
        /// What it is.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// Another of the same kind has the name, in whichever case.
    #[error("there is a {what} `{name}` already; choose another name")]
    NameTaken {
        /// What it is.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A role that is assigned can't be removed.
    #[error("the role `{id}` is assigned {n_assignments} times; remove its assignments first")]
    RoleInUse {
        /// The role's id.
        id: String,
        /// How often it is assigned.
        n_assignments: u64,
    },
    /// A role that comes with the product can't be changed.
    #[error("the role `{0}` comes with the product and can't be changed; make one of your own under another id")]
    RoleBuiltIn(String),
    /// A secret could not be sealed or opened.
    #[error("the secret `{name}` can't be had: {source}")]
    Secret {
        /// Its name.
        name: String,
        /// Why.
        source: skywarden_vault::VaultError,
    },
    /// The master key is not the one that this store's keys are sealed under.
    #[error("the master key does not open the secrets of this store: {source}; give the key that it was made with")]
    MasterKey {
        /// Why.
        source: skywarden_vault::VaultError,
    },
    /// A cursor did not come from this store.
    #[error("`{0}` is no cursor of this list; begin again without a cursor")]
    Cursor(String),
}

impl StoreError {
    pub(crate) fn statement(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Statement { doing, advice: advice(&source), source }
    }

    /// The same as [`StoreError::statement`], where a name may be taken.
    pub(crate) fn named(doing: &'static str, what: &'static str, name: &str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| match source.as_database_error() {
            Some(error) if error.is_unique_violation() => Self::NameTaken { what, name: name.to_owned() },
            _ => Self::statement(doing)(source),
        }
    }

    pub(crate) fn damaged(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Damaged { what, source }
    }
}

/// What a person can do about the failures that are not ours: a full disk, a read-only place, another writer, a damaged file.
fn advice(error: &sqlx::Error) -> &'static str {
    let Some(code) = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned)) else {
        return "";
    };
    // SQLite's extended codes hold the class in their lowest byte; PostgreSQL's have five characters.
    let class = if code.len() < 5 { code.parse::<u32>().ok().map(|code| code & 0xff) } else { None };
    match (class, code.as_str()) {
        (Some(13), _) | (_, "53100") => "; make room on the disk that holds the store, the last complete run is kept",
        (Some(8), _) | (_, "25006") => "; the store can only be read, make its file and folder writable",
        (Some(5 | 6), _) | (_, "55P03") => "; another program holds the store, try again when it is done",
        (Some(11 | 26), _) => "; the file is damaged or no store, restore a backup or choose another with --data",
        (_, "42501") => "; the database user needs the right to create and change tables",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::*;

    async fn failure(pragma: &'static str, statement: &'static str) -> String {
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::query("CREATE TABLE t (x TEXT)").execute(&mut database).await.unwrap();
        sqlx::query(pragma).execute(&mut database).await.unwrap();
        let failed = sqlx::query(statement).execute(&mut database).await;
        failed.map_err(StoreError::statement("committing a run")).unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_full_disk_says_what_to_do() {
        let text = failure("PRAGMA max_page_count = 2", "INSERT INTO t VALUES (zeroblob(1000000))").await;
        assert!(text.contains("committing a run") && text.contains("make room on the disk"), "{text}");
    }

    #[tokio::test]
    async fn a_read_only_store_says_what_to_do() {
        let text = failure("PRAGMA query_only = ON", "INSERT INTO t VALUES ('x')").await;
        assert!(text.contains("can only be read"), "{text}");
    }

    #[tokio::test]
    async fn a_mistake_of_our_own_gives_no_advice() {
        let text = failure("PRAGMA query_only = OFF", "INSERT INTO nowhere VALUES ('x')").await;
        assert!(text.ends_with("no such table: nowhere"), "{text}");
    }
}
