use std::{collections::BTreeSet, fmt, sync::Arc};

use serde_json::Value;
use skywarden_content::{CollectorFile, CompiledRule, TestCase};
use skywarden_model::{FieldPath, Resource, Status, Timestamp, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_policy::{Definition, Details, EffectOf, Listed, Neighbours, State, requested};
use skywarden_rule::{Input, Parameters};

use super::{Child, Field, Ours, children, fields, placed};
use crate::{
    leaves::member,
    mentions::{Mention, Reader},
    pair::World,
};

/// One resource that both judge.
#[derive(Debug, Clone)]
pub struct Case {
    /// In ARM's shape, with what is read below it inside `properties`.
    pub document: Value,
    /// Fields that could not be read.
    pub unknown: Vec<FieldPath>,
    /// When it is judged.
    pub now: Timestamp,
}

/// What one of the two says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It is as it should be, or the rule is not about it.
    Fine,
    /// It is not.
    Wrong,
    /// It can't be found out.
    Unknown,
    /// A template function failed.
    Failed,
}

/// Which of the two says that something is wrong, and on what kind of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Only the recommendation.
    Ours,
    /// Only the built-in.
    Theirs,
    /// Only the recommendation, and only for values that neither of the rules names.
    OursStrange,
    /// Only the built-in, and only for values that neither of the rules names.
    TheirsStrange,
    /// The recommendation decides without what could not be read, and the built-in does not.
    Unread,
}

/// Why a built-in can't be held against a recommendation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotComparable {
    /// The archive has no such definition, or ours does not take it.
    NotThere,
    /// What it asks lies elsewhere: in a guest configuration, in an assessment of Defender.
    Elsewhere,
    /// It judges resources of other types, none of which stands inside ours.
    OtherType,
    /// It looks for related resources of a type that does not stand inside ours.
    OtherRelated,
    /// The recommendation asks for facts that are computed from several resources.
    Facts,
    /// It has no value for a parameter.
    NoValue,
}

/// A recommendation and a built-in of the same substance.
pub struct Comparison<'a> {
    rule: &'a CompiledRule,
    definition: &'a Definition,
    given: Parameters,
    /// What the built-in judges or looks for beside the resource.
    children: Vec<Child>,
    judges: Judges,
    /// What both of them read.
    pub fields: Vec<Field>,
    type_name: &'a str,
}

/// What the built-in judges.
enum Judges {
    Resource,
    Child(Child),
}

struct Beside<'a> {
    resources: &'a [Resource],
    incomplete: &'a BTreeSet<String>,
}

impl Side {
    const NAMES: [(Self, &str); 5] = [
        (Self::Ours, "ours"),
        (Self::Theirs, "theirs"),
        (Self::OursStrange, "ours-strange"),
        (Self::TheirsStrange, "theirs-strange"),
        (Self::Unread, "unread"),
    ];

    /// By its name in the table.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, own)| *own == name).map(|(side, _)| *side)
    }

    /// The same for a value that neither of the rules names.
    #[must_use]
    pub fn strange(self) -> Self {
        match self {
            Self::Ours => Self::OursStrange,
            Self::Theirs => Self::TheirsStrange,
            other => other,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(Self::NAMES.iter().find(|(side, _)| side == self).map_or("", |(_, name)| name))
    }
}

impl fmt::Display for NotComparable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotThere => "the archive has no such definition",
            Self::Elsewhere => "the built-in's substance lies elsewhere: an assessment of Defender, a guest configuration",
            Self::OtherType => "other type: the built-in judges resources that do not stand inside ours",
            Self::OtherRelated => "other type: the built-in looks for related resources that do not stand inside ours",
            Self::Facts => "the recommendation asks for facts computed from several resources",
            Self::NoValue => "the built-in has a parameter without a value, and the recommendation none of that name",
        })
    }
}

