//! From Azure's JSON to a definition.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use skywarden_rule::{CompileError, Template, closest};

use crate::{
    Append, Definition, Details, Effect, EffectOf, Elsewhere, Existence, ExistenceScope, Mode, Modification, Operation,
    OperationKind, ParameterDeclaration, PolicyRule, PolicyType, Reason, parameter::declarations, reader::Reader,
};

const ID_PREFIX: &str = "/providers/Microsoft.Authorization/policyDefinitions/";

/// Reads a definition.
pub(crate) fn definition(document: &Value) -> Result<Definition, Vec<CompileError>> {
    let mut reader = Reader::default();
    let found = read(&mut reader, document);
    match found {
        Some(definition) if reader.errors.is_empty() => Ok(definition),
        _ => Err(reader.errors),
    }
}

fn read(reader: &mut Reader, document: &Value) -> Option<Definition> {
    if !document.is_object() {
        return reader.error("", "a policy definition is an object", None);
    }
    let (properties, pointer) = reader.properties(document);
    let Some((rule, rule_pointer)) = reader.member(properties, "policyRule", &pointer) else {
        let help = "an initiative has `policyDefinitions` instead; a definition has `policyRule`";
        return reader.error(&pointer, "`policyRule` is missing", Some(help.to_owned()));
    };
    let id = reader.text(document, "id", "").map(|(id, _)| id.to_owned());
    let last = |id: &String| id.rsplit('/').next().unwrap_or_default().to_owned();
    let name = reader.text(document, "name", "").map(|(name, _)| name.to_owned()).or_else(|| id.as_ref().map(last));
    let display_name = reader.text(properties, "displayName", &pointer).map(|(text, _)| text.to_owned());
    let name = name.or_else(|| display_name.clone()).unwrap_or_default();
    let parameters = declarations(reader, properties, &pointer);
    let declared: BTreeSet<String> = parameters.keys().cloned().collect();
    let metadata = reader.member(properties, "metadata", &pointer).map(|(metadata, _)| metadata);
    let of_metadata = |name: &str| {
        let members = metadata?.as_object()?;
        members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1.as_str().map(str::to_owned)
    };
    let policy_type = policy_type(reader, properties, &pointer);
    let mode = mode(reader, properties, &pointer);
    let version = reader.text(properties, "version", &pointer).map(|(version, _)| version.to_owned());
    let description = reader.text(properties, "description", &pointer).map(|(text, _)| text.to_owned());
    let (condition, condition_pointer) = match reader.member(rule, "if", &rule_pointer) {
        Some(found) => found,
        None => return reader.error(&rule_pointer, "`if` is missing", None),
    };
    let condition = reader.condition(condition, &declared, &condition_pointer);
    let Some((then, then_pointer)) = reader.member(rule, "then", &rule_pointer) else {
        return reader.error(&rule_pointer, "`then` is missing", None);
    };
    let effect = effect(reader, then, &parameters, &declared, &then_pointer);
    let effects = effect.as_ref().map(|effect| possible(effect, &parameters)).unwrap_or_default();
    let raw_details = reader.member(then, "details", &then_pointer);
    let elsewhere = elsewhere(policy_type, metadata, raw_details.as_ref().map(|(details, _)| *details));
    let details = match raw_details {
        Some((details, pointer)) if elsewhere.is_none() => details_of(reader, details, &effects, &declared, &pointer),
        _ => Details::None,
    };
    if elsewhere.is_none() {
        needs(reader, &effects, &details, &then_pointer);
    }
    Some(Definition {
        id: id.unwrap_or_else(|| format!("{ID_PREFIX}{name}")),
        display_name: display_name.unwrap_or_else(|| name.clone()),
        name,
        description: description.unwrap_or_default(),
        policy_type,
        mode,
        category: of_metadata("category"),
        version: version.or_else(|| of_metadata("version")),
        parameters,
        asks_policy: mentions(rule, "policy("),
        asks_time: mentions(rule, "utcNow("),
        rule: PolicyRule { condition: condition?, effect: effect?, details },
        elsewhere,
    })
}

