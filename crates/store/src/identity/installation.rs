use super::{execute, first_row};
use crate::{Store, StoreError};

impl Store {
    /// A value that the installation keeps, such as a key.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn installation_value(&self, name: &str) -> Result<Option<String>, StoreError> {
        let found: Option<(String,)> =
            first_row!(self, "reading a value of the installation", "SELECT value FROM installation WHERE name = $1", name);
        Ok(found.map(|(value,)| value))
    }

    /// Keeps a value of the installation unless there is one already; gives back what is kept.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_installation_value_once(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let doing = "saving a value of the installation";
        execute!(
            self,
            doing,
            "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            name,
            value
        );
        // INVARIANT: no value is ever removed or changed.
        let kept: Option<(String,)> = first_row!(self, doing, "SELECT value FROM installation WHERE name = $1", name);
        Ok(kept.map_or_else(|| value.to_owned(), |(kept,)| kept))
    }
}
