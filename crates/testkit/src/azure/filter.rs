use serde_json::Value;

/// A `$filter` of OData: comparisons and calls joined by `and`, `or` and brackets.
pub(crate) enum Filter {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Compare {
        field: String,
        operator: Operator,
        value: String,
    },
    /// A function with its arguments as they are written, such as `atScope()`.
    Call {
        name: String,
        arguments: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Brackets go at most this deep.
const MAX_DEPTH: usize = 32;

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// If it can't be read; the text says where.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let filter = parser.either()?;
        match parser.tokens.get(parser.at) {
            None => Ok(filter),
            Some(token) => Err(format!("'{token}' was not expected")),
        }
    }

    /// Whether it holds for something whose fields are asked for by name. Texts are compared whatever their case; `call` decides about
    /// functions.
    pub(crate) fn holds(&self, field: &dyn Fn(&str) -> Option<Value>, call: &dyn Fn(&str, &[String]) -> bool) -> bool {
        match self {
            Self::And(left, right) => left.holds(field, call) && right.holds(field, call),
            Self::Or(left, right) => left.holds(field, call) || right.holds(field, call),
            Self::Call { name, arguments } => call(name, arguments),
            Self::Compare { field: name, operator, value } => {
                let own = match field(name) {
                    Some(Value::String(text)) => text.to_lowercase(),
                    None | Some(Value::Null) => return *operator == Operator::NotEqual,
                    Some(other) => other.to_string(),
                };
                let order = own.cmp(&value.to_lowercase());
                match operator {
                    Operator::Equal => order.is_eq(),
                    Operator::NotEqual => order.is_ne(),
                    Operator::Less => order.is_lt(),
                    Operator::LessOrEqual => order.is_le(),
                    Operator::Greater => order.is_gt(),
                    Operator::GreaterOrEqual => order.is_ge(),
                }
            }
        }
    }

    /// Every comparison and call in it.
    pub(crate) fn leaves(&self) -> Vec<&Self> {
        match self {
            Self::And(left, right) | Self::Or(left, right) => [left.leaves(), right.leaves()].concat(),
            Self::Compare { .. } | Self::Call { .. } => vec![self],
        }
    }
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn either(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("it is nested deeper than {MAX_DEPTH}"));
        }
        let mut left = self.both()?;
        while self.take("or") {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut left = self.one()?;
        while self.take("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, String> {
        if self.take("(") {
            let inner = self.either()?;
            return if self.take(")") { Ok(inner) } else { Err("`)` is missing".to_owned()) };
        }
        let name = self.next()?;
        if self.take("(") {
            let mut arguments = Vec::new();
            while !self.take(")") {
                let argument = self.next()?;
                if argument != "," {
                    arguments.push(unquoted(&argument));
                }
            }
            return Ok(Filter::Call { name, arguments });
        }
        let operator = match self.next()?.to_lowercase().as_str() {
            "eq" => Operator::Equal,
            "ne" => Operator::NotEqual,
            "lt" => Operator::Less,
            "le" => Operator::LessOrEqual,
            "gt" => Operator::Greater,
            "ge" => Operator::GreaterOrEqual,
            other => return Err(format!("'{other}' is no operator")),
        };
        Ok(Filter::Compare { field: name, operator, value: unquoted(&self.next()?) })
    }

    fn take(&mut self, expected: &str) -> bool {
        let is_next = self.tokens.get(self.at).is_some_and(|token| token.eq_ignore_ascii_case(expected));
        self.at += usize::from(is_next);
        is_next
    }

    fn next(&mut self) -> Result<String, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("it ends too early")?;
        self.at += 1;
        Ok(token)
    }
}

fn unquoted(token: &str) -> String {
    let inner = token.strip_prefix('\'').and_then(|token| token.strip_suffix('\''));
    inner.map_or_else(|| token.to_owned(), |inner| inner.replace("''", "'"))
}

/// Texts keep their quotes, so that they differ from words.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' => {}
            '(' | ')' | ',' => tokens.push(letter.to_string()),
            '\'' => {
                let mut quoted = String::from('\'');
                loop {
                    let next = letters.next().ok_or("a text has no end")?;
                    quoted.push(next);
                    if next == '\'' {
                        // Two quotes stand for one.
                        match letters.next_if_eq(&'\'') {
                            Some(second) => quoted.push(second),
                            None => break,
                        }
                    }
                }
                tokens.push(quoted);
            }
            _ => {
                let mut word = letter.to_string();
                while let Some(next) = letters.next_if(|next| !matches!(next, ' ' | '(' | ')' | ',' | '\'')) {
                    word.push(next);
                }
                tokens.push(word);
            }
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Filter;

    fn holds(filter: &str) -> bool {
        let object = json!({"name": "Web", "isOn": true, "time": "2026-01-02T00:00:00Z"});
        let filter = Filter::parse(filter).unwrap();
        filter.holds(&|name| object.get(name).cloned(), &|name, arguments| name == "is" && arguments == ["it's"])
    }

    #[test]
    fn comparisons_are_joined_as_odata_joins_them() {
        assert!(holds("name eq 'web'"));
        assert!(holds("isOn eq true and name eq 'WEB'"));
        assert!(holds("name eq 'x' or (time ge '2026-01-01' and time lt '2026-02-01')"));
        assert!(holds("is('it''s')"));
        assert!(!holds("name ne 'web'"));
        assert!(holds("absent ne 'web'"));
        assert!(!holds("absent eq 'web'"));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in ["", "name", "name is 'x'", "name eq 'x", "(name eq 'x'", "name eq 'x' name"] {
            assert!(Filter::parse(filter).is_err(), "{filter}");
        }
    }
}
