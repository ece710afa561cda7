use std::collections::BTreeSet;

use serde_json::Value;
use skywarden_policy::ObjectKind;

use crate::File;

/// A file for each object: `assignments/managementGroups/corp/NAME.json`, with its document as it was given.
pub fn files<'a>(objects: impl IntoIterator<Item = (ObjectKind, &'a Value)>) -> Vec<File> {
    let mut taken = BTreeSet::new();
    let mut files = Vec::new();
    for (kind, document) in objects {
        let id = document.get("id").and_then(Value::as_str).unwrap_or_default();
        let path = path(kind, id);
        let mut name = format!("{path}.json");
        let mut number = 1;
        // File systems that ignore case must not lose one of two.
        while !taken.insert(name.to_lowercase()) {
            number += 1;
            name = format!("{path}-{number}.json");
        }
        files.push(File { name, bytes: format!("{document:#}\n").into_bytes() });
    }
    files
}

/// The parts of an id without the words that say the same for all.
fn path(kind: ObjectKind, id: &str) -> String {
    let mut parts = vec![format!("{kind}s")];
    let mut left = id.split('/').filter(|part| !part.is_empty()).peekable();
    while let Some(part) = left.next() {
        if part.eq_ignore_ascii_case("providers") {
            let namespace = left.next();
            let is_last = kind.type_name().split_once('/').is_some_and(|(own, type_name)| {
                namespace.is_some_and(|namespace| namespace.eq_ignore_ascii_case(own))
                    && left.peek().is_some_and(|next| next.eq_ignore_ascii_case(type_name))
            });
            if is_last {
                left.next();
            }
            continue;
        }
        parts.push(plain(part));
    }
    parts.join("/")
}

/// A part as every file system can hold it.
fn plain(part: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let text: String = part.chars().take(80).map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    if text.starts_with('.') { format!("_{text}") } else { text }
}
