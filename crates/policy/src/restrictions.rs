use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use skywarden_model::{Resource, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_rule::{Input, Template, field_path};

use crate::{Answer, Bound, Change, Decision, Effect, InForce, change, reader::member, rule_on};

/// A field of a resource that is about to be made and that has no value yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// The field as policies name it: `location`, `tags['x']`, an alias.
    pub field: String,
    /// Values that it might get; empty: which ones it may have is the question.
    pub values: Vec<Value>,
}

/// What policies allow a resource that is about to be made.
#[derive(Debug)]
pub struct Restrictions {
    /// What each policy says of it as it is, in the order in which they were given.
    pub decisions: Vec<Decision>,
    /// What they say of each pending field, in the order in which these were given.
    pub fields: Vec<Vec<Restriction>>,
}

/// What one policy says of a pending field.
#[derive(Debug, Clone, PartialEq)]
pub struct Restriction {
    /// Its place among the policies that were given.
    pub policy: usize,
    /// What it says.
    pub limit: Limit,
    /// The values that are meant: those required, removed, refused or marked.
    pub values: Vec<Value>,
    /// The value that it gets if the request has none.
    pub default: Option<Value>,
}

/// What a policy does with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// It must be there, with one of the values if there are any.
    Required,
    /// It is taken away.
    Removed,
    /// The values are refused.
    Denied,
    /// The values are let in and marked as not compliant.
    Audited,
}

/// Text that no policy names: what is done with any value at all.
const ANY: &str = "skywarden-any-value";

