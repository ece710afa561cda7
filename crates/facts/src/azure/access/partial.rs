use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use skywarden_model::{Evidence, FactSheet, FieldPath, Segment, Unreadable, UnreadableKind, UnreadableReason};

use super::truth::Truth;
use crate::read::Why;

/// A list of which some elements are sure while there may be more.
#[derive(Default)]
pub(crate) struct Partial {
    /// By their texts.
    sure: BTreeMap<String, Value>,
    doubt: Option<Why>,
}

impl Partial {
    /// Takes an element that belongs to it, and the doubt of one that may.
    pub(crate) fn add(&mut self, belongs: Truth, element: impl FnOnce() -> Value) {
        match belongs {
            Truth::No => {}
            Truth::Yes => {
                let element = element();
                self.sure.insert(element.to_string(), element);
            }
            Truth::Unknown(why) => self.doubt(Some(why)),
        }
    }

    pub(crate) fn doubt(&mut self, why: Option<Why>) {
        if self.doubt.is_none() {
            self.doubt = why;
        }
    }

    /// The same of an element that belongs elsewhere if `other` is so: it stays here while that is not known, and may move.
    pub(crate) fn add_unless(&mut self, other: &Truth, belongs: Truth, element: impl FnOnce() -> Value) {
        match other {
            Truth::Yes => {}
            Truth::No => self.add(belongs, element),
            Truth::Unknown(_) if belongs.is_no() => {}
            Truth::Unknown(why) => {
                self.add(belongs, element);
                self.doubt(Some(why.clone()));
            }
        }
    }

    pub(crate) fn has_any(&self) -> bool {
        !self.sure.is_empty()
    }

    pub(crate) fn why(&self) -> Option<&Why> {
        self.doubt.as_ref()
    }

    pub(crate) fn n_sure(&self) -> usize {
        self.sure.len()
    }
}

/// A fact with lists that are known in part.
///
/// Such a list has its sure elements and is told as cut off, so that a rule that counts them decides where they suffice.
pub(crate) struct Sheet {
    name: &'static str,
    values: skywarden_model::Fact,
    unreadable: Vec<Unreadable>,
    evidence: Vec<Evidence>,
}

/// Observations that a fact keeps: the first of many tell as much as all.
const MAX_EVIDENCE: usize = 20;

impl Sheet {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, values: skywarden_model::Fact::new(), unreadable: Vec::new(), evidence: Vec::new() }
    }

    pub(crate) fn list(&mut self, field: &str, list: Partial) {
        self.values.insert(field.into(), Value::Array(list.sure.into_values().collect()));
        if let Some(why) = list.doubt {
            let cut = UnreadableReason { kind: UnreadableKind::Truncated, ..UnreadableReason::clone(&why) };
            self.hide(field, Arc::new(cut));
        }
    }

    pub(crate) fn set(&mut self, field: &str, value: Result<Value, Why>) {
        match value {
            Ok(value) => drop(self.values.insert(field.into(), value)),
            Err(why) => self.hide(field, why),
        }
    }

    pub(crate) fn truth(&mut self, field: &str, truth: Truth) {
        let value = match truth {
            Truth::Yes => Ok(json!(true)),
            Truth::No => Ok(json!(false)),
            Truth::Unknown(why) => Err(why),
        };
        self.set(field, value);
    }

    pub(crate) fn observe(&mut self, evidence: Evidence) {
        if !self.is_full() && !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }

    /// Whether further observations would not be kept.
    pub(crate) fn is_full(&self) -> bool {
        self.evidence.len() >= MAX_EVIDENCE
    }

    pub(crate) fn finish(self) -> FactSheet {
        let mut sheet = FactSheet { unreadable: self.unreadable, ..FactSheet::default() };
        sheet.values.insert(self.name.into(), self.values);
        if !self.evidence.is_empty() {
            sheet.evidence.insert(self.name.into(), self.evidence);
        }
        sheet
    }

    fn hide(&mut self, field: &str, reason: Why) {
        let path = ["facts", self.name, field].map(|key| Segment::Key(key.into()));
        self.unreadable.push(Unreadable { field: FieldPath::from_segments(path.to_vec()), reason });
    }
}
