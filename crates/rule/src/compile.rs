//! From JSON to a tree with paths split and expressions parsed.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use serde_json::{Map, Value};
use skywarden_model::{FieldPath, Segment};

use crate::{
    CompileError, FieldUse,
    alias::elsewhere,
    expression::{self, Expression},
    path::{Way, field_path, is_key},
};

/// Deepest nesting of conditions.
const MAX_DEPTH: usize = 64;

#[derive(Debug, Clone)]
pub(crate) enum Node {
    AllOf(Vec<Node>),
    AnyOf(Vec<Node>),
    Not(Box<Node>),
    Leaf(Box<Leaf>),
}

#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) operand: Operand,
    pub(crate) condition: Condition,
    pub(crate) expected: Expression,
    /// The condition in words, once evidence has needed them; only if what is expected stands in the rule.
    pub(crate) words: OnceLock<Arc<str>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Operand {
    Field(FieldOperand),
    /// A field whose name is computed: `[concat('tags[', parameters('tag'), ']')]`.
    FieldNamed(Expression),
    Value(Expression),
    Count(Count),
}

/// A field that the rule names.
#[derive(Debug, Clone)]
pub(crate) struct FieldOperand {
    pub(crate) way: Way,
    /// Its text, once evidence has needed it.
    pub(crate) text: OnceLock<Arc<str>>,
    /// Whether it is what says whether a definition concerns a resource.
    pub(crate) identity: Option<Identity>,
}

/// The fields that say whether a definition concerns a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    Type,
    Name,
    Kind,
}