pub(crate) fn policy_type(reader: &mut Reader, properties: &Value, pointer: &str) -> PolicyType {
    const TYPES: [(&str, PolicyType); 4] = [
        ("BuiltIn", PolicyType::BuiltIn),
        ("Custom", PolicyType::Custom),
        ("NotSpecified", PolicyType::Custom),
        ("Static", PolicyType::Static),
    ];
    let Some((written, place)) = reader.text(properties, "policyType", pointer) else { return PolicyType::Custom };
    match TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(written)) {
        Some((_, known)) => *known,
        None => reader.error(&place, format!("`{written}` is no type of a policy"), None).unwrap_or(PolicyType::Custom),
    }
}

/// Whether a text in a rule holds a word; what would be deployed is not looked through.
fn mentions(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.contains(word),
        Value::Array(elements) => elements.iter().any(|element| mentions(element, word)),
        Value::Object(members) => members.iter().any(|(name, value)| name != "deployment" && mentions(value, word)),
        _ => false,
    }
}

fn mode(reader: &mut Reader, properties: &Value, pointer: &str) -> Mode {
    let Some((written, place)) = reader.text(properties, "mode", pointer) else { return Mode::All };
    let is = |name: &str| written.eq_ignore_ascii_case(name);
    if is("All") || is("NotSpecified") {
        Mode::All
    } else if is("Indexed") {
        Mode::Indexed
    } else if written.contains('.') {
        Mode::DataPlane(written.to_owned())
    } else {
        let help = "`All`, `Indexed` or a provider's data plane such as `Microsoft.KeyVault.Data`".to_owned();
        reader.error(&place, format!("`{written}` is no mode"), Some(help)).unwrap_or(Mode::All)
    }
}

fn effect(
    reader: &mut Reader,
    then: &Value,
    parameters: &BTreeMap<String, ParameterDeclaration>,
    declared: &BTreeSet<String>,
    pointer: &str,
) -> Option<EffectOf> {
    let Some((_, place)) = reader.member(then, "effect", pointer) else {
        return reader.error(pointer, "`effect` is missing", None);
    };
    let template = reader.template(then, "effect", declared, pointer)?;
    if let Some(literal) = template.literal() {
        return known_effect(reader, literal, &place).map(EffectOf::Rule);
    }
    let Some(name) = template.parameter() else {
        let help = "write the effect, or `[parameters('effect')]`".to_owned();
        return reader.error(&place, "`effect` is an effect or a parameter", Some(help));
    };
    let (name, declaration) = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    // A default that is not allowed has been told already.
    let values = declaration.allowed.as_deref().unwrap_or(declaration.default.as_slice());
    for value in values {
        known_effect(reader, value, &place);
    }
    Some(EffectOf::Parameter(name.clone()))
}

fn known_effect(reader: &mut Reader, value: &Value, pointer: &str) -> Option<Effect> {
    let name = value.as_str().unwrap_or_default();
    let found = Effect::from_name(name);
    if found.is_none() {
        let help = closest(name, Effect::names()).map(|name| format!("did you mean `{name}`?"));
        reader.error::<()>(pointer, format!("{value} is no effect"), help);
    }
    found
}

/// The effects that a definition may have.
fn possible(effect: &EffectOf, parameters: &BTreeMap<String, ParameterDeclaration>) -> BTreeSet<Effect> {
    match effect {
        EffectOf::Rule(effect) => BTreeSet::from([*effect]),
        EffectOf::Parameter(name) => {
            let declaration = parameters.get(name);
            let values = declaration.into_iter().flat_map(|own| own.allowed.iter().flatten().chain(&own.default));
            values.filter_map(|value| Effect::from_name(value.as_str()?)).collect()
        }
    }
}

