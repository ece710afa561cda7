//! The template functions that rules may use.

use std::{borrow::Cow, net::IpAddr};

use ipnet::IpNet;
use serde_json::{Number, Value};

use crate::{
    compare,
    compile::closest,
    dates,
    evaluate::{Context, Current, Failure, field_value, member, value_of},
    expression::Expression,
    path::field_path,
};

/// Text that a function makes, at most.
const MAX_TEXT: usize = 1 << 20;

/// Elements of the lists that `union` and `intersection` compare pairwise, at most.
const MAX_PAIRED: usize = 10_000;

const MANY: usize = usize::MAX;

/// Each function with the least and the greatest number of arguments.
const FUNCTIONS: &[(&str, usize, usize)] = &[
    ("parameters", 1, 1),
    ("field", 1, 1),
    ("current", 0, 1),
    ("concat", 1, MANY),
    ("if", 3, 3),
    ("and", 1, MANY),
    ("or", 1, MANY),
    ("not", 1, 1),
    ("equals", 2, 2),
    ("less", 2, 2),
    ("lessOrEquals", 2, 2),
    ("greater", 2, 2),
    ("greaterOrEquals", 2, 2),
    ("toLower", 1, 1),
    ("toUpper", 1, 1),
    ("replace", 3, 3),
    ("substring", 2, 3),
    ("length", 1, 1),
    ("split", 2, 2),
    ("join", 2, 2),
    ("first", 1, 1),
    ("last", 1, 1),
    ("indexOf", 2, 2),
    ("startsWith", 2, 2),
    ("endsWith", 2, 2),
    ("trim", 1, 1),
    ("contains", 2, 2),
    ("empty", 1, 1),
    ("coalesce", 1, MANY),
    ("int", 1, 1),
    ("float", 1, 1),
    ("string", 1, 1),
    ("bool", 1, 1),
    ("add", 2, 2),
    ("sub", 2, 2),
    ("mul", 2, 2),
    ("div", 2, 2),
    ("mod", 2, 2),
    ("min", 1, MANY),
    ("max", 1, MANY),
    ("padLeft", 2, 3),
    ("createArray", 0, MANY),
    ("union", 1, MANY),
    ("intersection", 2, MANY),
    ("skip", 2, 2),
    ("take", 2, 2),
    ("utcNow", 0, 1),
    ("addDays", 2, 2),
    ("dateTimeAdd", 2, 3),
    ("ipRangeContains", 2, 2),
    ("tryGet", 2, MANY),
    ("json", 1, 1),
    ("true", 0, 0),
    ("false", 0, 0),
    ("null", 0, 0),
];

/// The names of all functions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, _, _)| *name)
}

