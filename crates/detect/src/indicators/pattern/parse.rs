use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use super::{BadPattern, Comparison, Constant, MAX_DEPTH, MAX_PATTERN, ObjectPath, Operator, PathStep, Pattern, Qualifier, Test};

/// Operators of two letters stand before those that begin alike.
const SIGNS: &[(&str, Operator)] = &[
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    ("<", Operator::Less),
    (">=", Operator::GreaterOrEqual),
    (">", Operator::Greater),
];

const WORDS: &[(&str, Operator)] = &[
    ("LIKE", Operator::Like),
    ("MATCHES", Operator::Matches),
    ("ISSUBSET", Operator::IsSubset),
    ("ISSUPERSET", Operator::IsSuperset),
];

type Parsed<T> = Result<T, BadPattern>;

/// What is left of a text, and how deep the parser is in parentheses.
struct Parser<'t> {
    whole: &'t str,
    rest: &'t str,
    depth: usize,
}

/// Parses a pattern.
pub(super) fn pattern(text: &str) -> Parsed<Pattern> {
    let mut parser = Parser { whole: text, rest: text, depth: 0 };
    if text.len() > MAX_PATTERN {
        return parser.wrong(format!("it is longer than {} KiB", MAX_PATTERN >> 10));
    }
    let pattern = parser.in_order()?;
    parser.skip_blanks();
    if parser.rest.is_empty() { Ok(pattern) } else { parser.wrong("here it should end") }
}

impl<'t> Parser<'t> {
    fn in_order(&mut self) -> Parsed<Pattern> {
        self.several("FOLLOWEDBY", Self::any_pattern, Pattern::InOrder)
    }

    fn any_pattern(&mut self) -> Parsed<Pattern> {
        self.several("OR", Self::all_patterns, Pattern::Any)
    }

    fn all_patterns(&mut self) -> Parsed<Pattern> {
        self.several("AND", Self::qualified, Pattern::All)
    }

    fn qualified(&mut self) -> Parsed<Pattern> {
        let pattern = if self.take_sign("[") {
            let comparison = self.any_comparison()?;
            self.want_sign("]")?;
            Pattern::Observed(comparison)
        } else if self.take_sign("(") {
            self.inside(Self::in_order)?
        } else {
            return self.wrong("`[` or `(` is missing");
        };
        let mut qualifiers = Vec::new();
        while let Some(qualifier) = self.qualifier()? {
            qualifiers.push(qualifier);
        }
        Ok(if qualifiers.is_empty() { pattern } else { Pattern::Qualified(Box::new(pattern), qualifiers) })
    }

    fn qualifier(&mut self) -> Parsed<Option<Qualifier>> {
        if self.take_word("WITHIN") {
            let seconds = match self.number()? {
                Some(Constant::Integer(number)) if number > 0 => number.to_string().parse().ok(),
                Some(Constant::Float(number)) if number > 0.0 => Some(number),
                _ => None,
            };
            let Some(seconds) = seconds else { return self.wrong("a positive number of seconds is missing") };
            self.want_word("SECONDS")?;
            return Ok(Some(Qualifier::Within(seconds)));
        }
        if self.take_word("REPEATS") {
            let Some(Constant::Integer(times @ 1..)) = self.number()? else {
                return self.wrong("a positive whole number is missing");
            };
            self.want_word("TIMES")?;
            return Ok(Some(Qualifier::Repeats(times)));
        }
        if self.take_word("START") {
            let start = self.time()?;
            self.want_word("STOP")?;
            return Ok(Some(Qualifier::Between(start, self.time()?)));
        }
        Ok(None)
    }

    fn any_comparison(&mut self) -> Parsed<Comparison> {
        self.several("OR", Self::all_comparisons, Comparison::Any)
    }

    fn all_comparisons(&mut self) -> Parsed<Comparison> {
        self.several("AND", Self::comparison, Comparison::All)
    }

    fn comparison(&mut self) -> Parsed<Comparison> {
        if self.take_sign("(") {
            return self.inside(Self::any_comparison);
        }
        let before = self.rest;
        let is_negated = self.take_word("NOT");
        if self.take_word("EXISTS") {
            return Ok(Comparison::Test(Test::Exists { path: self.path()?, is_negated }));
        }
        if is_negated {
            self.rest = before;
            return self.wrong("`NOT` stands behind a path or before `EXISTS`");
        }
        self.test().map(Comparison::Test)
    }

