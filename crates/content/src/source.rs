//! YAML with positions: a JSON value and the line and column of every JSON pointer in it.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode as _, MarkedYamlOwned, ScalarOwned, YamlDataOwned};
use serde_json::{Map, Number, Value};
pub(crate) use skywarden_rule::step;

/// A file is at most this long.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// Deepest nesting of a content file.
const MAX_DEPTH: usize = 64;

/// Deepest indentation of a line, `- - -` included.
const MAX_INDENT: usize = 256;

/// A parsed YAML or JSON file with the place of every value in it.
#[derive(Debug)]
pub struct Source {
    /// The document.
    pub value: Value,
    places: BTreeMap<String, (u32, u32)>,
}

/// Why a text is no such file, with its place.
#[derive(Debug)]
pub struct SourceError {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

impl Source {
    /// Parses one YAML or JSON document of at most 1 MiB; a byte order mark is skipped.
    ///
    /// # Errors
    /// If it is neither, is too long or too deep, with the place.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let at_start = |message: &str| SourceError { line: 1, column: 1, message: message.to_owned() };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > MAX_BYTES {
            return Err(at_start("the file is longer than 1 MiB"));
        }
        // The parser's own limit is on flow collections; a tree of a million `- - -` would overflow the stack when it is dropped.
        let indented = |line: &str| line.bytes().take_while(|byte| b" \t-?:".contains(byte)).count();
        if let Some(position) = text.lines().position(|line| indented(line) > MAX_INDENT) {
            let message = format!("a line is indented by more than {MAX_INDENT} characters");
            return Err(SourceError { line: number(position + 1), column: 1, message });
        }
        let mut documents = MarkedYamlOwned::load_from_str(text).map_err(|error| SourceError {
            line: number(error.marker().line()),
            column: number(error.marker().col() + 1),
            message: error.info().to_owned(),
        })?;
        let document = documents.pop().ok_or_else(|| at_start("the file is empty"))?;
        if !documents.is_empty() {
            return Err(at_start("the file holds more than one document"));
        }
        let mut places = BTreeMap::new();
        let value = convert(&document, String::new(), 0, &mut places)?;
        Ok(Self { value, places })
    }

    /// A value whose file is not at hand; every place is 1:1.
    pub(crate) fn without_places(value: Value) -> Self {
        Self { value, places: BTreeMap::new() }
    }

    /// Line and column of a JSON pointer, or of the nearest value above it.
    pub fn place(&self, pointer: &str) -> (u32, u32) {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return *place;
            }
            match pointer.rsplit_once('/') {
                Some((above, _)) => pointer = above,
                None => return (1, 1),
            }
        }
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn convert(
    node: &MarkedYamlOwned,
    pointer: String,
    depth: usize,
    places: &mut BTreeMap<String, (u32, u32)>,
) -> Result<Value, SourceError> {
    let place = (number(node.span.start.line()), number(node.span.start.col() + 1));
    let fail = |message: String| SourceError { line: place.0, column: place.1, message };
    if depth > MAX_DEPTH {
        return Err(fail(format!("values are nested deeper than {MAX_DEPTH}")));
    }
    let value = match &node.data {
        YamlDataOwned::Value(scalar) => match scalar {
            ScalarOwned::Null => Value::Null,
            ScalarOwned::Boolean(value) => Value::Bool(*value),
            ScalarOwned::Integer(value) => Value::Number(Number::from(*value)),
            ScalarOwned::FloatingPoint(value) => Number::from_f64(value.into_inner())
                .map(Value::Number)
                .ok_or_else(|| fail("a number is not finite".to_owned()))?,
            ScalarOwned::String(text) => Value::String(text.clone()),
        },
        YamlDataOwned::Representation(text, ..) => Value::String(text.clone()),
        YamlDataOwned::Sequence(elements) => {
            let mut list = Vec::with_capacity(elements.len());
            for (index, element) in elements.iter().enumerate() {
                list.push(convert(element, format!("{pointer}/{index}"), depth + 1, places)?);
            }
            Value::Array(list)
        }
        YamlDataOwned::Mapping(members) => {
            let (mut object, mut inherited) = (Map::new(), Map::new());
            for (key, member) in members {
                let name = match convert(key, String::new(), depth + 1, &mut BTreeMap::new())? {
                    Value::String(name) => name,
                    Value::Number(number) => number.to_string(),
                    Value::Bool(value) => value.to_string(),
                    _ => return Err(fail("a key is no text".to_owned())),
                };
                let below = format!("{pointer}/{}", step(&name));
                let value = convert(member, below.clone(), depth + 1, places)?;
                // An error in a member is best shown at its key.
                places.insert(below, (number(key.span.start.line()), number(key.span.start.col() + 1)));
                match (name.as_str(), value) {
                    ("<<", Value::Object(merged)) => inherited.extend(merged),
                    (_, value) => {
                        object.insert(name, value);
                    }
                }
            }
            // `<<: *other`: what is said here itself holds.
            for (name, value) in inherited {
                object.entry(name).or_insert(value);
            }
            Value::Object(object)
        }
        YamlDataOwned::Tagged(..) => return Err(fail("tags (`!x`) are not used in content".to_owned())),
        YamlDataOwned::Alias(_) => return Err(fail("aliases (`*x`) are not used in content".to_owned())),
        YamlDataOwned::BadValue => return Err(fail("this value is malformed".to_owned())),
    };
    places.entry(pointer).or_insert(place);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_and_places_are_kept() {
        let source = Source::parse("a: 1\nb:\n  - x: no\n  - \"true\"\n").unwrap();
        assert_eq!(source.value, json!({ "a": 1, "b": [{ "x": "no" }, "true"] }));
        assert_eq!(source.place("/b/0/x"), (3, 5));
        assert_eq!(source.place("/b/0/x/y/z"), (3, 5));
    }

    #[test]
    fn mistakes_have_a_place() {
        assert_eq!(Source::parse("a: [1\nb: 2").unwrap_err().line, 2);
        assert!(Source::parse("").is_err());
        assert!(Source::parse("a: 1\n---\nb: 2").is_err());
    }

    #[test]
    fn hostile_texts_are_refused() {
        assert!(Source::parse(&"- ".repeat(300_000)).is_err());
        assert!(Source::parse(&"[".repeat(300_000)).is_err());
        assert!(Source::parse(&format!("{}x{}", "[".repeat(70), "]".repeat(70))).is_err());
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let above = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{above}]\n"));
        }
        assert!(Source::parse(&bomb).is_err());
        assert!(Source::parse(&format!("a: {}", "x".repeat(MAX_BYTES))).is_err());
        assert!(Source::parse("a: 1\na: 2").is_err(), "a key that stands twice hides one of its values");
        assert!(Source::parse("a: .inf").is_err());
    }

    #[test]
    fn words_that_older_yaml_took_for_truths_stay_text() {
        let source = Source::parse("a: on\nb: yes\nc: 'true'\nd: true\ne: 010\nf: ~\n").unwrap();
        assert_eq!(source.value, json!({ "a": "on", "b": "yes", "c": "true", "d": true, "e": 10, "f": null }));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}(\n\\PC{0,20}){0,4}") {
            let _ = Source::parse(&text);
        }
    }
}