impl<'a> Comparison<'a> {
    /// Both, if they can be held against each other.
    ///
    /// # Errors
    /// Why they can't.
    pub fn new(
        ours: &'a Ours,
        rule: &'a CompiledRule,
        (document, definition): (&'a Value, &'a Definition),
        collector: Option<&CollectorFile>,
        world: &World,
    ) -> Result<Self, NotComparable> {
        let type_name = ours.file.type_name.as_str();
        let policy = document.pointer("/properties/policyRule").ok_or(NotComparable::NotThere)?;
        let condition = member(policy, "if").ok_or(NotComparable::NotThere)?;
        let all_children = children(type_name, collector);
        let child = |kind: &str| all_children.iter().find(|child| child.type_name.eq_ignore_ascii_case(kind)).cloned();
        let related = match &definition.rule.details {
            Details::Existence(existence) => Some(existence.type_name.as_str()),
            _ => None,
        };
        let is_assessment = |kind: &str| {
            let kind = kind.to_ascii_lowercase();
            kind.starts_with("microsoft.security/assessments") || kind.starts_with("microsoft.guestconfiguration/")
        };
        if definition.elsewhere.is_some() || related.is_some_and(is_assessment) {
            return Err(NotComparable::Elsewhere);
        }
        let conditions = ours.conditions();
        if conditions.to_string().contains("facts.") {
            return Err(NotComparable::Facts);
        }
        let types = types(condition);
        let judges = if types.is_empty() || types.iter().any(|kind| kind.eq_ignore_ascii_case(type_name)) {
            Judges::Resource
        } else {
            Judges::Child(types.iter().find_map(|kind| child(kind)).ok_or(NotComparable::OtherType)?)
        };
        let mut found = Vec::new();
        let reader = Reader { parameters: &rule.parameters, now: world.now };
        found.extend(reader.mentions(&conditions));
        let given = given(definition, &rule.parameters).ok_or(NotComparable::NoValue)?;
        let bound = definition.bind(&given).map_err(|_| NotComparable::NoValue)?;
        let reader = Reader { parameters: &bound.parameters, now: world.now };
        let own = reader.mentions(condition);
        match &judges {
            Judges::Resource => found.extend(own),
            Judges::Child(child) => found.extend(inside(child, own)),
        }
        let mut beside = Vec::new();
        if let Some(related) = related {
            let details = member(policy, "then").and_then(|then| member(then, "details"));
            let existence = details.and_then(|details| member(details, "existenceCondition"));
            let own = existence.map(|condition| reader.mentions(condition)).unwrap_or_default();
            match child(related) {
                Some(child) => {
                    found.extend(inside(&child, own));
                    let name = details.and_then(|details| member(details, "name")).and_then(Value::as_str).unwrap_or_default();
                    if !name.is_empty() && !name.starts_with('[') {
                        found.extend(inside(&child, vec![Mention { path: path("name"), wanted: vec![name.into()] }]));
                    }
                    beside.push(child);
                }
                None if related.eq_ignore_ascii_case(type_name) => found.extend(own),
                None => return Err(NotComparable::OtherRelated),
            }
        }
        Ok(Self { rule, definition, given, children: beside, judges, fields: fields(found, collector), type_name })
    }

    /// What the recommendation says, and what the built-in says.
    ///
    /// # Errors
    /// If the document is no resource.
    pub fn judge(&self, case: &Case, world: &World) -> anyhow::Result<(Said, Said)> {
        let resource = read(&case.document, &case.unknown)?;
        let ours = match self.rule.explain(&resource, None, case.now) {
            (Status::Unhealthy, ..) => Said::Wrong,
            (Status::Unknown, Some(cause), _) if cause.code == skywarden_model::CauseCode::RuleError => Said::Failed,
            (Status::Unknown, ..) => Said::Unknown,
            _ => Said::Fine,
        };
        let bound = self.definition.bind(&self.given).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        let mut resources = vec![resource];
        let mut incomplete = BTreeSet::new();
        for child in &self.children {
            for whole in child.of(&case.document) {
                resources.push(read(&whole, &[])?);
            }
            if case.unknown.iter().any(|unknown| unknown.covers(&child.path) || child.path.covers(unknown)) {
                incomplete.insert(child.type_name.to_ascii_lowercase());
            }
        }
        let beside = Beside { resources: &resources, incomplete: &incomplete };
        let said = |judged: &Resource| {
            let input =
                Input { resource: judged, facts: None, parameters: &self.given, around: Some(&world.around), now: case.now };
            let verdict = bound.judge(&input, &beside);
            match verdict.state {
                State::NonCompliant | State::Manual(_) => Said::Wrong,
                State::Unknown if verdict.unreadable.is_empty() => Said::Failed,
                State::Unknown => Said::Unknown,
                _ => Said::Fine,
            }
        };
        let theirs = match &self.judges {
            Judges::Resource => resources.first().map_or(Said::Fine, said),
            Judges::Child(child) => {
                let is_hidden = case.unknown.iter().any(|unknown| unknown.covers(&child.path) || child.path.covers(unknown));
                let mut all = if is_hidden { vec![Said::Unknown] } else { Vec::new() };
                for whole in child.of(&case.document) {
                    all.push(said(&read(&whole, &[])?));
                }
                let worst = [Said::Wrong, Said::Failed, Said::Unknown].into_iter().find(|worst| all.contains(worst));
                worst.unwrap_or(Said::Fine)
            }
        };
        Ok((ours, theirs))
    }

