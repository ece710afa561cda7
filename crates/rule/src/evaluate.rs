//! Three-valued evaluation of a compiled condition.

use std::{borrow::Cow, cell::Cell};

use serde_json::Value;
use skywarden_model::{FieldPath, Segment, Unreadable};
use smallvec::SmallVec;

use crate::{
    Entry, Ground, Input, Outcome, TemplateError, Truth, around, compare,
    compile::{Condition, FieldOperand, Leaf, Node, Operand},
    count::counted,
    expression::Expression,
    functions,
    path::{Way, field_path},
    record::{Found, Kept, Name, Record, Wanted, words},
    resolve::{Bound, Gap, Place, Resolved, Slot, Spot, concrete, is_whole, resolve, single},
};

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
pub(crate) struct Context<'i> {
    pub(crate) ground: Ground<'i>,
    /// What `field()` reads, where it is not the ground itself.
    asked: Option<Ground<'i>>,
    pub(crate) bound: SmallVec<[Bound<'i>; 1]>,
    /// Elements of enclosing counts over values, innermost last.
    pub(crate) current: Vec<Current<'i>>,
    steps: Cell<u32>,
    /// Everything about the resource was read.
    pub(crate) is_whole: bool,
}

impl<'i> Context<'i> {
    pub(crate) fn new(ground: impl Into<Ground<'i>>) -> Self {
        let ground = ground.into();
        Self {
            ground,
            asked: None,
            bound: SmallVec::new(),
            current: Vec::new(),
            steps: Cell::new(MAX_STEPS),
            is_whole: is_whole(&ground.input),
        }
    }

    /// What `field()` reads, with the counts that bind its lists.
    fn asked(&self) -> (&Ground<'i>, &[Bound<'i>]) {
        self.asked.as_ref().map_or((&self.ground, self.bound.as_slice()), |asked| (asked, &[]))
    }

    /// Forgets what was spent.
    pub(crate) fn begin_anew(&self) {
        self.steps.set(MAX_STEPS);
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

pub(crate) fn truth<'i>(root: &'i Node, ground: Ground<'i>, asked: Option<Ground<'i>>) -> Truth {
    let mut context = Context { asked, ..Context::new(ground) };
    node(root, &mut context, None)
}

pub(crate) fn explain<'i, E: From<Entry<'i>>>(root: &'i Node, ground: Ground<'i>, asked: Option<Ground<'i>>) -> Outcome<E> {
    let mut context = Context { asked, ..Context::new(ground) };
    let mut record = Record::default();
    let truth = node(root, &mut context, Some(&mut record));
    record.outcome(truth)
}

/// The value of an expression outside a condition.
pub(crate) fn value(expression: &Expression, input: &Input<'_>) -> Result<Option<Value>, TemplateError> {
    let found = value_of(expression, &Context::new(input)).map(|value| value.map(Cow::into_owned));
    found.map_err(|failure| match failure {
        Failure::Unreadable(unreadable) => TemplateError::Unreadable(unreadable),
        Failure::Error(message) => TemplateError::Failed(message),
    })
}

pub(crate) fn node<'i>(source: &'i Node, context: &mut Context<'i>, record: Option<&mut Record<'i>>) -> Truth {
    match source {
        Node::AllOf(parts) => combine(parts, Truth::False, context, record),
        Node::AnyOf(parts) => combine(parts, Truth::True, context, record),
        Node::Not(part) => node(part, context, record).negate(),
        Node::Leaf(leaf) => evaluate_leaf(leaf, context, record),
    }
}

/// `allOf` is decided by one False, `anyOf` by one True; otherwise any Unknown makes it Unknown.
fn combine<'i>(parts: &'i [Node], decider: Truth, context: &mut Context<'i>, record: Option<&mut Record<'i>>) -> Truth {
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
    let all = record.mark();
    for part in parts {
        let own = record.mark();
        let truth = node(part, context, Some(record));
        if record.keep(truth, decider, &mut undecided, all, own) == Kept::Decision {
            return decider;
        }
    }
    undecided
}

