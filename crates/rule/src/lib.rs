//! Azure Policy's condition grammar: parse, compile once, evaluate with three values (Kleene) and evidence.
//!
//! Does no I/O, reads no clock (`utcNow()` is an argument) and knows no cloud: a field is a path inside a resource or its facts.

mod alias;
mod around;
mod asking;
mod compare;
mod compile;
mod concern;
mod count;
mod dates;
mod entry;
mod evaluate;
mod expression;
mod fix;
mod function;
mod functions;
mod path;
mod record;
mod resolve;
mod scan;
mod template;
mod unique_string;
mod ways;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use alias::{alias_of, elsewhere};
pub use around::Around;
pub use asking::{Asking, Glance, is_not_plain};
pub use compare::{instant, same};
pub use compile::{closest, step};
pub use entry::{Entry, Observed, Words};
pub use path::field_path;
pub use record::MAX_EVIDENCE;
pub use resolve::{Ground, tag};
pub use template::{Template, TemplateError};

use serde_json::Value;
use skywarden_model::{Evidence, FactSheet, FieldPath, Resource, Timestamp, Unreadable};

/// A compiled condition.
#[derive(Debug, Clone)]
pub struct Rule {
    root: compile::Node,
    /// When it does not concern a resource.
    concern: concern::Concern,
    takes_glances: bool,
    fields: Arc<[FieldUse]>,
}

/// Values of parameters by name; names compare without case.
pub type Parameters = BTreeMap<String, Value>;

/// What a rule is evaluated on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// Its facts, if it has any; without them `facts.` fields are absent.
    pub facts: Option<&'a FactSheet>,
    /// Values of parameters.
    pub parameters: &'a Parameters,
    /// What surrounds the resource; without it what is not told by the resource's scope is Unknown.
    pub around: Option<&'a Around>,
    /// What `utcNow()` answers.
    pub now: Timestamp,
}

/// Kleene's three values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It does not hold.
    False,
    /// It holds.
    True,
    /// It depends on something that could not be read.
    Unknown,
}

/// A verdict of a condition with what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<E = Evidence> {
    /// The verdict.
    pub truth: Truth,
    /// One entry for each leaf that decided, in order of the rule; at most [`MAX_EVIDENCE`].
    pub evidence: Vec<E>,
    /// For Unknown: what could not be read.
    pub unreadable: Vec<Unreadable>,
    /// For Unknown: why a template function failed, if one did.
    pub error: Option<String>,
}

/// A field that a rule reads, and where in the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldUse {
    /// The field, with Azure aliases resolved: `properties.a.b`.
    pub path: FieldPath,
    /// JSON pointer into the rule's source.
    pub pointer: String,
}

/// A mistake in a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// JSON pointer into the rule's source.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Rule {
    /// Compiles a condition; `declared` are the parameters that it may use.
    ///
    /// # Errors
    /// Every mistake found, each with its place.
    pub fn compile(source: &Value, declared: &BTreeSet<String>) -> Result<Self, Vec<CompileError>> {
        let (root, fields) = compile::compile(source, declared)?;
        Ok(Self { concern: concern::Concern::of(&root), takes_glances: false, root, fields: fields.into() })
    }

    /// The same rule for these values of its parameters alone: what they decide is not computed with every resource.
    #[must_use]
    pub fn with(&self, parameters: &Parameters) -> Self {
        let root = fix::node(&self.root, parameters);
        Self { concern: concern::Concern::of(&root), takes_glances: false, root, fields: Arc::clone(&self.fields) }
    }

    /// Whether the condition holds; allocates only where a template function does.
    pub fn truth<'i>(&'i self, ground: impl Into<Ground<'i>>) -> Truth {
        evaluate::truth(&self.root, ground.into(), None)
    }

    /// Whether the condition holds and what decided it.
    pub fn explain<'i>(&'i self, ground: impl Into<Ground<'i>>) -> Outcome {
        self.explain_as(ground)
    }

    /// [`Rule::explain`] with evidence as somebody wants it: as entries that borrow, or as what is made of them.
    pub fn explain_as<'i, E: From<Entry<'i>>>(&'i self, ground: impl Into<Ground<'i>>) -> Outcome<E> {
        evaluate::explain(&self.root, ground.into(), None)
    }

    /// [`Rule::explain_as`] of a resource that the rule [concerns](Rule::concerns); `None` of others.
    pub fn explain_concerned<'i, E: From<Entry<'i>>>(&'i self, ground: impl Into<Ground<'i>>) -> Option<Outcome<E>> {
        concern::explain_concerned(&self.root, self.concern, ground.into())
    }

    /// [`Rule::truth`] of a resource beside the one that is asked about, which is what `field()` reads.
    pub fn truth_beside<'i>(&'i self, input: &Input<'i>, asked: &Input<'i>) -> Truth {
        evaluate::truth(&self.root, input.into(), Some(asked.into()))
    }

    /// [`Rule::explain`] of a resource beside the one that is asked about.
    pub fn explain_beside<'i, E: From<Entry<'i>>>(&'i self, input: &Input<'i>, asked: &Input<'i>) -> Outcome<E> {
        evaluate::explain(&self.root, input.into(), Some(asked.into()))
    }

    /// Whether the condition may hold for a resource of this type, name and kind, whatever else is true of it: what Azure Policy
    /// calls applicable.
    pub fn concerns<'i>(&'i self, ground: impl Into<Ground<'i>>) -> bool {
        self.concern == concern::Concern::Every || concern::concerns(&self.root, ground.into()) != Truth::False
    }

    /// Whether the condition may hold for a resource of this type, whatever else is true of it: an index of rules by type may leave
    /// out the others.
    pub fn concerns_type(&self, type_name: &str) -> bool {
        concern::concerns_type(&self.root, type_name) != Truth::False
    }

    /// Whether glances of the [`Asking`] that the rule belongs to are enough for it; else, or if there is none, it wants the resource.
    pub fn takes_glances(&self) -> bool {
        self.takes_glances
    }

    /// Every field that the rule reads, in order of its source.
    pub fn fields(&self) -> &[FieldUse] {
        &self.fields
    }
}

impl Truth {
    /// Kleene's negation.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::True => Self::False,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}
