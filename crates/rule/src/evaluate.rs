//! Three-valued evaluation of a compiled condition.

use std::borrow::Cow;

use serde_json::Value;
use skywarden_model::{Actual, Evidence, FieldPath, Unreadable, UnreadableKind};

use crate::{
    Input, Outcome, Truth, compare,
    compile::{Condition, Count, CountOver, Leaf, Node, Operand, field_path},
    expression::Expression,
    functions,
    resolve::{Bound, Slot, concrete, resolve, unreadable_below},
};

/// Evidence entries of one outcome at most.
const MAX_EVIDENCE: usize = 20;

/// A value in evidence, as JSON, at most this long.
const MAX_VALUE: usize = 1024;

/// Why an expression has no value.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// It reads something that could not be read.
    Unreadable(Unreadable),
    /// A function can't take what it was given.
    Error(String),
}

/// Where an evaluation stands: the input and the enclosing counts.
pub(crate) struct Context<'i, 'a> {
    pub(crate) input: &'i Input<'a>,
    pub(crate) bound: Vec<Bound<'i>>,
    /// Elements of enclosing counts over values, innermost last.
    pub(crate) current: Vec<(Option<&'i str>, Value)>,
}

/// Collects what decided; without it only the verdict is computed.
#[derive(Default)]
struct Record {
    evidence: Vec<Evidence>,
    unreadable: Vec<Unreadable>,
    error: Option<String>,
}

pub(crate) fn truth(root: &Node, input: &Input<'_>) -> Truth {
    let mut context = Context { input, bound: Vec::new(), current: Vec::new() };
    node(root, &mut context, None)
}

pub(crate) fn explain(root: &Node, input: &Input<'_>) -> Outcome {
    let mut context = Context { input, bound: Vec::new(), current: Vec::new() };
    let mut record = Record::default();
    let truth = node(root, &mut context, Some(&mut record));
    record.evidence.truncate(MAX_EVIDENCE);
    if truth != Truth::Unknown {
        record.unreadable.clear();
        record.error = None;
    }
    Outcome { truth, evidence: record.evidence, unreadable: record.unreadable, error: record.error }
}

fn node<'i>(source: &'i Node, context: &mut Context<'i, '_>, record: Option<&mut Record>) -> Truth {
    match source {
        Node::AllOf(parts) => combine(parts, Truth::False, context, record),
        Node::AnyOf(parts) => combine(parts, Truth::True, context, record),
        Node::Not(part) => node(part, context, record).negate(),
        Node::Leaf(leaf) => evaluate_leaf(leaf, context, record),
    }
}

/// `allOf` is decided by one False, `anyOf` by one True; otherwise any Unknown makes it Unknown.
fn combine<'i>(parts: &'i [Node], decider: Truth, context: &mut Context<'i, '_>, mut record: Option<&mut Record>) -> Truth {
    let mut agreed = Record::default();
    let mut unknown = Record::default();
    let mut any_unknown = false;
    for part in parts {
        let mut own = record.is_some().then(Record::default);
        let truth = node(part, context, own.as_mut());
        if truth == decider {
            if let (Some(record), Some(own)) = (record.as_deref_mut(), own) {
                record.absorb(own);
            }
            return decider;
        }
        any_unknown |= truth == Truth::Unknown;
        if let Some(own) = own {
            if truth == Truth::Unknown { unknown.absorb(own) } else { agreed.absorb(own) }
        }
    }
    if let Some(record) = record {
        record.absorb(if any_unknown { unknown } else { agreed });
    }
    if any_unknown { Truth::Unknown } else { decider.negate() }
}

impl Record {
    fn absorb(&mut self, other: Self) {
        let room = MAX_EVIDENCE.saturating_sub(self.evidence.len());
        self.evidence.extend(other.evidence.into_iter().take(room));
        self.unreadable.extend(other.unreadable);
        self.error = self.error.take().or(other.error);
    }

    fn fail(&mut self, field: &str, expected: String, failure: Failure) {
        match failure {
            Failure::Unreadable(unreadable) => {
                let actual = Actual::Unreadable(unreadable.reason.clone());
                self.evidence.push(Evidence { field: field.to_owned(), expected, actual, source: String::new() });
                self.unreadable.push(unreadable);
            }
            Failure::Error(message) => self.error = Some(message),
        }
    }
}

