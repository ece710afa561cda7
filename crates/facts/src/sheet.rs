use std::{fmt::Display, sync::Arc};

use serde_json::Value;
use skywarden_model::{Actual, Evidence, FactSheet, FieldPath, Resource, ResourceId, Segment, Unreadable};

use crate::read::Why;

/// One fact while it is computed.
#[derive(Default)]
pub(crate) struct Fact {
    values: skywarden_model::Fact,
    unknown: Vec<(&'static str, Why)>,
    evidence: Vec<Evidence>,
}

impl Fact {
    pub(crate) fn set(&mut self, field: &'static str, value: Result<Value, Why>) {
        match value {
            Ok(value) => {
                self.values.insert(field.into(), value);
            }
            Err(why) => self.unknown.push((field, why)),
        }
    }

    pub(crate) fn observe(&mut self, evidence: Evidence) {
        if !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }

    pub(crate) fn into_sheet(self, name: &str) -> FactSheet {
        let mut sheet = FactSheet::default();
        sheet.values.insert(name.into(), self.values);
        for (field, reason) in self.unknown {
            let path = ["facts", name, field].map(|key| Segment::Key(key.into()));
            sheet.unreadable.push(Unreadable { field: FieldPath::from_segments(path.to_vec()), reason });
        }
        if !self.evidence.is_empty() {
            sheet.evidence.insert(name.into(), self.evidence);
        }
        sheet
    }
}

/// What was seen at a field of a resource.
pub(crate) fn seen(resource: &Resource, field: impl Display, expected: impl Into<Arc<str>>, actual: Value) -> Evidence {
    seen_of(&resource.id, field, expected, actual)
}

/// The same of one of which the id is known.
pub(crate) fn seen_of(id: &ResourceId, field: impl Display, expected: impl Into<Arc<str>>, actual: Value) -> Evidence {
    Evidence {
        field: format!("properties.{field}").into(),
        expected: expected.into(),
        actual: Actual::Value(actual),
        source: Some(id.as_str().into()),
    }
}

/// What could not be seen.
pub(crate) fn unseen(field: &str, expected: &str, reason: &Why) -> Evidence {
    Evidence {
        field: field.into(),
        expected: expected.into(),
        actual: Actual::Unreadable(Arc::clone(reason)),
        source: Some(reason.operation.as_str().into()),
    }
}
