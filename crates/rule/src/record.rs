//! What decided a condition: noted while it is evaluated, put into words only if it decided in the end.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use skywarden_model::{Actual, Segment, Unreadable, UnreadableReason};
use smallvec::SmallVec;

use crate::{
    Outcome, Truth, compare,
    compile::{Condition, Count, FieldOperand, Leaf},
    entry::{Entry, Observed, Words, shortened},
    evaluate::Failure,
    expression::Expression,
    resolve::{Slot, concrete},
};

/// Evidence entries of one outcome at most.
pub const MAX_EVIDENCE: usize = 20;

/// What evidence calls a computed value.
static VALUE: LazyLock<Arc<str>> = LazyLock::new(|| "value".into());

/// Collects what decided. Parts of a condition add to it one after the other; what a part added is taken back by its [`Mark`].
#[derive(Default)]
pub(crate) struct Record<'i> {
    notes: SmallVec<[Note<'i>; 6]>,
    /// The list positions of the notes' fields, one after the other.
    positions: SmallVec<[usize; 6]>,
    unreadable: Vec<Unreadable>,
    error: Option<String>,
}

/// How much a record held at some time.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    n_notes: usize,
    n_positions: usize,
    n_unreadable: usize,
    has_error: bool,
}

/// One observation. Few are put into words, all are moved about: their parts are whole words, and what is rare is boxed.
struct Note<'i> {
    field: Name<'i>,
    expected: Wanted<'i>,
    actual: Found<'i>,
}

