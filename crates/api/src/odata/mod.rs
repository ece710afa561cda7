//! OData's `$filter`, as far as ARM's own services take it: comparisons, `in`, `and`, `or`, `not`, parentheses and functions.
//!
//! [`Filter::parse`] reads one, [`Filter::check`] refuses names that a list does not know, [`Filter::holds`] asks one row. Nothing of a
//! filter reaches the store: rows are asked one by one.

mod lex;
mod parse;

use std::{cmp::Ordering, fmt};

use serde_json::Value;

/// A filter is at most this long, in bytes.
pub(crate) const MAX_LENGTH: usize = 8192;

/// Parentheses and `not` lie at most this deep.
pub(crate) const MAX_DEPTH: usize = 32;

/// A condition on a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    /// All of them hold.
    All(Vec<Filter>),
    /// One of them holds.
    Any(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// A field compares so with a value.
    Compare(String, Comparison, Value),
    /// A field equals one of some values.
    In(String, Vec<Value>),
    /// A text field holds a text: `contains`, `startswith`, `endswith`.
    Text(TextTest, String, String),
    /// A function without arguments, which the list explains: `atScope()`.
    Says(String),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Where in a text another is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// Why a text is no filter, or not one of this list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the filter can't be understood at character {at}: {message}")]
pub(crate) struct FilterError {
    /// From 1; what is wrong with a name has the place 1.
    pub(crate) at: usize,
    pub(crate) message: String,
}

/// Something that a filter asks.
pub(crate) trait Row {
    /// The value of a field, whose name the filter may write in any case; `Null` if it has none.
    fn field(&self, name: &str) -> Value;

    /// Whether it is what a function without arguments asks for.
    fn says(&self, _function: &str) -> bool {
        false
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// The first place that can't be understood; that it is too long or lies too deep.
    pub(crate) fn parse(text: &str) -> Result<Self, FilterError> {
        parse::filter(text)
    }

    /// That every field and every function without arguments is one of these, in any case.
    ///
    /// # Errors
    /// The first that is not, with those that are.
    pub(crate) fn check(&self, fields: &[&str], functions: &[&str]) -> Result<(), FilterError> {
        let known = |names: &[&str], wanted: &str, what: &str| {
            if names.iter().any(|name| name.eq_ignore_ascii_case(wanted)) {
                return Ok(());
            }
            let names = if names.is_empty() { "there is none here".to_owned() } else { format!("there is {}", names.join(", ")) };
            Err(FilterError { at: 1, message: format!("`{wanted}` is no {what}; {names}") })
        };
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().try_for_each(|part| part.check(fields, functions)),
            Self::Not(part) => part.check(fields, functions),
            Self::Compare(field, ..) | Self::In(field, _) | Self::Text(_, field, _) => known(fields, field, "field"),
            Self::Says(function) => known(functions, function, "function"),
        }
    }

    /// Whether a row fulfils it. Texts compare without case, as ids in ARM do; instants by what they mean.
    pub(crate) fn holds(&self, row: &dyn Row) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(row)),
            Self::Not(part) => !part.holds(row),
            Self::Compare(field, comparison, value) => comparison.holds(&row.field(field), value),
            Self::In(field, values) => {
                let own = row.field(field);
                values.iter().any(|value| Comparison::Equal.holds(&own, value))
            }
            Self::Text(test, field, text) => {
                let text = text.to_lowercase();
                row.field(field).as_str().map(str::to_lowercase).is_some_and(|own| match test {
                    TextTest::Contains => own.contains(&text),
                    TextTest::StartsWith => own.starts_with(&text),
                    TextTest::EndsWith => own.ends_with(&text),
                })
            }
            Self::Says(function) => row.says(function),
        }
    }

    /// The text that a field must equal for the filter to hold; `None` if it need not equal one.
    pub(crate) fn required(&self, wanted: &str) -> Option<&str> {
        match self {
            Self::All(parts) => parts.iter().find_map(|part| part.required(wanted)),
            Self::Compare(field, Comparison::Equal, Value::String(text)) if field.eq_ignore_ascii_case(wanted) => Some(text),
            _ => None,
        }
    }

    /// Whether a function without arguments is asked for anywhere.
    pub(crate) fn asks(&self, wanted: &str) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.asks(wanted)),
            Self::Not(part) => part.asks(wanted),
            Self::Says(function) => function.eq_ignore_ascii_case(wanted),
            _ => false,
        }
    }
}

impl Comparison {
    fn holds(self, own: &Value, other: &Value) -> bool {
        let order = order(own, other);
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => order == Some(Ordering::Greater),
            Self::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// How two values lie to each other; `None` if they are of kinds that do not compare.
pub(crate) fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => {
            let instants = starts_with_digit(one) && starts_with_digit(other);
            let instants = instants.then(|| Some((skywarden_rule::instant(one)?, skywarden_rule::instant(other)?))).flatten();
            Some(instants.map_or_else(|| one.to_lowercase().cmp(&other.to_lowercase()), |(one, other)| one.cmp(&other)))
        }
        // Clients write the truth as a text here and there.
        (Value::Bool(own), Value::String(text)) | (Value::String(text), Value::Bool(own)) => {
            text.eq_ignore_ascii_case(if *own { "true" } else { "false" }).then_some(Ordering::Equal)
        }
        _ => None,
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("lt", Comparison::Less),
    ("le", Comparison::AtMost),
    ("gt", Comparison::Greater),
    ("ge", Comparison::AtLeast),
];

const TESTS: [(&str, TextTest); 3] =
    [("contains", TextTest::Contains), ("startswith", TextTest::StartsWith), ("endswith", TextTest::EndsWith)];

/// As people write it; reading that gives the same filter again.
impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |out: &mut fmt::Formatter<'_>, parts: &[Filter], word: &str| {
            out.write_str("(")?;
            for (place, part) in parts.iter().enumerate() {
                if place > 0 {
                    write!(out, " {word} ")?;
                }
                write!(out, "{part}")?;
            }
            out.write_str(")")
        };
        match self {
            Self::All(parts) => joined(out, parts, "and"),
            Self::Any(parts) => joined(out, parts, "or"),
            Self::Not(part) => write!(out, "not ({part})"),
            Self::Compare(field, comparison, value) => {
                let word = COMPARISONS.iter().find(|(_, own)| own == comparison).map_or("eq", |(word, _)| word);
                write!(out, "{field} {word} {}", Literal(value))
            }
            Self::In(field, values) => {
                write!(out, "{field} in (")?;
                for (place, value) in values.iter().enumerate() {
                    write!(out, "{}{}", if place > 0 { ", " } else { "" }, Literal(value))?;
                }
                out.write_str(")")
            }
            Self::Text(test, field, text) => {
                let word = TESTS.iter().find(|(_, own)| own == test).map_or("contains", |(word, _)| word);
                write!(out, "{word}({field}, {})", Literal(&Value::String(text.clone())))
            }
            Self::Says(function) => write!(out, "{function}()"),
        }
    }
}

struct Literal<'a>(&'a Value);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => write!(out, "'{}'", text.replace('\'', "''")),
            other => write!(out, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests;
