use serde_json::{Map, Value};
use skywarden_model::{FieldPath, Resource, Segment};
use skywarden_rule::{Input, Template, TemplateError, field_path, same, tag};

use crate::{Append, Bound, Details, OperationKind, restrictions::set_plain};

/// What `modify` and `append` would make of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The resource as it would be.
    pub resource: Resource,
    /// What differs, in the order in which it is done.
    pub changes: Vec<Change>,
    /// Fields that `append` would have to change, which it must not: the request is refused.
    pub conflicts: Vec<Change>,
}

/// One field that would differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The field as the definition names it.
    pub field: String,
    /// What is there; `None` if nothing is.
    pub before: Option<Value>,
    /// What would be there; `None` if it is taken away.
    pub after: Option<Value>,
}

/// What is done with one field.
enum Deed {
    Set(Value),
    SetIfAbsent(Value),
    Remove,
}

impl Bound<'_> {
    /// What the definition would change, if its effect is `modify` or `append`; the condition is the caller's to judge.
    ///
    /// # Errors
    /// If a field's name, a value or an operation's condition can't be known or fails: then nothing is changed.
    pub fn change(&self, input: &Input<'_>) -> Result<Changed, TemplateError> {
        let input = &Input { parameters: &self.parameters, ..*input };
        let mut changed = Changed { resource: input.resource.clone(), changes: Vec::new(), conflicts: Vec::new() };
        match &self.definition.rule.details {
            Details::Modify(modification) => {
                for operation in &modification.operations {
                    if let Some(condition) = &operation.condition
                        && !is_true(condition, input)?
                    {
                        continue;
                    }
                    let value = match &operation.value {
                        Some(value) => value.value(input)?.unwrap_or(Value::Null),
                        None => Value::Null,
                    };
                    let deed = match operation.kind {
                        OperationKind::Add => Deed::SetIfAbsent(value),
                        OperationKind::AddOrReplace => Deed::Set(value),
                        OperationKind::Remove => Deed::Remove,
                    };
                    changed.apply(&name_of(&operation.field, input)?, &deed)?;
                }
            }
            Details::Append(fields) => {
                for Append { field, value } in fields {
                    let (name, value) = (name_of(field, input)?, value.value(input)?.unwrap_or(Value::Null));
                    changed.append(name, value)?;
                }
            }
            _ => {}
        }
        Ok(changed)
    }
}

impl Changed {
    fn apply(&mut self, name: &str, deed: &Deed) -> Result<(), TemplateError> {
        let path = field_path(name).map_err(TemplateError::Failed)?;
        if let Some(key) = tag_key(&path) {
            self.apply_tag(name, key, deed);
            return Ok(());
        }
        let mut whole = opened(&self.resource);
        let before = whole.clone();
        walk(&mut whole, path.segments(), deed);
        if whole == before {
            return Ok(());
        }
        let at = |whole: &Value| found(whole, path.segments());
        self.changes.push(Change { field: name.to_owned(), before: at(&before), after: at(&whole) });
        close(&mut self.resource, whole);
        Ok(())
    }

    fn apply_tag(&mut self, name: &str, key: &str, deed: &Deed) {
        let known = tag(&self.resource, key).map(|(key, value)| (key.clone(), value.clone()));
        let (key, before) = known.map_or_else(|| (key.to_owned(), None), |(key, value)| (key, Some(value)));
        let after = match deed {
            Deed::Remove => None,
            Deed::SetIfAbsent(_) if before.is_some() => before.clone(),
            Deed::Set(value) | Deed::SetIfAbsent(value) => Some(text(value)),
        };
        if before == after {
            return;
        }
        match &after {
            Some(value) => self.resource.tags.insert(key, value.clone()),
            None => self.resource.tags.remove(&key),
        };
        let value = |text: Option<String>| text.map(Value::String);
        self.changes.push(Change { field: name.to_owned(), before: value(before), after: value(after) });
    }

    /// Adds a field, an element to a list (`[*]`), or finds that something else is there already.
    fn append(&mut self, name: String, value: Value) -> Result<(), TemplateError> {
        let path = field_path(&name).map_err(TemplateError::Failed)?;
        let is_list = path.segments().last() == Some(&Segment::Each);
        let there = match tag_key(&path) {
            Some(key) => tag(&self.resource, key).map(|(_, value)| Value::String(value.clone())),
            None => found(&opened(&self.resource), path.segments()),
        };
        match there {
            Some(before) if !is_list => {
                if !same(&before, &value) {
                    self.conflicts.push(Change { field: name, before: Some(before), after: Some(value) });
                }
                Ok(())
            }
            _ => self.apply(&name, &Deed::SetIfAbsent(value)),
        }
    }
}

/// A resource with a field set, or taken away; `None` if the name is no field's.
pub(crate) fn with(resource: &Resource, name: &str, value: Option<&Value>) -> Option<Resource> {
    let mut changed = Changed { resource: resource.clone(), changes: Vec::new(), conflicts: Vec::new() };
    if set_plain(&mut changed.resource, name, value) {
        return Some(changed.resource);
    }
    let deed = value.map_or(Deed::Remove, |value| Deed::Set(value.clone()));
    changed.apply(name, &deed).ok()?;
    Some(changed.resource)
}