fn evaluate_leaf<'i>(leaf: &'i Leaf, context: &mut Context<'i, '_>, mut record: Option<&mut Record>) -> Truth {
    let expected = match value_of(&leaf.expected, context) {
        Ok(Some(expected)) => expected.into_owned(),
        Ok(None) => Value::Null,
        Err(failure) => {
            if let Some(record) = record {
                record.fail("the rule's own value", leaf.condition.name().to_owned(), failure);
            }
            return Truth::Unknown;
        }
    };
    match &leaf.operand {
        Operand::Field(path) => field(path, leaf.condition, &expected, context, record),
        Operand::FieldNamed(name) => {
            let path = value_of(name, context).and_then(|name| {
                let name = name.map(|name| compare::text(&name)).unwrap_or_default();
                field_path(&name).map_err(Failure::Error)
            });
            match path {
                Ok(path) => field(&path, leaf.condition, &expected, context, record),
                Err(failure) => {
                    if let Some(record) = record.as_deref_mut() {
                        record.fail("a computed field name", leaf.condition.name().to_owned(), failure);
                    }
                    Truth::Unknown
                }
            }
        }
        Operand::Value(expression) => {
            let actual = value_of(expression, context).map(|value| value.map(Cow::into_owned));
            match actual {
                Ok(actual) => test("value", leaf.condition, actual.as_ref(), &expected, record),
                Err(failure) => {
                    if let Some(record) = record.as_deref_mut() {
                        record.fail("value", words(leaf.condition, &expected), failure);
                    }
                    Truth::Unknown
                }
            }
        }
        Operand::Count(count) => counted(count, leaf.condition, &expected, context, record),
    }
}

/// A field, or with an unbound `[*]` all elements of a list.
fn field(
    path: &FieldPath,
    condition: Condition,
    expected: &Value,
    context: &Context<'_, '_>,
    mut record: Option<&mut Record>,
) -> Truth {
    let resolved = resolve(context.input, path, &context.bound);
    let mut verdict = Truth::True;
    let mut agreed = Record::default();
    let mut unknown = Record::default();
    let mut consider = |truth: Truth, own: Record, record: &mut Option<&mut Record>| -> bool {
        if truth == Truth::False {
            if let Some(record) = record.as_deref_mut() {
                record.absorb(own);
            }
            return true;
        }
        if truth == Truth::Unknown {
            verdict = Truth::Unknown;
            unknown.absorb(own);
        } else {
            agreed.absorb(own);
        }
        false
    };
    for (indices, slot) in &resolved.slots {
        let mut own = Record::default();
        let holder;
        let truth = match slot {
            Slot::Unreadable(unreadable) => {
                if record.is_some() {
                    own.fail(&concrete(path, indices), words(condition, expected), Failure::Unreadable(unreadable.clone()));
                }
                Truth::Unknown
            }
            slot => {
                let actual = match slot {
                    Slot::Value(value) => Some(*value),
                    Slot::Text(text) => {
                        holder = Value::String((*text).to_owned());
                        Some(&holder)
                    }
                    Slot::Absent | Slot::Unreadable(_) => None,
                };
                let below = actual
                    .filter(|value| (value.is_object() || value.is_array()) && condition != Condition::Exists)
                    .and_then(|_| unreadable_below(context.input, path));
                match below {
                    Some(unreadable) => {
                        if record.is_some() {
                            own.fail(&concrete(path, indices), words(condition, expected), Failure::Unreadable(unreadable));
                        }
                        Truth::Unknown
                    }
                    None if record.is_some() => test(&concrete(path, indices), condition, actual, expected, Some(&mut own)),
                    None => test("", condition, actual, expected, None),
                }
            }
        };
        if consider(truth, own, &mut record) {
            return Truth::False;
        }
    }
    if let Some(cut) = resolved.cut.filter(|_| resolved.is_list) {
        let mut own = Record::default();
        if record.is_some() {
            own.fail(&path.to_string(), words(condition, expected), Failure::Unreadable(cut));
        }
        consider(Truth::Unknown, own, &mut record);
    }
    if let Some(record) = record {
        record.absorb(if verdict == Truth::Unknown { unknown } else { agreed });
    }
    verdict
}