    fn test(&mut self) -> Parsed<Test> {
        let path = self.path()?;
        let is_negated = self.take_word("NOT");
        if self.take_word("IN") {
            return Ok(Test::In { path, is_negated, set: self.set()? });
        }
        if let Some((_, operator)) = SIGNS.iter().find(|(sign, _)| self.take_sign(sign)) {
            let before = self.rest;
            let constant = self.constant()?;
            let has_order = !matches!(operator, Operator::Equal | Operator::NotEqual);
            if has_order && matches!(constant, Constant::Bool(_)) {
                self.rest = before;
                return self.wrong("`true` and `false` have no order");
            }
            return Ok(Test::Compare { path, is_negated, operator: *operator, constant });
        }
        if let Some((_, operator)) = WORDS.iter().find(|(word, _)| self.take_word(word)) {
            self.skip_blanks();
            let constant = Constant::Text(self.text()?);
            return Ok(Test::Compare { path, is_negated, operator: *operator, constant });
        }
        self.wrong("an operator is missing")
    }

    fn set(&mut self) -> Parsed<Vec<Constant>> {
        self.want_sign("(")?;
        let mut set = Vec::new();
        if self.take_sign(")") {
            return Ok(set);
        }
        loop {
            set.push(self.constant()?);
            if self.take_sign(")") {
                return Ok(set);
            }
            self.want_sign(",")?;
        }
    }

    fn path(&mut self) -> Parsed<ObjectPath> {
        self.skip_blanks();
        let object = self.identifier()?;
        self.want_sign(":")?;
        self.skip_blanks();
        let mut steps = vec![PathStep::Key(self.key()?)];
        loop {
            if self.take_sign(".") {
                self.skip_blanks();
                steps.push(PathStep::Key(self.key()?));
            } else if self.take_sign("[") {
                let step = if self.take_sign("*") {
                    PathStep::Any
                } else {
                    let Some(Constant::Integer(number)) = self.number()? else {
                        return self.wrong("the number of an element or `*` is missing");
                    };
                    PathStep::Index(number)
                };
                self.want_sign("]")?;
                steps.push(step);
            } else {
                return Ok(ObjectPath { object, steps });
            }
        }
    }

    fn key(&mut self) -> Parsed<String> {
        if self.rest.starts_with('\'') { self.text() } else { self.identifier() }
    }

