//! Azure Policy's conditions on two values.

use std::{borrow::Cow, cmp::Ordering};

use jiff::{civil::DateTime, tz::Offset};
use serde_json::Value;
use skywarden_model::Timestamp;

use crate::compile::Condition;

/// Whether a condition holds; `None` as actual is an absent field.
///
/// # Errors
/// What the expected value should have been.
pub(crate) fn holds(condition: Condition, actual: Option<&Value>, expected: &Value) -> Result<bool, String> {
    let actual = actual.filter(|actual| !actual.is_null());
    match condition {
        Condition::Equals => Ok(equals(actual, expected)),
        Condition::NotEquals => Ok(!equals(actual, expected)),
        Condition::In => within(actual, expected),
        Condition::NotIn => within(actual, expected).map(|is_in| !is_in),
        Condition::Like => like(actual, expected),
        Condition::NotLike => like(actual, expected).map(|is_like| !is_like),
        Condition::Match => matches(actual, expected, Case::Kept),
        Condition::NotMatch => matches(actual, expected, Case::Kept).map(|is_match| !is_match),
        Condition::MatchInsensitively => matches(actual, expected, Case::Ignored),
        Condition::NotMatchInsensitively => matches(actual, expected, Case::Ignored).map(|is_match| !is_match),
        Condition::Contains => contains(actual, expected),
        Condition::NotContains => contains(actual, expected).map(|is_contained| !is_contained),
        Condition::ContainsKey => contains_key(actual, expected),
        Condition::NotContainsKey => contains_key(actual, expected).map(|is_contained| !is_contained),
        Condition::Less => ordered(actual, expected, &[Ordering::Less]),
        Condition::LessOrEquals => ordered(actual, expected, &[Ordering::Less, Ordering::Equal]),
        Condition::Greater => ordered(actual, expected, &[Ordering::Greater]),
        Condition::GreaterOrEquals => ordered(actual, expected, &[Ordering::Greater, Ordering::Equal]),
        Condition::Exists => exists(expected).map(|wanted| wanted == actual.is_some()),
    }
}

/// What an `exists` asks for.
pub(crate) fn exists(expected: &Value) -> Result<bool, String> {
    match expected {
        Value::Bool(wanted) => Ok(*wanted),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(format!("`exists` takes true or false, not {other}")),
    }
}

/// Equality as Azure has it: text without case, numbers and booleans also as text; an absent field equals empty text.
fn equals(actual: Option<&Value>, expected: &Value) -> bool {
    let Some(actual) = actual else { return matches!(expected, Value::Null) || expected.as_str() == Some("") };
    same(actual, expected)
}

/// Whether two values are the same as Azure compares them: text without case, numbers and booleans also as text.
pub fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(_), Value::Object(_)) => left == right,
        // Whole numbers beyond 2^53 are not all the same as floating point.
        (Value::Number(left), Value::Number(right)) => match (left.as_i128(), right.as_i128()) {
            (Some(left), Some(right)) => left == right,
            _ => left.as_f64() == right.as_f64(),
        },
        (Value::String(left), Value::String(right)) => same_text(left, right),
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => false,
        (Value::Number(_), _) | (_, Value::Number(_)) => match (number(left), number(right)) {
            (Some(left), Some(right)) => left == right,
            _ => false,
        },
        _ => same_text(&text(left), &text(right)),
    }
}

/// Whether two texts are the same but for case.
pub(crate) fn same_text(left: &str, right: &str) -> bool {
    // Most texts that are the same are so to the letter.
    left == right
        || left.eq_ignore_ascii_case(right)
        || (!(left.is_ascii() && right.is_ascii()) && left.to_lowercase() == right.to_lowercase())
}

/// A scalar as text.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Whether a text begins with another, without regard to case.
pub(crate) fn starts_with(text: &str, start: &str) -> bool {
    if text.is_ascii() && start.is_ascii() {
        text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
    } else {
        text.to_lowercase().starts_with(&start.to_lowercase())
    }
}

/// Whether a text ends with another, without regard to case.
pub(crate) fn ends_with(text: &str, end: &str) -> bool {
    if text.is_ascii() && end.is_ascii() {
        let tail = text.len().checked_sub(end.len()).and_then(|place| text.get(place..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    } else {
        text.to_lowercase().ends_with(&end.to_lowercase())
    }
}

/// A number, also from text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim();
            // `inf` and `nan` are words, not numbers.
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
            if is_number { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
        }
        _ => None,
    }
}

