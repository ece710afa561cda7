use std::{collections::BTreeSet, fmt};

use serde_json::Value;
use skywarden_model::Resource;

use crate::reader::Reader;

/// What narrows an assignment, an override or an exemption down: all kinds have to agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// What is looked at.
    pub kind: SelectorKind,
    /// Which values of it.
    pub choice: Choice,
}

/// What a selector looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SelectorKind {
    /// The resource's location.
    ResourceLocation,
    /// The resource's type.
    ResourceType,
    /// Whether the resource has no location; its only value is `subscriptionLevelResources`.
    ResourceWithoutLocation,
    /// The reference id of a definition in the initiative; in overrides only.
    PolicyDefinitionReferenceId,
    /// Who asks: known of a request, never of a resource that exists.
    UserPrincipalId,
    /// The group of who asks.
    GroupPrincipalId,
}

/// Which values a selector takes; they compare without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// One of these.
    In(BTreeSet<String>),
    /// None of these.
    NotIn(BTreeSet<String>),
}

const KINDS: &[(&str, SelectorKind)] = &[
    ("resourceLocation", SelectorKind::ResourceLocation),
    ("resourceType", SelectorKind::ResourceType),
    ("resourceWithoutLocation", SelectorKind::ResourceWithoutLocation),
    ("policyDefinitionReferenceId", SelectorKind::PolicyDefinitionReferenceId),
    ("userPrincipalId", SelectorKind::UserPrincipalId),
    ("groupPrincipalId", SelectorKind::GroupPrincipalId),
];

impl fmt::Display for Selector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = KINDS.iter().find(|(_, kind)| *kind == self.kind).map_or("", |(name, _)| name);
        let (word, values) = match &self.choice {
            Choice::In(values) => ("in", values),
            Choice::NotIn(values) => ("not in", values),
        };
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        write!(out, "{kind} {word} {}", values.join(", "))
    }
}

impl Choice {
    /// Whether a value is taken.
    pub fn takes(&self, value: &str) -> bool {
        let value = value.to_lowercase();
        match self {
            Self::In(values) => values.contains(&value),
            Self::NotIn(values) => !values.contains(&value),
        }
    }
}

impl Selector {
    /// Whether a resource, seen through a definition of an initiative, is selected.
    ///
    /// Selectors by who asks select nothing that exists: nobody asks.
    pub fn selects(&self, resource: &Resource, reference_id: &str) -> bool {
        match self.kind {
            SelectorKind::ResourceLocation => resource.location.as_deref().is_some_and(|own| self.choice.takes(&normalised(own))),
            SelectorKind::ResourceType => self.choice.takes(resource.type_name.as_str()),
            SelectorKind::ResourceWithoutLocation => resource.location.is_none(),
            SelectorKind::PolicyDefinitionReferenceId => self.choice.takes(reference_id),
            SelectorKind::UserPrincipalId | SelectorKind::GroupPrincipalId => false,
        }
    }
}

/// A location as Azure compares it: `West Europe` is `westeurope`.
fn normalised(location: &str) -> String {
    location.replace(' ', "")
}

/// Whether a list of groups of selectors selects a resource: no group selects all, else one group whose selectors all agree.
pub(crate) fn selected(groups: &[Vec<Selector>], resource: &Resource, reference_id: &str) -> bool {
    groups.is_empty() || groups.iter().any(|group| group.iter().all(|own| own.selects(resource, reference_id)))
}

/// Reads the `selectors` of an element.
pub(crate) fn selectors(reader: &mut Reader, source: &Value, pointer: &str) -> Vec<Selector> {
    let Some((sources, place)) = reader.list(source, "selectors", pointer) else { return Vec::new() };
    let mut all: Vec<Selector> = Vec::with_capacity(sources.len());
    for (position, source) in sources.iter().enumerate() {
        let place = format!("{place}/{position}");
        let Some(selector) = selector(reader, source, &place) else { continue };
        if all.iter().any(|known| known.kind == selector.kind) {
            reader.error::<()>(&place, "a kind of selector stands at most once in a list", None);
        }
        all.push(selector);
    }
    all
}

/// Reads `resourceSelectors`: a resource is selected if all selectors of one element select it.
pub(crate) fn groups(reader: &mut Reader, source: &Value, pointer: &str) -> Vec<Vec<Selector>> {
    let Some((sources, place)) = reader.list(source, "resourceSelectors", pointer) else { return Vec::new() };
    sources.iter().enumerate().map(|(position, source)| selectors(reader, source, &format!("{place}/{position}"))).collect()
}

fn selector(reader: &mut Reader, source: &Value, pointer: &str) -> Option<Selector> {
    let (written, place) = reader.required_text(source, "kind", pointer)?;
    let Some((_, kind)) = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(written)) else {
        let help = skywarden_rule::closest(written, KINDS.iter().map(|(name, _)| *name));
        return reader.error(
            &place,
            format!("`{written}` is no kind of selector"),
            help.map(|name| format!("did you mean `{name}`?")),
        );
    };
    let folded = |values: Vec<String>| -> BTreeSet<String> {
        let value = |text: String| if *kind == SelectorKind::ResourceLocation { normalised(&text) } else { text };
        values.into_iter().map(|text| value(text).to_lowercase()).collect()
    };
    let has = |name: &str| reader.member(source, name, pointer).is_some();
    let choice = match (has("in"), has("notIn")) {
        (true, false) => Choice::In(folded(reader.texts(source, "in", pointer))),
        (false, true) => Choice::NotIn(folded(reader.texts(source, "notIn", pointer))),
        _ => return reader.error(pointer, "a selector needs either `in` or `notIn`", None),
    };
    Some(Selector { kind: *kind, choice })
}
