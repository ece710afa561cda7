use std::collections::BTreeMap;

use serde_json::Value;
use skywarden_rule::{CompileError, Rule};

use crate::{Details, Effect, Elsewhere, ParameterDeclaration, parse};

/// A policy definition, checked and compiled.
#[derive(Debug)]
pub struct Definition {
    /// Its resource id, `/providers/Microsoft.Authorization/policyDefinitions/NAME` for a built-in one; made of the name if the
    /// document has none.
    pub id: String,
    /// A GUID for built-in ones.
    pub name: String,
    /// What people call it.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Who made it.
    pub policy_type: PolicyType,
    /// What it is evaluated on.
    pub mode: Mode,
    /// `metadata.category`.
    pub category: Option<String>,
    /// `version`, else `metadata.version`.
    pub version: Option<String>,
    /// By name; names compare without case.
    pub parameters: BTreeMap<String, ParameterDeclaration>,
    /// What it asks.
    pub rule: PolicyRule,
    /// Whether it asks `policy()` anywhere.
    pub(crate) asks_policy: bool,
    /// Whether what it says of a resource can change with time alone.
    pub asks_time: bool,
    /// Set if its substance lies elsewhere: it is never evaluated.
    pub elsewhere: Option<Elsewhere>,
}

/// The rule of a definition: if this holds, then that.
#[derive(Debug)]
pub struct PolicyRule {
    /// `if`.
    pub condition: Rule,
    /// `then.effect`.
    pub effect: EffectOf,
    /// `then.details`.
    pub details: Details,
}

/// Where the effect stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectOf {
    /// In the rule.
    Rule(Effect),
    /// In a parameter of this name; each value that it allows is an effect.
    Parameter(String),
}

/// What a definition is evaluated on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Resource groups, subscriptions and all resource types.
    All,
    /// Resource types that have tags and a location.
    Indexed,
    /// Objects of a service's data plane: `Microsoft.KeyVault.Data`.
    DataPlane(String),
}

/// Who made a definition or an initiative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyType {
    /// The provider; anyone may assign it.
    BuiltIn,
    /// A user.
    Custom,
    /// The provider, about its own duties.
    Static,
}

impl Definition {
    /// Reads a definition in Azure's JSON: the resource (`{id, name, properties}`) or its `properties` alone.
    ///
    /// # Errors
    /// Every mistake found, each with its place; nothing of a definition with a mistake is evaluated.
    pub fn parse(document: &Value) -> Result<Self, Vec<CompileError>> {
        parse::definition(document)
    }
}
