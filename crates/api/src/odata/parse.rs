//! From words to a filter.

use serde_json::Value;

use super::{
    COMPARISONS, Filter, FilterError, MAX_DEPTH, MAX_LENGTH, TESTS,
    lex::{Token, tokens},
};

/// Reads a filter.
pub(super) fn filter(text: &str) -> Result<Filter, FilterError> {
    if text.len() > MAX_LENGTH {
        return Err(FilterError { at: 1, message: format!("it is longer than {MAX_LENGTH} bytes") });
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.chars().count() + 1 };
    let found = parser.any(0)?;
    match parser.peek() {
        None => Ok(found),
        Some(_) => Err(parser.error("`and`, `or` or the end is expected")),
    }
}

/// Words that are values.
const CONSTANTS: [&str; 3] = ["true", "false", "null"];

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    /// The place behind the last character.
    end: usize,
}

impl Parser {
    fn any(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut parts = vec![self.all(depth)?];
        while self.takes("or") {
            parts.push(self.all(depth)?);
        }
        Ok(single(parts, Filter::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut parts = vec![self.condition(depth)?];
        while self.takes("and") {
            parts.push(self.condition(depth)?);
        }
        Ok(single(parts, Filter::All))
    }

    fn condition(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth > MAX_DEPTH {
            return Err(self.error(&format!("parentheses and `not` lie at most {MAX_DEPTH} deep")));
        }
        if self.takes("not") {
            return Ok(Filter::Not(Box::new(self.condition(depth + 1)?)));
        }
        if self.takes_token(&Token::Open) {
            let found = self.any(depth + 1)?;
            self.expect(&Token::Close, "`)` is expected")?;
            return Ok(found);
        }
        let name = self.word("a field, a function, `not` or `(` is expected")?;
        if self.takes_token(&Token::Open) {
            return self.function(name);
        }
        if self.takes("in") {
            return self.list(name);
        }
        let comparison = self.peek_word().and_then(|word| COMPARISONS.iter().find(|(own, _)| own.eq_ignore_ascii_case(word)));
        let Some((_, comparison)) = comparison else {
            return Err(self.error("`eq`, `ne`, `lt`, `le`, `gt`, `ge` or `in` is expected"));
        };
        self.next += 1;
        Ok(Filter::Compare(name, *comparison, self.value()?))
    }

    /// What stands behind `NAME(`.
    fn function(&mut self, name: String) -> Result<Filter, FilterError> {
        if self.takes_token(&Token::Close) {
            return Ok(Filter::Says(name));
        }
        let Some((_, test)) = TESTS.iter().find(|(own, _)| own.eq_ignore_ascii_case(&name)) else {
            return Err(self.error(&format!("`{name}` takes nothing, or is not known; `contains`, `startswith`, `endswith` are")));
        };
        let field = self.word("the name of a field is expected")?;
        self.expect(&Token::Comma, "`,` is expected")?;
        let Value::String(text) = self.value()? else {
            return Err(self.error("a text in single quotes is expected before this"));
        };
        self.expect(&Token::Close, "`)` is expected")?;
        Ok(Filter::Text(*test, field, text))
    }

    fn list(&mut self, field: String) -> Result<Filter, FilterError> {
        self.expect(&Token::Open, "`(` is expected")?;
        let mut values = vec![self.element()?];
        while self.takes_token(&Token::Comma) {
            values.push(self.element()?);
        }
        self.expect(&Token::Close, "`,` or `)` is expected")?;
        Ok(Filter::In(field, values))
    }

    /// A value in a list. Azure's reference writes names there without quotes: `name in (VirtualMachines, Containers)`.
    fn element(&mut self) -> Result<Value, FilterError> {
        let bare = self.peek_word().filter(|word| !CONSTANTS.iter().any(|own| own.eq_ignore_ascii_case(word)));
        match bare.map(str::to_owned) {
            Some(word) => {
                self.next += 1;
                Ok(Value::String(word))
            }
            None => self.value(),
        }
    }

    fn value(&mut self) -> Result<Value, FilterError> {
        let found = match self.peek() {
            Some(Token::Literal(value)) => Some(value.clone()),
            Some(Token::Word(word)) => match word.to_ascii_lowercase().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                "null" => Some(Value::Null),
                _ => None,
            },
            _ => None,
        };
        let found = found
            .ok_or_else(|| self.error("a value is expected: a text in single quotes, a number, `true`, `false` or `null`"))?;
        self.next += 1;
        Ok(found)
    }

    fn word(&mut self, expected: &str) -> Result<String, FilterError> {
        let word = self.peek_word().map(str::to_owned).ok_or_else(|| self.error(expected))?;
        self.next += 1;
        Ok(word)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn peek_word(&self) -> Option<&str> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// Goes past a word that is next.
    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.peek_word().is_some_and(|own| own.eq_ignore_ascii_case(word));
        self.next += usize::from(is_next);
        is_next
    }

    fn takes_token(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        self.next += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, token: &Token, message: &str) -> Result<(), FilterError> {
        if self.takes_token(token) { Ok(()) } else { Err(self.error(message)) }
    }

    fn error(&self, message: &str) -> FilterError {
        let at = self.tokens.get(self.next).map_or(self.end, |(at, _)| *at);
        FilterError { at, message: message.to_owned() }
    }
}

fn single(mut parts: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            several(parts)
        }
        None => several(parts),
    }
}
