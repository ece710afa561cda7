//! What is known to be bad, and the question whether a text of an event is among it.

mod knowledge;
mod known;
mod value;

use std::{collections::BTreeMap, net::IpAddr};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use skywarden_content::IndicatorKind;

pub use knowledge::Knowledge;

use crate::take::address;
use known::{Known, NameTable, Networks, Room, Statement, put};
use value::{Value, plain_url, without_scheme};

/// So many values are held at most, networks included.
const MAX_INDICATORS: usize = 5_000_000;

/// So many labels are shown to people.
const MAX_SHOWN_LABELS: usize = 8;

/// So many origins are shown to people.
const MAX_SHOWN_ORIGINS: usize = 3;

/// What is known to be bad: addresses, networks, domains, URLs, hashes. At most 5 million.
#[derive(Debug, Clone)]
pub struct Intelligence {
    addresses: FxHashMap<IpAddr, Known>,
    networks: Networks,
    domains: FxHashMap<Box<str>, Known>,
    urls: FxHashMap<Box<str>, Known>,
    hashes: FxHashMap<Box<str>, Known>,
    names: NameTable,
    least_confidence: u8,
    n_values: usize,
    most_values: usize,
}

/// What is known of one value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicator {
    /// `tor`, `c2`, `phishing`...: in small letters; at most 32 are kept, of at most 100 letters each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Who says so; at most 8 are kept, of at most 200 letters each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// From when it holds, in milliseconds since 1970; from ever if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// When it no longer holds, in milliseconds since 1970: the first instant that it does not; for ever if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// How sure its origin is, from 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
}

/// One value with what is known of it, as it is stored and printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub kind: IndicatorKind,
    /// In the form in which it is looked up: small letters, networks without the bits of a host.
    pub value: String,
    /// What is known of it.
    #[serde(flatten)]
    pub indicator: Indicator,
}

/// What became of an indicator that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// Nothing was known of the value.
    New,
    /// It was joined to what was known of the value.
    Joined,
    /// It is left out, since its origin is less sure than is asked for.
    TooDoubtful,
}

impl Default for Intelligence {
    fn default() -> Self {
        Self::at_least(0)
    }
}

impl Intelligence {
    /// So many values are held at most.
    pub const MOST: usize = MAX_INDICATORS;

    /// Nothing known yet; what is added with a lower confidence than this (0 to 100) is left out. What says nothing of its
    /// confidence is kept: most lists say nothing.
    pub fn at_least(confidence: u8) -> Self {
        Intelligence {
            addresses: FxHashMap::default(),
            networks: Networks::default(),
            domains: FxHashMap::default(),
            urls: FxHashMap::default(),
            hashes: FxHashMap::default(),
            names: NameTable::default(),
            least_confidence: confidence,
            n_values: 0,
            most_values: MAX_INDICATORS,
        }
    }

    /// Holds at most so many values, and never more than 5 million.
    #[must_use]
    pub fn with_room_for(self, most_values: usize) -> Self {
        Intelligence { most_values: most_values.min(MAX_INDICATORS), ..self }
    }

    /// How many values of each kind are known, networks among the addresses; kinds without any as well.
    pub fn n_by_kind(&self) -> BTreeMap<IndicatorKind, usize> {
        BTreeMap::from([
            (IndicatorKind::Address, self.addresses.len() + self.networks.iter().count()),
            (IndicatorKind::Domain, self.domains.len()),
            (IndicatorKind::Url, self.urls.len()),
            (IndicatorKind::Hash, self.hashes.len()),
        ])
    }

    /// How many values are known.
    pub fn len(&self) -> usize {
        self.n_values
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.n_values == 0
    }

