use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
};

use regex::Regex;
use serde_json::Value as Json;
use skywarden_content::{Cast, Made, Scalar, Take};
use skywarden_sigma::{Record, Slot, Value};

/// Where a value of an event comes from, with its fields found.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Constant(Value<'static>),
    Field(Slot),
    First(Vec<Source>),
    Template(Vec<Part>),
    Made(Box<MadeOf>),
}

#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text(String),
    Field(Slot),
}

#[derive(Debug, Clone)]
pub(crate) struct MadeOf {
    of: Source,
    pattern: Option<Regex>,
    /// Text in small letters, whether `*` stands at its start and its end, and what it stands for.
    map: Option<Vec<(String, bool, bool, Value<'static>)>>,
    otherwise: Option<Value<'static>>,
    absent: Option<Value<'static>>,
    cast: Option<Cast>,
    join: Option<String>,
}

impl Source {
    /// Finds the fields that a `Take` names; `slot_of` gives the slot of several places, of which the first that is there counts.
    pub(crate) fn new(take: &Take, slot_of: &mut dyn FnMut(&[String]) -> Slot) -> Self {
        match take {
            Take::Constant(Scalar::Number(number)) => Source::Constant(owned(&Json::Number(number.clone()))),
            Take::Constant(Scalar::Bool(value)) => Source::Constant(Value::Bool(*value)),
            Take::Field(text) if text.contains('{') => template(text, slot_of),
            Take::Field(name) => Source::Field(slot_of(std::slice::from_ref(name))),
            Take::First(several) => match plain_fields(several) {
                Some(names) => Source::Field(slot_of(&names)),
                None => Source::First(several.iter().map(|one| Source::new(one, slot_of)).collect()),
            },
            Take::Made(made) => Self::made(made, slot_of),
        }
    }

    fn made(made: &Made, slot_of: &mut dyn FnMut(&[String]) -> Slot) -> Self {
        let of = match (&made.of, &made.template, &made.value) {
            (Some(names), ..) => Source::Field(slot_of(names.all())),
            (None, Some(text), _) => template(text, slot_of),
            (None, None, Some(value)) => Source::Constant(owned(value)),
            (None, None, None) => Source::Constant(Value::Absent),
        };
        let map = made.map.as_ref().map(|map| {
            let mut entries: Vec<_> = map
                .iter()
                .map(|(text, value)| {
                    let (start, end) = (text.starts_with('*'), text.len() > 1 && text.ends_with('*'));
                    (text.trim_matches('*').to_lowercase(), start, end, owned(value))
                })
                .collect();
            // The most exact first: whole texts, then the longest.
            entries.sort_by_key(|(text, start, end, _)| (*start || *end, std::cmp::Reverse(text.len())));
            entries
        });
        Source::Made(Box::new(MadeOf {
            of,
            pattern: made.pattern.as_deref().and_then(|pattern| Regex::new(pattern).ok()),
            map,
            otherwise: made.otherwise.as_ref().map(owned),
            absent: made.absent.as_ref().map(owned),
            cast: made.cast,
            join: made.join.clone(),
        }))
    }