fn name_of(template: &Template, input: &Input<'_>) -> Result<String, TemplateError> {
    match template.value(input)? {
        Some(Value::String(name)) => Ok(name),
        other => Err(TemplateError::Failed(format!("{} is no name of a field", other.unwrap_or(Value::Null)))),
    }
}

fn is_true(template: &Template, input: &Input<'_>) -> Result<bool, TemplateError> {
    match template.value(input)? {
        Some(Value::Bool(truth)) => Ok(truth),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(TemplateError::Failed(format!("{} is neither true nor false", other.unwrap_or(Value::Null)))),
    }
}

/// A resource as one object: its envelope with location, tags and properties.
fn opened(resource: &Resource) -> Value {
    let mut whole = resource.envelope.clone();
    let tags = resource.tags.iter().map(|(key, value)| (key.clone(), Value::String(value.clone())));
    whole.insert("tags".to_owned(), Value::Object(tags.collect()));
    whole.insert("properties".to_owned(), resource.properties.clone());
    if let Some(location) = &resource.location {
        whole.insert("location".to_owned(), Value::String(location.clone()));
    }
    Value::Object(whole)
}

/// The key of a path that names one tag.
fn tag_key(path: &FieldPath) -> Option<&str> {
    match path.segments() {
        [Segment::Key(first), Segment::Key(key)] if first.eq_ignore_ascii_case("tags") => Some(key),
        _ => None,
    }
}

/// A value as a tag holds it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn close(resource: &mut Resource, whole: Value) {
    let Value::Object(mut whole) = whole else { return };
    resource.properties = whole.remove("properties").unwrap_or_default();
    resource.location = whole.remove("location").and_then(|location| location.as_str().map(str::to_owned));
    resource.tags = match whole.remove("tags") {
        Some(Value::Object(tags)) => tags.into_iter().map(|(key, value)| (key, text(&value))).collect(),
        _ => Default::default(),
    };
    resource.envelope = whole;
}

/// The key of a member as it is written there, else as it is asked for.
fn key_in(members: &Map<String, Value>, wanted: &str) -> String {
    let known = members.keys().find(|key| key.eq_ignore_ascii_case(wanted));
    known.cloned().unwrap_or_else(|| wanted.to_owned())
}

fn walk(value: &mut Value, path: &[Segment], deed: &Deed) {
    match path {
        [] => {}
        [Segment::Key(last)] => {
            if value.is_null() && !matches!(deed, Deed::Remove) {
                *value = Value::Object(Map::new());
            }
            let Value::Object(members) = value else { return };
            let key = key_in(members, last);
            let is_there = members.get(&key).is_some_and(|there| !there.is_null());
            match deed {
                Deed::Remove => {
                    members.remove(&key);
                }
                Deed::Set(value) => {
                    members.insert(key, value.clone());
                }
                Deed::SetIfAbsent(value) if !is_there => {
                    members.insert(key, value.clone());
                }
                Deed::SetIfAbsent(_) => {}
            }
        }
        [Segment::Key(step), rest @ ..] => {
            if value.is_null() && !matches!(deed, Deed::Remove) {
                *value = Value::Object(Map::new());
            }
            let Value::Object(members) = value else { return };
            let key = key_in(members, step);
            let is_there = members.get(&key).is_some_and(|there| !there.is_null());
            // Elements of a list that is not there are none; anything else on the way is made.
            if !is_there && (matches!(deed, Deed::Remove) || (rest.len() > 1 && rest.contains(&Segment::Each))) {
                return;
            }
            walk(members.entry(key).or_insert(Value::Null), rest, deed);
        }
        [Segment::Each] => list(value, deed),
        [Segment::Each, rest @ ..] => {
            for element in value.as_array_mut().into_iter().flatten() {
                walk(element, rest, deed);
            }
        }
    }
}

/// A deed on a list as a whole: an element is added, the list replaced or emptied.
fn list(value: &mut Value, deed: &Deed) {
    if value.is_null() && !matches!(deed, Deed::Remove) {
        *value = Value::Array(Vec::new());
    }
    let Value::Array(elements) = value else { return };
    match deed {
        Deed::Remove => elements.clear(),
        Deed::Set(Value::Array(wanted)) => *elements = wanted.clone(),
        Deed::Set(element) => *elements = vec![element.clone()],
        Deed::SetIfAbsent(wanted) => {
            let wanted = wanted.as_array().map_or(std::slice::from_ref(wanted), Vec::as_slice);
            for element in wanted {
                if !elements.iter().any(|known| same(known, element)) {
                    elements.push(element.clone());
                }
            }
        }
    }
}

/// What stands at a path; with `[*]` a list.
fn found(value: &Value, path: &[Segment]) -> Option<Value> {
    match path {
        [] => (!value.is_null()).then(|| value.clone()),
        [Segment::Key(step), rest @ ..] => {
            let members = value.as_object()?;
            found(members.get(&key_in(members, step))?, rest)
        }
        [Segment::Each, rest @ ..] => Some(value.as_array()?.iter().filter_map(|element| found(element, rest)).collect()),
    }
}
