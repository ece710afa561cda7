use serde_json::Value;
use skywarden_model::Resource;
use skywarden_rule::{CompileError, Parameters};

use crate::{
    Effect,
    reader::Reader,
    scope::Scope,
    selector::{self, Selector},
};

const MARK: &str = "/providers/microsoft.authorization/policyassignments/";

/// A definition or an initiative put in force over a scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// Its resource id.
    pub id: String,
    /// Unique within its scope.
    pub name: String,
    /// What people call it.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Over what it is in force, with everything below.
    pub scope: Scope,
    /// What is left out, with everything below: never evaluated, in no count.
    pub not_scopes: Vec<Scope>,
    /// The id of the definition or initiative.
    pub definition_id: String,
    /// Values for its parameters.
    pub parameters: Parameters,
    /// Whether its effects are enforced; states are the same.
    pub enforcement: Enforcement,
    /// What to tell people whose resource is not compliant.
    pub messages: Vec<Message>,
    /// Effects in place of those of the definitions; the first that selects one counts.
    pub overrides: Vec<Override>,
    /// If there are any, only resources that one of them selects are evaluated.
    pub selectors: Vec<Vec<Selector>>,
}

/// `enforcementMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    /// Effects are enforced.
    Default,
    /// Resources are evaluated; nothing is refused, changed or deployed.
    DoNotEnforce,
}

/// A message to the owner of a resource that is not compliant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The text.
    pub text: String,
    /// For this definition of the initiative only; for all that have none of their own if absent.
    pub reference_id: Option<String>,
}

/// An effect in place of the definition's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The effect.
    pub effect: Effect,
    /// Where; everywhere if empty.
    pub selectors: Vec<Selector>,
}

impl Assignment {
    /// Reads an assignment in Azure's JSON: `{id, name, properties}`.
    ///
    /// # Errors
    /// Every mistake found, each with its place.
    pub fn parse(document: &Value) -> Result<Self, Vec<CompileError>> {
        let mut reader = Reader::default();
        match read(&mut reader, document) {
            Some(assignment) if reader.errors.is_empty() => Ok(assignment),
            _ => Err(reader.errors),
        }
    }

    /// Whether the assignment is in force over a resource that lies in these scopes.
    pub fn covers(&self, resource: &Resource, scopes: &[Scope], reference_id: &str) -> bool {
        self.lies_over(scopes) && self.selects(resource, reference_id)
    }

    /// Whether its scope is one of these, and what it leaves out is not.
    pub(crate) fn lies_over(&self, scopes: &[Scope]) -> bool {
        scopes.contains(&self.scope) && !self.not_scopes.iter().any(|left_out| scopes.contains(left_out))
    }

    /// Whether its selectors select a resource.
    pub(crate) fn selects(&self, resource: &Resource, reference_id: &str) -> bool {
        selector::selected(&self.selectors, resource, reference_id)
    }

    /// The effect in place of a definition's own, if an override selects it.
    pub fn overridden(&self, resource: &Resource, reference_id: &str) -> Option<Effect> {
        let is_meant = |own: &&Override| own.selectors.iter().all(|selector| selector.selects(resource, reference_id));
        self.overrides.iter().find(is_meant).map(|own| own.effect)
    }

    /// What to tell the owner of a resource that a definition of the initiative finds not compliant.
    pub fn message(&self, reference_id: &str) -> Option<&str> {
        let own = |message: &&Message| message.reference_id.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(reference_id));
        let found =
            self.messages.iter().find(own).or_else(|| self.messages.iter().find(|message| message.reference_id.is_none()));
        found.map(|message| message.text.as_str())
    }
}

