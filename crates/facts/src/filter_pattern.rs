//! CloudWatch Logs' filter patterns over JSON events (documented as "filter pattern syntax for metric filters"):
//! `{ ($.eventSource = "iam.amazonaws.com") && ($.eventName = Put*) }`.

use serde_json::Value;

/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 64;
/// CloudWatch's own limit of a pattern, in characters.
const MAX_LENGTH: usize = 1024;
/// How large a compiled regular expression may grow, in bytes.
const MAX_PROGRAM: usize = 1 << 20;

/// A parsed pattern.
#[derive(Debug)]
pub(crate) struct FilterPattern(Expression);

#[derive(Debug)]
enum Expression {
    /// An empty pattern matches every event.
    Anything,
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Is {
        path: Vec<Box<str>>,
        test: Test,
    },
}

#[derive(Debug)]
enum Test {
    Exists,
    NotExists,
    Null,
    Truth(bool),
    Text { pattern: Box<str>, wanted: Wanted },
    Regex { regex: Box<regex::Regex>, wanted: Wanted },
    Number { operator: Operator, number: f64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Equal,
    Different,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Different,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl FilterPattern {
    /// Parses a pattern over JSON.
    ///
    /// # Errors
    /// What is not understood: patterns over unstructured text or columns, and broken ones.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > MAX_LENGTH {
            return Err(format!("it is longer than {MAX_LENGTH} characters"));
        }
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(Expression::Anything));
        }
        let inside = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inside = inside.ok_or("it is no pattern over JSON: `{ ... }`")?;
        let mut parser = Parser { rest: inside, depth: 0 };
        let expression = parser.any()?;
        match parser.rest.trim() {
            "" => Ok(Self(expression)),
            rest => Err(format!("`{}` stands behind its end", rest.chars().take(30).collect::<String>())),
        }
    }

    /// Whether an event matches.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.0.matches(event)
    }
}

impl Expression {
    fn matches(&self, event: &Value) -> bool {
        match self {
            Self::Anything => true,
            Self::All(parts) => parts.iter().all(|part| part.matches(event)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(event)),
            Self::Is { path, test } => test.holds(&find(event, path)),
        }
    }
}

impl Test {
    /// A comparison with what is not there does not hold, whichever it is.
    fn holds(&self, found: &[&Value]) -> bool {
        match self {
            Self::Exists => !found.is_empty(),
            Self::NotExists => found.is_empty(),
            Self::Null => found.iter().any(|value| value.is_null()),
            Self::Truth(wanted) => found.iter().any(|value| value.as_bool() == Some(*wanted)),
            Self::Text { pattern, wanted } => {
                found.iter().any(|value| text(value).is_some_and(|text| like(&text, pattern) == (*wanted == Wanted::Equal)))
            }
            Self::Regex { regex, wanted } => {
                found.iter().any(|value| text(value).is_some_and(|text| regex.is_match(&text) == (*wanted == Wanted::Equal)))
            }
            Self::Number { operator, number } => found.iter().any(|value| {
                let own = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
                own.is_some_and(|own| operator.holds(own, *number))
            }),
        }
    }
}

impl Operator {
    fn holds(self, own: f64, other: f64) -> bool {
        match self {
            Self::Equal => own == other,
            Self::Different => own != other,
            Self::Less => own < other,
            Self::AtMost => own <= other,
            Self::Greater => own > other,
            Self::AtLeast => own >= other,
        }
    }

    fn wanted(self) -> Option<Wanted> {
        match self {
            Self::Equal => Some(Wanted::Equal),
            Self::Different => Some(Wanted::Different),
            Self::Less | Self::AtMost | Self::Greater | Self::AtLeast => None,
        }
    }
}