/// What a leaf asks of a value.
#[derive(Clone, Copy)]
pub(crate) struct Test<'i, 't> {
    pub(crate) leaf: &'i Leaf,
    pub(crate) expected: &'t Value,
    /// What is expected, where it lives as long as the rule or its parameters.
    lasting: Option<&'i Value>,
}

impl<'i> Test<'i, '_> {
    #[inline(always)]
    pub(crate) fn wanted(&self) -> Wanted<'i> {
        match (&self.leaf.expected, self.lasting) {
            (Expression::Literal(_), _) => Wanted::Own(self.leaf),
            (_, Some(expected)) => Wanted::Value(self.leaf, expected),
            (_, None) => self.said(),
        }
    }

    #[inline(never)]
    fn said(&self) -> Wanted<'i> {
        Wanted::said(words(self.leaf.condition, self.expected))
    }

    pub(crate) fn holds(&self, actual: Option<&Value>) -> Result<bool, String> {
        compare::holds(self.leaf.condition, actual, self.expected)
    }
}

/// A path, with the field of the rule that it is, if it stands there.
#[derive(Clone, Copy)]
struct Named<'i, 'p> {
    path: &'p Way,
    field: Option<&'i FieldOperand>,
}

impl<'i> Named<'i, '_> {
    #[inline(always)]
    fn at(&self, indices: &[usize], record: &mut Record<'i>) -> Name<'i> {
        match self.field {
            Some(field) => record.name(field, indices),
            None => Name::said(concrete(self.path, indices)),
        }
    }
}

pub(crate) fn evaluate_leaf<'i>(leaf: &'i Leaf, context: &mut Context<'i>, record: Option<&mut Record<'i>>) -> Truth {
    let unworded = || Wanted::said(leaf.condition.name());
    if let Err(failure) = context.spend() {
        return failed(record, |_| (Name::said("the rule"), unworded()), failure);
    }
    if let Expression::Literal(expected) = &leaf.expected {
        return evaluate_test(Test { leaf, expected, lasting: Some(expected) }, context, record);
    }
    match value_of(&leaf.expected, context) {
        Ok(Some(Cow::Borrowed(expected))) => evaluate_test(Test { leaf, expected, lasting: Some(expected) }, context, record),
        Ok(expected) => {
            let expected = expected.map_or(Value::Null, Cow::into_owned);
            evaluate_test(Test { leaf, expected: &expected, lasting: None }, context, record)
        }
        Err(failure) => failed(record, |_| (Name::said("the rule's own value"), unworded()), failure),
    }
}

fn evaluate_test<'i>(test: Test<'i, '_>, context: &mut Context<'i>, record: Option<&mut Record<'i>>) -> Truth {
    match &test.leaf.operand {
        Operand::Field(field) => evaluate_field(Named { path: &field.way, field: Some(field) }, test, context, record),
        Operand::FieldNamed(name) => evaluate_named(name, test, context, record),
        Operand::Value(expression) => {
            let name = |_: &mut Record<'i>| Name::Value;
            match value_of(expression, context) {
                Ok(actual) => {
                    let holds = test.holds(actual.as_deref());
                    let found = || match actual {
                        Some(Cow::Borrowed(value)) => Found::Value(value),
                        Some(Cow::Owned(value)) => Found::made(value),
                        None => Found::Absent,
                    };
                    decided(holds, name, test, found, record)
                }
                Err(failure) => failed(record, |record| (name(record), test.wanted()), failure),
            }
        }
        Operand::Count(count) => counted(count, test, context, record),
    }
}

/// A field whose name is computed.
#[inline(never)]
fn evaluate_named<'i>(name: &'i Expression, test: Test<'i, '_>, context: &Context<'i>, record: Option<&mut Record<'i>>) -> Truth {
    let path = value_of(name, context).and_then(|name| {
        let name = name.as_deref().map(compare::text).unwrap_or_default();
        field_path(&name).map(Way::from).map_err(Failure::Error)
    });
    match path {
        Ok(path) => evaluate_field(Named { path: &path, field: None }, test, context, record),
        Err(failure) => {
            let wanted = || Wanted::said(test.leaf.condition.name());
            failed(record, |_| (Name::said("a computed field name"), wanted()), failure)
        }
    }
}

