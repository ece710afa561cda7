//! Three-valued evaluation of a compiled condition.

use std::borrow::Cow;

use serde_json::Value;
use skywarden_model::{Actual, Evidence, FieldPath, Unreadable};

use crate::{
    Input, Outcome, Truth, compare,
    compile::{Condition, Count, CountOver, Leaf, Node, Operand},
    expression::Expression,
    functions,
    path::field_path,
    resolve::{Bound, Gap, Place, Slot, concrete, resolve},
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
    pub(crate) current: Vec<Current<'i>>,
}

/// An element of a list that an enclosing `count` over a value stands on.
pub(crate) struct Current<'i> {
    pub(crate) name: Option<&'i str>,
    pub(crate) value: Value,
    /// How many counts over fields enclose this one.
    pub(crate) depth: usize,
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
        for unreadable in other.unreadable {
            if !self.unreadable.contains(&unreadable) {
                self.unreadable.push(unreadable);
            }
        }
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

fn evaluate_leaf<'i>(leaf: &'i Leaf, context: &mut Context<'i, '_>, record: Option<&mut Record>) -> Truth {
    let expected = match value_of(&leaf.expected, context) {
        Ok(expected) => expected.unwrap_or(Cow::Owned(Value::Null)),
        Err(failure) => return failed(record, "the rule's own value", || leaf.condition.name().to_owned(), failure),
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
                Err(failure) => failed(record, "a computed field name", || leaf.condition.name().to_owned(), failure),
            }
        }
        Operand::Value(expression) => match value_of(expression, context) {
            Ok(actual) => test(|| "value".to_owned(), leaf.condition, actual.as_deref(), &expected, record),
            Err(failure) => failed(record, "value", || words(leaf.condition, &expected), failure),
        },
        Operand::Count(count) => counted(count, leaf.condition, &expected, context, record),
    }
}

fn failed(record: Option<&mut Record>, field: &str, expected: impl FnOnce() -> String, failure: Failure) -> Truth {
    if let Some(record) = record {
        record.fail(field, expected(), failure);
    }
    Truth::Unknown
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
    for place in resolved.places() {
        let mut own = record.is_some().then(Record::default);
        match at(place, path, resolved.partial, condition, expected, own.as_mut()) {
            Truth::False => {
                if let (Some(record), Some(own)) = (record.as_deref_mut(), own) {
                    record.absorb(own);
                }
                return Truth::False;
            }
            Truth::True => agreed.absorb(own.unwrap_or_default()),
            Truth::Unknown => {
                verdict = Truth::Unknown;
                unknown.absorb(own.unwrap_or_default());
            }
        }
    }
    if let Some(cut) = resolved.cut {
        verdict = Truth::Unknown;
        if record.is_some() {
            unknown.fail(&path.to_string(), words(condition, expected), Failure::Unreadable(cut.report(path)));
        }
    }
    if let Some(record) = record {
        record.absorb(if verdict == Truth::Unknown { unknown } else { agreed });
    }
    verdict
}

/// The condition on what stands at one place.
fn at(
    place: &Place<'_>,
    path: &FieldPath,
    partial: Option<Gap<'_>>,
    condition: Condition,
    expected: &Value,
    record: Option<&mut Record>,
) -> Truth {
    let name = || concrete(path, &place.indices);
    if let Slot::Unreadable(gap) = place.slot {
        return match record {
            Some(record) => failed(Some(record), &name(), || words(condition, expected), Failure::Unreadable(gap.report(path))),
            None => Truth::Unknown,
        };
    }
    if record.is_none()
        && let (Slot::Text(actual), Some(expected)) = (&place.slot, expected.as_str())
        && matches!(condition, Condition::Equals | Condition::NotEquals)
    {
        return Truth::from(compare::same_text(actual, expected) == (condition == Condition::Equals));
    }
    let actual = place.slot.json();
    if let Some(gap) = partial.filter(|_| place.slot.is_container())
        && !is_settled_by_part(condition, actual.as_deref(), expected)
    {
        return match record {
            Some(record) => failed(Some(record), &name(), || words(condition, expected), Failure::Unreadable(gap.report(path))),
            None => Truth::Unknown,
        };
    }
    test(name, condition, actual.as_deref(), expected, record)
}

/// Whether an object or a list of which parts are missing decides all the same: what was found stays found.
fn is_settled_by_part(condition: Condition, actual: Option<&Value>, expected: &Value) -> bool {
    match condition {
        Condition::Exists => true,
        Condition::Contains | Condition::ContainsKey => compare::holds(condition, actual, expected) == Ok(true),
        Condition::NotContains | Condition::NotContainsKey => compare::holds(condition, actual, expected) == Ok(false),
        _ => false,
    }
}

fn test(
    field: impl FnOnce() -> String,
    condition: Condition,
    actual: Option<&Value>,
    expected: &Value,
    record: Option<&mut Record>,
) -> Truth {
    let holds = compare::holds(condition, actual, expected);
    if let Some(record) = record {
        let field = field();
        if let Err(message) = &holds {
            record.error = Some(format!("{field}: {message}"));
        }
        let actual = actual.map_or(Actual::Absent, |value| Actual::Value(shortened(value)));
        record.evidence.push(Evidence { field, expected: words(condition, expected), actual, source: String::new() });
    }
    holds.map_or(Truth::Unknown, Truth::from)
}