fn test(field: &str, condition: Condition, actual: Option<&Value>, expected: &Value, record: Option<&mut Record>) -> Truth {
    match compare::holds(condition, actual, expected) {
        Ok(holds) => {
            if let Some(record) = record {
                let actual = actual.map_or(Actual::Absent, |value| Actual::Value(shortened(value)));
                record.evidence.push(Evidence {
                    field: field.to_owned(),
                    expected: words(condition, expected),
                    actual,
                    source: String::new(),
                });
            }
            holds.into()
        }
        Err(message) => {
            if let Some(record) = record {
                record.error = Some(format!("{field}: {message}"));
            }
            Truth::Unknown
        }
    }
}

/// A count whose elements may be unknown is an interval; the comparison decides only if both ends agree.
fn counted<'i>(
    count: &'i Count,
    condition: Condition,
    expected: &Value,
    context: &mut Context<'i, '_>,
    record: Option<&mut Record>,
) -> Truth {
    let mut sure = 0u64;
    let mut possible = Some(0u64);
    let mut hits = Record::default();
    let mut doubts = Record::default();
    let name = match &count.over {
        CountOver::Field(path) => {
            let resolved = resolve(context.input, path, &context.bound);
            for (indices, slot) in resolved.slots {
                match slot {
                    Slot::Unreadable(unreadable) => {
                        possible = None;
                        doubts.fail(&concrete(path, &indices), words(condition, expected), Failure::Unreadable(unreadable));
                    }
                    Slot::Absent => {}
                    Slot::Value(_) | Slot::Text(_) => {
                        context.bound.push(Bound { path, indices });
                        let truth = element(count, context, record.is_some(), &mut hits, &mut doubts);
                        context.bound.pop();
                        tally(truth, &mut sure, &mut possible);
                    }
                }
            }
            if let Some(cut) = resolved.cut {
                possible = None;
                doubts.fail(&path.to_string(), words(condition, expected), Failure::Unreadable(cut));
            }
            path.to_string()
        }
        CountOver::Value { values, name } => {
            let values = match value_of(values, context) {
                Ok(values) => values.map(Cow::into_owned),
                Err(failure) => {
                    if let Some(record) = record {
                        record.fail("count", words(condition, expected), failure);
                    }
                    return Truth::Unknown;
                }
            };
            let elements = match values {
                Some(Value::Array(elements)) => elements,
                Some(other) => vec![other],
                None => Vec::new(),
            };
            for value in elements {
                context.current.push((name.as_deref(), value));
                let truth = element(count, context, record.is_some(), &mut hits, &mut doubts);
                context.current.pop();
                tally(truth, &mut sure, &mut possible);
            }
            name.clone().unwrap_or_else(|| "value".to_owned())
        }
    };
    let truth = interval(condition, sure, possible, expected);
    if let Some(record) = record {
        match truth {
            Ok(Truth::Unknown) => record.absorb(doubts),
            Ok(_) => {
                record.evidence.push(Evidence {
                    field: format!("count of {name}"),
                    expected: words(condition, expected),
                    actual: Actual::Value(Value::from(sure)),
                    source: String::new(),
                });
                record.absorb(hits);
            }
            Err(ref message) => record.error = Some(message.clone()),
        }
    }
    truth.unwrap_or(Truth::Unknown)
}

fn element<'i>(count: &'i Count, context: &mut Context<'i, '_>, recorded: bool, hits: &mut Record, doubts: &mut Record) -> Truth {
    let Some(condition) = &count.condition else { return Truth::True };
    let mut own = recorded.then(Record::default);
    let truth = node(condition, context, own.as_mut());
    if let Some(own) = own {
        match truth {
            Truth::True => hits.absorb(own),
            Truth::Unknown => doubts.absorb(own),
            Truth::False => {}
        }
    }
    truth
}

fn tally(truth: Truth, sure: &mut u64, possible: &mut Option<u64>) {
    if truth == Truth::True {
        *sure += 1;
    }
    if truth != Truth::False {
        *possible = possible.map(|possible| possible + 1);
    }
}

/// Decides over every number of the interval `[low, high]`; `None` as high is without end.
fn interval(condition: Condition, low: u64, high: Option<u64>, expected: &Value) -> Result<Truth, String> {
    let at = |count: u64| compare::holds(condition, Some(&Value::from(count)), expected);
    if high == Some(low) {
        return at(low).map(Truth::from);
    }
    let wanted = compare::number(expected);
    match (condition, wanted) {
        (Condition::Less | Condition::LessOrEquals | Condition::Greater | Condition::GreaterOrEquals, Some(_)) => {
            let first = at(low)?;
            let last = match high {
                Some(high) => at(high)?,
                None => matches!(condition, Condition::Greater | Condition::GreaterOrEquals),
            };
            Ok(if first == last { first.into() } else { Truth::Unknown })
        }
        (Condition::Equals | Condition::NotEquals, Some(wanted)) => {
            let is_outside = wanted < low as f64 || high.is_some_and(|high| wanted > high as f64) || wanted.fract() != 0.0;
            Ok(if is_outside { Truth::from(condition == Condition::NotEquals) } else { Truth::Unknown })
        }
        _ => Ok(Truth::Unknown),
    }
}

