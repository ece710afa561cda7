//! Files of threat intelligence: STIX 2.1, MISP, plain lists. What they are shows from what stands in them.

mod document;
mod guess;
mod label;
mod list;
mod meaning;
mod misp;
mod pattern;
mod stix;

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value};
use skywarden_content::IndicatorKind;

pub use pattern::{BadPattern, Comparison, Constant, ObjectPath, Operator, PathStep, Pattern, Qualifier, Test};

use crate::{Added, Indicator, Intelligence, source::shorten};

/// A text is at most so long, in bytes.
pub const MAX_TEXT: usize = 512 << 20;

/// So many of what can't be used are told; the rest is counted.
pub const MAX_TOLD: usize = 1_000;

/// Where a text is from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Feed<'f> {
    /// Who says so, where the text names nobody.
    pub name: &'f str,
    /// What holds of all that it names: a list of Tor's exits does not say of each line that it is one.
    pub labels: &'f [String],
}

/// What a text gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// How many indicators of each kind are known now that were not, or are joined to what was known.
    pub by_kind: BTreeMap<IndicatorKind, usize>,
    /// What by its own word is no indicator to use, and how many: revoked, deleted, not for detection, below the confidence asked
    /// for.
    pub left_out: BTreeMap<&'static str, usize>,
    /// What could not be used, the first [`MAX_TOLD`].
    pub unusable: Vec<Unusable>,
    /// How many could not be used.
    pub n_unusable: usize,
}

/// Something that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// A line, the id of an object, the uuid of an attribute.
    pub place: String,
    /// Why.
    pub reason: String,
}

/// Adds what a text of threat intelligence names: a bundle or envelope of STIX 2.1 or one of its objects, events or attributes of
/// MISP, a list with one value a line, comma-separated values with a header, or lines of JSON made from
/// [`Intelligence::entries`]. What can't be used is told, and loses nothing else; of a JSON document that is cut, what stands
/// before the cut is used.
pub fn read(text: &[u8], feed: Feed<'_>, into: &mut Intelligence) -> Loaded {
    let mut loader = Loader { into, feed, loaded: Loaded::default() };
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.len() > MAX_TEXT {
        loader.refuse("line 1", format_args!("the text is longer than {} MiB", MAX_TEXT >> 20));
    } else if document::is_json(text) {
        document::load(&String::from_utf8_lossy(text), &mut loader);
    } else {
        list::load(text, &mut loader);
    }
    loader.loaded
}

impl Loaded {
    /// How many indicators there are of all kinds.
    pub fn n_indicators(&self) -> usize {
        self.by_kind.values().sum()
    }

    /// Adds what another text gave, whose name stands before its places.
    pub fn add(&mut self, name: &str, other: Loaded) {
        for (kind, n) in other.by_kind {
            *self.by_kind.entry(kind).or_default() += n;
        }
        for (why, n) in other.left_out {
            *self.left_out.entry(why).or_default() += n;
        }
        self.n_unusable += other.n_unusable;
        let room = MAX_TOLD.saturating_sub(self.unusable.len());
        let named = other.unusable.into_iter().take(room);
        self.unusable.extend(named.map(|one| Unusable { place: format!("{name}, {}", one.place), reason: one.reason }));
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.reason)
    }
}

/// What the readers of all formats add to.
struct Loader<'l> {
    into: &'l mut Intelligence,
    feed: Feed<'l>,
    loaded: Loaded,
}

impl Loader<'_> {
    /// An indicator of which nothing more is known than where it is from.
    fn plain(&self) -> Indicator {
        Indicator { labels: self.feed.labels.to_vec(), origins: vec![self.feed.name.to_owned()], ..Indicator::default() }
    }

    fn add(&mut self, place: &str, kind: IndicatorKind, value: &str, indicator: Indicator) {
        match self.into.add(kind, value, indicator) {
            Ok(Added::New | Added::Joined) => *self.loaded.by_kind.entry(kind).or_default() += 1,
            Ok(Added::TooDoubtful) => self.leave_out("below the confidence asked for"),
            Err(reason) => self.refuse(place, reason),
        }
    }

    fn leave_out(&mut self, why: &'static str) {
        *self.loaded.left_out.entry(why).or_default() += 1;
    }

    fn refuse(&mut self, place: &str, reason: impl fmt::Display) {
        self.loaded.n_unusable += 1;
        if self.loaded.unusable.len() < MAX_TOLD {
            self.loaded.unusable.push(Unusable { place: shorten(place, 200), reason: shorten(&reason.to_string(), 500) });
        }
    }
}

/// A text of an object; `None` if there is none.
fn text_of<'v>(object: &'v Map<String, Value>, member: &str) -> Option<&'v str> {
    object.get(member)?.as_str()
}