    /// Adds an indicator. If something is known of the value in a time that meets its own, the two are joined: the labels and
    /// origins of both, the earlier beginning, the later end, the higher confidence. Times that do not meet stay apart.
    ///
    /// # Errors
    /// If the value is none of its kind or can't be bad everywhere (a private address, a network shorter than /8 or /19, a domain
    /// under which everybody registers), if its time ends before it begins, or if there is no room.
    pub fn add(&mut self, kind: IndicatorKind, value: &str, indicator: Indicator) -> Result<Added, String> {
        let value = Value::read(kind, value)?;
        if indicator.confidence.is_some_and(|confidence| confidence > 100) {
            return Err("a confidence is a number from 0 to 100".to_owned());
        }
        let (from, until) = (indicator.from.unwrap_or(i64::MIN), indicator.until.unwrap_or(i64::MAX));
        if from >= until {
            return Err("its time ends before it begins".to_owned());
        }
        if indicator.confidence.is_some_and(|confidence| confidence < self.least_confidence) {
            return Ok(Added::TooDoubtful);
        }
        let names = &mut self.names;
        let statement =
            Statement { from, until, names: names.number(indicator.labels, indicator.origins), confidence: indicator.confidence };
        let room = if self.n_values < self.most_values { Room::ForNew } else { Room::ForKnown };
        let added = match value {
            Value::Address(address) => put(&mut self.addresses, address, statement, names, room)?,
            Value::Network(network) => self.networks.put(network, statement, names, room)?,
            Value::Domain(name) => put(&mut self.domains, name.into_boxed_str(), statement, names, room)?,
            Value::Url(url) => put(&mut self.urls, url.into_boxed_str(), statement, names, room)?,
            Value::Hash(hash) => put(&mut self.hashes, hash.into_boxed_str(), statement, names, room)?,
        };
        self.n_values += usize::from(added == Added::New);
        Ok(added)
    }

    /// All that is known, in order of kind, value and time: what to store, and what [`indicators::read`](crate::indicators::read)
    /// reads as lines of JSON. A value of which something is known in several times comes several times.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.n_values);
        let mut add = |kind: IndicatorKind, value: String, known: &Known| {
            entries.extend(known.statements().map(|statement| Entry {
                kind,
                value: value.clone(),
                indicator: self.names.indicator(statement),
            }));
        };
        self.addresses.iter().for_each(|(address, known)| add(IndicatorKind::Address, address.to_string(), known));
        self.networks.iter().for_each(|(network, known)| add(IndicatorKind::Address, network.to_string(), known));
        self.domains.iter().for_each(|(name, known)| add(IndicatorKind::Domain, name.to_string(), known));
        self.urls.iter().for_each(|(url, known)| add(IndicatorKind::Url, url.to_string(), known));
        self.hashes.iter().for_each(|(hash, known)| add(IndicatorKind::Hash, hash.to_string(), known));
        entries.sort_by(|a, b| {
            (a.kind, &a.value, a.indicator.from, a.indicator.until).cmp(&(b.kind, &b.value, b.indicator.from, b.indicator.until))
        });
        entries
    }

    /// What is known of a text at an instant, for people.
    pub(crate) fn find(&self, text: &str, kinds: &[IndicatorKind], labels: &[String], time: i64) -> Option<String> {
        let wanted: Vec<String> = labels.iter().map(|label| label.to_lowercase()).collect();
        let fits = |statement: &Statement| {
            let (labels, _) = self.names.of(statement);
            statement.holds_at(time) && (wanted.is_empty() || labels.iter().any(|label| wanted.contains(label)))
        };
        let found = kinds.iter().find_map(|kind| self.look_up(*kind, text, &fits))?;
        let (labels, origins) = self.names.of(found);
        let labels = if labels.is_empty() { "an indicator".to_owned() } else { some_of(labels, MAX_SHOWN_LABELS) };
        let origins = if origins.is_empty() { None } else { Some(format!("says {}", some_of(origins, MAX_SHOWN_ORIGINS))) };
        let confidence = found.confidence.map(|confidence| format!("confidence {confidence}"));
        let more: Vec<String> = origins.into_iter().chain(confidence).collect();
        Some(if more.is_empty() { format!("known as {labels}") } else { format!("known as {labels} ({})", more.join("; ")) })
    }

    /// The first statement that fits, the most exact value first.
    fn look_up(&self, kind: IndicatorKind, text: &str, fits: &dyn Fn(&Statement) -> bool) -> Option<&Statement> {
        match kind {
            IndicatorKind::Address => {
                let address = address(text)?;
                let exact = self.addresses.get(&address).and_then(|known| known.first(fits));
                exact.or_else(|| self.networks.around(address).find_map(|known| known.first(fits)))
            }
            IndicatorKind::Domain => {
                let name = text.trim_matches('.').to_lowercase();
                let mut rest = name.as_str();
                loop {
                    if let Some(found) = self.domains.get(rest).and_then(|known| known.first(fits)) {
                        return Some(found);
                    }
                    rest = rest.split_once('.')?.1;
                }
            }
            IndicatorKind::Url => {
                let url = plain_url(text);
                let exact = self.urls.get(url.as_str()).and_then(|known| known.first(fits));
                exact.or_else(|| self.urls.get(without_scheme(&url))?.first(fits))
            }
            IndicatorKind::Hash => text.split([',', ' ']).find_map(|part| {
                let hash = part.rsplit('=').next().unwrap_or(part);
                self.hashes.get(hash.to_lowercase().as_str())?.first(fits)
            }),
        }
    }
}