pub(crate) fn failed<'i>(
    record: Option<&mut Record<'i>>,
    texts: impl FnOnce(&mut Record<'i>) -> (Name<'i>, Wanted<'i>),
    failure: Failure,
) -> Truth {
    if let Some(record) = record {
        let (field, expected) = texts(record);
        record.fail(field, expected, failure);
    }
    Truth::Unknown
}

/// A field, or with an unbound `[*]` all elements of a list.
fn evaluate_field<'i>(field: Named<'i, '_>, test: Test<'i, '_>, context: &Context<'i>, record: Option<&mut Record<'i>>) -> Truth {
    if context.is_whole
        && let Some((spot, indices)) = single(&context.ground, field.path.segments(), field.path.seat, &context.bound)
    {
        let name = |record: &mut Record<'i>| field.at(indices, record);
        // Each by itself: a value that is put together first and copied then costs more than it takes to find it.
        return match spot {
            Spot::Value(value) => decided(test.holds(Some(value)), name, test, || Found::Value(value), record),
            Spot::Text(text) => decided(text_holds(text, test), name, test, || Found::Text(text), record),
            Spot::Absent => decided(test.holds(None), name, test, || Found::Absent, record),
        };
    }
    evaluate_places(field, test, context, record)
}

/// The same where several values stand for one field, or not all of the resource was read.
#[inline(never)]
fn evaluate_places<'i>(
    field: Named<'i, '_>,
    test: Test<'i, '_>,
    context: &Context<'i>,
    record: Option<&mut Record<'i>>,
) -> Truth {
    let resolved = resolve(&context.ground, field.path, &context.bound);
    let (cut, partial) = (resolved.cut, resolved.partial);
    let Some(record) = record else {
        let mut verdict = if cut.is_some() { Truth::Unknown } else { Truth::True };
        for place in resolved.into_places() {
            match at(place, field, partial, test, None) {
                Truth::False => return Truth::False,
                Truth::True => {}
                Truth::Unknown => verdict = Truth::Unknown,
            }
        }
        return verdict;
    };
    let mut verdict = Truth::True;
    let all = record.mark();
    for place in resolved.into_places() {
        let own = record.mark();
        let truth = at(place, field, partial, test, Some(record));
        if record.keep(truth, Truth::False, &mut verdict, all, own) == Kept::Decision {
            return Truth::False;
        }
    }
    if let Some(cut) = cut {
        let own = record.mark();
        let name = field.at(&[], record);
        record.fail(name, test.wanted(), Failure::Unreadable(cut.report(field.path)));
        record.keep(Truth::Unknown, Truth::False, &mut verdict, all, own);
    }
    verdict
}

/// The condition on what stands at one place.
fn at<'i>(
    place: Place<'i>,
    field: Named<'i, '_>,
    partial: Option<Gap<'_>>,
    test: Test<'i, '_>,
    record: Option<&mut Record<'i>>,
) -> Truth {
    let name = |record: &mut Record<'i>| field.at(&place.indices, record);
    let unknown = |record: Option<&mut Record<'i>>, gap: Gap<'_>| match record {
        Some(record) => {
            let failure = Failure::Unreadable(gap.report(field.path));
            failed(Some(record), |record| (name(record), test.wanted()), failure)
        }
        None => Truth::Unknown,
    };
    if let Slot::Unreadable(gap) = place.slot {
        return unknown(record, gap);
    }
    if let Some(gap) = partial.filter(|_| place.slot.is_container())
        && !is_settled_by_part(test, place.slot.json().as_deref())
    {
        return unknown(record, gap);
    }
    decided(compared(&place.slot, test), name, test, || place.slot.into(), record)
}

