//! Answers to typed JSON, driven by the schema: what the schema does not have is dropped, what does not fit it is a problem.

use base64::Engine as _;
use serde_json::{Map, Number, Value};
use skywarden_content::ScalarType;
use skywarden_model::{FieldPath, Segment, Timestamp};

use crate::{
    shape::{Member, Shape, WireNames},
    template::member,
    xml::Element,
};

/// Values with what could not be understood in them.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    path: Vec<Segment>,
    /// Fields whose value is there but does not fit the schema, with why. They are left out of the value.
    pub(crate) problems: Vec<(FieldPath, String)>,
}

/// Epoch numbers above this are milliseconds: as seconds it would be the year 5138.
const MAX_EPOCH_SECONDS: f64 = 1e11;

impl Decoder {
    /// A decoder for what lies at a path.
    pub(crate) fn at(path: Vec<Segment>) -> Self {
        Self { path, problems: Vec::new() }
    }

    /// The typed value of JSON; `None` for null and for what does not fit.
    pub(crate) fn json(&mut self, value: &Value, shape: &Shape) -> Option<Value> {
        if value.is_null() {
            return None;
        }
        match shape {
            Shape::Scalar(scalar) => self.scalar(value, *scalar),
            Shape::List(item) => match value {
                Value::Array(items) => Some(Value::Array(self.each(items, |decoder, value| decoder.json(value, item)))),
                other => self.misfit("a list", other),
            },
            Shape::Map(item) => match value {
                Value::Object(members) => Some(object(members.iter().filter_map(|(key, value)| {
                    let value = self.below(key, |decoder| decoder.json(value, item))?;
                    Some((key.clone(), value))
                }))),
                other => self.misfit("an object", other),
            },
            Shape::Object(members) => match value {
                Value::Object(_) => Some(object(members.iter().filter_map(|Member { name, shape, .. }| {
                    let found = member(value, name)?;
                    let value = self.below(name, |decoder| decoder.json(found, shape))?;
                    Some((name.to_string(), value))
                }))),
                other => self.misfit("an object", other),
            },
        }
    }

    /// The typed value of an element.
    pub(crate) fn xml(&mut self, element: &Element, shape: &Shape) -> Option<Value> {
        match shape {
            Shape::Scalar(scalar) if element.children.is_empty() => self.text(&element.text, *scalar),
            Shape::Scalar(_) => self.problem("it has elements where a single value was expected"),
            Shape::List(_) => self.xml_list(&[element], shape),
            Shape::Map(item) => Some(Value::Object(self.xml_map(&element.children, item))),
            Shape::Object(members) => {
                if element.children.is_empty() && !element.text.trim().is_empty() {
                    return self.problem("it is a text where an object was expected");
                }
                Some(object(members.iter().filter_map(|own| {
                    let found = find(element, &own.wire, members);
                    if found.is_empty() {
                        return None;
                    }
                    let value = self.below(&own.name, |decoder| decoder.xml_all(&found, &own.shape))?;
                    Some((own.name.to_string(), value))
                })))
            }
        }
    }

    /// The typed value of all elements of one name.
    pub(crate) fn xml_all(&mut self, elements: &[&Element], shape: &Shape) -> Option<Value> {
        match (shape, elements) {
            (Shape::List(_), _) => self.xml_list(elements, shape),
            // A map without a wrapper: each element is an entry.
            (Shape::Map(item), [first, ..]) if entry(first).is_some() => {
                let entries: Vec<Element> = elements.iter().map(|element| (*element).clone()).collect();
                Some(Value::Object(self.xml_map(&entries, item)))
            }
            (_, [first, ..]) => self.xml(first, shape),
            (_, []) => None,
        }
    }

    fn xml_list(&mut self, elements: &[&Element], shape: &Shape) -> Option<Value> {
        let Shape::List(item) = shape else { return None };
        let items: Vec<&Element> = elements.iter().flat_map(|element| list_items(element, item)).collect();
        Some(Value::Array(self.each(&items, |decoder, element| decoder.xml(element, item))))
    }

