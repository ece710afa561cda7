//! Takes texts that may be secrets out of a resource, and says what kinds of secrets were in them.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use regex::Regex;
use serde_json::Value;
use skywarden_content::{Encoding, SecretFile, Withheld};
use skywarden_model::{Unreadable, UnreadableKind, UnreadableReason};

/// What stands for a text that is not kept.
const WITHHELD: &str = "(withheld)";

/// The patterns of all kinds of secrets, ready to be looked for.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<(String, Regex)>);

impl Secrets {
    /// Compiles patterns; the linter has seen that they compile.
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = &'a SecretFile>) -> Self {
        let compiled = files.into_iter().filter_map(|file| Some((file.title.clone(), Regex::new(&file.pattern).ok()?)));
        Self(compiled.collect())
    }

    fn look(&self, text: &str, kinds: &mut BTreeSet<String>) {
        for (title, pattern) in &self.0 {
            if !kinds.contains(title) && pattern.is_match(text) {
                kinds.insert(title.clone());
            }
        }
    }
}

/// Withholds one part of the properties; what could not be looked into is unreadable.
pub(crate) fn withhold(part: &Withheld, secrets: &Secrets, properties: &mut Value) -> Option<Unreadable> {
    let mut found = Found::default();
    let steps: Vec<&str> = part.path.split('.').collect();
    found.visit(properties, &steps, None, part.encoding, secrets);
    let kinds_into = part.kinds_into.as_deref().filter(|_| found.n_texts > 0)?;
    if found.n_opaque > 0 && found.kinds.is_empty() {
        let message = "the text is packed in a way that is not known here, so it was not looked into for secrets";
        let reason = UnreadableReason {
            kind: UnreadableKind::Failed,
            operation: format!("look for secrets in {}", part.path),
            permission: None,
            code: String::new(),
            message: message.to_owned(),
        };
        let field = format!("properties.{kinds_into}").parse().ok()?;
        return Some(Unreadable { field, reason: Arc::new(reason) });
    }
    let (parent, name) = kinds_into.rsplit_once('.').unwrap_or(("", kinds_into));
    if let Some(Value::Object(members)) = at(properties, parent) {
        members.insert(name.to_owned(), found.kinds.into_iter().collect());
    }
    None
}

#[derive(Default)]
struct Found {
    kinds: BTreeSet<String>,
    n_texts: usize,
    n_opaque: usize,
}

impl Found {
    /// Goes down a path; below a list every element, whose own name is the name of the text: `{Name: DB_PASSWORD, Value: ...}`.
    fn visit(&mut self, value: &mut Value, steps: &[&str], name: Option<&str>, encoding: Option<Encoding>, secrets: &Secrets) {
        let Some((step, rest)) = steps.split_first() else { return self.take(value, name, encoding, secrets) };
        let (key, is_list) = step.strip_suffix("[*]").map_or((*step, false), |key| (key, true));
        match value.get_mut(key) {
            Some(Value::Array(items)) if is_list => {
                for item in items {
                    let own = ["Name", "Key"].iter().find_map(|key| item.get(key)?.as_str().map(str::to_owned));
                    self.visit(item, rest, own.as_deref().or(name), encoding, secrets);
                }
            }
            Some(below) => self.visit(below, rest, name, encoding, secrets),
            None => {}
        }
    }

    fn take(&mut self, value: &mut Value, name: Option<&str>, encoding: Option<Encoding>, secrets: &Secrets) {
        match value {
            Value::String(text) if !text.is_empty() => {
                self.n_texts += 1;
                match unpacked(text, encoding) {
                    // With its name, as it would stand in a script: `DB_PASSWORD=...`.
                    Some(plain) => match name {
                        Some(name) => secrets.look(&format!("{name}={plain}"), &mut self.kinds),
                        None => secrets.look(&plain, &mut self.kinds),
                    },
                    None => self.n_opaque += 1,
                }
                WITHHELD.clone_into(text);
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.take(item, name, encoding, secrets)),
            Value::Object(members) => {
                for (name, member) in members {
                    self.take(member, Some(name), encoding, secrets);
                }
            }
            _ => {}
        }
    }
}

