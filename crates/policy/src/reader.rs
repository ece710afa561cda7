//! Reading Azure's JSON: members in any case, mistakes with their place.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use skywarden_model::Timestamp;
use skywarden_rule::{CompileError, Rule, Template};

/// Collects the mistakes of one document.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) errors: Vec<CompileError>,
}

impl Reader {
    pub(crate) fn error<T>(&mut self, pointer: &str, message: impl Into<String>, help: Option<String>) -> Option<T> {
        self.errors.push(CompileError { pointer: pointer.to_owned(), message: message.into(), help });
        None
    }

    /// The pointer of a member.
    pub(crate) fn below(&self, pointer: &str, key: &str) -> String {
        format!("{pointer}/{}", skywarden_rule::step(key))
    }

    /// A member with its pointer; `null` counts as absent.
    pub(crate) fn member<'v>(&self, value: &'v Value, name: &str, pointer: &str) -> Option<(&'v Value, String)> {
        let (key, found) = key_and_member(value, name)?;
        Some((found, self.below(pointer, key)))
    }

    /// `properties` with its pointer. Azure's command line writes them without the member: then it is the document itself.
    pub(crate) fn properties<'v>(&self, document: &'v Value) -> (&'v Value, String) {
        self.properties_below(document, "")
    }

    /// The same of a document inside another.
    pub(crate) fn properties_below<'v>(&self, document: &'v Value, pointer: &str) -> (&'v Value, String) {
        self.member(document, "properties", pointer).unwrap_or_else(|| (document, pointer.to_owned()))
    }

    /// An instant; one that can't be read is an error.
    pub(crate) fn instant(&mut self, value: &Value, name: &str, pointer: &str) -> Option<Timestamp> {
        let (text, place) = self.text(value, name, pointer)?;
        let found = skywarden_rule::instant(text);
        if found.is_none() {
            let help = "write it as `2026-12-31T00:00:00Z`".to_owned();
            self.error::<()>(&place, format!("`{text}` is no instant"), Some(help));
        }
        found
    }

    pub(crate) fn object<'v>(&mut self, value: &'v Value, name: &str, pointer: &str) -> Option<(&'v Map<String, Value>, String)> {
        let (found, place) = self.member(value, name, pointer)?;
        match found {
            Value::Object(members) => Some((members, place)),
            _ => self.error(&place, format!("`{name}` is an object"), None),
        }
    }

    pub(crate) fn list<'v>(&mut self, value: &'v Value, name: &str, pointer: &str) -> Option<(&'v Vec<Value>, String)> {
        let (found, place) = self.member(value, name, pointer)?;
        match found {
            Value::Array(elements) => Some((elements, place)),
            _ => self.error(&place, format!("`{name}` is a list"), None),
        }
    }

    pub(crate) fn text<'v>(&mut self, value: &'v Value, name: &str, pointer: &str) -> Option<(&'v str, String)> {
        let (found, place) = self.member(value, name, pointer)?;
        match found {
            Value::String(text) => Some((text, place)),
            _ => self.error(&place, format!("`{name}` is a text"), None),
        }
    }

    pub(crate) fn required_text<'v>(&mut self, value: &'v Value, name: &str, pointer: &str) -> Option<(&'v str, String)> {
        if self.member(value, name, pointer).is_none() {
            return self.error(pointer, format!("`{name}` is missing"), None);
        }
        self.text(value, name, pointer)
    }

    /// The texts of a list.
    pub(crate) fn texts(&mut self, value: &Value, name: &str, pointer: &str) -> Vec<String> {
        let Some((elements, place)) = self.list(value, name, pointer) else { return Vec::new() };
        let mut texts = Vec::with_capacity(elements.len());
        for (position, element) in elements.iter().enumerate() {
            match element {
                Value::String(text) => texts.push(text.clone()),
                _ => {
                    self.error::<()>(&format!("{place}/{position}"), format!("an element of `{name}` is a text"), None);
                }
            }
        }
        texts
    }

    /// A condition that is a member.
    pub(crate) fn condition(&mut self, source: &Value, declared: &BTreeSet<String>, pointer: &str) -> Option<Rule> {
        match Rule::compile(source, declared) {
            Ok(rule) => Some(rule),
            Err(errors) => {
                let below = |error: CompileError| CompileError { pointer: format!("{pointer}{}", error.pointer), ..error };
                self.errors.extend(errors.into_iter().map(below));
                None
            }
        }
    }

    /// A value with expressions that is a member.
    pub(crate) fn template(&mut self, value: &Value, name: &str, declared: &BTreeSet<String>, pointer: &str) -> Option<Template> {
        let (source, place) = self.member(value, name, pointer)?;
        match Template::compile(source, declared, &place) {
            Ok(template) => Some(template),
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }
}

/// A member in any case; `null` counts as absent.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    key_and_member(value, name).map(|(_, found)| found)
}

fn key_and_member<'v>(value: &'v Value, name: &str) -> Option<(&'v String, &'v Value)> {
    let members = value.as_object()?;
    let found = members.get_key_value(name).or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))?;
    (!found.1.is_null()).then_some(found)
}

/// Whether a value is a template expression as a whole.
pub(crate) fn is_expression(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with('[') && !text.starts_with("[[") && text.ends_with(']'))
}