/// What an observation is about.
pub(crate) enum Name<'i> {
    /// A field of the rule; its text is kept there.
    Field(&'i FieldOperand),
    /// The same with list positions, which the record keeps from a place on, as many as the path has.
    Element(&'i FieldOperand, usize),
    /// A count of the rule; its text is kept there.
    Count(&'i Count),
    /// A computed value.
    Value,
    Said(Box<str>),
}

/// What was expected.
pub(crate) enum Wanted<'i> {
    /// The literal that a condition of the rule expects; the words are kept there.
    Own(&'i Leaf),
    Value(&'i Leaf, &'i Value),
    Said(Box<str>),
}

/// What was there.
pub(crate) enum Found<'i> {
    Value(&'i Value),
    Text(&'i str),
    True,
    False,
    Number(u64),
    Made(Box<Value>),
    Absent,
    Unread(Arc<UnreadableReason>),
}

/// What [`Record::keep`] made of a part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It decides: what the other parts had added was taken back.
    Decision,
    /// More parts may follow.
    Part,
}

impl<'i> Record<'i> {
    /// Keeps of a part what its verdict needs: of the one that decides all, else of those that are unknown, else of all. `all` is
    /// where the parts begin, `own` where this one does.
    pub(crate) fn keep(&mut self, truth: Truth, decider: Truth, undecided: &mut Truth, all: Mark, own: Mark) -> Kept {
        if truth == decider {
            self.forget(all, own);
            return Kept::Decision;
        }
        match (truth, *undecided) {
            (Truth::Unknown, Truth::Unknown) => {}
            (Truth::Unknown, _) => {
                self.forget_notes(all, own);
                *undecided = Truth::Unknown;
            }
            (_, Truth::Unknown) => self.reset(own),
            _ => {}
        }
        self.notes.truncate(all.n_notes + MAX_EVIDENCE);
        Kept::Part
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            n_notes: self.notes.len(),
            n_positions: self.positions.len(),
            n_unreadable: self.unreadable.len(),
            has_error: self.error.is_some(),
        }
    }

    /// Takes back what was added between two marks; what was added since the second stays, and it is decided: nothing in it is
    /// unreadable.
    pub(crate) fn forget(&mut self, from: Mark, to: Mark) {
        self.forget_notes(from, to);
        self.unreadable.truncate(from.n_unreadable);
        if !from.has_error {
            self.error = None;
        }
    }

    /// Takes back what was added since a mark.
    pub(crate) fn reset(&mut self, to: Mark) {
        self.notes.truncate(to.n_notes);
        self.positions.truncate(to.n_positions);
        self.unreadable.truncate(to.n_unreadable);
        if !to.has_error {
            self.error = None;
        }
    }

    /// Takes back the notes between two marks; what could not be read stays.
    pub(crate) fn forget_notes(&mut self, from: Mark, to: Mark) {
        if from.n_notes < to.n_notes {
            self.notes.drain(from.n_notes..to.n_notes);
        }
    }

    /// Takes out what was added since a mark.
    pub(crate) fn split_off(&mut self, at: Mark, into: &mut Self) {
        for note in self.notes.drain(at.n_notes..) {
            let field = match note.field {
                Name::Element(field, start) => {
                    let moved = into.positions.len();
                    into.positions.extend_from_slice(positions(&self.positions, field, start));
                    Name::Element(field, moved)
                }
                other => other,
            };
            into.notes.push(Note { field, ..note });
        }
        self.positions.truncate(at.n_positions);
        for unreadable in self.unreadable.drain(at.n_unreadable..) {
            into.lacks(unreadable);
        }
        if !at.has_error {
            into.error = into.error.take().or_else(|| self.error.take());
        }
    }

    /// Adds all that another record holds.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        let start = Mark { n_notes: 0, n_positions: 0, n_unreadable: 0, has_error: false };
        other.split_off(start, self);
    }

    #[inline(always)]
    pub(crate) fn note(&mut self, field: Name<'i>, expected: Wanted<'i>, actual: Found<'i>) {
        self.notes.push(Note { field, expected, actual });
    }

    /// The name of a field with these list positions.
    #[inline(always)]
    pub(crate) fn name(&mut self, field: &'i FieldOperand, indices: &[usize]) -> Name<'i> {
        if indices.is_empty() { Name::Field(field) } else { self.element(field, indices) }
    }

    fn element(&mut self, field: &'i FieldOperand, indices: &[usize]) -> Name<'i> {
        if indices.len() < n_lists(field) {
            return Name::said(concrete(&field.way, indices));
        }
        let start = self.positions.len();
        self.positions.extend_from_slice(indices);
        Name::Element(field, start)
    }

    /// Notes something before what was added since a mark.
    pub(crate) fn note_at(&mut self, mark: Mark, field: Name<'i>, expected: Wanted<'i>, actual: Found<'i>) {
        self.notes.insert(mark.n_notes, Note { field, expected, actual });
    }

    /// Notes why something is not known.
    pub(crate) fn fail(&mut self, field: Name<'i>, expected: Wanted<'i>, failure: Failure) {
        match failure {
            Failure::Unreadable(unreadable) => {
                self.note(field, expected, Found::Unread(Arc::clone(&unreadable.reason)));
                self.lacks(unreadable);
            }
            Failure::Error(message) => self.err(message),
        }
    }

    /// Notes that a comparison or a function failed; the first failure counts.
    pub(crate) fn err(&mut self, message: String) {
        self.error.get_or_insert(message);
    }

    /// Notes that the comparison failed that was noted last.
    #[cold]
    pub(crate) fn err_of_last(&mut self, message: &str) {
        let Some(last) = self.notes.last_mut() else { return self.err(message.to_owned()) };
        let field = last.field.words(&self.positions);
        let message = format!("{}: {message}", &*field);
        last.field = Name::said(&*field);
        self.err(message);
    }

    fn lacks(&mut self, unreadable: Unreadable) {
        if !self.unreadable.contains(&unreadable) {
            self.unreadable.push(unreadable);
        }
    }

    /// Whether what was noted first is about this very field of the rule, not only about one of its name.
    pub(crate) fn begins_with(&self, field: &FieldOperand) -> bool {
        matches!(self.notes.first().map(|note| &note.field), Some(Name::Field(own)) if std::ptr::eq(*own, field))
    }

    /// All of it in words; the record is empty then.
    pub(crate) fn outcome<E: From<Entry<'i>>>(&mut self, truth: Truth) -> Outcome<E> {
        let positions = &self.positions;
        let evidence = self.notes.iter_mut().take(MAX_EVIDENCE).map(|note| note.entry(positions).into()).collect();
        self.notes.clear();
        let (unreadable, error) = (std::mem::take(&mut self.unreadable), self.error.take());
        if truth == Truth::Unknown {
            Outcome { truth, evidence, unreadable, error }
        } else {
            Outcome { truth, evidence, unreadable: Vec::new(), error: None }
        }
    }
}

impl<'i> Note<'i> {
    /// It in words; what was made for it is taken out of it.
    #[inline]
    fn entry(&mut self, positions: &[usize]) -> Entry<'i> {
        let actual = match &mut self.actual {
            Found::Value(value) => Observed::value(value),
            Found::Text(text) => Observed::text(text),
            Found::True => Observed::made(Value::Bool(true)),
            Found::False => Observed::made(Value::Bool(false)),
            Found::Number(value) => Observed::made(Value::from(*value)),
            Found::Made(value) => Observed::made(value.take()),
            Found::Absent => Observed::Made(Actual::Absent),
            Found::Unread(reason) => Observed::Made(Actual::Unreadable(Arc::clone(reason))),
        };
        Entry { field: self.field.words(positions), expected: self.expected.words(), actual }
    }
}