    /// The case of a test inside the recommendation's file.
    pub fn of_test(&self, test: &TestCase) -> Case {
        let mut document = placed(self.type_name);
        if let Value::Object(members) = &mut document {
            members.insert("properties".to_owned(), Value::Object(test.given.clone()));
            members.extend(test.envelope.clone());
            members.extend(test.location.clone().map(|location| ("location".to_owned(), Value::String(location))));
            members.extend(test.resource_name.clone().map(|name| ("name".to_owned(), Value::String(name))));
            if !test.tags.is_empty() {
                let tags = test.tags.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
                members.insert("tags".to_owned(), Value::Object(tags.collect()));
            }
        }
        let unknown = test.unknown.iter().filter_map(|field| field.parse().ok()).collect();
        Case { document, unknown, now: test.instant() }
    }

    /// A resource of the type of which nothing is known but that it is there.
    pub fn bare(&self, world: &World) -> Case {
        Case { document: placed(self.type_name), unknown: Vec::new(), now: world.now }
    }
}

impl Neighbours for Beside<'_> {
    fn of_type(&self, type_name: &str, _account: &str) -> Listed<'_> {
        let is_it = |resource: &&Resource| resource.type_name.as_str().eq_ignore_ascii_case(type_name);
        let incomplete = self.incomplete.contains(&type_name.to_ascii_lowercase()).then(reason);
        Listed { resources: self.resources.iter().filter(is_it).collect(), incomplete }
    }
}

fn reason() -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: "read what is below the resource".to_owned(),
        permission: None,
        code: "AuthorizationFailed".to_owned(),
        message: String::new(),
    })
}

fn read(document: &Value, unknown: &[FieldPath]) -> anyhow::Result<Resource> {
    let read = requested(document).map_err(|errors| anyhow::anyhow!("{document}: {errors:?}"))?;
    let mut resource = read.into_iter().next().ok_or_else(|| anyhow::anyhow!("{document} is no resource"))?;
    resource.unreadable = unknown.iter().map(|field| Unreadable { field: field.clone(), reason: reason() }).collect();
    Ok(resource)
}

fn inside(child: &Child, mentions: Vec<Mention>) -> Vec<Mention> {
    let moved = mentions.into_iter().filter_map(|mention| Some(Mention { path: child.field(&mention.path)?, ..mention }));
    moved.collect()
}

fn path(text: &str) -> FieldPath {
    text.parse().unwrap_or_else(|_| FieldPath::from_segments(Vec::new()))
}

/// The types that a condition asks for by name.
fn types(condition: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match condition {
        Value::Array(parts) => parts.iter().for_each(|part| found.extend(types(part))),
        Value::Object(members) => {
            let is_type =
                member(condition, "field").and_then(Value::as_str).is_some_and(|field| field.eq_ignore_ascii_case("type"));
            if is_type {
                for value in ["equals", "in"].iter().filter_map(|test| member(condition, test)) {
                    let several = value.as_array().into_iter().flatten().chain([value]);
                    found.extend(several.filter_map(Value::as_str).map(str::to_owned));
                }
            }
            members.values().for_each(|part| found.extend(types(part)));
        }
        _ => {}
    }
    found
}

/// Values for the parameters that have none of their own, and an effect that says something.
fn given(definition: &Definition, ours: &Parameters) -> Option<Parameters> {
    let effect = match &definition.rule.effect {
        EffectOf::Parameter(name) => name.as_str(),
        EffectOf::Rule(_) => "",
    };
    let is_disabled = |value: &Value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("disabled"));
    let mut given = Parameters::new();
    for (name, declaration) in &definition.parameters {
        if name.eq_ignore_ascii_case(effect) {
            if declaration.default.as_ref().is_none_or(is_disabled) {
                let option = declaration.allowed.iter().flatten().find(|value| !is_disabled(value));
                given.insert(name.clone(), option?.clone());
            }
        } else if declaration.default.is_none() {
            let (_, value) = ours.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
            given.insert(name.clone(), value.clone());
        }
    }
    Some(given)
}
