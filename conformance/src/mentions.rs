//! Which fields a rule reads and what it holds them against: what resources are made of.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use skywarden_model::{FieldPath, Timestamp};
use skywarden_rule::{Parameters, Template, elsewhere, field_path};

use crate::aliases::{is_alias, quoted};

/// A field that a rule reads.
#[derive(Debug, Clone)]
pub struct Mention {
    /// Where it stands in the resource.
    pub path: FieldPath,
    /// Values that the rule compares it with; may be empty.
    pub wanted: Vec<Value>,
}

/// Reads the fields of a condition.
pub struct Reader<'a> {
    /// The declared parameters with their values.
    pub parameters: &'a Parameters,
    /// What `utcNow()` answers.
    pub now: Timestamp,
}

impl Reader<'_> {
    /// Every field that a condition reads, each once.
    pub fn mentions(&self, condition: &Value) -> Vec<Mention> {
        let mut found: Vec<Mention> = Vec::new();
        self.walk(condition, &[], &mut found);
        found
    }

    /// Every field that expressions of a condition read by `field()`, each once.
    pub fn functions(&self, condition: &Value) -> Vec<Mention> {
        let mut found = Vec::new();
        self.calls(condition, &mut found);
        found
    }

    fn calls(&self, node: &Value, found: &mut Vec<Mention>) {
        match node {
            Value::String(text) if text.starts_with('[') => self.in_expression(text, &[], found),
            Value::Array(parts) => parts.iter().for_each(|part| self.calls(part, found)),
            Value::Object(members) => members.values().for_each(|value| self.calls(value, found)),
            _ => {}
        }
    }

    fn walk(&self, node: &Value, above: &[Value], found: &mut Vec<Mention>) {
        match node {
            Value::Array(parts) => parts.iter().for_each(|part| self.walk(part, above, found)),
            Value::Object(members) => {
                let is_leaf =
                    members.keys().any(|key| ["field", "value", "count"].iter().any(|own| key.eq_ignore_ascii_case(own)));
                let wanted = if is_leaf { self.wanted(members) } else { Vec::new() };
                let wanted = [above, &wanted].concat();
                let elements = self.elements(members);
                let inside = [above, &elements].concat();
                for (key, value) in members {
                    match value {
                        Value::String(text) if key.eq_ignore_ascii_case("field") => self.field(text, &wanted, found),
                        Value::String(text) if text.starts_with('[') => self.in_expression(text, &wanted, found),
                        Value::Object(_) | Value::Array(_) => {
                            let is_where = key.eq_ignore_ascii_case("where") || key.eq_ignore_ascii_case("count");
                            self.walk(value, if is_where { &inside } else { &[] }, found);
                        }
                        _ => {}
                    }
                }
            }
            Value::String(text) if text.starts_with('[') => self.in_expression(text, above, found),
            _ => {}
        }
    }

    fn field(&self, name: &str, wanted: &[Value], found: &mut Vec<Mention>) {
        if name.starts_with('[') && !name.starts_with("[[") {
            if let Some(Value::String(name)) = self.value(&Value::String(name.to_owned())) {
                add(&name, wanted, found);
            }
            self.in_expression(name, wanted, found);
        } else {
            add(name, wanted, found);
        }
    }

    fn in_expression(&self, text: &str, wanted: &[Value], found: &mut Vec<Mention>) {
        let names = quoted(text);
        let calls = text.to_ascii_lowercase();
        for name in &names {
            let is_read =
                ["field('", "current('"].iter().any(|call| calls.contains(&format!("{call}{}'", name.to_ascii_lowercase())));
            if is_alias(name) || is_read {
                add(name, wanted, found);
            }
        }
    }

    /// What `current()` stands on in a count over values.
    fn elements(&self, members: &Map<String, Value>) -> Vec<Value> {
        if !members.contains_key("where") {
            return Vec::new();
        }
        match members.get("value").and_then(|values| self.value(values)) {
            Some(Value::Array(elements)) => elements.iter().map(|element| concrete("like", element)).collect(),
            _ => Vec::new(),
        }
    }

    /// What a leaf compares with: its tests' values and the texts in its expressions.
    fn wanted(&self, members: &Map<String, Value>) -> Vec<Value> {
        let mut wanted = Vec::new();
        for (key, value) in members {
            if ["field", "count", "name", "where"].iter().any(|own| key.eq_ignore_ascii_case(own)) {
                continue;
            }
            if let Value::String(text) = value
                && text.starts_with('[')
            {
                let is_name = |quoted: &str| text.contains(&format!("parameters('{quoted}')"));
                wanted.extend(quoted(text).into_iter().filter(|text| !is_alias(text) && !is_name(text)).map(Value::String));
            }
            if key.eq_ignore_ascii_case("value") {
                continue;
            }
            match self.value(value) {
                Some(Value::Array(elements)) => {
                    wanted.push(Value::Array(elements.clone()));
                    wanted.extend(elements.iter().map(|element| concrete(key, element)));
                }
                Some(_) if key.eq_ignore_ascii_case("exists") => {}
                Some(single) => wanted.push(concrete(key, &single)),
                None => {}
            }
        }
        wanted
    }

    /// The value of a template that reads parameters only.
    pub fn value(&self, source: &Value) -> Option<Value> {
        let declared: BTreeSet<String> = self.parameters.keys().cloned().collect();
        Template::compile(source, &declared, "").ok()?.of_parameters(self.parameters, self.now).ok()?
    }
}