/// The condition on what is known whole.
fn compared(slot: &Slot<'_>, test: Test<'_, '_>) -> Result<bool, String> {
    match slot {
        Slot::Text(text) => text_holds(text, test),
        other => test.holds(other.json().as_deref()),
    }
}

/// The condition on text that is no JSON value in the resource.
fn text_holds(actual: &str, test: Test<'_, '_>) -> Result<bool, String> {
    let value = || Value::String(actual.to_owned());
    let equals = |expected: &Value| match expected {
        Value::String(expected) => compare::same_text(actual, expected),
        other => compare::same(&value(), other),
    };
    Ok(match (test.leaf.condition, test.expected) {
        (Condition::Equals, expected) => equals(expected),
        (Condition::NotEquals, expected) => !equals(expected),
        (Condition::In, Value::Array(options)) => options.iter().any(equals),
        (Condition::NotIn, Value::Array(options)) => !options.iter().any(equals),
        (Condition::Match, Value::String(pattern)) => compare::text_matches(actual, pattern, compare::Case::Kept),
        (Condition::NotMatch, Value::String(pattern)) => !compare::text_matches(actual, pattern, compare::Case::Kept),
        (Condition::Exists, Value::Bool(wanted)) => *wanted,
        _ => return test.holds(Some(&value())),
    })
}

/// Whether an object or a list of which parts are missing decides all the same: what was found stays found.
fn is_settled_by_part(test: Test<'_, '_>, actual: Option<&Value>) -> bool {
    match test.leaf.condition {
        Condition::Exists => true,
        Condition::Contains | Condition::ContainsKey => test.holds(actual) == Ok(true),
        Condition::NotContains | Condition::NotContainsKey => test.holds(actual) == Ok(false),
        _ => false,
    }
}

#[inline(always)]
fn decided<'i>(
    holds: Result<bool, String>,
    field: impl FnOnce(&mut Record<'i>) -> Name<'i>,
    test: Test<'i, '_>,
    actual: impl FnOnce() -> Found<'i>,
    record: Option<&mut Record<'i>>,
) -> Truth {
    if let Some(record) = record {
        let field = field(record);
        record.note(field, test.wanted(), actual());
        if let Err(message) = &holds {
            record.err_of_last(message);
        }
    }
    holds.map_or(Truth::Unknown, Truth::from)
}

/// The value of an expression; `None` is absent.
pub(crate) fn value_of<'i>(expression: &'i Expression, context: &Context<'i>) -> Result<Option<Cow<'i, Value>>, Failure> {
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
                return around::part(*function, name, &context.ground.input);
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
pub(crate) fn field_function<'i>(path: &Way, context: &Context<'i>) -> Result<Option<Cow<'i, Value>>, Failure> {
    let (ground, bound) = context.asked();
    let has_list = path.segments().contains(&Segment::Each);
    if !has_list
        && context.asked.is_none()
        && let Some(value) = whole_value(path, context)
    {
        return Ok(value);
    }
    let mut resolved = resolve(ground, path, bound);
    resolved.is_list = has_list;
    value_in(path, resolved)
}

/// What `current()` answers: with a `[*]` that no count stands on a list.
pub(crate) fn current_value<'i>(path: &Way, context: &Context<'i>) -> Result<Option<Cow<'i, Value>>, Failure> {
    match whole_value(path, context) {
        Some(value) => Ok(value),
        None => value_in(path, resolve(&context.ground, path, &context.bound)),
    }
}

/// The one value at a path in a resource of which nothing is unknown; `None` if it takes longer to tell.
fn whole_value<'i>(path: &Way, context: &Context<'i>) -> Option<Option<Cow<'i, Value>>> {
    let (spot, _) = context.is_whole.then(|| single(&context.ground, path.segments(), path.seat, &context.bound))??;
    Some(match spot {
        Spot::Value(value) => Some(Cow::Borrowed(value)),
        Spot::Text(text) => Some(Cow::Owned(Value::String(text.to_owned()))),
        Spot::Absent => None,
    })
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