/// The values at a path; `*` is every element of a list.
fn find<'a>(event: &'a Value, path: &[Box<str>]) -> Vec<&'a Value> {
    let mut found = vec![event];
    for step in path {
        let mut next = Vec::new();
        for value in found {
            match (value, &**step) {
                (Value::Array(items), "*") => next.extend(items),
                (Value::Array(items), step) => next.extend(step.parse().ok().and_then(|place: usize| items.get(place))),
                (Value::Object(members), step) => next.extend(members.get(step)),
                _ => {}
            }
        }
        found = next;
    }
    found
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Whether a text is like a pattern, of which `*` stands for any characters.
fn like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let middle: Vec<&str> = parts.collect();
    let Some((last, middle)) = middle.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, tail)) = rest.split_once(part) else { return false };
        rest = tail;
    }
    rest.ends_with(last)
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.take("||") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.part()?];
        while self.take("&&") {
            parts.push(self.part()?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn part(&mut self) -> Result<Expression, String> {
        if !self.take("(") {
            return self.condition();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("its brackets are nested too deep".to_owned());
        }
        let inside = self.any()?;
        self.depth -= 1;
        if self.take(")") { Ok(inside) } else { Err("a bracket is not closed".to_owned()) }
    }

    fn condition(&mut self) -> Result<Expression, String> {
        let path = self.selector()?;
        let test = if self.word("NOT") {
            if !self.word("EXISTS") {
                return Err("`EXISTS` is missing behind `NOT`".to_owned());
            }
            Test::NotExists
        } else if self.word("EXISTS") {
            Test::Exists
        } else if self.word("IS") {
            match () {
                () if self.word("NULL") => Test::Null,
                () if self.word("TRUE") => Test::Truth(true),
                () if self.word("FALSE") => Test::Truth(false),
                () => return Err("behind `IS` stands neither NULL, TRUE nor FALSE".to_owned()),
            }
        } else {
            let operator = self.operator()?;
            self.value(operator)?
        };
        Ok(Expression::Is { path, test })
    }

    fn selector(&mut self) -> Result<Vec<Box<str>>, String> {
        self.rest = self.rest.trim_start();
        let Some(mut rest) = self.rest.strip_prefix('$') else {
            return Err(format!("`{}` is no selector, which begins with `$`", self.rest.chars().take(30).collect::<String>()));
        };
        let mut path: Vec<Box<str>> = Vec::new();
        loop {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(|c: char| !(c.is_alphanumeric() || "_-:@".contains(c))).unwrap_or(after.len());
                let (name, tail) = after.split_at(end);
                path.push(name.into());
                rest = tail;
            } else if let Some((inside, tail)) = rest.strip_prefix('[').and_then(|after| after.split_once(']')) {
                path.push(inside.trim().trim_matches(['"', '\'']).into());
                rest = tail;
            } else {
                self.rest = rest;
                return if path.is_empty() { Err("a selector names no field".to_owned()) } else { Ok(path) };
            }
        }
    }

    fn operator(&mut self) -> Result<Operator, String> {
        let operators = [
            ("!=", Operator::Different),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        for (sign, operator) in operators {
            if self.take(sign) {
                return Ok(operator);
            }
        }
        Err(format!("`{}` begins with no operator", self.rest.trim_start().chars().take(30).collect::<String>()))
    }

    fn value(&mut self, operator: Operator) -> Result<Test, String> {
        self.rest = self.rest.trim_start();
        let only_texts = "texts can only be equal or different";
        if let Some(after) = self.rest.strip_prefix('"') {
            let (inside, tail) = quoted(after).ok_or("a text is not closed")?;
            self.rest = tail;
            let wanted = operator.wanted().ok_or(only_texts)?;
            return Ok(Test::Text { pattern: inside.into(), wanted });
        }
        if let Some((inside, tail)) = self.rest.strip_prefix('%').and_then(|after| after.split_once('%')) {
            self.rest = tail;
            let regex = regex::RegexBuilder::new(inside).size_limit(MAX_PROGRAM).build();
            let regex = regex.map_err(|_| format!("`{inside}` is no regular expression"))?;
            return Ok(Test::Regex { regex: Box::new(regex), wanted: operator.wanted().ok_or(only_texts)? });
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || "()&|{}".contains(c)).unwrap_or(self.rest.len());
        let (word, tail) = self.rest.split_at(end);
        self.rest = tail;
        match (word.parse::<f64>(), operator.wanted()) {
            _ if word.is_empty() => Err("a value is missing".to_owned()),
            (Ok(number), _) if number.is_finite() => Ok(Test::Number { operator, number }),
            (_, Some(wanted)) => Ok(Test::Text { pattern: word.into(), wanted }),
            (_, None) => Err(format!("`{word}` is no number")),
        }
    }

    /// Goes on behind a sign, if it is there.
    fn take(&mut self, sign: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Goes on behind a word in any case, if it is there.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let Some((head, tail)) = rest.split_at_checked(word.len()) else { return false };
        let is_whole = tail.chars().next().is_none_or(|next| !next.is_alphanumeric());
        if head.eq_ignore_ascii_case(word) && is_whole {
            self.rest = tail;
            return true;
        }
        false
    }
}

fn one_or(mut parts: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.len(), parts.pop()) {
        (1, Some(one)) => one,
        (_, last) => {
            parts.extend(last);
            several(parts)
        }
    }
}

