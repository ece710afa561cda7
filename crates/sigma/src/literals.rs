//! Which texts a regular expression needs, so that a scanner can tell where it need not be tried.

use regex_syntax::{
    Parser,
    hir::{Class, Hir, HirKind},
};

/// Shorter texts stand nearly everywhere.
const SHORTEST: usize = 3;

/// More ways than this are not worth looking for.
const MOST: usize = 16;

/// Texts in small letters of which one must stand in the small letters of all that a regular expression matches; `None` if there are
/// none of use.
pub(crate) fn needed(expression: &str) -> Option<Vec<String>> {
    let parsed = Parser::new().parse(expression).ok()?;
    needed_by(&parsed).filter(|texts| texts.len() <= MOST)
}

fn needed_by(part: &Hir) -> Option<Vec<String>> {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(_) | HirKind::Class(_) => in_a_row(std::slice::from_ref(part)),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed_by(&repetition.sub),
        HirKind::Repetition(_) => None,
        HirKind::Capture(capture) => needed_by(&capture.sub),
        HirKind::Concat(parts) => in_a_row(parts),
        HirKind::Alternation(parts) => {
            let each: Option<Vec<Vec<String>>> = parts.iter().map(needed_by).collect();
            let mut texts: Vec<String> = each?.into_iter().flatten().collect();
            texts.sort();
            texts.dedup();
            Some(texts)
        }
    }
}

/// The best of what stands in a row: the longest text, or what a part of it needs if that is longer.
fn in_a_row(parts: &[Hir]) -> Option<Vec<String>> {
    let mut best: Option<Vec<String>> = None;
    let mut row = String::new();
    let mut offer = |texts: Vec<String>| {
        let is_better = best.as_ref().is_none_or(|best| shortest(best) < shortest(&texts));
        if shortest(&texts) >= SHORTEST && is_better {
            best = Some(texts);
        }
    };
    for part in parts {
        match part.kind() {
            // An anchor takes no room.
            HirKind::Look(_) | HirKind::Empty => {}
            HirKind::Literal(literal) if literal.0.is_ascii() => {
                row.extend(literal.0.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
            }
            HirKind::Literal(_) => offer(vec![std::mem::take(&mut row)]),
            HirKind::Class(class) => match one_letter(class) {
                Some(letter) => row.push(letter),
                None => offer(vec![std::mem::take(&mut row)]),
            },
            _ => {
                offer(vec![std::mem::take(&mut row)]);
                if let Some(texts) = needed_by(part) {
                    offer(texts);
                }
            }
        }
    }
    offer(vec![row]);
    best
}

fn shortest(texts: &[String]) -> usize {
    texts.iter().map(String::len).min().unwrap_or_default()
}

/// The ASCII letter that all members of a class become in small letters. The long s is a small letter itself, so a class of both has
/// none.
fn one_letter(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let mut letter = None;
    for range in class.iter() {
        if u32::from(range.end()) - u32::from(range.start()) > 1 {
            return None;
        }
        for member in range.start()..=range.end() {
            let mut small = member.to_lowercase();
            let (Some(own), None) = (small.next(), small.next()) else { return None };
            if !own.is_ascii() || letter.is_some_and(|letter| letter != own) {
                return None;
            }
            letter = Some(own);
        }
    }
    letter
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::needed;

    #[test]
    fn texts_are_those_that_must_be_there() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("abc", Some(&["abc"])),
            ("^ABC$", Some(&["abc"])),
            ("ab.cdef", Some(&["cdef"])),
            ("(?:abc|xyzw)+", Some(&["abc", "xyzw"])),
            ("(?:abc|x)", None),
            ("(?:abc)?", None),
            ("(?:abc)*defg", Some(&["defg"])),
            ("(?i)power[0-9]+", Some(&["power"])),
            // The long s is none of the ASCII letters, and is a small letter itself.
            ("(?i)abcsde", Some(&["abc"])),
            ("[0-9]{3}", None),
            ("a[Bb]c", Some(&["abc"])),
            (r"\\temp\\[a-z]+\.exe", Some(&[r"\temp\"])),
            ("äbcdef", None),
            ("(?:abc){2}", Some(&["abc"])),
        ];
        for (expression, wanted) in cases {
            let wanted: Option<Vec<String>> = wanted.map(|texts| texts.iter().map(|text| (*text).to_owned()).collect());
            assert_eq!(needed(expression), wanted, "{expression}");
        }
    }

    proptest! {
        #[test]
        fn what_matches_has_one_of_them(
            expression in "(\\(\\?i\\))?([abcs]{1,4}|[ab.]{1,3}|\\((abc|bca|cab)\\|(aab|abcs|S)\\)|[ab]\\?|\\(abc\\)[+*?]|\\[aA\\]bc){1,4}",
            text in "[abcsABCSſK]{0,24}",
        ) {
            let Ok(regex) = Regex::new(&expression) else { return Ok(()) };
            if let (true, Some(texts)) = (regex.is_match(&text), needed(&expression)) {
                let small = text.to_lowercase();
                prop_assert!(texts.iter().any(|needed| small.contains(needed)), "{expression} on {text}: {texts:?}");
            }
        }
    }
}
