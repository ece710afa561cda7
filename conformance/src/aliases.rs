//! The catalogue of aliases that `regorus` is given: those that the definitions name, at the paths where ours reads them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use skywarden_rule::{elsewhere, field_path};

/// The names of aliases in a definition's rule; what it would deploy is not looked through.
pub fn named(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(rule) = document.pointer("/properties/policyRule") {
        collect(rule, &mut found);
    }
    let spelled: Vec<String> = found.iter().filter_map(|name| spelled(name)).collect();
    found.extend(spelled);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.starts_with('[') => found.extend(quoted(text).into_iter().filter(|name| is_alias(name))),
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, found)),
        Value::Object(members) => {
            for (key, value) in members.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("deployment")) {
                match value {
                    Value::String(name) if key.eq_ignore_ascii_case("field") && is_alias(name) => {
                        found.insert(name.clone());
                    }
                    _ => collect(value, found),
                }
            }
        }
        _ => {}
    }
}

/// The texts in single quotes inside a template expression.
pub fn quoted(expression: &str) -> Vec<String> {
    // Two quotes in a row stand for one inside a text.
    let folded = expression.replace("''", "\u{1}");
    folded.split('\'').skip(1).step_by(2).map(|text| text.replace('\u{1}', "'")).collect()
}

/// Whether a name is an alias: `Microsoft.X/types/a.b`.
pub fn is_alias(name: &str) -> bool {
    let provider = name.split('/').next().unwrap_or_default();
    provider.contains('.') && name.contains('/') && !name.starts_with('/') && !name.contains([' ', '(', ','])
}

/// A document with those names of aliases written out that hide a list (`logs.enabled` is `properties.logs[*].enabled`) or the way
/// to one: `regorus` tells from the name alone whether an alias has several values, and where the list is.
pub fn spelled_out(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('[') => {
            let names = quoted(text).into_iter().filter_map(|name| Some((format!("'{name}'"), format!("'{}'", spelled(&name)?))));
            Value::String(names.fold(text.clone(), |text, (name, written)| text.replace(&name, &written)))
        }
        Value::String(text) => Value::String(spelled(text).unwrap_or_else(|| text.clone())),
        Value::Array(elements) => elements.iter().map(spelled_out).collect(),
        Value::Object(members) => Value::Object(members.iter().map(|(key, value)| (key.clone(), spelled_out(value))).collect()),
        other => other.clone(),
    }
}

fn spelled(name: &str) -> Option<String> {
    let head = name.split('[').next().unwrap_or_default();
    let (type_name, _) = head.rsplit_once('/').filter(|_| is_alias(name))?;
    let property = name.get(type_name.len() + 1..)?;
    let path = field_path(name).ok()?.to_string().replace("[*].properties.", "[*].");
    let written = path.strip_prefix("properties.").unwrap_or(&path);
    let is_other =
        written.contains("[*]") && !written.eq_ignore_ascii_case(property.strip_prefix("properties.").unwrap_or(property));
    is_other.then(|| format!("{type_name}/{written}"))
}

/// The catalogue in the shape of ARM's `providers?$expand=resourceTypes/aliases`.
pub fn catalogue(names: &BTreeSet<String>) -> Value {
    let mut types: BTreeMap<(String, String), BTreeMap<String, Value>> = BTreeMap::new();
    for name in names {
        let Ok(path) = field_path(name) else { continue };
        let head = name.split('[').next().unwrap_or_default();
        let Some((full_type, _)) = head.rsplit_once('/') else { continue };
        let (namespace, kind) = full_type.split_once('/').unwrap_or((full_type, ""));
        let alias = json!({
            "name": name,
            "defaultPath": path.to_string(),
            "defaultMetadata": { "type": "Any", "attributes": "Modifiable" },
        });
        let place = (namespace.to_ascii_lowercase(), kind.to_ascii_lowercase());
        let key = name.to_ascii_lowercase();
        let Some((other, path)) = elsewhere(name) else {
            types.entry(place).or_default().entry(key).or_insert(alias);
            continue;
        };
        // An alias of two types, machines and another.
        let (namespace, kind) = other.split_once('/').unwrap_or((other, ""));
        let mut there = alias.clone();
        if let Some(default) = there.get_mut("defaultPath") {
            *default = Value::String(path);
        }
        let other = (namespace.to_ascii_lowercase(), kind.to_ascii_lowercase());
        types.entry(other).or_default().entry(key.clone()).or_insert(there);
        let machines = (place.0, "virtualmachines".to_owned());
        types.entry(machines).or_default().entry(key).or_insert(alias);
    }
    let mut providers: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for ((namespace, kind), aliases) in types {
        let aliases: Vec<Value> = aliases.into_values().collect();
        providers.entry(namespace).or_default().push(json!({ "resourceType": kind, "aliases": aliases }));
    }
    providers.into_iter().map(|(namespace, kinds)| json!({ "namespace": namespace, "resourceTypes": kinds })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_found_in_conditions_and_expressions() {
        let document = json!({ "properties": { "policyRule": {
            "if": { "value": "[if(equals(field('Microsoft.A/b/c'), 'x''y'), 'no/alias', current('Microsoft.A/b/d[*].e'))]" },
            "then": { "details": { "deployment": { "field": "Microsoft.A/b/deployed" }, "operations": [{ "field": "Microsoft.A/b/f" }] } }
        }}});
        let found: Vec<String> = named(&document).into_iter().collect();
        assert_eq!(found, ["Microsoft.A/b/c", "Microsoft.A/b/d[*].e", "Microsoft.A/b/f"]);
    }

    #[test]
    fn an_alias_that_hides_a_list_is_written_out() {
        let condition = |field: &str| json!([{ "field": field, "equals": "True" }]);
        let written = spelled_out(&condition("Microsoft.Insights/diagnosticSettings/logs.enabled"));
        assert_eq!(written, condition("Microsoft.Insights/diagnosticSettings/logs[*].enabled"));
        for plain in
            ["Microsoft.Insights/diagnosticSettings/workspaceId", "Microsoft.Network/virtualNetworks/subnets[*].routeTable"]
        {
            assert_eq!(spelled_out(&condition(plain)), condition(plain));
        }
    }

    #[test]
    fn the_catalogue_says_where_ours_reads() {
        let names = BTreeSet::from(["Microsoft.A/b/c.d".to_owned()]);
        let catalogue = catalogue(&names);
        assert_eq!(catalogue.pointer("/0/resourceTypes/0/aliases/0/defaultPath"), Some(&json!("properties.c.d")));
    }
}
