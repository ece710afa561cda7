//! From a field path to the values that stand there, or the reason why they can't be known.

use std::sync::Arc;

use serde_json::Value;
use skywarden_model::{Carried, FieldPath, Segment, Unreadable, UnreadableKind, UnreadableReason};

use crate::Input;

/// What stands at one concrete place.
#[derive(Debug, Clone)]
pub(crate) enum Slot<'a> {
    Value(&'a Value),
    /// Text of the envelope that is no JSON value in the resource.
    Text(&'a str),
    Absent,
    Unreadable(Unreadable),
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    /// One per element where the path has an unbound `[*]`, else exactly one; with the list positions taken.
    pub(crate) slots: Vec<(Vec<usize>, Slot<'a>)>,
    /// Set if the path has an unbound `[*]`: several values stand for one field.
    pub(crate) is_list: bool,
    /// Elements may be missing: the list could not be read to its end.
    pub(crate) cut: Option<Unreadable>,
}

/// A list element that an enclosing `count` stands on.
#[derive(Debug, Clone)]
pub(crate) struct Bound<'p> {
    pub(crate) path: &'p FieldPath,
    pub(crate) indices: Vec<usize>,
}

/// Resolves a path in the input, standing on the elements that enclosing counts are bound to.
pub(crate) fn resolve<'a>(input: &Input<'a>, path: &FieldPath, bound: &[Bound<'_>]) -> Resolved<'a> {
    let segments = path.segments();
    let fixed = bound_indices(segments, bound);
    let is_list = segments.iter().filter(|segment| **segment == Segment::Each).count() > fixed.len();
    let mut resolved = Resolved { slots: Vec::new(), is_list, cut: None };
    if let Some(unreadable) = unreadable_above(input, path) {
        resolved.slots.push((fixed, Slot::Unreadable(unreadable)));
        return resolved;
    }
    let Some((root, rest)) = root(input, segments) else {
        if !is_list {
            resolved.slots.push((fixed, Slot::Absent));
        }
        return resolved;
    };
    match root {
        Slot::Value(value) => {
            let keep_case = matches!(segments.first(), Some(Segment::Key(first)) if first.eq_ignore_ascii_case("tags"));
            let mut walk = Walk { input, fixed: &fixed, keep_case, resolved: &mut resolved, path: segments };
            walk.down(value, rest, &mut Vec::new(), segments.len() - rest.len());
        }
        slot => resolved.slots.push((fixed, slot)),
    }
    resolved
}

/// Something below the path that could not be read: reading the whole value is then not to be trusted.
pub(crate) fn unreadable_below(input: &Input<'_>, path: &FieldPath) -> Option<Unreadable> {
    all_unreadable(input).find(|unreadable| path.covers(&unreadable.field) && *path != unreadable.field).cloned()
}

fn all_unreadable<'a>(input: &Input<'a>) -> impl Iterator<Item = &'a Unreadable> {
    input.resource.unreadable.iter().chain(input.facts.into_iter().flat_map(|facts| &facts.unreadable))
}

fn unreadable_above(input: &Input<'_>, path: &FieldPath) -> Option<Unreadable> {
    let is_cut = |unreadable: &&Unreadable| unreadable.reason.kind == UnreadableKind::Truncated;
    if let Some(found) =
        all_unreadable(input).filter(|unreadable| !is_cut(unreadable)).find(|unreadable| unreadable.field.covers(path))
    {
        return Some(found.clone());
    }
    let Carried::Only(carried) = &input.resource.carried else { return None };
    let is_property = matches!(path.segments().first(), Some(Segment::Key(first)) if first.eq_ignore_ascii_case("properties"));
    if !is_property || carried.iter().any(|field| field.covers(path) || path.covers(field)) {
        return None;
    }
    Some(Unreadable {
        field: path.clone(),
        reason: Arc::new(UnreadableReason {
            kind: UnreadableKind::NotCarried,
            operation: "the source".to_owned(),
            permission: None,
            code: "NotCarried".to_owned(),
            message: format!("the source does not carry {path}"),
        }),
    })
}

