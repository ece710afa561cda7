//! Three-valued evaluation of a compiled condition.

use std::{
    borrow::Cow,
    cell::Cell,
    sync::{Arc, OnceLock},
};

use serde_json::Value;
use skywarden_model::{Actual, Evidence, FieldPath, Segment, Unreadable};

use crate::{
    Input, Outcome, TemplateError, Truth, around, compare,
    compile::{Condition, Leaf, Node, Operand},
    count::counted,
    expression::Expression,
    functions,
    path::{field_path, is_key},
    resolve::{Bound, Gap, Place, Resolved, Slot, concrete, is_whole, resolve, single},
};

/// Evidence entries of one outcome at most.
const MAX_EVIDENCE: usize = 20;

/// A value in evidence, as JSON, at most this long.
const MAX_VALUE: usize = 1024;

/// Conditions and calls that one evaluation makes at most: a count inside a count over long lists would take minutes.
const MAX_STEPS: u32 = 1_000_000;

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
    /// What `field()` reads, where it is not the input itself.
    asked: Option<&'i Input<'a>>,
    pub(crate) bound: Vec<Bound<'i>>,
    /// Elements of enclosing counts over values, innermost last.
    pub(crate) current: Vec<Current<'i>>,
    steps: Cell<u32>,
    /// Everything about the resource was read.
    is_whole: bool,
}

impl<'i, 'a> Context<'i, 'a> {
    fn new(input: &'i Input<'a>) -> Self {
        Self {
            input,
            asked: None,
            bound: Vec::new(),
            current: Vec::new(),
            steps: Cell::new(MAX_STEPS),
            is_whole: is_whole(input),
        }
    }

    /// What `field()` reads, with the counts that bind its lists.
    fn asked(&self) -> (&'i Input<'a>, &[Bound<'i>]) {
        self.asked.map_or((self.input, self.bound.as_slice()), |asked| (asked, &[]))
    }

    /// One condition or call more.
    pub(crate) fn spend(&self) -> Result<(), Failure> {
        let left = self.steps.get().checked_sub(1);
        self.steps.set(left.unwrap_or_default());
        left.map(drop).ok_or_else(|| Failure::Error(format!("it takes more than {MAX_STEPS} steps on this resource")))
    }
}

/// An element of a list that an enclosing `count` over a value stands on.
pub(crate) struct Current<'i> {
    pub(crate) name: Option<&'i str>,
    pub(crate) value: Cow<'i, Value>,
    /// How many counts over fields enclose this one.
    pub(crate) depth: usize,
}

/// Collects what decided; without it only the verdict is computed.
#[derive(Default)]
pub(crate) struct Record {
    evidence: Vec<Evidence>,
    unreadable: Vec<Unreadable>,
    pub(crate) error: Option<String>,
}

pub(crate) fn truth(root: &Node, input: &Input<'_>) -> Truth {
    let mut context = Context::new(input);
    node(root, &mut context, None)
}

pub(crate) fn explain<'i, 'a>(root: &'i Node, input: &'i Input<'a>, asked: Option<&'i Input<'a>>) -> Outcome {
    let mut context = Context { asked, ..Context::new(input) };
    let mut record = Record::default();
    let truth = node(root, &mut context, Some(&mut record));
    record.evidence.truncate(MAX_EVIDENCE);
    if truth != Truth::Unknown {
        record.unreadable.clear();
        record.error = None;
    }
    Outcome { truth, evidence: record.evidence, unreadable: record.unreadable, error: record.error }
}

/// The value of an expression outside a condition.
pub(crate) fn value(expression: &Expression, input: &Input<'_>) -> Result<Option<Value>, TemplateError> {
    let found = value_of(expression, &Context::new(input)).map(|value| value.map(Cow::into_owned));
    found.map_err(|failure| match failure {
        Failure::Unreadable(unreadable) => TemplateError::Unreadable(unreadable),
        Failure::Error(message) => TemplateError::Failed(message),
    })
}