/// Whether what decides lies outside the definition, and where.
fn elsewhere(policy_type: PolicyType, metadata: Option<&Value>, details: Option<&Value>) -> Option<Elsewhere> {
    let member = |value: Option<&Value>, name: &str| {
        let members = value?.as_object()?;
        members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    let of = |name: &str| member(details, name);
    let there = |reason: Reason, place: String| Some(Elsewhere { reason, place });
    if let Some(template) = of("templateInfo") {
        return there(Reason::GatekeeperTemplate, text(member(Some(&template), "url")));
    }
    if let Some(template) = of("constraintTemplate") {
        return there(Reason::GatekeeperTemplate, text(Some(template)));
    }
    if let Some(mutation) = of("mutationInfo") {
        return there(Reason::KubernetesMutation, text(member(Some(&mutation), "url")));
    }
    if of("policyId").is_some() {
        return there(Reason::Rego, text(of("policy")));
    }
    if let Some(setting) = of("setting") {
        return there(Reason::EnforceSetting, text(member(Some(&setting), "name")));
    }
    if let Some(guest) = member(metadata, "guestConfiguration") {
        return there(Reason::GuestConfiguration, text(member(Some(&guest), "name")));
    }
    (policy_type == PolicyType::Static).then(|| Elsewhere { reason: Reason::Static, place: String::new() })
}

fn details_of(
    reader: &mut Reader,
    source: &Value,
    effects: &BTreeSet<Effect>,
    declared: &BTreeSet<String>,
    pointer: &str,
) -> Details {
    if let Value::Array(fields) = source {
        return Details::Append(appended(reader, fields, declared, pointer));
    }
    if !source.is_object() {
        reader.error::<()>(pointer, "`details` is an object, or a list for `append`", None);
        return Details::None;
    }
    let has = |effect: Effect| effects.contains(&effect);
    if has(Effect::Modify) || reader.member(source, "operations", pointer).is_some() {
        return modification(reader, source, declared, pointer).map(Details::Modify).unwrap_or_default();
    }
    if has(Effect::DenyAction) {
        return Details::DenyAction(reader.texts(source, "actionNames", pointer));
    }
    if has(Effect::Manual) {
        let state = reader.text(source, "defaultState", pointer).map_or("Unknown", |(state, _)| state).to_owned();
        return Details::Manual { default_state: state };
    }
    if has(Effect::AuditIfNotExists) || has(Effect::DeployIfNotExists) {
        return existence(reader, source, declared, pointer).map(|found| Details::Existence(Box::new(found))).unwrap_or_default();
    }
    Details::None
}

fn appended(reader: &mut Reader, fields: &[Value], declared: &BTreeSet<String>, pointer: &str) -> Vec<Append> {
    let mut all = Vec::with_capacity(fields.len());
    for (position, source) in fields.iter().enumerate() {
        let place = format!("{pointer}/{position}");
        let (field, value) =
            (required(reader, source, "field", declared, &place), required(reader, source, "value", declared, &place));
        if let (Some(field), Some(value)) = (field, value) {
            all.push(Append { field, value });
        }
    }
    all
}

fn required(reader: &mut Reader, source: &Value, name: &str, declared: &BTreeSet<String>, pointer: &str) -> Option<Template> {
    if reader.member(source, name, pointer).is_none() {
        return reader.error(pointer, format!("`{name}` is missing"), None);
    }
    reader.template(source, name, declared, pointer)
}

/// The value that an operation sets; `null` is one.
fn value_of(reader: &mut Reader, source: &Value, declared: &BTreeSet<String>, pointer: &str) -> Option<Template> {
    let is_null = source
        .as_object()
        .is_some_and(|members| members.iter().any(|(name, value)| name.eq_ignore_ascii_case("value") && value.is_null()));
    if is_null {
        Template::compile(&Value::Null, declared, pointer).ok()
    } else {
        required(reader, source, "value", declared, pointer)
    }
}

fn modification(reader: &mut Reader, source: &Value, declared: &BTreeSet<String>, pointer: &str) -> Option<Modification> {
    let Some((sources, place)) = reader.list(source, "operations", pointer) else {
        return reader.error(pointer, "`modify` needs `operations`", None);
    };
    let mut operations = Vec::with_capacity(sources.len());
    for (position, source) in sources.iter().enumerate() {
        operations.extend(operation(reader, source, declared, &format!("{place}/{position}")));
    }
    let conflict = reader.text(source, "conflictEffect", pointer).map(|(name, place)| (name.to_owned(), place));
    let conflict_effect = conflict.filter(|(name, _)| !name.starts_with('[')).and_then(|(name, place)| {
        let found = Effect::from_name(&name);
        if found.is_none() {
            reader.error::<()>(&place, format!("`{name}` is no effect"), None);
        }
        found
    });
    Some(Modification { operations, conflict_effect, roles: reader.texts(source, "roleDefinitionIds", pointer) })
}

fn operation(reader: &mut Reader, source: &Value, declared: &BTreeSet<String>, pointer: &str) -> Option<Operation> {
    const KINDS: [(&str, OperationKind); 3] =
        [("add", OperationKind::Add), ("addOrReplace", OperationKind::AddOrReplace), ("remove", OperationKind::Remove)];
    let (written, place) = reader.required_text(source, "operation", pointer)?;
    let Some((_, kind)) = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(written)) else {
        let help = "`add`, `addOrReplace` or `remove`".to_owned();
        return reader.error(&place, format!("`{written}` is no operation"), Some(help));
    };
    let field = required(reader, source, "field", declared, pointer)?;
    let value = match kind {
        OperationKind::Remove => None,
        OperationKind::Add | OperationKind::AddOrReplace => Some(value_of(reader, source, declared, pointer)?),
    };
    Some(Operation { kind: *kind, field, value, condition: reader.template(source, "condition", declared, pointer) })
}

