use std::error::Error;

use datafusion::{
    common::{DataFusionError, Diagnostic, SchemaError},
    object_store,
};
use skywarden_archive::ArchiveError;

use crate::{Table, near::near};

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum HuntError {
    /// The query is wrong.
    #[error("the query can't be understood: {message}")]
    Sql {
        /// What is wrong, where, and what may have been meant.
        message: String,
    },
    /// The query asks for more than reading.
    #[error("hunting only reads, and {what} would change something; ask with SELECT")]
    ChangesSomething {
        /// What it would do.
        what: String,
    },
    /// Files went away while the query read them.
    #[error("the archive joined or removed files while the query read them: ask again")]
    Changed,
    /// The query needs more memory than it may have.
    #[error("the query needs more memory than it may take; ask for fewer columns, a shorter time or fewer groups: {0}")]
    Memory(String),
    /// The archive.
    #[error(transparent)]
    Archive(ArchiveError),
    /// Anything else: a file that can't be read, a value that can't be computed.
    #[error("the query failed: {0}")]
    Engine(String),
}

impl HuntError {
    pub(crate) fn engine(error: DataFusionError) -> Self {
        HuntError::Engine(error.strip_backtrace())
    }

    /// What went wrong with a query, for people.
    pub(crate) fn of(error: &DataFusionError, sql: &str, tables: &[Table]) -> Self {
        if is_gone(error) {
            return HuntError::Changed;
        }
        let root = error.find_root();
        match root {
            DataFusionError::ResourcesExhausted(reason) => HuntError::Memory(first_line(reason)),
            DataFusionError::SQL(reason, _) => HuntError::Sql { message: reason.to_string() },
            DataFusionError::Plan(_) | DataFusionError::SchemaError(..) | DataFusionError::NotImplemented(_) => {
                HuntError::Sql { message: sentence(error, root, sql, tables) }
            }
            _ => HuntError::Engine(root.strip_backtrace()),
        }
    }
}

/// Whether a file that was listed is not there any more.
pub(crate) fn is_gone(error: &DataFusionError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(own) = cause {
        if let Some(object_store::Error::NotFound { .. }) = own.downcast_ref() {
            return true;
        }
        if let Some(HuntError::Changed) = own.downcast_ref() {
            return true;
        }
        cause = own.source();
    }
    // Where footers are read only the words are left of the cause.
    let words = error.to_string();
    words.contains("Object at location") && words.contains("not found")
}

/// What is wrong, where, and what may have been meant.
fn sentence(error: &DataFusionError, root: &DataFusionError, sql: &str, tables: &[Table]) -> String {
    let message = match root {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => format!("there is no column {}", field.name),
            other => other.to_string(),
        },
        other => other.message().replace('\n', " ").replace("datafusion.public.", ""),
    };
    let name = missing(&message).or_else(|| message.strip_prefix("there is no column "));
    let place = error.diagnostic().and_then(place).or_else(|| name.and_then(|name| place_of(name, sql)));
    let near = name.map(|name| near_names(name, &message, tables)).unwrap_or_default();
    let mut sentence = message.clone();
    if let Some((line, column)) = place {
        sentence.push_str(&format!(" (line {line}, column {column})"));
    }
    if sentence.contains("Did you mean") {
        return sentence;
    }
    if !near.is_empty() {
        sentence.push_str(&format!("; did you mean {}?", near.join(" or ")));
    } else if name.is_some() {
        sentence.push_str("; `skywarden hunt --schema` shows what there is");
    }
    sentence
}

/// The name in a sentence that says that it is not there.
fn missing(message: &str) -> Option<&str> {
    let quoted = || message.split('\'').nth(1);
    if message.contains("not found") || message.starts_with("Invalid function") {
        return quoted().map(|name| name.rsplit('.').next().unwrap_or(name));
    }
    None
}

/// Names of the same kind that are like one that is not there.
fn near_names<'t>(name: &str, message: &str, tables: &'t [Table]) -> Vec<&'t str> {
    if message.starts_with("table") {
        return near(name, tables.iter().map(|table| table.name.as_str()));
    }
    if message.starts_with("there is no column") {
        return near(name, tables.iter().take(1).flat_map(|table| &table.columns).map(|column| column.name.as_str()));
    }
    Vec::new()
}

fn place(diagnostic: &Diagnostic) -> Option<(usize, usize)> {
    let start = diagnostic.span?.start;
    let place = (usize::try_from(start.line).ok()?, usize::try_from(start.column).ok()?);
    (place.0 > 0).then_some(place)
}

/// Where a word first stands in a query: line and column from 1.
fn place_of(name: &str, sql: &str) -> Option<(usize, usize)> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let lower = sql.to_lowercase();
    let (start, _) = lower.match_indices(&name.to_lowercase()).find(|(start, found)| {
        let (before, rest) = lower.split_at(*start);
        !before.ends_with(is_word) && !rest.strip_prefix(found).is_some_and(|after| after.starts_with(is_word))
    })?;
    let (before, _) = lower.split_at(start);
    let line = before.matches('\n').count() + 1;
    Some((line, before.rsplit('\n').next().unwrap_or(before).chars().count() + 1))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or(text).to_owned()
}
