//! JSON text read from front to back, by whoever wants a few of its values and skips the others.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Deepest nesting that is read; `serde_json` has 128.
const MAX_DEPTH: usize = 100;

/// Digits of the longest number that is read: no such number is out of range.
const MAX_DIGITS: usize = 40;

/// A one in every byte.
const ONES: u64 = u64::MAX / 255;

/// Where in a JSON text one stands.
///
/// Every method answers `None` where the text is no JSON, and where it is not quite sure (half a surrogate pair, an exponent): then
/// `serde_json` is to be asked, which knows better and says what is wrong and where. What it does take, `serde_json` takes too.
pub(crate) struct Scan<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

/// A text between its quotes; taking it out costs more than going over it.
#[derive(Clone, Copy)]
pub(crate) struct Quoted<'t> {
    text: &'t str,
    start: usize,
    end: usize,
    has_escapes: bool,
}

impl<'t> Scan<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The next byte that is no space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Whether nothing but spaces follows.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Goes over the members of an object; `each` gets their names and has to read or skip the values.
    pub(crate) fn members(&mut self, mut each: impl FnMut(&mut Self, Quoted<'t>) -> Option<()>) -> Option<()> {
        self.open(b'{')?;
        if self.peek()? == b'}' {
            return self.close();
        }
        loop {
            let name = self.quoted()?;
            self.take(b':')?;
            each(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return self.close(),
                _ => return None,
            }
        }
    }

    /// Goes over the elements of a list; `each` has to read or skip them.
    pub(crate) fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.open(b'[')?;
        if self.peek()? == b']' {
            return self.close();
        }
        loop {
            each(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => return self.close(),
                _ => return None,
            }
        }
    }

    /// Goes over a value that nobody asked for.
    pub(crate) fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.past_text().map(drop)
            }
            b'{' => self.members(|scan, _| scan.skip()),
            b'[' => self.elements(Self::skip),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(drop),
        }
    }

    /// A text.
    #[inline(always)]
    pub(crate) fn quoted(&mut self) -> Option<Quoted<'t>> {
        self.take(b'"')?;
        let start = self.at;
        let has_escapes = self.past_text()?;
        Some(Quoted { text: self.text, start, end: self.at - 1, has_escapes })
    }

    /// Goes on behind the quote that ends a text; whether there were escapes on the way.
    fn past_text(&mut self) -> Option<bool> {
        let bytes = self.text.as_bytes();
        let (mut at, mut has_escapes) = (self.at, false);
        loop {
            at += plain(bytes.get(at..)?);
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => {
                    at += escape(bytes.get(at..)?)?;
                    has_escapes = true;
                }
                _ => return None,
            }
        }
        self.at = at + 1;
        Some(has_escapes)
    }

    /// Any value.
    pub(crate) fn value(&mut self) -> Option<Value> {
        Some(match self.peek()? {
            b'"' => Value::String(self.quoted()?.text()?.into_owned()),
            b'{' => {
                let mut members = Map::new();
                self.members(|scan, name| {
                    let value = scan.value()?;
                    members.insert(name.text()?.into_owned(), value);
                    Some(())
                })?;
                Value::Object(members)
            }
            b'[' => {
                let mut elements = Vec::new();
                self.elements(|scan| {
                    elements.push(scan.value()?);
                    Some(())
                })?;
                Value::Array(elements)
            }
            b't' => self.word("true").map(|()| Value::Bool(true))?,
            b'f' => self.word("false").map(|()| Value::Bool(false))?,
            b'n' => self.null()?,
            _ => {
                let digits = self.number()?;
                // What has a sign or a point is rare, and not for us to round.
                let is_plain = digits.len() < 19 && digits.bytes().all(|byte| byte.is_ascii_digit());
                let whole = if is_plain { digits.parse().ok().map(|whole: u64| Value::Number(whole.into())) } else { None };
                whole.or_else(|| serde_json::from_str(digits).ok())?
            }
        })
    }

    /// `null`
    pub(crate) fn null(&mut self) -> Option<Value> {
        self.word("null").map(|()| Value::Null)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += word.len();
        rest.starts_with(word.as_bytes()).then_some(())
    }

    fn number(&mut self) -> Option<&'t str> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
        let whole = digits(bytes, &mut at)?;
        if whole > 1 && bytes.get(at - whole) == Some(&b'0') {
            return None;
        }
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            digits(bytes, &mut at)?;
        }
        self.at = at;
        let is_sure = at - start <= MAX_DIGITS && !matches!(bytes.get(at), Some(b'e' | b'E'));
        if is_sure { self.text.get(start..at) } else { None }
    }

    fn open(&mut self, bracket: u8) -> Option<()> {
        self.take(bracket)?;
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    fn close(&mut self) -> Option<()> {
        self.at += 1;
        self.depth -= 1;
        Some(())
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        let found = self.peek()?;
        self.at += 1;
        (found == wanted).then_some(())
    }
}