    /// The grammar wants quotes around a key with a hyphen; many write `hashes.SHA-256`, which can mean nothing else.
    fn identifier(&mut self) -> Parsed<String> {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        let end = self.rest.find(|letter: char| !is_part(letter)).unwrap_or(self.rest.len());
        match self.rest.split_at_checked(end) {
            Some((name, rest)) if name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') => {
                self.rest = rest;
                Ok(name.to_owned())
            }
            _ => self.wrong("a name is missing"),
        }
    }

    fn constant(&mut self) -> Parsed<Constant> {
        self.skip_blanks();
        let rest = self.rest;
        if rest.starts_with('\'') {
            return self.text().map(Constant::Text);
        }
        if let Some(rest) = rest.strip_prefix("h'") {
            return self.coded(rest, hex).map(Constant::Hex);
        }
        if let Some(rest) = rest.strip_prefix("b'") {
            return self.coded(rest, |text| STANDARD.decode(text).ok()).map(Constant::Binary);
        }
        if rest.starts_with("t'") {
            return self.time().map(Constant::Time);
        }
        if self.take_word("true") {
            return Ok(Constant::Bool(true));
        }
        if self.take_word("false") {
            return Ok(Constant::Bool(false));
        }
        match self.number()? {
            Some(number) => Ok(number),
            None => self.wrong("a constant is missing"),
        }
    }

    /// A text in quotes. The grammar allows a backslash only before a quote or another one; before anything else it stands for
    /// itself here, since paths of Windows are often written so.
    fn text(&mut self) -> Parsed<String> {
        let Some(inner) = self.rest.strip_prefix('\'') else { return self.wrong("a text in quotes is missing") };
        let mut text = String::new();
        let mut letters = inner.char_indices().peekable();
        while let Some((place, letter)) = letters.next() {
            match letter {
                '\'' => {
                    self.rest = inner.get(place + 1..).unwrap_or_default();
                    return Ok(text);
                }
                '\\' => match letters.next_if(|(_, next)| matches!(next, '\'' | '\\')) {
                    Some((_, escaped)) => text.push(escaped),
                    None => text.push('\\'),
                },
                other => text.push(other),
            }
        }
        self.wrong("a quote has no end")
    }

    fn time(&mut self) -> Parsed<Timestamp> {
        self.skip_blanks();
        let Some(rest) = self.rest.strip_prefix("t'") else { return self.wrong("a time `t'...'` is missing") };
        self.coded(rest, |text| if text.ends_with('Z') { text.parse().ok() } else { None })
    }

    /// What stands in quotes, of which `rest` is what follows the first.
    fn coded<T>(&mut self, rest: &'t str, read: impl Fn(&str) -> Option<T>) -> Parsed<T> {
        let Some((inner, rest)) = rest.split_once('\'') else { return self.wrong("a quote has no end") };
        let Some(value) = read(inner) else { return self.wrong("this constant can't be read") };
        self.rest = rest;
        Ok(value)
    }

    fn number(&mut self) -> Parsed<Option<Constant>> {
        self.skip_blanks();
        let unsigned = self.rest.strip_prefix(['+', '-']).unwrap_or(self.rest);
        let end = unsigned.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(unsigned.len());
        let length = self.rest.len() - unsigned.len() + end;
        let Some((text, rest)) = self.rest.split_at_checked(length).filter(|_| end > 0) else { return Ok(None) };
        let number = if text.contains('.') {
            // `1.` has no digit behind its point and is no number.
            let number = text.parse().ok().filter(|number: &f64| number.is_finite() && !text.ends_with('.'));
            number.map(Constant::Float)
        } else {
            text.parse().ok().map(Constant::Integer)
        };
        let Some(number) = number else { return self.wrong("this number can't be read") };
        self.rest = rest;
        Ok(Some(number))
    }

    /// One, or several with a word between.
    fn several<T>(&mut self, word: &str, one: impl Fn(&mut Self) -> Parsed<T>, several: impl FnOnce(Vec<T>) -> T) -> Parsed<T> {
        let first = one(self)?;
        if !self.take_word(word) {
            return Ok(first);
        }
        let mut all = vec![first, one(self)?];
        while self.take_word(word) {
            all.push(one(self)?);
        }
        Ok(several(all))
    }

    /// What stands in parentheses, of which the first is taken.
    fn inside<T>(&mut self, inner: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return self.wrong("parentheses go too deep");
        }
        self.depth += 1;
        let value = inner(self)?;
        self.depth -= 1;
        self.want_sign(")")?;
        Ok(value)
    }

    fn want_word(&mut self, word: &str) -> Parsed<()> {
        if self.take_word(word) { Ok(()) } else { self.wrong(format!("`{word}` is missing")) }
    }

    /// Takes a word, in small letters too, if it is the next and no part of a longer one or of a path.
    fn take_word(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let Some((start, rest)) = self.rest.split_at_checked(word.len()) else { return false };
        let goes_on = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | ':');
        if !start.eq_ignore_ascii_case(word) || rest.starts_with(goes_on) {
            return false;
        }
        self.rest = rest;
        true
    }

    fn want_sign(&mut self, sign: &str) -> Parsed<()> {
        if self.take_sign(sign) { Ok(()) } else { self.wrong(format!("`{sign}` is missing")) }
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        self.skip_blanks();
        let Some(rest) = self.rest.strip_prefix(sign) else { return false };
        self.rest = rest;
        true
    }

    /// Skips blanks and comments. A comment without an end stays and is told as what is no part of the pattern.
    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let behind = if let Some(comment) = self.rest.strip_prefix("//") {
                Some(comment.split_once('\n').map_or("", |(_, behind)| behind))
            } else {
                self.rest.strip_prefix("/*").and_then(|comment| comment.split_once("*/")).map(|(_, behind)| behind)
            };
            match behind {
                Some(behind) => self.rest = behind,
                None => return,
            }
        }
    }

    fn wrong<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let before = self.whole.len().checked_sub(self.rest.len()).and_then(|end| self.whole.get(..end));
        Err(BadPattern { at: before.map_or(0, |before| before.chars().count()) + 1, message: message.into() })
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16)).map(|digit| u8::try_from(digit?).ok()).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    Some(pairs.filter_map(|pair| Some(pair.first()? << 4 | pair.last()?)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_grammar_is_parsed() {
        for (text, printed) in [
            ("[a:b='x']", "[a:b = 'x']"),
            ("[ipv4-addr:value == '1.2.3.4' OR a:b <> 1]", "[ipv4-addr:value = '1.2.3.4' OR a:b != 1]"),
            ("[a:b = 1 and a:c = 2 or a:d = 3]", "[(a:b = 1 AND a:c = 2) OR a:d = 3]"),
            ("[a:b = 1 AND (a:c = 2 OR a:d = 3)]", "[a:b = 1 AND (a:c = 2 OR a:d = 3)]"),
            ("[file:hashes.'SHA-256' = 'ab']", "[file:hashes.'SHA-256' = 'ab']"),
            ("[file:hashes.SHA-256 = 'ab']", "[file:hashes.'SHA-256' = 'ab']"),
            ("[a:b[*].c[0].d[-1] NOT IN ('x', 1, -2, 0.5, true)]", "[a:b[*].c[0].d[-1] NOT IN ('x', 1, -2, 0.5, true)]"),
            ("[a:b IN ()]", "[a:b IN ()]"),
            ("[a:b LIKE '%x_' AND a:c NOT MATCHES '^\\\\d+$']", "[a:b LIKE '%x_' AND a:c NOT MATCHES '^\\\\d+$']"),
            (
                "[a:b ISSUBSET '10.0.0.0/8' OR a:b ISSUPERSET '10.0.0.0/8']",
                "[a:b ISSUBSET '10.0.0.0/8' OR a:b ISSUPERSET '10.0.0.0/8']",
            ),
            ("[NOT EXISTS a:b OR EXISTS exists:value]", "[NOT EXISTS a:b OR EXISTS exists:value]"),
            (
                "[a:b = h'0aFF' OR a:b = b'YWI=' OR a:b >= t'2026-01-02T03:04:05.5Z']",
                "[a:b = h'0aff' OR a:b = b'YWI=' OR a:b >= t'2026-01-02T03:04:05.5Z']",
            ),
            ("[a:b = 'it\\'s a \\\\ C:\\x']", "[a:b = 'it\\'s a \\\\ C:\\\\x']"),
            ("[a:b < .5 /* and */ OR a:b > +3] // end", "[a:b < 0.5 OR a:b > 3]"),
            (
                "[a:b = 1] AND [a:b = 2] OR [a:b = 3] FOLLOWEDBY [a:b = 4]",
                "(([a:b = 1] AND [a:b = 2]) OR [a:b = 3]) FOLLOWEDBY [a:b = 4]",
            ),
            (
                "([a:b = 1] FOLLOWEDBY [a:b = 2]) WITHIN 1.5 SECONDS REPEATS 5 TIMES",
                "([a:b = 1] FOLLOWEDBY [a:b = 2]) WITHIN 1.5 SECONDS REPEATS 5 TIMES",
            ),
            (
                "[a:b = 1] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'",
                "[a:b = 1] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'",
            ),
            ("[and:or.in = 1]", "[and:or.in = 1]"),
        ] {
            let parsed = Pattern::parse(text).map(|pattern| pattern.to_string());
            assert_eq!(parsed.as_deref(), Ok(printed), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_with_its_place() {
        for (text, at, part) in [
            ("", 1, "missing"),
            ("[a:b = 1", 9, "`]`"),
            ("[a:b = 1]]", 10, "should end"),
            ("[a:b 1]", 6, "operator"),
            ("[a = 1]", 4, "`:`"),
            ("[é:b = 1]", 2, "name"),
            ("[a:é = 1]", 4, "name"),
            ("[a:b = 'ü]", 8, "no end"),
            ("[a:b = h'0']", 8, "can't be read"),
            ("[a:b = b'*']", 8, "can't be read"),
            ("[a:b = t'2026']", 8, "can't be read"),
            ("[a:b > true]", 7, "order"),
            ("[a:b LIKE 5]", 11, "quotes"),
            ("[NOT a:b = 1]", 2, "`NOT`"),
            ("[a:b = 99999999999999999999]", 8, "number"),
            ("[a:b = 1.]", 8, "number"),
            ("[a:b = 1] WITHIN 0 SECONDS", 19, "positive"),
            ("[a:b = 1] REPEATS 1.5 TIMES", 22, "whole"),
            ("[a:b = 1] START t'2026-01-01T00:00:00Z'", 40, "`STOP`"),
            ("[a:b IN (1 2)]", 12, "`,`"),
            ("[a:b[x] = 1]", 6, "element"),
            ("[a:b = 1] /* no end", 11, "should end"),
        ] {
            let bad = Pattern::parse(text).unwrap_err();
            assert!(bad.at == at && bad.message.contains(part), "{text}: {bad}");
        }
    }

    #[test]
    fn depth_and_length_have_limits() {
        let nested = |depth: usize| format!("{}[a:b = 1]{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Pattern::parse(&nested(MAX_DEPTH)).is_ok());
        assert!(Pattern::parse(&nested(MAX_DEPTH + 1)).unwrap_err().message.contains("too deep"));
        assert!(Pattern::parse(&format!("[{}", "(".repeat(100_000))).is_err());
        assert!(Pattern::parse(&format!("[a:b = '{}']", "x".repeat(MAX_PATTERN))).unwrap_err().message.contains("longer"));
        let many = format!("[a:b = 1]{}", " REPEATS 1 TIMES".repeat(50_000));
        assert!(Pattern::parse(&many).is_ok());
    }
}