/// The positions of a field that a record keeps from a place on.
fn positions<'p>(kept: &'p [usize], field: &FieldOperand, start: usize) -> &'p [usize] {
    kept.get(start..start + n_lists(field)).unwrap_or_default()
}

/// How many lists the path of a field steps into.
fn n_lists(field: &FieldOperand) -> usize {
    field.way.segments().iter().filter(|step| **step == Segment::Each).count()
}

impl<'i> Name<'i> {
    pub(crate) fn said(text: impl Into<Box<str>>) -> Self {
        Self::Said(text.into())
    }

    /// It in words; those that were made for it are taken out of it.
    #[inline]
    fn words(&mut self, kept: &[usize]) -> Words<'i> {
        match self {
            Self::Field(field) => Words::Kept(field.text.get_or_init(|| field.way.path.to_string().into())),
            Self::Element(field, start) => Words::Made(concrete(&field.way, positions(kept, field, *start))),
            Self::Count(count) => Words::Kept(count.text()),
            Self::Value => Words::Kept(&VALUE),
            Self::Said(text) => Words::Made(std::mem::take(text).into_string()),
        }
    }
}

impl<'i> Wanted<'i> {
    pub(crate) fn said(text: impl Into<Box<str>>) -> Self {
        Self::Said(text.into())
    }

    /// It in words; those that were made for it are taken out of it.
    #[inline]
    fn words(&mut self) -> Words<'i> {
        match self {
            Self::Own(leaf) => Words::Kept(leaf.words.get_or_init(|| match &leaf.expected {
                Expression::Literal(value) => words(leaf.condition, value).into(),
                _ => leaf.condition.name().into(),
            })),
            Self::Value(leaf, value) => Words::Made(words(leaf.condition, value)),
            Self::Said(text) => Words::Made(std::mem::take(text).into_string()),
        }
    }
}

impl Found<'_> {
    pub(crate) fn made(value: Value) -> Self {
        match value {
            Value::Bool(true) => Self::True,
            Value::Bool(false) => Self::False,
            other => Self::Made(Box::new(other)),
        }
    }
}

impl<'i> From<Slot<'i>> for Found<'i> {
    fn from(slot: Slot<'i>) -> Self {
        match slot {
            Slot::Value(value) => Self::Value(value),
            Slot::Text(text) => Self::Text(text),
            Slot::Made(value) => Self::made(value),
            // What could not be read fails, it is not found.
            Slot::Absent | Slot::Unreadable(_) => Self::Absent,
        }
    }
}

/// The condition in words: `equals true`, `less than 14`.
pub(crate) fn words(condition: Condition, expected: &Value) -> String {
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
