use std::net::IpAddr;

use ipnet::IpNet;
use regex::Regex;

use crate::{Record, Slot, Value, pattern::Pattern};

/// One thing that a rule asks of one field.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// A text in small letters, looked for without regard to case.
    Text(Slot, Pattern),
    /// A text that must be written just so.
    Cased(Slot, Pattern),
    Regex(Slot, Regex),
    Network(Slot, IpNet),
    Compare(Slot, Comparison, f64),
    /// Missing or null.
    Nothing(Slot),
    /// There, and not null.
    Present(Slot),
    /// Related to what another field holds.
    Field(Slot, Relation, Slot),
    Time(Slot, TimePart, i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimePart {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Test {
    pub(crate) fn slot(&self) -> Slot {
        match self {
            Test::Text(slot, _)
            | Test::Cased(slot, _)
            | Test::Regex(slot, _)
            | Test::Network(slot, _)
            | Test::Compare(slot, ..)
            | Test::Nothing(slot)
            | Test::Present(slot)
            | Test::Field(slot, ..)
            | Test::Time(slot, ..) => *slot,
        }
    }

    /// Whether it holds of a record.
    pub(crate) fn holds(&self, record: &Record<'_>) -> bool {
        let value = record.get(self.slot());
        match self {
            Test::Nothing(_) => value.is_nothing(),
            Test::Present(_) => !value.is_nothing(),
            _ => value.each().iter().any(|one| self.holds_of(one, record)),
        }
    }

    fn holds_of(&self, value: &Value<'_>, record: &Record<'_>) -> bool {
        match self {
            Test::Text(_, pattern) => value.text().is_some_and(|text| pattern.matches(&text.to_lowercase())),
            Test::Cased(_, pattern) => value.text().is_some_and(|text| pattern.matches(&text)),
            Test::Regex(_, regex) => value.text().is_some_and(|text| regex.is_match(&text)),
            Test::Network(_, network) => address(value).is_some_and(|address| network.contains(&address)),
            Test::Compare(_, comparison, number) => value.number().is_some_and(|value| comparison.holds(value, *number)),
            Test::Nothing(_) => value.is_nothing(),
            Test::Present(_) => !value.is_nothing(),
            Test::Field(_, relation, other) => {
                let Some(text) = value.text() else { return false };
                let text = text.to_lowercase();
                record.get(*other).each().iter().filter_map(Value::text).any(|other| relation.holds(&text, &other.to_lowercase()))
            }
            Test::Time(_, part, number) => part.of(value) == Some(*number),
        }
    }
}

fn address(value: &Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

impl Comparison {
    fn holds(self, value: f64, number: f64) -> bool {
        match self {
            Comparison::Less => value < number,
            Comparison::AtMost => value <= number,
            Comparison::More => value > number,
            Comparison::AtLeast => value >= number,
            #[expect(clippy::float_cmp, reason = "the author's number itself is meant")]
            Comparison::Other => value != number,
        }
    }
}

impl Relation {
    fn holds(self, text: &str, other: &str) -> bool {
        match self {
            Relation::Equals => text == other,
            Relation::Contains => text.contains(other),
            Relation::StartsWith => text.starts_with(other),
            Relation::EndsWith => text.ends_with(other),
        }
    }
}

impl TimePart {
    /// The part of an instant in UTC, of RFC 3339 or of seconds or milliseconds since 1970.
    fn of(self, value: &Value<'_>) -> Option<i64> {
        let instant: jiff::Timestamp = match value {
            Value::Text(text) => text.trim().parse().ok()?,
            Value::Int(number) if number.abs() >= 100_000_000_000 => jiff::Timestamp::from_millisecond(*number).ok()?,
            Value::Int(number) => jiff::Timestamp::from_second(*number).ok()?,
            _ => return None,
        };
        let time = jiff::tz::Offset::UTC.to_datetime(instant);
        Some(match self {
            TimePart::Minute => time.minute().into(),
            TimePart::Hour => time.hour().into(),
            TimePart::Day => time.day().into(),
            TimePart::Week => time.date().iso_week_date().week().into(),
            TimePart::Month => time.month().into(),
            TimePart::Year => time.year().into(),
        })
    }
}