/// What is wrong with a call of that name (in lower case) with so many arguments, and what to do about it.
pub(crate) fn fault(name: &str, given: usize) -> Option<(String, Option<String>)> {
    let Some((name, least, most)) = FUNCTIONS.iter().find(|(known, _, _)| known.eq_ignore_ascii_case(name)) else {
        let help = closest(name, names()).map(|name| format!("did you mean `{name}`?"));
        return Some((format!("`{name}` is no function that rules may use"), help));
    };
    if (*least..=*most).contains(&given) {
        return None;
    }
    let wanted = match (*least, *most) {
        (1, 1) => "one argument".to_owned(),
        (least, MANY) => format!("{least} or more arguments"),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    Some((format!("`{name}` takes {wanted}, not {given}"), None))
}

/// Calls a function; `None` is an absent value. The name is in lower case.
pub(crate) fn call<'i>(
    name: &str,
    arguments: &'i [Expression],
    context: &Context<'i, '_>,
) -> Result<Option<Cow<'i, Value>>, Failure> {
    let owned = |value: Option<Value>| Ok(value.map(Cow::Owned));
    match (name, arguments) {
        ("parameters", [name]) => {
            let name = text_of(name, context)?;
            let parameters = context.input.parameters;
            let found = parameters.get(&name);
            let found =
                found.or_else(|| parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(&name)).map(|(_, value)| value));
            return found
                .map(|value| Some(Cow::Borrowed(value)))
                .ok_or_else(|| error(format!("the parameter `{name}` has no value")));
        }
        ("field", [name]) => {
            let path = field_path(&text_of(name, context)?).map_err(error)?;
            return owned(field_value(&path, context)?);
        }
        ("current", arguments) => return owned(current(arguments, context)?),
        ("if", [condition, yes, no]) => return value_of(if boolean(condition, context)? { yes } else { no }, context),
        ("and" | "or", parts) => {
            let decider = name == "or";
            for part in parts {
                if boolean(part, context)? == decider {
                    return owned(Some(Value::Bool(decider)));
                }
            }
            return owned(Some(Value::Bool(!decider)));
        }
        ("coalesce", parts) => {
            for part in parts {
                let value = value_of(part, context)?;
                if value.as_deref().is_some_and(|value| !value.is_null()) {
                    return Ok(value);
                }
            }
            return Ok(None);
        }
        _ => {}
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        values.push(value_of(argument, context)?.map(Cow::into_owned));
    }
    owned(plain(name, &values, context)?)
}

