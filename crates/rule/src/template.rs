use std::collections::BTreeSet;

use serde_json::Value;
use skywarden_model::{Resource, Timestamp, Unreadable};

use crate::{CompileError, FieldUse, Input, Parameters, compile, evaluate, expression::Expression};

/// A value that may hold template expressions: `[parameters('effect')]`, a name, the value that a policy would set.
#[derive(Debug)]
pub struct Template {
    expression: Expression,
    fields: Vec<FieldUse>,
}

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
        let (expression, fields) = compile::template(source, declared, pointer)?;
        Ok(Self { expression, fields })
    }

    /// The value; `None` is absent.
    ///
    /// # Errors
    /// If the value can't be known, or a function fails.
    pub fn value(&self, input: &Input<'_>) -> Result<Option<Value>, TemplateError> {
        evaluate::value(&self.expression, input)
    }

    /// The value where there is no resource: a template that reads [fields](Self::fields) should not be asked.
    ///
    /// # Errors
    /// If the template reads what surrounds a resource, or a function fails.
    pub fn of_parameters(&self, parameters: &Parameters, now: Timestamp) -> Result<Option<Value>, TemplateError> {
        let nothing = Resource::unknown();
        self.value(&Input { resource: &nothing, facts: None, parameters, around: None, now })
    }

    /// Every field that it reads, in order of its source.
    pub fn fields(&self) -> &[FieldUse] {
        &self.fields
    }

    /// The value, if it is the same whatever it is evaluated on.
    pub fn literal(&self) -> Option<&Value> {
        match &self.expression {
            Expression::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The parameter, if the template is `[parameters('name')]` and nothing else.
    pub fn parameter(&self) -> Option<&str> {
        match &self.expression {
            Expression::Parameter(name) => Some(name),
            _ => None,
        }
    }
}
