use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind, automaton::OverlappingState};
use rustc_hash::FxHashMap;

use crate::{
    Value,
    expression::TestId,
    literals,
    pattern::{Pattern, Place},
    test::Test,
};

/// Up to this many texts of a field become a full automaton. Larger ones wait for memory more than they compute: 1,183 rules of
/// Windows took 64 MB and were no faster than the compact form of 2.5 MB.
pub(crate) const MAX_FULL: usize = 100;

/// The same for what is looked for in all texts of an event: each of them goes through that automaton, so it stays near.
pub(crate) const MAX_FULL_WORDS: usize = 1000;

/// Finds in one pass over a field's text which of the texts that rules look for stand in it.
#[derive(Debug)]
pub(crate) struct Scanner {
    whole: FxHashMap<Box<str>, Vec<Found>>,
    /// Longest of `whole`: what is longer is not looked up.
    longest: usize,
    /// The whole texts that are whole numbers, so that numbers need not be written out.
    numbers: FxHashMap<i64, Vec<Found>>,
    anywhere: Texts,
    start: Texts,
    /// Written backwards.
    end: Texts,
}

/// Texts that are looked for at one place, with who looks for them.
#[derive(Debug, Default)]
struct Texts {
    automaton: Option<AhoCorasick>,
    wanted: Vec<Vec<Found>>,
}

impl Texts {
    /// # Errors
    /// If the texts are more than an automaton holds.
    fn new<T: AsRef<[u8]>>(needed: BTreeMap<T, Vec<Found>>, start: StartKind, max_full: usize) -> Result<Self, String> {
        if needed.is_empty() {
            return Ok(Texts::default());
        }
        let (texts, wanted): (Vec<T>, Vec<Vec<Found>>) = needed.into_iter().unzip();
        let kind = if texts.len() > max_full { AhoCorasickKind::ContiguousNFA } else { AhoCorasickKind::DFA };
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).start_kind(start).kind(Some(kind)).build(&texts);
        let automaton = automaton.map_err(|reason| format!("the texts of the rules make no automaton: {reason}"))?;
        Ok(Texts { automaton: Some(automaton), wanted })
    }

    fn scan(&self, text: &[u8], anchored: Anchored, tell: &mut impl FnMut(Found)) {
        let Some(automaton) = &self.automaton else { return };
        let input = Input::new(text).anchored(anchored);
        let mut state = OverlappingState::start();
        while automaton.try_find_overlapping(input.clone(), &mut state).is_ok() {
            let Some(hit) = state.get_match() else { return };
            // An anchored search also tells the ends of what it found.
            if anchored.is_anchored() && hit.start() > 0 {
                continue;
            }
            self.wanted.get(hit.pattern().as_usize()).into_iter().flatten().for_each(|found| tell(*found));
        }
    }

    fn size(&self) -> usize {
        self.automaton.as_ref().map_or(0, AhoCorasick::memory_usage)
    }
}

/// Room for a text in small letters, and for the same backwards; used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    lower: String,
    backwards: Vec<u8>,
}

/// A text was found: the test holds, or must be looked at itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Holds(TestId),
    MayHold(TestId),
}

/// What a test needs to find one of, if it is one that scanners serve.
pub(crate) fn needed(id: TestId, test: &Test) -> Vec<(Place, String, Found)> {
    let of_pattern = match test {
        Test::Text(_, pattern @ Pattern::Literal(..)) => {
            pattern.needs().map(|(place, text)| (place, text.to_owned(), Found::Holds(id)))
        }
        Test::Text(_, pattern) => pattern.needs().map(|(place, text)| (place, text.to_owned(), Found::MayHold(id))),
        // Small letters of a text may be longer or shorter than it, so only whether they are there is taken from them.
        Test::Cased(_, pattern) => pattern.needs().map(|(place, text)| {
            let place = if place == Place::Whole { Place::Whole } else { Place::Anywhere };
            (place, text.to_lowercase(), Found::MayHold(id))
        }),
        Test::Regex(_, regex) => {
            let texts = literals::needed(regex.as_str()).unwrap_or_default();
            return texts.into_iter().map(|text| (Place::Anywhere, text, Found::MayHold(id))).collect();
        }
        _ => None,
    };
    of_pattern.filter(|(place, text, _)| *place == Place::Whole || !text.is_empty()).into_iter().collect()
}

