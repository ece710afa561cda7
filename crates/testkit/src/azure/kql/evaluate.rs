use std::{borrow::Cow, cmp::Ordering};

use jiff::Timestamp;
use serde_json::{Number, Value};

use super::{Case, Comparison, Expression, Function, Row, Sense};

impl Expression {
    pub(super) fn value<'a>(&'a self, row: &'a dyn Row) -> Cow<'a, Value> {
        match self {
            Self::Literal(value) => Cow::Borrowed(value),
            Self::Column(name) => row.column(name),
            Self::Member(of, name) => part(of.value(row), |value| value.get(name)),
            Self::Element(of, place) => part(of.value(row), |value| value.get(place)),
            Self::Call(function, arguments) => {
                let values: Vec<_> = arguments.iter().map(|argument| argument.value(row)).collect();
                Cow::Owned(call(*function, &values))
            }
            Self::Not(_) | Self::And(..) | Self::Or(..) | Self::Compare(..) | Self::In(..) => {
                Cow::Owned(Value::Bool(self.holds(row)))
            }
        }
    }

    pub(super) fn holds(&self, row: &dyn Row) -> bool {
        match self {
            Self::Not(inner) => !inner.holds(row),
            Self::And(left, right) => left.holds(row) && right.holds(row),
            Self::Or(left, right) => left.holds(row) || right.holds(row),
            Self::Compare(comparison, left, right) => compare(*comparison, &left.value(row), &right.value(row)),
            Self::In(membership, of, list) => {
                let value = of.value(row);
                let comparison = match membership.case {
                    Case::Kept => Comparison::Equal,
                    Case::Folded => Comparison::EqualFolded,
                };
                let is_within = list.iter().any(|item| compare(comparison, &value, &item.value(row)));
                is_within == (membership.sense == Sense::Within)
            }
            Self::Literal(_) | Self::Column(_) | Self::Member(..) | Self::Element(..) | Self::Call(..) => {
                matches!(&*self.value(row), Value::Bool(true))
            }
        }
    }
}

/// How values are ordered: null, truth, numbers, texts, the rest by its JSON.
pub(super) fn order(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    };
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().unwrap_or_default().total_cmp(&right.as_f64().unwrap_or_default())
        }
        (Value::String(left), Value::String(right)) => left.cmp(right),
        _ => rank(left).cmp(&rank(right)).then_with(|| text(left).cmp(&text(right))),
    }
}

/// What a value is as a text; null is the empty one.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn part<'a>(whole: Cow<'a, Value>, take: impl Fn(&Value) -> Option<&Value>) -> Cow<'a, Value> {
    match whole {
        Cow::Borrowed(value) => take(value).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        Cow::Owned(value) => Cow::Owned(take(&value).cloned().unwrap_or_default()),
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> bool {
    let folded = |value: &Value| text(value).to_lowercase();
    match comparison {
        Comparison::Equal => is_equal(left, right),
        Comparison::NotEqual => !is_equal(left, right),
        Comparison::EqualFolded => folded(left) == folded(right),
        Comparison::NotEqualFolded => folded(left) != folded(right),
        Comparison::Less => ordered(left, right, Ordering::is_lt),
        Comparison::LessOrEqual => ordered(left, right, Ordering::is_le),
        Comparison::Greater => ordered(left, right, Ordering::is_gt),
        Comparison::GreaterOrEqual => ordered(left, right, Ordering::is_ge),
        Comparison::Has => has_term(&folded(left), &folded(right)),
        Comparison::HasNot => !has_term(&folded(left), &folded(right)),
        Comparison::Contains => folded(left).contains(&folded(right)),
        Comparison::ContainsNot => !folded(left).contains(&folded(right)),
        Comparison::StartsWith => folded(left).starts_with(&folded(right)),
        Comparison::StartsNotWith => !folded(left).starts_with(&folded(right)),
        Comparison::EndsWith => folded(left).ends_with(&folded(right)),
    }
}

/// Numbers as numbers, all else as texts: `properties.x == 'true'` finds what is true, as in Resource Graph.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        _ => text(left) == text(right),
    }
}

/// What is not there is neither less nor greater than anything.
fn ordered(left: &Value, right: &Value, is_so: impl Fn(Ordering) -> bool) -> bool {
    !left.is_null() && !right.is_null() && is_so(order(left, right))
}

/// Whether a text has another as a whole term: what stands before and after it is no letter or digit.
fn has_term(text: &str, term: &str) -> bool {
    let is_edge = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
    text.match_indices(term).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|after| after.chars().next());
        is_edge(before) && is_edge(after)
    })
}

fn call(function: Function, arguments: &[Cow<'_, Value>]) -> Value {
    let first = arguments.first().map_or(&Value::Null, |value| &**value);
    match function {
        Function::ToString => Value::String(text(first).into_owned()),
        Function::ToLower => Value::String(text(first).to_lowercase()),
        Function::ToUpper => Value::String(text(first).to_uppercase()),
        Function::ToNumber => match first {
            Value::Bool(truth) => Value::from(i64::from(*truth)),
            other => text(other).trim().parse::<f64>().map_or(Value::Null, number),
        },
        Function::IsEmpty => Value::Bool(text(first).is_empty()),
        Function::IsNotEmpty => Value::Bool(!text(first).is_empty()),
        Function::IsNull => Value::Bool(first.is_null()),
        Function::IsNotNull => Value::Bool(!first.is_null()),
        Function::ArrayLength => first.as_array().map_or(Value::Null, |list| Value::from(list.len())),
        Function::StringLength => Value::from(text(first).chars().count()),
        Function::Concatenate => Value::String(arguments.iter().map(|value| text(value)).collect()),
        Function::Coalesce => {
            arguments.iter().find(|value| !text(value).is_empty()).map_or(Value::Null, |value| Value::clone(value))
        }
        Function::ToDateTime => text(first)
            .parse::<Timestamp>()
            .map_or(Value::Null, |time| Value::String(time.strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string())),
        Function::ParseJson => match first {
            Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| first.clone()),
            other => other.clone(),
        },
    }
}

/// Whole numbers are written without a point.
pub(super) fn number(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit")]
    if number.fract() == 0.0 && number.abs() < 9e15 { Value::from(number as i64) } else { Number::from_f64(number).into() }
}
