use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use skywarden_content::IndicatorKind;

use crate::{source::shorten, take::address};

/// So many bytes of a URL are read; no other value is as long.
const MAX_URL: usize = 8_192;

/// Networks of IPv4 have at least so many bits: a /8 is the most that one organisation ever got.
const MIN_LENGTH_V4: u8 = 8;

/// Networks of IPv6 have at least so many bits, as the shortest that are allocated.
const MIN_LENGTH_V6: u8 = 19;

/// Addresses that mean something else to everybody or nothing to anybody, so that they can't be bad as such.
const SPECIAL: &[(&str, &str)] = &[
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared within carriers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.168.0.0/16", "private"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
];

/// Below a country's domain, what everybody registers under: `co.uk`, `com.br`.
const SECOND_LEVEL: &[&str] = &["ac", "co", "com", "edu", "gob", "gouv", "gov", "mil", "net", "org"];

/// Hashes of the empty file, which is everywhere and in many lists by mistake.
const OF_NOTHING: &[&str] = &[
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

/// A value in the form in which it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Address(IpAddr),
    Network(IpNet),
    Domain(String),
    Url(String),
    Hash(String),
}

impl Value {
    /// Reads the value of an indicator.
    pub(super) fn read(kind: IndicatorKind, text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.len() > MAX_URL {
            return Err(format!("a value is at most {MAX_URL} bytes long"));
        }
        match kind {
            IndicatorKind::Address => address_or_network(text),
            IndicatorKind::Domain => domain(text).map(Value::Domain),
            IndicatorKind::Url => url(text).map(Value::Url),
            IndicatorKind::Hash => hash(text).map(Value::Hash),
        }
    }
}

/// A URL as it is looked up: scheme and host in small letters, without the port of the scheme, a fragment, or a slash at its end.
/// One without a scheme begins with `://`.
pub(super) fn plain_url(url: &str) -> String {
    let url = url.trim().split('#').next().unwrap_or_default();
    // `a.example/?to=http://b.example` has no scheme either.
    let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let (scheme, rest) = match url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        Some((scheme, rest)) => (scheme.to_lowercase(), rest),
        None => (String::new(), url.trim_start_matches('/')),
    };
    let (host, path) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len())).unwrap_or((rest, ""));
    let host = host.to_lowercase();
    let host = match scheme.as_str() {
        "http" => host.trim_end_matches(":80"),
        "https" => host.trim_end_matches(":443"),
        _ => &host,
    };
    format!("{scheme}://{host}{}", path.trim_end_matches('/'))
}

/// The part of a plain URL behind its scheme, as URLs are kept that have none.
pub(super) fn without_scheme(url: &str) -> &str {
    url.find("://").and_then(|place| url.get(place..)).unwrap_or(url)
}

fn address_or_network(text: &str) -> Result<Value, String> {
    if let Some(address) = address(text) {
        return refuse_special(&IpNet::from(address), text).map(|()| Value::Address(address));
    }
    let network: IpNet = text.parse().map_err(|_| format!("`{}` is neither an address nor a network", shorten(text, 100)))?;
    let network = of_ipv4(network.trunc());
    refuse_special(&network, text)?;
    let shortest = match network {
        IpNet::V4(_) => MIN_LENGTH_V4,
        IpNet::V6(_) => MIN_LENGTH_V6,
    };
    if network.prefix_len() < shortest {
        return Err(format!("`{network}` is too large a network: /{shortest} is the largest"));
    }
    Ok(if network.prefix_len() == network.max_prefix_len() { Value::Address(network.addr()) } else { Value::Network(network) })
}