fn within(actual: Option<&Value>, expected: &Value) -> Result<bool, String> {
    let Value::Array(options) = expected else { return Err(format!("`in` takes a list, not {expected}")) };
    Ok(options.iter().any(|option| equals(actual, option)))
}

fn like(actual: Option<&Value>, expected: &Value) -> Result<bool, String> {
    let Value::String(pattern) = expected else { return Err(format!("`like` takes a text, not {expected}")) };
    let Some(actual) = actual.and_then(scalar) else { return Ok(false) };
    let (actual, pattern) = (folded(&actual), folded(pattern));
    Ok(match pattern.split_once('*') {
        None => same_text(&actual, &pattern),
        Some((start, end)) => actual.len() >= start.len() + end.len() && starts_with(&actual, start) && ends_with(&actual, end),
    })
}

/// What a pattern is held against: a list or an object is like no text.
fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    (!value.is_array() && !value.is_object()).then(|| text(value))
}

/// Text of which the lower case may be longer, in lower case, so that lengths can be compared.
fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

/// Whether letters are the same only in the same case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Kept,
    Ignored,
}

/// `#` is a digit, `?` a letter, `.` any character, anything else itself.
fn matches(actual: Option<&Value>, expected: &Value, case: Case) -> Result<bool, String> {
    let Value::String(pattern) = expected else { return Err(format!("`match` takes a text, not {expected}")) };
    Ok(actual.and_then(scalar).is_some_and(|actual| text_matches(&actual, pattern, case)))
}

/// Whether a text matches a pattern as a whole.
pub(crate) fn text_matches(actual: &str, pattern: &str, case: Case) -> bool {
    let (mut actual, mut pattern) = (actual.chars(), pattern.chars());
    loop {
        let is_match = match (actual.next(), pattern.next()) {
            (None, None) => return true,
            (None, _) | (_, None) => return false,
            (Some(actual), Some('#')) => actual.is_ascii_digit(),
            (Some(actual), Some('?')) => actual.is_ascii_alphabetic(),
            (Some(_), Some('.')) => true,
            (Some(actual), Some(other)) if case == Case::Ignored => actual.to_lowercase().eq(other.to_lowercase()),
            (Some(actual), Some(other)) => actual == other,
        };
        if !is_match {
            return false;
        }
    }
}

fn contains(actual: Option<&Value>, expected: &Value) -> Result<bool, String> {
    Ok(match actual {
        None | Some(Value::Null) => false,
        Some(Value::Array(elements)) => elements.iter().any(|element| same(element, expected)),
        Some(Value::Object(_)) => false,
        Some(scalar) => has_part(&text(scalar), &text(expected)),
    })
}

/// Whether a text holds another, without regard to case.
fn has_part(text: &str, part: &str) -> bool {
    if text.is_ascii() && part.is_ascii() {
        part.is_empty() || text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    } else {
        text.to_lowercase().contains(&part.to_lowercase())
    }
}

fn contains_key(actual: Option<&Value>, expected: &Value) -> Result<bool, String> {
    let Value::String(key) = expected else { return Err(format!("`containsKey` takes a text, not {expected}")) };
    Ok(matches!(actual, Some(Value::Object(members)) if members.keys().any(|name| name.eq_ignore_ascii_case(key))))
}

/// Numbers as numbers, instants as instants, anything else as text; an absent field is neither less nor greater.
fn ordered(actual: Option<&Value>, expected: &Value, wanted: &[Ordering]) -> Result<bool, String> {
    let Some(actual) = actual else { return Ok(false) };
    if let (Some(left), Some(right)) = (number(actual), number(expected)) {
        return Ok(left.partial_cmp(&right).is_some_and(|order| wanted.contains(&order)));
    }
    let (Value::String(left), Value::String(right)) = (actual, expected) else {
        return Err(format!("{actual} and {expected} can't be ordered"));
    };
    let order = match (instant(left), instant(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        // The order of letters would say something that the rule does not ask.
        (None, Some(_)) => return Err(format!("`{left}` is no instant, so it can't be compared with {right}")),
        (Some(_), None) => return Err(format!("`{right}` is no instant, so it can't be compared with {left}")),
        (None, None) => left.to_lowercase().cmp(&right.to_lowercase()),
    };
    Ok(wanted.contains(&order))
}

/// An instant in RFC 3339, a time without zone (UTC) or a day (its midnight in UTC).
pub fn instant(text: &str) -> Option<Timestamp> {
    let has_date = text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-');
    if !has_date {
        return None;
    }
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()
}
