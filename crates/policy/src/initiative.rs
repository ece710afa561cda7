use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use skywarden_model::Timestamp;
use skywarden_rule::{CompileError, Parameters, Template, TemplateError};

use crate::{
    Definition, ParameterDeclaration, PolicyType,
    parameter::{self, declarations},
    parse::policy_type,
    reader::Reader,
};

const ID_PREFIX: &str = "/providers/Microsoft.Authorization/policySetDefinitions/";

/// An initiative (Azure's `policySetDefinition`): definitions that are assigned together.
#[derive(Debug)]
pub struct Initiative {
    /// Its resource id; made of the name if the document has none.
    pub id: String,
    /// A GUID for built-in ones.
    pub name: String,
    /// What people call it.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Who made it.
    pub policy_type: PolicyType,
    /// `metadata.category`.
    pub category: Option<String>,
    /// `version`, else `metadata.version`.
    pub version: Option<String>,
    /// By name; names compare without case.
    pub parameters: BTreeMap<String, ParameterDeclaration>,
    /// Controls of the standard that it stands for, in order.
    pub groups: Vec<Group>,
    /// In order.
    pub members: Vec<Member>,
}

/// A control that definitions of an initiative belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name, unique within the initiative.
    pub name: String,
    /// What people call it; the name if the document has none.
    pub display_name: String,
    /// The family that it belongs to.
    pub category: String,
    /// What it asks.
    pub description: String,
    /// The resource that says more about it.
    pub metadata_id: String,
}

/// A definition in an initiative.
#[derive(Debug)]
pub struct Member {
    /// The definition's id.
    pub definition_id: String,
    /// What exemptions and overrides name it by, unique within the initiative without regard to case.
    pub reference_id: String,
    /// The version asked for: `4.*.*`.
    pub version: Option<String>,
    /// The values for the definition's parameters, from those of the initiative.
    pub parameters: BTreeMap<String, Template>,
    /// Names of groups.
    pub groups: Vec<String>,
}

impl Initiative {
    /// Reads an initiative in Azure's JSON: the resource (`{id, name, properties}`) or its `properties` alone.
    ///
    /// # Errors
    /// Every mistake found, each with its place.
    pub fn parse(document: &Value) -> Result<Self, Vec<CompileError>> {
        let mut reader = Reader::default();
        match read(&mut reader, document) {
            Some(initiative) if reader.errors.is_empty() => Ok(initiative),
            _ => Err(reader.errors),
        }
    }

    /// The initiative's parameters with an assignment's values over the defaults.
    ///
    /// # Errors
    /// A parameter that is not declared, a value that is not taken, a parameter without a value; pointers are `/NAME`.
    pub fn values(&self, given: &Parameters) -> Result<Parameters, Vec<CompileError>> {
        parameter::values(&self.parameters, given)
    }
}

impl Member {
    /// That the initiative asks for another version of a definition than this, for those who wonder why its values do not fit; empty
    /// if it does not.
    pub(crate) fn other_version(&self, definition: &Definition) -> String {
        let (Some(asked), Some(own)) = (&self.version, &definition.version) else { return String::new() };
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(asked) == major(own) {
            return String::new();
        }
        format!("; the initiative asks for version {asked} of the definition, and {own} is here")
    }

    /// The values that the definition gets from the initiative's; what has none keeps the definition's default.
    ///
    /// # Errors
    /// A template that fails, with the parameter's name before it.
    pub fn values(&self, initiative: &Parameters, now: Timestamp) -> Result<Parameters, String> {
        let mut values = Parameters::new();
        for (name, template) in &self.parameters {
            let value = template.of_parameters(initiative, now).map_err(|failure| match failure {
                TemplateError::Failed(message) => format!("`{name}`: {message}"),
                TemplateError::Unreadable(unreadable) => format!("`{name}` must not depend on a resource: {}", unreadable.field),
            })?;
            values.extend(value.map(|value| (name.clone(), value)));
        }
        Ok(values)
    }
}

fn read(reader: &mut Reader, document: &Value) -> Option<Initiative> {
    if !document.is_object() {
        return reader.error("", "an initiative is an object", None);
    }
    let (properties, pointer) = reader.properties(document);
    let id = reader.text(document, "id", "").map(|(id, _)| id.to_owned());
    let display_name = reader.text(properties, "displayName", &pointer).map(|(text, _)| text.to_owned());
    let name = reader.text(document, "name", "").map(|(name, _)| name.to_owned());
    let name = name.or_else(|| id.as_deref().and_then(|id| id.rsplit('/').next()).map(str::to_owned));
    let name = name.or_else(|| display_name.clone()).unwrap_or_default();
    let parameters = declarations(reader, properties, &pointer);
    let declared: BTreeSet<String> = parameters.keys().cloned().collect();
    let groups = groups(reader, properties, &pointer);
    let members = members(reader, properties, &groups, &declared, &pointer)?;
    let metadata = reader.member(properties, "metadata", &pointer);
    let mut of_metadata = |name: &str| {
        let (metadata, pointer) = metadata.as_ref()?;
        reader.text(metadata, name, pointer).map(|(text, _)| text.to_owned())
    };
    let (category, metadata_version) = (of_metadata("category"), of_metadata("version"));
    Some(Initiative {
        id: id.unwrap_or_else(|| format!("{ID_PREFIX}{name}")),
        display_name: display_name.unwrap_or_else(|| name.clone()),
        name,
        description: reader.text(properties, "description", &pointer).map(|(text, _)| text.to_owned()).unwrap_or_default(),
        policy_type: policy_type(reader, properties, &pointer),
        category,
        version: reader.text(properties, "version", &pointer).map(|(text, _)| text.to_owned()).or(metadata_version),
        parameters,
        groups,
        members,
    })
}