fn existence(reader: &mut Reader, source: &Value, declared: &BTreeSet<String>, pointer: &str) -> Option<Existence> {
    let (type_name, _) = reader.required_text(source, "type", pointer)?;
    let scope = match reader.text(source, "existenceScope", pointer) {
        Some((written, _)) if written.eq_ignore_ascii_case("subscription") => ExistenceScope::Subscription,
        Some((written, _)) if written.eq_ignore_ascii_case("resourceGroup") => ExistenceScope::ResourceGroup,
        Some((written, place)) => {
            let help = "`ResourceGroup` or `Subscription`".to_owned();
            return reader.error(&place, format!("`{written}` is no scope of existence"), Some(help));
        }
        None => ExistenceScope::ResourceGroup,
    };
    let condition = reader.member(source, "existenceCondition", pointer);
    let condition = condition.and_then(|(condition, place)| reader.condition(condition, declared, &place));
    Some(Existence {
        type_name: type_name.to_owned(),
        name: reader.template(source, "name", declared, pointer),
        resource_group: reader.template(source, "resourceGroupName", declared, pointer),
        scope,
        condition,
        deployment: reader.member(source, "deployment", pointer).map(|(deployment, _)| deployment.clone()),
        roles: reader.texts(source, "roleDefinitionIds", pointer),
    })
}

/// Effects that can't do without details.
fn needs(reader: &mut Reader, effects: &BTreeSet<Effect>, details: &Details, pointer: &str) {
    for effect in effects {
        let is_there = match effect {
            Effect::AuditIfNotExists | Effect::DeployIfNotExists => matches!(details, Details::Existence(_)),
            Effect::Modify => matches!(details, Details::Modify(_)),
            Effect::Append => matches!(details, Details::Append(_) | Details::Modify(_)),
            Effect::DenyAction => matches!(details, Details::DenyAction(_)),
            _ => true,
        };
        // Where the details were not understood, that has been said.
        if !is_there && reader.errors.is_empty() {
            reader.error::<()>(pointer, format!("the effect `{effect}` needs `details`"), None);
        }
    }
}