/// The verdict if only conditions on type, name and kind were known.
pub(crate) fn concerns(root: &Node, input: &Input<'_>) -> Truth {
    let parts = |parts: &[Node], decider: Truth| {
        let mut undecided = decider.negate();
        for part in parts {
            match concerns(part, input) {
                truth if truth == decider => return decider,
                Truth::Unknown => undecided = Truth::Unknown,
                _ => {}
            }
        }
        undecided
    };
    match root {
        Node::AllOf(nodes) => parts(nodes, Truth::False),
        Node::AnyOf(nodes) => parts(nodes, Truth::True),
        Node::Not(part) => concerns(part, input).negate(),
        Node::Leaf(leaf) => match &leaf.operand {
            Operand::Field(path, _) if is_identity(path) => evaluate_leaf(leaf, &mut Context::new(input), None),
            _ => Truth::Unknown,
        },
    }
}

fn is_identity(path: &FieldPath) -> bool {
    path.segments().len() == 1 && ["type", "name", "kind"].iter().any(|own| is_key(path.segments().first(), own))
}

pub(crate) fn node<'i>(source: &'i Node, context: &mut Context<'i, '_>, record: Option<&mut Record>) -> Truth {
    match source {
        Node::AllOf(parts) => combine(parts, Truth::False, context, record),
        Node::AnyOf(parts) => combine(parts, Truth::True, context, record),
        Node::Not(part) => node(part, context, record).negate(),
        Node::Leaf(leaf) => evaluate_leaf(leaf, context, record),
    }
}

/// `allOf` is decided by one False, `anyOf` by one True; otherwise any Unknown makes it Unknown.
fn combine<'i>(parts: &'i [Node], decider: Truth, context: &mut Context<'i, '_>, record: Option<&mut Record>) -> Truth {
    let mut undecided = decider.negate();
    let Some(record) = record else {
        for part in parts {
            match node(part, context, None) {
                truth if truth == decider => return decider,
                Truth::Unknown => undecided = Truth::Unknown,
                _ => {}
            }
        }
        return undecided;
    };
    let mut agreed = Record::default();
    let mut unknown = Record::default();
    for part in parts {
        let mut own = Record::default();
        match node(part, context, Some(&mut own)) {
            truth if truth == decider => {
                record.absorb(own);
                return decider;
            }
            Truth::Unknown => {
                undecided = Truth::Unknown;
                unknown.absorb(own);
            }
            _ => agreed.absorb(own),
        }
    }
    record.absorb(if undecided == Truth::Unknown { unknown } else { agreed });
    undecided
}

impl Record {
    /// Most records hold one entry, and few levels of a rule hold more than one record: what can be moved whole is.
    pub(crate) fn absorb(&mut self, other: Self) {
        if self.evidence.is_empty() {
            self.evidence = other.evidence;
        } else {
            let room = MAX_EVIDENCE.saturating_sub(self.evidence.len());
            self.evidence.extend(other.evidence.into_iter().take(room));
        }
        if self.unreadable.is_empty() {
            self.unreadable = other.unreadable;
        } else {
            for unreadable in other.unreadable {
                if !self.unreadable.contains(&unreadable) {
                    self.unreadable.push(unreadable);
                }
            }
        }
        self.error = self.error.take().or(other.error);
    }

    pub(crate) fn note(&mut self, evidence: Evidence) {
        if self.evidence.is_empty() {
            self.evidence.reserve_exact(1);
        }
        if self.evidence.len() < MAX_EVIDENCE {
            self.evidence.push(evidence);
        }
    }

    pub(crate) fn fail(&mut self, field: Arc<str>, expected: Arc<str>, failure: Failure) {
        match failure {
            Failure::Unreadable(unreadable) => {
                let actual = Actual::Unreadable(unreadable.reason.clone());
                self.note(Evidence { field, expected, actual, source: Arc::default() });
                if !self.unreadable.contains(&unreadable) {
                    self.unreadable.push(unreadable);
                }
            }
            Failure::Error(message) => self.error = Some(message),
        }
    }
}

