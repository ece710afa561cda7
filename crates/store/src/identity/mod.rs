//! Who there is, what they prove it with, what they may do, and which browsers are signed in.

mod credentials;
mod facts;
mod installation;
mod principals;
mod roles;
mod sessions;

pub use credentials::{Credential, CredentialKind, FailedSignIns};
pub use facts::PrincipalFacts;
pub use roles::NewAssignment;
pub use sessions::Session;

/// Runs one statement on whichever database is open and gives the number of rows that it touched.
macro_rules! execute {
    ($store:expr, $doing:expr, $statement:expr $(, $value:expr)* $(,)?) => {
        $crate::pool::on_pool!(&$store.pool, pool => {
            let query = sqlx::query($statement)$(.bind($value))*;
            query.execute(pool).await.map_err($crate::StoreError::statement($doing))?.rows_affected()
        })
    };
}

/// Reads the rows of one statement from whichever database is open.
macro_rules! rows {
    ($store:expr, $doing:expr, $statement:expr $(, $value:expr)* $(,)?) => {
        $crate::pool::on_pool!(&$store.pool, pool => {
            let query = sqlx::query_as($statement)$(.bind($value))*;
            query.fetch_all(pool).await.map_err($crate::StoreError::statement($doing))?
        })
    };
}

/// Reads the first row of one statement, if there is one, from whichever database is open.
macro_rules! first_row {
    ($store:expr, $doing:expr, $statement:expr $(, $value:expr)* $(,)?) => {
        $crate::pool::on_pool!(&$store.pool, pool => {
            let query = sqlx::query_as($statement)$(.bind($value))*;
            query.fetch_optional(pool).await.map_err($crate::StoreError::statement($doing))?
        })
    };
}

pub(crate) use {execute, first_row, rows};
