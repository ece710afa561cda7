//! Conditions of assignments and roles. They are not evaluated; but where a condition speaks of certain actions alone, it stands
//! in no other's way.

use serde_json::Value;

use super::action::{Pattern, Right};

/// The text of a condition, with the actions of which alone it speaks.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    text: String,
    /// `None`: it may speak of any.
    about: Option<Vec<Pattern>>,
}

impl Condition {
    /// `None` where there is none.
    pub(crate) fn of(value: Option<&Value>) -> Option<Self> {
        let text = value?.as_str()?.trim();
        (!text.is_empty()).then(|| Self { text: text.to_owned(), about: about(text) })
    }

    pub(crate) fn is_silent_about(&self, right: &Right) -> bool {
        self.about.as_ref().is_some_and(|about| !about.iter().any(|pattern| pattern.matches(right.action())))
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// The actions of which a condition alone speaks: each of the clauses that must hold together begins by letting every other pass
/// (`(!(ActionMatches{'X'})) OR ...`).
fn about(text: &str) -> Option<Vec<Pattern>> {
    let clauses = split(text, "AND")?;
    clauses.into_iter().map(|clause| split(clause, "OR")?.into_iter().find_map(guarded)).collect()
}

/// The action of `!(ActionMatches{'X'})` or `!(ActionMatches{'X'} AND ...)`, in whatever parentheses.
fn guarded(text: &str) -> Option<Pattern> {
    let inner = bare(text)?.strip_prefix('!')?.trim();
    inner.starts_with('(').then(|| split(inner, "AND"))??.into_iter().find_map(named)
}

/// The action of `ActionMatches{'X'}`.
fn named(text: &str) -> Option<Pattern> {
    let action = bare(text)?.strip_prefix("ActionMatches")?.trim().strip_prefix('{')?.strip_suffix('}')?;
    let action = action.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    (!action.contains(['\'', ','])).then(|| Pattern::new(action))
}

/// The parts between a word that stands outside of all parentheses; `None` if those are not paired.
fn split<'t>(text: &'t str, word: &str) -> Option<Vec<&'t str>> {
    let text = bare(text)?;
    let mut parts = Vec::new();
    let (mut depth, mut is_quoted, mut start) = (0_usize, false, 0);
    for (place, character) in text.char_indices() {
        match character {
            '\'' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth = depth.checked_sub(1)?,
            _ if depth == 0 && stands_at(text, place, word) => {
                parts.push(text.get(start..place)?);
                start = place + word.len();
            }
            // Other ways to write the same, of which the meaning is not told apart here.
            '&' | '|' if depth == 0 => return None,
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    (depth == 0 && !is_quoted).then_some(parts)
}

fn stands_at(text: &str, place: usize, word: &str) -> bool {
    let is_letter = |character: char| character.is_alphanumeric() || character == '_';
    let before = text.get(..place).unwrap_or_default();
    let Some(rest) = text.get(place..).filter(|rest| rest.get(..word.len()).is_some_and(|own| own.eq_ignore_ascii_case(word)))
    else {
        return false;
    };
    !before.ends_with(is_letter) && !rest.get(word.len()..).unwrap_or_default().starts_with(is_letter)
}

/// Without the parentheses around all of it; `None` if they are not paired.
fn bare(text: &str) -> Option<&str> {
    let mut text = text.trim();
    'outer: while let Some(inner) = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        let mut depth = 0_usize;
        for character in inner.chars() {
            match character {
                '(' => depth += 1,
                // The first parenthesis is closed before the end: `(a) OR (b)`.
                ')' if depth == 0 => break 'outer,
                ')' => depth -= 1,
                _ => {}
            }
        }
        if depth > 0 {
            return None;
        }
        text = inner.trim();
    }
    Some(text)
}
