//! Template expressions: `[concat(field('name'), '-', parameters('suffix'))]`.

use serde_json::{Number, Value};

use crate::{
    function::Function,
    path::{Way, field_path},
};

/// Deepest nesting of calls.
const MAX_DEPTH: usize = 64;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    /// A value as it stands.
    Literal(Value),
    /// `field('a.b')` with a name that stands in the rule.
    Field(Way),
    /// `parameters('p')` with a name that stands in the rule.
    Parameter(String),
    /// `current()`
    Innermost,
    /// `current('x')` with a name that stands in the rule: a count's own name, or else a field.
    Current(String, Result<Way, String>),
    /// A function with its arguments.
    Call(Function, Vec<Expression>),
    /// `x.name`
    Member(Box<Expression>, String),
    /// `x[index]`
    Index(Box<Expression>, Box<Expression>),
}

/// What is wrong with an expression.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self { message, help: None }
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

/// Reads a value of a rule: text in `[...]` is an expression, `[[` escapes, anything else stands for itself.
pub(crate) fn parse(value: &Value) -> Result<Expression, Fault> {
    parse_at(value, 0)
}

fn parse_at(value: &Value, depth: usize) -> Result<Expression, Fault> {
    if depth > MAX_DEPTH {
        return Err(format!("the value is nested deeper than {MAX_DEPTH}").into());
    }
    match value {
        Value::String(text) => parse_text(text),
        Value::Array(elements) => {
            let parsed: Vec<Expression> =
                elements.iter().map(|element| parse_at(element, depth + 1)).collect::<Result<_, _>>()?;
            // A list that holds expressions is a call of `createArray`; one of literals, with their escapes undone, is a literal.
            let literals = parsed.iter().map(|element| match element {
                Expression::Literal(value) => Some(value.clone()),
                _ => None,
            });
            Ok(match literals.collect() {
                Some(literals) => Expression::Literal(Value::Array(literals)),
                None => Expression::Call(Function::CreateArray, parsed),
            })
        }
        Value::Object(members) => {
            let mut parsed = Vec::with_capacity(members.len());
            for (name, member) in members {
                parsed.push((name, parse_at(member, depth + 1)?));
            }
            // As with lists: an object that holds expressions is a call of `createObject`.
            let literals = parsed.iter().map(|(name, member)| match member {
                Expression::Literal(value) => Some(((*name).clone(), value.clone())),
                _ => None,
            });
            Ok(match literals.collect() {
                Some(literals) => Expression::Literal(Value::Object(literals)),
                None => {
                    let key = |name: &String| Expression::Literal(Value::String(name.clone()));
                    let pairs = parsed.into_iter().flat_map(|(name, member)| [key(name), member]);
                    Expression::Call(Function::CreateObject, pairs.collect())
                }
            })
        }
        other => Ok(Expression::Literal(other.clone())),
    }
}

fn parse_text(text: &str) -> Result<Expression, Fault> {
    let literal = |text: String| Ok(Expression::Literal(Value::String(text)));
    if let Some(escaped) = text.strip_prefix("[[") {
        return literal(format!("[{escaped}"));
    }
    let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return literal(text.to_owned()) };
    let mut parser = Parser { rest: inner, depth: 0 };
    let expression = parser.expression()?;
    parser.skip_blanks();
    if parser.rest.is_empty() {
        Ok(expression)
    } else {
        Err(format!("`{}` is left over in the expression `{text}`", parser.rest).into())
    }
}