impl<'t> Quoted<'t> {
    /// As it stands, if it needs no look at escapes.
    #[inline]
    pub(crate) fn as_written(self) -> Option<&'t str> {
        if self.has_escapes { None } else { self.text.get(self.start..self.end) }
    }

    /// What it says.
    pub(crate) fn text(self) -> Option<Cow<'t, str>> {
        if self.has_escapes {
            // With its quotes.
            serde_json::from_str(self.text.get(self.start - 1..=self.end)?).ok().map(Cow::Owned)
        } else {
            self.as_written().map(Cow::Borrowed)
        }
    }
}

/// How many digits stand at a place, of which there is one at least.
fn digits(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let start = *at;
    while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
        *at += 1;
    }
    let found = *at - start;
    (found > 0).then_some(found)
}

/// How long the escape is that stands in front.
fn escape(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => {
            let digits = bytes.get(2..6)?;
            let is_half = matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
            (digits.iter().all(u8::is_ascii_hexdigit) && !is_half).then_some(6)
        }
        _ => None,
    }
}

/// How many bytes stand before the first quote, backslash or control character; eight are looked at in one go.
#[inline(always)]
fn plain(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let found = special(u64::from_le_bytes(*chunk));
        if found != 0 {
            return bytes.len() - rest.len() + (found.trailing_zeros() / 8) as usize;
        }
        rest = after;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\') || *byte < 0x20;
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// The high bit of the first byte that is a quote, a backslash or a control character; higher bits may be wrong.
#[inline]
fn special(word: u64) -> u64 {
    const HIGH: u64 = ONES << 7;
    let is_less = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let is_quote = is_less(word ^ (ONES * u64::from(b'"')), 1);
    is_quote | is_less(word ^ (ONES * u64::from(b'\\')), 1) | is_less(word, 0x20)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Value> {
        let mut scan = Scan::new(text);
        let value = scan.value()?;
        scan.end().map(|()| value)
    }

    fn skipped(text: &str) -> Option<()> {
        let mut scan = Scan::new(text);
        scan.skip()?;
        scan.end()
    }

    #[test]
    fn what_documents_are_made_of_is_read() {
        for text in [
            r#"{"a": [1, -2, 3.5, 0, -0.25, 18446744073709551615, true, false, null, {}, []], "b": {"c": "d"}, "a": 1}"#,
            "\t\r\n[ \"plain text that is longer than eight bytes \u{e9}\" , \"\" ] ",
            r#""\"\\\/\b\f\n\r\t\u00e9\u0027 and more""#,
        ] {
            assert_eq!(read(text), serde_json::from_str(text).ok(), "{text}");
            assert!(read(text).is_some() && skipped(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_not_sure_is_left_to_serde_json() {
        let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
        let long = "1".repeat(MAX_DIGITS + 1);
        for text in ["", " ", "1e5", "01", "-", "1.", ".5", "+1", r#""\ud83d\ude00""#, "\u{feff}1", deep.as_str(), long.as_str()]
        {
            assert_eq!((read(text), skipped(text)), (None, None), "{text}");
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\]{0,9}", inner, 0..4).prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_serde_json_takes(
            document in document(),
            is_pretty in any::<bool>(),
            (place, inserted, n_removed) in (any::<prop::sample::Index>(), r#"[-{}\[\],:"\\0-9a-fu \n\x01]{0,3}"#, 0..3_usize),
        ) {
            let whole = if is_pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
            let mut letters: Vec<char> = whole.chars().collect();
            let place = place.index(letters.len());
            let end = (place + n_removed).min(letters.len());
            letters.splice(place..end, inserted.chars());
            for text in [whole, letters.into_iter().collect()] {
                let known: Option<Value> = serde_json::from_str(&text).ok();
                if let Some(value) = read(&text) {
                    prop_assert_eq!(Some(value), known.clone(), "{}", &text);
                }
                prop_assert!(skipped(&text).is_none() || known.is_some(), "{}", text);
            }
        }
    }
}
