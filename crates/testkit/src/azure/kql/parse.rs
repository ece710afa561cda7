use serde_json::Value;

use super::{
    Aggregate, Case, Column, Comparison, Direction, Expression, Function, Key, Membership, Query, Refusal, Sense, Stage,
    evaluate::number,
    lex::{Placed, Token, tokens},
};

/// Brackets and `not` go at most this deep.
const MAX_DEPTH: usize = 64;

/// Reads a query over tables of which `columns_of` knows the columns (by their names in lower case).
///
/// # Errors
/// If it is not of the part of the language that is known, or names a table or column that is not there.
pub(crate) fn parse<'a>(query: &str, columns_of: impl Fn(&str) -> Option<&'a [&'a str]>) -> Result<Query, Refusal> {
    let mut parser = Parser { tokens: tokens(query)?, at: 0, columns: Vec::new(), depth: 0 };
    let mut table = "resources".to_owned();
    // A query may begin with its first operator: then it is over `resources`.
    if !(matches!(parser.token(), Token::Word(word) if is_operator(word)) || parser.token() == &Token::Symbol("|")) {
        table = parser.word("a table")?.to_lowercase();
        if columns_of(&table).is_none() {
            parser.at -= 1;
            return Err(parser.refusal(&format!("'{table}' is no table of this service")));
        }
    }
    parser.columns = columns_of(&table).unwrap_or_default().iter().map(|name| (*name).to_owned()).collect();
    let mut stages = Vec::new();
    if matches!(parser.token(), Token::Word(_)) {
        stages.push(parser.stage()?);
    }
    while parser.take("|") {
        stages.push(parser.stage()?);
    }
    if parser.token() != &Token::End {
        return Err(parser.refusal("`|` or the end of the query was expected"));
    }
    let is_limited = stages.iter().any(|stage| matches!(stage, Stage::Limit(_)));
    Ok(Query { table, stages: flat(stages), columns: parser.columns, is_limited })
}

fn is_operator(word: &str) -> bool {
    let operators =
        ["where", "project", "project-away", "extend", "order", "sort", "limit", "take", "count", "summarize", "distinct"];
    operators.contains(&word)
}

/// A `where` with `and` is several, of which the cheap ones need not wait for the others.
fn flat(stages: Vec<Stage>) -> Vec<Stage> {
    let mut flat = Vec::with_capacity(stages.len());
    for stage in stages {
        match stage {
            Stage::Where(condition) => split(condition, &mut flat),
            other => flat.push(other),
        }
    }
    flat
}

