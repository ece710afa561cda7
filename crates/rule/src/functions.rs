//! What the template functions answer.

use std::{borrow::Cow, net::IpAddr};

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use ipnet::IpNet;
use serde_json::{Map, Number, Value, json};
use smallvec::SmallVec;

use crate::{
    around, compare, dates,
    evaluate::{Context, Current, Failure, current_value, field_function, member, value_of},
    expression::Expression,
    function::Function,
    path::field_path,
    unique_string::unique_string,
};

/// Text that a function makes, at most.
const MAX_TEXT: usize = 1 << 20;

/// Elements of the lists that `union` and `intersection` compare pairwise, at most.
const MAX_PAIRED: usize = 10_000;

/// Calls a function; `None` is an absent value.
pub(crate) fn call<'i>(
    function: Function,
    arguments: &'i [Expression],
    context: &Context<'i>,
) -> Result<Option<Cow<'i, Value>>, Failure> {
    context.spend()?;
    match (function, arguments) {
        (function, []) if around::is_around(function) => return around::whole(function, &context.ground.input),
        (Function::Parameters, [name]) => return parameter(&text_of(name, context)?, context).map(Some),
        (Function::Field, [name]) => {
            return field_function(&field_path(&text_of(name, context)?).map_err(error)?.into(), context);
        }
        (Function::Current, [name]) => {
            let name = text_of(name, context)?;
            return match named(&name, context) {
                Some(value) => Ok(Some(value)),
                None => current_value(&field_path(&name).map_err(error)?.into(), context),
            };
        }
        (Function::ToLower, [argument]) => {
            // Most texts are short and made for this call: they are changed in place.
            return match value_of(argument, context)? {
                None if is_field(argument) => made(Value::String(String::new())),
                Some(Cow::Owned(Value::String(mut text))) if text.is_ascii() => {
                    text.make_ascii_lowercase();
                    made(Value::String(text))
                }
                value => Ok(plain(function, &[value], context)?.map(Cow::Owned)),
            };
        }
        (Function::If, [condition, yes, no]) => return value_of(if boolean(condition, context)? { yes } else { no }, context),
        (Function::And | Function::Or, parts) => {
            let decider = function == Function::Or;
            for part in parts {
                if boolean(part, context)? == decider {
                    return made(Value::Bool(decider));
                }
            }
            return made(Value::Bool(!decider));
        }
        (Function::Coalesce, parts) => {
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
    let mut values: SmallVec<[Option<Cow<'i, Value>>; 3]> = SmallVec::with_capacity(arguments.len());
    for argument in arguments {
        let value = value_of(argument, context)?;
        // To functions, a field that is not there is an empty text.
        let is_empty_text = value.is_none() && is_field(argument) && function != Function::Equals;
        values.push(if is_empty_text { Some(Cow::Owned(Value::String(String::new()))) } else { value });
    }
    Ok(plain(function, &values, context)?.map(Cow::Owned))
}

fn is_field(expression: &Expression) -> bool {
    matches!(expression, Expression::Field(_) | Expression::Call(Function::Field, _))
}

/// The value of a parameter; names compare without case.
pub(crate) fn parameter<'i>(name: &str, context: &Context<'i>) -> Result<Cow<'i, Value>, Failure> {
    let parameters = context.ground.input.parameters;
    let found = parameters.get(name);
    let found = found.or_else(|| parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value));
    found.map(Cow::Borrowed).ok_or_else(|| error(format!("the parameter `{name}` has no value")))
}

/// What the innermost count stands on.
pub(crate) fn innermost<'i>(context: &Context<'i>) -> Result<Option<Cow<'i, Value>>, Failure> {
    let last = context.current.last().filter(|current| current.depth == context.bound.len());
    match (last, context.bound.last()) {
        (Some(current), _) => Ok(Some(current.value.clone())),
        (None, Some(bound)) => current_value(bound.path, context),
        (None, None) => Err(error("`current()` stands outside a count".to_owned())),
    }
}

/// What the count over values of that name stands on.
pub(crate) fn named<'i>(name: &str, context: &Context<'i>) -> Option<Cow<'i, Value>> {
    let is_named = |current: &&Current<'_>| current.name.is_some_and(|own| own.eq_ignore_ascii_case(name));
    context.current.iter().rev().find(is_named).map(|current| current.value.clone())
}