/// A quoted text up to its closing sign, and what follows.
fn quoted(after: &str) -> Option<(String, &str)> {
    let mut inside = String::new();
    let mut characters = after.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((inside, after.get(place + 1..)?)),
            '\\' => inside.push(characters.next()?.1),
            other => inside.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(pattern: &str, event: Value, expect: bool) {
        let parsed = FilterPattern::parse(pattern).unwrap_or_else(|problem| panic!("{pattern}: {problem}"));
        assert_eq!(parsed.matches(&event), expect, "{pattern} on {event}");
    }

    #[test]
    fn conditions_are_joined_and_nested() {
        let pattern = "{ ($.eventSource = iam.amazonaws.com) && (($.eventName = CreateUser) || ($.eventName = \"Delete*\")) }";
        check(pattern, json!({"eventSource": "iam.amazonaws.com", "eventName": "CreateUser"}), true);
        check(pattern, json!({"eventSource": "iam.amazonaws.com", "eventName": "DeleteUser"}), true);
        check(pattern, json!({"eventSource": "ec2.amazonaws.com", "eventName": "CreateUser"}), false);
        check(pattern, json!({"eventSource": "iam.amazonaws.com", "eventName": "ListUsers"}), false);
        // `&&` binds closer.
        check("{ $.a = 1 || $.b = 1 && $.c = 1 }", json!({"a": 1}), true);
        check("{$.a=x||$.b=y}", json!({"b": "y"}), true);
    }

    #[test]
    fn existence_and_constants() {
        let root =
            "{ $.userIdentity.type = \"Root\" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != \"AwsServiceEvent\" }";
        check(root, json!({"userIdentity": {"type": "Root"}, "eventType": "AwsApiCall"}), true);
        check(root, json!({"userIdentity": {"type": "Root", "invokedBy": "x"}, "eventType": "AwsApiCall"}), false);
        check("{ $.a IS NULL }", json!({"a": null}), true);
        check("{ $.a IS NULL }", json!({}), false);
        check("{ $.a IS TRUE }", json!({"a": true}), true);
        check("{ $.a EXISTS }", json!({"a": null}), true);
    }

    #[test]
    fn comparisons_with_what_is_absent_do_not_hold() {
        check("{ $.mfa != \"Yes\" }", json!({}), false);
        check("{ $.mfa != \"Yes\" }", json!({"mfa": "No"}), true);
    }

    #[test]
    fn numbers_lists_wildcards_and_expressions() {
        check("{ $.n >= 4 }", json!({"n": 4}), true);
        check("{ $.n < 4 }", json!({"n": 4}), false);
        check("{ $.items[1].x = b }", json!({"items": [{"x": "a"}, {"x": "b"}]}), true);
        check("{ $.items[*].x = b }", json!({"items": [{"x": "a"}, {"x": "b"}]}), true);
        check("{ $.code = \"*Unauthorized*\" }", json!({"code": "Client.UnauthorizedOperation"}), true);
        check("{ $.code = \"AccessDenied*\" }", json!({"code": "XAccessDenied"}), false);
        check("{ $.code = %^Access(Denied|Refused)% }", json!({"code": "AccessRefused"}), true);
        check("", json!({}), true);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for pattern in
            ["ERROR", "[ip, user]", "{ $.a }", "{ ($.a = 1 }", "{ $.a < x }", "{ $.a = \"x }", "{ $.a = 1 } x", "{ a = 1 }"]
        {
            assert!(FilterPattern::parse(pattern).is_err(), "{pattern}");
        }
        let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(100), ")".repeat(100));
        assert!(FilterPattern::parse(&deep).is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,80}", signs in "[{}()$.=!<>&|*%\"a-c0-2 \\[\\]\\\\]{0,60}") {
            for pattern in [text.clone(), format!("{{{text}}}"), format!("{{{signs}}}"), format!("{{ $.a = {signs} }}")] {
                if let Ok(parsed) = FilterPattern::parse(&pattern) {
                    parsed.matches(&json!({"a": [1, "b", null, {"c": true}]}));
                }
            }
        }

        #[test]
        fn a_text_is_like_itself_and_like_its_pieces(text in "[a-z]{1,12}", cut in 0usize..12) {
            prop_assert!(like(&text, &text));
            let cut = cut.min(text.len());
            let (head, tail) = text.split_at(cut);
            let pieces = format!("{head}*{tail}");
            prop_assert!(like(&text, &pieces));
            let longer = format!("{text}!");
            prop_assert!(!like(&longer, &text));
        }
    }
}