/// Writes a text in small letters over what a buffer held.
pub(crate) fn lower_into(text: &str, buffer: &mut String) {
    buffer.clear();
    if text.is_ascii() {
        buffer.push_str(text);
        buffer.make_ascii_lowercase();
    } else {
        buffer.push_str(&text.to_lowercase());
    }
}

impl Scanner {
    /// A scanner for what the tests of one field need; up to `max_full` texts become a full automaton.
    ///
    /// # Errors
    /// If the texts are more than an automaton holds.
    pub(crate) fn new(needed: impl IntoIterator<Item = (Place, String, Found)>, max_full: usize) -> Result<Self, String> {
        let mut whole: FxHashMap<Box<str>, Vec<Found>> = FxHashMap::default();
        let mut numbers: FxHashMap<i64, Vec<Found>> = FxHashMap::default();
        let (mut anywhere, mut start, mut end) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (place, text, found) in needed {
            let texts: &mut BTreeMap<String, Vec<Found>> = match place {
                Place::Whole => {
                    if let Ok(number) = text.parse::<i64>()
                        && number.to_string() == text
                    {
                        numbers.entry(number).or_default().push(found);
                    }
                    whole.entry(text.into()).or_default().push(found);
                    continue;
                }
                Place::Anywhere => &mut anywhere,
                Place::Start => &mut start,
                Place::End => {
                    end.entry(text.bytes().rev().collect::<Vec<u8>>()).or_insert_with(Vec::new).push(found);
                    continue;
                }
            };
            texts.entry(text).or_default().push(found);
        }
        let longest = whole.keys().map(|text| text.len()).max().unwrap_or_default();
        let anywhere = Texts::new(anywhere, StartKind::Unanchored, max_full)?;
        let start = Texts::new(start, StartKind::Anchored, max_full)?;
        let end = Texts::new(end, StartKind::Anchored, max_full)?;
        Ok(Scanner { whole, longest, numbers, anywhere, start, end })
    }

    /// Tells each text that stands in a value.
    pub(crate) fn scan(&self, value: &Value<'_>, buffers: &mut Buffers, tell: &mut impl FnMut(Found)) {
        for one in value.each() {
            match one {
                Value::Text(text) => {
                    lower_into(text, &mut buffers.lower);
                    self.scan_text(&buffers.lower, &mut buffers.backwards, tell);
                }
                Value::Int(number) if self.looks_only_at_wholes() => {
                    self.numbers.get(number).into_iter().flatten().for_each(|found| tell(*found));
                }
                // A list in a list: of a path that goes through two.
                Value::List(_) => self.scan(one, buffers, tell),
                other => {
                    if let Some(text) = other.text() {
                        self.scan_text(&text, &mut buffers.backwards, tell);
                    }
                }
            }
        }
    }

    fn looks_only_at_wholes(&self) -> bool {
        [&self.anywhere, &self.start, &self.end].iter().all(|texts| texts.automaton.is_none())
    }

    fn scan_text(&self, text: &str, backwards: &mut Vec<u8>, tell: &mut impl FnMut(Found)) {
        if text.len() <= self.longest
            && let Some(found) = self.whole.get(text)
        {
            found.iter().for_each(|found| tell(*found));
        }
        self.anywhere.scan(text.as_bytes(), Anchored::No, tell);
        self.start.scan(text.as_bytes(), Anchored::Yes, tell);
        if self.end.automaton.is_some() {
            backwards.clear();
            backwards.extend(text.bytes().rev());
            self.end.scan(backwards, Anchored::Yes, tell);
        }
    }

    /// Memory that the automata take, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.anywhere.size() + self.start.size() + self.end.size()
    }
}
