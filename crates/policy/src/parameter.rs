use std::collections::BTreeMap;

use serde_json::Value;
use skywarden_rule::{CompileError, Parameters, closest};

use crate::reader::{Reader, is_expression};

/// What a definition or an initiative says of one of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterDeclaration {
    /// What values it takes.
    pub kind: ParameterKind,
    /// The value where an assignment gives none.
    pub default: Option<Value>,
    /// The only values that it takes, if that is restricted; texts compare without case.
    pub allowed: Option<Vec<Value>>,
    /// `metadata.displayName`.
    pub display_name: String,
    /// `metadata.description`.
    pub description: String,
}

/// Values by name as people write them, `{"effect": "Deny"}` or Azure's `{"effect": {"value": "Deny"}}`; `None` if it is no object.
pub fn written_values(document: &Value) -> Option<Parameters> {
    let plain = |value: &Value| match value {
        Value::Object(holder) if holder.len() == 1 => holder.get("value").unwrap_or(value).clone(),
        plain => plain.clone(),
    };
    Some(document.as_object()?.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
}

/// Azure Policy's types of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ParameterKind {
    String,
    Array,
    Object,
    Boolean,
    Integer,
    Float,
    DateTime,
}

const KINDS: &[(&str, ParameterKind)] = &[
    ("String", ParameterKind::String),
    ("Array", ParameterKind::Array),
    ("Object", ParameterKind::Object),
    ("Boolean", ParameterKind::Boolean),
    ("Integer", ParameterKind::Integer),
    ("Float", ParameterKind::Float),
    ("DateTime", ParameterKind::DateTime),
];

impl ParameterKind {
    /// The name as Azure spells it.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
            // Azure's own definitions write booleans as text here and there.
            Self::Boolean => {
                value.is_boolean()
                    || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"))
            }
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Float => value.is_number(),
            Self::DateTime => value.as_str().and_then(skywarden_rule::instant).is_some(),
        }
    }
}

impl ParameterDeclaration {
    /// Whether a value may be given.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        if !self.kind.takes(value) {
            return Err(format!("takes a value of type {}, not {}", self.kind.name(), shortened(value)));
        }
        let Some(allowed) = &self.allowed else { return Ok(()) };
        let is_allowed = |value: &Value| allowed.iter().any(|option| skywarden_rule::same(option, value));
        let refused = match value {
            // Each element of a list has to be one of those allowed, unless whole lists are.
            Value::Array(elements) if !is_allowed(value) => elements.iter().find(|element| !is_allowed(element)),
            single => Some(single).filter(|single| !is_allowed(single)),
        };
        match refused {
            None => Ok(()),
            Some(refused) => {
                let options: Vec<String> = allowed.iter().take(10).map(shortened).collect();
                Err(format!("does not take {}; it takes {}", shortened(refused), options.join(", ")))
            }
        }
    }
}

/// The values that a definition or an initiative is evaluated with: those given over the defaults.
///
/// # Errors
/// A name that is not declared, a value that is not taken, a parameter without any value; pointers are `/NAME`.
pub(crate) fn values(
    declared: &BTreeMap<String, ParameterDeclaration>,
    given: &Parameters,
) -> Result<Parameters, Vec<CompileError>> {
    let mut errors = Vec::new();
    let mut problem = |name: &str, message: String, help: Option<String>| {
        errors.push(CompileError { pointer: format!("/{name}"), message, help });
    };
    for name in given.keys() {
        if !declared.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            let help = closest(name, declared.keys().map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
            problem(name, format!("there is no parameter `{name}`"), help);
        }
    }
    let mut values = Parameters::new();
    for (name, declaration) in declared {
        let own = given.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        match own.or(declaration.default.as_ref()) {
            Some(value) => {
                if let Some(Err(message)) = own.map(|own| declaration.check(own)) {
                    problem(name, format!("`{name}` {message}"), None);
                }
                values.insert(name.clone(), value.clone());
            }
            None => problem(name, format!("`{name}` has no default and needs a value"), None),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

/// Reads `parameters` of a definition or an initiative.
pub(crate) fn declarations(reader: &mut Reader, members: &Value, pointer: &str) -> BTreeMap<String, ParameterDeclaration> {
    let mut declared: BTreeMap<String, ParameterDeclaration> = BTreeMap::new();
    let Some((parameters, pointer)) = reader.object(members, "parameters", pointer) else { return declared };
    for (name, source) in parameters {
        let pointer = reader.below(&pointer, name);
        if declared.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            reader.error::<()>(&pointer, format!("the parameter `{name}` is declared twice"), None);
            continue;
        }
        if let Some(declaration) = declaration(reader, name, source, &pointer) {
            declared.insert(name.clone(), declaration);
        }
    }
    declared
}

fn declaration(reader: &mut Reader, name: &str, source: &Value, pointer: &str) -> Option<ParameterDeclaration> {
    if !source.is_object() {
        return reader.error(pointer, format!("the parameter `{name}` is an object with a `type`"), None);
    }
    let (written, place) = reader.required_text(source, "type", pointer)?;
    let Some((_, kind)) = KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(written)) else {
        let help = closest(written, KINDS.iter().map(|(name, _)| *name)).map(|name| format!("did you mean `{name}`?"));
        return reader.error(&place, format!("`{written}` is no type of a parameter"), help);
    };
    // Azure takes an empty list for no restriction.
    let allowed =
        reader.list(source, "allowedValues", pointer).map(|(values, _)| values.clone()).filter(|values| !values.is_empty());
    let default = reader.member(source, "defaultValue", pointer);
    let metadata = reader.object(source, "metadata", pointer).map(|(members, _)| members.clone()).unwrap_or_default();
    let text = |name: &str| {
        let found = metadata.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned()
    };
    let declaration = ParameterDeclaration {
        kind: *kind,
        default: default.as_ref().map(|(value, _)| (*value).clone()),
        allowed,
        display_name: text("displayName"),
        description: text("description"),
    };
    if let Some((value, place)) = default
        && !is_expression(value)
        && let Err(message) = declaration.check(value)
    {
        reader.error::<()>(&place, format!("the default of `{name}`: it {message}"), None);
    }
    Some(declaration)
}

fn shortened(value: &Value) -> String {
    const MOST: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= MOST { text } else { format!("{}…", text.chars().take(MOST).collect::<String>()) }
}