fn plain(name: &str, values: &[Option<Value>], context: &Context<'_, '_>) -> Result<Option<Value>, Failure> {
    let value = |place: usize| values.get(place).and_then(Option::as_ref);
    let need = |place: usize| value(place).ok_or_else(|| error(format!("`{name}` was given a value that is absent")));
    let text = |place: usize| need(place).map(compare::text);
    let number = |place: usize| {
        need(place).and_then(|value| compare::number(value).ok_or_else(|| error(format!("`{name}`: {value} is no number"))))
    };
    let compared = |condition| compare::holds(condition, value(0), need(1)?).map_err(error);
    use crate::compile::Condition;
    let result = match (name, values.len()) {
        ("true", 0) => Value::Bool(true),
        ("false", 0) => Value::Bool(false),
        ("null", 0) => return Ok(None),
        ("not", 1) => Value::Bool(!truth_of(need(0)?)?),
        ("equals", 2) => Value::Bool(match (value(0), value(1)) {
            (Some(left), Some(right)) => compare::same(left, right),
            (left, right) => left.is_none() && right.is_none(),
        }),
        ("less", 2) => Value::Bool(compared(Condition::Less)?),
        ("lessorequals", 2) => Value::Bool(compared(Condition::LessOrEquals)?),
        ("greater", 2) => Value::Bool(compared(Condition::Greater)?),
        ("greaterorequals", 2) => Value::Bool(compared(Condition::GreaterOrEquals)?),
        ("concat", _) => concat(values)?,
        ("tolower", 1) => text(0)?.to_lowercase().into(),
        ("toupper", 1) => text(0)?.to_uppercase().into(),
        ("trim", 1) => text(0)?.trim().into(),
        ("replace", 3) => {
            let (subject, from, to) = (text(0)?, text(1)?, text(2)?);
            let growth = subject.len().saturating_add(subject.matches(from.as_str()).count().saturating_mul(to.len()));
            if growth > MAX_TEXT {
                return Err(error(format!("`replace` would make more than {MAX_TEXT} bytes")));
            }
            subject.replace(&from, &to).into()
        }
        ("substring", 2 | 3) => {
            let subject: Vec<char> = text(0)?.chars().collect();
            let start = position(number(1)?)?;
            let length = if value(2).is_some() { position(number(2)?)? } else { subject.len().saturating_sub(start) };
            let end = start.saturating_add(length);
            let part = subject
                .get(start..end)
                .ok_or_else(|| error(format!("`substring` from {start} to {end} lies outside the text")))?;
            part.iter().collect::<String>().into()
        }
        ("length", 1) => match need(0)? {
            Value::Array(elements) => elements.len().into(),
            Value::Object(members) => members.len().into(),
            other => compare::text(other).chars().count().into(),
        },
        ("split", 2) => {
            let subject = text(0)?;
            let separators: Vec<String> = match need(1)? {
                Value::Array(separators) => separators.iter().map(compare::text).collect(),
                separator => vec![compare::text(separator)],
            };
            split(&subject, &separators)
        }
        ("join", 2) => {
            let (parts, separator) = (list(need(0)?)?, text(1)?);
            let parts: Vec<String> = parts.iter().map(compare::text).collect();
            let length: usize = parts.iter().map(String::len).sum();
            if length.saturating_add(separator.len().saturating_mul(parts.len())) > MAX_TEXT {
                return Err(error(format!("`join` would make more than {MAX_TEXT} bytes")));
            }
            parts.join(&separator).into()
        }
        ("first" | "last", 1) => {
            let is_first = name == "first";
            return Ok(match need(0)? {
                Value::Array(elements) => if is_first { elements.first() } else { elements.last() }.cloned(),
                other => {
                    let text = compare::text(other);
                    let character = if is_first { text.chars().next() } else { text.chars().last() };
                    Some(character.map(String::from).unwrap_or_default().into())
                }
            });
        }
        ("indexof", 2) => {
            let (subject, part) = (text(0)?.to_lowercase(), text(1)?.to_lowercase());
            let found = subject.split_once(part.as_str()).map(|(before, _)| before.chars().count());
            found.and_then(|place| i64::try_from(place).ok()).unwrap_or(-1).into()
        }
        ("startswith", 2) => text(0)?.to_lowercase().starts_with(&text(1)?.to_lowercase()).into(),
        ("endswith", 2) => text(0)?.to_lowercase().ends_with(&text(1)?.to_lowercase()).into(),
        ("contains", 2) => match need(0)? {
            Value::Object(members) => {
                let key = text(1)?;
                members.keys().any(|name| name.eq_ignore_ascii_case(&key)).into()
            }
            other => compare::holds(Condition::Contains, Some(other), need(1)?).map_err(error)?.into(),
        },
        ("empty", 1) => match value(0) {
            None | Some(Value::Null) => true.into(),
            Some(Value::Array(elements)) => elements.is_empty().into(),
            Some(Value::Object(members)) => members.is_empty().into(),
            Some(other) => compare::text(other).is_empty().into(),
        },
        ("int", 1) => {
            let number = number(0)?;
            if number.fract() != 0.0 && need(0)?.is_string() {
                return Err(error(format!("`int`: {number} is no whole number")));
            }
            whole(number.trunc())?
        }
        ("float", 1) => float(number(0)?)?,
        ("string", 1) => text(0)?.into(),
        ("bool", 1) => truth_of(need(0)?)?.into(),
        ("add", 2) => arithmetic(number(0)? + number(1)?)?,
        ("sub", 2) => arithmetic(number(0)? - number(1)?)?,
        ("mul", 2) => arithmetic(number(0)? * number(1)?)?,
        ("div" | "mod", 2) if number(1)? == 0.0 => return Err(error(format!("`{name}` by zero"))),
        ("div", 2) => arithmetic((number(0)? / number(1)?).trunc())?,
        ("mod", 2) => arithmetic(number(0)? % number(1)?)?,
        ("min" | "max", 1..) => {
            let numbers = match value(0) {
                Some(Value::Array(elements)) if values.len() == 1 => {
                    elements.iter().map(compare::number).collect::<Option<Vec<f64>>>()
                }
                _ => values.iter().map(|value| value.as_ref().and_then(compare::number)).collect(),
            };
            let numbers = numbers.ok_or_else(|| error(format!("`{name}` takes numbers")))?;
            let pick = if name == "min" { f64::min } else { f64::max };
            let found = numbers.into_iter().reduce(pick).ok_or_else(|| error(format!("`{name}` of an empty list")))?;
            arithmetic(found)?
        }
        ("padleft", 2 | 3) => {
            let (subject, width) = (text(0)?, position(number(1)?)?);
            if width > MAX_TEXT {
                return Err(error(format!("`padLeft` to more than {MAX_TEXT} characters")));
            }
            let fill = if value(2).is_some() { text(2)? } else { " ".to_owned() };
            if fill.chars().count() != 1 {
                return Err(error(format!("`padLeft` fills with one character, not `{fill}`")));
            }
            format!("{}{subject}", fill.repeat(width.saturating_sub(subject.chars().count()))).into()
        }
        ("createarray", _) => Value::Array(values.iter().map(|value| value.clone().unwrap_or(Value::Null)).collect()),
        ("union", 1..) => {
            let mut all: Vec<Value> = Vec::new();
            for place in 0..values.len() {
                for element in paired(need(place)?)? {
                    if !all.iter().any(|known| compare::same(known, element)) {
                        all.push(element.clone());
                    }
                }
            }
            Value::Array(all)
        }
        ("intersection", 2..) => {
            let mut common = paired(need(0)?)?.clone();
            for place in 1..values.len() {
                let other = paired(need(place)?)?;
                common.retain(|element| other.iter().any(|known| compare::same(known, element)));
            }
            Value::Array(common)
        }
        ("skip" | "take", 2) => {
            let count = position(number(1)?.max(0.0))?;
            let is_skip = name == "skip";
            match need(0)? {
                Value::Array(elements) if is_skip => elements.iter().skip(count).cloned().collect(),
                Value::Array(elements) => elements.iter().take(count).cloned().collect(),
                other if is_skip => compare::text(other).chars().skip(count).collect::<String>().into(),
                other => compare::text(other).chars().take(count).collect::<String>().into(),
            }
        }
        ("utcnow", 0) => context.input.now.to_string().into(),
        ("utcnow", 1) => dates::formatted(context.input.now, &text(0)?).map_err(error)?.into(),
        ("adddays", 2) => dates::add_days(&text(0)?, number(1)?).map_err(error)?.into(),
        ("datetimeadd", 2) => dates::add_duration(&text(0)?, &text(1)?).map_err(error)?.to_string().into(),
        ("datetimeadd", 3) => {
            let moved = dates::add_duration(&text(0)?, &text(1)?).map_err(error)?;
            dates::formatted(moved, &text(2)?).map_err(error)?.into()
        }
        ("iprangecontains", 2) => {
            let (outer, inner) = (range(&text(0)?)?, range(&text(1)?)?);
            (outer.0 <= inner.0 && inner.1 <= outer.1).into()
        }
        ("tryget", 2..) => {
            let mut found = value(0);
            for key in values.iter().skip(1) {
                found = match (found, key) {
                    (Some(value), Some(Value::String(key))) => member(value, key),
                    (Some(value), Some(index)) => {
                        index.as_u64().and_then(|index| usize::try_from(index).ok()).and_then(|index| value.get(index))
                    }
                    _ => None,
                };
            }
            return Ok(found.cloned());
        }
        ("json", 1) => serde_json::from_str(&text(0)?).map_err(|problem| error(format!("`json`: {problem}")))?,
        (_, given) => return Err(error(format!("`{name}` does not take {given} arguments"))),
    };
    Ok(Some(result))
}

