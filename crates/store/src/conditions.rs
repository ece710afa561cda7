//! The conditions of a statement that is put together from what a reader asks for.

use std::collections::BTreeSet;

use crate::{StoreError, commit::json, filter::Condition, pool::Pool, read::pattern};

/// Conditions that follow `WHERE 1 = 1`, with the texts that their placeholders take, in order.
pub(crate) struct Conditions<'p> {
    pool: &'p Pool,
    pub(crate) sql: String,
    pub(crate) values: Vec<String>,
}

impl<'p> Conditions<'p> {
    pub(crate) fn new(pool: &'p Pool) -> Self {
        Self { pool, sql: String::new(), values: Vec::new() }
    }

    /// The placeholder of the next value.
    pub(crate) fn next(&self) -> usize {
        self.values.len() + 1
    }

    /// The placeholder of a value.
    pub(crate) fn bind(&mut self, value: &str) -> usize {
        self.values.push(value.to_owned());
        self.values.len()
    }

    /// A condition without a value of its own.
    pub(crate) fn add(&mut self, sql: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
    }

    /// A condition that was made with placeholders from [`Conditions::next`] on.
    pub(crate) fn and(&mut self, condition: Condition) {
        self.sql.push_str(&condition.sql);
        self.values.extend(condition.values);
    }

    /// A column is a value, if one is given.
    pub(crate) fn equal(&mut self, column: &str, value: Option<&str>) {
        if let Some(value) = value {
            let placeholder = self.bind(value);
            self.add(&format!("{column} = ${placeholder}"));
        }
    }

    /// A column is one of some values, if they are given.
    pub(crate) fn is_in(&mut self, column: &str, values: Option<&BTreeSet<String>>) -> Result<(), StoreError> {
        let Some(values) = values else { return Ok(()) };
        let rows = self.rows(values.iter().map(String::as_str), "name")?;
        self.add(&format!("{column} IN (SELECT w.name FROM {rows} w)"));
        Ok(())
    }

    /// One of two columns contains a text, without case, if one is given.
    pub(crate) fn contains(&mut self, [one, other]: [&str; 2], text: Option<&str>) {
        if let Some(text) = text {
            let placeholder = self.bind(&pattern(&text.to_lowercase()));
            let is_like = |column: &str| format!("LOWER({column}) LIKE ${placeholder} ESCAPE '\\'");
            self.add(&format!("({} OR {})", is_like(one), is_like(other)));
        }
    }

    /// A table of some texts with one column.
    pub(crate) fn rows<'v>(&mut self, values: impl Iterator<Item = &'v str>, column: &str) -> Result<String, StoreError> {
        let rows: Vec<[&str; 1]> = values.map(|value| [value]).collect();
        let placeholder = self.bind(&json(&rows)?);
        Ok(self.pool.rows(placeholder, &[column]))
    }
}