fn split(condition: Expression, into: &mut Vec<Stage>) {
    match condition {
        Expression::And(left, right) => {
            split(*left, into);
            split(*right, into);
        }
        other => into.push(Stage::Where(other)),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    /// Those that can be named where the parser is.
    columns: Vec<String>,
    depth: usize,
}

impl Parser {
    fn stage(&mut self) -> Result<Stage, Refusal> {
        let operator = self.word("an operator")?;
        match operator.as_str() {
            "where" => Ok(Stage::Where(self.expression()?)),
            "project" => {
                let columns = self.named_columns()?;
                self.columns = columns.iter().map(|column| column.name.clone()).collect();
                Ok(Stage::Project(columns))
            }
            "project-away" => {
                let mut away = vec![self.known_column()?];
                while self.take(",") {
                    away.push(self.known_column()?);
                }
                self.columns.retain(|column| !away.contains(column));
                Ok(Stage::Away)
            }
            "extend" => {
                let columns = self.named_columns()?;
                for column in &columns {
                    if !self.columns.contains(&column.name) {
                        self.columns.push(column.name.clone());
                    }
                }
                Ok(Stage::Extend(columns))
            }
            "order" | "sort" => {
                self.expect_word("by")?;
                Ok(Stage::Order(self.keys()?))
            }
            "limit" | "take" => Ok(Stage::Limit(self.count()?)),
            "count" => {
                self.columns = vec!["Count".to_owned()];
                Ok(Stage::Count)
            }
            "summarize" => self.summarize(),
            "distinct" => {
                let columns = self.named_columns()?;
                self.columns = columns.iter().map(|column| column.name.clone()).collect();
                Ok(Stage::Distinct(columns))
            }
            _ => {
                self.at -= 1;
                Err(self.refusal(&format!("'{operator}' is no operator of this service")))
            }
        }
    }

    fn keys(&mut self) -> Result<Vec<Key>, Refusal> {
        let mut keys = Vec::new();
        loop {
            let value = self.expression()?;
            let direction = if self.take_word("asc") {
                Direction::Ascending
            } else {
                self.take_word("desc");
                Direction::Descending
            };
            keys.push(Key { value, direction });
            if !self.take(",") {
                return Ok(keys);
            }
        }
    }

    fn summarize(&mut self) -> Result<Stage, Refusal> {
        let mut aggregates = Vec::new();
        while !matches!(self.token(), Token::Word(word) if word == "by") {
            let name = self.given_name();
            let function = self.word("an aggregate")?;
            self.expect("(")?;
            let argument = if self.token() == &Token::Symbol(")") { None } else { Some(self.expression()?) };
            self.expect(")")?;
            let aggregate = match (function.as_str(), argument) {
                ("count", None) => Aggregate::Count,
                ("countif", Some(argument)) => Aggregate::CountIf(argument),
                ("dcount", Some(argument)) => Aggregate::Distinct(argument),
                ("sum", Some(argument)) => Aggregate::Sum(argument),
                ("min", Some(argument)) => Aggregate::Least(argument),
                ("max", Some(argument)) => Aggregate::Greatest(argument),
                _ => return Err(self.refusal(&format!("'{function}' is no aggregate of this service"))),
            };
            aggregates.push((name.unwrap_or_else(|| format!("{function}_")), aggregate));
            if !self.take(",") {
                break;
            }
        }
        let by = if self.take_word("by") { self.named_columns()? } else { Vec::new() };
        self.columns = by.iter().map(|column| &column.name).chain(aggregates.iter().map(|(name, _)| name)).cloned().collect();
        Ok(Stage::Summarize { aggregates, by })
    }

    fn named_columns(&mut self) -> Result<Vec<Column>, Refusal> {
        let mut columns: Vec<Column> = Vec::new();
        loop {
            let given = self.given_name();
            let value = self.expression()?;
            let name = given.or_else(|| implied_name(&value)).unwrap_or_else(|| format!("Column{}", columns.len() + 1));
            columns.push(Column { name, value });
            if !self.take(",") {
                return Ok(columns);
            }
        }
    }

    /// `name =` before an expression.
    fn given_name(&mut self) -> Option<String> {
        let Token::Word(name) = self.token() else { return None };
        let name = name.clone();
        let next = self.tokens.get(self.at + 1).map(|placed| &placed.token);
        (next == Some(&Token::Symbol("="))).then(|| {
            self.at += 2;
            name
        })
    }

    fn expression(&mut self) -> Result<Expression, Refusal> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.refusal(&format!("the query is nested deeper than {MAX_DEPTH}")));
        }
        let mut left = self.conjunction()?;
        while self.take_word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expression, Refusal> {
        let mut left = self.comparison()?;
        while self.take_word("and") {
            left = Expression::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expression, Refusal> {
        let left = self.operand()?;
        if let Some(membership) = self.membership() {
            self.expect("(")?;
            let mut list = vec![self.expression()?];
            while self.take(",") {
                list.push(self.expression()?);
            }
            self.expect(")")?;
            return Ok(Expression::In(membership, Box::new(left), list));
        }
        let Some(comparison) = self.operator() else { return Ok(left) };
        self.at += 1;
        Ok(Expression::Compare(comparison, Box::new(left), Box::new(self.operand()?)))
    }

    fn membership(&mut self) -> Option<Membership> {
        let Token::Word(word) = self.token() else { return None };
        let (case, sense) = match word.as_str() {
            "in" => (Case::Kept, Sense::Within),
            "in~" => (Case::Folded, Sense::Within),
            "!in" => (Case::Kept, Sense::Outside),
            "!in~" => (Case::Folded, Sense::Outside),
            _ => return None,
        };
        self.at += 1;
        Some(Membership { case, sense })
    }

    fn operator(&self) -> Option<Comparison> {
        let sign = match self.token() {
            Token::Symbol(symbol) => symbol,
            Token::Word(word) => word.as_str(),
            _ => return None,
        };
        Some(match sign {
            "==" => Comparison::Equal,
            "=~" => Comparison::EqualFolded,
            "!=" => Comparison::NotEqual,
            "!~" => Comparison::NotEqualFolded,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "has" => Comparison::Has,
            "!has" => Comparison::HasNot,
            "contains" => Comparison::Contains,
            "!contains" => Comparison::ContainsNot,
            "startswith" => Comparison::StartsWith,
            "!startswith" => Comparison::StartsNotWith,
            "endswith" => Comparison::EndsWith,
            _ => return None,
        })
    }

    fn operand(&mut self) -> Result<Expression, Refusal> {
        let mut operand = self.primary()?;
        loop {
            if self.take(".") {
                operand = Expression::Member(Box::new(operand), self.word("the name of a member")?);
            } else if self.take("[") {
                operand = match self.next() {
                    Token::Text(name) => Expression::Member(Box::new(operand), name),
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "digits, and too large means none"
                    )]
                    Token::Number(place) => Expression::Element(Box::new(operand), place as usize),
                    _ => return Err(self.refusal_before("the name of a member or a place was expected")),
                };
                self.expect("]")?;
            } else {
                return Ok(operand);
            }
        }
    }

    fn primary(&mut self) -> Result<Expression, Refusal> {
        match self.next() {
            Token::Text(text) => Ok(Expression::Literal(Value::String(text))),
            Token::Number(value) => Ok(Expression::Literal(number(value))),
            Token::Symbol("-") => match self.next() {
                Token::Number(value) => Ok(Expression::Literal(number(-value))),
                _ => Err(self.refusal_before("a number was expected")),
            },
            Token::Symbol("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Word(word) => self.named(word),
            _ => Err(self.refusal_before("a column, a value or `(` was expected")),
        }
    }

    fn named(&mut self, word: String) -> Result<Expression, Refusal> {
        if self.take("(") {
            return self.call(&word);
        }
        match word.as_str() {
            "true" | "false" => Ok(Expression::Literal(Value::Bool(word == "true"))),
            _ if self.columns.contains(&word) => Ok(Expression::Column(word)),
            _ => Err(self.refusal_before(&format!("Failed to resolve scalar expression named '{word}'"))),
        }
    }

    fn call(&mut self, name: &str) -> Result<Expression, Refusal> {
        let function = match name {
            "not" => None,
            "tostring" => Some(Function::ToString),
            "tolower" => Some(Function::ToLower),
            "toupper" => Some(Function::ToUpper),
            "toint" | "tolong" | "todouble" | "toreal" => Some(Function::ToNumber),
            "isempty" => Some(Function::IsEmpty),
            "isnotempty" | "notempty" => Some(Function::IsNotEmpty),
            "isnull" => Some(Function::IsNull),
            "isnotnull" | "notnull" => Some(Function::IsNotNull),
            "array_length" => Some(Function::ArrayLength),
            "strlen" => Some(Function::StringLength),
            "strcat" => Some(Function::Concatenate),
            "coalesce" => Some(Function::Coalesce),
            "todatetime" => Some(Function::ToDateTime),
            "todynamic" | "parse_json" => Some(Function::ParseJson),
            _ => {
                self.at -= 1;
                return Err(self.refusal_before(&format!("'{name}' is no function of this service")));
            }
        };
        let mut arguments = vec![self.expression()?];
        while self.take(",") {
            arguments.push(self.expression()?);
        }
        self.expect(")")?;
        match (function, arguments.pop()) {
            (None, Some(only)) if arguments.is_empty() => Ok(Expression::Not(Box::new(only))),
            (Some(function), Some(last)) => {
                arguments.push(last);
                Ok(Expression::Call(function, arguments))
            }
            _ => Err(self.refusal_before("`not` takes one argument")),
        }
    }

    fn known_column(&mut self) -> Result<String, Refusal> {
        let word = self.word("a column")?;
        if self.columns.contains(&word) {
            return Ok(word);
        }
        Err(self.refusal_before(&format!("Failed to resolve column named '{word}'")))
    }

    fn count(&mut self) -> Result<usize, Refusal> {
        match self.next() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "digits only")]
            Token::Number(number) if number.fract() == 0.0 => Ok(number as usize),
            _ => Err(self.refusal_before("a whole number was expected")),
        }
    }

    fn word(&mut self, what: &str) -> Result<String, Refusal> {
        match self.next() {
            Token::Word(word) => Ok(word),
            _ => Err(self.refusal_before(&format!("{what} was expected"))),
        }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Refusal> {
        if self.take_word(word) { Ok(()) } else { Err(self.refusal(&format!("`{word}` was expected"))) }
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), Refusal> {
        if self.take(symbol) { Ok(()) } else { Err(self.refusal(&format!("`{symbol}` was expected"))) }
    }

    fn take_word(&mut self, expected: &str) -> bool {
        let is_next = matches!(self.token(), Token::Word(word) if word == expected);
        self.at += usize::from(is_next);
        is_next
    }

    fn take(&mut self, symbol: &'static str) -> bool {
        let is_next = self.token() == &Token::Symbol(symbol);
        self.at += usize::from(is_next);
        is_next
    }

    fn next(&mut self) -> Token {
        let token = self.token().clone();
        self.at += 1;
        token
    }

    fn token(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |placed| &placed.token)
    }

    fn refusal_before(&mut self, message: &str) -> Refusal {
        self.at -= 1;
        self.refusal(message)
    }

    fn refusal(&self, message: &str) -> Refusal {
        let placed = self.tokens.get(self.at).or_else(|| self.tokens.last());
        let (line, column) = placed.map_or((1, 1), |placed| (placed.line, placed.column));
        let token = match placed.map(|placed| &placed.token) {
            Some(Token::Word(word)) => word.clone(),
            Some(Token::Text(text)) => format!("'{text}'"),
            Some(Token::Number(number)) => number.to_string(),
            Some(Token::Symbol(symbol)) => (*symbol).to_owned(),
            Some(Token::End) | None => "<EOF>".to_owned(),
        };
        Refusal { message: message.to_owned(), token, line, column }
    }
}

/// What a column without a name is called: `properties.a.b` is `properties_a_b`, what a function makes of one thing that thing.
fn implied_name(value: &Expression) -> Option<String> {
    match value {
        Expression::Column(name) => Some(name.clone()),
        Expression::Member(of, name) => Some(format!("{}_{name}", implied_name(of)?)),
        Expression::Element(of, place) => Some(format!("{}_{place}", implied_name(of)?)),
        Expression::Call(_, arguments) => arguments.first().filter(|_| arguments.len() == 1).and_then(implied_name),
        _ => None,
    }
}