/// A count whose elements may be unknown is an interval; the comparison decides only if both ends agree.
fn counted<'i>(
    count: &'i Count,
    condition: Condition,
    expected: &Value,
    context: &mut Context<'i, '_>,
    record: Option<&mut Record>,
) -> Truth {
    let is_recorded = record.is_some();
    let mut tally = Tally::default();
    let name = match &count.over {
        CountOver::Field(path) => {
            let resolved = resolve(context.input, path, &context.bound);
            if let Some(cut) = resolved.cut {
                tally.without_end(is_recorded, || (path.to_string(), words(condition, expected), cut.report(path)));
            }
            for Place { indices, slot } in resolved.into_places() {
                if let Slot::Unreadable(gap) = slot {
                    let entry = || (concrete(path, &indices), words(condition, expected), gap.report(path));
                    tally.without_end(is_recorded, entry);
                } else {
                    context.bound.push(Bound { path, indices });
                    tally.element(count, context, is_recorded);
                    context.bound.pop();
                }
            }
            path.to_string()
        }
        CountOver::Value { values, name } => {
            let elements = match value_of(values, context).map(|values| values.map(Cow::into_owned)) {
                Ok(Some(Value::Array(elements))) => elements,
                // One thing where a list may stand, as AWS policies have it, is a list of one.
                Ok(Some(Value::Null) | None) => Vec::new(),
                Ok(Some(other)) => vec![other],
                Err(failure) => return failed(record, "count", || words(condition, expected), failure),
            };
            for value in elements {
                let depth = context.bound.len();
                context.current.push(Current { name: name.as_deref(), value, depth });
                tally.element(count, context, is_recorded);
                context.current.pop();
            }
            name.clone().unwrap_or_else(|| "value".to_owned())
        }
    };
    let truth = interval(condition, tally.sure, tally.possible, expected);
    if let Some(record) = record {
        match truth {
            Ok(Truth::Unknown) => record.absorb(tally.doubts),
            Ok(_) => {
                record.evidence.push(Evidence {
                    field: format!("count of {name}"),
                    expected: words(condition, expected),
                    actual: Actual::Value(tally.found()),
                    source: String::new(),
                });
                record.absorb(tally.hits);
            }
            Err(ref message) => record.error = Some(format!("count of {name}: {message}")),
        }
    }
    truth.unwrap_or(Truth::Unknown)
}

/// How many elements were counted, and what that rests on.
struct Tally {
    sure: u64,
    /// `None` is without end.
    possible: Option<u64>,
    hits: Record,
    doubts: Record,
}

impl Default for Tally {
    fn default() -> Self {
        Self { sure: 0, possible: Some(0), hits: Record::default(), doubts: Record::default() }
    }
}

impl Tally {
    fn element<'i>(&mut self, count: &'i Count, context: &mut Context<'i, '_>, is_recorded: bool) {
        let mut own = is_recorded.then(Record::default);
        let truth = count.condition.as_deref().map_or(Truth::True, |condition| node(condition, context, own.as_mut()));
        let own = own.unwrap_or_default();
        if truth == Truth::True {
            self.sure += 1;
            self.hits.absorb(own);
        } else if truth == Truth::Unknown {
            self.doubts.absorb(own);
        }
        if truth != Truth::False {
            self.possible = self.possible.map(|possible| possible + 1);
        }
    }

    fn without_end(&mut self, is_recorded: bool, entry: impl FnOnce() -> (String, String, Unreadable)) {
        self.possible = None;
        if is_recorded {
            let (field, expected, unreadable) = entry();
            self.doubts.fail(&field, expected, Failure::Unreadable(unreadable));
        }
    }

    /// The count as far as it is known.
    fn found(&self) -> Value {
        match self.possible {
            Some(possible) if possible == self.sure => Value::from(self.sure),
            Some(possible) => Value::from(format!("{} to {possible}", self.sure)),
            None => Value::from(format!("at least {}", self.sure)),
        }
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
pub(crate) fn value_of<'i>(expression: &'i Expression, context: &Context<'i, '_>) -> Result<Option<Cow<'i, Value>>, Failure> {
    match expression {
        Expression::Literal(value) => Ok(Some(Cow::Borrowed(value))),
        Expression::Member(inner, name) => {
            let value = value_of(inner, context)?;
            Ok(value.and_then(|value| member(&value, name).cloned()).map(Cow::Owned))
        }
        Expression::Index(inner, index) => {
            let (value, index) = (value_of(inner, context)?, value_of(index, context)?);
            let found = match (value, index.as_deref()) {
                (Some(value), Some(Value::String(key))) => member(&value, key).cloned(),
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
        Expression::Call(name, arguments) => functions::call(name, arguments, context),
    }
}

/// A member of an object by name: the name as it stands, else in any case.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let members = value.as_object()?;
    members.get(name).or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The value of a field inside an expression: with `[*]` a list.
pub(crate) fn field_value(path: &FieldPath, context: &Context<'_, '_>) -> Result<Option<Value>, Failure> {
    let resolved = resolve(context.input, path, &context.bound);
    let unreadable = |gap: Gap<'_>| Err(Failure::Unreadable(gap.report(path)));
    if let Some(cut) = resolved.cut {
        return unreadable(cut);
    }
    let (is_list, partial) = (resolved.is_list, resolved.partial);
    let mut values = Vec::new();
    for place in resolved.into_places() {
        match (&place.slot, partial) {
            (Slot::Unreadable(gap), _) => return unreadable(*gap),
            (slot, Some(gap)) if slot.is_container() => return unreadable(gap),
            (slot, _) => values.extend(slot.json().map(Cow::into_owned)),
        }
    }
    Ok(if is_list { Some(Value::Array(values)) } else { values.pop() })
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