fn groups(reader: &mut Reader, properties: &Value, pointer: &str) -> Vec<Group> {
    let Some((sources, place)) = reader.list(properties, "policyDefinitionGroups", pointer) else { return Vec::new() };
    let mut groups: Vec<Group> = Vec::with_capacity(sources.len());
    for (position, source) in sources.iter().enumerate() {
        let place = format!("{place}/{position}");
        let Some((name, at)) = reader.required_text(source, "name", &place) else { continue };
        if groups.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
            reader.error::<()>(&at, format!("the group `{name}` is there twice"), None);
            continue;
        }
        let mut text = |member: &str| reader.text(source, member, &place).map(|(text, _)| text.to_owned());
        groups.push(Group {
            name: name.to_owned(),
            display_name: text("displayName").unwrap_or_else(|| name.to_owned()),
            category: text("category").unwrap_or_default(),
            description: text("description").unwrap_or_default(),
            metadata_id: text("additionalMetadataId").unwrap_or_default(),
        });
    }
    groups
}

fn members(
    reader: &mut Reader,
    properties: &Value,
    groups: &[Group],
    declared: &BTreeSet<String>,
    pointer: &str,
) -> Option<Vec<Member>> {
    let Some((sources, place)) = reader.list(properties, "policyDefinitions", pointer) else {
        let help = "a definition has `policyRule` instead; an initiative has `policyDefinitions`";
        return reader.error(pointer, "`policyDefinitions` is missing", Some(help.to_owned()));
    };
    let mut members = Vec::with_capacity(sources.len());
    let mut references = BTreeSet::new();
    for (position, source) in sources.iter().enumerate() {
        let place = format!("{place}/{position}");
        let Some(member) = member(reader, source, position, groups, declared, &place) else { continue };
        if !references.insert(member.reference_id.to_lowercase()) {
            let message = format!("the reference id `{}` is there twice", member.reference_id);
            reader.error::<()>(&place, message, Some("exemptions name a definition by it: give each its own".to_owned()));
        }
        members.push(member);
    }
    Some(members)
}

fn member(
    reader: &mut Reader,
    source: &Value,
    position: usize,
    groups: &[Group],
    declared: &BTreeSet<String>,
    pointer: &str,
) -> Option<Member> {
    let (definition_id, place) = reader.required_text(source, "policyDefinitionId", pointer)?;
    if definition_id.to_ascii_lowercase().contains("/policysetdefinitions/") {
        let help = "name the definitions of the other initiative one by one".to_owned();
        return reader.error(&place, "an initiative can't hold another initiative", Some(help));
    }
    let mut parameters = BTreeMap::new();
    if let Some((values, place)) = reader.object(source, "parameters", pointer) {
        for (name, holder) in values {
            let at = reader.below(&place, name);
            let is_null = holder.as_object().is_some_and(|members| members.get("value").is_some_and(Value::is_null));
            if let Some(template) = reader.template(holder, "value", declared, &at) {
                if !template.fields().is_empty() {
                    reader.error::<()>(&at, format!("the parameter `{name}` can't depend on a resource"), None);
                }
                parameters.insert(name.clone(), template);
            } else if reader.member(holder, "value", &at).is_none() && !is_null {
                reader.error::<()>(&at, format!("the parameter `{name}` has no `value`"), None);
            }
        }
    }
    let own_groups = reader.texts(source, "groupNames", pointer);
    for name in &own_groups {
        if !groups.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
            let help = skywarden_rule::closest(name, groups.iter().map(|group| group.name.as_str()));
            let help = help.map(|name| format!("did you mean `{name}`?"));
            reader.error::<()>(pointer, format!("there is no group `{name}`"), help);
        }
    }
    let reference = reader.text(source, "policyDefinitionReferenceId", pointer).map(|(reference, _)| reference.to_owned());
    Some(Member {
        definition_id: definition_id.to_owned(),
        reference_id: reference.unwrap_or_else(|| position.to_string()),
        version: reader.text(source, "definitionVersion", pointer).map(|(version, _)| version.to_owned()),
        parameters,
        groups: own_groups,
    })
}
