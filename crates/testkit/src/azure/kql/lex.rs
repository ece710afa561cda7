use super::Refusal;

/// A longer query is refused.
const MAX_QUERY: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Symbol(&'static str),
    End,
}

/// A token and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Longer ones first: the first that fits is taken.
const SYMBOLS: [&str; 18] = ["==", "=~", "!=", "!~", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "|", "*", "-"];

/// Words that are joined to another by a hyphen.
const HYPHENATED: [&str; 1] = ["project-away"];

pub(super) fn tokens(query: &str) -> Result<Vec<Placed>, Refusal> {
    let mut lexer = Lexer { letters: query.chars().collect(), at: 0, line: 1, column: 1 };
    if query.len() > MAX_QUERY {
        return Err(lexer.refusal(format!("the query is longer than {MAX_QUERY} bytes")));
    }
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let (line, column) = (lexer.line, lexer.column);
        let token = lexer.token()?;
        let is_end = token == Token::End;
        tokens.push(Placed { token, line, column });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer {
    letters: Vec<char>,
    at: usize,
    line: usize,
    column: usize,
}

impl Lexer {
    fn token(&mut self) -> Result<Token, Refusal> {
        let Some(letter) = self.peek(0) else { return Ok(Token::End) };
        match letter {
            '\'' | '"' => self.text(letter, Escapes::Read),
            '@' if matches!(self.peek(1), Some('\'' | '"')) => {
                self.step();
                let quote = self.peek(0).unwrap_or('"');
                self.text(quote, Escapes::None)
            }
            '0'..='9' => self.number(),
            _ if is_of_word(letter) => Ok(self.word()),
            // `!has`, `!in`, `!in~`...
            '!' if self.peek(1).is_some_and(|next| next.is_ascii_alphabetic()) => {
                self.step();
                let Token::Word(word) = self.word() else { return Err(self.refusal("a word was expected after `!`")) };
                Ok(Token::Word(format!("!{word}")))
            }
            _ => {
                let symbol = SYMBOLS.into_iter().find(|symbol| self.is_next(symbol));
                let symbol = symbol.ok_or_else(|| self.refusal(format!("`{letter}` was not expected")))?;
                symbol.chars().for_each(|_| self.step());
                Ok(Token::Symbol(symbol))
            }
        }
    }

    fn word(&mut self) -> Token {
        let hyphenated = HYPHENATED.into_iter().find(|word| self.is_next(word));
        let mut word = String::new();
        while let Some(letter) = self.peek(0) {
            if !is_of_word(letter) && hyphenated.is_none_or(|whole| word.len() >= whole.len()) {
                break;
            }
            word.push(letter);
            self.step();
        }
        if word == "in" && self.peek(0) == Some('~') {
            word.push('~');
            self.step();
        }
        Token::Word(word)
    }

    fn text(&mut self, quote: char, escapes: Escapes) -> Result<Token, Refusal> {
        let begin = self.refusal("the text that begins here has no end");
        self.step();
        let mut text = String::new();
        loop {
            let letter = self.peek(0).filter(|letter| *letter != '\n').ok_or(&begin);
            let Ok(letter) = letter else { return Err(begin) };
            self.step();
            match letter {
                _ if letter == quote => return Ok(Token::Text(text)),
                '\\' if escapes == Escapes::Read => {
                    let Some(escaped) = self.peek(0) else { return Err(begin) };
                    self.step();
                    text.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        other => other,
                    });
                }
                _ => text.push(letter),
            }
        }
    }

    fn number(&mut self) -> Result<Token, Refusal> {
        let mut digits = String::new();
        while let Some(letter) = self.peek(0).filter(|letter| letter.is_ascii_digit() || *letter == '.') {
            digits.push(letter);
            self.step();
        }
        digits.parse().map(Token::Number).map_err(|_| self.refusal(format!("`{digits}` is no number")))
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek(0) {
                Some(letter) if letter.is_whitespace() => self.step(),
                Some('/') if self.peek(1) == Some('/') => {
                    while self.peek(0).is_some_and(|letter| letter != '\n') {
                        self.step();
                    }
                }
                _ => return,
            }
        }
    }

    fn is_next(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(offset, letter)| self.peek(offset) == Some(letter))
    }

    fn peek(&self, offset: usize) -> Option<char> {
        self.letters.get(self.at + offset).copied()
    }

    fn step(&mut self) {
        match self.peek(0) {
            Some('\n') => (self.line, self.column) = (self.line + 1, 1),
            _ => self.column += 1,
        }
        self.at += 1;
    }

    fn refusal(&self, message: impl Into<String>) -> Refusal {
        let token = self.peek(0).map(String::from).unwrap_or_default();
        Refusal { message: message.into(), token, line: self.line, column: self.column }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Read,
    None,
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}
