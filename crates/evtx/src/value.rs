//! Values: of which kind, how long, and how they are written as text.

use std::fmt::Write as _;

use crate::{
    bytes::{Span, array_at, u16_at, u32_at, u64_at},
    error::Broken,
};

/// The bit that makes a list of a kind.
const LIST: u8 = 0x80;

/// Days from 0000-03-01 to 1601-01-01, when file times begin.
const DAYS_BEFORE_1601: u64 = 584_694;

/// File times count 100 nanoseconds.
const TICKS_PER_SECOND: u64 = 10_000_000;

/// What Windows-1252 has where Latin-1 has control characters; what it leaves free stays as it is.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”',
    '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The kinds that a value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Text,
    Ansi,
    Signed,
    Unsigned,
    Real,
    Bool,
    Binary,
    Guid,
    FileTime,
    SystemTime,
    Sid,
    Hex,
}

/// A single value: where its bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// The value that a record gives for a hole, before what is nested in it is read.
#[derive(Debug)]
pub(crate) enum Given {
    One(Value),
    List(Vec<Value>),
    /// BinXML of its own.
    Nested(Span),
}

impl Value {
    /// Whether there is nothing in it.
    pub(crate) fn is_empty(self, chunk: &[u8]) -> bool {
        match self.kind {
            Kind::Null => true,
            Kind::Text => matches!(self.span.of(chunk), [] | [_] | [0, 0, ..]),
            Kind::Ansi => self.span.of(chunk).iter().all(|byte| *byte == 0),
            Kind::Binary => self.span.length() == 0,
            _ => false,
        }
    }

    /// Whether JSON has it without quotation marks.
    pub(crate) fn is_bare(self) -> bool {
        matches!(self.kind, Kind::Signed | Kind::Unsigned | Kind::Bool)
    }

    /// Whether it is a text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Ansi)
    }

    /// Writes it as it stands between quotation marks in JSON.
    pub(crate) fn write(self, chunk: &[u8], out: &mut String) {
        let bytes = self.span.of(chunk);
        match self.kind {
            Kind::Null => {}
            Kind::Text => write_utf16(bytes, out),
            Kind::Ansi => bytes.iter().filter(|byte| **byte != 0).for_each(|byte| write_letter(windows_1252(*byte), out)),
            Kind::Signed => write_number(out, signed(bytes)),
            Kind::Unsigned => write_number(out, unsigned(bytes)),
            Kind::Real => write_real(bytes, out),
            Kind::Bool => match signed(bytes) {
                0 => out.push_str("false"),
                1 => out.push_str("true"),
                // Windows keeps bits in some of them.
                other => write_number(out, other),
            },
            Kind::Binary => bytes.iter().for_each(|byte| write_hex(out, *byte, UPPER)),
            Kind::Guid => write_guid(bytes, out),
            Kind::FileTime => write_file_time(unsigned(bytes), out),
            Kind::SystemTime => write_system_time(bytes, out),
            Kind::Sid => write_sid(bytes, out),
            Kind::Hex => {
                let _ = write!(out, "0x{:x}", unsigned(bytes));
            }
        }
    }
}

/// The value of a hole: its type and bytes as a record gives them.
pub(crate) fn given(type_byte: u8, span: Span, chunk: &[u8]) -> Result<Given, Broken> {
    if type_byte == 0x21 {
        return Ok(Given::Nested(span));
    }
    if type_byte & LIST != 0 {
        return list(type_byte & !LIST, span, chunk).map(Given::List);
    }
    one(type_byte, span, chunk).map(Given::One)
}

/// A value in the text of a template or record: its type, and its bytes from a place on, of which it says itself how many it has.
pub(crate) fn literal_length(type_byte: u8) -> Option<usize> {
    kind(type_byte).and_then(|(_, width)| width)
}

/// The single value of a type.
pub(crate) fn one(type_byte: u8, span: Span, chunk: &[u8]) -> Result<Value, Broken> {
    let bad = |reason: String| Err(Broken::new(span.start(), reason));
    // The width of SizeT is that of the machine that wrote it.
    if type_byte == 0x10 {
        return match span.length() {
            0 => Ok(Value { kind: Kind::Null, span }),
            4 | 8 => Ok(Value { kind: Kind::Hex, span }),
            length => bad(format!("a SizeT has 4 or 8 bytes, not {length}")),
        };
    }
    let Some((kind, width)) = kind(type_byte) else {
        return bad(format!("there are no values of type 0x{type_byte:02x}"));
    };
    let length = span.length();
    match (kind, width) {
        (Kind::Text, _) if !length.is_multiple_of(2) => bad(format!("a text of UTF-16 has {length} bytes")),
        (Kind::Sid, _) if length > 0 => match sid_length(span.of(chunk)) {
            Some(own) if own <= length => Ok(Value { kind, span: Span::new(span.start(), own) }),
            _ => bad("a SID is cut".to_owned()),
        },
        (Kind::Sid, _) => Ok(Value { kind: Kind::Null, span }),
        (_, Some(_)) if length == 0 => Ok(Value { kind: Kind::Null, span }),
        (Kind::Bool, _) if length == 1 => Ok(Value { kind, span }),
        (_, Some(width)) if length < width => bad(format!("a value of type 0x{type_byte:02x} has {width} bytes, not {length}")),
        (_, Some(width)) => Ok(Value { kind, span: Span::new(span.start(), width) }),
        (_, None) => Ok(Value { kind, span }),
    }
}