/// What a leaf asks of a value, with the texts that evidence says it in.
#[derive(Clone, Copy)]
pub(crate) struct Test<'t> {
    pub(crate) condition: Condition,
    pub(crate) expected: &'t Value,
    /// Where the words are kept, if they are the same for every resource.
    words: Option<&'t OnceLock<Arc<str>>>,
}

impl Test<'_> {
    pub(crate) fn words(&self) -> Arc<str> {
        let make = || words(self.condition, self.expected).into();
        self.words.map_or_else(make, |kept| Arc::clone(kept.get_or_init(make)))
    }

    pub(crate) fn holds(&self, actual: Option<&Value>) -> Result<bool, String> {
        compare::holds(self.condition, actual, self.expected)
    }
}

/// A path with the place where its text is kept, if the path stands in the rule.
#[derive(Clone, Copy)]
struct Named<'p> {
    path: &'p FieldPath,
    text: Option<&'p OnceLock<Arc<str>>>,
}

impl Named<'_> {
    fn at(&self, indices: &[usize]) -> Arc<str> {
        match self.text {
            Some(kept) if indices.is_empty() => Arc::clone(kept.get_or_init(|| self.path.to_string().into())),
            _ => concrete(self.path, indices).into(),
        }
    }
}

fn evaluate_leaf<'i>(leaf: &'i Leaf, context: &mut Context<'i, '_>, record: Option<&mut Record>) -> Truth {
    let condition = leaf.condition;
    if let Err(failure) = context.spend() {
        return failed(record, || ("the rule".into(), condition.name().into()), failure);
    }
    let expected = match value_of(&leaf.expected, context) {
        Ok(expected) => expected.unwrap_or(Cow::Owned(Value::Null)),
        Err(failure) => return failed(record, || ("the rule's own value".into(), condition.name().into()), failure),
    };
    let is_literal = matches!(leaf.expected, Expression::Literal(_));
    let test = Test { condition, expected: &expected, words: is_literal.then_some(&leaf.words) };
    match &leaf.operand {
        Operand::Field(path, text) => field(Named { path, text: Some(text) }, test, context, record),
        Operand::FieldNamed(name) => {
            let path = value_of(name, context).and_then(|name| {
                let name = name.as_deref().map(compare::text).unwrap_or_default();
                field_path(&name).map_err(Failure::Error)
            });
            match path {
                Ok(path) => field(Named { path: &path, text: None }, test, context, record),
                Err(failure) => failed(record, || ("a computed field name".into(), condition.name().into()), failure),
            }
        }
        Operand::Value(expression) => match value_of(expression, context) {
            Ok(actual) => decide(|| "value".into(), test, actual.as_deref(), record),
            Err(failure) => failed(record, || ("value".into(), test.words()), failure),
        },
        Operand::Count(count) => counted(count, test, context, record),
    }
}

pub(crate) fn failed(record: Option<&mut Record>, texts: impl FnOnce() -> (Arc<str>, Arc<str>), failure: Failure) -> Truth {
    if let Some(record) = record {
        let (field, expected) = texts();
        record.fail(field, expected, failure);
    }
    Truth::Unknown
}

