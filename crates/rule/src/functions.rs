//! The template functions that rules may use.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Number, Value};

use crate::{
    compare,
    evaluate::{Context, Failure, field_value, value_of},
    expression::Expression,
};

/// Text that a function makes, at most.
const MAX_TEXT: usize = 1 << 20;

const NAMES: &[&str] = &[
    "parameters",
    "field",
    "current",
    "concat",
    "if",
    "and",
    "or",
    "not",
    "equals",
    "less",
    "lessOrEquals",
    "greater",
    "greaterOrEquals",
    "toLower",
    "toUpper",
    "replace",
    "substring",
    "length",
    "split",
    "join",
    "first",
    "last",
    "indexOf",
    "startsWith",
    "endsWith",
    "trim",
    "contains",
    "empty",
    "coalesce",
    "int",
    "float",
    "string",
    "bool",
    "add",
    "sub",
    "mul",
    "div",
    "mod",
    "min",
    "max",
    "padLeft",
    "createArray",
    "union",
    "intersection",
    "skip",
    "take",
    "utcNow",
    "addDays",
    "ipRangeContains",
    "tryGet",
    "json",
    "true",
    "false",
    "null",
];

/// The names of all functions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied()
}

/// Whether a function of that name (any case) exists.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Calls a function; `None` is an absent value. The name is in lower case.
pub(crate) fn call(name: &str, arguments: &[Expression], context: &Context<'_, '_>) -> Result<Option<Value>, Failure> {
    match (name, arguments) {
        ("parameters", [name]) => {
            let name = text_of(name, context)?;
            let found = context.input.parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(&name));
            return found
                .map(|(_, value)| Some(value.clone()))
                .ok_or_else(|| error(format!("the parameter `{name}` has no value")));
        }
        ("field", [name]) => return field_value(&text_of(name, context)?, context),
        ("current", arguments) => return current(arguments, context),
        ("if", [condition, yes, no]) => {
            return value_of(if boolean(condition, context)? { yes } else { no }, context)
                .map(|value| value.map(std::borrow::Cow::into_owned));
        }
        ("and", parts) => {
            for part in parts {
                if !boolean(part, context)? {
                    return Ok(Some(Value::Bool(false)));
                }
            }
            return Ok(Some(Value::Bool(true)));
        }
        ("or", parts) => {
            for part in parts {
                if boolean(part, context)? {
                    return Ok(Some(Value::Bool(true)));
                }
            }
            return Ok(Some(Value::Bool(false)));
        }
        ("coalesce", parts) => {
            for part in parts {
                let value = value_of(part, context)?;
                if let Some(value) = value.filter(|value| !value.is_null()) {
                    return Ok(Some(value.into_owned()));
                }
            }
            return Ok(None);
        }
        _ => {}
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        values.push(value_of(argument, context)?.map(std::borrow::Cow::into_owned));
    }
    plain(name, &values, context)
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
            let parts: Vec<String> = list(need(0)?)?.iter().map(compare::text).collect();
            parts.join(&text(1)?).into()
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
            format!("{}{subject}", fill.repeat(width.saturating_sub(subject.chars().count()))).into()
        }
        ("createarray", _) => Value::Array(values.iter().map(|value| value.clone().unwrap_or(Value::Null)).collect()),
        ("union", 1..) => {
            let mut all: Vec<Value> = Vec::new();
            for place in 0..values.len() {
                for element in list(need(place)?)? {
                    if !all.iter().any(|known| compare::same(known, element)) {
                        all.push(element.clone());
                    }
                }
            }
            Value::Array(all)
        }
        ("intersection", 2..) => {
            let mut common = list(need(0)?)?.clone();
            for place in 1..values.len() {
                let other = list(need(place)?)?;
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
        ("utcnow", 0 | 1) => context.input.now.to_string().into(),
        ("adddays", 2) => {
            let instant = instant(&text(0)?)?;
            let hours = position_signed(number(1)?)?.checked_mul(24).ok_or_else(|| error("`addDays` overflows".to_owned()))?;
            let moved = instant.checked_add(jiff::SignedDuration::from_hours(hours));
            moved.map_err(|_| error("`addDays` leaves the calendar".to_owned()))?.to_string().into()
        }
        ("iprangecontains", 2) => {
            let (outer, inner) = (range(&text(0)?)?, range(&text(1)?)?);
            (outer.0 <= inner.0 && inner.1 <= outer.1).into()
        }
        ("tryget", 2) => {
            return Ok(match (value(0), value(1)) {
                (Some(value), Some(Value::String(key))) => value.get(key.as_str()).cloned(),
                (Some(value), Some(index)) => {
                    index.as_u64().and_then(|index| usize::try_from(index).ok()).and_then(|index| value.get(index).cloned())
                }
                _ => None,
            });
        }
        ("json", 1) => serde_json::from_str(&text(0)?).map_err(|problem| error(format!("`json`: {problem}")))?,
        (_, given) => return Err(error(format!("`{name}` does not take {given} arguments"))),
    };
    Ok(Some(result))
}

fn current(arguments: &[Expression], context: &Context<'_, '_>) -> Result<Option<Value>, Failure> {
    let Some(name) = arguments.first() else {
        if let Some((_, value)) = context.current.last() {
            return Ok(Some(value.clone()));
        }
        return match context.bound.last() {
            Some(bound) => field_value(&bound.path.to_string(), context),
            None => Err(error("`current()` stands outside a count".to_owned())),
        };
    };
    let name = text_of(name, context)?;
    match context.current.iter().rev().find(|(own, _)| own.is_some_and(|own| own.eq_ignore_ascii_case(&name))) {
        Some((_, value)) => Ok(Some(value.clone())),
        None => field_value(&name, context),
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

fn instant(text: &str) -> Result<jiff::Timestamp, Failure> {
    text.parse().map_err(|_| error(format!("`{text}` is no instant (RFC 3339)")))
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