/// The kind of a type, and its width in bytes if all have the same.
fn kind(type_byte: u8) -> Option<(Kind, Option<usize>)> {
    Some(match type_byte {
        0x00 => (Kind::Null, None),
        0x01 => (Kind::Text, None),
        0x02 => (Kind::Ansi, None),
        0x03 => (Kind::Signed, Some(1)),
        0x04 => (Kind::Unsigned, Some(1)),
        0x05 => (Kind::Signed, Some(2)),
        0x06 => (Kind::Unsigned, Some(2)),
        0x07 => (Kind::Signed, Some(4)),
        0x08 => (Kind::Unsigned, Some(4)),
        0x09 => (Kind::Signed, Some(8)),
        0x0a => (Kind::Unsigned, Some(8)),
        0x0b => (Kind::Real, Some(4)),
        0x0c => (Kind::Real, Some(8)),
        0x0d => (Kind::Bool, Some(4)),
        0x0e => (Kind::Binary, None),
        0x0f => (Kind::Guid, Some(16)),
        0x11 => (Kind::FileTime, Some(8)),
        0x12 => (Kind::SystemTime, Some(16)),
        0x13 => (Kind::Sid, None),
        0x14 => (Kind::Hex, Some(4)),
        0x15 => (Kind::Hex, Some(8)),
        _ => return None,
    })
}

/// The values of a list: all of the same width, or each with its own end.
fn list(type_byte: u8, span: Span, chunk: &[u8]) -> Result<Vec<Value>, Broken> {
    let bad = |reason: String| Err(Broken::new(span.start(), reason));
    let bytes = span.of(chunk);
    let part = |start: usize, length: usize| Span::new(span.start() + start, length);
    match kind(type_byte) {
        Some((kind @ Kind::Text, _)) => {
            if !bytes.len().is_multiple_of(2) {
                return bad(format!("a list of texts of UTF-16 has {} bytes", bytes.len()));
            }
            let ends = bytes.chunks_exact(2).enumerate().filter(|(_, unit)| *unit == [0, 0]).map(|(place, _)| place * 2);
            Ok(ended(ends, bytes.len(), 2).map(|(start, length)| Value { kind, span: part(start, length) }).collect())
        }
        Some((kind @ Kind::Ansi, _)) => {
            let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(place, _)| place);
            Ok(ended(ends, bytes.len(), 1).map(|(start, length)| Value { kind, span: part(start, length) }).collect())
        }
        Some((kind @ Kind::Sid, _)) => {
            let (mut values, mut start) = (Vec::new(), 0);
            while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
                let Some(length) = sid_length(rest) else { return bad("a list of SIDs is cut".to_owned()) };
                values.push(Value { kind, span: part(start, length) });
                start += length;
            }
            Ok(values)
        }
        Some((kind, Some(width))) => {
            if !bytes.len().is_multiple_of(width) {
                return bad(format!("a list of values of {width} bytes has {}", bytes.len()));
            }
            let values = (0..bytes.len() / width).map(|place| Value { kind, span: part(place * width, width) });
            let mut values: Vec<Value> = values.collect();
            // One that is neither false nor true makes numbers of all.
            if kind == Kind::Bool && values.iter().any(|value| !matches!(signed(value.span.of(chunk)), 0 | 1)) {
                values.iter_mut().for_each(|value| value.kind = Kind::Signed);
            }
            Ok(values)
        }
        _ => bad(format!("there are no lists of type 0x{:02x}", type_byte | LIST)),
    }
}

/// Start and length of parts of which each ends before a mark of so many bytes; a last one may lack it.
fn ended(ends: impl Iterator<Item = usize>, total: usize, mark: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    ends.chain([total]).filter_map(move |end| {
        let part = (start, end.saturating_sub(start));
        let is_last = end == total;
        start = end + mark;
        (!is_last || part.1 > 0).then_some(part)
    })
}