    fn xml_map(&mut self, entries: &[Element], item: &Shape) -> Map<String, Value> {
        let mut map = Map::new();
        for element in entries {
            let Some((key, value)) = entry(element) else {
                self.problem("an entry of a map has no key and value");
                continue;
            };
            let value = self.below(key, |decoder| decoder.xml(value, item));
            map.extend(value.map(|value| (key.to_owned(), value)));
        }
        map
    }

    fn scalar(&mut self, value: &Value, scalar: ScalarType) -> Option<Value> {
        match (value, scalar) {
            (Value::String(text), _) => self.text(text, scalar),
            (Value::Number(_), ScalarType::Number) | (Value::Bool(_), ScalarType::Boolean) => Some(value.clone()),
            (Value::Number(number), ScalarType::Integer) => match integer(number) {
                Some(integer) => Some(integer),
                None => self.misfit("an integer", value),
            },
            (Value::Number(_) | Value::Bool(_), ScalarType::String) => Some(Value::String(value.to_string())),
            (Value::Number(number), ScalarType::Timestamp) => match number.as_f64().and_then(instant) {
                Some(instant) => Some(Value::String(instant.to_string())),
                None => self.misfit("a timestamp", value),
            },
            (_, ScalarType::Json) => Some(value.clone()),
            (_, ScalarType::String) => self.misfit("a text", value),
            (_, ScalarType::Integer) => self.misfit("an integer", value),
            (_, ScalarType::Number) => self.misfit("a number", value),
            (_, ScalarType::Boolean) => self.misfit("a boolean", value),
            (_, ScalarType::Timestamp) => self.misfit("a timestamp", value),
            (_, ScalarType::Csv) => self.misfit("a table in base64", value),
        }
    }

    fn text(&mut self, text: &str, scalar: ScalarType) -> Option<Value> {
        let trimmed = text.trim();
        if trimmed.is_empty() && scalar != ScalarType::String {
            return None;
        }
        let found = match scalar {
            ScalarType::String => Some(Value::String(text.to_owned())),
            ScalarType::Boolean => match trimmed {
                "1" => Some(Value::Bool(true)),
                "0" => Some(Value::Bool(false)),
                _ if trimmed.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
                _ if trimmed.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
                _ => None,
            },
            ScalarType::Integer => trimmed.parse().ok().map(|integer: i64| Value::Number(integer.into())),
            ScalarType::Number => trimmed.parse().ok().and_then(Number::from_f64).map(Value::Number),
            ScalarType::Timestamp => timestamp(trimmed).map(|instant| Value::String(instant.to_string())),
            ScalarType::Json => document(trimmed),
            ScalarType::Csv => table(trimmed),
        };
        if found.is_none() {
            self.problem(&format!("`{}` is no {}", shortened(trimmed), name_of(scalar)));
        }
        found
    }

    fn each<T>(&mut self, items: &[T], mut decode: impl FnMut(&mut Self, &T) -> Option<Value>) -> Vec<Value> {
        self.path.push(Segment::Each);
        let n_before = self.problems.len();
        let mut decoded = Vec::with_capacity(items.len());
        for item in items {
            // A scalar that does not fit stays a place in the list: its length is known.
            decoded.push(decode(self, item).unwrap_or(Value::Null));
        }
        self.path.pop();
        // One entry for each field, not one for each element.
        let mut seen = std::collections::BTreeSet::new();
        let mut position = 0;
        self.problems.retain(|(path, _)| {
            position += 1;
            position <= n_before || seen.insert(path.clone())
        });
        decoded
    }

    fn below<T>(&mut self, name: &str, decode: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Segment::Key(name.into()));
        let decoded = decode(self);
        self.path.pop();
        decoded
    }

    fn misfit(&mut self, expected: &str, found: &Value) -> Option<Value> {
        self.problem(&format!("expected {expected}, found `{}`", shortened(&found.to_string())))
    }

    fn problem(&mut self, message: &str) -> Option<Value> {
        self.problems.push((FieldPath::from_segments(self.path.clone()), message.to_owned()));
        None
    }
}

/// An object of members, built at once: one that grows member by member takes nearly twice the memory.
fn object(members: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(members.collect())
}