fn some_of(texts: &[String], most: usize) -> String {
    let shown: Vec<&str> = texts.iter().take(most).map(String::as_str).collect();
    match texts.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [IndicatorKind; 4] = [IndicatorKind::Address, IndicatorKind::Domain, IndicatorKind::Url, IndicatorKind::Hash];

    fn labelled(label: &str, from: Option<i64>, until: Option<i64>) -> Indicator {
        Indicator { labels: vec![label.to_owned()], origins: vec![format!("list of {label}")], from, until, confidence: None }
    }

    fn known(entries: &[(IndicatorKind, &str, Indicator)]) -> Intelligence {
        let mut known = Intelligence::default();
        for (kind, value, indicator) in entries {
            known.add(*kind, value, indicator.clone()).unwrap();
        }
        known
    }

    #[test]
    fn values_are_found_in_the_forms_in_which_logs_write_them() {
        let any = Indicator::default();
        let known = known(&[
            (IndicatorKind::Address, "198.51.100.7", any.clone()),
            (IndicatorKind::Address, "203.0.113.77/25", any.clone()),
            (IndicatorKind::Address, "2001:db8:5::/48", any.clone()),
            (IndicatorKind::Domain, "*.Bad.Example.", any.clone()),
            (IndicatorKind::Url, "HTTP://Files.example:80/Drop/", any.clone()),
            (IndicatorKind::Url, "other.example/x", any.clone()),
            (IndicatorKind::Hash, "D41D8CD98F00B204E9800998ECF8427A", any),
        ]);
        for found in [
            "198.51.100.7",
            "198.51.100.7:443",
            "::ffff:198.51.100.7",
            "203.0.113.127",
            "2001:db8:5:1::9",
            "bad.example",
            "a.b.BAD.example.",
            "http://files.example/Drop",
            "http://files.EXAMPLE/Drop/#part",
            "https://other.example:443/x",
            "SHA1=00,MD5=d41d8cd98f00b204e9800998ecf8427a",
        ] {
            assert!(known.find(found, &KINDS, &[], 0).is_some(), "{found}");
        }
        for other in [
            "198.51.100.8",
            "203.0.113.128",
            "2001:db8:6::9",
            "notbad.example",
            "example",
            "http://files.example/drop",
            "https://files.example/Drop",
            "http://files.example/",
            "d41d8cd98f00b204e9800998ecf8427",
            "",
        ] {
            assert_eq!(known.find(other, &KINDS, &[], 0), None, "{other}");
        }
    }

    #[test]
    fn the_most_exact_that_is_asked_for_is_told() {
        let known = known(&[
            (IndicatorKind::Address, "198.51.100.0/24", labelled("tor", None, None)),
            (IndicatorKind::Address, "198.51.100.0/28", labelled("scanner", None, Some(1_000))),
            (IndicatorKind::Address, "198.51.100.7", labelled("c2", None, None)),
            (IndicatorKind::Domain, "bad.example", labelled("phishing", None, None)),
            (IndicatorKind::Domain, "a.bad.example", labelled("malware", None, None)),
        ]);
        let find = |text: &str, label: &str, time: i64| known.find(text, &KINDS, &[label.to_owned()], time);
        assert_eq!(find("198.51.100.7", "Tor", 0).as_deref(), Some("known as tor (says list of tor)"));
        assert_eq!(find("198.51.100.7", "c2", 0).as_deref(), Some("known as c2 (says list of c2)"));
        assert!(find("198.51.100.7", "scanner", 999).is_some());
        assert!(find("198.51.100.7", "scanner", 1_000).is_none(), "the end is the first instant that it does not hold");
        assert!(find("x.a.bad.example", "phishing", 0).is_some(), "through the domain above");
        assert_eq!(known.find("198.51.100.6", &KINDS, &[], 5_000).as_deref(), Some("known as tor (says list of tor)"));
    }

    #[test]
    fn what_is_said_twice_is_joined_and_times_that_do_not_meet_stay_apart() {
        let mut known = Intelligence::default();
        let mut add = |label: &str, from: i64, until: i64, confidence: u8| {
            let indicator = Indicator { confidence: Some(confidence), ..labelled(label, Some(from), Some(until)) };
            known.add(IndicatorKind::Domain, "bad.example", indicator).unwrap()
        };
        assert_eq!(add("b", 100, 200, 30), Added::New);
        assert_eq!(add("a", 150, 300, 80), Added::Joined);
        assert_eq!(add("later", 500, 600, 10), Added::Joined);
        let entries = known.entries();
        assert_eq!(known.len(), 1);
        assert_eq!(
            entries[0].indicator,
            Indicator {
                labels: vec!["a".to_owned(), "b".to_owned()],
                origins: vec!["list of a".to_owned(), "list of b".to_owned()],
                from: Some(100),
                until: Some(300),
                confidence: Some(80),
            }
        );
        assert_eq!((entries.len(), entries[1].indicator.from), (2, Some(500)));
        for (time, expected) in [(99, false), (100, true), (299, true), (300, false), (499, false), (500, true), (600, false)] {
            assert_eq!(known.find("bad.example", &KINDS, &[], time).is_some(), expected, "{time}");
        }
        known.add(IndicatorKind::Domain, "bad.example", labelled("c", Some(300), Some(500))).unwrap();
        assert_eq!(known.entries().len(), 1, "what lies between joins them");
        for place in 0..100 {
            let outcome =
                known.add(IndicatorKind::Domain, "often.example", labelled("x", Some(place * 10), Some(place * 10 + 1)));
            assert_eq!(outcome.is_ok(), place < 16, "{place}");
        }
    }

    #[test]
    fn labels_and_origins_have_limits() {
        let many: Vec<String> = (0..100).map(|number| format!("{number:03} {}", "Ü".repeat(200))).collect();
        let indicator = Indicator { labels: many.clone(), origins: many, ..Indicator::default() };
        let entries = known(&[(IndicatorKind::Domain, "bad.example", indicator)]).entries();
        let kept = &entries[0].indicator;
        assert_eq!((kept.labels.len(), kept.origins.len()), (32, 8));
        assert!(kept.labels[0].starts_with("000 ü") && kept.labels[0].chars().count() == 100);
        assert_eq!(known(&[(IndicatorKind::Domain, "bad.example", kept.clone())]).entries(), entries);
    }

    #[test]
    fn doubtful_ones_are_left_out_and_the_number_has_a_limit() {
        let mut known = Intelligence::at_least(50);
        known.most_values = 2;
        let mut add = |value: &str, confidence: Option<u8>| {
            known.add(IndicatorKind::Address, value, Indicator { confidence, ..Indicator::default() })
        };
        assert_eq!(add("198.51.100.1", Some(49)), Ok(Added::TooDoubtful));
        assert_eq!(add("198.51.100.1", Some(50)), Ok(Added::New));
        assert_eq!(add("198.51.100.0/24", None), Ok(Added::New), "nothing is said");
        assert!(add("198.51.100.3", None).unwrap_err().contains("no room"));
        assert_eq!(add("198.51.100.1", Some(90)), Ok(Added::Joined), "what is known needs no room");
        assert!(add("198.51.100.1", Some(101)).is_err());
        assert!(known.add(IndicatorKind::Address, "198.51.100.1", labelled("x", Some(5), Some(5))).is_err());
        assert_eq!(known.n_by_kind().into_values().collect::<Vec<_>>(), [2, 0, 0, 0]);
        assert!(known.with_room_for(0).add(IndicatorKind::Domain, "bad.example", Indicator::default()).is_err());
    }
}