/// The positions that enclosing counts fix for the path's leading `[*]`.
fn bound_indices(segments: &[Segment], bound: &[Bound<'_>]) -> Vec<usize> {
    bound
        .iter()
        .filter(|bound| {
            let own = bound.path.segments();
            own.len() <= segments.len() && own.iter().zip(segments).all(|(left, right)| same(left, right))
        })
        .max_by_key(|bound| bound.indices.len())
        .map(|bound| bound.indices.clone())
        .unwrap_or_default()
}

fn same(left: &Segment, right: &Segment) -> bool {
    match (left, right) {
        (Segment::Key(left), Segment::Key(right)) => left.eq_ignore_ascii_case(right),
        (Segment::Each, Segment::Each) => true,
        _ => false,
    }
}

/// The value of the path's first step and the steps that are left.
fn root<'a, 's>(input: &Input<'a>, segments: &'s [Segment]) -> Option<(Slot<'a>, &'s [Segment])> {
    let (Segment::Key(first), rest) = segments.split_first()? else { return None };
    let resource = input.resource;
    let slot = match first.to_ascii_lowercase().as_str() {
        "properties" => Slot::Value(&resource.properties),
        "facts" => {
            let (Segment::Key(fact), below) = rest.split_first()? else { return None };
            let facts = &input.facts?.values;
            let value = get(facts, fact, KeyCase::Ignored)?;
            return Some((Slot::Value(value), below));
        }
        "id" => Slot::Text(resource.id.as_str()),
        "name" | "fullname" => Slot::Text(&resource.name),
        "type" => Slot::Text(resource.type_name.as_str()),
        "location" => resource.location.as_deref().map_or(Slot::Absent, Slot::Text),
        "scope" => Slot::Text(&resource.scope.account),
        "tags" => {
            let Some((Segment::Key(key), _)) = rest.split_first() else {
                return Some((if resource.tags.is_empty() { Slot::Absent } else { Slot::Text("tags") }, rest));
            };
            return Some((resource.tags.get(key.as_ref()).map_or(Slot::Absent, |value| Slot::Text(value)), rest));
        }
        _ => Slot::Value(get(&resource.envelope, first, KeyCase::Ignored)?),
    };
    Some((slot, rest))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyCase {
    Ignored,
    Kept,
}

fn get<'a>(members: &'a serde_json::Map<String, Value>, key: &str, case: KeyCase) -> Option<&'a Value> {
    match members.get(key) {
        Some(value) => Some(value),
        None if case == KeyCase::Kept => None,
        None => members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value),
    }
}

struct Walk<'w, 'a> {
    input: &'w Input<'a>,
    fixed: &'w [usize],
    keep_case: bool,
    resolved: &'w mut Resolved<'a>,
    path: &'w [Segment],
}

impl<'a> Walk<'_, 'a> {
    fn down(&mut self, value: &'a Value, rest: &[Segment], taken: &mut Vec<usize>, depth: usize) {
        let Some((step, below)) = rest.split_first() else {
            let slot = if value.is_null() { Slot::Absent } else { Slot::Value(value) };
            self.resolved.slots.push((taken.clone(), slot));
            return;
        };
        match (step, value) {
            (Segment::Key(key), Value::Object(members)) => {
                let case = if self.keep_case { KeyCase::Kept } else { KeyCase::Ignored };
                match get(members, key, case) {
                    Some(value) => self.down(value, below, taken, depth + 1),
                    None => self.absent(below, taken, depth + 1),
                }
            }
            (Segment::Each, Value::Array(elements)) => {
                if let Some(index) = self.fixed.get(taken.len()) {
                    taken.push(*index);
                    match elements.get(*index) {
                        Some(value) => self.down(value, below, taken, depth + 1),
                        None => self.absent(below, taken, depth + 1),
                    }
                    taken.pop();
                    return;
                }
                self.note_cut(depth);
                for (index, element) in elements.iter().enumerate() {
                    taken.push(index);
                    self.down(element, below, taken, depth + 1);
                    taken.pop();
                }
            }
            _ => self.absent(rest, taken, depth),
        }
    }

    /// A list that is not there has no elements; anything else that is not there is absent.
    fn absent(&mut self, rest: &[Segment], taken: &[usize], depth: usize) {
        let is_missing_list = rest.contains(&Segment::Each) && taken.len() >= self.fixed.len();
        if is_missing_list {
            let to_list = rest.iter().position(|segment| *segment == Segment::Each).unwrap_or_default();
            self.note_cut(depth + to_list);
        } else {
            self.resolved.slots.push((taken.to_vec(), Slot::Absent));
        }
    }

    fn note_cut(&mut self, depth: usize) {
        if self.resolved.cut.is_some() {
            return;
        }
        let list = FieldPath::from_segments(self.path.iter().take(depth).cloned().collect());
        self.resolved.cut = all_unreadable(self.input)
            .find(|unreadable| unreadable.reason.kind == UnreadableKind::Truncated && unreadable.field.covers(&list))
            .cloned();
    }
}

/// The path with the positions taken: `properties.a[2].b`.
pub(crate) fn concrete(path: &FieldPath, indices: &[usize]) -> String {
    let mut text = String::new();
    let mut indices = indices.iter();
    for part in path.segments() {
        match part {
            Segment::Each => match indices.next() {
                Some(index) => text.push_str(&format!("[{index}]")),
                None => text.push_str("[*]"),
            },
            Segment::Key(key) if key.contains(['.', '[']) => text.push_str(&format!("['{key}']")),
            Segment::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
    }
    text
}
