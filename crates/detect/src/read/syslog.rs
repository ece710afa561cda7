use std::borrow::Cow;

use serde_json::Value;
use skywarden_content::Envelope;

use super::Pairs;
use crate::time::rfc3339;

/// Takes the header off a line: its fields go to `pairs`, the message comes back.
pub(crate) fn open<'t>(envelope: Option<Envelope>, line: &'t str, pairs: &mut Pairs<'t>) -> Cow<'t, str> {
    match envelope {
        None => Cow::Borrowed(line),
        Some(Envelope::Syslog) if line.starts_with('{') => journal(line, pairs).unwrap_or(Cow::Borrowed(line)),
        Some(Envelope::Syslog) => Cow::Borrowed(header(line, pairs)),
    }
}

/// An entry of the systemd journal as `journalctl -o json` writes it.
fn journal<'t>(line: &str, pairs: &mut Pairs<'t>) -> Option<Cow<'t, str>> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = match entry.get("MESSAGE")? {
        Value::String(text) => text.clone(),
        // What is no UTF-8 comes as a list of bytes.
        Value::Array(bytes) => {
            let bytes = bytes.iter().filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()));
            String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
        }
        _ => return None,
    };
    if let Some(time) = text("__REALTIME_TIMESTAMP").and_then(|time| time.parse::<i64>().ok())
        && let Ok(time) = jiff::Timestamp::from_microsecond(time)
    {
        pairs.push(("time".into(), Cow::Owned(time.to_string())));
    }
    for (name, value) in [
        ("host", text("_HOSTNAME")),
        ("program", text("SYSLOG_IDENTIFIER").or_else(|| text("_COMM"))),
        ("pid", text("_PID").or_else(|| text("SYSLOG_PID"))),
    ] {
        pairs.extend(value.map(|value| (Cow::Borrowed(name), Cow::Owned(value))));
    }
    Some(Cow::Owned(message))
}

/// A header of RFC 3164 or 5424, with or without the priority, or one that begins with an ISO time.
fn header<'t>(line: &'t str, pairs: &mut Pairs<'t>) -> &'t str {
    let (priority, rest) = priority(line);
    if let Some(priority) = priority {
        pairs.push(("priority".into(), Cow::Borrowed(priority)));
    }
    if let Some(rest) = rest.strip_prefix("1 ") {
        return rfc5424(rest, pairs).unwrap_or(rest);
    }
    rfc3164(rest, pairs).unwrap_or(rest)
}

fn priority(line: &str) -> (Option<&str>, &str) {
    let inside = line.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match inside {
        Some((number, rest)) if number.len() <= 3 && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (Some(number), rest)
        }
        _ => (None, line),
    }
}

fn rfc5424<'t>(rest: &'t str, pairs: &mut Pairs<'t>) -> Option<&'t str> {
    let mut parts = rest.splitn(6, ' ');
    let (time, host, program) = (parts.next()?, parts.next()?, parts.next()?);
    let (pid, message_id, rest) = (parts.next()?, parts.next()?, parts.next()?);
    if time != "-" {
        rfc3339(time)?;
    }
    for (name, value) in [("time", time), ("host", host), ("program", program), ("pid", pid), ("msgid", message_id)] {
        if value != "-" {
            pairs.push((Cow::Borrowed(name), Cow::Borrowed(value)));
        }
    }
    let message = match rest.strip_prefix('-') {
        Some(message) => message,
        None => structured(rest),
    };
    Some(message.trim_start().trim_start_matches('\u{feff}'))
}

/// What stands behind the structured data of RFC 5424: `[id name="value"][...]`.
fn structured(rest: &str) -> &str {
    let (mut in_quotes, mut escaped, mut depth) = (false, false, 0_u32);
    for (place, byte) in rest.bytes().enumerate() {
        match byte {
            b'\\' if in_quotes => {
                escaped = !escaped;
                continue;
            }
            b'"' if !escaped => in_quotes = !in_quotes,
            b'[' if !in_quotes => depth += 1,
            b']' if !in_quotes => depth = depth.saturating_sub(1),
            b' ' if !in_quotes && depth == 0 => return rest.get(place..).unwrap_or_default(),
            _ => {}
        }
        escaped = false;
    }
    ""
}

fn rfc3164<'t>(rest: &'t str, pairs: &mut Pairs<'t>) -> Option<&'t str> {
    let (time, rest) = match rest.split_once(' ') {
        Some((time, after)) if time.contains('T') && rfc3339(time).is_some() => (time, after),
        _ => (rest.get(..15).filter(|time| is_old_time(time))?, rest.get(15..)?.strip_prefix(' ')?),
    };
    pairs.push(("time".into(), Cow::Borrowed(time)));
    let (host, rest) = rest.trim_start().split_once(' ')?;
    pairs.push(("host".into(), Cow::Borrowed(host)));
    // `program[pid]: message`; a kernel's message may have no program.
    let Some((tag, message)) = rest.split_once(':').filter(|(tag, _)| !tag.contains(' ') && tag.len() <= 128) else {
        return Some(rest);
    };
    match tag.split_once('[') {
        Some((program, pid)) => {
            pairs.push(("program".into(), Cow::Borrowed(program)));
            pairs.push(("pid".into(), Cow::Borrowed(pid.trim_end_matches(']'))));
        }
        None => pairs.push(("program".into(), Cow::Borrowed(tag))),
    }
    Some(message.strip_prefix(' ').unwrap_or(message))
}

/// `Mar  1 07:05:09`.
fn is_old_time(time: &str) -> bool {
    let bytes = time.as_bytes();
    bytes.get(3) == Some(&b' ') && bytes.get(6) == Some(&b' ') && bytes.get(9) == Some(&b':') && bytes.get(12) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (String, String) {
        let mut pairs = Pairs::new();
        let message = open(Some(Envelope::Syslog), line, &mut pairs).into_owned();
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (pairs.join(" "), message)
    }

    #[test]
    fn headers_of_all_kinds_are_taken_off() {
        let message = "Accepted password for anna";
        for (line, expected) in [
            ("Mar  1 07:05:09 web sshd[811]: ", "time=Mar  1 07:05:09 host=web program=sshd pid=811"),
            ("<38>Mar  1 07:05:09 web sshd: ", "priority=38 time=Mar  1 07:05:09 host=web program=sshd"),
            ("2026-03-01T07:05:09.1+01:00 web sshd[811]: ", "time=2026-03-01T07:05:09.1+01:00 host=web program=sshd pid=811"),
            (
                r#"<38>1 2026-03-01T07:05:09Z web sshd 811 - [a b="]\" x"][c] "#,
                "priority=38 time=2026-03-01T07:05:09Z host=web program=sshd pid=811",
            ),
            ("<38>1 - web sshd - - - ", "priority=38 host=web program=sshd"),
        ] {
            assert_eq!(read(&format!("{line}{message}")), (expected.to_owned(), message.to_owned()), "{line}");
        }
        let entry = r#"{"__REALTIME_TIMESTAMP":"1772348709000000","_HOSTNAME":"web","SYSLOG_IDENTIFIER":"sshd","_PID":"811","MESSAGE":"Accepted password for anna"}"#;
        assert_eq!(read(entry), ("time=2026-03-01T07:05:09Z host=web program=sshd pid=811".to_owned(), message.to_owned()));
    }

    #[test]
    fn what_has_no_header_is_all_message() {
        for line in ["", "hello", "<999999>x", "1 2", "{\"no\": \"journal\"}", "<1>1 a b"] {
            assert!(read(line).1.len() >= line.len().saturating_sub(5), "{line}");
        }
    }
}
