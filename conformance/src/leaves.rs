//! Which single conditions of a rule the engines see differently.

use serde_json::{Value, json};
use skywarden_model::Segment;
use skywarden_rule::field_path;

use crate::{
    mentions::Reader,
    pair::{Case, Pair, Verdict, World},
    theirs::Theirs,
};

/// Where a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In `if`: it is about the resource.
    If,
    /// In `existenceCondition`: it is about the related resource.
    Existence,
}

/// A single condition of which the engines say different things.
#[derive(Debug, Clone)]
pub struct Culprit {
    /// The condition.
    pub leaf: Value,
    /// Where it stands.
    pub place: Place,
    /// Whether it holds for ours.
    pub ours: Verdict,
    /// Whether it holds for regorus.
    pub theirs: Verdict,
    /// What the resource has where the condition's field points; null is absent or null.
    pub actual: Vec<Value>,
    /// What it is compared with, if that is a matter of parameters.
    pub expected: Option<Value>,
}

/// The conditions on which a pair disagrees.
///
/// # Errors
/// If what is given is no resource.
pub fn culprits(document: &Value, case: &Case, theirs: &Theirs, world: &World) -> anyhow::Result<Vec<Culprit>> {
    let mut found = Vec::new();
    let rule = document.pointer("/properties/policyRule").cloned().unwrap_or_default();
    for (place, condition) in [
        (Place::If, member(&rule, "if")),
        (
            Place::Existence,
            member(&rule, "then").and_then(|then| member(then, "details")).and_then(|own| member(own, "existenceCondition")),
        ),
    ] {
        if place == Place::Existence && case.related.is_none() {
            continue;
        }
        let mut leaves = Vec::new();
        condition.into_iter().for_each(|condition| collect(condition, &mut leaves));
        for leaf in leaves {
            let Ok(mut pair) = Pair::new(&alone(document, leaf, place), theirs) else { continue };
            let (ours, answer) = pair.judge(case, theirs, world)?;
            if ours.fires() == answer.fires() || ours.fires().is_none() {
                continue;
            }
            let resource = match place {
                Place::If => Some(&case.primary),
                Place::Existence => case.related.as_ref(),
            };
            let holds = |verdict: Verdict| match (place, verdict) {
                (Place::Existence, Verdict::Silent) => Verdict::Fires(Value::Null),
                (Place::Existence, Verdict::Fires(_)) => Verdict::Silent,
                (_, verdict) => verdict,
            };
            let reader = Reader { parameters: &case.parameters, now: world.now };
            let expected = test(leaf).and_then(|(_, expected)| reader.value(expected));
            let field = member(leaf, "field").and_then(|name| reader.value(name));
            let actual = match (field, resource) {
                (Some(Value::String(name)), Some(resource)) => values_at(resource, &name),
                _ => Vec::new(),
            };
            found.push(Culprit { leaf: leaf.clone(), place, ours: holds(ours), theirs: holds(answer), actual, expected });
        }
    }
    Ok(found)
}

/// The test of a leaf: its name and what it compares with.
pub fn test(leaf: &Value) -> Option<(&str, &Value)> {
    let members = leaf.as_object()?;
    let is_operand = |key: &str| ["field", "value", "count"].iter().any(|own| key.eq_ignore_ascii_case(own));
    members.iter().find(|(key, _)| !is_operand(key)).map(|(key, value)| (key.as_str(), value))
}

/// A member whatever its case.
pub fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// What stands where a field points.
pub fn values_at(resource: &Value, field: &str) -> Vec<Value> {
    let Ok(path) = field_path(field) else { return Vec::new() };
    let mut values = Vec::new();
    descend(resource, path.segments(), &mut values);
    values
}

fn descend(value: &Value, path: &[Segment], values: &mut Vec<Value>) {
    match path.split_first() {
        None => values.push(value.clone()),
        Some((Segment::Key(key), below)) => descend(member(value, key).unwrap_or(&Value::Null), below, values),
        Some((Segment::Each, below)) => {
            value.as_array().into_iter().flatten().for_each(|element| descend(element, below, values));
        }
    }
}

fn collect<'v>(condition: &'v Value, leaves: &mut Vec<&'v Value>) {
    for name in ["allOf", "anyOf"] {
        if let Some(Value::Array(parts)) = member(condition, name) {
            parts.iter().for_each(|part| collect(part, leaves));
            return;
        }
    }
    match member(condition, "not") {
        Some(part) => collect(part, leaves),
        None => leaves.push(condition),
    }
}

/// The definition with one condition instead of all.
fn alone(document: &Value, leaf: &Value, place: Place) -> Value {
    let mut whole = document.clone();
    let rule = match place {
        Place::If => json!({ "if": leaf, "then": { "effect": "audit" } }),
        Place::Existence => {
            let then = document.pointer("/properties/policyRule/then").cloned().unwrap_or_default();
            let mut details = member(&then, "details").cloned().unwrap_or_default();
            if let Value::Object(members) = &mut details {
                members.retain(|key, _| !["existenceCondition", "deployment"].iter().any(|own| key.eq_ignore_ascii_case(own)));
                members.insert("existenceCondition".to_owned(), leaf.clone());
            }
            json!({
                "if": { "value": true, "equals": true },
                "then": { "effect": "auditIfNotExists", "details": details },
            })
        }
    };
    if let Some(place) = whole.pointer_mut("/properties/policyRule") {
        *place = rule;
    }
    whole
}
