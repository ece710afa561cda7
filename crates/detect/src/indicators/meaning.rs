//! Which values a pattern of STIX calls bad by themselves.
//!
//! Events are searched for single values, so that a pattern can be used as far as it says "any of these": alternatives joined by
//! `OR`, each an equality, a set, or a network on what names an address, a domain, a URL or the hash of a file. Of alternatives
//! that can't be used, the others still hold.
//!
//! What is joined by `AND` says less of each part than of all together, so that using one part would accuse what the pattern does
//! not (the address of a shared host, of which one port is bad). It is refused, but for two cases:
//! - a part that asks for the hash of a file stands for all, since nothing else has that hash, whatever name or size is asked for
//!   too;
//! - `x_ref.type = 'ipv4-addr'` beside `x_ref.value = '...'` says nothing that the value does not.

use std::net::IpAddr;

use ipnet::IpNet;
use skywarden_content::IndicatorKind;

use super::pattern::{Comparison, Constant, ObjectPath, Operator, PathStep, Pattern, Qualifier, Test};
use crate::source::shorten;

/// A value that a pattern calls bad, and the time that the pattern gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alternative {
    pub(super) kind: IndicatorKind,
    pub(super) value: String,
    /// In milliseconds since 1970.
    pub(super) from: Option<i64>,
    /// In milliseconds since 1970, exclusive.
    pub(super) until: Option<i64>,
}

/// What of a pattern can be used, and why the rest can't.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) alternatives: Vec<Alternative>,
    pub(super) refused: Vec<String>,
}

type Period = (Option<i64>, Option<i64>);

type Values = Vec<(IndicatorKind, String)>;

/// What a pattern calls bad.
pub(super) fn meaning(pattern: &Pattern) -> Meaning {
    let mut meaning = Meaning::default();
    of_pattern(pattern, (None, None), &mut meaning);
    meaning
}

impl Meaning {
    fn add(&mut self, values: Result<Values, String>, (from, until): Period) {
        match values {
            Ok(values) => {
                let alternatives = values.into_iter().map(|(kind, value)| Alternative { kind, value, from, until });
                self.alternatives.extend(alternatives);
            }
            Err(reason) => self.refused.push(reason),
        }
    }
}

fn of_pattern(pattern: &Pattern, (from, until): Period, meaning: &mut Meaning) {
    match pattern {
        Pattern::Observed(comparison) => of_comparison(comparison, (from, until), meaning),
        Pattern::Any(several) => several.iter().for_each(|one| of_pattern(one, (from, until), meaning)),
        Pattern::All(_) => meaning.refused.push("it asks for several observations together".to_owned()),
        Pattern::InOrder(_) => meaning.refused.push("it asks for observations one after the other".to_owned()),
        Pattern::Qualified(inner, qualifiers) => {
            let mut period = (from, until);
            for qualifier in qualifiers {
                match qualifier {
                    // One observation lies within any time.
                    Qualifier::Within(_) | Qualifier::Repeats(1) => {}
                    Qualifier::Repeats(times) => {
                        return meaning.refused.push(format!("it asks for {times} observations"));
                    }
                    Qualifier::Between(start, stop) => {
                        period.0 = Some(start.as_millisecond()).max(period.0);
                        let stop = stop.as_millisecond();
                        period.1 = Some(period.1.map_or(stop, |until| until.min(stop)));
                    }
                }
            }
            of_pattern(inner, period, meaning);
        }
    }
}

fn of_comparison(comparison: &Comparison, period: Period, meaning: &mut Meaning) {
    let values = match comparison {
        Comparison::Any(several) => return several.iter().for_each(|one| of_comparison(one, period, meaning)),
        Comparison::Test(Test::In { path, is_negated: false, set }) if kind_of(path).is_ok() && !set.is_empty() => {
            return set.iter().for_each(|constant| meaning.add(value(path, constant).map(|value| vec![value]), period));
        }
        Comparison::Test(test) => of_test(test),
        Comparison::All(several) => of_all(several),
    };
    meaning.add(values, period);
}

