//! Evidence that borrows what stands in the rule and in the resource.

use std::{ops::Deref, sync::Arc};

use serde_json::Value;
use skywarden_model::{Actual, Evidence};

/// A value in evidence, as JSON, at most this long.
const MAX_VALUE: usize = 1024;

/// One observation that decided a verdict: an [`Evidence`] in the rule's and the resource's own words, for those who look at it while
/// both are there. Who stores it makes it an [`Evidence`].
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'a> {
    /// The field, with list positions.
    pub field: Words<'a>,
    /// The condition that was tested.
    pub expected: Words<'a>,
    /// What was there.
    pub actual: Observed<'a>,
}

/// Words of an entry; they are read as text.
#[derive(Debug, Clone, PartialEq)]
pub enum Words<'a> {
    /// They stand in the rule.
    Kept(&'a Arc<str>),
    /// They were made for the entry.
    Made(String),
}

/// What an entry says was there.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed<'a> {
    /// This value of the resource, of the rule or of a parameter.
    Value(&'a Value),
    /// This text of the resource.
    Text(&'a str),
    /// Anything else: what is not there, what could not be read, a value that was computed or cut.
    Made(Actual),
}

impl From<Entry<'_>> for Evidence {
    fn from(entry: Entry<'_>) -> Self {
        Self { field: entry.field.into(), expected: entry.expected.into(), actual: entry.actual.into(), source: None }
    }
}

impl Deref for Words<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Kept(words) => words,
            Self::Made(words) => words,
        }
    }
}

impl From<Words<'_>> for Arc<str> {
    fn from(words: Words<'_>) -> Self {
        match words {
            Words::Kept(words) => Self::clone(words),
            Words::Made(words) => words.into(),
        }
    }
}

impl From<Observed<'_>> for Actual {
    fn from(observed: Observed<'_>) -> Self {
        match observed {
            Observed::Value(value) => Self::Value(value.clone()),
            Observed::Text(text) => Self::Value(Value::String(text.to_owned())),
            Observed::Made(actual) => actual,
        }
    }
}

impl<'a> Observed<'a> {
    /// A value, cut if it is too long for evidence.
    #[inline]
    pub(crate) fn value(value: &'a Value) -> Self {
        if is_short(value) { Self::Value(value) } else { Self::Made(Actual::Value(shortened(value))) }
    }

    /// A text, cut if it is too long for evidence.
    #[inline]
    pub(crate) fn text(text: &'a str) -> Self {
        if is_short_text(text) { Self::Text(text) } else { Self::Made(Actual::Value(shortened(&Value::String(text.to_owned())))) }
    }

    /// A value that was made, cut if it is too long for evidence.
    #[inline]
    pub(crate) fn made(value: Value) -> Self {
        Self::Made(Actual::Value(if is_short(&value) { value } else { shortened(&value) }))
    }
}

/// A value as evidence has it, which is cut where it is too long.
pub(crate) fn shortened(value: &Value) -> Value {
    if is_short(value) {
        return value.clone();
    }
    let text = value.to_string();
    if text.len() <= MAX_VALUE {
        return value.clone();
    }
    let cut: String = text.chars().take(MAX_VALUE / 4).collect();
    Value::String(format!("{cut}… ({} bytes)", text.len()))
}

#[inline]
fn is_short(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => is_short_text(text),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether a text needs no look at its length as JSON: a character takes six bytes as an escape.
#[inline]
fn is_short_text(text: &str) -> bool {
    text.len() <= MAX_VALUE / 6 - 2
}