/// The texts of a list of an object, or its one text.
fn texts_of(object: &Map<String, Value>, member: &str) -> Vec<String> {
    match object.get(member) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A member that says yes: `true`, and what MISP and others write for it.
fn says_yes(object: &Map<String, Value>, member: &str) -> bool {
    match object.get(member) {
        Some(Value::Bool(yes)) => *yes,
        Some(Value::String(text)) => text == "1" || text.eq_ignore_ascii_case("true"),
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLES: &[&str] = &[
        r#"{"type": "bundle", "id": "bundle--1", "objects": [
          {"type": "malware", "id": "malware--1", "name": "Driftwood"},
          {"type": "indicator", "id": "indicator--1", "pattern_type": "stix", "confidence": 80,
           "valid_from": "2026-02-01T00:00:00Z",
           "pattern": "[ipv4-addr:value ISSUBSET '198.51.100.0/24' OR domain-name:value IN ('a.example', 'b.example')]"},
          {"type": "relationship", "id": "relationship--1", "relationship_type": "indicates",
           "source_ref": "indicator--1", "target_ref": "malware--1"}
        ]}"#,
        r#"{"response": [{"Event": {"info": "Phishing", "Tag": [{"name": "misp-galaxy:tool=\"x\""}], "Attribute": [
          {"type": "url", "to_ids": true, "value": "http://misp.example/Login", "Tag": [{"name": "phishing"}]},
          {"type": "domain|ip", "to_ids": "1", "value": "bad.example|198.51.100.7"}
        ], "Object": [{"Attribute": [
          {"type": "filename|md5", "to_ids": true, "value": "a|a1b2c3d4e5f60718293a4b5c6d7e8f90"}]}]}}]}"#,
        "value,type,tags,confidence,expires\n\"bad[.]example\",domain,\"c2, x\",80,2026-06-01\n198.51.100.7:443,ip:port,,,\n",
        "# list\n198.51.100.0-198.51.100.77 x\n0.0.0.0 bad.example\nhxxp://bad[.]example:80/x#y\nbad.example/y?z=http://a.b/\n",
        "{\"kind\":\"domain\",\"value\":\"bad.example\",\"labels\":[\"tor\"],\"from\":5}\n\
         {\"kind\":\"address\",\"value\":\"2001:db8::/32\"}\n",
    ];

    fn read_all(text: &[u8]) -> (Intelligence, Loaded) {
        let mut known = Intelligence::default();
        let loaded = read(text, Feed { name: "test", labels: &[] }, &mut known);
        (known, loaded)
    }

    fn as_lines(known: &Intelligence) -> String {
        known.entries().iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect()
    }

    #[test]
    fn what_is_stored_as_lines_is_read_again() {
        let mut known = Intelligence::default();
        let feed = Feed { name: "list", labels: &["Tor".to_owned()] };
        let text = "198.51.100.7\n203.0.113.0/24\n2001:db8::/32\nbad.example\nhttp://bad.example/X\nbad.example/y\n\
                    0cc175b9c0f1b6a831c399e269772661\n";
        assert_eq!(read(text.as_bytes(), feed, &mut known).n_indicators(), 7);
        let times = Indicator { from: Some(-5), until: Some(7), confidence: Some(3), ..Indicator::default() };
        known.add(IndicatorKind::Domain, "other.example", times.clone()).unwrap();
        known.add(IndicatorKind::Domain, "other.example", Indicator { from: Some(100), until: None, ..times }).unwrap();
        let (again, loaded) = read_all(as_lines(&known).as_bytes());
        assert_eq!((again.entries(), loaded.n_unusable), (known.entries(), 0));
        assert_eq!((known.len(), known.entries().len()), (8, 9));
    }

    #[test]
    fn what_several_texts_gave_is_told_with_their_names() {
        let mut all = Loaded::default();
        all.add("a.txt", read_all(b"198.51.100.7\nnothing\n").1);
        all.add("b.txt", read_all(b"bad.example\n10.0.0.1\n").1);
        let told: Vec<String> = all.unusable.iter().map(Unusable::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("a.txt, line 2: ") && told[1].starts_with("b.txt, line 2: "), "{told:?}");
        assert_eq!((all.n_indicators(), all.by_kind.len(), all.n_unusable), (2, 2, 2));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text in prop::collection::vec(any::<u8>(), 0..400)) {
            let (known, loaded) = read_all(&text);
            prop_assert!(known.len() <= loaded.n_indicators());
        }

        #[test]
        fn texts_with_faults_are_read_and_what_is_read_is_stored(
            sample in 0_usize..SAMPLES.len(),
            faults in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "\\PC{0,2}"), 0..5),
        ) {
            let mut text = SAMPLES[sample].as_bytes().to_vec();
            for (start, length, instead) in &faults {
                let start = start.index(text.len());
                let end = start + length.index(9).min(text.len() - start);
                text.splice(start..end, instead.bytes());
                text.push(b'\n');
            }
            let (known, loaded) = read_all(&text);
            prop_assert!(known.len() <= loaded.n_indicators());
            prop_assert!(!faults.is_empty() || (loaded.n_unusable == 0 && !known.is_empty()), "{:?}", loaded);
            let (again, stored) = read_all(as_lines(&known).as_bytes());
            prop_assert_eq!((again.entries(), stored.n_unusable), (known.entries(), 0));
        }

        #[test]
        fn any_lines_lose_no_good_one(before in "[^\n]{0,40}", after in "\\PC{0,40}") {
            prop_assume!(!before.trim_start().starts_with(['{', '[', '\u{feff}']));
            let text = format!("{before}\n203.0.113.99\n{after}\n198.51.100.77\n");
            let lines = read_all(text.as_bytes()).0.entries();
            for value in ["203.0.113.99", "198.51.100.77"] {
                prop_assert!(lines.iter().any(|entry| entry.value == value), "{:?}", lines);
            }
        }

        #[test]
        fn what_is_read_is_stored_and_read_again(values in prop::collection::vec(
            prop_oneof!["[a-z]{1,8}\\.example", "198\\.51\\.100\\.[1-9]",
                "http://[a-z]{2,4}\\.example/[a-zA-Z%#?/]{0,9}", "[0-9a-f]{32}"], 0..30,
        )) {
            let (known, _) = read_all(values.join("\n").as_bytes());
            let (again, loaded) = read_all(as_lines(&known).as_bytes());
            prop_assert_eq!(again.entries(), known.entries());
            prop_assert_eq!(loaded.n_unusable, 0);
        }
    }
}
