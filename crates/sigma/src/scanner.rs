use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use rustc_hash::FxHashMap;

use crate::{
    Value,
    expression::TestId,
    pattern::{Pattern, Place},
    test::Test,
};

/// Up to this many patterns of a field become a full automaton, which is faster and larger.
const MAX_FULL: usize = 20_000;

/// Finds in one pass over a field's text which of the texts that rules look for stand in it.
#[derive(Debug)]
pub(crate) struct Scanner {
    whole: FxHashMap<Box<str>, Vec<Found>>,
    /// Longest of `whole`: what is longer is not looked up.
    longest: usize,
    /// The whole texts that are whole numbers, so that numbers need not be written out.
    numbers: FxHashMap<i64, Vec<Found>>,
    parts: Option<AhoCorasick>,
    /// For each pattern of `parts`, who looks for it and where it must stand.
    wanted: Vec<Vec<(Place, Found)>>,
}

/// A text was found: the test holds, or must be looked at itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Holds(TestId),
    MayHold(TestId),
}

/// What a test needs to find, if it is one that scanners serve.
pub(crate) fn needed(id: TestId, test: &Test) -> Option<(Place, String, Found)> {
    match test {
        Test::Text(_, pattern @ Pattern::Literal(..)) => {
            pattern.needs().map(|(place, text)| (place, text.to_owned(), Found::Holds(id)))
        }
        Test::Text(_, pattern) => pattern.needs().map(|(place, text)| (place, text.to_owned(), Found::MayHold(id))),
        // Small letters of a text may be longer or shorter than it, so only whether they are there is taken from them.
        Test::Cased(_, pattern) => pattern.needs().map(|(place, text)| {
            let place = if place == Place::Whole { Place::Whole } else { Place::Anywhere };
            (place, text.to_lowercase(), Found::MayHold(id))
        }),
        _ => None,
    }
    .filter(|(place, text, _)| *place == Place::Whole || !text.is_empty())
}

impl Scanner {
    /// A scanner for what the tests of one field need.
    ///
    /// # Errors
    /// If the texts are more than an automaton holds.
    pub(crate) fn new(needed: impl IntoIterator<Item = (Place, String, Found)>) -> Result<Self, String> {
        let mut whole: FxHashMap<Box<str>, Vec<Found>> = FxHashMap::default();
        let mut numbers: FxHashMap<i64, Vec<Found>> = FxHashMap::default();
        let mut numbered: FxHashMap<String, usize> = FxHashMap::default();
        let mut texts: Vec<String> = Vec::new();
        let mut wanted: Vec<Vec<(Place, Found)>> = Vec::new();
        for (place, text, found) in needed {
            if place == Place::Whole {
                if let Ok(number) = text.parse::<i64>()
                    && number.to_string() == text
                {
                    numbers.entry(number).or_default().push(found);
                }
                whole.entry(text.into()).or_default().push(found);
                continue;
            }
            let next = texts.len();
            let at = *numbered.entry(text.clone()).or_insert(next);
            if at == next {
                texts.push(text);
                wanted.push(Vec::new());
            }
            if let Some(wanted) = wanted.get_mut(at) {
                wanted.push((place, found));
            }
        }
        let parts = if texts.is_empty() {
            None
        } else {
            let kind = if texts.len() > MAX_FULL { AhoCorasickKind::ContiguousNFA } else { AhoCorasickKind::DFA };
            let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).kind(Some(kind)).build(&texts);
            Some(automaton.map_err(|reason| format!("the texts of the rules make no automaton: {reason}"))?)
        };
        let longest = whole.keys().map(|text| text.len()).max().unwrap_or_default();
        Ok(Scanner { whole, longest, numbers, parts, wanted })
    }

    /// Tells each text that stands in a value; `lower` is a buffer for the small letters.
    pub(crate) fn scan(&self, value: &Value<'_>, lower: &mut String, tell: &mut impl FnMut(Found)) {
        for one in value.each() {
            match one {
                Value::Text(text) => {
                    lower.clear();
                    if text.is_ascii() {
                        lower.push_str(text);
                        lower.make_ascii_lowercase();
                    } else {
                        lower.push_str(&text.to_lowercase());
                    }
                    self.scan_text(lower, tell);
                }
                Value::Int(number) if self.parts.is_none() => {
                    self.numbers.get(number).into_iter().flatten().for_each(|found| tell(*found));
                }
                // A list in a list: of a path that goes through two.
                Value::List(_) => self.scan(one, lower, tell),
                other => {
                    if let Some(text) = other.text() {
                        self.scan_text(&text, tell);
                    }
                }
            }
        }
    }

    fn scan_text(&self, text: &str, tell: &mut impl FnMut(Found)) {
        if text.len() <= self.longest
            && let Some(found) = self.whole.get(text)
        {
            found.iter().for_each(|found| tell(*found));
        }
        let Some(parts) = &self.parts else { return };
        for hit in parts.find_overlapping_iter(text) {
            let Some(wanted) = self.wanted.get(hit.pattern().as_usize()) else { continue };
            for (place, found) in wanted {
                let is_there = match place {
                    Place::Anywhere | Place::Whole => true,
                    Place::Start => hit.start() == 0,
                    Place::End => hit.end() == text.len(),
                };
                if is_there {
                    tell(*found);
                }
            }
        }
    }

    /// Memory that the automaton takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.parts.as_ref().map_or(0, AhoCorasick::memory_usage)
    }
}