impl From<FieldPath> for FieldOperand {
    fn from(path: FieldPath) -> Self {
        const FIELDS: [(&str, Identity); 3] = [("type", Identity::Type), ("name", Identity::Name), ("kind", Identity::Kind)];
        let found = FIELDS.iter().find(|(name, _)| path.segments().len() == 1 && is_key(path.segments().first(), name));
        Self { identity: found.map(|(_, identity)| *identity), way: path.into(), text: OnceLock::new() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Count {
    /// What evidence calls it, once it has.
    pub(crate) text: OnceLock<Arc<str>>,
    pub(crate) over: CountOver,
    pub(crate) condition: Option<Box<Node>>,
}

#[derive(Debug, Clone)]
pub(crate) enum CountOver {
    Field(Way),
    Value { values: Expression, name: Option<String> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Equals,
    NotEquals,
    Like,
    NotLike,
    Match,
    MatchInsensitively,
    NotMatch,
    NotMatchInsensitively,
    Contains,
    NotContains,
    In,
    NotIn,
    ContainsKey,
    NotContainsKey,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
    Exists,
}

const CONDITIONS: &[(&str, Condition)] = &[
    ("equals", Condition::Equals),
    ("notEquals", Condition::NotEquals),
    ("like", Condition::Like),
    ("notLike", Condition::NotLike),
    ("match", Condition::Match),
    ("matchInsensitively", Condition::MatchInsensitively),
    ("notMatch", Condition::NotMatch),
    ("notMatchInsensitively", Condition::NotMatchInsensitively),
    ("contains", Condition::Contains),
    ("notContains", Condition::NotContains),
    ("in", Condition::In),
    ("notIn", Condition::NotIn),
    ("containsKey", Condition::ContainsKey),
    ("notContainsKey", Condition::NotContainsKey),
    ("less", Condition::Less),
    ("lessOrEquals", Condition::LessOrEquals),
    ("greater", Condition::Greater),
    ("greaterOrEquals", Condition::GreaterOrEquals),
    ("exists", Condition::Exists),
];

impl Condition {
    /// The name in the rule's source.
    pub(crate) fn name(self) -> &'static str {
        CONDITIONS.iter().find(|(_, condition)| *condition == self).map_or("", |(name, _)| name)
    }
}

/// Compiles a condition.
pub(crate) fn compile(source: &Value, declared: &BTreeSet<String>) -> Result<(Node, Vec<FieldUse>), Vec<CompileError>> {
    let mut compiler = Compiler { declared, errors: Vec::new(), fields: Vec::new(), counts: Vec::new() };
    let root = compiler.node(source, "", 0);
    match root {
        Some(root) if compiler.errors.is_empty() => Ok((root, compiler.fields)),
        _ => Err(compiler.errors),
    }
}

/// Compiles a value that stands outside a condition.
pub(crate) fn template(
    source: &Value,
    declared: &BTreeSet<String>,
    pointer: &str,
) -> Result<(Expression, Vec<FieldUse>), Vec<CompileError>> {
    let mut compiler = Compiler { declared, errors: Vec::new(), fields: Vec::new(), counts: Vec::new() };
    match compiler.expression(source, pointer) {
        Some(expression) if compiler.errors.is_empty() => Ok((expression, compiler.fields)),
        _ => Err(compiler.errors),
    }
}

struct Compiler<'a> {
    declared: &'a BTreeSet<String>,
    errors: Vec<CompileError>,
    fields: Vec<FieldUse>,
    /// The enclosing counts, outermost first.
    counts: Vec<Standing>,
}

/// What `current()` may name inside a count.
enum Standing {
    Field(FieldPath),
    Value(Option<String>),
}

impl Compiler<'_> {
    fn error<T>(&mut self, pointer: &str, message: impl Into<String>, help: Option<String>) -> Option<T> {
        self.errors.push(CompileError { pointer: pointer.to_owned(), message: message.into(), help });
        None
    }

    fn node(&mut self, source: &Value, pointer: &str, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return self.error(pointer, format!("conditions are nested deeper than {MAX_DEPTH}"), None);
        }
        let Value::Object(members) = source else {
            return self.error(
                pointer,
                "a condition is an object",
                Some("write `{ field: properties.x, equals: true }`".to_owned()),
            );
        };
        for (name, build) in [("allOf", Node::AllOf as fn(Vec<Node>) -> Node), ("anyOf", Node::AnyOf)] {
            if let Some((key, parts)) = member(members, name) {
                self.only(members, &[name], pointer);
                let pointer = format!("{pointer}/{key}");
                let Value::Array(parts) = parts else {
                    return self.error(&pointer, format!("`{name}` takes a list of conditions"), None);
                };
                let nodes: Vec<Option<Node>> = parts
                    .iter()
                    .enumerate()
                    .map(|(place, part)| self.node(part, &format!("{pointer}/{place}"), depth + 1))
                    .collect();
                return nodes.into_iter().collect::<Option<Vec<Node>>>().map(build);
            }
        }
        if let Some((key, part)) = member(members, "not") {
            self.only(members, &["not"], pointer);
            return self.node(part, &format!("{pointer}/{key}"), depth + 1).map(|node| Node::Not(Box::new(node)));
        }
        self.leaf(members, pointer, depth)
    }