fn of_all(several: &[Comparison]) -> Result<Values, String> {
    let telling: Vec<&Comparison> = several.iter().filter(|one| !is_implied(one, several)).collect();
    if let [Comparison::Test(test)] = telling.as_slice() {
        return of_test(test);
    }
    let hashes: Values = telling.iter().filter_map(|one| hashes(one)).flatten().collect();
    if !hashes.is_empty() {
        return Ok(hashes);
    }
    let mut paths: Vec<String> = Vec::new();
    telling.iter().for_each(|one| paths_of(one, &mut paths));
    paths.dedup();
    Err(format!("it asks for {} together, of which one alone would say more than the pattern", shorten(&paths.join(", "), 200)))
}

/// The hashes that a part asks for, if it asks for nothing else.
fn hashes(comparison: &Comparison) -> Option<Values> {
    match comparison {
        Comparison::Test(test) => of_test(test).ok().filter(|values| values.iter().all(|(kind, _)| *kind == IndicatorKind::Hash)),
        Comparison::Any(several) => several.iter().map(hashes).collect::<Option<Vec<_>>>().map(|parts| parts.concat()),
        Comparison::All(several) => {
            let found: Values = several.iter().filter_map(hashes).flatten().collect();
            Some(found).filter(|found| !found.is_empty())
        }
    }
}

/// Whether a part only repeats of which type the value is that stands beside it.
fn is_implied(comparison: &Comparison, beside: &[Comparison]) -> bool {
    let Some((path, Constant::Text(kind))) = equality(comparison) else { return false };
    let Some((PathStep::Key(last), before)) = path.steps.split_last() else { return false };
    last == "type"
        && beside.iter().any(|other| {
            let Some((other, Constant::Text(value))) = equality(other) else { return false };
            let is_of_same = other.object == path.object
                && matches!(other.steps.split_last(), Some((PathStep::Key(last), steps)) if last == "value" && steps == before);
            is_of_same
                && match network(value) {
                    Some(IpNet::V4(_)) => kind == "ipv4-addr",
                    Some(IpNet::V6(_)) => kind == "ipv6-addr",
                    None => kind == "domain-name",
                }
        })
}

fn equality(comparison: &Comparison) -> Option<(&ObjectPath, &Constant)> {
    match comparison {
        Comparison::Test(Test::Compare { path, is_negated: false, operator: Operator::Equal, constant }) => {
            Some((path, constant))
        }
        _ => None,
    }
}

fn of_test(test: &Test) -> Result<Values, String> {
    match test {
        Test::Exists { path, .. } => Err(format!("it asks whether there is `{}`", told(path))),
        Test::Compare { path, is_negated: true, .. } | Test::In { path, is_negated: true, .. } => {
            Err(format!("it says what `{}` is not", told(path)))
        }
        Test::In { path, set, .. } if set.is_empty() => Err(format!("the set of `{}` is empty", told(path))),
        Test::In { path, set, .. } => set.iter().map(|constant| value(path, constant)).collect(),
        Test::Compare { path, operator: Operator::Equal, constant, .. } => Ok(vec![value(path, constant)?]),
        Test::Compare { path, operator: Operator::IsSubset, constant, .. } => match value(path, constant)? {
            (IndicatorKind::Address, value) => Ok(vec![(IndicatorKind::Address, value)]),
            _ => Err(format!("`{}` is no address, so that ISSUBSET says nothing of it", told(path))),
        },
        Test::Compare { path, operator, .. } => {
            Err(format!("events are searched for values, not for what {operator} says of `{}`", told(path)))
        }
    }
}

fn value(path: &ObjectPath, constant: &Constant) -> Result<(IndicatorKind, String), String> {
    let kind = kind_of(path)?;
    let Constant::Text(text) = constant else { return Err(format!("`{}` is compared with no text", told(path))) };
    let kind = match kind {
        Kind::Is(kind) => kind,
        Kind::AddressOrDomain if network(text).is_some() => IndicatorKind::Address,
        Kind::AddressOrDomain => IndicatorKind::Domain,
        Kind::HashOf(length) if text.len() == length => IndicatorKind::Hash,
        Kind::HashOf(length) => return Err(format!("`{}` has {length} digits, not {}", told(path), text.len())),
    };
    Ok((kind, text.clone()))
}

/// What a path names.
enum Kind {
    Is(IndicatorKind),
    AddressOrDomain,
    /// A hash of so many digits.
    HashOf(usize),
}