    /// The value in a record; `Absent` if it has none.
    pub(crate) fn value<'a>(&'a self, record: &Record<'a>) -> Value<'a> {
        match self {
            Source::Constant(value) => value.borrowed(),
            Source::Field(slot) => record.get(*slot).clone(),
            Source::First(several) => {
                several.iter().map(|one| one.value(record)).find(|value| !is_empty(value)).unwrap_or(Value::Absent)
            }
            Source::Template(parts) => filled(parts, record).map_or(Value::Absent, |text| Value::Text(Cow::Owned(text))),
            Source::Made(made) => made.value(record),
        }
    }
}

impl MadeOf {
    fn value<'a>(&'a self, record: &Record<'a>) -> Value<'a> {
        let mut value = self.of.value(record);
        if let (Some(join), Value::List(parts)) = (&self.join, &value) {
            let texts: Vec<_> = parts.iter().filter_map(Value::text).collect();
            value = Value::Text(Cow::Owned(texts.join(join)));
        }
        if let Some(pattern) = &self.pattern {
            value = value
                .first_text()
                .and_then(|text| pattern.captures(&text)?.name("value").map(|found| found.as_str().to_owned()))
                .map_or(Value::Absent, |text| Value::Text(Cow::Owned(text)));
        }
        if is_empty(&value) {
            return self.absent.as_ref().map_or(Value::Absent, Value::borrowed);
        }
        match (&self.map, &self.otherwise) {
            (Some(map), otherwise) => {
                let text = value.first_text().map(lower).unwrap_or_default();
                let found = map.iter().find(|(entry, start, end, _)| match (start, end) {
                    (false, false) => text.as_ref() == entry.as_str(),
                    (false, true) => text.starts_with(entry.as_str()),
                    (true, false) => text.ends_with(entry.as_str()),
                    (true, true) => text.contains(entry.as_str()),
                });
                value = found.map(|(.., value)| value).or(otherwise.as_ref()).map_or(Value::Absent, Value::borrowed);
            }
            (None, Some(otherwise)) => value = otherwise.borrowed(),
            (None, None) => {}
        }
        match self.cast {
            None => value,
            Some(cast) => cast_to(cast, value),
        }
    }
}

/// A text in small letters.
fn lower(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_lower = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower { text } else { Cow::Owned(text.to_lowercase()) }
}

fn cast_to(cast: Cast, value: Value<'_>) -> Value<'_> {
    // Most addresses are IPv4, which can be written in one way only.
    if let (Cast::Ip, Value::Text(text)) = (cast, &value)
        && text.parse::<Ipv4Addr>().is_ok()
    {
        return value;
    }
    let Some(text) = value.first_text() else { return Value::Absent };
    match cast {
        Cast::Integer => {
            let text = text.trim();
            let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
                Some(digits) => i64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            };
            number.map_or(Value::Absent, Value::Int)
        }
        Cast::Ip => address(&text).map_or(Value::Absent, |address| Value::Text(Cow::Owned(address.to_string()))),
        Cast::Lower => Value::Text(Cow::Owned(lower(text).into_owned())),
        Cast::Basename => {
            let name = text.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            Value::Text(Cow::Owned(name))
        }
    }
}

/// An address, also with a port, in brackets, or as IPv6 that holds IPv4.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let parsed: Option<IpAddr> = text.parse().ok().or_else(|| {
        let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
        let bare =
            bare.or_else(|| text.rsplit_once(':').filter(|(before, _)| !before.contains(':')).map(|(before, _)| before))?;
        bare.parse().ok()
    });
    parsed.map(|address| address.to_canonical())
}

/// Absent, null, or an empty text: what logs write where there is nothing.
fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Absent | Value::Null => true,
        Value::Text(text) => text.is_empty() || text == "-",
        Value::List(values) => values.iter().all(is_empty),
        _ => false,
    }
}

fn plain_fields(several: &[Take]) -> Option<Vec<String>> {
    several
        .iter()
        .map(|one| match one {
            Take::Field(name) if !name.contains('{') => Some(name.clone()),
            _ => None,
        })
        .collect()
}

fn template(text: &str, slot_of: &mut dyn FnMut(&[String]) -> Slot) -> Source {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        parts.push(Part::Text(before.to_owned()));
        parts.push(Part::Field(slot_of(&[name.to_owned()])));
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    Source::Template(parts)
}

fn filled(parts: &[Part], record: &Record<'_>) -> Option<String> {
    // What a template is about stands at its end, and of many templates few have it: nothing is written before all is there.
    let is_missing = |part: &Part| match part {
        Part::Text(_) => false,
        Part::Field(slot) => is_empty(record.get(*slot)),
    };
    if parts.iter().rev().any(is_missing) {
        return None;
    }
    let mut text = String::with_capacity(128);
    for part in parts {
        match part {
            Part::Text(own) => text.push_str(own),
            Part::Field(slot) => text.push_str(&record.get(*slot).first_text()?),
        }
    }
    Some(text)
}

/// A value that borrows nothing.
pub(crate) fn owned(json: &Json) -> Value<'static> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int),
        Json::String(text) => Value::Text(Cow::Owned(text.clone())),
        Json::Array(values) => Value::List(values.iter().map(owned).collect()),
        Json::Object(_) => Value::Object,
    }
}

/// A value as JSON; `None` for what is not there.
pub(crate) fn to_json(value: &Value<'_>) -> Option<Json> {
    match value {
        Value::Absent | Value::Null | Value::Object => None,
        Value::Bool(value) => Some((*value).into()),
        Value::Int(number) => Some((*number).into()),
        Value::Float(number) => Some((*number).into()),
        Value::Text(text) if text.is_empty() || text == "-" => None,
        Value::Text(text) => Some(text.as_ref().into()),
        Value::List(values) => {
            let values: Vec<Json> = values.iter().filter_map(to_json).collect();
            match values.len() {
                0 => None,
                1 => values.into_iter().next(),
                _ => Some(Json::Array(values)),
            }
        }
    }
}