fn unpacked(text: &str, encoding: Option<Encoding>) -> Option<String> {
    match encoding {
        None => Some(text.to_owned()),
        Some(Encoding::Base64) => String::from_utf8(BASE64_STANDARD.decode(text.trim()).ok()?).ok(),
    }
}

/// The value at a path of names; the whole for an empty path.
fn at<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    path.split('.').filter(|name| !name.is_empty()).try_fold(value, |value, name| value.get_mut(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn secrets() -> Secrets {
        Secrets::new(skywarden_content::Catalog::embedded().unwrap().secrets.values())
    }

    fn part(encoding: Option<Encoding>) -> Withheld {
        Withheld { path: "Data.Value".to_owned(), encoding, kinds_into: Some("Data.Kinds".to_owned()) }
    }

    #[test]
    fn texts_go_and_their_kinds_stay() {
        let mut properties = json!({ "Data": { "Value": { "STAGE": "prod", "DB_PASSWORD": "hunter2hunter2", "EMPTY": "" } } });
        assert!(withhold(&part(None), &secrets(), &mut properties).is_none());
        let expected = json!({ "Data": { "Value": { "STAGE": "(withheld)", "DB_PASSWORD": "(withheld)", "EMPTY": "" }, "Kinds": ["password"] } });
        assert_eq!(properties, expected);
    }

    #[test]
    fn packed_texts_are_unpacked_and_what_can_not_be_is_unreadable() {
        let mut properties = json!({ "Data": { "Value": BASE64_STANDARD.encode("#!/bin/sh\nexport X=AKIAIOSFODNN7EXAMPLE\n") } });
        assert!(withhold(&part(Some(Encoding::Base64)), &secrets(), &mut properties).is_none());
        assert_eq!(properties, json!({ "Data": { "Value": "(withheld)", "Kinds": ["AWS access key id"] } }));
        let mut properties = json!({ "Data": { "Value": BASE64_STANDARD.encode([0x1f, 0x8b, 0xff]) } });
        let unreadable = withhold(&part(Some(Encoding::Base64)), &secrets(), &mut properties).unwrap();
        assert_eq!(unreadable.field.to_string(), "properties.Data.Kinds");
        assert_eq!(properties, json!({ "Data": { "Value": "(withheld)" } }));
    }

    #[test]
    fn where_there_is_no_text_there_are_no_kinds() {
        for without in [json!({}), json!({ "Data": {} }), json!({ "Data": { "Value": "" } })] {
            let mut properties = without.clone();
            assert!(withhold(&part(None), &secrets(), &mut properties).is_none());
            assert_eq!(properties, without);
        }
    }

    #[test]
    fn texts_in_lists_are_looked_at_with_their_names() {
        let variable = |name: &str, value: &str| json!({ "Name": name, "Value": value });
        let containers =
            json!([{ "Env": [variable("STAGE", "prod")] }, { "Env": [variable("DB_PASSWORD", "hunter2hunter2")] }, {}]);
        let mut properties = json!({ "Containers": containers });
        let part = Withheld {
            path: "Containers[*].Env[*].Value".to_owned(),
            encoding: None,
            kinds_into: Some("SecretKinds".to_owned()),
        };
        assert!(withhold(&part, &secrets(), &mut properties).is_none());
        let hidden = |name: &str| json!({ "Env": [variable(name, "(withheld)")] });
        let expected = json!({ "Containers": [hidden("STAGE"), hidden("DB_PASSWORD"), {}], "SecretKinds": ["password"] });
        assert_eq!(properties, expected);
    }

    proptest! {
        #[test]
        fn no_text_below_the_path_survives(texts in proptest::collection::btree_map("[a-z]{1,8}", "[A-Za-z0-9=+/ ]{1,40}", 0..8)) {
            let mut properties = json!({ "Data": { "Value": texts } });
            withhold(&part(None), &secrets(), &mut properties);
            for text in texts.values() {
                let value = &properties["Data"]["Value"];
                prop_assert!(!value.as_object().unwrap().values().any(|kept| kept == text));
            }
        }
    }
}