fn current(arguments: &[Expression], context: &Context<'_, '_>) -> Result<Option<Value>, Failure> {
    let Some(name) = arguments.first() else {
        let innermost = context.current.last().filter(|current| current.depth == context.bound.len());
        return match (innermost, context.bound.last()) {
            (Some(current), _) => Ok(Some(current.value.clone())),
            (None, Some(bound)) => field_value(bound.path, context),
            (None, None) => Err(error("`current()` stands outside a count".to_owned())),
        };
    };
    let name = text_of(name, context)?;
    let is_named = |current: &&Current<'_>| current.name.is_some_and(|own| own.eq_ignore_ascii_case(&name));
    match context.current.iter().rev().find(is_named) {
        Some(current) => Ok(Some(current.value.clone())),
        None => field_value(&field_path(&name).map_err(error)?, context),
    }
}

fn error(message: String) -> Failure {
    Failure::Error(message)
}

fn text_of(argument: &Expression, context: &Context<'_, '_>) -> Result<String, Failure> {
    Ok(value_of(argument, context)?.map(|value| compare::text(&value)).unwrap_or_default())
}

fn boolean(argument: &Expression, context: &Context<'_, '_>) -> Result<bool, Failure> {
    match value_of(argument, context)? {
        Some(value) => truth_of(&value),
        None => Err(error("a condition is absent".to_owned())),
    }
}