/// A network of IPv4 that is written as one of IPv6, as addresses are looked up.
fn of_ipv4(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let inner = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    inner.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

fn refuse_special(network: &IpNet, text: &str) -> Result<(), String> {
    for (special, word) in SPECIAL {
        let Ok(special) = special.parse::<IpNet>() else { continue };
        if special.contains(network) {
            return Err(format!("`{}` is {word}", shorten(text, 100)));
        }
        if network.contains(&special) {
            return Err(format!("`{}` holds {special}, which is {word}", shorten(text, 100)));
        }
    }
    Ok(())
}

fn domain(text: &str) -> Result<String, String> {
    let name = text.trim_start_matches("*.").trim_matches('.').to_lowercase();
    let told = || shorten(text, 100);
    if name.len() > 253 {
        return Err(format!("`{}` is longer than a domain can be", told()));
    }
    if !name.is_ascii() {
        return Err(format!("`{}` has other letters than logs write: give it as `xn--...`", told()));
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let labels: Vec<&str> = name.split('.').collect();
    let last = labels.last().copied().unwrap_or_default();
    if !labels.iter().all(|label| is_label(label)) || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{}` is no domain", told()));
    }
    match labels.as_slice() {
        [_] => Err(format!("`{}` is no domain but a single label, under which everybody may be", told())),
        [second, country] if country.len() == 2 && SECOND_LEVEL.contains(second) => {
            Err(format!("everybody registers under `{}`", told()))
        }
        _ => Ok(name),
    }
}

fn url(text: &str) -> Result<String, String> {
    let url = plain_url(text);
    let told = || shorten(text, 100);
    let host = without_scheme(&url).trim_start_matches("://");
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or(host);
    if url.contains(|letter: char| letter.is_whitespace() || letter.is_control()) || !host.contains(['.', ':']) {
        return Err(format!("`{}` is no URL", told()));
    }
    match address(host) {
        Some(address) => refuse_special(&IpNet::from(address), text).map(|()| url),
        None => Ok(url),
    }
}

fn hash(text: &str) -> Result<String, String> {
    let hash = text.to_lowercase();
    if !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) || ![32, 40, 64].contains(&hash.len()) {
        return Err(format!("`{}` is no MD5, SHA-1 or SHA-256", shorten(text, 100)));
    }
    let zeros = hash.bytes().all(|byte| byte == b'0');
    if zeros || OF_NOTHING.contains(&hash.as_str()) {
        return Err(format!("`{hash}` is the hash of {}", if zeros { "no file" } else { "the empty file" }));
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_bad_everywhere_is_refused_with_the_reason() {
        use IndicatorKind::{Address, Domain, Hash, Url};
        for (kind, text, part) in [
            (Address, "10.1.2.3", "private"),
            (Address, "192.168.0.0/24", "private"),
            (Address, "172.16.0.0/9", "holds 172.16.0.0/12"),
            (Address, "127.0.0.1", "loopback"),
            (Address, "169.254.169.254", "link-local"),
            (Address, "224.0.0.251", "multicast"),
            (Address, "255.255.255.255", "reserved"),
            (Address, "0.0.0.0", "unspecified"),
            (Address, "::", "unspecified"),
            (Address, "::1", "loopback"),
            (Address, "::ffff:10.0.0.1", "private"),
            (Address, "::ffff:10.0.0.0/104", "private"),
            (Address, "fd00::5", "private"),
            (Address, "fe80::1", "link-local"),
            (Address, "ff02::1", "multicast"),
            (Address, "0.0.0.0/0", "holds"),
            (Address, "198.0.0.0/7", "too large"),
            (Address, "2001:db8::/18", "too large"),
            (Address, "198.51.100.0/33", "neither"),
            (Address, "bad.example", "neither"),
            (Domain, "com", "single label"),
            (Domain, "localhost", "single label"),
            (Domain, "co.uk", "everybody"),
            (Domain, "*.com.br", "everybody"),
            (Domain, "198.51.100.7", "no domain"),
            (Domain, "bad..example", "no domain"),
            (Domain, "bad example.org", "no domain"),
            (Domain, "bücher.example", "xn--"),
            (Url, "nothing", "no URL"),
            (Url, "http://", "no URL"),
            (Url, "http://a b.example/", "no URL"),
            (Url, "http://192.168.1.1/a", "private"),
            (Url, "http://user@[::1]:80/a", "loopback"),
            (Hash, "xyz", "no MD5"),
            (Hash, "d41d8cd98f00b204e9800998ecf8427e", "empty file"),
            (Hash, "0000000000000000000000000000000000000000", "no file"),
        ] {
            let refused = Value::read(kind, text).unwrap_err();
            assert!(refused.contains(part), "{text}: {refused}");
        }
        assert!(Value::read(Url, &format!("http://a.example/{}", "x".repeat(MAX_URL))).is_err());
        assert!(Value::read(Domain, &format!("{}.example", "a.".repeat(200))).is_err());
    }

    #[test]
    fn values_have_one_form() {
        use IndicatorKind::{Address, Domain, Url};
        let network = |text: &str| Value::Network(text.parse().unwrap());
        for (kind, text, expected) in [
            (Address, "198.51.100.9/24", network("198.51.100.0/24")),
            (Address, "::ffff:198.51.100.0/120", network("198.51.100.0/24")),
            (Address, "198.51.100.9/32", Value::Address("198.51.100.9".parse().unwrap())),
            (Address, "11.0.0.0/8", network("11.0.0.0/8")),
            (Address, "2001:db8::/19", network("2001::/19")),
            (Domain, "*.A_b.Example.", Value::Domain("a_b.example".to_owned())),
            (Domain, "shop.co.uk", Value::Domain("shop.co.uk".to_owned())),
            (Url, "HTTPS://A.example:443/P/?q=A#x", Value::Url("https://a.example/P/?q=A".to_owned())),
            (Url, "a.example/p", Value::Url("://a.example/p".to_owned())),
            (Url, "a.example/?to=HTTP://B", Value::Url("://a.example/?to=HTTP://B".to_owned())),
            (Url, "http://a.example:80:80/", Value::Url("http://a.example".to_owned())),
            (Url, "http://a.example:443/", Value::Url("http://a.example:443".to_owned())),
        ] {
            assert_eq!(Value::read(kind, text), Ok(expected.clone()), "{text}");
            let again = match &expected {
                Value::Url(url) | Value::Domain(url) => Value::read(kind, url),
                Value::Network(network) => Value::read(kind, &network.to_string()),
                other => Ok(other.clone()),
            };
            assert_eq!(again, Ok(expected), "{text}: a form is its own form");
        }
    }

    #[test]
    fn the_table_of_special_networks_is_readable() {
        assert!(SPECIAL.iter().all(|(network, _)| network.parse::<IpNet>().is_ok()));
    }
}
