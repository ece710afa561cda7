use std::collections::BTreeSet;

use serde_json::Value;
use skywarden_model::Unreadable;

use crate::{CompileError, Input, compile, evaluate, expression::Expression};

/// A value that may hold template expressions: `[parameters('effect')]`, a name, the value that a policy would set.
#[derive(Debug)]
pub struct Template(Expression);

/// Why a template has no value.
#[derive(Debug, Clone, PartialEq)]
pub enum TemplateError {
    /// It reads something that could not be read.
    Unreadable(Unreadable),
    /// A function can't take what it was given.
    Failed(String),
}

impl Template {
    /// Parses the expressions in a value; `declared` are the parameters that they may use.
    ///
    /// # Errors
    /// Every mistake found; pointers begin at `pointer`.
    pub fn compile(source: &Value, declared: &BTreeSet<String>, pointer: &str) -> Result<Self, Vec<CompileError>> {
        compile::template(source, declared, pointer).map(Self)
    }

    /// The value; `None` is absent.
    ///
    /// # Errors
    /// If the value can't be known, or a function fails.
    pub fn value(&self, input: &Input<'_>) -> Result<Option<Value>, TemplateError> {
        evaluate::value(&self.0, input)
    }

    /// The value, if it is the same whatever it is evaluated on.
    pub fn literal(&self) -> Option<&Value> {
        match &self.0 {
            Expression::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The parameter, if the template is `[parameters('name')]` and nothing else.
    pub fn parameter(&self) -> Option<&str> {
        match &self.0 {
            Expression::Parameter(name) => Some(name),
            _ => None,
        }
    }
}
