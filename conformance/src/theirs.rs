//! `regorus` behind what is asked of it here.

use std::collections::BTreeMap;

use anyhow::Context as _;
use regorus::{
    Rc, Source, Value,
    languages::azure_policy::{
        aliases::{AliasRegistry, normalizer},
        compiler, parser,
    },
    rvm::{Program, RegoVM},
};
use serde_json::Value as Json;

use crate::aliases::spelled_out;

/// The engine with its catalogue of aliases.
pub struct Theirs {
    registry: Rc<AliasRegistry>,
}

/// A definition that it compiled.
pub struct Compiled {
    vm: RegoVM,
}

/// What it says of a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing: the effect does not fire.
    Silent,
    /// The effect, and its details in JSON.
    Fires(Json),
    /// It could not say.
    Failed(String),
}

/// What one evaluation is given.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The resource, as ARM has it.
    pub resource: &'a Json,
    /// The related resource, if one exists.
    pub related: Option<&'a Json>,
    /// Values of parameters.
    pub parameters: &'a Json,
    /// What surrounds the resource.
    pub context: &'a Json,
}

impl Theirs {
    /// The engine with a catalogue in ARM's shape.
    ///
    /// # Errors
    /// If the catalogue is not understood.
    pub fn new(catalogue: &Json) -> anyhow::Result<Self> {
        let mut registry = AliasRegistry::new();
        registry.load_from_json(&catalogue.to_string()).context("regorus refused the catalogue of aliases")?;
        Ok(Self { registry: Rc::new(registry) })
    }

    /// Compiles a definition.
    ///
    /// # Errors
    /// Why it can't.
    pub fn compile(&self, document: &Json) -> anyhow::Result<Compiled> {
        let mut vm = RegoVM::new();
        vm.load_program(self.program(document)?);
        Ok(Compiled { vm })
    }

    fn program(&self, document: &Json) -> anyhow::Result<Rc<Program>> {
        // It refuses lines of more than 8,192 characters.
        let source = Source::from_contents("definition".to_owned(), serde_json::to_string_pretty(&spelled_out(document))?)?;
        let parsed = parser::parse_policy_definition(&source).map_err(|error| anyhow::anyhow!("{error}"))?;
        compiler::compile_policy_definition_with_aliases_opts(&parsed, Rc::clone(&self.registry), true)
    }

    /// A resource as it wants to have it: flat, its keys in lower case.
    ///
    /// # Errors
    /// If the resource is no JSON that it takes.
    pub fn normalized(&self, resource: &Json) -> anyhow::Result<Value> {
        self.read(&resource.to_string())
    }

    /// The same from JSON text.
    ///
    /// # Errors
    /// If the text is no JSON that it takes.
    pub fn read(&self, text: &str) -> anyhow::Result<Value> {
        let raw = Value::from_json_str(text)?;
        let mut normalized = normalizer::normalize(&raw, Some(&self.registry), None);
        if let Ok(members) = normalized.as_object_mut()
            && let Some(name) = members.get(&Value::from("name")).cloned()
        {
            members.insert(Value::from("fullname"), name);
        }
        Ok(normalized)
    }

    /// Judges a resource.
    ///
    /// # Errors
    /// If what is given is no JSON that it takes.
    pub fn judge(&self, compiled: &mut Compiled, given: Given<'_>) -> anyhow::Result<Answer> {
        let related = given.related.map_or(Ok(Value::Null), |related| self.normalized(related))?;
        compiled.vm.set_context(value(given.context)?);
        compiled.vm.set_host_await_responses(BTreeMap::from([(Value::from("azure.policy.existence_check"), vec![related])]));
        compiled.answer(self.normalized(given.resource)?, value(given.parameters)?)
    }
}

impl Compiled {
    /// Judges a resource that is normalised, with values of parameters, both in regorus's own form.
    ///
    /// # Errors
    /// If regorus answers what is no JSON.
    pub fn answer(&mut self, resource: Value, parameters: Value) -> anyhow::Result<Answer> {
        self.set_input(resource, parameters)?;
        Ok(match self.vm.execute_entry_point_by_name("main") {
            Ok(Value::Undefined) => Answer::Silent,
            Ok(found) => Answer::Fires(serde_json::from_str(&found.to_json_str()?).context("regorus wrote no JSON")?),
            Err(error) => Answer::Failed(error.to_string()),
        })
    }

    fn set_input(&mut self, resource: Value, parameters: Value) -> anyhow::Result<()> {
        let mut input = Value::new_object();
        let members = input.as_object_mut()?;
        members.insert(Value::from("resource"), resource);
        members.insert(Value::from("parameters"), parameters);
        self.vm.set_input(input);
        Ok(())
    }

    /// Whether the effect fires: the same without the effect as JSON.
    ///
    /// # Errors
    /// If regorus fails.
    pub fn fires(&mut self, resource: Value, parameters: Value) -> anyhow::Result<bool> {
        self.set_input(resource, parameters)?;
        let found = self.vm.execute_entry_point_by_name("main").map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(found != Value::Undefined)
    }
}

/// A value in regorus's own form.
///
/// # Errors
/// If the value is none that it takes.
pub fn value(json: &Json) -> anyhow::Result<Value> {
    Value::from_json_str(&json.to_string())
}
