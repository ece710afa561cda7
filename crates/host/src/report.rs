use std::sync::Arc;

use serde_json::{Map, Value};
use skywarden_model::{FieldPath, Segment, Unreadable, UnreadableReason};

/// What has been read so far: the properties and the fields that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) properties: Map<String, Value>,
    pub(crate) unreadable: Vec<Unreadable>,
}

impl Report {
    /// Sets a field; `*` is not allowed in `path`.
    pub(crate) fn set(&mut self, path: &[&str], value: impl Into<Value>) {
        set_in(&mut self.properties, path, value.into());
    }

    /// Marks a field as unreadable; the step `*` means every element of a list.
    pub(crate) fn deny(&mut self, path: &[&str], reason: &Arc<UnreadableReason>) {
        let steps = std::iter::once("properties").chain(path.iter().copied());
        let segments = steps.map(|step| if step == "*" { Segment::Each } else { Segment::Key(step.into()) }).collect();
        self.unreadable.push(Unreadable { field: FieldPath::from_segments(segments), reason: Arc::clone(reason) });
    }

    /// Sets what was read, leaves out what is absent, marks what was unreadable.
    pub(crate) fn put<T: Into<Value>>(&mut self, path: &[&str], reading: Result<Option<T>, Arc<UnreadableReason>>) {
        match reading {
            Ok(Some(value)) => self.set(path, value),
            Ok(None) => {}
            Err(reason) => self.deny(path, &reason),
        }
    }

    /// Sets `GROUP.installed`, or marks the whole group as unreadable; whether it is installed, so that the rest is worth reading.
    pub(crate) fn put_installed(&mut self, group: &str, is_installed: Result<bool, Arc<UnreadableReason>>) -> bool {
        match is_installed {
            Ok(is_installed) => {
                self.set(&[group, "installed"], is_installed);
                is_installed
            }
            Err(reason) => {
                self.deny(&[group], &reason);
                false
            }
        }
    }

    /// [`Report::put`] for a value that always exists.
    pub(crate) fn put_known<T: Into<Value>>(&mut self, path: &[&str], reading: Result<T, Arc<UnreadableReason>>) {
        self.put(path, reading.map(Some));
    }
}

fn set_in(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            object.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let child = object.entry((*first).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(child) = child {
                set_in(child, rest, value);
            }
        }
    }
}