/// A field, or with an unbound `[*]` all elements of a list.
fn field(field: Named<'_>, test: Test<'_>, context: &Context<'_, '_>, record: Option<&mut Record>) -> Truth {
    if record.is_none()
        && context.is_whole
        && let Some(slot) = single(context.input, field.path.segments())
    {
        return holds(&slot, test);
    }
    let resolved = resolve(context.input, field.path, &context.bound);
    let Some(record) = record else {
        let mut verdict = if resolved.cut.is_some() { Truth::Unknown } else { Truth::True };
        for place in resolved.places() {
            match at(place, field, resolved.partial, test, None) {
                Truth::False => return Truth::False,
                Truth::True => {}
                Truth::Unknown => verdict = Truth::Unknown,
            }
        }
        return verdict;
    };
    let mut verdict = Truth::True;
    let mut agreed = Record::default();
    let mut unknown = Record::default();
    for place in resolved.places() {
        let mut own = Record::default();
        match at(place, field, resolved.partial, test, Some(&mut own)) {
            Truth::False => {
                record.absorb(own);
                return Truth::False;
            }
            Truth::True => agreed.absorb(own),
            Truth::Unknown => {
                verdict = Truth::Unknown;
                unknown.absorb(own);
            }
        }
    }
    if let Some(cut) = resolved.cut {
        verdict = Truth::Unknown;
        unknown.fail(field.at(&[]), test.words(), Failure::Unreadable(cut.report(field.path)));
    }
    record.absorb(if verdict == Truth::Unknown { unknown } else { agreed });
    verdict
}

/// The condition on what stands at one place.
fn at(place: &Place<'_>, field: Named<'_>, partial: Option<Gap<'_>>, test: Test<'_>, record: Option<&mut Record>) -> Truth {
    let name = || field.at(&place.indices);
    let unknown = |record: Option<&mut Record>, gap: Gap<'_>| match record {
        Some(record) => failed(Some(record), || (name(), test.words()), Failure::Unreadable(gap.report(field.path))),
        None => Truth::Unknown,
    };
    if let Slot::Unreadable(gap) = place.slot {
        return unknown(record, gap);
    }
    if record.is_none() && !place.slot.is_container() {
        return holds(&place.slot, test);
    }
    let actual = place.slot.json();
    if let Some(gap) = partial.filter(|_| place.slot.is_container())
        && !is_settled_by_part(test, actual.as_deref())
    {
        return unknown(record, gap);
    }
    decide(name, test, actual.as_deref(), record)
}

/// The condition on what is known whole.
fn holds(slot: &Slot<'_>, test: Test<'_>) -> Truth {
    if let (Slot::Text(actual), Some(expected)) = (slot, test.expected.as_str())
        && matches!(test.condition, Condition::Equals | Condition::NotEquals)
    {
        return Truth::from(compare::same_text(actual, expected) == (test.condition == Condition::Equals));
    }
    test.holds(slot.json().as_deref()).map_or(Truth::Unknown, Truth::from)
}

/// Whether an object or a list of which parts are missing decides all the same: what was found stays found.
fn is_settled_by_part(test: Test<'_>, actual: Option<&Value>) -> bool {
    match test.condition {
        Condition::Exists => true,
        Condition::Contains | Condition::ContainsKey => test.holds(actual) == Ok(true),
        Condition::NotContains | Condition::NotContainsKey => test.holds(actual) == Ok(false),
        _ => false,
    }
}

fn decide(field: impl FnOnce() -> Arc<str>, test: Test<'_>, actual: Option<&Value>, record: Option<&mut Record>) -> Truth {
    let holds = test.holds(actual);
    if let Some(record) = record {
        let field = field();
        if let Err(message) = &holds {
            record.error = Some(format!("{field}: {message}"));
        }
        let actual = actual.map_or(Actual::Absent, |value| Actual::Value(shortened(value)));
        record.note(Evidence { field, expected: test.words(), actual, source: Arc::default() });
    }
    holds.map_or(Truth::Unknown, Truth::from)
}

