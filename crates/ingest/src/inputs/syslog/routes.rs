//! Which log source a message belongs to, by what its header says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Messages that belong to another log source than the input's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Route {
    /// The program that writes them, as its name stands in the header; `*` at the end stands for anything. Without it, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Their facility. Without it, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<Facility>,
    /// The log source.
    pub source: Arc<str>,
}

/// What part of a system writes messages, by the numbers of RFC 5424.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names of the RFC and of syslog.h")]
pub enum Facility {
    Kern,
    User,
    Mail,
    Daemon,
    Auth,
    Syslog,
    Lpr,
    News,
    Uucp,
    Cron,
    Authpriv,
    Ftp,
    Ntp,
    Audit,
    Alert,
    Clock,
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

impl Route {
    /// Whether a message goes this way.
    fn fits(&self, facility: Option<u8>, program: Option<&str>) -> bool {
        let is_program = match &self.program {
            None => true,
            Some(wanted) => program.is_some_and(|program| match wanted.strip_suffix('*') {
                Some(start) => program.starts_with(start),
                None => program == wanted,
            }),
        };
        is_program && self.facility.is_none_or(|wanted| facility == Some(wanted as u8))
    }
}

/// The log source of a message: that of the first route that fits, if any.
pub(crate) fn source<'r>(routes: &'r [Route], message: &str) -> Option<&'r Arc<str>> {
    if routes.is_empty() {
        return None;
    }
    let (facility, rest) = facility(message);
    let program = program(rest);
    routes.iter().find(|route| route.fits(facility, program)).map(|route| &route.source)
}

/// The facility, and what stands behind the priority.
fn facility(message: &str) -> (Option<u8>, &str) {
    let parts = message.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match parts.and_then(|(priority, rest)| Some((priority.parse::<u8>().ok()? / 8, rest))) {
        Some((facility, rest)) => (Some(facility), rest),
        None => (None, message),
    }
}

/// The program that a header without its priority names.
fn program(header: &str) -> Option<&str> {
    let mut words = header.split(' ').filter(|word| !word.is_empty());
    let first = words.next()?;
    if first == "1" {
        // RFC 5424: time, host, program.
        return words.nth(2).filter(|program| *program != "-");
    }
    // RFC 3164 has a time of three words; many write one of RFC 3339.
    let is_month = first.len() == 3 && first.chars().all(char::is_alphabetic);
    let next = if is_month {
        words.nth(2)?
    } else if first.starts_with(|letter: char| letter.is_ascii_digit()) && first.contains('T') {
        words.next()?
    } else {
        first
    };
    // Programs of the machine itself leave out the host.
    let tag = if is_tag(next) { next } else { words.next().filter(|word| is_tag(word))? };
    let end = tag.find(['[', ':']).unwrap_or(tag.len());
    tag.get(..end).filter(|program| !program.is_empty())
}

fn is_tag(word: &str) -> bool {
    word.ends_with(':') || word.ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_facilities_of_both_formats() {
        for (message, expected) in [
            ("<34>Oct 11 22:14:15 web1 su[231]: failed", (Some(4), Some("su"))),
            ("<13>Mar  1 10:00:00 anna: hello", (Some(1), Some("anna"))),
            ("<86>2026-03-01T10:00:00.1+01:00 web1 sshd-session[7]: Accepted", (Some(10), Some("sshd-session"))),
            ("<165>1 2026-03-01T10:00:00Z web1 cron 77 ID47 - text", (Some(20), Some("cron"))),
            ("<165>1 2026-03-01T10:00:00Z web1 - - - - text", (Some(20), None)),
            ("<6>kernel: oops", (Some(0), Some("kernel"))),
            ("no header at all", (None, None)),
            ("<999>x", (None, None)),
            ("<1>", (Some(0), None)),
            ("", (None, None)),
        ] {
            let (facility, rest) = facility(message);
            assert_eq!((facility, program(rest)), expected, "{message}");
        }
    }

    #[test]
    fn the_first_route_that_fits_is_taken() {
        let route = |program: Option<&str>, facility, source: &str| Route {
            program: program.map(str::to_owned),
            facility,
            source: source.into(),
        };
        let routes = [
            route(Some("sshd*"), Some(Facility::Authpriv), "linux-auth"),
            route(Some("sshd"), None, "other"),
            route(None, Some(Facility::Local7), "network"),
        ];
        let source = |message| source(&routes, message).map(AsRef::as_ref);
        assert_eq!(source("<86>Oct 11 22:14:15 web1 sshd-auth[2]: x"), Some("linux-auth"));
        assert_eq!(source("<38>Oct 11 22:14:15 web1 sshd[2]: x"), Some("other"));
        assert_eq!(source("<184>anything"), Some("network"));
        assert_eq!(source("<38>Oct 11 22:14:15 web1 su: x"), None);
    }
}
