//! The catalogue of aliases that `regorus` is given: those that the definitions name, at the paths where ours reads them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use skywarden_rule::field_path;

/// The names of aliases in a definition's rule; what it would deploy is not looked through.
pub fn named(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(rule) = document.pointer("/properties/policyRule") {
        collect(rule, &mut found);
    }
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
        types.entry(place).or_default().entry(name.to_ascii_lowercase()).or_insert(alias);
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
    fn the_catalogue_says_where_ours_reads() {
        let names = BTreeSet::from(["Microsoft.A/b/c.d".to_owned()]);
        let catalogue = catalogue(&names);
        assert_eq!(catalogue.pointer("/0/resourceTypes/0/aliases/0/defaultPath"), Some(&json!("properties.c.d")));
    }
}