/// The value of an expression; `None` is absent.
pub(crate) fn value_of<'i>(expression: &'i Expression, context: &Context<'i, '_>) -> Result<Option<Cow<'i, Value>>, Failure> {
    match expression {
        Expression::Literal(value) => Ok(Some(Cow::Borrowed(value))),
        Expression::Field(path) => field_function(path, context),
        Expression::Parameter(name) => functions::parameter(name, context).map(Some),
        Expression::Innermost => functions::innermost(context),
        Expression::Current(name, path) => match (functions::named(name, context), path) {
            (Some(value), _) => Ok(Some(value)),
            (None, Ok(path)) => current_value(path, context),
            (None, Err(problem)) => Err(Failure::Error(problem.clone())),
        },
        Expression::Member(inner, name) => {
            if let Expression::Call(function, _) = &**inner
                && around::is_around(*function)
            {
                return around::part(*function, name, context.input);
            }
            let value = value_of(inner, context)?;
            Ok(value.and_then(|value| within(value, |value| member(value, name))))
        }
        Expression::Index(inner, index) => {
            let (value, index) = (value_of(inner, context)?, value_of(index, context)?);
            let found = match (value, index.as_deref()) {
                (Some(value), Some(Value::String(key))) => within(value, |value| member(value, key)),
                (Some(value), Some(index)) => {
                    let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                    index.and_then(|index| within(value, |value| value.get(index)))
                }
                _ => None,
            };
            match found {
                Some(found) => Ok(Some(found)),
                None => Err(Failure::Error("an index lies outside its list or object".to_owned())),
            }
        }
        Expression::Call(function, arguments) => functions::call(*function, arguments, context),
    }
}

/// A part of a value, borrowed where the whole is.
fn within<'i>(whole: Cow<'i, Value>, part: impl for<'v> FnOnce(&'v Value) -> Option<&'v Value>) -> Option<Cow<'i, Value>> {
    match whole {
        Cow::Borrowed(whole) => part(whole).map(Cow::Borrowed),
        Cow::Owned(whole) => part(&whole).cloned().map(Cow::Owned),
    }
}

/// A member of an object by name: the name as it stands, else in any case.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let members = value.as_object()?;
    members.get(name).or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// What `field()` answers: with `[*]` always a list, in a count one of the element that it stands on.
pub(crate) fn field_function<'i>(path: &FieldPath, context: &Context<'i, '_>) -> Result<Option<Cow<'i, Value>>, Failure> {
    let (input, bound) = context.asked();
    let mut resolved = resolve(input, path, bound);
    resolved.is_list = path.segments().contains(&Segment::Each);
    value_in(path, resolved)
}

/// What `current()` answers: with a `[*]` that no count stands on a list.
pub(crate) fn current_value<'i>(path: &FieldPath, context: &Context<'i, '_>) -> Result<Option<Cow<'i, Value>>, Failure> {
    value_in(path, resolve(context.input, path, &context.bound))
}

fn value_in<'i>(path: &FieldPath, resolved: Resolved<'i>) -> Result<Option<Cow<'i, Value>>, Failure> {
    let unreadable = |gap: Gap<'_>| Err(Failure::Unreadable(gap.report(path)));
    if let Some(cut) = resolved.cut {
        return unreadable(cut);
    }
    let (is_list, partial) = (resolved.is_list, resolved.partial);
    let is_of_elements = path.segments().last() == Some(&Segment::Each);
    let mut values = Vec::new();
    for place in resolved.into_places() {
        match (place.slot, partial) {
            (Slot::Unreadable(gap), _) => return unreadable(gap),
            (slot, Some(gap)) if slot.is_container() => return unreadable(gap),
            // An element that is null is one all the same, as `count` has it; a member that an element lacks is no value.
            (Slot::Absent, _) if is_list && is_of_elements => values.push(Value::Null),
            (slot, _) if is_list => values.extend(slot.into_json().map(Cow::into_owned)),
            (slot, _) => return Ok(slot.into_json()),
        }
    }
    Ok(is_list.then_some(Cow::Owned(Value::Array(values))))
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
    let is_short = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        // A character takes six bytes as an escape.
        Value::String(text) => text.len() <= MAX_VALUE / 6 - 2,
        Value::Array(_) | Value::Object(_) => false,
    };
    if is_short {
        return value.clone();
    }
    let text = value.to_string();
    if text.len() <= MAX_VALUE {
        return value.clone();
    }
    let cut: String = text.chars().take(MAX_VALUE / 4).collect();
    Value::String(format!("{cut}… ({} bytes)", text.len()))
}