fn kind_of(path: &ObjectPath) -> Result<Kind, String> {
    let mut keys = Vec::with_capacity(path.steps.len());
    for step in &path.steps {
        keys.push(match step {
            PathStep::Key(key) => key.as_str(),
            PathStep::Any | PathStep::Index(_) => "",
        });
    }
    match (path.object.as_str(), keys.as_slice()) {
        ("ipv4-addr" | "ipv6-addr", ["value"]) => Ok(Kind::Is(IndicatorKind::Address)),
        ("domain-name", ["value"]) => Ok(Kind::Is(IndicatorKind::Domain)),
        ("url", ["value"]) => Ok(Kind::Is(IndicatorKind::Url)),
        ("network-traffic", ["src_ref" | "dst_ref", "value"]) => Ok(Kind::AddressOrDomain),
        ("file" | "artifact", ["hashes", name]) | ("process", ["image_ref" | "binary_ref", "hashes", name]) => {
            match name.replace(['-', '_'], "").to_lowercase().as_str() {
                "md5" => Ok(Kind::HashOf(32)),
                "sha1" => Ok(Kind::HashOf(40)),
                "sha256" => Ok(Kind::HashOf(64)),
                _ => Err(format!("`{}` is no MD5, SHA-1 or SHA-256", told(path))),
            }
        }
        _ => Err(format!("events are not searched for `{}`", told(path))),
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpAddr>().ok().map(IpNet::from).or_else(|| text.parse().ok())
}

fn paths_of(comparison: &Comparison, paths: &mut Vec<String>) {
    match comparison {
        Comparison::All(several) | Comparison::Any(several) => several.iter().for_each(|one| paths_of(one, paths)),
        Comparison::Test(Test::Compare { path, .. } | Test::In { path, .. } | Test::Exists { path, .. }) => {
            paths.push(format!("`{}`", told(path)));
        }
    }
}

fn told(path: &ObjectPath) -> String {
    shorten(&path.to_string(), 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";
    const MD5: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";

    fn of(text: &str) -> Meaning {
        meaning(&Pattern::parse(text).unwrap())
    }

    #[test]
    fn patterns_that_say_any_of_these_are_used() {
        use IndicatorKind::{Address, Domain, Hash, Url};
        for (text, expected) in [
            ("[ipv4-addr:value = '198.51.100.7']".to_owned(), vec![(Address, "198.51.100.7")]),
            ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']".to_owned(), vec![(Address, "198.51.100.0/24")]),
            (
                "[ipv6-addr:value IN ('2001:db8::1', '2001:db8::2')]".to_owned(),
                vec![(Address, "2001:db8::1"), (Address, "2001:db8::2")],
            ),
            (
                "[domain-name:value = 'a.example' OR url:value = 'http://b.example/']".to_owned(),
                vec![(Domain, "a.example"), (Url, "http://b.example/")],
            ),
            (
                "([domain-name:value = 'a.example'] OR [domain-name:value = 'b.example'])".to_owned(),
                vec![(Domain, "a.example"), (Domain, "b.example")],
            ),
            ("[network-traffic:dst_ref.value = '198.51.100.7']".to_owned(), vec![(Address, "198.51.100.7")]),
            ("[network-traffic:dst_ref.value = 'a.example']".to_owned(), vec![(Domain, "a.example")]),
            (
                "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.7']".to_owned(),
                vec![(Address, "198.51.100.7")],
            ),
            (format!("[file:hashes.'SHA-256' = '{SHA256}']"), vec![(Hash, SHA256)]),
            (format!("[file:hashes.MD5 = '{MD5}' AND file:name = 'x.exe' AND file:size > 5]"), vec![(Hash, MD5)]),
            (
                format!("[(file:hashes.MD5 = '{MD5}' OR file:hashes.'SHA-256' = '{SHA256}') AND file:name != 'y']"),
                vec![(Hash, MD5), (Hash, SHA256)],
            ),
            (format!("[process:image_ref.hashes.MD5 = '{MD5}']"), vec![(Hash, MD5)]),
            ("[domain-name:value = 'a.example'] WITHIN 5 SECONDS REPEATS 1 TIMES".to_owned(), vec![(Domain, "a.example")]),
        ] {
            let meaning = of(&text);
            let values: Vec<_> = meaning.alternatives.iter().map(|one| (one.kind, one.value.as_str())).collect();
            assert_eq!((values, meaning.refused), (expected, Vec::new()), "{text}");
        }
    }

    #[test]
    fn other_patterns_are_refused_with_the_reason() {
        let and_hash = format!("[file:hashes.MD5 = '{MD5}'] AND [file:name = 'x']");
        let or_hash = format!("[(file:hashes.MD5 = '{MD5}' OR ipv4-addr:value = '198.51.100.7') AND file:name = 'x']");
        for (text, part) in [
            ("[ipv4-addr:value = '198.51.100.7' AND network-traffic:dst_port = 443]", "together"),
            (
                "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.7' \
                 AND network-traffic:dst_port = 443]",
                "`network-traffic:dst_port` together",
            ),
            ("[network-traffic:dst_ref.type = 'ipv6-addr' AND network-traffic:dst_ref.value = '198.51.100.7']", "together"),
            ("[domain-name:value = 'a.example' AND domain-name:resolves_to_refs[*].value = '198.51.100.7']", "together"),
            (and_hash.as_str(), "several observations"),
            (or_hash.as_str(), "together"),
            ("[ipv4-addr:value = '198.51.100.7'] FOLLOWEDBY [domain-name:value = 'a.example']", "one after the other"),
            ("[ipv4-addr:value = '198.51.100.7'] REPEATS 5 TIMES", "5 observations"),
            ("[ipv4-addr:value NOT = '198.51.100.7']", "is not"),
            ("[ipv4-addr:value != '198.51.100.7']", "!="),
            ("[ipv4-addr:value NOT IN ('198.51.100.7')]", "is not"),
            ("[ipv4-addr:value IN ()]", "empty"),
            ("[ipv4-addr:value ISSUPERSET '198.51.100.0/24']", "ISSUPERSET"),
            ("[domain-name:value LIKE '%.example']", "LIKE"),
            ("[url:value MATCHES 'x']", "MATCHES"),
            ("[domain-name:value ISSUBSET 'a.example']", "no address"),
            ("[EXISTS ipv4-addr:value]", "whether there is"),
            ("[email-addr:value = 'a@b.example']", "not searched for `email-addr:value`"),
            ("[ipv4-addr:value = h'00']", "no text"),
            ("[file:hashes.'SHA-256' = 'abc']", "64 digits"),
            ("[file:hashes.SSDEEP = 'abc']", "no MD5"),
            ("[x509-certificate:hashes.MD5 = 'abc']", "not searched"),
        ] {
            let meaning = of(text);
            assert!(meaning.alternatives.is_empty(), "{text}: {meaning:?}");
            assert!(meaning.refused.len() == 1 && meaning.refused[0].contains(part), "{text}: {meaning:?}");
        }
    }

    #[test]
    fn of_alternatives_those_that_can_be_used_are() {
        let meaning = of("[domain-name:value = 'a.example' OR email-message:subject = 'x'] OR [file:name = 'y']");
        assert_eq!((meaning.alternatives.len(), meaning.refused.len()), (1, 2), "{meaning:?}");
        let meaning = of(&format!("[file:hashes.MD5 IN ('{MD5}', 'short', 7)]"));
        assert_eq!((meaning.alternatives.len(), meaning.refused.len()), (1, 2), "{meaning:?}");
    }

    #[test]
    fn the_time_of_a_pattern_narrows() {
        let meaning = of("([domain-name:value = 'a.example'] START t'2026-01-01T00:00:00Z' STOP t'2026-03-01T00:00:00Z' \
             OR [domain-name:value = 'b.example']) \
             START t'2025-12-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'");
        let time = |text: &str| Some(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let periods: Vec<_> = meaning.alternatives.iter().map(|one| (one.from, one.until)).collect();
        assert_eq!(
            periods,
            [
                (time("2026-01-01T00:00:00Z"), time("2026-02-01T00:00:00Z")),
                (time("2025-12-01T00:00:00Z"), time("2026-02-01T00:00:00Z"))
            ]
        );
    }
}
