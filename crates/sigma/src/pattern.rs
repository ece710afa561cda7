use rsigma_parser::{SigmaString, SpecialChar, StringPart};

/// Where a text is looked for in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Whole,
    Start,
    End,
    Anywhere,
}

/// A text to look for, with or without wildcards.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Pattern {
    /// Any text at all.
    Any,
    /// A text at a place.
    Literal(Place, String),
    /// `*` and `?` between texts.
    Glob(Vec<Piece>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    Literal(String),
    /// `*`: any number of characters.
    Many,
    /// `?`: one character.
    One,
}

impl Pattern {
    /// What a Sigma text stands for at a place.
    pub(crate) fn new(text: &SigmaString, place: Place) -> Self {
        let pieces = text.parts.iter().map(|part| match part {
            StringPart::Plain(text) => Piece::Literal(text.clone()),
            StringPart::Special(SpecialChar::WildcardMulti) => Piece::Many,
            StringPart::Special(SpecialChar::WildcardSingle) => Piece::One,
        });
        Self::of(pieces, place)
    }

    /// A text in which nothing is a wildcard.
    pub(crate) fn literal(text: impl Into<String>, place: Place) -> Self {
        Self::of([Piece::Literal(text.into())], place)
    }

    fn of(pieces: impl IntoIterator<Item = Piece>, place: Place) -> Self {
        let mut all = Vec::new();
        if matches!(place, Place::End | Place::Anywhere) {
            all.push(Piece::Many);
        }
        all.extend(pieces);
        if matches!(place, Place::Start | Place::Anywhere) {
            all.push(Piece::Many);
        }
        let mut merged: Vec<Piece> = Vec::new();
        for piece in all {
            match (merged.last_mut(), piece) {
                (_, Piece::Literal(text)) if text.is_empty() => {}
                (Some(Piece::Literal(held)), Piece::Literal(text)) => held.push_str(&text),
                (Some(Piece::Many), Piece::Many) => {}
                (_, piece) => merged.push(piece),
            }
        }
        match merged.as_slice() {
            [] => Pattern::Literal(Place::Whole, String::new()),
            [Piece::Many] => Pattern::Any,
            [Piece::Literal(text)] => Pattern::Literal(Place::Whole, text.clone()),
            [Piece::Literal(text), Piece::Many] => Pattern::Literal(Place::Start, text.clone()),
            [Piece::Many, Piece::Literal(text)] => Pattern::Literal(Place::End, text.clone()),
            [Piece::Many, Piece::Literal(text), Piece::Many] => Pattern::Literal(Place::Anywhere, text.clone()),
            _ => Pattern::Glob(merged),
        }
    }

    /// The same in small letters.
    pub(crate) fn lowered(self) -> Self {
        match self {
            Pattern::Any => Pattern::Any,
            Pattern::Literal(place, text) => Pattern::Literal(place, text.to_lowercase()),
            Pattern::Glob(pieces) => Pattern::Glob(
                pieces
                    .into_iter()
                    .map(|piece| match piece {
                        Piece::Literal(text) => Piece::Literal(text.to_lowercase()),
                        other => other,
                    })
                    .collect(),
            ),
        }
    }

    /// The longest text that any value must hold that matches, and where; `None` if there is none.
    pub(crate) fn needs(&self) -> Option<(Place, &str)> {
        match self {
            Pattern::Any => None,
            Pattern::Literal(place, text) => Some((*place, text)),
            Pattern::Glob(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Literal(text) => Some(text.as_str()),
                    _ => None,
                })
                .max_by_key(|text| text.len())
                .map(|text| (Place::Anywhere, text)),
        }
    }

    /// Whether a text matches; letters are compared as they are.
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Literal(Place::Whole, literal) => text == literal,
            Pattern::Literal(Place::Start, literal) => text.starts_with(literal.as_str()),
            Pattern::Literal(Place::End, literal) => text.ends_with(literal.as_str()),
            Pattern::Literal(Place::Anywhere, literal) => text.contains(literal.as_str()),
            Pattern::Glob(pieces) => glob(pieces, text),
        }
    }
}

/// Matches pieces against a text, going back only to the last `*`: at most length times pieces steps.
fn glob(pieces: &[Piece], text: &str) -> bool {
    let (mut at, mut rest) = (0, text);
    let mut retry: Option<(usize, &str)> = None;
    loop {
        let stepped = match pieces.get(at) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Piece::Many) => {
                retry = Some((at, rest));
                Some(rest)
            }
            Some(Piece::One) => {
                let mut characters = rest.chars();
                characters.next().map(|_| characters.as_str())
            }
            Some(Piece::Literal(literal)) => rest.strip_prefix(literal.as_str()),
        };
        if let Some(left) = stepped {
            rest = left;
            at += 1;
            continue;
        }
        let Some((star, from)) = retry else { return false };
        let mut characters = from.chars();
        if characters.next().is_none() {
            return false;
        }
        rest = characters.as_str();
        retry = Some((star, rest));
        at = star + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rsigma_parser::SigmaString;

    use super::{Pattern, Place};

    fn pattern(text: &str, place: Place) -> Pattern {
        Pattern::new(&SigmaString::new(text), place)
    }

    #[test]
    fn wildcards_stand_for_what_sigma_says() {
        for (glob, text, matches) in [
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*x*y*", "1x2y3", true),
            ("*x*y*", "1y2x3", false),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            ("a*", "a", true),
            ("?", "ü", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(pattern(glob, Place::Whole).matches(text), matches, "{glob} on {text}");
        }
    }

    #[test]
    fn what_stands_at_an_end_is_no_glob() {
        assert_eq!(pattern("a*", Place::Whole), Pattern::Literal(Place::Start, "a".to_owned()));
        assert_eq!(pattern("a*", Place::Anywhere), Pattern::Literal(Place::Anywhere, "a".to_owned()));
        assert_eq!(pattern("**", Place::Whole), Pattern::Any);
    }

    proptest! {
        #[test]
        fn globs_agree_with_regular_expressions(glob in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let expression = format!("(?s)^{}$", glob.replace('*', ".*").replace('?', "."));
            let expected = regex::Regex::new(&expression).unwrap().is_match(&text);
            prop_assert_eq!(pattern(&glob, Place::Whole).matches(&text), expected);
        }

        #[test]
        fn what_a_pattern_needs_is_in_all_that_it_matches(glob in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let pattern = pattern(&glob, Place::Whole);
            if let Some((_, needed)) = pattern.needs() && pattern.matches(&text) {
                prop_assert!(text.contains(needed));
            }
        }
    }
}
