use serde_json::{Map, Value, json};
use skywarden_content::{ParameterDeclaration, ParameterType, RecommendationFile};
use skywarden_rule::{alias_of, field_path};

/// Why a recommendation can't be said in Azure's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPolicy {
    /// Its verdict is made of a baseline's findings.
    #[error("its verdict is made of findings, not of a condition")]
    Findings,
    /// It tells what is fine from what nobody knows, which Azure's definitions can't: they would call it compliant.
    #[error("it says where nothing is known (`unknown_if`), for which Azure Policy has no word")]
    NotKnown,
    /// It rests on what is known of other resources too, which Azure's definitions can't ask for.
    #[error("it rests on `{field}`, which Azure Policy does not have")]
    Fact {
        /// The fact's field.
        field: String,
    },
    /// A field is no alias of the type.
    #[error("no alias of {type_name} leads to `{field}`")]
    NoAlias {
        /// The type.
        type_name: String,
        /// The field.
        field: String,
    },
}

/// Types of Azure's, whose fields have aliases.
const AZURE: &str = "Microsoft.";

/// A recommendation as a policy definition in Azure's JSON: it is audited where it is violated.
///
/// Fields of Azure's types become aliases, those of other clouds stay paths. Two things get lost, for which Azure has no word: a
/// resource to which the recommendation does not apply is compliant, and so is one of which it is not known whether it applies.
///
/// # Errors
/// If it can't be said as a condition on the resource.
pub fn definition_of(file: &RecommendationFile, key: &str) -> Result<Value, NotPolicy> {
    let Some(violated) = &file.violated_if else { return Err(NotPolicy::Findings) };
    if !file.unknown_if.is_empty() {
        return Err(NotPolicy::NotKnown);
    }
    let mut parts = vec![json!({ "field": "type", "equals": file.type_name })];
    parts.extend(file.applies_if.iter().cloned());
    parts.push(violated.clone());
    let mut condition = Value::Array(parts);
    if file.type_name.starts_with(AZURE) {
        rename(&mut condition, &file.type_name)?;
    }
    let mut parameters = Map::from_iter([(
        "effect".to_owned(),
        json!({ "type": "String", "defaultValue": "Audit", "allowedValues": ["Audit", "Disabled"],
                "metadata": { "displayName": "Effect", "description": "Whether it is audited." } }),
    )]);
    parameters.extend(file.parameters.iter().map(|(name, own)| (name.clone(), parameter(own))));
    Ok(json!({
        "id": format!("/providers/Microsoft.Authorization/policyDefinitions/{key}"),
        "name": key,
        "type": "Microsoft.Authorization/policyDefinitions",
        "properties": {
            "displayName": file.title,
            "description": file.description,
            "policyType": "Custom",
            "mode": "All",
            "metadata": {
                "category": "Security",
                "source": "Skywarden",
                "recommendation": file.id,
                "securityCenter": { "Severity": file.severity, "RemediationDescription": file.remediation.steps },
            },
            "parameters": parameters,
            "policyRule": { "if": { "allOf": condition }, "then": { "effect": "[parameters('effect')]" } },
        },
    }))
}

fn parameter(own: &ParameterDeclaration) -> Value {
    let kind = match own.parameter_type {
        ParameterType::String => "String",
        ParameterType::Integer => "Integer",
        ParameterType::Float => "Float",
        ParameterType::Boolean => "Boolean",
        ParameterType::Array => "Array",
        ParameterType::Object => "Object",
        ParameterType::DateTime => "DateTime",
    };
    let mut declaration = json!({ "type": kind, "defaultValue": own.default, "metadata": { "description": own.description } });
    if let (Value::Object(members), Some(allowed)) = (&mut declaration, &own.allowed_values) {
        members.insert("allowedValues".to_owned(), json!(allowed));
    }
    declaration
}

/// Paths become aliases, wherever a condition or an expression names a field.
fn rename(value: &mut Value, type_name: &str) -> Result<(), NotPolicy> {
    match value {
        Value::Array(elements) => {
            for element in elements {
                rename(element, type_name)?;
            }
        }
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                match member {
                    Value::String(text) if key == "field" && !text.starts_with('[') => *text = alias(text, type_name)?,
                    member => rename(member, type_name)?,
                }
            }
        }
        Value::String(text) if text.starts_with('[') => *text = in_expression(text, type_name)?,
        _ => {}
    }
    Ok(())
}

/// The names in `field('...')` and `current('...')`.
fn in_expression(text: &str, type_name: &str) -> Result<String, NotPolicy> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, call)) = ["field('", "current('"].iter().filter_map(|call| Some((rest.find(call)?, call))).min() {
        let (before, after) = rest.split_at(start + call.len());
        let (name, tail) = after.split_at(after.find('\'').unwrap_or(after.len()));
        result.push_str(before);
        // A count over values has a name of its own, which is no path.
        let is_own = *call == "current('" && !name.contains(['.', '[', '/']);
        result.push_str(&if is_own { name.to_owned() } else { alias(name, type_name)? });
        rest = tail;
    }
    result.push_str(rest);
    Ok(result)
}

fn alias(name: &str, type_name: &str) -> Result<String, NotPolicy> {
    const PLAIN: [&str; 9] = ["name", "fullName", "kind", "type", "location", "id", "tags", "identity", "scope"];
    let first = name.split(['.', '[']).next().unwrap_or_default();
    if PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(first)) {
        return Ok(name.to_owned());
    }
    if first.eq_ignore_ascii_case("facts") {
        return Err(NotPolicy::Fact { field: name.to_owned() });
    }
    let not = || NotPolicy::NoAlias { type_name: type_name.to_owned(), field: name.to_owned() };
    let path = field_path(name).map_err(|_| not())?;
    alias_of(type_name, &path).ok_or_else(not)
}
