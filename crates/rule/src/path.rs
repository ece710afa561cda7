//! From a field's name to its path: Azure's aliases and its ways to write tags.

use std::ops::Deref;

use skywarden_model::{FieldPath, Segment};

use crate::{alias::path_of, asking::Seat};

/// A path of a rule, and where a glance keeps what it leads to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Way {
    pub(crate) path: FieldPath,
    /// `None` as long as no glance is to be taken for the rule.
    pub(crate) seat: Option<Seat>,
}

impl From<FieldPath> for Way {
    fn from(path: FieldPath) -> Self {
        Self { path, seat: None }
    }
}

impl Deref for Way {
    type Target = FieldPath;

    fn deref(&self) -> &FieldPath {
        &self.path
    }
}

/// The path of a field's name, with Azure's aliases resolved: `Microsoft.X/types/a.b` is `properties.a.b` for most.
///
/// # Errors
/// Why the name is none.
pub fn field_path(name: &str) -> Result<FieldPath, String> {
    if let Some(key) = tag(name) {
        return Ok(FieldPath::from_segments(vec![Segment::Key("tags".into()), Segment::Key(key.into())]));
    }
    let parsed = match alias(name) {
        Some((type_name, property)) => path_of(type_name, property).parse::<FieldPath>(),
        None => name.parse(),
    };
    parsed.map_err(|error| error.to_string())
}

/// Whether a step is this key, in any case.
pub(crate) fn is_key(segment: Option<&Segment>, name: &str) -> bool {
    matches!(segment, Some(Segment::Key(key)) if key.eq_ignore_ascii_case(name))
}

/// The key in `tags.a`, `tags['a.b']` or Azure's unquoted `tags[a.b]`.
fn tag(name: &str) -> Option<String> {
    let (word, rest) = name.split_at_checked(4)?;
    if !word.eq_ignore_ascii_case("tags") {
        return None;
    }
    if let Some(key) = rest.strip_prefix('.') {
        return (!key.is_empty() && !key.contains('[')).then(|| key.to_owned());
    }
    let key = rest.strip_prefix('[')?.strip_suffix(']')?;
    match key.strip_prefix('\'').and_then(|key| key.strip_suffix('\'')) {
        Some(quoted) => Some(quoted.replace("''", "'")),
        None if key == "*" || key.is_empty() => None,
        None => Some(key.to_owned()),
    }
}

/// The type in an alias, and what follows it. A name that begins with a word without a dot is a path of our own, whatever its keys hold.
fn alias(name: &str) -> Option<(&str, &str)> {
    let dotted = name.find('[').map_or(name, |bracket| name.split_at(bracket).0);
    let (namespace, _) = dotted.split_once('/')?;
    let (provider, _) = namespace.split_once('.')?;
    if ["properties", "facts", "tags"].iter().any(|own| provider.eq_ignore_ascii_case(own)) {
        return None;
    }
    let (type_name, property) = name.split_at_checked(dotted.rfind('/')?)?;
    Some((type_name, property.strip_prefix('/')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_tags_and_our_own_paths_are_told_apart() {
        for (name, path) in [
            ("Microsoft.X/types/a.b", "properties.a.b"),
            ("Microsoft.Network/virtualNetworks/subnets[*].id", "properties.subnets[*].id"),
            ("Microsoft.Storage/storageAccounts/sku.name", "sku.name"),
            ("Microsoft.Network/networkSecurityGroups/securityRules[*].access", "properties.securityRules[*].properties.access"),
            ("Microsoft.X/types/m['a/b'].c", "properties.m.a/b.c"),
            ("properties.labels.app.io/name", "properties.labels.app.io/name"),
            ("tags.a.b", "tags['a.b']"),
            ("Tags[a]", "tags.a"),
            ("tags['it''s']", "tags.it's"),
            ("tags", "tags"),
        ] {
            assert_eq!(field_path(name).map(|path| path.to_string()).as_deref(), Ok(path), "{name}");
        }
        for name in ["tags.", "tags[]", "a..b", "tagsé"] {
            assert_eq!(field_path(name).is_ok(), name == "tagsé", "{name}");
        }
    }
}