fn truth_of(value: &Value) -> Result<bool, Failure> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
        other => Err(error(format!("{other} is neither true nor false"))),
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, Failure> {
    value.as_array().ok_or_else(|| error(format!("{value} is no list")))
}

/// A list that is short enough for comparing each element with each.
fn paired(value: &Value) -> Result<&Vec<Value>, Failure> {
    let elements = list(value)?;
    if elements.len() > MAX_PAIRED {
        return Err(error(format!("a list of {} elements is too long to compare each with each ({MAX_PAIRED})", elements.len())));
    }
    Ok(elements)
}

fn concat(values: &[Option<Value>]) -> Result<Value, Failure> {
    if values.iter().any(|value| matches!(value, Some(Value::Array(_)))) {
        let lists = values.iter().flatten().map(|value| match value {
            Value::Array(elements) => elements.clone(),
            other => vec![other.clone()],
        });
        return Ok(Value::Array(lists.flatten().collect()));
    }
    let text: String = values.iter().flatten().map(compare::text).collect();
    if text.len() > MAX_TEXT { Err(error(format!("`concat` would make more than {MAX_TEXT} bytes"))) } else { Ok(text.into()) }
}

fn split(subject: &str, separators: &[String]) -> Value {
    let mut parts = vec![subject.to_owned()];
    for separator in separators.iter().filter(|separator| !separator.is_empty()) {
        parts = parts.iter().flat_map(|part| part.split(separator.as_str()).map(str::to_owned).collect::<Vec<_>>()).collect();
    }
    parts.into_iter().map(Value::String).collect()
}

fn position(number: f64) -> Result<usize, Failure> {
    usize::try_from(position_signed(number)?).map_err(|_| error(format!("{number} is negative")))
}

fn position_signed(number: f64) -> Result<i64, Failure> {
    const LIMIT: f64 = 1e15;
    if number.is_finite() && number.abs() < LIMIT {
        #[expect(clippy::cast_possible_truncation, reason = "the number is finite and below 10^15")]
        return Ok(number as i64);
    }
    Err(error(format!("{number} is too large")))
}

fn whole(number: f64) -> Result<Value, Failure> {
    position_signed(number).map(Value::from)
}

fn float(number: f64) -> Result<Value, Failure> {
    Number::from_f64(number).map(Value::Number).ok_or_else(|| error("a number is not finite".to_owned()))
}

fn arithmetic(number: f64) -> Result<Value, Failure> {
    if number.fract() == 0.0 { whole(number) } else { float(number) }
}

/// First and last address of `a`, `a/n` or `a-b`; addresses of one family compare, IPv4 comes before IPv6.
fn range(text: &str) -> Result<(IpAddr, IpAddr), Failure> {
    if let Some((first, last)) = text.split_once('-')
        && let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse())
    {
        return Ok((first, last));
    }
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok((net.network(), net.broadcast()));
    }
    let address: IpAddr = text.parse().map_err(|_| error(format!("`{text}` is no address range")))?;
    Ok((address, address))
}
