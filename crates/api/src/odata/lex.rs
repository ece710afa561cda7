//! The words of a filter, each with its place.

use serde_json::{Number, Value};

use super::FilterError;

/// A word of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    /// A name, an operator, `true`, `false` or `null`.
    Word(String),
    /// A text in quotes, a number, an instant.
    Literal(Value),
}

/// The words of a text, each with the place from 1 of its first character.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let mut tokens = Vec::new();
    let mut left = text.chars().enumerate().map(|(place, own)| (place + 1, own)).peekable();
    while let Some((at, first)) = left.next() {
        let token = match first {
            own if own.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '\'' => {
                let mut literal = String::new();
                loop {
                    match left.next() {
                        Some((_, '\'')) if left.next_if(|(_, next)| *next == '\'').is_some() => literal.push('\''),
                        Some((_, '\'')) => break,
                        Some((_, own)) => literal.push(own),
                        None => return Err(FilterError { at, message: "the text that begins here does not end".to_owned() }),
                    }
                }
                Token::Literal(Value::String(literal))
            }
            own => {
                let mut word = String::from(own);
                while let Some((_, next)) = left.next_if(|(_, next)| !next.is_whitespace() && !"(),'".contains(*next)) {
                    word.push(next);
                }
                of_word(at, word)?
            }
        };
        tokens.push((at, token));
    }
    Ok(tokens)
}

/// A name, a number or an instant.
fn of_word(at: usize, word: String) -> Result<Token, FilterError> {
    let digits = word.strip_prefix('-').unwrap_or(&word);
    if digits.starts_with(|first: char| first.is_ascii_digit()) {
        let number = word.parse::<i64>().ok().map(Number::from);
        let number = number.or_else(|| word.parse::<f64>().ok().and_then(Number::from_f64));
        let value = number.map(Value::Number);
        let value = value.or_else(|| skywarden_rule::instant(&word).map(|_| Value::String(word.clone())));
        let message = || format!("`{word}` is no number and no instant; a text stands in single quotes");
        return value.map(Token::Literal).ok_or_else(|| FilterError { at, message: message() });
    }
    // Azure's reference writes `policyType -eq 'Custom'` here and there.
    let name = word.strip_prefix('-').unwrap_or(&word);
    let is_name = name.starts_with(|first: char| first.is_alphabetic() || "@$_".contains(first))
        && name.chars().all(|own| own.is_alphanumeric() || "@$_./-[]".contains(own));
    if is_name { Ok(Token::Word(name.to_owned())) } else { Err(FilterError { at, message: format!("`{word}` is no name") }) }
}