/// The value of an expression; `None` is absent.
pub(crate) fn value_of<'v>(expression: &'v Expression, context: &Context<'_, '_>) -> Result<Option<Cow<'v, Value>>, Failure> {
    match expression {
        Expression::Literal(value) => Ok(Some(Cow::Borrowed(value))),
        Expression::Member(inner, name) => {
            let value = value_of(inner, context)?;
            Ok(value.and_then(|value| value.get(name.as_str()).cloned()).map(Cow::Owned))
        }
        Expression::Index(inner, index) => {
            let (value, index) = (value_of(inner, context)?, value_of(index, context)?);
            let found = match (value, index.as_deref()) {
                (Some(value), Some(Value::String(key))) => value.get(key.as_str()).cloned(),
                (Some(value), Some(index)) => {
                    let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                    index.and_then(|index| value.get(index).cloned())
                }
                _ => None,
            };
            match found {
                Some(found) => Ok(Some(Cow::Owned(found))),
                None => Err(Failure::Error("an index lies outside its list or object".to_owned())),
            }
        }
        Expression::Call(name, arguments) => functions::call(name, arguments, context).map(|value| value.map(Cow::Owned)),
    }
}

/// The value of a field inside an expression: with `[*]` a list.
pub(crate) fn field_value(name: &str, context: &Context<'_, '_>) -> Result<Option<Value>, Failure> {
    let path = field_path(name).map_err(Failure::Error)?;
    let resolved = resolve(context.input, &path, &context.bound);
    if let Some(cut) = resolved.cut.filter(|_| resolved.is_list) {
        return Err(Failure::Unreadable(cut));
    }
    let mut values = Vec::with_capacity(resolved.slots.len());
    for (_, slot) in resolved.slots {
        match slot {
            Slot::Unreadable(unreadable) => return Err(Failure::Unreadable(unreadable)),
            Slot::Absent => {}
            Slot::Text(text) => values.push(Value::String(text.to_owned())),
            Slot::Value(value) => {
                if (value.is_object() || value.is_array())
                    && let Some(below) = unreadable_below(context.input, &path).or_else(|| truncated(context, &path))
                {
                    return Err(Failure::Unreadable(below));
                }
                values.push(value.clone());
            }
        }
    }
    Ok(if resolved.is_list { Some(Value::Array(values)) } else { values.pop() })
}

fn truncated(context: &Context<'_, '_>, path: &FieldPath) -> Option<Unreadable> {
    let is_cut = |unreadable: &&Unreadable| unreadable.reason.kind == UnreadableKind::Truncated && unreadable.field.covers(path);
    context.input.resource.unreadable.iter().find(is_cut).cloned()
}

/// The condition in words: `equals true`, `less than 14`.
fn words(condition: Condition, expected: &Value) -> String {
    let verb = match condition {
        Condition::Equals => "equals",
        Condition::NotEquals => "does not equal",
        Condition::Like => "is like",
        Condition::NotLike => "is not like",
        Condition::Match | Condition::MatchInsensitively => "matches",
        Condition::NotMatch | Condition::NotMatchInsensitively => "does not match",
        Condition::Contains => "contains",
        Condition::NotContains => "does not contain",
        Condition::In => "is in",
        Condition::NotIn => "is not in",
        Condition::ContainsKey => "has the key",
        Condition::NotContainsKey => "lacks the key",
        Condition::Less => "is less than",
        Condition::LessOrEquals => "is at most",
        Condition::Greater => "is greater than",
        Condition::GreaterOrEquals => "is at least",
        Condition::Exists => return if compare::exists(expected) == Ok(true) { "exists" } else { "is absent" }.to_owned(),
    };
    format!("{verb} {}", shortened(expected))
}

fn shortened(value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= MAX_VALUE {
        return value.clone();
    }
    let cut: String = text.chars().take(MAX_VALUE / 4).collect();
    Value::String(format!("{cut}… ({} bytes)", text.len()))
}