    fn leaf(&mut self, members: &Map<String, Value>, pointer: &str, depth: usize) -> Option<Node> {
        let operand = match (member(members, "field"), member(members, "value"), member(members, "count")) {
            (Some((key, field)), None, None) => self.field(field, &format!("{pointer}/{key}")),
            (None, Some((key, value)), None) => self.expression(value, &format!("{pointer}/{key}")).map(Operand::Value),
            (None, None, Some((key, count))) => self.count(count, &format!("{pointer}/{key}"), depth).map(Operand::Count),
            _ => {
                let help = "one of `field`, `value`, `count`, `allOf`, `anyOf`, `not`";
                return self.error(pointer, "a condition needs exactly one thing to test", Some(help.to_owned()));
            }
        };
        let tests: Vec<(&String, &Value)> = members
            .iter()
            .filter(|(key, _)| !["field", "value", "count"].iter().any(|own| key.eq_ignore_ascii_case(own)))
            .collect();
        let [(key, expected)] = tests.as_slice() else {
            let found: Vec<&str> = tests.iter().map(|(key, _)| key.as_str()).collect();
            return self.error(pointer, format!("a condition needs exactly one test, found: {}", found.join(", ")), None);
        };
        let place = format!("{pointer}/{}", step(key));
        let Some((_, condition)) = CONDITIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)) else {
            let help = closest(key, CONDITIONS.iter().map(|(name, _)| *name)).map(|name| format!("did you mean `{name}`?"));
            return self.error(&place, format!("`{key}` is no condition"), help);
        };
        let expected = self.expression(expected, &place)?;
        self.check_expected(*condition, &expected, &place);
        let other = member(members, "field").and_then(|(_, field)| elsewhere(field.as_str()?));
        let leaf =
            |operand, expected| Node::Leaf(Box::new(Leaf { operand, condition: *condition, expected, words: OnceLock::new() }));
        let Some((type_name, path)) = other else { return Some(leaf(operand?, expected)) };
        let there = self.path(&path, pointer)?;
        let is_type = || {
            let expected = Expression::Literal(Value::String(type_name.to_owned()));
            let operand = Operand::Field(FieldPath::from_segments(vec![Segment::Key("type".into())]).into());
            Node::Leaf(Box::new(Leaf { operand, condition: Condition::Equals, expected, words: OnceLock::new() }))
        };
        let of_type = Node::AllOf(vec![is_type(), leaf(Operand::Field(there.into()), expected.clone())]);
        let of_others = Node::AllOf(vec![Node::Not(Box::new(is_type())), leaf(operand?, expected)]);
        Some(Node::AnyOf(vec![of_type, of_others]))
    }

    fn check_expected(&mut self, condition: Condition, expected: &Expression, pointer: &str) {
        let Expression::Literal(value) = expected else { return };
        let problem = match condition {
            Condition::In | Condition::NotIn if !value.is_array() => "takes a list",
            Condition::Exists if !(value.is_boolean() || matches!(value, Value::String(text) if is_boolean_text(text))) => {
                "takes true or false"
            }
            Condition::Like | Condition::NotLike if value.as_str().is_some_and(|text| text.matches('*').count() > 1) => {
                "takes at most one `*`"
            }
            _ => return,
        };
        self.error::<()>(pointer, format!("`{}` {problem}", condition.name()), None);
    }

    fn field(&mut self, field: &Value, pointer: &str) -> Option<Operand> {
        let Value::String(name) = field else { return self.error(pointer, "`field` takes the name of a field", None) };
        if name.starts_with('[') && !name.starts_with("[[") {
            return self.expression(field, pointer).map(Operand::FieldNamed);
        }
        self.path(name, pointer).map(|path| Operand::Field(path.into()))
    }

    fn path(&mut self, name: &str, pointer: &str) -> Option<FieldPath> {
        match field_path(name) {
            Ok(path) => {
                self.fields.push(FieldUse { path: path.clone(), pointer: pointer.to_owned() });
                Some(path)
            }
            Err(problem) => self.error(pointer, problem, None),
        }
    }

    fn count(&mut self, count: &Value, pointer: &str, depth: usize) -> Option<Count> {
        let Value::Object(members) = count else { return self.error(pointer, "`count` takes an object", None) };
        self.only(members, &["field", "value", "name", "where"], pointer);
        let over = match (member(members, "field"), member(members, "value")) {
            (Some((key, Value::String(name))), None) => {
                let place = format!("{pointer}/{key}");
                let path = self.path(name, &place)?;
                if path.segments().last() != Some(&Segment::Each) {
                    return self.error(
                        &place,
                        "`count` over a field counts the elements of a list: end the field with `[*]`",
                        None,
                    );
                }
                CountOver::Field(path.into())
            }
            (None, Some((key, values))) => {
                let name = match member(members, "name") {
                    Some((_, Value::String(name))) => Some(name.clone()),
                    Some((key, _)) => return self.error(&format!("{pointer}/{key}"), "`name` takes a text", None),
                    None => None,
                };
                CountOver::Value { values: self.expression(values, &format!("{pointer}/{key}"))?, name }
            }
            _ => return self.error(pointer, "`count` needs either `field` or `value`", None),
        };
        let condition = match member(members, "where") {
            Some((key, condition)) => {
                self.counts.push(match &over {
                    CountOver::Field(way) => Standing::Field(way.path.clone()),
                    CountOver::Value { name, .. } => Standing::Value(name.clone()),
                });
                let condition = self.node(condition, &format!("{pointer}/{key}"), depth + 1);
                self.counts.pop();
                Some(Box::new(condition?))
            }
            None => None,
        };
        Some(Count { text: OnceLock::new(), over, condition })
    }

    fn expression(&mut self, value: &Value, pointer: &str) -> Option<Expression> {
        match expression::parse(value) {
            Ok(expression) => {
                self.check_names(&expression, pointer);
                Some(expression)
            }
            Err(fault) => self.error(pointer, fault.message, fault.help),
        }
    }

    fn check_names(&mut self, expression: &Expression, pointer: &str) {
        match expression {
            Expression::Literal(_) => {}
            Expression::Member(inner, _) => self.check_names(inner, pointer),
            Expression::Index(inner, index) => {
                self.check_names(inner, pointer);
                self.check_names(index, pointer);
            }
            Expression::Parameter(parameter) => {
                if !self.declared.iter().any(|declared| declared.eq_ignore_ascii_case(parameter)) {
                    self.error::<()>(pointer, format!("the parameter `{parameter}` is not declared"), None);
                }
            }
            Expression::Field(way) => self.fields.push(FieldUse { path: way.path.clone(), pointer: pointer.to_owned() }),
            Expression::Innermost => {
                if self.counts.is_empty() {
                    let help = "use it in the `where` of a `count`".to_owned();
                    self.error::<()>(pointer, "`current()` stands outside a count", Some(help));
                }
            }
            Expression::Current(name, way) => self.check_current(name, way.as_deref().ok(), pointer),
            Expression::Call(_, arguments) => {
                for argument in arguments {
                    self.check_names(argument, pointer);
                }
            }
        }
    }

    /// `current('x')` names an enclosing count's element or something in it.
    fn check_current(&mut self, name: &str, path: Option<&FieldPath>, pointer: &str) {
        let is_known = self.counts.iter().any(|count| match count {
            Standing::Value(own) => own.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name)),
            Standing::Field(list) => path.is_some_and(|path| list.covers(path)),
        });
        if is_known {
            return;
        }
        let names = self.counts.iter().filter_map(|count| match count {
            Standing::Value(name) => name.clone(),
            Standing::Field(path) => Some(path.to_string()),
        });
        let names: Vec<String> = names.collect();
        let help = closest(name, names.iter().map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
        self.error::<()>(pointer, format!("`{name}` names no enclosing count"), help);
    }

    fn only(&mut self, members: &Map<String, Value>, allowed: &[&str], pointer: &str) {
        for key in members.keys() {
            if !allowed.iter().any(|name| name.eq_ignore_ascii_case(key)) {
                self.error::<()>(
                    &format!("{pointer}/{}", step(key)),
                    format!("`{key}` does not belong beside `{}`", allowed.join("`, `")),
                    None,
                );
            }
        }
    }
}

/// A key as a step of a JSON pointer (RFC 6901).
pub fn step(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn is_boolean_text(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") || text.starts_with('[')
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<(&'a String, &'a Value)> {
    members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))
}

/// The known name that differs least from a given one, if it differs by at most a third: for `did you mean`.
pub fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (distance(&name.to_ascii_lowercase(), &candidate.to_ascii_lowercase()), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 1 + name.len() / 3)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(line + 1);
        for (above, (to, diagonal)) in row.iter().skip(1).zip(right.iter().zip(&row)) {
            let before = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(from != *to)).min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
