//! The only crate with SQL: SQLite and PostgreSQL from the same statements.