/// The elements under the likeliest of the names; a name that is another member's own is that member's.
pub(crate) fn find<'a>(element: &'a Element, names: &WireNames, members: &[Member]) -> Vec<&'a Element> {
    for (position, name) in names.iter().enumerate() {
        let is_guess = position > 0;
        if is_guess && members.iter().any(|other| other.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let found: Vec<&Element> = element.children.iter().filter(|child| child.name.eq_ignore_ascii_case(name)).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// The items of a list's element: its children if it is a wrapper, else the element itself.
pub(crate) fn list_items<'a>(element: &'a Element, item: &Shape) -> Vec<&'a Element> {
    let is_wrapper = match (element.children.first(), item) {
        (None, _) => element.text.trim().is_empty(),
        (Some(first), _) if matches!(&*first.name, "member" | "item") => true,
        (Some(_), Shape::Object(members)) => {
            !element.children.iter().any(|child| members.iter().any(|member| member.wire.has(&child.name)))
                && element
                    .children
                    .windows(2)
                    .all(|pair| pair.first().map(|one| &one.name) == pair.last().map(|other| &other.name))
        }
        (Some(_), Shape::Map(_)) => entry(element).is_none(),
        (Some(_), Shape::Scalar(_) | Shape::List(_)) => true,
    };
    if is_wrapper { element.children.iter().collect() } else { vec![element] }
}

/// The key and the value of a map's entry.
fn entry(element: &Element) -> Option<(&str, &Element)> {
    let [first, second] = element.children.as_slice() else { return None };
    let is_key = |element: &Element| element.name.eq_ignore_ascii_case("key") || element.name.eq_ignore_ascii_case("name");
    let is_value = |element: &Element| element.name.eq_ignore_ascii_case("value");
    match (is_key(first) && is_value(second), is_key(second) && is_value(first)) {
        (true, _) => Some((first.text.as_str(), second)),
        (_, true) => Some((second.text.as_str(), first)),
        _ => None,
    }
}

fn integer(number: &Number) -> Option<Value> {
    if number.is_i64() || number.is_u64() {
        return Some(Value::Number(number.clone()));
    }
    // `3.0`; beyond 2^53 a float is no longer an exact integer.
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15)?;
    format!("{float:.0}").parse().ok().map(|integer: i64| Value::Number(integer.into()))
}

fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .or_else(|| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok())
        .or_else(|| text.parse().ok().and_then(instant))
        // A date alone, as in rules of S3 lifecycles.
        .or_else(|| format!("{text}T00:00:00Z").parse().ok())
}

fn instant(epoch: f64) -> Option<Timestamp> {
    let milliseconds = if epoch.abs() > MAX_EPOCH_SECONDS { epoch } else { epoch * 1000.0 };
    if !milliseconds.is_finite() || milliseconds.abs() > 2e14 {
        return None;
    }
    let milliseconds: i64 = format!("{milliseconds:.0}").parse().ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}

/// A JSON document in a text; IAM percent-encodes its policies, API Gateway puts a backslash before each quotation mark.
fn document(text: &str) -> Option<Value> {
    if let Ok(document) = serde_json::from_str(text) {
        return Some(document);
    }
    let escaped =
        || serde_json::from_str::<String>(&format!("\"{text}\"")).ok().and_then(|plain| serde_json::from_str(&plain).ok());
    serde_json::from_slice(&percent_decode(text)).ok().or_else(escaped)
}

/// A table in base64 as a list of objects, by the names of its head line.
fn table(text: &str) -> Option<Value> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes.as_slice());
    let heads = reader.headers().ok()?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.ok()?;
        let cells = heads.iter().zip(&record).map(|(head, cell)| (head.to_owned(), Value::String(cell.to_owned())));
        rows.push(Value::Object(cells.collect()));
    }
    Some(Value::Array(rows))
}

fn percent_decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit =
            |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high * 16 + low);
                bytes = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    decoded
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

fn name_of(scalar: ScalarType) -> &'static str {
    match scalar {
        ScalarType::String => "text",
        ScalarType::Integer => "integer",
        ScalarType::Number => "number",
        ScalarType::Boolean => "boolean",
        ScalarType::Timestamp => "timestamp",
        ScalarType::Json => "JSON document",
        ScalarType::Csv => "table in base64",
    }
}

#[cfg(test)]
mod tests;
