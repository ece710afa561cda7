use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets};
use skywarden_content::IndicatorKind;

use crate::{source::shorten, take::address};

/// How people write values so that nobody follows them, and what they mean.
const DEFANGED: &[(&str, &str)] = &[
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("[:]", ":"),
    ("[://]", "://"),
    ("[/]", "/"),
    ("\\.", "."),
];

/// The schemes that are written so that nobody follows them.
const DEFANGED_SCHEMES: &[(&str, &str)] =
    &[("hxxp", "http"), ("hxxps", "https"), ("h**p", "http"), ("h**ps", "https"), ("fxp", "ftp")];

/// What a value without a name is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guessed {
    pub(super) kind: IndicatorKind,
    pub(super) value: String,
    /// A port that stands behind it.
    pub(super) port: Option<u16>,
}

/// A value as it is meant: `hxxp://a[.]example` becomes `http://a.example`.
pub(super) fn refanged(text: &str) -> String {
    let mut plain = text.trim().to_owned();
    if plain.contains(['[', '(', '{', '\\']) {
        for (written, meant) in DEFANGED {
            if plain.contains(written) {
                plain = plain.replace(written, meant);
            }
        }
    }
    if let Some((scheme, rest)) = plain.split_once("://")
        && let Some((_, meant)) = DEFANGED_SCHEMES.iter().find(|(written, _)| written.eq_ignore_ascii_case(scheme))
    {
        plain = format!("{meant}://{rest}");
    }
    plain
}

/// What a plain value is by its look.
///
/// # Errors
/// If it looks like nothing that events can be searched for.
pub(super) fn guess(text: &str) -> Result<Guessed, String> {
    let found = |kind: IndicatorKind, value: &str| Guessed { kind, value: value.to_owned(), port: None };
    if text.contains("://") {
        return Ok(found(IndicatorKind::Url, text));
    }
    if text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok() {
        return Ok(found(IndicatorKind::Address, text));
    }
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if let (Some(address), Some(_)) = (address(text), port) {
        return Ok(Guessed { kind: IndicatorKind::Address, value: address.to_string(), port });
    }
    if text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return match text.len() {
            32 | 40 | 64 => Ok(found(IndicatorKind::Hash, text)),
            length => Err(format!("a hash of {length} digits is no MD5, SHA-1 or SHA-256")),
        };
    }
    if text.contains('@') {
        return Err(format!("`{}` looks like an e-mail address, which events are not searched for", shorten(text, 100)));
    }
    match text.split_once('/') {
        Some((host, _)) if host.contains('.') => Ok(found(IndicatorKind::Url, text)),
        Some(_) => Err(nothing(text)),
        None => match (text.rsplit_once(':'), port) {
            (Some((name, _)), Some(_)) if name.contains('.') => {
                Ok(Guessed { kind: IndicatorKind::Domain, value: name.to_owned(), port })
            }
            _ if text.contains('.') => Ok(found(IndicatorKind::Domain, text)),
            _ => Err(nothing(text)),
        },
    }
}

/// The networks of a range `a-b` of IPv4; `None` if a text is none.
pub(super) fn range(text: &str) -> Option<Result<Vec<String>, String>> {
    let (start, end) = text.split_once('-')?;
    let (start, end) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    if start > end {
        return Some(Err(format!("the range {start}-{end} ends before it begins")));
    }
    Some(Ok(Ipv4Subnets::new(start, end, 0).map(|network| network.to_string()).collect()))
}

fn nothing(text: &str) -> String {
    format!("`{}` is no address, network, domain, URL or hash", shorten(text, 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_look_like() {
        use IndicatorKind::{Address, Domain, Hash, Url};
        for (text, kind, value, port) in [
            ("hxxp://a[.]example/x", Url, "http://a.example/x", None),
            ("HXXPS[:]//a(dot)example", Url, "https://a.example", None),
            ("198.51.100[.]4", Address, "198.51.100.4", None),
            ("198.51.100.4:8080", Address, "198.51.100.4", Some(8080)),
            ("[2001:db8::1]:443", Address, "2001:db8::1", Some(443)),
            ("2001:db8::1", Address, "2001:db8::1", None),
            ("2001:db8::/32", Address, "2001:db8::/32", None),
            ("198.51.100.0/24", Address, "198.51.100.0/24", None),
            ("bad[.]example", Domain, "bad.example", None),
            ("bad.example:8443", Domain, "bad.example", Some(8443)),
            ("bad.example/a.exe", Url, "bad.example/a.exe", None),
            ("0cc175b9c0f1b6a831c399e269772661", Hash, "0cc175b9c0f1b6a831c399e269772661", None),
        ] {
            assert_eq!(guess(&refanged(text)), Ok(Guessed { kind, value: value.to_owned(), port }), "{text}");
        }
        for text in ["", "nothing", "a@b.example", "a/b", &"a".repeat(128), "[::]x"] {
            assert!(guess(&refanged(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_become_networks() {
        assert_eq!(range("198.51.100.0-198.51.100.255"), Some(Ok(vec!["198.51.100.0/24".to_owned()])));
        assert_eq!(range("198.51.100.1 - 198.51.100.2").unwrap().unwrap(), ["198.51.100.1/32", "198.51.100.2/32"]);
        assert!(range("198.51.100.2-198.51.100.1").unwrap().is_err());
        assert_eq!(range("0.0.0.0-255.255.255.255").unwrap().unwrap(), ["0.0.0.0/0"]);
        assert_eq!(range("bad-name.example"), None);
    }
}