fn read(reader: &mut Reader, document: &Value) -> Option<Assignment> {
    if !document.is_object() {
        return reader.error("", "an assignment is an object", None);
    }
    let (properties, pointer) = reader.properties(document);
    let (id, id_place) = reader.required_text(document, "id", "")?;
    let Some(end) = id.to_ascii_lowercase().find(MARK) else {
        let help = "`SCOPE/providers/Microsoft.Authorization/policyAssignments/NAME`".to_owned();
        return reader.error(&id_place, format!("`{id}` is no id of an assignment"), Some(help));
    };
    let (before, name) = (id.get(..end).unwrap_or_default(), id.get(end + MARK.len()..).unwrap_or_default());
    let scope = scope(reader, if before.is_empty() { "/" } else { before }, &id_place)?;
    let not_scopes = reader.list(properties, "notScopes", &pointer).map(|(_, place)| place);
    let mut left_out = Vec::new();
    for (position, text) in reader.texts(properties, "notScopes", &pointer).iter().enumerate() {
        let place = format!("{}/{position}", not_scopes.as_deref().unwrap_or_default());
        left_out.extend(self::scope(reader, text, &place));
    }
    let (definition_id, _) = reader.required_text(properties, "policyDefinitionId", &pointer)?;
    let mut text = |name: &str| reader.text(properties, name, &pointer).map(|(text, _)| text.to_owned());
    let (display_name, description, mode) = (text("displayName"), text("description"), text("enforcementMode"));
    let enforcement = match mode.as_deref() {
        None => Enforcement::Default,
        Some(mode) if mode.eq_ignore_ascii_case("Default") => Enforcement::Default,
        Some(mode) if mode.eq_ignore_ascii_case("DoNotEnforce") => Enforcement::DoNotEnforce,
        Some(mode) => {
            let place = reader.below(&pointer, "enforcementMode");
            return reader.error(&place, format!("`{mode}` is no mode"), Some("`Default` or `DoNotEnforce`".to_owned()));
        }
    };
    let parameters = parameters(reader, properties, &pointer);
    let messages = messages(reader, properties, &pointer);
    let overrides = overrides(reader, properties, &pointer);
    Some(Assignment {
        id: id.to_owned(),
        name: name.to_owned(),
        display_name: display_name.unwrap_or_else(|| name.to_owned()),
        description: description.unwrap_or_default(),
        scope,
        not_scopes: left_out,
        definition_id: definition_id.to_owned(),
        parameters,
        enforcement,
        messages,
        overrides,
        selectors: selector::groups(reader, properties, &pointer),
    })
}

fn scope(reader: &mut Reader, text: &str, pointer: &str) -> Option<Scope> {
    let found = Scope::parse(text);
    if found.is_none() {
        reader.error::<()>(pointer, format!("`{text}` is no scope"), Some(crate::scope::HELP.to_owned()));
    }
    found
}

fn parameters(reader: &mut Reader, properties: &Value, pointer: &str) -> Parameters {
    let mut values = Parameters::new();
    let Some((sources, place)) = reader.object(properties, "parameters", pointer) else { return values };
    for (name, holder) in sources {
        match holder.as_object().and_then(|members| members.get("value")) {
            Some(value) => {
                values.insert(name.clone(), value.clone());
            }
            None => {
                let place = reader.below(&place, name);
                reader.error::<()>(&place, format!("the parameter `{name}` has no `value`"), None);
            }
        }
    }
    values
}

fn messages(reader: &mut Reader, properties: &Value, pointer: &str) -> Vec<Message> {
    let Some((sources, place)) = reader.list(properties, "nonComplianceMessages", pointer) else { return Vec::new() };
    let mut messages = Vec::with_capacity(sources.len());
    for (position, source) in sources.iter().enumerate() {
        let place = format!("{place}/{position}");
        let Some((text, _)) = reader.required_text(source, "message", &place) else { continue };
        let reference_id = reader.text(source, "policyDefinitionReferenceId", &place).map(|(id, _)| id.to_owned());
        messages.push(Message { text: text.to_owned(), reference_id });
    }
    messages
}

fn overrides(reader: &mut Reader, properties: &Value, pointer: &str) -> Vec<Override> {
    let Some((sources, place)) = reader.list(properties, "overrides", pointer) else { return Vec::new() };
    let mut overrides = Vec::with_capacity(sources.len());
    for (position, source) in sources.iter().enumerate() {
        let place = format!("{place}/{position}");
        let Some((kind, kind_place)) = reader.required_text(source, "kind", &place) else { continue };
        if !kind.eq_ignore_ascii_case("policyEffect") {
            // Definitions have one version here: which one an override asks for changes nothing that could be evaluated.
            if !kind.eq_ignore_ascii_case("definitionVersion") {
                let help = "`policyEffect` or `definitionVersion`".to_owned();
                reader.error::<()>(&kind_place, format!("`{kind}` is no kind of override"), Some(help));
            }
            continue;
        }
        let Some((value, value_place)) = reader.required_text(source, "value", &place) else { continue };
        let Some(effect) = Effect::from_name(value) else {
            let help = skywarden_rule::closest(value, Effect::names()).map(|name| format!("did you mean `{name}`?"));
            reader.error::<()>(&value_place, format!("`{value}` is no effect"), help);
            continue;
        };
        overrides.push(Override { effect, selectors: selector::selectors(reader, source, &place) });
    }
    overrides
}