/// What policies would do to a resource, and what they leave open for fields that have no value yet.
///
/// `rules` holds the `policyRule` of each policy: the values that a field may have are looked for in its conditions. The input's
/// own parameters are not used. Semantics: <https://learn.microsoft.com/rest/api/policy/policy-restrictions>.
pub fn restrictions(policies: &[InForce<'_>], rules: &[Option<&Value>], input: &Input<'_>, pending: &[Pending]) -> Restrictions {
    let bounds: Vec<Bound<'_>> = policies.iter().map(|policy| policy.bound.clone()).collect();
    let mut open = input.resource.clone();
    for field in pending {
        open.unreadable.extend(not_yet(&field.field));
    }
    let decisions = rule_on(&bounds, &Input { resource: &open, ..*input }).decisions;
    let with = |own: &Pending, value: Option<&Value>| -> Option<Vec<Decision>> {
        let mut others = input.resource.clone();
        others.unreadable.extend(pending.iter().filter(|other| other.field != own.field).flat_map(|other| not_yet(&other.field)));
        let changed = change::with(&others, &own.field, value)?;
        Some(rule_on(&bounds, &Input { resource: &changed, ..*input }).decisions)
    };
    // What a policy says whatever the field is, it does not say of the field.
    let is_settled = |decision: &Decision| matches!(decision.answer, Answer::Denied(_) | Answer::Audited);
    let settled: Vec<bool> = decisions.iter().map(is_settled).collect();
    let fields = pending
        .iter()
        .map(|own| {
            let mut limits = of_field(own, &bounds, rules, &with);
            limits.retain(|limit| !settled.get(limit.policy).copied().unwrap_or(false));
            limits
        })
        .collect();
    Restrictions { decisions, fields }
}

/// What each policy decides with the field at one value, or without it.
type Try<'t> = dyn Fn(&Pending, Option<&Value>) -> Option<Vec<Decision>> + 't;

fn of_field(own: &Pending, bounds: &[Bound<'_>], rules: &[Option<&Value>], with: &Try<'_>) -> Vec<Restriction> {
    let mut found: BTreeMap<(usize, Limit), Restriction> = BTreeMap::new();
    let mut add = |policy: usize, limit: Limit, values: Vec<Value>, default: Option<Value>| {
        let entry = found.entry((policy, limit)).or_insert(Restriction { policy, limit, values: Vec::new(), default: None });
        entry.values.extend(values);
        entry.default = entry.default.take().or(default);
    };
    for value in &own.values {
        for (policy, decision) in with(own, Some(value)).into_iter().flatten().enumerate() {
            match &decision.answer {
                Answer::Denied(_) => add(policy, Limit::Denied, vec![value.clone()], None),
                Answer::Audited => add(policy, Limit::Audited, vec![value.clone()], None),
                Answer::Changed(changes) if removes(changes, &own.field) => {
                    add(policy, Limit::Removed, vec![value.clone()], None)
                }
                _ => {}
            }
        }
    }
    for (policy, decision) in with(own, None).into_iter().flatten().enumerate() {
        match &decision.answer {
            Answer::Changed(changes) => {
                let default = changes.iter().find(|change| is_field(change, &own.field)).and_then(|change| change.after.clone());
                if default.is_some() {
                    add(policy, Limit::Required, default.clone().into_iter().collect(), default);
                }
            }
            Answer::Denied(_) if own.values.is_empty() => {
                let (Some(bound), Some(rule)) = (bounds.get(policy), rules.get(policy).copied().flatten()) else { continue };
                let is_good = |value: &Value| {
                    let decisions = with(own, Some(value)).unwrap_or_default();
                    !matches!(decisions.get(policy).map(|decision| &decision.answer), Some(Answer::Denied(_)))
                };
                let mut values = candidates(bound, rule, &own.field);
                values.retain(is_good);
                add(policy, Limit::Required, values, None);
            }
            _ => {}
        }
    }
    if own.values.is_empty() {
        let any = Value::String(ANY.to_owned());
        for (policy, decision) in with(own, Some(&any)).into_iter().flatten().enumerate() {
            match &decision.answer {
                Answer::Changed(changes) if removes(changes, &own.field) => add(policy, Limit::Removed, Vec::new(), None),
                // With any value it is let in: those that are refused are the ones that the rule names.
                Answer::Allowed => {
                    let (Some(bound), Some(rule)) = (bounds.get(policy), rules.get(policy).copied().flatten()) else { continue };
                    if bound.effect != Effect::Deny {
                        continue;
                    }
                    let is_bad = |value: &Value| {
                        let decisions = with(own, Some(value)).unwrap_or_default();
                        matches!(decisions.get(policy).map(|decision| &decision.answer), Some(Answer::Denied(_)))
                    };
                    let mut values = candidates(bound, rule, &own.field);
                    values.retain(is_bad);
                    if !values.is_empty() {
                        add(policy, Limit::Denied, values, None);
                    }
                }
                _ => {}
            }
        }
    }
    found.into_values().collect()
}

fn is_field(change: &Change, field: &str) -> bool {
    let path = |name: &str| field_path(name).map(|path| path.to_string().to_lowercase());
    path(&change.field).ok() == path(field).ok()
}

fn removes(changes: &[Change], field: &str) -> bool {
    changes.iter().any(|change| change.after.is_none() && is_field(change, field))
}

/// The values that a rule compares a field with.
fn candidates(bound: &Bound<'_>, rule: &Value, field: &str) -> Vec<Value> {
    let mut values = Vec::new();
    if let Some(condition) = member(rule, "if") {
        collect(bound, condition, field, &mut values);
    }
    values
}

fn collect(bound: &Bound<'_>, condition: &Value, field: &str, values: &mut Vec<Value>) {
    match condition {
        Value::Array(elements) => elements.iter().for_each(|element| collect(bound, element, field, values)),
        Value::Object(members) => {
            let named = member(condition, "field").and_then(Value::as_str);
            let path = |name: &str| field_path(name).ok().map(|path| path.to_string().to_lowercase());
            if named.is_some_and(|named| path(named) == path(field)) {
                for operator in ["equals", "notEquals", "in", "notIn"] {
                    let Some(literal) = member(condition, operator).and_then(|source| resolved(bound, source)) else { continue };
                    let each = match literal {
                        Value::Array(elements) => elements,
                        one => vec![one],
                    };
                    values.extend(each.into_iter().filter(|value| !values.contains(value)).collect::<Vec<_>>());
                }
            }
            members.values().for_each(|member| collect(bound, member, field, values));
        }
        _ => {}
    }
}

/// A literal, or the parameter that stands for it.
fn resolved(bound: &Bound<'_>, source: &Value) -> Option<Value> {
    let declared = bound.definition.parameters.keys().cloned().collect();
    let template = Template::compile(source, &declared, "").ok()?;
    match template.parameter() {
        Some(name) => bound.parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone()),
        None => template.literal().cloned(),
    }
}

fn not_yet(field: &str) -> Option<Unreadable> {
    let reason = UnreadableReason {
        kind: UnreadableKind::NotYetKnown,
        operation: format!("know {field}"),
        permission: None,
        code: String::new(),
        message: "it has no value yet".to_owned(),
    };
    Some(Unreadable { field: field_path(field).ok()?, reason: Arc::new(reason) })
}

/// A resource whose fields are all told, for a question about others.
pub(crate) fn set_plain(resource: &mut Resource, field: &str, value: Option<&Value>) -> bool {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    match field.to_ascii_lowercase().as_str() {
        "type" => resource.type_name = text.into(),
        "name" | "fullname" => resource.name = text.to_owned(),
        _ => return false,
    }
    true
}