/// A value that fits a pattern of `like` or `match`; any other as it is.
fn concrete(test: &str, value: &Value) -> Value {
    let Value::String(pattern) = value else { return value.clone() };
    let test = test.to_ascii_lowercase();
    Value::String(if test.ends_with("like") {
        pattern.replace('*', "mid")
    } else if test.contains("match") {
        pattern.replace('#', "7").replace('?', "q").replace('.', "z")
    } else {
        pattern.clone()
    })
}

fn add(name: &str, wanted: &[Value], found: &mut Vec<Mention>) {
    if let Some((_, path)) = elsewhere(name) {
        add(&path, wanted, found);
    }
    let Ok(path) = field_path(name) else { return };
    match found.iter_mut().find(|mention| mention.path.to_string().eq_ignore_ascii_case(&path.to_string())) {
        Some(mention) => mention.wanted.extend(wanted.iter().cloned()),
        None => found.push(Mention { path, wanted: wanted.to_vec() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_says_what_its_fields_are_held_against() {
        let parameters = Parameters::from([("tag".to_owned(), json!("env")), ("list".to_owned(), json!(["a", "b"]))]);
        let reader = Reader { parameters: &parameters, now: "2026-01-01T00:00:00Z".parse().unwrap() };
        let found = reader.mentions(&json!({ "allOf": [
            { "field": "[concat('tags[', parameters('tag'), ']')]", "exists": "false" },
            { "field": "Microsoft.A/b/c", "notIn": "[parameters('list')]" },
            { "count": { "field": "Microsoft.A/b/d[*]", "where": { "field": "Microsoft.A/b/d[*].e", "like": "x*" } }, "equals": 1 },
            { "value": "[toLower(field('kind'))]", "equals": "functionapp" },
        ]}));
        let found: Vec<(String, Vec<Value>)> = found.into_iter().map(|own| (own.path.to_string(), own.wanted)).collect();
        assert!(found.contains(&("tags.env".to_owned(), vec![])), "{found:?}");
        assert!(found.contains(&("properties.c".to_owned(), vec![json!(["a", "b"]), json!("a"), json!("b")])), "{found:?}");
        assert!(found.contains(&("properties.d[*].e".to_owned(), vec![json!("xmid")])), "{found:?}");
        assert!(found.iter().any(|(path, wanted)| path == "kind" && wanted.contains(&json!("functionapp"))), "{found:?}");
    }
}
