use std::collections::BTreeMap;

use rsigma_parser::{Detection, DetectionItem, SigmaValue};
use serde_json::{Map, Value};
use skywarden_sigma::SigmaRule;

/// Why the two engines differ on records that differ from this one only in what the cause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// `3` and `"3"` are the same to us, as to the SIEMs that Sigma is translated to, and two values to `sigma-rust`.
    NumberOrText,
    /// `true` and `"TRUE"` are the same to us.
    TruthOrText,
    /// A field that is not there is null to us, as in pySigma's back ends (`not field:*`); to `sigma-rust` it matches nothing.
    AbsentOrNull,
    /// A word without a field is looked for inside texts by us, as the specification's full-text search; `sigma-rust` compares whole
    /// values.
    WordInText,
}

/// The same record with the fields of a rule written as `sigma-rust` wants them, and why that was needed.
pub fn rewritten(rule: &SigmaRule, record: &Value) -> (Value, Vec<Cause>) {
    let mut rewriting = Rewriting { record: record.clone(), causes: Vec::new() };
    let ordered: BTreeMap<_, _> = rule.detection.named.iter().collect();
    ordered.into_values().for_each(|detection| rewriting.detection(detection));
    rewriting.causes.sort();
    rewriting.causes.dedup();
    (rewriting.record, rewriting.causes)
}

struct Rewriting {
    record: Value,
    causes: Vec<Cause>,
}

impl Rewriting {
    fn detection(&mut self, detection: &Detection) {
        match detection {
            Detection::AllOf(items) => items.iter().for_each(|item| self.item(item)),
            Detection::AnyOf(parts) => parts.iter().for_each(|part| self.detection(part)),
            Detection::Keywords(_) => self.word(),
            _ => {}
        }
    }

    fn item(&mut self, item: &DetectionItem) {
        let Some(name) = &item.field.name else { return };
        let has_null = item.values.iter().any(|value| matches!(value, SigmaValue::Null));
        let names_number =
            |wanted: i64| item.values.iter().any(|value| matches!(value, SigmaValue::Integer(own) if *own == wanted));
        let names_truth = |wanted: bool| item.values.iter().any(|value| matches!(value, SigmaValue::Bool(own) if *own == wanted));
        let names_text = |wanted: &str| {
            item.values.iter().any(|value| matches!(value, SigmaValue::String(own) if own.as_plain().as_deref() == Some(wanted)))
        };
        let Some(at) = place(&mut self.record, name, has_null) else { return };
        match at {
            Value::Null if has_null => self.causes.push(Cause::AbsentOrNull),
            Value::String(text) => {
                let truth = text.to_lowercase().parse::<bool>().ok().filter(|truth| names_truth(*truth));
                if let Some(number) = text.parse::<i64>().ok().filter(|number| names_number(*number)) {
                    *at = number.into();
                    self.causes.push(Cause::NumberOrText);
                } else if let Some(truth) = truth {
                    *at = truth.into();
                    self.causes.push(Cause::TruthOrText);
                }
            }
            Value::Number(number) if names_text(&number.to_string()) => {
                *at = Value::String(number.to_string());
                self.causes.push(Cause::NumberOrText);
            }
            _ => {}
        }
    }

    /// The generator puts words between two others.
    fn word(&mut self) {
        let Some(Value::String(text)) = self.record.get_mut("message") else { return };
        if let Some(word) = text.strip_prefix("before ").and_then(|rest| rest.strip_suffix(" after")) {
            *text = word.to_owned();
            self.causes.push(Cause::WordInText);
        }
    }
}

/// The value at a dotted path; with `make`, null is put where nothing is.
fn place<'r>(record: &'r mut Value, path: &str, make: bool) -> Option<&'r mut Value> {
    let mut at = record;
    for member in path.split('.') {
        let object = match at {
            Value::Object(object) => object,
            other if make && other.is_null() => {
                *other = Value::Object(Map::new());
                other.as_object_mut()?
            }
            _ => return None,
        };
        at = if make { object.entry(member.to_owned()).or_insert(Value::Null) } else { object.get_mut(member)? };
    }
    Some(at)
}