fn made<'i>(value: Value) -> Result<Option<Cow<'i, Value>>, Failure> {
    Ok(Some(Cow::Owned(value)))
}

fn plain(function: Function, values: &[Option<Cow<'_, Value>>], context: &Context<'_>) -> Result<Option<Value>, Failure> {
    let value = |place: usize| values.get(place).and_then(Option::as_deref);
    let name = || function.name();
    let need = |place: usize| value(place).ok_or_else(|| error(format!("`{}` was given a value that is absent", name())));
    let text = |place: usize| need(place).map(compare::text);
    let only_text = |place: usize| match need(place)? {
        Value::String(text) => Ok(Cow::Borrowed(text.as_str())),
        other => Err(error(format!("`{}` takes a text, not {other}", name()))),
    };
    let number = |place: usize| {
        need(place).and_then(|value| compare::number(value).ok_or_else(|| error(format!("`{}`: {value} is no number", name()))))
    };
    let compared = |condition| compare::holds(condition, value(0), need(1)?).map_err(error);
    use crate::compile::Condition;
    let result = match (function, values.len()) {
        (Function::True, 0) => Value::Bool(true),
        (Function::False, 0) => Value::Bool(false),
        (Function::Null, 0) => return Ok(None),
        (Function::Not, 1) => Value::Bool(!truth_of(need(0)?)?),
        (Function::Equals, 2) => Value::Bool(match (value(0), value(1)) {
            (Some(left), Some(right)) => compare::same(left, right),
            (one, other) => one.or(other).is_none_or(|given| given.is_null() || given == ""),
        }),
        (Function::Less, 2) => Value::Bool(compared(Condition::Less)?),
        (Function::LessOrEquals, 2) => Value::Bool(compared(Condition::LessOrEquals)?),
        (Function::Greater, 2) => Value::Bool(compared(Condition::Greater)?),
        (Function::GreaterOrEquals, 2) => Value::Bool(compared(Condition::GreaterOrEquals)?),
        (Function::Concat, _) => concat(values)?,
        (Function::ToLower, 1) => only_text(0)?.to_lowercase().into(),
        (Function::ToUpper, 1) => only_text(0)?.to_uppercase().into(),
        (Function::Trim, 1) => only_text(0)?.trim().into(),
        (Function::Replace, 3) => {
            let (subject, from, to) = (only_text(0)?, only_text(1)?, only_text(2)?);
            let growth = subject.len().saturating_add(subject.matches(&*from).count().saturating_mul(to.len()));
            if growth > MAX_TEXT {
                return Err(error(format!("`replace` would make more than {MAX_TEXT} bytes")));
            }
            subject.replace(&*from, &to).into()
        }
        (Function::Substring, 2 | 3) => {
            let subject: Vec<char> = only_text(0)?.chars().collect();
            let start = position(number(1)?)?;
            let length = if value(2).is_some() { position(number(2)?)? } else { subject.len().saturating_sub(start) };
            let end = start.saturating_add(length);
            let part = subject
                .get(start..end)
                .ok_or_else(|| error(format!("`substring` from {start} to {end} lies outside the text")))?;
            part.iter().collect::<String>().into()
        }
        (Function::Length, 1) => match need(0)? {
            Value::Array(elements) => elements.len().into(),
            Value::Object(members) => members.len().into(),
            _ => only_text(0)?.chars().count().into(),
        },
        (Function::Split, 2) => {
            let subject = only_text(0)?;
            let separators: Vec<Cow<'_, str>> = match need(1)? {
                Value::Array(separators) => separators.iter().map(compare::text).collect(),
                separator => vec![compare::text(separator)],
            };
            split(&subject, &separators)
        }
        (Function::Join, 2) => {
            let (parts, separator) = (list(need(0)?)?, text(1)?);
            let parts: Vec<Cow<'_, str>> = parts.iter().map(compare::text).collect();
            let length: usize = parts.iter().map(|part| part.len()).sum();
            if length.saturating_add(separator.len().saturating_mul(parts.len())) > MAX_TEXT {
                return Err(error(format!("`join` would make more than {MAX_TEXT} bytes")));
            }
            parts.join(&separator).into()
        }
        (Function::First | Function::Last, 1) => {
            let is_first = function == Function::First;
            return Ok(match need(0)? {
                Value::Array(elements) => if is_first { elements.first() } else { elements.last() }.cloned(),
                _ => {
                    let text = only_text(0)?;
                    let character = if is_first { text.chars().next() } else { text.chars().last() };
                    Some(character.map(String::from).unwrap_or_default().into())
                }
            });
        }
        (Function::IndexOf, 2) => {
            let (subject, part) = (text(0)?.to_lowercase(), text(1)?.to_lowercase());
            let found = subject.split_once(part.as_str()).map(|(before, _)| before.chars().count());
            found.and_then(|place| i64::try_from(place).ok()).unwrap_or(-1).into()
        }
        (Function::LastIndexOf, 2) => {
            let (subject, part) = (text(0)?.to_lowercase(), text(1)?.to_lowercase());
            let found = subject.rsplit_once(part.as_str()).map(|(before, _)| before.chars().count());
            found.and_then(|place| i64::try_from(place).ok()).unwrap_or(-1).into()
        }
        (Function::Format, 1..) => {
            let pattern = text(0)?;
            let given: Vec<Cow<'_, str>> = (1..values.len()).map(text).collect::<Result<_, _>>()?;
            format(&pattern, &given)?.into()
        }
        (Function::Base64, 1) => BASE64.encode(text(0)?.as_bytes()).into(),
        (Function::Base64ToString, 1) => {
            let decoded = BASE64.decode(text(0)?.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            decoded.ok_or_else(|| error("`base64ToString`: the text is no Base64 of a text".to_owned()))?.into()
        }
        (Function::UniqueString, 1..) => {
            let parts: Vec<Cow<'_, str>> = (0..values.len()).map(text).collect::<Result<_, _>>()?;
            unique_string(&parts).into()
        }
        (Function::StartsWith, 2) => compare::starts_with(&only_text(0)?, &only_text(1)?).into(),
        (Function::EndsWith, 2) => compare::ends_with(&only_text(0)?, &only_text(1)?).into(),
        (Function::Contains, 2) => match need(0)? {
            Value::Object(members) => {
                let key = text(1)?;
                members.keys().any(|name| name.eq_ignore_ascii_case(&key)).into()
            }
            other => compare::holds(Condition::Contains, Some(other), need(1)?).map_err(error)?.into(),
        },
        (Function::Empty, 1) => match value(0) {
            None | Some(Value::Null) => true.into(),
            Some(Value::Array(elements)) => elements.is_empty().into(),
            Some(Value::Object(members)) => members.is_empty().into(),
            Some(other) => compare::text(other).is_empty().into(),
        },
        (Function::Int, 1) => {
            let number = number(0)?;
            if number.fract() != 0.0 && need(0)?.is_string() {
                return Err(error(format!("`int`: {number} is no whole number")));
            }
            whole(number.trunc())?
        }
        (Function::Float, 1) => float(number(0)?)?,
        (Function::String, 1) => text(0)?.into(),
        (Function::Bool, 1) => truth_of(need(0)?)?.into(),
        (Function::Add, 2) => arithmetic(number(0)? + number(1)?)?,
        (Function::Sub, 2) => arithmetic(number(0)? - number(1)?)?,
        (Function::Mul, 2) => arithmetic(number(0)? * number(1)?)?,
        (Function::Div | Function::Mod, 2) if number(1)? == 0.0 => return Err(error(format!("`{}` by zero", name()))),
        (Function::Div, 2) => arithmetic((number(0)? / number(1)?).trunc())?,
        (Function::Mod, 2) => arithmetic(number(0)? % number(1)?)?,
        (Function::Min | Function::Max, 1..) => {
            let numbers = match value(0) {
                Some(Value::Array(elements)) if values.len() == 1 => {
                    elements.iter().map(compare::number).collect::<Option<Vec<f64>>>()
                }
                _ => values.iter().map(|value| value.as_deref().and_then(compare::number)).collect(),
            };
            let numbers = numbers.ok_or_else(|| error(format!("`{}` takes numbers", name())))?;
            let pick = if function == Function::Min { f64::min } else { f64::max };
            let found = numbers.into_iter().reduce(pick).ok_or_else(|| error(format!("`{}` of an empty list", name())))?;
            arithmetic(found)?
        }
        (Function::PadLeft, 2 | 3) => {
            let (subject, width) = (text_of_scalar(need(0)?)?, position(number(1)?)?);
            if width > MAX_TEXT {
                return Err(error(format!("`padLeft` to more than {MAX_TEXT} characters")));
            }
            let fill = if value(2).is_some() { text(2)? } else { " ".into() };
            if fill.chars().count() != 1 {
                return Err(error(format!("`padLeft` fills with one character, not `{fill}`")));
            }
            format!("{}{subject}", fill.repeat(width.saturating_sub(subject.chars().count()))).into()
        }
        (Function::CreateArray, _) => {
            Value::Array(values.iter().map(|value| value.as_deref().cloned().unwrap_or(Value::Null)).collect())
        }
        (Function::CreateObject, _) => created(values)?,
        (Function::Array, 1) => match need(0)? {
            Value::Array(elements) => elements.clone().into(),
            other => Value::Array(vec![other.clone()]),
        },
        (Function::Items, 1) => match need(0)? {
            Value::Object(members) => members.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect(),
            other => return Err(error(format!("`items` takes an object, not {other}"))),
        },
        (Function::Range, 2) => {
            let (first, count) = (position_signed(number(0)?)?, position(number(1)?)?);
            if count > MAX_PAIRED {
                return Err(error(format!("`range` makes at most {MAX_PAIRED} numbers, not {count}")));
            }
            (first..).take(count).collect()
        }
        (Function::Union, 1..) if values.iter().all(|value| value.as_deref().is_some_and(Value::is_object)) => {
            let mut all = need(0)?.clone();
            for place in 1..values.len() {
                merge(&mut all, need(place)?);
            }
            all
        }
        (Function::Intersection, 2..) if values.iter().all(|value| value.as_deref().is_some_and(Value::is_object)) => {
            let mut common = need(0)?.as_object().cloned().unwrap_or_default();
            for place in 1..values.len() {
                let other = need(place)?;
                common.retain(|key, value| member(other, key).is_some_and(|known| compare::same(known, value)));
            }
            Value::Object(common)
        }
        (Function::Union, 1..) => {
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
        (Function::Intersection, 2..) => {
            let mut common = paired(need(0)?)?.clone();
            for place in 1..values.len() {
                let other = paired(need(place)?)?;
                common.retain(|element| other.iter().any(|known| compare::same(known, element)));
            }
            Value::Array(common)
        }
        (Function::Skip | Function::Take, 2) => {
            let count = position(number(1)?.max(0.0))?;
            let is_skip = function == Function::Skip;
            match need(0)? {
                Value::Array(elements) if is_skip => elements.iter().skip(count).cloned().collect(),
                Value::Array(elements) => elements.iter().take(count).cloned().collect(),
                _ if is_skip => only_text(0)?.chars().skip(count).collect::<String>().into(),
                _ => only_text(0)?.chars().take(count).collect::<String>().into(),
            }
        }
        (Function::UtcNow, 0) => context.ground.input.now.to_string().into(),
        (Function::UtcNow, 1) => dates::formatted(context.ground.input.now, &text(0)?).map_err(error)?.into(),
        (Function::AddDays, 2) => dates::add_days(&text(0)?, number(1)?).map_err(error)?.into(),
        (Function::DateTimeAdd, 2) => dates::add_duration(&text(0)?, &text(1)?).map_err(error)?.to_string().into(),
        (Function::DateTimeAdd, 3) => {
            let moved = dates::add_duration(&text(0)?, &text(1)?).map_err(error)?;
            dates::formatted(moved, &text(2)?).map_err(error)?.into()
        }
        (Function::IpRangeContains, 2) => {
            let (outer, inner) = (range(&text(0)?)?, range(&text(1)?)?);
            (outer.0 <= inner.0 && inner.1 <= outer.1).into()
        }
        (Function::TryGet, 2..) => {
            let mut found = value(0);
            for key in values.iter().skip(1) {
                found = match (found, key.as_deref()) {
                    (Some(value), Some(Value::String(key))) => member(value, key),
                    (Some(value), Some(index)) => {
                        index.as_u64().and_then(|index| usize::try_from(index).ok()).and_then(|index| value.get(index))
                    }
                    _ => None,
                };
            }
            return Ok(found.cloned());
        }
        (Function::Json, 1) => serde_json::from_str(&text(0)?).map_err(|problem| error(format!("`json`: {problem}")))?,
        (_, given) => return Err(error(format!("`{}` does not take {given} arguments", name()))),
    };
    Ok(Some(result))
}

/// An object of keys and values in turn.
fn created(values: &[Option<Cow<'_, Value>>]) -> Result<Value, Failure> {
    let mut object = Map::new();
    for pair in values.chunks(2) {
        let [Some(key), value] = pair else { return Err(error("`createObject` takes keys and values in turn".to_owned())) };
        object.insert(compare::text(key).into_owned(), value.as_deref().cloned().unwrap_or(Value::Null));
    }
    Ok(Value::Object(object))
}

/// Lays one value over another: objects are merged at every depth, anything else is replaced.
fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// A text with `{0}`, `{1}` ... replaced; `{{` and `}}` stand for braces.
fn format(pattern: &str, given: &[Cow<'_, str>]) -> Result<String, Failure> {
    let mut made = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(place) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(place);
        made.push_str(before);
        if let Some(tail) = brace.strip_prefix("{{").or(brace.strip_prefix("}}")) {
            made.push_str(brace.get(..1).unwrap_or_default());
            rest = tail;
            continue;
        }
        let inside = brace.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let (name, tail) = inside.ok_or_else(|| error(format!("a brace of the pattern `{pattern}` has no other")))?;
        let value = name.parse::<usize>().ok().and_then(|place| given.get(place));
        made.push_str(value.ok_or_else(|| error(format!("`{{{name}}}` of the pattern `{pattern}` names no value")))?);
        if made.len() > MAX_TEXT {
            return Err(error(format!("`format` would make more than {MAX_TEXT} bytes")));
        }
        rest = tail;
    }
    made.push_str(rest);
    Ok(made)
}

fn error(message: String) -> Failure {
    Failure::Error(message)
}

/// A text or a number as text: what `padLeft` takes.
fn text_of_scalar(value: &Value) -> Result<Cow<'_, str>, Failure> {
    match value {
        Value::String(_) | Value::Number(_) => Ok(compare::text(value)),
        other => Err(error(format!("`padLeft` takes a text or a number, not {other}"))),
    }
}

fn text_of<'i>(argument: &'i Expression, context: &Context<'i>) -> Result<String, Failure> {
    Ok(value_of(argument, context)?.map(|value| compare::text(&value).into_owned()).unwrap_or_default())
}

fn boolean<'i>(argument: &'i Expression, context: &Context<'i>) -> Result<bool, Failure> {
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

fn concat(values: &[Option<Cow<'_, Value>>]) -> Result<Value, Failure> {
    if values.iter().any(|value| matches!(value.as_deref(), Some(Value::Array(_)))) {
        let lists = values.iter().flatten().map(|value| match &**value {
            Value::Array(elements) => elements.clone(),
            other => vec![other.clone()],
        });
        return Ok(Value::Array(lists.flatten().collect()));
    }
    if let Some(object) = values.iter().flatten().find(|value| value.is_object()) {
        return Err(error(format!("`concat` takes texts or lists, not {object}")));
    }
    let text: String = values.iter().flatten().map(|value| compare::text(value)).collect();
    if text.len() > MAX_TEXT { Err(error(format!("`concat` would make more than {MAX_TEXT} bytes"))) } else { Ok(text.into()) }
}

fn split(subject: &str, separators: &[Cow<'_, str>]) -> Value {
    let mut parts = vec![subject.to_owned()];
    for separator in separators.iter().filter(|separator| !separator.is_empty()) {
        parts = parts.iter().flat_map(|part| part.split(&**separator).map(str::to_owned).collect::<Vec<_>>()).collect();
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