/// How long the SID is that stands first, if it is whole.
fn sid_length(bytes: &[u8]) -> Option<usize> {
    let length = 8 + 4 * usize::from(*bytes.get(1)?);
    (length <= bytes.len()).then_some(length)
}

fn signed(bytes: &[u8]) -> i64 {
    match *bytes {
        [a] => i64::from(i8::from_le_bytes([a])),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => array_at(bytes, 0).map_or(0, i64::from_le_bytes),
    }
}

fn unsigned(bytes: &[u8]) -> u64 {
    match *bytes {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        _ => u64_at(bytes, 0).unwrap_or(0),
    }
}

fn write_number(out: &mut String, number: impl std::fmt::Display) {
    let _ = write!(out, "{number}");
}

/// Writes UTF-16 up to the first zero; what is no letter becomes U+FFFD.
pub(crate) fn write_utf16(bytes: &[u8], out: &mut String) {
    // Nearly all are plain ASCII.
    let mut rest = bytes;
    while let [low @ (b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'), 0, more @ ..] = rest {
        out.push(char::from(*low));
        rest = more;
    }
    let units = rest.chunks_exact(2).map(|unit| u16_at(unit, 0).unwrap_or(0)).take_while(|unit| *unit != 0);
    for letter in char::decode_utf16(units) {
        write_letter(letter.unwrap_or(char::REPLACEMENT_CHARACTER), out);
    }
}

/// Writes a letter as it stands between quotation marks in JSON.
pub(crate) fn write_letter(letter: char, out: &mut String) {
    match letter {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0'..='\u{1f}' => {
            let _ = write!(out, "\\u{:04x}", u32::from(letter));
        }
        _ => out.push(letter),
    }
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252.get(usize::from(byte - 0x80)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        _ => char::from(byte),
    }
}

/// As few digits as tell it from its neighbours; with an exponent if it is far from 1.
fn write_real(bytes: &[u8], out: &mut String) {
    let (number, scientific, plain) =
        match (array_at(bytes, 0).map(f64::from_le_bytes), array_at(bytes, 0).map(f32::from_le_bytes)) {
            (Some(number), _) => (number.to_string(), format!("{number:e}"), -5..=15),
            (None, number) => {
                let number = number.unwrap_or_default();
                (number.to_string(), format!("{number:e}"), -6..=12)
            }
        };
    let exponent = scientific.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)));
    match exponent {
        Some((digits, exponent)) if !plain.contains(&exponent) => {
            let _ = write!(out, "{digits}e{exponent:+}");
        }
        Some(_) if !number.contains('.') => {
            let _ = write!(out, "{number}.0");
        }
        // Also what is no number, or infinite.
        _ => out.push_str(&number),
    }
}

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

fn write_hex(out: &mut String, byte: u8, digits: &[u8; 16]) {
    for half in [byte >> 4, byte & 15] {
        out.push(digits.get(usize::from(half)).map_or('0', |digit| char::from(*digit)));
    }
}

/// In braces, its first three groups as little-endian numbers.
fn write_guid(bytes: &[u8], out: &mut String) {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    out.push('{');
    for (place, at) in ORDER.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        write_hex(out, bytes.get(at).copied().unwrap_or(0), LOWER);
    }
    out.push('}');
}

fn write_sid(bytes: &[u8], out: &mut String) {
    let revision = bytes.first().copied().unwrap_or(0);
    let authority = array_at(bytes, 2).map_or(0, |[a, b, c, d, e, f]: [u8; 6]| u64::from_be_bytes([0, 0, a, b, c, d, e, f]));
    let _ = write!(out, "S-{revision}-{authority}");
    for part in bytes.get(8..).unwrap_or_default().chunks_exact(4) {
        let _ = write!(out, "-{}", u32_at(part, 0).unwrap_or(0));
    }
}

/// What is no date (a count past the signed numbers) is written as zeros, as Windows writes it.
fn write_file_time(ticks: u64, out: &mut String) {
    if i64::try_from(ticks).is_err() {
        return write_time([0; 6], 0, out);
    }
    let (seconds, fraction) = (ticks / TICKS_PER_SECOND, ticks % TICKS_PER_SECOND);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    write_time([year % 10_000, month, day, second / 3600, second / 60 % 60, second % 60], fraction, out);
}

/// What is no date is written as the first one, as Windows writes it.
fn write_system_time(bytes: &[u8], out: &mut String) {
    let field = |place: usize| u64::from(u16_at(bytes, 2 * place).unwrap_or(0));
    let [year, month, day] = [field(0), field(1), field(3)];
    let [hour, minute, second, thousandths] = [field(4), field(5), field(6), field(7)];
    let is_time = hour < 24 && minute < 60 && second < 60 && thousandths < 1000;
    if !is_time || !(1601..=30_827).contains(&year) || !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return write_time([1601, 1, 1, 0, 0, 0], 0, out);
    }
    write_time([year % 10_000, month, day, hour, minute, second], thousandths * 10_000, out);
}

