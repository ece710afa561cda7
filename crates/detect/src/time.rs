use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    fmt::strtime,
    tz::Offset,
};
use skywarden_sigma::Value;

/// How a log writes the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    /// ISO 8601 with or without an offset (then UTC), with `T` or a blank.
    Rfc3339,
    /// Since 1970, in so many parts of a second.
    Since1970 { parts: i64 },
    /// `Mar  1 07:05:09` of RFC 3164: without a year, which is that of the last such day before now.
    Syslog,
    /// A pattern of strptime.
    Pattern(String),
}

impl TimeFormat {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "rfc3339" => TimeFormat::Rfc3339,
            "seconds" => TimeFormat::Since1970 { parts: 1 },
            "milliseconds" => TimeFormat::Since1970 { parts: 1_000 },
            "microseconds" => TimeFormat::Since1970 { parts: 1_000_000 },
            "nanoseconds" => TimeFormat::Since1970 { parts: 1_000_000_000 },
            "syslog" => TimeFormat::Syslog,
            pattern => TimeFormat::Pattern(pattern.to_owned()),
        }
    }

    /// Reads a time; `now` gives the year where the log has none.
    pub(crate) fn read(&self, value: &Value<'_>, now: Timestamp) -> Option<Timestamp> {
        match (self, value) {
            (TimeFormat::Since1970 { parts }, Value::Int(number)) => since_1970(*number, 0, *parts),
            (TimeFormat::Since1970 { parts }, _) => {
                let text = value.text()?;
                let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
                let nanoseconds: i64 = match *parts {
                    1 => format!("{fraction:0<9}").get(..9)?.parse().ok()?,
                    _ => 0,
                };
                since_1970(whole.trim().parse().ok()?, nanoseconds, *parts)
            }
            (TimeFormat::Rfc3339, _) => rfc3339(&value.text()?),
            (TimeFormat::Syslog, _) => syslog(&value.text()?, now),
            (TimeFormat::Pattern(pattern), _) => {
                let text = value.text()?;
                let read = strtime::parse(pattern, text.trim()).ok()?;
                read.to_timestamp().ok().or_else(|| in_utc(read.to_datetime().ok()?))
            }
        }
    }

    /// Writes a time as the log does.
    pub(crate) fn write(&self, time: Timestamp) -> String {
        match self {
            TimeFormat::Rfc3339 => time.to_string(),
            TimeFormat::Since1970 { parts: 1 } => format!("{}.{:03}", time.as_second(), time.subsec_millisecond()),
            TimeFormat::Since1970 { parts } => (time.as_nanosecond() / (1_000_000_000 / i128::from(*parts))).to_string(),
            TimeFormat::Syslog => time.strftime("%b %e %H:%M:%S").to_string(),
            TimeFormat::Pattern(pattern) => time.strftime(pattern.as_str()).to_string(),
        }
    }
}

fn since_1970(number: i64, nanoseconds: i64, parts: i64) -> Option<Timestamp> {
    let per_part = 1_000_000_000 / i128::from(parts);
    Timestamp::from_nanosecond(i128::from(number) * per_part + i128::from(nanoseconds)).ok()
}

/// ISO 8601, with the blank and the missing offset that logs have.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    // `2026-03-01 07:05:09.123 UTC` of PostgreSQL, `...+0000` of others.
    let bare = text.strip_suffix(" UTC").or_else(|| text.strip_suffix(" GMT")).unwrap_or(text);
    let bare = bare.replace(',', ".");
    if let Some(time) = bare.parse::<DateTime>().ok().and_then(in_utc) {
        return Some(time);
    }
    let apart = bare.len().checked_sub(5)?;
    let (time, offset) = (bare.get(..apart)?, bare.get(apart..)?);
    let (hours, minutes) = (offset.get(..3)?, offset.get(3..)?);
    format!("{time}{hours}:{minutes}").parse().ok()
}

fn in_utc(time: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(time).ok()
}

/// A time without a year: the last such day that is not more than a day after now.
pub(crate) fn syslog(text: &str, now: Timestamp) -> Option<Timestamp> {
    let mut parts = text.split_whitespace();
    let (month, day, time) = (parts.next()?, parts.next()?, parts.next()?);
    let month = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        .iter()
        .position(|name| month.to_lowercase().starts_with(name))
        .and_then(|place| i8::try_from(place + 1).ok())?;
    let (day, time): (i8, Time) = (day.parse().ok()?, time.parse().ok()?);
    let year = Offset::UTC.to_datetime(now).year();
    let in_year = |year: i16| in_utc(Date::new(year, month, day).ok()?.to_datetime(time));
    match in_year(year) {
        Some(time) if time.as_second() <= now.as_second() + 86_400 => Some(time),
        _ => in_year(year - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_logs_write_them() {
        let now: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let expected: Timestamp = "2026-03-01T07:05:09.25Z".parse().unwrap();
        for (format, text) in [
            ("rfc3339", "2026-03-01T07:05:09.25Z"),
            ("rfc3339", "2026-03-01 07:05:09.250"),
            ("rfc3339", "2026-03-01 07:05:09.250 UTC"),
            ("rfc3339", "2026-03-01T08:05:09.250+0100"),
            ("seconds", "1772348709.25"),
            ("milliseconds", "1772348709250"),
            ("microseconds", "1772348709250000"),
            ("%d/%b/%Y:%H:%M:%S%.f %z", "01/Mar/2026:08:05:09.25 +0100"),
        ] {
            assert_eq!(TimeFormat::named(format).read(&Value::Text(text.into()), now), Some(expected), "{format} {text}");
        }
        assert_eq!(syslog("Mar  1 07:05:09", now), "2026-03-01T07:05:09Z".parse().ok());
        assert_eq!(syslog("Dec 31 23:59:59", now), "2025-12-31T23:59:59Z".parse().ok(), "of last year");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let now: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let time: Timestamp = "2026-03-01T07:05:09Z".parse().unwrap();
        for name in ["rfc3339", "seconds", "milliseconds", "microseconds", "nanoseconds", "syslog", "%Y/%m/%d %H:%M:%S"] {
            let format = TimeFormat::named(name);
            assert_eq!(format.read(&Value::Text(format.write(time).into()), now), Some(time), "{name}");
        }
    }
}
