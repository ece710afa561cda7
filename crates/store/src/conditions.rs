//! The conditions of a statement that is put together from what a reader asks for.

use std::collections::BTreeSet;

use crate::{ScopeFilter, StoreError, commit::json, filter::Condition, pool::Pool, read::pattern};

/// Conditions that follow `WHERE 1 = 1`, with the texts that their placeholders take, in order.
pub(crate) struct Conditions<'p> {
    pool: &'p Pool,
    pub(crate) sql: String,
    pub(crate) values: Vec<String>,
}

/// Where what is asked for has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Narrowed<'q> {
    pub(crate) type_name: Option<&'q str>,
    pub(crate) connector: Option<&'q str>,
    pub(crate) account: Option<&'q str>,
    pub(crate) location: Option<&'q str>,
}

impl Narrowed<'_> {
    fn columns(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("type_name", self.type_name),
            ("connector", self.connector),
            ("account", self.account),
            ("resource_group", self.location),
        ]
    }

    /// The columns that are told.
    pub(crate) fn told(&self) -> impl Iterator<Item = &'static str> {
        self.columns().into_iter().filter(|(_, value)| value.is_some()).map(|(column, _)| column)
    }

    /// The conditions over a table's columns of where resources are.
    pub(crate) fn on(&self, table: &str, conditions: &mut Conditions<'_>) {
        for (column, value) in self.columns() {
            conditions.equal(&format!("{table}.{column}"), value);
        }
    }

    /// The conditions over `slices s`, of which a filter leaves some.
    pub(crate) fn on_slices(&self, filter: &ScopeFilter, conditions: &mut Conditions<'_>) {
        if *filter == ScopeFilter::All {
            return self.on("s", conditions);
        }
        // Written so that no index serves them: a type has slices in every account, of which few are the reader's.
        for (column, value) in self.columns() {
            conditions.equal(&format!("(s.{column} || '')"), value);
        }
    }
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
