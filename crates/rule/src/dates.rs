//! Template functions on instants.

use jiff::{SignedDuration, Span, Timestamp, tz::Offset};

use crate::compare;

/// An instant of a rule or a resource.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    compare::instant(text).ok_or_else(|| format!("`{text}` is no instant (RFC 3339)"))
}

/// `addDays`: parts of a day count too.
pub(crate) fn add_days(base: &str, days: f64) -> Result<String, String> {
    const SECONDS: f64 = 86_400.0;
    let moved = SignedDuration::try_from_secs_f64(days * SECONDS).ok();
    let moved = moved.and_then(|duration| instant(base).map(|base| base.checked_add(duration).ok()).transpose());
    match moved {
        Some(moved) => moved.map(|moved| moved.to_string()),
        None => Err(format!("`addDays` of {days} to `{base}` leaves the calendar")),
    }
}

/// `dateTimeAdd`: an ISO 8601 duration on the calendar of UTC.
pub(crate) fn add_duration(base: &str, duration: &str) -> Result<Timestamp, String> {
    let is_iso = duration.trim_start_matches(['+', '-']).starts_with('P');
    let span: Span = Some(duration)
        .filter(|_| is_iso)
        .and_then(|duration| duration.parse().ok())
        .ok_or_else(|| format!("`{duration}` is no ISO 8601 duration, such as `P30D` or `-PT12H`"))?;
    let moved = Offset::UTC.to_datetime(instant(base)?).checked_add(span);
    moved
        .and_then(|moved| Offset::UTC.to_timestamp(moved))
        .map_err(|_| format!("`dateTimeAdd` of `{duration}` to `{base}` leaves the calendar"))
}

/// An instant in one of .NET's formats, as Azure's functions take them: `yyyy-MM-dd`, `u`, `o`.
pub(crate) fn formatted(instant: Timestamp, format: &str) -> Result<String, String> {
    let format = match format {
        "u" => "yyyy-MM-dd HH:mm:ssZ",
        "s" => "yyyy-MM-ddTHH:mm:ss",
        "o" | "O" => "yyyy-MM-ddTHH:mm:ss.fffffffZ",
        other => other,
    };
    let local = Offset::UTC.to_datetime(instant);
    let mut text = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|character| character != first).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        rest = tail;
        let part = match (first, run.len()) {
            ('y', 4) => format!("{:04}", local.year()),
            ('M', 2) => format!("{:02}", local.month()),
            ('d', 2) => format!("{:02}", local.day()),
            ('H', 2) => format!("{:02}", local.hour()),
            ('m', 2) => format!("{:02}", local.minute()),
            ('s', 2) => format!("{:02}", local.second()),
            ('f', width @ 1..=7) => format!("{:09}", local.subsec_nanosecond()).chars().take(width).collect(),
            ('T' | 'Z' | '-' | ':' | '.' | ' ' | '/', _) => run.to_owned(),
            _ => return Err(format!("`{run}` in the format `{format}` is not supported: use yyyy, MM, dd, HH, mm, ss and f")),
        };
        text.push_str(&part);
    }
    Ok(text)
}
