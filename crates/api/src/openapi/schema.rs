//! JSON Schemas from the short form of the files: `README.md` beside them has its rules.

use serde_json::{Map, Value, json};

/// Where schemas with a name are.
const SCHEMAS: &str = "#/components/schemas/";

/// The schema of a type in the short form.
pub(super) fn of(written: &Value, problems: &mut Vec<String>) -> Value {
    match written {
        Value::String(text) => of_text(text),
        Value::Array(types) => match types.as_slice() {
            [one] => json!({ "type": "array", "items": of(one, problems) }),
            [first, others @ ..] if others.iter().all(|other| other == first) => {
                json!({ "type": "array", "items": of(first, problems), "minItems": types.len(), "maxItems": types.len() })
            }
            _ => wrong(written, problems),
        },
        Value::Object(members) => of_members(members, problems),
        Value::Null => json!({ "type": "null" }),
        Value::Bool(_) | Value::Number(_) => wrong(written, problems),
    }
}

/// The object of a kind of ARM's resources.
pub(super) fn object(members: Map<String, Value>, optional: &[String]) -> Value {
    let required: Vec<&String> = members.keys().filter(|name| !optional.contains(name)).collect();
    let required = json!(required);
    json!({ "type": "object", "properties": members, "required": required, "additionalProperties": false })
}

/// That every schema that is referred to is there.
pub(super) fn check_references(paths: &Map<String, Value>, schemas: &Map<String, Value>, problems: &mut Vec<String>) {
    let mut left: Vec<(&str, &Value)> = paths.iter().chain(schemas).map(|(name, value)| (name.as_str(), value)).collect();
    while let Some((place, value)) = left.pop() {
        match value {
            Value::Object(members) => {
                let named = members.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(SCHEMAS));
                if let Some(name) = named.filter(|name| !schemas.contains_key(*name)) {
                    problems.push(format!("{place} refers to a schema `{name}` that is not there"));
                }
                left.extend(members.values().map(|own| (place, own)));
            }
            Value::Array(own) => left.extend(own.iter().map(|own| (place, own))),
            _ => {}
        }
    }
}

fn wrong(written: &Value, problems: &mut Vec<String>) -> Value {
    problems.push(format!("`{written}` is no type; crates/api/openapi/README.md says what is"));
    json!({})
}

fn of_members(members: &Map<String, Value>, problems: &mut Vec<String>) -> Value {
    if let Some(own) = members.get("$map") {
        return json!({ "type": "object", "additionalProperties": of(own, problems) });
    }
    if let Some(Value::Array(own)) = members.get("$one") {
        let own: Vec<Value> = own.iter().map(|own| of(own, problems)).collect();
        return json!({ "anyOf": own });
    }
    let (mut properties, mut required) = (Map::new(), Vec::new());
    let (mut others, mut about) = (json!(false), None);
    for (name, written) in members {
        match name.as_str() {
            "$open" => others = of(written, problems),
            "$about" => about = Some(written.clone()),
            name => {
                let plain = name.strip_suffix('?');
                if plain.is_none() {
                    required.push(name.to_owned());
                }
                properties.insert(plain.unwrap_or(name).to_owned(), of(written, problems));
            }
        }
    }
    let mut made = json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": others });
    if let (Some(own), Some(about)) = (made.as_object_mut(), about) {
        own.insert("description".to_owned(), about);
    }
    made
}

/// `string? -- a description`, `A|B`, `=A`, or a name.
fn of_text(text: &str) -> Value {
    let (text, about) = text.split_once(" -- ").map_or((text, None), |(text, about)| (text, Some(about)));
    let text = text.trim();
    let (plain, is_nullable) = text.strip_suffix('?').map_or((text, false), |plain| (plain, true));
    let mut made = of_word(plain);
    if is_nullable {
        made = nullable(made);
    }
    if let (Some(own), Some(about)) = (made.as_object_mut(), about) {
        own.insert("description".to_owned(), json!(about));
    }
    made
}

fn of_word(word: &str) -> Value {
    if let Some(only) = word.strip_prefix('=') {
        return json!({ "type": "string", "const": only });
    }
    if word.contains('|') {
        return json!({ "type": "string", "enum": word.split('|').collect::<Vec<_>>() });
    }
    match word {
        "any" => json!({}),
        "count" => json!({ "type": "integer", "minimum": 0 }),
        "time" => json!({ "type": "string", "format": "date-time" }),
        "date" => json!({ "type": "string", "format": "date" }),
        "string" | "integer" | "number" | "boolean" | "object" | "null" => json!({ "type": word }),
        name => json!({ "$ref": format!("{SCHEMAS}{name}") }),
    }
}

fn nullable(schema: Value) -> Value {
    match schema.as_object() {
        Some(own) if own.contains_key("type") && !own.contains_key("const") => {
            let mut own = own.clone();
            if let Some(kind) = own.remove("type") {
                own.insert("type".to_owned(), json!([kind, "null"]));
            }
            if let Some(Value::Array(words)) = own.get_mut("enum") {
                words.push(Value::Null);
            }
            Value::Object(own)
        }
        Some(own) if own.is_empty() => schema,
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(written: &Value) -> Value {
        let mut problems = Vec::new();
        let made = of(written, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        made
    }

    #[test]
    fn the_short_form_means_json_schemas() {
        for (written, wanted) in [
            (json!("count -- how many"), json!({ "type": "integer", "minimum": 0, "description": "how many" })),
            (json!("A|B?"), json!({ "type": ["string", "null"], "enum": ["A", "B", null] })),
            (json!("=a"), json!({ "type": "string", "const": "a" })),
            (json!("Status?"), json!({ "anyOf": [{ "$ref": "#/components/schemas/Status" }, { "type": "null" }] })),
            (
                json!(["number", "number"]),
                json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 }),
            ),
            (json!({ "$map": "any?" }), json!({ "type": "object", "additionalProperties": {} })),
            (
                json!({ "a": "string", "b?": ["boolean"], "$about": "Two." }),
                json!({ "type": "object", "description": "Two.", "required": ["a"], "additionalProperties": false,
                        "properties": { "a": { "type": "string" }, "b": { "type": "array", "items": { "type": "boolean" } } } }),
            ),
        ] {
            assert_eq!(made(&written), wanted, "{written}");
        }
        let mut problems = Vec::new();
        of(&json!(["string", 3]), &mut problems);
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

    #[test]
    fn a_reference_to_nothing_is_a_problem() {
        let schemas = json!({ "A": { "$ref": "#/components/schemas/B" } });
        let mut problems = Vec::new();
        check_references(&Map::new(), schemas.as_object().unwrap(), &mut problems);
        assert_eq!(problems, ["A refers to a schema `B` that is not there"]);
    }
}
