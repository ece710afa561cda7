use std::fmt::{Display, Formatter, Result, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Comparison, Constant, ObjectPath, Operator, PathStep, Pattern, Qualifier, Test};

impl Display for Pattern {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Pattern::Observed(comparison) => write!(formatter, "[{comparison}]"),
            Pattern::All(several) => joined(formatter, several, " AND ", is_single),
            Pattern::Any(several) => joined(formatter, several, " OR ", is_single),
            Pattern::InOrder(several) => joined(formatter, several, " FOLLOWEDBY ", is_single),
            Pattern::Qualified(pattern, qualifiers) => {
                let is_bare = matches!(**pattern, Pattern::Observed(_));
                joined(formatter, std::slice::from_ref(pattern), "", |_| is_bare)?;
                qualifiers.iter().try_for_each(|qualifier| write!(formatter, " {qualifier}"))
            }
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let is_single = |comparison: &Comparison| matches!(comparison, Comparison::Test(_));
        match self {
            Comparison::All(several) => joined(formatter, several, " AND ", is_single),
            Comparison::Any(several) => joined(formatter, several, " OR ", is_single),
            Comparison::Test(test) => write!(formatter, "{test}"),
        }
    }
}

impl Display for Qualifier {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Qualifier::Within(seconds) => write!(formatter, "WITHIN {} SECONDS", Constant::Float(*seconds)),
            Qualifier::Repeats(times) => write!(formatter, "REPEATS {times} TIMES"),
            Qualifier::Between(start, stop) => write!(formatter, "START t'{start}' STOP t'{stop}'"),
        }
    }
}

impl Display for Test {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let not = |is_negated: &bool| if *is_negated { "NOT " } else { "" };
        match self {
            Test::Compare { path, is_negated, operator, constant } => {
                write!(formatter, "{path} {}{operator} {constant}", not(is_negated))
            }
            Test::In { path, is_negated, set } => {
                write!(formatter, "{path} {}IN (", not(is_negated))?;
                for (place, constant) in set.iter().enumerate() {
                    write!(formatter, "{}{constant}", if place == 0 { "" } else { ", " })?;
                }
                formatter.write_char(')')
            }
            Test::Exists { path, is_negated } => write!(formatter, "{}EXISTS {path}", not(is_negated)),
        }
    }
}

impl Display for Operator {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        formatter.write_str(match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Like => "LIKE",
            Operator::Matches => "MATCHES",
            Operator::IsSubset => "ISSUBSET",
            Operator::IsSuperset => "ISSUPERSET",
        })
    }
}

impl Display for ObjectPath {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "{}:", self.object)?;
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                PathStep::Index(number) => write!(formatter, "[{number}]")?,
                PathStep::Any => formatter.write_str("[*]")?,
                PathStep::Key(key) => {
                    formatter.write_str(if place == 0 { "" } else { "." })?;
                    if is_identifier(key) { formatter.write_str(key)? } else { quoted(formatter, key)? }
                }
            }
        }
        Ok(())
    }
}

impl Display for Constant {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Constant::Text(text) => quoted(formatter, text),
            Constant::Integer(number) => write!(formatter, "{number}"),
            Constant::Float(number) => {
                let text = number.to_string();
                write!(formatter, "{text}{}", if text.contains('.') { "" } else { ".0" })
            }
            Constant::Bool(value) => write!(formatter, "{value}"),
            Constant::Hex(bytes) => {
                formatter.write_str("h'")?;
                bytes.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))?;
                formatter.write_char('\'')
            }
            Constant::Binary(bytes) => write!(formatter, "b'{}'", STANDARD.encode(bytes)),
            Constant::Time(time) => write!(formatter, "t'{time}'"),
        }
    }
}

/// Writes several with a word between, in parentheses those that are several themselves.
fn joined<T: Display>(formatter: &mut Formatter<'_>, several: &[T], word: &str, is_single: impl Fn(&T) -> bool) -> Result {
    for (place, one) in several.iter().enumerate() {
        formatter.write_str(if place == 0 { "" } else { word })?;
        if is_single(one) { write!(formatter, "{one}")? } else { write!(formatter, "({one})")? }
    }
    Ok(())
}

fn is_single(pattern: &Pattern) -> bool {
    matches!(pattern, Pattern::Observed(_) | Pattern::Qualified(..))
}

/// What may stand in a path without quotes.
fn is_identifier(key: &str) -> bool {
    !key.starts_with(|first: char| first.is_ascii_digit())
        && !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn quoted(formatter: &mut Formatter<'_>, text: &str) -> Result {
    write!(formatter, "'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