/// A call; names that stand in the rule are looked up once and not with each verdict.
fn called(name: &str, mut arguments: Vec<Expression>) -> Result<Expression, Fault> {
    let function = Function::find(name, arguments.len())?;
    let name = match arguments.as_mut_slice() {
        [Expression::Literal(Value::String(name))] => std::mem::take(name),
        [] if function == Function::Current => return Ok(Expression::Innermost),
        _ => return Ok(Expression::Call(function, arguments)),
    };
    Ok(match function {
        Function::Field => Expression::Field(field_path(&name)?.into()),
        Function::Parameters => Expression::Parameter(name),
        Function::Current => {
            let path = field_path(&name);
            Expression::Current(name, path.map(Way::from))
        }
        _ => Expression::Call(function, vec![Expression::Literal(Value::String(name))]),
    })
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, character: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expression(&mut self) -> Result<Expression, Fault> {
        let depth = self.depth;
        self.deeper()?;
        let mut expression = self.primary()?;
        loop {
            if self.eat('.') {
                self.deeper()?;
                expression = Expression::Member(Box::new(expression), self.word()?);
            } else if self.eat('[') {
                self.deeper()?;
                let index = self.expression()?;
                if !self.eat(']') {
                    return Err("a `[` is not closed".into());
                }
                expression = Expression::Index(Box::new(expression), Box::new(index));
            } else {
                self.depth = depth;
                return Ok(expression);
            }
        }
    }

    /// A call's argument and a step after a `.` or `[` both nest the tree: evaluation and drop go down it by recursion.
    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(format!("the expression is nested deeper than {MAX_DEPTH}").into()) } else { Ok(()) }
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        self.skip_blanks();
        if self.rest.starts_with('\'') {
            return Ok(Expression::Literal(Value::String(self.text()?)));
        }
        if self.rest.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
            return self.number();
        }
        let name = self.word()?;
        if !self.eat('(') {
            return match name.to_ascii_lowercase().as_str() {
                "true" => Ok(Expression::Literal(Value::Bool(true))),
                "false" => Ok(Expression::Literal(Value::Bool(false))),
                "null" => Ok(Expression::Literal(Value::Null)),
                _ => Err(format!("`{name}` is neither a text in quotes nor a function call").into()),
            };
        }
        let mut arguments = Vec::new();
        if !self.eat(')') {
            loop {
                arguments.push(self.expression()?);
                if self.eat(')') {
                    break;
                }
                if !self.eat(',') {
                    return Err(format!("a `,` or `)` is missing in the call of `{name}`").into());
                }
            }
        }
        called(&name, arguments)
    }

    fn text(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        let mut rest = self.rest.strip_prefix('\'').unwrap_or(self.rest);
        loop {
            let (part, tail) = rest.split_once('\'').ok_or("a text is not closed by `'`")?;
            text.push_str(part);
            match tail.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    rest = more;
                }
                None => {
                    self.rest = tail;
                    return Ok(text);
                }
            }
        }
    }

    fn number(&mut self) -> Result<Expression, Fault> {
        let end = self.rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '.'))).unwrap_or(self.rest.len());
        let (digits, tail) = self.rest.split_at(end);
        let number = match digits.parse::<i64>() {
            Ok(whole) => Some(Number::from(whole)),
            Err(_) => digits.parse::<f64>().ok().and_then(Number::from_f64),
        };
        self.rest = tail;
        number.map(|number| Expression::Literal(Value::Number(number))).ok_or_else(|| format!("`{digits}` is no number").into())
    }

    fn word(&mut self) -> Result<String, Fault> {
        self.skip_blanks();
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(self.rest.len());
        let (word, tail) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(match self.rest.chars().next() {
                Some(found) => format!("`{found}` stands where a name should be"),
                None => "the expression ends too early".to_owned(),
            }
            .into());
        }
        self.rest = tail;
        Ok(word.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_in_brackets_are_expressions_and_double_brackets_escape() {
        assert_eq!(parse(&json!("plain")).unwrap(), Expression::Literal(json!("plain")));
        assert_eq!(parse(&json!("[[x]")).unwrap(), Expression::Literal(json!("[x]")));
        let call = parse(&json!("[concat('it''s', parameters('p')[0].q, -3)]")).unwrap();
        let Expression::Call(function, arguments) = call else { panic!("no call") };
        assert_eq!((function, arguments.len()), (Function::Concat, 3));
        assert_eq!(arguments[0], Expression::Literal(json!("it's")));
        assert!(matches!(&arguments[1], Expression::Member(_, member) if member == "q"));
    }

    #[test]
    fn broken_expressions_are_refused() {
        for text in ["[concat('a]", "[concat('a' 'b')]", "[x]", "[f(1))]", "[]", "[f(,)]"] {
            assert!(parse(&json!(text)).is_err(), "{text}");
        }
        let deep = format!("[{}1{}]", "not(".repeat(100), ")".repeat(100));
        assert!(parse(&json!(deep)).is_err());
    }
}