fn write_time([year, month, day, hour, minute, second]: [u64; 6], fraction: u64, out: &mut String) {
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z");
}

fn days_of(year: u64, month: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date so many days after 1601-01-01. Years are counted from March here, so that a leap day is the last of one.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1601;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(type_byte: u8, bytes: &[u8]) -> String {
        let mut out = String::new();
        match given(type_byte, Span::new(0, bytes.len()), bytes).unwrap() {
            Given::One(value) => value.write(bytes, &mut out),
            Given::List(values) => {
                for value in values {
                    value.write(bytes, &mut out);
                    out.push('|');
                }
            }
            Given::Nested(_) => out.push_str("nested"),
        }
        out
    }

    #[test]
    fn values_are_written_as_windows_writes_them() {
        assert_eq!(text(0x01, &[b'a', 0, b'"', 0, 0x3d, 0xd8, 0, 0, b'x', 0]), "a\\\"\u{fffd}");
        assert_eq!(text(0x01, &[0x3d, 0xd8, 0x00, 0xde, 1, 0]), "😀\\u0001");
        assert_eq!(text(0x02, b"\x80\0\xe9"), "€é");
        assert_eq!(text(0x03, &[0xff]), "-1");
        assert_eq!(text(0x0a, &[0xff; 8]), u64::MAX.to_string());
        assert_eq!(text(0x0c, &1.5f64.to_le_bytes()), "1.5");
        assert_eq!(text(0x0b, &0.1f32.to_le_bytes()), "0.1");
        assert_eq!((text(0x0c, &1e30f64.to_le_bytes()), text(0x0c, &1e-30f64.to_le_bytes())), ("1e+30".into(), "1e-30".into()));
        assert_eq!((text(0x0d, &[1, 0, 0, 0]), text(0x0d, &[16, 0, 0, 0])), ("true".to_owned(), "16".to_owned()));
        assert_eq!(text(0x0e, &[0, 0xab]), "00AB");
        let guid = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        assert_eq!(text(0x0f, &guid), "{04030201-0605-0807-090a-0b0c0d0e0f10}");
        assert_eq!((text(0x10, &[0, 1, 0, 0]), text(0x15, &[0; 8])), ("0x100".to_owned(), "0x0".to_owned()));
        assert_eq!(text(0x13, &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0]), "S-1-5-32-544");
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(text(0x11, &0u64.to_le_bytes()), "1601-01-01T00:00:00.0000000Z");
        // jiff knows the calendar too.
        for second in (0..20_000_000_000i64).step_by(987_654_321) {
            let ticks = u64::try_from(second + 11_644_473_600).unwrap() * TICKS_PER_SECOND + 42;
            let expected = format!("{}.0000042Z", jiff::Timestamp::from_second(second).unwrap().strftime("%Y-%m-%dT%H:%M:%S"));
            assert_eq!(text(0x11, &ticks.to_le_bytes()), expected);
        }
        assert_eq!(text(0x11, &u64::MAX.to_le_bytes()), "0000-00-00T00:00:00.0000000Z");
        let time: Vec<u8> = [2024u16, 2, 4, 29, 23, 59, 58, 7].into_iter().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(0x12, &time), "2024-02-29T23:59:58.0070000Z");
        assert_eq!(text(0x12, &[0; 16]), "1601-01-01T00:00:00.0000000Z");
    }

    #[test]
    fn lists_are_cut_at_their_ends() {
        assert_eq!(text(0x81, &[b'a', 0, 0, 0, 0, 0, b'b', 0]), "a||b|");
        assert_eq!(text(0x82, b"x\0\0y\0"), "x||y|");
        assert_eq!(text(0x86, &[1, 0, 2, 0]), "1|2|");
        assert_eq!(text(0x8d, &[1, 0, 0, 0, 2, 0, 0, 0]), "1|2|");
        assert_eq!(text(0x93, &[1, 0, 0, 0, 0, 0, 0, 5, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]), "S-1-5|S-1-5-18|");
        for (type_byte, bytes) in [(0x86, &[1u8, 0, 2][..]), (0x93, &[1, 9, 0]), (0x8e, &[1]), (0x44, &[1]), (0x0f, &[1])] {
            assert!(given(type_byte, Span::new(0, bytes.len()), bytes).is_err(), "{type_byte:02x}");
        }
    }
}
